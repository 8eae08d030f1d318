//! The table of adapters and what all calls share: own flags, model, the definition's
//! arguments, the prompt; in this order.

mod aider;
mod claude;
mod codex;
mod cursor;
mod exec;
mod gemini;
mod goose;
mod opencode;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::model::{Call, CallError, Invocation, Transcript};
use crate::config::{AdapterKind, Agent, PromptVia};

/// The longest argument that Linux takes, its NUL included.
const ARGUMENT_LIMIT: usize = 128 * 1024;

/// One kind of agent program.
pub(super) trait Adapter: Sync {
    /// It prints as it works, so that silence means something.
    fn streams(&self) -> bool {
        true
    }
    /// Its own flags, and what it needs in its environment.
    fn flags(&self, call: &Call<'_>, line: &mut CommandLine);
    /// The flag before a model's name; `None` if it takes no model.
    fn model_flag(&self) -> Option<&'static str>;
    /// Hands over the prompt; comes after all other arguments.
    fn prompt(&self, prompt: Prompt<'_>, line: &mut CommandLine);
    /// Its configuration home.
    fn home(&self) -> &'static Home;
    /// A reader for its output.
    fn transcript(&self, agent: &Agent) -> Box<dyn Transcript>;
}

/// The adapter of a kind.
pub(super) fn of(kind: AdapterKind) -> &'static dyn Adapter {
    match kind {
        AdapterKind::Exec => &exec::Exec,
        AdapterKind::Claude => &claude::Claude,
        AdapterKind::Codex => &codex::Codex,
        AdapterKind::Gemini => &gemini::Gemini,
        AdapterKind::Opencode => &opencode::Opencode,
        AdapterKind::Goose => &goose::Goose,
        AdapterKind::Cursor => &cursor::Cursor,
        AdapterKind::Aider => &aider::Aider,
    }
}

/// How the prompt reaches a program.
#[derive(Clone, Copy)]
pub(super) enum Prompt<'a> {
    /// It reads it from standard input.
    Stdin(&'a Path),
    /// It is told where it lies.
    File(&'a Path),
    /// It is the last argument.
    Arg(&'a OsStr),
}

impl Prompt<'_> {
    /// The prompt as text for a program that has no option for a prompt's file; `None` on
    /// standard input.
    fn as_text(&self) -> Option<OsString> {
        match self {
            Prompt::Stdin(_) => None,
            Prompt::File(path) => {
                let mut text = OsString::from("Read the file ");
                text.push(path);
                text.push(" and carry out the instructions in it.");
                Some(text)
            }
            Prompt::Arg(text) => Some(text.to_os_string()),
        }
    }
}

/// Arguments and environment in the making.
#[derive(Default)]
pub(super) struct CommandLine {
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    stdin: bool,
}

impl CommandLine {
    fn args<S: AsRef<OsStr>>(&mut self, args: impl IntoIterator<Item = S>) {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
    }

    /// `name` and `value` as one argument: a value that begins with a dash stays a value.
    fn joined(&mut self, name: &str, value: impl AsRef<OsStr>) {
        let mut arg = OsString::from(name);
        arg.push(value);
        self.args.push(arg);
    }

    fn env(&mut self, name: &str, value: &str) {
        self.env.push((name.into(), value.into()));
    }

    /// The prompt comes on standard input.
    fn stdin(&mut self) {
        self.stdin = true;
    }

    /// The prompt as what follows `--`; nothing on standard input.
    fn positional(&mut self, prompt: &Prompt<'_>) {
        match prompt.as_text() {
            None => self.stdin(),
            Some(text) => self.args([OsStr::new("--"), &text]),
        }
    }
}

/// A program's configuration home: which variables move it, and what of the operator's
/// home belongs in it.
pub(super) struct Home {
    /// Variable and the folder below the private home that it is set to ("" for itself).
    vars: &'static [(&'static str, &'static str)],
    /// From (below the operator's home) and to (below the private home).
    pub(super) copies: &'static [(&'static str, &'static str)],
}

impl Home {
    /// A program without a home that could be moved.
    const NONE: Home = Home { vars: &[], copies: &[] };

    pub(super) fn vars(&self, home: &Path) -> Vec<(OsString, OsString)> {
        let place = |below: &str| if below.is_empty() { home.to_owned() } else { home.join(below) };
        self.vars.iter().map(|(name, below)| (name.into(), place(below).into())).collect()
    }
}

/// See [`super::invocation`].
pub(super) fn invocation(call: &Call<'_>) -> Result<Invocation, CallError> {
    let adapter = of(call.agent.adapter);
    let text = argument(call)?;
    let mut line = CommandLine::default();
    adapter.flags(call, &mut line);
    if let (Some(flag), Some(model)) = (adapter.model_flag(), &call.agent.model) {
        line.args([flag, &model.value]);
    }
    line.args(&call.agent.args);
    let prompt = match call.agent.prompt {
        PromptVia::Stdin => Prompt::Stdin(call.prompt_file),
        PromptVia::File => Prompt::File(call.prompt_file),
        PromptVia::Arg => Prompt::Arg(&text),
    };
    adapter.prompt(prompt, &mut line);
    if call.agent.prompt == PromptVia::Arg && line.args.iter().any(|arg| arg.len() >= ARGUMENT_LIMIT) {
        return Err(CallError::PromptTooLong(call.prompt.len()));
    }
    if let Some(home) = call.config_home {
        line.env.extend(adapter.home().vars(home));
    }
    Ok(Invocation {
        program: OsString::from(&call.agent.command.value),
        args: line.args,
        env: line.env,
        prompt_on_stdin: line.stdin,
        streams: adapter.streams(),
    })
}

/// The prompt as an argument, where that is how it is handed over.
fn argument(call: &Call<'_>) -> Result<OsString, CallError> {
    if call.agent.prompt != PromptVia::Arg {
        return Ok(OsString::new());
    }
    if call.prompt.contains(&0) {
        return Err(CallError::PromptHasNul);
    }
    Ok(os_string(call.prompt))
}

fn os_string(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStrExt;
    OsStr::from_bytes(bytes).to_owned()
}
