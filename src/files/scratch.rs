//! Scratch directories that say whose they are, so that those of a process which was killed
//! can be told from those in use and removed.

use std::fs;
use std::io;
use std::path::Path;

use super::remove::remove_anything;
use crate::event::ProcessStamp;

const PREFIX: &str = "auditrun-tmp-";
/// Digits of the boot's id in a name: enough to tell boots apart, and sockets below it fit.
const BOOT_DIGITS: usize = 8;

/// A directory in the system's temporary directory, removed when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    dir: tempfile::TempDir,
}

impl Scratch {
    /// Makes one that belongs to the stamped process.
    ///
    /// # Errors
    /// The system refused.
    pub fn new(owner: &ProcessStamp) -> io::Result<Scratch> {
        let prefix = format!("{PREFIX}{}-{}-{}-", boot(owner), owner.pid, owner.start_ticks);
        Ok(Scratch { dir: tempfile::Builder::new().prefix(&prefix).tempdir()? })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Those of this user in the system's temporary directory whose owner does not live any
    /// more; `boot_id` is this boot's. What can't be listed is nobody's.
    pub fn abandoned(boot_id: &str, alive: impl Fn(&ProcessStamp) -> bool) -> Vec<std::path::PathBuf> {
        Self::abandoned_in(&std::env::temp_dir(), boot_id, alive)
    }

    fn abandoned_in(
        dir: &Path,
        boot_id: &str,
        alive: impl Fn(&ProcessStamp) -> bool,
    ) -> Vec<std::path::PathBuf> {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let dead = entries.filter(|entry| {
            let name = entry.file_name();
            let owner = name.to_str().and_then(|name| owner(name, boot_id));
            owner.is_some_and(|owner| !alive(&owner))
                && entry.metadata().is_ok_and(|m| m.is_dir() && mine(&m))
        });
        let mut dead: Vec<_> = dead.map(|entry| entry.path()).collect();
        dead.sort();
        dead
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Programs may have left what the plain removal refuses; the next start tries again.
        let _ = remove_anything(self.dir.path());
    }
}

fn boot(owner: &ProcessStamp) -> &str {
    owner.boot_id.get(..BOOT_DIGITS).unwrap_or("none")
}

/// Whose directory it is by its name. One of another boot has another boot's id in the stamp.
fn owner(name: &str, boot_id: &str) -> Option<ProcessStamp> {
    let mut parts = name.strip_prefix(PREFIX)?.split('-');
    let (boot, pid, start) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next()?;
    let this = boot_id.get(..BOOT_DIGITS).unwrap_or("none") == boot;
    Some(ProcessStamp {
        pid: pid.parse().ok()?,
        start_ticks: start.parse().ok()?,
        boot_id: if this { boot_id.to_owned() } else { boot.to_owned() },
    })
}

fn mine(meta: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    meta.uid() == rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(boot_id: &str) -> ProcessStamp {
        ProcessStamp { pid: 12, start_ticks: 34, boot_id: boot_id.to_owned() }
    }

    #[test]
    fn a_name_says_whose_it_is() {
        let this = stamp("0123456789abcdef");
        let scratch = Scratch::new(&this).unwrap();
        let name = scratch.path().file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(owner(&name, "0123456789abcdef"), Some(this));
        assert_eq!(owner(&name, "another-boot"), Some(stamp("01234567")));
        for foreign in ["auditrun-demo-abc", "auditrun-tmp-x", "auditrun-tmp-a-b-c-d", "tmp"] {
            assert_eq!(owner(foreign, "0123456789abcdef"), None, "{foreign}");
        }
    }

    #[test]
    fn only_directories_whose_owner_is_gone_are_abandoned() {
        let dir = tempfile::tempdir().unwrap();
        let gone = dir.path().join("auditrun-tmp-bootboot-5-6-aaa");
        fs::create_dir(&gone).unwrap();
        fs::create_dir(dir.path().join("auditrun-tmp-bootboot-7-8-bbb")).unwrap();
        fs::create_dir(dir.path().join("auditrun-demo-ccc")).unwrap();
        fs::write(dir.path().join("auditrun-tmp-bootboot-5-6-file"), "").unwrap();
        let found = Scratch::abandoned_in(dir.path(), "bootboot!", |owner| owner.pid == 7);
        assert_eq!(found, [gone]);
    }
}
