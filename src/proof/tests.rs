//! Tests of proof and verification.
