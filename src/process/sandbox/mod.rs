//! Containment of programs that are not trusted: what a job may write, read and reach, as
//! data; and what of it this system can enforce.
//!
//! A [`Policy`] says what is wanted, in paths. [`rules`] turns it into the allow rules that
//! the kernel knows, in the harness, where directories may be read; [`enforce`] applies them
//! in the child, right before exec, with nothing but system calls.

mod enforce;
mod launch;
pub mod quota;
mod rules;

use std::fmt;
use std::path::PathBuf;

pub(super) use enforce::restrict;
pub use launch::Confined;
pub use quota::Quota;
pub use rules::{Rule, Ruleset};

/// What a program may do to the machine around it. Nothing is granted that is not in here,
/// but for the null devices, terminals and shared memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Directories and files that may be read, written and run, with all below them. What is
    /// not there is skipped.
    pub write: Vec<PathBuf>,
    /// What may be read and run.
    pub read: Read,
    /// Never readable or writable, with all below it, though something around it is granted.
    /// A grant that lies deeper than the hidden path wins.
    pub hide: Vec<PathBuf>,
    /// TCP connections may be made and accepted.
    pub network: bool,
}

/// What may be read besides what may be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// Everything.
    All,
    /// Only these, with all below them.
    Only(Vec<PathBuf>),
}

impl Policy {
    /// The rules that the kernel is given. Reads the directories around hidden paths.
    pub fn ruleset(&self) -> Ruleset {
        rules::compile(self)
    }
}

/// What this system can enforce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Support {
    /// The version of the kernel's Landlock interface; 0 where there is none.
    pub abi: u32,
}

/// Asks the system once.
pub fn support() -> Support {
    static FOUND: std::sync::OnceLock<Support> = std::sync::OnceLock::new();
    *FOUND.get_or_init(|| Support { abi: enforce::abi() })
}

impl Support {
    /// Writes can be confined: there is a sandbox at all.
    pub fn available(self) -> bool {
        self.abi >= 1
    }

    /// What stays open although it is asked for, in words that complete "not enforced: …".
    pub fn gaps(self, network: bool) -> Vec<&'static str> {
        let mut gaps = Vec::new();
        let mut need = |abi: u32, what: &'static str| {
            if self.abi < abi {
                gaps.push(what);
            }
        };
        need(2, "moving files between directories (every such move is refused)");
        need(3, "truncating files outside of the worktree");
        if !network {
            need(4, "the ban on TCP connections");
        }
        need(6, "the ban on signals to other processes and on abstract sockets");
        if !network {
            gaps.push("the ban on UDP");
        }
        gaps
    }
}

/// `Landlock, ABI 7`, or that there is none.
impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.available() {
            write!(f, "Landlock, ABI {}", self.abi)
        } else if cfg!(target_os = "linux") {
            f.write_str("no sandbox: this kernel has no Landlock, or it is turned off")
        } else {
            f.write_str("no sandbox: it needs Linux with Landlock")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_old_kernel_leaves_open_is_said() {
        assert_eq!(Support { abi: 7 }.gaps(true), Vec::<&str>::new());
        assert_eq!(Support { abi: 7 }.gaps(false), ["the ban on UDP"]);
        assert_eq!(Support { abi: 3 }.gaps(false).len(), 3);
        assert!(!Support { abi: 0 }.available());
        assert!(Support { abi: 0 }.to_string().starts_with("no sandbox"));
    }
}
