//! Runs the git command line: fixed locale, no prompts, no hooks, no helpers that a
//! repository could plant, explicit directories, a typed failure with what git said.
//! Together with `process` this is the only place that starts programs: git is waited
//! for here, without deadline, because every call is short and local; `stall` ends one that
//! a FIFO holds.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::base::Oid;
use crate::files::{fault, free_space};
use crate::process::git_mark;

use super::{GitError, stall};

/// Settings that hold for every call. Hooks and monitors run code from the repository;
/// automatic maintenance would rewrite it behind a run; the index features would make
/// an index that depends on more than the files.
const FIXED: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.splitIndex=false",
    "core.trustctime=true",
    "core.checkStat=default",
    "core.pager=cat",
    "core.quotePath=true",
    "core.safecrlf=false",
    "core.alternateRefsCommand=",
    "index.sparse=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "color.ui=false",
    "submodule.recurse=false",
    "advice.detachedHead=false",
    "checkout.workers=2",
    "checkout.thresholdForParallelism=2000",
    "worktree.useRelativePaths=false",
    "i18n.commitEncoding=UTF-8",
    "diff.external=",
];

/// What of the operator's GIT_* environment stays: where their configuration and
/// credentials are and who they are. The rest (GIT_DIR, GIT_INDEX_FILE … of a hook that
/// called us, tracing, pathspec modes) would redirect our calls.
const KEPT: &[&str] = &[
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_KEY_",
    "GIT_CONFIG_VALUE_",
    "GIT_EXEC_PATH",
    "GIT_SSH",
    "GIT_SSL_",
    "GIT_HTTP_",
    "GIT_PROXY_",
    "GIT_LFS_",
    "GIT_COMMITTER_",
];

/// Bytes below which a failure is put down to the disk.
const LITTLE_ROOM: u64 = 256 * 1024;

/// One way to call git: which directories, index and attributes it works on.
#[derive(Debug, Clone, Default)]
pub(super) struct Git {
    git_dir: Option<PathBuf>,
    cwd: PathBuf,
    work_tree: Option<PathBuf>,
    attributes: Option<Oid>,
    env: Vec<(OsString, OsString)>,
    config: Vec<String>,
}

impl Git {
    /// Calls that look for a repository from `cwd` upward. Only for the operator's own directory.
    pub fn discovering(cwd: &Path) -> Git {
        Git { cwd: cwd.to_owned(), ..Git::default() }
    }

    /// Calls on the repository whose directory is `git_dir`, without a work tree.
    pub fn at(git_dir: &Path) -> Git {
        Git { git_dir: Some(git_dir.to_owned()), cwd: git_dir.to_owned(), ..Git::default() }
    }

    /// The same with a work tree, where the program also runs.
    pub fn work_tree(&self, dir: &Path) -> Git {
        Git { cwd: dir.to_owned(), work_tree: Some(dir.to_owned()), ..self.clone() }
    }

    /// The same with another index file.
    pub fn index(&self, file: &Path) -> Git {
        self.env("GIT_INDEX_FILE", file)
    }

    /// The same with attributes read from a tree instead of the work tree.
    pub fn attributes(&self, tree: &Oid) -> Git {
        Git { attributes: Some(tree.clone()), ..self.clone() }
    }

    /// The same with a variable set.
    pub fn env(&self, name: &str, value: impl AsRef<OsStr>) -> Git {
        let mut next = self.clone();
        next.env.push((name.into(), value.as_ref().to_owned()));
        next
    }

    /// The same with a setting.
    pub fn config(&self, setting: &str) -> Git {
        let mut next = self.clone();
        next.config.push(setting.to_owned());
        next
    }

    /// Standard output of a call that must succeed.
    pub fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Vec<u8>, GitError> {
        self.feed(args, &[])
    }

    /// The same with bytes on standard input.
    pub fn feed<S: AsRef<OsStr>>(&self, args: &[S], input: &[u8]) -> Result<Vec<u8>, GitError> {
        let output = self.output(args, input)?;
        if output.status.success() { Ok(output.stdout) } else { Err(self.failed(args, &output)) }
    }

    /// Standard output, or `None` if git ended with status 1 (its "no").
    pub fn ask<S: AsRef<OsStr>>(&self, args: &[S], input: &[u8]) -> Result<Option<Vec<u8>>, GitError> {
        let output = self.output(args, input)?;
        match output.status.code() {
            Some(0) => Ok(Some(output.stdout)),
            Some(1) => Ok(None),
            _ => Err(self.failed(args, &output)),
        }
    }

    /// The failure of a call, with what git does not always say: that there was no room.
    fn failed<S: AsRef<OsStr>>(&self, args: &[S], output: &Output) -> GitError {
        let room = free_space(&self.cwd).unwrap_or(u64::MAX);
        match failed(args, output) {
            GitError::Failed { what, detail } if room < LITTLE_ROOM => GitError::Failed {
                what,
                detail: format!("{detail} (the disk is full: {} KiB are left)", room / 1024),
            },
            error => error,
        }
    }

    /// The end of a call, whatever it is.
    pub fn output<S: AsRef<OsStr>>(&self, args: &[S], input: &[u8]) -> Result<Output, GitError> {
        let mut command = self.command(args);
        command.stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let broken = |e: std::io::Error| GitError::Failed { what: title(args), detail: e.to_string() };
        let mut child = command.spawn().map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound if self.cwd.is_dir() => {
                GitError::Unusable("git was not found on PATH: install git 2.41 or newer".to_owned())
            }
            _ => broken(e),
        })?;
        let stdin = child.stdin.take();
        let begun = std::time::Instant::now();
        let (over, ended) = std::sync::mpsc::channel();
        let pid = rustix::process::Pid::from_child(&child);
        let (ended, stalled) = std::thread::scope(|scope| {
            let guard = scope.spawn(move || stall::guard(pid, &ended));
            // Written beside the reading, so that neither side waits on a full pipe. A
            // program that stops reading early says why itself.
            scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(input)));
            let ended = child.wait_with_output().map_err(broken);
            drop(over);
            (ended, guard.join().unwrap_or(false))
        });
        if stalled {
            let detail = "it waits for a FIFO that stands where git reads a file; look for it with \"find . -type p\" in the checkout and the git directory";
            return Err(GitError::Failed { what: title(args), detail: detail.to_owned() });
        }
        let code = ended.as_ref().ok().and_then(|o| o.status.code());
        let us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::debug!(call = title(args), code, us, "git");
        ended
    }

    fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new("git");
        command.current_dir(&self.cwd).process_group(0);
        for (name, _) in std::env::vars_os() {
            if foreign(&name) {
                command.env_remove(name);
            }
        }
        command.envs([("LC_ALL", "C"), ("LANGUAGE", "C"), ("GIT_TERMINAL_PROMPT", "0")]);
        command.envs([("GIT_OPTIONAL_LOCKS", "0"), ("GIT_LITERAL_PATHSPECS", "1"), ("GIT_EDITOR", ":")]);
        command.envs([("GIT_NO_REPLACE_OBJECTS", "1")]);
        let (name, value) = git_mark();
        command.env(name, value);
        for setting in FIXED.iter().copied().chain(self.config.iter().map(String::as_str)) {
            command.args(["-c", setting]);
        }
        if let Some(dir) = &self.git_dir {
            command.env("GIT_DIR", dir).env("GIT_CEILING_DIRECTORIES", &self.cwd);
        }
        if let Some(dir) = &self.work_tree {
            command.env("GIT_WORK_TREE", dir);
        }
        if let Some(tree) = &self.attributes {
            command.arg(format!("--attr-source={tree}"));
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.args(args);
        command
    }
}

/// A variable of the caller that must not reach git.
fn foreign(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    name.starts_with("GIT_") && !KEPT.iter().any(|kept| name.starts_with(kept))
}

fn title<S: AsRef<OsStr>>(args: &[S]) -> String {
    let words: Vec<_> = args.iter().take(4).map(|a| a.as_ref().to_string_lossy()).collect();
    format!("git {}", words.join(" "))
}

/// The failure of a call that ended with an error.
pub(super) fn failed<S: AsRef<OsStr>>(args: &[S], output: &Output) -> GitError {
    let said = String::from_utf8_lossy(&output.stderr);
    let detail = match said.trim() {
        "" => format!("ended with {}", output.status),
        said => said.to_owned(),
    };
    GitError::Failed { what: title(args), detail }
}

/// The first line of an answer as text.
pub(super) fn line(output: &[u8]) -> String {
    String::from_utf8_lossy(output).lines().next().unwrap_or("").to_owned()
}

/// The object id that an answer begins with.
pub(super) fn oid(what: &str, output: &[u8]) -> Result<Oid, GitError> {
    let text = line(output);
    Oid::parse(text.trim()).ok_or_else(|| GitError::Failed {
        what: what.to_owned(),
        detail: format!("{text:?} is not an object id"),
    })
}

/// The fields of an answer with `-z`.
pub(super) fn fields(output: &[u8]) -> impl Iterator<Item = &[u8]> {
    output.split(|b| *b == 0).filter(|f| !f.is_empty())
}

/// A change of the repository is about to be made: where tests ask for faults.
pub(super) fn step(what: &str) -> Result<(), GitError> {
    fault::pass(fault::Step::Git, || what.to_owned()).map(drop).map_err(io(what))
}

/// A failure of the file system as one of git's.
pub(super) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> GitError {
    let what = what.into();
    move |e| GitError::Failed { what, detail: e.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_a_hook_do_not_reach_git() {
        for gone in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_TRACE", "GIT_CONFIG_PARAMETERS"] {
            assert!(foreign(OsStr::new(gone)), "{gone}");
        }
        for kept in ["HOME", "GIT_CONFIG_GLOBAL", "GIT_SSH_COMMAND", "GIT_COMMITTER_NAME"] {
            assert!(!foreign(OsStr::new(kept)), "{kept}");
        }
    }

    #[test]
    fn a_failure_says_what_git_said() {
        let dir = tempfile::tempdir().unwrap();
        let error = Git::at(dir.path()).run(&["rev-parse", "HEAD"]).unwrap_err();
        assert!(error.to_string().contains("not a git repository"), "{error}");
    }
}
