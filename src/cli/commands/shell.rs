//! `auditrun shell NODE`: a shell in a kept worktree with the node's environment.

use std::ffi::OsString;

use crate::cli::args::Common;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::config::Role;
use crate::journal;
use crate::process::{self, Input, Job, Limits};
use crate::run::environment::Environment;
use crate::run::preflight;

/// Opens it and waits for its end.
///
/// # Errors
/// No such node, or none of its worktrees was kept.
pub fn run(common: &Common, node: &str, screen: &Screen) -> Result<Exit, Failure> {
    let project = Project::open(common)?;
    let Some(dir) = preflight::kept_worktree(&project.repo, node)? else {
        let help = "worktrees are kept for nodes that failed or are oversized; `auditrun status` names them";
        return Err(Failure::usage(format!("no worktree of node '{node}' is kept"), help));
    };
    let env = environment(&project, node, &dir)?;
    let shell = env.get("SHELL").unwrap_or("/bin/sh").to_owned();
    screen.say(&format!("{}: exit ends it; nothing that you change here is landed", dir.display()));
    let job = Job {
        program: OsString::from(shell),
        args: Vec::new(),
        cwd: dir,
        env: env.into_vec(),
        input: Input::Inherit,
        limits: Limits { timeout: None, first_output: None, stall: None, grace: project.config.grace.value },
        confine: None,
        quota: process::sandbox::Quota::default(),
        label: format!("shell {node}"),
    };
    process::run_interactive(&job)
        .map_err(|e| Failure::usage(e.to_string(), "set SHELL to a shell that is there"))?;
    Ok(Exit::Ok)
}

/// What the node's agent and checks saw, as far as the journal still tells it.
fn environment(project: &Project, node: &str, dir: &std::path::Path) -> Result<Environment, Failure> {
    let bad = |e: String| Failure::Usage(e, None);
    let mut env = Environment::allowed(&project.environment);
    env.apply(&project.config.env, &project.environment).map_err(bad)?;
    let files = project.files_on_disk()?;
    if let Ok(examined) = preflight::examine(&project.input(&files))
        && let Some(planned) = examined.plan.nodes.iter().find(|n| n.node.id.as_str() == node)
    {
        env.apply(&planned.settings.env, &project.environment).map_err(bad)?;
        if let Some(agent) = project.config.agents.get(&planned.settings.agent.value) {
            env.apply(&agent.env, &project.environment).map_err(bad)?;
        }
    }
    let path = project.repo.root().join(project.layout.in_out(crate::base::names::JOURNAL));
    if let Ok(read) = journal::read(&path) {
        let state = journal::replay(&read.records);
        if let Some(start) = &state.start {
            env.set("AUDITRUN_RUN_ID", start.run_id.as_str());
        }
        if let Some(known) = state.nodes.iter().find(|n| n.id.as_str() == node) {
            env.set("AUDITRUN_ATTEMPT", known.attempts.len().to_string());
        }
    }
    env.set("AUDITRUN_ROLE", Role::Node.name());
    env.set("AUDITRUN_NODE_ID", node);
    env.set_path("AUDITRUN_WORKTREE", dir);
    env.set_path("AUDITRUN_BUNDLE", &project.repo.root().join(project.layout.bundle()));
    env.set_path("GIT_CEILING_DIRECTORIES", project.repo.root());
    Ok(env)
}
