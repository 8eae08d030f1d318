//! Agents: how each adapter is called and how its transcript is read. Pure data in and
//! out: nothing is started here.

mod model;

pub use model::*;
