//! The verbs that judge: `gate touches`, `gate loc`, `gate signal`, `check done_when`,
//! `check invariants`.

use crate::base::text::count;
use crate::config::ExpectedSignal;
use crate::event::{CheckPhase, CheckRecord, Event, GateName, InvariantRecord, NodeStatus, NoticeLevel};
use crate::gate::{checks as check_gate, loc, signal};
use crate::git::ChangeKind;
use crate::plan::PlannedInvariant;
use crate::run::checks;
use crate::run::context::Fault;
use crate::run::node::{NodeRun, Stop};

impl<'a> NodeRun<'a> {
    /// `gate touches`: nothing outside of what the node may write, and nothing of the
    /// repository's own that is not the harness's doing. On a violation the worktree is put
    /// back; the attempt is kept already.
    pub(crate) fn gate_touches(&mut self) -> Result<(), Stop> {
        self.captured()?;
        let outside = self.facts.diff.as_ref().map(|d| d.violations.clone()).unwrap_or_default();
        let mut reasons = Vec::new();
        if !outside.is_empty() {
            reasons.push(format!(
                "{} outside of touches: {}",
                count(outside.len(), "path"),
                shortened(&outside)
            ));
        }
        if !self.foreign.is_empty() {
            reasons
                .push(format!("the repository was changed behind the harness: {}", shortened(&self.foreign)));
        }
        if let Some(name) = self.secret_in_diff()? {
            reasons.push(format!("the diff holds a secret ({name})"));
        }
        let passed = reasons.is_empty();
        let reason = if passed { "every path lies within touches".to_owned() } else { reasons.join("; ") };
        self.gate(GateName::Touches, passed, &reason)?;
        if passed {
            return Ok(());
        }
        let base = self.base()?;
        self.workspace()?.reset(&base)?;
        Err(Stop::failed(format!("gate touches: {reason}")))
    }

    /// The name of a secret that the diff would carry onto the branch. Binary content stands
    /// compressed in a diff, so it is looked at as it is.
    fn secret_in_diff(&self) -> Result<Option<String>, Stop> {
        let masker = self.cx.containment.masker();
        if let Some(name) = masker.find(&self.facts.patch) {
            return Ok(Some(name.to_owned()));
        }
        let (Some(commit), capture) = (&self.facts.commit, self.captured()?) else { return Ok(None) };
        let binary =
            capture.diff.changes.iter().filter(|c| c.lines.is_none() && c.kind != ChangeKind::Deleted);
        for path in binary.map(|change| change.new.to_string()) {
            let bytes = self.cx.repo.blob(commit, &path)?.unwrap_or_default();
            if let Some(name) = masker.find(&bytes) {
                return Ok(Some(name.to_owned()));
            }
        }
        Ok(None)
    }

    /// `gate loc`: the size of the change against its estimate.
    pub(crate) fn gate_loc(&mut self) -> Result<(), Stop> {
        let lines = self.facts.diff.as_ref().map_or(0, |d| d.loc);
        self.judge_loc(lines)
    }

    pub(crate) fn judge_loc(&mut self, lines: u64) -> Result<(), Stop> {
        let settings = &self.planned.settings;
        let limits = settings.loc_limits();
        let verdict = loc::judge(lines, limits);
        let est = settings.estimated_loc.value;
        let changed = count(usize::try_from(lines).unwrap_or(usize::MAX), "line");
        let reason = match (verdict, limits.cap) {
            (loc::Verdict::Extreme, _) => format!(
                "{changed} changed, more than {} allow at an estimate of {est}: remediation is pointless",
                limits.extreme
            ),
            (loc::Verdict::Over, Some(cap)) => {
                format!("{changed} changed, the cap is {cap} at an estimate of {est}")
            }
            (loc::Verdict::PastRough, _) => format!(
                "{changed} changed without a cap, past the {} that rough would allow",
                limits.warn.unwrap_or_default()
            ),
            (_, Some(cap)) => format!("{changed} changed, the cap is {cap}"),
            (_, None) => format!("{changed} changed, no cap"),
        };
        // Measured again at the landing: what is known by then is not said twice.
        if verdict == loc::Verdict::PastRough && !self.facts.notes.contains(&reason) {
            self.cx.notice(Some(self.id()), NoticeLevel::Warning, format!("{}: {reason}", self.id()))?;
            self.facts.notes.push(reason.clone());
        }
        let extreme = verdict == loc::Verdict::Extreme;
        let over = extreme || verdict == loc::Verdict::Over;
        self.gate(GateName::Loc, !over, &reason)?;
        if over {
            return Err(Stop::Judged {
                status: NodeStatus::Oversized,
                reason: format!("gate loc: {reason}"),
                extreme,
            });
        }
        Ok(())
    }

    /// `gate signal`: a diff where one is expected.
    pub(crate) fn gate_signal(&mut self) -> Result<(), Stop> {
        let nonempty = self.facts.diff.as_ref().is_some_and(|d| d.nonempty);
        let fault = self.facts.agent.as_ref().and_then(|a| a.fault.clone());
        // Earlier work of the node that is on the branch already may be all there is to do.
        let expected = match self.cx.recorder.has_landed(self.id()) {
            true => ExpectedSignal::AllowEmpty,
            false => self.planned.settings.expected_signal.value,
        };
        let (passed, reason) = match (signal::judge(nonempty, expected), fault) {
            (signal::Verdict::Work, _) => (true, "there is a diff".to_owned()),
            (signal::Verdict::AlreadySatisfied, None) => {
                (true, "no diff, and none is required: the checks decide".to_owned())
            }
            (signal::Verdict::AlreadySatisfied, Some(fault)) => {
                (false, format!("the diff is empty and the agent did not do its work ({fault})"))
            }
            (signal::Verdict::Nothing, None) => {
                (false, "the diff is empty and the node requires one".to_owned())
            }
            (signal::Verdict::Nothing, Some(fault)) => (false, format!("the diff is empty ({fault})")),
        };
        self.gate(GateName::Signal, passed, &reason)?;
        if passed { Ok(()) } else { Err(Stop::failed(format!("gate signal: {reason}"))) }
    }

    fn gate(&self, gate: GateName, passed: bool, reason: &str) -> Result<(), Fault> {
        let (node, attempt) = (self.id().clone(), self.order.attempt);
        self.cx.tell(Event::Gate { node, attempt, gate, passed, reason: reason.to_owned() })
    }

    /// `check done_when`: every check on exactly the captured tree.
    pub(crate) fn check_done_when(&mut self) -> Result<(), Stop> {
        self.interrupted()?;
        let (base, tree) = (self.base()?, self.captured()?.tree.clone());
        self.workspace_at_rest()?.checkout_tree(&base, &tree)?;
        let records = self.run_done_when(CheckPhase::Verify, &base, &tree)?;
        self.facts.checks = records;
        self.interrupted()?;
        done_when_verdict(&self.facts.checks).map_err(Stop::failed)
    }

    /// `check invariants`: those that the node or its prompt cites.
    pub(crate) fn check_invariants(&mut self) -> Result<(), Stop> {
        self.interrupted()?;
        let (base, tree) = (self.base()?, self.captured()?.tree.clone());
        let records = self.run_cited(CheckPhase::Verify, &base, &tree)?;
        self.facts.invariants = records;
        self.interrupted()?;
        invariants_verdict(&self.facts.invariants).map_err(Stop::failed)
    }

    pub(crate) fn run_done_when(
        &mut self,
        phase: CheckPhase,
        head: &crate::base::Oid,
        tree: &crate::base::Oid,
    ) -> Result<Vec<CheckRecord>, Stop> {
        let judged = self.judged(phase)?;
        let (cx, planned) = (self.cx, self.planned);
        let restore = |w: &mut dyn crate::lane::Workspace| w.checkout_tree(head, tree).map_err(Fault::from);
        Ok(checks::run_checks(cx, self.workspace()?.as_mut(), &judged, &planned.checks, &restore)?)
    }

    pub(crate) fn run_cited(
        &mut self,
        phase: CheckPhase,
        head: &crate::base::Oid,
        tree: &crate::base::Oid,
    ) -> Result<Vec<InvariantRecord>, Stop> {
        let judged = self.judged(phase)?;
        let cx = self.cx;
        let cited = self.cited();
        let restore = |w: &mut dyn crate::lane::Workspace| w.checkout_tree(head, tree).map_err(Fault::from);
        Ok(checks::run_invariants(cx, self.workspace()?.as_mut(), &judged, cited, &restore)?)
    }

    fn cited(&self) -> Vec<&'a PlannedInvariant> {
        let cited = &self.planned.node.invariants;
        self.cx.plan.invariants.iter().filter(|i| cited.iter().any(|c| c.value == i.id)).collect()
    }
}

/// Nothing to say if every check passed.
pub(crate) fn done_when_verdict(records: &[CheckRecord]) -> Result<(), String> {
    let failed: Vec<String> = records
        .iter()
        .filter(|r| !r.passed)
        .map(|r| format!("`{}`: {}", r.name.as_ref().unwrap_or(&r.command), check_gate::failure(r)))
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!("{} of {} failed: {}", failed.len(), count(records.len(), "check"), shortened(&failed)))
}

/// Nothing to say if nothing that held before is broken.
pub(crate) fn invariants_verdict(records: &[InvariantRecord]) -> Result<(), String> {
    let broken: Vec<String> = records
        .iter()
        .filter(|r| r.regression)
        .map(|r| format!("{} (`{}`: {})", r.id, r.check.command, check_gate::failure(&r.check)))
        .collect();
    if broken.is_empty() {
        return Ok(());
    }
    Err(format!("{} broken: {}", count(broken.len(), "invariant"), shortened(&broken)))
}

/// The first few of a list, with the number of the rest.
fn shortened(items: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut text = items.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if items.len() > SHOWN {
        text.push_str(&format!(" and {} more", items.len() - SHOWN));
    }
    text
}
