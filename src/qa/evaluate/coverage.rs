//! Coverage: every slice has a finding, or the words "no issues found".

use super::{Criterion, Fault, Read, few};
use crate::qa::findings::short;
use crate::qa::reading;
use crate::qa::records::Records;

pub(super) const CRITERION: Criterion = Criterion {
    question: "Does the report deal with every slice in scope, without a gap?",
    pass: "Every slice has at least one finding, or stands there with an explicit \"no issues found\".",
    fail: "A slice is not mentioned, or mentioned without a finding and without that notation.",
};

pub(super) fn decide(read: &Read<'_>) -> Option<Fault> {
    let slices = &read.corpus.slices;
    let absent: Vec<&str> = slices
        .iter()
        .map(|s| s.slice_id.as_str())
        .filter(|id| !Records::mentioned(read.report, id))
        .map(short)
        .collect();
    if !absent.is_empty() {
        let what = format!(
            "{} of {} slices do not appear: {}",
            absent.len(),
            slices.len(),
            few(absent.iter().copied())
        );
        return Some(Fault::new(
            what,
            "Slices",
            "every slice needs a finding or the words \"no issues found\"",
        ));
    }
    let lines: Vec<&str> = read.report.lines().filter(|line| settles(read, line)).collect();
    let in_finding = |id: &str| read.findings.iter().any(|f| Records::mentioned(&f.text, id));
    let open: Vec<&str> = slices
        .iter()
        .map(|s| s.slice_id.as_str())
        .filter(|id| !in_finding(id) && !lines.iter().any(|line| Records::mentioned(line, id)))
        .map(short)
        .collect();
    (!open.is_empty()).then(|| {
        let what = format!("slices without a finding or a notation: {}", few(open.iter().copied()));
        Fault::new(what, "Slices", "a slice without a finding has to say \"no issues found\"")
    })
}

/// The line says of its slices that nothing was found, or refers to a finding that exists.
fn settles(read: &Read<'_>, line: &str) -> bool {
    let refers = || reading::cited(line).iter().any(|n| read.findings.iter().any(|f| f.number == *n));
    line.to_lowercase().contains("no issues found") || refers()
}
