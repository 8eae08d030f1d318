//! The gates that judge a node's work, one file each. Pure: facts in, verdict out.
//! They don't know who asks: the engine, `auditrun gate` and the proof use the same ones.

pub mod checks;
pub mod invariants;
pub mod loc;
pub mod signal;
pub mod touches;
