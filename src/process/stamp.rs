//! Who a process is beyond its number, and whether it still runs.

use crate::event::ProcessStamp;

/// The variable by which a program of a harness can be told from all others: the harness's
/// boot id, process id and start time.
pub const TOKEN: &str = "AUDITRUN_SUPERVISED";

/// This process.
pub fn stamp() -> ProcessStamp {
    let pid = std::process::id();
    ProcessStamp { pid, start_ticks: start_ticks(pid).unwrap_or(0), boot_id: boot_id() }
}

/// True if the process that was stamped still runs: the same boot, number and start time.
pub fn is_alive(stamp: &ProcessStamp) -> bool {
    if stamp.boot_id != boot_id() {
        return false;
    }
    if stamp.start_ticks == 0 {
        return answers(stamp.pid);
    }
    start_ticks(stamp.pid) == Some(stamp.start_ticks)
}

/// The value of [`TOKEN`] for programs of the stamped harness.
pub fn token(stamp: &ProcessStamp) -> String {
    format!("{}.{}.{}", stamp.boot_id, stamp.pid, stamp.start_ticks)
}

#[cfg(target_os = "linux")]
fn start_ticks(pid: u32) -> Option<u64> {
    let process = super::table::read(i32::try_from(pid).ok()?)?;
    (!process.zombie).then_some(process.start)
}

#[cfg(not(target_os = "linux"))]
fn start_ticks(_pid: u32) -> Option<u64> {
    None
}

/// Empty where there is none to read.
pub(super) fn boot_id() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    text.map(|text| text.trim().to_owned()).unwrap_or_default()
}

/// Without start times a number is all there is to ask for.
fn answers(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_another_boot_or_start_does_not() {
        let me = stamp();
        assert!(is_alive(&me));
        assert!(!is_alive(&ProcessStamp { boot_id: "another".into(), ..me.clone() }));
        #[cfg(target_os = "linux")]
        assert!(!is_alive(&ProcessStamp { start_ticks: me.start_ticks + 1, ..me }));
    }

    #[test]
    fn a_process_that_has_ended_is_not_alive() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let mut gone = ProcessStamp { pid: child.id(), ..stamp() };
        gone.start_ticks = start_ticks(gone.pid).unwrap_or(1);
        child.wait().unwrap();
        assert!(!is_alive(&gone));
    }
}
