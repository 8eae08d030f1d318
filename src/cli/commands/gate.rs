//! `auditrun gate`: before a merge. The proof must hold, and the checks that hold at the
//! audit branch's head must pass again on the branch merged with the base. No agent is called.

use std::path::Path;
use std::sync::Arc;

use crate::base::{Id, Oid};
use crate::cli::args::{Common, GateArgs};
use crate::cli::evidence::{self, Evidence};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::gate_report::{self, Item, Verdict};
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::cli::session;
use crate::event::{CheckPhase, CheckRecord};
use crate::gate::checks::failure;
use crate::git::{Merge, Repo};
use crate::lane::{Lane, LocalLane, Workspace, WorkspaceSpec};
use crate::plan::PlannedCheck;
use crate::process::{Cancel, Runner, signals};
use crate::proof::HeadState;
use crate::run::checks::{Bench, Judged, run_check};
use crate::run::containment::Containment;
use crate::run::context::Fault;
use crate::run::environment::Environment;
use crate::run::prepare::{self, Trouble};

/// Judges the newest finished run, or the one that was named.
///
/// # Errors
/// There is no finished run, the base is unknown, or the harness failed.
pub fn run(common: &Common, args: &GateArgs, screen: &Screen) -> Result<Exit, Failure> {
    let project = Project::open(common)?;
    screen.mask(project.masker());
    let Some(base) = project.repo.resolve(&args.base)? else {
        return Err(Failure::usage(
            format!("{:?} is no commit", args.base),
            "name a branch, a tag or a commit with --base",
        ));
    };
    let evidence = evidence::gather(&project, args.run.as_deref(), None)?;
    let mut verdict = Verdict::new(&evidence, &args.base, &base);
    if evidence.verified.holds() {
        match merged(&project.repo, &evidence.head, &base)? {
            Ok(tree) => {
                project.sandbox_or_refuse(screen)?;
                again(common, &project, &evidence, &tree, &mut verdict)?;
            }
            Err(paths) => verdict
                .add(Item::failed("merge", format!("conflicts with {} in {}", args.base, paths.join(", ")))),
        }
    }
    screen.print(&gate_report::render(&verdict, screen.format())?);
    Ok(if verdict.passed() { Exit::Ok } else { Exit::Failed })
}

/// The tree of the branch merged with the base, in memory; or the paths in conflict.
fn merged(repo: &Repo, head: &Oid, base: &Oid) -> Result<Result<Oid, Vec<String>>, Failure> {
    let (ours, theirs) = (repo.tree_of(head)?, repo.tree_of(base)?);
    let ancestor = match repo.merge_base(head, base)? {
        Some(ancestor) => repo.tree_of(&ancestor)?,
        None => repo.edit_tree(None, &[])?,
    };
    Ok(match repo.merge(&ancestor, &ours, &theirs)? {
        Merge::Clean(tree) => Ok(tree),
        Merge::Conflict(paths) => Err(paths.iter().map(ToString::to_string).collect()),
    })
}

/// Runs everything once more on the merged tree.
fn again(
    common: &Common,
    project: &Project,
    evidence: &Evidence,
    tree: &Oid,
    verdict: &mut Verdict,
) -> Result<(), Failure> {
    let runner = Runner::new().map_err(|e| Failure::Internal(format!("can't start the runtime: {e}")))?;
    let cancel = Cancel::new();
    let _passing_on = common.place.pass_on(&cancel, &Arc::default());
    let stop = cancel.clone();
    signals::watch(&runner, move |_| stop.request())
        .map_err(|e| Failure::Internal(format!("can't watch signals: {e}")))?;
    let root = project.repo.root();
    let worktrees = project.config.worktrees(root);
    let lane = LocalLane::new(project.repo.clone(), runner, worktrees, false);
    project.repo.keep_excluded(&project.layout)?;
    let spec = WorkspaceSpec {
        name: format!("audit-gate-{}-{}", evidence.run_id, std::process::id()),
        lock_reason: format!("auditrun gate {} pid {}", evidence.run_id, std::process::id()),
        commit: evidence.head.clone(),
    };
    let scratch = session::scratch()?;
    let mut workspace = lane.prepare(&spec).map_err(|e| Failure::Internal(e.to_string()))?;
    let containment = Containment::new(&project.config, &project.environment, root);
    let place = Place { project, evidence, tree, cancel: &cancel, scratch: scratch.path(), containment };
    let ran = place.carry_out(workspace.as_mut(), verdict);
    workspace.release(false).map_err(|e| Failure::Internal(e.to_string()))?;
    ran?;
    if cancel.requested() {
        verdict.add(Item::failed("interrupted", "not everything ran".to_owned()));
    }
    Ok(())
}

struct Place<'a> {
    project: &'a Project,
    evidence: &'a Evidence,
    tree: &'a Oid,
    cancel: &'a Cancel,
    scratch: &'a Path,
    containment: Containment,
}

impl Place<'_> {
    fn carry_out(&self, workspace: &mut dyn Workspace, verdict: &mut Verdict) -> Result<(), Fault> {
        let bench = Bench {
            root: self.project.repo.root(),
            config: &self.project.config,
            scratch: self.scratch,
            containment: &self.containment,
        };
        let judged = self.judged(None, workspace)?;
        match prepare::prepare(bench, workspace, &judged) {
            Ok(()) => {}
            Err(Trouble::Setup(why)) => {
                verdict.add(Item::failed("setup", why));
                return Ok(());
            }
            Err(Trouble::Fault(fault)) => return Err(fault),
        }
        workspace.seal()?;
        // Each invariant and each node begins with a clean tree: what one leaves behind must
        // not be what another one passes by.
        for invariant in &self.evidence.plan.invariants {
            workspace.checkout_tree(&self.evidence.head, self.tree)?;
            for check in &invariant.checks {
                let timeout = check.check.timeout.as_ref().map(|t| t.value).or(invariant.timeout);
                let record = self.run(bench, workspace, None, check, timeout)?;
                verdict.add(item(&format!("invariant {}", invariant.id), &record));
            }
        }
        for node in &self.evidence.plan.nodes {
            let id = &node.node.id.value;
            workspace.checkout_tree(&self.evidence.head, self.tree)?;
            for check in node.checks.iter().filter(|c| self.holds_at_head(id, &c.check.command.value)) {
                let timeout = check.check.timeout.as_ref().map(|t| t.value);
                let record = self.run(bench, workspace, Some(id), check, timeout)?;
                verdict.add(item(&format!("done_when of {id}"), &record));
            }
        }
        Ok(())
    }

    fn run(
        &self,
        bench: Bench<'_>,
        workspace: &mut dyn Workspace,
        node: Option<&Id>,
        check: &PlannedCheck,
        timeout: Option<std::time::Duration>,
    ) -> Result<CheckRecord, Fault> {
        let judged = self.judged(node, workspace)?;
        let timeout = timeout.unwrap_or(self.project.config.check_timeout.value);
        let record = run_check(bench, workspace, &judged, check, timeout, false)?;
        if !record.changed_tracked.is_empty() {
            workspace.checkout_tree(&self.evidence.head, self.tree)?;
        }
        Ok(record)
    }

    fn judged<'j>(&'j self, node: Option<&'j Id>, workspace: &dyn Workspace) -> Result<Judged<'j>, Fault> {
        let project = self.project;
        let mut env = Environment::allowed(&project.environment);
        env.apply(&project.config.env, &project.environment).map_err(Fault::Other)?;
        let planned = node.and_then(|id| self.evidence.plan.nodes.iter().find(|n| n.node.id.value == *id));
        if let Some(planned) = planned {
            env.apply(&planned.settings.env, &project.environment).map_err(Fault::Other)?;
            env.set("AUDITRUN_NODE_ID", planned.node.id.as_str());
        }
        env.set("AUDITRUN_RUN_ID", self.evidence.run_id.as_str());
        env.set_path("AUDITRUN_WORKTREE", workspace.dir());
        env.set_path("GIT_CEILING_DIRECTORIES", project.repo.root());
        Ok(Judged { node: None, attempt: 0, phase: CheckPhase::Proof, env, cancel: self.cancel })
    }

    /// A check that a later node superseded is not asked for again.
    fn holds_at_head(&self, node: &Id, command: &str) -> bool {
        let Some(proof) = &self.evidence.verified.proof else { return true };
        let superseded = |c: &&crate::proof::HeadCheck| {
            c.node == *node && c.command == command && !matches!(c.state, HeadState::Passed)
        };
        proof.checks.iter().find(superseded).is_none()
    }
}

fn item(name: &str, record: &CheckRecord) -> Item {
    let detail = if record.passed { String::new() } else { failure(record) };
    Item {
        name: name.to_owned(),
        command: Some(record.command.clone()),
        passed: record.passed,
        detail,
        output: record.stderr_tail.clone(),
        duration_ms: record.duration_ms,
    }
}
