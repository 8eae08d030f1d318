//! Capture on real repositories: whatever an agent does to files, index, HEAD or attributes,
//! the tree is what stands there, and nothing that was not touched shows.

#![allow(clippy::unwrap_used)] // Helpers of tests may fail as they do.

mod git_world;

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use git_world::{World, chmod, git, git_output, names, touched, write};

#[test]
fn edits_of_every_kind_are_in_the_tree() {
    let world = World::new();
    let (mut tree, base) = world.worktree("w");
    let dir = tree.dir().to_owned();
    write(&dir, "a.txt", "one\n2\nthree\n");
    write(&dir, "new/file.txt", "new\n");
    write(&dir, "bin", b"\0\x01\x02");
    std::fs::remove_file(dir.join("src/lib.rs")).unwrap();
    chmod(&dir.join("run.sh"), 0o644);
    std::fs::remove_file(dir.join("link")).unwrap();
    symlink("src", dir.join("link")).unwrap();
    let odd = std::ffi::OsStr::from_bytes(b"odd \xff\n");
    std::fs::write(dir.join(odd), "x").unwrap();
    let got = tree.capture(&base).unwrap();
    let seen = touched(&got);
    let want = [
        "M  a.txt",
        "?? bin",
        "M  link",
        "?? new/file.txt",
        "?? \"odd \\377\\n\"",
        "M  run.sh",
        "D  src/lib.rs",
    ];
    assert_eq!(seen, want);
    let bin = got.diff.changes.iter().find(|c| c.new.as_bytes() == b"bin").unwrap();
    assert_eq!(bin.lines, None);
    // The tree is what git itself makes of these files.
    git(&dir, &["add", "-A"]);
    assert_eq!(git(&dir, &["write-tree"]), got.tree.as_str());
    let options = ["diff", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", "-M50%"];
    let patch = git_output(&dir, &[&options[..], &[base.as_str(), got.tree.as_str()]].concat()).stdout;
    assert_eq!(String::from_utf8_lossy(&got.diff.patch), String::from_utf8_lossy(&patch));
}

#[test]
fn nothing_done_is_an_empty_diff() {
    let world = World::new();
    let (mut tree, base) = world.worktree("w");
    let got = tree.capture(&base).unwrap();
    assert!(got.diff.changes.is_empty() && got.diff.patch.is_empty() && got.porcelain.is_empty());
    assert_eq!(got.tree.as_str(), world.git(&["rev-parse", "HEAD^{tree}"]));
    assert_eq!(tree.drift().unwrap(), auditrun::git::Drift::default());
}

#[test]
fn a_write_of_the_same_length_right_after_the_seal_is_seen() {
    let world = World::new();
    let (mut tree, base) = world.worktree("w");
    write(tree.dir(), "a.txt", "one\ntwo\nTHREE"[..13].to_owned() + "\n");
    assert_eq!(touched(&tree.capture(&base).unwrap()), ["M  a.txt"]);
}

#[test]
fn renames_show_both_sides() {
    let world = World::new();
    let (mut tree, base) = world.worktree("w");
    let dir = tree.dir().to_owned();
    std::fs::rename(dir.join("a.txt"), dir.join("b c.txt")).unwrap();
    let got = tree.capture(&base).unwrap();
    assert_eq!(touched(&got), ["R  a.txt -> \"b c.txt\""]);
    let paths: Vec<_> = got.diff.changes[0].paths().map(ToString::to_string).collect();
    assert_eq!(paths, ["a.txt", "b c.txt"]);
    assert_eq!(got.diff.changes[0].lines, Some((0, 0)));
}

#[test]
fn a_file_gives_way_to_a_directory_and_the_reverse() {
    for command_line in [false, true] {
        let world = World::new();
        let base = world.oid("HEAD");
        let repo = if command_line { world.plain() } else { world.repo() };
        let mut tree = repo.add_worktree(&world.place("w"), &base, "test").unwrap();
        tree.seal().unwrap();
        let dir = tree.dir().to_owned();
        std::fs::remove_file(dir.join("a.txt")).unwrap();
        write(&dir, "a.txt/inner", "x\n");
        std::fs::remove_dir_all(dir.join("src")).unwrap();
        write(&dir, "src", "now a file\n");
        let got = tree.capture(&base).unwrap();
        let listed = world.git(&["ls-tree", "-r", "--name-only", got.tree.as_str()]);
        assert_eq!(listed.lines().collect::<Vec<_>>(), ["a.txt/inner", "link", "run.sh", "src"]);
    }
}

#[test]
fn a_directory_replaced_by_a_link_loses_its_files() {
    let world = World::new();
    let (mut tree, base) = world.worktree("w");
    let dir = tree.dir().to_owned();
    std::fs::rename(dir.join("src"), dir.join("moved")).unwrap();
    symlink("moved", dir.join("src")).unwrap();
    let got = tree.capture(&base).unwrap();
    let listed = world.git(&["ls-tree", "-r", "--name-only", got.tree.as_str()]);
    let want = ["a.txt", "link", "moved/deep/x.txt", "moved/lib.rs", "run.sh", "src"];
    assert_eq!(listed.lines().collect::<Vec<_>>(), want);
    assert!(got.escaping_links.is_empty());
}

#[test]
fn only_gitignore_files_ignore_and_only_what_is_untracked() {
    let world = World::new();
    world.write(".gitignore", "*.log\nbuild/\n");
    world.write("kept.log", "tracked though ignored\n");
    world.git(&["add", "-f", "kept.log"]);
    world.commit("ignoring");
    std::fs::create_dir_all(world.root.join(".git/info")).unwrap();
    world.write(".git/info/exclude", "*.hidden\n");
    let personal = world.dir.path().join("personal-ignore");
    std::fs::write(&personal, "*.mine\n").unwrap();
    world.git(&["config", "core.excludesFile", personal.to_str().unwrap()]);
    let (mut tree, base) = world.worktree("w");
    let dir = tree.dir().to_owned();
    write(&dir, "x.log", "ignored\n");
    write(&dir, "build/out", "ignored\n");
    write(&dir, "x.hidden", "1\n");
    write(&dir, "x.mine", "1\n");
    write(&dir, "kept.log", "changed\n");
    write(&dir, "sly/.gitignore", "*\n");
    write(&dir, "sly/work.rs", "hidden by the agent\n");
    let got = tree.capture(&base).unwrap();
    assert_eq!(touched(&got), ["M  kept.log", "?? x.hidden", "?? x.mine"]);
    assert_eq!(names(&got.ignored_present), ["build/out", "sly/.gitignore", "sly/work.rs", "x.log"]);
}

#[test]
fn what_an_agent_does_with_git_changes_nothing() {
    let world = World::new();
    let (mut tree, base) = world.worktree("w");
    let dir = tree.dir().to_owned();
    write(&dir, "a.txt", "committed\n");
    git(&dir, &["commit", "-qam", "mine"]);
    git(&dir, &["commit", "-q", "--amend", "-m", "amended"]);
    write(&dir, "run.sh", "stashed\n");
    git(&dir, &["stash", "-q"]);
    write(&dir, "src/lib.rs", "hidden\n");
    git(&dir, &["update-index", "--assume-unchanged", "src/lib.rs"]);
    write(&dir, "src/deep/x.txt", "skipped\n");
    git(&dir, &["update-index", "--skip-worktree", "src/deep/x.txt"]);
    git(&dir, &["switch", "-qc", "elsewhere"]);
    write(&dir, "staged", "x\n");
    git(&dir, &["add", "staged"]);
    std::fs::remove_file(dir.join("staged")).unwrap();
    let got = tree.capture(&base).unwrap();
    assert_eq!(touched(&got), ["M  a.txt", "M  src/deep/x.txt", "M  src/lib.rs"]);
    tree.checkout_tree(&base, &got.tree).unwrap();
    assert_eq!(git(&dir, &["rev-parse", "HEAD"]), base.as_str());
    assert!(!git_output(&dir, &["symbolic-ref", "-q", "HEAD"]).status.success(), "HEAD is detached again");
    assert_eq!(git(&dir, &["ls-files", "-v"]).lines().filter(|l| !l.starts_with("H ")).count(), 0);
    assert_eq!(git(&dir, &["diff", "HEAD", "--name-only"]), "a.txt\nsrc/deep/x.txt\nsrc/lib.rs");
}

#[test]
fn the_git_pointer_is_put_back() {
    let world = World::new();
    for damage in
        ["rm -f .git", "rm -f .git; git init -q", "echo gitdir: /nowhere > .git", "rm .git; ln -s /tmp .git"]
    {
        let (mut tree, base) = world.worktree("w");
        let dir = tree.dir().to_owned();
        let pointer = std::fs::read(dir.join(".git")).unwrap();
        write(&dir, "a.txt", "changed\n");
        let shell = std::process::Command::new("sh").args(["-c", damage]).current_dir(&dir).status().unwrap();
        assert!(shell.success());
        let got = tree.capture(&base).unwrap();
        assert_eq!(touched(&got), ["M  a.txt"], "{damage}");
        assert_eq!(std::fs::read(dir.join(".git")).unwrap(), pointer, "{damage}");
        world.repo().remove_worktree(&dir).unwrap();
        assert!(!dir.exists(), "{damage}");
    }
}

#[test]
fn an_emptied_worktree_is_all_deletions_of_its_own() {
    let world = World::new();
    let (mut tree, base) = world.worktree("w");
    let dir = tree.dir().to_owned();
    std::fs::remove_dir_all(&dir).unwrap();
    std::fs::create_dir(&dir).unwrap();
    let got = tree.capture(&base).unwrap();
    assert_eq!(touched(&got).len(), 5);
    assert!(touched(&got).iter().all(|l| l.starts_with("D  ")));
    tree.reset(&base).unwrap();
    assert!(tree.capture(&base).unwrap().diff.changes.is_empty());
    assert_eq!(world.git(&["status", "--porcelain", "--untracked-files=no"]), "");
}

#[test]
fn line_endings_and_filters_invent_no_change() {
    let world = World::new();
    world.write(".gitattributes", "*.crlf text eol=crlf\n*.auto text=auto\n*.id ident\n*.f filter=odd\n");
    world.write("x.crlf", "a\r\nb\r\n");
    world.write("x.auto", "a\r\nb\r\n");
    world.write("x.id", "$Id$\n");
    world.write("x.f", "payload\n");
    world.git(&["config", "filter.odd.clean", "cat"]);
    // What comes out of the repository does not go back in the same.
    world.git(&["config", "filter.odd.smudge", "sed s/payload/smudged/"]);
    world.git(&["config", "filter.odd.required", "true"]);
    world.commit("filters");
    world.git(&["config", "core.safecrlf", "true"]);
    // A blob with CRLF that the attributes would normalise.
    let blob = world.dir.path().join("blob");
    std::fs::write(&blob, "raw\r\n").unwrap();
    let id = world.git(&["hash-object", "-w", "--no-filters", blob.to_str().unwrap()]);
    world.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{id},y.crlf")]);
    world.git(&["commit", "-qm", "not normalised"]);
    let (mut tree, base) = world.worktree("w");
    let dir = tree.dir().to_owned();
    assert_eq!(std::fs::read_to_string(dir.join("x.f")).unwrap(), "smudged\n");
    assert_eq!(touched(&tree.capture(&base).unwrap()), Vec::<String>::new());
    // Rewritten with the same bytes: still no change. The snapshot is old enough to hold no digests.
    std::thread::sleep(std::time::Duration::from_millis(30));
    tree.seal().unwrap();
    for name in ["x.crlf", "x.auto", "x.id", "x.f", "y.crlf"] {
        let same = std::fs::read(dir.join(name)).unwrap();
        std::fs::remove_file(dir.join(name)).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        std::fs::write(dir.join(name), same).unwrap();
    }
    assert_eq!(touched(&tree.capture(&base).unwrap()), Vec::<String>::new());
    // A real change goes through the filters of base, not through attributes of the agent.
    write(&dir, ".gitattributes", "* -text -filter\n");
    write(&dir, "x.crlf", "a\r\nc\r\n");
    let got = tree.capture(&base).unwrap();
    assert_eq!(touched(&got), ["M  .gitattributes", "M  x.crlf"]);
    assert_eq!(world.git(&["show", &format!("{}:x.crlf", got.tree)]), "a\nc");
}

#[test]
fn a_filter_that_must_work_and_does_not_is_an_error() {
    let world = World::new();
    world.write(".gitattributes", "*.f filter=odd\n");
    world.commit("filters");
    world.git(&["config", "filter.odd.clean", "false"]);
    world.git(&["config", "filter.odd.required", "true"]);
    let (mut tree, base) = world.worktree("w");
    write(tree.dir(), "x.f", "x\n");
    let error = tree.capture(&base).unwrap_err().to_string();
    assert!(error.contains("x.f"), "{error}");
}

#[test]
fn what_cannot_be_in_a_tree_is_reported() {
    let world = World::new();
    world.write(".gitignore", "vendor/\n");
    world.commit("ignore");
    let (mut tree, base) = world.worktree("w");
    let dir = tree.dir().to_owned();
    git(&dir, &["init", "-q", "nested/repo"]);
    write(&dir, "nested/repo/file", "in a repository\n");
    git(&dir, &["init", "-q", "vendor/lib"]);
    let fifo = std::process::Command::new("mkfifo").arg(dir.join("pipe")).status().unwrap();
    assert!(fifo.success());
    symlink("/etc/passwd", dir.join("abs")).unwrap();
    symlink("../../outside", dir.join("up")).unwrap();
    symlink("src/deep", dir.join("fine")).unwrap();
    std::fs::create_dir(dir.join("d")).unwrap();
    symlink("../up/x", dir.join("d/through")).unwrap();
    let got = tree.capture(&base).unwrap();
    assert_eq!(names(&got.nested_repositories), ["nested/repo"]);
    assert_eq!(names(&got.special_files), ["pipe"]);
    assert_eq!(names(&got.escaping_links), ["abs", "d/through", "up"]);
    assert!(touched(&got).contains(&"?? nested/repo/file".to_owned()), "nothing hides in it");
    tree.checkout_tree(&base, &world.repo().tree_of(&base).unwrap()).unwrap();
    for gone in ["nested", "pipe", "vendor", "abs"] {
        assert!(dir.join(gone).symlink_metadata().is_err(), "{gone}");
    }
}

#[test]
fn submodules_that_move_or_fill_are_reported() {
    let world = World::new();
    let other = World::new();
    world.git(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        other.root.to_str().unwrap(),
        "sub",
    ]);
    world.commit("a submodule");
    let (mut tree, base) = world.worktree("w");
    let dir = tree.dir().to_owned();
    assert!(dir.join("sub").is_dir());
    assert!(tree.capture(&base).unwrap().diff.changes.is_empty());
    git(&dir, &["-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init"]);
    let got = tree.capture(&base).unwrap();
    assert_eq!(names(&got.nested_repositories), ["sub"]);
    assert!(got.diff.changes.is_empty());
    tree.reset(&base).unwrap();
    assert_eq!(std::fs::read_dir(dir.join("sub")).unwrap().count(), 0);
    std::fs::remove_dir(dir.join("sub")).unwrap();
    assert_eq!(touched(&tree.capture(&base).unwrap()), ["D  sub"]);
}

#[test]
fn sparse_checkouts_keep_what_they_do_not_show() {
    for cone in ["--cone", "--no-cone"] {
        let world = World::new();
        world.git(&["sparse-checkout", "set", cone, "src/deep"]);
        let config = std::fs::read(world.root.join(".git/config")).unwrap();
        let (mut tree, base) = world.worktree("w");
        let dir = tree.dir().to_owned();
        let here = |path: &str| dir.join(path).exists();
        assert!(here("src/deep/x.txt"), "{cone}");
        assert_eq!(here("src/lib.rs"), world.root.join("src/lib.rs").exists(), "{cone}");
        assert_eq!(here("a.txt"), world.root.join("a.txt").exists(), "{cone}");
        write(&dir, "src/deep/x.txt", "changed\n");
        write(&dir, "outside/new", "beyond the cone\n");
        let got = tree.capture(&base).unwrap();
        assert_eq!(touched(&got), ["?? outside/new", "M  src/deep/x.txt"], "{cone}");
        tree.checkout_tree(&base, &got.tree).unwrap();
        assert_eq!(tree.drift().unwrap(), auditrun::git::Drift::default(), "{cone}");
        tree.reset(&base).unwrap();
        assert!(tree.capture(&base).unwrap().diff.changes.is_empty(), "{cone}");
        assert_eq!(std::fs::read(world.root.join(".git/config")).unwrap(), config, "{cone}");
    }
}

#[test]
fn prepared_paths_are_outside_capture_while_unchanged() {
    let world = World::new();
    let base = world.oid("HEAD");
    let mut tree = world.repo().add_worktree(&world.place("w"), &base, "test").unwrap();
    let dir = tree.dir().to_owned();
    write(&dir, ".env", "SECRET=1\n");
    write(&dir, "cfg/one", "1\n");
    symlink("/usr", dir.join("usr")).unwrap();
    write(&dir, "setup-made", "by a program\n");
    tree.set_prepared(vec![".env".into(), dir.join("cfg"), "usr".into()]);
    tree.seal().unwrap();
    let got = tree.capture(&base).unwrap();
    assert!(got.diff.changes.is_empty() && got.prepared_changed.is_empty() && got.escaping_links.is_empty());
    write(&dir, "cfg/one", "2\n");
    std::fs::remove_file(dir.join(".env")).unwrap();
    let got = tree.capture(&base).unwrap();
    assert_eq!(names(&got.prepared_changed), [".env", "cfg"]);
    assert_eq!(touched(&got), ["?? cfg/one"]);
    tree.checkout_tree(&base, &world.repo().tree_of(&base).unwrap()).unwrap();
    assert!(dir.join("usr").is_symlink() && dir.join("cfg/one").exists(), "prepared paths stay");
    assert!(dir.join("setup-made").exists(), "what the seal saw stays");
    tree.reset(&base).unwrap();
    assert!(!dir.join("setup-made").exists(), "a reset spares only what is named");
}

#[test]
fn a_directory_that_cannot_be_read_is_an_error_not_a_loss() {
    let world = World::new();
    let (mut tree, base) = world.worktree("w");
    let dir = tree.dir().to_owned();
    chmod(&dir.join("src"), 0o000);
    let captured = tree.capture(&base);
    if std::fs::read_dir(dir.join("src")).is_ok() {
        // Root reads everything, so nothing is lost.
        assert!(captured.unwrap().diff.changes.is_empty());
    } else {
        assert!(captured.unwrap_err().to_string().contains("src"));
    }
    tree.reset(&base).unwrap();
    assert!(std::fs::read_dir(dir.join("src")).is_ok(), "its permissions are back");
}

#[test]
fn names_that_differ_in_case_only_are_two_files() {
    let world = World::new();
    let (mut tree, base) = world.worktree("w");
    write(tree.dir(), "A.TXT", "other\n");
    write(tree.dir(), "a.txt", "changed\n");
    assert_eq!(touched(&tree.capture(&base).unwrap()), ["?? A.TXT", "M  a.txt"]);
}

#[test]
fn many_changes_fit_into_a_capture() {
    let world = World::new();
    for n in 0..1500 {
        world.write(&format!("many/{n:04}-{}", "n".repeat(40)), format!("{n}\n"));
    }
    world.commit("many");
    let (mut tree, base) = world.worktree("w");
    for n in 0..1500 {
        write(tree.dir(), &format!("many/{n:04}-{}", "n".repeat(40)), format!("changed {n}\n"));
    }
    let got = tree.capture(&base).unwrap();
    assert_eq!(got.diff.changes.len(), 1500);
}

#[test]
fn work_goes_on_from_an_attempt() {
    let world = World::new();
    let (mut tree, base) = world.worktree("w");
    write(tree.dir(), "a.txt", "first attempt\n");
    write(tree.dir(), "first", "1\n");
    let first = tree.capture(&base).unwrap();
    tree.checkout_tree(&base, &first.tree).unwrap();
    tree.seal().unwrap();
    assert_eq!(tree.capture(&base).unwrap().tree, first.tree, "what was checked out counts as it is");
    write(tree.dir(), "second", "2\n");
    assert_eq!(touched(&tree.capture(&base).unwrap()), ["M  a.txt", "?? first", "?? second"]);
}

#[test]
fn submodules_that_setup_filled_stay_and_are_watched() {
    let world = World::new();
    let other = World::new();
    let url = other.root.to_str().unwrap();
    world.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", url, "sub"]);
    world.commit("a submodule");
    let (mut tree, base) = world.worktree("w");
    let dir = tree.dir().to_owned();
    git(&dir, &["-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init"]);
    tree.seal().unwrap();
    write(&dir, "a.txt", "changed\n");
    let got = tree.capture(&base).unwrap();
    assert_eq!((touched(&got), got.nested_repositories), (vec!["M  a.txt".to_owned()], vec![]));
    tree.checkout_tree(&base, &got.tree).unwrap();
    assert!(dir.join("sub/a.txt").exists(), "what setup filled stays for the checks");
    assert_eq!(tree.drift().unwrap(), auditrun::git::Drift::default());
    write(&dir, "sub/a.txt", "changed in the submodule\n");
    assert_eq!(names(&tree.capture(&base).unwrap().nested_repositories), ["sub"]);
}

#[test]
fn a_captured_tree_that_renames_directories_is_checked_out_exactly() {
    let world = World::new();
    let (mut tree, base) = world.worktree("w");
    let dir = tree.dir().to_owned();
    std::fs::rename(dir.join("src"), dir.join("lib")).unwrap();
    std::fs::create_dir_all(dir.join("src/lib.rs")).unwrap();
    write(&dir, "src/lib.rs/mod.rs", "a directory now\n");
    let got = tree.capture(&base).unwrap();
    let before = git_world::tree_on_disk(&dir);
    write(&dir, "residue", "x\n");
    tree.checkout_tree(&base, &got.tree).unwrap();
    let after = git_world::tree_on_disk(&dir);
    assert!(
        after == {
            let mut b = before;
            b.remove("residue");
            b
        }
    );
    assert_eq!(tree.drift().unwrap(), auditrun::git::Drift::default());
    tree.reset(&base).unwrap();
    assert!(!dir.join("lib").exists() && dir.join("src/lib.rs").is_file());
    assert_eq!(tree.drift().unwrap(), auditrun::git::Drift::default());
    assert_eq!(tree.capture(&base).unwrap().tree, world.repo().tree_of(&base).unwrap());
}
