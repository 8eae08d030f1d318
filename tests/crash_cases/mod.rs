//! The runs that are killed at every step, and what must hold at their end.

use std::collections::BTreeMap;

use crate::run_world::{Ran, RunWorld, Spec};

/// A command that is killed, in a world made for it.
pub struct Scenario {
    /// Its name in the table.
    pub name: &'static str,
    /// Up to the command.
    pub prepare: fn() -> RunWorld,
    /// The command.
    pub args: &'static [&'static str],
    /// How it ends undisturbed.
    pub exit: i32,
    /// What is met unless every step is asked for; empty: one of each name.
    pub new: &'static [&'static str],
    /// What must hold at the end, against the files of a branch that nobody disturbed.
    pub check: fn(&RunWorld, &str),
}

/// Every one.
pub const ALL: &[Scenario] = &[
    Scenario { name: "run", prepare: whole, args: &["run"], exit: 0, new: &[], check: whole_ended_well },
    Scenario {
        name: "split",
        prepare: never,
        args: &["run"],
        exit: 4,
        new: &[
            "split_proposed",
            "halting",
            "run_finished",
            "stage_finished",
            "split.md",
            "report.md",
            "removing a worktree",
            "forgetting a worktree",
        ],
        check: split_ended_well,
    },
    Scenario {
        name: "resume --bundle-from",
        prepare: corrected,
        args: &["resume", "--bundle-from", "HEAD"],
        exit: 0,
        new: &[
            "run_resumed",
            "rebundled",
            "node_reset",
            "planned",
            "rebundle-1.patch",
            "trace_matrix.md",
            "making a commit",
            "moving a ref",
            "removing a worktree",
            "forgetting a worktree",
            "deleting a ref",
        ],
        check: corrected_ended_well,
    },
    Scenario {
        name: "resume",
        prepare: RunWorld::half_done,
        args: &["resume"],
        exit: 0,
        new: &[
            "run_resumed",
            "landed",
            "node_finished",
            "notice",
            "diff.patch",
            "verification.json",
            "making a commit",
            "making a ref",
            "removing a worktree",
            "forgetting a worktree",
            "making a worktree",
        ],
        check: killed_ended_well,
    },
];

const A: Spec = Spec("A", "echo a > A.txt", "test -f A.txt", &[]);
const YES: Spec = Spec("B", "echo yes > B.txt", "grep -q yes B.txt", &["A"]);

/// A has two attempts and B lands beside it; C waits for both. A question comes before.
fn whole() -> RunWorld {
    let nodes = [
        Spec(
            "A",
            "test $AUDITRUN_ATTEMPT = 1 || echo yes > A.txt; echo a > AA.txt",
            "grep -q yes A.txt",
            &[],
        ),
        Spec("B", "echo b > B.txt", "test -f B.txt", &[]),
        Spec("C", "cat A.txt B.txt > C.txt", "test -s C.txt", &["A", "B"]),
    ];
    let world = RunWorld::new(&nodes);
    world.bundle(&nodes, "- **Q-1**: what is it?\n  - files: README.md\n");
    let graph = world.text("graph.md").replace("- touches: `A.txt`", "- touches: `A.txt`, `AA.txt`");
    std::fs::write(world.out("graph.md"), graph).unwrap();
    let answer = serde_json::json!({
        "question_id": "Q-1", "evidence_paths": ["README.md"], "proposed_answer": "a test",
        "confidence": 0.9, "contradicts": [],
    });
    world.script("resolver", &format!("echo '{answer}'"));
    world.script("arbiter", "echo '{\"contradicts\": [], \"why\": \"none\"}'");
    world.commit("a question");
    world
}

/// B never comes to its end and is not tried twice.
fn never() -> RunWorld {
    let world = RunWorld::new(&[A, Spec("B", "echo no > B.txt", "grep -q yes B.txt", &["A"])]);
    world.configure("remediation 0");
    world
}

fn correct(world: &RunWorld) {
    world.bundle(&[A, YES], "");
    world.commit("corrected");
}

/// The corrected bundle may say the same as the one before: what had not landed is tried again.
fn corrected() -> RunWorld {
    let world = never();
    world.run(&["run"]).expect(4);
    correct(&world);
    world
}

#[track_caller]
fn proven(world: &RunWorld, tree: &str, what: &str) {
    assert_eq!(world.tree(), tree, "{what}");
    let iteration = world.json("runs/.iteration-state.json");
    assert_eq!(iteration["iteration"].as_u64(), Some(world.dispatches().len() as u64), "{what}");
    assert_eq!(iteration["termination_reason"], "all_done", "{what}");
    assert!(world.dispatches().iter().all(|(_, n)| (1..=3).contains(n)), "{what}: {:?}", world.dispatches());
    let verified = world.run(&["verify"]);
    assert_eq!(verified.code(), Some(0), "{what}: {}", verified.text);
    world.assert_clean(what);
}

fn last_attempts(world: &RunWorld, expected: &[(&str, u64)], what: &str) {
    for (node, attempt) in expected {
        let record = world.json(&format!("runs/{node}/verification.json"));
        let found = (record["status"].as_str(), record["attempt"].as_u64());
        assert_eq!(found, (Some("verified"), Some(*attempt)), "{what}: {node}");
    }
    assert_eq!(world.text("runs/.dag-patterns.jsonl").lines().count(), expected.len(), "{what}");
}

fn whole_ended_well(world: &RunWorld, tree: &str) {
    let what = "run";
    proven(world, tree, what);
    let mut subjects = world.subjects();
    assert_eq!(subjects.pop().as_deref(), Some("node(C): add C"), "{what}");
    assert!(subjects.remove(0).starts_with("resolve(Q-1)"), "{what}");
    subjects.sort();
    assert_eq!(subjects, ["node(A): add A", "node(B): add B"], "{what}");
    last_attempts(world, &[("A", 2), ("B", 1), ("C", 1)], what);
    let asked = world.events().into_iter().filter(|e| e["type"] == "question_resolved").count();
    assert_eq!(asked, 1, "{what}");
}

fn split_ended_well(world: &RunWorld, tree: &str) {
    assert_eq!(world.tree(), tree);
    assert!(
        world.text("remediation/B/split.md").contains("### B"),
        "{}",
        world.text("remediation/B/split.md")
    );
    let waits = world.run(&["resume"]).expect(4);
    assert!(waits.text.contains("--bundle-from"), "{}", waits.text);
    correct(world);
    world.run(&["resume", "--bundle-from", "HEAD"]).expect(0);
    corrected_ended_well(world, &world.tree());
}

fn corrected_ended_well(world: &RunWorld, tree: &str) {
    proven(world, tree, "rebundle");
    assert_eq!(world.subjects(), ["node(A): add A", "rebundle: HEAD", "node(B): add B"]);
    last_attempts(world, &[("A", 1), ("B", 1)], "rebundle");
}

fn killed_ended_well(world: &RunWorld, tree: &str) {
    proven(world, tree, "resume");
    assert_eq!(world.subjects(), ["node(A): add A", "node(X): add X"]);
    last_attempts(world, &[("A", 1), ("X", 1)], "resume");
    let kept =
        world.git(&["for-each-ref", "--format=%(refname)", "refs/auditrun/**/X/attempt-1-iteration-*"]);
    let first = kept.lines().next().expect("what X had done is kept");
    assert_eq!(world.git(&["show", &format!("{first}:X.txt")]), "half");
}

/// Takes the run up until it ends as the undisturbed one; says in words what that took.
#[track_caller]
fn go_on(scenario: &Scenario, world: &RunWorld, what: &str) -> &'static str {
    let had_branch = world.branch().is_some();
    let ran = world.run(&["resume"]);
    let again = |world: &RunWorld| -> Ran { world.run(scenario.args) };
    let expect = |ran: Ran| assert_eq!(ran.code(), Some(scenario.exit), "{what}: {}", ran.text);
    match ran.code() {
        Some(2) if !had_branch => {
            assert!(ran.text.contains("nothing to resume"), "{what}: {}", ran.text);
            expect(again(world));
            "`resume`: nothing to take up (2); `run` begins anew"
        }
        Some(2) if scenario.args != ["run"] || scenario.exit == 0 => {
            assert!(ran.text.contains("is done"), "{what}: {}", ran.text);
            "`resume`: done already (2)"
        }
        Some(2 | 4) if scenario.args.contains(&"--bundle-from") => {
            expect(again(world));
            "`resume` asks for the correction (4); with it, it goes on"
        }
        _ => {
            expect(ran);
            "`resume` goes on"
        }
    }
}

/// The steps of an undisturbed command, and the files of its branch.
fn undisturbed(scenario: &Scenario) -> (Vec<(String, String)>, String) {
    let world = (scenario.prepare)();
    let (ran, steps) = world.run_with_steps("", scenario.args);
    ran.expect(scenario.exit);
    let tree = world.tree();
    (scenario.check)(&world, &tree);
    (steps, tree)
}

/// One step: its kind, its name, and which of those with that name.
type Point = (String, String, usize);

fn every() -> bool {
    std::env::var_os("AUDITRUN_TEST_EVERY_CRASH").is_some()
}

/// All of them, or one of each name.
fn points(scenario: &Scenario, kind: &str, steps: &[(String, String)]) -> Vec<Point> {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    steps.iter().filter(|(k, _)| k == kind).for_each(|(_, what)| *count.entry(what).or_default() += 1);
    let every = every();
    let mut points = Vec::new();
    for (what, n) in count {
        let new = scenario.new.is_empty() || scenario.new.contains(&what);
        let some = if scenario.new.is_empty() { n.div_ceil(2) } else { 1 };
        let numbers = if every { 1..=n } else { some..=some };
        points.extend(numbers.filter(|_| every || new).map(|i| (kind.to_owned(), what.to_owned(), i)));
    }
    points
}

/// Kills at the steps of a kind; the lines of the table.
pub fn cases(scenario: &Scenario, kind: &str) -> Vec<[String; 3]> {
    let (steps, tree) = undisturbed(scenario);
    let mut rows: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for (at, (kind, what, nth)) in points(scenario, kind, &steps).into_iter().enumerate() {
        // A half-written line is met in turn with none.
        let how = if kind == "journal" && at % 2 == 1 { "torn" } else { "kill" };
        let fault = format!("{kind}={what}:{nth}:{how}");
        let world = (scenario.prepare)();
        let ran = world.run_with_fault(&fault, scenario.args);
        if !ran.killed() {
            // Nodes side by side do not always take the same number of steps.
            assert!(nth > 1, "{fault} was not met: {}", ran.text);
            continue;
        }
        let then = go_on(scenario, &world, &format!("{}: {fault}", scenario.name));
        let _said = Said(format!("{}: {fault}", scenario.name));
        (scenario.check)(&world, &tree);
        let outcomes = rows.entry((kind, what)).or_default();
        if !outcomes.contains(&then) {
            outcomes.push(then);
        }
    }
    rows.into_iter().map(|((kind, what), then)| [kind, what, then.join("; or: ")]).collect()
}

/// From each step on the disk is full: the run says so, ends as an internal error, and is taken
/// up when there is room again. Unless every step is asked for, every third name is met.
/// `how` is `full` or `once`: then there is room again right after.
pub fn full(scenario: &Scenario, kind: &str, how: &str) {
    let (steps, tree) = undisturbed(scenario);
    let stride = if every() { 1 } else { 3 };
    for (kind, what, nth) in points(scenario, kind, &steps).into_iter().step_by(stride) {
        let fault = format!("{kind}={what}:{nth}:{how}");
        let _said = Said(fault.clone());
        let world = (scenario.prepare)();
        let ran = world.run_with_fault(&fault, scenario.args);
        if ran.code() == Some(scenario.exit) && !ran.text.contains("no storage space") {
            // Nodes side by side do not always take the same number of steps. A worktree that
            // can't be moved to its next node is made anew.
            let moved = ["moving a worktree", "naming a worktree"].iter().any(|step| what.starts_with(step));
            assert!(nth > 1 || moved, "{}", ran.text);
            (scenario.check)(&world, &tree);
            continue;
        }
        assert!(ran.text.contains("no storage space"), "{}", ran.text);
        if ran.code() == Some(scenario.exit) {
            // What comes after the verdict can be made again.
            let later = ["the proof's ref", "audit stage", "a worktree could not be removed"];
            assert!(later.iter().any(|l| ran.text.contains(l)), "{}", ran.text);
        } else {
            assert_eq!(ran.code(), Some(7), "{}", ran.text);
        }
        assert_eq!(world.processes(), [""; 0], "{fault}");
        if ran.text.contains("a worktree could not be removed") {
            // Nothing is left to do for the run.
            world.run(&["clean", "--yes"]).expect(0);
            world.assert_clean(&fault);
            continue;
        }
        go_on(scenario, &world, &fault);
        (scenario.check)(&world, &tree);
    }
}

/// Asked to end at each step of the journal's instead: the run ends with 130 in an orderly way,
/// or as it would have if it was at its end already, and is taken up. `how` are `int`, `term`,
/// `hup` and `twice`; unless every step is asked for, they take turns at the steps `at`.
pub fn interrupted(scenario: &Scenario, how: &[&str], at: &[&str]) {
    let (steps, tree) = undisturbed(scenario);
    let all = points(scenario, "journal", &steps).into_iter();
    let wanted: Vec<(Point, &str)> = if every() {
        all.flat_map(|point| how.iter().map(move |how| (point.clone(), *how))).collect()
    } else {
        all.filter(|p| at.contains(&p.1.as_str())).zip(how.iter().copied().cycle()).collect()
    };
    for ((kind, what, nth), how) in wanted {
        let fault = format!("{kind}={what}:{nth}:{how}");
        let _said = Said(fault.clone());
        let world = (scenario.prepare)();
        let (ran, passed) = world.run_with_steps(&fault, scenario.args);
        if how == "twice" {
            world.wait_until("its programs are gone", || world.processes().is_empty());
        }
        assert_eq!(world.processes(), [""; 0], "{fault}: after {:?}", ran.status);
        // Nodes side by side do not always take the same number of steps.
        let met = passed.iter().filter(|(k, w)| *k == kind && *w == what).count() >= nth;
        if ran.code() == Some(scenario.exit) {
            let late = ["proof", "run_finished", "stage_finished"].contains(&what.as_str());
            assert!(late || !met, "{}", ran.text);
        } else {
            assert_eq!(ran.code(), Some(130), "{}", ran.text);
            go_on(scenario, &world, &fault);
        }
        (scenario.check)(&world, &tree);
    }
}

/// Names the case if its checks fail.
struct Said(String);

impl Drop for Said {
    #[allow(clippy::print_stderr)] // Beside the panic's message, which knows nothing of the case.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("after {}", self.0);
        }
    }
}
