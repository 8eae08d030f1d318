//! The examples for CI: the workflows' steps as GitHub's runner would take them (with stand-ins
//! for what installs programs and for `gh`), and the scripts that ask the gate before a merge.

#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail as they do.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use support::example::of_this_repository;
use support::{Outcome, World, program};

#[derive(Deserialize)]
struct Workflow {
    jobs: BTreeMap<String, Job>,
}

#[derive(Deserialize)]
struct Job {
    #[serde(default)]
    env: BTreeMap<String, String>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    name: Option<String>,
    id: Option<String>,
    #[serde(rename = "if")]
    condition: Option<String>,
    uses: Option<String>,
    run: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    with: BTreeMap<String, serde_json::Value>,
}

fn workflow(name: &str) -> Job {
    let path = format!("examples/github-actions/.github/workflows/{name}.yml");
    let text = fs::read_to_string(of_this_repository(&path)).unwrap();
    let read: Workflow = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(read.jobs.len(), 1);
    read.jobs.into_values().next().unwrap()
}

/// A runner: the values of `${{ … }}`, and the programs that a step finds first.
struct Runner<'w> {
    world: &'w World,
    dir: PathBuf,
    values: BTreeMap<String, String>,
    failed: bool,
    ran: Vec<String>,
}

impl<'w> Runner<'w> {
    /// In `dir`, with stand-ins for installers and `gh` that write down how they are called.
    fn new(world: &'w World, dir: &Path, values: &[(&str, &str)]) -> Runner<'w> {
        for name in ["cargo", "npm", "gh"] {
            let script = format!("#!/bin/sh\nprintf '%s\\n' \"{name} $*\" >>\"$CALLS\"\n");
            program(world.around(), &format!("stand-ins/{name}"), script);
        }
        let values = values.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Runner { world, dir: dir.to_owned(), values, failed: false, ran: Vec::new() }
    }

    fn filled(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${{") {
            let (name, after) = after.split_once("}}").unwrap();
            let value = self.values.get(name.trim()).unwrap_or_else(|| panic!("no value for {name:?}"));
            out.push_str(before);
            out.push_str(value);
            rest = after;
        }
        out + rest
    }

    /// The few forms of conditions that the workflows use.
    fn holds(&self, condition: Option<&str>) -> bool {
        let Some(condition) = condition else { return !self.failed };
        let (always, rest) = match condition.strip_prefix("always()") {
            Some(rest) => (true, rest.trim_start_matches(" && ")),
            None => (false, condition),
        };
        let value = |name: &str| self.values.get(name).cloned().unwrap_or_default();
        let rest_holds = if rest.is_empty() {
            true
        } else if let Some((name, wanted)) = rest.split_once(" == ") {
            value(name) == wanted.trim_matches('\'')
        } else if let Some((name, wanted)) = rest.split_once(" != ") {
            value(name) != wanted.trim_matches('\'')
        } else if let Some(inner) = rest.strip_prefix("startsWith(").and_then(|r| r.strip_suffix(')')) {
            let (name, prefix) = inner.split_once(", ").unwrap();
            value(name).starts_with(prefix.trim_matches('\''))
        } else {
            panic!("the runner of this test does not know {rest:?}")
        };
        (always || !self.failed) && rest_holds
    }

    /// Takes a job's steps in order and returns everything that they printed.
    fn take(&mut self, job: &Job) -> String {
        let mut printed = String::new();
        for step in &job.steps {
            let (Some(run), true) = (&step.run, self.holds(step.condition.as_deref())) else { continue };
            self.ran.push(step.name.clone().unwrap_or_default());
            let outputs = self.world.around().join("outputs");
            fs::write(&outputs, "").unwrap();
            let bin = Path::new(env!("CARGO_BIN_EXE_auditrun")).parent().unwrap();
            let stand_ins = self.world.around().join("stand-ins");
            let path =
                format!("{}:{}:{}", stand_ins.display(), bin.display(), std::env::var("PATH").unwrap());
            let mut call = self.world.program("bash");
            call.current_dir(&self.dir).args(["-e", "-o", "pipefail", "-c", &self.filled(run)]);
            call.env("PATH", path).env("CALLS", self.world.around().join("calls"));
            call.env("CI", "true").env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", &outputs);
            call.env("GITHUB_STEP_SUMMARY", self.world.around().join("summary.md"));
            call.env("GITHUB_BASE_REF", "main").env("GITHUB_EVENT_NAME", "workflow_dispatch");
            call.envs(job.env.iter().chain(&step.env).map(|(n, v)| (n, self.filled(v))));
            let ended = Outcome::of(call.output().unwrap());
            printed.push_str(&ended.all());
            self.failed |= ended.code != 0;
            if let Some(id) = &step.id {
                for line in fs::read_to_string(&outputs).unwrap().lines() {
                    let (name, value) = line.split_once('=').unwrap();
                    self.values.insert(format!("steps.{id}.outputs.{name}"), value.to_owned());
                }
            }
        }
        printed
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.world.around().join("calls")).unwrap_or_default()
    }
}

/// The quickstart's project with a remote beside it.
fn with_a_remote() -> World {
    let world = World::of_example("quickstart");
    world.sh("git init -q --bare ../remote.git");
    world.git("remote add origin ../remote.git");
    world.git("push -q origin main");
    world
}

const SECRETS: [(&str, &str); 3] =
    [("github.token", ""), ("secrets.ANTHROPIC_API_KEY", ""), ("github.head_ref", "")];

#[test]
fn the_audit_workflow_runs_keeps_pushes_and_proposes() {
    let world = with_a_remote();
    let job = workflow("audit");
    let mut runner = Runner::new(&world, &world.repo, &SECRETS);
    let printed = runner.take(&job);
    assert!(!runner.failed, "{printed}");
    let run_id = runner.values["steps.audit.outputs.run-id"].clone();
    assert_eq!(runner.values["steps.audit.outputs.verdict"], "proven");
    let remote = world.git("ls-remote origin");
    for name in [format!("refs/heads/audit/run-{run_id}"), format!("refs/auditrun-proof/{run_id}")] {
        assert!(remote.contains(&name), "{remote}");
    }
    let calls = runner.calls();
    assert!(calls.contains(&format!("gh pr create --base main --head audit/run-{run_id}")), "{calls}");
    assert!(fs::read_to_string(world.around().join("summary.md")).unwrap().contains("proven"));
    // What the artifact's step takes is there, the report at its root.
    let kept = job.steps.iter().find(|s| s.uses.as_deref().is_some_and(|u| u.contains("upload-artifact")));
    let kept = kept.unwrap();
    assert_eq!(kept.condition.as_deref(), Some("always()"));
    assert_eq!(kept.with["name"], "audit-report");
    assert!(world.repo.join(kept.with["path"].as_str().unwrap()).join("report.md").is_file());
}

#[test]
fn a_run_that_fails_is_kept_and_pushed_and_not_proposed() {
    let world = with_a_remote();
    program(&world.repo, "tools/replay-agent", "#!/bin/sh\nexit 1\n");
    world.commit("an agent that does nothing");
    let mut runner = Runner::new(&world, &world.repo, &SECRETS);
    let printed = runner.take(&workflow("audit"));
    assert!(runner.failed, "{printed}");
    assert!(printed.contains("::error"), "{printed}");
    assert_eq!(runner.ran.last().map(String::as_str), Some("Push the branch"));
    assert!(!runner.calls().contains("gh "), "{}", runner.calls());
    assert!(world.out().join("audit/report.md").is_file());
}

/// A clone as CI's checkout makes it, without the audit branch and its proof.
fn clone_of(world: &World) -> PathBuf {
    world.sh("git clone -q ../remote.git ../ci && cd ../ci && git remote set-url origin ../remote.git");
    world.around().join("ci")
}

#[test]
fn the_gate_workflow_proves_it_again_in_a_fresh_clone() {
    let world = with_a_remote();
    Runner::new(&world, &world.repo, &SECRETS).take(&workflow("audit"));
    let ci = clone_of(&world);
    let branch = world.branch();
    let mut runner = Runner::new(&world, &ci, &[("github.head_ref", &branch)]);
    let printed = runner.take(&workflow("gate"));
    assert!(!runner.failed, "{printed}");
    assert_eq!(runner.ran, ["Install auditrun", "Fetch the branch and its proof", "Gate"]);
    // Somebody adds to the branch what no node has done.
    world.sh(&format!(
        "git worktree add -q ../more {branch} && cd ../more && echo x >x && git add x && git commit -qm x"
    ));
    world.git(&format!("push -q origin {branch}"));
    let printed = runner.take(&workflow("gate"));
    assert!(runner.failed && printed.contains("::error"), "{printed}");
}

#[test]
fn pull_requests_of_people_pass_the_gate_workflow() {
    let world = with_a_remote();
    let mut runner = Runner::new(&world, &world.repo, &[("github.head_ref", "feature/x")]);
    runner.take(&workflow("gate"));
    assert!(!runner.failed && runner.ran.is_empty());
}

#[test]
fn the_hook_lets_out_what_is_proven_and_nothing_else_of_a_run() {
    let world = with_a_remote();
    let hook = fs::read_to_string(of_this_repository("examples/pre-merge/pre-push")).unwrap();
    let bin = Path::new(env!("CARGO_BIN_EXE_auditrun")).parent().unwrap();
    let hook = hook.replace("set -eu\n", &format!("set -eu\nPATH={}:$PATH\n", bin.display()));
    program(&world.repo, ".git/hooks/pre-push", hook);
    world.run().exits(0);
    let branch = world.branch();
    let push = |refs: &str| {
        let mut call = world.program("git");
        call.current_dir(&world.repo).args(["push", "-q", "origin"]).args(refs.split(' '));
        Outcome::of(call.output().unwrap())
    };
    push(&branch).exits(0).says(&["asking the gate"]);
    // People's own work is not held up.
    world.sh("echo more >>index.md && git commit -qam 'By hand'");
    push("main").exits(0).says_nothing_of(&["asking the gate"]);
    // A run's commit with something of somebody else's on top is not.
    world.sh(&format!("git worktree add -q ../more {branch} && cd ../more && echo x >x && git add x"));
    world.sh("cd ../more && git commit -qm 'Sneaked in'");
    world.git(&format!("update-ref -d refs/remotes/origin/{branch}"));
    push(&branch).exits(1).says(&["refused"]);
}

#[test]
fn the_gate_script_fetches_what_it_needs() {
    let world = with_a_remote();
    Runner::new(&world, &world.repo, &SECRETS).take(&workflow("audit"));
    let ci = clone_of(&world);
    let script = of_this_repository("examples/pre-merge/gate.sh");
    let bin = Path::new(env!("CARGO_BIN_EXE_auditrun")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut call = world.program("sh");
    call.current_dir(&ci).env("PATH", path).arg(&script);
    call.args([&world.branch(), "origin/main", "--format", "json"]);
    let ended = Outcome::of(call.output().unwrap());
    ended.exits(0);
    assert_eq!(ended.json()["passed"], true);
}
