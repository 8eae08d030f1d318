//! `cargo +nightly fuzz run journal`
#![no_main]

#[path = "../entries.rs"]
#[allow(dead_code)] // Each target uses one of the doors.
mod entries;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| entries::journal(bytes));
