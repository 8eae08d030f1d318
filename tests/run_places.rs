//! Repositories of unusual shape, and what becomes of a branch after its run.
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail as tests do.

mod support;
use std::path::Path;

use support::World;

/// A run, its proof and the gate hold in a directory.
#[track_caller]
fn holds_in(world: &World, dir: &Path) {
    for command in [vec!["run"], vec!["verify"], vec!["gate", "--base", "main"]] {
        world.call_in(dir, &command).exits(0);
    }
    assert_eq!(world.sh_in(dir, "git status --porcelain"), "");
}

#[test]
fn a_detached_head_stays_detached() {
    let world = World::with_one_node();
    world.git("checkout -q --detach");
    holds_in(&world, &world.repo);
    assert_eq!(world.read(".git/HEAD").trim(), world.base);
}

#[test]
fn a_shallow_clone() {
    let world = World::with_one_node();
    world.commit("more");
    let clone = world.repo.with_file_name("shallow");
    world.git(&format!("clone -q --depth 1 file://{} {}", world.repo.display(), clone.display()));
    holds_in(&world, &clone);
}

#[test]
fn a_worktree_of_a_bare_repository() {
    let world = World::with_one_node();
    let tree = world.repo.with_file_name("tree");
    world.git("clone -q --bare . ../bare.git");
    world.git(&format!("-C ../bare.git worktree add -q {} main", tree.display()));
    holds_in(&world, &tree);
}

#[test]
fn a_repository_inside_of_another() {
    let world = World::with_one_node();
    let outer = world.repo.parent().unwrap();
    world.sh_in(outer, "git init -q");
    holds_in(&world, &world.repo);
}

#[test]
fn a_git_directory_elsewhere() {
    let world = World::with_one_node();
    world.git("init -q --separate-git-dir ../elsewhere.git");
    holds_in(&world, &world.repo);
}

#[test]
fn a_path_with_blanks_and_letters_of_all_kinds() {
    let mut world = World::new();
    let odd = world.repo.with_file_name("re po ü'");
    std::fs::rename(&world.repo, &odd).unwrap();
    world.repo = odd;
    world.node("A").agent("echo 1 > n").touches(&["n"]).checks(&["test -f n"]);
    world.build();
    holds_in(&world, &world.repo);
}

#[test]
fn a_submodule_that_nobody_touches() {
    let mut world = World::new();
    let other = world.repo.with_file_name("other");
    std::fs::create_dir(&other).unwrap();
    world.sh_in(&other, "git init -q; echo f > f; git add f; git commit -qm f");
    world.git(&format!("submodule add -q {} sub", other.display()));
    world.node("A").agent("echo 1 > n").touches(&["n"]);
    world.build();
    holds_in(&world, &world.repo);
    assert_eq!(world.git(&format!("diff --name-only {} {}", world.base, world.branch())), "n");
}

#[test]
fn a_branch_that_was_merged_still_holds() {
    let world = World::with_one_node();
    world.run().exits(0);
    world.git(&format!("merge -q --no-ff -m merged {}", world.branch()));
    world.call(&["gate", "--base", "main"]).exits(0);
    world.git(&format!("checkout -q {}", world.branch()));
    world.call(&["gate", "--base", "main"]).exits(0);
    world.call(&["verify"]).exits(0);
}

#[test]
fn changes_of_every_kind_are_one_patch_that_applies() {
    let mut world = World::new();
    world.write("gone", "g\n");
    world.write("mode.sh", "m\n");
    world.write("file-to-dir", "x\n");
    world.write("d/x", "x\n");
    world.write("moved.txt", (0..30).map(|i| format!("{i}\n")).collect::<String>());
    std::os::unix::fs::symlink("gone", world.repo.join("link")).unwrap();
    let script = "rm gone; chmod +x mode.sh; mv moved.txt d/moved.txt; rm file-to-dir; mkdir file-to-dir; \
                  echo y > file-to-dir/y; rm d/x; mkdir d/x; echo z > d/x/z; rm link; echo file > link; : > empty; \
                  printf 'a\\000b' > binary; printf 'no line end' > no-end";
    let touches = [
        "gone",
        "mode.sh",
        "moved.txt",
        "d/**",
        "file-to-dir",
        "file-to-dir/**",
        "link",
        "empty",
        "binary",
        "no-end",
    ];
    world.node("A").agent(script).touches(&touches).est(100);
    world.build();
    holds_in(&world, &world.repo);
    let patch = world.out().join("runs/A/diff.patch").display().to_string();
    let tree = world
        .git(&format!("checkout -q --detach {} && git apply --index {patch} && git write-tree", world.base));
    assert_eq!(tree, world.git(&format!("rev-parse {}^{{tree}}", world.branch())));
}

#[test]
fn worktrees_elsewhere_in_the_repository_do_not_dirty_it() {
    let mut world = World::new();
    world.kdl += "\nworktree { root \"build/wt\" }\nremediation 0\n";
    world.node("A").agent("echo 1 > n").touches(&["n"]).checks(&["false"]);
    world.build();
    world.run().exits(4);
    assert!(world.git("worktree list").contains("/build/wt/audit-0-A-"));
    assert_eq!(world.git("status --porcelain --untracked-files=all"), "");
    // What is kept there is in no later run's way, and what lies beside it is not hidden.
    world.run().exits(4);
    world.write("build/wt/mine", "x\n");
    assert_eq!(world.git("status --porcelain --untracked-files=all"), "?? build/wt/mine");
}
