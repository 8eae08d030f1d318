//! The clone that a replay works in. It has no remote: nothing that happens in it can come back to
//! the repository that it was made from.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::agent::CLONE;
use super::bundle::Bundle;
use super::git::{At, Failure, Git, command, succeed};
use super::options::RunOptions;

/// The branch that the bundle is committed on.
const BRANCH: &str = "refs/heads/replay";

/// A clone and the place around it.
pub struct Clone {
    pub git: Git,
    place: PathBuf,
}

/// The directory to work in, made if it is not there.
pub fn place(asked: Option<&Path>) -> Result<PathBuf, Failure> {
    let Some(dir) = asked else {
        let made = tempfile::Builder::new().prefix("history-replay-").tempdir();
        return Ok(made.at(|| "can't make a temporary directory".to_owned())?.keep());
    };
    std::fs::create_dir_all(dir).at(|| format!("can't make {}", dir.display()))?;
    let mut entries = std::fs::read_dir(dir).at(|| format!("can't read {}", dir.display()))?;
    if entries.next().is_some() {
        return Err(Failure::new(format!(
            "{} is not empty: name a new directory with --into",
            dir.display()
        )));
    }
    dir.canonicalize().at(|| format!("can't resolve {}", dir.display()))
}

impl Clone {
    /// Clones the repository that `repo` lies in, without a work tree yet.
    pub fn make(repo: &Path, place: &Path) -> Result<Clone, Failure> {
        let top = top_level(repo)?;
        let target = place.join(CLONE);
        // With the user's configuration: it may be what makes the repository readable.
        let mut clone = command("git");
        clone.args(["clone", "--quiet", "--no-checkout", "--no-tags", "--template="]);
        // The work tree is to hold what the blobs hold, unless the repository itself says otherwise.
        clone.args(["-c", "core.autocrlf=false", "-c", "core.symlinks=true", "-c", "core.fileMode=true"]);
        clone.arg("--").arg(&top).arg(&target);
        succeed(clone, b"")?;
        let git = Git::at(target);
        git.bytes(&["remote", "remove", "origin"])?;
        Ok(Clone { git, place: place.to_owned() })
    }

    /// Where the agent finds what each node is.
    pub fn plan_dir(&self) -> PathBuf {
        self.place.join("plan")
    }

    /// Commits the bundle on top of `base`, checks that commit out, and writes the agent's plan.
    pub fn commit_bundle(&self, base: &str, bundle: &Bundle) -> Result<(), Failure> {
        let plan = self.plan_dir();
        std::fs::create_dir_all(&plan).at(|| format!("can't make {}", plan.display()))?;
        for (id, content) in &bundle.plan {
            let file = plan.join(id);
            std::fs::write(&file, content).at(|| format!("can't write {}", file.display()))?;
        }
        let tree = self.tree_with(base, bundle)?;
        let message = format!("Bundle of a replay\n\nOne node for each commit above {base}.");
        let mut commit = self.git.command(&["commit-tree", &tree, "-p", base, "-m", &message]);
        for role in ["AUTHOR", "COMMITTER"] {
            commit.env(format!("GIT_{role}_NAME"), "history-replay");
            commit.env(format!("GIT_{role}_EMAIL"), "history-replay@localhost");
        }
        let commit = String::from_utf8_lossy(&succeed(commit, b"")?).trim_end().to_owned();
        self.git.bytes(&["update-ref", BRANCH, &commit])?;
        self.git.bytes(&["symbolic-ref", "HEAD", BRANCH])?;
        self.git.bytes(&["reset", "--quiet", "--hard", &commit])?;
        Ok(())
    }

    /// The base's tree with the bundle in it, whatever `.gitignore` says about its directory.
    fn tree_with(&self, base: &str, bundle: &Bundle) -> Result<String, Failure> {
        let index = self.place.join("bundle.index");
        let call = |args: &[&str], input: &[u8]| {
            let mut command = self.git.command(args);
            command.env("GIT_INDEX_FILE", &index);
            succeed(command, input)
        };
        call(&["read-tree", base], b"")?;
        for (path, text) in &bundle.files {
            let oid = self.git.ask(&["hash-object", "-w", "--no-filters", "--stdin"], text.as_bytes())?;
            let entry = format!("100644,{},{path}", String::from_utf8_lossy(&oid).trim_end());
            call(&["update-index", "--add", "--cacheinfo", &entry], b"")?;
        }
        let tree = call(&["write-tree"], b"")?;
        Ok(String::from_utf8_lossy(&tree).trim_end().to_owned())
    }

    /// Runs auditrun in the clone, in this process.
    pub fn run_auditrun(&self, bundle: &str, options: &RunOptions) -> Result<u8, Failure> {
        let dir = self.git.dir();
        std::env::set_current_dir(dir).at(|| format!("can't enter {}", dir.display()))?;
        let parallel = options.max_parallel.to_string();
        let file = format!("{bundle}/audit.kdl");
        let mut args: Vec<OsString> =
            ["auditrun", "run", "-f", &file, "--bundle", bundle, "-j", &parallel].map(OsString::from).into();
        if let Some(agent) = &options.agent {
            args.extend(["--agent".into(), agent.into()]);
        }
        Ok(auditrun::cli::main(args).code())
    }
}

/// A linked work tree has a HEAD of its own, so the work tree is what is cloned, where there is one.
fn top_level(repo: &Path) -> Result<PathBuf, Failure> {
    let ask = |what: &[&str]| {
        let mut ask = command("git");
        ask.arg("-C").arg(repo).arg("rev-parse").args(what);
        succeed(ask, b"")
    };
    let git_dir = ask(&["--path-format=absolute", "--git-dir"])?;
    let out = ask(&["--show-toplevel"]).unwrap_or(git_dir);
    Ok(super::agent::os_path(out.strip_suffix(b"\n").unwrap_or(&out)))
}
