//! The only place that starts programs: process trees with deadlines, bounded and streamed
//! output, cancellation, and nothing left behind.

mod job;
pub mod shell_host;

pub use job::*;
