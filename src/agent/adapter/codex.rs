//! codex: `codex exec --json`. A turn that completes is the verdict; there is no cost and
//! no model in the stream.

use serde_json::Value;

use super::{Adapter, CommandLine, Home, Prompt};
use crate::agent::metrics::{Cached, Tokens, words};
use crate::agent::model::{Call, Transcript};
use crate::agent::reader::{Events, Json, Reader, Seen};
use crate::config::Agent;
use crate::event::FigureSource::Reported;

pub(super) struct Codex;

impl Adapter for Codex {
    fn flags(&self, call: &Call<'_>, line: &mut CommandLine) {
        // Its own sandbox can't start inside of ours.
        let sandbox = match (call.sandboxed, call.read_only()) {
            (true, _) => "danger-full-access",
            (false, true) => "read-only",
            (false, false) => "workspace-write",
        };
        line.args(["exec", "--json", "--skip-git-repo-check", "-s", sandbox]);
    }

    fn model_flag(&self) -> Option<&'static str> {
        Some("-m")
    }

    fn prompt(&self, prompt: Prompt<'_>, line: &mut CommandLine) {
        match prompt {
            Prompt::Stdin(_) => {
                line.args(["-"]);
                line.stdin();
            }
            _ => line.positional(&prompt),
        }
    }

    fn home(&self) -> &'static Home {
        &Home {
            vars: &[("CODEX_HOME", "")],
            copies: &[(".codex/auth.json", "auth.json"), (".codex/config.toml", "config.toml")],
        }
    }

    fn transcript(&self, agent: &Agent) -> Box<dyn Transcript> {
        Reader::boxed(agent, Cached::Within, Json(Stream::default()))
    }
}

const USAGE_KEYS: [&str; 4] =
    ["input_tokens", "output_tokens", "cached_input_tokens", "cache_write_input_tokens"];

/// How the newest turn stands.
#[derive(Default)]
enum Turn {
    #[default]
    Open,
    Completed,
    Failed(String),
}

#[derive(Default)]
struct Stream {
    turn: Turn,
    turns: u64,
    tokens: Tokens,
}

impl Events for Stream {
    fn event(&mut self, kind: &str, event: &Value, seen: &mut Seen) -> bool {
        match kind {
            "thread.started" => seen.figures.session(words(event.get("thread_id"))),
            "turn.started" => self.turn = Turn::Open,
            "turn.completed" => self.completed(event, seen),
            "turn.failed" => self.failed(&event["error"], seen),
            "error" => self.failed(event, seen),
            "item.started" | "item.updated" | "item.completed" => item(kind, &event["item"], seen),
            _ => return false,
        }
        true
    }

    fn close(&mut self, seen: &mut Seen, whole: bool) {
        match &self.turn {
            Turn::Failed(message) => seen.fault_of(&format!("its turn failed: {message}"), None, message),
            Turn::Open if whole => seen.fault("it ended without completing a turn"),
            _ => {}
        }
    }
}

impl Stream {
    fn completed(&mut self, event: &Value, seen: &mut Seen) {
        self.turn = Turn::Completed;
        self.turns += 1;
        self.tokens.add(&Tokens::read(&event["usage"], USAGE_KEYS));
        seen.progress();
        seen.figures.turns(Some(self.turns), Reported);
        seen.figures.tokens(&self.tokens, Reported);
        seen.usage();
    }

    /// It says the same of a connection that it is about to try again, so the last word on
    /// a turn decides.
    fn failed(&mut self, error: &Value, seen: &mut Seen) {
        let message = words(error.get("message")).unwrap_or("no reason given").to_owned();
        seen.hint(&message);
        self.turn = Turn::Failed(message);
    }
}

fn item(kind: &str, item: &Value, seen: &mut Seen) {
    match (words(item.get("type")), kind) {
        (Some("agent_message"), "item.completed") => seen.say(words(item.get("text")).unwrap_or_default()),
        (Some("command_execution"), "item.started") => {
            seen.show(&format!("$ {}", words(item.get("command")).unwrap_or_default()));
        }
        // Warnings come this way too, so it is no fault by itself.
        (Some("error"), _) => seen.hint(words(item.get("message")).unwrap_or_default()),
        _ => {}
    }
}
