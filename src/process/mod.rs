//! The only place that starts programs: process trees with deadlines, bounded and streamed
//! output, cancellation, and nothing left behind.
//!
//! Three processes stand between a caller and its program. The harness holds a [`Runner`].
//! The *host* is this binary started again, once, as a small process with a single thread;
//! for each job it forks a *supervisor*, which costs a fraction of starting a program anew.
//! The supervisor leads a session of its own and adopts the orphans of its tree (child
//! subreaper), starts the program in a process group, and is the one who ends the tree:
//! when the program ends, when it is told to, or when the harness is gone, which it sees
//! by the end of its control socket, however the harness ended.
//!
//! Should a supervisor itself be killed, its program dies with it (parent-death signal) and
//! the orphans fall to the host, which ends them. Should all of them be killed, [`sweep`]
//! finds what is left by its environment at the next start.
//!
//! Adoption and the process table are Linux's. On another Unix a tree is a process group:
//! a program that leaves its group there escapes until it ends by itself.

mod bell;
mod custody;
mod deadline;
mod drive;
mod host;
mod interactive;
mod job;
mod leader;
mod passing;
mod runner;
pub mod sandbox;
mod session;
mod sink;
mod stamp;
mod standstill;
mod stdio;
mod supervisor;
mod sweep;
mod table;
mod tree;
mod wire;

pub mod shell_host;
pub mod signals;
pub mod supervise;

pub use custody::{Custody, Ward};
pub use interactive::run_interactive;
pub use job::*;
pub use runner::Runner;
pub use sink::{Bounded, Tails, Tee};
pub use stamp::{is_alive, stamp};
pub use standstill::active;
pub use stdio::Stdio;
pub use sweep::{Found, await_git, git_mark, sweep};
