//! The operator's repository stays as it is, and whatever it holds, only the node's own
//! change lands.
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail as tests do.

mod support;
use support::{World, program};

fn one() -> World {
    let mut world = World::new();
    world.node("A").agent("echo 1 > n").touches(&["n"]).checks(&["test -f n"]);
    world
}

/// It runs, only `n` lands, and nothing of the operator's has changed.
#[track_caller]
fn only_n_lands(world: &World) {
    let before = world.operators_own();
    world.run().exits(0);
    assert_eq!(world.git(&format!("diff --name-status {} {}", world.base, world.branch())), "A\tn");
    assert_eq!(
        world.text("runs/A/files_touched.txt").lines().count(),
        1,
        "{}",
        world.text("runs/A/files_touched.txt")
    );
    assert_eq!(world.operators_own(), before);
    world.call(&["verify"]).exits(0);
}

#[test]
fn a_run_changes_nothing_of_the_operator_s() {
    let mut world = one();
    world.build();
    only_n_lands(&world);
    let exclude = world.read(".git/info/exclude");
    for name in ["preflight", "resolutions", "runs", "remediation", "audit", ".history", "audit-report"] {
        assert!(exclude.contains(&format!("/docs/audit/{name}")), "{name}: {exclude}");
    }
    assert_eq!(world.worktrees(), [""; 0], "all of them are pruned");
    world.git("fsck --no-dangling");
}

#[test]
fn a_failing_run_changes_nothing_either() {
    let mut world = one();
    world.nodes[0].checks(&["false"]);
    world.build();
    let before = world.operators_own();
    world.run().exits(4);
    assert_eq!(world.operators_own(), before);
}

#[test]
fn it_runs_from_a_subdirectory() {
    let mut world = one();
    world.build();
    let outcome = world.call_in(&world.repo.join("src"), &["run"]);
    outcome.exits(0);
    assert!(world.has("runs/A/diff.patch"));
    for command in
        [vec!["status"], vec!["verify"], vec!["gate", "--base", "main"], vec!["graph"], vec!["check"]]
    {
        world.call_in(&world.repo.join("src"), &command).exits(0);
    }
}

#[test]
fn it_runs_from_a_linked_worktree() {
    let mut world = one();
    world.build();
    world.git("worktree add -q ../linked -b side");
    let linked = world.repo.with_file_name("linked");
    world.call_in(&linked, &["run"]).exits(0);
    assert!(linked.join("docs/audit/runs/A/diff.patch").exists());
    assert_eq!(world.sh_in(&linked, "git status --porcelain; git symbolic-ref HEAD"), "refs/heads/side");
    assert_eq!(world.git("status --porcelain"), "");
    world.call_in(&linked, &["gate", "--base", "main"]).exits(0);
}

#[test]
fn it_runs_inside_a_git_hook() {
    let mut world = one();
    world.build();
    let auditrun = env!("CARGO_BIN_EXE_auditrun");
    program(
        &world.repo,
        ".git/hooks/pre-commit",
        format!("#!/bin/sh\nenv | grep -q ^GIT_INDEX_FILE= || exit 9\nexec {auditrun} run\n"),
    );
    world.git("commit -q --allow-empty -m 'with a hook'");
    let head = world.git("rev-parse HEAD~1");
    assert_eq!(world.git(&format!("diff --name-only {head} {}", world.branch())), "n");
    world.remove(".git/hooks/pre-commit");
    program(&world.repo, ".git/hooks/pre-push", format!("#!/bin/sh\nexec {auditrun} gate --base main\n"));
    world.git("init -q --bare ../bare");
    world.git("push -q ../bare main");
}

#[test]
fn hooks_of_the_operator_s_that_fail_are_not_run() {
    let mut world = one();
    world.build();
    for hook in [
        "pre-commit",
        "commit-msg",
        "prepare-commit-msg",
        "post-commit",
        "post-checkout",
        "reference-transaction",
        "post-index-change",
        "pre-rebase",
    ] {
        program(
            &world.repo,
            &format!(".git/hooks/{hook}"),
            "#!/bin/sh\necho ran >> /tmp/auditrun-hook-ran.$PPID\nexit 1\n",
        );
    }
    // Git's own calls in the test would run them, too.
    let outcome = world.run();
    outcome.exits(0);
    world.sh("rm -f .git/hooks/*");
    assert_eq!(world.git(&format!("diff --name-only {} {}", world.base, world.branch())), "n");
}

#[test]
fn a_hooks_path_and_a_template_of_the_operator_s_are_not_used() {
    let mut world = one();
    world.build();
    program(&world.home, "hooks/reference-transaction", "#!/bin/sh\nexit 1\n");
    let path = world.home.join("hooks").display().to_string();
    std::fs::write(
        world.repo.join(".git/more"),
        format!("[core]\n\thooksPath = {path}\n\tfsmonitor = false\n"),
    )
    .unwrap();
    world.sh("git config include.path more");
    world.run().exits(0);
    world.sh("git config --unset include.path");
    assert_eq!(world.log(), ["node(A): add A"]);
}

#[test]
fn line_end_attributes_invent_no_change() {
    let mut world = one();
    world.write(".gitattributes", "*.txt text eol=crlf\n*.dat -text\n");
    world.write("windows.txt", "one\r\ntwo\r\n");
    world.write("raw.dat", "one\r\ntwo\n");
    world.build();
    only_n_lands(&world);
    let mut world = one();
    world.write("mixed.txt", "one\r\ntwo\n");
    world.git("config core.autocrlf true");
    world.build();
    only_n_lands(&world);
}

#[test]
fn a_file_whose_stored_form_breaks_its_attributes_is_left_alone() {
    let mut world = one();
    world.write("windows.txt", "one\r\ntwo\r\n");
    world.build();
    // The blob holds CRLF; from now on the attribute says it should not.
    world.write(".gitattributes", "*.txt text\n");
    world.git("add .gitattributes");
    world.git("commit -qm attributes");
    world.base = world.git("rev-parse HEAD");
    if world.git("status --porcelain").is_empty() {
        only_n_lands(&world);
    }
}

#[test]
fn a_filter_driver_invents_no_change() {
    let mut world = one();
    world.write(".gitattributes", "*.up filter=up\n");
    world.git("config filter.up.clean 'tr a-z A-Z'");
    world.git("config filter.up.smudge 'tr A-Z a-z'");
    world.git("config filter.up.required true");
    world.write("x.up", "lower\n");
    world.build();
    only_n_lands(&world);
    assert_eq!(world.landed("x.up"), "LOWER");
}

#[test]
fn a_sparse_checkout_loses_nothing() {
    let mut world = one();
    world.write("big/file.txt", "big\n");
    world.build();
    world.git("sparse-checkout set src docs");
    only_n_lands(&world);
    assert_eq!(world.landed("big/file.txt"), "big");
}

#[test]
fn ignored_but_tracked_files_are_neither_lost_nor_new() {
    let mut world = one();
    world.write(".gitignore", "*.log\n/build/\n");
    world.write("kept.log", "tracked\n");
    world.write("build/out", "tracked\n");
    world.write_bundle();
    world.git("add -f kept.log build/out");
    world.build();
    only_n_lands(&world);
    assert_eq!((world.landed("kept.log"), world.landed("build/out")), ("tracked".into(), "tracked".into()));
}

#[test]
fn a_change_of_a_tracked_file_that_is_ignored_counts() {
    let mut world = World::new();
    world.write(".gitignore", "*.log\n");
    world.write("kept.log", "tracked\n");
    world.node("A").agent("echo more >> kept.log").touches(&["kept.log"]);
    world.write_bundle();
    world.git("add -f kept.log");
    world.build();
    world.run().exits(0);
    assert_eq!(world.landed("kept.log"), "tracked\nmore");
}

#[test]
fn executable_bits_and_links_stay() {
    let mut world = one();
    program(&world.repo, "tool.sh", "#!/bin/sh\n");
    std::os::unix::fs::symlink("tool.sh", world.repo.join("link")).unwrap();
    std::os::unix::fs::symlink("nowhere", world.repo.join("dangling")).unwrap();
    world.build();
    only_n_lands(&world);
}

#[test]
fn an_operator_without_a_name_has_the_default_committer() {
    let mut world = one();
    world.build();
    std::fs::write(world.home.join(".gitconfig"), "").unwrap();
    world.run().exits(0);
    let who = world.git(&format!("log -1 --format='%an <%ae> %cn <%ce>' {}", world.branch()));
    assert_eq!(who, "auditrun <auditrun@localhost> auditrun <auditrun@localhost>");
}

#[test]
fn settings_of_the_operator_s_do_not_shape_the_diff() {
    let mut world = one();
    world.nodes[0].agent("echo 1 > n; mv src/a.txt src/c.txt").touches(&["n", "src/**"]);
    world.build();
    for (key, value) in [
        ("diff.noprefix", "true"),
        ("diff.renames", "false"),
        ("diff.external", "/bin/false"),
        ("core.abbrev", "4"),
        ("color.ui", "always"),
        ("diff.mnemonicPrefix", "true"),
        ("core.quotePath", "false"),
        ("diff.context", "9"),
    ] {
        world.git(&format!("config --global {key} {value}"));
    }
    world.run().exits(0);
    let diff = world.text("runs/A/diff.patch");
    assert!(
        diff.contains("diff --git a/n b/n")
            && diff.contains("rename to src/c.txt")
            && !diff.contains('\u{1b}'),
        "{diff}"
    );
    world.call(&["verify"]).exits(0);
}

#[test]
fn a_repository_of_sha256_objects_works() {
    let mut world = World::new();
    world.sh("rm -rf .git && git init -q --object-format=sha256");
    world.node("A").agent("echo 1 > n").touches(&["n"]);
    world.build();
    world.run().exits(0);
    world.call(&["verify"]).exits(0);
}
