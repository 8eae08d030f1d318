//! Without a sandbox: what can't be prevented is found, and named.

use crate::world::{Sandbox, World, both};

fn caught(script: &str, name: &str) {
    let world =
        World::new(Sandbox::Off).tampering().node("A", &format!("{script}\necho ok > A.out\n"), "true");
    let run = world.run();
    assert_eq!(run.code, 4, "{script}: {}", run.err);
    assert_eq!(world.status("A"), "failed");
    assert!(world.reason("A").contains(name), "{script}: {}", world.reason("A"));
    assert!(world.landed().is_empty());
}

#[test]
fn a_change_to_the_repository_s_own_files_fails_the_node() {
    caught("git config core.fsmonitor evil", "config");
    caught("echo evil > @git/hooks/pre-commit", "hook pre-commit");
    caught("git update-ref refs/heads/audit/evil HEAD", "refs/heads/audit/evil");
    caught("echo /x > @git/objects/info/alternates", "alternates");
}

#[test]
fn a_change_to_the_bundle_or_the_artifacts_fails_the_node() {
    caught("echo x >> @repo/docs/audit/state.md", "docs/audit/state.md");
    caught("echo x > @repo/docs/audit/prompts/B.md", "docs/audit/prompts");
    caught("echo x >> @repo/docs/audit/preflight/trace_matrix.md", "preflight/trace_matrix.md");
    caught("chmod 600 @repo/docs/audit/preflight/trace_matrix.md", "preflight/trace_matrix.md");
    caught(
        "for d in @repo/.worktrees/audit-integration-*; do echo x > $d/README.md; done",
        "audit-integration",
    );
}

#[test]
fn a_journal_that_is_removed_or_replaced_fails_the_node() {
    caught("rm -r @repo/docs/audit/runs", "journal docs/audit/runs/events.jsonl");
    caught("cd @repo/docs/audit/runs; cp events.jsonl x; mv x events.jsonl", "events.jsonl");
}

/// Every git call of ours reads it: a filter there could hide what the files hold.
#[test]
fn a_change_to_git_s_own_configuration_fails_the_node() {
    caught("git config --global filter.x.clean 'echo a'", "home/.gitconfig");
    caught("mkdir -p @home/.config/git; echo '* filter=x' > @home/.config/git/attributes", ".config/git");
}

/// git opens what stands there, and a FIFO only when somebody writes to it.
#[test]
fn what_holds_git_for_ever_ends_the_run_with_a_word() {
    for script in ["rm @git/index; mkfifo @git/index", "mkfifo @repo/src/.gitignore"] {
        let world = World::new(Sandbox::Off).tampering().node("A", script, "true");
        world.prepare();
        let run = world.auditrun("run");
        assert_eq!(run.code, 7, "{}", run.err);
        assert!(run.err.contains("waits for a FIFO"), "{}", run.err);
        world.assert_nothing_left();
    }
    let own = "echo ok > A.out; rm .git; mkfifo .git
for d in @git/worktrees/audit-0-A-*; do rm $d/HEAD $d/gitdir $d/commondir; mkfifo $d/HEAD $d/gitdir $d/commondir; done";
    let world = World::new(Sandbox::Off).node("A", own, "true");
    let run = world.run();
    assert_eq!(run.code, 0, "{}", run.err);
}

#[test]
fn the_proof_of_a_node_that_is_done_is_not_another_s_to_change() {
    let world = World::new(Sandbox::Off)
        .tampering()
        .node("A", "echo ok > A.out", "true")
        .node("B", "echo x >> @repo/docs/audit/runs/A/verification.json; echo ok > B.out", "true")
        .with("- depends_on: A\n");
    let run = world.run();
    assert_eq!(run.code, 4, "{}", run.err);
    assert!(world.reason("B").contains("runs/A/verification.json"), "{}", world.reason("B"));
}

#[test]
fn what_is_the_operator_s_is_a_warning_with_the_node_s_name() {
    let script = "echo x > @repo/src/a.txt; git branch sly HEAD; echo ok > A.out";
    let world = World::new(Sandbox::Off).tampering().node("A", script, "true");
    let run = world.run();
    assert_eq!(run.code, 0, "{}", run.err);
    let report = world.artifact("audit-report.md");
    for what in ["a file of your checkout changed while A ran", "refs/heads/sly changed while A ran"] {
        assert!(run.err.contains(what), "{}", run.err);
        assert!(
            report.contains(what) || report.contains(&what.replace("refs/heads/sly", "`refs/heads/sly`")),
            "{report}"
        );
    }
}

#[test]
fn siblings_at_work_are_no_foreign_change() {
    let mut world = World::new(Sandbox::Off);
    for id in ["A", "B", "C", "D", "E", "F"] {
        world = world.node(id, &format!("sleep 0.2; echo ok > {id}.out"), "true");
    }
    let run = world.run();
    assert_eq!(run.code, 0, "{}", run.err);
}

/// Who wrote what stands in a worktree can't be told then: it is judged as the node's own, and
/// the verdict names who else was at work. In the sandbox there is nothing to tell.
#[test]
fn a_sibling_that_writes_into_another_s_worktree_is_kept_out_or_named() {
    let intruder = r#"
for n in $(seq 100); do
  for d in @repo/.worktrees/audit-0-B-*; do
    [ -d "$d" ] && sleep 0.3 && { echo foreign > "$d/B.out"; } 2>/dev/null && break 2
  done
  sleep 0.05
done
echo ok > A.out
"#;
    let victim = "for n in $(seq 40); do [ -e B.out ] && exit; sleep 0.05; done; echo own > B.out";
    for mode in both() {
        let world = World::new(mode).node("A", intruder, "true").node("B", victim, "true");
        let run = world.run();
        assert_eq!(run.code, 0, "{}", run.err);
        let branch = world.git("for-each-ref --format=%(refname) refs/heads/audit/");
        let landed = world.git(&format!("show {branch}:B.out"));
        let notes = world.verdict("B")["notes"].to_string();
        match mode {
            Sandbox::On => assert_eq!((landed.as_str(), notes.as_str()), ("own", "[]")),
            Sandbox::Off => {
                assert_eq!(landed, "foreign");
                assert!(notes.contains("at the same time ran A"), "{notes}");
            }
        }
    }
}
