//! How a status looks: a word, a sign and a class, so that none is told by colour alone.

use std::collections::BTreeMap;

use maud::{Markup, html};

/// One status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The word; also the end of its class, `st-<name>`.
    pub name: &'static str,
    /// The sign.
    pub glyph: &'static str,
}

/// Every status of a node, the way from good to open.
pub const STATUSES: [Look; 7] = [
    Look { name: "verified", glyph: "✓" },
    Look { name: "failed", glyph: "✕" },
    Look { name: "oversized", glyph: "▲" },
    Look { name: "blocked", glyph: "⊘" },
    Look { name: "cancelled", glyph: "–" },
    Look { name: "running", glyph: "◐" },
    Look { name: "pending", glyph: "○" },
];

/// What else stands in a status column, as the node's status that it looks like.
const LIKE: [(&str, &str); 14] = [
    ("passed", "verified"),
    ("success", "verified"),
    ("confirmed", "verified"),
    ("resolved", "verified"),
    ("landed", "verified"),
    ("proven", "verified"),
    ("failure", "failed"),
    ("escalated", "failed"),
    ("rejected", "failed"),
    ("incomplete", "failed"),
    ("halted", "failed"),
    ("missing", "failed"),
    ("warning", "oversized"),
    ("skipped", "blocked"),
];

/// The look of a word; an unknown one looks like `pending`.
pub fn of(word: &str) -> Look {
    let name = LIKE.iter().find(|(w, _)| *w == word).map_or(word, |(_, like)| like);
    STATUSES.into_iter().find(|s| s.name == name).unwrap_or(STATUSES[6])
}

/// A word with its sign.
pub fn chip(word: &str) -> Markup {
    let look = of(word);
    html! { span class={ "chip st-" (look.name) } { span aria-hidden="true" { (look.glyph) } " " (word) } }
}

/// One bar of all nodes, a share for each status, with the counts in words.
pub fn bar(counts: &BTreeMap<&'static str, usize>) -> Markup {
    let all: usize = counts.values().sum();
    let shares = || STATUSES.iter().filter_map(|s| Some((s, *counts.get(s.name)?)));
    let mut at = 0;
    let mut placed = Vec::new();
    for (look, n) in shares() {
        placed.push((look, at * 1000 / all.max(1), (n * 1000 / all.max(1)).max(2)));
        at += n;
    }
    html! {
        svg.share viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" {
            @for (look, x, w) in placed { rect class={ "st-" (look.name) } x=(x) y="0" width=(w) height="10" {} }
        }
        ul.counts {
            @for (look, n) in shares() { li { (chip(look.name)) " " strong { (n) } } }
        }
    }
}
