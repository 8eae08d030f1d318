//! Transcripts, real ones and made ones, to reports.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use crate::agent::{Report, Signal, Trouble, classify, transcript};
use crate::config::{AdapterKind, Agent, AuditSettings, EnvBlock, Origin, Price, PromptVia, Setting};
use crate::event::FigureSource;
use crate::process::{Deadline, EndCause, Exit, Stream};

pub(super) fn setting<T>(value: T) -> Setting<T> {
    Setting { value, origin: Origin::Flag("--test".into()) }
}

/// An agent of `kind` with nothing set.
pub(super) fn agent(kind: AdapterKind) -> Agent {
    Agent {
        name: kind.name().to_owned(),
        adapter: kind,
        command: setting(kind.name().to_owned()),
        model: None,
        args: Vec::new(),
        prompt: PromptVia::Stdin,
        env: EnvBlock::default(),
        timeout: setting(Duration::from_secs(1800)),
        first_output: None,
        stall: None,
        retries: setting(3),
        price: None,
        shared_config_home: false,
        audit: AuditSettings::default(),
        span: None,
    }
}

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/fixtures/transcripts/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

struct Play {
    agent: Agent,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    exit: Exit,
    cause: EndCause,
}

fn play(kind: AdapterKind, stdout: impl AsRef<[u8]>) -> Play {
    let stdout = stdout.as_ref().to_vec();
    Play { agent: agent(kind), stdout, stderr: Vec::new(), exit: Exit::Code(0), cause: EndCause::Own }
}

impl Play {
    fn stderr(self, text: &str) -> Play {
        Play { stderr: text.as_bytes().to_vec(), ..self }
    }
    fn code(self, code: i32) -> Play {
        Play { exit: Exit::Code(code), ..self }
    }
    fn report(&self) -> Report {
        self.run().1
    }
    fn run(&self) -> (Vec<Signal>, Report) {
        let mut reader = transcript(&self.agent);
        let mut signals = reader.feed(Stream::Stderr, &self.stderr);
        signals.extend(reader.feed(Stream::Stdout, &self.stdout));
        (signals, reader.finish(self.exit, self.cause))
    }
    fn in_pieces(&self, sizes: &[usize]) -> Report {
        let mut reader = transcript(&self.agent);
        let mut rest = self.stdout.as_slice();
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, tail) = rest.split_at((*size).clamp(1, rest.len()));
            reader.feed(Stream::Stdout, piece);
            rest = tail;
        }
        reader.feed(Stream::Stderr, &self.stderr);
        reader.finish(self.exit, self.cause)
    }
}

const REAL: [(AdapterKind, &str); 7] = [
    (AdapterKind::Claude, "claude-success.jsonl"),
    (AdapterKind::Claude, "claude-permission-denied-rc0.jsonl"),
    (AdapterKind::Codex, "codex-success.jsonl"),
    (AdapterKind::Codex, "codex-no-work-rc0.jsonl"),
    (AdapterKind::Gemini, "gemini-success.jsonl"),
    (AdapterKind::Opencode, "opencode-success.jsonl"),
    (AdapterKind::Aider, "aider-success.txt"),
];

#[test]
fn real_transcripts_give_exact_reports() {
    for (kind, name) in REAL {
        insta::assert_debug_snapshot!(name.replace('.', "-"), play(kind, fixture(name)).report());
    }
}

#[test]
fn a_denied_permission_is_a_fault_whatever_the_exit_code_says() {
    let report = play(AdapterKind::Claude, fixture("claude-permission-denied-rc0.jsonl")).report();
    assert_eq!(
        report.fault.as_deref(),
        Some("it was denied permission: Write /home/op/repo/.worktrees/w/hello.txt")
    );
    assert_eq!((report.transient, report.auth), (None, false));
}

#[test]
fn success_can_carry_an_error() {
    let unreachable = json!({"type": "result", "subtype": "success", "is_error": true,
        "result": "API Error: Unable to connect to API (ECONNREFUSED)", "session_id": "s", "num_turns": 1});
    let report = play(AdapterKind::Claude, unreachable.to_string()).code(1).report();
    assert_eq!(report.trouble, Some(Trouble::Network));
    assert_eq!(report.transient, None, "an unreachable service is no rate limit");
    assert_eq!(report.metrics.cost_usd, None);
    assert!(report.fault.unwrap().starts_with("its result is an error: API Error"));
}

#[test]
fn claudes_usage_limit_names_its_reset() {
    let reset = "2026-09-10T00:26:40Z".parse().unwrap();
    let text = json!({"type": "result", "subtype": "success", "is_error": true, "api_error_status": null,
        "result": "Claude AI usage limit reached|1789000000"});
    let report = play(AdapterKind::Claude, text.to_string()).code(1).report();
    assert_eq!(report.transient.unwrap().reset_at, Some(reset));

    let event = json!({"type": "rate_limit_event", "rate_limit_info":
        {"status": "rejected", "resetsAt": 1_789_000_000, "rateLimitType": "five_hour"}});
    let said = json!({"type": "assistant", "message": {"id": "x", "model": "<synthetic>",
        "content": [{"type": "text", "text": "You've hit your limit"}]}});
    let result = json!({"type": "result", "subtype": "success", "is_error": true,
        "api_error_status": 429, "result": "You've hit your limit · resets 3pm"});
    let (signals, report) = play(AdapterKind::Claude, format!("{event}\n{said}\n{result}\n")).code(1).run();
    assert_eq!(report.transient.as_ref().unwrap().reset_at, Some(reset));
    assert_eq!(report.metrics.model, None, "a made-up message has no model");
    let told = signals.iter().find_map(|signal| match signal {
        Signal::RateLimit(transient) => transient.reset_at,
        _ => None,
    });
    assert_eq!(told, Some(reset), "the fleet hears of it while the agent still runs");
}

#[test]
fn a_retry_that_helped_is_no_trouble() {
    let retry = json!({"type": "system", "subtype": "api_retry", "attempt": 1, "error_status": 529,
        "error": "overloaded"});
    let success = String::from_utf8(fixture("claude-success.jsonl")).unwrap();
    let (signals, report) = play(AdapterKind::Claude, format!("{retry}\n{success}")).run();
    assert!(signals.iter().any(|signal| matches!(signal, Signal::RateLimit(_))));
    assert_eq!((report.fault, report.transient, report.trouble), (None, None, None));
}

#[test]
fn a_killed_claude_leaves_partial_figures_marked_estimated() {
    let text = String::from_utf8(fixture("claude-success.jsonl")).unwrap();
    let head: Vec<_> = text.lines().filter(|line| !line.contains("\"type\":\"result\"")).collect();
    let mut killed = play(AdapterKind::Claude, head.join("\n"));
    killed.exit = Exit::Signal(15);
    killed.cause = EndCause::Deadline(Deadline::Stall);
    killed.agent.price = Some(Price { input: 3.0, output: 15.0, cached: 0.3 });
    let report = killed.report();
    assert_eq!(report.fault.as_deref(), Some("it was ended at its deadline 'stall'"));
    let metrics = report.metrics;
    assert_eq!((metrics.input_tokens, metrics.turns), (Some(2_000), Some(2)), "a message counts once");
    assert_eq!(metrics.sources["input_tokens"], FigureSource::Estimated);
    assert_eq!(metrics.sources["cost_usd"], FigureSource::Estimated);
    assert_eq!(metrics.model.as_deref(), Some("claude-opus-4-8"));
    assert_eq!(metrics.duration_ms, None);
    assert!(!metrics.sources.contains_key("duration_ms"));
}

#[test]
fn claudes_bill_has_its_sub_agents() {
    let usage = |input, output, cost| {
        json!({"inputTokens": input, "outputTokens": output,
        "cacheReadInputTokens": 5, "cacheCreationInputTokens": 7, "costUSD": cost})
    };
    let result = json!({"type": "result", "subtype": "success", "is_error": false, "result": "ok",
        "total_cost_usd": 0.5, "usage": {"input_tokens": 1, "output_tokens": 1},
        "modelUsage": {"haiku": usage(100, 900, 0.1), "opus": usage(10, 20, 0.4)}});
    let metrics = play(AdapterKind::Claude, result.to_string()).report().metrics;
    assert_eq!((metrics.input_tokens, metrics.output_tokens), (Some(110), Some(920)));
    assert_eq!((metrics.cache_read_tokens, metrics.cache_write_tokens), (Some(10), Some(14)));
    assert_eq!(metrics.model.as_deref(), Some("opus"));
    assert_eq!(metrics.turns, None);
}

#[test]
fn a_stream_without_its_end_is_a_fault_even_with_exit_0() {
    for (kind, fault) in [
        (AdapterKind::Claude, "it ended without a result event"),
        (AdapterKind::Codex, "it ended without completing a turn"),
        (AdapterKind::Gemini, "it ended without a result event"),
        (AdapterKind::Opencode, "it ended without having finished a step"),
        (AdapterKind::Goose, "it ended without a complete event"),
        (AdapterKind::Cursor, "it ended without a result event"),
        (AdapterKind::Aider, "it ended without an answer of the model's"),
    ] {
        let report = play(kind, "").report();
        assert_eq!(report.fault.as_deref(), Some(fault), "{}", kind.name());
        assert_eq!(report.metrics, crate::event::Metrics::default());
    }
    assert_eq!(play(AdapterKind::Exec, "").report(), Report::default(), "exec is judged by its work");
}

#[test]
fn codex_counts_its_turns_and_is_priced() {
    let turn = |input, cached, output| {
        json!({"type": "turn.completed", "usage": {"input_tokens": input,
        "cached_input_tokens": cached, "output_tokens": output}})
    };
    let text = format!("{}\n{}\n", turn(1_000_000, 400_000, 100_000), turn(10, 0, 1));
    let mut codex = play(AdapterKind::Codex, text);
    codex.agent.price = Some(Price { input: 2.0, output: 10.0, cached: 0.5 });
    codex.agent.model = Some(setting("gpt-5-codex".to_owned()));
    let (signals, report) = codex.run();
    let metrics = report.metrics;
    assert_eq!(
        (metrics.turns, metrics.input_tokens, metrics.output_tokens),
        (Some(2), Some(1_000_010), Some(100_001))
    );
    assert!((metrics.cost_usd.unwrap() - 2.400_03).abs() < 1e-9);
    assert_eq!(metrics.sources["cost_usd"], FigureSource::Estimated);
    assert_eq!(metrics.sources["model"], FigureSource::Estimated);
    assert_eq!(metrics.sources["input_tokens"], FigureSource::Reported);
    let Some(Signal::Usage(running)) = signals.last() else { panic!("{signals:?}") };
    assert_eq!(running.cost_usd, metrics.cost_usd, "budgets see the same figure while it runs");
}

#[test]
fn the_last_word_on_a_codex_turn_decides() {
    let retry = json!({"type": "error", "message": "Reconnecting... 1/5 (rate limit: try again in 5m)"});
    let done = json!({"type": "turn.completed", "usage": {"input_tokens": 1, "output_tokens": 1}});
    let report = play(AdapterKind::Codex, format!("{retry}\n{done}\n")).report();
    assert_eq!((report.fault, report.transient), (None, None));

    let failed = json!({"type": "turn.failed", "error": {"message":
        "exceeded retry limit, last status: 429 Too Many Requests, try again in 5m"}});
    let report = play(AdapterKind::Codex, format!("{retry}\n{failed}\n")).code(1).report();
    assert_eq!(report.transient.unwrap().retry_after, Some(Duration::from_secs(300)));
    assert_eq!(report.trouble, Some(Trouble::RateLimit));

    let refused = json!({"type": "turn.failed", "error": {"message": "unexpected status 401 Unauthorized"}});
    let report = play(AdapterKind::Codex, refused.to_string()).code(1).report();
    assert!(report.auth && report.transient.is_none());
}

#[test]
fn gemini_errors_are_classified() {
    let result = json!({"type": "result", "status": "error", "error":
        {"type": "FatalApiError", "message": "[{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\",\"retryDelay\":\"34s\"}}]"},
        "stats": {}});
    let report = play(AdapterKind::Gemini, result.to_string()).code(1).report();
    assert_eq!(report.transient.unwrap().retry_after, Some(Duration::from_secs(34)));
    let quiet =
        play(AdapterKind::Gemini, "").code(41).stderr("Please set an Auth method\nAPI key not found\n");
    let report = quiet.report();
    assert!(report.auth);
    assert!(
        report
            .fault
            .unwrap()
            .ends_with("it exited with code 41: Please set an Auth method\nAPI key not found")
    );
}

#[test]
fn gemini_pieces_make_one_message() {
    let piece = |text: &str| json!({"type": "message", "role": "assistant", "content": text, "delta": true});
    let tool = json!({"type": "tool_use", "tool_name": "write_file"});
    let text = format!("{}\n{tool}\n{}\n{}\n", piece("Let me see."), piece("HALT: I "), piece("cannot."));
    let report = play(AdapterKind::Gemini, text).report();
    assert_eq!(report.final_message.as_deref(), Some("HALT: I cannot."));
}

#[test]
fn opencode_is_done_only_if_its_last_step_says_so() {
    let finish = |reason: &str| {
        json!({"type": "step_finish", "sessionID": "s", "part":
        {"reason": reason, "cost": 0.25, "tokens": {"input": 1, "output": 2, "cache": {"read": 3, "write": 4}}}})
    };
    let cut = play(AdapterKind::Opencode, finish("tool-calls").to_string()).report();
    assert_eq!(cut.fault.as_deref(), Some("its last step ended with 'tool-calls': it was not done"));
    let two = format!("{}\n{}\n", finish("tool-calls"), finish("stop"));
    let done = play(AdapterKind::Opencode, two).report();
    assert_eq!((done.fault, done.metrics.cost_usd, done.metrics.turns), (None, Some(0.5), Some(2)));
    assert_eq!(done.metrics.cache_write_tokens, Some(8));
    let recovered = json!({"type": "error", "error": {"name": "x", "data": {"message": "ECONNRESET"}}});
    let text = format!("{recovered}\n{}\n", finish("stop"));
    assert_eq!(
        play(AdapterKind::Opencode, text).code(1).report().fault,
        None,
        "it exits with 1 all the same"
    );
    let error = json!({"type": "error", "sessionID": "s", "error": {"name": "APIError",
        "data": {"message": "Too Many Requests", "statusCode": 429}}});
    let report = play(AdapterKind::Opencode, error.to_string()).report();
    assert_eq!(report.trouble, Some(Trouble::RateLimit));
    assert!(report.transient.is_some());
}

#[test]
fn goose_ends_with_its_figures() {
    let message = |id: &str, text: &str| {
        json!({"type": "message", "message":
        {"id": id, "role": "assistant", "content": [{"type": "text", "text": text}]}})
    };
    let complete = json!({"type": "complete", "total_tokens": 30, "input_tokens": 20, "output_tokens": 10,
        "cost_usd": 0.002});
    let text =
        format!("{}\n{}\n{}\n{complete}\n", message("1", "First"), message("2", "Do"), message("2", "ne"));
    let report = play(AdapterKind::Goose, text).report();
    assert_eq!(report.final_message.as_deref(), Some("Done"));
    assert_eq!((report.metrics.cost_usd, report.metrics.input_tokens), (Some(0.002), Some(20)));
    assert_eq!(report.fault, None);
    let error = json!({"type": "error", "error": "Rate limit exceeded: retry after 20 seconds"});
    let report = play(AdapterKind::Goose, error.to_string()).report();
    assert_eq!(report.transient.unwrap().retry_after, Some(Duration::from_secs(20)));
}

#[test]
fn cursor_speaks_in_events_or_on_standard_error() {
    let init = json!({"type": "system", "subtype": "init", "model": "gpt-5", "session_id": "c-1"});
    let said = json!({"type": "assistant", "message": {"role": "assistant",
        "content": [{"type": "text", "text": "HALT: no"}]}});
    let result = json!({"type": "result", "subtype": "success", "is_error": false, "duration_ms": 7,
        "result": "Looking.HALT: no", "session_id": "c-1"});
    let report = play(AdapterKind::Cursor, format!("{init}\n{said}\n{result}\n")).report();
    assert_eq!(report.final_message.as_deref(), Some("HALT: no"));
    assert_eq!((report.metrics.duration_ms, report.metrics.input_tokens), (Some(7), None));
    let failed = play(AdapterKind::Cursor, "").code(1).stderr("Error: Not logged in\n").report();
    assert!(failed.auth);
    assert_eq!(
        failed.fault.as_deref(),
        Some("it ended without a result event; it exited with code 1: Error: Not logged in")
    );
}

#[test]
fn aider_trouble_counts_only_without_a_later_answer() {
    let limited = "litellm.RateLimitError: slow down, try again in 2m\nRetrying in 0.2 seconds...\n";
    let answer = "I did it.\n\nTokens: 4.2k sent, 1.1k received. Cost: $0.01 message, $0.02 session.\n";
    let report = play(AdapterKind::Aider, limited).report();
    assert_eq!(report.transient.unwrap().retry_after, Some(Duration::from_secs(120)));
    let report = play(AdapterKind::Aider, format!("{limited}{answer}")).report();
    assert_eq!((report.fault, report.transient), (None, None));
    assert_eq!(report.final_message.as_deref(), Some("I did it."));
    assert_eq!((report.metrics.cost_usd, report.metrics.output_tokens), (Some(0.02), Some(1_100)));
}

#[test]
fn exec_figures_are_the_last_line() {
    let line = r#"{"cost_usd": 0.25, "turns": 4, "session_id": "s-1", "model": "m-1", "input_tokens": 100, "output_tokens": 20}"#;
    let report = play(AdapterKind::Exec, format!("working\n{line}\n\n")).report();
    let metrics = report.metrics;
    assert_eq!((metrics.cost_usd, metrics.turns, metrics.duration_ms), (Some(0.25), Some(4), None));
    assert_eq!((metrics.session_id.as_deref(), metrics.model.as_deref()), (Some("s-1"), Some("m-1")));
    assert_eq!(metrics.sources.len(), 6);
    assert_eq!(report.final_message.as_deref(), Some("working"));
    for none in ["{\"other\": 1}", "x {\"turns\": 1}", "[1]", "{\"turns\": 1}\nlater", "{\n\"turns\": 1\n}"] {
        assert_eq!(play(AdapterKind::Exec, none).report().metrics.sources.len(), 0, "{none}");
    }
    let odd = play(AdapterKind::Exec, r#"{"cost_usd": "free", "turns": -1, "model": "", "result": null}"#);
    assert_eq!(odd.report().metrics, crate::event::Metrics::default());
}

#[test]
fn exec_answers_are_the_last_object_or_the_result() {
    for (text, want) in [
        ("thinking {}\n{\"a\": 1}\n", json!({"a": 1})),
        ("{\n  \"a\": {\n    \"b\": 1\n  }\n}\n", json!({"a": {"b": 1}})),
        ("{\"a\": 1}\n{\"turns\": 1}\n", json!({"a": 1})),
        ("{\"a\": 1}\n{\"turns\": 1, \"result\": \"so: {\\\"a\\\": 2}\"}\n", json!({"a": 2})),
        ("{\"result\": {\"a\": 3}}", json!({"a": 3})),
        ("{\"result\": \"pass\"}", json!({"result": "pass"})),
    ] {
        assert_eq!(play(AdapterKind::Exec, text).report().answer, Some(want), "{text}");
    }
    assert_eq!(play(AdapterKind::Exec, "no object").report().answer, None);
}

#[test]
fn exec_says_when_it_halts() {
    for (text, want) in [
        ("restated\nHALT: cannot\n", "HALT: cannot"),
        ("HALT: cannot\nbecause\n", "HALT: cannot\nbecause"),
        ("{\"result\": \"HALT: cannot\"}", "HALT: cannot"),
        ("HALT: cannot\n{\"turns\": 1}\n", "HALT: cannot"),
        ("  HALT: cannot\r\n\n", "HALT: cannot"),
    ] {
        assert_eq!(play(AdapterKind::Exec, text).report().final_message.as_deref(), Some(want), "{text}");
    }
}

#[test]
fn exec_75_is_a_rate_limit_and_other_codes_are_data() {
    let limited = play(AdapterKind::Exec, "").code(75).stderr("busy, try again in 10s\n").report();
    let transient = limited.transient.unwrap();
    assert_eq!(transient.retry_after, Some(Duration::from_secs(10)));
    assert_eq!(classify(&transient.reason), Some(Trouble::RateLimit));
    let failing = play(AdapterKind::Exec, "429 Too Many Requests").code(1).stderr("status 429").report();
    assert_eq!((failing.fault, failing.transient, failing.trouble), (None, None, None));
    let mut killed = play(AdapterKind::Exec, "");
    killed.exit = Exit::Signal(9);
    assert_eq!(killed.report().fault.as_deref(), Some("it was ended by signal 9"));
}

#[test]
fn what_the_harness_ended_is_not_tried_again() {
    for cause in [EndCause::Deadline(Deadline::Wall), EndCause::Cancelled] {
        let mut ended = play(AdapterKind::Exec, "").code(75);
        ended.cause = cause;
        let report = ended.report();
        assert!(report.fault.is_some() && report.transient.is_none() && !report.auth);
    }
}

#[test]
fn foreign_lines_are_counted_and_skipped() {
    let success = String::from_utf8(fixture("codex-success.jsonl")).unwrap();
    let noise = "warning: something\n\n{\"type\":\"future.event\"}\n{\"no\":\"type\"}\n[1]\n{\"type\":3}\n{\"type\":\n";
    let (noisy, clean) =
        (play(AdapterKind::Codex, format!("{noise}{success}")), play(AdapterKind::Codex, &success));
    let report = noisy.report();
    assert_eq!(report.unknown_lines, 6);
    assert_eq!(Report { unknown_lines: 0, ..report }, clean.report());
}

#[test]
fn an_endless_line_is_dropped_and_the_rest_is_read() {
    let mut stdout = vec![b'x'; 17 << 20];
    stdout.push(b'\n');
    stdout.extend(fixture("codex-success.jsonl"));
    let report = play(AdapterKind::Codex, stdout).report();
    assert_eq!((report.unknown_lines, report.fault), (1, None));
}

#[test]
fn what_is_shown_is_one_harmless_line() {
    let (signals, _) = play(AdapterKind::Exec, "first\nred \x1b[31m\tline\n").run();
    assert_eq!(signals, [Signal::Message("red \u{241b}[31m line".to_owned())]);
}

fn any_kind() -> impl Strategy<Value = AdapterKind> {
    prop::sample::select(AdapterKind::ALL.to_vec())
}

proptest! {
    #[test]
    fn pieces_change_nothing(index in 0..REAL.len(), sizes in prop::collection::vec(1..200_usize, 1..20)) {
        let (kind, name) = REAL[index];
        let played = play(kind, fixture(name));
        prop_assert_eq!(played.in_pieces(&sizes), played.report());
    }

    #[test]
    fn bytes_of_any_kind_are_survived(
        kind in any_kind(),
        stdout in prop::collection::vec(any::<u8>(), 0..400),
        sizes in prop::collection::vec(1..9_usize, 1..4),
        code in any::<i32>(),
    ) {
        let played = play(kind, stdout).code(code);
        prop_assert_eq!(played.in_pieces(&sizes), played.report());
    }

    /// Real events with any value of theirs replaced by something else.
    #[test]
    fn events_of_any_shape_are_survived(
        index in 0..REAL.len(),
        kind in any_kind(),
        key in "\"(type|usage|part|item|message|stats|modelUsage|content|error|tokens|result|model|input_tokens)\":",
        value in prop::sample::select(vec!["null", "[]", "{}", "-1", "1e400", "\"\"", "[[{}]]", "true"]),
    ) {
        let text = String::from_utf8_lossy(&fixture(REAL[index].1)).replace(&key, &format!("{key}{value},\"_\":"));
        let report = play(kind, text).report();
        prop_assert!(report.metrics.cost_usd.is_none_or(|usd| usd >= 0.0));
        let known = serde_json::to_value(&report.metrics).unwrap();
        for name in report.metrics.sources.keys() {
            prop_assert!(!known[name].is_null(), "{} has a source and no value", name);
        }
    }
}
