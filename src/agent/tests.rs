//! Whole transcripts and calls.
