//! What the sources of a corpus bring together, before it becomes one.

use std::collections::{BTreeMap, BTreeSet};

use crate::qa::corpus::model::{EarlierAudit, Missing, Moment, Recurrence, Repair, Slice};
use crate::qa::lesson::{Lesson, LessonStatus};

/// The parts of a corpus.
#[derive(Debug, Default)]
pub struct Gathered {
    /// What the scope came to: the full id of a loop, a run, a repository, a ref, a plan.
    pub reference: String,
    /// Units of work in scope.
    pub slices: Vec<Slice>,
    /// Every unit of work that a lesson could have applied to, in scope or not.
    pub seen: Vec<Seen>,
    /// Every lesson in scope.
    pub lessons: Vec<Lesson>,
    /// Remediation cycles.
    pub repairs: Vec<Repair>,
    /// What happened.
    pub timeline: Vec<Moment>,
    /// Accepted audits of the same scope.
    pub earlier: Vec<EarlierAudit>,
    /// What was not to be had.
    pub missing: Vec<Missing>,
}

/// A unit of work as far as lessons are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Seen {
    pub slice_id: String,
    pub at: String,
    pub repo_id: String,
    pub verifier_type: Option<String>,
    pub problem_keys: Vec<String>,
}

impl Gathered {
    /// Notes something that was not to be had, and what is assumed in its place.
    pub fn lack(&mut self, source: impl Into<String>, assumption: impl Into<String>) {
        self.missing.push(Missing { source: source.into(), assumption: assumption.into() });
    }

    /// Notes what every audit wants and this one has not.
    pub fn inventory(&mut self, standalone: bool) {
        if self.slices.is_empty() {
            self.lack("slices", "no slice is in scope: nothing can be said of how work went");
        }
        if self.lessons.is_empty() {
            let source = if standalone { crate::qa::corpus::registry::PLACE } else { "lessons" };
            self.lack(source, "no lesson is recorded: none can have prevented anything");
        } else if self.lessons.iter().all(|l| l.status != LessonStatus::Promoted) {
            self.lack("promoted lessons", "none is in force: no effectiveness can be measured");
        }
        if self.earlier.is_empty() {
            self.lack("earlier audits", "this is the first audit of its scope: there is no trend");
        }
        if !standalone && self.repairs.is_empty() {
            self.lack("repair_attempts", "none is recorded: no slice in scope needed one");
        }
        let unknown = self.slices.iter().filter(|s| s.verifier_status == "unknown").count();
        if unknown > 0 {
            let of = crate::base::text::count(self.slices.len(), "slice");
            self.lack(
                "verifier outcomes",
                format!("{unknown} of {of} have none: they are taken neither as passed nor as failed"),
            );
        }
    }

    /// Puts everything into the order in which it is shown.
    pub fn sort(&mut self) {
        self.slices.sort_by(|a, b| (&a.at, &a.slice_id).cmp(&(&b.at, &b.slice_id)));
        self.lessons.sort_by(|a, b| a.lesson_id.cmp(&b.lesson_id));
        self.repairs.sort_by(|a, b| (&a.at, &a.slice_id, a.cycle).cmp(&(&b.at, &b.slice_id, b.cycle)));
        self.timeline.sort_by(|a, b| a.at.cmp(&b.at));
        self.earlier.sort_by(|a, b| a.at.cmp(&b.at));
    }
}

/// For each lesson that was ever promoted: the work after that in which its problem came back,
/// and that in which it could have. Pure. In standalone mode every slice counts as of the
/// lesson's verifier type.
pub fn recurrences(lessons: &[Lesson], seen: &[Seen], standalone: bool) -> Vec<Recurrence> {
    let one = |lesson: &Lesson| {
        let promoted = lesson.promoted_at.as_deref().and_then(instant);
        let later = |s: &&Seen| match (promoted, instant(&s.at)) {
            (Some(promoted), Some(at)) => at > promoted && s.repo_id == lesson.repo_id,
            _ => false,
        };
        let fits = |s: &&Seen| {
            standalone || lesson.verifier_type.is_none() || s.verifier_type == lesson.verifier_type
        };
        let ids = |it: &mut dyn Iterator<Item = &Seen>| -> Vec<String> {
            let by_time: BTreeSet<(String, String)> =
                it.map(|s| (s.at.clone(), s.slice_id.clone())).collect();
            by_time.into_iter().map(|(_, id)| id).collect()
        };
        Recurrence {
            lesson_id: lesson.lesson_id.clone(),
            recurred_in: ids(&mut seen
                .iter()
                .filter(later)
                .filter(|s| s.problem_keys.contains(&lesson.problem_key))),
            opportunities: ids(&mut seen.iter().filter(later).filter(fits)),
        }
    };
    lessons.iter().map(one).collect()
}

fn instant(text: &str) -> Option<jiff::Timestamp> {
    text.parse().ok()
}

/// Lessons of two places; where both have one, the first's word holds.
pub fn merged(first: Vec<Lesson>, second: Vec<Lesson>) -> Vec<Lesson> {
    let mut by_id: BTreeMap<String, Lesson> = BTreeMap::new();
    for lesson in second.into_iter().chain(first) {
        by_id.insert(lesson.lesson_id.clone(), lesson);
    }
    by_id.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lesson(promoted: Option<&str>, verifier: Option<&str>) -> Lesson {
        Lesson {
            lesson_id: "L-1".into(),
            problem_key: "check: x".into(),
            lesson_type: "remediation".into(),
            confidence: 0.5,
            status: LessonStatus::Promoted,
            created_at: "2026-01-01T00:00:00.000Z".into(),
            promoted_at: promoted.map(str::to_owned),
            repo_id: "app".into(),
            verifier_type: verifier.map(str::to_owned),
            text: String::new(),
        }
    }

    fn seen(id: &str, at: &str, repo: &str, verifier: Option<&str>, key: &str) -> Seen {
        Seen {
            slice_id: id.into(),
            at: at.into(),
            repo_id: repo.into(),
            verifier_type: verifier.map(str::to_owned),
            problem_keys: vec![key.into()],
        }
    }

    #[test]
    fn only_later_work_of_the_same_repository_and_kind_counts() {
        let work = [
            seen("before", "2026-01-01T00:00:00Z", "app", Some("cargo"), "check: x"),
            seen("same-time", "2026-01-02T00:00:00.000Z", "app", Some("cargo"), "check: x"),
            seen("other-form", "2026-01-02T01:00:00+00:00", "app", Some("cargo"), "check: y"),
            seen("other-repo", "2026-01-03T00:00:00Z", "web", Some("cargo"), "check: x"),
            seen("other-kind", "2026-01-04T00:00:00Z", "app", Some("npm"), "check: x"),
            seen("again", "2026-01-05T00:00:00Z", "app", Some("cargo"), "check: x"),
        ];
        let promoted = Some("2026-01-02T00:00:00Z");
        let found = &recurrences(&[lesson(promoted, Some("cargo"))], &work, false)[0];
        assert_eq!(found.opportunities, ["other-form", "again"]);
        assert_eq!(found.recurred_in, ["other-kind", "again"]);
        let any = &recurrences(&[lesson(promoted, None)], &work, false)[0];
        assert_eq!(any.opportunities, ["other-form", "other-kind", "again"]);
        let standalone = &recurrences(&[lesson(promoted, Some("pytest"))], &work, true)[0];
        assert_eq!(standalone.opportunities, ["other-form", "other-kind", "again"]);
        let never = &recurrences(&[lesson(None, None)], &work, false)[0];
        assert!(never.opportunities.is_empty() && never.recurred_in.is_empty());
    }

    #[test]
    fn the_first_place_wins() {
        let mut other = lesson(None, None);
        other.text = "second".into();
        let mut third = other.clone();
        third.lesson_id = "L-0".into();
        let all = merged(vec![lesson(None, None)], vec![other, third]);
        assert_eq!(all.iter().map(|l| l.text.as_str()).collect::<Vec<_>>(), ["second", ""]);
    }
}
