//! What a run that goes on is doing: who works on what and since when, what is slow, and how
//! much time may be left. Followed record by record; pure, so that the terminal and the
//! dashboard say the same and tests bring their own time.

mod board;
mod pace;

#[cfg(test)]
mod tests;

pub use board::{Board, Standing, Task};
pub use pace::{Work, clock};
