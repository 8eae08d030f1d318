//! The verbs that put the work on the audit branch: `commit`, `land`. What was tested is
//! what lands: after a rebase the checks run again on exactly the rebased tree.

use crate::base::{Oid, text::count};
use crate::config::ExpectedSignal;
use crate::event::{CheckPhase, Event, LandingRecord};
use crate::gate::invariants::Baseline;
use crate::gate::{loc, touches};
use crate::git::{Diff, Merge, NewCommit, Swap};
use crate::run::context::{Context, Fault};
use crate::run::node::judge::{done_when_verdict, invariants_verdict};
use crate::run::node::{NodeRun, Stop};

/// What is about to land.
struct Candidate {
    commit: Oid,
    tree: Oid,
    rebased: bool,
}

impl NodeRun<'_> {
    /// `commit`: the tree that `capture` recorded. Fails if the worktree no longer equals it.
    pub(crate) fn commit(&mut self) -> Result<(), Stop> {
        self.interrupted()?;
        let (base, tree) = (self.base()?, self.captured()?.tree.clone());
        let drift = self.workspace_at_rest()?.drift()?;
        let drifted: Vec<String> =
            drift.changed.iter().chain(&drift.untracked).map(ToString::to_string).collect();
        if !drifted.is_empty() {
            return Err(Stop::failed(format!(
                "commit: the worktree no longer equals what was captured: {}",
                drifted.join(", ")
            )));
        }
        self.commit = Some(self.make_commit(&tree, &base)?);
        Ok(())
    }

    fn make_commit(&self, tree: &Oid, parent: &Oid) -> Result<Oid, Stop> {
        Ok(self.cx.repo.commit_tree(&NewCommit {
            tree: tree.clone(),
            parents: vec![parent.clone()],
            message: self.message(),
            author: self.cx.config.author.value.clone(),
            sign: self.cx.config.sign.value,
        })?)
    }

    fn message(&self) -> String {
        let node = &self.planned.node;
        let mut text = format!("node({}): {}\n\n", self.id(), node.deliverable.value);
        if self.facts.diff.as_ref().is_some_and(|d| !d.nonempty) {
            text.push_str("deliverable already satisfied\n\n");
        }
        text.push_str(&format!("Audit-Run: {}\nAudit-Node: {}\n", self.cx.run_id, self.id()));
        node.closes.iter().for_each(|d| text.push_str(&format!("Audit-Delta: {}\n", d.value)));
        text.push_str(&format!("Audit-Attempt: {}\n", self.order.attempt));
        text
    }

    /// `land`: fast-forward, or rebase and test again, then move the branch from exactly the
    /// head that was tested against.
    pub(crate) fn land(&mut self) -> Result<(), Stop> {
        self.interrupted()?;
        let cx = self.cx;
        // Held to the end: landings come one at a time. The head itself is locked only while
        // it moves, so that a long retest holds up nobody but the next landing.
        let turn = cx.turn_to_land();
        let head = cx.lock_head().clone();
        cx.head_is(&head)?;
        let base = self.base()?;
        let commit = self.commit.clone().ok_or_else(|| Fault::Other("nothing was committed".to_owned()))?;
        let candidate = if head == base {
            Candidate { commit, tree: self.captured()?.tree.clone(), rebased: false }
        } else {
            self.rebase(&head)?
        };
        self.judge_landing(&head, &candidate)?;
        self.interrupted()?;
        self.swap(&head, &candidate)?;
        let landing = self.landed(head, &candidate)?;
        drop(turn);
        self.facts.landing = Some(landing);
        self.facts.commit = Some(candidate.commit);
        self.facts.tree = Some(candidate.tree);
        Ok(())
    }

    /// Puts the change onto the moved head in memory, lays the result out in the worktree
    /// and runs the checks and cited invariants there once more.
    fn rebase(&mut self, head: &Oid) -> Result<Candidate, Stop> {
        let cx = self.cx;
        let base_tree = cx.repo.tree_of(&self.base()?)?;
        let head_tree = cx.repo.tree_of(head)?;
        let tree = match cx.repo.merge(&base_tree, &self.captured()?.tree, &head_tree)? {
            Merge::Clean(tree) => tree,
            Merge::Conflict(paths) => {
                let names: Vec<String> = paths.iter().map(ToString::to_string).collect();
                self.facts.notes.push(format!("conflicting paths: {}", names.join(", ")));
                return Err(Stop::failed(format!(
                    "land: conflicts with what landed meanwhile in {}",
                    names.join(", ")
                )));
            }
        };
        let commit = self.make_commit(&tree, head)?;
        self.workspace_at_rest()?.checkout_tree(head, &tree)?;
        let checks = self.run_done_when(CheckPhase::Retest, head, &tree)?;
        let ended = self.interrupted();
        self.facts.checks = checks;
        ended?;
        done_when_verdict(&self.facts.checks)
            .map_err(|e| Stop::failed(format!("retest on the rebased tree: {e}")))?;
        let invariants = self.run_cited(CheckPhase::Retest, head, &tree)?;
        self.interrupted()?;
        self.facts.invariants = invariants;
        invariants_verdict(&self.facts.invariants)
            .map_err(|e| Stop::failed(format!("retest on the rebased tree: {e}")))?;
        let drift = self.workspace_at_rest()?.drift()?;
        if !drift.changed.is_empty() {
            return Err(Stop::failed("retest: the worktree no longer equals the rebased tree"));
        }
        Ok(Candidate { commit, tree, rebased: true })
    }

    /// Touches, LOC and signal once more, on what the branch will really be given: a wrong
    /// base would show here as foreign changes.
    fn judge_landing(&mut self, head: &Oid, candidate: &Candidate) -> Result<(), Stop> {
        let cx = self.cx;
        let diff = self.landing_diff(&cx.repo.tree_of(head)?, &candidate.tree)?;
        let outside = touches::in_changes(&diff.changes, &self.planned.touches, &cx.layout);
        if !outside.is_empty() {
            let names: Vec<String> = outside.iter().map(ToString::to_string).collect();
            return Err(Stop::failed(format!(
                "land: {} outside of touches: {}",
                count(names.len(), "path"),
                names.join(", ")
            )));
        }
        let counted = loc::count(&diff.changes, &cx.loc_exclude);
        self.judge_loc(counted.loc)?;
        let had_work = self.facts.diff.as_ref().is_some_and(|d| d.nonempty);
        let needed = self.planned.settings.expected_signal.value == ExpectedSignal::RequireNonempty;
        if had_work && needed && diff.changes.is_empty() {
            return Err(Stop::failed(
                "land: nothing is left of the change after the rebase; a sibling landed the same",
            ));
        }
        if let Some(evidence) = &mut self.facts.diff {
            evidence.files = touches::paths(&diff.changes).iter().map(ToString::to_string).collect();
            evidence.loc = counted.loc;
        }
        self.facts.patch = diff.patch;
        Ok(())
    }

    /// The diff of the same two trees is the same: capture's is taken where it is of these.
    fn landing_diff(&self, head_tree: &Oid, tree: &Oid) -> Result<Diff, Stop> {
        let captured = self.captured()?;
        let base_tree = self.cx.repo.tree_of(&self.base()?)?;
        if (head_tree, tree) == (&base_tree, &captured.tree) {
            return Ok(captured.diff.clone());
        }
        Ok(self.cx.repo.diff(head_tree, tree)?)
    }

    fn swap(&self, head: &Oid, candidate: &Candidate) -> Result<(), Stop> {
        let cx = self.cx;
        let (node, attempt) = (self.id().clone(), self.order.attempt);
        cx.announce(Event::Landing { node, attempt, old: head.clone(), new: candidate.commit.clone() })?;
        let branch = cx.run_id.branch_ref();
        let mut known = cx.lock_head();
        cx.ledger.expect(&branch, &candidate.commit);
        match cx.repo.swap_ref(&branch, head, &candidate.commit)? {
            Swap::Done => {
                *known = candidate.commit.clone();
                Ok(())
            }
            Swap::Moved(found) => Err(Stop::Fault(cx.branch_moved(head, found.as_ref()))),
        }
    }

    fn landed(&mut self, old: Oid, candidate: &Candidate) -> Result<LandingRecord, Stop> {
        let cx = self.cx;
        let landing = LandingRecord {
            old,
            new: candidate.commit.clone(),
            rebased: candidate.rebased,
            retested: candidate.rebased,
            tested_tree: candidate.tree.clone(),
            landed_tree: cx.repo.tree_of(&candidate.commit)?,
        };
        let (node, attempt) = (self.id().clone(), self.order.attempt);
        cx.announce(Event::Landed { node, attempt, landing: landing.clone() })?;
        for record in &self.facts.invariants {
            cx.set_baseline(&record.id, &record.check.command, Baseline::of(&record.check));
        }
        // Else the file holds what lands already.
        if self.captured()?.diff.patch != self.facts.patch {
            cx.write(&format!("{}/diff.patch", Context::node_dir(self.id())), &self.facts.patch)?;
        }
        Ok(landing)
    }
}
