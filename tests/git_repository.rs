//! The repository's side: refs, objects, merges, diffs, worktrees, in every format git has
//! here, by libgit2 and by the command line, and the operator's own state untouched.

#![allow(clippy::unwrap_used)] // Helpers of tests may fail as they do.

mod git_world;

use std::path::Path;
use std::process::Command;

use auditrun::base::{Layout, Oid, RepoPath};
use auditrun::git::{FileState, GitError, GuardClass, Merge, NewCommit, Repo, Swap};
use git_world::{World, chmod, git, git_output, names, touched, tree_on_disk, write};

fn new_commit(tree: &Oid, parents: &[Oid]) -> NewCommit {
    NewCommit {
        tree: tree.clone(),
        parents: parents.to_vec(),
        message: "node(A): work\n\nAudit-Node: A\nAudit-Attempt: 1".to_owned(),
        author: "auditrun <auditrun@localhost>".to_owned(),
        sign: false,
    }
}

/// Worlds of every format that git can make here, each read in the ways it can be.
fn repositories() -> Vec<(String, World, Repo)> {
    let mut all = Vec::new();
    let mut add = |name: &str, init: &[&str], plain: bool| {
        let world = World::with(init);
        let repo = if plain { world.plain() } else { world.repo() };
        all.push((name.to_owned(), world, repo));
    };
    add("libgit2", &[], false);
    add("command line", &[], true);
    add("sha256", &["--object-format=sha256"], false);
    let probe = tempfile::tempdir().unwrap();
    if git_output(probe.path(), &["init", "-q", "--ref-format=reftable"]).status.success() {
        add("reftable", &["--ref-format=reftable"], false);
    }
    all
}

#[test]
fn refs_move_by_compare_and_swap() {
    for (name, world, repo) in repositories() {
        let first = world.oid("HEAD");
        let second = world.commit("second");
        let branch = "refs/heads/audit/run-1";
        assert_eq!(repo.reference(branch).unwrap(), None, "{name}");
        assert!(repo.create_ref(branch, &first).unwrap(), "{name}");
        assert!(!repo.create_ref(branch, &second).unwrap(), "{name}: made twice");
        assert_eq!(repo.swap_ref(branch, &first, &second).unwrap(), Swap::Done, "{name}");
        let lost = repo.swap_ref(branch, &first, &second).unwrap();
        assert_eq!(lost, Swap::Moved(Some(second.clone())), "{name}");
        assert_eq!(
            repo.references("refs/heads/audit/").unwrap(),
            [(branch.to_owned(), second.clone())],
            "{name}"
        );
        assert_eq!(repo.delete_ref(branch, &first).unwrap(), Swap::Moved(Some(second.clone())), "{name}");
        assert_eq!(repo.delete_ref(branch, &second).unwrap(), Swap::Done, "{name}");
        assert_eq!(repo.swap_ref(branch, &first, &second).unwrap(), Swap::Moved(None), "{name}");
        assert!(repo.create_ref("refs/heads/main/below", &first).is_err(), "{name}: blocked by main");
        assert!(repo.create_ref("refs/heads/bad..name", &first).is_err(), "{name}");
    }
}

#[test]
fn objects_are_read_and_made_alike() {
    for (name, world, repo) in repositories() {
        let base = world.oid("HEAD");
        assert_eq!(repo.head().unwrap().commit.as_ref(), Some(&base), "{name}");
        assert_eq!(repo.head().unwrap().branch.as_deref(), Some("main"), "{name}");
        assert_eq!(repo.resolve("main~0").unwrap().as_ref(), Some(&base), "{name}");
        assert_eq!(repo.resolve("no-such").unwrap(), None, "{name}");
        assert_eq!(repo.blob(&base, "src/lib.rs").unwrap().as_deref(), Some(&b"fn lib() {}\n"[..]), "{name}");
        for missing in ["src", "src/", "nothing", "*", "src/lib.rs/x"] {
            assert_eq!(repo.blob(&base, missing).unwrap(), None, "{name}: {missing}");
        }
        assert_eq!(names(&repo.files(&base, "src").unwrap()), ["src/deep/x.txt", "src/lib.rs"], "{name}");
        assert_eq!(repo.files(&base, "").unwrap().len(), 5, "{name}");
        assert_eq!(repo.checkout_size(&base).unwrap(), 5 * 4096, "{name}");
        let edits = [
            ("run.sh".to_owned(), Some(b"changed\n".to_vec())),
            ("src/deep/x.txt".to_owned(), None),
            ("new/dir/f".to_owned(), Some(b"1".to_vec())),
        ];
        let tree = repo.edit_tree(Some(&base), &edits).unwrap();
        let listed = world.git(&["ls-tree", "-r", "--format=%(objectmode) %(path)", tree.as_str()]);
        let want = "100644 a.txt\n120000 link\n100644 new/dir/f\n100755 run.sh\n100644 src/lib.rs";
        assert_eq!(listed, want, "{name}");
        let alone = repo.edit_tree(None, &[("x/y".to_owned(), Some(b"1".to_vec()))]).unwrap();
        assert_eq!(world.git(&["ls-tree", "-r", "--name-only", alone.as_str()]), "x/y", "{name}");
        let nothing = repo.edit_tree(Some(&alone), &[("x/y".to_owned(), None)]).unwrap();
        assert_eq!(world.git(&["ls-tree", nothing.as_str()]), "", "{name}");
        assert!(repo.edit_tree(None, &[(".git/config".to_owned(), Some(Vec::new()))]).is_err(), "{name}");
        let made = repo.commit_tree(&new_commit(&tree, std::slice::from_ref(&base))).unwrap();
        let listed = repo.commits(&base, &made).unwrap();
        assert_eq!(listed.len(), 1, "{name}");
        assert_eq!((&listed[0].id, &listed[0].tree), (&made, &tree), "{name}");
        assert_eq!(listed[0].parents, std::slice::from_ref(&base), "{name}");
        assert_eq!(listed[0].subject(), "node(A): work", "{name}");
        assert_eq!(listed[0].trailer("Audit-Node"), ["A"], "{name}");
        let who = world.git(&["log", "-1", "--format=%an <%ae> %cn <%ce>", made.as_str()]);
        assert_eq!(who, "auditrun <auditrun@localhost> Op <op@example.com>", "{name}");
        assert_eq!(repo.merge_base(&base, &made).unwrap(), Some(base.clone()), "{name}");
        let apart = repo.commit_tree(&new_commit(&tree, &[])).unwrap();
        assert_eq!(repo.merge_base(&base, &apart).unwrap(), None, "{name}");
        let raw = world.git(&["cat-file", "commit", apart.as_str()]);
        assert!(raw.ends_with("Audit-Attempt: 1") && !raw.contains("encoding"), "{name}: {raw}");
        world.git(&["fsck", "--strict", "--no-dangling"]);
    }
}

#[test]
fn history_comes_oldest_first() {
    let world = World::new();
    let base = world.oid("HEAD");
    let made: Vec<Oid> = (0..4).map(|n| world.commit(&format!("c{n}"))).collect();
    let listed = world.repo().commits(&base, &made[3]).unwrap();
    assert_eq!(listed.iter().map(|c| c.id.clone()).collect::<Vec<_>>(), made);
    assert!(world.repo().commits(&made[3], &base).unwrap().is_empty());
}

#[test]
fn an_author_needs_both_parts() {
    let world = World::new();
    let tree = world.repo().tree_of(&world.oid("HEAD")).unwrap();
    let commit = NewCommit { author: "nobody".to_owned(), ..new_commit(&tree, &[]) };
    assert!(world.repo().commit_tree(&commit).unwrap_err().to_string().contains("Name <mail>"));
}

#[test]
fn merges_are_clean_or_name_their_conflicts() {
    for (name, world, repo) in repositories() {
        let base = world.oid("HEAD");
        world.write("a.txt", "ONE\ntwo\nthree\n");
        world.write("src/mine.rs", "mine\n");
        let ours = world.commit("ours");
        world.git(&["reset", "-q", "--hard", base.as_str()]);
        world.write("a.txt", "one\ntwo\nTHREE\n");
        world.write("other", "theirs\n");
        let theirs = world.commit("theirs");
        // The operator's taste must not matter.
        world.git(&["config", "merge.conflictStyle", "diff3"]);
        world.git(&["config", "merge.renames", "false"]);
        let Merge::Clean(tree) = repo.merge(&base, &ours, &theirs).unwrap() else {
            panic!("{name}: should merge");
        };
        assert_eq!(repo.blob(&tree, "other").unwrap().as_deref(), Some(&b"theirs\n"[..]), "{name}");
        assert_eq!(repo.blob(&tree, "src/mine.rs").unwrap().as_deref(), Some(&b"mine\n"[..]), "{name}");
        let git_says = world.git(&["merge-tree", "--write-tree", theirs.as_str(), ours.as_str()]);
        assert_eq!(git_says, tree.as_str(), "{name}");
        world.write("a.txt", "uno\ntwo\nTHREE\n");
        world.write("src/mine.rs", "yours\n");
        let hostile = world.commit("hostile");
        let Merge::Conflict(paths) = repo.merge(&base, &ours, &hostile).unwrap() else {
            panic!("{name}: should conflict");
        };
        assert_eq!(names(&paths), ["a.txt", "src/mine.rs"], "{name}");
        let trees =
            (repo.tree_of(&base).unwrap(), repo.tree_of(&ours).unwrap(), repo.tree_of(&theirs).unwrap());
        assert_eq!(repo.merge(&trees.0, &trees.1, &trees.2).unwrap(), Merge::Clean(tree), "{name}: of trees");
    }
}

#[test]
fn a_change_of_a_file_that_was_deleted_is_a_conflict() {
    let world = World::new();
    let base = world.oid("HEAD");
    world.write("a.txt", "changed\n");
    let ours = world.commit("ours");
    world.git(&["reset", "-q", "--hard", base.as_str()]);
    world.git(&["rm", "-q", "a.txt"]);
    let theirs = world.commit("theirs");
    for repo in [world.repo(), world.plain()] {
        let merged = repo.merge(&base, &ours, &theirs).unwrap();
        assert_eq!(merged, Merge::Conflict(vec![RepoPath::from("a.txt")]));
    }
}

#[test]
fn a_diff_does_not_depend_on_configuration() {
    let world = World::new();
    let lines: String = (0..40).map(|n| format!("fn f{n}() {{\n    {n}\n}}\n")).collect();
    world.write("big.rs", &lines);
    world.write("ü.txt", "a\n");
    world.write(".gitattributes", "*.rs diff=custom\n*.bin -diff\n");
    world.write("x.bin", "text all the same\n");
    let old = world.commit("old");
    world.write("big.rs", lines.replace("    7\n", "    seven\n"));
    world.git(&["mv", "ü.txt", "z.txt"]);
    world.write("x.bin", "changed\n");
    let new = world.commit("new");
    let calm = world.repo().diff(&old, &new).unwrap();
    let options = ["diff", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", "-M50%"];
    let plain = git_output(&world.root, &[&options[..], &[old.as_str(), new.as_str()]].concat()).stdout;
    assert_eq!(String::from_utf8_lossy(&calm.patch), String::from_utf8_lossy(&plain));
    for setting in [
        "diff.noprefix=true",
        "diff.mnemonicPrefix=true",
        "diff.renames=copies",
        "diff.algorithm=patience",
        "diff.context=9",
        "diff.interHunkContext=20",
        "diff.external=false",
        "diff.custom.xfuncname=^never$",
        "diff.custom.textconv=false",
        "diff.custom.command=false",
        "diff.suppressBlankEmpty=true",
        "core.quotePath=false",
        "color.ui=always",
        "core.abbrev=4",
        "diff.indentHeuristic=false",
        "diff.renameLimit=1",
    ] {
        let (key, value) = setting.split_once('=').unwrap();
        world.git(&["config", key, value]);
    }
    std::fs::create_dir_all(world.root.join(".git/info")).unwrap();
    world.write(".git/info/attributes", "*.rs -diff\n");
    assert_eq!(world.repo().diff(&old, &new).unwrap(), calm);
    let counts: Vec<_> = calm.changes.iter().map(|c| (c.new.to_string(), c.lines)).collect();
    let want = [("big.rs", Some((1, 1))), ("x.bin", None), ("z.txt", Some((0, 0)))];
    assert_eq!(counts, want.map(|(p, l)| (p.to_owned(), l)));
}

/// Every hook fails, and leaves a mark outside if it runs.
fn plant_hooks(world: &World) {
    let mark = world.dir.path().join("hook-ran");
    for hook in [
        "applypatch-msg",
        "commit-msg",
        "fsmonitor-watchman",
        "post-checkout",
        "post-commit",
        "post-index-change",
        "post-merge",
        "post-rewrite",
        "pre-applypatch",
        "pre-auto-gc",
        "pre-commit",
        "pre-merge-commit",
        "pre-rebase",
        "prepare-commit-msg",
        "reference-transaction",
        "sendemail-validate",
        "update",
    ] {
        world.write(&format!(".git/hooks/{hook}"), format!("#!/bin/sh\ntouch {}\nexit 1\n", mark.display()));
        world.chmod(&format!(".git/hooks/{hook}"), 0o755);
    }
    world.git(&["config", "core.fsmonitor", &format!("touch {}; false", mark.display())]);
}

#[test]
fn a_whole_cycle_leaves_the_operators_state_alone() {
    for (name, world, repo) in repositories() {
        let layout = Layout::new("docs/audit", "docs/audit");
        world.git(&["config", "core.untrackedCache", "true"]);
        plant_hooks(&world);
        repo.keep_excluded(&layout).unwrap();
        let before = world.operators_state();
        let head = repo.head().unwrap();
        let base = head.commit.clone().unwrap();
        assert!(repo.obstacles(&layout).unwrap().is_empty(), "{name}: {:?}", repo.obstacles(&layout));
        let guard = repo.guard().unwrap();
        let branch = "refs/heads/audit/run-1";
        assert!(repo.create_ref(branch, &base).unwrap());
        let mut tree = repo.add_worktree(&world.place("w"), &base, "node A").unwrap();
        tree.seal().unwrap();
        write(tree.dir(), "src/new.rs", "new\n");
        write(tree.dir(), "a.txt", "changed\n");
        let got = tree.capture(&base).unwrap();
        assert_eq!(touched(&got), ["M  a.txt", "?? src/new.rs"], "{name}");
        tree.checkout_tree(&base, &got.tree).unwrap();
        assert_eq!(
            git(tree.dir(), &["-c", "core.fsmonitor=false", "diff", "HEAD", "--name-only"]),
            "a.txt",
            "{name}"
        );
        write(tree.dir(), "left/behind", "by a check\n");
        write(tree.dir(), "a.txt", "drifted\n");
        let drift = tree.drift().unwrap();
        assert_eq!(
            (names(&drift.changed), names(&drift.untracked)),
            (vec!["a.txt".to_owned()], vec!["left/behind".to_owned()]),
            "{name}"
        );
        tree.remove_untracked(&drift.untracked).unwrap();
        assert!(!tree.dir().join("left").exists(), "{name}");
        let commit = repo.commit_tree(&new_commit(&got.tree, std::slice::from_ref(&base))).unwrap();
        assert_eq!(repo.swap_ref(branch, &base, &commit).unwrap(), Swap::Done, "{name}");
        tree.reset(&commit).unwrap();
        assert!(tree.capture(&commit).unwrap().diff.changes.is_empty(), "{name}");
        assert!(tree.drift().unwrap().changed.is_empty(), "{name}");
        assert_eq!(
            git(tree.dir(), &["-c", "core.fsmonitor=false", "rev-parse", "HEAD"]),
            commit.as_str(),
            "{name}"
        );
        repo.remove_worktree(&world.place("w")).unwrap();
        assert_eq!(repo.worktrees().unwrap().len(), 1, "{name}");
        let mut after = world.operators_state();
        if name == "reftable" {
            // All refs share tables there, ours among them.
            after.retain(|path, _| !path.starts_with("reftable/"));
            let before: Vec<_> = before.iter().filter(|(p, _)| !p.starts_with("reftable/")).collect();
            assert_eq!(before, after.iter().collect::<Vec<_>>(), "{name}");
        } else {
            assert_eq!(before, after, "{name}");
        }
        assert_eq!(repo.head().unwrap(), head, "{name}");
        let after = repo.guard().unwrap();
        assert_eq!(guard.changes(&after), [("ref refs/heads/audit/run-1", GuardClass::Harness)], "{name}");
        assert!(!world.dir.path().join("hook-ran").exists(), "{name}: a hook ran");
    }
}

#[test]
fn worktrees_are_detached_locked_and_listed() {
    let world = World::new();
    let repo = world.repo();
    let base = world.oid("HEAD");
    let made = repo.add_worktree(&world.place("a b"), &base, "node A, pid 1").unwrap();
    let listed = repo.worktrees().unwrap();
    assert_eq!((listed[0].dir.as_path(), listed[0].branch.as_deref()), (repo.root(), Some("main")));
    assert_eq!(
        (&listed[1].dir, &listed[1].head, &listed[1].branch),
        (&world.place("a b"), &Some(base.clone()), &None)
    );
    assert_eq!(listed[1].locked.as_deref(), Some("node A, pid 1"));
    assert!(repo.add_worktree(&world.place("a b"), &base, "again").is_err());
    assert!(made.dir().join("a.txt").exists(), "a failed second one leaves the first");
}

#[test]
fn a_worktree_that_could_not_be_made_leaves_nothing() {
    let world = World::new();
    world.write(".gitattributes", "*.f filter=odd\n");
    world.write("x.f", "x\n");
    world.commit("filter");
    world.git(&["config", "filter.odd.smudge", "false"]);
    world.git(&["config", "filter.odd.required", "true"]);
    let repo = world.repo();
    assert!(repo.add_worktree(&world.place("w"), &world.oid("HEAD"), "test").is_err());
    assert!(!world.place("w").exists());
    assert_eq!(repo.worktrees().unwrap().len(), 1);
}

#[test]
fn removal_gets_rid_of_anything_and_only_of_that() {
    let world = World::new();
    let repo = world.repo();
    let base = world.oid("HEAD");
    let outside = world.dir.path().join("outside");
    write(&outside, "kept", "x\n");
    let cases: [&dyn Fn(&Path); 5] = [
        &|_| {},
        &|dir| std::fs::remove_dir_all(dir).unwrap(),
        &|dir| std::fs::remove_file(dir.join(".git")).unwrap(),
        &|dir| chmod(&dir.join("src"), 0o000),
        &|dir| std::os::unix::fs::symlink(&outside, dir.join("out")).unwrap(),
    ];
    for damage in cases {
        let made = repo.add_worktree(&world.place("w"), &base, "test").unwrap();
        git(made.dir(), &["worktree", "add", "-q", "--detach", "inner"]);
        damage(made.dir());
        repo.remove_worktree(&world.place("w")).unwrap();
        assert!(!world.place("w").exists() && outside.join("kept").exists());
        world.git(&["worktree", "prune"]);
        assert_eq!(repo.worktrees().unwrap().len(), 1);
    }
    repo.remove_worktree(&world.place("never-was")).unwrap();
    for mine in [world.root.clone(), world.dir.path().to_owned(), world.root.join("src"), outside.clone()] {
        assert!(repo.remove_worktree(&mine).is_err(), "{}", mine.display());
        assert!(mine.exists());
    }
    // A link in the place of a worktree: the link goes, what it leads to stays.
    let made = repo.add_worktree(&world.place("w"), &base, "test").unwrap();
    std::fs::remove_dir_all(made.dir()).unwrap();
    std::os::unix::fs::symlink(&outside, world.place("w")).unwrap();
    repo.remove_worktree(&world.place("w")).unwrap();
    assert!(outside.join("kept").exists());
}

/// What an agent may leave behind, in one line of shell.
const MESS: &str = "chmod 600 a.txt; chmod 700 src .; echo 1 > x.o; mkdir -p e/m/p; echo y > src/lib.rs; \
    rm run.sh; mkdir run.sh; git init -q n; mkfifo p; git add -A 2>/dev/null; git rm -q --cached a.txt; \
    ln -sf /etc link; echo z >> src/deep/x.txt; touch -d 2001-01-01 src/deep/x.txt; \
    git bisect start -q 2>/dev/null; git config --worktree x.y z 2>/dev/null; rm -rf sub; chmod 000 e";

fn world_of_two_commits() -> (World, Oid, Oid) {
    let world = World::new();
    let other = World::new();
    world.write(".gitignore", "*.o\n");
    world.write("gone-later/x", "x\n");
    world.git(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        other.root.to_str().unwrap(),
        "sub",
    ]);
    let base = world.commit("base");
    world.git(&["rm", "-rq", "gone-later"]);
    world.write("src/next.rs", "next\n");
    let next = world.commit("next");
    (world, base, next)
}

fn mess_up(dir: &Path) {
    Command::new("sh")
        .args(["-c", MESS])
        .current_dir(dir)
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
}

/// Holds two worktrees to be alike in everything but their names.
fn assert_alike(used: &Path, fresh: &Path, head: &Oid) {
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(tree_on_disk(used), tree_on_disk(fresh));
    let mode = |dir: &Path| dir.metadata().unwrap().permissions().mode();
    assert_eq!(mode(used), mode(fresh));
    for of in [used, fresh] {
        assert_eq!(git(of, &["status", "--porcelain", "--ignored"]), "");
        assert_eq!(git(of, &["rev-parse", "HEAD"]), head.as_str());
        assert_eq!(git_output(of, &["bisect", "log"]).status.code(), Some(1), "no bisection");
    }
    let index = |of: &Path| git(of, &["ls-files", "-s", "-v"]);
    assert_eq!(index(used), index(fresh));
    let admin = |of: &Path| {
        let dir = git(of, &["rev-parse", "--absolute-git-dir"]);
        assert_eq!(Path::new(&dir).file_name(), of.file_name());
        let mut names: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(admin(used), admin(fresh));
}

#[test]
fn a_reset_worktree_equals_a_new_one() {
    let (world, base, next) = world_of_two_commits();
    let repo = world.repo();
    let mut used = repo.add_worktree(&world.place("used"), &base, "test").unwrap();
    used.seal().unwrap();
    mess_up(used.dir());
    used.reset(&next).unwrap();
    let fresh = repo.add_worktree(&world.place("fresh"), &next, "test").unwrap();
    assert_alike(used.dir(), fresh.dir(), &next);
    assert!(used.capture(&next).unwrap().diff.changes.is_empty());
}

#[test]
fn a_recycled_worktree_equals_a_new_one() {
    let (world, base, next) = world_of_two_commits();
    world.git(&["config", "core.logAllRefUpdates", "true"]);
    let repo = world.repo();
    let mut used = repo.add_worktree(&world.place("one"), &base, "first").unwrap();
    write(used.dir(), "cache/x", "kept for one node only\n");
    used.set_prepared(vec!["cache".into()]);
    used.seal().unwrap();
    mess_up(used.dir());
    let got = used.capture(&base).unwrap();
    used.checkout_tree(&base, &got.tree).unwrap();
    let mut used = used.recycle(&world.place("two"), &next, "second").unwrap();
    let fresh = repo.add_worktree(&world.place("fresh"), &next, "second").unwrap();
    assert_alike(used.dir(), fresh.dir(), &next);
    let listed = repo.worktrees().unwrap();
    let two = listed.iter().find(|w| w.dir == world.place("two")).unwrap();
    assert_eq!((two.locked.as_deref(), &two.head), (Some("second"), &Some(next.clone())));
    assert!(!world.place("one").exists() && listed.iter().all(|w| w.dir != world.place("one")));
    used.seal().unwrap();
    write(used.dir(), "a.txt", "work\n");
    assert_eq!(touched(&used.capture(&next).unwrap()), ["M  a.txt"]);
    assert!(used.recycle(&world.place("fresh"), &next, "third").is_err(), "the place is taken");
}

#[test]
fn a_worktree_can_be_taken_up_again() {
    let world = World::new();
    let base = world.oid("HEAD");
    drop(world.worktree("w"));
    let repo = world.repo();
    let mut again = repo.open_worktree(&world.place("w")).unwrap();
    assert!(again.capture(&base).is_err(), "nothing is known about it yet");
    write(again.dir(), "junk", "x\n");
    write(again.dir(), "a.txt", "x\n");
    again.reset(&base).unwrap();
    assert!(!again.dir().join("junk").exists());
    assert_eq!(std::fs::read_to_string(again.dir().join("a.txt")).unwrap(), "one\ntwo\nthree\n");
    assert!(again.capture(&base).unwrap().diff.changes.is_empty());
    assert!(repo.open_worktree(&world.place("other")).is_err());
}

#[test]
fn the_repository_is_found_from_anywhere_in_it() {
    let world = World::new();
    let repo = world.repo();
    let inside = Repo::discover(&world.root.join("src/deep")).unwrap();
    assert_eq!((inside.root(), inside.common_dir()), (repo.root(), repo.common_dir()));
    world.git(&["worktree", "add", "-q", "-b", "side", "../linked"]);
    let linked = world.dir.path().canonicalize().unwrap().join("linked");
    let other = Repo::discover(&linked.join("src")).unwrap();
    assert_eq!((other.root(), other.common_dir()), (linked.as_path(), repo.common_dir()));
    assert_eq!(other.head().unwrap().branch.as_deref(), Some("side"));
    let made = other.add_worktree(&world.place("w"), &world.oid("HEAD"), "test").unwrap();
    assert!(made.dir().join("a.txt").exists());
    let nowhere = tempfile::tempdir().unwrap();
    assert!(matches!(Repo::discover(nowhere.path()), Err(GitError::NotARepository(_))));
    git(nowhere.path(), &["init", "-q", "--bare"]);
    assert!(matches!(Repo::discover(nowhere.path()), Err(GitError::Unusable(_))));
    assert!(matches!(Repo::discover(&world.root.join(".git")), Err(GitError::Unusable(_))));
}

#[test]
fn obstacles_come_with_their_remedy() {
    let world = World::new();
    let layout = Layout::new("docs/audit", "docs/audit");
    let found = |world: &World| -> Vec<String> {
        let all = world.repo().obstacles(&layout).unwrap();
        all.into_iter().map(|o| format!("{} -> {}", o.what, o.remedy)).collect()
    };
    assert_eq!(found(&world), Vec::<String>::new());
    world.write("docs/audit/runs/A/diff.patch", "x");
    world.write("docs/audit/audit-report.md", "x");
    world.write(".worktrees/w/x", "x");
    world.write(".auditrun/x", "x");
    assert_eq!(found(&world), Vec::<String>::new(), "artifacts are no dirt");
    world.write("docs/audit/state.md", "new");
    world.write("a.txt", "changed\n");
    insta::assert_snapshot!(found(&world).join("\n"), @"the working tree is not clean; 2 paths not as in HEAD: a.txt (changed), docs/audit/state.md (untracked) -> commit the changes, or put them away: git stash push -u");
    world.commit("tracks its artifacts");
    world.git(&["branch", "audit"]);
    world.git(&["bisect", "start", "-q"]);
    insta::assert_snapshot!(found(&world).join("\n").replace(world.root.to_str().unwrap(), "ROOT"), @r#"
    a bisection is under way in ROOT -> git bisect reset
    a branch named 'audit' keeps git from making branches below audit/ -> git branch -m audit audit-old
    git tracks 4 artifacts that a run writes, .auditrun/x among them -> git rm -r --cached .auditrun/x .worktrees/w/x docs/audit/audit-report.md docs/audit/runs/A/diff.patch && git commit -m "untrack artifacts"
    "#);
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q"]);
    let unborn = Repo::discover(dir.path()).unwrap();
    assert_eq!(unborn.head().unwrap().commit, None);
    assert_eq!(unborn.head().unwrap().branch.as_deref(), Some("main"));
    assert!(unborn.obstacles(&layout).unwrap()[0].what.starts_with("HEAD has no commit"));
}

#[test]
fn unsettled_inputs_are_named_with_their_state() {
    let world = World::new();
    world.write(".gitignore", "*.kdl\n");
    world.write("docs/audit/state.md", "1");
    world.write("docs/audit/graph.md", "1");
    world.commit("bundle");
    world.write("docs/audit/state.md", "2");
    std::fs::remove_file(world.root.join("docs/audit/graph.md")).unwrap();
    world.write("docs/audit/prompts/A.md", "new");
    world.write("audit.kdl", "ignored");
    world.write("elsewhere", "not asked for");
    let asked = ["docs/audit".to_owned(), "audit.kdl".to_owned()];
    let seen = world.repo().unsettled(&asked).unwrap();
    let seen: Vec<_> = seen.into_iter().map(|(p, s)| (p.to_string(), s)).collect();
    let want = [
        ("audit.kdl", FileState::Untracked),
        ("docs/audit/graph.md", FileState::Deleted),
        ("docs/audit/prompts/A.md", FileState::Untracked),
        ("docs/audit/state.md", FileState::Changed),
    ];
    assert_eq!(seen, want.map(|(p, s)| (p.to_owned(), s)));
    assert!(world.repo().unsettled(&[]).unwrap().is_empty());
}

#[test]
fn the_exclude_block_hides_artifacts_and_nothing_else() {
    let world = World::new();
    let layout = Layout::new("docs/audit", "docs/audit");
    std::fs::create_dir_all(world.root.join(".git/info")).unwrap();
    world.write(".git/info/exclude", "*.mine\n");
    world.repo().keep_excluded(&layout).unwrap();
    world.write("docs/audit/audit/x", "artifact");
    world.write("docs/audit/runs/x", "artifact");
    world.write("docs/audit/audit-report.md", "artifact");
    world.write("audit/source.rs", "source");
    world.write("src/runs/x", "source");
    world.write("x.mine", "");
    assert_eq!(world.git(&["status", "--porcelain", "-uall"]), "?? audit/source.rs\n?? src/runs/x");
    world.repo().keep_excluded(&Layout::new("other", "other")).unwrap();
    let text = std::fs::read_to_string(world.root.join(".git/info/exclude")).unwrap();
    assert!(text.starts_with("*.mine\n") && text.contains("/other/runs/"));
    // Artifacts of another bundle's runs stay hidden for as long as there are any.
    assert!(text.contains("/docs/audit/runs/"), "{text}");
    std::fs::remove_dir_all(world.root.join("docs/audit")).unwrap();
    world.repo().keep_excluded(&Layout::new("other", "other")).unwrap();
    let text = std::fs::read_to_string(world.root.join(".git/info/exclude")).unwrap();
    assert!(text.starts_with("*.mine\n") && !text.contains("docs/audit"), "{text}");
}

#[test]
fn the_guard_sees_what_an_agent_must_not_change() {
    let world = World::new();
    let repo = world.repo();
    repo.create_ref("refs/heads/audit/run-1", &world.oid("HEAD")).unwrap();
    let hostile: [(&str, &str, GuardClass); 8] = [
        ("git config alias.x y", "config", GuardClass::Harness),
        ("echo > .git/hooks/pre-push", "hook pre-push", GuardClass::Harness),
        ("mkdir -p .git/info; echo '* -diff' > .git/info/attributes", "info/attributes", GuardClass::Harness),
        ("echo /x > .git/objects/info/alternates", "objects/info/alternates", GuardClass::Harness),
        (
            "git update-ref refs/heads/audit/run-1 $(git commit-tree -m x HEAD^{tree})",
            "ref refs/heads/audit/run-1",
            GuardClass::Harness,
        ),
        ("git tag t", "ref refs/tags/t", GuardClass::Operator),
        ("echo changed > a.txt", "checkout", GuardClass::Operator),
        ("git checkout -q --detach", "HEAD", GuardClass::Operator),
    ];
    for (command, what, class) in hostile {
        let before = repo.guard().unwrap();
        assert!(before.changes(&repo.guard().unwrap()).is_empty(), "it is stable");
        Command::new("sh").args(["-c", command]).current_dir(&world.root).status().unwrap();
        assert!(before.changes(&repo.guard().unwrap()).contains(&(what, class)), "{command}");
        let _ = std::fs::remove_file(world.root.join(".git/objects/info/alternates"));
    }
}

#[test]
fn a_call_from_a_hook_is_not_led_astray() {
    // A hook's environment can't be set for this process, so the test runs itself in one.
    if std::env::var_os("AUDITRUN_TEST_IN_HOOK").is_some() {
        let here = std::env::current_dir().unwrap();
        let repo = Repo::discover(&here).unwrap();
        assert_eq!(repo.root(), here);
        let base = repo.head().unwrap().commit.unwrap();
        let mut tree = repo.add_worktree(&here.join(".worktrees/w"), &base, "hook").unwrap();
        tree.seal().unwrap();
        write(tree.dir(), "a.txt", "changed\n");
        assert_eq!(touched(&tree.capture(&base).unwrap()), ["M  a.txt"]);
        return;
    }
    let world = World::new();
    let before = world.operators_state();
    let itself = std::env::current_exe().unwrap();
    let output = Command::new(itself)
        .args(["--exact", "a_call_from_a_hook_is_not_led_astray"])
        .current_dir(&world.root)
        .env("AUDITRUN_TEST_IN_HOOK", "1")
        .env("GIT_DIR", "/nonexistent")
        .env("GIT_INDEX_FILE", world.root.join(".git/index"))
        .env("GIT_WORK_TREE", "/")
        .env("GIT_PREFIX", "src/")
        .env("GIT_OBJECT_DIRECTORY", "/nonexistent")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(world.operators_state(), before);
}

#[test]
fn a_partial_clone_fetches_what_it_needs() {
    let origin = World::new();
    origin.git(&["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", origin.root.display());
    let root = origin.dir.path().canonicalize().unwrap().join("partial");
    git(origin.dir.path(), &["clone", "-q", "--filter=blob:none", "--no-checkout", &url, "partial"]);
    let repo = Repo::discover(&root).unwrap();
    let base = repo.head().unwrap().commit.unwrap();
    assert_eq!(repo.checkout_size(&base).unwrap(), 5 * 16 * 1024, "sizes are guessed, nothing is fetched");
    let mut tree = repo.add_worktree(&root.join(".worktrees/w"), &base, "test").unwrap();
    tree.seal().unwrap();
    write(tree.dir(), "a.txt", "one\n2\nthree\n");
    let got = tree.capture(&base).unwrap();
    assert_eq!(touched(&got), ["M  a.txt"]);
    assert_eq!(got.diff.changes[0].lines, Some((1, 1)));
    let merged = repo.merge(&base, &got.tree, &base).unwrap();
    assert_eq!(merged, Merge::Clean(got.tree));
}

#[test]
fn without_an_identity_the_harness_commits_as_itself() {
    let world = World::new();
    world.git(&["config", "user.name", ""]);
    world.git(&["config", "user.email", ""]);
    let tree = world.repo().tree_of(&world.oid("HEAD")).unwrap();
    for repo in [world.repo(), world.plain()] {
        let made = repo.commit_tree(&new_commit(&tree, &[])).unwrap();
        let who = world.git(&["log", "-1", "--format=%cn <%ce>", made.as_str()]);
        assert_eq!(who, "auditrun <auditrun@localhost>");
    }
}

#[test]
fn a_signature_that_cannot_be_made_is_an_error() {
    let world = World::new();
    world.git(&["config", "gpg.program", "false"]);
    let repo = world.repo();
    let tree = repo.tree_of(&world.oid("HEAD")).unwrap();
    assert!(repo.commit_tree(&NewCommit { sign: true, ..new_commit(&tree, &[]) }).is_err());
    world.git(&["config", "commit.gpgSign", "true"]);
    assert!(repo.commit_tree(&new_commit(&tree, &[])).is_ok(), "the operator's own setting does not count");
}

#[test]
fn a_lost_administrative_directory_does_not_reach_the_parent() {
    let world = World::new();
    let (mut tree, base) = world.worktree("w");
    let before = world.git(&["status", "--porcelain", "--untracked-files=no"]);
    let admin = world.root.join(".git/worktrees/w");
    write(tree.dir(), "a.txt", "x\n");
    std::fs::write(admin.join("HEAD"), "garbage").unwrap();
    assert_eq!(touched(&tree.capture(&base).unwrap()), ["M  a.txt"]);
    std::fs::remove_dir_all(&admin).unwrap();
    assert_eq!(touched(&tree.capture(&base).unwrap()), ["M  a.txt"]);
    tree.reset(&base).unwrap();
    assert_eq!(
        git(tree.dir(), &["rev-parse", "--show-toplevel", "HEAD"]),
        format!("{}\n{base}", tree.dir().display())
    );
    assert!(tree.capture(&base).unwrap().diff.changes.is_empty());
    assert_eq!(world.git(&["status", "--porcelain", "--untracked-files=no"]), before);
    assert_eq!(world.oid("HEAD"), base);
    world.repo().remove_worktree(tree.dir()).unwrap();
    assert!(!tree.dir().exists());
}

#[test]
fn worktrees_work_side_by_side() {
    let world = World::new();
    let repo = world.repo();
    let base = world.oid("HEAD");
    std::thread::scope(|scope| {
        for n in 0..6 {
            let (repo, base, place) = (repo.clone(), base.clone(), world.place(&format!("w{n}")));
            scope.spawn(move || {
                let mut tree = repo.add_worktree(&place, &base, "test").unwrap();
                tree.seal().unwrap();
                write(tree.dir(), &format!("n{n}"), "x\n");
                let got = tree.capture(&base).unwrap();
                assert_eq!(touched(&got), [format!("?? n{n}")]);
                tree.checkout_tree(&base, &got.tree).unwrap();
                let commit = repo.commit_tree(&new_commit(&got.tree, std::slice::from_ref(&base))).unwrap();
                assert!(repo.create_ref(&format!("refs/auditrun/r/n{n}/attempt-1"), &commit).unwrap());
                repo.remove_worktree(&place).unwrap();
            });
        }
    });
    assert_eq!(repo.references("refs/auditrun/").unwrap().len(), 6);
    assert_eq!(repo.worktrees().unwrap().len(), 1);
}
