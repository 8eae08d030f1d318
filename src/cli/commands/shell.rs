//! `auditrun shell NODE`: a shell in a kept worktree with the node's environment, in the
//! sandbox of its checks.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::cli::args::Common;
use crate::cli::control;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::cli::session;
use crate::config::Role;
use crate::journal::{self, Attempt, NodeState};
use crate::plan::PlannedNode;
use crate::process::{self, Input, Job, Limits};
use crate::run::containment::Containment;
use crate::run::environment::{self, Environment};
use crate::run::{preflight, prompt};

/// What is known of the node, from the bundle as it is now and from the journal.
struct Known {
    planned: Option<PlannedNode>,
    run_id: Option<String>,
    node: Option<NodeState>,
}

/// Opens it and waits for its end.
///
/// # Errors
/// No such node, or none of its worktrees was kept.
pub fn run(common: &Common, node: &str, screen: &Screen) -> Result<Exit, Failure> {
    let project = Project::open(common)?;
    screen.mask(project.masker());
    let Some(dir) = preflight::kept_worktree(&project.repo, node)? else {
        let help = "worktrees are kept for nodes that failed or are oversized; `auditrun status` names them";
        return Err(Failure::usage(format!("no worktree of node '{node}' is kept"), help));
    };
    let private = session::scratch()?;
    let tmp = private.path().join("tmp");
    std::fs::create_dir(&tmp).map_err(|e| Failure::Internal(format!("can't make {}: {e}", tmp.display())))?;
    project.sandbox_or_refuse(screen)?;
    let known = Known::of(&project, node);
    let mut env = known.environment(&project)?;
    if let Some(prompt) = known.prompt(&project, private.path())? {
        env.set_path("AUDITRUN_PROMPT_FILE", &prompt);
    }
    env.set_private(&tmp);
    env.set("AUDITRUN_NODE_ID", node);
    env.set_path("AUDITRUN_WORKTREE", &dir);
    let containment = Containment::new(&project.config, &project.environment, project.repo.root());
    screen.say(&welcome(&dir, containment.enforced()));
    let job = Job {
        program: OsString::from(env.get("SHELL").unwrap_or("/bin/sh")),
        args: Vec::new(),
        confine: containment.for_check(&dir, &tmp),
        cwd: dir,
        env: env.into_vec(),
        input: Input::Inherit,
        limits: Limits { timeout: None, first_output: None, stall: None, grace: project.config.grace.value },
        quota: process::sandbox::Quota::default(),
        label: format!("shell {node}"),
    };
    process::run_interactive(&job)
        .map_err(|e| Failure::usage(e.to_string(), "set SHELL to a shell that is there"))?;
    Ok(Exit::Ok)
}

fn welcome(dir: &Path, confined: bool) -> String {
    let sandbox = if confined {
        "in the sandbox of the node's checks: outside of this directory and $TMPDIR nothing can be written"
    } else {
        "without a sandbox: what you start here may be an agent's work, and runs as you"
    };
    format!("{}: {sandbox}. exit ends it; nothing that you change here is landed", dir.display())
}

impl Known {
    fn of(project: &Project, node: &str) -> Known {
        let planned = project.files_on_disk().ok().and_then(|files| {
            let examined = preflight::read(&project.input(&files)).ok()?;
            examined.plan.nodes.into_iter().find(|n| n.node.id.as_str() == node)
        });
        let path = project.repo.root().join(project.layout.in_out(crate::base::names::JOURNAL));
        let state = journal::read(&path).map(|read| journal::replay(&read.records)).ok();
        Known {
            planned,
            run_id: state.as_ref().and_then(|s| Some(s.start.as_ref()?.run_id.to_string())),
            node: state.and_then(|s| s.nodes.into_iter().find(|n| n.id.as_str() == node)),
        }
    }

    fn attempt(&self) -> Option<&Attempt> {
        self.node.as_ref()?.last_attempt()
    }

    /// What the node's agent saw, in the same order.
    fn environment(&self, project: &Project) -> Result<Environment, Failure> {
        let bad = |e: String| Failure::Usage(e, None);
        let operator = &project.environment;
        let mut env = Environment::allowed(operator);
        env.apply(&project.config.env, operator).map_err(bad)?;
        if let Some(planned) = &self.planned {
            env.apply(&planned.settings.env, operator).map_err(bad)?;
            if let Some(agent) = project.config.agents.get(&planned.settings.agent.value) {
                env.apply(&agent.env, operator).map_err(bad)?;
            }
        }
        if let Some(run_id) = &self.run_id {
            env.set("AUDITRUN_RUN_ID", run_id);
        }
        let (number, ports) = self.attempt().map_or((1, None), |a| (a.number, a.port_base));
        env.set("AUDITRUN_ROLE", Role::Node.name());
        env.set("AUDITRUN_ATTEMPT", number.to_string());
        env.set("AUDITRUN_PORT_BASE", ports.unwrap_or_else(|| environment::port_base(0)).to_string());
        env.set_path("AUDITRUN_BUNDLE", &project.repo.root().join(project.layout.bundle()));
        env.set_path("GIT_CEILING_DIRECTORIES", project.repo.root());
        Ok(env)
    }

    /// The newest attempt's prompt, in a file. `None` if the bundle does not have the node.
    fn prompt(&self, project: &Project, private: &Path) -> Result<Option<PathBuf>, Failure> {
        let Some(planned) = &self.planned else { return Ok(None) };
        let cycle = self.attempt().and_then(|attempt| attempt.number.checked_sub(1)).filter(|n| *n > 0);
        let task = cycle.and_then(|cycle| {
            let name = format!("remediation/{}/cycle-{cycle}.md", planned.node.id.value);
            std::fs::read(project.repo.root().join(project.layout.in_out(&name))).ok()
        });
        let task = task.as_deref().unwrap_or(&planned.node.prompt.bytes);
        let file = private.join("prompt.md");
        // Those that its prompt held, as far as they are still on record.
        let given = self.attempt().map(|attempt| attempt.lessons.clone()).unwrap_or_default();
        let (mut lessons, _) = control::offered(project);
        lessons.retain(|lesson| given.contains(&lesson.lesson_id));
        std::fs::write(&file, prompt::for_node(&planned.node, &lessons, task))
            .map_err(|e| Failure::Internal(format!("can't write {}: {e}", file.display())))?;
        Ok(Some(file))
    }
}
