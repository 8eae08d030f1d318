//! Phase 6: what is put before the operator, and what follows from the decision.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::text::{count, head, neutral};
use crate::qa::archive::loop_scores;
use crate::qa::baseline::lessons::effectiveness_table;
use crate::qa::corpus::{AuditCorpus, ScopeType};
use crate::qa::effectiveness::{printed, scores};
use crate::qa::error::QaError;
use crate::qa::findings::Severity;
use crate::qa::forge::{Experiment, Log, Status};
use crate::qa::meta::{MetaSlice, Risk};
use crate::qa::reading;
use crate::qa::regression::{Regression, count_way, direction};
use crate::qa::roles::total;
use crate::qa::sections;

/// Mutations that the summary names.
const BEST: usize = 3;
/// Longest part of the report's own summary, in bytes.
const SUMMARY: usize = 2000;

/// What the operator decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Keep the report, route the meta-slices.
    Accept,
    /// Forge on at what still fails.
    Deeper,
    /// Keep nothing.
    Dismiss,
}

impl FromStr for Decision {
    type Err = String;

    fn from_str(word: &str) -> Result<Decision, String> {
        match word.trim().to_lowercase().as_str() {
            "accept" => Ok(Decision::Accept),
            "deeper" | "deeper audit" => Ok(Decision::Deeper),
            "dismiss" => Ok(Decision::Dismiss),
            other => Err(format!("'{other}' is no decision: accept, deeper or dismiss")),
        }
    }
}

/// Who decides.
pub trait DecisionSource {
    /// Shows the summary and asks.
    ///
    /// # Errors
    /// Nobody can be asked.
    fn decide(&self, summary: &str) -> Result<Decision, QaError>;
}

/// A decision that was made beforehand. After one deeper pass the result is accepted: there is
/// nobody who could say when it is deep enough.
#[derive(Debug)]
pub struct Decided {
    first: Decision,
    used: AtomicBool,
}

impl Decided {
    /// This one.
    pub fn new(first: Decision) -> Decided {
        Decided { first, used: AtomicBool::new(false) }
    }
}

impl DecisionSource for Decided {
    fn decide(&self, _: &str) -> Result<Decision, QaError> {
        let again = self.used.swap(true, Ordering::Relaxed);
        Ok(if again && self.first == Decision::Deeper { Decision::Accept } else { self.first })
    }
}

/// A meta-slice that goes its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routing<'a> {
    /// `standard`, `elevated` or `urgent`.
    pub urgency: &'static str,
    /// The contract.
    pub slice: &'a MetaSlice,
    /// Its file.
    pub file: PathBuf,
    /// The snapshot that tells later whether it helped: of medium and high risk.
    pub baseline: Option<PathBuf>,
    /// Of high risk.
    pub self_audit: Option<PathBuf>,
}

/// Passes meta-slices on.
pub trait Notifier {
    /// Passes one on. What goes wrong is told and changes nothing else.
    fn route(&self, routing: &Routing<'_>);
}

/// How a risk is announced.
pub(super) fn urgency(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "standard",
        Risk::Medium => "elevated",
        Risk::High => "urgent",
    }
}

/// Where an accepted report goes: `docs/audits/<day>-<scope>.md`, with a number where another
/// report of the day has that name.
pub(super) fn report_path(root: &Path, day: &str, scope_short: &str, report: &str) -> PathBuf {
    let path = |n: u32| {
        let suffix = if n == 1 { String::new() } else { format!("-{n}") };
        root.join("docs/audits").join(format!("{day}-{scope_short}{suffix}.md"))
    };
    // One with the same text is this one, accepted before a crash.
    let free = |p: &PathBuf| std::fs::read(p).map_or(!p.exists(), |now| now == report.as_bytes());
    (1..).map(path).find(free).unwrap_or_else(|| path(1))
}

/// What is put before the operator.
pub(super) fn summary(corpus: &AuditCorpus, log: &Log, regression: &Regression) -> String {
    let forged = corpus.scope.scope_type != ScopeType::Effectiveness;
    let mut text = format!("Executive summary\n\n{}\n\n", executive(log.report()));
    if forged {
        text.push_str(&improvement(log));
    }
    let _ = writeln!(text, "Findings");
    for severity in Severity::ALL {
        let now = regression.now.of(severity);
        let moved = regression.last.map_or("no earlier audit", |l| direction(count_way(l.of(severity), now)));
        let _ = writeln!(text, "  {}: {now} ({moved})", severity.name());
    }
    text.push_str(&lessons(corpus));
    if forged {
        text.push_str(&meta_slices(log));
    }
    let _ = write!(text, "\nRegression: {}\n", regression.line());
    for note in log.notes() {
        let _ = writeln!(text, "Note: {note}");
    }
    text.push_str(&used(log));
    // Titles, proposals and failures are the words of agents.
    neutral(&text)
}

fn executive(report: &str) -> String {
    let body = sections::body(report, "Executive Summary").unwrap_or("The report has no executive summary.");
    let cut = head(body.trim(), SUMMARY);
    if cut.len() < body.trim().len() { format!("{cut} …") } else { cut.to_owned() }
}

fn improvement(log: &Log) -> String {
    let scores = loop_scores(log);
    let percent = |p: Option<u32>| p.map_or_else(|| "not scored".to_owned(), |p| format!("{p}%"));
    let mut text = format!(
        "Baseline {} --> Final {} over {}\n\n",
        percent(scores.baseline),
        percent(scores.last),
        count(scores.experiments as usize, "experiment")
    );
    let best = best(log);
    if best.is_empty() {
        text.push_str("No mutation helped.\n");
    } else {
        text.push_str("Mutations that helped most\n");
    }
    for (gain, experiment) in best {
        let title = experiment.mutation.as_ref().map_or("", |m| m.title.as_str());
        let _ = writeln!(text, "  +{gain}/7 experiment {}: {title}", experiment.number);
    }
    let failing = log.standing().map_or(&[][..], |card| &card.failing);
    let none = match log.standing() {
        None => ": not known, the report was never evaluated",
        Some(card) if card.perfect() => ": none",
        Some(_) => "",
    };
    let _ = writeln!(text, "\nRemaining failures{none}");
    for f in failing {
        let fault = &f.fault;
        let _ = writeln!(
            text,
            "  {}: what={} where={} why={}",
            f.evaluation.name(),
            fault.what,
            fault.place,
            fault.why
        );
    }
    text.push('\n');
    text
}

/// The kept mutations with what they gained, the best first.
fn best(log: &Log) -> Vec<(usize, &Experiment)> {
    let gain = |e: &Experiment| {
        let before = e.before.as_ref().map_or(0, crate::qa::evaluate::Scorecard::score);
        e.card.score().saturating_sub(before)
    };
    let kept = log.experiments().iter().filter(|e| e.status == Status::Keep);
    let mut best: Vec<(usize, &Experiment)> = kept.map(|e| (gain(e), e)).collect();
    best.sort_by_key(|(gain, e)| (std::cmp::Reverse(*gain), e.number));
    best.truncate(BEST);
    best
}

fn lessons(corpus: &AuditCorpus) -> String {
    let mut all = scores(corpus);
    if all.is_empty() {
        return "\nLessons: none is in force\n".to_owned();
    }
    all.sort_by(|a, b| b.effectiveness.score.total_cmp(&a.effectiveness.score));
    let mut text = format!("\nLessons\n\n{}", effectiveness_table(&all));
    if let (Some(best), Some(worst)) = (all.first(), all.last().filter(|_| all.len() > 1)) {
        let say = |s: &crate::qa::effectiveness::Scored<'_>| {
            format!("{} {} ({})", s.lesson.lesson_id, printed(s.effectiveness.score), s.label().name())
        };
        let _ = write!(text, "\nBest {}, worst {}\n", say(best), say(worst));
    }
    text
}

fn meta_slices(log: &Log) -> String {
    let mut text = format!("\nMeta-slices: {}\n", log.meta().len());
    for (n, one) in (1..).zip(log.meta()) {
        let held = one.invalid.as_ref().map_or_else(String::new, |why| format!(", not routed: {why}"));
        let slice = &one.slice;
        let _ = writeln!(
            text,
            "  {n}: {} risk, {} {}{held}: {}",
            slice.risk_level.name(),
            slice.target,
            slice.target_component,
            slice.proposed_change
        );
    }
    text
}

fn used(log: &Log) -> String {
    let calls: u32 = log.used().values().map(|u| u.calls).sum();
    if calls == 0 {
        return String::new();
    }
    let spent = total(log.used());
    let by_role: Vec<String> = log.used().iter().map(|(role, u)| format!("{role} {}", u.calls)).collect();
    // A sum of nothing is what agents that say nothing come to: no claim that it was free.
    let cost =
        if spent.cost_usd > 0.0 { format!("{:.2} USD", spent.cost_usd) } else { "cost not reported".into() };
    let tokens =
        if spent.tokens > 0 { format!("{} tokens", spent.tokens) } else { "tokens not reported".into() };
    let calls = count(calls as usize, "call");
    format!("Roles: {calls} ({}), {cost}, {tokens}\n", by_role.join(", "))
}

/// How many findings there are, for whoever compares.
pub(super) fn counts_of(report: &str) -> reading::Counts {
    reading::counts(&reading::findings(report))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_the_same_day_keeps_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let name = |report: &str| {
            let path = report_path(dir.path(), "2026-01-20", "shop", report);
            path.file_name().unwrap().to_string_lossy().into_owned()
        };
        assert_eq!(name("a"), "2026-01-20-shop.md");
        std::fs::create_dir_all(dir.path().join("docs/audits")).unwrap();
        std::fs::write(dir.path().join("docs/audits/2026-01-20-shop.md"), "a").unwrap();
        assert_eq!(name("a"), "2026-01-20-shop.md");
        assert_eq!(name("b"), "2026-01-20-shop-2.md");
    }

    #[test]
    fn decisions_are_words_and_a_deeper_pass_made_beforehand_is_one() {
        assert_eq!("Accept".parse(), Ok(Decision::Accept));
        assert!("maybe".parse::<Decision>().unwrap_err().contains("accept, deeper or dismiss"));
        let decided = Decided::new(Decision::Deeper);
        assert_eq!(decided.decide("").unwrap(), Decision::Deeper);
        assert_eq!(decided.decide("").unwrap(), Decision::Accept);
        let decided = Decided::new(Decision::Dismiss);
        assert_eq!([decided.decide("").unwrap(), decided.decide("").unwrap()], [Decision::Dismiss; 2]);
    }
}
