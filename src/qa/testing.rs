//! Corpora for tests.

use crate::qa::corpus::{
    AuditCorpus, EarlierAudit, Failure, Missing, Mode, Moment, Recurrence, Repair, ScopeFacts, ScopeType,
    Slice,
};
use crate::qa::lesson::{Lesson, LessonStatus};

/// A slice that passed.
pub(crate) fn slice(id: &str, day: u32) -> Slice {
    Slice {
        slice_id: id.to_owned(),
        run_id: Some("20260101T000000Z".to_owned()),
        node_id: Some(format!("api-{day}")),
        commit: None,
        title: format!("add part {day}"),
        plan_slice: None,
        at: format!("2026-01-{day:02}T10:00:00.000Z"),
        status: "verified".to_owned(),
        verifier_status: "passed".to_owned(),
        verifier_type: Some("command".to_owned()),
        cleanup_status: "clean".to_owned(),
        problem_keys: Vec::new(),
        failure: None,
        excerpts: Vec::new(),
    }
}

/// A slice that failed.
pub(crate) fn failed(id: &str, day: u32, key: &str) -> Slice {
    Slice {
        status: "failed".to_owned(),
        verifier_status: "failed".to_owned(),
        cleanup_status: "kept".to_owned(),
        problem_keys: vec![key.to_owned()],
        failure: Some(Failure {
            blocker_reason: "`cargo test` exits 101".to_owned(),
            error_summary: "assertion failed: total == 3\n  left: 0badf00d1".to_owned(),
            classification: "check".to_owned(),
            repair_outcome: "exhausted".to_owned(),
        }),
        ..slice(id, day)
    }
}

/// A lesson in force since the given day of January.
pub(crate) fn lesson(id: &str, key: &str, day: u32) -> Lesson {
    Lesson {
        lesson_id: id.to_owned(),
        problem_key: key.to_owned(),
        lesson_type: "remediation".to_owned(),
        confidence: 0.9,
        status: LessonStatus::Promoted,
        created_at: format!("2026-01-{day:02}T08:00:00.000Z"),
        promoted_at: Some(format!("2026-01-{day:02}T09:00:00.000Z")),
        repo_id: "shop".to_owned(),
        verifier_type: Some("command".to_owned()),
        text: "run the whole test suite before the end".to_owned(),
    }
}

/// Five slices, two of which failed the same way, one repair that worked, two lessons.
pub(crate) fn corpus() -> AuditCorpus {
    let mut cured = slice("cccc3333dddd", 4);
    cured.problem_keys = vec!["check:clippy".to_owned()];
    AuditCorpus {
        schema: "auditrun.audit-corpus/1".to_owned(),
        scope: ScopeFacts {
            scope_type: ScopeType::Repo,
            scope_ref: "shop".to_owned(),
            mode: Mode::Db,
            repo_id: "shop".to_owned(),
            recursion_depth: 0,
            earliest: Some("2026-01-01T10:00:00.000Z".to_owned()),
            latest: Some("2026-01-05T10:00:00.000Z".to_owned()),
            queried_at: "2026-01-20T09:00:00.000Z".to_owned(),
        },
        slices: vec![
            slice("eeee5555ffff", 1),
            failed("aaaa1111bbbb", 2, "check:cargo test"),
            failed("aaaa2222bbbb", 3, "check:cargo test"),
            cured,
            slice("eeee6666ffff", 5),
        ],
        lessons: vec![lesson("L-1", "check:cargo test", 1), lesson("L-2", "check:fmt", 2)],
        recurrences: vec![
            Recurrence {
                lesson_id: "L-1".to_owned(),
                recurred_in: vec!["aaaa1111bbbb".to_owned(), "aaaa2222bbbb".to_owned()],
                opportunities: ["eeee5555ffff", "aaaa1111bbbb", "aaaa2222bbbb", "cccc3333dddd"].map(str::to_owned).into(),
            },
            Recurrence {
                lesson_id: "L-2".to_owned(),
                recurred_in: Vec::new(),
                opportunities: ["aaaa1111bbbb", "aaaa2222bbbb", "eeee6666ffff"].map(str::to_owned).into(),
            },
        ],
        repairs: vec![Repair {
            slice_id: "cccc3333dddd".to_owned(),
            cycle: 1,
            problem_key: "check:clippy".to_owned(),
            reason: "clippy: unused variable".to_owned(),
            outcome: "repaired".to_owned(),
            at: "2026-01-04T09:30:00.000Z".to_owned(),
        }],
        timeline: vec![Moment {
            at: "2026-01-02T10:00:00.000Z".to_owned(),
            slice_id: Some("aaaa1111bbbb".to_owned()),
            what: "failed".to_owned(),
        }],
        earlier: Vec::new(),
        missing: vec![Missing {
            source: "docs/plans/".to_owned(),
            assumption: "what landed is what was planned".to_owned(),
        }],
    }
}

/// An earlier audit with these counts, and these scores by lesson.
pub(crate) fn earlier(day: u32, counts: [u32; 3], scores: &[(&str, f64)], keys: &[&str]) -> EarlierAudit {
    EarlierAudit {
        audit_run_id: format!("docs/audits/2025-12-{day:02}-shop.md"),
        at: format!("2025-12-{day:02}T00:00:00.000Z"),
        critical: counts[0],
        warning: counts[1],
        info: counts[2],
        effectiveness: scores.iter().map(|(id, s)| ((*id).to_owned(), *s)).collect(),
        problem_keys: keys.iter().map(|k| (*k).to_owned()).collect(),
    }
}
