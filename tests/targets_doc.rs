//! Every example of audit.kdl in docs/targets.md is a valid one, and so is the project's own.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may.

mod support;
use support::World;

const PAGE: &str = include_str!("../docs/targets.md");

/// The texts of the blocks in `language`.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    PAGE.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn examples_are_valid_and_do_what_they_show() {
    let examples = blocks("kdl");
    assert_eq!(examples.len(), 4);
    for example in examples {
        let world = World::new();
        world.write("audit.kdl", &example);
        world.call(&["list"]).exits(0).says_nothing_of(&["warning"]);
    }
}

#[test]
fn the_example_of_make_builds_what_it_says() {
    let world = World::new();
    world.write("audit.kdl", &blocks("kdl")[1]);
    world.write("src/main.c", "int main(void) { return 0; }\n");
    let cc = "#!/bin/sh\ntest $# = 3 && cp $3 $2\n";
    world.write("bin/cc", cc);
    world.write("run-tests", "#!/bin/sh\ntest -f build/app && echo TESTED\n");
    world.sh("chmod +x bin/cc run-tests");
    let path = format!("{}/bin:{}", world.repo.display(), std::env::var("PATH").unwrap());
    let outcome = world.call_with(&[("PATH", &path)], &["test"]);
    outcome.exits(0).says(&["TESTED"]);
    world.call_with(&[("PATH", &path)], &["test"]).exits(0).says(&["app is up to date", "TESTED"]);
}

#[test]
fn the_other_examples_expand_as_they_should() {
    let world = World::new();
    world.write("audit.kdl", &blocks("kdl")[2]);
    world
        .call(&["deploy", "filter=two words", "--dry-run"])
        .exits(0)
        .says(&["cargo test 'two words'", "./deploy"]);
    world.write("audit.kdl", &blocks("kdl")[3]);
    world.call(&["site"]).exits(2).says(&["'WHERE'"]);
    world.call(&["site", "WHERE=here", "--dry-run"]).exits(0).says(&["./publish here"]);
}

#[test]
fn the_projects_own_targets_are_valid() {
    let world = World::new();
    world.write("audit.kdl", include_str!("../audit.kdl"));
    world.call(&["list"]).exits(0).says(&["lint", "test filter=", "pre-merge", "default"]);
    world.call(&["--dry-run"]).exits(0).says(&["cargo clippy", "cargo test"]);
}
