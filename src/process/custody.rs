//! Custody of programs that scripts start without a supervisor each: whatever a script leaves
//! behind can be found and ended, by this process or, should it be killed, by a watcher.
//!
//! Programs carry the mark of their script in the environment, and orphans fall to this
//! process (child subreaper), so that even one that has left its process group is a
//! descendant. On another system than Linux there is only the process group.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, Once, PoisonError};

/// The argument that asks for the watcher.
pub(super) const ENTRY: &str = "__watch";
/// The variable with the marks of the scripts around a program, outermost first.
const MARKS: &str = "AUDITRUN_JOBS";
/// What tells the watcher that there is nothing to do.
const FAREWELL: &[u8] = b"q";

/// Those who started the scripts of this process. One for the whole process is enough.
#[derive(Debug)]
pub struct Custody {
    token: String,
    next: AtomicU32,
    once: Once,
    watcher: Mutex<Option<Child>>,
}

impl Default for Custody {
    fn default() -> Custody {
        Custody::new()
    }
}

impl Custody {
    /// Starts nothing yet.
    pub fn new() -> Custody {
        let token = super::stamp::token(&super::stamp());
        Custody { token, next: AtomicU32::new(1), once: Once::new(), watcher: Mutex::new(None) }
    }

    /// A mark for one script; `around` is the environment that it inherits.
    pub fn ward(&self, around: impl Fn(&str) -> Option<String>) -> Ward<'_> {
        let nth = self.next.fetch_add(1, Ordering::SeqCst);
        let mark = format!("{}.{nth}", self.token);
        let value = match around(MARKS) {
            Some(outer) if !outer.is_empty() => format!("{outer} {mark}"),
            _ => mark.clone(),
        };
        Ward { custody: self, mark, value }
    }

    /// From here on orphans are adopted, and a watcher outlives this process. Called before
    /// the first program; without a watcher everything works but the case that this process
    /// is killed outright.
    pub fn begin(&self) {
        self.once.call_once(|| {
            super::supervisor::adopt_orphans();
            let watcher = start_watcher(&self.token).ok();
            *self.watcher.lock().unwrap_or_else(PoisonError::into_inner) = watcher;
        });
    }
}

impl Drop for Custody {
    fn drop(&mut self) {
        let watcher = self.watcher.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Some(mut watcher) = watcher.take() else { return };
        if let Some(mut socket) = watcher.stdin.take() {
            // It may have been killed: then nobody has to be told.
            let _ = socket.write_all(FAREWELL);
        }
        // Not waited for: it ends by itself at once, and so does this process.
    }
}

/// The programs of one script.
#[derive(Debug)]
pub struct Ward<'a> {
    custody: &'a Custody,
    mark: String,
    value: String,
}

impl Ward<'_> {
    /// The variable that every program of the script has to carry.
    pub fn variable(&self) -> (&'static str, &str) {
        (MARKS, &self.value)
    }

    /// To be called before each program of the script is started.
    pub fn begin(&self) {
        self.custody.begin();
    }

    /// Ends with SIGKILL whatever the script has left behind; gives the command lines. All
    /// programs that were waited for must have been reaped before.
    pub fn end(&self) -> Vec<String> {
        imp::end(&self.mark, imp::Scope::Descendants)
    }
}

fn start_watcher(token: &str) -> std::io::Result<Child> {
    let link = Path::new("/proc/self/exe");
    let program = if link.exists() { link.to_owned() } else { std::env::current_exe()? };
    Command::new(program)
        .arg0("auditrun")
        .args([ENTRY, token])
        .env_clear()
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// The watcher's whole life: waits for the end of its input. Without a farewell the process
/// that started it was killed, and its programs are ended.
pub(super) fn watch() {
    super::supervise::ignore_signals();
    let mut said = [0; 1];
    let orderly = matches!(std::io::stdin().read(&mut said), Ok(n) if n > 0);
    if let (false, Some(token)) = (orderly, std::env::args().nth(2)) {
        imp::end(&token, imp::Scope::Everybody);
    }
}

/// True if an environment carries `mark`, or with a whole token one of its marks.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn carries(environment: &[u8], mark: &str) -> bool {
    let prefix = format!("{MARKS}=");
    let mut entries = environment.split(|b| *b == 0).filter_map(|e| e.strip_prefix(prefix.as_bytes()));
    let is = |one: &[u8]| {
        one.strip_prefix(mark.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"."))
    };
    entries.any(|marks| marks.split(|b| *b == b' ').any(is))
}

#[cfg(target_os = "linux")]
mod imp {
    use std::time::{Duration, Instant};

    use rustix::process::{Pid, Signal, WaitOptions, waitpid};

    use super::carries;
    use crate::process::table::{self, Process};

    /// How long one who does not end is waited for.
    const PATIENCE: Duration = Duration::from_secs(3);
    /// Between two rounds.
    const ROUND: Duration = Duration::from_millis(5);

    /// Whom to look at.
    #[derive(Clone, Copy)]
    pub enum Scope {
        /// This process's descendants.
        Descendants,
        /// All that can be seen.
        Everybody,
    }

    pub fn end(mark: &str, scope: Scope) -> Vec<String> {
        let until = Instant::now() + PATIENCE;
        let mut found: Vec<(Process, String)> = Vec::new();
        loop {
            let left = marked(mark, scope);
            for process in &left {
                if !found.iter().any(|(known, _)| known.pid == process.pid) {
                    found.push((*process, table::command_line(process.pid)));
                }
                table::signal(process, Signal::KILL);
            }
            if left.is_empty() || Instant::now() > until {
                found.iter().for_each(|(process, _)| reap(process.pid));
                return found.into_iter().map(|(_, line)| line).collect();
            }
            std::thread::sleep(ROUND);
        }
    }

    /// Those who carry the mark and what descends from them, whatever environment it has.
    fn marked(mark: &str, scope: Scope) -> Vec<Process> {
        let me = rustix::process::getpid().as_raw_pid();
        let all = table::all();
        let seen = match scope {
            Scope::Descendants => table::descendants(&all, me, &[]),
            Scope::Everybody => all.clone(),
        };
        let carrier = |process: &Process| {
            let path = format!("/proc/{}/environ", process.pid);
            std::fs::read(path).is_ok_and(|env| carries(&env, mark))
        };
        let mut chosen: Vec<Process> = Vec::new();
        for root in seen.into_iter().filter(|p| p.pid != me && !p.zombie && carrier(p)) {
            chosen.extend(table::descendants(&all, root.pid, &[me]).into_iter().filter(|p| !p.zombie));
            chosen.push(root);
        }
        chosen.sort_unstable_by_key(|p| p.pid);
        chosen.dedup_by_key(|p| p.pid);
        chosen
    }

    /// An orphan that fell to this process; for any other there is nothing to do.
    fn reap(pid: i32) {
        let _ = waitpid(Pid::from_raw(pid), WaitOptions::NOHANG);
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    /// Whom to look at.
    #[derive(Clone, Copy)]
    pub enum Scope {
        /// This process's descendants.
        Descendants,
        /// All that can be seen.
        Everybody,
    }

    /// Other processes' environments can't be read portably.
    pub fn end(_mark: &str, _scope: Scope) -> Vec<String> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_told_from_another_that_begins_like_it() {
        let env = |marks: &str| format!("PATH=/bin\0{MARKS}={marks}\0X=1\0").into_bytes();
        assert!(carries(&env("b.1.2.3"), "b.1.2.3"));
        assert!(carries(&env("a.9.9.1 b.1.2.3"), "b.1.2.3"));
        assert!(carries(&env("b.1.2.3"), "b.1.2"), "the whole token");
        assert!(!carries(&env("b.1.2.30"), "b.1.2.3"));
        assert!(!carries(&env("xb.1.2.3"), "b.1.2.3"));
        assert!(!carries(b"", "b.1.2.3"));
    }

    #[test]
    fn marks_of_nested_scripts_add_up() {
        let custody = Custody::new();
        let ward = custody.ward(|_| Some("outer.1".to_owned()));
        let (name, value) = ward.variable();
        assert_eq!((name, value.split(' ').next()), (MARKS, Some("outer.1")));
        assert!(carries(format!("{name}={value}").as_bytes(), &custody.token));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_script_left_behind_is_ended_even_in_a_session_of_its_own() {
        let custody = Custody::new();
        super::super::supervisor::adopt_orphans();
        let ward = custody.ward(|_| None);
        let (name, value) = ward.variable();
        let mut shell = Command::new("sh");
        shell.args(["-c", "setsid sleep 1000 & sleep 1000 &"]).env(name, value);
        assert!(shell.status().unwrap().success());
        let ended = ward.end();
        assert_eq!(ended.iter().filter(|line| line.contains("sleep 1000")).count(), 2, "{ended:?}");
        assert!(ward.end().is_empty());
    }
}
