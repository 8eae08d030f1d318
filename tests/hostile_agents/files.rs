//! Files that are no ordinary ones: links out, pipes, sockets, names of all kinds, floods, and
//! what git would hide.

use crate::world::{World, both};

/// Runs an agent in both modes, expects its node to fail for a reason that holds each of
/// `named`, and nothing to land.
fn refused(script: &str, named: &[&str]) {
    for mode in both() {
        let world = World::new(mode).node("A", &format!("{script}\necho ok > A.out\n"), "true");
        let run = world.run();
        assert_eq!(run.code, 4, "{script}: {}", run.err);
        assert!(world.landed().is_empty());
        for name in named {
            assert!(world.reason("A").contains(name), "{script}: {name}: {}", world.reason("A"));
        }
    }
}

#[test]
fn a_link_that_leaves_the_worktree_is_a_violation_even_where_it_may_be() {
    for target in ["/etc/passwd", "../../..", "src/../../../x"] {
        for mode in both() {
            let world = World::new(mode).node("A", &format!("ln -s {target} A.out"), "true");
            let run = world.run();
            assert_eq!(run.code, 4, "{target}: {}", run.err);
            assert!(world.reason("A").contains("A.out"), "{}", world.reason("A"));
            assert!(world.landed().is_empty());
        }
    }
}

#[test]
fn pipes_and_sockets_are_no_files_and_hold_nothing_up() {
    refused("mkfifo pipe", &["pipe"]);
    refused("python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"sock\")'", &["sock"]);
    // Where the deliverable itself is one, it can't be captured and lands as nothing.
    for mode in both() {
        let world = World::new(mode).node("A", "mkfifo A.out", "true");
        let run = world.run();
        assert_eq!(run.code, 4, "{}", run.err);
        assert!(world.landed().is_empty());
    }
}

#[test]
fn names_of_all_kinds_are_seen() {
    refused("printf x > \"$(printf 'bad\\377name')\"", &["bad"]);
    refused("printf x > \"$(printf 'two\\nlines')\"", &["two"]);
    refused("printf x > \"$(printf 'red\\033[31m')\"", &["red"]);
    refused("printf x > readme.md", &["readme.md"]);
    refused("printf x > '-rf'", &["-rf"]);
    refused("printf x > ' '", &[]);
    refused("mkdir -p a/.git; echo x > a/.git/x; echo x > a/b", &["a"]);
    refused("printf '* filter=evil text eol=crlf\\n' > .gitattributes", &[".gitattributes"]);
    refused("printf '*\\n' > .gitignore", &[".gitignore"]);
}

#[test]
fn line_endings_that_a_filter_would_hide_are_a_change() {
    for mode in both() {
        let world = World::new(mode).node("A", "printf 'a\\r\\n' > src/a.txt; echo ok > A.out", "true");
        world.write("repo/.gitattributes", "*.txt text eol=lf\n");
        let run = world.run();
        // Git's own rule makes both the same blob: then there is nothing to land either.
        if run.code == 0 {
            assert_eq!(world.landed(), ["A.out"]);
        } else {
            assert!(world.reason("A").contains("src/a.txt"), "{}", world.reason("A"));
        }
    }
}

#[test]
fn a_huge_file_and_a_flood_of_files_end_in_a_verdict() {
    refused("truncate -s 300M hole", &["hole"]);
    refused("mkdir f; i=0; while [ $i -lt 3000 ]; do : > f/$i; i=$((i+1)); done", &["f/"]);
    for mode in both() {
        let deep = "d=d; i=0; while [ $i -lt 200 ]; do d=$d/d; i=$((i+1)); done; mkdir -p $d; echo x > $d/x";
        let world = World::new(mode).node("A", &format!("{deep}; echo ok > A.out"), "true");
        assert_eq!(world.run().code, 4);
    }
}

#[test]
fn what_forbids_reading_hides_nothing_and_ends_no_run() {
    refused("mkdir -p shut/in; echo x > shut/in/x; chmod 0 shut/in shut", &["shut/in/x"]);
    refused("echo x > src/a.txt; chmod 0 src/a.txt src", &["src/a.txt"]);
    let script = "echo ok > A.out; mkdir -p target/in; echo x > target/in/x; chmod 555 target/in target; chmod 0 A.out README.md src .";
    let check = "cat A.out src/a.txt && test ! -e target && mkdir -p target n && echo x > n/x && chmod 555 n target && chmod 0 src .";
    for mode in both() {
        // root may do everything to any file.
        for world in [World::new(mode), World::new(mode).ordinary()] {
            let world = world.node("A", script, check);
            let run = world.run();
            assert_eq!(run.code, 0, "{}", run.err);
            assert_eq!(world.landed(), ["A.out"]);
        }
    }
}

/// Some tools keep what they have fetched so (go, for one).
#[test]
fn what_forbids_to_be_removed_is_removed() {
    for mode in both() {
        let world = World::new(mode)
            .ordinary()
            .node("A", "echo ok > A.out; mkdir -p n; echo x > n/x; chmod 500 n src; chmod 0 n .", "true")
            .kdl("remediation 1\nworktree { setup \"mkdir -p target/m && touch target/m/f && chmod 555 target/m target\" }");
        let run = world.run();
        assert_eq!(run.code, 4, "{}", run.err);
        assert!(world.reason("A").contains("n/x"), "{}", world.reason("A"));
        let run = world.auditrun("clean --force --yes");
        assert_eq!(run.code, 0, "{}", run.err);
        let left = std::fs::read_dir(world.repo().join(".worktrees"));
        assert_eq!(left.map_or(0, Iterator::count), 0);
    }
}

#[test]
fn submodules_are_filled_offline_and_a_change_in_one_is_seen() {
    let good = "test -f sub/f && git -C sub rev-parse HEAD >/dev/null && echo ok > A.out";
    let tamper = format!("{good}; echo x > sub/f");
    let commit =
        format!("{good}; echo x > sub/f; git -C sub -c user.name=a -c user.email=a@b commit -qam x; exit 0");
    for mode in both() {
        for (script, code) in [(good, 0), (&tamper, 4), (&commit, 4)] {
            let world = World::new(mode).node("A", script, "test -f sub/f");
            submodule(&world);
            let run = world.run();
            assert_eq!(run.code, code, "{mode:?} {script}: {}", run.err);
            if code == 4 {
                assert!(world.reason("A").contains("sub"), "{}", world.reason("A"));
            } else {
                assert_eq!(world.landed(), ["A.out"]);
            }
        }
    }
}

#[test]
fn submodules_of_submodules_are_filled_and_watched_alike() {
    let good = "test -f sub/inner/g && git -C sub/inner rev-parse HEAD >/dev/null && echo ok > A.out";
    let tamper = format!("{good}; echo x > sub/inner/g");
    let plant = format!("{good}; echo x > sub/inner/new");
    for mode in both() {
        for (script, code) in [(good, 0), (&tamper, 4), (&plant, 4)] {
            let world = World::new(mode).node("A", script, "test -f sub/inner/g");
            repository(&world, "outside/inner", "g");
            repository(&world, "outside/module", "f");
            add_submodule(&world, "outside/inner", "-C @outside/module", "inner");
            world.git(&format!("-C {} commit -q -m inner", world.path("outside/module").display()));
            add_submodule(&world, "outside/module", "", "sub");
            world.git("-c protocol.file.allow=always submodule --quiet update --init --recursive");
            let run = world.run();
            assert_eq!(run.code, code, "{mode:?} {script}: {}\n{}", run.err, world.log("A"));
            if code == 4 {
                assert!(world.reason("A").contains("sub"), "{}", world.reason("A"));
            } else {
                assert_eq!(world.landed(), ["A.out"]);
            }
        }
    }
}

fn submodule(world: &World) {
    repository(world, "outside/module", "f");
    add_submodule(world, "outside/module", "", "sub");
}

/// A repository at `place` with one file.
fn repository(world: &World, place: &str, file: &str) {
    world.write(&format!("{place}/{file}"), "f\n");
    let at = world.path(place);
    let at = at.display();
    world.git(&format!("-C {at} init -q"));
    world.git(&format!("-C {at} add {file}"));
    world.git(&format!("-C {at} commit -q -m {file}"));
}

/// `to`: options of git that name the repository, if it is not the operator's.
fn add_submodule(world: &World, from: &str, to: &str, name: &str) {
    let from = world.path(from);
    let to = to.replace("@outside", &world.path("outside").to_string_lossy());
    let words = format!("{to} -c protocol.file.allow=always submodule --quiet add {} {name}", from.display());
    world.git(words.trim());
}
