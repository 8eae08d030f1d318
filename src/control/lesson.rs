//! A lesson: a recorded cause and cure, as databases and files keep it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A recorded cause and cure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Lesson {
    pub lesson_id: String,
    /// The normalised failure that it is about.
    pub problem_key: String,
    /// For example `remediation`, `split`, `operator_override`.
    pub lesson_type: String,
    /// 0 to 1.
    pub confidence: f64,
    pub status: LessonStatus,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// Null until it is promoted.
    pub promoted_at: Option<String>,
    pub repo_id: String,
    /// What verified the slice that it came from; null: not known.
    pub verifier_type: Option<String>,
    pub text: String,
}

/// Whether a lesson is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LessonStatus {
    /// Proposed.
    Candidate,
    /// In force.
    Promoted,
    /// No longer in force.
    Retired,
}

impl LessonStatus {
    /// The word in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            LessonStatus::Candidate => "candidate",
            LessonStatus::Promoted => "promoted",
            LessonStatus::Retired => "retired",
        }
    }

    /// From that word.
    pub fn parse(word: &str) -> Option<LessonStatus> {
        [LessonStatus::Candidate, LessonStatus::Promoted, LessonStatus::Retired]
            .into_iter()
            .find(|s| s.name() == word)
    }
}

impl Lesson {
    /// The lesson with another status. Being promoted again keeps the day of the first time;
    /// coming back from retirement is a new beginning.
    #[must_use]
    pub fn with_status(mut self, status: LessonStatus, now: &str) -> Lesson {
        if status == LessonStatus::Promoted && self.status != LessonStatus::Promoted {
            self.promoted_at = Some(now.to_owned());
        }
        self.status = status;
        self
    }
}
