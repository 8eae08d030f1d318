//! Lines for people: output in groups, prefixed, or passed through; the groups of a CI; or
//! one JSON object a line for programs.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::report::{Ended, Reporter, Told};
use crate::base::quantity::format_duration;
use crate::base::text::neutral;

/// Bytes that are kept of the beginning, and of the end, of what has to wait to be shown.
const HELD_LIMIT: usize = 8 << 20;

/// How output is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Each target's in one piece; one of them at a time as it comes.
    Grouped,
    /// Line by line as it comes, each with the target's name before it.
    Prefixed,
    /// Programs write for themselves; what has to be masked is passed on as it comes.
    Raw,
}

/// A place to write to that several threads share.
pub type Shared = Arc<Mutex<dyn Write + Send>>;

/// How the console looks.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Look {
    pub mode: Mode,
    pub color: bool,
    /// Only output, failures and warnings.
    pub quiet: bool,
    /// Each statement too.
    pub verbose: bool,
    /// Say why each target ran or not.
    pub why: bool,
    /// GitHub's group markers around each target.
    pub github: bool,
    /// One JSON object a line instead of text.
    pub json: bool,
}

/// Writes output to `out` and everything else to `err`.
pub struct Console {
    look: Look,
    out: Shared,
    err: Shared,
    groups: Mutex<Groups>,
}

/// Who may write at the moment, and what the others wait with.
#[derive(Default)]
struct Groups {
    /// The target whose group is open, and whether its last line is unfinished.
    open: Option<(String, bool)>,
    /// In the order in which they started.
    waiting: Vec<String>,
    held: BTreeMap<String, Held>,
}

/// What a target said while another one's group was open.
#[derive(Default)]
struct Held {
    why: String,
    output: Vec<u8>,
    /// The newest output beyond what is kept from the beginning.
    tail: VecDeque<u8>,
    dropped: usize,
    ended: Option<(Ended, Duration)>,
    notes: Vec<String>,
}

impl Held {
    /// A flood must not fill the memory: its beginning and its end are kept.
    fn add(&mut self, bytes: &[u8]) {
        let room = HELD_LIMIT.saturating_sub(self.output.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(room);
        self.output.extend_from_slice(head);
        self.tail.extend(rest);
        let over = self.tail.len().saturating_sub(HELD_LIMIT);
        self.tail.drain(..over);
        self.dropped += over;
    }

    fn take_output(&mut self) -> Vec<u8> {
        let mut all = std::mem::take(&mut self.output);
        if self.dropped > 0 {
            all.extend_from_slice(format!("\n... {} bytes are not shown ...\n", self.dropped).as_bytes());
        }
        all.extend(std::mem::take(&mut self.tail));
        self.dropped = 0;
        all
    }
}

impl Console {
    /// A console on two writers, which may be the same.
    pub fn new(look: Look, out: Shared, err: Shared) -> Console {
        Console { look, out, err, groups: Mutex::default() }
    }

    fn groups(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(to: &Shared, bytes: &[u8]) {
        let mut to = to.lock().unwrap_or_else(PoisonError::into_inner);
        // A reader that went away must not fail a target.
        let _ = to.write_all(bytes).and_then(|()| to.flush());
    }

    fn print(&self, bytes: &[u8]) {
        Console::write(&self.out, bytes);
    }

    fn say(&self, line: &str) {
        Console::write(&self.err, format!("{line}\n").as_bytes());
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.look.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn head(&self, target: &str, why: &str) {
        if self.look.github {
            self.print(format!("::group::{}\n", neutral(target)).as_bytes());
        }
        if !self.look.quiet {
            let why = if self.look.why { format!(" runs: {why}") } else { String::new() };
            self.say(&format!("{} {target}{why}", self.paint("1;36", ">")));
        }
    }

    fn foot(&self, target: &str, ended: &Ended, took: Duration) {
        if self.look.github && matches!(ended, Ended::Ran | Ended::Failed(..) | Ended::Cancelled(_)) {
            self.print(b"::endgroup::\n");
        }
        if let Some(line) = self.end_line(target, ended, took) {
            self.say(&line);
        }
    }

    fn end_line(&self, target: &str, ended: &Ended, took: Duration) -> Option<String> {
        let reason = ended.reason().unwrap_or_default();
        let time =
            format_duration(Duration::from_millis(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)));
        let loud = !self.look.quiet;
        match ended {
            Ended::Ran => loud.then(|| format!("{} {target} ({time})", self.paint("32", "ok"))),
            Ended::UpToDate if self.look.why => {
                Some(format!("= {target} is up to date: nothing changed since its last success"))
            }
            Ended::UpToDate => loud.then(|| format!("= {target} is up to date")),
            Ended::Excused(_) => {
                (loud || self.look.why).then(|| format!("- {target} does not apply: {reason}"))
            }
            Ended::Failed(..) => Some(format!("{} {target}: {reason} ({time})", self.paint("31", "failed"))),
            Ended::Cancelled(_) => Some(format!("{} {target} {reason}", self.paint("33", "cancelled"))),
            Ended::Skipped(_) | Ended::Interrupted => None,
        }
    }

    fn started(&self, target: &str, why: &str) {
        let mut groups = self.groups();
        groups.waiting.push(target.to_owned());
        groups.held.insert(target.to_owned(), Held { why: why.to_owned(), ..Held::default() });
        self.advance(&mut groups);
    }

    fn output(&self, target: &str, bytes: &[u8]) {
        let mut groups = self.groups();
        match &mut groups.open {
            Some((open, unfinished)) if open == target => {
                *unfinished = !bytes.ends_with(b"\n");
                self.print(bytes);
            }
            _ => groups.held.entry(target.to_owned()).or_default().add(bytes),
        }
    }

    fn ended(&self, target: &str, ended: &Ended, took: Duration) {
        let mut groups = self.groups();
        match groups.held.get_mut(target) {
            Some(held) => held.ended = Some((ended.clone(), took)),
            None => return self.foot_without_group(target, ended, took),
        }
        self.advance(&mut groups);
    }

    fn foot_without_group(&self, target: &str, ended: &Ended, took: Duration) {
        if let Some(line) = self.end_line(target, ended, took) {
            self.say(&line);
        }
    }

    /// Closes the open group if its target has ended and opens the next ones.
    fn advance(&self, groups: &mut Groups) {
        loop {
            if let Some((open, unfinished)) = groups.open.clone() {
                let Some((ended, took)) = groups.held.get(&open).and_then(|h| h.ended.clone()) else {
                    return;
                };
                if unfinished {
                    self.print(b"\n");
                }
                let notes = groups.held.remove(&open).map(|h| h.notes).unwrap_or_default();
                notes.iter().for_each(|note| self.say(note));
                self.foot(&open, &ended, took);
                groups.open = None;
            }
            if groups.waiting.is_empty() {
                return;
            }
            // Those who are done go first: what is complete must not wait behind what runs on.
            let done = |name: &String| groups.held.get(name).is_some_and(|h| h.ended.is_some());
            let next = groups.waiting.iter().position(done).unwrap_or(0);
            let name = groups.waiting.remove(next);
            let output = groups.held.get_mut(&name).map(Held::take_output).unwrap_or_default();
            let why = groups.held.get(&name).map(|h| h.why.clone()).unwrap_or_default();
            self.head(&name, &why);
            self.print(&output);
            groups.open = Some((name, !output.is_empty() && !output.ends_with(b"\n")));
        }
    }

    fn prefixed(&self, target: &str, bytes: &[u8]) {
        let prefix = self.paint("36", &format!("{target} |"));
        let mut text = Vec::new();
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            text.extend_from_slice(prefix.as_bytes());
            text.push(b' ');
            text.extend_from_slice(line);
        }
        if !text.ends_with(b"\n") {
            text.push(b'\n');
        }
        self.print(&text);
    }

    /// A line beside the output of a group that may be open.
    fn note(&self, target: &str, line: String) {
        let mut groups = self.groups();
        let waits = groups.waiting.iter().any(|name| name == target);
        match groups.held.get_mut(target).filter(|_| waits) {
            Some(held) => held.notes.push(line),
            None => self.say(&line),
        }
    }

    fn object(&self, told: &Told) {
        let ms = |d: &Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        let value: Value = match told {
            Told::Started { target, why } => json!({"event": "started", "target": target, "why": why}),
            Told::Output { target, bytes } => {
                json!({"event": "output", "target": target, "text": String::from_utf8_lossy(bytes)})
            }
            Told::Statement { target, words, exit_code, duration } => json!({
                "event": "statement", "target": target, "words": words, "exit_code": exit_code, "duration_ms": ms(duration)
            }),
            Told::Ended { target, ended, took } => json!({
                "event": "ended", "target": target, "status": ended.word(), "reason": ended.reason(), "duration_ms": ms(took)
            }),
            Told::Still { target, running } => {
                json!({"event": "running", "target": target, "duration_ms": ms(running)})
            }
            Told::Warning { target, text } => json!({"event": "warning", "target": target, "message": text}),
        };
        self.print(format!("{value}\n").as_bytes());
    }
}

impl Reporter for Console {
    fn tell(&self, told: &Told) {
        if self.look.json {
            return self.object(told);
        }
        let grouped = self.look.mode == Mode::Grouped;
        match told {
            Told::Started { target, why } if grouped => self.started(target, why),
            Told::Started { target, why } => {
                if !self.look.quiet {
                    let why = if self.look.why { format!(" runs: {why}") } else { String::new() };
                    self.say(&format!("{} {target}{why}", self.paint("1;36", ">")));
                }
            }
            Told::Output { target, bytes } if grouped => self.output(target, bytes),
            Told::Output { bytes, .. } if self.look.mode == Mode::Raw => self.print(bytes),
            Told::Output { target, bytes } => self.prefixed(target, bytes),
            Told::Statement { target, words, .. } => {
                if self.look.verbose {
                    let words: Vec<String> =
                        words.iter().map(|w| crate::base::text::shell_quote(w)).collect();
                    self.note(target, format!("$ {}", neutral(&words.join(" "))));
                }
            }
            Told::Ended { target, ended, took } if grouped => self.ended(target, ended, *took),
            Told::Ended { target, ended, took } => self.foot_without_group(target, ended, *took),
            // The terminal is the program's: it may be an editor.
            Told::Still { .. } if self.look.mode == Mode::Raw => {}
            Told::Still { target, running } => {
                let seconds = Duration::from_secs(running.as_secs());
                self.say(&format!("... {target} is still running ({})", format_duration(seconds)));
            }
            Told::Warning { target, text } => self.note(target, format!("warning: {target}: {text}")),
        }
    }

    fn by_line(&self) -> bool {
        self.look.mode == Mode::Prefixed || self.look.json
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Diags;

    fn console(mode: Mode) -> (Console, Arc<Mutex<Vec<u8>>>) {
        let to = Arc::new(Mutex::new(Vec::new()));
        let look =
            Look { mode, color: false, quiet: false, verbose: false, why: false, github: false, json: false };
        (Console::new(look, to.clone(), to.clone()), to)
    }

    fn tell(console: &Console, what: &str) {
        let (target, rest) = what.split_once(' ').unwrap();
        let ended = |ended: &Ended| console.tell(&Told::Ended { target, ended, took: Duration::ZERO });
        match rest {
            "start" => console.tell(&Told::Started { target, why: "" }),
            "ok" => ended(&Ended::Ran),
            "bad" => ended(&Ended::Failed("exit code 1".to_owned(), Diags::new())),
            output => console.tell(&Told::Output { target, bytes: output.as_bytes() }),
        }
    }

    #[test]
    fn one_group_is_open_at_a_time_and_the_finished_ones_come_first() {
        let (console, to) = console(Mode::Grouped);
        for what in [
            "a start", "b start", "c start", "a 1\n", "b 1\n", "c 1", "c ok", "a 2\n", "a ok", "b 2\n",
            "b bad",
        ] {
            tell(&console, what);
        }
        let shown = String::from_utf8(to.lock().unwrap().clone()).unwrap();
        let wanted = "> a\n1\n2\nok a (0s)\n> c\n1\nok c (0s)\n> b\n1\n2\nfailed b: exit code 1 (0s)\n";
        assert_eq!(shown, wanted);
    }

    #[test]
    fn a_flood_that_has_to_wait_keeps_its_ends() {
        let mut held = Held::default();
        held.add(&vec![b'a'; HELD_LIMIT]);
        held.add(&vec![b'b'; HELD_LIMIT]);
        held.add(b"end");
        let all = held.take_output();
        let text = String::from_utf8_lossy(&all);
        assert!(text.starts_with("aaa") && text.ends_with("bend"));
        assert!(text.contains("\n... 3 bytes are not shown ...\n"), "{}", all.len());
    }
}
