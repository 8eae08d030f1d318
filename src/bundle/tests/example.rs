//! Bundles as people and models write them, in all three forms, with both line ends.

use super::*;

const TABLE: &str = "\
# Graph

| id | deliverable | touches | depends_on | parallel_safe | estimated_loc | loc_confidence | expected_signal | hotspot_files | closes |
|---|---|---|---|---|---|---|---|---|---|
| A | add A | a/**, b.txt |  | true | 7 |  |  | b.txt | D-A |
| B | add B | c | A | false | 10 | rough |  |  | D-B |
";

const YAML: &str = "\
# Graph

```yaml
nodes:
  - id: A
    deliverable: \"add A\"
    touches: [\"a/**\", \"b.txt\"]
    depends_on: []
    parallel_safe: true
    estimated_loc: 7
    hotspot_files: [\"b.txt\"]
    closes: [\"D-A\"]
  - id: B
    deliverable: \"add B\"
    touches: [\"c\"]
    depends_on: [\"A\"]
    parallel_safe: false
    estimated_loc: 10
    hotspot_files: []
    closes: [\"D-B\"]
    loc_confidence: rough
```
";

#[test]
fn the_three_forms_agree_with_every_line_end_and_a_bom() {
    let wanted = meaning(&accept(&good()));
    insta::assert_snapshot!(wanted, @r#"
    invariant INV-0 "holds" ["\"true\" Worktree None None"] false None
    delta D-A "do D-A"
    delta D-B "do D-B"
    node A "add A"
      touches ["a/**", "b.txt"] hot ["b.txt"]
      deps  closes D-A invariants 
      safe Some(true) loc 7 None signal None
      agent None timeout None retries None env []
      check "true" Worktree None None
      success "A is there." fails "Anything else changes."
    node B "add B"
      touches ["c"] hot []
      deps A closes D-B invariants 
      safe Some(false) loc 10 Some(Rough) signal None
      agent None timeout None retries None env []
      check "true" Worktree None None
      success "B is there." fails "Anything else changes."
    "#);
    for graph in [GRAPH, TABLE, YAML] {
        let unix = with_graph(graph);
        assert_eq!(meaning(&accept(&unix)), wanted, "{graph}");
        let dos = |b: &[u8]| {
            let text = String::from_utf8_lossy(b).replace('\n', "\r\n");
            format!("\u{feff}{text}").into_bytes()
        };
        let dos = BundleFiles {
            dir: unix.dir.clone(),
            state: unix.state.as_deref().map(dos),
            graph: unix.graph.as_deref().map(dos),
            prompts: unix.prompts.iter().map(|(n, b)| (n.clone(), dos(b))).collect(),
        };
        let bundle = accept(&dos);
        assert_eq!(meaning(&bundle), wanted, "CRLF, BOM: {graph}");
        assert_eq!(bundle.nodes[0].prompt.bytes, dos.prompts[0].1, "the agent gets the file's bytes");
        assert!(bundle.state.bom);
    }
}

#[test]
fn values_point_to_where_they_stand() {
    let bundle = accept(&good());
    let node = &bundle.nodes[0];
    assert_eq!(node.touches[1].span.text(), "`b.txt`");
    assert_eq!(node.estimated_loc.span.to_string(), "docs/audit/graph.md:6:18");
    assert_eq!(node.span.text(), "A: add A");
    assert_eq!(node.done_when[0].command.span.to_string(), "docs/audit/prompts/A.md:4:8");
    assert_eq!(bundle.state.sections["open_questions"].body.text(), "\n");
    let bundle = accept(&with_graph(TABLE));
    assert_eq!(bundle.nodes[1].estimated_loc.span.text(), "10");
    assert_eq!(bundle.nodes[0].touches[1].span.text(), "b.txt");
    let bundle = accept(&with_graph(YAML));
    assert_eq!(bundle.nodes[1].estimated_loc.span.to_string(), "docs/audit/graph.md:18:20");
}

/// Spellings that a model may choose and that mean the same.
#[test]
fn form_is_free() {
    let wanted = meaning(&accept(&good()));
    for graph in [
        GRAPH.replace("### A: add A", "## **A** — add A").replace("### B:", "# `B` -"),
        GRAPH.replace("- touches: `a/**`, `b.txt`", "- touches:\n  - `a/**`\n  - b.txt"),
        GRAPH.replace("- touches: `a/**`, `b.txt`", "* **Touches:** a/**,\n  b.txt").replace("- parallel", "* parallel").replace("- est", "* est").replace("- hot", "* hot").replace("- closes", "* closes").replace("- dep", "* dep").replace("- touches: `c`", "* touches: c").replace("- loc_", "* loc_"),
        GRAPH.replace("depends_on", "deps").replace("estimated_loc", "est_loc").replace("hotspot_files", "hotspots").replace("closes", "delta_to_done"),
        GRAPH.replace("estimated_loc", "**Estimated LOC**").replace("true", "`true`"),
        GRAPH.replace("### A: add A\n", "### A: add A\n\nSome words, `code` and **bold**.\n\n"),
        GRAPH.replace("# Graph\n", "# The graph\n\nTier 1:\n- one\n- two\n\n| key | meaning |\n|---|---|\n| x | y |\n\n```yaml\nexample: 1\n```\n"),
        GRAPH.replace("- depends_on: A", "- depends_on: A\n- invariants: none"),
        GRAPH.replace("### A: add A\n", "### A: add A\n- depends_on: none\n- agent:\n"),
    ] {
        assert_eq!(meaning(&accept(&with_graph(graph.clone()))), wanted, "{graph}");
    }
    for state in [
        STATE
            .replace("- **INV-0**: holds", "* INV-0: holds")
            .replace("## Open questions", "## Open questions\n\nnone"),
        STATE.replace("- **INV-0**: holds\n  - check: `true`", "1. `INV-0` holds\n   - **check**: true"),
        STATE.replace(
            "- **INV-0**: holds\n  - check: `true`",
            "Words before.\n\n- **INV-0:** holds\n\n  - check: `true`\n",
        ),
        STATE.replace(
            "- **INV-0**: holds\n  - check: `true`",
            "id | text | Check\n--|:-:|--\nINV-0 | holds | `true`",
        ),
        STATE.replace(
            "- **INV-0**: holds\n  - check: `true`",
            "```yaml\nINV-0:\n  text: holds\n  check: \"true\"\n```",
        ),
        STATE.replace(
            "- **INV-0**: holds\n  - check: `true`",
            "```json\n[{\"id\": \"INV-0\", \"text\": \"holds\", \"check\": [\"true\"]}]\n```",
        ),
        STATE.replace("- **D-A**: do D-A\n- **D-B**: do D-B", "```yaml\nD-A: do D-A\nD-B: do D-B\n```"),
        STATE.replace("- **D-A**: do D-A\n", "### One\n- **D-A**: do D-A\n\n### Two\n"),
        STATE.replace("## Open questions", "Open Questions\n===\n<!-- nothing yet -->\n**None.**\n"),
        STATE.replace("## Delta to done", "## Notes\n- not an item\n\n#### DELTA-to-Done"),
    ] {
        assert_eq!(meaning(&accept(&with_state(state.clone()))), wanted, "{state}");
    }
}

#[test]
fn every_attribute_is_read() {
    let state = "\
# S
## Architecture
## Invariants
| id | text | check | check | advisory | timeout |
|---|---|---|---|---|---|
| INV-1 | no `x \\| y` | `rg x | wc -l` | cargo test | | 10m |
| INV-2 | style | `a`<br>`b` (scope: repo) | | yes | |
## Open questions
- Q-1: what does it say?
  - files: `README.md`, \"docs/a, b.md\", src/{a,b}.rs
## Resolved questions
- **Q-0**: is it?
  - answer: yes, it is
  - confidence: 0.9
  - evidence: README.md, src/a.rs
## Delta to done
- **D-1**: all
";
    let graph = "\
### N-1: replace the lot
- touches: src/**, !src/gen/**
- estimated_loc: 0
- loc_confidence: unbounded
- expected_signal: allow_empty
- closes: D-1
- invariants: INV-2
- agent: codex
- timeout: 1h30m
- retries: 2
- env:
  - A=1, 2
  - B=x=y
- done_when:
  - `cargo test -p a,b`
  - test -f x (scope: repo)
";
    let prompt = "---\nsuccess: It works.\n---\n## Failure modes\n- none of `<done_when>` counts\n\n## Constraints\nKeep INV-1.\n";
    let files = BundleFiles {
        dir: String::new(),
        state: Some(state.into()),
        graph: Some(graph.into()),
        prompts: vec![("N-1.md".into(), prompt.into())],
    };
    insta::assert_snapshot!("every_attribute", meaning(&accept(&files)));
    let (_, warnings) = read(&files).unwrap();
    insta::assert_snapshot!("every_attribute_warning", shown(&warnings));
}

/// The example of the documentation is a valid bundle.
#[test]
fn the_documented_example_is_accepted() {
    let doc = include_str!("../../../docs/bundle.md");
    let file = |name: &str| {
        let start = format!("\n`{name}`\n\n````markdown\n");
        let rest = doc.split_once(&start).unwrap_or_else(|| panic!("{name}")).1;
        rest.split_once("````\n").unwrap().0.as_bytes().to_vec()
    };
    let files = BundleFiles {
        dir: "docs/audit".into(),
        state: Some(file("state.md")),
        graph: Some(file("graph.md")),
        prompts: ["N-1.md", "N-2.md"].map(|n| (n.to_owned(), file(&format!("prompts/{n}")))).to_vec(),
    };
    insta::assert_snapshot!("documented_example", meaning(&accept(&files)));
}
