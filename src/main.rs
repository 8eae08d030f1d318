//! The program's exit code, nothing else.
fn main() {}
