//! Finds out afterwards what no program may change: the repository's refs, config and hooks
//! in any case; where no sandbox keeps programs away from them, also the bundle in the
//! operator's checkout, the artifacts of what is finished, the integration worktree, the
//! journal's place, and the operator's configuration of git.
//!
//! Files are told by their metadata, which costs a look each and no reading. Only what the
//! harness itself leaves alone meanwhile is looked at: nodes that are verified, reports of
//! earlier phases, never the journal or a node that is at work.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::base::names;
use crate::event::NodeStatus;
use crate::git::{Guard, GuardClass, GuardEntry, Repo};
use crate::run::context::{Context, Fault, shown};
use crate::run::environment::Operator;
use crate::run::ledger::{Foreign, Ledger};

/// The one file that grows all the while: it only has to be the same.
const JOURNAL: &str = "journal";

/// What there was before.
pub struct Watch {
    /// Looked at both times, though more may have been finished since.
    places: Vec<(&'static str, PathBuf)>,
    before: Guard,
}

impl Watch {
    /// Looks before a program starts. `own` is a directory that it must leave as it is.
    ///
    /// # Errors
    /// Git failed.
    pub fn begin(cx: &Context, own: Option<&Path>) -> Result<Watch, Fault> {
        let mut places = if cx.shielded() { Vec::new() } else { unshielded(cx, own.is_some()) };
        if !cx.containment.enforced() {
            places.extend(own.map(|dir| ("read-only directory", dir.to_owned())));
        }
        Watch::over(&cx.repo, places)
    }

    /// Looks at a repository and at these places, each with the word that names its kind: for
    /// programs that work outside of a run.
    ///
    /// # Errors
    /// Git failed.
    pub fn over(repo: &Repo, places: Vec<(&'static str, PathBuf)>) -> Result<Watch, Fault> {
        let before = look(repo, &places)?;
        Ok(Watch { places, before })
    }

    /// What has changed since and was not the harness's doing.
    ///
    /// # Errors
    /// Git failed.
    pub fn foreign(&self, cx: &Context) -> Result<Vec<Foreign>, Fault> {
        self.changed(&cx.repo, &cx.ledger)
    }

    /// What has changed since and is not in the ledger.
    ///
    /// # Errors
    /// Git failed.
    pub fn changed(&self, repo: &Repo, ledger: &Ledger) -> Result<Vec<Foreign>, Fault> {
        Ok(ledger.foreign(&self.before, &look(repo, &self.places)?))
    }
}

impl Context {
    /// The sandbox keeps every program away from the repository and the artifacts.
    pub fn shielded(&self) -> bool {
        let out = self.recorder.out();
        self.containment.shields(&[self.repo.root(), self.repo.common_dir(), out])
    }
}

fn look(repo: &Repo, places: &[(&'static str, PathBuf)]) -> Result<Guard, Fault> {
    let mut guard = repo.guard()?;
    for (kind, place) in places {
        if *kind == JOURNAL {
            let found =
                place.symlink_metadata().map_or(String::new(), |m| format!("{} {}", m.dev(), m.ino()));
            let entry = GuardEntry { class: GuardClass::Harness, digest: found };
            guard.entries.insert(format!("{kind} {}", shown(repo.root(), place)), entry);
            continue;
        }
        walk(place, &mut |path, digest| {
            let entry = GuardEntry { class: GuardClass::Harness, digest };
            guard.entries.insert(format!("{kind} {}", shown(repo.root(), path)), entry);
        });
    }
    Ok(guard)
}

/// `asking`: a question is being answered, and the harness writes its transcript.
fn unshielded(cx: &Context, asking: bool) -> Vec<(&'static str, PathBuf)> {
    let root = cx.repo.root();
    let in_bundle = ["state.md", "graph.md", "prompts"];
    let mut places: Vec<_> =
        in_bundle.iter().map(|name| ("bundle", root.join(cx.layout.in_bundle(name)))).collect();
    places.push(("artifact", cx.artifact("preflight")));
    places.push((JOURNAL, cx.artifact(names::JOURNAL)));
    places.extend(gits_own(&cx.operator));
    places.extend((!asking).then(|| ("artifact", cx.artifact("resolutions"))));
    let history = fs::read_dir(cx.artifact(".history")).into_iter().flatten().flatten();
    places.extend(history.flat_map(|run| reports(&run.path())));
    let state = cx.recorder.state();
    let done = state.nodes.iter().filter(|node| node.status() == Some(NodeStatus::Verified));
    places.extend(done.map(|node| ("artifact", cx.artifact(&Context::node_dir(&node.id)))));
    places.push(("worktree", cx.config.worktrees(root).join(format!("audit-integration-{}", cx.run_id))));
    places
}

/// Where git reads how to filter files and what to start, in every call of ours.
fn gits_own(operator: &Operator) -> Vec<(&'static str, PathBuf)> {
    let at = |name: &str| operator.get(name).map(PathBuf::from);
    let home = at("HOME");
    let folder = at("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config")));
    let files = [
        home.map(|home| home.join(".gitconfig")),
        folder.map(|folder| folder.join("git")),
        at("GIT_CONFIG_GLOBAL"),
        Some(PathBuf::from("/etc/gitconfig")),
    ];
    // A link to a file elsewhere is usual; it is that file that counts.
    let real = |file: PathBuf| file.canonicalize().unwrap_or(file);
    files.into_iter().flatten().map(|file| ("configuration of git", real(file))).collect()
}

/// The reports of an archived run: its proof. The rest of it is evidence that nobody reads
/// again, and may be large.
fn reports(run: &Path) -> Vec<(&'static str, PathBuf)> {
    let entries = fs::read_dir(run).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.is_file()).map(|path| ("artifact", path)).collect()
}

/// Calls `found` for the place and everything below it.
fn walk(place: &Path, found: &mut impl FnMut(&Path, String)) {
    let mut left = vec![place.to_owned()];
    while let Some(path) = left.pop() {
        let Ok(meta) = path.symlink_metadata() else { continue };
        found(&path, digest(&meta));
        if meta.is_dir() {
            left.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
    }
}

/// The change time can't be set by a program, so it tells also of what puts the rest back.
fn digest(meta: &fs::Metadata) -> String {
    let (m, c) = ((meta.mtime(), meta.mtime_nsec()), (meta.ctime(), meta.ctime_nsec()));
    let size = if meta.is_dir() { 0 } else { meta.size() };
    format!("{:o} {} {size} {}.{} {}.{}", meta.mode(), meta.ino(), m.0, m.1, c.0, c.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(dir: &Path) -> Vec<(PathBuf, String)> {
        let mut all = Vec::new();
        walk(dir, &mut |path, digest| all.push((path.to_owned(), digest)));
        all.sort();
        all
    }

    #[test]
    fn a_change_that_puts_size_and_time_back_is_seen_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a/b");
        fs::create_dir(dir.path().join("a")).unwrap();
        fs::write(&file, "one").unwrap();
        let before = entries(dir.path());
        assert_eq!(before.len(), 3);
        assert_eq!(before, entries(dir.path()));
        let time = fs::metadata(&file).unwrap().modified().unwrap();
        // The kernel's clock for file times ticks in milliseconds.
        while before == entries(dir.path()) {
            fs::write(&file, "two").unwrap();
            fs::File::open(&file).unwrap().set_modified(time).unwrap();
        }
        let after = entries(dir.path());
        assert_ne!(before.last(), after.last());
        assert_eq!(before.len(), after.len());
    }

    #[test]
    fn what_is_not_there_has_no_entries() {
        assert!(entries(Path::new("/nowhere/at/all")).is_empty());
    }
}
