//! Capture: the tree that the files of a worktree are, built by an index of ours from the
//! files themselves. What is equal to the pristine capture keeps its blob unread, so neither
//! filters nor line endings invent changes, and an agent's index hides none.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;

use crate::base::{Oid, RepoPath};
use crate::files::remove_anything;

use super::cmd::{self, Git, fields};
use super::links::escapes;
use super::objects::{Edits, Entry, GITLINK, LINK, from_git2, index_line, parse_entry};
use super::scan::{Kind, Snapshot, on_disk};
use super::worktree::State;
use super::{Capture, Drift, GitError, Worktree};

/// Ignored files are listed up to here; a build makes thousands.
const IGNORED_SHOWN: usize = 100;
/// Bytes of arguments that a call may take for sure.
const ARGUMENTS: usize = 64 * 1024;

/// What differs between the pristine snapshot and now, by path.
#[derive(Debug, Default)]
struct Found {
    /// Files and links to hash.
    present: BTreeSet<Vec<u8>>,
    /// Tracked paths that are gone.
    gone: BTreeSet<Vec<u8>>,
    special: Vec<Vec<u8>>,
    ignored: Vec<Vec<u8>>,
    nested: BTreeSet<Vec<u8>>,
    prepared: BTreeSet<Vec<u8>>,
}

impl Worktree {
    /// The pristine capture T0 that [`Worktree::capture`] compares with: everything that stands
    /// here now, preparation's work included.
    ///
    /// # Errors
    /// A directory can't be read.
    pub fn seal(&mut self) -> Result<(), GitError> {
        self.admin.restore()?;
        self.adopt()?;
        let now = self.look()?;
        if let Some(state) = &mut self.state {
            state.before = Arc::clone(&now);
            state.sealed = true;
        }
        self.last = Some(now);
        Ok(())
    }

    /// Takes a worktree that was opened, not reset, for what its HEAD says: whatever differs from
    /// that is found by the next capture.
    ///
    /// # Errors
    /// Its HEAD can't be read.
    pub fn adopt(&mut self) -> Result<(), GitError> {
        if self.state.is_none() {
            let head = self.admin.head().ok_or_else(|| self.unsettled_error())?;
            let tree = self.repo.tree_of(&head)?;
            let listing = self.repo.listing(&tree)?;
            self.state = Some(State::new(tree, listing));
        }
        Ok(())
    }

    fn unsettled_error(&self) -> GitError {
        GitError::Failed {
            what: format!("reading the worktree {}", self.dir.display()),
            detail: "it was not reset to a commit before".to_owned(),
        }
    }

    /// The files as they are, as a tree over `base`: a path equal to T0 keeps the blob that was
    /// checked out there. Attributes are base's; only `.gitignore` files ignore, and only what is
    /// not tracked.
    ///
    /// # Errors
    /// A file or directory can't be read, a name can't stand in a tree, a required filter failed:
    /// nothing is left out silently.
    pub fn capture(&mut self, base: &Oid) -> Result<Capture, GitError> {
        self.admin.restore()?;
        let attributes = self.repo.tree_of(base)?;
        let now = self.look()?;
        let state = self.state.as_ref().ok_or_else(|| self.unsettled_error())?;
        let found = self.compare(state, &now)?;
        let (edits, refused) = self.edits(state, &now, &found, &attributes)?;
        let tree = self.repo.apply(Some(&state.tree), &edits)?;
        let diff = self.repo.diff(&attributes, &tree)?;
        let links = edits.iter().filter(|(_, e)| e.as_ref().is_some_and(|(mode, _)| *mode == LINK));
        self.last = Some(Arc::clone(&now));
        let escaping = links.map(|(path, _)| path.clone()).filter(|path| escapes(&self.dir, path));
        Ok(Capture {
            tree,
            porcelain: diff.porcelain(),
            diff,
            escaping_links: repo_paths(escaping),
            nested_repositories: repo_paths(found.nested),
            special_files: repo_paths(found.special.into_iter().chain(refused)),
            ignored_present: repo_paths(found.ignored.into_iter().take(IGNORED_SHOWN)),
            prepared_changed: repo_paths(found.prepared),
        })
    }

    /// What changed since the last `checkout_tree`, `reset` or `seal`: tracked files by content or
    /// mode, and new files that no `.gitignore` covers.
    ///
    /// # Errors
    /// As [`Worktree::capture`].
    pub fn drift(&mut self) -> Result<Drift, GitError> {
        self.admin.restore()?;
        let now = self.look()?;
        let state = self.state.as_ref().ok_or_else(|| self.unsettled_error())?;
        let found = self.compare(state, &now)?;
        let untracked = found.present.iter().filter(|p| !state.listing.contains_key(*p)).cloned();
        let untracked: BTreeSet<Vec<u8>> = untracked.chain(found.special.clone()).collect();
        let (edits, _) = self.edits(state, &now, &found, &state.tree)?;
        let changed = edits.into_keys().filter(|path| state.listing.contains_key(path));
        let nested = found.nested.into_iter().filter(|path| !state.listing.contains_key(path));
        let untracked: BTreeSet<Vec<u8>> = untracked.into_iter().chain(nested).collect();
        self.last = Some(now);
        Ok(Drift { changed: repo_paths(changed), untracked: repo_paths(untracked) })
    }

    fn compare(&self, state: &State, now: &Snapshot) -> Result<Found, GitError> {
        let mut found = Found::default();
        if std::ptr::eq(Arc::as_ptr(&state.before), now) {
            return Ok(found);
        }
        let mut fresh = BTreeSet::new();
        for (path, seen) in &now.files {
            let before = state.before.files.get(path);
            if before.is_some_and(|b| b.is_same(seen, &on_disk(&self.dir, path))) {
                continue;
            }
            found.prepared.extend(self.prepared_root(path).cloned());
            match (seen.kind, state.listing.get(path)) {
                (Kind::Special, tracked) => {
                    found.special.push(path.clone());
                    found.gone.extend(tracked.map(|_| path.clone()));
                }
                (_, Some(_)) => {
                    found.present.insert(path.clone());
                }
                (_, None) => {
                    fresh.insert(path.clone());
                }
            }
        }
        for path in state.before.files.keys().filter(|path| !now.files.contains_key(*path)) {
            found.prepared.extend(self.prepared_root(path).cloned());
            if state.listing.contains_key(path) {
                found.gone.insert(path.clone());
            }
        }
        for module in state.submodules.iter().filter(|m| state.before.dirs.contains_key(*m)) {
            if !now.dirs.contains_key(module) {
                found.gone.insert(module.clone());
            }
        }
        found.nested = state.before.moved_submodules(now, &self.dir).into_iter().collect();
        self.sort_fresh(state, now, fresh, &mut found)?;
        Ok(found)
    }

    /// Tells new files and repositories that are ignored from those that count.
    fn sort_fresh(
        &self,
        state: &State,
        now: &Snapshot,
        fresh: BTreeSet<Vec<u8>>,
        found: &mut Found,
    ) -> Result<(), GitError> {
        let nested: Vec<&Vec<u8>> = now.nested.difference(&state.before.nested).collect();
        // A repository is ignored if a file in its directory would be.
        let probes = nested.iter().map(|path| [dir_of(path), b"/x"].concat());
        let asked: Vec<Vec<u8>> = fresh.iter().cloned().chain(probes).collect();
        self.unblock(now)?;
        let ignored = self.ignored(&asked)?;
        for path in nested {
            let inside = [dir_of(path), b"/x"].concat();
            if !ignored.contains(&inside) {
                found.nested.insert(dir_of(path).to_vec());
            }
        }
        for path in fresh {
            if ignored.contains(&path) {
                found.ignored.push(path);
            } else {
                found.present.insert(path);
            }
        }
        Ok(())
    }

    /// Removes what would have git wait for ever where it looks for a list of what is ignored: a
    /// FIFO of that name has no end, and a terminal may have none. It is noted already.
    fn unblock(&self, now: &Snapshot) -> Result<(), GitError> {
        let special = now.files.iter().filter(|(_, seen)| seen.kind == Kind::Special);
        let name = |path: &'_ [u8]| path.rsplit(|b| *b == b'/').next().map(<[u8]>::to_ascii_lowercase);
        for (path, _) in special.filter(|(path, _)| name(path).as_deref() == Some(b".gitignore")) {
            let place = on_disk(&self.dir, path);
            remove_anything(&place).map_err(cmd::io(format!("removing {}", place.display())))?;
        }
        Ok(())
    }

    /// Those of `paths`, none of them tracked, that `.gitignore` files cover. Asked in the clean
    /// room, so that info/exclude and the operator's own ignore file do not count.
    fn ignored(&self, paths: &[Vec<u8>]) -> Result<BTreeSet<Vec<u8>>, GitError> {
        if paths.is_empty() {
            return Ok(BTreeSet::new());
        }
        let mut git = self.repo.clean_room_without_objects();
        let mut args = vec!["check-ignore", "-z", "--stdin"];
        if self.admin.is_sparse() {
            // The index holds the .gitignore files that are not checked out.
            git = self.repo.clean_room().index(&self.admin.own_index());
        } else {
            args.push("--no-index");
        }
        // This command takes no literal paths; "./" keeps a leading ':' from being read as more.
        let git = git.work_tree(&self.dir).env("GIT_LITERAL_PATHSPECS", "0");
        let input: Vec<u8> = paths.iter().flat_map(|p| [b"./", p.as_slice(), b"\0"].concat()).collect();
        let out = git.ask(&args, &input)?.unwrap_or_default();
        Ok(fields(&out).map(|path| path.strip_prefix(b"./").unwrap_or(path).to_vec()).collect())
    }

    /// What has to change in the checked-out tree, and new files that git takes into none: it says
    /// so in passing and goes on (`git~1`, say, which is `.git` elsewhere).
    fn edits(
        &self,
        state: &State,
        now: &Snapshot,
        found: &Found,
        attributes: &Oid,
    ) -> Result<(Edits, Vec<Vec<u8>>), GitError> {
        let mut edits: Edits = found.gone.iter().map(|path| (path.clone(), None)).collect();
        let mut hashed = self.hash(state, &found.present, attributes)?;
        let (mut doubtful, mut refused) = (BTreeSet::new(), Vec::new());
        for path in &found.present {
            let old = state.listing.get(path);
            match hashed.remove(path) {
                Some(new) if Some(&new) == old => {}
                Some(new) => {
                    if may_be_as_checked_out(state, now, path, &new) {
                        doubtful.insert(path.clone());
                    }
                    edits.insert(path.clone(), Some(new));
                }
                None if old.is_some() => {
                    edits.insert(path.clone(), None);
                }
                None => refused.push(path.clone()),
            }
        }
        for path in self.as_checked_out(state, &doubtful, attributes)? {
            edits.remove(&path);
        }
        Ok((edits, refused))
    }

    /// An index of ours for one call, holding what is tracked at `paths`.
    fn seeded(
        &self,
        state: &State,
        paths: &BTreeSet<Vec<u8>>,
        attributes: &Oid,
    ) -> Result<(Git, Vec<OsString>), GitError> {
        let index = self.admin.scratch_index();
        remove_anything(&index).map_err(cmd::io("removing an old index"))?;
        let git = self.admin.git().index(&index).attributes(attributes);
        let seeds = paths.iter().filter_map(|path| Some((path, state.listing.get(path)?)));
        let seeds: Vec<_> = seeds.filter(|(_, (mode, _))| *mode != GITLINK).collect();
        let mut args = Vec::new();
        if seeds.iter().map(|(path, _)| path.len() + 80).sum::<usize>() < ARGUMENTS {
            for (path, (mode, id)) in seeds {
                let info = [format!("{mode:o},{id},").as_bytes(), path].concat();
                args.extend([OsString::from("--cacheinfo"), OsString::from_vec(info)]);
            }
        } else {
            let mut input = Vec::new();
            for (path, (mode, id)) in seeds {
                index_line(&mut input, *mode, id.as_str(), path);
            }
            git.feed(&["update-index", "-z", "--index-info"], &input)?;
        }
        Ok((git, args))
    }

    /// Mode and blob of files as git would add them, through filters and line endings. The index
    /// is seeded with what is tracked at these paths, since conversions look at it.
    fn hash(
        &self,
        state: &State,
        paths: &BTreeSet<Vec<u8>>,
        attributes: &Oid,
    ) -> Result<BTreeMap<Vec<u8>, Entry>, GitError> {
        if paths.is_empty() {
            return Ok(BTreeMap::new());
        }
        let (git, seeds) = self.seeded(state, paths, attributes)?;
        let mut args: Vec<OsString> =
            ["update-index", "-z", "--add", "--remove", "--replace"].map(OsString::from).into();
        args.extend(seeds);
        args.push("--stdin".into());
        git.feed(&args, &nul_ended(paths))?;
        if let Some(entries) = self.entries_of_index() {
            return Ok(entries);
        }
        let listed = git.run(&["ls-files", "-s", "-z"])?;
        Ok(fields(&listed).filter_map(parse_entry).map(|(path, e)| (path.to_vec(), e)).collect())
    }

    /// What stands in our index of a call, read without a call where libgit2 can.
    fn entries_of_index(&self) -> Option<BTreeMap<Vec<u8>, Entry>> {
        drop(self.repo.fast()?);
        let index = git2::Index::open(&self.admin.scratch_index()).ok()?;
        let entry = |e: git2::IndexEntry| Some((e.path, (e.mode, from_git2(e.id)?)));
        index.iter().map(entry).collect()
    }

    /// Those of `paths` that hold what a checkout writes there: a filter whose two directions do
    /// not undo each other would else make a change of a file that was only rewritten.
    fn as_checked_out(
        &self,
        state: &State,
        paths: &BTreeSet<Vec<u8>>,
        attributes: &Oid,
    ) -> Result<BTreeSet<Vec<u8>>, GitError> {
        if paths.is_empty() {
            return Ok(BTreeSet::new());
        }
        let again = self.admin.dir().join("auditrun").join("again");
        remove_anything(&again).map_err(cmd::io("removing an old checkout"))?;
        let (git, seeds) = self.seeded(state, paths, attributes)?;
        if !seeds.is_empty() {
            let args = [OsString::from("update-index"), "--add".into()];
            git.run(&args.into_iter().chain(seeds).collect::<Vec<_>>())?;
        }
        let mut prefix = OsString::from("--prefix=");
        prefix.push(&again);
        prefix.push("/");
        let args: [&OsStr; 5] =
            ["checkout-index".as_ref(), "-q".as_ref(), "-z".as_ref(), &prefix, "--stdin".as_ref()];
        git.feed(&args, &nul_ended(paths))?;
        let mut same = BTreeSet::new();
        for path in paths {
            let here = std::fs::read(on_disk(&self.dir, path)).map_err(cmd::io("reading a captured file"))?;
            if std::fs::read(on_disk(&again, path)).is_ok_and(|there| there == here) {
                same.insert(path.clone());
            }
        }
        remove_anything(&again).map_err(cmd::io("removing a checkout"))?;
        Ok(same)
    }
}

/// True for a tracked file that has its length and mode still: only such a one can be what was
/// checked out there, although its blob is another.
fn may_be_as_checked_out(state: &State, now: &Snapshot, path: &[u8], new: &Entry) -> bool {
    let same_mode = state.listing.get(path).is_some_and(|(mode, _)| *mode == new.0);
    match (state.before.files.get(path), now.files.get(path)) {
        (Some(before), Some(seen)) => same_mode && before.may_hold_the_same(seen),
        _ => false,
    }
}

fn nul_ended(paths: &BTreeSet<Vec<u8>>) -> Vec<u8> {
    paths.iter().flat_map(|p| p.iter().copied().chain([0])).collect()
}

fn dir_of(path: &[u8]) -> &[u8] {
    path.iter().rposition(|b| *b == b'/').and_then(|at| path.get(..at)).unwrap_or_default()
}

fn repo_paths(paths: impl IntoIterator<Item = Vec<u8>>) -> Vec<RepoPath> {
    paths.into_iter().map(RepoPath::from_bytes).collect()
}
