//! A hand-made finished run for tests.
