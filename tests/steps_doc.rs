//! Runs every example of docs/steps.md and compares it with what the page says it does.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may.

use std::sync::{Arc, Mutex};

use auditrun::diag::{Diags, Source};
use auditrun::process::shell_host::{Direct, ShellHost, ShellOptions, Verbs};
use auditrun::process::{OutputSink, Stream};
use auditrun::step::builtin::Streams;
use auditrun::step::eval::{Env, StatementRecord, VerbCall, VerbResult, run};
use auditrun::step::{StepText, check_target, parse, recipe};

const PAGE: &str = include_str!("../docs/steps.md");

struct Block<'p> {
    line: usize,
    language: &'p str,
    text: String,
}

fn blocks() -> Vec<Block<'static>> {
    let mut out: Vec<Block> = Vec::new();
    let mut open = false;
    for (n, line) in PAGE.lines().enumerate() {
        match line.strip_prefix("```") {
            Some("") if open => open = false,
            Some(language) => {
                open = true;
                out.push(Block { line: n + 1, language, text: String::new() });
            }
            None if open => {
                let block = out.last_mut().unwrap();
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {}
        }
    }
    out
}

struct NoVerbs;

impl Verbs for NoVerbs {
    fn verb(&mut self, call: &VerbCall, _: &mut Streams<'_>) -> VerbResult {
        VerbResult::failed(2, format!("the page called {}", call.name))
    }
    fn event(&mut self, _: StatementRecord) {}
}

#[derive(Default)]
struct Stdout(String);

impl OutputSink for Stdout {
    fn chunk(&mut self, stream: Stream, bytes: &[u8]) {
        if stream == Stream::Stdout {
            self.0.push_str(&String::from_utf8_lossy(bytes));
        }
    }
}

/// What a script of the page does, in the page's own words: (language of the answer, its text).
fn answer(block: &Block) -> (&'static str, String) {
    let text = StepText::plain(&Source::new("docs/steps.md", block.text.clone()));
    let (script, mut problems) = parse(&text);
    match block.language {
        "recipe" => problems.extend(recipe::check(&script, &text, &["critic"])),
        _ => problems.extend(check_target(&script, &text, &[])),
    }
    if problems.has_errors() {
        return ("error", messages(&problems));
    }
    if block.language != "steps" {
        return ("output", String::new());
    }
    let dir = tempfile::tempdir().unwrap();
    let mut env = Env::new(dir.path());
    env.export("PATH", std::env::var("PATH").unwrap());
    let kept = Arc::new(Mutex::new(Stdout::default()));
    let options = ShellOptions { sink: Some(kept.clone()), ..ShellOptions::default() };
    let outcome = run(&script, &text, &mut ShellHost::new(&mut NoVerbs, &Direct, options), env);
    let printed = kept.lock().unwrap().0.clone();
    match outcome.exit_code {
        0 => ("output", printed),
        code => ("failure", format!("exit code {code}\n{printed}")),
    }
}

fn messages(problems: &Diags) -> String {
    problems.iter().map(|d| format!("{}\n", d.message)).collect()
}

#[test]
fn every_example_does_what_the_page_says() {
    let blocks = blocks();
    let mut ran = 0;
    for (i, block) in blocks.iter().enumerate() {
        if !matches!(block.language, "steps" | "target" | "recipe") {
            continue;
        }
        let expected = blocks.get(i + 1).unwrap_or_else(|| panic!("line {}: no answer", block.line));
        let (language, text) = answer(block);
        assert_eq!(language, expected.language, "docs/steps.md:{}: {text}", block.line);
        if language == "error" {
            let all = text.lines().collect::<Vec<_>>();
            let said = expected.text.lines().collect::<Vec<_>>();
            assert_eq!(all.len(), said.len(), "docs/steps.md:{}: {text}", block.line);
            for message in said {
                assert!(
                    all.iter().any(|m| m.starts_with(message)),
                    "docs/steps.md:{}: {message}\n{text}",
                    block.line
                );
            }
        } else {
            assert_eq!(text, expected.text, "docs/steps.md:{}", block.line);
        }
        ran += 1;
    }
    assert!(ran > 20, "only {ran} examples were found");
}
