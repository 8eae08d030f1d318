//! Corpora and scripted roles for tests.
#![allow(clippy::unwrap_used)] // Helpers fail as tests do.

use std::sync::Mutex;

use serde_json::{Value, json};

use crate::base::FixedClock;
use crate::config::{Bounds, Flags, LoadInput, Origin, Role, Setting};
use crate::qa::corpus::{
    AuditCorpus, EarlierAudit, Failure, Missing, Mode, Moment, Recurrence, Repair, ScopeFacts, ScopeType,
    Slice,
};
use crate::qa::evaluate::Evaluation;
use crate::qa::forge::Progress;
use crate::qa::lesson::{Lesson, LessonStatus};
use crate::qa::roles::{Consulted, HostError, Prompt, RoleHost};
use crate::run::bounds::Spent;

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
                opportunities: ["eeee5555ffff", "aaaa1111bbbb", "aaaa2222bbbb", "cccc3333dddd"]
                    .map(str::to_owned)
                    .into(),
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

type Answers<'a> = Box<dyn Fn(Role, &str, usize) -> Value + Sync + 'a>;

/// A host of roles that answers as a function says: role, prompt, how often the role was asked
/// before.
pub(crate) struct Host<'a> {
    answer: Answers<'a>,
    asked: Mutex<Vec<(Role, String)>>,
    /// The invocation, from 0 on, at which the operator interrupts.
    pub interrupt_at: Option<usize>,
    /// What each invocation uses.
    pub spent: Spent,
}

impl<'a> Host<'a> {
    pub(crate) fn new(answer: impl Fn(Role, &str, usize) -> Value + Sync + 'a) -> Host<'a> {
        Host {
            answer: Box::new(answer),
            asked: Mutex::default(),
            interrupt_at: None,
            spent: Spent::default(),
        }
    }

    /// What it would answer if it were asked for the first time.
    pub(crate) fn answer(&self, role: Role, prompt: &str) -> Value {
        (self.answer)(role, prompt, 0)
    }

    /// Every prompt so far, with its role.
    pub(crate) fn asked(&self) -> Vec<(Role, String)> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn prompts(&self, role: Role) -> Vec<String> {
        self.asked().into_iter().filter(|(r, _)| *r == role).map(|(_, text)| text).collect()
    }
}

impl RoleHost for Host<'_> {
    fn ask(
        &self,
        prompt: &Prompt,
        _: &str,
        read: &dyn Fn(&Value) -> Result<(), String>,
    ) -> Result<Consulted, HostError> {
        let mut spent = Spent::default();
        let mut why = String::new();
        for call in 1..=2 {
            let before = {
                let mut asked = self.asked.lock().unwrap();
                if self.interrupt_at.is_some_and(|at| asked.len() >= at) {
                    return Err(HostError::Interrupted);
                }
                let before = asked.iter().filter(|(r, _)| *r == prompt.role()).count();
                asked.push((prompt.role(), prompt.text().to_owned()));
                before
            };
            spent.plus(&self.spent);
            let value = (self.answer)(prompt.role(), prompt.text(), before);
            match read(&value) {
                Ok(()) => return Ok(Consulted { answer: Ok(value), spent, calls: call }),
                Err(e) => why = e,
            }
        }
        Ok(Consulted { answer: Err(why), spent, calls: 2 })
    }
}

/// An evaluator's answer in which these fail.
pub(crate) fn evaluation(failing: &[&str]) -> Value {
    let one = |e: Evaluation| match failing.contains(&e.name()) {
        true => {
            json!({ "evaluation_name": e.name(), "status": false, "what": format!("{} is thin", e.name()),
                        "where": "Findings", "why": "so it is" })
        }
        false => json!({ "evaluation_name": e.name(), "status": true }),
    };
    json!({ "evaluations": Evaluation::ALL.map(one) })
}

/// A brainstormer's answer: three proposals for this evaluation.
pub(crate) fn proposals(target: &str) -> Value {
    let one = |n: u32| {
        json!({ "title": format!("idea {n}"), "section": "Assumptions and Missing Data", "change": "add a note",
                "rationale": "it says more", "targets": [target] })
    };
    json!({ "proposals": [one(1), one(2), one(3)] })
}

/// A critic's answer.
pub(crate) fn critique(severity: &str, place: &str, what: &str) -> Value {
    json!({ "findings": [{ "severity": severity, "where": place, "what": what, "why": "nobody says it" }] })
}

/// A mutator's answer: the section of the prompt's document with one note more.
pub(crate) fn one_note_more(prompt: &str) -> Value {
    let notes = prompt.matches("- note ").count();
    let all: String = (1..=notes + 1).map(|n| format!("- note {n}\n")).collect();
    json!({ "section": "Assumptions and Missing Data", "content": all })
}

/// Takes lines down.
#[derive(Default)]
pub(crate) struct Lines(Mutex<Vec<String>>);

impl Lines {
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Progress for Lines {
    fn say(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

/// No budget at all.
pub(crate) fn bounds() -> Bounds {
    let none = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let (env, flags) = (std::collections::BTreeMap::new(), Flags::default());
    let input = LoadInput { file: None, read: &none, env: &env, flags: &flags };
    crate::config::load(&input).ok().unwrap().0.bounds
}

/// Budgets of this many tokens.
pub(crate) fn token_bounds(tokens: u64) -> Bounds {
    let mut bounds = bounds();
    bounds.tokens = Some(Setting { value: tokens, origin: Origin::Flag("--tokens".to_owned()) });
    bounds
}

/// A clock that stands still.
pub(crate) fn clock() -> FixedClock {
    FixedClock::at("2026-01-20T09:00:00Z".parse().unwrap())
}
