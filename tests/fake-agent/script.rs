//! The script of fake-agent: lines to commands, sections to the one that applies.

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Write(String, String),
    Append(String, String),
    Lines(String, u64),
    Delete(String),
    Mkdir(String),
    Rename(String, String),
    Symlink(String, String),
    Chmod(u32, String),
    Print(String),
    Raw(String),
    Stderr(String),
    Transcript(String),
    Env(String),
    Flood(u64),
    FloodStderr(u64),
    ReadStdin,
    SaveStdin(String),
    PrintStdin,
    CloseStdin,
    TryWrite(String),
    TryRead(String),
    Sleep(f64),
    WaitFor(String),
    Sh(String),
    Commit(String),
    SpawnDaemon(String),
    HoldStdout(String),
    IgnoreTerm,
    Exit(u8),
    Signal(String),
}

/// What the environment says about this invocation.
pub struct Situation {
    pub role: String,
    pub node: String,
    pub attempt: String,
    pub call: String,
}

/// Conditions and what is done under them.
#[derive(Default)]
struct Section {
    always: bool,
    conditions: Vec<(String, String)>,
    commands: Vec<(usize, Command)>,
}

/// A whole script.
pub struct Script {
    sections: Vec<Section>,
}

impl Script {
    /// Reads a script; the message names the first line that is wrong.
    pub fn parse(text: &str) -> Result<Script, String> {
        let mut sections = Vec::new();
        let mut section = Section::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            let at = |problem: String| format!("line {}: {problem}", index + 1);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                sections.push(std::mem::replace(&mut section, conditions(header).map_err(at)?));
            } else {
                section.commands.push((index + 1, command(line).map_err(at)?));
            }
        }
        sections.push(section);
        Ok(Script { sections })
    }

    /// True if some section depends on how often it was called.
    pub fn counts_calls(&self) -> bool {
        self.sections.iter().flat_map(|section| &section.conditions).any(|(key, _)| key == "call")
    }

    /// What is done now, each with its line.
    pub fn commands<'a>(&'a self, now: &Situation) -> impl Iterator<Item = (usize, &'a Command)> {
        let always = self.sections.iter().filter(|section| section.always);
        let matching = self.sections.iter().filter(|section| !section.always && section.holds(now));
        let best = matching.reduce(
            |best, next| {
                if next.conditions.len() > best.conditions.len() { next } else { best }
            },
        );
        always.chain(best).flat_map(|section| &section.commands).map(|(line, command)| (*line, command))
    }
}

impl Section {
    fn holds(&self, now: &Situation) -> bool {
        self.conditions.iter().all(|(key, value)| {
            let actual = match key.as_str() {
                "role" => &now.role,
                "node" => &now.node,
                "attempt" => &now.attempt,
                _ => &now.call,
            };
            actual == value
        })
    }
}

fn conditions(header: &str) -> Result<Section, String> {
    if header.trim() == "always" {
        return Ok(Section { always: true, ..Section::default() });
    }
    let words: Vec<&str> = header.split_whitespace().collect();
    let pairs = words.chunks(2).map(|pair| match pair {
        [key @ ("role" | "node" | "attempt" | "call"), value] => Ok((key.to_string(), value.to_string())),
        _ => Err(format!("'[{header}]' is no section: expected role, node, attempt or call with a value")),
    });
    Ok(Section { conditions: pairs.collect::<Result<_, _>>()?, ..Section::default() })
}

fn command(line: &str) -> Result<Command, String> {
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim_start();
    let (first, more) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let word = || expect(name, first);
    Ok(match name {
        "write" => Command::Write(word()?, text(more)),
        "append" => Command::Append(word()?, text(more)),
        "lines" => Command::Lines(word()?, number(name, more)?),
        "delete" => Command::Delete(word()?),
        "mkdir" => Command::Mkdir(word()?),
        "rename" => Command::Rename(word()?, expect(name, more)?),
        "symlink" => Command::Symlink(word()?, expect(name, more)?),
        "chmod" => Command::Chmod(octal(first)?, expect(name, more)?),
        "print" => Command::Print(text(rest)),
        "raw" => Command::Raw(text(rest)),
        "stderr" => Command::Stderr(text(rest)),
        "transcript" => Command::Transcript(word()?),
        "env" => Command::Env(word()?),
        "flood" => Command::Flood(number(name, first)?),
        "flood-stderr" => Command::FloodStderr(number(name, first)?),
        "read-stdin" => Command::ReadStdin,
        "save-stdin" => Command::SaveStdin(word()?),
        "print-stdin" => Command::PrintStdin,
        "close-stdin" => Command::CloseStdin,
        "try-write" => Command::TryWrite(text(&word()?)),
        "try-read" => Command::TryRead(text(&word()?)),
        "sleep" => Command::Sleep(seconds(first)?),
        "wait-for" => Command::WaitFor(text(&word()?)),
        "sh" => Command::Sh(rest.to_owned()),
        "commit" => Command::Commit(text(rest)),
        "spawn-daemon" => seconds(first).map(|_| Command::SpawnDaemon(rest.to_owned()))?,
        "hold-stdout" => seconds(first).map(|_| Command::HoldStdout(rest.to_owned()))?,
        "ignore-term" => Command::IgnoreTerm,
        "exit" => Command::Exit(number(name, first)?),
        "signal" => Command::Signal(signal(first)?),
        _ => return Err(format!("there is no command '{name}'")),
    })
}

fn expect(name: &str, word: &str) -> Result<String, String> {
    if word.is_empty() { Err(format!("'{name}' lacks an argument")) } else { Ok(word.trim().to_owned()) }
}

fn number<N: std::str::FromStr>(name: &str, word: &str) -> Result<N, String> {
    word.trim().parse().map_err(|_| format!("'{name}' expects a number, not '{word}'"))
}

fn octal(word: &str) -> Result<u32, String> {
    u32::from_str_radix(word, 8).map_err(|_| format!("'chmod' expects an octal mode, not '{word}'"))
}

fn seconds(word: &str) -> Result<f64, String> {
    let seconds = word.parse().ok().filter(|seconds| (0.0..1e6).contains(seconds));
    seconds.ok_or_else(|| format!("'{word}' is no number of seconds"))
}

fn signal(word: &str) -> Result<String, String> {
    let known = ["TERM", "KILL", "INT", "SEGV", "ABRT"].contains(&word);
    known.then(|| word.to_owned()).ok_or_else(|| format!("there is no signal '{word}' here"))
}

/// A text with its escapes and variables replaced.
fn text(raw: &str) -> String {
    let mut out = String::new();
    let mut rest = raw.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('e') => out.push('\u{1b}'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            '$' => {
                let mut name = String::new();
                while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(c);
                }
                out.push_str(&if name.is_empty() {
                    "$".into()
                } else {
                    std::env::var(&name).unwrap_or_default()
                });
            }
            c => out.push(c),
        }
    }
    out
}
