//! Vocabulary that every layer shares: ids, repository paths and globs, time,
//! text and digests. Pure: no disk, no process, no git, no terminal.

pub mod clock;
pub mod digest;
pub mod glob;
pub mod id;
pub mod layout;
pub mod mask;
pub mod names;
pub mod path;
pub mod percent;
pub mod quantity;
pub mod remedy;
pub mod text;
pub mod trace_context;

pub use clock::{Clock, FixedClock, SystemClock};
pub use glob::{Pattern, PatternError, PatternIndex, PatternSet};
pub use id::{Id, IdError, Oid, RunId};
pub use layout::Layout;
pub use mask::{MaskStream, Masker};
pub use path::RepoPath;
pub use trace_context::{SpanId, TraceContext, TraceId};
