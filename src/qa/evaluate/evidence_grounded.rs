//! Evidence-grounded: every finding cites a record, and what is cited exists.

use super::{Criterion, Fault, Read, few};

pub(super) const CRITERION: Criterion = Criterion {
    question: "Does every finding cite a verifier's output, a lesson's id, or a commit?",
    pass: "Every finding has at least one concrete reference: an id, a SHA, or an excerpt of an output.",
    fail: "A finding rests on general statements.",
};

pub(super) fn decide(read: &Read<'_>) -> Option<Fault> {
    let unknown = read.records.unknown(read.report);
    if !unknown.is_empty() {
        let what = format!("it cites what does not exist: {}", few(unknown.iter().copied()));
        let line = read.report.lines().find(|l| l.contains(unknown[0])).unwrap_or_default();
        return Some(Fault::new(what, crate::base::text::head(line.trim(), 120), "no record has this id"));
    }
    let loose: Vec<String> = read
        .findings
        .iter()
        .filter(|f| !read.records.grounds(&f.text))
        .map(|f| format!("F-{}", f.number))
        .collect();
    (!loose.is_empty()).then(|| {
        let what = format!("findings without a reference: {}", few(loose.iter().map(String::as_str)));
        Fault::new(what, "Findings", "none of their lines names a record or quotes an output")
    })
}
