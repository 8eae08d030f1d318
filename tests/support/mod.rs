//! A throw-away repository with a bundle and scripted agents, and the calls that drive the
//! real binary over it. Hermetic: a home of its own, a cleared environment, no system git
//! configuration. It refuses to look into the library: what it sees, any caller sees.
#![allow(dead_code, missing_docs)] // Each test file uses its own part.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers fail as tests do.

pub mod browser;
pub mod bundle;
pub mod example;
pub mod http;
pub mod outcome;
pub mod terminal;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub use bundle::Node;
pub use outcome::Outcome;

/// The directory of the bundle, and of the artifacts.
pub const BUNDLE: &str = "docs/audit";

pub struct World {
    dir: tempfile::TempDir,
    pub repo: PathBuf,
    /// Where the agents' scripts are: outside of every repository.
    pub agents: PathBuf,
    pub home: PathBuf,
    pub nodes: Vec<Node>,
    /// Further lines of audit.kdl.
    pub kdl: String,
    /// Further lines of the agent's block.
    pub agent_kdl: String,
    pub invariants: Vec<(String, Vec<String>)>,
    pub questions: Vec<(String, String, String)>,
    /// Deltas that no node closes.
    pub open_deltas: Vec<String>,
    /// The line end of the bundle's files.
    pub eol: &'static str,
    /// The operator's commit that a run starts from.
    pub base: String,
}

impl Default for World {
    fn default() -> World {
        World::new()
    }
}

impl World {
    /// README.md, src/a.txt and src/b.txt, not committed before [`World::build`].
    pub fn new() -> World {
        let world = World::empty();
        world.write("README.md", "hello\n");
        world.write("src/a.txt", "a\n");
        world.write("src/b.txt", "b\n");
        world
    }

    /// A repository without files and commits.
    pub fn empty() -> World {
        let dir = tempfile::Builder::new().prefix("auditrun-world-").tempdir().unwrap();
        let at = dir.path().canonicalize().unwrap();
        let [repo, agents, home] = ["repo", "agents", "home"].map(|n| at.join(n));
        [&repo, &agents, &home].into_iter().for_each(|d| fs::create_dir(d).unwrap());
        let config = "[user]\n\tname = Op\n\temail = op@example.com\n[init]\n\tdefaultBranch = main\n\
                      [commit]\n\tgpgsign = false\n[protocol \"file\"]\n\tallow = always\n";
        fs::write(home.join(".gitconfig"), config).unwrap();
        let world = World {
            dir,
            repo,
            agents,
            home,
            nodes: Vec::new(),
            kdl: String::new(),
            agent_kdl: String::new(),
            invariants: vec![("INV-0".to_owned(), vec!["true".to_owned()])],
            questions: Vec::new(),
            open_deltas: Vec::new(),
            eol: "\n",
            base: String::new(),
        };
        world.git("init -q");
        world
    }

    /// A world with one node `A` that writes `n` and is checked for it.
    pub fn with_one_node() -> World {
        let mut world = World::new();
        world.node("A").agent("echo 1 > n").touches(&["n"]).checks(&["test -f n"]);
        world.build();
        world
    }

    /// A new node; its defaults write nothing, touch `<id>.out`, close `D-<id>` and may run
    /// beside others.
    pub fn node(&mut self, id: &str) -> &mut Node {
        self.nodes.push(Node::new(id));
        self.nodes.last_mut().unwrap()
    }

    /// The script of another role than `node`.
    pub fn role(&self, role: &str, script: &str) -> &World {
        write(&self.agents, &format!("{role}.sh"), script);
        self
    }

    /// A resolver that answers question `Q-1`, with some keys replaced.
    pub fn resolver(&self, replaced: serde_json::Value) -> &World {
        let mut answer = serde_json::json!({
            "question_id": "Q-1", "evidence_paths": ["README.md"],
            "proposed_answer": "It is hello.", "confidence": 0.93, "contradicts": [],
        });
        for (key, value) in replaced.as_object().unwrap() {
            answer[key] = value.clone();
        }
        self.role("resolver", &format!("cat <<'X'\nthinking {{}}\n{answer}\nX\n"))
    }

    pub fn question(&mut self, id: &str, text: &str, files: &str) -> &mut World {
        self.questions.push((id.to_owned(), text.to_owned(), files.to_owned()));
        self
    }

    pub fn invariant(&mut self, id: &str, checks: &[&str]) -> &mut World {
        self.invariants.push((id.to_owned(), strings(checks)));
        self
    }

    /// Writes audit.kdl and the bundle, and commits everything.
    pub fn build(&mut self) -> &World {
        self.write_bundle();
        self.commit("base");
        self.base = self.git("rev-parse HEAD");
        self
    }

    pub fn commit(&self, message: &str) {
        self.git("add -A");
        let mut call = self.program("git");
        call.args(["commit", "-q", "--allow-empty", "-m", message]);
        Outcome::of(call.output().unwrap()).exits(0);
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        write(&self.repo, path, content);
    }

    pub fn read(&self, path: &str) -> String {
        read(&self.repo.join(path))
    }

    pub fn remove(&self, path: &str) {
        let path = self.repo.join(path);
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }

    /// git as the operator calls it; the arguments are read by a shell.
    pub fn git(&self, args: &str) -> String {
        self.sh(&format!("git {args}"))
    }

    /// A shell command of the operator's, in the repository.
    pub fn sh(&self, command: &str) -> String {
        self.sh_in(&self.repo, command)
    }

    pub fn sh_in(&self, dir: &Path, command: &str) -> String {
        let mut call = Command::new("sh");
        self.hermetic(&mut call).current_dir(dir).args(["-c", command]);
        let output = call.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {error}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    fn hermetic<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", &self.home).env("GIT_CONFIG_NOSYSTEM", "1").env("LANG", "C.UTF-8");
        for (name, below_home) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            // Where a toolchain is is a place, not a setting; checks of examples call cargo.
            let set = std::env::var_os(name).map(PathBuf::from);
            let place = set.or_else(|| Some(std::env::home_dir()?.join(below_home)));
            command.envs(place.filter(|p| p.is_dir()).map(|p| (name, p)));
        }
        command.env("NO_COLOR", "1").env("TERM", "dumb").stdin(Stdio::null())
    }

    /// Another program, ready to be called from the repository's root.
    pub fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut call = Command::new(program);
        self.hermetic(&mut call).current_dir(&self.repo);
        call
    }

    /// The directory around repository, agents and home.
    pub fn around(&self) -> &Path {
        self.repo.parent().unwrap()
    }

    /// The binary, ready to be called from the repository's root.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut call = Command::new(env!("CARGO_BIN_EXE_auditrun"));
        self.hermetic(&mut call).current_dir(&self.repo).args(args);
        call
    }

    pub fn call(&self, args: &[&str]) -> Outcome {
        Outcome::of(self.command(args).output().unwrap())
    }

    pub fn call_in(&self, dir: &Path, args: &[&str]) -> Outcome {
        Outcome::of(self.command(args).current_dir(dir).output().unwrap())
    }

    pub fn call_with(&self, env: &[(&str, &str)], args: &[&str]) -> Outcome {
        Outcome::of(self.command(args).envs(env.iter().copied()).output().unwrap())
    }

    pub fn run(&self) -> Outcome {
        self.call(&["run"])
    }

    pub fn start(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    pub fn out(&self) -> PathBuf {
        self.repo.join(BUNDLE)
    }

    /// An artifact as text.
    pub fn text(&self, artifact: &str) -> String {
        read(&self.out().join(artifact))
    }

    pub fn has(&self, artifact: &str) -> bool {
        self.out().join(artifact).exists()
    }

    pub fn json(&self, artifact: &str) -> serde_json::Value {
        serde_json::from_str(&self.text(artifact)).unwrap()
    }

    pub fn verification(&self, node: &str) -> serde_json::Value {
        self.json(&format!("runs/{node}/verification.json"))
    }

    pub fn status(&self, node: &str) -> String {
        self.verification(node)["status"].as_str().unwrap().to_owned()
    }

    pub fn reason(&self, node: &str) -> String {
        self.verification(node)["reason"].as_str().unwrap_or_default().to_owned()
    }

    pub fn iteration(&self) -> serde_json::Value {
        self.json("runs/.iteration-state.json")
    }

    pub fn termination(&self) -> String {
        self.iteration()["termination_reason"].as_str().unwrap_or("none").to_owned()
    }

    pub fn events(&self) -> Vec<serde_json::Value> {
        self.text("runs/events.jsonl").lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    /// The newest audit branch; empty if there is none.
    pub fn branch(&self) -> String {
        let found = self.git("for-each-ref --sort=-refname --format='%(refname:short)' 'refs/heads/audit/'");
        found.lines().next().unwrap_or_default().to_owned()
    }

    /// Subjects of the commits that the run made, oldest first.
    pub fn log(&self) -> Vec<String> {
        let range = format!("{}..{}", self.base, self.branch());
        self.git(&format!("log --reverse --format=%s {range}")).lines().map(str::to_owned).collect()
    }

    /// A file at the audit branch's head.
    pub fn landed(&self, path: &str) -> String {
        self.git(&format!("show {}:{path}", self.branch()))
    }

    /// Everything of the operator's that a run must not change.
    pub fn operators_own(&self) -> BTreeMap<String, String> {
        let mut own = BTreeMap::new();
        let facts = [
            "git rev-parse HEAD",
            "git symbolic-ref HEAD",
            "git status --porcelain --ignored=no",
            "sha256sum < .git/index",
            "sha256sum < .git/config",
            "cat .git/HEAD",
            "find .git/hooks -type f -exec sha256sum {} + | sort",
            "git for-each-ref | grep -v -e refs/heads/audit/ -e refs/auditrun || true",
            "git ls-files -s",
            "git ls-files -z | xargs -0 sha256sum 2>&1 || true",
            "git stash list",
        ];
        facts.iter().for_each(|fact| drop(own.insert((*fact).to_owned(), self.sh(fact))));
        own
    }

    /// The audit worktrees that are left, the integration one included.
    pub fn worktrees(&self) -> Vec<String> {
        let listed = self.git("worktree list --porcelain");
        let paths = listed.lines().filter_map(|l| l.strip_prefix("worktree "));
        paths.filter_map(|p| Some(p.rsplit_once("/.worktrees/")?.1.to_owned())).collect()
    }

    /// Processes whose command line holds a mark.
    pub fn processes(&self, mark: &str) -> Vec<String> {
        let all = fs::read_dir("/proc").unwrap().flatten();
        let lines = all.filter_map(|e| fs::read(e.path().join("cmdline")).ok());
        let text = lines.map(|l| String::from_utf8_lossy(&l).replace('\0', " "));
        text.filter(|l| l.contains(mark)).collect()
    }

    /// The fingerprint, computed by hand.
    pub fn fingerprint(&self) -> String {
        let mut cat = String::new();
        let head = self.branch();
        let mut ids: Vec<&str> = self.nodes.iter().map(|n| n.id.as_str()).collect();
        ids.sort_by_key(|id| format!("{id}.md").into_bytes());
        for name in ["state.md".to_owned(), "graph.md".to_owned()]
            .into_iter()
            .chain(ids.iter().map(|id| format!("prompts/{id}.md")))
        {
            cat += &format!("git show {head}:{BUNDLE}/{name}; ");
        }
        ids.sort_by_key(|id| format!("{id}/diff.patch").into_bytes());
        ids.iter().for_each(|id| cat += &format!("cat {BUNDLE}/runs/{id}/diff.patch; "));
        let sum = self.sh(&format!("{{ {cat} printf %s $(git rev-parse {head}); }} | sha256sum"));
        sum.split(' ').next().unwrap().to_owned()
    }
}

/// Waits until something holds; a generous limit turns a hang into a failure.
pub fn wait_until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1200 {
        if holds() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("waited in vain until {what}");
}

pub fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| (*s).to_owned()).collect()
}

pub fn write(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

pub fn program(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    write(root, path, content);
    fs::set_permissions(root.join(path), fs::Permissions::from_mode(0o755)).unwrap();
}

fn read(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A shell line that writes a file of `n` different lines.
pub fn lines(n: usize, path: &str) -> String {
    format!("i=0; while [ $i -lt {n} ]; do echo line$i; i=$((i+1)); done > {path}")
}

/// A shell line that waits until a node has landed.
pub fn after(node: &str) -> String {
    format!(
        "i=0; until git log --format=%s --branches='audit/*' | grep -q '^node({node})'; \
         do i=$((i+1)); test $i -lt 600; sleep 0.1; done"
    )
}
