//! Phase 4: systemic findings, and the improver's answer as meta-slices.

use super::{MetaSlice, Proposed, Risk};
use crate::qa::corpus::{AuditCorpus, ScopeType};
use crate::qa::findings::Severity;
use crate::qa::reading::ReadFinding;
use crate::qa::records::Records;
use crate::qa::roles::Improvements;

/// Parts of the pipeline that a meta-slice may be about, besides those that audit.kdl names.
pub const TARGETS: [&str; 4] = ["ideot", "ralph", "auditor", "hailee"];

/// Critical and warning findings that concern several slices, or a problem that does; and every
/// critical one, since what is critical failed again although it was repaired or known.
pub fn systemic(found: &[ReadFinding], corpus: &AuditCorpus) -> Vec<ReadFinding> {
    let several = |f: &&ReadFinding| {
        let about = corpus.slices.iter().filter(|s| Records::mentioned(&f.text, &s.slice_id));
        let keys: Vec<&String> = about.clone().flat_map(|s| &s.problem_keys).collect();
        let repeats =
            |key: &&&String| corpus.slices.iter().filter(|s| s.problem_keys.contains(key)).count() > 1;
        f.severity == Severity::Critical || about.count() > 1 || keys.iter().any(|key| repeats(&key))
    };
    found.iter().filter(|f| f.severity != Severity::Info).filter(several).cloned().collect()
}

/// The improver's answer with the fields that the program fills in.
pub fn from_answer(
    answer: Improvements,
    corpus: &AuditCorpus,
    audit_run_id: &str,
    new_id: &dyn Fn() -> String,
) -> Vec<Proposed> {
    let pipeline = corpus.scope.scope_type == ScopeType::Pipeline && corpus.scope.recursion_depth < 2;
    let proposed = answer.meta_slices.into_iter().map(|said| Proposed {
        flagged: pipeline && said.risk_level == Risk::High,
        slice: MetaSlice {
            meta_slice_id: new_id(),
            audit_run_id: audit_run_id.to_owned(),
            target: said.target,
            target_component: said.target_component,
            hypothesis: said.hypothesis,
            proposed_change: said.proposed_change,
            evidence: said.evidence,
            verifier_command: said.verifier_command,
            risk_level: said.risk_level,
            ecosystem_fit_notes: String::new(),
        },
        invalid: None,
        self_audit: None,
    });
    proposed.collect()
}
