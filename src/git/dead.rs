//! What a harness that was killed left half done in the git directory: the locks of refs of
//! ours, worktrees that were being made, moved or removed. Only for whoever holds the
//! harness's lock and has seen the end of the dead one's programs.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::event::ProcessStamp;
use crate::files::remove_anything;
use crate::process;

use super::astray::place;
use super::cmd;
use super::worktree::may_be_half_made;
use super::{GitError, Repo};

/// Where nobody but the harness makes refs, below the common directory.
const OURS: [&str; 3] = ["refs/heads/audit", "refs/auditrun", "refs/auditrun-proof"];
/// How long a ref's lock must stay as it is before nobody holds it: git writes a few bytes
/// under it. Somebody else's pack or fetch is waited out by this.
const UNTOUCHED: Duration = Duration::from_millis(1500);
/// Names of our worktrees, registered or not, begin so.
const NAMED: &str = "audit-";
/// Those that invariants and checks at the head run in.
const CHECKED: &str = "audit-integration-";
/// Why those of `qa` are locked, up to its process.
const PASSING: &str = "auditrun qa pid ";
/// Those that wait for another node.
const IDLE: &str = "audit-idle-";

impl Repo {
    /// Clears it away; each thing is told in a sentence. `worktrees` is where ours are made.
    ///
    /// # Errors
    /// The file system refused.
    pub fn clear_half_done(&self, worktrees: &Path) -> Result<Vec<String>, GitError> {
        let mut told = self.clear_ref_locks()?;
        told.extend(self.reattach(&named(worktrees), is_ours)?);
        told.extend(self.clear_half_made()?);
        told.extend(self.clear_passing()?);
        told.extend(self.clear_strays(worktrees)?);
        Ok(told)
    }

    /// A ref's lock has the ref's name with `.lock` behind it, and is a file of its own.
    fn clear_ref_locks(&self) -> Result<Vec<String>, GitError> {
        let mut before = Vec::new();
        for place in OURS {
            ref_locks(&self.common_dir().join(place), &mut before);
        }
        if before.is_empty() {
            return Ok(Vec::new());
        }
        let until = Instant::now() + UNTOUCHED;
        while Instant::now() < until && before.iter().any(|(path, id)| identity(path) == Some(*id)) {
            std::thread::sleep(UNTOUCHED / 30);
        }
        let mut told = Vec::new();
        for (path, id) in before {
            if identity(&path) == Some(id) {
                remove_anything(&path).map_err(cmd::io(format!("removing {}", path.display())))?;
                told.push(format!("a lock that a killed process left was removed: {}", path.display()));
            }
        }
        Ok(told)
    }

    /// Registrations that lack what every worktree has, since git was killed before it had written
    /// them and refuses to list any worktree while one is there; and those whose worktree went.
    fn clear_half_made(&self) -> Result<Vec<String>, GitError> {
        let mut told = Vec::new();
        let entries = fs::read_dir(self.common_dir().join("worktrees")).into_iter().flatten().flatten();
        for dir in entries.map(|e| e.path()).filter(|dir| is_ours(dir) && !in_use(dir)) {
            if is_half_made(&dir) || self.is_gone(&dir) {
                remove_anything(&dir).map_err(cmd::io(format!("removing {}", dir.display())))?;
                told.push(format!("a half-made or half-removed worktree was forgotten: {}", dir.display()));
            }
        }
        Ok(told)
    }

    /// Worktrees that a command without the harness's lock had for one program, and that it did
    /// not come to remove. Nobody's work is in them.
    fn clear_passing(&self) -> Result<Vec<String>, GitError> {
        let mut told = Vec::new();
        for info in self.worktrees()? {
            let pid = info.locked.as_deref().and_then(|reason| reason.strip_prefix(PASSING)?.parse().ok());
            if pid.is_some_and(|pid| !lives(pid)) {
                self.remove_worktree(&info.dir)?;
                told.push(format!(
                    "a worktree that a killed process left was removed: {}",
                    info.dir.display()
                ));
            }
        }
        Ok(told)
    }

    /// The directory that a registration is about was removed. One on a volume that is not there
    /// right now is not taken for that.
    fn is_gone(&self, admin: &Path) -> bool {
        let pointer = fs::read_to_string(admin.join("gitdir")).unwrap_or_default();
        let Some(dir) = Path::new(pointer.trim_end()).parent() else { return false };
        let would_show = dir.starts_with(self.root()) || dir.parent().is_some_and(Path::exists);
        would_show && dir.symlink_metadata().is_err()
    }

    /// Directories of worktrees that are not registered: their registration was made for
    /// another place, or removed before them.
    fn clear_strays(&self, worktrees: &Path) -> Result<Vec<String>, GitError> {
        let mut told = Vec::new();
        let dirs = named(worktrees);
        if dirs.is_empty() {
            return Ok(told);
        }
        let known: HashSet<PathBuf> = self.worktrees()?.into_iter().filter_map(|w| real(&w.dir)).collect();
        for dir in dirs {
            let registered = real(&dir).is_some_and(|dir| known.contains(&dir));
            if registered || !may_be_half_made(&dir, self.common_dir()) {
                continue;
            }
            let shown = dir.display();
            if holds_no_work(&dir) {
                remove_anything(&dir).map_err(cmd::io(format!("removing {shown}")))?;
                told.push(format!("a worktree that git does not know was removed: {shown}"));
            } else {
                told.push(format!(
                    "git has forgotten the worktree {shown}; it may hold work: look, and remove it"
                ));
            }
        }
        Ok(told)
    }
}

/// Directories that are named as worktrees of ours are, those in use right now aside.
fn named(worktrees: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(worktrees).into_iter().flatten().flatten();
    let named = entries.filter(|e| e.file_name().to_string_lossy().starts_with(NAMED));
    named.map(|e| e.path()).filter(|dir| is_dir(dir) && !in_use(dir)).collect()
}

fn real(path: &Path) -> Option<PathBuf> {
    fs::canonicalize(path).ok()
}

fn is_dir(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|m| m.is_dir())
}

/// Every lock below a directory of refs with what tells it from a later one.
fn ref_locks(dir: &Path, found: &mut Vec<(PathBuf, Identity)>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if is_dir(&path) {
            ref_locks(&path, found);
        } else if path.extension().is_some_and(|e| e == "lock") {
            found.extend(identity(&path).map(|id| (path, id)));
        }
    }
}

type Identity = (u64, i64, i64, u64);

/// Inode, time of change and size.
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    let meta = path.symlink_metadata().ok().filter(fs::Metadata::is_file)?;
    Some((meta.ino(), meta.ctime(), meta.ctime_nsec(), meta.size()))
}

/// Nobody has worked in it: it was for checks alone, it holds nothing but its pointer, or it was
/// on its way to or from the worktrees that wait for another node.
fn holds_no_work(dir: &Path) -> bool {
    if dir.file_name().is_some_and(|name| name.to_string_lossy().starts_with(CHECKED)) {
        return true;
    }
    let entries: Vec<_> = fs::read_dir(dir).into_iter().flatten().flatten().collect();
    if entries.iter().all(|e| e.file_name() == ".git") {
        return true;
    }
    let idle = |path: &Path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(IDLE));
    let pointer = fs::read_to_string(dir.join(".git")).unwrap_or_default();
    let admin = PathBuf::from(pointer.strip_prefix("gitdir: ").unwrap_or_default().trim_end());
    let back = fs::read_to_string(admin.join("gitdir")).unwrap_or_default();
    idle(dir) || idle(&admin) || Path::new(back.trim_end()).parent().is_some_and(idle)
}

/// True for one that another process, which does not take the harness's lock (`gate`, `qa`), is
/// making or removing right now: its number is in the name.
fn in_use(dir: &Path) -> bool {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let pid = match name.strip_prefix(IDLE) {
        Some(rest) => rest.split('-').next(),
        None => {
            let rest = name.strip_prefix("audit-gate-").or_else(|| name.strip_prefix("audit-qa-"));
            rest.and_then(|rest| rest.rsplit('-').next())
        }
    };
    pid.and_then(|pid| pid.parse().ok()).is_some_and(lives)
}

/// Another process of that number is there. Without a start time any counts, which only errs on
/// the safe side.
fn lives(pid: u32) -> bool {
    let owner = ProcessStamp { pid, start_ticks: 0, boot_id: process::stamp().boot_id };
    pid != std::process::id() && process::is_alive(&owner)
}

/// By the reason of its lock, which git writes first; by its name where that is still empty.
fn is_ours(admin: &Path) -> bool {
    match fs::read_to_string(admin.join("locked")) {
        Ok(reason) if !reason.is_empty() => reason.starts_with("auditrun "),
        _ => admin.file_name().is_some_and(|name| name.to_string_lossy().starts_with(NAMED)),
    }
}

fn is_half_made(admin: &Path) -> bool {
    let lacks = |name: &str| !admin.join(name).symlink_metadata().is_ok_and(|m| m.len() > 0);
    is_dir(admin)
        && (["gitdir", "commondir", "HEAD"].iter().any(|name| lacks(name)) || place(admin).is_none())
}
