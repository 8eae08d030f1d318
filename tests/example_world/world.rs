//! The repository, the operator's home, and what a run leaves behind.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use auditrun::base::digest::sha256_hex;
use serde_json::Value;

use super::{Bundle, Ended, Program};

/// Where bundles are in these worlds.
const BUNDLE: &str = "docs/audit";

/// A repository with a home beside it.
pub struct World {
    place: tempfile::TempDir,
    root: PathBuf,
    home: PathBuf,
}

/// What of the operator's a run must not change.
#[derive(Debug, PartialEq, Eq)]
pub struct Standing {
    head: String,
    branch: String,
    status: String,
    config: String,
    index: String,
    branches: String,
}

impl World {
    /// A repository without commits.
    pub fn new() -> World {
        let place = tempfile::Builder::new().prefix("auditrun-test-").tempdir().unwrap();
        let top = place.path().canonicalize().unwrap();
        let world = World { place, root: top.join("repository"), home: top.join("home") };
        fs::create_dir_all(&world.home).unwrap();
        fs::create_dir_all(&world.root).unwrap();
        let config = "[user]\n\tname = Op\n\temail = op@example.com\n[init]\n\tdefaultBranch = main\n\
                      [commit]\n\tgpgSign = false\n[protocol \"file\"]\n\tallow = always\n";
        fs::write(world.home.join(".gitconfig"), config).unwrap();
        world.git(&["init", "-q"]);
        world
    }

    /// A committed repository with this bundle and three files of its own.
    pub fn with(bundle: Bundle) -> World {
        let world = World::new();
        world.write("README.md", "hello\n");
        world.write("src/a.txt", "a\n");
        world.write("src/b.txt", "b\n");
        world.put(&bundle);
        world.commit("base");
        world
    }

    /// A committed repository made of an example of this repository.
    pub fn of_example(name: &str) -> World {
        let world = World::new();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name), &world.root);
        world.commit("base");
        world
    }

    /// Writes a bundle, its audit.kdl and its agents; the agents lie outside the repository.
    pub fn put(&self, bundle: &Bundle) {
        for (path, text) in bundle.files() {
            self.write(&format!("{BUNDLE}/{path}"), text);
        }
        let agents = self.top().join("agents");
        fs::create_dir_all(&agents).unwrap();
        fs::write(agents.join("arbiter.sh"), "echo '{\"contradicts\": [], \"why\": \"none\"}'\n").unwrap();
        for (role, script) in &bundle.roles {
            fs::write(agents.join(format!("{role}.sh")), format!("set -e\n{script}\n")).unwrap();
        }
        for node in &bundle.nodes {
            for (attempt, script) in &node.scripts {
                fs::write(
                    agents.join(format!("node-{}.{attempt}.sh", node.id)),
                    format!("set -e\n{script}\n"),
                )
                .unwrap();
            }
        }
        let agent = agents.join("agent");
        fs::write(&agent, AGENT).unwrap();
        fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).unwrap();
        let kdl = format!(
            "bundle \"{BUNDLE}\"\nagent \"scripted\" adapter=\"exec\" default=#true {{\n    command \"{}\"\n}}\n{}",
            agent.display(),
            bundle.settings
        );
        self.write("audit.kdl", kdl);
    }

    /// The repository's root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory around repository and home.
    pub fn top(&self) -> &Path {
        self.root.parent().unwrap()
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn make_executable(&self, path: &str) {
        fs::set_permissions(self.root.join(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn remove(&self, path: &str) {
        let path = self.root.join(path);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }

    /// Commits everything and gives the commit's id.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Git's answer without the line end; it must succeed.
    #[track_caller]
    pub fn git<S: AsRef<OsStr>>(&self, args: &[S]) -> String {
        self.program("git").args(args).run().must_exit(0).out.trim_end().to_owned()
    }

    /// A program that starts in the repository.
    pub fn program(&self, program: impl AsRef<OsStr>) -> Program {
        Program::new(program, &self.home).in_dir(&self.root)
    }

    /// A line of shell in the repository.
    pub fn sh(&self, line: &str) -> Ended {
        self.program("sh").args(["-c", line]).run()
    }

    /// The program under test, in the repository.
    pub fn auditrun<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, args: I) -> Ended {
        self.program(env!("CARGO_BIN_EXE_auditrun")).args(args).run()
    }

    /// HEAD, index, status, config and branches of the operator.
    pub fn standing(&self) -> Standing {
        Standing {
            head: self.git(&["rev-parse", "HEAD"]),
            branch: self.git(&["symbolic-ref", "HEAD"]),
            status: self.git(&["status", "--porcelain"]),
            config: fs::read_to_string(self.root.join(".git/config")).unwrap(),
            index: self.git(&["ls-files", "--stage", "-v"]),
            branches: self.git(&[
                "for-each-ref",
                "--format=%(refname) %(objectname)",
                "refs/heads/main",
                "refs/tags",
            ]),
        }
    }

    /// The newest audit branch.
    #[track_caller]
    pub fn audit_branch(&self) -> String {
        let refs =
            self.git(&["for-each-ref", "--sort=-refname", "--format=%(refname:short)", "refs/heads/audit/"]);
        refs.lines().next().expect("there is no audit branch").to_owned()
    }

    /// Subjects of the audit branch's commits above the operator's HEAD, oldest first.
    #[track_caller]
    pub fn audit_log(&self) -> Vec<String> {
        let range = format!("HEAD..{}", self.audit_branch());
        let log = self.git(&["log", "--reverse", "--format=%s", &range]);
        log.lines().map(str::to_owned).collect()
    }

    /// A file at the audit branch's head.
    #[track_caller]
    pub fn landed(&self, path: &str) -> String {
        self.git(&["show", &format!("{}:{path}", self.audit_branch())])
    }

    /// The place of an artifact.
    pub fn artifact_path(&self, name: &str) -> PathBuf {
        self.root.join(BUNDLE).join(name)
    }

    #[track_caller]
    pub fn artifact(&self, name: &str) -> String {
        let path = self.artifact_path(name);
        let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[track_caller]
    pub fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.artifact(name)).unwrap()
    }

    /// The lines of the journal.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        self.artifact("runs/events.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[track_caller]
    pub fn verification(&self, node: &str) -> Value {
        self.json(&format!("runs/{node}/verification.json"))
    }

    /// A node's status in its verification.json.
    #[track_caller]
    pub fn status_of(&self, node: &str) -> String {
        self.verification(node)["status"].as_str().unwrap().to_owned()
    }

    /// `iteration`, `status` and `termination_reason` of the iteration state.
    #[track_caller]
    pub fn iteration(&self) -> (u64, String, String) {
        let state = self.json("runs/.iteration-state.json");
        let word = |name: &str| state[name].as_str().unwrap_or_default().to_owned();
        (state["iteration"].as_u64().unwrap(), word("status"), word("termination_reason"))
    }

    /// The report's fingerprint.
    #[track_caller]
    pub fn fingerprint(&self) -> String {
        self.artifact("audit-report.fingerprint").trim_end().to_owned()
    }

    /// The fingerprint as the page of shell in a document computes it.
    #[track_caller]
    pub fn fingerprint_by(&self, document: &str) -> String {
        let script = super::fingerprint_script(document);
        let branch = self.audit_branch();
        let args = ["-c", &script, "fingerprint.sh", &branch, BUNDLE, BUNDLE];
        self.program("sh").args(args).run().must_exit(0).out.trim_end().to_owned()
    }

    /// Digest of the repository's files outside of `.git`, artifacts and worktrees aside.
    pub fn tracked_digest(&self) -> String {
        let files = self.git(&["ls-files", "-z"]);
        let content: Vec<u8> = files
            .split('\0')
            .filter(|path| !path.is_empty())
            .flat_map(|path| {
                [path.as_bytes(), b"\0", &fs::read(self.root.join(path)).unwrap_or_default()].concat()
            })
            .collect();
        sha256_hex(&content)
    }
}

/// Chooses the script by role, node and attempt; one that is not there is a HALT.
const AGENT: &str = r#"#!/bin/sh
here=$(dirname "$0")
cat >/dev/null
role=${AUDITRUN_ROLE:-node}
if [ "$role" = node ]; then
    for attempt in "$AUDITRUN_ATTEMPT" 0; do
        script=$here/node-$AUDITRUN_NODE_ID.$attempt.sh
        [ ! -f "$script" ] || exec sh "$script"
    done
else
    script=$here/$role.sh
    [ ! -f "$script" ] || exec sh "$script"
fi
echo "HALT: there is no script for $role $AUDITRUN_NODE_ID"
"#;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_name() == "target" {
            continue; // Somebody has built the example in place.
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
