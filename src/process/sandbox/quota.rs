//! How much a job may use, measured: the processes of its tree and what its directories
//! hold. A thread beside the job looks again and again; at the disk the less often the longer
//! that takes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};

use super::room::Room;
use crate::files::stored;

/// Bounds that are measured from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quota {
    /// Most processes of the tree at once.
    pub processes: Option<u64>,
    /// Most bytes on disk in `dirs` together. Without it [`Room`] is watched, if `room` says so.
    pub disk: Option<u64>,
    /// Who fills the disk is ended before it is full.
    pub room: bool,
    /// Where the job can store something.
    pub dirs: Vec<PathBuf>,
}

/// A bound that was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excess {
    /// Of what.
    pub kind: Kind,
    /// How much was found: processes, or bytes.
    pub found: u64,
    /// How much is allowed; of [`Kind::Room`]: how much room is left, in bytes.
    pub limit: u64,
}

/// What is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Processes,
    Disk,
    Room,
}

/// `ended at its process-limit: 700 processes at once, 512 are allowed`.
impl std::fmt::Display for Excess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Excess { found, limit, .. } = self;
        match self.kind {
            Kind::Processes => {
                write!(f, "ended at its process-limit: {found} processes at once, {limit} are allowed")
            }
            Kind::Disk => write!(f, "ended at its disk-limit: {found} bytes stored, {limit} are allowed"),
            Kind::Room => write!(
                f,
                "ended because the disk is nearly full: {found} bytes or more stored since it began, {limit} are left (no disk-limit is set)"
            ),
        }
    }
}

/// Between two countings of processes, at the least.
const LOOK: Duration = Duration::from_millis(50);
/// Between two measurements of the disk, at the least.
const MEASURE: Duration = Duration::from_millis(250);
/// Measuring the disk may take one part in this many of the time.
const SHARE: u32 = 20;

/// The thread that looks; it ends with this value.
#[derive(Debug)]
pub(in crate::process) struct Watch {
    over: Arc<AtomicBool>,
    supervisor: Arc<AtomicI32>,
}

impl Watch {
    /// Begins to look, if anything is bounded, and calls `tell` once when a bound is passed.
    pub(in crate::process) fn begin(quota: &Quota, tell: impl Fn(Excess) + Send + 'static) -> Option<Watch> {
        if quota.processes.is_none() && quota.disk.is_none() && !quota.room {
            return None;
        }
        let watch = Watch { over: Arc::default(), supervisor: Arc::default() };
        let (over, supervisor) = (Arc::clone(&watch.over), Arc::clone(&watch.supervisor));
        let quota = quota.clone();
        let look = move || {
            if let Some(excess) = look_until(&quota, &over, &supervisor) {
                tell(excess);
            }
        };
        // Without a thread there is no measuring; the bounds on time still hold.
        std::thread::Builder::new().name("auditrun-quota".into()).spawn(look).ok()?;
        Some(watch)
    }

    /// The tree to be counted is that of this supervisor.
    pub(in crate::process) fn supervisor(&self, pid: i32) {
        self.supervisor.store(pid, Ordering::SeqCst);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

fn look_until(quota: &Quota, over: &AtomicBool, supervisor: &AtomicI32) -> Option<Excess> {
    let mut measure_at = Instant::now();
    let room = quota.room.then(|| Room::look(&quota.dirs)).filter(|_| quota.disk.is_none());
    loop {
        let begun = Instant::now();
        let mut pause = MEASURE;
        if let Some(limit) = quota.processes {
            let found = processes(supervisor.load(Ordering::SeqCst), limit);
            if found > limit {
                return Some(Excess { kind: Kind::Processes, found, limit });
            }
            // Who spawns without end must not slow the looking down.
            pause = LOOK;
        }
        if begun >= measure_at {
            let measured = Instant::now();
            if let Some(excess) = disk(quota, over).or_else(|| room.as_ref()?.passed(over)) {
                return Some(excess);
            }
            measure_at = Instant::now() + MEASURE.max(measured.elapsed() * SHARE);
        }
        if wait(pause, over) {
            return None;
        }
    }
}

fn disk(quota: &Quota, over: &AtomicBool) -> Option<Excess> {
    let limit = quota.disk?;
    let found = stored(&quota.dirs, None, |sum| sum > limit || over.load(Ordering::SeqCst));
    (found > limit).then_some(Excess { kind: Kind::Disk, found, limit })
}

/// Waits in small pieces, so that the end of the job is the end of the thread; true at it.
fn wait(mut time: Duration, over: &AtomicBool) -> bool {
    while !time.is_zero() && !over.load(Ordering::SeqCst) {
        let piece = time.min(LOOK);
        std::thread::sleep(piece);
        time -= piece;
    }
    over.load(Ordering::SeqCst)
}

/// Living processes below the supervisor. The quick count has the dead in it, so one that is
/// too high is looked into.
#[cfg(target_os = "linux")]
fn processes(supervisor: i32, limit: u64) -> u64 {
    use crate::process::table;
    if supervisor == 0 {
        return 0;
    }
    if let Some(quick) = table::count_below(supervisor).filter(|quick| *quick <= limit) {
        return quick;
    }
    let tree = table::descendants(&table::all(), supervisor, &[]);
    tree.iter().filter(|process| !process.zombie).count() as u64
}

/// Other systems' process tables are not read.
#[cfg(not(target_os = "linux"))]
fn processes(_supervisor: i32, _limit: u64) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excess_names_the_setting_and_both_figures() {
        let excess = Excess { kind: Kind::Processes, found: 700, limit: 512 };
        assert_eq!(excess.to_string(), "ended at its process-limit: 700 processes at once, 512 are allowed");
    }

    #[test]
    fn nothing_bounded_is_nothing_watched() {
        assert!(Watch::begin(&Quota::default(), |_| {}).is_none());
    }
}
