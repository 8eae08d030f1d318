//! Prompts: the forms of their parts, and what is refused.

use super::*;
use crate::bundle::CheckScope;

const ELEMENTS: &str = "# A\nDo it.\n<scope_envelope>\n<success>It is there.</success>\n<failure_modes>It is not.</failure_modes>\n</scope_envelope>\n<constraints>INV-0</constraints>\n<delta_to_done>D-A</delta_to_done>\n<done_when>\n<check>a && b</check>\n<check scope=\"repo\">c</check>\n</done_when>\n";

fn parts(text: &str) -> String {
    let bundle = accept(&with_prompt(text));
    let node = &bundle.nodes[0];
    let checks: Vec<String> = node.done_when.iter().map(check).collect();
    format!(
        "{:?} {:?} {} {checks:?}",
        node.prompt.success.value,
        node.prompt.failure_modes.value,
        node.invariants.iter().map(|i| i.to_string()).collect::<Vec<_>>().join(" ")
    )
}

#[test]
fn every_form_says_the_same() {
    let wanted = parts(ELEMENTS);
    assert_eq!(
        wanted,
        r#""It is there." "It is not." INV-0 ["\"a && b\" Worktree None None", "\"c\" Repo None None"]"#
    );
    for text in [
        // Upper case, other places, checks in code spans, scope inside.
        ELEMENTS.to_uppercase().replace("IT IS", "It is").replace("THERE", "there").replace("NOT", "not").replace("A && B", "a && b").replace(">C<", "><scope>repo</scope> c<").replace(" SCOPE=\"REPO\"", ""),
        ELEMENTS.replace("<check>a && b</check>", "- <check>`a && b`</check>").replace("c</check>", "c <scope>repo</scope></check>"),
        // Markdown sections.
        "# A\n\n## Success\nIt is there.\n## Failure-Modes\n\nIt is not.\n\n### Constraints\nINV-0 of course\n## Delta to done\nD-A\n## Done when\nAll pass:\n- `a && b`\n- `c` (scope: repo)\n## Notes\n- `not this`\n".to_owned(),
        // Front matter.
        "---\nscope_envelope:\n  success: It is there.\n  failure_modes: It is not.\nconstraints: [INV-0]\ndelta_to_done: D-A\ndone_when:\n  - a && b\n  - {command: c, scope: repo}\n---\n# A\n".to_owned(),
        // Mixed, with headings that only decorate, and elements that are only quoted.
        "---\nsuccess: It is there.\n---\n## Failure modes\nIt is not.\n## Constraints\n<constraints>INV-0</constraints>\nMore words.\n## Done when\n\n<done_when><check>a && b</check><check scope=repo>c</check></done_when>\nAs `<success>` says.\n```xml\n<success>no</success>\n## Success\n```\n".to_owned(),
        ELEMENTS.replace('\n', "\r\n"),
    ] {
        assert_eq!(parts(&text), wanted, "{text}");
    }
}

#[test]
fn done_when_may_be_fenced_shell() {
    let text = "## Success\ns\n## Failure modes\nf\n## Done when\n```sh\n# all of it\ncargo test -- a, b\n\ntest -f x && \\\n  test -f `y`\n```\n";
    assert_eq!(
        parts(text),
        r#""s" "f"  ["\"cargo test -- a, b\" Worktree None None", "\"test -f x && test -f `y`\" Worktree None None"]"#
    );
}

#[test]
fn checks_carry_name_and_limit() {
    let text = ELEMENTS.replace("<check>a", "<check name='unit tests' timeout=5m scope=\"worktree\">a");
    let bundle = accept(&with_prompt(text));
    let check = &bundle.nodes[0].done_when[0];
    assert_eq!(check.name.as_deref(), Some("unit tests"));
    assert_eq!(check.timeout.as_ref().map(|t| t.value.as_secs()), Some(300));
    assert_eq!(check.scope, CheckScope::Worktree);
}

#[test]
fn shell_in_a_check_is_left_alone() {
    for command in [
        "grep '<success>' a > b",
        "a < b && echo \"$x\" &amp; c",
        "echo \"`date`\" | sed 's/`//'",
        "test 1 -lt 2",
    ] {
        let bundle = accept(&with_prompt(ELEMENTS.replace("a && b", command)));
        assert_eq!(bundle.nodes[0].done_when[0].command.value, command);
    }
}

#[test]
fn both_done_whens_must_be_equal() {
    let graph = GRAPH.replacen(
        "- closes: D-A",
        "- closes: D-A\n- done_when:\n  - `a && b`\n  - `c` (scope: repo)",
        1,
    );
    let mut files = with_prompt(ELEMENTS.replace("<check>a", "<check name=\"n\">a"));
    files.graph = Some(graph.clone().into());
    let bundle = accept(&files);
    assert_eq!(bundle.nodes[0].done_when[0].name.as_deref(), Some("n"));
    files.graph = Some(graph.replace("`c` (scope: repo)", "`c`").into());
    insta::assert_snapshot!("prompt_done_when_differs", shown(&read(&files).unwrap_err()));
    files.graph = Some(graph.replace("  - `c` (scope: repo)\n", "").into());
    insta::assert_snapshot!("prompt_done_when_fewer", shown(&read(&files).unwrap_err()));
}

#[test]
fn done_when_of_the_graph_is_enough() {
    let graph = GRAPH.replacen("- closes: D-A", "- closes: D-A\n- done_when: `x, y`", 1);
    let mut files = with_prompt("## Success\ns\n## Failure modes\nf\n");
    files.graph = Some(graph.into());
    assert_eq!(accept(&files).nodes[0].done_when[0].command.value, "x, y");
}

#[test]
fn what_can_not_be_read_is_refused() {
    let with = |from: &str, to: &str| {
        assert!(ELEMENTS.contains(from), "{from}");
        ELEMENTS.replacen(from, to, 1)
    };
    for (name, text) in [
        ("prompt_empty", String::new()),
        ("prompt_part_empty", with("It is there.", " ")),
        ("prompt_part_twice", with("Do it.", "<success>Also.</success>")),
        ("prompt_part_in_two_forms", with("Do it.", "## Success\nAlso.")),
        ("prompt_front_matter_twice", format!("---\nsuccess: x\n---\n{ELEMENTS}")),
        ("prompt_unclosed", with("</success>", "")),
        ("prompt_unclosed_check", with("a && b</check>", "a && b")),
        ("prompt_unclosed_envelope", with("</scope_envelope>", "")),
        ("prompt_stray_close", with("Do it.", "</done_when>")),
        ("prompt_stray_check", with("Do it.", "<check>x</check>")),
        ("prompt_near_element", with("Do it.", "<done-when><x></done-when>")),
        ("prompt_near_heading", with("Do it.", "## Sucess\nx")),
        ("prompt_check_attribute", with("scope=\"repo\"", "scpe=\"repo\"")),
        ("prompt_check_scope", with("scope=\"repo\"", "scope=\"moon\"")),
        ("prompt_scope_twice", with(">c<", "><scope>worktree</scope>c<")),
        ("prompt_check_timeout", with("scope=\"repo\"", "timeout=\"soon\"")),
        ("prompt_check_empty", with("a && b", " ")),
        ("prompt_check_of_two_lines", with("a && b", "a\nb")),
        ("prompt_front_check_of_two_lines", with("", "---\ndone_when: |\n  a\n  b\n---\n")),
        ("prompt_checks_none", with("<check>a && b</check>\n<check scope=\"repo\">c</check>", "")),
        ("prompt_words_in_done_when", with("<done_when>", "<done_when>\nrun this:")),
        ("prompt_part_attribute", with("<success>", "<success lang=\"en\">")),
        ("prompt_broken_tag", with("<success>", "<success \"x\">")),
        ("prompt_unknown_invariant", with("INV-0", "INV-0, INV-9")),
        ("prompt_unknown_invariant_alone", with("INV-0", "NOPE-7")),
        ("prompt_unknown_delta", with(">D-A<", ">D-A, D-7, ghost<")),
        ("prompt_front_key", "---\nsucces: x\ntitle: y\n---\n".to_owned() + ELEMENTS),
        ("prompt_front_scalar", "---\njust words\n---\n".to_owned() + ELEMENTS),
        ("prompt_front_syntax", "---\nsuccess: [a\n---\n".to_owned() + ELEMENTS),
        (
            "prompt_items_not_code",
            "## Success\ns\n## Failure modes\nf\n## Done when\n- cargo test passes\n- `a` and `b`\n"
                .to_owned(),
        ),
        (
            "prompt_section_without_commands",
            "## Success\ns\n## Failure modes\nf\n## Done when\nAll is well.\n".to_owned(),
        ),
        (
            "prompt_section_wrong_fence",
            "## Success\ns\n## Failure modes\nf\n## Done when\n```python\nx\n```\n".to_owned(),
        ),
    ] {
        let Err(diags) = read(&with_prompt(text)) else { panic!("{name} was accepted") };
        insta::assert_snapshot!(name, shown(&diags));
    }
}
