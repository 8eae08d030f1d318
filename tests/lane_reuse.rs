//! Worktrees that go from node to node: one that is used again can't be told from a new one,
//! and none is left when the lane is closed.

#![allow(clippy::unwrap_used)] // Helpers of tests may fail as they do.

mod git_world;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use auditrun::base::Oid;
use auditrun::lane::{Lane, LocalLane, Workspace, WorkspaceSpec};
use auditrun::process::Runner;
use git_world::{World, chmod, git, tree_on_disk, write};

fn lane(world: &World, root: &str, reuse: bool) -> LocalLane {
    LocalLane::new(world.repo(), Runner::new().unwrap(), world.place(root), reuse)
}

fn prepare(lane: &LocalLane, name: &str, commit: &Oid) -> Box<dyn Workspace> {
    let lock_reason = format!("auditrun test node {name}");
    lane.prepare(&WorkspaceSpec { name: name.to_owned(), lock_reason, commit: commit.clone() }).unwrap()
}

/// What a node and its agent can leave in a worktree and in its administrative directory.
fn use_up(workspace: &mut dyn Workspace, base: &Oid) {
    let dir = workspace.dir().to_owned();
    workspace.set_prepared(vec!["cache".into()]);
    write(&dir, "cache/x", "prepared\n");
    workspace.seal().unwrap();
    write(&dir, "a.txt", "changed\n");
    write(&dir, "new/file.txt", "new\n");
    write(&dir, "ignored.o", "x\n");
    chmod(&dir.join("run.sh"), 0o644);
    chmod(&dir.join("src"), 0o700);
    std::fs::remove_file(dir.join("link")).unwrap();
    git(&dir, &["add", "-A"]);
    git(&dir, &["update-index", "--assume-unchanged", "src/lib.rs"]);
    git(&dir, &["update-ref", "refs/worktree/mine", "HEAD"]);
    let admin = admin_dir(&dir);
    write(&admin, "modules/sub/HEAD", "ref: refs/heads/main\n");
    write(&admin, "info/exclude", "*\n");
    write(&admin, "MERGE_HEAD", "0\n");
    let got = workspace.capture(base).unwrap();
    workspace.checkout_tree(base, &got.tree).unwrap();
}

fn admin_dir(dir: &Path) -> PathBuf {
    git(dir, &["rev-parse", "--absolute-git-dir"]).into()
}

/// Every name below, the harness's own indexes aside.
fn names_below(dir: &Path) -> Vec<String> {
    tree_on_disk(dir).into_keys().filter(|name| !name.contains("auditrun")).collect()
}

/// An index file byte for byte, but for what differs between any two checkouts: times, device,
/// inode and, with them, the digest at the end.
fn index_without_times(dir: &Path) -> Vec<u8> {
    const HEADER: usize = 12;
    const TIMES: usize = 24;
    const FIXED: usize = 62;
    let mut bytes = std::fs::read(admin_dir(dir).join("index")).unwrap();
    assert_eq!(bytes[..8], *b"DIRC\0\0\0\x02", "the layout that is walked here");
    let entries = u32::from_be_bytes(bytes[8..HEADER].try_into().unwrap());
    let mut at = HEADER;
    for _ in 0..entries {
        bytes[at..at + TIMES].fill(0);
        let name = bytes[at + FIXED..].iter().position(|b| *b == 0).unwrap();
        at += (FIXED + name + 8) / 8 * 8;
    }
    bytes.truncate(bytes.len() - 20);
    bytes
}

#[test]
fn a_worktree_that_is_used_again_cannot_be_told_from_a_new_one() {
    let world = World::new();
    world.git(&["config", "core.logAllRefUpdates", "true"]);
    world.write(".gitignore", "*.o\n");
    let base = world.commit("base");
    world.write("src/next.rs", "next\n");
    let next = world.commit("next");
    let reusing = lane(&world, "trees", true);
    let mut first = prepare(&reusing, "audit-0-A", &base);
    let inode = first.dir().metadata().unwrap().ino();
    let place = first.dir().to_owned();
    use_up(first.as_mut(), &base);
    first.release(false).unwrap();
    assert!(!place.exists(), "its name is gone as soon as it is given back");
    let mut second = prepare(&reusing, "audit-0-B", &next);
    assert_eq!(second.dir().metadata().unwrap().ino(), inode, "it is the same directory");
    let plain = lane(&world, "plain", false);
    let fresh = prepare(&plain, "audit-0-fresh", &next);
    let (used, new) = (second.dir().to_owned(), fresh.dir().to_owned());
    assert_eq!(tree_on_disk(&used), tree_on_disk(&new));
    assert_eq!(index_without_times(&used), index_without_times(&new));
    assert_eq!(names_below(&admin_dir(&used)), names_below(&admin_dir(&new)));
    assert_eq!(admin_dir(&used).file_name(), used.file_name());
    for dir in [&used, &new] {
        assert_eq!(dir.metadata().unwrap().mode(), new.metadata().unwrap().mode());
        assert_eq!(git(dir, &["status", "--porcelain", "--ignored"]), "");
        assert_eq!(git(dir, &["rev-parse", "HEAD"]), next.as_str());
        let log = std::fs::read_to_string(admin_dir(dir).join("logs/HEAD")).unwrap();
        assert_eq!(log.lines().count(), 1, "{log}");
    }
    second.seal().unwrap();
    assert!(second.capture(&next).unwrap().diff.changes.is_empty());
    let locked = std::fs::read_to_string(admin_dir(&used).join("locked")).unwrap();
    assert_eq!(locked, "auditrun test node audit-0-B");
    second.release(false).unwrap();
    fresh.release(false).unwrap();
    reusing.close().unwrap();
    plain.close().unwrap();
    assert_left(&world, &[]);
}

#[test]
fn closing_leaves_only_what_is_kept() {
    let world = World::new();
    let base = world.oid("HEAD");
    for reuse in [true, false] {
        let lane = lane(&world, "trees", reuse);
        let names = ["audit-0-A", "audit-0-B", "audit-0-C"];
        let trees: Vec<_> = names.iter().map(|name| prepare(&lane, name, &base)).collect();
        for (tree, keep) in trees.into_iter().zip([false, true, false]) {
            tree.release(keep).unwrap();
        }
        drop(lane);
        assert_left(&world, &["audit-0-B"]);
        world.repo().remove_worktree(&world.place("trees/audit-0-B")).unwrap();
    }
}

/// The worktrees that are registered or lie in the lane's directory.
fn assert_left(world: &World, expected: &[&str]) {
    let registered = world.repo().worktrees().unwrap();
    let name = |dir: &Path| dir.file_name().unwrap().to_string_lossy().into_owned();
    let registered: Vec<String> = registered.iter().skip(1).map(|w| name(&w.dir)).collect();
    assert_eq!(registered, expected);
    let lying = std::fs::read_dir(world.place("trees")).unwrap();
    assert_eq!(lying.map(|e| name(&e.unwrap().path())).collect::<Vec<_>>(), expected);
}

#[test]
fn a_worktree_that_was_destroyed_meanwhile_is_replaced() {
    let world = World::new();
    let base = world.oid("HEAD");
    let lane = lane(&world, "trees", true);
    prepare(&lane, "audit-0-A", &base).release(false).unwrap();
    let idle = std::fs::read_dir(world.place("trees")).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_dir_all(&idle).unwrap();
    let again = prepare(&lane, "audit-0-B", &base);
    assert_eq!(tree_on_disk(again.dir()), {
        let (fresh, _) = world.worktree("fresh");
        tree_on_disk(fresh.dir())
    });
}

#[test]
fn what_is_vouched_for_is_not_looked_at_once() {
    let world = World::new();
    let (mut tree, base) = world.worktree("w");
    tree.seal().unwrap();
    write(tree.dir(), "a.txt", "behind the back\n");
    tree.vouch();
    assert!(tree.capture(&base).unwrap().diff.changes.is_empty());
    assert_eq!(tree.capture(&base).unwrap().diff.changes.len(), 1, "for one call only");
    tree.vouch();
    tree.doubt();
    std::fs::remove_file(tree.dir().join("run.sh")).unwrap();
    assert_eq!(tree.capture(&base).unwrap().diff.changes.len(), 2);
}
