//! Spans as OTLP requests, and the request itself. Tries again where the protocol says that it
//! helps, within the time that one request may take.

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as WireSpan, Status};
use prost::Message;

use super::settings::{Protocol, Settings};
use super::spans::{Span, Value};
use crate::base::TraceContext;
use crate::base::text::head;
use crate::net::{Client, Request};

/// The request that carries these spans.
pub(super) fn request(
    settings: &Settings,
    context: &TraceContext,
    spans: &[Span],
) -> ExportTraceServiceRequest {
    let attributes = settings.resource.iter().map(|(name, value)| pair(name, &Value::Text(value.clone())));
    let scope = InstrumentationScope {
        name: "auditrun".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource { attributes: attributes.collect(), ..Resource::default() }),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope),
                spans: spans.iter().map(|span| wire(context, span)).collect(),
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}

fn wire(context: &TraceContext, span: &Span) -> WireSpan {
    let status = match &span.error {
        Some(message) => Status { message: message.clone(), code: StatusCode::Error.into() },
        None => Status { message: String::new(), code: StatusCode::Ok.into() },
    };
    WireSpan {
        trace_id: context.trace.0.to_vec(),
        span_id: span.id.0.to_vec(),
        parent_span_id: span.parent.map(|p| p.0.to_vec()).unwrap_or_default(),
        name: span.name.clone(),
        kind: 1, // internal
        start_time_unix_nano: span.begin,
        end_time_unix_nano: span.end,
        attributes: span.attributes.iter().map(|(name, value)| pair(name, value)).collect(),
        status: Some(status),
        ..WireSpan::default()
    }
}

fn pair(name: &str, value: &Value) -> KeyValue {
    let value = match value {
        Value::Text(text) => any_value::Value::StringValue(text.clone()),
        Value::Number(number) => any_value::Value::IntValue(*number),
        Value::Fraction(fraction) => any_value::Value::DoubleValue(*fraction),
        Value::Truth(truth) => any_value::Value::BoolValue(*truth),
    };
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// Sends it; 429, 502, 503 and 504 are tried again until the time is up.
pub(super) fn send(
    client: &Client,
    settings: &Settings,
    request: &ExportTraceServiceRequest,
) -> Result<(), String> {
    let failed = |what: String| format!("spans could not be sent to {}: {what}", settings.url);
    let (kind, body) = match settings.protocol {
        Protocol::Protobuf => ("application/x-protobuf", request.encode_to_vec()),
        Protocol::Json => {
            ("application/json", serde_json::to_vec(request).map_err(|e| failed(e.to_string()))?)
        }
    };
    let mut headers = vec![("content-type", kind)];
    headers.extend(settings.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    let until = Instant::now() + settings.timeout;
    let mut pause = Duration::from_millis(200);
    loop {
        let timeout = until.saturating_duration_since(Instant::now());
        let request =
            Request { method: "POST", url: &settings.url, headers: &headers, body: Some(&body), timeout };
        let answer = client.send(&request).map_err(|e| failed(e.to_string()))?;
        match answer.status {
            200..=299 => return Ok(()),
            429 | 502..=504 if Instant::now() + pause < until => std::thread::sleep(pause),
            status => {
                let said = String::from_utf8_lossy(&answer.body);
                return Err(failed(format!("status {status} {}", head(said.trim(), 200))));
            }
        }
        pause *= 2;
    }
}
