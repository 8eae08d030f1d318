//! Starts the programs of a script inside of a policy.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::RwLock;

use super::{Policy, restrict};
use crate::process::shell_host::{Direct, Launcher};
use crate::step::eval::Program;

/// A [`Launcher`] that confines each program to the policy of the moment; without one it
/// starts them as they are.
#[derive(Debug, Default)]
pub struct Confined {
    policy: RwLock<Option<Policy>>,
}

impl Confined {
    /// Programs that are started from now on get this policy.
    pub fn set(&self, policy: Option<Policy>) {
        *self.policy.write().unwrap_or_else(std::sync::PoisonError::into_inner) = policy;
    }
}

impl Launcher for Confined {
    fn command(&self, program: &Program, path: &Path) -> Command {
        let mut command = Direct.command(program, path);
        let policy = self.policy.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(policy) = &*policy {
            confine(&mut command, policy);
        }
        command
    }
}

fn confine(command: &mut Command, policy: &Policy) {
    let ruleset = policy.ruleset();
    let network = ruleset.network;
    let rules: Vec<(CString, bool)> = ruleset
        .rules
        .iter()
        .filter_map(|rule| Some((CString::new(rule.path.as_os_str().as_bytes()).ok()?, rule.write)))
        .collect();
    let apply = move || {
        restrict(rules.iter().map(|(path, write)| (path.as_c_str(), *write)), network)?;
        Ok(())
    };
    // SAFETY: the closure makes system calls on what was prepared above and neither allocates
    // nor takes a lock, which is what the child of a process with threads is limited to.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(apply);
    }
}
