//! What a run used and how far its estimates were off: as data, and as bars.

use maud::{Markup, html};
use serde::Serialize;

use super::cut;
use crate::base::Id;
use crate::base::text::{count, neutral};
use crate::report::metrics::{Sums, Totals};
use crate::report::model::NodeReport;
use crate::report::table::usd;

/// Bars that a chart shows.
const BARS: usize = 15;
const LABEL: usize = 150;
const WIDTH: usize = 250;
/// Room for the figure beside a bar.
const VALUE: usize = 140;
const ROW: usize = 22;
/// Characters of a label that fit.
const FIT: usize = 20;

/// A chart of horizontal bars.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Bars {
    /// What is measured.
    pub title: String,
    /// The names of a bar's parts; one part needs none.
    pub parts: Vec<&'static str>,
    /// The greatest first.
    pub bars: Vec<OneBar>,
    /// How many there are, with those that are not shown.
    pub of: usize,
}

/// One bar.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OneBar {
    /// Whose.
    pub name: String,
    /// One figure for each part.
    pub values: Vec<f64>,
    /// The whole in words.
    pub text: String,
}

/// Cost and tokens by node, role, agent and model. A group of which nothing is known has no
/// chart, nor has one with a single member, whose figure is the total.
pub fn usage(sums: &Sums) -> Vec<Bars> {
    let groups = [
        ("node", &sums.by_node),
        ("role", &sums.by_role),
        ("agent", &sums.by_agent),
        ("model", &sums.by_model),
    ];
    let mut charts = Vec::new();
    for (name, group) in groups {
        let cost = |(id, t): (&String, &Totals)| {
            Some(OneBar { name: id.clone(), values: vec![t.cost_usd?], text: usd(t.cost_usd) })
        };
        charts.push(chart(format!("Cost by {name}"), Vec::new(), group.iter().filter_map(cost)));
        let title = format!("Tokens by {name}");
        charts.push(chart(title, vec!["input", "output"], group.iter().filter_map(tokens)));
    }
    charts.retain(|c| c.of > 1 || (c.of == 1 && c.title.ends_with("node")));
    charts
}

fn tokens((id, t): (&String, &Totals)) -> Option<OneBar> {
    t.input_tokens.or(t.output_tokens)?;
    let [input, output] = [t.input_tokens, t.output_tokens].map(|n| n.unwrap_or(0));
    let said = |n: Option<u64>| n.map_or_else(|| "?".to_owned(), thousands);
    let text = format!("{} in, {} out", said(t.input_tokens), said(t.output_tokens));
    Some(OneBar { name: id.clone(), values: vec![input as f64, output as f64], text })
}

fn chart(title: String, parts: Vec<&'static str>, bars: impl Iterator<Item = OneBar>) -> Bars {
    let mut bars: Vec<OneBar> = bars.collect();
    let whole = |b: &OneBar| b.values.iter().sum::<f64>();
    bars.sort_by(|a, b| whole(b).total_cmp(&whole(a)).then_with(|| a.name.cmp(&b.name)));
    let of = bars.len();
    bars.truncate(BARS);
    Bars { title, parts, bars, of }
}

/// 1234567 as `1.23M`.
pub fn thousands(n: u64) -> String {
    match n {
        0..10_000 => n.to_string(),
        10_000..1_000_000 => format!("{:.1}k", n as f64 / 1e3),
        _ => format!("{:.2}M", n as f64 / 1e6),
    }
}

/// One chart with its title; its figures stand as text beside the bars.
pub fn draw(chart: &Bars) -> Markup {
    let most = chart.bars.iter().map(|b| b.values.iter().sum::<f64>()).fold(0.0, f64::max);
    let (width, height) = (LABEL + WIDTH + VALUE, chart.bars.len() * ROW + 4);
    html! {
        figure.chart {
            figcaption {
                (chart.title)
                @if chart.of > chart.bars.len() { " · the " (chart.bars.len()) " greatest of " (chart.of) }
            }
            svg viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height) role="img"
                aria-label=(described(chart)) {
                @for (row, bar) in chart.bars.iter().enumerate() { (one(bar, row * ROW, most)) }
            }
            @if chart.parts.len() > 1 {
                ul.legend {
                    @for (at, part) in chart.parts.iter().enumerate() {
                        li {
                            svg.key viewBox="0 0 14 14" width="14" height="14" aria-hidden="true" {
                                rect class={ "part-" (at) } width="14" height="14" rx="3" {}
                            }
                            (part)
                        }
                    }
                }
            }
        }
    }
}

fn described(chart: &Bars) -> String {
    let said = chart.bars.iter().map(|b| format!("{} {}", b.name, b.text));
    neutral(&format!("{}: {}", chart.title, said.collect::<Vec<_>>().join("; "))).replace('\n', " ")
}

fn one(bar: &OneBar, y: usize, most: f64) -> Markup {
    let long = |v: f64| if most > 0.0 { (v / most * WIDTH as f64).clamp(0.0, WIDTH as f64) } else { 0.0 };
    let mut at = LABEL as f64;
    let mut placed = Vec::new();
    for value in &bar.values {
        placed.push((format!("{at:.1}"), format!("{:.1}", long(*value))));
        at += long(*value);
    }
    html! {
        g {
            title { (neutral(&bar.name)) ": " (bar.text) }
            text.id x=(LABEL - 8) y=(y + 15) text-anchor="end" { (cut(&bar.name, FIT)) }
            @for (part, (x, width)) in placed.iter().enumerate() {
                rect class={ "part-" (part) } x=(x) y=(y + 4) width=(width) height="14" {}
            }
            text.value x=(format!("{:.0}", at + 8.0)) y=(y + 15) { (bar.text) }
        }
    }
}

/// Changed lines of one node beside its estimate and its cap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// The node.
    pub id: Id,
    /// Lines that the graph expects.
    pub est_loc: u64,
    /// Lines that the newest capture changed.
    pub loc: u64,
    /// The most that were allowed; null where there is no cap.
    pub cap: Option<u64>,
}

/// Every node with a capture, the furthest from its estimate first.
pub fn estimates(nodes: &[NodeReport]) -> Vec<Estimate> {
    let of =
        |n: &NodeReport| Some(Estimate { id: n.id.clone(), est_loc: n.est_loc?, loc: n.loc?, cap: n.cap });
    let mut all: Vec<Estimate> = nodes.iter().filter_map(of).collect();
    all.sort_by_key(|e| (std::cmp::Reverse(e.loc.abs_diff(e.est_loc)), e.id.clone()));
    all
}

/// How many nodes lie in each band of actual ÷ estimated lines.
pub fn bands(all: &[Estimate]) -> [(&'static str, usize); 5] {
    let mut bands =
        [("under half", 0), ("half to 80 %", 0), ("within 20 %", 0), ("up to twice", 0), ("over twice", 0)];
    for e in all {
        let (loc, est) = (e.loc.saturating_mul(10), e.est_loc);
        let band = match () {
            () if loc < est.saturating_mul(5) => 0,
            () if loc < est.saturating_mul(8) => 1,
            () if loc <= est.saturating_mul(12) => 2,
            () if loc <= est.saturating_mul(20) => 3,
            () => 4,
        };
        bands[band].1 += 1;
    }
    bands
}

/// The estimates as bars: the line is the estimate, the bar what was changed, the bracket the cap.
pub fn draw_estimates(all: &[Estimate]) -> Markup {
    if all.is_empty() {
        return html! { p.empty { "No node left a diff." } };
    }
    let shown = all.get(..BARS.min(all.len())).unwrap_or_default();
    let most = shown.iter().map(|e| e.loc.max(e.est_loc).max(e.cap.unwrap_or(0))).max().unwrap_or(1).max(1);
    let (width, height) = (LABEL + WIDTH + VALUE, shown.len() * ROW + 4);
    let band = |(name, n): &(&str, usize)| OneBar {
        name: (*name).to_owned(),
        values: vec![*n as f64],
        text: count(*n, "node"),
    };
    let bands = bands(all).iter().map(band).collect();
    let title = "Nodes by changed ÷ estimated lines".to_owned();
    let spread = Bars { title, parts: Vec::new(), bars: bands, of: 5 };
    html! {
        figure.chart {
            figcaption {
                "Changed lines against the estimate"
                @if all.len() > shown.len() { " · the " (shown.len()) " furthest off of " (all.len()) }
            }
            svg viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height) role="img"
                aria-label="Changed lines against estimate and cap; the nodes' table has the figures" {
                @for (row, e) in shown.iter().enumerate() { (estimate(e, row * ROW, most)) }
            }
            ul.legend {
                li { span.swatch.actual aria-hidden="true" {} "changed" }
                li { span.swatch.est aria-hidden="true" {} "estimate" }
                li { span.swatch.cap aria-hidden="true" {} "cap" }
            }
        }
        (draw(&spread))
    }
}

fn estimate(e: &Estimate, y: usize, most: u64) -> Markup {
    let x = |n: u64| {
        let at = u128::from(n) * WIDTH as u128 / u128::from(most);
        LABEL + usize::try_from(at).unwrap_or(WIDTH)
    };
    let over = e.cap.is_some_and(|cap| e.loc > cap);
    let cap = e.cap.map(|c| format!(", cap {c}")).unwrap_or_default();
    let text = format!("{} of {}{}", e.loc, e.est_loc, if over { " ▲ over" } else { "" });
    html! {
        g {
            title { (e.id) ": " (e.loc) " lines changed, estimate " (e.est_loc) (cap) }
            text.id x=(LABEL - 8) y=(y + 15) text-anchor="end" { (cut(e.id.as_str(), FIT)) }
            rect class=(if over { "loc over" } else { "loc" }) x=(LABEL) y=(y + 6) width=((x(e.loc) - LABEL).max(1)) height="10" rx="2" {}
            line.est x1=(x(e.est_loc)) y1=(y + 2) x2=(x(e.est_loc)) y2=(y + 20) {}
            @if let Some(cap) = e.cap {
                @let at = x(cap);
                path.cap d={ "M" (at - 4) " " (y + 2) " H" (at) " V" (y + 20) " H" (at - 4) } {}
            }
            text.value x=(x(e.loc.max(e.est_loc).max(e.cap.unwrap_or(0))) + 8) y=(y + 15) { (text) }
        }
    }
}
