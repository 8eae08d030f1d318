//! claude: `claude -p --output-format stream-json`. The `result` event is the verdict, and
//! its `modelUsage` the bill, because `usage` leaves out sub-agents.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;

use serde_json::{Map, Value};

use super::{Adapter, CommandLine, Home, Prompt};
use crate::agent::metrics::{Cached, Tokens, amount, heaviest, whole, words};
use crate::agent::model::{Call, Transcript};
use crate::agent::reader::{Events, Json, Reader, Seen, content_text};
use crate::agent::trouble::{Sign, Trouble, instant};
use crate::config::Agent;
use crate::event::FigureSource::{Estimated, Reported};

pub(super) struct Claude;

impl Adapter for Claude {
    fn flags(&self, call: &Call<'_>, line: &mut CommandLine) {
        let mode = if call.sandboxed { "bypassPermissions" } else { "acceptEdits" };
        line.args(["-p", "--output-format", "stream-json", "--verbose", "--permission-mode", mode]);
        line.args(["--setting-sources", "user"]);
        if call.read_only() {
            line.args(["--tools", "Read,Grep,Glob"]);
        }
        if call.sandboxed {
            // Without it, it refuses to bypass permissions for root, as which CI jobs run.
            line.env("IS_SANDBOX", "1");
        }
        line.env("DISABLE_AUTOUPDATER", "1");
    }

    fn model_flag(&self) -> Option<&'static str> {
        Some("--model")
    }

    fn prompt(&self, prompt: Prompt<'_>, line: &mut CommandLine) {
        if let Prompt::File(path) = prompt {
            // Reading outside of the working directory needs a permission.
            let folder = path.parent().unwrap_or(Path::new("/"));
            line.args([OsStr::new("--add-dir"), folder.as_os_str()]);
        }
        line.positional(&prompt);
    }

    fn home(&self) -> &'static Home {
        &Home {
            vars: &[("CLAUDE_CONFIG_DIR", "")],
            copies: &[
                (".claude/.credentials.json", ".credentials.json"),
                (".claude/settings.json", "settings.json"),
                (".claude.json", ".claude.json"),
            ],
        }
    }

    fn transcript(&self, agent: &Agent) -> Box<dyn Transcript> {
        Reader::boxed(agent, Cached::Apart, Json(Stream::default()))
    }
}

const USAGE_KEYS: [&str; 4] =
    ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
const MODEL_USAGE_KEYS: [&str; 4] =
    ["inputTokens", "outputTokens", "cacheReadInputTokens", "cacheCreationInputTokens"];

/// Messages whose usage is remembered: far more than any session has.
const MESSAGES: usize = 65_536;

#[derive(Default)]
struct Stream {
    result: bool,
    /// Usage so far by message id: each part of a message repeats the whole of it.
    usage: HashMap<String, Tokens>,
    sum: Tokens,
    turns: u64,
}

impl Events for Stream {
    fn event(&mut self, kind: &str, event: &Value, seen: &mut Seen) -> bool {
        match kind {
            "system" => system(event, seen),
            "assistant" => self.assistant(event, seen),
            "rate_limit_event" => rate_limit(event, seen),
            "result" => self.result(event, seen),
            "user" | "stream_event" => {}
            _ => return false,
        }
        true
    }

    fn close(&mut self, seen: &mut Seen, whole: bool) {
        seen.close_with_result(whole, self.result);
    }
}

impl Stream {
    fn assistant(&mut self, event: &Value, seen: &mut Seen) {
        let Some(message) = event.get("message") else { return };
        // A sub-agent's words are not the agent's.
        let own = event.get("parent_tool_use_id").is_none_or(Value::is_null);
        if own {
            seen.say(&content_text(message.get("content")));
            let model = words(message.get("model")).filter(|model| *model != "<synthetic>");
            seen.figures.model(model, Reported);
        }
        show_tools(message, seen);
        self.count(message, own, seen);
    }

    /// Figures while it runs, and all there is if it is ended before its result.
    fn count(&mut self, message: &Value, own: bool, seen: &mut Seen) {
        let (Some(id), Some(usage)) = (words(message.get("id")), message.get("usage")) else { return };
        let tokens = Tokens::read(usage, USAGE_KEYS);
        if self.usage.len() >= MESSAGES && !self.usage.contains_key(id) {
            return;
        }
        match self.usage.insert(id.to_owned(), tokens) {
            Some(before) if before == tokens => return,
            Some(before) => self.sum.subtract(&before),
            None => self.turns += u64::from(own),
        }
        self.sum.add(&tokens);
        seen.figures.tokens(&self.sum, Estimated);
        seen.figures.turns(Some(self.turns), Estimated);
        seen.usage();
    }

    fn result(&mut self, event: &Value, seen: &mut Seen) {
        self.result = true;
        bill(event, seen);
        if let Some(text) = words(event.get("result")) {
            seen.message = Some(text.to_owned());
        }
        seen.answer = event.get("structured_output").filter(|v| v.is_object()).cloned();
        failure(event, seen);
        let denied = denials(event);
        if !denied.is_empty() {
            seen.fault(&format!("it was denied permission: {}", denied.join(", ")));
        }
        seen.usage();
    }
}

fn system(event: &Value, seen: &mut Seen) {
    match words(event.get("subtype")) {
        Some("init") => {
            seen.figures.session(words(event.get("session_id")));
            seen.figures.model(words(event.get("model")), Reported);
        }
        Some("api_retry") => {
            let status = whole(event.get("error_status"));
            let error = words(event.get("error")).unwrap_or("the API asked to try again");
            if let Some(sign) = Sign::with_status(status, error) {
                seen.hint_sign(sign);
            }
        }
        _ => {}
    }
}

fn rate_limit(event: &Value, seen: &mut Seen) {
    let info = event.get("rate_limit_info").unwrap_or(&Value::Null);
    let paid_for = info.get("isUsingOverage").and_then(Value::as_bool).unwrap_or(false);
    if words(info.get("status")) == Some("rejected") && !paid_for {
        let code = words(info.get("errorCode")).unwrap_or("rejected");
        let mut sign = Sign::new(Trouble::RateLimit, &format!("rate limit: {code}"));
        sign.transient.reset_at = info.get("resetsAt").and_then(instant);
        seen.hint_sign(sign);
    }
}

fn show_tools(message: &Value, seen: &mut Seen) {
    let parts = message.get("content").and_then(Value::as_array).into_iter().flatten();
    for tool in parts.filter(|part| words(part.get("type")) == Some("tool_use")) {
        let name = words(tool.get("name")).unwrap_or("tool");
        let input = tool.get("input").unwrap_or(&Value::Null);
        let what = ["command", "file_path", "pattern", "description"]
            .iter()
            .find_map(|key| words(input.get(key)))
            .unwrap_or_default();
        seen.show(&format!("{name} {what}"));
    }
}

fn bill(event: &Value, seen: &mut Seen) {
    let figures = &mut seen.figures;
    figures.cost(amount(event.get("total_cost_usd")), Reported);
    figures.turns(whole(event.get("num_turns")), Reported);
    figures.duration(whole(event.get("duration_ms")));
    figures.session(words(event.get("session_id")));
    match event.get("modelUsage").and_then(Value::as_object).filter(|models| !models.is_empty()) {
        Some(models) => {
            figures.tokens(&total(models), Reported);
            figures.model(busiest(models), Reported);
        }
        // All that older versions give; sub-agents are missing in it.
        None => figures.tokens(&Tokens::read(&event["usage"], USAGE_KEYS), Estimated),
    }
}

fn total(models: &Map<String, Value>) -> Tokens {
    let mut sum = Tokens::default();
    models.values().for_each(|usage| sum.add(&Tokens::read(usage, MODEL_USAGE_KEYS)));
    sum
}

fn busiest(models: &Map<String, Value>) -> Option<&str> {
    heaviest(models.iter().map(|(name, usage)| {
        let cost = amount(usage.get("costUSD")).unwrap_or(0.0);
        (name.as_str(), (cost, whole(usage.get("outputTokens")).unwrap_or(0)))
    }))
}

/// `success` can carry `is_error`, and another subtype can come without it.
fn failure(event: &Value, seen: &mut Seen) {
    let subtype = words(event.get("subtype")).unwrap_or("success");
    let is_error = event.get("is_error").and_then(Value::as_bool).unwrap_or(false);
    if !is_error && subtype == "success" {
        return;
    }
    let errors = event.get("errors").and_then(Value::as_array).into_iter().flatten();
    let mut said: Vec<&str> = errors.filter_map(Value::as_str).collect();
    said.extend(words(event.get("result")));
    let said = said.join("; ");
    let status = whole(event.get("api_error_status"));
    let kind = if subtype == "success" { "an error" } else { subtype };
    let code = status.map(|status| format!(" (status {status})")).unwrap_or_default();
    seen.fault_of(&format!("its result is {kind}{code}: {said}"), status, &said);
}

fn denials(event: &Value) -> Vec<String> {
    let denied = event.get("permission_denials").and_then(Value::as_array).into_iter().flatten();
    denied
        .map(|denial| {
            let tool = words(denial.get("tool_name")).unwrap_or("a tool");
            let input = denial.get("tool_input").unwrap_or(&Value::Null);
            let what = words(input.get("file_path")).or_else(|| words(input.get("command")));
            what.map_or_else(|| tool.to_owned(), |what| format!("{tool} {what}"))
        })
        .collect()
}
