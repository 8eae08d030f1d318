//! What was learned, for people.

use super::model::{Bucket, Learned};
use crate::base::quantity::format_duration;
use crate::base::text::{count, neutral};

/// Tables, then suggestions that can be pasted.
pub fn text(learned: &Learned) -> String {
    let mut out =
        format!("{}, {} verified\n", count(learned.runs.len(), "run"), count(learned.nodes, "node"));
    out.push_str("\nEstimates (actual ÷ estimated lines)\n");
    let rows = learned.buckets.iter().map(bucket);
    out.push_str(&columns(&["", "nodes", "p10", "p50", "p90", "max", "oversized", "in cap", ""], rows));
    out.push_str("\nRemediation by verb\n");
    let rows = learned.verbs.iter().map(|v| {
        let rate = format!("{:.0} %", v.rate * 100.0);
        vec![neutral(&v.verb), v.nodes.to_string(), v.remediated.to_string(), rate, v.cycles.to_string()]
    });
    out.push_str(&columns(&["", "nodes", "remediated", "rate", "cycles"], rows));
    out.push_str("\nHotspots by what they added to the critical path\n");
    let rows = learned.hotspots.iter().map(|h| {
        let lost = format_duration(std::time::Duration::from_millis(h.lost_ms));
        let share = format!("{:.0} %", h.share * 100.0);
        vec![neutral(&h.hotspot), h.runs.to_string(), h.edges.to_string(), lost, share]
    });
    out.push_str(&columns(&["", "runs", "edges", "lost", "of the path"], rows));
    if let Some(p) = learned.parallelism {
        out.push_str(&format!(
            "\nWork ÷ critical path: {:.1} in the middle, {:.1} at most\n",
            p.median, p.max
        ));
    }
    out.push_str("\nSuggestions for audit.kdl\n");
    if learned.suggestions.is_empty() {
        out.push_str("  none: nothing rests on enough nodes, or what is set fits\n");
    }
    for suggestion in &learned.suggestions {
        out.push_str(&format!("\n// {}\n{}\n", neutral(&suggestion.because), suggestion.kdl));
    }
    out
}

fn bucket(bucket: &Bucket) -> Vec<String> {
    let figure = |f: Option<f64>| f.map_or_else(|| "–".to_owned(), |f| format!("{f:.2}"));
    let name = format!("{:?}", bucket.loc_confidence).to_lowercase();
    let ratio = |of: fn(&super::Quantiles) -> f64| figure(bucket.ratio.as_ref().map(of));
    let verdict = match bucket.calibrated {
        Some(true) => "calibrated",
        Some(false) => "not calibrated",
        None => "too few to say",
    };
    vec![
        name,
        bucket.nodes.to_string(),
        ratio(|q| q.p10),
        ratio(|q| q.p50),
        ratio(|q| q.p90),
        ratio(|q| q.max),
        bucket.oversized.to_string(),
        bucket.within_cap.map_or_else(|| "–".to_owned(), |s| format!("{:.0} %", s * 100.0)),
        verdict.to_owned(),
    ]
}

/// A table in columns as wide as they need to be, the first to the left, figures to the right.
fn columns(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> = rows.collect();
    if rows.is_empty() {
        return "  none\n".to_owned();
    }
    let head: Vec<String> = head.iter().map(|h| (*h).to_owned()).collect();
    let all: Vec<&Vec<String>> = std::iter::once(&head).chain(&rows).collect();
    let width = |i: usize| all.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for row in &all {
        let mut line = String::from(" ");
        for (i, cell) in row.iter().enumerate() {
            let pad = " ".repeat(width(i).saturating_sub(cell.chars().count()));
            let last = i + 1 == row.len();
            match i {
                0 => line.push_str(&format!(" {cell}{pad}")),
                // Words at the end of a row begin in one column.
                _ if last && head.get(i).is_some_and(String::is_empty) => line.push_str(&format!("  {cell}")),
                _ => line.push_str(&format!("  {pad}{cell}")),
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
