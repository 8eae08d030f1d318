//! The rules that make findings, one function each.

use std::collections::BTreeMap;

use super::text::{day, excerpt, ids, short};
use super::{Finding, NextKind, NextStep, Severity};
use crate::base::text::count;
use crate::qa::corpus::{AuditCorpus, Slice};
use crate::qa::effectiveness::{Label, printed, scores};
use crate::qa::lesson::{Lesson, LessonStatus};
use crate::report::{code, markdown};

pub(super) fn all(corpus: &AuditCorpus) -> Vec<Finding> {
    let rules: [fn(&AuditCorpus) -> Vec<Finding>; 10] = [
        recurrences,
        failures,
        cured_again_and_again,
        weak_lessons,
        failing_verifiers,
        reverts,
        mending,
        unverified,
        leftovers,
        undecided_lessons,
    ];
    rules.iter().flat_map(|rule| rule(corpus)).collect()
}

fn slice<'a>(corpus: &'a AuditCorpus, id: &str) -> Option<&'a Slice> {
    corpus.slices.iter().find(|s| s.slice_id == id)
}

fn collect<'a>(slices: impl IntoIterator<Item = &'a &'a Slice>) -> Vec<String> {
    slices.into_iter().map(|s| s.slice_id.clone()).collect()
}

/// An operator's decision about this problem: recommendations have to keep it.
fn decision<'a>(corpus: &'a AuditCorpus, key: &str) -> Option<&'a Lesson> {
    let about = |l: &&Lesson| l.lesson_type == "operator_override" && l.problem_key == key;
    corpus.lessons.iter().filter(|l| l.status == LessonStatus::Promoted).find(about)
}

fn step(corpus: &AuditCorpus, key: Option<&str>, kind: NextKind, text: String) -> Option<NextStep> {
    let Some(lesson) = key.and_then(|k| decision(corpus, k)) else { return Some(NextStep { kind, text }) };
    let text = format!(
        "operator override {} stands and covers {}; keep it, or retire it in .auditor/lessons.json before anything else is changed here.",
        code(&lesson.lesson_id),
        code(&lesson.problem_key)
    );
    Some(NextStep { kind: NextKind::Override, text })
}

/// One line about a slice that failed.
fn failed_line(slice: &Slice) -> String {
    let at = day(&slice.at);
    match &slice.failure {
        Some(failure) => format!(
            "{} failed on {at} at {}: {}",
            code(short(&slice.slice_id)),
            markdown(&failure.classification),
            excerpt(&failure.error_summary)
        ),
        None => format!("{} on {at}: {}", code(short(&slice.slice_id)), markdown(&slice.status)),
    }
}

/// Lessons in force whose problem came back.
fn recurrences(corpus: &AuditCorpus) -> Vec<Finding> {
    let back = scores(corpus).into_iter().filter(|s| !s.recurred_in.is_empty());
    back.map(|scored| {
        let lesson = scored.lesson;
        let failed = |id: &String| slice(corpus, id).is_some_and(Slice::failed);
        let bad = scored.recurred_in.iter().any(failed);
        let promoted = lesson.promoted_at.as_deref().unwrap_or(&lesson.created_at);
        let mut evidence = vec![format!(
            "lesson {} (promoted {}), score {}; the problem {} came back in {}",
            code(&lesson.lesson_id),
            day(promoted),
            printed(scored.effectiveness.score),
            code(&lesson.problem_key),
            ids(scored.recurred_in),
        )];
        evidence.extend(scored.recurred_in.iter().take(3).filter_map(|id| slice(corpus, id)).map(failed_line));
        let text = format!(
            "revise lesson {} so that it prevents {}: its text is {}; accept the revision when a later slice of the same verifier type passes without the problem.",
            code(&lesson.lesson_id),
            code(&lesson.problem_key),
            excerpt(&lesson.text),
        );
        Finding {
            severity: if bad { Severity::Critical } else { Severity::Warning },
            title: format!("a promoted lesson did not prevent {}", code(&lesson.problem_key)),
            slices: scored.recurred_in.to_vec(),
            problem_key: Some(lesson.problem_key.clone()),
            evidence,
            next: step(corpus, Some(&lesson.problem_key), NextKind::MetaSlice, text),
        }
    })
    .collect()
}

/// Slices that failed, by their problem.
fn failures(corpus: &AuditCorpus) -> Vec<Finding> {
    let mut groups: BTreeMap<&str, Vec<&Slice>> = BTreeMap::new();
    for slice in corpus.slices.iter().filter(|s| s.failed()) {
        let class = slice.failure.as_ref().map_or("", |f| f.classification.as_str());
        groups.entry(slice.problem_keys.first().map_or(class, String::as_str)).or_default().push(slice);
    }
    groups.into_iter().map(|(key, slices)| failure(corpus, key, &slices)).collect()
}

fn failure(corpus: &AuditCorpus, key: &str, slices: &[&Slice]) -> Finding {
    let exhausted = |s: &&&Slice| s.failure.as_ref().is_some_and(|f| f.repair_outcome == "exhausted");
    let bad = slices.len() > 1 || slices.iter().any(|s| exhausted(&s));
    let keyed = slices[0].problem_keys.iter().any(|k| k == key);
    let mut evidence: Vec<String> = slices.iter().take(4).map(|s| failed_line(s)).collect();
    let cycles = corpus.repairs.iter().filter(|r| slices.iter().any(|s| s.slice_id == r.slice_id));
    match cycles.count() {
        0 => {}
        n => evidence.push(format!("{} went into {}", count(n, "repair cycle"), ids(&collect(slices)))),
    }
    let (kind, text) = failure_step(key, slices);
    Finding {
        severity: if bad { Severity::Critical } else { Severity::Warning },
        title: format!("{} failed at {}", count(slices.len(), "slice"), code(key)),
        slices: collect(slices),
        problem_key: keyed.then(|| key.to_owned()),
        evidence,
        next: step(corpus, Some(key), kind, text),
    }
}

fn failure_step(key: &str, slices: &[&Slice]) -> (NextKind, String) {
    let first = slices[0];
    let look = match (&first.node_id, &first.commit) {
        (Some(node), _) => format!("open the kept worktree with {}", code(&format!("auditrun shell {node}"))),
        (None, Some(commit)) => format!("read {}", code(&format!("git show {}", short(commit)))),
        (None, None) => format!("read the record of {}", code(short(&first.slice_id))),
    };
    if slices.len() > 1 {
        let text = format!(
            "{} broke {}: propose the change that removes the cause they share; {} first, and hold the proposal to the check that failed.",
            code(key),
            count(slices.len(), "slice"),
            look
        );
        return (NextKind::MetaSlice, text);
    }
    let text = format!(
        "{look}, run what failed there ({}), and record cause and cure as a lesson with the problem key {}.",
        first.failure.as_ref().map_or_else(String::new, |f| excerpt(&f.blocker_reason)),
        code(key)
    );
    (NextKind::Investigation, text)
}

/// Problems that remediation cured, each time anew.
fn cured_again_and_again(corpus: &AuditCorpus) -> Vec<Finding> {
    let mut by_key: BTreeMap<&str, Vec<&Slice>> = BTreeMap::new();
    for slice in corpus.slices.iter().filter(|s| !s.failed()) {
        slice.problem_keys.iter().for_each(|key| by_key.entry(key).or_default().push(slice));
    }
    by_key.into_iter().map(|(key, slices)| cured(corpus, key, &slices)).collect()
}

fn cured(corpus: &AuditCorpus, key: &str, slices: &[&Slice]) -> Finding {
    let repairs: Vec<_> = corpus
        .repairs
        .iter()
        .filter(|r| r.problem_key == key && slices.iter().any(|s| s.slice_id == r.slice_id))
        .collect();
    let mut evidence = vec![format!(
        "{} in {}, cured within {}",
        code(key),
        ids(&collect(slices)),
        count(repairs.len(), "repair cycle")
    )];
    evidence.extend(repairs.iter().take(3).map(|r| {
        format!(
            "{} cycle {} on {}: {} ({})",
            code(short(&r.slice_id)),
            r.cycle,
            day(&r.at),
            markdown(&r.outcome),
            excerpt(&r.reason)
        )
    }));
    let again = slices.len() > 1;
    let text = format!(
        "promote a lesson for {} that tells agents the cure beforehand: {} were each repaired after the fact.",
        code(key),
        ids(&collect(slices))
    );
    Finding {
        severity: if again { Severity::Warning } else { Severity::Info },
        title: match again {
            true => format!("{} was cured in {}, each time anew", code(key), count(slices.len(), "slice")),
            false => format!("{} was cured by a repair", code(key)),
        },
        slices: collect(slices),
        problem_key: Some(key.to_owned()),
        evidence,
        next: if again { step(corpus, Some(key), NextKind::MetaSlice, text) } else { None },
    }
}

/// Lessons that had their chances and score low all the same, without having failed.
fn weak_lessons(corpus: &AuditCorpus) -> Vec<Finding> {
    let low = |s: &crate::qa::effectiveness::Scored<'_>| {
        s.recurred_in.is_empty() && matches!(s.label(), Label::Weakly | Label::Ineffective)
    };
    scores(corpus)
        .into_iter()
        .filter(low)
        .map(|scored| {
            let lesson = scored.lesson;
            let unproven = scored.inputs.opportunities == 0;
            let id = code(&lesson.lesson_id);
            let evidence = format!(
                "lesson {id} for {}: score {}, {} since {}, confidence {}",
                code(&lesson.problem_key),
                printed(scored.effectiveness.score),
                opportunities(scored.inputs.opportunities),
                day(lesson.promoted_at.as_deref().unwrap_or(&lesson.created_at)),
                printed(lesson.confidence),
            );
            let text = format!(
                "decide about lesson {id}: confirm it with a newer date if it still applies, else retire it."
            );
            let step = step(corpus, None, NextKind::Override, text);
            Finding {
                severity: if unproven { Severity::Info } else { Severity::Warning },
                title: format!("lesson {id} is {}: {}", scored.label().name(), scored.meaning()),
                slices: Vec::new(),
                problem_key: Some(lesson.problem_key.clone()),
                evidence: vec![evidence],
                next: if unproven { None } else { step },
            }
        })
        .collect()
}

/// Landed although what verifies it failed.
fn failing_verifiers(corpus: &AuditCorpus) -> Vec<Finding> {
    let found: Vec<&Slice> =
        corpus.slices.iter().filter(|s| !s.failed() && s.verifier_status == "failed").collect();
    if found.is_empty() {
        return Vec::new();
    }
    let line = |s: &&Slice| {
        let said = s.excerpts.first().map_or_else(String::new, |e| format!(": {}", excerpt(e)));
        format!("{} on {}{said}", code(short(&s.slice_id)), day(&s.at))
    };
    let text = format!("run the verifier at {} and find the first that fails.", ids(&collect(&found)));
    vec![Finding {
        severity: Severity::Warning,
        title: format!("{} landed with a failing verifier", count(found.len(), "slice")),
        slices: collect(&found),
        problem_key: None,
        evidence: found.iter().take(4).map(line).collect(),
        next: step(corpus, None, NextKind::Investigation, text),
    }]
}

/// Work that was taken back.
fn reverts(corpus: &AuditCorpus) -> Vec<Finding> {
    let found: Vec<&Slice> = corpus.slices.iter().filter(|s| s.title.starts_with("Revert ")).collect();
    if found.is_empty() {
        return Vec::new();
    }
    let line = |s: &&Slice| format!("{} on {}: {}", code(short(&s.slice_id)), day(&s.at), markdown(&s.title));
    let text = format!(
        "for each of {}, name the check that would have caught the reverted change before it landed, and add it.",
        ids(&collect(&found))
    );
    vec![Finding {
        severity: Severity::Warning,
        title: format!("{} took earlier work back", count(found.len(), "slice")),
        slices: collect(&found),
        problem_key: None,
        evidence: found.iter().take(4).map(line).collect(),
        next: step(corpus, None, NextKind::Investigation, text),
    }]
}

/// Work that mends earlier work, by what it calls itself. Where it is a third of everything, work
/// lands too early.
fn mending(corpus: &AuditCorpus) -> Vec<Finding> {
    let mends = |title: &str| {
        let word = title.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_lowercase();
        ["fix", "fixes", "fixed", "fixup", "hotfix", "bugfix", "repair", "mend"].contains(&word.as_str())
    };
    let found: Vec<&Slice> = corpus.slices.iter().filter(|s| mends(&s.title)).collect();
    if found.len() < 2 {
        return Vec::new();
    }
    let much = found.len() * 3 >= corpus.slices.len();
    let line = |s: &&Slice| format!("{} on {}: {}", code(short(&s.slice_id)), day(&s.at), markdown(&s.title));
    let text = format!(
        "look at what {} mended, and name for each the check that would have held the first change back.",
        ids(&collect(&found))
    );
    vec![Finding {
        severity: if much { Severity::Warning } else { Severity::Info },
        title: format!("{} of {} mend earlier work", found.len(), count(corpus.slices.len(), "slice")),
        slices: collect(&found),
        problem_key: None,
        evidence: found.iter().take(4).map(line).collect(),
        next: if much { step(corpus, None, NextKind::Investigation, text) } else { None },
    }]
}

/// Slices of which nobody says whether they passed.
fn unverified(corpus: &AuditCorpus) -> Vec<Finding> {
    let found: Vec<&Slice> =
        corpus.slices.iter().filter(|s| !s.failed() && s.verifier_status == "unknown").collect();
    if found.is_empty() {
        return Vec::new();
    }
    vec![Finding {
        severity: Severity::Info,
        title: format!("{} of {} have no verifier outcome", found.len(), count(corpus.slices.len(), "slice")),
        slices: collect(&found),
        problem_key: None,
        evidence: vec![format!("verifier status unknown for {}", ids(&collect(&found)))],
        next: None,
    }]
}

/// Worktrees that stayed.
fn leftovers(corpus: &AuditCorpus) -> Vec<Finding> {
    let found: Vec<&Slice> = corpus.slices.iter().filter(|s| s.cleanup_status == "kept").collect();
    if found.is_empty() {
        return Vec::new();
    }
    vec![Finding {
        severity: Severity::Info,
        title: format!("{} left a worktree for inspection", count(found.len(), "slice")),
        slices: collect(&found),
        problem_key: None,
        evidence: vec![format!("cleanup status kept for {}", ids(&collect(&found)))],
        next: None,
    }]
}

/// Lessons that nobody has decided about.
fn undecided_lessons(corpus: &AuditCorpus) -> Vec<Finding> {
    let found: Vec<&Lesson> = corpus.lessons.iter().filter(|l| l.status == LessonStatus::Candidate).collect();
    if found.is_empty() {
        return Vec::new();
    }
    let line = |l: &&Lesson| {
        format!("candidate {} since {}: {}", code(&l.lesson_id), day(&l.created_at), code(&l.problem_key))
    };
    vec![Finding {
        severity: Severity::Info,
        title: format!("{} to be decided about", count(found.len(), "lesson")),
        slices: Vec::new(),
        problem_key: None,
        evidence: found.iter().take(8).map(line).collect(),
        next: None,
    }]
}

fn opportunities(n: usize) -> String {
    if n == 1 { "1 opportunity".to_owned() } else { format!("{n} opportunities") }
}
