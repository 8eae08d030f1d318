//! cursor: `cursor-agent -p --output-format stream-json`. The `result` event is the
//! verdict; where it fails it prints no event at all, only standard error and an exit code.

use serde_json::Value;

use super::{Adapter, CommandLine, Home, Prompt};
use crate::agent::metrics::{Cached, Tokens, whole, words};
use crate::agent::model::{Call, Transcript};
use crate::agent::reader::{Events, Json, Reader, Seen, content_text};
use crate::config::Agent;
use crate::event::FigureSource::Reported;

pub(super) struct Cursor;

impl Adapter for Cursor {
    fn flags(&self, call: &Call<'_>, line: &mut CommandLine) {
        line.args(["-p", "--output-format", "stream-json", "--trust"]);
        line.args([if call.read_only() { "--mode=ask" } else { "--force" }]);
        if call.sandboxed {
            line.args(["--sandbox", "disabled"]);
        }
    }

    fn model_flag(&self) -> Option<&'static str> {
        Some("--model")
    }

    fn prompt(&self, prompt: Prompt<'_>, line: &mut CommandLine) {
        line.positional(&prompt);
    }

    fn home(&self) -> &'static Home {
        &Home {
            vars: &[("CURSOR_CONFIG_DIR", "cursor"), ("XDG_CONFIG_HOME", "")],
            copies: &[
                (".cursor/cli-config.json", "cursor/cli-config.json"),
                (".config/cursor/cli-config.json", "cursor/cli-config.json"),
                (".config/cursor/auth.json", "cursor/auth.json"),
            ],
        }
    }

    fn transcript(&self, agent: &Agent) -> Box<dyn Transcript> {
        Reader::boxed(agent, Cached::Apart, Json(Stream::default()))
    }
}

const USAGE_KEYS: [&str; 4] = ["inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens"];

#[derive(Default)]
struct Stream {
    result: bool,
}

impl Events for Stream {
    fn event(&mut self, kind: &str, event: &Value, seen: &mut Seen) -> bool {
        match kind {
            "system" => {
                seen.figures.session(words(event.get("session_id")));
                seen.figures.model(words(event.get("model")), Reported);
            }
            "assistant" => seen.say(&content_text(event["message"].get("content"))),
            "tool_call" => show_tool(event, seen),
            "result" => self.result(event, seen),
            "user" | "thinking" => {}
            _ => return false,
        }
        true
    }

    fn close(&mut self, seen: &mut Seen, whole: bool) {
        seen.close_with_result(whole, self.result);
    }
}

impl Stream {
    fn result(&mut self, event: &Value, seen: &mut Seen) {
        self.result = true;
        seen.figures.session(words(event.get("session_id")));
        seen.figures.duration(whole(event.get("duration_ms")));
        seen.figures.tokens(&Tokens::read(&event["usage"], USAGE_KEYS), Reported);
        let text = words(event.get("result"));
        let failed = event.get("is_error").and_then(Value::as_bool).unwrap_or(false);
        if failed || words(event.get("subtype")).is_some_and(|subtype| subtype != "success") {
            let said = text.unwrap_or("no reason given");
            seen.fault_of(&format!("its result is an error: {said}"), None, said);
        } else if seen.message.is_none() {
            // The result is all messages in one; the last of them alone is the final one.
            seen.message = text.map(str::to_owned);
        }
        seen.usage();
    }
}

/// `tool_call` holds one object named after the tool.
fn show_tool(event: &Value, seen: &mut Seen) {
    let tool = event.get("tool_call").and_then(Value::as_object).and_then(|call| call.keys().next());
    if let (Some("started"), Some(tool)) = (words(event.get("subtype")), tool) {
        seen.show(tool.strip_suffix("ToolCall").unwrap_or(tool));
    }
}
