//! The audit branch against the journal. A change of the branch is announced before it is
//! made, so after a crash at most one of them is half done, and it is known which.

use crate::base::{Oid, RunId};
use crate::event::{Event, LandingRecord};
use crate::git::{Repo, Swap};
use crate::journal::{PendingLanding, RunState};
use crate::run::context::{Context, Fault};

/// What a crash left half done on the audit branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Half {
    /// Nothing: the branch is where the journal says.
    Nothing,
    /// The branch was made, and the journal does not know yet.
    Made(Oid),
    /// A commit of the harness's own was journalled, and the branch does not hold it yet.
    Move {
        /// Where the branch is.
        from: Oid,
        /// Where it belongs.
        to: Oid,
    },
    /// A landing was announced and made, and the journal has no end of it.
    Landed(PendingLanding),
}

impl Half {
    /// The head of the branch once this is settled; `held` is where it stands by the journal.
    pub fn head(&self, held: Option<&Oid>) -> Option<Oid> {
        match self {
            Half::Nothing => held.cloned(),
            Half::Made(at) => Some(at.clone()),
            Half::Move { to, .. } => Some(to.clone()),
            Half::Landed(pending) => Some(pending.new.clone()),
        }
    }

    /// What the journal is to be told, beyond what it knows.
    ///
    /// # Errors
    /// Git can't read the commit.
    pub fn events(&self, repo: &Repo, run_id: &RunId, state: &RunState) -> Result<Vec<Event>, Fault> {
        Ok(match self {
            Half::Nothing | Half::Move { .. } => Vec::new(),
            Half::Made(base) => {
                vec![Event::BranchCreated { branch: run_id.branch(), base: base.clone() }]
            }
            Half::Landed(pending) => vec![landed(repo, state, pending)?],
        })
    }
}

/// Compares the branch with the journal. `None`: there is no branch, so there is no run to
/// take up.
///
/// # Errors
/// The branch is where neither the journal nor a half-done step can have put it.
pub fn inspect(repo: &Repo, run_id: &RunId, state: &RunState) -> Result<Option<Half>, Fault> {
    let Some(found) = repo.reference(&run_id.branch_ref())? else { return Ok(None) };
    let Some(expected) = state.head() else {
        let begun = state.start.as_ref().and_then(|s| s.head.as_ref());
        let ours = begun == Some(&found) && !state.nodes.is_empty();
        return if ours { Ok(Some(Half::Made(found))) } else { Err(moved(run_id, begun, &found)) };
    };
    if found == *expected {
        return Ok(Some(Half::Nothing));
    }
    if let Some(pending) = state.pending_landing.as_ref().filter(|p| p.new == found && p.old == *expected) {
        return Ok(Some(Half::Landed(pending.clone())));
    }
    if is_own(state, expected) && repo.commit(expected)?.parents == [found.clone()] {
        return Ok(Some(Half::Move { from: found, to: expected.clone() }));
    }
    Err(moved(run_id, Some(expected), &found))
}

/// True for a commit of the harness itself: a resolved question or a corrected bundle. Those
/// are journalled before the branch moves.
fn is_own(state: &RunState, commit: &Oid) -> bool {
    use crate::journal::QuestionEnd::Resolved;
    state.rebundles.iter().any(|r| r.commit == *commit)
        || state.questions.iter().any(|q| matches!(&q.end, Resolved { commit: c, .. } if c == commit))
}

fn moved(run_id: &RunId, expected: Option<&Oid>, found: &Oid) -> Fault {
    let expected = expected.map_or_else(|| "nowhere".to_owned(), |e| format!("at {}", e.short()));
    Fault::BranchMoved(format!(
        "{} was moved by somebody else: the journal has it {expected}, it is at {}; nothing was changed. \
         Put it back (git update-ref) or start a new run",
        run_id.branch(),
        found.short()
    ))
}

fn landed(repo: &Repo, state: &RunState, pending: &PendingLanding) -> Result<Event, Fault> {
    let tree = repo.tree_of(&pending.new)?;
    let base = state
        .node(&pending.node)
        .and_then(|n| n.attempts.iter().rev().find(|a| a.number == pending.attempt)?.base.as_ref());
    // A landing away from the attempt's own base was tested again before it was announced.
    let rebased = base != Some(&pending.old);
    let landing = LandingRecord {
        old: pending.old.clone(),
        new: pending.new.clone(),
        rebased,
        retested: rebased,
        tested_tree: tree.clone(),
        landed_tree: tree,
    };
    Ok(Event::Landed { node: pending.node.clone(), attempt: pending.attempt, landing })
}

/// Finishes what was half done: the journal is told, or the branch moved.
///
/// # Errors
/// Somebody moves the branch at the same time, or the journal can't be written.
pub fn settle(cx: &Context, half: &Half) -> Result<(), Fault> {
    for event in half.events(&cx.repo, &cx.run_id, &cx.recorder.state())? {
        cx.announce(event)?;
    }
    let branch = cx.run_id.branch_ref();
    cx.ledger.expect(&branch, &cx.lock_head());
    let Half::Move { from, to } = half else { return Ok(()) };
    match cx.repo.swap_ref(&branch, from, to)? {
        Swap::Done => Ok(()),
        Swap::Moved(found) => Err(cx.branch_moved(from, found.as_ref())),
    }
}
