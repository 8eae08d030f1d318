//! A git that waits for ever: it opens files by their names, and one that a program has
//! replaced by a FIFO opens only when somebody writes to it.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Between two looks; who waits at two of them waits for nobody.
const LOOK: Duration = Duration::from_secs(1);

/// What the kernel calls the place where the opening of a FIFO waits.
const WAITS: &str = "wait_for_partner";

/// Looks at a call until `ended` is closed; true if it had to be killed.
pub(super) fn guard(child: Pid, ended: &Receiver<()>) -> bool {
    let mut waited = false;
    while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        let waits = waits(child);
        if waited && waits {
            return kill_process(child, Signal::KILL).is_ok();
        }
        waited = waits;
    }
    false
}

/// A child of this process, which may have ended meanwhile.
fn waits(child: Pid) -> bool {
    let place = format!("/proc/{}", child.as_raw_pid());
    let at = std::fs::read_to_string(format!("{place}/wchan")).unwrap_or_default();
    let stat = std::fs::read_to_string(format!("{place}/stat")).unwrap_or_default();
    let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
    at.trim() == WAITS && parent.is_some_and(|parent| parent == std::process::id().to_string())
}
