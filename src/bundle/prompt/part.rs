//! The parts of a prompt: their names, and what was found of one in any form.

use std::ops::Range;

use crate::bundle::model::Check;
use crate::bundle::value::Value;
use crate::diag::Span;

/// The names of the parts.
pub(super) const PARTS: [&str; 5] = ["success", "failure_modes", "constraints", "delta_to_done", "done_when"];

/// A part and where its name stands.
pub(super) struct PartAt {
    pub name: &'static str,
    /// The tag, the heading or the key.
    pub at: Span,
    pub content: Content,
}

/// What a part holds.
pub(super) enum Content {
    /// Raw text.
    Text(Range<usize>),
    /// A value of the front matter.
    Value(Value),
    /// Commands.
    Checks(Vec<Check>),
}
