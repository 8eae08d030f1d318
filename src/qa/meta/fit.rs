//! Phase 5: does a meta-slice fit? Its target exists, an operator's decision is not set aside
//! unseen, its risk is what it is about, and the gates of that risk are passed.

use std::path::{Component, Path};

use super::risk::assess;
use super::{Proposed, Risk, TARGETS};
use crate::qa::corpus::AuditCorpus;
use crate::qa::lesson::{Lesson, LessonStatus};
use crate::qa::reading::{self, ReadFinding};

/// What the review of one meta-slice needs.
pub struct Fitness<'a> {
    /// What was audited.
    pub corpus: &'a AuditCorpus,
    /// The report's findings.
    pub findings: &'a [ReadFinding],
    /// The repository.
    pub root: &'a Path,
    /// Further targets of audit.kdl.
    pub parts: &'a [String],
}

/// Checks fitness, conflicts and risk; writes the notes. A self-audit comes after it.
pub fn review(fit: &Fitness<'_>, proposed: &mut Proposed) {
    let mut notes = Vec::new();
    proposed.invalid = fit.misfit(proposed);
    match &proposed.invalid {
        Some(why) => notes.push(format!("invalid: {why}")),
        None => notes.push(format!("target exists: {}", proposed.slice.target_component)),
    }
    let claimed = proposed.slice.risk_level;
    let mut risk = assess(&proposed.slice, fit.findings);
    for lesson in fit.conflicts(proposed) {
        risk = risk.max(Risk::Medium);
        notes.push(format!("conflicts with operator override {} ({})", lesson.lesson_id, lesson.problem_key));
    }
    if proposed.slice.evidence.iter().all(|e| reading::cited(e).is_empty()) {
        notes.push("its evidence names no finding of the report by number".to_owned());
    }
    if risk != claimed {
        notes.push(format!("risk raised from {} to {}", claimed.name(), risk.name()));
    }
    if proposed.flagged {
        notes.push("flagged for self-audit: the audit is one of the pipeline itself".to_owned());
    }
    proposed.slice.risk_level = risk;
    proposed.slice.ecosystem_fit_notes = notes.join("; ");
}

impl Fitness<'_> {
    fn misfit(&self, proposed: &Proposed) -> Option<String> {
        let slice = &proposed.slice;
        let known = TARGETS.contains(&slice.target.as_str()) || self.parts.contains(&slice.target);
        if !known {
            return Some(format!("there is no target '{}'", slice.target));
        }
        let path = Path::new(&slice.target_component);
        let inside = path.components().all(|c| matches!(c, Component::Normal(n) if n != ".git"))
            && path.components().next().is_some();
        if !inside || !self.root.join(path).exists() {
            return Some(format!("target component '{}' was not found", slice.target_component));
        }
        let cited: Vec<u32> = slice.evidence.iter().flat_map(|e| reading::cited(e)).collect();
        let unknown = cited.iter().find(|n| !self.findings.iter().any(|f| f.number == **n));
        unknown.map(|n| format!("its evidence F-{n} is no finding of the report"))
    }

    /// Decisions of the operator that the change is about, too.
    fn conflicts(&self, proposed: &Proposed) -> Vec<&Lesson> {
        let slice = &proposed.slice;
        let said = format!("{} {} {}", slice.target_component, slice.hypothesis, slice.proposed_change)
            .to_lowercase();
        let concerns = |l: &&Lesson| {
            let key = l.problem_key.to_lowercase();
            let component = &slice.target_component;
            (!key.is_empty() && said.contains(&key))
                || l.text.contains(component.as_str())
                || self.shares_problem(slice.evidence.as_slice(), &l.problem_key)
        };
        let overrides = self.corpus.lessons.iter().filter(|l| l.lesson_type == "operator_override");
        overrides.filter(|l| l.status != LessonStatus::Retired).filter(concerns).collect()
    }

    /// One of the findings that it answers is about the problem.
    fn shares_problem(&self, evidence: &[String], key: &str) -> bool {
        let cited: Vec<u32> = evidence.iter().flat_map(|e| reading::cited(e)).collect();
        let about = self.findings.iter().filter(|f| cited.contains(&f.number));
        !key.is_empty() && about.into_iter().any(|f| f.text.contains(key))
    }
}
