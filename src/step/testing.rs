//! A host in memory: files in a map, programs as functions, a clock that ticks once a
//! reading. For the tests of every layer that runs steps.

#![allow(missing_docs)] // Test support: names say it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Cursor, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::builtin::{FileKind, Files, Streams};
use super::eval::*;
use super::{StepText, parse};
use crate::diag::Source;

/// What a simulated program gets.
pub struct Run<'a> {
    pub args: &'a [String],
    pub env: &'a [(String, String)],
    pub cwd: &'a Path,
    pub stdin: Vec<u8>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

pub type Simulated = fn(&mut Run<'_>) -> StageEnd;
type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// Files in memory: `None` is a folder.
#[derive(Default, Clone)]
pub struct MemFiles(pub Arc<Mutex<Tree>>);

impl MemFiles {
    fn tree<T>(&self, f: impl FnOnce(&mut Tree) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn text(&self, path: &str) -> Option<String> {
        self.tree(|t| Some(String::from_utf8_lossy(t.get(&normal(Path::new(path)))?.as_ref()?).into_owned()))
    }
}

fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut out, c| {
        match c {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            c => out.push(c),
        }
        out
    })
}

fn not_found<T>() -> io::Result<T> {
    Err(io::ErrorKind::NotFound.into())
}

impl Files for MemFiles {
    fn kind(&self, path: &Path, _: bool) -> io::Result<Option<FileKind>> {
        let path = normal(path);
        Ok(self.tree(|t| t.get(&path).map(|f| if f.is_some() { FileKind::File } else { FileKind::Dir })))
    }
    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        match self.tree(|t| t.get(&normal(path)).cloned()) {
            Some(Some(bytes)) => Ok(Box::new(Cursor::new(bytes))),
            Some(None) => Err(io::ErrorKind::IsADirectory.into()),
            None => not_found(),
        }
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        let dir = normal(dir);
        Ok(self.tree(|t| {
            let inside = t.keys().filter(|p| p.parent() == Some(&dir));
            inside.filter_map(|p| p.file_name().map(ToOwned::to_owned)).collect()
        }))
    }
    fn make_dir(&self, path: &Path) -> io::Result<()> {
        let path = normal(path);
        self.tree(|t| match path.parent().and_then(|p| t.get(p)) {
            None | Some(Some(_)) => not_found(),
            Some(None) if t.contains_key(&path) => Err(io::ErrorKind::AlreadyExists.into()),
            Some(None) => {
                t.insert(path, None);
                Ok(())
            }
        })
    }
    fn copy_file(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.tree(|t| match t.get(&normal(from)).cloned() {
            Some(file @ Some(_)) => {
                t.insert(normal(to), file);
                Ok(())
            }
            _ => not_found(),
        })
    }
    fn copy_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.copy_file(from, to)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (normal(from), normal(to));
        self.tree(|t| {
            let moved: Vec<PathBuf> = t.keys().filter(|p| p.starts_with(&from)).cloned().collect();
            for path in moved {
                let value = t.remove(&path).unwrap_or_default();
                let rest = path.strip_prefix(&from).unwrap_or(Path::new(""));
                t.insert(normal(&to.join(rest)), value);
            }
        });
        Ok(())
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.tree(|t| t.remove(&normal(path))).map_or_else(not_found, |_| Ok(()))
    }
    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.remove_file(path)
    }
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        let path = normal(path);
        if self.tree(|t| t.contains_key(&path)) { Ok(path) } else { not_found() }
    }
    fn sleep(&self, _: Duration) -> bool {
        true
    }
}

enum Opened {
    Read(PathBuf),
    Write(PathBuf),
    Capture(Vec<u8>),
}

/// The host. `/w` exists and is where [`run_script`] starts.
pub struct TestHost {
    pub files: MemFiles,
    pub programs: BTreeMap<String, Simulated>,
    /// Answers of verbs; a verb that is not here succeeds.
    pub answers: BTreeMap<String, VerbResult>,
    /// Every verb that was called, as words.
    pub verbs: Vec<String>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub records: Vec<StatementRecord>,
    pub stop: Option<Stop>,
    open: BTreeMap<u32, Opened>,
    next: u32,
    ticks: std::cell::Cell<u64>,
}

impl Default for TestHost {
    fn default() -> TestHost {
        let files = MemFiles::default();
        files.tree(|t| t.extend([("/".into(), None), ("/w".into(), None)]));
        let mut host = TestHost {
            files,
            programs: BTreeMap::new(),
            answers: BTreeMap::new(),
            verbs: Vec::new(),
            stdout: Vec::new(),
            stderr: Vec::new(),
            records: Vec::new(),
            stop: None,
            open: BTreeMap::new(),
            next: 0,
            ticks: std::cell::Cell::new(0),
        };
        host.program("args", |run| {
            run.stdout.extend(format!("{:?}\n", run.args).bytes());
            StageEnd::Code(0)
        });
        host.program("env", |run| {
            run.env.iter().for_each(|(k, v)| run.stdout.extend(format!("{k}={v}\n").bytes()));
            StageEnd::Code(0)
        });
        host.program("pwd", |run| {
            run.stdout.extend(format!("{}\n", run.cwd.display()).bytes());
            StageEnd::Code(0)
        });
        host.program("code", |run| {
            StageEnd::Code(run.args.first().and_then(|a| a.parse().ok()).unwrap_or(0))
        });
        host.program("signal", |run| {
            StageEnd::Signal(run.args.first().and_then(|a| a.parse().ok()).unwrap_or(9))
        });
        host.program("both", |run| {
            run.stdout.extend(b"out\n");
            run.stderr.extend(b"err\n");
            StageEnd::Code(0)
        });
        host.program("locked", |_| StageEnd::NotExecutable("permission denied".into()));
        host
    }
}

impl TestHost {
    pub fn program(&mut self, name: &str, run: Simulated) {
        self.programs.insert(name.to_owned(), run);
    }

    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    fn put(&mut self, to: Output, pipe: &mut Vec<u8>, bytes: &[u8]) {
        match to {
            Output::Stdout => self.stdout.extend(bytes),
            Output::Stderr => self.stderr.extend(bytes),
            Output::Pipe => pipe.extend(bytes),
            Output::File(id) => match self.open.get_mut(&id.0) {
                Some(Opened::Capture(kept)) => kept.extend(bytes),
                Some(Opened::Write(path)) => {
                    let path = path.clone();
                    self.files.tree(|t| {
                        if let Some(file) = t.entry(path).or_default() {
                            file.extend(bytes);
                        }
                    });
                }
                _ => {}
            },
        }
    }

    fn add(&mut self, opened: Opened) -> FileId {
        self.next += 1;
        self.open.insert(self.next, opened);
        FileId(self.next)
    }

    fn stage(&mut self, stage: &Stage, stdin: Vec<u8>) -> (StageEnd, Vec<u8>) {
        let stdin = match stage.wiring.stdin {
            Input::Inherit => Vec::new(),
            Input::Pipe => stdin,
            Input::File(id) => match self.open.get(&id.0) {
                Some(Opened::Read(path)) => {
                    self.files.tree(|t| t.get(path).cloned().flatten()).unwrap_or_default()
                }
                _ => Vec::new(),
            },
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let end = match &stage.work {
            Work::Done(code) => StageEnd::Code(*code),
            Work::Builtin(builtin) => {
                let files = self.files.clone();
                let mut io = Streams { stdin: &mut Cursor::new(stdin), stdout: &mut out, stderr: &mut err };
                StageEnd::Code(builtin.run(&files, &mut io))
            }
            Work::Verb(call) => {
                let words =
                    std::iter::once(&call.name).chain(&call.args).cloned().collect::<Vec<_>>().join(" ");
                self.verbs.push(words.clone());
                StageEnd::Verb(self.answers.get(&words).cloned().unwrap_or_default())
            }
            Work::Program(program) => {
                let name = program.argv.first().cloned().unwrap_or_default();
                match self.programs.get(&name) {
                    None => StageEnd::NotFound,
                    Some(simulated) => {
                        let mut run = Run {
                            args: program.argv.get(1..).unwrap_or(&[]),
                            env: &program.env,
                            cwd: &program.cwd,
                            stdin,
                            stdout: Vec::new(),
                            stderr: Vec::new(),
                        };
                        let end = simulated(&mut run);
                        (out, err) = (run.stdout, run.stderr);
                        end
                    }
                }
            }
        };
        let mut pipe = Vec::new();
        self.put(stage.wiring.stdout, &mut pipe, &out);
        self.put(stage.wiring.stderr, &mut pipe, &err);
        (end, pipe)
    }
}

impl Host for TestHost {
    fn open(&mut self, cwd: &Path, path: &str, how: Open) -> io::Result<FileId> {
        let path = normal(&cwd.join(path));
        if self.files.kind(&path, true)? == Some(FileKind::Dir) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if how == Open::Read {
            return match self.files.kind(&path, true)? {
                Some(_) => Ok(self.add(Opened::Read(path))),
                None => not_found(),
            };
        }
        if path.parent().is_none_or(|p| self.files.kind(p, true).ok().flatten() != Some(FileKind::Dir)) {
            return not_found();
        }
        self.files.tree(|t| {
            let file = t.entry(path.clone()).or_default();
            if how == Open::Truncate || file.is_none() {
                *file = Some(Vec::new());
            }
        });
        Ok(self.add(Opened::Write(path)))
    }
    fn capture(&mut self) -> io::Result<FileId> {
        Ok(self.add(Opened::Capture(Vec::new())))
    }
    fn close(&mut self, id: FileId) -> io::Result<Vec<u8>> {
        Ok(match self.open.remove(&id.0) {
            Some(Opened::Capture(bytes)) => bytes,
            _ => Vec::new(),
        })
    }
    fn pipeline(&mut self, stages: Vec<Stage>) -> Vec<StageEnd> {
        if let Some(stop) = self.stop {
            return stages.iter().map(|_| StageEnd::Stopped(stop)).collect();
        }
        let mut pipe = Vec::new();
        let mut ends = Vec::new();
        for stage in &stages {
            let (end, next) = self.stage(stage, pipe);
            ends.push(end);
            pipe = next;
        }
        ends
    }
    fn write(&mut self, to: Output, text: &str) {
        self.put(to, &mut Vec::new(), text.as_bytes());
    }
    fn enter(&mut self, cwd: &Path, to: &str) -> io::Result<PathBuf> {
        let path = normal(&cwd.join(to));
        match self.files.kind(&path, true)? {
            Some(FileKind::Dir) => Ok(path),
            Some(_) => Err(io::ErrorKind::NotADirectory.into()),
            None => not_found(),
        }
    }
    fn elapsed(&self) -> Duration {
        self.ticks.set(self.ticks.get() + 1);
        Duration::from_millis(self.ticks.get())
    }
    fn stopped(&self) -> Option<Stop> {
        self.stop
    }
    fn event(&mut self, record: StatementRecord) {
        self.records.push(record);
    }
    fn files(&self) -> &dyn Files {
        &self.files
    }
}

/// Reads and runs `script` in `/w`; panics on problems of reading.
pub fn run_script(host: &mut TestHost, script: &str) -> Outcome {
    run_with(host, script, Env::new("/w"))
}

/// The same with variables.
pub fn run_with(host: &mut TestHost, script: &str, env: Env) -> Outcome {
    let text = StepText::plain(&Source::new("steps", script));
    let (parsed, diags) = parse(&text);
    assert!(
        diags.is_empty(),
        "{}",
        crate::diag::render(&diags, crate::diag::Format::Text { color: false, width: 100 })
    );
    run(&parsed, &text, host, env)
}
