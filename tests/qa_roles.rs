//! The roles of an audit as real programs: what they are given, what they can reach, what is
//! counted, and what the program makes of their answers.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use auditrun::base::SystemClock;
use auditrun::config::{self, Config, Flags, LoadInput};
use auditrun::git::Repo;
use auditrun::process::{Cancel, Runner, sandbox};
use auditrun::qa::forge::Progress;
use auditrun::qa::roles::{Agents, Consulted, CriticView, HostError, Prompt, RoleHost, Surroundings};
use auditrun::run::containment::Containment;
use auditrun::run::fleet::Fleet;
use auditrun::run::invoke::Caller;
use serde_json::Value;

struct Silent;

impl Progress for Silent {
    fn say(&self, _: &str) {}
}

/// A repository with an audit's working directory in it, and a critic that is a shell script.
struct Place {
    _dir: tempfile::TempDir,
    root: PathBuf,
    script: PathBuf,
    config: Config,
    operator: BTreeMap<String, String>,
}

impl Place {
    fn new(script: &str, settings: &str) -> Place {
        let dir = tempfile::Builder::new().prefix("auditrun-roles-").tempdir().unwrap();
        let at = dir.path().canonicalize().unwrap();
        let [root, agents, home] = ["repo", "agents", "home"].map(|name| at.join(name));
        [&root, &agents, &home].into_iter().for_each(|dir| fs::create_dir(dir).unwrap());
        let init = std::process::Command::new("git").args(["init", "-q"]).arg(&root).status().unwrap();
        assert!(init.success());
        fs::write(root.join("secret.txt"), "of the repository").unwrap();
        fs::create_dir_all(root.join("auditor-x/transcripts")).unwrap();
        fs::write(root.join("auditor-x/CHANGELOG.md"), "history").unwrap();
        fs::write(root.join("auditor-x/transcripts/0-evaluator.log"), "what another role said").unwrap();
        let program = agents.join("critic.sh");
        fs::write(&program, format!("#!/bin/sh\n{script}")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let kdl = format!(
            "agent \"a\" adapter=\"exec\" default=#true {{ command {:?} }}\n{settings}\n",
            program.to_string_lossy()
        );
        let operator = BTreeMap::from([
            ("PATH".to_owned(), std::env::var("PATH").unwrap()),
            ("HOME".to_owned(), home.to_string_lossy().into_owned()),
            ("OPERATORS_OWN".to_owned(), "private".to_owned()),
        ]);
        let none = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        let (env, flags) = (BTreeMap::new(), Flags::default());
        let file = Some(("audit.kdl".to_owned(), kdl.into_bytes()));
        let loaded = config::load(&LoadInput { file, read: &none, env: &env, flags: &flags });
        let config = loaded.map(|(config, _)| config).unwrap_or_else(|_| panic!("audit.kdl is wrong"));
        Place { _dir: dir, root, script: program, config, operator }
    }

    fn work(&self, name: &str) -> PathBuf {
        self.root.join("auditor-x").join(name)
    }

    fn ask(&self) -> Result<Consulted, HostError> {
        self.ask_and(&Cancel::new(), |_| Ok(()))
    }

    fn ask_and(
        &self,
        cancel: &Cancel,
        read: impl Fn(&Value) -> Result<(), String>,
    ) -> Result<Consulted, HostError> {
        let runner = Runner::with_supervisor(env!("CARGO_BIN_EXE_auditrun")).unwrap();
        let repo = Repo::discover(&self.root).unwrap();
        let containment = Containment::new(&self.config, &self.operator, &self.root);
        let fleet = Fleet::new(Arc::new(SystemClock), None, 1);
        let scratch = tempfile::Builder::new().prefix("auditrun-scratch-").tempdir().unwrap();
        let around = Surroundings { repo: &repo, own: vec![self.work("CHANGELOG.md")], progress: &Silent };
        let caller = Caller {
            operator: &self.operator,
            config: &self.config,
            root: &self.root,
            bundle: None,
            run_id: "audit-1",
            containment: &containment,
            scratch: scratch.path(),
            out: &self.work("transcripts"),
            programs: &runner,
            fleet: &fleet,
            overseer: &around,
        };
        let agents = Agents::new(caller, cancel);
        agents.ask(&Prompt::from(CriticView { report: "THE REPORT" }), "1-ideas-critic", &read)
    }
}

fn answered(consulted: Result<Consulted, HostError>) -> Value {
    consulted.unwrap().answer.unwrap()
}

/// A line of shell that says whether a path can be read, as a field of the answer.
fn probe(name: &str, path: &Path) -> String {
    format!(
        "if cat {path:?} >/dev/null 2>&1 || ls {path:?}/* >/dev/null 2>&1; then {name}=read; else {name}=denied; fi\n"
    )
}

#[test]
fn a_role_works_in_an_empty_place_from_which_nothing_of_the_audit_can_be_read() {
    if !sandbox::support().available() {
        eprintln!("skipped: this kernel has no Landlock");
        return;
    }
    let bare = Place::new("", "");
    let root = bare.root.clone();
    drop(bare);
    // The script has to name the repository that it is tried in.
    let body = |root: &Path| {
        let probes = [
            ("repo", root.join("secret.txt")),
            ("log", root.join("auditor-x/CHANGELOG.md")),
            ("others", root.join("auditor-x/transcripts/0-evaluator.log")),
            ("git", root.join(".git/HEAD")),
        ];
        let probes: String = probes.iter().map(|(name, path)| probe(name, path)).collect();
        format!(
            "{probes}here=$(ls -A . | wc -l)\n\
             printf '{{\"repo\":\"%s\",\"log\":\"%s\",\"others\":\"%s\",\"git\":\"%s\",\"here\":%d,\"own\":\"%s\",\"role\":\"%s\"}}' \
             $repo $log $others $git $here \"${{OPERATORS_OWN:-unset}}\" \"$AUDITRUN_ROLE\"\n"
        )
    };
    let place = Place::new("", "");
    assert_ne!(root, place.root);
    fs::write(&place.script, format!("#!/bin/sh\n{}", body(&place.root))).unwrap();
    let said = answered(place.ask());
    assert_eq!(
        said,
        serde_json::json!({ "repo": "denied", "log": "denied", "others": "denied", "git": "denied",
                            "here": 0, "own": "unset", "role": "critic" })
    );
}

#[test]
fn a_role_gets_its_prompt_and_its_transcript_is_kept() {
    let place =
        Place::new("prompt=$(cat)\ncase $prompt in *'THE REPORT'*) echo '{\"got\": true}';; esac\n", "");
    assert_eq!(answered(place.ask()), serde_json::json!({ "got": true }));
    let log = fs::read_to_string(place.work("transcripts/1-ideas-critic.log")).unwrap();
    assert!(log.contains("{\"got\": true}"), "{log}");
}

#[test]
fn a_bad_answer_is_asked_for_once_more_and_both_are_counted() {
    let script =
        "cat >/dev/null\necho '{\"n\": 1, \"cost_usd\": 0.25, \"input_tokens\": 10, \"output_tokens\": 5}'\n";
    let place = Place::new(script, "");
    let consulted =
        place.ask_and(&Cancel::new(), |_| Err("it is not what was asked for".to_owned())).unwrap();
    assert_eq!(consulted.answer, Err("it is not what was asked for".to_owned()));
    assert_eq!((consulted.calls, consulted.spent.cost_usd, consulted.spent.tokens), (2, 0.5, 30));
}

#[test]
fn a_role_that_changes_the_audits_files_is_not_believed() {
    let place = Place::new("", "sandbox \"off\"");
    let log = place.work("CHANGELOG.md");
    fs::write(&place.script, format!("#!/bin/sh\necho forged >> {log:?}\necho '{{\"ok\": true}}'\n"))
        .unwrap();
    let why = place.ask().unwrap().answer.unwrap_err();
    assert!(why.starts_with("it may only read, and changed file of the audit"), "{why}");
}

#[test]
fn a_limit_that_lasts_and_an_interrupt_are_no_bad_answers() {
    let place = Place::new("exit 75\n", "");
    let mut limited = Place::new("echo 'rate limit'; exit 75\n", "");
    let agent = limited.config.agents.get_mut("a").unwrap();
    agent.retries.value = 0;
    assert!(
        matches!(limited.ask(), Err(HostError::Unavailable(why)) if why.contains("agent 'a' is unavailable"))
    );
    let cancel = Cancel::new();
    cancel.request();
    assert_eq!(place.ask_and(&cancel, |_| Ok(())), Err(HostError::Interrupted));
}
