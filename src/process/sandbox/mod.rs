//! Containment of programs that are not trusted: what a job may write, read and reach, as
//! data; and what of it this system can enforce.
//!
//! A [`Policy`] says what is wanted, in paths. [`rules`] turns it into the allow rules that
//! the kernel knows, in the harness, where directories may be read; [`plan`] says what of it each
//! version of the kernel's interface takes; [`enforce`] applies them in the child, right
//! before exec, with nothing but system calls.

mod enforce;
#[cfg(target_os = "linux")]
mod filter;
mod isolate;
#[cfg_attr(not(target_os = "linux"), allow(dead_code))] // Nothing is enforced there.
mod plan;
pub mod quota;
mod room;
#[cfg_attr(not(target_os = "linux"), allow(dead_code))] // As above.
mod rules;

use std::fmt;
use std::path::PathBuf;
use std::sync::OnceLock;

pub(super) use enforce::restrict;
pub use quota::Quota;
pub use rules::{Prepared, Rule, Ruleset};

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
    /// Connections may be made and accepted. If not: no TCP, and nothing at all where a network
    /// of the program's own can be made.
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
        self.ruleset_for(support())
    }

    /// The same for a system that can do this much.
    pub fn ruleset_for(&self, support: Support) -> Ruleset {
        rules::compile(self, support)
    }
}

/// What this system can enforce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Support {
    /// The version of the kernel's Landlock interface; 0 where there is none.
    pub abi: u32,
    /// Whether a program can have a network of its own, if that is known already.
    pub own_network: Option<bool>,
}

/// Asks the system once.
pub fn support() -> Support {
    static FOUND: OnceLock<u32> = OnceLock::new();
    Support { abi: *FOUND.get_or_init(enforce::abi), own_network: None }
}

impl Support {
    /// Writes can be confined: there is a sandbox at all.
    pub fn available(self) -> bool {
        self.abi >= 1
    }

    /// A program can have a network of its own, with nothing in it. Tried out once, by the
    /// first who wants to know.
    pub fn namespace(self) -> bool {
        static FOUND: OnceLock<bool> = OnceLock::new();
        self.own_network.unwrap_or_else(|| *FOUND.get_or_init(isolate::possible))
    }

    /// What stays open although it is asked for, in words that complete "not enforced: …".
    pub fn gaps(self, network: bool) -> Vec<&'static str> {
        plan::gaps(self.abi, network, network || self.namespace())
    }

    /// Moving a file to another directory is refused even within the worktree.
    pub fn refuses_moves(self) -> bool {
        self.abi == 1
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

    fn of(abi: u32) -> Support {
        Support { abi, own_network: Some(false) }
    }

    #[test]
    fn what_an_old_kernel_leaves_open_is_said() {
        assert_eq!(of(7).gaps(true), Vec::<&str>::new());
        assert_eq!(of(7).gaps(false), ["the ban on networking other than TCP"]);
        assert_eq!(Support { abi: 7, own_network: Some(true) }.gaps(false), Vec::<&str>::new());
        assert!(of(1).refuses_moves() && !of(2).refuses_moves());
        assert!(!of(0).available());
        assert!(of(0).to_string().starts_with("no sandbox"));
    }

    #[test]
    fn a_network_of_its_own_is_made_where_there_is_to_be_none_and_it_can_be() {
        let isolated = |network, own_network| {
            let policy = Policy { write: vec![], read: Read::All, hide: vec![], network };
            policy.ruleset_for(Support { abi: 7, own_network: Some(own_network) }).isolated
        };
        assert!(isolated(false, true));
        assert!(!isolated(false, false) && !isolated(true, true));
    }
}
