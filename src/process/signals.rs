//! Requests from outside: interrupt, terminate, hang up, and the terminal's suspend key.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, watch};

use super::runner::Runner;
use super::standstill;

/// How long a job that is busy with its sink is waited for before the harness stops.
const PASS_ON: Duration = Duration::from_millis(500);

/// Calls `on` with 1, 2, 3 … at each SIGINT, SIGTERM or SIGHUP, on a thread of the runner.
/// `on` should only set flags (a [`Cancel`](super::Cancel)), not wait, and should not hold a
/// `Runner`, which would then never be dropped. A hang-up that the operator's `nohup` has
/// turned off stays off.
///
/// From then on SIGTSTP stops the running trees and the programs of scripts as well as this
/// process, and the time until SIGCONT counts against no deadline.
///
/// # Errors
/// A handler can't be set.
pub fn watch(runner: &Runner, on: impl Fn(u32) + Send + Sync + 'static) -> io::Result<()> {
    let shared = runner.shared();
    let _context = shared.runtime.enter();
    let interrupt = signal(SignalKind::interrupt())?;
    let terminate = signal(SignalKind::terminate())?;
    let hangup = unless_ignored(SignalKind::hangup())?;
    let suspend = unless_ignored(SignalKind::from_raw(libc::SIGTSTP))?;
    shared.runtime.spawn(count(interrupt, terminate, hangup, on));
    if let Some(suspend) = suspend {
        shared.runtime.spawn(suspend_all(suspend, shared.suspension.clone()));
    }
    Ok(())
}

async fn count(mut interrupt: Signal, mut terminate: Signal, mut hangup: Option<Signal>, on: impl Fn(u32)) {
    for nth in 1.. {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = next(&mut hangup) => {}
        }
        on(nth);
    }
}

async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

fn unless_ignored(kind: SignalKind) -> io::Result<Option<Signal>> {
    if ignored(kind.as_raw_value()) { Ok(None) } else { signal(kind).map(Some) }
}

fn ignored(number: libc::c_int) -> bool {
    // SAFETY: asks for a disposition without setting one; the struct is plain data for which
    // zero is a valid value.
    #[allow(unsafe_code)]
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let asked = libc::sigaction(number, std::ptr::null(), &raw mut action) == 0;
        asked && action.sa_sigaction == libc::SIG_IGN
    }
}

/// Whether the harness is being stopped, as its running jobs see it.
#[derive(Debug, Clone)]
pub(super) struct Suspension {
    pause: watch::Sender<Pause>,
    /// One permit for each job that has passed the suspension on.
    passed_on: Arc<Semaphore>,
}

/// The harness's pauses so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pause {
    /// It is about to stop, or stopped.
    pub now: bool,
    /// How long it has stood still in all.
    pub total: Duration,
}

impl Default for Suspension {
    fn default() -> Suspension {
        Suspension { pause: watch::Sender::default(), passed_on: Arc::new(Semaphore::new(0)) }
    }
}

impl Suspension {
    /// Resolves at each change.
    pub fn subscribe(&self) -> watch::Receiver<Pause> {
        self.pause.subscribe()
    }

    /// A job says that its supervisor knows.
    pub fn passed_on(&self) {
        self.passed_on.add_permits(1);
    }

    /// Tells every running job and waits for their word.
    async fn begin(&self) {
        self.passed_on.forget_permits(usize::MAX);
        let jobs = u32::try_from(self.pause.receiver_count()).unwrap_or(u32::MAX);
        self.pause.send_modify(|pause| pause.now = true);
        // Who is late passes it on when the harness goes on, followed by its end.
        let _ = tokio::time::timeout(PASS_ON, self.passed_on.acquire_many(jobs)).await;
    }

    fn end(&self, time: Duration) {
        self.pause.send_modify(|pause| {
            pause.now = false;
            pause.total += time;
        });
    }
}

async fn suspend_all(mut suspend: Signal, suspension: Suspension) {
    while suspend.recv().await.is_some() {
        let stopped = Instant::now();
        standstill::begin();
        suspension.begin().await;
        stop();
        suspension.end(stopped.elapsed());
        standstill::end();
    }
}

/// Stops this process; comes back when somebody continues it. To the calling thread and not
/// to the process, because only then is the thread sure to stop here: else it would run on
/// until another thread has taken the signal.
fn stop() {
    // SAFETY: sends a signal that can't have a handler. It can't fail for oneself.
    #[allow(unsafe_code)]
    unsafe {
        libc::raise(libc::SIGSTOP);
    }
}
