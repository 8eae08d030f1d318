//! A disk that fills up where no limit was set: when little is left of what was free, whoever
//! stored a good part of what was taken since is ended, so that the run itself can still write.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use super::quota::{Excess, Kind};
use crate::files::{free_space, stored};

/// Nothing happens before one part in this many of what was free is left.
const LEFT: u64 = 10;
/// Who stored less than one part in this many of what was taken since is not the one.
const PART: u64 = 16;

/// The room that there was when a job began.
#[derive(Debug)]
pub(super) struct Room {
    since: SystemTime,
    /// A directory of the job and the bytes that were free there.
    places: Vec<(PathBuf, u64)>,
}

impl Room {
    /// As it is now. Where it can't be told nothing is watched.
    pub fn look(dirs: &[PathBuf]) -> Room {
        let place = |dir: &PathBuf| Some((dir.clone(), free_space(dir).ok()?));
        Room { since: SystemTime::now(), places: dirs.iter().filter_map(place).collect() }
    }

    /// The job is to be ended for what it stored. A look at one number for each directory, unless
    /// the disk is nearly full.
    pub fn passed(&self, over: &AtomicBool) -> Option<Excess> {
        self.places.iter().find_map(|(dir, free)| {
            let left = free_space(dir).ok()?;
            let share = fair_share(*free, left)?;
            let enough = |sum| sum >= share || over.load(Ordering::SeqCst);
            let found = stored(std::slice::from_ref(dir), Some(self.since), enough);
            (found >= share).then_some(Excess { kind: Kind::Room, found, limit: left })
        })
    }
}

/// The bytes that a job must have stored to be the one; `None`: there is room enough.
fn fair_share(free: u64, left: u64) -> Option<u64> {
    let taken = free.checked_sub(left).filter(|taken| *taken > 0)?;
    (left < free / LEFT).then_some((taken / PART).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_counts_only_when_little_is_left() {
        assert_eq!(fair_share(1000, 1000), None);
        assert_eq!(fair_share(1000, 100), None);
        assert_eq!(fair_share(1000, 40), Some(60));
        assert_eq!(fair_share(1000, 2000), None);
        assert_eq!(fair_share(0, 0), None);
    }

    #[test]
    fn with_room_nobody_is_the_one() {
        let dir = tempfile::tempdir().unwrap();
        let room = Room::look(&[dir.path().to_owned()]);
        std::fs::write(dir.path().join("a"), vec![1; 4096]).unwrap();
        assert_eq!(room.passed(&AtomicBool::new(false)), None);
    }
}
