//! Where spans go: OpenTelemetry's own environment variables, the one for traces before the
//! general one.

use std::collections::BTreeMap;
use std::time::Duration;

use percent_encoding::percent_decode_str;

/// The encoding of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `http/protobuf`, the default.
    Protobuf,
    /// `http/json`.
    Json,
}

/// Where spans go, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The whole address.
    pub url: String,
    /// How they are written.
    pub protocol: Protocol,
    /// Further headers, keys for example.
    pub headers: Vec<(String, String)>,
    /// For each request.
    pub timeout: Duration,
    /// `service.name` and what else describes this service.
    pub resource: Vec<(String, String)>,
}

/// A variable that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(String);

/// What the environment asks for; `None` where nothing is asked for.
///
/// # Errors
/// A value that can't be used, by its name.
pub fn settings(environment: &BTreeMap<String, String>) -> Result<Option<Settings>, SettingsError> {
    let set = |name: &str| environment.get(name).map(|v| v.trim()).filter(|v| !v.is_empty());
    if set("OTEL_SDK_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true"))
        || set("OTEL_TRACES_EXPORTER").is_some_and(|v| v == "none")
    {
        return Ok(None);
    }
    let of = |what: &str| {
        set(&format!("OTEL_EXPORTER_OTLP_TRACES_{what}"))
            .or_else(|| set(&format!("OTEL_EXPORTER_OTLP_{what}")))
    };
    // The one for traces is the whole address; below the general one every signal has its own.
    let url = match (set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), set("OTEL_EXPORTER_OTLP_ENDPOINT")) {
        (Some(whole), _) => whole.to_owned(),
        (None, Some(base)) => format!("{}/v1/traces", base.trim_end_matches('/')),
        (None, None) => return Ok(None),
    };
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(SettingsError(format!("the OTLP endpoint {url:?} is no http or https address")));
    }
    let protocol = match of("PROTOCOL") {
        None | Some("http/protobuf") => Protocol::Protobuf,
        Some("http/json") => Protocol::Json,
        Some(other) => {
            return Err(SettingsError(format!(
                "OTEL_EXPORTER_OTLP_PROTOCOL is {other:?}: use http/protobuf or http/json"
            )));
        }
    };
    let timeout = match of("TIMEOUT") {
        None => 10_000,
        Some(text) => text.parse().map_err(|_| {
            SettingsError(format!("OTEL_EXPORTER_OTLP_TIMEOUT is {text:?}: use milliseconds"))
        })?,
    };
    let mut resource = vec![("service.name".to_owned(), "auditrun".to_owned())];
    resource.extend(set("OTEL_RESOURCE_ATTRIBUTES").map(pairs).unwrap_or_default());
    resource.extend(set("OTEL_SERVICE_NAME").map(|name| ("service.name".to_owned(), name.to_owned())));
    let resource: BTreeMap<String, String> = resource.into_iter().collect();
    Ok(Some(Settings {
        url,
        protocol,
        headers: of("HEADERS").map(pairs).unwrap_or_default(),
        timeout: Duration::from_millis(timeout),
        resource: resource.into_iter().collect(),
    }))
}

/// `a=1,b=2`, values percent-encoded; what is no pair is left out, as the specification has it.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |part: &str| {
        let (name, value) = part.split_once('=')?;
        let name = name.trim();
        (!name.is_empty())
            .then(|| (name.to_owned(), percent_decode_str(value.trim()).decode_utf8_lossy().into_owned()))
    };
    text.split(',').filter_map(pair).collect()
}
