//! GitHub's REST API through the operator's own `gh`, which has credentials of its own. Texts go
//! to it on standard input, never as arguments.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::api::{Call, Lost, Reply, Transport};
use crate::base::text::{head, neutral};
use crate::process::sandbox::Quota;
use crate::process::{Cancel, EndCause, Input, Job, Limits, OutputSink, Runner, Stream};
use crate::run::environment::Operator;

/// Longest single exchange.
const EXCHANGE: Duration = Duration::from_secs(30);
/// From the request to end until it is killed.
const GRACE: Duration = Duration::from_secs(2);
/// Bytes of an answer that are read.
const LARGEST: usize = 16 * 1024 * 1024;

/// `gh api`.
pub struct Gh<'a> {
    /// Starts it.
    pub runner: &'a Runner,
    /// It gets all of the operator's environment: it is the operator's program.
    pub operator: &'a Operator,
    /// Where it runs: in no repository.
    pub cwd: &'a Path,
    /// Ends it.
    pub cancel: &'a Cancel,
}

/// Both streams, each up to a bound.
#[derive(Default)]
struct Kept {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl OutputSink for Kept {
    fn chunk(&mut self, stream: Stream, bytes: &[u8]) {
        let to = if stream == Stream::Stdout { &mut self.out } else { &mut self.err };
        let room = LARGEST.saturating_sub(to.len());
        to.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }
}

impl Gh<'_> {
    fn job(&self, call: &Call<'_>, timeout: Duration) -> Job {
        let mut args: Vec<OsString> =
            ["api", "--include", "--method", call.method].map(OsString::from).into();
        if let Some(host) = self.operator.get("GITHUB_SERVER_URL").and_then(|url| host(url)) {
            args.extend(["--hostname".into(), host.into()]);
        }
        let input = call.body.map(|body| body.to_string().into_bytes());
        if input.is_some() {
            args.extend(["--input".into(), "-".into()]);
        }
        args.push(call.path.trim_start_matches('/').into());
        let own = [("GH_PROMPT_DISABLED", "1"), ("NO_COLOR", "1"), ("GH_PAGER", "cat")];
        let mut env = self.operator.clone();
        // Where there is one, the API has not taken it.
        env.remove("GITHUB_TOKEN");
        env.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        Job {
            program: "gh".into(),
            args,
            cwd: self.cwd.to_owned(),
            env: env.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            input: input.map_or(Input::Null, |bytes| Input::Bytes(Arc::from(bytes))),
            limits: Limits {
                timeout: Some(timeout.min(EXCHANGE)),
                first_output: None,
                stall: None,
                grace: GRACE,
            },
            label: "gh".to_owned(),
            confine: None,
            quota: Quota::default(),
        }
    }
}

/// The host of a server's address, as `gh` wants it.
fn host(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    rest.split('/').next().filter(|host| !host.is_empty() && !host.starts_with('-'))
}

impl Transport for Gh<'_> {
    fn name(&self) -> &'static str {
        "gh"
    }

    fn send(&self, call: &Call<'_>, timeout: Duration) -> Result<Reply, Lost> {
        let mut kept = Kept::default();
        let ended = self.runner.run(&self.job(call, timeout), &mut kept, self.cancel);
        let ended = ended.map_err(|e| Lost(format!("gh: {e}")))?;
        // It ends with 1 on a refusal, and prints the refusal all the same.
        if let (EndCause::Own, Some(reply)) = (ended.cause, read(&kept.out)) {
            return Ok(reply);
        }
        let said = String::from_utf8_lossy(&kept.err);
        let said = neutral(head(said.trim(), 200)).replace('\n', " ");
        Err(Lost(if said.is_empty() { "gh gave no answer".to_owned() } else { format!("gh: {said}") }))
    }
}

/// A status line, headers, an empty line and a body.
fn read(out: &[u8]) -> Option<Reply> {
    let (mut rest, mut lines) = (out, Vec::new());
    loop {
        let end = rest.iter().position(|b| *b == b'\n')?;
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        let line = String::from_utf8_lossy(line).trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let mut words = lines.first()?.split_whitespace();
    let status = words.next()?.starts_with("HTTP/").then(|| words.next()?.parse().ok())??;
    let headers = lines.iter().skip(1).filter_map(|line| line.split_once(':'));
    let headers =
        headers.map(|(name, value)| (name.trim().to_lowercase(), value.trim().to_owned())).collect();
    Some(Reply::new(status, headers, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_with_its_headers() {
        let reply =
            read(b"HTTP/2.0 404 Not Found\r\nLink: <x>; rel=\"next\"\r\n\r\n{\"message\":\"no\"}").unwrap();
        assert_eq!((reply.status, reply.has_next()), (404, true));
        assert_eq!(reply.body["message"], "no");
        assert!(read(b"gh: not logged in\n\n").is_none());
        assert!(read(b"HTTP/2.0 200 OK").is_none(), "no end of the headers");
    }

    #[test]
    fn the_host_is_read_from_the_server_s_address() {
        assert_eq!(host("https://github.example/x"), Some("github.example"));
        assert_eq!(host("github.example"), None);
        assert_eq!(host("https://-x"), None);
    }
}
