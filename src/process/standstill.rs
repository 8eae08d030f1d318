//! The process's own standstill (Ctrl-Z): a clock that does not go on meanwhile, and the
//! process groups that stop and go on with it. One for the whole process, as its signals are.

use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// What is known of standstills.
struct State {
    origin: Instant,
    /// How long it has stood still in all.
    lost: Duration,
    /// It stands still since then, or is about to.
    since: Option<Instant>,
    groups: BTreeSet<i32>,
}

static STATE: LazyLock<Mutex<State>> = LazyLock::new(|| {
    Mutex::new(State { origin: Instant::now(), lost: Duration::ZERO, since: None, groups: BTreeSet::new() })
});

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time since some moment of this process, standstills left out: what deadlines count.
pub fn active() -> Duration {
    let state = state();
    let until = state.since.unwrap_or_else(Instant::now);
    until.saturating_duration_since(state.origin).saturating_sub(state.lost)
}

/// Stops every group that is known, and the clock.
pub(super) fn begin() {
    let mut state = state();
    state.since = Some(Instant::now());
    signal(&state, Signal::STOP);
}

/// Lets them go on, and the clock.
pub(super) fn end() {
    let mut state = state();
    if let Some(since) = state.since.take() {
        state.lost += since.elapsed();
    }
    signal(&state, Signal::CONT);
}

fn signal(state: &State, number: Signal) {
    for group in state.groups.iter().filter_map(|group| Pid::from_raw(*group)) {
        // One that has ended needs no signal.
        let _ = kill_process_group(group, number);
    }
}

/// A process group that stops with this process, as long as this is kept. Its leader must not
/// be reaped before: the group's id could be somebody else's then.
#[derive(Debug)]
pub(super) struct Follower(i32);

impl Follower {
    /// A group that has just been started; it stops at once if everything stands still.
    pub fn new(group: i32) -> Follower {
        let mut state = state();
        state.groups.insert(group);
        if let (Some(_), Some(pid)) = (state.since, Pid::from_raw(group)) {
            let _ = kill_process_group(pid, Signal::STOP);
        }
        Follower(group)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        state().groups.remove(&self.0);
    }
}
