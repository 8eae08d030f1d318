//! exec: any program. Its last line of standard output may be a JSON object of figures;
//! exit 75 asks to be tried again later.

use serde_json::Value;

use super::{Adapter, CommandLine, Home, Prompt};
use crate::agent::json::last_json_object;
use crate::agent::metrics::{Cached, Tokens, amount, whole, words};
use crate::agent::model::{Call, Transcript};
use crate::agent::reader::{Reader, Reading, Seen};
use crate::agent::trouble::{Sign, Trouble, classify};
use crate::base::text;
use crate::config::Agent;
use crate::event::FigureSource::Reported;
use crate::process::Exit;

pub(super) struct Exec;

impl Adapter for Exec {
    fn streams(&self) -> bool {
        false
    }

    fn flags(&self, _: &Call<'_>, _: &mut CommandLine) {}

    fn model_flag(&self) -> Option<&'static str> {
        None
    }

    fn prompt(&self, prompt: Prompt<'_>, line: &mut CommandLine) {
        match prompt {
            Prompt::Stdin(_) => line.stdin(),
            // `$AUDITRUN_PROMPT_FILE` says where.
            Prompt::File(_) => {}
            Prompt::Arg(text) => line.args([text]),
        }
    }

    fn home(&self) -> &'static Home {
        &Home::NONE
    }

    fn transcript(&self, agent: &Agent) -> Box<dyn Transcript> {
        let agent = Agent { model: None, ..agent.clone() }; // It is never told a model.
        Reader::boxed(&agent, Cached::Apart, Text::default())
    }
}

/// Bytes of output that are searched for an answer, at least.
const KEPT: usize = 4 << 20;
/// EX_TEMPFAIL of sysexits.h.
const TRY_AGAIN: i32 = 75;
/// The keys that make a last line figures.
const KEYS: [&str; 7] =
    ["cost_usd", "turns", "session_id", "model", "input_tokens", "output_tokens", "result"];
const TOKEN_KEYS: [&str; 4] = ["input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"];

/// The end of the output, whole lines.
#[derive(Default)]
struct Text {
    kept: String,
}

impl Reading for Text {
    fn stdout(&mut self, line: &str, seen: &mut Seen) {
        seen.show(line);
        self.kept.push_str(line);
        self.kept.push('\n');
        if self.kept.len() > 2 * KEPT {
            let end = text::tail(&self.kept, KEPT);
            self.kept = end.split_once('\n').map_or(end, |(_, lines)| lines).to_owned();
        }
    }

    /// What a program of any kind prints there says nothing about rate limits.
    fn stderr(&mut self, line: &str, seen: &mut Seen) {
        seen.complaint(line);
    }

    fn close(&mut self, seen: &mut Seen, _: bool) {
        let output = self.kept.trim_end();
        let (before, last) = output.rsplit_once('\n').unwrap_or(("", output));
        match figures(last) {
            Some(line) => {
                bill(&line, seen);
                let result = line.get("result");
                seen.answer = answer(result).or_else(|| last_json_object(before)).or(Some(line.clone()));
                seen.message = result_text(result).or_else(|| message(before));
            }
            None => {
                seen.answer = last_json_object(output);
                seen.message = message(output);
            }
        }
    }

    /// Its exit code is data: gates and checks judge the work. A program that a signal has
    /// ended did not get to finish.
    fn judge(&mut self, exit: Exit, seen: &mut Seen) {
        match exit {
            Exit::Code(TRY_AGAIN) => {
                let said = seen.last_complaint().unwrap_or("it asked to be tried again later");
                // The code says which trouble it is, so what is told of it says so too.
                let known = classify(said).is_some();
                let said = if known { said.to_owned() } else { format!("rate limit: {said}") };
                seen.fault(&format!("it exited with code {TRY_AGAIN}: {said}"));
                seen.sign = Some(Sign::new(Trouble::RateLimit, &said));
            }
            Exit::Code(_) => {}
            Exit::Signal(signal) => seen.ended_badly(&format!("it was ended by signal {signal}")),
        }
    }
}

/// The last line, if it is an object that has a figure or a result.
fn figures(line: &str) -> Option<Value> {
    let line = line.trim();
    let value: Value = line.starts_with('{').then(|| serde_json::from_str(line).ok())??;
    KEYS.iter().any(|key| value.get(key).is_some()).then_some(value)
}

fn bill(line: &Value, seen: &mut Seen) {
    let figures = &mut seen.figures;
    figures.cost(amount(line.get("cost_usd")), Reported);
    figures.turns(whole(line.get("turns")), Reported);
    figures.duration(whole(line.get("duration_ms")));
    figures.session(words(line.get("session_id")));
    figures.model(words(line.get("model")), Reported);
    figures.tokens(&Tokens::read(line, TOKEN_KEYS), Reported);
}

/// The object that a `result` is or holds as text.
fn answer(result: Option<&Value>) -> Option<Value> {
    match result? {
        Value::String(text) => last_json_object(text),
        object @ Value::Object(_) => Some(object.clone()),
        _ => None,
    }
}

fn result_text(result: Option<&Value>) -> Option<String> {
    match result? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        _ => None,
    }
}

/// The final message of plain output: all of it where it begins with `HALT:`, so that the
/// reason may follow on more lines; else its last line.
fn message(output: &str) -> Option<String> {
    let output = output.trim();
    let message = if output.starts_with("HALT:") { output } else { output.lines().next_back()?.trim() };
    Some(message.to_owned()).filter(|text| !text.is_empty())
}
