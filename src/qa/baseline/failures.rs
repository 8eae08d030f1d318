//! `Failure Analysis`: each failed slice with its chain of events, then trends across slices.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::base::text::count;
use crate::qa::corpus::{AuditCorpus, Slice};
use crate::qa::findings::{day, excerpt, ids, short};
use crate::report::table::table;
use crate::report::{code, markdown};

pub(super) fn section(corpus: &AuditCorpus) -> String {
    let mut text = String::new();
    for slice in corpus.slices.iter().filter(|s| s.failed()) {
        one(&mut text, corpus, slice);
    }
    if text.is_empty() {
        text.push_str("No slice in scope failed.\n\n");
    }
    let _ = write!(text, "### Problems\n\n{}\n", problems(corpus));
    let _ = write!(text, "### Trends across slices\n\n{}", trends(corpus));
    text
}

fn one(text: &mut String, corpus: &AuditCorpus, slice: &Slice) {
    let Some(failure) = &slice.failure else { return };
    let _ = write!(
        text,
        "### {}: {}\n\n- Blocker: {}\n- Error: {}\n- Classification: {}\n- Repair outcome: {}\n",
        code(short(&slice.slice_id)),
        markdown(&slice.title),
        excerpt(&failure.blocker_reason),
        excerpt(&failure.error_summary),
        markdown(&failure.classification),
        markdown(&failure.repair_outcome),
    );
    let _ = write!(text, "- Chain: {}\n\n", chain(corpus, slice));
}

/// What happened around a failure, in the order in which it happened: repairs, the failure,
/// lessons about its problem.
fn chain(corpus: &AuditCorpus, slice: &Slice) -> String {
    let id = code(short(&slice.slice_id));
    let mut events: Vec<(&str, String)> = vec![(&slice.at, format!("{id} failed ({})", day(&slice.at)))];
    for repair in corpus.repairs.iter().filter(|r| r.slice_id == slice.slice_id) {
        let said =
            format!("repair cycle {} {} ({})", repair.cycle, markdown(&repair.outcome), day(&repair.at));
        events.push((&repair.at, said));
    }
    let about = corpus.lessons.iter().filter(|l| slice.problem_keys.contains(&l.problem_key));
    let mut known = false;
    for lesson in about {
        known = true;
        let lesson_id = code(&lesson.lesson_id);
        events
            .push((&lesson.created_at, format!("lesson {lesson_id} recorded ({})", day(&lesson.created_at))));
        if let Some(at) = &lesson.promoted_at {
            events.push((at, format!("lesson {lesson_id} promoted ({})", day(at))));
        }
    }
    events.sort_by_key(|(at, _)| at.parse::<jiff::Timestamp>().ok());
    let mut told: Vec<String> = events.into_iter().map(|(_, said)| said).collect();
    if !known {
        told.push("no lesson yet".to_owned());
    }
    told.join(" → ")
}

/// Every problem with the slices in which it stands: earlier audits are read back by this table.
fn problems(corpus: &AuditCorpus) -> String {
    let mut keys: BTreeMap<&str, Vec<&Slice>> = BTreeMap::new();
    for slice in &corpus.slices {
        slice.problem_keys.iter().for_each(|k| keys.entry(k).or_default().push(slice));
    }
    let row = |(key, slices): (&str, Vec<&Slice>)| {
        let named: Vec<String> = slices.iter().map(|s| s.slice_id.clone()).collect();
        let (first, last) = (day(&slices[0].at), day(&slices[slices.len() - 1].at));
        vec![code(key), slices.len().to_string(), first.to_owned(), last.to_owned(), ids(&named)]
    };
    table(&["problem key", "slices", "first", "last", "in"], keys.into_iter().map(row))
}

fn trends(corpus: &AuditCorpus) -> String {
    let mut text = halves(&corpus.slices);
    let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
    for key in corpus.slices.iter().flat_map(|s| &s.problem_keys) {
        *keys.entry(key).or_default() += 1;
    }
    match keys.values().filter(|n| **n > 1).count() {
        0 => text.push_str("- No problem key stands in more than one slice.\n"),
        n => _ = writeln!(text, "- {} in more than one slice: see the table above.", stands(n)),
    }
    let streak = corpus.slices.iter().rev().take_while(|s| !s.failed()).count();
    if let (true, Some(last)) = (streak > 1, corpus.slices.last()) {
        let _ = writeln!(
            text,
            "- The last {streak} slices did not fail, up to {} on {}.",
            code(short(&last.slice_id)),
            day(&last.at)
        );
    }
    text
}

fn stands(n: usize) -> String {
    if n == 1 { "1 problem key stands".to_owned() } else { format!("{n} problem keys stand") }
}

/// Failures in the earlier and the later half of the scope.
fn halves(slices: &[Slice]) -> String {
    if slices.len() < 2 {
        let so = if slices.is_empty() { "No slice, hence" } else { "A single slice shows" };
        return format!("- {so} no trend.\n");
    }
    let (early, late) = slices.split_at(slices.len() / 2);
    let failed = |part: &[Slice]| part.iter().filter(|s| s.failed()).count();
    let rate = |part: &[Slice]| failed(part) * 100 / part.len();
    let way = match rate(late).cmp(&rate(early)) {
        std::cmp::Ordering::Greater => "rising",
        std::cmp::Ordering::Less => "falling",
        std::cmp::Ordering::Equal => "steady",
    };
    let say = |part: &[Slice]| {
        format!("{} of {} failed ({} %)", failed(part), count(part.len(), "slice"), rate(part))
    };
    format!("- Failures are {way}: before {} {}, from then on {}.\n", day(&late[0].at), say(early), say(late))
}
