//! Outcomes of tests: pytest's JSON reports and JUnit's XML. Pure: bytes in, facts out.

use jiff::Timestamp;
use serde_json::Value;

use crate::base::clock::iso;
use crate::base::text::{head, neutral};

/// Failed tests that a report keeps, and bytes of each message.
const FAILED: usize = 20;
const MESSAGE: usize = 400;

/// One run of tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    /// Where it was read from.
    pub source: String,
    /// `pytest`, `junit` or `command`.
    pub kind: &'static str,
    /// RFC 3339, UTC; `None` if it does not say.
    pub at: Option<String>,
    /// The commit that it says it tested.
    pub commit: Option<String>,
    /// Tests that ran.
    pub total: usize,
    /// Those that failed; the first twenty.
    pub failed: Vec<FailedTest>,
    /// All that failed.
    pub failures: usize,
}

/// A test that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedTest {
    /// Its full name.
    pub name: String,
    /// What it said.
    pub message: String,
}

impl Results {
    /// Every test passed.
    pub fn passed(&self) -> bool {
        self.failures == 0
    }

    /// In one line.
    pub fn excerpt(&self) -> String {
        format!("{}: {} tests, {} failed", self.source, self.total, self.failures)
    }

    fn new(source: &str, kind: &'static str) -> Results {
        Results {
            source: source.to_owned(),
            kind,
            at: None,
            commit: None,
            total: 0,
            failed: Vec::new(),
            failures: 0,
        }
    }

    fn fail(&mut self, name: &str, message: &str) {
        self.failures += 1;
        if self.failed.len() < FAILED {
            let message = neutral(head(message.trim(), MESSAGE));
            self.failed.push(FailedTest { name: neutral(name), message });
        }
    }
}

/// pytest's JSON report (of pytest-json-report).
///
/// # Errors
/// It is none: why.
pub fn pytest(source: &str, bytes: &[u8]) -> Result<Results, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    let tests = value.get("tests").and_then(Value::as_array);
    let tests = tests.ok_or("it has no list of tests, as pytest's JSON report has")?;
    let mut found = Results::new(source, "pytest");
    let created = value.get("created").and_then(Value::as_f64);
    found.at = created.and_then(|s| Timestamp::from_millisecond((s * 1000.0) as i64).ok()).map(iso);
    let environment = value.get("environment");
    found.commit = ["GIT_COMMIT", "GITHUB_SHA"]
        .iter()
        .find_map(|name| Some(environment?.get(name)?.as_str()?.to_owned()));
    for test in tests {
        let word = |key: &str| test.get(key).and_then(Value::as_str).unwrap_or_default();
        if word("outcome") == "skipped" {
            continue;
        }
        found.total += 1;
        if matches!(word("outcome"), "failed" | "error") {
            found.fail(word("nodeid"), &pytest_message(test));
        }
    }
    let own = value.get("exitcode").and_then(Value::as_i64).unwrap_or(0);
    if own != 0 && found.failures == 0 {
        found.fail("pytest", &format!("pytest ended with exit code {own} and names no failed test"));
    }
    Ok(found)
}

/// What the phase that failed said.
fn pytest_message(test: &Value) -> String {
    let phases = ["setup", "call", "teardown"];
    let failed = phases
        .iter()
        .filter_map(|phase| test.get(phase))
        .find(|phase| matches!(phase.get("outcome").and_then(Value::as_str), Some("failed" | "error")));
    let text = failed.and_then(|phase| {
        let crash = phase.pointer("/crash/message").and_then(Value::as_str);
        crash.or_else(|| phase.get("longrepr").and_then(Value::as_str))
    });
    text.unwrap_or_default().to_owned()
}

/// JUnit's XML, in any of its dialects.
///
/// # Errors
/// It is none: why.
pub fn junit(source: &str, bytes: &[u8]) -> Result<Results, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
    let document = roxmltree::Document::parse(text).map_err(|e| e.to_string())?;
    let root = document.root_element();
    if !matches!(root.tag_name().name(), "testsuites" | "testsuite") {
        return Err(format!("its root is <{}>, not <testsuites>", root.tag_name().name()));
    }
    let mut found = Results::new(source, "junit");
    for node in root.descendants().filter(roxmltree::Node::is_element) {
        match node.tag_name().name() {
            "testsuites" | "testsuite" if found.at.is_none() => {
                found.at = node.attribute("timestamp").and_then(instant);
            }
            "property" if matches!(node.attribute("name"), Some("commit" | "git.commit" | "git.sha")) => {
                found.commit = node.attribute("value").map(str::to_owned);
            }
            "testcase" => testcase(&mut found, &node),
            _ => {}
        }
    }
    Ok(found)
}

fn testcase(found: &mut Results, node: &roxmltree::Node<'_, '_>) {
    let child = |names: &[&str]| node.children().find(|c| names.contains(&c.tag_name().name()));
    if child(&["skipped", "disabled"]).is_some() {
        return;
    }
    found.total += 1;
    let Some(failure) = child(&["failure", "error"]) else { return };
    let name = node.attribute("name").unwrap_or_default();
    let class = node.attribute("classname").filter(|c| !c.is_empty());
    let name = class.map_or_else(|| name.to_owned(), |class| format!("{class}::{name}"));
    let said = failure.attribute("message").filter(|m| !m.trim().is_empty());
    found.fail(&name, said.or_else(|| failure.text()).unwrap_or_default());
}

/// JUnit's times often have no zone: UTC then.
fn instant(text: &str) -> Option<String> {
    let zoned = text.parse::<Timestamp>().ok();
    let plain = || text.parse::<jiff::civil::DateTime>().ok()?.in_tz("UTC").ok().map(|z| z.timestamp());
    zoned.or_else(plain).map(iso)
}

/// A verifier command that was run here.
pub fn command(source: &str, at: String, commit: String, passed: bool, said: &str) -> Results {
    let mut found = Results::new(source, "command");
    found.at = Some(at);
    found.commit = Some(commit);
    found.total = 1;
    if !passed {
        found.fail(source, said);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn junit_in_its_dialects() {
        let one = junit(
            "a.xml",
            br#"<?xml version="1.0"?><testsuites><testsuite name="s" timestamp="2026-01-02T03:04:05">
                <properties><property name="git.sha" value="abc"/></properties>
                <testcase classname="m.C" name="ok"/>
                <testcase name="skip"><skipped/></testcase>
                <testcase classname="m.C" name="bad"><failure message="1 != 2">trace</failure></testcase>
                <testcase name="err"><error>boom &amp; bang</error></testcase>
            </testsuite></testsuites>"#,
        )
        .unwrap();
        assert_eq!((one.total, one.failures), (3, 2));
        assert_eq!(one.at.as_deref(), Some("2026-01-02T03:04:05.000Z"));
        assert_eq!(one.commit.as_deref(), Some("abc"));
        let names: Vec<_> = one.failed.iter().map(|f| format!("{}={}", f.name, f.message)).collect();
        assert_eq!(names, ["m.C::bad=1 != 2", "err=boom & bang"]);
        let bare = junit("b.xml", b"<testsuite timestamp='2026-01-02T03:04:05+01:00'/>").unwrap();
        assert_eq!(
            (bare.total, bare.passed(), bare.at.as_deref()),
            (0, true, Some("2026-01-02T02:04:05.000Z"))
        );
    }

    #[test]
    fn what_is_no_junit_is_said() {
        assert!(junit("x", b"<html/>").unwrap_err().contains("<html>"));
        assert!(junit("x", b"<testsuite>").is_err());
        assert!(junit("x", b"\xff").is_err());
        let bomb = b"<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><testsuite>&b;</testsuite>";
        assert!(junit("x", bomb).is_err());
        let deep = format!("{}{}", "<testsuite>".repeat(50_000), "</testsuite>".repeat(50_000));
        let _ = junit("x", deep.as_bytes());
    }

    #[test]
    fn pytest_names_what_failed_and_where() {
        let report = serde_json::json!({
            "created": 1767323045.25, "exitcode": 1, "environment": {"GITHUB_SHA": "abc"},
            "tests": [
                {"nodeid": "t.py::a", "outcome": "passed"},
                {"nodeid": "t.py::b", "outcome": "failed", "setup": {"outcome": "passed"},
                 "call": {"outcome": "failed", "crash": {"message": "assert 1 == 2"}, "longrepr": "long"}},
                {"nodeid": "t.py::c", "outcome": "error",
                 "setup": {"outcome": "failed", "longrepr": "no fixture"}},
                {"nodeid": "t.py::d", "outcome": "skipped"},
            ],
        });
        let found = pytest("r.json", report.to_string().as_bytes()).unwrap();
        assert_eq!((found.total, found.failures), (3, 2));
        assert_eq!(found.at.as_deref(), Some("2026-01-02T03:04:05.250Z"));
        let messages: Vec<_> = found.failed.iter().map(|f| f.message.as_str()).collect();
        assert_eq!(messages, ["assert 1 == 2", "no fixture"]);
        assert!(!pytest("r", br#"{"tests": [], "exitcode": 4}"#).unwrap().passed());
        assert!(pytest("r", br#"{"a": 1}"#).unwrap_err().contains("list of tests"));
        assert!(pytest("r", b"nonsense").is_err());
    }
}
