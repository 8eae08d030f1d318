//! The bundle format from the outside: whole bundles in, typed bundles or diagnostics out.

mod example;
mod forms;
mod moving;
mod prompts;
mod rejections;
mod robust;

use super::{Bundle, BundleFiles, Check, parse};
use crate::base::Layout;
use crate::diag::{Diags, Format, render};

pub(super) const STATE: &str = "\
# State

## Architecture
A test.

## Invariants
- **INV-0**: holds
  - check: `true`

## Open questions

## Delta to done
- **D-A**: do D-A
- **D-B**: do D-B
";

pub(super) const GRAPH: &str = "\
# Graph

### A: add A
- touches: `a/**`, `b.txt`
- parallel_safe: true
- estimated_loc: 7
- hotspot_files: b.txt
- closes: D-A

### B: add B
- touches: `c`
- depends_on: A
- parallel_safe: false
- estimated_loc: 10
- loc_confidence: rough
- closes: D-B
";

pub(super) fn prompt(id: &str) -> String {
    format!(
        "# {id}\n<scope_envelope><success>{id} is there.</success><failure_modes>Anything else changes.</failure_modes></scope_envelope>\n<done_when>\n<check>true</check>\n</done_when>\n"
    )
}

/// A bundle of two nodes that is right, to be spoilt by a test.
pub(super) fn good() -> BundleFiles {
    BundleFiles {
        dir: "docs/audit".into(),
        state: Some(STATE.into()),
        graph: Some(GRAPH.into()),
        prompts: vec![("A.md".into(), prompt("A").into()), ("B.md".into(), prompt("B").into())],
    }
}

pub(super) fn with_state(state: impl Into<String>) -> BundleFiles {
    BundleFiles { state: Some(state.into().into_bytes()), ..good() }
}

pub(super) fn with_graph(graph: impl Into<String>) -> BundleFiles {
    BundleFiles { graph: Some(graph.into().into_bytes()), ..good() }
}

pub(super) fn with_prompt(text: impl Into<String>) -> BundleFiles {
    let mut files = good();
    files.prompts[0].1 = text.into().into_bytes();
    files
}

pub(super) fn layout() -> Layout {
    Layout::new("docs/audit", "docs/audit")
}

pub(super) fn read(files: &BundleFiles) -> Result<(Bundle, Diags), Diags> {
    parse(files, &layout())
}

/// The bundle, or a panic with all its problems.
pub(super) fn accept(files: &BundleFiles) -> Bundle {
    match read(files) {
        Ok((bundle, _)) => bundle,
        Err(diags) => panic!("{}", shown(&diags)),
    }
}

pub(super) fn shown(diags: &Diags) -> String {
    render(diags, Format::Text { color: false, width: 100 })
}

pub(super) fn codes(files: &BundleFiles) -> Vec<&'static str> {
    match read(files) {
        Ok(_) => Vec::new(),
        Err(diags) => diags.iter().map(|d| d.code).collect(),
    }
}

fn check(check: &Check) -> String {
    let limit = check.timeout.as_ref().map(|t| t.value);
    format!("{:?} {:?} {:?} {:?}", check.command.value, check.scope, check.name, limit)
}

/// Everything a bundle says, without the places, so that two spellings can be compared.
pub(super) fn meaning(bundle: &Bundle) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    for i in &bundle.state.invariants {
        let checks: Vec<_> = i.checks.iter().map(check).collect();
        let limit = i.timeout.as_ref().map(|t| t.value);
        line(format!("invariant {} {:?} {checks:?} {} {limit:?}", i.id.value, i.text.value, i.advisory));
    }
    for q in &bundle.state.open_questions {
        let files: Vec<_> = q.files.iter().map(|f| f.raw()).collect();
        line(format!("open {} {:?} {files:?}", q.id.value, q.text.value));
    }
    for r in &bundle.state.resolved_questions {
        line(format!(
            "resolved {} {:?} {:?} {:?} {:?}",
            r.id.value, r.text.value, r.answer, r.confidence, r.evidence
        ));
    }
    for d in &bundle.state.delta_to_done {
        line(format!("delta {} {:?}", d.id.value, d.text.value));
    }
    for n in &bundle.nodes {
        let ids = |ids: &[crate::diag::Spanned<crate::base::Id>]| {
            ids.iter().map(|i| i.to_string()).collect::<Vec<_>>().join(" ")
        };
        let patterns = |all: &[crate::diag::Spanned<crate::base::Pattern>]| {
            all.iter().map(|p| p.raw().to_owned()).collect::<Vec<_>>()
        };
        line(format!("node {} {:?}", n.id.value, n.deliverable.value));
        line(format!("  touches {:?} hot {:?}", patterns(&n.touches), patterns(&n.hotspot_files)));
        line(format!(
            "  deps {} closes {} invariants {}",
            ids(&n.depends_on),
            ids(&n.closes),
            ids(&n.invariants)
        ));
        line(format!(
            "  safe {:?} loc {} {:?} signal {:?}",
            n.parallel_safe.as_ref().map(|v| v.value),
            n.estimated_loc.value,
            n.loc_confidence.as_ref().map(|v| v.value),
            n.expected_signal.as_ref().map(|v| v.value),
        ));
        let env: Vec<_> = n.env.iter().map(|(k, v)| format!("{k}={}", v.value)).collect();
        line(format!(
            "  agent {:?} timeout {:?} retries {:?} env {env:?}",
            n.agent.as_ref().map(|v| v.value.as_str()),
            n.timeout.as_ref().map(|v| v.value),
            n.retries.as_ref().map(|v| v.value),
        ));
        for c in &n.done_when {
            line(format!("  check {}", check(c)));
        }
        line(format!("  success {:?} fails {:?}", n.prompt.success.value, n.prompt.failure_modes.value));
    }
    out
}
