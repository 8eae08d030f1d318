//! A repository of an operator, hostile agents as shell scripts, and what to look at after
//! a run: the verdicts, the branch, the operator's files byte for byte, and who still lives.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use auditrun::process::sandbox;
use serde_json::Value;

/// No run here needs more, on however slow a machine, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(120);
/// Exit codes that the documentation knows.
const DOCUMENTED: [i32; 9] = [0, 1, 2, 3, 4, 5, 6, 7, 130];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sandbox {
    On,
    Off,
}

/// Both, or the one that this machine can do, which is said.
pub fn both() -> Vec<Sandbox> {
    if sandbox::support().available() {
        vec![Sandbox::On, Sandbox::Off]
    } else {
        eprintln!("skipped with the sandbox on: {}", sandbox::support());
        vec![Sandbox::Off]
    }
}

/// The sandbox, where there is one.
pub fn on() -> Vec<Sandbox> {
    both().into_iter().filter(|mode| *mode == Sandbox::On).collect()
}

pub struct World {
    dir: tempfile::TempDir,
    mode: Sandbox,
    nodes: Vec<(String, String, String)>,
    kdl: String,
    question: Option<String>,
    env: Vec<(String, String)>,
    /// Something of the operator's is to be changed by the run.
    tampers: bool,
    /// auditrun is run as this user instead of as root.
    user: Option<u32>,
}

pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl World {
    pub fn new(mode: Sandbox) -> World {
        let dir = tempfile::tempdir().unwrap();
        let world = World {
            dir,
            mode,
            nodes: Vec::new(),
            kdl: String::new(),
            question: None,
            env: Vec::new(),
            tampers: false,
            user: None,
        };
        for (path, text) in [
            ("repo/README.md", "hello\n"),
            ("repo/src/a.txt", "a\n"),
            ("repo/tests/check.sh", "exit 1\n"),
            ("repo/.gitignore", "target/\n"),
            (
                "home/.gitconfig",
                "[user]\n name = Op\n email = op@example.com\n[init]\n defaultBranch = main\n",
            ),
            ("home/.bashrc", "# mine\n"),
            ("home/.ssh/id", "PRIVATE-KEY\n"),
            ("home/.cargo/bin/tool", "#!/bin/sh\n"),
            ("home/notes", "READABLE\n"),
            ("outside/file", "theirs\n"),
            ("tmp/.keep", ""),
        ] {
            world.write(path, text);
        }
        world.git("init -q");
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn repo(&self) -> PathBuf {
        self.path("repo")
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// A node with its agent's script and its check; it may touch `<id>.out`.
    pub fn node(mut self, id: &str, script: &str, check: &str) -> World {
        self.write(&format!("agents/{id}.sh"), &self.fill(script));
        self.nodes.push((id.to_owned(), self.fill(check), String::new()));
        self
    }

    /// More lines for the node that was added last.
    pub fn with(mut self, lines: &str) -> World {
        self.nodes.last_mut().unwrap().2 = lines.to_owned();
        self
    }

    pub fn kdl(mut self, text: &str) -> World {
        self.kdl = self.fill(text);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> World {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// An open question about src/a.txt, with the script that answers it.
    pub fn question(mut self, script: &str) -> World {
        self.write("agents/resolver.sh", &self.fill(script));
        self.write("agents/arbiter.sh", "echo '{\"contradicts\": [], \"why\": \"none\"}'\n");
        self.question = Some("- **Q-1**: which?\n  - files: src/a.txt\n".to_owned());
        self
    }

    /// `@root`, `@home`, `@repo` and `@git` stand for the paths.
    fn fill(&self, text: &str) -> String {
        let path = |name: &str| self.path(name).to_string_lossy().into_owned();
        text.replace("@git", &path("repo/.git"))
            .replace("@repo", &path("repo"))
            .replace("@home", &path("home"))
            .replace("@root", path("").trim_end_matches('/'))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.repo()).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.path("home"));
        command.env("LANG", "C.UTF-8").env("TMPDIR", self.path("tmp"));
        command.envs(self.env.iter().map(|(k, v)| (k, v)));
        command
    }

    pub fn git(&self, words: &str) -> String {
        let out =
            self.command("git").args(["-c", "safe.directory=*"]).args(words.split(' ')).output().unwrap();
        assert!(out.status.success(), "git {words}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    /// This world's node is to change what is the operator's: the test looks at it itself.
    pub fn tampering(mut self) -> World {
        self.tampers = true;
        self
    }

    /// Where the tests run as root: auditrun is run by an ordinary user, to whom everything here
    /// belongs. Else, and where such a one can't start it, by whoever runs the tests.
    pub fn ordinary(mut self) -> World {
        const NOBODY: u32 = 65534;
        let mut version = Command::new(env!("CARGO_BIN_EXE_auditrun"));
        version.arg("--version").env_clear().current_dir("/").stdout(Stdio::null()).stderr(Stdio::null());
        if version.uid(NOBODY).gid(NOBODY).status().is_ok_and(|status| status.success()) {
            self.user = Some(NOBODY);
        }
        self
    }

    /// Writes the bundle, commits, runs, and checks what holds for every run: it ended in
    /// time, with a code that is documented, the operator's files are as before byte for byte,
    /// nothing landed but what nodes may touch, and no process or scratch directory is left.
    pub fn run(&self) -> Run {
        self.prepare();
        let before = self.operators();
        let run = self.auditrun("run");
        if !self.tampers {
            self.assert_contained(&before, &run);
        }
        let outputs: Vec<String> = self.nodes.iter().map(|(id, _, _)| format!("{id}.out")).collect();
        let landed = self.landed();
        assert!(landed.iter().all(|name| outputs.contains(name)), "{landed:?}");
        self.assert_nothing_left();
        run
    }

    /// Nobody who was started for this world, and no scratch directory.
    pub fn assert_nothing_left(&self) {
        assert_eq!(with_home(&self.path("home")), Vec::<String>::new());
        let scratch = fs::read_dir(self.path("tmp")).unwrap().flatten().map(|e| e.file_name());
        let scratch: Vec<_> = scratch.filter(|name| name != ".keep").collect();
        assert!(scratch.is_empty(), "{scratch:?}");
    }

    pub fn auditrun(&self, words: &str) -> Run {
        self.end(self.call(words))
    }

    /// The program, as this world calls it.
    pub fn call(&self, words: &str) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_auditrun"));
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command.args(words.split(' '));
        command
    }

    /// Waits for the end of a call.
    pub fn end(&self, mut command: Command) -> Run {
        let (out, err) = (self.path("stdout"), self.path("stderr"));
        command.stdout(fs::File::create(&out).unwrap()).stderr(fs::File::create(&err).unwrap());
        let mut child = command.spawn().unwrap();
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > PATIENCE {
                child.kill().unwrap();
                panic!("no end: {}", fs::read_to_string(&err).unwrap());
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        let run = Run { code: status.code().unwrap_or(-1), out: text(&out), err: text(&err) };
        assert!(DOCUMENTED.contains(&run.code), "exit {}: {}", run.code, run.err);
        run
    }

    pub fn prepare(&self) {
        let agent = self.path("agents/agent.sh");
        self.write("agents/agent.sh", &self.fill(AGENT));
        fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).unwrap();
        let mode = if self.mode == Sandbox::On { "required" } else { "off" };
        let sandbox =
            if self.kdl.contains("sandbox ") { String::new() } else { format!("sandbox \"{mode}\"\n") };
        let remediation = if self.kdl.contains("remediation ") { "" } else { "remediation 0\n" };
        let agents = format!(
            "bundle \"docs/audit\"\nagent \"fake\" adapter=\"exec\" default=#true {{\n command \"{}\"\n}}\n{sandbox}{remediation}{}\n",
            agent.display(),
            self.kdl
        );
        self.write("repo/audit.kdl", &agents);
        let mut graph = String::from("# Graph\n\n");
        let mut delta = String::new();
        for (id, check, more) in &self.nodes {
            graph.push_str(&format!("### {id}: add {id}\n- touches: `{id}.out`\n- parallel_safe: true\n- estimated_loc: 10\n- closes: D-{id}\n{more}\n"));
            delta.push_str(&format!("- **D-{id}**: do {id}\n"));
            self.write(&format!("repo/docs/audit/prompts/{id}.md"), &format!("# {id}\n<scope_envelope><success>{id} is there.</success><failure_modes>Anything else.</failure_modes></scope_envelope>\n<done_when>\n<check>{check}</check>\n</done_when>\n"));
        }
        let questions = self.question.clone().unwrap_or_default();
        self.write("repo/docs/audit/graph.md", &graph);
        self.write("repo/docs/audit/state.md", &format!("# State\n\n## Architecture\nA test.\n\n## Invariants\n- **INV-0**: holds\n  - check: `true`\n\n## Open questions\n{questions}\n## Delta to done\n{delta}"));
        self.git("add -A");
        self.git("commit -q -m base");
        if let Some(user) = self.user {
            self.give(&self.path(""), user);
        }
    }

    fn give(&self, path: &Path, user: u32) {
        std::os::unix::fs::lchown(path, Some(user), Some(user)).unwrap();
        if path.symlink_metadata().unwrap().is_dir() {
            fs::read_dir(path).unwrap().flatten().for_each(|entry| self.give(&entry.path(), user));
        }
    }

    /// What belongs to the operator: files, and in the git directory whatever is not ours.
    pub fn operators(&self) -> BTreeMap<String, (u32, Vec<u8>)> {
        let mut found = BTreeMap::new();
        self.collect(&self.path(""), &mut found);
        found
    }

    fn collect(&self, dir: &Path, found: &mut BTreeMap<String, (u32, Vec<u8>)>) {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(self.path("")).unwrap().to_string_lossy().into_owned();
            let ours = |place: &&str| name == **place || name.starts_with(&format!("{place}/"));
            if OURS.iter().any(ours) || name.starts_with("repo/docs/audit/audit-report") {
                continue;
            }
            let meta = path.symlink_metadata().unwrap();
            if meta.is_dir() {
                self.collect(&path, found);
            } else if meta.is_file() {
                found.insert(name, (meta.permissions().mode(), fs::read(&path).unwrap()));
            } else {
                found.insert(name, (meta.permissions().mode(), Vec::new()));
            }
        }
    }

    pub fn artifact(&self, name: &str) -> String {
        self.read(&format!("repo/docs/audit/{name}"))
    }

    pub fn verdict(&self, id: &str) -> Value {
        serde_json::from_str(&self.artifact(&format!("runs/{id}/verification.json"))).unwrap()
    }

    pub fn status(&self, id: &str) -> String {
        self.verdict(id)["status"].as_str().unwrap().to_owned()
    }

    pub fn reason(&self, id: &str) -> String {
        self.verdict(id)["reason"].as_str().unwrap().to_owned()
    }

    pub fn log(&self, id: &str) -> String {
        self.artifact(&format!("runs/{id}/agent.log"))
    }

    /// What the branch has and the operator's commit has not.
    pub fn landed(&self) -> Vec<String> {
        let branch = self.git("for-each-ref --format=%(refname) refs/heads/audit/run-*");
        if branch.is_empty() {
            return Vec::new();
        }
        let names = self.git(&format!("diff --name-only HEAD {}", branch.lines().next().unwrap()));
        names.lines().map(str::to_owned).collect()
    }

    /// Runs a node A that prints WROTE for each way out that it finds, and asserts that it found
    /// none, did its work all the same, and left nothing else.
    pub fn assert_nothing_escapes(&self) {
        self.prepare();
        let before = self.operators();
        let run = self.auditrun("run");
        assert_eq!(run.code, 0, "{}\n{}", run.err, self.log("A"));
        assert!(!self.log("A").contains("WROTE"), "{}", self.log("A"));
        self.assert_contained(&before, &run);
        assert_eq!(self.landed(), ["A.out"]);
    }

    /// Asserts that the one who was run could do nothing that shows.
    pub fn assert_contained(&self, before: &BTreeMap<String, (u32, Vec<u8>)>, run: &Run) {
        let after = self.operators();
        let names: Vec<&String> = before.keys().chain(after.keys()).collect();
        let changed: Vec<&&String> = names.iter().filter(|n| before.get(**n) != after.get(**n)).collect();
        assert!(changed.is_empty(), "{:?}: changed {changed:?}\n{}", self.mode, run.err);
    }
}

/// Places of the harness below the world, and of the test itself.
const OURS: [&str; 19] = [
    "tmp",
    "stdout",
    "stderr",
    "repo/.worktrees",
    "repo/.auditrun",
    "repo/.git/worktrees",
    "repo/.git/objects",
    "repo/.git/logs",
    "repo/.git/refs/heads/audit",
    "repo/.git/refs/auditrun",
    "repo/.git/refs/auditrun-proof",
    "repo/.git/info/exclude",
    "repo/.git/auditrun.lock",
    "repo/docs/audit/preflight",
    "repo/docs/audit/resolutions",
    "repo/docs/audit/runs",
    "repo/docs/audit/remediation",
    "repo/docs/audit/audit",
    "repo/docs/audit/.history",
];

const AGENT: &str = r#"#!/bin/sh
cat >/dev/null
[ "$AUDITRUN_ROLE" = node ] || exec sh "@root/agents/$AUDITRUN_ROLE.sh"
exec sh "@root/agents/$AUDITRUN_NODE_ID.sh"
"#;

/// Command lines of living processes with this home.
fn with_home(home: &Path) -> Vec<String> {
    let mark = format!("HOME={}", home.display());
    let lines = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let env = fs::read(entry.path().join("environ")).ok()?;
        let here = env.split(|b| *b == 0).any(|variable| variable == mark.as_bytes());
        here.then(|| {
            String::from_utf8_lossy(&fs::read(entry.path().join("cmdline")).unwrap_or_default()).into_owned()
        })
    });
    lines.collect()
}

/// Processes whose command line holds the mark.
pub fn alive(mark: &str) -> Vec<String> {
    let lines = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.contains(mark).then_some(line)
    });
    lines.collect()
}
