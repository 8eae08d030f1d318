//! What harness and supervisor say to each other on a job's control socket, as bytes:
//! one request, then single-byte commands one way and framed replies the other.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::job::Exit;
use super::sandbox::{Rule, Ruleset};

/// Command: SIGTERM to the tree, and time until [`KILL`].
pub const TERMINATE: u8 = b't';
/// Command: SIGKILL to the tree.
pub const KILL: u8 = b'k';
/// Command: stop the tree (the harness is about to be stopped itself).
pub const SUSPEND: u8 = b's';
/// Command: let a stopped tree go on.
pub const CONTINUE: u8 = b'c';

/// What to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The program, as a shell would take the word.
    pub program: OsString,
    /// Arguments without the program.
    pub args: Vec<OsString>,
    /// Absolute.
    pub cwd: PathBuf,
    /// Complete.
    pub env: Vec<(OsString, OsString)>,
    /// For the process list.
    pub label: String,
    /// Inside of what it runs.
    pub confine: Option<Ruleset>,
}

/// Where starting a program failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing of that name on PATH or at that path.
    Lookup,
    /// Entering the working directory.
    Cwd,
    /// The exec itself.
    Exec,
    /// Entering the sandbox.
    Confine,
    /// Anything before it: fork, descriptors.
    Setup,
}

/// What a supervisor says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The program runs, under the supervisor with this process id and start time (0 where
    /// unknown).
    Started(i32, u64),
    /// It could not be started, with the errno.
    Refused(Stage, i32),
    /// The whole tree is gone.
    Ended(TreeEnd),
}

/// How a tree ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEnd {
    /// The leader's exit.
    pub exit: Exit,
    /// The leader was still running when a command to end it came.
    pub told: bool,
    /// Command lines of those that outlived a leader which ended by itself.
    pub leaked: Vec<String>,
}

impl Request {
    /// The request as one frame; `None` if a text holds a NUL, which no program can be given.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        put(&mut body, self.program.as_bytes())?;
        put(&mut body, self.cwd.as_os_str().as_bytes())?;
        put(&mut body, self.label.replace('\0', " ").as_bytes())?;
        count(&mut body, self.args.len());
        for arg in &self.args {
            put(&mut body, arg.as_bytes())?;
        }
        count(&mut body, self.env.len());
        for (name, value) in &self.env {
            put(&mut body, name.as_bytes())?;
            put(&mut body, value.as_bytes())?;
        }
        put_rules(&mut body, self.confine.as_ref())?;
        Some(frame(&body))
    }

    /// Reads the body of a frame.
    pub fn decode(mut body: &[u8]) -> Option<Request> {
        let from = &mut body;
        let program = os(take(from)?);
        let cwd = PathBuf::from(os(take(from)?));
        let label = String::from_utf8_lossy(take(from)?).into_owned();
        let args = (0..number(from)?).map(|_| take(from).map(os)).collect::<Option<_>>()?;
        let env =
            (0..number(from)?).map(|_| Some((os(take(from)?), os(take(from)?)))).collect::<Option<_>>()?;
        let confine = take_rules(from)?;
        Some(Request { program, args, cwd, env, label, confine })
    }
}

impl Reply {
    /// The reply as one frame.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        match self {
            Reply::Started(pid, start) => {
                body.push(b'S');
                body.extend(pid.to_le_bytes());
                body.extend(start.to_le_bytes());
            }
            Reply::Refused(stage, errno) => {
                body.extend([b'R', *stage as u8]);
                body.extend(errno.to_le_bytes());
            }
            Reply::Ended(end) => {
                let (kind, value) = match end.exit {
                    Exit::Code(code) => (b'C', code),
                    Exit::Signal(signal) => (b'K', signal),
                };
                body.extend([b'E', kind, u8::from(end.told)]);
                body.extend(value.to_le_bytes());
                count(&mut body, end.leaked.len());
                for line in &end.leaked {
                    // A command line is cut to a short text without NUL before it gets here.
                    let _ = put(&mut body, line.as_bytes());
                }
            }
        }
        frame(&body)
    }

    /// Reads the body of a frame.
    pub fn decode(body: &[u8]) -> Option<Reply> {
        match body {
            [b'S', rest @ ..] => {
                let (pid, start) = rest.split_first_chunk::<4>()?;
                Some(Reply::Started(i32::from_le_bytes(*pid), u64::from_le_bytes(start.try_into().ok()?)))
            }
            [b'R', stage, errno @ ..] => {
                Some(Reply::Refused(Stage::from_byte(*stage)?, i32::from_le_bytes(errno.try_into().ok()?)))
            }
            [b'E', kind, told, rest @ ..] => {
                let (value, mut rest) = rest.split_first_chunk::<4>()?;
                let value = i32::from_le_bytes(*value);
                let exit = if *kind == b'C' { Exit::Code(value) } else { Exit::Signal(value) };
                let from = &mut rest;
                let leaked = (0..number(from)?)
                    .map(|_| take(from).map(|line| String::from_utf8_lossy(line).into_owned()))
                    .collect::<Option<_>>()?;
                Some(Reply::Ended(TreeEnd { exit, told: *told == 1, leaked }))
            }
            _ => None,
        }
    }
}

impl Stage {
    /// Reads what `stage as u8` wrote.
    pub fn from_byte(byte: u8) -> Option<Stage> {
        [Stage::Lookup, Stage::Cwd, Stage::Exec, Stage::Confine, Stage::Setup]
            .into_iter()
            .find(|s| *s as u8 == byte)
    }
}

/// Takes the first whole frame's body off `buffer`.
pub fn next_frame(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let len = u32::from_le_bytes(*buffer.first_chunk::<4>()?) as usize;
    let body = buffer.get(4..4 + len)?.to_vec();
    buffer.drain(..4 + len);
    Some(body)
}

fn frame(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 4);
    count(&mut out, body.len());
    out.extend(body);
    out
}

/// Lengths fit: the kernel refuses far smaller argument lists than 4 GiB.
fn count(out: &mut Vec<u8>, n: usize) {
    out.extend(u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes());
}

/// A flag for whether there is a sandbox, two for the network, the interface's version, then
/// the rules.
fn put_rules(out: &mut Vec<u8>, confine: Option<&Ruleset>) -> Option<()> {
    let Some(ruleset) = confine else {
        out.push(0);
        return Some(());
    };
    out.extend([1, u8::from(ruleset.network), u8::from(ruleset.isolated)]);
    out.extend(ruleset.abi.to_le_bytes());
    count(out, ruleset.rules.len());
    for rule in &ruleset.rules {
        out.push(u8::from(rule.write));
        put(out, rule.path.as_os_str().as_bytes())?;
    }
    Some(())
}

fn take_rules(from: &mut &[u8]) -> Option<Option<Ruleset>> {
    if byte(from)? == 0 {
        return Some(None);
    }
    let (network, isolated) = (byte(from)? == 1, byte(from)? == 1);
    let abi = number(from)?;
    let rule =
        |from: &mut &[u8]| Some(Rule { write: byte(from)? == 1, path: PathBuf::from(os(take(from)?)) });
    let rules = (0..number(from)?).map(|_| rule(from)).collect::<Option<_>>()?;
    Some(Some(Ruleset { rules, network, isolated, abi }))
}

fn byte(from: &mut &[u8]) -> Option<u8> {
    let (first, rest) = from.split_first()?;
    *from = rest;
    Some(*first)
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    if bytes.contains(&0) {
        return None;
    }
    count(out, bytes.len());
    out.extend(bytes);
    Some(())
}

fn number(from: &mut &[u8]) -> Option<u32> {
    let (n, rest) = from.split_first_chunk::<4>()?;
    *from = rest;
    Some(u32::from_le_bytes(*n))
}

fn take<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = number(from)? as usize;
    let (bytes, rest) = from.split_at_checked(len)?;
    *from = rest;
    Some(bytes)
}

fn os(bytes: &[u8]) -> OsString {
    OsStr::from_bytes(bytes).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request {
            program: "sh".into(),
            args: vec!["-c".into(), os(b"echo \xff")],
            cwd: "/tmp/a b".into(),
            env: vec![("PATH".into(), "/bin".into()), ("EMPTY".into(), "".into())],
            label: "node A".into(),
            confine: Some(Ruleset {
                rules: vec![
                    Rule { path: "/".into(), write: false },
                    Rule { path: os(b"/w\xff").into(), write: true },
                ],
                network: false,
                isolated: true,
                abi: 7,
            }),
        }
    }

    #[test]
    fn a_request_comes_back_as_it_was_whatever_its_bytes() {
        let mut bytes = request().encode().unwrap();
        bytes.extend(b"k");
        let body = next_frame(&mut bytes).unwrap();
        assert_eq!(Request::decode(&body), Some(request()));
        assert_eq!(bytes, b"k", "what follows a frame stays");
        let open = Request { confine: None, ..request() };
        assert_eq!(Request::decode(&next_frame(&mut open.encode().unwrap()).unwrap()), Some(open));
    }

    #[test]
    fn a_nul_can_not_be_passed() {
        let bad = Request { args: vec![os(b"a\0b")], ..request() };
        assert_eq!(bad.encode(), None);
    }

    #[test]
    fn replies_come_back_and_a_half_frame_waits() {
        let end = TreeEnd { exit: Exit::Signal(9), told: true, leaked: vec!["sleep 1000".into()] };
        for reply in [
            Reply::Started(7, 1 << 40),
            Reply::Refused(Stage::Cwd, 2),
            Reply::Refused(Stage::Lookup, 13),
            Reply::Ended(end),
            Reply::Ended(TreeEnd { exit: Exit::Code(-1), told: false, leaked: vec![] }),
        ] {
            let bytes = reply.encode();
            let mut half = bytes[..bytes.len() - 1].to_vec();
            assert_eq!(next_frame(&mut half), None);
            assert_eq!(Reply::decode(&next_frame(&mut bytes.clone()).unwrap()), Some(reply));
        }
        assert_eq!(Reply::decode(b"?"), None);
        assert_eq!(Request::decode(b"\xff\xff\xff\xff"), None);
    }
}
