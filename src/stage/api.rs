//! One call of GitHub's REST API, over whatever carries it, tried again where that makes sense:
//! rate limits as long as the service says, broken connections and 5xx with growing pauses, all
//! of it within a fixed time and until the operator asks for the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::base::Clock;
use crate::base::text::{head, neutral};
use crate::process::Cancel;

/// Tries of one call, the first included.
const TRIES: u32 = 4;
/// The first pause where nobody said how long; each later one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How often a pause looks whether it is cut short.
const LOOK: Duration = Duration::from_millis(50);

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// `GET`, `POST`, `PATCH`.
    pub method: &'static str,
    /// From the API's root, beginning with a slash.
    pub path: &'a str,
    /// As JSON.
    pub body: Option<&'a Value>,
}

impl Call<'_> {
    /// Twice is once.
    fn repeatable(&self) -> bool {
        self.method != "POST"
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP's.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Null if it was no JSON.
    pub body: Value,
}

impl Reply {
    /// A reply from what came over the wire.
    pub fn new(status: u16, headers: Vec<(String, String)>, body: &[u8]) -> Reply {
        Reply { status, headers, body: serde_json::from_slice(body).unwrap_or_default() }
    }

    /// It was done.
    pub fn ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of that name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    fn message(&self) -> &str {
        self.body.get("message").and_then(Value::as_str).unwrap_or_default()
    }

    /// Another page follows.
    pub fn has_next(&self) -> bool {
        self.header("link").is_some_and(|link| link.contains("rel=\"next\""))
    }

    /// Too many requests, whatever status that has.
    fn limited(&self) -> bool {
        let spent = self.header("x-ratelimit-remaining") == Some("0");
        let said = self.message().to_lowercase().contains("rate limit");
        self.status == 429 || (self.status == 403 && (spent || said || self.header("retry-after").is_some()))
    }

    /// How long the service wants to be left alone.
    fn pause(&self, now: jiff::Timestamp) -> Option<Duration> {
        let number = |name: &str| self.header(name).and_then(|value| value.trim().parse::<i64>().ok());
        let seconds = number("retry-after").or_else(|| {
            let spent = self.header("x-ratelimit-remaining") == Some("0");
            // A second more: the service's clock is not ours.
            number("x-ratelimit-reset").filter(|_| spent).map(|at| at - now.as_second() + 1)
        })?;
        Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
    }

    /// What it says against the call.
    pub fn refusal(&self) -> String {
        let hint = match self.status {
            401 => ": the token is not accepted",
            403 if self.limited() => ": rate limit",
            403 => ": the token may not do this (it needs write access to issues)",
            404 => ": there is no such repository, or the token may not see it",
            410 => ": the repository has its issues switched off",
            _ => "",
        };
        let said = neutral(head(self.message(), 200)).replace('\n', " ");
        let said = if said.is_empty() { said } else { format!(" ({said})") };
        format!("status {}{hint}{said}", self.status)
    }
}

/// No reply came; whether the call was carried out nobody knows.
#[derive(Debug, Clone)]
pub struct Lost(pub String);

/// What carries calls.
pub trait Transport {
    /// The word for it in reports.
    fn name(&self) -> &'static str;
    /// Carries one call, taking no longer than `timeout`.
    ///
    /// # Errors
    /// No reply came.
    fn send(&self, call: &Call<'_>, timeout: Duration) -> Result<Reply, Lost>;
}

/// Why a call came to nothing.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// In one sentence.
    pub why: String,
    /// It may have been carried out all the same: look before trying again.
    pub unclear: bool,
}

/// A transport with patience.
pub struct Api<'a> {
    /// What carries calls.
    pub transport: &'a dyn Transport,
    /// When patience ends.
    pub until: Instant,
    /// Ends it sooner.
    pub cancel: &'a Cancel,
    /// What reset times are held against.
    pub clock: &'a Arc<dyn Clock>,
}

impl Api<'_> {
    /// The reply to a call, whatever its status is, once no further try is due.
    ///
    /// # Errors
    /// None came, or time is up.
    pub fn call(&self, call: Call<'_>) -> Result<Reply, Trouble> {
        let mut pause = FIRST_PAUSE;
        for tried in 1.. {
            let left = self.left()?;
            let sent = self.transport.send(&call, left);
            let (again, wait, why) = match &sent {
                Ok(reply) if reply.limited() => {
                    (true, reply.pause(self.clock.now()).unwrap_or(pause), reply.refusal())
                }
                Ok(reply) if reply.status >= 500 => (call.repeatable(), pause, reply.refusal()),
                Ok(_) => (false, pause, String::new()),
                Err(lost) => (call.repeatable(), pause, lost.0.clone()),
            };
            if why.is_empty() || !again || tried >= TRIES {
                return match sent {
                    Ok(reply) if reply.status >= 500 => Err(Trouble { why, unclear: !call.repeatable() }),
                    Ok(reply) => Ok(reply),
                    Err(lost) => Err(Trouble { why: lost.0, unclear: !call.repeatable() }),
                };
            }
            if Instant::now() + wait >= self.until {
                let why = format!("{why}; waiting {} s for it would take too long", wait.as_secs());
                return Err(Trouble { why, unclear: false });
            }
            self.rest(wait);
            pause *= 2;
        }
        Err(Trouble { why: "no try was made".to_owned(), unclear: false })
    }

    /// Waits before something is looked at again.
    pub fn breathe(&self) {
        self.rest(FIRST_PAUSE);
    }

    fn left(&self) -> Result<Duration, Trouble> {
        let gone = |why: &str| Trouble { why: why.to_owned(), unclear: false };
        if self.cancel.requested() {
            return Err(gone("the operator asked for the end"));
        }
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(gone("GitHub took too long")) } else { Ok(left) }
    }

    fn rest(&self, wait: Duration) {
        let end = (Instant::now() + wait).min(self.until);
        while Instant::now() < end && !self.cancel.requested() {
            std::thread::sleep(LOOK.min(end.saturating_duration_since(Instant::now())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::FixedClock;
    use std::cell::RefCell;

    /// Replies in order.
    struct Scripted(RefCell<Vec<Result<Reply, Lost>>>);

    impl Transport for Scripted {
        fn name(&self) -> &'static str {
            "script"
        }
        fn send(&self, _: &Call<'_>, _: Duration) -> Result<Reply, Lost> {
            self.0.borrow_mut().remove(0)
        }
    }

    fn reply(status: u16, headers: &[(&str, &str)]) -> Result<Reply, Lost> {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Ok(Reply::new(status, headers, b"{}"))
    }

    fn lost() -> Result<Reply, Lost> {
        Err(Lost("cut".to_owned()))
    }

    /// What a call comes to, and how many replies were not asked for.
    fn told(method: &'static str, replies: Vec<Result<Reply, Lost>>) -> (Result<u16, Trouble>, usize) {
        let script = Scripted(RefCell::new(replies));
        let clock: Arc<dyn Clock> = Arc::new(FixedClock::at("2026-01-02T03:04:05Z".parse().unwrap()));
        let until = Instant::now() + Duration::from_secs(30);
        let api = Api { transport: &script, until, cancel: &Cancel::new(), clock: &clock };
        let made = api.call(Call { method, path: "/x", body: None }).map(|reply| reply.status);
        (made, script.0.borrow().len())
    }

    #[test]
    fn what_passes_is_tried_again() {
        assert_eq!(told("GET", vec![reply(502, &[]), lost(), reply(200, &[])]).0.unwrap(), 200);
        let limit = reply(403, &[("retry-after", "0")]);
        assert_eq!(told("POST", vec![limit, reply(201, &[])]).0.unwrap(), 201);
        let reset = reply(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "0")]);
        assert_eq!(told("POST", vec![reset, reply(201, &[])]).0.unwrap(), 201);
    }

    #[test]
    fn a_call_that_may_have_been_carried_out_is_not_repeated() {
        for first in [lost(), reply(503, &[])] {
            let (made, left) = told("POST", vec![first, reply(201, &[])]);
            assert!(made.unwrap_err().unclear);
            assert_eq!(left, 1);
        }
    }

    #[test]
    fn a_refusal_is_an_answer_and_a_far_reset_is_not_waited_for() {
        assert_eq!(told("GET", vec![reply(404, &[]), reply(200, &[])]).0.unwrap(), 404);
        let (made, left) = told("GET", vec![reply(429, &[("retry-after", "3600")]), reply(200, &[])]);
        let trouble = made.unwrap_err();
        assert!(trouble.why.contains("3600 s") && !trouble.unclear, "{}", trouble.why);
        assert_eq!(left, 1);
    }

    #[test]
    fn refusals_say_what_to_do() {
        let said = Reply::new(410, Vec::new(), br#"{"message": "Issues are disabled\u001b"}"#).refusal();
        assert!(said.starts_with("status 410: the repository has its issues switched off"), "{said}");
        assert!(!said.contains('\u{1b}'));
    }
}
