//! A throw-away repository with a small bundle and a scripted agent, driven through the
//! program itself: hermetic, without network or the operator's configuration.
#![allow(dead_code)] // Each test file uses its part.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// Only against hanging.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct RunWorld {
    dir: tempfile::TempDir,
}

/// What a command came to.
pub struct Ran {
    pub status: ExitStatus,
    pub text: String,
}

impl Ran {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub fn killed(&self) -> bool {
        self.status.signal() == Some(9)
    }

    #[track_caller]
    pub fn expect(self, code: i32) -> Ran {
        assert_eq!(self.code(), Some(code), "{}", self.text);
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = [output.stdout, output.stderr].concat();
        Ran { status: output.status, text: String::from_utf8_lossy(&text).into_owned() }
    }
}

/// A node: id, the agent's script, its check, what it waits for.
pub struct Spec(pub &'static str, pub &'static str, pub &'static str, pub &'static [&'static str]);

impl RunWorld {
    pub fn new(nodes: &[Spec]) -> RunWorld {
        let world = RunWorld { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(world.root()).unwrap();
        std::fs::create_dir_all(world.tmp()).unwrap();
        world.git(&["init", "-q", "-b", "main"]);
        world.write("README.md", "hello\n");
        world.bundle(nodes, "");
        let agents = world.agents();
        std::fs::create_dir_all(&agents).unwrap();
        let agent = agents.join("agent.sh");
        std::fs::write(
            &agent,
            // A node's agent, or that of another role.
            format!(
                "#!/bin/sh\ncat >/dev/null\ncase $AUDITRUN_ROLE in node) is=$AUDITRUN_NODE_ID;; *) is=$AUDITRUN_ROLE;; esac\nexec sh {}/$is.sh\n",
                agents.display()
            ),
        )
        .unwrap();
        std::fs::set_permissions(&agent, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        world.write(
            "audit.kdl",
            &format!(
                // The scripts leave signs beside themselves, which is outside of every worktree.
                "agent \"fake\" adapter=\"exec\" default=#true {{\n    command \"{}\"\n}}\nsandbox \"auto\" {{\n    write \"{}\"\n}}\n",
                agent.display(),
                agents.display()
            ),
        );
        world.commit("base");
        world
    }

    /// A and X were at work at once when the harness was killed: A has landed and the journal does
    /// not know, X has changed files that were not captured.
    pub fn half_done() -> RunWorld {
        let a = Spec("A", "echo a > A.txt", "test -f A.txt", &[]);
        let x = Spec("X", "echo x > X.txt", "test -f X.txt", &[]);
        let done = [(a.0, a.1), (x.0, x.1)];
        let world = RunWorld::new(&[a, x]);
        let up = world.agents().join("up").display().to_string();
        world.script("A", &format!("until test -e {up}; do sleep 0.01; done; echo a > A.txt"));
        world.script("X", &format!("echo half > X.txt; touch {up}; sleep 1000"));
        assert!(world.run_with_fault("journal=landed:1", &["run"]).killed());
        world.wait_until("its programs are gone", || world.processes().is_empty());
        done.iter().for_each(|(node, script)| world.script(node, script));
        world
    }

    /// The repository.
    pub fn root(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where scratch directories are made.
    pub fn tmp(&self) -> PathBuf {
        self.dir.path().join("tmp")
    }

    pub fn agents(&self) -> PathBuf {
        self.dir.path().join("agents")
    }

    pub fn out(&self, path: &str) -> PathBuf {
        self.root().join("docs/audit").join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn script(&self, node: &str, text: &str) {
        std::fs::create_dir_all(self.agents()).unwrap();
        std::fs::write(self.agents().join(format!("{node}.sh")), format!("set -e\n{text}\n")).unwrap();
    }

    /// Adds lines to audit.kdl and commits.
    pub fn configure(&self, lines: &str) {
        let file = self.root().join("audit.kdl");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, format!("{text}{lines}\n")).unwrap();
        self.commit("configure");
    }

    /// Writes the bundle; `questions` are lines of its open questions.
    pub fn bundle(&self, nodes: &[Spec], questions: &str) {
        let deltas: String = nodes.iter().map(|n| format!("- **D-{0}**: do {0}\n", n.0)).collect();
        self.write("docs/audit/state.md", &format!(
            "# State\n\n## Architecture\nA test.\n\n## Invariants\n- **INV-1**: the readme stays\n  - check: `test -f README.md`\n\n## Open questions\n{questions}\n## Delta to done\n{deltas}"
        ));
        let mut graph = "# Graph\n\n".to_owned();
        for Spec(id, agent, check, deps) in nodes {
            graph.push_str(&format!("### {id}: add {id}\n- touches: `{id}.txt`\n"));
            if !deps.is_empty() {
                graph.push_str(&format!("- depends_on: {}\n", deps.join(", ")));
            }
            graph.push_str(&format!("- parallel_safe: true\n- estimated_loc: 5\n- closes: D-{id}\n\n"));
            self.write(&format!("docs/audit/prompts/{id}.md"), &format!(
                "# {id}\n<scope_envelope><success>{id} is there.</success><failure_modes>Anything else changes.</failure_modes></scope_envelope>\n<constraints>INV-1</constraints>\n<done_when>\n<check>{check}</check>\n</done_when>\n"
            ));
            self.script(id, agent);
        }
        self.write("docs/audit/graph.md", &graph);
    }

    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.root())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.dir.path())
            .env("TMPDIR", self.tmp())
            .env("LANG", "C.UTF-8")
            .env("NO_COLOR", "1")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in [("NAME", "Op"), ("EMAIL", "op@example.com")] {
            command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        command
    }

    pub fn git(&self, args: &[&str]) -> String {
        let output = self.command("git").args(args).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
    }

    pub fn auditrun(&self, args: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_auditrun"));
        command.args(args);
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.auditrun(args).output().unwrap().into()
    }

    /// The same with a fault asked for.
    pub fn run_with_fault(&self, fault: &str, args: &[&str]) -> Ran {
        self.auditrun(args).env("AUDITRUN_FAULT", fault).output().unwrap().into()
    }

    /// The same, and the steps that were passed before: kind and what it was about.
    pub fn run_with_steps(&self, fault: &str, args: &[&str]) -> (Ran, Vec<(String, String)>) {
        let log = self.dir.path().join("steps");
        let _ = std::fs::remove_file(&log);
        let mut command = self.auditrun(args);
        let ran = command.env("AUDITRUN_FAULT", fault).env("AUDITRUN_FAULT_LOG", &log).output().unwrap();
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let step = |line: &str| line.split_once(' ').map(|(kind, what)| (kind.to_owned(), what.to_owned()));
        (ran.into(), text.lines().filter_map(step).collect())
    }

    pub fn start(&self, args: &[&str]) -> Child {
        self.auditrun(args).spawn().unwrap()
    }

    /// The audit branch's name, if there is one.
    pub fn branch(&self) -> Option<String> {
        let all = self.git(&["for-each-ref", "--sort=-refname", "--format=%(refname)", "refs/heads/audit/"]);
        all.lines().next().map(str::to_owned)
    }

    /// Every file of the branch but audit.kdl, which names this world's directory.
    pub fn tree(&self) -> String {
        let all = self.git(&["ls-tree", "-r", &self.branch().unwrap()]);
        all.lines().filter(|l| !l.ends_with("audit.kdl")).collect::<Vec<_>>().join("\n")
    }

    pub fn subjects(&self) -> Vec<String> {
        let log =
            self.git(&["log", "--reverse", "--format=%s", &format!("main..{}", self.branch().unwrap())]);
        log.lines().map(str::to_owned).collect()
    }

    pub fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.out(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    pub fn json(&self, path: &str) -> serde_json::Value {
        serde_json::from_str(&self.text(path)).unwrap()
    }

    /// `run_started`, `dispatched` … in order.
    pub fn events(&self) -> Vec<serde_json::Value> {
        self.text("runs/events.jsonl").lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    pub fn dispatches(&self) -> Vec<(String, u64)> {
        let dispatched = self.events().into_iter().filter(|e| e["type"] == "dispatched");
        dispatched.map(|e| (e["node"].as_str().unwrap().to_owned(), e["attempt"].as_u64().unwrap())).collect()
    }

    /// Nothing of a run is left but its branch, refs and artifacts.
    #[track_caller]
    pub fn assert_clean(&self, what: &str) {
        let worktrees = self.git(&["worktree", "list", "--porcelain"]);
        let others = worktrees.lines().filter(|l| l.starts_with("worktree ")).skip(1).count();
        assert_eq!(others, 0, "{what}: {worktrees}");
        let left = std::fs::read_dir(self.root().join(".worktrees")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "{what}: .worktrees is not empty");
        let locks = locks(&self.root().join(".git"));
        assert_eq!(locks, Vec::<PathBuf>::new(), "{what}");
        let held = std::fs::read_to_string(self.root().join(".git/auditrun.lock")).unwrap();
        assert_eq!(held, "", "{what}: the lock was not given back");
        assert_eq!(names(&self.tmp()), [""; 0], "{what}: scratch directories");
        assert_eq!(names(&self.root().join(".git/worktrees")), [""; 0], "{what}: registered worktrees");
        self.git(&["fsck", "--no-dangling", "--strict"]);
        assert_eq!(self.git(&["status", "--porcelain"]), "", "{what}");
        self.wait_until(&format!("{what}: no process is left"), || self.processes().is_empty());
    }

    /// Command lines of processes that name this world there or in their environment.
    pub fn processes(&self) -> Vec<String> {
        let mark = self.dir.path().to_string_lossy().into_owned();
        let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let read = |dir: &Path, name: &str| {
            let bytes = std::fs::read(dir.join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).replace('\0', " ")
        };
        let lines = all.map(|e| (read(&e.path(), "cmdline"), read(&e.path(), "environ")));
        lines
            .filter(|(line, env)| line.contains(&mark) || env.contains(&mark))
            .map(|(line, _)| line)
            .collect()
    }

    #[track_caller]
    pub fn wait_until(&self, what: &str, mut done: impl FnMut() -> bool) {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect()
}

fn locks(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(locks(&path));
        } else if path.extension().is_some_and(|e| e == "lock") && !path.ends_with("auditrun.lock") {
            found.push(path);
        }
    }
    found
}
