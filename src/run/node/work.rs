//! The verbs up to the diff: `worktree enter`, `agent run`, `capture`.

use std::borrow::Cow;

use crate::config::{RemediateFrom, Role};
use crate::event::{DiffEvidence, Event, NoticeLevel};
use crate::files;
use crate::gate::{loc, touches};
use crate::git::{Capture, Change, ChangeKind, GuardClass, NewCommit};
use crate::journal::NodeState;
use crate::lane::WorkspaceSpec;
use crate::process::EndCause;
use crate::run::context::{At, Context, Fault};
use crate::run::invoke::{self, Place, Request};
use crate::run::node::{NodeRun, Stop};
use crate::run::split::Measured;
use crate::run::watch::Watch;
use crate::run::{prepare, prompt};

impl NodeRun<'_> {
    /// `worktree enter`: a worktree at the audit branch's head, prepared and sealed.
    pub(crate) fn enter(&mut self) -> Result<(), Stop> {
        self.interrupted()?;
        let kept = self
            .order
            .keep_base
            .take()
            .filter(|_| self.cx.config.remediate_from.value == RemediateFrom::Attempt);
        let fresh = kept.is_none();
        let base = kept.unwrap_or_else(|| self.cx.lock_head().clone());
        let made = self.order.workspace.is_none();
        match &mut self.order.workspace {
            Some(workspace) if fresh => prepare::afresh(workspace.as_mut(), &base)?,
            Some(_) => {}
            None => self.order.workspace = Some(self.cx.lane.prepare(&self.spec(&base))?),
        }
        self.base = Some(base.clone());
        if fresh || made {
            self.prepare()?;
        }
        if let (false, true, Some(tree)) = (fresh, made, self.order.keep_tree.take()) {
            self.workspace()?.checkout_tree(&base, &tree)?;
        }
        let path = self.cx.shown(self.workspace()?.dir());
        let (node, attempt) = (self.id().clone(), self.order.attempt);
        let port_base = Some(self.cx.port_base(self.order.slot));
        Ok(self.cx.tell(Event::WorktreeReady { node, attempt, path, base, port_base })?)
    }

    fn spec(&self, base: &crate::base::Oid) -> WorkspaceSpec {
        let stamp = self.cx.clock.now().strftime("%Y%m%dT%H%M%SZ");
        let name = format!("audit-{}-{}-{stamp}", self.planned.tier, self.id());
        let lock_reason =
            format!("auditrun {} node {} pid {}", self.cx.run_id, self.id(), std::process::id());
        WorkspaceSpec { name, lock_reason, commit: base.clone() }
    }

    /// Copies, links, kept directories and `setup`, then the pristine capture.
    fn prepare(&mut self) -> Result<(), Stop> {
        let judged = self.judged(crate::event::CheckPhase::Verify)?;
        let cx = self.cx;
        let workspace = self.workspace()?;
        prepare::prepare(cx.bench(), workspace.as_mut(), &judged).map_err(|e| match e {
            prepare::Trouble::Setup(why) => Stop::failed(why),
            prepare::Trouble::Fault(fault) => Stop::Fault(fault),
        })?;
        // Nothing to do for preparation: the reset has just seen all there is.
        workspace.vouch();
        Ok(workspace.seal()?)
    }

    /// `agent run`: the agent works in the worktree. What it says counts only where it says
    /// that it did not do the work; what it did is judged by the gates.
    pub(crate) fn agent_run(&mut self) -> Result<(), Stop> {
        self.interrupted()?;
        self.watch = Some(Watch::begin(self.cx, None)?);
        self.offer_lessons()?;
        let settings = &self.planned.settings;
        let request = Request {
            role: Role::Node,
            subject: Some(self.id()),
            attempt: self.order.attempt,
            agent: self.agent,
            prompt: prompt::for_node(&self.planned.node, &self.cx.lessons, &self.order.task),
            env: Some(&settings.env),
            timeout: settings.timeout.value,
            retries: settings.retries.value,
            log: format!("{}/agent.log", Context::node_dir(self.id())),
            port_base: self.cx.port_base(self.order.slot),
            cancel: self.cancel,
        };
        let cx = self.cx;
        let workspace = self
            .order
            .workspace
            .as_mut()
            .ok_or_else(|| Fault::Other("no worktree was entered".to_owned()))?;
        let answer = invoke::call(&cx.caller(), &request, &mut Place::Worktree(workspace.as_mut()))?;
        self.watch_foreign()?;
        self.note_neighbours();
        for leak in &answer.record.leaked {
            self.facts.notes.push(format!("the agent left a process behind, which was ended: {leak}"));
        }
        let fault = answer.record.fault.clone();
        let never_ran = answer.record.exit_code == Some(127) && answer.report.fault.is_some();
        self.facts.agent = Some(answer.record);
        if let Some(why) = answer.unavailable {
            self.unavailable = Some(why.clone());
            return Err(Stop::Cancelled(format!("agent '{}' is unavailable: {why}", self.agent.name)));
        }
        match answer.cause {
            EndCause::Cancelled => return Err(Stop::Cancelled(cx.why_cancelled())),
            EndCause::Deadline(deadline) => {
                return Err(Stop::failed(format!(
                    "the agent was ended at its deadline '{}'",
                    deadline.name()
                )));
            }
            EndCause::Quota(excess) => return Err(Stop::failed(format!("the agent was {excess}"))),
            EndCause::Own => {}
        }
        if never_ran {
            return Err(Stop::failed(format!("the agent did not start: {}", fault.unwrap_or_default())));
        }
        let last = answer.report.final_message.unwrap_or_default();
        if let Some(why) = last.trim_start().strip_prefix("HALT:") {
            return Err(Stop::failed(format!("the agent said HALT: {}", first_line(why.trim_start()))));
        }
        Ok(())
    }

    /// Which lessons the prompt holds is a fact of the run.
    fn offer_lessons(&self) -> Result<(), Stop> {
        let lessons: Vec<String> = self.cx.lessons.iter().map(|l| l.lesson_id.clone()).collect();
        if lessons.is_empty() {
            return Ok(());
        }
        let (node, attempt) = (self.id().clone(), self.order.attempt);
        Ok(self.cx.tell(Event::LessonsOffered { node, attempt, lessons })?)
    }

    /// An agent of another role, beside the node's own: it reads its prompt in a private
    /// directory, and only its failure counts.
    pub(crate) fn consult(&mut self, role: Role, prompt: Vec<u8>) -> Result<(), Stop> {
        self.interrupted()?;
        let cx = self.cx;
        let name = &cx.config.agent_for(role).value;
        let agent = cx.config.agents.get(name).ok_or_else(|| Fault::Other(format!("no agent '{name}'")))?;
        let scratch = cx.scratch_dir("role-")?;
        let request = Request {
            role,
            subject: Some(self.id()),
            attempt: self.order.attempt,
            agent,
            prompt,
            env: None,
            timeout: agent.timeout.value,
            retries: agent.retries.value,
            log: format!("{}/{}.log", Context::node_dir(self.id()), role.name()),
            port_base: cx.port_base(self.order.slot),
            cancel: self.cancel,
        };
        let answer = invoke::call(&cx.caller(), &request, &mut Place::scratch(scratch.path()))?;
        match (answer.cause, answer.record.fault) {
            (EndCause::Own, None) => Ok(()),
            (EndCause::Cancelled, _) => Err(Stop::Cancelled(cx.why_cancelled())),
            (_, fault) => {
                Err(Stop::failed(format!("the {} failed: {}", role.name(), fault.unwrap_or_default())))
            }
        }
    }

    /// Without a sandbox nobody can tell who wrote what stands in a worktree: it is judged as
    /// this node's all the same, and who else could have is on record.
    fn note_neighbours(&mut self) {
        if self.cx.containment.enforced() {
            return;
        }
        let state = self.cx.recorder.state();
        let with_me = |node: &&NodeState| {
            let last = node.last_attempt().filter(|last| last.worktree.is_some());
            let ended = last.map(|last| last.finished_at.as_deref());
            node.id != *self.id() && ended.is_some_and(|at| at.is_none_or(|at| at >= &*self.started_at))
        };
        let names: Vec<&str> = state.nodes.iter().filter(with_me).map(|node| node.id.as_str()).collect();
        if !names.is_empty() {
            let note = format!(
                "no sandbox kept other nodes out of this worktree; at the same time ran {}",
                names.join(", ")
            );
            self.facts.notes.push(note);
        }
    }

    /// Compares the repository with what it was before the agent.
    fn watch_foreign(&mut self) -> Result<(), Stop> {
        let Some(watch) = self.watch.take() else { return Ok(()) };
        // Where no program can reach them, it was the operator.
        let level = if self.cx.shielded() { NoticeLevel::Notice } else { NoticeLevel::Warning };
        for foreign in watch.foreign(self.cx)? {
            match foreign.class {
                GuardClass::Harness => self.foreign.push(foreign.name),
                GuardClass::Operator => {
                    let message = format!("{} changed while {} ran", spoken(&foreign.name), self.id());
                    self.note(level, message)?;
                }
            }
        }
        Ok(())
    }

    /// `capture`: the tree from the files themselves, its diff, and the attempt that keeps both.
    pub(crate) fn capture(&mut self) -> Result<(), Stop> {
        let base = self.base()?;
        let capture = self.workspace()?.capture(&base)?;
        let evidence = self.evidence(&capture);
        self.facts.measured = measured(&capture.diff.changes);
        self.facts.patch.clone_from(&capture.diff.patch);
        self.facts.tree = Some(capture.tree.clone());
        self.facts.diff = Some(evidence.clone());
        self.keep_files(&capture)?;
        let (reference, commit) = self.keep_commit(&capture)?;
        self.facts.commit = Some(commit.clone());
        let tree = capture.tree.clone();
        self.capture = Some(capture);
        let (node, attempt) = (self.id().clone(), self.order.attempt);
        Ok(self.cx.tell(Event::Captured { node, attempt, tree, commit, reference, diff: evidence })?)
    }

    pub(crate) fn evidence(&self, capture: &Capture) -> DiffEvidence {
        let settings = &self.planned.settings;
        let changes = &capture.diff.changes;
        let count = loc::count(changes, &self.cx.loc_exclude);
        let outside = touches::in_capture(capture, &self.planned.touches, &self.cx.layout);
        let names = |paths: &[crate::base::RepoPath]| paths.iter().map(ToString::to_string).collect();
        DiffEvidence {
            nonempty: !changes.is_empty(),
            files: names(&touches::paths(changes)),
            outside_touches: names(&touches::outside(&outside)),
            loc: count.loc,
            est_loc: settings.estimated_loc.value,
            cap: settings.loc_cap,
            confidence: settings.loc_confidence.value,
            binary: names(&count.binary),
            ignored_present: names(&capture.ignored_present),
            violations: outside.iter().map(ToString::to_string).collect(),
        }
    }

    fn keep_files(&self, capture: &Capture) -> Result<(), Fault> {
        let dir = Context::node_dir(self.id());
        let attempt = format!("{dir}/attempt-{}", self.order.attempt);
        // The node's own is hashed and stays as it is; a secret in it fails the node, and the
        // copy that is kept for good must not carry it on.
        let patch = &capture.diff.patch;
        let kept = self.cx.containment.masker().bytes(patch);
        self.cx.write(&format!("{dir}/diff.patch"), patch)?;
        match &kept {
            Cow::Borrowed(_) => {
                self.cx.recorder.link(&format!("{dir}/diff.patch"), &format!("{attempt}/diff.patch"))?
            }
            Cow::Owned(masked) => self.cx.write(&format!("{attempt}/diff.patch"), masked)?,
        }
        self.cx.write(&format!("{dir}/files_touched.txt"), &capture.porcelain)?;
        self.cx
            .recorder
            .link(&format!("{dir}/files_touched.txt"), &format!("{attempt}/files_touched.txt"))?;
        let log = self.cx.artifact(&format!("{dir}/agent.log"));
        if log.exists() {
            let kept = self.cx.artifact(&format!("{attempt}/agent.log"));
            files::link_or_copy(&log, &kept).at(|| format!("can't keep {}", kept.display()))?;
        }
        Ok(())
    }

    fn keep_commit(&self, capture: &Capture) -> Result<(String, crate::base::Oid), Stop> {
        let base = self.base()?;
        let message = format!(
            "attempt({}): {}\n\nAudit-Run: {}\nAudit-Node: {}\nAudit-Attempt: {}\n",
            self.id(),
            self.planned.node.deliverable.value,
            self.cx.run_id,
            self.id(),
            self.order.attempt
        );
        let commit = self.cx.repo.commit_tree(&NewCommit {
            tree: capture.tree.clone(),
            parents: vec![base],
            message,
            author: self.cx.config.author.value.clone(),
            sign: false,
        })?;
        let reference = self.cx.run_id.attempt_ref(self.id(), self.order.attempt);
        self.cx.ledger.expect(&reference, &commit);
        self.cx.set_ref(&reference, &commit)?;
        Ok((reference, commit))
    }
}

/// What changed, in the words of its owner.
fn spoken(name: &str) -> String {
    match name {
        "checkout" => "a file of your checkout".to_owned(),
        "index" | "HEAD" => format!("your {name}"),
        name => name.strip_prefix("ref ").unwrap_or(name).to_owned(),
    }
}

fn measured(changes: &[Change]) -> Vec<Measured> {
    let file = |c: &Change| Measured {
        path: c.new.clone(),
        loc: c.lines.map_or(0, |(added, deleted)| added.saturating_add(deleted)),
        removed: c.kind == ChangeKind::Deleted,
    };
    changes.iter().map(file).collect()
}

fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or("no reason given")
}
