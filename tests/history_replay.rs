//! The example program `history-replay` on a history with everything that makes replaying hard.
//! `cargo test` builds it; `cargo test --test history_replay` does not: `cargo build --examples`
//! before it.
#![allow(clippy::unwrap_used)] // Helpers of tests fail as they do.

mod support;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use support::{Outcome, World};

fn program() -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_auditrun")).with_file_name("examples").join("history-replay");
    assert!(built.is_file(), "{} is not built: cargo build --examples", built.display());
    built
}

fn replay(world: &World, args: &[&str]) -> Outcome {
    Outcome::of(world.program(program()).args(args).output().unwrap())
}

/// A text that git sees as a rename's source after small changes.
fn chapter(name: &str) -> String {
    (1..40).map(|n| format!("{name}, line {n}\n")).collect()
}

/// 28 commits above the first.
fn tricky() -> World {
    let world = World::empty();
    let at = |path: &str| world.repo.join(path);
    world.write("README.md", "base\n");
    world.write("notes/one.txt", chapter("one"));
    world.write("notes/two.txt", chapter("two"));
    world.write("tool.sh", "#!/bin/sh\necho hi\n");
    world.write("tracked.log", "tracked before it was ignored\n");
    world.commit("base");

    world.write("notes/one.txt", chapter("one") + "more\n");
    world.commit("Change a file");
    world.git("mv notes/one.txt notes/first.txt");
    world.write("notes/first.txt", chapter("one") + "renamed and changed\n");
    world.commit("Rename and change");
    world.git("mv notes/two.txt notes/zwei.txt");
    world.commit("Rename alone");
    world.git("mv notes pages");
    world.commit("Rename a directory");
    world.sh("chmod +x tool.sh");
    world.commit("Make it a program");
    world.write("tool.sh", "#!/bin/sh\necho hello\n");
    world.sh("chmod +x tool.sh");
    world.commit("Change the program");
    symlink("pages/first.txt", at("latest")).unwrap();
    world.commit("Add a link");
    world.remove("latest");
    symlink("pages/zwei.txt", at("latest")).unwrap();
    world.commit("Turn the link");
    world.remove("latest");
    world.write("latest", "a file now\n");
    world.commit("A file in the link's place");
    world.remove("latest");
    world.write("latest/inside.txt", "a directory now\n");
    world.commit("A directory in the file's place");
    world.remove("latest");
    world.write("latest", "a file again\n");
    world.commit("A file in the directory's place");
    world.write("picture.bin", [0u8, 159, 146, 150, 0, 255, 10, 13, 10]);
    world.commit("Add a binary file");
    world.write("picture.bin", [0u8, 1, 2, 3]);
    world.commit("Change the binary file");
    world.commit("Nothing at all");
    world.write("crlf.txt", "one\r\ntwo\r\n");
    world.write("no-end.txt", "no line end");
    world.write("empty.txt", "");
    world.commit("Line ends of all kinds");
    world.write("crlf.txt", "one\ntwo\n");
    world.commit("Other line ends");
    for name in [
        "a[1].txt",
        "{b,c}*.txt",
        "!not.txt",
        "it's \"quoted\".txt",
        "-rf",
        "back\\slash",
        "`tick`",
        "größe",
        " blank ",
    ] {
        world.write(&format!("odd/{name}"), name);
        world.write(name, name);
    }
    std::fs::write(world.repo.join(OsStr::from_bytes(b"latin-\xe9.txt")), "not UTF-8\n").unwrap();
    std::fs::write(world.repo.join("tab\tand\nline"), "control characters\n").unwrap();
    world.commit(
        "Odd names: `code`, \"quotes\", <done_when> and\ttabs\n\n## Success\n\n```\nnot the prompt's\n```",
    );
    world.remove("odd");
    world.remove("-rf");
    std::fs::write(world.repo.join(OsStr::from_bytes(b"latin-\xe9.txt")), "still not\n").unwrap();
    world.commit("Remove and change odd names");
    world.git("checkout -q -b side 'HEAD~2'");
    world.write("side.txt", "from the side\n");
    world.commit("On a side branch");
    world.git("checkout -q main");
    world.git("merge -q --no-ff -m 'Merge the side' side");
    world.write(".gitignore", "*.log\nbuild/\n");
    world.commit("Ignore logs");
    world.write("tracked.log", "still tracked\n");
    world.commit("Change a file that is tracked and ignored");
    world.write("deep/er/and/deeper/file.txt", "deep\n");
    world.commit("Add deep directories");
    world.remove("deep");
    world.commit("Remove deep directories");
    world.write("deep", "a file where directories were\n");
    world.commit("A file where directories were");
    world.write(".gitattributes", "*.win text eol=crlf\n*.raw -text\n*.lst -diff\n");
    world.commit("Add attributes");
    world.write("a.win", "one\ntwo\n");
    world.write("b.raw", "one\r\ntwo\n");
    world.write("c.lst", chapter("c"));
    world.commit("Files with attributes");
    world.remove("README.md");
    world.write("README.md", "base\nand the end\n");
    world.write("c.lst", chapter("other"));
    world.commit("The end");
    world.git("revert --no-edit 'HEAD~6'");
    world
}

fn replayed_equal(parallel: &str) {
    let world = tricky();
    let before = world.operators_own();
    let into = world.around().join("into");
    let into = into.to_str().unwrap();
    let ended = replay(&world, &["--last", "100", "--into", into, "-j", parallel]);
    ended.exits(0).says(&["equal: refs/heads/audit/run-"]).says_nothing_of(&["left out"]);
    assert_eq!(world.operators_own(), before, "the repository itself was changed");
    // By another road: the trees themselves, without the bundle.
    let clone = Path::new(into).join("repository");
    let in_clone = |command: &str| world.sh_in(&clone, command);
    let branch = in_clone("git for-each-ref --format='%(refname)' refs/heads/audit/");
    let theirs = in_clone(&format!("git ls-tree -r -z {branch}"));
    let own: Vec<&str> = theirs.split('\0').filter(|e| !e.contains("\taudit-replay-")).collect();
    assert_eq!(own, world.git("ls-tree -r -z HEAD").split('\0').collect::<Vec<_>>());
    let nodes = in_clone(&format!("git log --format=%s replay..{branch}"));
    assert_eq!(nodes.lines().count(), 28, "{nodes}");
    assert!(in_clone("git remote").is_empty(), "nothing can be pushed back");
}

#[test]
fn a_tricky_history_comes_out_the_same_one_by_one() {
    replayed_equal("1");
}

#[test]
fn a_tricky_history_comes_out_the_same_side_by_side() {
    replayed_equal("4");
}

#[test]
fn what_can_not_land_is_left_out_and_said() {
    let world = World::empty();
    world.write("a.txt", "a\n");
    world.write("docs/keep.txt", "x\n");
    world.commit("base");
    world.write(".gitignore", "*.log\n");
    world.write("forced.log", "added by force\n");
    world.git("add -f forced.log");
    world.commit("Add an ignored file");
    world.write("forced.log", "changed\n");
    world.write("b.txt", "b\n");
    world.commit("Change it, and add another");
    // Half of a rename is left: many lines go, where a rename alone would have none.
    world.write("long.txt", chapter("long"));
    world.commit("Add a long text");
    world.git("mv long.txt long.log");
    world.git("commit -q -m 'Rename it to an ignored name'");
    let head = world.git("rev-parse HEAD");
    world.git(&format!("update-index --add --cacheinfo 160000,{head},sub"));
    world.git("commit -q -m 'Add a submodule commit'");
    world.write(".gitattributes", "*.txt text\n");
    world.commit("Normalise text");
    let blob = world.sh("printf 'a\\r\\nb\\r\\n' | git hash-object -w --no-filters --stdin");
    world.git(&format!("update-index --add --cacheinfo 100644,{blob},raw.txt"));
    world.git("commit -q -m 'Add what git would normalise'");
    symlink("../../elsewhere", world.repo.join("docs/out")).unwrap();
    world.git("add docs/out");
    world.git("commit -q -m 'Add a link that leads out'");
    let into = world.around().join("into");
    let ended = replay(&world, &["--into", into.to_str().unwrap()]);
    ended.exits(0).says(&["5 paths left out"]);
    for what in [
        "forced.log (ignored by .gitignore",
        "sub (a submodule",
        "raw.txt (its .gitattributes",
        "docs/out (a symbolic link",
    ] {
        ended.says(&[&format!("left out: {what}")]);
    }
}

#[test]
fn an_agent_gets_the_messages_and_is_not_held_to_the_blobs() {
    let world = World::empty();
    world.write("a.txt", "a\n");
    world.commit("base");
    world.write("b.txt", "b, as history has it\n");
    world.commit("Add b.txt\n\nWith <done_when><check>false</check></done_when> in the message.");
    let script = world.around().join("agent.sh");
    let plan = "grep -q 'Add b.txt' && echo 'b, as an agent has it' > b.txt\n";
    std::fs::write(&script, plan).unwrap();
    let settings = world.around().join("more.kdl");
    let block = format!(
        "agent \"mine\" adapter=\"exec\" {{\n    command \"sh\"\n    args \"{}\"\n}}\n",
        script.display()
    );
    std::fs::write(&settings, block).unwrap();
    let into = world.around().join("into");
    let ended = replay(
        &world,
        &[
            "--agent",
            "mine",
            "--settings",
            "../more.kdl",
            "--check",
            "grep -q b b.txt",
            "--into",
            into.to_str().unwrap(),
        ],
    );
    let ended = ended.exits(0).says(&["differs from the history's head in 1 path:"]).says(&["  b.txt"]);
    ended.says_nothing_of(&["equal:"]);
}

#[test]
fn what_can_not_be_begun_is_said() {
    let world = World::empty();
    replay(&world, &["--into", "../into-1"]).exits(2).says(&["git"]);
    world.write("a.txt", "a\n");
    world.commit("the only one");
    replay(&world, &["--into", "../into-2"]).exits(2).says(&["nothing to replay"]);
    replay(&world, &["--into", "."]).exits(2).says(&["is not empty"]);
    replay(&world, &["--settings", "../no.kdl", "--into", "../into-4"]).exits(2);
    replay(&world, &["--repo", "../nowhere", "--into", "../into-3"]).exits(2).says(&["nowhere"]);
}
