//! Settings and spans.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::base::trace_context::call_path;
use crate::event::{CheckPhase, Event, NodeStatus, Record, Termination};
use crate::journal::sample::{self, Script};

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

const BASE: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/");

#[test]
fn the_general_address_gets_the_signal_s_path_and_the_other_is_whole() {
    let url = |pairs: &[(&str, &str)]| settings(&environment(pairs)).unwrap().unwrap().url;
    assert_eq!(url(&[BASE]), "http://127.0.0.1:4318/v1/traces");
    assert_eq!(url(&[BASE, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://x/y")]), "https://x/y");
    for off in [&[][..], &[BASE, ("OTEL_SDK_DISABLED", "TRUE")], &[BASE, ("OTEL_TRACES_EXPORTER", "none")]] {
        assert_eq!(settings(&environment(off)), Ok(None));
    }
}

#[test]
fn everything_else_that_can_be_set() {
    let found = settings(&environment(&[
        BASE,
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%3Db, x=1,nonsense,=2"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "250"),
        ("OTEL_RESOURCE_ATTRIBUTES", "team=a%20b,service.name=other"),
        ("OTEL_SERVICE_NAME", "gate"),
    ]));
    let found = found.unwrap().unwrap();
    let owned = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(found.headers, owned(&[("api-key", "a=b"), ("x", "1")]));
    assert_eq!(found.protocol, Protocol::Json);
    assert_eq!(found.timeout, Duration::from_millis(250));
    assert_eq!(found.resource, owned(&[("service.name", "gate"), ("team", "a b")]));
}

#[test]
fn a_value_that_can_t_be_used_is_named() {
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
    ] {
        let error = settings(&environment(&[BASE, (name, value)])).unwrap_err().to_string();
        assert!(error.contains(value), "{error}");
    }
}

/// A run with a failed attempt, one that a kill cut off, and one that verified.
fn records() -> Vec<Record> {
    let mut script = Script::started();
    script.ready(&[("A", 0)]).dispatch("A", 1, 1).check("A", 1, CheckPhase::Verify, 1);
    script.judged("A", 1, NodeStatus::Failed, "a check failed");
    script.dispatch("A", 2, 2).resumed();
    script.dispatch("A", 2, 3).check("A", 2, CheckPhase::Verify, 0).check("A", 2, CheckPhase::Verify, 0);
    script.push(Event::Invariant {
        node: None,
        attempt: 0,
        phase: CheckPhase::Proof,
        record: sample::invariant("INV-1", 0),
    });
    script.judged("A", 2, NodeStatus::Verified, "all good").finished(Termination::AllDone, 0, "done");
    script.records.clone()
}

#[test]
fn every_span_lies_in_its_parent_and_no_id_is_used_twice() {
    let records = records();
    let context = TraceContext::of(&environment(&[BASE]), "R").unwrap();
    let all = spans(&context, &records, &[]);
    let by_id: BTreeMap<String, &Span> = all.iter().map(|s| (s.id.to_string(), s)).collect();
    assert_eq!(by_id.len(), all.len(), "ids are used twice");
    assert_eq!(all[0].id, context.span("run"));
    for span in &all {
        assert!(span.begin <= span.end, "{span:?}");
        if let Some(parent) = span.parent {
            assert!(by_id.contains_key(&parent.to_string()), "no parent: {span:?}");
        }
    }
    let names: Vec<&str> = all.iter().map(|s| s.name.as_str()).collect();
    for kind in ["auditrun run", "node ", "attempt 1", "agent ", "check ", "invariant "] {
        assert!(names.iter().any(|n| n.contains(kind)), "no {kind:?} in {names:?}");
    }
    let agent = all.iter().find(|s| s.name.starts_with("agent ")).unwrap();
    assert!(agent.attributes.iter().any(|(n, _)| *n == "gen_ai.usage.input_tokens"), "{agent:?}");
}

#[test]
fn what_an_agent_is_told_is_the_id_of_its_span() {
    let records = records();
    let context = TraceContext::of(&environment(&[BASE]), "R").unwrap();
    let told = context.span(&call_path("node", Some("A"), 1));
    let all = spans(&context, &records, &[]);
    let span = all.iter().find(|s| s.id == told).expect("no span for the call");
    assert!(span.name.starts_with("agent "));
    assert!(context.header(told).contains(&span.id.to_string()));
}

#[test]
fn what_was_sent_before_a_resume_is_not_sent_again() {
    let mut script = Script::started();
    script.ready(&[("A", 0), ("B", 0)]).dispatch("A", 1, 1).judged("A", 1, NodeStatus::Verified, "good");
    script.finished(Termination::MaxIterations, 5, "a bound").resumed();
    script.dispatch("B", 1, 2).judged("B", 1, NodeStatus::Verified, "good");
    script.finished(Termination::AllDone, 0, "done");
    let context = TraceContext::of(&environment(&[BASE]), "R").unwrap();
    let all = spans(&context, &script.records, &[]);
    let names: Vec<&str> = all.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["auditrun run", "node B", "agent worker", "B attempt 1"]);
    assert_eq!(all[0].error, None);
}
