//! The unit tests of the history replay program: an example that is itself a test would be
//! built as a harness only, and the tests that drive it would find no program.

#[allow(dead_code)] // Its main function.
#[path = "../examples/history-replay/main.rs"]
mod program;
