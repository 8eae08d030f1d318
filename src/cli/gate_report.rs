//! The gate's verdict in each of its forms: text, JSON, GitHub annotations, JUnit, SARIF.

use serde::Serialize;
use serde_json::json;

use crate::base::Oid;
use crate::base::text::{neutral, tail};
use crate::cli::args::Format;
use crate::cli::evidence::Evidence;
use crate::cli::failure::Failure;
use crate::report;

/// One thing that the gate asked for.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct Item {
    pub name: String,
    pub command: Option<String>,
    pub passed: bool,
    pub detail: String,
    pub output: String,
    pub duration_ms: u64,
}

impl Item {
    /// Something that did not hold.
    pub fn failed(name: &str, detail: String) -> Item {
        Item {
            name: name.to_owned(),
            command: None,
            passed: false,
            detail,
            output: String::new(),
            duration_ms: 0,
        }
    }
}

/// Everything that the gate says.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Verdict {
    pub schema: &'static str,
    pub run_id: String,
    pub head: Oid,
    pub base: String,
    pub base_commit: Oid,
    pub fingerprint: Option<String>,
    pub items: Vec<Item>,
}

impl Verdict {
    /// Begins with what the verification of the proof says.
    pub fn new(evidence: &Evidence, base: &str, base_commit: &Oid) -> Verdict {
        let verified = &evidence.verified;
        let mut items: Vec<Item> = verified
            .findings
            .iter()
            .map(|f| Item::failed(&format!("proof: {}", f.subject), f.message.clone()))
            .collect();
        match &verified.proof {
            Some(proof) => {
                items.extend(proof.gaps.iter().map(|g| Item::failed("proof: gap", g.message.clone())))
            }
            None if items.is_empty() => items.push(Item::failed("proof", "there is none".to_owned())),
            None => {}
        }
        if items.is_empty() {
            items.push(Item { passed: true, ..Item::failed("proof", String::new()) });
        }
        Verdict {
            schema: "auditrun.gate/1",
            run_id: evidence.run_id.to_string(),
            head: evidence.head.clone(),
            base: base.to_owned(),
            base_commit: base_commit.clone(),
            fingerprint: verified.proof.as_ref().map(|p| p.fingerprint.clone()),
            items,
        }
    }

    /// Adds something that was asked for.
    pub fn add(&mut self, item: Item) {
        self.items.push(item);
    }

    /// Everything held.
    pub fn passed(&self) -> bool {
        self.items.iter().all(|i| i.passed)
    }
}

/// The verdict in the chosen form.
///
/// # Errors
/// The gate does not know the form.
pub fn render(verdict: &Verdict, format: Format) -> Result<String, Failure> {
    Ok(match format {
        Format::Text => text(verdict),
        Format::Json => {
            let mut value = serde_json::to_value(verdict).unwrap_or_default();
            value["passed"] = json!(verdict.passed());
            format!("{value:#}")
        }
        Format::Github => github(verdict),
        Format::Junit => junit(verdict),
        Format::Sarif => sarif(verdict),
        other => return Err(Failure::no_form("gate", other, "text, json, github, junit or sarif")),
    })
}

fn text(verdict: &Verdict) -> String {
    let mut text = String::new();
    for item in &verdict.items {
        let mark = if item.passed { "ok    " } else { "FAILED" };
        let command = item.command.as_ref().map(|c| format!(" `{c}`")).unwrap_or_default();
        let detail = if item.detail.is_empty() { String::new() } else { format!(": {}", item.detail) };
        text.push_str(&neutral(&format!("{mark} {}{command}{detail}\n", item.name)));
        if !item.passed && !item.output.trim().is_empty() {
            tail(item.output.trim_end(), 1000)
                .lines()
                .for_each(|l| text.push_str(&format!("       {}\n", neutral(l))));
        }
    }
    let word = if verdict.passed() { "may be merged into" } else { "must not be merged into" };
    text.push_str(&format!("run {} at {} {word} {}\n", verdict.run_id, verdict.head.short(), verdict.base));
    text
}

fn github(verdict: &Verdict) -> String {
    let escape = |s: &str| neutral(s).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let mut text = String::new();
    for item in verdict.items.iter().filter(|i| !i.passed) {
        let command = item.command.as_ref().map(|c| format!("{c}\n")).unwrap_or_default();
        let title = escape(&item.name).replace(':', "%3A").replace(',', "%2C");
        text.push_str(&format!(
            "::error title=auditrun gate%3A {title}::{}\n",
            escape(&format!("{command}{}", item.detail))
        ));
    }
    if verdict.passed() {
        text.push_str(&format!(
            "::notice title=auditrun gate::run {} at {} holds\n",
            verdict.run_id,
            verdict.head.short()
        ));
    }
    text
}

fn junit(verdict: &Verdict) -> String {
    let failures = verdict.items.iter().filter(|i| !i.passed).count();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"auditrun gate\" tests=\"{0}\" failures=\"{failures}\">\n  <testsuite name=\"run {1}\" tests=\"{0}\" failures=\"{failures}\">\n",
        verdict.items.len(),
        report::xml(&verdict.run_id)
    );
    for item in &verdict.items {
        let name = item.command.as_ref().map_or_else(|| item.name.clone(), |c| format!("{}: {c}", item.name));
        #[allow(clippy::cast_precision_loss)] // Seconds for people.
        let time = item.duration_ms as f64 / 1000.0;
        text.push_str(&format!(
            "    <testcase classname=\"gate\" name=\"{}\" time=\"{time:.3}\"",
            report::xml(&name)
        ));
        if item.passed {
            text.push_str("/>\n");
        } else {
            text.push_str(&format!(
                "><failure message=\"{}\">{}</failure></testcase>\n",
                report::xml(&item.detail),
                report::xml(&item.output)
            ));
        }
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

fn sarif(verdict: &Verdict) -> String {
    let results: Vec<_> = verdict
        .items
        .iter()
        .filter(|i| !i.passed)
        .map(|i| {
            let command = i.command.as_ref().map(|c| format!("`{c}` ")).unwrap_or_default();
            json!({
                "ruleId": "auditrun/gate",
                "level": "error",
                "message": {"text": format!("{}: {command}{}", i.name, i.detail)},
                "locations": [{"physicalLocation": {"artifactLocation": {"uri": "audit.kdl"}}}],
            })
        })
        .collect();
    let value = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "auditrun",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": [{"id": "auditrun/gate", "shortDescription": {"text": "What a finished run must still hold before its merge"}}],
            }},
            "results": results,
        }],
    });
    format!("{value:#}")
}
