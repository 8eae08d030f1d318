//! Every example project, run as its README says: what it promises is what happens.

#![allow(clippy::unwrap_used)] // Helpers of tests fail as they do.

mod support;

use support::example::{fingerprint_script, of_this_repository};
use support::{Outcome, World};

/// The commands of a section of an example's README: its indented lines.
fn commands(example: &str, section: &str) -> Vec<String> {
    let text = std::fs::read_to_string(of_this_repository(&format!("examples/{example}/README.md"))).unwrap();
    let section = text.split("\n## ").find(|part| part.starts_with(section)).unwrap();
    let lines = section.lines().filter_map(|line| line.strip_prefix("    "));
    lines.map(|line| line.trim().to_owned()).collect()
}

/// `line` with the program under test first on PATH.
fn sh(world: &World, line: &str) -> Outcome {
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_auditrun")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    Outcome::of(world.program("sh").env("PATH", path).args(["-c", line]).output().unwrap())
}

/// Every command that the README proposes after a run works.
#[track_caller]
fn look_at_works(world: &World, example: &str) {
    let commands = commands(example, "Look at");
    assert!(commands.len() > 1, "{commands:?}");
    // A shell waits for somebody.
    for line in commands.iter().filter(|line| !line.starts_with("auditrun shell")) {
        let ended = sh(world, line);
        ended.exits(0);
        assert!(!ended.out.is_empty(), "{line} prints nothing");
    }
}

/// Runs an example that is to be proven, and checks everything that every proven run owes.
#[track_caller]
fn proven(example: &str) -> World {
    let world = World::of_example(example);
    world.call(&["check"]).exits(0);
    let before = world.operators_own();
    world.call(&["run"]).exits(0).says(&["verified and proven"]);
    assert_eq!(world.operators_own(), before, "the operator's own was changed");
    assert_eq!(world.termination(), "all_done");
    assert_eq!(world.text("audit-report.fingerprint").trim(), world.fingerprint_by("README.md"));
    world.call(&["verify"]).exits(0).says(&[world.text("audit-report.fingerprint").trim()]);
    world.call(&["gate", "--base", "main"]).exits(0);
    look_at_works(&world, example);
    world
}

#[test]
fn the_readme_and_the_docs_have_the_same_page_of_shell() {
    assert_eq!(fingerprint_script("README.md"), fingerprint_script("docs/proof.md"));
}

#[test]
fn quickstart_shows_every_gate() {
    let world = proven("quickstart");
    let mut log = world.log();
    // Siblings of a tier land in any order; tiers and the chain of the hotspot have one.
    assert_eq!(log.pop().as_deref(), Some("node(banner): replace the draft banner"));
    assert_eq!(log.pop().as_deref(), Some("node(weather): add a page on the weather"));
    log.sort();
    assert_eq!(
        log,
        [
            "node(glossary): create a glossary",
            "node(old-map): prune-if-present the page with the map of 1987",
            "node(packing): add a page on packing",
        ]
    );
    for node in ["packing", "weather", "glossary", "old-map", "banner"] {
        assert_eq!(world.status(node), "verified", "{node}");
    }
    assert_eq!(world.verification("glossary")["attempt"], 2);
    assert!(world.text("remediation/glossary/cycle-1.md").contains("README.md (not covered by touches)"));
    assert!(world.text("runs/glossary/attempt-1/diff.patch").contains("+See also glossary.md."));
    assert_eq!(world.verification("old-map")["diff_evidence"]["nonempty"], false);
    assert_eq!(world.iteration()["iteration"], 6, "five nodes and one remediation");
    assert!(world.landed("README.md").contains("Ready to walk."));
    assert!(world.text("preflight/dispatch_plan.md").contains("index.md"));
    assert!(world.text("preflight/check_normalization.md").contains("git grep --untracked"));
}

#[test]
fn rust_crate_is_judged_by_cargo_test() {
    let world = proven("rust-crate");
    let expected = [
        "parse): add the parser of spans",
        "print): add the display form of spans",
        "round-trip): add tests of the round trip",
    ];
    assert_eq!(world.log(), expected.map(|rest| format!("node({rest}")));
    let edges = world.json("preflight/dispatch_plan.json")["edges"].clone();
    let hotspot =
        edges.as_array().unwrap().iter().find(|e| e["kind"] == "hotspot").expect("a synthetic edge");
    assert_eq!((&hotspot["from"], &hotspot["to"]), (&"parse".into(), &"print".into()));
    assert!(world.text("audit-report.md").contains("INV-STYLE"), "an advisory invariant is named");
    let declared = world.landed("src/lib.rs");
    assert!(declared.contains("\nmod parse;\n") && declared.contains("\nmod print;\n"), "{declared}");
}

#[test]
fn remediation_passes_at_the_second_attempt() {
    let world = proven("remediation/fails-once");
    for node in ["default-name", "manual"] {
        assert_eq!(
            (world.status(node).as_str(), &world.verification(node)["attempt"]),
            ("verified", &2.into()),
            "{node}"
        );
        assert!(!world.has(&format!("remediation/{node}/cycle-2.md")));
    }
    assert_eq!(world.iteration()["iteration"], 4);
    assert!(
        world
            .text("remediation/default-name/cycle-1.md")
            .contains(r#"test "$(bin/greet '')" = "hello world""#)
    );
    assert_eq!(world.json("runs/manual/attempt-1/verification.json")["status"], "oversized");
    let attempts = world.git("for-each-ref --format='%(refname)' refs/auditrun/");
    assert_eq!(attempts.lines().filter(|l| l.contains("/attempt-")).count(), 4, "{attempts}");
}

#[test]
fn remediation_ends_in_a_split() {
    let world = World::of_example("remediation/splits");
    let before = world.operators_own();
    world.call(&["run"]).exits(4).says(&["split"]);
    assert_eq!(world.operators_own(), before);
    assert_eq!(
        (world.iteration()["iteration"].as_u64(), world.termination().as_str()),
        (Some(3), "self_critique_exhausted")
    );
    assert_eq!(world.log(), [] as [&str; 0]);
    assert_eq!((world.status("new-port"), world.status("announce")), ("failed".into(), "blocked".into()));
    let split = world.text("remediation/new-port/split.md");
    for part in ["`client/settings.conf`", "`server/settings.conf`", "estimated_loc", "done_when"] {
        assert!(split.contains(part), "{part} is not in\n{split}");
    }
    assert_eq!(split.matches("\n### new-port").count(), 2, "{split}");
    let kept = std::fs::read_dir(world.repo.join(".worktrees")).unwrap().count();
    assert!(kept >= 1, "the failed node's worktree is kept");
    world.call(&["gate", "--base", "main"]).exits(1);
    world.call(&["verify"]).exits(1);
    look_at_works(&world, "remediation/splits");
    for line in commands("remediation/splits", "Go on") {
        sh(&world, &line).exits(0);
    }
    let log = world.log();
    assert!(log.first().is_some_and(|subject| subject.starts_with("rebundle: ")), "{log:?}");
    let nodes = [
        "server-port): replace port 80 by 8080 at the server",
        "client-port): replace port 80 by 8080 at the client",
        "announce): add an announcement",
    ];
    assert_eq!(log[1..], nodes.map(|rest| format!("node({rest}")));
    assert_eq!(world.text("audit-report.fingerprint").trim(), world.fingerprint_by("README.md"));
    world.call(&["verify"]).exits(0);
    world.call(&["gate", "--base", "main"]).exits(0);
}

#[test]
fn open_question_is_answered_before_any_work() {
    let world = proven("open-question");
    assert_eq!(
        world.log(),
        [
            "resolve(Q-1): YYYY-MM-DD (ISO 8601), in every file.",
            "node(check-dates): add a check of the dates"
        ]
    );
    assert!(world.text("resolutions/Q-1.md").contains("0.97"));
    assert!(world.landed("docs/audit/state.md").contains("YYYY-MM-DD (ISO 8601)"));
    let own = world.read("docs/audit/state.md");
    assert!(!own.contains("ISO 8601"), "the operator's file stays as it is");
}

#[test]
fn open_question_without_a_sure_answer_goes_to_a_person() {
    let mut world = World::of_example("open-question");
    world.write("data/valley.csv", "1.3.2024,valley,9\n");
    world.commit("another form of date");
    world.base = world.git("rev-parse HEAD");
    world.call(&["run"]).exits(4).says(&["Q-1"]);
    assert_eq!(
        (world.iteration()["iteration"].as_u64(), world.termination().as_str()),
        (Some(0), "open_question")
    );
    assert_eq!(world.log(), [] as [&str; 0]);
}

#[test]
fn the_run_that_a_readme_describes_works() {
    let world = World::empty();
    let root = env!("CARGO_MANIFEST_DIR");
    let lines = commands("quickstart", "Run it").join("\n").replace("/tmp/", "../");
    sh(&world, &format!("set -e; ln -s {root}/examples examples\n{lines}")).exits(0);
    assert!(world.around().join("trail-guide/docs/audit/audit-report.fingerprint").is_file());
}

#[test]
fn the_entry_point_hands_its_arguments_on() {
    let world = World::of_example("quickstart");
    let script = of_this_repository("examples/run-audit.sh");
    sh(&world, &format!("{} --dry-run", script.display())).exits(0).says(&["banner"]);
    sh(&world, &format!("{} --no-such-flag", script.display())).exits(2);
    sh(&world, script.to_str().unwrap()).exits(0).says(&["verified and proven"]);
}
