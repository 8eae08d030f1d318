//! goose: `goose run --output-format stream-json`. The `complete` event is the verdict.

use serde_json::Value;

use super::{Adapter, CommandLine, Home, Prompt};
use crate::agent::metrics::{Cached, Tokens, amount, words};
use crate::agent::model::{Call, Transcript};
use crate::agent::reader::{Events, Json, Reader, Seen, content_text};
use crate::config::Agent;
use crate::event::FigureSource::Reported;

pub(super) struct Goose;

impl Adapter for Goose {
    fn flags(&self, _: &Call<'_>, line: &mut CommandLine) {
        line.args(["run", "--no-session", "-q", "--output-format", "stream-json"]);
        // Nobody is there to approve. It has no mode that reads and does not write: for
        // read-only roles that is the sandbox's part.
        line.env("GOOSE_MODE", "auto");
    }

    fn model_flag(&self) -> Option<&'static str> {
        Some("--model")
    }

    fn prompt(&self, prompt: Prompt<'_>, line: &mut CommandLine) {
        match prompt {
            Prompt::Stdin(_) => {
                line.args(["-i", "-"]);
                line.stdin();
            }
            Prompt::File(path) => {
                line.args(["-i"]);
                line.args([path]);
            }
            Prompt::Arg(text) => line.joined("--text=", text),
        }
    }

    fn home(&self) -> &'static Home {
        &Home {
            vars: &[("GOOSE_PATH_ROOT", "")],
            copies: &[
                (".config/goose/config.yaml", "config/config.yaml"),
                (".config/goose/secrets.yaml", "config/secrets.yaml"),
                (".config/goose/permission.yaml", "config/permission.yaml"),
                (".config/goose/custom_providers", "config/custom_providers"),
            ],
        }
    }

    fn transcript(&self, agent: &Agent) -> Box<dyn Transcript> {
        Reader::boxed(agent, Cached::Apart, Json(Stream::default()))
    }
}

const USAGE_KEYS: [&str; 4] =
    ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_write_input_tokens"];

#[derive(Default)]
struct Stream {
    complete: bool,
    /// The id of the message whose pieces are coming.
    open: Option<String>,
}

impl Events for Stream {
    fn event(&mut self, kind: &str, event: &Value, seen: &mut Seen) -> bool {
        match kind {
            "message" => self.message(&event["message"], seen),
            "notification" | "model_change" => {}
            "error" => {
                let error = words(event.get("error")).or_else(|| words(event.get("message")));
                let error = error.unwrap_or("no reason given");
                seen.fault_of(&format!("it reported an error: {error}"), None, error);
            }
            "complete" => self.complete(event, seen),
            _ => return false,
        }
        true
    }

    fn close(&mut self, seen: &mut Seen, whole: bool) {
        if whole && !self.complete {
            seen.fault("it ended without a complete event");
        }
    }
}

impl Stream {
    fn message(&mut self, message: &Value, seen: &mut Seen) {
        let text = content_text(message.get("content"));
        if words(message.get("role")) != Some("assistant") || text.is_empty() {
            self.open = None;
            return;
        }
        let id = words(message.get("id")).map(str::to_owned);
        if id.is_some() && id == self.open {
            seen.say_more(&text);
        } else {
            seen.say(&text);
        }
        self.open = id;
    }

    fn complete(&mut self, event: &Value, seen: &mut Seen) {
        self.complete = true;
        seen.figures.tokens(&Tokens::read(event, USAGE_KEYS), Reported);
        seen.figures.cost(amount(event.get("cost_usd")), Reported);
        seen.figures.session(words(event.get("session_id")));
        seen.figures.model(words(event.get("model")), Reported);
        seen.usage();
    }
}
