//! Spans of a run, as a collector on loopback receives them, and the trace that agents are told.
#![cfg(feature = "otlp")]
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use support::World;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A request as it came: head, body.
type Asked = (String, Vec<u8>);

/// Listens on loopback and answers the n-th request with the n-th status, then with 200.
fn collector(statuses: &'static [u16]) -> (String, Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (send, asked) = channel();
    std::thread::spawn(move || {
        for nth in 0..20 {
            let Ok((stream, _)) = listener.accept() else { return };
            let mut reader = BufReader::new(stream);
            let mut head = String::new();
            while reader.read_line(&mut head).unwrap_or(0) > 2 {}
            let length =
                head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            reader.read_exact(&mut body).unwrap();
            let status = statuses.get(nth).copied().unwrap_or(200);
            let reply = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            reader.get_mut().write_all(reply.as_bytes()).unwrap();
            if send.send((head, body)).is_err() {
                return;
            }
        }
    });
    (url, asked)
}

fn spans(request: &ExportTraceServiceRequest) -> Vec<Span> {
    request.resource_spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| s.spans.clone()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn told() -> World {
    let mut world = World::new();
    world.node("A").agent("echo $TRACEPARENT > A.out").checks(&["test -s A.out"]);
    world.build();
    world
}

#[test]
fn a_run_s_spans_reach_a_collector_and_hang_together() {
    let world = told();
    let (url, asked) = collector(&[503]);
    let caller = format!("00-{TRACE}-{PARENT}-01");
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b"),
        ("TRACEPARENT", caller.as_str()),
    ];
    world.call_with(&env, &["run"]).exits(0).says_nothing_of(&["telemetry"]);
    let refused = asked.recv().unwrap();
    let (head, body) = asked.recv().unwrap();
    assert_eq!(refused.1, body, "after a 503 the same comes again");
    assert!(head.starts_with("POST /v1/traces "), "{head}");
    let head = head.to_lowercase();
    assert!(head.contains("content-type: application/x-protobuf") && head.contains("x-key: a b"), "{head}");
    let spans = spans(&ExportTraceServiceRequest::decode(&*body).unwrap());
    let by_id: BTreeMap<String, &Span> = spans.iter().map(|s| (hex(&s.span_id), s)).collect();
    assert_eq!(by_id.len(), spans.len());
    for span in &spans {
        assert_eq!(hex(&span.trace_id), TRACE);
        let parent = hex(&span.parent_span_id);
        match span.name.as_str() {
            "auditrun run" => assert_eq!(parent, PARENT),
            _ => assert!(by_id.contains_key(&parent), "{} hangs in the air", span.name),
        }
    }
    for name in ["auditrun run", "node A", "A attempt 1", "check test -s A.out", "git worktree"] {
        assert!(spans.iter().any(|s| s.name == name), "no span {name:?}");
    }
    // What the agent was told is the span that was sent for it.
    let header = world.landed("A.out");
    let fields: Vec<&str> = header.trim().split('-').collect();
    assert_eq!((fields[0], fields[1], fields[3]), ("00", TRACE, "01"));
    let agent = by_id.get(fields[2]).expect("the agent was told of a span that was not sent");
    assert!(agent.name.starts_with("agent "), "{}", agent.name);
}

#[test]
fn json_for_collectors_that_want_it() {
    let world = told();
    let (url, asked) = collector(&[]);
    let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")];
    world.call_with(&env, &["run"]).exits(0);
    let (head, body) = asked.recv().unwrap();
    assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
    let sent: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let span = &sent["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(span["name"], "auditrun run");
    assert_eq!(span["traceId"].as_str().unwrap().len(), 32);
    // Without a caller's trace the run has one of its own, and the agent gets it.
    assert!(world.landed("A.out").contains(span["traceId"].as_str().unwrap()));
}

#[test]
fn a_collector_that_is_away_or_refuses_changes_no_result() {
    let world = told();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = format!("http://{free}");
    let gone = world.call_with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &away)], &["run"]);
    gone.exits(0).says(&["verified and proven", "telemetry: spans could not be sent to", &away]);
    let (url, asked) = collector(&[401]);
    let refused = world.call_with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)], &["run"]);
    refused.exits(0).says(&["status 401"]);
    drop(asked);
    let grpc = world.call_with(
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", &url), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
        &["run"],
    );
    grpc.exits(0).says(&["use http/protobuf or http/json"]);
}

#[test]
fn nobody_asked_nobody_is_told() {
    let mut world = World::new();
    world.node("A").agent("echo \"trace=${TRACEPARENT-none}\" > A.out");
    world.build();
    world.run().exits(0);
    assert_eq!(world.landed("A.out").trim(), "trace=none");
}
