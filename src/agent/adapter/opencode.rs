//! opencode: `opencode run --format json`. It has no terminal event: the reason of its last
//! step tells whether it was done.

use std::ffi::OsStr;

use serde_json::Value;

use super::{Adapter, CommandLine, Home, Prompt};
use crate::agent::metrics::{Cached, Tokens, amount, whole, words};
use crate::agent::model::{Call, Transcript};
use crate::agent::reader::{Events, Json, Reader, Seen};
use crate::config::Agent;
use crate::event::FigureSource::Reported;

pub(super) struct Opencode;

impl Adapter for Opencode {
    fn flags(&self, call: &Call<'_>, line: &mut CommandLine) {
        line.args(["run", "--format", "json", "--dir"]);
        line.args([call.cwd]);
        if call.read_only() {
            // Its own read-only agent; what would need a permission is refused.
            line.args(["--agent", "plan"]);
        } else {
            line.args(["--auto"]);
        }
        line.env("OPENCODE_DISABLE_AUTOUPDATE", "1");
    }

    fn model_flag(&self) -> Option<&'static str> {
        Some("-m")
    }

    fn prompt(&self, prompt: Prompt<'_>, line: &mut CommandLine) {
        match prompt {
            // Attached, because to read outside of its directory it needs a permission.
            Prompt::File(path) => {
                line.args([OsStr::new("-f"), path.as_os_str()]);
                line.args(["--", "Carry out the instructions in the attached file."]);
            }
            _ => line.positional(&prompt),
        }
    }

    fn home(&self) -> &'static Home {
        &Home {
            vars: &[
                ("XDG_CONFIG_HOME", "config"),
                ("XDG_DATA_HOME", "data"),
                ("XDG_STATE_HOME", "state"),
                ("XDG_CACHE_HOME", "cache"),
            ],
            copies: &[
                (".config/opencode/opencode.json", "config/opencode/opencode.json"),
                (".config/opencode/opencode.jsonc", "config/opencode/opencode.jsonc"),
                (".config/opencode/config.json", "config/opencode/config.json"),
                (".local/share/opencode/auth.json", "data/opencode/auth.json"),
                (".local/share/opencode/mcp-auth.json", "data/opencode/mcp-auth.json"),
            ],
        }
    }

    fn transcript(&self, agent: &Agent) -> Box<dyn Transcript> {
        Reader::boxed(agent, Cached::Apart, Json(Stream::default()))
    }
}

#[derive(Default)]
struct Stream {
    steps: u64,
    tokens: Tokens,
    cost: Option<f64>,
    /// How the newest step stands.
    step: Step,
}

#[derive(Default)]
enum Step {
    #[default]
    None,
    Open,
    Finished(String),
    Failed(String, Option<u64>),
}

impl Events for Stream {
    fn event(&mut self, kind: &str, event: &Value, seen: &mut Seen) -> bool {
        seen.figures.session(words(event.get("sessionID")));
        let part = &event["part"];
        match kind {
            "step_start" => self.step = Step::Open,
            "text" => seen.say(part.get("text").and_then(Value::as_str).unwrap_or_default()),
            "reasoning" => {}
            "tool_use" => {
                let title = words(part["state"].get("title")).unwrap_or_default();
                seen.show(&format!("{} {title}", words(part.get("tool")).unwrap_or("tool")));
            }
            "step_finish" => self.finished(part, seen),
            "error" => self.failed(&event["error"], seen),
            _ => return false,
        }
        true
    }

    fn close(&mut self, seen: &mut Seen, whole: bool) {
        match &self.step {
            Step::Failed(message, status) => {
                seen.fault_of(&format!("it reported an error: {message}"), *status, message);
            }
            Step::None if whole => seen.fault("it ended without having finished a step"),
            Step::Open if whole => seen.fault("it ended in the middle of a step"),
            Step::Finished(reason) if whole && !is_done(reason) => {
                seen.fault(&format!("its last step ended with '{reason}': it was not done"));
            }
            _ => {}
        }
    }

    /// It exits with 1 for an error that it has tried again after, and got over.
    fn outweighs_exit_code(&self) -> bool {
        matches!(&self.step, Step::Finished(reason) if is_done(reason))
    }
}

/// Reasons of a last step after which no more was to come. `tool-calls` promises a step
/// that a refused permission or a lost connection has cut off.
fn is_done(reason: &str) -> bool {
    !matches!(reason, "tool-calls" | "length" | "content-filter" | "error")
}

impl Stream {
    fn finished(&mut self, part: &Value, seen: &mut Seen) {
        self.step = Step::Finished(words(part.get("reason")).unwrap_or("unknown").to_owned());
        self.steps += 1;
        let tokens = &part["tokens"];
        self.tokens.add(&Tokens {
            input: whole(tokens.get("input")),
            output: whole(tokens.get("output")),
            cache_read: whole(tokens["cache"].get("read")),
            cache_write: whole(tokens["cache"].get("write")),
        });
        if let Some(cost) = amount(part.get("cost")) {
            self.cost = Some(self.cost.unwrap_or(0.0) + cost);
        }
        seen.progress();
        seen.figures.turns(Some(self.steps), Reported);
        seen.figures.tokens(&self.tokens, Reported);
        seen.figures.cost(self.cost, Reported);
        seen.usage();
    }

    fn failed(&mut self, error: &Value, seen: &mut Seen) {
        let data = &error["data"];
        let name = words(error.get("name")).unwrap_or("error");
        let message = words(data.get("message")).or_else(|| words(error.get("message"))).unwrap_or(name);
        seen.hint(message);
        self.step = Step::Failed(message.to_owned(), whole(data.get("statusCode")));
    }
}
