//! Every rule that a bundle can break, each with the diagnostic that the user sees.

use super::*;

/// One snapshot for each case: all problems of the bundle, as text.
fn rejected(cases: impl IntoIterator<Item = (&'static str, BundleFiles)>) {
    for (name, files) in cases {
        let Err(diags) = read(&files) else { panic!("{name} was accepted") };
        insta::assert_snapshot!(name, shown(&diags));
    }
}

fn state(from: &str, to: &str) -> BundleFiles {
    assert!(STATE.contains(from), "{from}");
    with_state(STATE.replacen(from, to, 1))
}

fn graph(from: &str, to: &str) -> BundleFiles {
    assert!(GRAPH.contains(from), "{from}");
    with_graph(GRAPH.replacen(from, to, 1))
}

#[test]
fn files() {
    rejected([
        ("file_all_missing", BundleFiles { dir: "docs/audit".into(), ..BundleFiles::default() }),
        ("file_too_large", with_state("x".repeat(8 * 1024 * 1024 + 1))),
        ("file_not_utf8", BundleFiles { state: Some(b"# State\n\n## Arch\xff\n".to_vec()), ..good() }),
        ("file_not_a_prompt", {
            let mut files = good();
            files.prompts.insert(0, (".gitkeep".into(), Vec::new()));
            files.prompts.push(("notes.txt".into(), b"x".to_vec()));
            files
        }),
    ]);
}

#[test]
fn sections() {
    rejected([
        ("section_near", state("## Delta to done", "## Delta-to-don")),
        ("section_near_number", state("## Invariants", "## 2. Invariants (all)")),
        ("section_missing", with_state("# State\n## Delta to done\n- **D-A**: x\n- **D-B**: y\n")),
        ("section_twice", state("## Open questions", "## Invariants\nnone\n\n## Open questions")),
        ("section_delta_none", state("- **D-A**: do D-A\n- **D-B**: do D-B\n", "none\n")),
        ("section_two_forms", state("- **D-B**: do D-B\n", "\n| id | text |\n|---|---|\n| D-B | do |\n")),
        ("section_words_only", state("- **D-A**: do D-A\n- **D-B**: do D-B\n", "Do it all.\n")),
        ("section_none_and_items", state("- **INV-0**", "none\n\n- **INV-0**")),
        ("section_unclosed_fence", state("A test.", "```\nA test.")),
        ("section_wrong_fence", state("- **D-B**: do D-B", "\n```toml\nx = 1\n```")),
        ("section_broken_table", state("- **D-B**: do D-B", "\n| id | text |\n|---|\n| D-B | do |")),
        ("section_quote", state("- **D-B**: do D-B", "\n> - **D-B**: do D-B")),
        ("section_item_heading", state("- **INV-0**: holds", "### INV-0: holds\n- **INV-0**: holds")),
        ("section_item_prose", state("- **INV-0**: holds", "INV-9: holds too\n\n- **INV-0**: holds")),
    ]);
}

#[test]
fn items() {
    rejected([
        ("item_without_id", state("- **D-A**: do D-A", "- do all of it")),
        ("item_bad_id", state("- **D-A**: do D-A", "- **D/A**: do D-A")),
        ("item_reserved_id", state("- **D-A**: do D-A", "- **events.jsonl**: do D-A")),
        ("item_lock_id", state("- **D-A**: do D-A", "- **a.lock**: x\n- **a..b**: y")),
        ("item_without_text", state("- **D-A**: do D-A", "- **D-A**")),
        ("item_duplicate", state("- **D-B**: do D-B", "- **D-A**: again\n- **D-B**: do D-B")),
        ("item_letter_case", state("- **D-B**: do D-B", "- **d-a**: again\n- **D-B**: do D-B")),
        ("item_unknown_key", state("- check: `true`", "- chek: `true`")),
        ("item_far_key", state("- check: `true`", "- colour: red")),
        ("item_key_twice", state("- check: `true`", "- advisory: true\n  - advisory: false")),
        ("item_not_key_value", state("- check: `true`", "- run it")),
        ("item_attribute_not_nested", state("  - check: `true`", "- check: `true`")),
        ("item_bad_bool", state("- check: `true`", "- advisory: perhaps")),
        ("item_bad_timeout", state("- check: `true`", "- timeout: soon")),
        ("item_text_after_command", state("- check: `true`", "- check: `true` passes")),
        ("item_empty_check", state("- check: `true`", "- check: ` `")),
        ("item_bad_scope", state("- check: `true`", "- check: `true` (scope: all)")),
        (
            "item_too_many_cells",
            state("- **INV-0**: holds\n  - check: `true`", "| id | text |\n|---|---|\n| INV-0 | a | b |"),
        ),
        (
            "item_unknown_column",
            state(
                "- **INV-0**: holds\n  - check: `true`",
                "| id | text | chek |\n|---|---|---|\n| INV-0 | a | b |\n| INV-1 | a | b |",
            ),
        ),
        (
            "item_yaml_syntax",
            state("- **INV-0**: holds\n  - check: `true`", "```yaml\n- id: INV-0\n  text: a: b\n```"),
        ),
        (
            "item_yaml_alias",
            state("- **INV-0**: holds\n  - check: `true`", "```yaml\n- &a {id: INV-0, text: x}\n- *a\n```"),
        ),
        ("item_yaml_scalar", state("- **INV-0**: holds\n  - check: `true`", "```yaml\nINV-0\n```")),
        ("item_yaml_element", state("- **INV-0**: holds\n  - check: `true`", "```yaml\n- INV-0\n```")),
        (
            "item_open_and_resolved",
            state("## Delta", "- Q-1: a?\n\n## Resolved questions\n- Q-1: a?\n\n## Delta"),
        ),
        ("item_many", {
            let items: String = (0..10_001).map(|i| format!("- D-{i}: x\n")).collect();
            with_state(STATE.replace("- **D-A**: do D-A\n", &format!("- **D-A**: do D-A\n{items}")))
        }),
    ]);
}

#[test]
fn nodes() {
    rejected([
        ("node_no_list", graph("### B: add B\n", "### C: add c\n\nProse.\n\n### B: add B\n")),
        ("node_in_html", graph("### B: add B", "<div>\n### C: add c\n- touches: c\n\n### B: add B")),
        ("node_none", with_graph("# Graph\n\nNothing here.\n")),
        ("node_bad_id_heading", graph("### B: add B", "### B..b: add B")),
        ("node_without_deliverable", graph("### B: add B", "### B:")),
        ("node_unknown_key", graph("- depends_on: A", "- dependson: A")),
        ("node_key_and_alias", graph("- depends_on: A", "- depends_on: A\n- deps: A")),
        ("node_without_touches", graph("- touches: `c`\n", "")),
        ("node_only_exclusions", graph("- touches: `c`\n", "- touches: !c\n")),
        ("node_without_loc", graph("- estimated_loc: 10\n", "")),
        ("node_bad_loc", graph("estimated_loc: 10", "estimated_loc: ~10")),
        ("node_negative_loc", graph("estimated_loc: 10", "estimated_loc: -1")),
        ("node_bad_confidence", graph("rough", "ruff")),
        ("node_bad_signal", graph("- loc_confidence: rough", "- expected_signal: whatever")),
        ("node_value_and_list", graph("- touches: `c`", "- touches: `c`\n  - d")),
        ("node_nested_in_text", graph("- estimated_loc: 10", "- estimated_loc:\n  - 10\n  - 11")),
        ("node_own_file", graph("- touches: `c`", "- touches: docs/audit/state.md")),
        ("node_own_directory", graph("- touches: `c`", "- touches: c, docs/audit/runs/**")),
        ("node_own_hotspot", graph("- touches: `c`", "- touches: c\n- hotspots: .worktrees/")),
        (
            "node_two_forms",
            graph(
                "### B: add B",
                "| id | deliverable | touches |\n|---|---|---|\n| C | add C | c |\n\n### B: add B",
            ),
        ),
        (
            "node_table_without_id",
            with_graph("| deliverable | touches | est_loc |\n|---|---|---|\n| add A | a | 1 |\n"),
        ),
        (
            "node_table_column_twice",
            with_graph(
                "| id | deliverable | touches | est_loc | estimated_loc | closes |\n|---|---|---|---|---|---|\n| A | add A | a | 1 | 2 | D-A |\n",
            ),
        ),
        ("node_yaml_bare", with_graph("```yaml\n- id: A\n  deliverable: add A\n```\n")),
        ("node_yaml_near", with_graph("```yaml\nnode:\n- id: A\n```\n")),
        (
            "node_yaml_extra_key",
            with_graph(
                "```yaml\nversion: 1\nnodes:\n- {id: A, deliverable: add A, touches: a, estimated_loc: 1, closes: D-A}\n- {id: B, deliverable: add B, touches: a, estimated_loc: 1, closes: D-B}\n```\n",
            ),
        ),
        ("node_yaml_tag", with_graph("```yaml\nnodes:\n- id: A\n  touches: [src/**, !src/gen/**]\n```\n")),
        (
            "node_yaml_lines",
            with_graph(
                "```yaml\nnodes:\n- {id: A, deliverable: \"add\\nA\", touches: a, estimated_loc: 1, closes: D-A}\n- {id: B, deliverable: add B, touches: a, estimated_loc: 1, closes: D-B}\n```\n",
            ),
        ),
        (
            "node_env",
            graph(
                "- estimated_loc: 10",
                "- estimated_loc: 10\n- env: PATH\n- env: 1X=2\n- env: A=1\n- env: A=2",
            ),
        ),
        ("node_retries", graph("- estimated_loc: 10", "- estimated_loc: 10\n- retries: many\n- timeout: 10")),
        ("node_many", {
            let nodes: String = (0..50_001).map(|i| format!("### N{i}: a\n- agent: x\n")).collect();
            let files = with_graph(nodes);
            let diags = read(&files).map(|_| ()).unwrap_err();
            let codes: Vec<_> = diags.iter().map(|d| d.code).collect();
            assert_eq!(codes, ["bundle::too-many-nodes"], "nothing buries it");
            with_graph("")
        }),
    ]);
}

#[test]
fn citations() {
    rejected([
        ("cite_unknown_dependency", graph("depends_on: A", "depends_on: AA, zebra")),
        ("cite_self", graph("depends_on: A", "depends_on: B")),
        ("cite_unknown_delta", graph("closes: D-B", "closes: D-B, D-9")),
        ("cite_unknown_invariant", graph("closes: D-B", "closes: D-B\n- invariants: INV-1")),
        ("cite_duplicate_node", graph("### B: add B", "### A: add B")),
        ("cite_letter_case", graph("### B: add B", "### a: add B")),
        ("cite_nothing", with_graph(GRAPH.replace("- closes: D-A\n", "").replace("- closes: D-B\n", ""))),
        ("cite_open_delta", state("- **D-B**: do D-B", "- **D-B**: do D-B\n- **D-C**: do\n- **D-D**: do")),
        ("cite_prompt_file_case", {
            let mut files = good();
            files.prompts[1].0 = "b.md".into();
            files
        }),
        ("cite_no_prompt", {
            let mut files = good();
            files.prompts[1].0 = "C.md".into();
            files
        }),
    ]);
}

#[test]
fn all_problems_of_all_files_come_at_once() {
    let mut files = good();
    files.state = Some(STATE.replace("- check", "- chek").into());
    files.graph = Some(GRAPH.replace("rough", "ruff").into());
    files.prompts[0].1 = b"nothing".to_vec();
    insta::assert_debug_snapshot!("all_problems", codes(&files));
}

/// The pattern rules, apart from how patterns are parsed.
#[test]
fn patterns() {
    use crate::base::glob::PatternError;
    let source = crate::diag::Source::new("graph.md", "- touches: /etc/passwd\n");
    let text = crate::diag::Spanned::new("/etc/passwd".to_owned(), source.span(11, 11));
    let mut all = Diags::new();
    for error in [
        PatternError::Absolute,
        PatternError::Escapes,
        PatternError::GitDir,
        PatternError::Empty,
        PatternError::Syntax("a class has no end".into()),
    ] {
        all.push(crate::bundle::read::bad_pattern(&text, "touches", &error));
    }
    insta::assert_snapshot!("pattern_kinds", shown(&all));
}
