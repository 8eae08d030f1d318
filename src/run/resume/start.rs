//! Dispatch from where it stopped: what is known from the journal, landed work checked again,
//! and the prompts of attempts that were due.

use std::collections::BTreeMap;

use crate::base::Oid;
use crate::config::RemediateFrom;
use crate::event::{Event, NoticeLevel};
use crate::gate::invariants::Baseline;
use crate::git::ChangeKind;
use crate::journal::{Attempt, NodeState, RunState};
use crate::plan::NodeIx;
use crate::run::context::{Context, Fault};
use crate::run::engine::{Kept, Start, write_cycle};
use crate::run::integration::Integration;
use crate::run::prompt::Failure;
use crate::run::resume::Standing;
use crate::run::resume::landed::last_runs;
use crate::run::scheduler::State;
use crate::run::split::Measured;

/// Gives the context what the journal knows: what agents have used so far, and the newest
/// result of each invariant, which is that of the newest landed node which ran it.
pub fn known(cx: &Context) {
    let state = cx.recorder.state();
    for record in state.calls.iter().filter_map(|c| c.record.as_ref()) {
        cx.spend(&record.metrics);
    }
    let landed = state.landings.iter().filter_map(|l| {
        let attempts = &state.node(&l.node)?.attempts;
        attempts.iter().find(|a| a.landing.as_ref() == Some(&l.landing))
    });
    let ran = landed.flat_map(|a| a.invariants.iter().map(|(_, r)| r));
    for record in state.baseline.iter().chain(ran) {
        cx.set_baseline(&record.id, &record.check.command, Baseline::of(&record.check));
    }
}

/// Checks each landed node again on exactly what landed. One that does not hold any more is
/// pending again: its commit stays, and what it does next comes on top.
///
/// # Errors
/// The lane or the journal failed.
pub fn recheck<'a>(
    cx: &'a Context,
    standing: &mut [Standing],
    integration: &mut Integration<'a>,
) -> Result<(), Fault> {
    let state = cx.recorder.state();
    let mut looked = false;
    for (planned, standing) in cx.plan.nodes.iter().zip(standing) {
        let id = &planned.node.id.value;
        let landing = state.node(id).and_then(|n| n.landing.as_ref());
        let (State::Done(_), None, Some(landing)) = (standing.state, &standing.exhausted, landing) else {
            continue;
        };
        if cx.cancel.requested() {
            break;
        }
        looked = true;
        if let Err(why) = integration.recheck(planned, landing)? {
            let reason = format!("what landed as {} does not hold any more: {why}", landing.new.short());
            cx.notice(Some(id), NoticeLevel::Warning, format!("{id}: {reason}"))?;
            cx.announce(Event::NodeReset { node: id.clone(), reason })?;
            *standing = Standing { state: State::Pending, attempts: 0, exhausted: None };
        }
    }
    if looked { integration.back_to_head() } else { Ok(()) }
}

/// Where dispatch begins.
///
/// # Errors
/// Git, the disk or the journal failed.
pub fn start(cx: &Context, standing: Vec<Standing>) -> Result<Start, Fault> {
    let state = cx.recorder.state();
    let mut start = Start::anew(cx);
    let nodes = standing.iter().enumerate().map(|(n, s)| (n, s.state, s.attempts));
    start.scheduler.restore(state.iteration, nodes);
    for (n, (standing, kept)) in standing.into_iter().zip(&mut start.kept).enumerate() {
        let Some(node) = state.node(&cx.plan.nodes[n].node.id.value) else { continue };
        match standing {
            Standing { exhausted: Some(reason), .. } => {
                kept.measured = measured(cx, node)?;
                start.exhausted.push((n, reason));
            }
            Standing { state: State::Pending, attempts: 1.., .. } => *kept = due(cx, &state, n, node)?,
            _ => {}
        }
    }
    Ok(start)
}

/// What the next cycle of a failed node needs; its worktree is made anew.
fn due(cx: &Context, state: &RunState, n: NodeIx, node: &NodeState) -> Result<Kept, Fault> {
    let mut kept = Kept { measured: measured(cx, node)?, ..Kept::default() };
    let Some(failed) = node.last_used() else { return Ok(kept) };
    kept.task = Some(cycle(cx, state, n, node, failed)?);
    if cx.config.remediate_from.value == RemediateFrom::Attempt {
        kept.base.clone_from(&failed.base);
        kept.tree = failed.captured.as_ref().map(|c| c.tree.clone());
    }
    Ok(kept)
}

/// The remediation prompt, made again from the journal as it was made the first time.
fn cycle(
    cx: &Context,
    state: &RunState,
    n: NodeIx,
    node: &NodeState,
    failed: &Attempt,
) -> Result<Vec<u8>, Fault> {
    let (checks, invariants) = last_runs(failed);
    let patch = match (&failed.base, &failed.captured) {
        (Some(base), Some(captured)) => cx.repo.diff(&cx.repo.tree_of(base)?, &captured.tree)?.patch,
        _ => Vec::new(),
    };
    let failure = Failure {
        reason: &failed.reason,
        outside: failed.captured.as_ref().map_or(&[], |c| &c.diff.violations),
        checks: &checks,
        invariants: &invariants,
        diff: &patch,
        diff_path: "",
    };
    let (path, text) = write_cycle(cx, n, failed.number, &failure)?;
    let known = state.node(&node.id).is_some_and(|s| s.remediation.iter().any(|(c, _)| *c == failed.number));
    if !known {
        cx.tell(Event::Remediation { node: node.id.clone(), cycle: failed.number, prompt: path })?;
    }
    Ok(text)
}

/// The files that the attempts since the last reset changed, each with the most lines that any
/// of them changed.
fn measured(cx: &Context, node: &NodeState) -> Result<Vec<Measured>, Fault> {
    let mut files: BTreeMap<crate::base::RepoPath, Measured> = BTreeMap::new();
    for (base, tree) in trees(node) {
        for change in cx.repo.diff(&cx.repo.tree_of(base)?, tree)?.changes {
            let loc = change.lines.map_or(0, |(added, deleted)| added.saturating_add(deleted));
            let removed = change.kind == ChangeKind::Deleted;
            let path = change.new.clone();
            let file = files.entry(path.clone()).or_insert(Measured { path, loc: 0, removed });
            file.loc = file.loc.max(loc);
            file.removed = removed;
        }
    }
    Ok(files.into_values().collect())
}

fn trees(node: &NodeState) -> impl Iterator<Item = (&Oid, &Oid)> {
    let since = node.attempts.get(node.before_reset..).unwrap_or_default();
    since.iter().filter_map(|a| Some((a.base.as_ref()?, &a.captured.as_ref()?.tree)))
}
