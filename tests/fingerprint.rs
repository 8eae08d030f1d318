//! The page of shell in docs/proof.md computes the fingerprint that the program computes.
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of a test fail by panicking.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use auditrun::base::Oid;
use auditrun::proof::{ArtifactSource, DirArtifacts, FingerprintInput, fingerprint};

/// A command that sees no configuration of the operator's.
fn hermetic(program: &str, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", dir).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "T").env(format!("GIT_{who}_EMAIL"), "t@example.com");
        command.env(format!("GIT_{who}_DATE"), "2026-01-02T03:04:05Z");
    }
    command
}

fn run(program: &str, dir: &Path, args: &[&str]) -> String {
    let out = hermetic(program, dir).args(args).output().unwrap();
    assert!(out.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

fn shell_of_the_docs() -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/proof.md");
    let text = std::fs::read_to_string(docs).unwrap();
    text.split("```sh\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

/// A repository with a bundle in `bundle` and patches beside it; both fingerprints.
fn both(bundle: &str) -> (String, String) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    run("git", root, &["init", "-q", "-b", "main"]);
    let files = [
        ("state.md", "# State\n"),
        ("graph.md", "# Graph\n"),
        ("prompts/A.md", "do A"),
        ("prompts/A-1.md", "do A-1\r\n"),
        ("prompts/B.md", "do B\n"),
        ("prompts/notes.txt", "no prompt\n"),
    ];
    let mut committed = BTreeMap::new();
    for (path, text) in files {
        write(&root.join(bundle).join(path), text);
        committed.insert(path.to_owned(), text.as_bytes().to_vec());
    }
    run("git", root, &["add", "-A"]);
    run("git", root, &["commit", "-q", "-m", "bundle"]);
    run("git", root, &["branch", "audit/run-20260102T030405Z"]);
    write(&root.join(bundle).join("state.md"), "edited in the work tree since\n");
    for (path, text) in [
        ("runs/A/diff.patch", "diff of A\n"),
        ("runs/A-1/diff.patch", "diff of A-1\n"),
        ("runs/A/attempt-1/diff.patch", "an attempt\n"),
        ("runs/C/agent.log", "no diff here\n"),
    ] {
        write(&root.join(bundle).join(path), text);
    }
    let script = root.join("fingerprint.sh");
    write(&script, &shell_of_the_docs());
    let by_shell = run("sh", root, &["fingerprint.sh", "audit/run-20260102T030405Z", bundle, bundle]);

    let source = DirArtifacts::new(root.join(bundle));
    let patches =
        source.list("runs").into_iter().filter_map(|p| Some((p.clone(), source.read(&p)?))).collect();
    let head = Oid::parse(&run("git", root, &["rev-parse", "HEAD"])).unwrap();
    let input = FingerprintInput { bundle: &committed, patches: &patches, head: &head };
    (by_shell, fingerprint(&input))
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn shell_and_program_agree() {
    for bundle in ["docs/audit", "."] {
        let (by_shell, by_program) = both(bundle);
        assert_eq!(by_shell, by_program, "bundle in {bundle}");
        assert_eq!(by_shell.len(), 64);
    }
}
