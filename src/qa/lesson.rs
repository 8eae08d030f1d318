//! A lesson, as audits see it: the control plane's own record.

pub use crate::control::{Lesson, LessonStatus};
