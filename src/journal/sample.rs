//! Hand-made journals for tests.
