//! The timeline as inline SVG: how many attempts ran at once, then a row for each node. Phases
//! differ in height as well as in colour.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::cut;
use super::gantt::{Bar, Gantt, Phase, PhaseKind, Row};
use super::status;
use crate::report::table::duration;

/// Rows that a picture shows; the tables and trace.json have the rest.
const ROWS: usize = 120;
const LABEL: usize = 170;
const WIDTH: usize = 860;
const ROW: usize = 22;
const AXIS: usize = 22;
const LOAD: usize = 46;
/// Characters of a label that fit.
const FIT: usize = 22;

/// The picture of a timeline.
pub fn picture(gantt: &Gantt) -> Markup {
    if gantt.rows.is_empty() {
        return html! { p.empty { "Nothing was dispatched." } };
    }
    let shown = shown(gantt);
    let all = if shown.len() < gantt.rows.len() { Some(Lanes::of(gantt)) } else { None };
    let top = LOAD + AXIS + all.as_ref().map_or(0, Lanes::height);
    let (width, height) = (LABEL + WIDTH + 26, top + shown.len() * ROW + 6);
    html! {
        svg.gantt viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height)
            role="img" aria-label=(summary(gantt)) {
            (axis(gantt, height))
            (load(gantt))
            @if let Some(lanes) = &all { (lanes.draw(gantt, LOAD + AXIS)) }
            @for (at, row) in shown.iter().enumerate() { (one_row(gantt, row, top + at * ROW)) }
        }
    }
}

/// Every attempt of a run that has too many for a row each, packed into as few lanes as have
/// room for all that ran at once.
struct Lanes<'a>(Vec<Vec<&'a Bar>>);

impl<'a> Lanes<'a> {
    fn of(gantt: &'a Gantt) -> Lanes<'a> {
        let mut bars: Vec<&Bar> = gantt.rows.iter().flat_map(|r| &r.bars).collect();
        bars.sort_by_key(|b| (b.from, b.to));
        let mut lanes: Vec<Vec<&Bar>> = Vec::new();
        for bar in bars {
            let free = |lane: &&mut Vec<&Bar>| lane.last().is_none_or(|last| last.to <= bar.from);
            match lanes.iter_mut().find(free) {
                Some(lane) => lane.push(bar),
                None => lanes.push(vec![bar]),
            }
        }
        Lanes(lanes)
    }

    /// How high a lane is: many are drawn flat.
    fn lane(&self) -> usize {
        (320 / self.0.len().max(1)).clamp(3, 14)
    }

    fn height(&self) -> usize {
        self.0.len() * self.lane() + 14
    }

    /// One path for each status. What did not verify is as high as the lane, the rest is lower.
    fn draw(&self, gantt: &Gantt, top: usize) -> Markup {
        let mut paths: BTreeMap<&str, String> = BTreeMap::new();
        for (nth, lane) in self.0.iter().enumerate() {
            let mut done = (0, "");
            for bar in lane {
                let (from, to) = (x(gantt, bar.from), x(gantt, bar.to));
                // A pixel that is painted already stays as it is.
                if done == (to, bar.status) {
                    continue;
                }
                done = (to, bar.status);
                let low = usize::from(bar.status == "verified") * (self.lane() / 4);
                let (y, high) =
                    (top + nth * self.lane() + low, self.lane() - 1 - 2 * low.min(self.lane() / 4));
                let wide = (to - from).max(1);
                let path = paths.entry(status::of(bar.status).name).or_default();
                path.push_str(&format!("M{from} {y}h{wide}v{high}h-{wide}z"));
            }
        }
        html! {
            text.tick x="0" y=(top + 10) { "all attempts" }
            @for (name, path) in &paths { path class={ "lane st-" (name) } d=(path) { title { (name) } } }
        }
    }
}

/// What the colours and heights mean.
pub fn legend() -> Markup {
    html! {
        ul.legend aria-label="Legend" {
            @for kind in PhaseKind::ALL {
                li {
                    svg.key viewBox="0 0 22 14" width="22" height="14" aria-hidden="true" {
                        (segment(kind, 0, 22, 0))
                    }
                    (kind.name())
                }
            }
            li { span aria-hidden="true" { "◆ " } "critical path" }
        }
    }
}

/// A note where not every row is drawn.
pub fn note(gantt: &Gantt) -> Option<String> {
    let all = gantt.rows.len();
    (all > ROWS).then(|| {
        format!(
            "A row for {ROWS} of {all} nodes: those on the critical path, those that did not verify, and the longest. Above them stand all attempts; what did not verify is drawn higher. trace.json has their phases."
        )
    })
}

fn summary(gantt: &Gantt) -> String {
    let most = gantt.load.iter().max().copied().unwrap_or(0);
    let last = gantt.critical.iter().filter_map(|r| gantt.rows.get(*r)).map(|r| r.id.as_str());
    format!(
        "Timeline of {} nodes over {}; at most {most} attempts at once; critical path: {}",
        gantt.rows.len(),
        duration(Some(gantt.axis.total_ms)),
        last.take(20).collect::<Vec<_>>().join(", then ")
    )
}

/// The rows worth showing, in their order.
fn shown(gantt: &Gantt) -> Vec<&Row> {
    if gantt.rows.len() <= ROWS {
        return gantt.rows.iter().collect();
    }
    let long = |r: &Row| r.bars.iter().map(|b| b.to - b.from).sum::<u64>();
    let mut places: Vec<usize> = (0..gantt.rows.len()).collect();
    let worth = |i: &usize| {
        let row = &gantt.rows[*i];
        let own = matches!(row.status, "failed" | "oversized");
        (!own, !row.critical, row.status == "verified", std::cmp::Reverse(long(row)), *i)
    };
    places.sort_by_cached_key(worth);
    places.truncate(ROWS);
    places.sort_unstable();
    places.into_iter().map(|i| &gantt.rows[i]).collect()
}

fn x(gantt: &Gantt, ms: u64) -> usize {
    let at = u128::from(ms) * WIDTH as u128 / u128::from(gantt.axis.total_ms.max(1));
    LABEL + usize::try_from(at).unwrap_or(WIDTH).min(WIDTH)
}

fn axis(gantt: &Gantt, height: usize) -> Markup {
    html! {
        @for tick in gantt.axis.ticks(8) {
            @let x = x(gantt, tick);
            line.tick x1=(x) y1=(LOAD + 2) x2=(x) y2=(height) {}
            text.tick x=(x + 3) y=(LOAD + 15) { (duration(Some(tick))) }
        }
        @for at in &gantt.axis.resumed_at {
            @let x = x(gantt, *at);
            line.resumed x1=(x) y1="0" x2=(x) y2=(height) { title { "resumed" } }
            text.tick x=(x + 3) y="10" { "resumed" }
        }
    }
}

fn load(gantt: &Gantt) -> Markup {
    let most = gantt.load.iter().max().copied().unwrap_or(1).max(1);
    let wide = WIDTH as f64 / gantt.load.len().max(1) as f64;
    let mut path = format!("M{LABEL} {LOAD}");
    for (at, n) in gantt.load.iter().enumerate() {
        let y = LOAD as f64 - f64::from(*n) / f64::from(most) * (LOAD as f64 - 12.0);
        let (from, to) = (LABEL as f64 + at as f64 * wide, LABEL as f64 + (at + 1) as f64 * wide);
        path.push_str(&format!(" L{from:.0} {y:.0} L{to:.0} {y:.0}"));
    }
    path.push_str(&format!(" L{} {LOAD} Z", LABEL + WIDTH));
    html! {
        text.tick x="0" y=(LOAD - 12) { "attempts at once" }
        text.tick x="0" y=(LOAD) { "at most " (most) }
        path.load d=(path) {}
    }
}

fn one_row(gantt: &Gantt, row: &Row, y: usize) -> Markup {
    let look = status::of(row.status);
    let mark = if row.critical { "◆ " } else { "" };
    let end = row.bars.last().map_or(LABEL, |b| x(gantt, b.to).max(x(gantt, b.from) + 3));
    html! {
        g class={ "row st-" (look.name) @if row.critical { " critical" } } {
            text.id x="0" y=(y + 15) { (mark) (cut(row.id.as_str(), FIT)) }
            @for bar in &row.bars { (one_bar(gantt, row, bar, y)) }
            text.end x=(end + 5) y=(y + 15) { (look.glyph) }
        }
    }
}

fn one_bar(gantt: &Gantt, row: &Row, bar: &Bar, y: usize) -> Markup {
    let (from, to) = (x(gantt, bar.from), x(gantt, bar.to));
    let took = duration(Some(bar.to - bar.from));
    html! {
        g.bar {
            title {
                (row.id) ", attempt " (bar.attempt) ": " (bar.status) " after " (took)
                @for phase in &bar.phases { (said(phase)) }
            }
            rect class={ "frame st-" (status::of(bar.status).name) } x=(from) y=(y + 3)
                width=((to - from).max(3)) height="16" rx="3" {}
            @for phase in &bar.phases {
                @let (a, b) = (x(gantt, phase.from), x(gantt, phase.to));
                @if b > a { (segment(phase.kind, a, b - a, y + 4)) }
            }
            @if bar.attempt > 1 && to - from > 18 {
                text.again x=(from + 4) y=(y + 15) { "#" (bar.attempt) }
            }
        }
    }
}

fn said(phase: &Phase) -> String {
    format!("; {} {}", phase.kind.name(), duration(Some(phase.to - phase.from)))
}

fn segment(kind: PhaseKind, x: usize, width: usize, y: usize) -> Markup {
    let height = match kind {
        PhaseKind::Agent => 14,
        PhaseKind::Checks => 10,
        PhaseKind::Landing => 6,
        PhaseKind::Prepare | PhaseKind::Gates => 3,
    };
    html! {
        rect class={ "ph-" (kind.name()) } x=(x) y=(y + (14 - height) / 2) width=(width) height=(height) {}
    }
}
