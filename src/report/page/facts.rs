//! The page's parts in words: the verdict with its figures, the run, preflight, what is
//! missing.

use maud::{Markup, html};

use super::charts::thousands;
use super::gantt::Gantt;
use super::{PageData, prose, status, tables, verdict_word};
use crate::base::Oid;
use crate::base::text::{count, neutral};
use crate::journal::Preflight;
use crate::report::metrics::Totals;
use crate::report::model::RunFacts;
use crate::report::outputs;
use crate::report::stage::Staged;
use crate::report::table::{duration, number, usd};

/// The verdict, and the figures that everybody asks for.
pub(super) fn hero(stage: &Staged<'_>, data: &PageData) -> Markup {
    let look = status::of(verdict_word(data.verdict.kind));
    let counts = data.dag.counts();
    let verified = counts.get("verified").copied().unwrap_or(0);
    let attempts: usize = data.dag.nodes.iter().map(|n| n.attempts).sum();
    let totals = &data.totals;
    let tiles = [
        ("nodes verified", format!("{verified} / {}", data.dag.nodes.len()), String::new()),
        ("active time", duration(Some(data.run.active_ms)), lifetimes(data.run.lifetimes)),
        ("attempts", attempts.to_string(), format!("of {} allowed", data.run.max_iterations)),
        ("cost", usd(totals.cost_usd), partial(totals, "cost_usd")),
        (
            "input tokens",
            totals.input_tokens.map_or_else(|| "–".to_owned(), thousands),
            partial(totals, "input_tokens"),
        ),
        (
            "output tokens",
            totals.output_tokens.map_or_else(|| "–".to_owned(), thousands),
            partial(totals, "output_tokens"),
        ),
    ];
    html! {
        div class={ "verdict st-" (look.name) } {
            span.sign aria-hidden="true" { (look.glyph) }
            p { (prose(&stage.report.verdict.sentence)) }
        }
        @if !data.dag.nodes.is_empty() { (status::bar(&counts)) }
        dl.tiles {
            @for (name, value, note) in &tiles {
                div { dt { (name) } dd { (value) @if !note.is_empty() { small { (note) } } } }
            }
        }
    }
}

fn lifetimes(n: usize) -> String {
    if n > 1 { format!("in {n} processes") } else { String::new() }
}

/// What a sum leaves out or takes from elsewhere.
fn partial(totals: &Totals, figure: &str) -> String {
    let of = |map: &std::collections::BTreeMap<String, u64>| map.get(figure).copied().unwrap_or(0);
    let mut notes = Vec::new();
    if of(&totals.unknown) > 0 {
        notes.push(format!("{} of {} did not say", of(&totals.unknown), totals.invocations));
    }
    if of(&totals.estimated) > 0 {
        notes.push(format!("{} estimated", of(&totals.estimated)));
    }
    notes.join(", ")
}

/// The sums in one sentence.
pub(super) fn used(totals: &Totals) -> String {
    let calls = count(usize::try_from(totals.invocations).unwrap_or(usize::MAX), "invocation");
    let mut text = format!(
        "{calls}: {}, {} turns, {} of agent time, {} input and {} output tokens",
        usd(totals.cost_usd),
        number(totals.turns),
        duration(totals.duration_ms),
        number(totals.input_tokens),
        number(totals.output_tokens),
    );
    if totals.cache_read_tokens.or(totals.cache_write_tokens).is_some() {
        let [read, written] = [totals.cache_read_tokens, totals.cache_write_tokens].map(number);
        text.push_str(&format!(", {read} read from caches and {written} written"));
    }
    text.push('.');
    if totals.unknown.values().any(|n| *n > 0) {
        text.push_str(" Sums cover what the agents said; – is not known, not zero.");
    }
    text
}

/// The chain of nodes that decided how long it took, in one sentence.
pub(super) fn critical(gantt: &Gantt) -> String {
    const NAMED: usize = 8;
    let rows: Vec<_> = gantt.critical.iter().filter_map(|r| gantt.rows.get(*r)).collect();
    let of = |r: &super::gantt::Row| r.bars.iter().map(|b| b.to.saturating_sub(b.from)).sum::<u64>();
    let sum: u64 = rows.iter().map(|r| of(r)).sum();
    let mut names: Vec<String> = rows.iter().take(NAMED).map(|r| r.id.to_string()).collect();
    if rows.len() > NAMED {
        names.push(format!("… {} more", rows.len() - NAMED));
    }
    format!(
        "Critical path: {} — {} of {} active.",
        names.join(" → "),
        duration(Some(sum)),
        duration(Some(gantt.axis.total_ms))
    )
}

/// Preflight, the baseline, questions, notices, and the jobs besides the nodes.
pub(super) fn preflight(stage: &Staged<'_>) -> Markup {
    let word = match &stage.from.state.preflight {
        Preflight::Passed => "passed",
        Preflight::Rejected(_) => "rejected",
        Preflight::Pending => "pending",
    };
    let questions = tables::questions(stage);
    html! {
        p.lead { "Preflight " (status::chip(word)) }
        (tables::baseline(stage).draw("No invariant ran before the first node."))
        @if !questions.is_empty() { (questions.draw("")) }
        (tables::notices(stage).draw("No warning and no notice."))
        (tables::other_jobs(stage).draw(""))
    }
}

/// Which run it was.
pub(super) fn run(stage: &Staged<'_>) -> Markup {
    let run = &stage.report.run;
    let oid = |value: &Option<Oid>| value.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut facts = vec![
        ("trigger", run.trigger.clone()),
        ("GitHub event", run.github_event.clone().unwrap_or_default()),
        ("command", run.command.join(" ")),
        ("default agent", run.default_agent.clone()),
        ("branch", run.branch.clone().unwrap_or_default()),
        ("base", oid(&run.base)),
        ("head", oid(&run.head)),
        ("started", run.started_at.clone()),
        ("active time", duration(Some(run.active_ms))),
        ("iterations", format!("{} of {}", run.iteration, run.max_iterations)),
        ("fingerprint", stage.from.proof.as_ref().map(|p| p.fingerprint.clone()).unwrap_or_default()),
    ];
    if let (Some(reason), Some(exit)) = (run.termination_reason, run.exit_code) {
        facts.push(("ended", format!("{} (exit {exit})", reason.name())));
    }
    facts.retain(|(_, value)| !value.is_empty());
    html! {
        dl.facts {
            @for (name, value) in &facts { div { dt { (name) } dd { code { (neutral(value)) } } } }
        }
        @if !stage.report.reproduce.is_empty() {
            h3 { "How to reproduce" }
            pre tabindex="0" role="region" aria-label="How to reproduce" { (neutral(&stage.report.reproduce.join("\n"))) }
        }
        @if !stage.from.problems.is_empty() {
            h3 { "What could not be read" }
            ul { @for problem in &stage.from.problems { li { (neutral(problem)) } } }
        }
    }
}

/// Artifacts that should be there.
pub(super) fn missing(stage: &Staged<'_>) -> Markup {
    const NAMED: usize = 200;
    let gone = outputs::missing(&stage.from.state, &stage.from.present);
    html! {
        @if gone.is_empty() {
            p.empty { "Every artifact that the journal tells of is there." }
        } @else {
            ul { @for path in gone.iter().take(NAMED) { li { code { (neutral(path)) } } } }
            @if gone.len() > NAMED { p.cut { "and " (gone.len() - NAMED) " more" } }
        }
    }
}

/// Who made the page.
pub(super) fn footer(run: &RunFacts) -> Markup {
    html! {
        p {
            "Made by auditrun " (neutral(&run.auditrun_version)) " from the run's journal and artifacts. "
            "Links lead to the artifact directory that this file's folder lies in."
        }
    }
}
