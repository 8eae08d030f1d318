//! No input panics, hangs or gets lost on the way.

use proptest::prelude::*;

use super::*;

/// Pieces of which broken bundles are made.
const PIECES: [&str; 58] = [
    "## Invariants\n",
    "## Open questions\n",
    "## Delta to done\n",
    "## Architecture\n",
    "## Resolved questions\n",
    "### A: add x\n",
    "### B - y\n",
    "- **D-1**: x\n",
    "  - check: `a`\n",
    "- touches: `a`, {b,c}\n",
    "- estimated_loc: 1\n",
    "- deps:\n  - A\n",
    "| id | text |\n",
    "|---|---|\n",
    "| a | `b|c` |\n",
    "```yaml\n",
    "```json\n",
    "```sh\n",
    "```\n",
    "nodes:\n",
    "- id: A\n",
    "  text: \"x\n",
    "[{\"id\": \"A\"}]\n",
    "---\n",
    "===\n",
    "<success>",
    "</success>",
    "<scope_envelope>",
    "</scope_envelope>",
    "<failure_modes>",
    "</failure_modes>",
    "<done_when>",
    "</done_when>",
    "<check scope=\"repo\">",
    "<check",
    "</check>",
    "<scope>",
    "</scope>",
    "<constraints>",
    "</constraints>",
    "<delta_to_done/>",
    "## Success\n",
    "## Done when\n",
    "`",
    "``",
    "**",
    "\\",
    "|",
    ":",
    "\r\n",
    "\n",
    "  ",
    "\t",
    "é",
    "\u{2028}",
    "> ",
    "1. ",
    "<!-- ",
];

fn soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(PIECES.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|p| p.concat())
}

/// A good file with a stretch of it cut out, doubled or replaced.
fn spoilt(text: &'static str) -> impl Strategy<Value = String> {
    (any::<prop::sample::Index>(), 0usize..30, soup(), any::<bool>()).prop_map(
        move |(at, len, with, twice)| {
            let chars: Vec<char> = text.chars().collect();
            let at = at.index(chars.len());
            let end = (at + len).min(chars.len());
            let keep = if twice { at } else { end };
            chars[..end].iter().chain(with.chars().collect::<Vec<_>>().iter()).chain(&chars[keep..]).collect()
        },
    )
}

fn try_all(state: String, graph: String, prompt: String) -> Result<(), TestCaseError> {
    let files = BundleFiles {
        dir: "b".into(),
        state: Some(state.into_bytes()),
        graph: Some(graph.into_bytes()),
        prompts: vec![("A.md".into(), prompt.clone().into_bytes()), ("B.md".into(), prompt.into_bytes())],
    };
    match read(&files) {
        Ok((bundle, warnings)) => {
            prop_assert!(!warnings.has_errors());
            prop_assert_eq!(bundle.nodes.len(), files.prompts.len());
        }
        Err(diags) => {
            prop_assert!(diags.has_errors());
            // Every diagnostic can be shown and says what to do.
            prop_assert!(!shown(&diags).is_empty());
            for diag in diags.iter() {
                prop_assert!(diag.help.is_some(), "{}", diag.code);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn soup_is_survived(state in soup(), graph in soup(), prompt in soup()) {
        try_all(state, graph, prompt)?;
    }

    #[test]
    fn spoilt_bundles_are_survived(state in spoilt(STATE), graph in spoilt(GRAPH), prompt in soup()) {
        try_all(state, graph.clone(), prompt)?;
        try_all(STATE.to_owned(), graph, super::prompt("A"))?;
    }

    #[test]
    fn bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let files = BundleFiles { state: Some(bytes.clone()), graph: Some(bytes.clone()), prompts: vec![("A.md".into(), bytes)], dir: String::new() };
        prop_assert!(read(&files).is_err());
    }
}

/// Inputs on which a careless parser is quadratic or overflows its stack. Each is small
/// enough for a linear one in an unoptimised build.
#[test]
fn hostile_shapes_end() {
    for piece in [
        "> ",
        "- ",
        "[",
        "{",
        "`",
        "*",
        "<check ",
        "<success>",
        "<!--",
        "\"",
        "'",
        "|",
        "# ",
        "- a: `",
        "\n- x:",
        "\n\n`",
        "<check a=\"",
        "\\",
    ] {
        let text = piece.repeat(20_000);
        for (state, graph, prompt) in [
            (format!("{STATE}{text}"), GRAPH.to_owned(), text.clone()),
            (STATE.to_owned(), format!("{GRAPH}{text}\n"), String::new()),
            (STATE.to_owned(), format!("```yaml\nnodes: {text}\n```\n"), String::new()),
        ] {
            let mut files = with_prompt(prompt);
            files.state = Some(state.into());
            files.graph = Some(graph.into());
            assert!(read(&files).is_err(), "{piece:?}");
        }
    }
}

/// The limits themselves are met: as many items and nodes as allowed.
#[test]
fn a_full_bundle_is_read() {
    let items: String = (0..10_000).map(|i| format!("- D-{i}: x\n")).collect();
    let state = format!("## Architecture\n## Invariants\n## Open questions\n## Delta to done\n{items}");
    let node = |i: usize| {
        format!(
            "### N{i}: add it\n- touches: `f{i}`\n- est_loc: 1\n- parallel_safe: true\n- deps: N{}\n- closes: D-{}\n\n",
            i.saturating_sub(1),
            i % 10_000
        )
    };
    let graph: String = (1..=20_000).map(node).collect::<String>().replace("- deps: N0\n", "");
    let mut prompts: Vec<_> = (1..=20_000).map(|i| (format!("N{i}.md"), prompt("A").into_bytes())).collect();
    prompts.sort();
    let files =
        BundleFiles { dir: String::new(), state: Some(state.into()), graph: Some(graph.into()), prompts };
    assert_eq!(accept(&files).nodes.len(), 20_000);
}
