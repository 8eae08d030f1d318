//! Refs: read, made, moved and deleted, each change a compare-and-swap. libgit2 where it
//! can; whatever it refuses (a lock that is held, a format) is put to the command line.

use crate::base::Oid;

use super::cmd;
use super::objects::{from_git2, to_git2};
use super::{GitError, Repo, Swap};

const LOG: &str = "auditrun";

impl Repo {
    /// Where a ref (full name) points; `None` if there is none.
    ///
    /// # Errors
    /// git failed.
    pub fn reference(&self, name: &str) -> Result<Option<Oid>, GitError> {
        if let Some(repo) = self.fast() {
            match repo.find_reference(name).and_then(|r| r.resolve()) {
                Ok(found) => return Ok(found.target().and_then(from_git2)),
                Err(e) if e.code() == git2::ErrorCode::NotFound => return Ok(None),
                Err(_) => {}
            }
        }
        let args = ["rev-parse", "--verify", "-q", "--end-of-options", name];
        Ok(self.git().ask(&args, &[])?.and_then(|out| Oid::parse(cmd::line(&out).trim())))
    }

    /// Every ref whose full name begins with `prefix` (text, not a path), by name.
    ///
    /// # Errors
    /// git failed.
    pub fn references(&self, prefix: &str) -> Result<Vec<(String, Oid)>, GitError> {
        let mut found = match self.references_fast(prefix) {
            Some(found) => found,
            None => self.references_plain(prefix)?,
        };
        found.sort();
        Ok(found)
    }

    fn references_fast(&self, prefix: &str) -> Option<Vec<(String, Oid)>> {
        let repo = self.fast()?;
        let mut found = Vec::new();
        for reference in repo.references().ok()? {
            let reference = reference.ok()?;
            let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
            if name.starts_with(prefix) {
                // A symbolic ref to nothing (a remote's HEAD, say) is no ref for us.
                let target = reference.resolve().ok().and_then(|r| r.target()).and_then(from_git2);
                found.extend(target.map(|oid| (name, oid)));
            }
        }
        Some(found)
    }

    fn references_plain(&self, prefix: &str) -> Result<Vec<(String, Oid)>, GitError> {
        let out = self.git().run(&["for-each-ref", "--format=%(objectname) %(refname)"])?;
        let text = String::from_utf8_lossy(&out);
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        let ours = lines.filter(|(_, name)| name.starts_with(prefix));
        Ok(ours.filter_map(|(id, name)| Some((name.to_owned(), Oid::parse(id)?))).collect())
    }

    /// Makes a ref that must not exist yet. `false`: it exists.
    ///
    /// # Errors
    /// The name is invalid or blocked by another ref, or git failed.
    pub fn create_ref(&self, name: &str, target: &Oid) -> Result<bool, GitError> {
        cmd::step("making a ref")?;
        if let (Some(repo), Some(id)) = (self.fast(), to_git2(target)) {
            match repo.reference(name, id, false, LOG) {
                Ok(_) => return Ok(true),
                Err(e) if e.code() == git2::ErrorCode::Exists => return Ok(false),
                Err(_) => {}
            }
        }
        let zero = "0".repeat(target.as_str().len());
        match self.git().run(&["update-ref", "--no-deref", "-m", LOG, name, target.as_str(), &zero]) {
            Ok(_) => Ok(true),
            Err(error) => match self.reference(name)? {
                Some(_) => Ok(false),
                None => Err(error),
            },
        }
    }

    /// Compare-and-swap: the ref goes from `old` to `new`, or stays and is told.
    ///
    /// # Errors
    /// git failed for another reason than the ref's place.
    pub fn swap_ref(&self, name: &str, old: &Oid, new: &Oid) -> Result<Swap, GitError> {
        cmd::step("moving a ref")?;
        if let (Some(repo), Some(from), Some(to)) = (self.fast(), to_git2(old), to_git2(new))
            && repo.reference_matching(name, to, true, from, LOG).is_ok()
        {
            return Ok(Swap::Done);
        }
        let args = ["update-ref", "--no-deref", "-m", LOG, name, new.as_str(), old.as_str()];
        self.swapped(name, old, &args)
    }

    /// Deletes a ref if it is still at `old`.
    ///
    /// # Errors
    /// git failed for another reason than the ref's place.
    pub fn delete_ref(&self, name: &str, old: &Oid) -> Result<Swap, GitError> {
        cmd::step("deleting a ref")?;
        self.swapped(name, old, &["update-ref", "--no-deref", "-d", name, old.as_str()])
    }

    /// Runs an update; if it failed, the ref's place says why.
    fn swapped(&self, name: &str, old: &Oid, args: &[&str]) -> Result<Swap, GitError> {
        match self.git().run(args) {
            Ok(_) => Ok(Swap::Done),
            Err(error) => match self.reference(name)? {
                Some(found) if found == *old => Err(error),
                found => Ok(Swap::Moved(found)),
            },
        }
    }
}
