//! The moving part of the screen as text: a row for each thing that runs, and one for the
//! whole. Pure: what is known, the time and the size come in.

use super::line::{Tone, paint};
use crate::base::Id;
use crate::base::text::{count, neutral};
use crate::event::NodeStatus;
use crate::progress::{Board, Standing, Task, clock};

/// Rows that are drawn at least, however low the terminal is.
const LEAST: usize = 3;
/// Columns from which on everything gets a column of its own.
const WIDE: usize = 72;
/// Columns from which on phases are told in full.
const ROOMY: usize = 100;

/// What is drawn into.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) color: bool,
}

/// All rows, the one for the whole last; nothing for a run that is over.
pub(super) fn rows(board: &Board, now: i64, area: Area) -> Vec<String> {
    if board.finished {
        return Vec::new();
    }
    let tasks: Vec<(&Id, &Task)> = board.tasks().collect();
    let room = area.height.saturating_sub(2).max(LEAST);
    // Whoever has been at it longest is of most interest where not everybody fits.
    let mut shown = tasks.clone();
    if shown.len() > room {
        shown.sort_by_key(|(_, task)| task.since);
        shown.truncate(room - 1);
    }
    let more = tasks.len() - shown.len();
    let widest = shown.iter().map(|(id, task)| name(id, task).chars().count()).max().unwrap_or(0);
    let mut rows: Vec<String> = shown.iter().map(|(id, t)| row(board, id, t, now, widest, area)).collect();
    if more > 0 {
        rows.push(fit(&[(Tone::Plain, format!("  and {more} more"))], area));
    }
    if !board.is_empty() {
        rows.push(whole(board, now, area));
    }
    rows
}

fn name(id: &Id, task: &Task) -> String {
    if task.attempt > 1 { format!("{id} #{}", task.attempt) } else { id.to_string() }
}

fn between(from: i64, to: i64) -> u64 {
    u64::try_from(to.saturating_sub(from)).unwrap_or(0)
}

fn row(board: &Board, id: &Id, task: &Task, now: i64, widest: usize, area: Area) -> String {
    let (name, taken) = (name(id, task), clock(between(task.since, now)));
    let cost = task.cost_usd().map(dollars).unwrap_or_default();
    let slow = board.slow_ms(task, now).map(|_| "SLOW".to_owned());
    let message = neutral(&task.message).replace('\n', " ");
    let plain = |text: String| (Tone::Plain, text);
    let mut parts = Vec::new();
    if area.width >= WIDE {
        let wide = widest.min(area.width / 4);
        parts.push(plain(format!("  {} ", padded(&name, wide))));
        parts.push(plain(format!(
            "{} {taken:>7} {cost:>7} ",
            padded(&task.phase, if area.width < ROOMY { 14 } else { 20 })
        )));
        parts.extend(slow.map(|word| (Tone::Warn, format!("{word} "))));
    } else {
        parts.push(plain(format!("{} ", padded(&name, widest.min(area.width / 3)))));
        parts.push(plain(format!("{taken} ")));
        parts.extend(slow.map(|word| (Tone::Warn, format!("{word} "))));
        parts.push(plain(format!("{} ", task.phase)));
        if !cost.is_empty() {
            parts.push(plain(format!("{cost} ")));
        }
    }
    parts.push(plain(message));
    fit(&parts, area)
}

/// The bar, what is done, what failed, the time and the money; what does not fit is left out,
/// the least important first.
fn whole(board: &Board, now: i64, area: Area) -> String {
    let (all, done) = (board.len(), board.count(Standing::Judged(NodeStatus::Verified)));
    let bad = board.count(Standing::Judged(NodeStatus::Failed))
        + board.count(Standing::Judged(NodeStatus::Oversized));
    let left = match board.left_ms(now) {
        _ if board.is_paused(now) => Some("rate limited".to_owned()),
        Some(ms) => Some(format!("about {} left", clock(ms))),
        None => board.halting.then(|| "halting".to_owned()),
    };
    let mut parts = vec![(0, Tone::Plain, format!("{done}/{all} verified"))];
    parts.extend((bad > 0).then(|| (1, Tone::Bad, format!("{bad} failed"))));
    parts.extend(left.map(|text| (2, Tone::Plain, text)));
    parts.push((3, Tone::Plain, format!("{} elapsed", clock(between(board.since, now)))));
    parts.extend(board.total_usd().map(|usd| (4, Tone::Plain, dollars(usd))));
    let length = |parts: &[(u8, Tone, String)]| -> usize {
        parts.iter().map(|(_, _, text)| text.chars().count() + 2).sum::<usize>()
    };
    while length(&parts) > area.width && parts.len() > 1 {
        let last = parts.iter().map(|(rank, ..)| *rank).max();
        parts.retain(|(rank, ..)| Some(*rank) != last);
    }
    let mut line = Vec::new();
    let bar = area.width.saturating_sub(length(&parts) + 4).min(30);
    if bar >= 8 {
        let full = done * bar / all.max(1);
        line.push((Tone::Plain, format!("[{}{}] ", "#".repeat(full), "-".repeat(bar - full))));
    }
    for (nth, (_, tone, text)) in parts.into_iter().enumerate() {
        let gap = if nth == 0 { "" } else { "  " };
        line.push((Tone::Plain, gap.to_owned()));
        line.push((tone, text));
    }
    fit(&line, area)
}

/// One line of words about the whole, for who reads line by line.
pub(super) fn still(board: &Board, now: i64) -> String {
    let oldest = board.tasks().min_by_key(|(_, task)| task.since);
    let mut text = format!("still running: {}", count(board.tasks().count(), "task"));
    if let Some((id, task)) = oldest {
        let taken = clock(between(task.since, now));
        text.push_str(&format!(", the longest {} ({}) for {taken}", name(id, task), task.phase));
    }
    let done = board.count(Standing::Judged(NodeStatus::Verified));
    text.push_str(&format!("; {done} of {} verified", count(board.len(), "node")));
    if let Some(left) = board.left_ms(now) {
        text.push_str(&format!(", about {} left", clock(left)));
    }
    text
}

/// What is said of a task that has turned slow.
pub(super) fn slow(board: &Board, id: &Id, task: &Task, now: i64) -> String {
    let usual = board.usual_ms(task).map(|ms| format!(" (usually {})", clock(ms))).unwrap_or_default();
    let taken = clock(between(task.phase_since, now));
    format!("SLOW {}: {} for {taken}{usual}", name(id, task), task.phase)
}

fn dollars(usd: f64) -> String {
    format!("${usd:.2}")
}

fn padded(text: &str, wide: usize) -> String {
    let long = text.chars().count();
    if long <= wide {
        return format!("{text}{}", " ".repeat(wide - long));
    }
    text.chars().take(wide.saturating_sub(1)).chain(['…']).collect()
}

/// The parts on one line, cut at the width, each in its colour.
fn fit(parts: &[(Tone, String)], area: Area) -> String {
    let mut room = area.width.saturating_sub(1);
    let mut line = String::new();
    for (tone, text) in parts {
        let cut: String = text.chars().take(room).collect();
        room -= cut.chars().count();
        if !cut.is_empty() {
            line.push_str(&paint(*tone, &cut, area.color));
        }
    }
    line.trim_end().to_owned()
}
