//! Programs with a cleared environment and a deadline.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Ended;

/// Longer than anything here takes on a machine that is busy with other things, too.
const DEADLINE: Duration = Duration::from_secs(300);

/// A program to start.
pub struct Program {
    command: Command,
    input: Vec<u8>,
}

impl Program {
    /// A program with nothing of this process's environment but where tools are.
    pub fn new(program: impl AsRef<OsStr>, home: &Path) -> Program {
        let mut command = Command::new(program);
        command.env_clear();
        for (name, value) in std::env::vars_os() {
            // Where rustup and cargo are is no setting of the operator's, but a place.
            if ["PATH", "RUSTUP_TOOLCHAIN", "LLVM_PROFILE_FILE"].iter().any(|n| name == *n) {
                command.env(name, value);
            }
        }
        for (name, below_home) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            let place = std::env::var_os(name).map(PathBuf::from);
            let place = place.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(below_home)));
            command.envs(place.filter(|p| p.is_dir()).map(|p| (name, p)));
        }
        let tmp = home.join("tmp");
        std::fs::create_dir_all(&tmp).unwrap();
        command.env("HOME", home).env("TMPDIR", tmp);
        command.env("GIT_CONFIG_GLOBAL", home.join(".gitconfig")).env("GIT_CONFIG_NOSYSTEM", "1");
        command.envs([("LANG", "C.UTF-8"), ("TZ", "UTC"), ("TERM", "dumb"), ("NO_COLOR", "1")]);
        Program { command, input: Vec::new() }
    }

    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Program {
        self.command.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Program {
        self.command.env(name, value);
        self
    }

    pub fn in_dir(mut self, dir: impl AsRef<Path>) -> Program {
        self.command.current_dir(dir);
        self
    }

    /// What it reads on standard input; nothing otherwise.
    pub fn reading(mut self, input: impl Into<Vec<u8>>) -> Program {
        self.input = input.into();
        self
    }

    /// Starts it and leaves it running, with its output thrown away.
    pub fn start(mut self) -> Child {
        self.command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.command.spawn().unwrap()
    }

    /// Runs it to its end; one that does not end is killed and fails the test.
    #[track_caller]
    pub fn run(mut self) -> Ended {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap_or_else(|e| panic!("{:?}: {e}", self.command));
        let (out, err) = (drain(child.stdout.take()), drain(child.stderr.take()));
        // It may end without having read its input.
        let _ = child.stdin.take().map(|mut pipe| pipe.write_all(&self.input));
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > DEADLINE {
                let _ = child.kill();
                panic!("{:?} did not end in {DEADLINE:?}", self.command);
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        Ended { code: status.code(), out: out.join().unwrap(), err: err.join().unwrap() }
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The page of shell that a document of this repository gives for the fingerprint: its `sh` block
/// that says how it is called.
pub fn fingerprint_script(document: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = std::fs::read_to_string(path).unwrap();
    let mut blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.find(|block| block.contains("usage: fingerprint.sh")).expect("the page of shell").to_owned()
}
