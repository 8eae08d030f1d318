//! Signs of trouble with the service behind an agent: the one place that knows the words
//! and status codes for rate limits, overload, credentials and network, and that reads
//! when a limit resets. Only error texts are looked at, never what a model wrote.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::model::Transient;

/// The kinds of trouble that are not the work's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// Credentials or the account behind them: only a person can mend it.
    Auth,
    /// Too many requests, or a quota that refills.
    RateLimit,
    /// The service is there and can't keep up.
    Overload,
    /// The service was not reached.
    Network,
}

impl Trouble {
    /// True if the same call may work later without anybody doing anything about it and
    /// the whole fleet does well to wait for that.
    pub fn passes(self) -> bool {
        matches!(self, Trouble::RateLimit | Trouble::Overload)
    }
}

/// Words by kind, lower case. The order decides: an exhausted account often comes dressed
/// as a rate limit, and must not be waited for.
const WORDS: [(Trouble, &[&str]); 4] = [
    (
        Trouble::Auth,
        &[
            "invalid api key",
            "invalid x-api-key",
            "incorrect api key",
            "api key not valid",
            "api key not found",
            "api_key_invalid",
            "missing api key",
            "no api key",
            "not logged in",
            "please run /login",
            "please log in",
            "please login",
            "login required",
            "authentication_error",
            "authenticationerror",
            "authentication failed",
            "authentication required",
            "unauthenticated",
            "unauthorized",
            "token has expired",
            "credit balance is too low",
            "insufficient_quota",
            "insufficient credits",
        ],
    ),
    (
        Trouble::RateLimit,
        &[
            "rate limit",
            "rate_limit",
            "rate-limit",
            "ratelimit",
            "too many requests",
            "usage limit",
            "weekly limit",
            "5-hour limit",
            "session limit",
            "hit your limit",
            "limit reached|",
            "quota exceeded",
            "exceeded your current quota",
            "exhausted your capacity",
            "resource_exhausted",
            "resource has been exhausted",
        ],
    ),
    (
        Trouble::Overload,
        &[
            "overloaded",
            "at capacity",
            "service unavailable",
            "temporarily unavailable",
            "server is busy",
            "high demand",
        ],
    ),
    (
        Trouble::Network,
        &[
            "econnrefused",
            "econnreset",
            "enotfound",
            "etimedout",
            "eai_again",
            "connection error",
            "connection refused",
            "unable to connect",
            "could not connect",
            "can't connect",
            "fetch failed",
            "network error",
            "network is unreachable",
            "dns error",
            "error sending request",
        ],
    ),
];

/// Words that make a bare number in an error text a status code.
const STATUS_CONTEXT: [&str; 5] = ["http", "status", "error", "code", "request"];

/// What an HTTP status of the service means.
pub(super) fn of_status(status: u64) -> Option<Trouble> {
    match status {
        401 | 403 => Some(Trouble::Auth),
        429 => Some(Trouble::RateLimit),
        500 | 502 | 503 | 504 | 529 => Some(Trouble::Overload),
        _ => None,
    }
}

/// The kind of trouble that an error text tells of, by its words or a status code in it.
/// `None` for anything else: it then is a fault like any other.
pub fn classify(text: &str) -> Option<Trouble> {
    let text = text.to_lowercase();
    WORDS
        .iter()
        .find(|(_, words)| words.iter().any(|word| text.contains(word)))
        .map(|(trouble, _)| *trouble)
        .or_else(|| status_in(&text))
}

/// A status code that stands alone in `text` (lower case), if the text speaks of one.
fn status_in(text: &str) -> Option<Trouble> {
    if !STATUS_CONTEXT.iter().any(|word| text.contains(word)) {
        return None;
    }
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.')
        .map(|word| word.trim_matches('.'))
        .filter(|word| word.len() == 3)
        .filter_map(|word| word.parse().ok())
        .find_map(of_status)
}

/// A sign of trouble: what kind, and what was said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sign {
    pub(super) trouble: Trouble,
    pub(super) transient: Transient,
}

impl Sign {
    /// Reads an error text; `None` if it tells of no such trouble.
    pub(super) fn in_text(text: &str) -> Option<Sign> {
        classify(text).map(|trouble| Sign::new(trouble, text))
    }

    /// Reads an error that came with a status code; the code decides where it can.
    pub(super) fn with_status(status: Option<u64>, text: &str) -> Option<Sign> {
        // Text first where it names the account: a 429 for an empty account never passes.
        let by_text = classify(text);
        let trouble = match by_text {
            Some(Trouble::Auth) => by_text,
            _ => status.and_then(of_status).or(by_text),
        }?;
        Some(Sign::new(trouble, text))
    }

    /// A sign of a known kind; the times are read from `text`.
    pub(super) fn new(trouble: Trouble, text: &str) -> Sign {
        let transient = Transient {
            reason: crate::base::text::head(text.trim(), 500).to_owned(),
            reset_at: reset_at(text),
            retry_after: retry_after(text),
        };
        Sign { trouble, transient }
    }
}

/// An instant as JSON gives it: seconds since 1970, milliseconds, or RFC 3339.
pub(super) fn instant(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text.parse().ok().or_else(|| epoch(text.parse().ok()?)),
        Value::Number(number) => epoch(number.as_i64().or_else(|| number.as_f64().map(|f| f as i64))?),
        _ => None,
    }
}

/// Seconds or, from the year 5138 on, milliseconds; nothing before 2001 is a reset time.
fn epoch(number: i64) -> Option<Timestamp> {
    match number {
        1_000_000_000..100_000_000_000 => Timestamp::from_second(number).ok(),
        100_000_000_000.. => Timestamp::from_millisecond(number).ok(),
        _ => None,
    }
}

/// `… limit reached|1789000000`: the instant that claude's usage limit names.
fn reset_at(text: &str) -> Option<Timestamp> {
    let (_, rest) = text.split_once("limit reached|")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    epoch(rest.get(..digits)?.parse().ok()?)
}

/// Phrases after which a span of time stands, lower case.
const SPANS: [&str; 9] = [
    "again in",
    "retry in",
    "retry after",
    "retry-after",
    "retryafter",
    "retrydelay",
    "reset after",
    "reset in",
    "resets in",
];

/// How long an error text says to wait.
fn retry_after(text: &str) -> Option<Duration> {
    let text = text.to_lowercase();
    SPANS
        .iter()
        .filter_map(|phrase| text.find(phrase).and_then(|at| text.get(at + phrase.len()..)))
        .find_map(span)
}

/// Reads `5m`, `1.9s`, `2 hours and 5 minutes`, `: 30` (seconds) from the beginning of
/// `text`; whatever follows ends it.
fn span(text: &str) -> Option<Duration> {
    let mut rest = text.trim_start_matches([' ', ':', '"', '=', '\\']);
    let mut total = None::<Duration>;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let Ok(number) = number.trim_end_matches('.').parse::<f64>() else { return total };
        let tail = tail.trim_start();
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let seconds = match (unit_seconds(unit), total) {
            (Some(unit), _) => number * unit,
            (None, None) => number,
            (None, Some(_)) => return total,
        };
        let part = Duration::try_from_secs_f64(seconds).ok()?;
        total = Some(total.unwrap_or_default().checked_add(part)?);
        rest = tail.trim_start_matches([' ', ',']);
        rest = rest.strip_prefix("and ").unwrap_or(rest);
    }
}

fn unit_seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ms" | "millis" | "milliseconds" => 0.001,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86400.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn error_texts_are_told_apart() {
        use Trouble::{Auth, Network, Overload, RateLimit};
        for (text, want) in [
            ("exceeded retry limit, last status: 429 Too Many Requests", Some(RateLimit)),
            ("Rate limit reached for gpt-5 in organization org on tokens per min", Some(RateLimit)),
            ("Claude AI usage limit reached|1789000000", Some(RateLimit)),
            ("You've hit your usage limit. Try again in 3 days 4 hours.", Some(RateLimit)),
            ("[{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\"}}]", Some(RateLimit)),
            ("litellm.RateLimitError: AnthropicException", Some(RateLimit)),
            ("Attempt 1 failed with status 429. Retrying with backoff...", Some(RateLimit)),
            ("API Error: 529 {\"type\":\"error\"}", Some(Overload)),
            ("overloaded_error: Overloaded", Some(Overload)),
            ("HTTP 503", Some(Overload)),
            ("Invalid API key · Please run /login", Some(Auth)),
            ("unexpected status 401: Missing bearer", Some(Auth)),
            ("Error: Not logged in", Some(Auth)),
            ("You exceeded your current quota, insufficient_quota (429)", Some(Auth)),
            ("API Error: Unable to connect to API (ECONNREFUSED)", Some(Network)),
            ("429 lines were read", None),
            ("error in line 4290", None),
            ("request took 1.429 s", None),
            ("maximum number of turns reached", None),
            ("", None),
        ] {
            assert_eq!(classify(text), want, "{text}");
        }
    }

    #[test]
    fn the_account_outweighs_the_status_code() {
        let sign = Sign::with_status(Some(429), "insufficient_quota").unwrap();
        assert_eq!(sign.trouble, Trouble::Auth);
        assert_eq!(Sign::with_status(Some(529), "").unwrap().trouble, Trouble::Overload);
        assert_eq!(Sign::with_status(Some(418), "teapot"), None);
    }

    #[test]
    fn spans_are_read_in_every_common_form() {
        for (text, seconds) in [
            ("Please try again in 5m", Some(300.0)),
            ("Please try again in 1.898s. Visit", Some(1.898)),
            ("try again in 20ms", Some(0.02)),
            ("Please retry in 34.074824224s.", Some(34.074_824_224)),
            ("Retry-After: 30", Some(30.0)),
            ("\"retryDelay\": \"34s\"", Some(34.0)),
            ("Your quota will reset after 10h12m3s.", Some(36_723.0)),
            ("try again in 3 days 4 hours and 5 minutes", Some(273_900.0)),
            ("try again in 2 hours, 1 minute", Some(7_260.0)),
            ("try again in a while", None),
            ("try again at 5:43 PM", None),
            ("again in 99999999999999999999999999d", None),
        ] {
            assert_eq!(retry_after(text), seconds.map(Duration::from_secs_f64), "{text}");
        }
    }

    #[test]
    fn instants_are_read_as_seconds_milliseconds_or_text() {
        let want: Timestamp = "2026-09-10T00:26:40Z".parse().unwrap();
        assert_eq!(instant(&serde_json::json!(1_789_000_000)), Some(want));
        assert_eq!(instant(&serde_json::json!(1_789_000_000_000_i64)), Some(want));
        assert_eq!(instant(&serde_json::json!("2026-09-10T00:26:40Z")), Some(want));
        assert_eq!(reset_at("usage limit reached|1789000000 "), Some(want));
        assert_eq!(instant(&serde_json::json!(12)), None);
        assert_eq!(instant(&serde_json::json!("soon")), None);
        assert_eq!(instant(&serde_json::json!(i64::MAX)), None);
    }

    proptest! {
        #[test]
        fn no_error_text_makes_it_panic(text in "(?s)(.|again in |retry-after: |limit reached\\|[0-9]*){0,20}") {
            let _ = Sign::with_status(None, &text);
            let _ = Sign::new(Trouble::RateLimit, &text);
        }
    }
}
