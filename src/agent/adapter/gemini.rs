//! gemini: `gemini -o stream-json`. The `result` event is the verdict.

use std::ffi::OsStr;
use std::path::Path;

use serde_json::Value;

use super::{Adapter, CommandLine, Home, Prompt};
use crate::agent::metrics::{Cached, Tokens, heaviest, whole, words};
use crate::agent::model::{Call, Transcript};
use crate::agent::reader::{Events, Json, Reader, Seen};
use crate::config::Agent;
use crate::event::FigureSource::Reported;

pub(super) struct Gemini;

impl Adapter for Gemini {
    fn flags(&self, call: &Call<'_>, line: &mut CommandLine) {
        // Without anybody to ask, `default` leaves it the tools that only read.
        let approval = if call.read_only() { "default" } else { "yolo" };
        line.args(["-o", "stream-json", "--approval-mode", approval, "--skip-trust"]);
    }

    fn model_flag(&self) -> Option<&'static str> {
        Some("-m")
    }

    fn prompt(&self, prompt: Prompt<'_>, line: &mut CommandLine) {
        if let Prompt::File(path) = prompt {
            let folder = path.parent().unwrap_or(Path::new("/"));
            line.args([OsStr::new("--include-directories"), folder.as_os_str()]);
        }
        match prompt.as_text() {
            Some(text) => line.joined("--prompt=", text),
            // What `-p` says is appended to standard input: nothing.
            None => {
                line.args(["-p", ""]);
                line.stdin();
            }
        }
    }

    fn home(&self) -> &'static Home {
        &Home {
            vars: &[("GEMINI_CLI_HOME", "")],
            copies: &[
                (".gemini/settings.json", ".gemini/settings.json"),
                (".gemini/oauth_creds.json", ".gemini/oauth_creds.json"),
                (".gemini/gemini-credentials.json", ".gemini/gemini-credentials.json"),
                (".gemini/google_accounts.json", ".gemini/google_accounts.json"),
                (".gemini/installation_id", ".gemini/installation_id"),
                (".gemini/.env", ".gemini/.env"),
            ],
        }
    }

    fn transcript(&self, agent: &Agent) -> Box<dyn Transcript> {
        Reader::boxed(agent, Cached::Within, Json(Stream::default()))
    }
}

const STATS_KEYS: [&str; 4] = ["input_tokens", "output_tokens", "cached", ""];

#[derive(Default)]
struct Stream {
    result: bool,
    /// The last event was a piece of a message.
    open: bool,
}

impl Events for Stream {
    fn event(&mut self, kind: &str, event: &Value, seen: &mut Seen) -> bool {
        if kind != "message" {
            self.open = false;
        }
        match kind {
            "init" => {
                seen.figures.session(words(event.get("session_id")));
                seen.figures.model(words(event.get("model")), Reported);
            }
            "message" => self.message(event, seen),
            "tool_use" => seen.show(words(event.get("tool_name")).unwrap_or_default()),
            "tool_result" => {}
            "error" => seen.hint(words(event.get("message")).unwrap_or_default()),
            "result" => self.result(event, seen),
            _ => return false,
        }
        true
    }

    fn close(&mut self, seen: &mut Seen, whole: bool) {
        seen.close_with_result(whole, self.result);
    }
}

impl Stream {
    fn message(&mut self, event: &Value, seen: &mut Seen) {
        let said = words(event.get("role")) == Some("assistant");
        let piece = said && event.get("delta").and_then(Value::as_bool).unwrap_or(false);
        let text = event.get("content").and_then(Value::as_str).unwrap_or_default();
        match (said, piece && self.open) {
            (false, _) => {}
            (true, true) => seen.say_more(text),
            (true, false) => seen.say(text),
        }
        self.open = piece;
    }

    fn result(&mut self, event: &Value, seen: &mut Seen) {
        self.result = true;
        let stats = &event["stats"];
        seen.figures.tokens(&Tokens::read(stats, STATS_KEYS), Reported);
        seen.figures.duration(whole(stats.get("duration_ms")));
        if let Some(models) = stats.get("models").and_then(Value::as_object)
            && (models.len() > 1 || seen.figures.metrics().model.is_none())
        {
            let weight = |usage: &Value| (0.0, whole(usage.get("output_tokens")).unwrap_or(0));
            let busiest = heaviest(models.iter().map(|(name, usage)| (name.as_str(), weight(usage))));
            seen.figures.model(busiest, Reported);
        }
        if words(event.get("status")) == Some("success") {
            seen.progress();
        } else {
            let error = &event["error"];
            let message = words(error.get("message")).or_else(|| words(Some(error))).unwrap_or("an error");
            seen.fault_of(
                &format!("its result is not a success: {message}"),
                whole(error.get("code")),
                message,
            );
        }
        seen.usage();
    }
}
