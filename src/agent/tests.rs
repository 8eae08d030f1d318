//! Whole transcripts to reports, and calls of every adapter.

mod calls;
mod reports;
