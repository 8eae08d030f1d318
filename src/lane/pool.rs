//! Worktrees that were given back: parked under a name of their own until another node takes
//! one up, or removed beside the work. None is left when the pool is closed.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::LaneError;
use crate::base::Oid;
use crate::git::{Repo, Worktree};

/// Worktrees without a node.
#[derive(Debug)]
pub(super) struct Pool {
    repo: Repo,
    root: PathBuf,
    reuse: bool,
    parked: AtomicU64,
    idle: Mutex<Vec<Worktree>>,
    removals: Mutex<Vec<JoinHandle<Result<(), LaneError>>>>,
}

impl Pool {
    /// Worktrees of `repo` in `root`. Without `reuse` each is removed when it comes back.
    pub fn new(repo: Repo, root: PathBuf, reuse: bool) -> Pool {
        Pool {
            repo,
            root,
            reuse,
            parked: AtomicU64::new(0),
            idle: Mutex::default(),
            removals: Mutex::default(),
        }
    }

    /// Takes a worktree back. Its name is free at once; the rest happens later or elsewhere.
    /// `lock_reason` says whose it was, for who finds it after a crash.
    pub fn give_back(&self, mut tree: Worktree, lock_reason: &str) -> Result<(), LaneError> {
        let (place, dir) = (self.place(), tree.dir().to_owned());
        if tree.relocate(&place, lock_reason).is_err() {
            // At once, since its name is to be free.
            return self.remove_half_moved(&dir, &place);
        }
        if self.reuse && tree.can_be_recycled() {
            lock(&self.idle).push(tree);
            return Ok(());
        }
        let repo = self.repo.clone();
        let removal = move || repo.remove_worktree(&place).map_err(super::local::failed);
        match thread::Builder::new().name("removal".to_owned()).spawn(removal.clone()) {
            Ok(handle) => lock(&self.removals).push(handle),
            Err(_) => return removal(),
        }
        Ok(())
    }

    /// A free name that no node has and that shows in no listing of kept worktrees.
    fn place(&self) -> PathBuf {
        loop {
            let number = self.parked.fetch_add(1, Ordering::Relaxed);
            let place = self.root.join(format!("audit-idle-{}-{number}", std::process::id()));
            if place.symlink_metadata().is_err() {
                return place;
            }
        }
    }

    /// A used worktree, put in the state of a new one at `dir`. `None`: there is none, or it
    /// could not be done, and nothing is left of the attempt.
    pub fn take(&self, dir: &Path, commit: &Oid, lock_reason: &str) -> Result<Option<Worktree>, LaneError> {
        let Some(used) = lock(&self.idle).pop() else { return Ok(None) };
        let parked = used.dir().to_owned();
        match used.recycle(dir, commit, lock_reason) {
            Ok(tree) => Ok(Some(tree)),
            Err(_) => self.remove_half_moved(&parked, dir).map(|()| None),
        }
    }

    /// Removes a worktree whose move failed: it may stand at either place, or its files at the
    /// one and its registration at the other.
    fn remove_half_moved(&self, from: &Path, to: &Path) -> Result<(), LaneError> {
        let both = [from, to].map(|place| self.repo.remove_worktree(place).map_err(super::local::failed));
        both.into_iter().collect()
    }

    /// Removes what is parked, all at once, and waits for every removal.
    pub fn close(&self) -> Result<(), LaneError> {
        let idle = std::mem::take(&mut *lock(&self.idle));
        let running = std::mem::take(&mut *lock(&self.removals));
        let removed = thread::scope(|scope| {
            let remove = |tree: Worktree| self.repo.remove_worktree(tree.dir()).map_err(super::local::failed);
            let removals: Vec<_> = idle.into_iter().map(|tree| scope.spawn(move || remove(tree))).collect();
            let ended = removals.into_iter().map(|removal| removal.join().unwrap_or_else(|_| Err(lost())));
            ended.collect::<Vec<_>>()
        });
        let earlier = running.into_iter().map(|removal| removal.join().unwrap_or_else(|_| Err(lost())));
        // Every one is waited for before the first failure is told.
        let all: Vec<Result<(), LaneError>> = earlier.chain(removed).collect();
        all.into_iter().collect()
    }
}

fn lost() -> LaneError {
    LaneError("a worktree's removal panicked; this is a bug of auditrun".to_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
