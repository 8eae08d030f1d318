//! Builders for this layer's unit tests.

use crate::base::{Id, Pattern};
use crate::bundle::{Check, CheckScope, Node, Prompt};
use crate::diag::{Source, Spanned};
use crate::event::CheckRecord;

/// A value at the start of an empty source.
pub fn spanned<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Source::new("graph.md", "").span(0, 0))
}

/// A node that adds itself.
pub fn node(id: &str, touches: &[&str], checks: &[&str]) -> Node {
    let done_when = checks.iter().map(|c| Check {
        command: spanned((*c).to_owned()),
        scope: CheckScope::Worktree,
        name: None,
        timeout: None,
    });
    Node {
        id: spanned(Id::parse(id).unwrap()),
        deliverable: spanned(format!("add {id}")),
        touches: touches.iter().map(|t| spanned(Pattern::parse(t).unwrap())).collect(),
        depends_on: Vec::new(),
        parallel_safe: None,
        estimated_loc: spanned(10),
        loc_confidence: None,
        expected_signal: None,
        hotspot_files: Vec::new(),
        closes: vec![spanned(Id::parse(&format!("D-{id}")).unwrap())],
        invariants: Vec::new(),
        done_when: done_when.collect(),
        agent: None,
        timeout: None,
        retries: None,
        env: Vec::new(),
        span: Source::new("graph.md", "").span(0, 0),
        prompt: Prompt {
            source: Source::new(format!("prompts/{id}.md"), ""),
            bytes: format!("# {id}\n").into_bytes(),
            success: spanned(format!("{id} is there.")),
            failure_modes: spanned("Anything else changes.".to_owned()),
        },
    }
}

/// A check that exited 1 after printing `stderr`.
pub fn failed_check(command: &str, stderr: &str) -> CheckRecord {
    CheckRecord {
        command: command.to_owned(),
        normalized: command.to_owned(),
        name: None,
        exit_code: Some(1),
        signal: None,
        timed_out: false,
        stdout_tail: String::new(),
        stderr_tail: stderr.to_owned(),
        duration_ms: 1,
        changed_tracked: Vec::new(),
        left_untracked: Vec::new(),
        passed: false,
    }
}
