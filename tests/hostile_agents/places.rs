//! Places that are made into others: a worktree that is a link, directories on the way to what
//! the harness itself writes or moves, ignore lists without end, names and depths that git or
//! the system refuse.

use crate::world::{Run, Sandbox, World, both};

fn run_contained(world: &World) -> Run {
    world.prepare();
    let before = world.operators();
    let run = world.auditrun("run");
    world.assert_contained(&before, &run);
    world.assert_nothing_left();
    run
}

/// What is put back in a worktree would be put back in the operator's checkout, and their git
/// directory removed for standing in the pointer's place.
#[test]
fn a_worktree_that_became_a_link_leads_nowhere() {
    let swap = "cd @root; rm -rf \"$AUDITRUN_WORKTREE\"; ln -s @repo \"$AUDITRUN_WORKTREE\"";
    for (script, check) in [(swap, "true"), ("echo ok > A.out", swap)] {
        let world = World::new(Sandbox::Off).node("A", script, check);
        let run = run_contained(&world);
        assert_eq!(run.code, 4, "{}", run.err);
        assert_eq!(world.status("A"), "failed");
        assert!(world.reason("A").contains("README.md"), "{}", world.reason("A"));
        assert!(world.landed().is_empty());
    }
}

#[test]
fn a_directory_of_worktrees_that_became_a_link_ends_the_run() {
    let script = r#"cd @root; mkdir -p "outside/$(basename "$AUDITRUN_WORKTREE")/.git"
echo precious > "outside/$(basename "$AUDITRUN_WORKTREE")/.git/HEAD"
mv @repo/.worktrees tmp/; ln -s @root/outside @repo/.worktrees"#;
    let world = World::new(Sandbox::Off).node("A", script, "true");
    world.prepare();
    let run = world.auditrun("run");
    assert_eq!(run.code, 7, "{}", run.err);
    assert!(run.err.contains("does not lie where it was made"), "{}", run.err);
    let heads = std::fs::read_dir(world.path("outside")).unwrap().flatten();
    let heads: Vec<_> = heads.filter(|e| e.path().join(".git/HEAD").exists()).collect();
    assert_eq!(heads.len(), 1, "what stood there stands there still");
}

/// Kept directories are moved and copies are made by auditrun itself, which no sandbox holds.
#[test]
fn preparation_follows_no_link_that_a_program_left() {
    for mode in both() {
        let keep = World::new(mode)
            .node("A", "echo ok > A.out", "rm -rf build; ln -s @root/outside build")
            .kdl("worktree { keep \"build/cache\" }");
        keep.write("outside/cache/precious", "theirs\n");
        keep.write("repo/.gitignore", "build\n");
        let run = run_contained(&keep);
        assert_eq!(run.code, 0, "{}", run.err);
        let copy = World::new(mode)
            .node("A", "rm -rf vendor; ln -s @root/outside vendor; echo ok > A.out", "true")
            .kdl("remediation 1\nworktree { copy \"vendor\" }");
        copy.write("repo/.gitignore", "vendor\n");
        copy.write("repo/vendor/lib", "ours\n");
        let run = run_contained(&copy);
        assert_eq!(run.code, 4, "{}", run.err);
        assert!(copy.reason("A").contains("vendor (was prepared"), "{}", copy.reason("A"));
        assert!(!copy.path("outside/lib").exists());
    }
}

/// git opens every list of ignored files on its way, and a FIFO only when somebody writes.
#[test]
fn an_ignore_list_without_end_holds_nothing_up() {
    let script = "echo ok > A.out; rm .gitignore; mkdir n; mkfifo .gitignore src/.gitignore n/.gitignore; echo x > n/f; mkfifo .gitattributes .gitmodules";
    for mode in both() {
        let world = World::new(mode).node("A", script, "true");
        let run = run_contained(&world);
        assert_eq!(run.code, 4, "{}", run.err);
        let outside = world.verdict("A")["diff_evidence"]["violations"].to_string();
        for name in [".gitattributes", ".gitignore", ".gitmodules", "n/.gitignore", "src/.gitignore"] {
            assert!(outside.contains(&format!("\"{name} (no commit can hold it")), "{name}: {outside}");
        }
        let world =
            World::new(mode).node("A", "echo ok > A.out", "mkdir n; mkfifo n/.gitignore; echo x > n/f");
        let run = run_contained(&world);
        assert_eq!((run.code, world.landed()), (0, vec!["A.out".to_owned()]), "{}", run.err);
    }
}

/// git skips such names with a word on its standard error, and says that all is well.
#[test]
fn a_name_that_git_refuses_is_not_left_out_in_silence() {
    let script = "echo ok > A.out; echo x > git~1; mkdir d; echo x > 'd/.git '; ln -s A.out .gitmodules";
    for mode in both() {
        let world = World::new(mode).node("A", script, "true");
        let run = run_contained(&world);
        assert_eq!(run.code, 4, "{}", run.err);
        let outside = world.verdict("A")["diff_evidence"]["violations"].to_string();
        for name in ["git~1", "d/.git ", ".gitmodules"] {
            assert!(outside.contains(&format!("\"{name} (no commit can hold it")), "{name}: {outside}");
        }
    }
}

#[test]
fn directories_deeper_than_any_path_end_in_a_verdict() {
    let down = "i=0; while [ $i -lt 300 ]; do mkdir dddddddddddddddddddd && cd -P dddddddddddddddddddd || exit 1; i=$((i+1)); done";
    for mode in both() {
        let script = format!("echo ok > A.out; (cd \"$TMPDIR\"; {down}); ({down})");
        let world = World::new(mode).node("A", &script, "true");
        let run = run_contained(&world);
        assert_eq!(run.code, 4, "{}", run.err);
        assert_eq!(world.auditrun("clean --force --yes").code, 0);
        assert!(world.reason("A").contains("too deep a directory"), "{}", world.reason("A"));
        let world =
            World::new(mode).node("A", "echo ok > A.out", &format!("mkdir target; cd target; {down}"));
        let run = run_contained(&world);
        assert_eq!(run.code, 0, "{}", run.err);
    }
}
