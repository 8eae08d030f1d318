//! The plan as a whole: tiers, turns, settings, problems.

use proptest::prelude::*;

use super::testing::{
    Spec, bundle, bundle_with, config, ids, layout, node, plan, planned, shown, tiers, written,
};
use super::{EdgeKind, Plan, make};
use crate::base::Pattern;
use crate::config::{
    ExpectedSignal, Hotspot, InvariantChecks, LocConfidence, NodeOverride, Origin, Role, Setting,
};
use crate::diag::{Diags, Spanned};

fn rejected(specs: &[Spec]) -> Diags {
    make(bundle(specs), &config(), &layout()).map(|_| ()).unwrap_err()
}

fn codes(diags: &Diags) -> Vec<&'static str> {
    diags.iter().map(|d| d.code).collect()
}

fn hotspot(name: &str, patterns: &[&str]) -> Hotspot {
    let spanned = |t: &&str| Spanned::new(Pattern::parse(t).unwrap(), written(t));
    Hotspot { name: name.to_owned(), patterns: patterns.iter().map(spanned).collect() }
}

#[test]
fn tiers_are_longest_path_layers_with_lone_nodes_first() {
    let plan = plan(&[
        node("A"),
        node("B").deps(&["A"]),
        node("C").deps(&["A", "B"]),
        node("D").deps(&["A"]).alone(),
        node("E"),
    ]);
    assert_eq!(tiers(&plan), ["A E", "D B", "C"]);
    assert_eq!(ids(&plan, &plan.nodes[2].waits_for), "A B");
    assert_eq!(ids(&plan, &plan.critical_path), "A B C");
}

#[test]
fn of_equally_long_chains_the_heavier_is_critical() {
    let plan =
        plan(&[node("A").est(1), node("B").est(9), node("C").deps(&["A", "B"]), node("D").deps(&["A"])]);
    assert_eq!(ids(&plan, &plan.critical_path), "B C");
}

#[test]
fn a_plan_without_nodes_is_empty() {
    let plan = plan(&[]);
    assert!(plan.tiers.is_empty() && plan.critical_path.is_empty() && plan.edges.is_empty());
}

fn turns(plan: &Plan) -> Vec<String> {
    let synthetic = plan.edges.iter().filter(|e| e.kind == EdgeKind::Hotspot);
    synthetic
        .map(|e| format!("{} {}", ids(plan, &[e.from, e.to]), e.hotspot.as_deref().unwrap_or("-")))
        .collect()
}

#[test]
fn sharers_take_turns_by_layer_and_then_by_graph_order() {
    let specs = [
        node("A").deps(&["C"]).hot(&["Cargo.lock"]),
        node("B").touches(&["Cargo.*"]),
        node("C").hot(&["Cargo.lock"]),
        node("D"),
    ];
    let plan = plan(&specs);
    assert_eq!(turns(&plan), ["B C Cargo.lock", "C A Cargo.lock"]);
    assert_eq!(tiers(&plan), ["B D", "C", "A"]);
    assert_eq!(plan.hotspots.len(), 1);
    assert_eq!(ids(&plan, &plan.hotspots[0].sharers), "B C A");
}

#[test]
fn a_group_is_one_hotspot_and_files_that_do_not_exist_count() {
    let mut config = config();
    config.hotspots =
        vec![hotspot("schema", &["schema/**", "src/schema.rs"]), hotspot("a.lock", &["a.lock"])];
    let specs = [
        node("A").touches(&["schema/new.sql"]),
        node("B").touches(&["src/*.rs"]),
        node("C").touches(&["src/*.rs", "!src/schema.rs"]),
        node("D").touches(&["*.lock"]),
    ];
    let (plan, _) = planned(bundle(&specs), &config);
    assert_eq!(turns(&plan), ["A B schema"]);
    let named: Vec<String> =
        plan.hotspots.iter().map(|h| format!("{}: {}", h.name, ids(&plan, &h.sharers))).collect();
    assert_eq!(named, ["schema: A B", "a.lock: D"]);
}

#[test]
fn one_turn_names_the_first_hotspot_that_causes_it() {
    let plan = plan(&[node("A").hot(&["src/*.rs", "b"]), node("B").hot(&["src/a.rs", "b"])]);
    assert_eq!(turns(&plan), ["A B src/*.rs"]);
    assert_eq!(plan.hotspots.len(), 3);
}

#[test]
fn every_cycle_is_named_in_order_with_its_lines() {
    let diags = rejected(&[
        node("Axolotl").deps(&["Cobra"]),
        node("Badger").deps(&["Axolotl"]),
        node("Cobra").deps(&["Badger"]),
        node("Dog").deps(&["Eel", "Cobra"]),
        node("Eel").deps(&["Dog"]),
        node("Fox").deps(&["Fox"]),
        node("Gnu").deps(&["Fox"]),
    ]);
    insta::assert_snapshot!(shown(&diags));
}

#[test]
fn a_knot_names_each_member() {
    let specs = [node("A").deps(&["B", "C"]), node("B").deps(&["A"]), node("C").deps(&["A"])];
    let told: Vec<String> = rejected(&specs).iter().map(|d| d.message.clone()).collect();
    assert_eq!(told.len(), 2);
    assert!(told[0].contains("A (line 3) → B (line 10) → A"), "{told:?}");
    assert!(told[1].contains("C (line 17) → A (line 3) → C"), "{told:?}");
}

#[test]
fn a_ring_of_thousands_does_not_exhaust_the_stack() {
    let n = 5_000;
    let specs: Vec<Spec> =
        (0..n).map(|i| node(&format!("N{i}")).deps(&[&format!("N{}", (i + 1) % n)])).collect();
    let diags = rejected(&specs);
    let cycle = diags.iter().find(|d| d.code == "plan::cycle").unwrap();
    assert_eq!(cycle.labels.len(), n);
}

#[test]
fn names_that_do_not_exist_are_all_reported_with_the_nearest() {
    let mut config = config();
    let block = |id: &str, agent: &str| NodeOverride {
        id: Some(Spanned::new(super::testing::id(id), written(&format!("node \"{id}\"")))),
        agent: Some(Spanned::new(agent.to_owned(), written(&format!("agent=\"{agent}\"")))),
        ..NodeOverride::default()
    };
    config.nodes.insert(super::testing::id("N-2"), block("N-2", "claude"));
    config.nodes.insert(super::testing::id("N-1"), block("N-1", "cluade"));
    let inv = InvariantChecks {
        id: Some(Spanned::new(super::testing::id("INV-2"), written("invariant \"INV-2\""))),
        ..InvariantChecks::default()
    };
    config.invariants.insert(super::testing::id("INV-2"), inv);
    let specs = [node("N-1").agent("codx")];
    let made = make(bundle_with(&specs, &[("INV-1", &[]), ("ADV-1", &[])]), &config, &layout());
    insta::assert_snapshot!(shown(&made.map(|_| ()).unwrap_err()));
}

#[test]
fn blocks_about_another_bundle_are_passed_over() {
    let mut config = config();
    let bound = InvariantChecks {
        checks: vec![Spanned::new("true".to_owned(), written("true"))],
        id: Some(Spanned::new(super::testing::id("INV-9"), written("INV-9"))),
        ..InvariantChecks::default()
    };
    config.invariants.insert(super::testing::id("INV-9"), bound);
    config.nodes.insert(super::testing::id("N-9"), NodeOverride::default());
    let made = |config: &crate::config::Config| make(bundle(&[node("A")]), config, &layout()).is_ok();
    assert!(!made(&config));
    config.about_another_bundle = true;
    assert!(made(&config));
}

#[test]
fn checks_of_audit_kdl_confirm_an_invariant() {
    let mut config = config();
    let bound = InvariantChecks {
        checks: vec![Spanned::new("make test".to_owned(), written("make test"))],
        ..InvariantChecks::default()
    };
    config.invariants.insert(super::testing::id("INV-1"), bound);
    let (plan, _) = planned(bundle_with(&[node("A")], &[("INV-1", &["true"])]), &config);
    let commands: Vec<&str> = plan.invariants[0].checks.iter().map(|c| c.check.command.as_str()).collect();
    assert_eq!(commands, ["true", "make test"]);
}

#[test]
fn the_layers_of_a_setting_win_in_order() {
    let mut config = config();
    let specs = [
        node("A"),
        node("B").agent("codex").confidence(LocConfidence::Rough).est(5),
        node("C").agent("codex").confidence(LocConfidence::Rough).env("X", "1").env("Y", "2"),
    ];
    let mut env = crate::config::EnvBlock::default();
    let value = crate::config::EnvValue { template: "9".to_owned(), secret: true, span: written("X") };
    env.set.push(("X".to_owned(), value));
    let block = NodeOverride {
        agent: Some(Spanned::new("claude".to_owned(), written("agent"))),
        loc_confidence: Some(Spanned::new(LocConfidence::Unbounded, written("loc-confidence"))),
        estimated_loc: Some(Spanned::new(7, written("estimated-loc"))),
        parallel_safe: Some(Spanned::new(false, written("parallel-safe"))),
        env,
        ..NodeOverride::default()
    };
    config.nodes.insert(super::testing::id("C"), block);
    let of = |config: &crate::config::Config| {
        let (plan, _) = planned(bundle(&specs), config);
        plan.nodes.into_iter().map(|n| n.settings).collect::<Vec<_>>()
    };
    let settings = of(&config);
    let agents: Vec<&str> = settings.iter().map(|s| s.agent.value.as_str()).collect();
    assert_eq!(agents, ["claude", "codex", "claude"]);
    assert_eq!(settings[1].agent.origin.to_string(), "docs/audit/graph.md:14:10");
    assert_eq!(settings[2].agent.origin.to_string(), "audit.kdl:1:1");
    assert_eq!((settings[1].loc_cap, settings[2].loc_cap, settings[2].loc_warn), (Some(35), None, Some(37)));
    assert!(!settings[2].parallel_safe.value);
    let env: Vec<String> =
        settings[2].env.set.iter().map(|(k, v)| format!("{k}={} {}", v.template, v.secret)).collect();
    assert_eq!(env, ["X=9 true", "Y=2 false"]);

    config.roles.insert(
        Role::Node,
        Setting { value: "codex".to_owned(), origin: Origin::Written(written("node \"codex\"")) },
    );
    assert_eq!(of(&config)[0].agent.value, "codex");
    config.default_agent = Setting { value: "claude".to_owned(), origin: Origin::Flag("--agent".to_owned()) };
    assert!(
        of(&config).iter().all(|s| s.agent.value == "claude" && s.agent.origin.to_string() == "flag --agent")
    );
}

#[test]
fn verbs_and_signals_that_contradict_are_warned_of() {
    use ExpectedSignal::{AllowEmpty, RequireNonempty};
    let specs = [
        node("A").deliverable("Add it").signal(AllowEmpty),
        node("B").deliverable("assert it"),
        node("C").deliverable("add it"),
        node("D").deliverable("prune-if-present it").signal(AllowEmpty),
        node("E").deliverable("tidy it").signal(AllowEmpty),
        node("F").deliverable("document: it").signal(RequireNonempty),
    ];
    let (_, diags) = planned(bundle(&specs), &config());
    insta::assert_snapshot!(shown(&diags));
}

#[test]
fn too_few_iterations_are_an_error_unless_asked_for() {
    let specs: Vec<Spec> = (0..3).map(|i| node(&format!("N{i}"))).collect();
    let with = |value, origin| {
        let mut config = config();
        config.bounds.max_iterations = Setting { value, origin };
        match make(bundle(&specs), &config, &layout()) {
            Ok((_, warnings)) => (true, codes(&warnings)),
            Err(diags) => (false, codes(&diags)),
        }
    };
    let file = || Origin::Written(written("bounds max-iterations=2"));
    assert_eq!(with(2, file()), (false, vec!["plan::too-many-nodes"]));
    assert_eq!(with(2, Origin::Flag("--max-iterations".to_owned())), (true, vec!["plan::too-many-nodes"]));
    assert_eq!(with(2, Origin::Env("AUDIT_MAX_ITERATIONS".to_owned())), (true, vec!["plan::too-many-nodes"]));
    assert_eq!(with(8, file()), (true, vec!["plan::iterations-tight"]));
    assert_eq!(with(9, file()), (true, vec![]));
}

#[test]
fn touches_that_overlap_in_a_tier_are_grouped_by_patterns() {
    let specs = [
        node("A").touches(&["src/**"]),
        node("B").touches(&["src/**"]),
        node("C").touches(&["src/c.rs", "docs/*"]),
        node("D").touches(&["src/**"]).alone(),
        node("E").touches(&["src/**"]).deps(&["A"]),
        node("F").touches(&["docs/*", "!docs/*"]),
        node("G").touches(&["src/**", "!src/c.rs"]),
    ];
    let (_, diags) = planned(bundle(&specs), &config());
    let told: Vec<&str> = diags.iter().map(|d| d.message.as_str()).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn at_most_a_hundred_overlaps_are_listed() {
    let specs: Vec<Spec> = (0..300)
        .map(|i| node(&format!("N{i}")).touches(&[&format!("d{}/x", i / 2), &format!("d{}/*", i / 2)]))
        .collect();
    let (_, diags) = planned(bundle(&specs), &config());
    let codes = codes(&diags);
    assert_eq!(codes.iter().filter(|c| **c == "plan::touches-overlap").count(), 100);
    assert_eq!(codes.last(), Some(&"plan::more-overlaps"));
}

#[test]
fn work_grows_with_the_plan_and_not_with_its_square() {
    let n = 10_000;
    let specs: Vec<Spec> = (0..n)
        .map(|i| {
            let deps: Vec<String> =
                [1, 2, 7].iter().filter(|d| i >= **d * 50).map(|d| format!("N{}", i - d * 50)).collect();
            let deps: Vec<&str> = deps.iter().map(String::as_str).collect();
            node(&format!("N{i}"))
                .touches(&[&format!("src/m{i}/**"), &format!("tests/m{i}.rs"), "**/*.generated"])
                .hot(&[&format!("lock/{}.lock", i % 2_000)])
                .deps(&deps)
        })
        .collect();
    let bundle = bundle(&specs);
    let mut config = config();
    config.bounds.max_iterations.value = 1_000_000;
    let (plan, _) = planned(bundle, &config);
    assert!(plan.edges.len() > 29_000 && plan.hotspots.len() == 2_000);
    assert!(plan.comparisons < 5 * n, "{} comparisons for {n} nodes", plan.comparisons);
    let shared = plan.nodes.iter().enumerate().all(|(i, n)| n.waits_for.iter().all(|w| *w < i));
    assert!(shared);
}

#[test]
fn wildcards_before_a_name_are_not_compared_with_every_name() {
    let n = 3_000;
    let specs: Vec<Spec> = (0..n)
        .map(|i| {
            let hot = format!("src/d{i}/hot_{i}.rs");
            node(&format!("N{i}")).touches(&[&format!("src/**/mod_{i}.rs")]).hot(&[&hot])
        })
        .collect();
    let mut config = config();
    config.bounds.max_iterations.value = 1_000_000;
    let (plan, diags) = planned(bundle(&specs), &config);
    assert_eq!((plan.tiers.len(), diags.is_empty()), (1, true));
    assert!(plan.comparisons < 2 * n, "{} comparisons for {n} nodes", plan.comparisons);
}

fn specs() -> impl Strategy<Value = Vec<Spec>> {
    let pattern = prop::sample::select(vec!["a", "b/*", "b/c", "**/c", "d/", "{a,e}", "f"]);
    let one = (
        prop::collection::vec(pattern.clone(), 1..3),
        prop::collection::vec(pattern, 0..2),
        prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        any::<bool>(),
    );
    prop::collection::vec(one, 1..12).prop_map(|all| {
        let order: Vec<usize> = (0..all.len()).collect();
        all.into_iter()
            .enumerate()
            .map(|(i, (touches, hot, deps, safe))| {
                // Dependencies point to nodes with a smaller remainder, so graph.md's order is no help.
                let rank = |n: usize| (n * 7 + 3) % 13;
                let lower: Vec<usize> = order.iter().copied().filter(|n| rank(*n) < rank(i)).collect();
                let deps: Vec<String> = deps
                    .iter()
                    .filter(|_| !lower.is_empty())
                    .map(|d| format!("N{}", lower[d.index(lower.len())]))
                    .collect();
                let deps: Vec<&str> = deps.iter().map(String::as_str).collect();
                let spec = node(&format!("N{i}")).touches(&touches).hot(&hot).deps(&deps);
                if safe { spec } else { spec.alone() }
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tiers_respect_every_edge_and_sharers_never_meet(specs in specs()) {
        let plan = plan(&specs);
        for edge in &plan.edges {
            prop_assert!(plan.nodes[edge.from].tier < plan.nodes[edge.to].tier);
            prop_assert!(plan.nodes[edge.to].waits_for.contains(&edge.from));
        }
        for hotspot in &plan.hotspots {
            let tiers: Vec<usize> = hotspot.sharers.iter().map(|n| plan.nodes[*n].tier).collect();
            prop_assert!(tiers.windows(2).all(|t| t[0] < t[1]), "{}: {tiers:?}", hotspot.name);
        }
        for node in plan.nodes.iter().filter(|n| n.tier > 0) {
            prop_assert!(node.waits_for.iter().any(|w| plan.nodes[*w].tier + 1 == node.tier));
        }
        let listed: usize = plan.tiers.iter().map(Vec::len).sum();
        prop_assert_eq!(listed, plan.nodes.len());
        prop_assert_eq!(plan.critical_path.len(), plan.tiers.len());
    }

    #[test]
    fn two_nodes_that_share_a_hotspot_by_any_rule_are_ordered(specs in specs()) {
        let plan = plan(&specs);
        let entries: Vec<Pattern> =
            plan.nodes.iter().flat_map(|n| &n.node.hotspot_files).map(|p| p.value.clone()).collect();
        let shares = |n: usize, entry: &Pattern| {
            let node = &plan.nodes[n].node;
            node.hotspot_files.iter().chain(&node.touches).any(|p| p.value.overlaps(entry))
        };
        for entry in &entries {
            let sharers: Vec<usize> = (0..plan.nodes.len()).filter(|n| shares(*n, entry)).collect();
            let mut tiers: Vec<usize> = sharers.iter().map(|n| plan.nodes[*n].tier).collect();
            tiers.sort_unstable();
            tiers.dedup();
            prop_assert_eq!(tiers.len(), sharers.len(), "{}", entry);
        }
    }

    #[test]
    fn the_order_of_lists_changes_nothing(specs in specs()) {
        let mut turned = specs.clone();
        for s in &mut turned {
            s.touches.reverse();
            s.deps.reverse();
        }
        let (one, other) = (plan(&specs), plan(&turned));
        prop_assert_eq!(&one.tiers, &other.tiers);
        prop_assert_eq!(&one.critical_path, &other.critical_path);
        let waits = |p: &Plan| p.nodes.iter().map(|n| n.waits_for.clone()).collect::<Vec<_>>();
        prop_assert_eq!(waits(&one), waits(&other));
    }

    #[test]
    fn the_prediction_follows_its_rule(specs in specs(), ready in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let plan = plan(&specs);
        let ready: Vec<usize> = ready.iter().map(|i| i.index(plan.nodes.len())).collect();
        let first = plan.tiers.iter().flatten().copied().find(|n| ready.contains(n));
        prop_assert_eq!(super::prediction(&plan, ready).map(|p| p.node), first);
    }
}
