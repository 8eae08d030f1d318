//! From a policy to allow rules. The kernel only knows "allow this and all below it", so a
//! hidden path is one that no rule covers: instead of a directory around it, everything else
//! in that directory is allowed, one by one, level by level.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{Policy, Read, Support};

/// Devices that any program expects to be able to use. `ptmx` and `pts` are terminals that a
/// program makes for itself.
const DEVICES: [&str; 7] =
    ["/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/ptmx", "/dev/pts", "/dev/shm"];

/// One allowed place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Absolute, its last component not a symbolic link when the rule was made.
    pub path: PathBuf,
    /// Writable too, else only to be read and run.
    pub write: bool,
}

/// Everything that the kernel is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ruleset {
    /// What is allowed.
    pub rules: Vec<Rule>,
    /// TCP is allowed.
    pub network: bool,
    /// The program gets a network of its own, with nothing in it.
    pub isolated: bool,
    /// The version of the kernel's interface that is made use of.
    pub abi: u32,
}

/// A ruleset as the kernel takes it: made before a fork, applied after it.
#[derive(Debug)]
pub struct Prepared {
    pub(super) places: Vec<(CString, bool)>,
    pub(super) network: bool,
    pub(super) isolated: bool,
    pub(super) abi: u32,
}

impl Ruleset {
    /// Ready for [`super::restrict`]. A path with a NUL in it names nothing.
    pub fn prepare(&self) -> Prepared {
        let place = |rule: &Rule| Some((CString::new(rule.path.as_os_str().as_bytes()).ok()?, rule.write));
        let places = self.rules.iter().filter_map(place).collect();
        Prepared { places, network: self.network, isolated: self.isolated, abi: self.abi }
    }
}

/// See [`Policy::ruleset`].
pub(super) fn compile(policy: &Policy, support: Support) -> Ruleset {
    let hidden: Vec<PathBuf> = policy.hide.iter().filter_map(|path| path.canonicalize().ok()).collect();
    let mut found = Collected::default();
    let all = [PathBuf::from("/")];
    let read = match &policy.read {
        Read::All => &all[..],
        Read::Only(paths) => paths,
    };
    for path in read {
        found.grant(path, false, &hidden);
    }
    for path in DEVICES.iter().map(Path::new).chain(policy.write.iter().map(PathBuf::as_path)) {
        found.grant(path, true, &hidden);
    }
    Ruleset {
        rules: found.rules,
        network: policy.network,
        isolated: !policy.network && support.namespace(),
        abi: support.abi,
    }
}

#[derive(Default)]
struct Collected {
    rules: Vec<Rule>,
    seen: BTreeSet<(PathBuf, bool)>,
}

impl Collected {
    /// Grants what a path leads to. One that isn't there can't be granted.
    fn grant(&mut self, path: &Path, write: bool, hidden: &[PathBuf]) {
        if let Ok(real) = path.canonicalize() {
            self.real(real, write, hidden);
        }
    }

    fn real(&mut self, path: PathBuf, write: bool, hidden: &[PathBuf]) {
        let around = hidden.iter().any(|h| h.starts_with(&path));
        if !around {
            if self.seen.insert((path.clone(), write)) {
                self.rules.push(Rule { path, write });
            }
            return;
        }
        if hidden.contains(&path) {
            return;
        }
        for entry in std::fs::read_dir(&path).into_iter().flatten().flatten() {
            // A link is judged where it leads to; following it here could grant what is hidden.
            if entry.file_type().is_ok_and(|kind| !kind.is_symlink()) {
                self.real(entry.path(), write, hidden);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn policy(write: &[&Path], read: Read, hide: &[&Path]) -> Policy {
        let owned = |paths: &[&Path]| paths.iter().map(|p| p.to_path_buf()).collect();
        Policy { write: owned(write), read, hide: owned(hide), network: true }
    }

    fn covers(rules: &Ruleset, path: &Path, write: bool) -> bool {
        rules.rules.iter().any(|r| (r.write || !write) && path.starts_with(&r.path))
    }

    #[test]
    fn without_anything_hidden_one_rule_reads_all() {
        let set = policy(&[], Read::All, &[]).ruleset();
        assert!(set.rules.contains(&Rule { path: "/".into(), write: false }));
        assert!(covers(&set, Path::new("/dev/null"), true));
        assert!(!covers(&set, Path::new("/etc/passwd"), true));
    }

    #[test]
    fn siblings_of_a_hidden_path_stay_open_and_it_does_not() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        for name in [".ssh", ".cargo", "work"] {
            fs::create_dir(home.join(name)).unwrap();
        }
        fs::write(home.join(".ssh/id"), "key").unwrap();
        fs::write(home.join(".profile"), "").unwrap();
        std::os::unix::fs::symlink(home.join(".ssh"), home.join("door")).unwrap();
        std::os::unix::fs::symlink(&home, home.join("loop")).unwrap();
        for hide in [home.join(".ssh"), home.join("door")] {
            let set = policy(&[&home], Read::All, &[&hide]).ruleset();
            for write in [false, true] {
                assert!(covers(&set, &home.join(".cargo/x"), write));
                assert!(covers(&set, &home.join(".profile"), write));
                assert!(!covers(&set, &home.join(".ssh/id"), write));
            }
            assert!(covers(&set, Path::new("/usr/bin/env"), false));
        }
    }

    #[test]
    fn a_grant_below_a_hidden_path_wins() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        fs::create_dir_all(dir.join("a/b")).unwrap();
        let set = policy(&[&dir.join("a/b")], Read::All, &[&dir.join("a")]).ruleset();
        assert!(covers(&set, &dir.join("a/b/x"), true));
        assert!(!covers(&set, &dir.join("a/x"), false));
    }

    #[test]
    fn what_is_not_there_is_neither_granted_nor_hidden() {
        let gone = Path::new("/nowhere/at/all");
        let set = policy(&[gone], Read::Only(vec![gone.into(), "/usr".into()]), &[gone]).ruleset();
        assert!(!set.rules.iter().any(|r| r.path.starts_with("/nowhere")));
        assert!(covers(&set, Path::new("/usr/bin"), false) && !covers(&set, Path::new("/etc"), false));
    }
}
