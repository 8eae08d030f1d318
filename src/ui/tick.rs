//! Time for the sinks that show it: a thread that tells them, and ends with them.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::base::Clock;

/// Something on the screen that changes with time alone.
pub(super) trait Ticking: Send + Sync + 'static {
    /// The time is now `now`, in milliseconds since 1970.
    fn tick(&self, now: i64);
}

/// Tells `sink` the time again and again, until nobody else holds it.
pub(super) fn ticking<T: Ticking>(sink: &Arc<T>, clock: Arc<dyn Clock>, every: Duration) {
    let sink = Arc::downgrade(sink);
    let told = thread::Builder::new().name("auditrun-ticks".to_owned()).spawn(move || {
        loop {
            thread::sleep(every);
            let Some(sink) = sink.upgrade() else { return };
            sink.tick(clock.now().as_millisecond());
        }
    });
    if let Err(error) = told {
        // Everything but the moving clocks still works.
        tracing::warn!(%error, "no thread for the progress");
    }
}
