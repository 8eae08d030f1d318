//! Secrets: in transcripts, journals, reports, on the terminal; and in a diff.

use std::path::Path;

use crate::world::{Run, World, both};

const TOKEN: &str = "tok-1234567890-abc";
const ANNOTATED: &str = "s3cr3t-of-config";

fn world(mode: crate::world::Sandbox, script: &str, check: &str) -> World {
    World::new(mode)
        .env("DEPLOY_TOKEN", TOKEN)
        .kdl(&format!("env {{\n pass \"DEPLOY_TOKEN\"\n PLAIN (secret)\"{ANNOTATED}\"\n}}"))
        .node("A", script, check)
}

/// Every file below out, and what was shown.
fn leaks(world: &World, run: &Run) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![world.path("repo/docs/audit")];
    let mut see = |name: &Path, text: &str| {
        if text.contains(TOKEN) || text.contains(ANNOTATED) {
            found.push(name.display().to_string());
        }
    };
    while let Some(dir) = left.pop() {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                left.push(path);
            } else if !path.ends_with("diff.patch") {
                see(&path, &String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
            }
        }
    }
    see(Path::new("stdout"), &run.out);
    see(Path::new("stderr"), &run.err);
    found
}

#[test]
fn what_a_program_prints_is_masked_everywhere() {
    let script = r#"
echo "whole $DEPLOY_TOKEN and $PLAIN"
printf 'in pieces tok-1234567'; sleep 0.1; printf '890-abc end\n'
echo "HALT: I know $DEPLOY_TOKEN"
"#;
    for mode in both() {
        let world = world(mode, script, "true");
        let run = world.run();
        assert_eq!(run.code, 4, "{}", run.err);
        assert_eq!(leaks(&world, &run), Vec::<String>::new());
        let log = world.log("A");
        assert!(log.contains("whole *** and ***") && log.contains("in pieces *** end"), "{log}");
        assert!(world.artifact("runs/events.jsonl").contains("I know ***"));
    }
}

#[test]
fn what_a_check_prints_is_masked_everywhere() {
    for mode in both() {
        let world = world(mode, "echo ok > A.out", "echo $DEPLOY_TOKEN; echo $PLAIN >&2; false").kdl(
            &format!("remediation 1\nenv {{\n pass \"DEPLOY_TOKEN\"\n PLAIN (secret)\"{ANNOTATED}\"\n}}"),
        );
        let run = world.run();
        assert_eq!(run.code, 4, "{}", run.err);
        assert_eq!(leaks(&world, &run), Vec::<String>::new());
        assert!(world.verdict("A")["checks"][0]["stdout_tail"].to_string().contains("***"));
    }
}

#[test]
fn a_diff_that_holds_a_secret_fails_its_node() {
    for mode in both() {
        for script in ["echo \"key=$DEPLOY_TOKEN\" > A.out", "printf 'a\\0%s' \"$PLAIN\" > A.out"] {
            let world = world(mode, script, "true");
            let run = world.run();
            assert_eq!(run.code, 4, "{}", run.err);
            assert!(world.reason("A").contains("holds a secret"), "{}", world.reason("A"));
            assert!(world.landed().is_empty());
            assert_eq!(leaks(&world, &run), Vec::<String>::new());
        }
    }
}

#[test]
fn a_diagnostic_that_quotes_audit_kdl_shows_no_secret() {
    for mode in both() {
        let grant = format!("sandbox \"auto\" {{ write \"nowhere\" (secret)\"{ANNOTATED}\" }}");
        let world = World::new(mode).kdl(&grant).node("A", "echo ok > A.out", "true");
        let run = world.run();
        assert!(!run.err.contains(ANNOTATED), "{}", run.err);
        if auditrun::process::sandbox::support().available() {
            assert!(run.err.contains("sandbox::no-such-grant"), "{}", run.err);
        }
    }
}
