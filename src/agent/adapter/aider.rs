//! aider: plain text. A `Tokens:` line is what tells that the model answered; the text
//! before it is the answer.

use super::{Adapter, CommandLine, Home, Prompt};
use crate::agent::metrics::{Cached, Tokens};
use crate::agent::model::{Call, Transcript};
use crate::agent::reader::{MESSAGE_LIMIT, Reader, Reading, Seen};
use crate::config::Agent;
use crate::event::FigureSource::Reported;

pub(super) struct Aider;

impl Adapter for Aider {
    fn streams(&self) -> bool {
        false
    }

    fn flags(&self, call: &Call<'_>, line: &mut CommandLine) {
        line.args(["--yes-always", "--no-auto-commits", "--no-dirty-commits", "--no-stream"]);
        // Everything it would leave behind in the worktree shows as a change: histories,
        // a line in .gitignore, the cache of its repository map.
        line.args(["--no-gitignore", "--chat-history-file", "/dev/null"]);
        line.args(["--input-history-file", "/dev/null", "--map-tokens", "0"]);
        line.args(["--no-pretty", "--no-check-update", "--no-analytics"]);
        if call.read_only() {
            line.args(["--chat-mode", "ask"]);
        }
    }

    fn model_flag(&self) -> Option<&'static str> {
        Some("--model")
    }

    /// It never reads a prompt from standard input: there it would take every line for one.
    fn prompt(&self, prompt: Prompt<'_>, line: &mut CommandLine) {
        match prompt {
            Prompt::Stdin(path) | Prompt::File(path) => {
                line.args(["--message-file"]);
                line.args([path]);
            }
            Prompt::Arg(text) => line.joined("--message=", text),
        }
    }

    /// It looks for `~/.aider.conf.yml` and nowhere else; moving HOME would move Python's
    /// packages too.
    fn home(&self) -> &'static Home {
        &Home::NONE
    }

    fn transcript(&self, agent: &Agent) -> Box<dyn Transcript> {
        Reader::boxed(agent, Cached::Apart, Text::default())
    }
}

/// Lines of its own that are no part of an answer.
const OWN: [&str; 16] = [
    "Aider v",
    "Model:",
    "Main model:",
    "Weak model:",
    "Editor model:",
    "Git repo:",
    "Repo-map:",
    "Warning:",
    "Analytics have been",
    "Update git",
    "Added ",
    "Applied edit to",
    "Commit ",
    "Cost:",
    "Retrying in",
    "\u{2500}\u{2500}",
];

#[derive(Default)]
struct Text {
    answer: String,
    tokens: Tokens,
    turns: u64,
}

impl Reading for Text {
    fn stdout(&mut self, line: &str, seen: &mut Seen) {
        let line = line.trim_end();
        if line.starts_with("Tokens:") {
            self.answered(line, seen);
        } else if line.starts_with("litellm.") {
            seen.complaint(line);
            seen.hint(line);
        } else if OWN.iter().any(|own| line.starts_with(own)) {
            self.answer.clear();
            if let Some(model) = line.strip_prefix("Main model:").or_else(|| line.strip_prefix("Model:")) {
                seen.figures.model(model.split_whitespace().next(), Reported);
            }
        } else if !(line.is_empty() && self.answer.is_empty()) && self.answer.len() < MESSAGE_LIMIT {
            self.answer.push_str(line);
            self.answer.push('\n');
        }
        if line.contains("Cost: $") {
            cost(line, seen);
        }
    }

    fn close(&mut self, seen: &mut Seen, whole: bool) {
        if whole && self.turns == 0 {
            seen.fault("it ended without an answer of the model's");
        }
    }
}

impl Text {
    fn answered(&mut self, line: &str, seen: &mut Seen) {
        self.turns += 1;
        self.tokens.add(&tokens(line));
        seen.figures.turns(Some(self.turns), Reported);
        seen.figures.tokens(&self.tokens, Reported);
        seen.progress();
        seen.say(std::mem::take(&mut self.answer).trim());
        seen.usage();
    }
}

/// `Tokens: 4.2k sent, 1k cache write, 3k cache hit, 204 received.`
fn tokens(line: &str) -> Tokens {
    let mut tokens = Tokens::default();
    let text = line.trim_start_matches("Tokens:");
    let text = text.split("Cost:").next().unwrap_or_default();
    for part in text.split(", ") {
        let part = part.trim().trim_end_matches('.');
        let Some((number, what)) = part.split_once(' ') else { continue };
        let slot = match what {
            "sent" => &mut tokens.input,
            "received" => &mut tokens.output,
            "cache hit" => &mut tokens.cache_read,
            "cache write" => &mut tokens.cache_write,
            _ => continue,
        };
        *slot = count(number);
    }
    tokens
}

/// `204`, `4.2k`, `1.3M`; thousands may be set off by commas.
fn count(text: &str) -> Option<u64> {
    let text = text.replace(',', "");
    let (digits, factor) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1e3),
        None => text.strip_suffix('M').map_or((text.as_str(), 1.0), |digits| (digits, 1e6)),
    };
    let number = digits.parse::<f64>().ok().filter(|n| (0.0..1e12).contains(n))?;
    Some((number * factor).round() as u64)
}

/// `Cost: $0.01 message, $0.02 session.`: the session's, which grows with each message.
fn cost(line: &str, seen: &mut Seen) {
    let session = line.split('$').filter_map(|part| part.split_once(" session")).next_back();
    let usd = session.and_then(|(amount, _)| amount.replace(',', "").parse::<f64>().ok());
    seen.figures.cost(usd.filter(|usd| usd.is_finite() && *usd >= 0.0), Reported);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_lines_are_read_with_their_suffixes() {
        let all = tokens("Tokens: 4.2k sent, 1k cache write, 3.3M cache hit, 204 received.");
        assert_eq!(all.input, Some(4_200));
        assert_eq!(all.cache_write, Some(1_000));
        assert_eq!(all.cache_read, Some(3_300_000));
        assert_eq!(all.output, Some(204));
        let both = tokens("Tokens: 12,345 sent, 5 received. Cost: $0.01 message, $0.02 session.");
        assert_eq!((both.input, both.output), (Some(12_345), Some(5)));
        assert_eq!(tokens("Tokens: many sent, -3 received"), Tokens::default());
    }
}
