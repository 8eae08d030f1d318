//! Property: whatever a bundle says, its three forms say the same.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;

/// A node as plain data.
#[derive(Debug, Clone)]
struct Spec {
    deliverable: String,
    touches: Vec<String>,
    hotspots: Vec<String>,
    deps: Vec<usize>,
    safe: Option<bool>,
    loc: u64,
    confidence: Option<&'static str>,
    signal: Option<&'static str>,
    checks: Vec<String>,
    env: Option<String>,
    retries: Option<u8>,
}

/// An item of state.md.
#[derive(Debug, Clone)]
struct Note {
    text: String,
    checks: Vec<String>,
    advisory: bool,
}

fn word() -> impl Strategy<Value = String> {
    "[a-zA-Zäß][a-zA-Z0-9äß]{0,6}"
}

/// One line of words and the punctuation that forms use as markers, not at its ends.
fn line() -> impl Strategy<Value = String> {
    let mark = prop::sample::select(vec![
        " ", " ", ": ", ", ", " | ", " - ", " — ", "**", " `a` ", " \"q\" ", " 'q' ", " # ", "\\", " {x,y} ",
        " <b> ", "_", " && ", " *", " & ", " ! ",
    ]);
    (word(), prop::collection::vec((mark, word()), 0..4))
        .prop_map(|(first, rest)| rest.into_iter().fold(first, |t, (m, w)| t + m + &w))
}

fn path() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "src/**",
        "docs/**",
        "a.txt",
        "src/{a,b}.rs",
        "x y.txt",
        "!gen/**",
        "*.md",
        "**/x",
        "a,b.txt",
        "src/[ab].rs",
        "it's",
        "d/",
        "ü.txt",
        "p\\*q",
    ])
    .prop_map(str::to_owned)
}

fn spec() -> impl Strategy<Value = Spec> {
    let texts = (line(), prop::collection::vec(path(), 0..4), prop::collection::vec(path(), 0..2));
    let flags = (
        prop::option::of(any::<bool>()),
        0u64..1000,
        prop::option::of(prop::sample::select(vec!["tight", "rough", "unbounded"])),
        prop::option::of(prop::sample::select(vec!["require_nonempty", "allow_empty"])),
    );
    let more = (prop::collection::vec(line(), 1..3), prop::option::of(line()), prop::option::of(0u8..9));
    (texts, prop::collection::vec(0usize..8, 0..3), flags, more).prop_map(
        |(
            (deliverable, mut touches, hotspots),
            deps,
            (safe, loc, confidence, signal),
            (checks, env, retries),
        )| {
            touches.insert(0, "first.txt".to_owned());
            Spec { deliverable, touches, hotspots, deps, safe, loc, confidence, signal, checks, env, retries }
        },
    )
}

fn note() -> impl Strategy<Value = Note> {
    (line(), prop::collection::vec(line(), 0..3), any::<bool>()).prop_map(|(text, checks, advisory)| Note {
        text,
        checks,
        advisory,
    })
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn json_list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|t| json(t)).collect::<Vec<_>>().join(", "))
}

/// A text in a code span that can hold it.
fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let mark = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{mark}{pad}{text}{pad}{mark}")
}

fn codes_of(texts: &[String]) -> String {
    texts.iter().map(|t| code(t)).collect::<Vec<_>>().join(", ")
}

/// In a table each pipe is escaped.
fn cell(text: impl Into<String>) -> String {
    text.into().replace('|', "\\|")
}

impl Spec {
    /// Keys with plain values, in their order.
    fn plain(&self, i: usize) -> Vec<(&'static str, String)> {
        let mut all = vec![("estimated_loc", self.loc.to_string()), ("closes", format!("D-{i}"))];
        all.extend(self.safe.map(|s| ("parallel_safe", s.to_string())));
        all.extend(self.confidence.map(|c| ("loc_confidence", c.to_owned())));
        all.extend(self.signal.map(|s| ("expected_signal", s.to_owned())));
        all.extend(self.retries.map(|r| ("retries", r.to_string())));
        all
    }

    fn deps(&self, i: usize) -> Vec<String> {
        let mut ids: Vec<usize> = self.deps.iter().copied().filter(|d| *d < i).collect();
        ids.dedup();
        ids.iter().map(|d| format!("N-{d}")).collect()
    }

    fn env(&self) -> Option<String> {
        self.env.as_ref().map(|v| format!("KEY={v}"))
    }
}

fn headings(specs: &[Spec]) -> String {
    let mut out = String::from("# Graph\n\n");
    for (i, s) in specs.iter().enumerate() {
        writeln!(out, "### N-{i}: {}\n- touches: {}", s.deliverable, codes_of(&s.touches)).unwrap();
        if !s.hotspots.is_empty() {
            out.push_str("- hotspots:\n");
            s.hotspots.iter().for_each(|h| writeln!(out, "  - {}", code(h)).unwrap());
        }
        writeln!(out, "- deps: {}", s.deps(i).join(", ")).unwrap();
        for (key, value) in s.plain(i) {
            writeln!(out, "- {key}: {value}").unwrap();
        }
        s.env().iter().for_each(|e| writeln!(out, "- env: {}", code(e)).unwrap());
        s.checks.iter().for_each(|c| writeln!(out, "- done_when: {}", code(c)).unwrap());
        out.push('\n');
    }
    out
}

fn table(specs: &[Spec]) -> String {
    let keys = ["estimated_loc", "closes", "parallel_safe", "loc_confidence", "expected_signal", "retries"];
    let mut out = format!(
        "| id | deliverable | touches | hotspots | deps | env | done_when | {} |\n",
        keys.join(" | ")
    );
    out.push_str(&"|---".repeat(7 + keys.len()));
    out.push_str("|\n");
    for (i, s) in specs.iter().enumerate() {
        let checks: Vec<String> = s.checks.iter().map(|c| code(c)).collect();
        let plain = s.plain(i);
        let mut cells = vec![
            format!("N-{i}"),
            cell(code(&s.deliverable)),
            cell(codes_of(&s.touches)),
            cell(codes_of(&s.hotspots)),
            s.deps(i).join(", "),
            cell(s.env().map(|e| code(&e)).unwrap_or_default()),
            cell(checks.join("<br>")),
        ];
        for key in keys {
            cells.push(plain.iter().find(|(k, _)| *k == key).map(|(_, v)| v.clone()).unwrap_or_default());
        }
        writeln!(out, "| {} |", cells.join(" | ")).unwrap();
    }
    out
}

fn yaml(specs: &[Spec]) -> String {
    let mut out = String::from("```yaml\nnodes:\n");
    for (i, s) in specs.iter().enumerate() {
        writeln!(out, "  - id: N-{i}\n    deliverable: {}", json(&s.deliverable)).unwrap();
        writeln!(out, "    touches: {}\n    hotspots: {}", json_list(&s.touches), json_list(&s.hotspots))
            .unwrap();
        writeln!(out, "    deps: {}", json_list(&s.deps(i))).unwrap();
        for (key, value) in s.plain(i) {
            writeln!(out, "    {key}: {value}").unwrap();
        }
        s.env().iter().for_each(|e| writeln!(out, "    env: {}", json(e)).unwrap());
        writeln!(out, "    done_when: {}", json_list(&s.checks)).unwrap();
    }
    out + "```\n"
}

fn sections(invariants: &str, delta: &str) -> String {
    format!(
        "# S\n## Architecture\n\n## Invariants\n{invariants}\n## Open questions\n\n## Delta to done\n{delta}"
    )
}

fn state_list(notes: &[Note], nodes: usize) -> String {
    let mut out = String::new();
    for (i, n) in notes.iter().enumerate() {
        writeln!(out, "- **I-{i}**: {}", n.text).unwrap();
        n.checks.iter().for_each(|c| writeln!(out, "  - check: {}", code(c)).unwrap());
        writeln!(out, "  - advisory: {}", n.advisory).unwrap();
    }
    let delta: String = (0..nodes).map(|i| format!("- `D-{i}` item {i}\n")).collect();
    sections(&out, &delta)
}

fn state_table(notes: &[Note], nodes: usize) -> String {
    let mut out = String::from("\n|ID|check|advisory|Text|\n|:-|-|-|-:|\n");
    for (i, n) in notes.iter().enumerate() {
        let checks: Vec<String> = n.checks.iter().map(|c| code(c)).collect();
        writeln!(out, "|I-{i}|{}|{}|{}|", cell(checks.join("<br>")), n.advisory, cell(code(&n.text)))
            .unwrap();
    }
    let rows: String = (0..nodes).map(|i| format!("D-{i} | item {i}\n")).collect();
    sections(&out, &format!("\nid | text\n---|---\n{rows}"))
}

fn state_json(notes: &[Note], nodes: usize) -> String {
    let items: Vec<String> = notes
        .iter()
        .enumerate()
        .map(|(i, n)| {
            let (text, checks) = (json(&n.text), json_list(&n.checks));
            format!("\"I-{i}\": {{\"text\": {text}, \"check\": {checks}, \"advisory\": {}}}", n.advisory)
        })
        .collect();
    let delta: String = (0..nodes).map(|i| format!("- {{id: D-{i}, text: item {i}}}\n")).collect();
    sections(&format!("```json\n{{{}}}\n```\n", items.join(",\n\t")), &format!("```yml\n{delta}```\n"))
}

fn bundle(state: String, graph: String, nodes: usize) -> BundleFiles {
    let prompt = "## Success\nYes.\n## Failure modes\nNo.\n";
    let mut prompts: Vec<_> = (0..nodes).map(|i| (format!("N-{i}.md"), prompt.as_bytes().to_vec())).collect();
    prompts.sort();
    BundleFiles { dir: String::new(), state: Some(state.into()), graph: Some(graph.into()), prompts }
}

/// The list form writes plain text without marker where the others need one.
fn plain_is_same(text: &str) -> bool {
    crate::bundle::text::enclosing_code(text).is_none()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn all_forms_mean_the_same(
        specs in prop::collection::vec(spec(), 1..5),
        notes in prop::collection::vec(note(), 1..4),
    ) {
        prop_assume!(specs.iter().all(|s| plain_is_same(&s.deliverable) && s.touches.iter().any(|t| !t.starts_with('!'))));
        let n = specs.len();
        let wanted = meaning(&accept(&bundle(state_list(&notes, n), headings(&specs), n)));
        for s in &specs {
            prop_assert!(wanted.contains(&format!("{:?}", s.deliverable)), "{wanted}");
            prop_assert!(wanted.contains(&format!("{:?}", s.touches)), "{wanted}");
            for c in &s.checks {
                prop_assert!(wanted.contains(&format!("{c:?}")), "{c} in {wanted}");
            }
        }
        prop_assert_eq!(&meaning(&accept(&bundle(state_table(&notes, n), table(&specs), n))), &wanted);
        prop_assert_eq!(&meaning(&accept(&bundle(state_json(&notes, n), yaml(&specs), n))), &wanted);
        let json = yaml(&specs).replace("\n", "\r\n");
        prop_assert_eq!(&meaning(&accept(&bundle(state_list(&notes, n).replace('\n', "\r\n"), json, n))), &wanted);
    }
}
