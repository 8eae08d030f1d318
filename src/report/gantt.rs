//! Pictures of report.html as inline SVG: attempts over time, and bars of cost and tokens.

use super::escape::html;
use super::metrics::Totals;
use super::table::{duration, usd};
use crate::journal::{RunState, elapsed_ms};

/// Rows that a picture shows; tables and trace.json have the rest.
const ROWS: usize = 400;
const BARS: usize = 40;
const ROW: usize = 18;
const LABEL: usize = 170;
const WIDTH: usize = 900;

/// One bar for each attempt, coloured by its verdict, on a common axis of wall time.
pub(super) fn timeline(state: &RunState) -> String {
    let Some(start) = &state.start else { return String::new() };
    let whole = elapsed_ms(&start.at, &state.last_at).max(1);
    let mut rows = Vec::new();
    for node in &state.nodes {
        for attempt in node.dispatched() {
            let to = attempt.finished_at.as_deref().unwrap_or(&state.last_at);
            let from = elapsed_ms(&start.at, &attempt.started_at);
            let long = elapsed_ms(&attempt.started_at, to);
            let status = attempt.status.map_or("running", |s| s.name());
            let label = format!("{} #{}", node.id, attempt.number);
            rows.push((from, long, status, label));
        }
    }
    rows.sort();
    let shown = rows.len().min(ROWS);
    let mut body = String::new();
    for (at, (from, long, status, label)) in rows.iter().take(ROWS).enumerate() {
        let x = LABEL + scaled(*from, whole);
        let width = scaled(*long, whole).max(2);
        let title = format!("{label}: {status}, {}", duration(Some(*long)));
        body.push_str(&row(at, label, &format!("s-{status}"), x, width, &title));
    }
    picture(shown, &body, rows.len(), "attempts")
}

/// The nodes that cost most, and those that used most tokens.
pub(super) fn charts<'a>(by_node: impl Iterator<Item = (&'a String, &'a Totals)> + Clone) -> String {
    let cost = by_node.clone().filter_map(|(id, t)| Some((id, t.cost_usd?, usd(t.cost_usd))));
    let tokens = by_node.filter_map(|(id, t)| {
        let sum = t.input_tokens.unwrap_or(0).saturating_add(t.output_tokens.unwrap_or(0));
        (t.input_tokens.is_some() || t.output_tokens.is_some()).then(|| (id, sum as f64, sum.to_string()))
    });
    format!("<h3>Cost by node</h3>{}<h3>Tokens by node</h3>{}", bars(cost), bars(tokens))
}

fn bars<'a>(values: impl Iterator<Item = (&'a String, f64, String)>) -> String {
    let mut values: Vec<_> = values.collect();
    values.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let Some(most) = values.first().map(|v| v.1).filter(|m| *m > 0.0) else {
        return "<p>No agent said.</p>".to_owned();
    };
    let mut body = String::new();
    for (at, (id, value, text)) in values.iter().take(BARS).enumerate() {
        let share = (value / most * 1000.0).clamp(0.0, 1000.0) as u64;
        body.push_str(&row(at, &format!("{id} {text}"), "bar", LABEL, scaled(share, 1000).max(1), text));
    }
    picture(values.len().min(BARS), &body, values.len(), "nodes")
}

fn scaled(part: u64, whole: u64) -> usize {
    let room = (WIDTH - LABEL) as u128;
    usize::try_from(u128::from(part.min(whole)) * room / u128::from(whole.max(1))).unwrap_or(0)
}

fn row(at: usize, label: &str, class: &str, x: usize, width: usize, title: &str) -> String {
    let y = at * ROW;
    format!(
        "<g><title>{title}</title><text x=\"0\" y=\"{text}\">{label}</text>\
         <rect class=\"{class}\" x=\"{x}\" y=\"{bar}\" width=\"{width}\" height=\"12\"/></g>",
        title = html(title),
        label = html(label),
        text = y + 13,
        bar = y + 3,
    )
}

fn picture(shown: usize, body: &str, of: usize, noun: &str) -> String {
    if shown == 0 {
        return "<p>None.</p>".to_owned();
    }
    let more = if of > shown { format!("<p>The first {shown} of {of} {noun}.</p>") } else { String::new() };
    let height = shown * ROW;
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">{body}</svg>{more}"
    )
}
