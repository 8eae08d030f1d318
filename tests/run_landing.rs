//! Landing: what was tested is what lands, one at a time, and in an order that holds.
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail as tests do.

mod support;
use support::{World, after};

#[test]
fn a_fast_forward_lands_what_was_captured() {
    let world = World::with_one_node();
    world.run().exits(0);
    let verification = world.verification("A");
    let landing = &verification["landing"];
    assert_eq!((landing["rebased"].as_bool(), landing["retested"].as_bool()), (Some(false), Some(false)));
    assert_eq!(landing["old"], world.base);
    assert_eq!(landing["new"], world.git(&format!("rev-parse {}", world.branch())));
    assert_eq!(verification["tree"], world.git(&format!("rev-parse {}^{{tree}}", world.branch())));
    assert_eq!(verification["commit"], landing["new"]);
    let message = world.git(&format!("log -1 --format=%B {}", world.branch()));
    let run = world.branch().replace("audit/run-", "");
    for line in [
        format!("Audit-Run: {run}"),
        "Audit-Node: A".into(),
        "Audit-Delta: D-A".into(),
        "Audit-Attempt: 1".into(),
    ] {
        assert!(message.lines().any(|l| l == line), "{line}: {message}");
    }
    let who = world.git(&format!("log -1 --format='%an <%ae> %cn <%ce>' {}", world.branch()));
    assert_eq!(who, "auditrun <auditrun@localhost> Op <op@example.com>");
}

#[test]
fn a_moved_head_means_a_rebase_and_another_test() {
    let mut world = World::new();
    world.node("A").agent("echo 1 > x").touches(&["x"]);
    world.node("B").agent(&format!("{}; echo 1 > y", after("A"))).touches(&["y"]).checks(&["echo ran"]);
    world.build();
    world.run().exits(0);
    let (a, b) = (world.verification("A"), world.verification("B"));
    assert_eq!(
        (b["landing"]["rebased"].as_bool(), b["landing"]["retested"].as_bool()),
        (Some(true), Some(true))
    );
    assert_eq!(b["landing"]["old"], a["landing"]["new"]);
    assert_eq!(b["tree"], world.git(&format!("rev-parse {}^{{tree}}", world.branch())));
    let range =
        format!("{}..{}", b["landing"]["old"].as_str().unwrap(), b["landing"]["new"].as_str().unwrap());
    let diff = world.git(&format!("diff --binary --full-index -M50% {range}"));
    assert_eq!(world.text("runs/B/diff.patch").trim_end(), diff);
    assert_eq!(world.log(), ["node(A): add A", "node(B): add B"]);
}

#[test]
fn a_textual_conflict_names_its_paths_and_is_mended() {
    let mut world = World::new();
    world.write("f", "base\n");
    world.node("A").agent("echo A > f").touches(&["f"]);
    world.node("B").agent("echo AB > f").attempt(1, &format!("{}; echo B > f", after("A"))).touches(&["f"]);
    world.build();
    world.run().exits(0);
    assert_eq!(world.landed("f"), "AB");
    let cycle = world.text("remediation/B/cycle-1.md");
    assert!(cycle.contains('f') && cycle.contains("conflict"), "{cycle}");
}

#[test]
fn two_siblings_that_add_the_same_file_conflict() {
    let mut world = World::new();
    world.kdl = "remediation 0".to_owned();
    world.node("A").agent("echo A > same").touches(&["same"]);
    world.node("B").agent(&format!("{}; echo B > same", after("A"))).touches(&["same"]);
    world.build();
    world.run().exits(4).says(&["same"]);
    assert_eq!((world.status("A"), world.status("B")), ("verified".into(), "failed".into()));
    assert!(
        world.reason("B").contains("same") && world.reason("B").contains("conflict"),
        "{}",
        world.reason("B")
    );
}

#[test]
fn a_regression_of_a_cited_invariant_after_the_rebase_does_not_land() {
    let mut world = World::new();
    world.kdl = "remediation 0".to_owned();
    world.invariant("INV-1", &["! test -e x || ! test -e y"]);
    world.node("A").agent("echo 1 > x").touches(&["x"]);
    world.node("B").agent(&format!("{}; echo 1 > y", after("A"))).touches(&["y"]).cites(&["INV-1"]);
    world.build();
    world.run().exits(4).says(&["INV-1"]);
    assert_eq!(world.log(), ["node(A): add A"]);
}

/// A node that leaves one line when it begins and one when it ends, in a file of all nodes.
fn stamped(world: &mut World, id: &str) {
    let order = world.agents.join("order").display().to_string();
    world
        .node(id)
        .agent(&format!("echo b{id} >> {order}; sleep 0.4; echo 1 > {id}.out; echo e{id} >> {order}"));
}

/// The most nodes that ran at once.
fn at_once(world: &World) -> usize {
    let order = std::fs::read_to_string(world.agents.join("order")).unwrap();
    let mut now = 0;
    order
        .lines()
        .map(|l| {
            if l.starts_with('b') {
                now += 1
            } else {
                now -= 1
            };
            now
        })
        .max()
        .unwrap()
}

#[test]
fn no_more_run_at_once_than_allowed() {
    for (arguments, most) in [(vec!["run", "-j", "2"], 2), (vec!["run", "--max-parallel", "1"], 1)] {
        let mut world = World::new();
        (0..5).for_each(|i| stamped(&mut world, &format!("P{i}")));
        world.build();
        world.call(&arguments).exits(0);
        assert!(at_once(&world) <= most);
    }
}

#[test]
fn parallel_nodes_do_run_at_once() {
    let mut world = World::new();
    let meet = world.agents.display().to_string();
    for (id, other) in [("A", "B"), ("B", "A")] {
        world.node(id).agent(&format!("touch {meet}/{id}.here; i=0; until [ -e {meet}/{other}.here ]; do i=$((i+1)); test $i -lt 600; sleep 0.1; done; echo 1 > {id}.out"));
    }
    world.build();
    world.run().exits(0);
}

#[test]
fn a_node_that_is_not_parallel_safe_runs_alone_and_first() {
    let mut world = World::new();
    stamped(&mut world, "P0");
    stamped(&mut world, "P1");
    stamped(&mut world, "S0");
    stamped(&mut world, "S1");
    world.nodes[2].alone();
    world.nodes[3].alone();
    world.build();
    world.run().exits(0);
    let order = std::fs::read_to_string(world.agents.join("order")).unwrap();
    let first: Vec<&str> = order.lines().take(4).collect();
    assert_eq!(first, ["bS0", "eS0", "bS1", "eS1"]);
}

#[test]
fn a_tier_waits_for_the_whole_tier_before_it() {
    let mut world = World::new();
    ["A", "B", "C"].iter().for_each(|id| stamped(&mut world, id));
    world.nodes[2].deps(&["A"]);
    world.build();
    world.run().exits(0);
    let order = std::fs::read_to_string(world.agents.join("order")).unwrap();
    let place = |mark: &str| order.lines().position(|l| l == mark).unwrap();
    assert!(place("bC") > place("eA") && place("bC") > place("eB"), "{order}");
}

#[test]
fn hotspots_make_an_order_whoever_declares_them() {
    let mut world = World::new();
    world.kdl = "hotspots { file \"src/a.txt\" }".to_owned();
    ["A", "B"].iter().for_each(|id| stamped(&mut world, id));
    world.nodes[0].touches(&["A.out", "src/*.txt"]);
    world.nodes[1].touches(&["B.out", "src/a.*"]);
    world.build();
    world.run().exits(0);
    assert_eq!(at_once(&world), 1);
    let plan = world.json("preflight/dispatch_plan.json");
    let edge = &plan["edges"][0];
    assert_eq!(
        (edge["from"].as_str(), edge["to"].as_str(), edge["kind"].as_str()),
        (Some("A"), Some("B"), Some("hotspot"))
    );
}

#[test]
fn ports_are_disjoint_between_nodes_that_run_at_once() {
    let mut world = World::new();
    let meet = world.agents.display().to_string();
    for (id, other) in [("A", "B"), ("B", "A")] {
        world.node(id).agent(&format!("touch {meet}/{id}.here; i=0; until [ -e {meet}/{other}.here ]; do i=$((i+1)); test $i -lt 600; sleep 0.1; done; echo $AUDITRUN_PORT_BASE > {id}.out"));
    }
    world.build();
    world.run().exits(0);
    let [a, b] = ["A.out", "B.out"].map(|p| world.landed(p).parse::<i64>().unwrap());
    assert!((a - b).abs() >= 10, "{a} {b}");
}
