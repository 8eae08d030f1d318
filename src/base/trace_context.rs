//! The identity of a run in a distributed trace: W3C trace context in and out. Span ids follow
//! from the run and from what a span is about, so whoever needs one computes the same.

use std::collections::BTreeMap;
use std::fmt;

use crate::base::digest::sha256;

/// The variable in which callers and agents find it.
pub const VARIABLE: &str = "TRACEPARENT";

/// Variables that ask for spans to be exported.
pub const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// 16 bytes, not all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId(pub [u8; 16]);

/// 8 bytes, not all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(pub [u8; 8]);

/// The trace that a run is part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// The caller's trace, or one of the run's own.
    pub trace: TraceId,
    /// The caller's span.
    pub parent: Option<SpanId>,
    flags: u8,
    run_id: String,
}

impl TraceContext {
    /// The context of a run in this environment; `None` where nobody asks for one: no caller's
    /// trace that can be read, and no address to send spans to.
    pub fn of(environment: &BTreeMap<String, String>, run_id: &str) -> Option<TraceContext> {
        let set = |name: &str| environment.get(name).map(|v| v.trim()).filter(|v| !v.is_empty());
        let run_id = run_id.to_owned();
        if let Some((trace, parent, flags)) = set(VARIABLE).and_then(parse) {
            return Some(TraceContext { trace, parent: Some(parent), flags, run_id });
        }
        ENDPOINTS.iter().any(|name| set(name).is_some()).then(|| {
            let trace = TraceId(derived(&format!("auditrun trace\n{run_id}")));
            TraceContext { trace, parent: None, flags: 1, run_id }
        })
    }

    /// The span of what `path` names: a run has one path for each of its parts.
    pub fn span(&self, path: &str) -> SpanId {
        SpanId(derived(&format!("auditrun span\n{}\n{path}", self.run_id)))
    }

    /// The header that makes whoever gets it a child of a span.
    pub fn header(&self, span: SpanId) -> String {
        format!("00-{}-{span}-{:02x}", self.trace, self.flags)
    }

    /// The caller wants the trace to be kept.
    pub fn sampled(&self) -> bool {
        self.flags & 1 == 1
    }
}

/// The path of an agent's call, as [`TraceContext::span`] takes it.
pub fn call_path(role: &str, subject: Option<&str>, attempt: u32) -> String {
    format!("agent/{role}/{}/{attempt}", subject.unwrap_or_default())
}

/// `version-trace-parent-flags`. Later versions may append fields; the first of them are these.
fn parse(header: &str) -> Option<(TraceId, SpanId, u8)> {
    let mut fields = header.split('-');
    let (version, trace, parent, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let [version] = hex::<1>(version)?;
    if version == 0xff || (version == 0 && fields.next().is_some()) {
        return None;
    }
    let (trace, parent, [flags]) = (hex::<16>(trace)?, hex::<8>(parent)?, hex::<1>(flags)?);
    let zero = trace == [0; 16] || parent == [0; 8];
    (!zero).then_some((TraceId(trace), SpanId(parent), flags))
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if text.len() != 2 * N || !text.bytes().all(lower) {
        return None;
    }
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

/// The beginning of a digest. All zero means "none" in this format; no digest begins so.
fn derived<const N: usize>(text: &str) -> [u8; N] {
    sha256(text.as_bytes()).first_chunk().copied().unwrap_or([1; N])
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn of(pairs: &[(&str, &str)]) -> Option<TraceContext> {
        let environment = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        TraceContext::of(&environment, "20260101T000000Z")
    }

    #[test]
    fn a_callers_trace_goes_on() {
        let context = of(&[(VARIABLE, CALLER)]).unwrap();
        assert_eq!(context.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.parent.unwrap().to_string(), "00f067aa0ba902b7");
        let header = context.header(context.span("run"));
        assert!(header.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && header.ends_with("-01"));
        assert!(context.sampled());
        assert_ne!(context.span("run"), context.span("node/A"));
        // A later version with further fields is read as far as it is known.
        let later = CALLER.replacen("00", "01", 1) + "-what-comes";
        assert_eq!(of(&[(VARIABLE, &later)]).unwrap().trace, context.trace);
    }

    #[test]
    fn a_header_that_can_t_be_read_is_none() {
        for bad in [
            "",
            "00",
            &CALLER.to_uppercase(),
            &CALLER.replace('4', "g"),
            &format!("{CALLER}-more"),
            &CALLER.replacen("00", "ff", 1),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e47-00f067aa0ba902b7-01",
        ] {
            assert_eq!(of(&[(VARIABLE, bad)]), None, "{bad:?}");
        }
    }

    #[test]
    fn an_address_to_send_to_makes_a_trace_of_the_run_s_own() {
        let own = of(&[(ENDPOINTS[1], "http://127.0.0.1:4318"), (VARIABLE, "nonsense")]).unwrap();
        assert_eq!(own.parent, None);
        assert_eq!(own, of(&[(ENDPOINTS[0], "http://127.0.0.1:1/x")]).unwrap());
        assert_eq!(of(&[(ENDPOINTS[0], " ")]), None);
    }
}
