//! Taking a run up again after it was halted, interrupted or killed: what the branch and the
//! journal disagree about is settled, what was left behind is cleared away, what landed is
//! checked again, and dispatch begins where it stopped.
//!
//! The journal is the truth about what was decided, git about what was done. A line that
//! announces a change is on disk before the change, so after a crash the branch is where the
//! journal says, or exactly one announced step away from it. Anything else is somebody
//! else's doing and is refused.

mod branch;
mod landed;
mod leftovers;
mod rebundle;
mod start;
mod standing;

pub use branch::{Half, inspect, settle};
pub use landed::complete;
pub use leftovers::{aside, worktrees};
pub use rebundle::{Correction, commit, objections, replan};
pub use standing::{Standing, standing};
pub use start::{known, recheck, start};
