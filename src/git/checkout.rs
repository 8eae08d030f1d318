//! Puts a worktree in a known state: HEAD, index and files exactly as asked, whatever an
//! agent did to any of them, and nothing else beside.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::base::Oid;
use crate::files::remove_anything;

use super::cmd;
use super::scan::{Snapshot, Walk, add_parents, on_disk};
use super::worktree::State;
use super::{GitError, Worktree};

/// A file's place on disk and its times: another writer leaves other ones.
type Stamp = (u64, u64, i64, i64);

/// The indexes of a worktree as they were last written by us, and for what.
#[derive(Debug, Default)]
pub(super) struct Written {
    own: Option<(Stamp, Oid)>,
    public: Option<(Stamp, Oid, Oid)>,
}

/// What a cleaning left behind.
struct Wiped {
    /// The file system before it.
    now: Arc<Snapshot>,
    /// Paths that it removed or changed, or that were gone already.
    removed: BTreeSet<Vec<u8>>,
    /// True if files that the seal saw beside the tracked ones may have stayed.
    extras: bool,
}

impl Worktree {
    /// HEAD, index and files exactly at `commit`; nothing untracked or ignored stays, prepared
    /// paths aside.
    ///
    /// # Errors
    /// The commit is missing, the file system refused, or a required filter failed.
    pub fn reset(&mut self, commit: &Oid) -> Result<(), GitError> {
        self.settle(commit, &self.repo.tree_of(commit)?, false)
    }

    /// HEAD (detached) and index at `head`, files exactly `tree`; nothing else stays, prepared
    /// paths aside, and what the seal saw beside the tracked files if it is unchanged (the work
    /// of a setup program). Files that `tree` adds are untracked: the index is `head`'s.
    ///
    /// # Errors
    /// As [`Worktree::reset`].
    pub fn checkout_tree(&mut self, head: &Oid, tree: &Oid) -> Result<(), GitError> {
        self.settle(head, &self.repo.tree_of(tree)?, true)
    }

    fn settle(&mut self, head: &Oid, tree: &Oid, keep_extras: bool) -> Result<(), GitError> {
        self.admin.restore()?;
        let wiped = self.wipe(keep_extras)?;
        let own = self.admin.own_index();
        if self.state.is_none() {
            // An index that does not fit the files would have git believe its dates.
            remove_anything(&own).map_err(cmd::io("removing an old index"))?;
        }
        let old = self.state.take();
        self.check_out(&own, tree, &wiped)?;
        self.admin.set_head(&self.repo, head)?;
        self.publish_index(head, tree)?;
        let arrived = self.arrived(old, tree, wiped)?;
        self.last = Some(Arc::clone(&arrived.before));
        self.state = Some(arrived);
        Ok(())
    }

    /// Files and our own index at `tree`. There is nothing to do if both were left so by the last
    /// checkout: no file went, none may differ by preparation, and nobody else wrote the index.
    fn check_out(&mut self, own: &Path, tree: &Oid, wiped: &Wiped) -> Result<(), GitError> {
        let here = self.written.own.take();
        if wiped.removed.is_empty()
            && self.prepared.is_empty()
            && let Some((stamp, written)) = here
            && written == *tree
            && stamp_of(own) == Some(stamp)
        {
            self.written.own = Some((stamp, written));
            return Ok(());
        }
        let git = self.admin.git().index(own);
        git.run(&["read-tree", "--reset", "-u", "--no-recurse-submodules", tree.as_str()])?;
        trust_dates(own).map_err(cmd::io("dating the index"))?;
        self.written.public = None;
        self.written.own = stamp_of(own).map(|stamp| (stamp, tree.clone()));
        Ok(())
    }

    /// What stands here after a checkout. Where the former state is known only the paths that the
    /// checkout wrote are looked at again. Should git have written more, those files have other
    /// times than noted and count as touched: that costs a look, and loses nothing.
    fn arrived(&self, old: Option<State>, tree: &Oid, wiped: Wiped) -> Result<State, GitError> {
        let Some(old) = old else {
            let mut state = State::new(tree.clone(), self.repo.listing(tree)?);
            let walk = Walk { root: &self.dir, submodules: &state.submodules, skipped: &self.kept };
            let seen = walk.run().map_err(cmd::io(format!("reading {}", self.dir.display())))?;
            state.before = Arc::new(seen);
            return Ok(state);
        };
        let mut listing = old.listing;
        let mut written = wiped.removed;
        for (path, entry) in self.repo.changed_entries(&old.tree, tree)? {
            match entry {
                Some(entry) => drop(listing.insert(path.clone(), entry)),
                None => drop(listing.remove(&path)),
            }
            written.insert(path);
        }
        let mut state = State::new(tree.clone(), listing);
        let mut before = Arc::unwrap_or_clone(wiped.now);
        before
            .look_again(&self.dir, &written, &state.submodules)
            .map_err(cmd::io(format!("reading {}", self.dir.display())))?;
        state.before = Arc::new(before);
        state.sealed = wiped.extras;
        Ok(state)
    }

    /// The index that programs in the worktree see.
    fn publish_index(&mut self, head: &Oid, tree: &Oid) -> Result<(), GitError> {
        let public = self.admin.dir().join("index");
        let what = || format!("writing {}", public.display());
        let head_tree = self.repo.tree_of(head)?;
        remove_anything(&self.admin.dir().join("index.lock")).map_err(cmd::io(what()))?;
        if let Some((stamp, of_head, of_tree)) = &self.written.public
            && (of_head, of_tree) == (&head_tree, tree)
            && stamp_of(&public).as_ref() == Some(stamp)
        {
            return Ok(());
        }
        remove_anything(&public).map_err(cmd::io(what()))?;
        fs::copy(self.admin.own_index(), &public).map_err(cmd::io(what()))?;
        if head_tree != *tree {
            self.admin.git().index(&public).run(&["read-tree", "-m", head.as_str()])?;
        }
        self.written.public = stamp_of(&public).map(|stamp| (stamp, head_tree, tree.clone()));
        Ok(())
    }

    /// Removes every file that is not certainly what we put there.
    fn wipe(&mut self, keep_extras: bool) -> Result<Wiped, GitError> {
        let now = self.look()?;
        let extras = keep_extras && self.state.as_ref().is_some_and(|s| s.sealed);
        let what = || format!("cleaning {}", self.dir.display());
        let (mut needed, mut removed) = (BTreeSet::new(), BTreeSet::new());
        for (path, seen) in &now.files {
            let place = on_disk(&self.dir, path);
            let same = |before: &Snapshot| before.files.get(path).is_some_and(|b| b.is_same(seen, &place));
            if self.stays(path, extras, same) {
                add_parents(path, &mut needed);
            } else {
                remove_anything(&place).map_err(cmd::io(what()))?;
                removed.insert(path.clone());
            }
        }
        for path in &now.nested {
            if self.stays(path, extras, |before| before.nested.contains(path)) {
                add_parents(path, &mut needed);
            } else {
                remove_anything(&on_disk(&self.dir, path)).map_err(cmd::io(what()))?;
                removed.insert(path.clone());
            }
        }
        if let Some(state) = &self.state {
            let gone = state.before.files.keys().filter(|path| !now.files.contains_key(*path));
            removed.extend(gone.cloned());
            // The checkout makes their directories again.
            removed.extend(state.submodules.iter().filter(|m| !now.submodules.contains_key(*m)).cloned());
        }
        removed.extend(self.wipe_submodules(&now, extras, &mut needed)?);
        removed.extend(self.wipe_directories(&now, extras, &needed)?);
        Ok(Wiped { now, removed, extras })
    }

    /// A path stays if it is prepared, or unchanged and ours: tracked, or an extra.
    fn stays(&self, path: &[u8], extras: bool, unchanged: impl Fn(&Snapshot) -> bool) -> bool {
        if self.prepared_root(path).is_some() {
            return true;
        }
        let Some(state) = &self.state else { return false };
        (extras || state.listing.contains_key(path)) && unchanged(&state.before)
    }

    /// Empties the directories of submodules, except those whose filling the seal saw and that are
    /// as they were. Returns what it emptied.
    fn wipe_submodules(
        &self,
        now: &Snapshot,
        extras: bool,
        needed: &mut BTreeSet<Vec<u8>>,
    ) -> Result<Vec<Vec<u8>>, GitError> {
        let Some(state) = &self.state else { return Ok(Vec::new()) };
        let moved = state.before.moved_submodules(now, &self.dir);
        let mut emptied = Vec::new();
        for (module, _) in now.submodules.iter().filter(|(_, files)| !files.is_empty()) {
            if extras && !moved.contains(module) || self.prepared_root(module).is_some() {
                needed.insert(module.clone());
                add_parents(module, needed);
            } else {
                let place = on_disk(&self.dir, module);
                remove_anything(&place).map_err(cmd::io(format!("emptying {}", place.display())))?;
                emptied.push(module.clone());
            }
        }
        Ok(emptied)
    }

    /// Removes directories that hold nothing of ours, deepest first, and gives the others their
    /// permissions back. Returns the paths to look at again.
    fn wipe_directories(
        &self,
        now: &Snapshot,
        extras: bool,
        needed: &BTreeSet<Vec<u8>>,
    ) -> Result<Vec<Vec<u8>>, GitError> {
        let before = self.state.as_ref().map(|s| &s.before.dirs);
        let failed = |path: &Path| cmd::io(format!("cleaning {}", path.display()));
        let mut touched = Vec::new();
        for (path, mode) in now.dirs.iter().rev() {
            let place = on_disk(&self.dir, path);
            let holds_kept =
                self.kept.iter().any(|k| k.starts_with(path) && k.get(path.len()) == Some(&b'/'));
            let was = before.and_then(|dirs| dirs.get(path));
            if self.prepared_root(path).is_some() || holds_kept {
                continue;
            }
            let holds_ours = path.is_empty() || needed.contains(path) || (extras && was.is_some());
            if !holds_ours {
                remove_anything(&place).map_err(failed(&place))?;
                touched.push(path.clone());
            } else if was.is_some_and(|was| was != mode) {
                let mode = fs::Permissions::from_mode(was.copied().unwrap_or(0o755));
                fs::set_permissions(&place, mode).map_err(failed(&place))?;
                touched.push(path.clone());
            }
        }
        Ok(touched)
    }

    /// Removes these untracked paths.
    ///
    /// # Errors
    /// A path leads through a link or out of the worktree, or the file system refused.
    pub fn remove_untracked(&mut self, paths: &[crate::base::RepoPath]) -> Result<(), GitError> {
        if !paths.is_empty() {
            self.doubt();
        }
        let tracked = self.state.as_ref().map(|s| &s.listing);
        for path in paths {
            let bytes = path.as_bytes();
            let place = on_disk(&self.dir, bytes);
            let is_tracked = tracked.is_some_and(|listing| listing.contains_key(bytes));
            if is_tracked || !lies_inside(&self.dir, bytes) {
                let detail = "it is tracked, or not a place inside of the worktree".to_owned();
                return Err(GitError::Failed { what: format!("removing {path}"), detail });
            }
            remove_anything(&place).map_err(cmd::io(format!("removing {}", place.display())))?;
            self.remove_emptied(bytes);
        }
        Ok(())
    }

    /// Removes the directories above that were made for what went.
    fn remove_emptied(&self, path: &[u8]) {
        let Some(state) = &self.state else { return };
        let mut parents = BTreeSet::new();
        add_parents(path, &mut parents);
        for dir in parents.iter().rev().filter(|dir| !state.before.dirs.contains_key(*dir)) {
            // One that still holds something is meant to stay.
            let _ = fs::remove_dir(on_disk(&self.dir, dir));
        }
    }
}

/// `None`: no regular file is there.
fn stamp_of(path: &Path) -> Option<Stamp> {
    let meta = path.symlink_metadata().ok().filter(fs::Metadata::is_file)?;
    Some((meta.ino(), meta.size(), meta.ctime(), meta.ctime_nsec()))
}

/// True for a path without tricks whose directories are real ones.
fn lies_inside(root: &Path, path: &[u8]) -> bool {
    let plain = path.split(|b| *b == b'/').all(|p| !p.is_empty() && p != b"." && p != b".." && p != b".git");
    let mut parents = BTreeSet::new();
    add_parents(path, &mut parents);
    plain && parents.iter().all(|dir| !on_disk(root, dir).is_symlink())
}

/// Dates our own index ahead of its files. git takes a file written in the index's second for
/// possibly changed and reads it again; here the snapshots answer that, more finely.
fn trust_dates(index: &Path) -> std::io::Result<()> {
    let ahead = SystemTime::now() + Duration::from_secs(10);
    fs::File::options().write(true).open(index)?.set_modified(ahead)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_places_inside_may_be_removed() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/", dir.path().join("l")).unwrap();
        for bad in ["../x", "a/../../x", "l/tmp", ".git", "/etc", "a//b", ""] {
            assert!(!lies_inside(dir.path(), bad.as_bytes()), "{bad}");
        }
        assert!(lies_inside(dir.path(), b"a/b") && lies_inside(dir.path(), b"l"));
    }
}
