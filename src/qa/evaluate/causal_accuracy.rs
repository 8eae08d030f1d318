//! Causal accuracy: chains of failure, lesson and action name records that exist, in the
//! order in which they happened.

use super::{Criterion, Fault, Read, few};
use crate::base::text::head;
use crate::qa::sections;

pub(super) const CRITERION: Criterion = Criterion {
    question: "Do the chains from failure to lesson to action say what really happened?",
    pass: "Every chain can be followed in the records that it cites, in the right order.",
    fail: "A chain names a wrong cause, turns the order round, or cites records that do not exist.",
};

pub(super) fn decide(read: &Read<'_>) -> Option<Fault> {
    let analysis = sections::body(read.report, "Failure Analysis").unwrap_or_default();
    let chains = read.report.lines().filter(|l| is_chain(l));
    let invented: Vec<&str> =
        chains.clone().chain(analysis.lines()).flat_map(|l| read.records.unknown(l)).collect();
    if let Some(first) = invented.first() {
        let line = read.report.lines().find(|l| l.contains(first)).unwrap_or_default();
        let what = format!("a chain cites what does not exist: {}", few(invented.iter().copied()));
        return Some(Fault::new(what, head(line.trim(), 120), "no record has this id"));
    }
    let reversed = |line: &&str| chain_reversed(read, line) || range_reversed(line);
    let line = read.report.lines().find(reversed)?;
    Some(Fault::new(
        "a chain or range runs against time",
        head(line.trim(), 120),
        "its dates are in reversed order",
    ))
}

fn steps(line: &str) -> impl Iterator<Item = &str> {
    line.split(['→', '⟶', '⇒']).flat_map(|part| part.split("->")).flat_map(|part| part.split("=>"))
}

/// Has two steps or more, and is prose rather than code.
fn is_chain(line: &str) -> bool {
    steps(line).nth(1).is_some()
}

/// Earliest and latest of some times, as far as they are known.
type Span = (String, String);

fn chain_reversed(read: &Read<'_>, line: &str) -> bool {
    if !is_chain(line) {
        return false;
    }
    let stated: Vec<Span> = steps(line).filter_map(|s| span(dates(s))).collect();
    let known = |s: &str| {
        let times = read.records.times(s);
        let from = times.iter().map(|t| t.0.clone());
        span(from.chain(times.iter().map(|t| t.1.clone())).collect())
    };
    let recorded: Vec<Span> = steps(line).filter_map(known).collect();
    runs_back(&stated) || runs_back(&recorded)
}

/// `DATE to DATE`, `DATE – DATE`, `DATE..DATE` with the later one first.
fn range_reversed(line: &str) -> bool {
    let found = date_places(line);
    found.windows(2).any(|pair| {
        let (first, second) = (pair[0], pair[1]);
        let between = line[first.1..second.0].trim().trim_matches('`').trim();
        let joins = ["to", "until", "–", "—", "..", "...", "…", "through"].contains(&between);
        joins && before(&line[second.0..second.1], &line[first.0..first.1])
    })
}

fn span(mut times: Vec<String>) -> Option<Span> {
    times.sort();
    Some((times.first()?.clone(), times.last()?.clone()))
}

/// A step ends before the one before it began.
fn runs_back(steps: &[Span]) -> bool {
    steps.windows(2).any(|pair| before(&pair[1].1, &pair[0].0))
}

/// Compared as far as both say: days, or times of day.
fn before(a: &str, b: &str) -> bool {
    let place = |text: &str| text.parse::<jiff::Timestamp>().ok();
    match (place(a), place(b)) {
        (Some(a), Some(b)) => a < b,
        _ => a.get(..10) < b.get(..10),
    }
}

fn dates(text: &str) -> Vec<String> {
    date_places(text).into_iter().map(|(from, to)| text[from..to].to_owned()).collect()
}

/// Where ISO dates stand, with their times of day if they have some.
fn date_places(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at + 10 <= bytes.len() {
        let edge = at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
        let day = &bytes[at..at + 10];
        let is_day = edge
            && day
                .iter()
                .enumerate()
                .all(|(n, b)| if n == 4 || n == 7 { *b == b'-' } else { b.is_ascii_digit() });
        if !is_day {
            at += 1;
            continue;
        }
        let rest = &bytes[at + 10..];
        let time = match rest.first() {
            Some(b'T') => {
                rest.iter().take_while(|b| b.is_ascii_alphanumeric() || b":.+-".contains(b)).count()
            }
            _ => 0,
        };
        found.push((at, at + 10 + time));
        at += 10 + time;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_found_and_ranges_compared() {
        assert_eq!(
            dates("a 2026-01-02 b 2026-01-03T04:05:06.000Z, 12026-01-02"),
            ["2026-01-02", "2026-01-03T04:05:06.000Z"]
        );
        for good in ["2026-01-02 to 2026-01-02", "2026-01-03, 2026-01-02", "from 2026-01-02 to 2026-01-03"] {
            assert!(!range_reversed(good), "{good}");
        }
        for bad in ["2026-01-03 to 2026-01-02", "`2026-01-02T10:00:00Z` – `2026-01-02T09:00:00Z`"] {
            assert!(range_reversed(bad), "{bad}");
        }
    }
}
