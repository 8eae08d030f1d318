//! Every fact of a run as plain data: the events of the journal and the JSON artifacts.
//! Nothing here reads, writes or decides.

mod artifact;
mod journal;
mod stage;
mod subject;

pub use artifact::*;
pub use journal::*;
pub use stage::*;
