//! audit/report.html: one file that needs no network, and the parts that it is made of. The
//! parts go from data to markup and know nothing of the page around them, so that a live page
//! shows the same: [`data`] gives all of them as JSON, [`dag_svg::picture`],
//! [`gantt_svg::picture`], [`charts::draw`] and [`status::bar`] give the pictures, [`STYLE`]
//! their looks. Text goes through `neutral` and through maud's escaping on its way in.

pub mod axis;
pub mod charts;
pub mod critical;
mod csp;
pub mod dag;
pub mod dag_svg;
mod diagnosis;
mod facts;
mod failures;
pub mod gantt;
pub mod gantt_svg;
pub mod grid;
pub mod status;
mod tables;

#[cfg(test)]
pub(super) mod tests;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;

use self::charts::{Bars, Estimate};
use self::dag::Dag;
use self::gantt::Gantt;
use super::collect::Collected;
use super::metrics::Totals;
use super::model::{RunFacts, Verdict, VerdictKind};
use super::stage::Staged;
use crate::base::text::neutral;

/// The page's style sheet: also that of every part.
pub const STYLE: &str = include_str!("style.css");
/// The page's script: themes, tables that sort, filter and page.
pub const SCRIPT: &str = include_str!("script.js");

/// Everything that the pictures show, as data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PageData {
    /// The verdict.
    pub verdict: Verdict,
    /// Which run.
    pub run: RunFacts,
    /// What the agents used, in total.
    pub totals: Totals,
    /// The graph.
    pub dag: Dag,
    /// The timeline.
    pub gantt: Gantt,
    /// Cost and tokens.
    pub usage: Vec<Bars>,
    /// Changed lines against estimates, the furthest off first.
    pub estimates: Vec<Estimate>,
}

/// The data of a run that ended, or that still goes on at `now` (RFC 3339).
pub fn data(from: &Collected, now: Option<&str>) -> PageData {
    of(&Staged::new(from), now)
}

fn of(stage: &Staged<'_>, now: Option<&str>) -> PageData {
    let state = &stage.from.state;
    PageData {
        verdict: stage.report.verdict.clone(),
        run: stage.report.run.clone(),
        totals: stage.metrics.totals.overall.clone(),
        dag: Dag::of(state, stage.from.plan.as_ref()),
        gantt: Gantt::of(state, now),
        usage: charts::usage(&stage.metrics.totals),
        estimates: charts::estimates(&stage.report.nodes),
    }
}

/// The word for a verdict, as a status.
pub fn verdict_word(kind: VerdictKind) -> &'static str {
    match kind {
        VerdictKind::Proven => "proven",
        VerdictKind::Incomplete => "incomplete",
        VerdictKind::Rejected => "rejected",
        VerdictKind::Halted => "halted",
        VerdictKind::Running => "running",
    }
}

/// The whole page.
pub(super) fn page(stage: &Staged<'_>) -> String {
    let data = of(stage, None);
    let title = format!("Audit of run {}", neutral(&data.run.run_id));
    let sections = sections(stage, &data);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(csp::policy(STYLE, SCRIPT));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the report" }
                header.top {
                    div.bar {
                        span.brand { "auditrun" }
                        span.run { "run " code { (neutral(&data.run.run_id)) } }
                        (status::chip(verdict_word(data.verdict.kind)))
                    }
                    nav aria-label="Sections" {
                        ul { @for s in &sections { li { a href={ "#" (s.id) } { (s.title) } } } }
                    }
                }
                main #main {
                    h1 { (title) }
                    (facts::hero(stage, &data))
                    @for s in &sections { (s.draw()) }
                }
                footer { (facts::footer(&data.run)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
    .into_string()
}

/// One part of the page.
struct Section {
    id: &'static str,
    title: &'static str,
    body: Markup,
}

impl Section {
    fn draw(&self) -> Markup {
        let heading = format!("{}-h", self.id);
        html! {
            section id=(self.id) aria-labelledby=(heading) {
                h2 id=(heading) { (self.title) }
                (self.body)
            }
        }
    }
}

fn sections(stage: &Staged<'_>, data: &PageData) -> Vec<Section> {
    let mut all = Vec::new();
    let mut add = |id, title, body| all.push(Section { id, title, body });
    if let Some(body) = failures::body(stage) {
        add("failed", "What failed", body);
    }
    if let Some(diagnosis) = &stage.from.diagnosis {
        add("diagnosis", "Diagnosis", diagnosis::body(diagnosis));
    }
    if let Some(told) = &stage.from.issue {
        add("issue", "Failure issue", diagnosis::issues(told));
    }
    add("graph", "Graph", graph(&data.dag));
    add("timeline", "Timeline", timeline(&data.gantt));
    add("nodes", "Nodes", tables::nodes(stage).draw("No node was planned."));
    add("usage", "Cost and tokens", usage(data));
    add("estimates", "Estimates", html! { div.charts { (charts::draw_estimates(&data.estimates)) } });
    add("agents", "Agents", tables::agents(stage).draw("No agent was called."));
    add("validation", "Validation", tables::validation(stage).draw("Nothing was checked."));
    add("outputs", "Outputs", tables::files(stage).draw("No file was created or changed."));
    add("preflight", "Pre-flight and jobs", facts::preflight(stage));
    add("run", "Run", facts::run(stage));
    add("missing", "Missing", facts::missing(stage));
    all
}

/// A picture in a frame that scrolls, with the keyboard, too.
fn frame(label: &str, picture: &Markup) -> Markup {
    html! { div.frame role="region" tabindex="0" aria-label=(label) { (picture) } }
}

fn graph(dag: &Dag) -> Markup {
    // Rows beyond the first are not in the HTML: a link to one would lead nowhere.
    let linked = dag.nodes.len() <= grid::INLINE;
    let counts = dag.counts();
    html! {
        p.lead { (dag_svg::summary(dag)) }
        (frame("Graph of the nodes", &dag_svg::picture(dag, linked)))
        @if !dag.nodes.is_empty() {
            ul.legend aria-label="Legend" {
                @for look in status::STATUSES.iter().filter(|s| counts.contains_key(s.name)) {
                    li { (status::chip(look.name)) }
                }
                li { span aria-hidden="true" { "◆ " } "critical path" }
                @if dag.edges.iter().any(|e| !e.declared) {
                    li { span.line.added aria-hidden="true" {} "waits because of a shared file" }
                }
            }
        }
    }
}

fn timeline(gantt: &Gantt) -> Markup {
    html! {
        @if !gantt.critical.is_empty() {
            p.lead { (facts::critical(gantt)) }
        }
        (frame("Timeline of the attempts", &gantt_svg::picture(gantt)))
        @if !gantt.rows.is_empty() { (gantt_svg::legend()) }
        @if let Some(note) = gantt_svg::note(gantt) { p.cut { (note) } }
    }
}

fn usage(data: &PageData) -> Markup {
    html! {
        p.lead { (facts::used(&data.totals)) }
        @if data.usage.is_empty() {
            p.empty { "No agent said what it used." }
        } @else {
            div.charts { @for chart in &data.usage { (charts::draw(chart)) } }
        }
    }
}

/// A sentence in which what stands between backticks is code.
fn prose(text: &str) -> Markup {
    let text = neutral(text);
    let mut parts: Vec<&str> = text.split('`').collect();
    // A last backtick without a partner is one.
    let odd = if parts.len().is_multiple_of(2) { parts.pop() } else { None };
    html! {
        @for (at, part) in parts.iter().enumerate() {
            @if at % 2 == 0 { (part) } @else { code { (part) } }
        }
        @if let Some(rest) = odd { "`" (rest) }
    }
}

/// Text for an attribute or an anchor: on one line, harmless.
fn tidy(text: &str) -> String {
    neutral(text).replace(['\n', '\t'], " ")
}

/// At most `fit` characters on one line, with an ellipsis where some are left out.
fn cut(text: &str, fit: usize) -> String {
    let text = tidy(text);
    if text.chars().count() <= fit {
        text
    } else {
        text.chars().take(fit.saturating_sub(1)).chain(['…']).collect()
    }
}
