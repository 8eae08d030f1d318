//! Moving an answered question: in every form, with answers that try to break out of it.

use proptest::prelude::*;

use super::*;
use crate::base::Id;
use crate::bundle::{State, move_question};

const LIST: &str = "- **Q-1**: what?\n  - files: README.md\n";
const OPEN: [&str; 8] = [
    "- **Q-0**: zero?\n\n- **Q-1**: what?\n  - files: README.md\n- Q-2: two?\n",
    LIST,
    "1. `Q-0` zero?\n2. `Q-1` what?\n   - files:\n     - README.md",
    "\n| id | files | text |\n|---|---|---|\n| Q-0 | | zero? |\n| Q-1 | README.md | what? |\n",
    "```yaml\n# kept\n- id: Q-1\n  text: what?\n  files: [README.md]\n- id: Q-2\n  text: two?\n```\n",
    "```yaml\nQ-1:\n  text: what?\n```\n",
    "```json\n[\n  {\"id\": \"Q-0\", \"text\": \"zero?\"},\n  {\"id\": \"Q-1\", \"text\": \"what?\"}\n]\n```\n",
    "```json\n{\"Q-1\": {\"text\": \"what?\"}, \"Q-2\": {\"text\": \"two?\"}}\n```\n",
];
const RESOLVED: [&str; 12] = [
    "",
    "## Resolved questions\n",
    "## Resolved questions\n\nNone.\n\nProse.\n",
    "## Resolved questions\n* **R-1**: was it?\n  * answer: yes",
    "## Resolved questions\n3) `R-1` was it?\n\n   - answer: yes\n\n",
    "## Resolved questions\n\n| id | text | answer |\n|---|---|---|\n| R-1 | was it? | yes |\n",
    "## Resolved questions\n\nid | text\n---|---\nR-1 | was it?\n\n",
    "## Resolved questions\n```yaml\n  - id: R-1\n    text: was it? # yes\n```\n",
    "## Resolved questions\n```yaml\nR-1: {text: was it?}\n```\n",
    "## Resolved questions\n```json\n[]\n```\n",
    "## Resolved questions\n```json\n{\n\t\"R-1\": {\"text\": \"was it?\"}\n}\n```\n",
    "## Resolved questions\n```yaml\n```\n",
];

fn text(open: &str, resolved: &str, resolved_first: bool) -> String {
    let (a, b) = (format!("## Open questions\n{open}"), resolved.to_owned());
    let (first, second) = if resolved_first { (b, a) } else { (a, b) };
    let delta = "## Delta to done\n- **D-A**: do D-A\n- **D-B**: do D-B";
    format!(
        "# S\n\n## Architecture\nwords\n\n## Invariants\n- **INV-0**: holds\n  - check: `true`\n\n{first}\n{second}\n{delta}"
    )
}

fn state(text: &str) -> State {
    accept(&with_state(text)).state
}

fn moved(text: &str, answer: &str) -> String {
    let evidence = ["README.md".to_owned(), "src/a.rs".to_owned()];
    match move_question(&state(text), &Id::parse("Q-1").unwrap(), answer, 0.93, &evidence) {
        Ok(text) => text,
        Err(diag) => panic!("{}\n{text}", shown(&diag.into())),
    }
}

/// The lines of `text` that are not in `other`.
fn lines_without<'a>(text: &'a str, other: &str) -> Vec<&'a str> {
    text.lines().filter(|l| !other.lines().any(|o| o == *l)).collect()
}

#[test]
fn each_form_gives_way_to_each_form() {
    let mut all = String::new();
    for open in OPEN {
        for resolved in RESOLVED {
            for first in [false, true] {
                let before = text(open, resolved, first);
                let after = moved(&before, "It is: a | b `c`");
                let state = state(&after);
                let found = state.resolved_questions.last().unwrap();
                assert_eq!(found.id.as_str(), "Q-1");
                assert_eq!(found.text.value, "what?");
                assert_eq!(found.answer.as_deref(), Some("It is: a | b `c`"), "{after}");
                assert_eq!(found.confidence.as_deref(), Some("0.93"));
                assert_eq!(found.evidence.as_deref(), Some("README.md, src/a.rs"));
                assert!(state.open_questions.iter().all(|q| q.id.as_str() != "Q-1"));
                if !first && (open == OPEN[0] || resolved == RESOLVED[3]) {
                    let (lost, new) = (lines_without(&before, &after), lines_without(&after, &before));
                    all.push_str(&format!(
                        "{open:?} {resolved:?}\n-{}\n+{}\n\n",
                        lost.join("\n-"),
                        new.join("\n+")
                    ));
                }
            }
        }
    }
    insta::assert_snapshot!("moved_lines", all);
}

#[test]
fn line_ends_and_mark_are_kept() {
    let before = format!("\u{feff}{}", text(LIST, RESOLVED[1], false).replace('\n', "\r\n"));
    let after = moved(&before, "two\nlines");
    assert!(after.starts_with("\u{feff}# S\r\n"));
    assert!(!after.replace("\r\n", "").contains(['\r', '\n']));
    assert!(after.contains("- answer: two lines\r\n"));
    assert!(after.contains("## Open questions\r\nnone\r\n"));
}

#[test]
fn a_question_that_is_not_open_is_refused() {
    let state = state(&text(LIST, "", false));
    let error = move_question(&state, &Id::parse("Q-2").unwrap(), "x", 1.0, &[]).unwrap_err();
    insta::assert_snapshot!("move_unknown", shown(&error.into()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever an agent answers, it stays inside of its entry.
    #[test]
    fn no_answer_breaks_out(
        open in prop::sample::select(OPEN.to_vec()),
        resolved in prop::sample::select(RESOLVED.to_vec()),
        first in any::<bool>(),
        answer in prop::collection::vec(
            prop_oneof![
                "\\PC{0,8}",
                prop::sample::select(vec![
                    "\n", "\r\n", "\n\n", "- x", "## Invariants\n", "```", "`", "``", "|", "\\|", "\\", ":", "**", "- **D-9**: y\n",
                    "  - check: `false`\n", "\"", "'", "{", "}", "[", "]", ",", "#", "<!--", "-->", "---\n", "\u{0}", "\u{85}", "\u{2028}",
                    "\u{feff}", "| a | b |\n", "\t", "&a", "*a", "!a", "\u{7f}",
                ]).prop_map(str::to_owned),
            ],
            0..8,
        ),
    ) {
        let before = text(open, resolved, first);
        let after = moved(&before, &answer.concat());
        let (old, new) = (state(&before), state(&after));
        prop_assert_eq!(new.open_questions.len() + 1, old.open_questions.len());
        prop_assert_eq!(new.resolved_questions.len(), old.resolved_questions.len() + 1);
        // Only lines about the question change.
        let lost = lines_without(&before, &after);
        prop_assert!(lost.len() <= 6, "{:?}", lost);
    }
}
