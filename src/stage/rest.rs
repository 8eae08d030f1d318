//! GitHub's REST API over HTTP, with a token.

use std::path::Path;
use std::time::Duration;

use super::api::{Call, Lost, Reply, Transport};
use crate::net::{Client, Request};
use crate::run::environment::Operator;

/// Where the API is if GITHUB_API_URL does not say.
const API: &str = "https://api.github.com";
/// The version of the API that this was made for.
const VERSION: &str = "2022-11-28";
/// Longest single exchange.
const EXCHANGE: Duration = Duration::from_secs(15);

/// An API with its token.
pub struct Rest {
    client: Client,
    base: String,
    authorization: String,
}

impl Rest {
    /// From GITHUB_TOKEN and GITHUB_API_URL; `None` without a token.
    ///
    /// # Errors
    /// The sentence says which variable is of no use.
    pub fn new(operator: &Operator) -> Result<Option<Rest>, String> {
        let named = |name: &str| operator.get(name).map(|v| v.trim()).filter(|v| !v.is_empty());
        let Some(token) = named("GITHUB_TOKEN") else { return Ok(None) };
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("GITHUB_TOKEN holds characters that no token has".to_owned());
        }
        let base = named("GITHUB_API_URL").unwrap_or(API).trim_end_matches('/');
        if !safe(base) {
            return Err(format!(
                "GITHUB_API_URL {base:?} would send the token in the clear: it must be https"
            ));
        }
        let roots = named("SSL_CERT_FILE").map(|path| {
            std::fs::read(Path::new(path)).map_err(|e| format!("can't read SSL_CERT_FILE {path}: {e}"))
        });
        let roots = roots.transpose()?;
        let client = Client::new(roots.as_deref()).map_err(|e| format!("SSL_CERT_FILE: {e}"))?;
        Ok(Some(Rest { client, base: base.to_owned(), authorization: format!("Bearer {token}") }))
    }
}

/// Encrypted, or on this machine.
fn safe(base: &str) -> bool {
    let Some(rest) = base.strip_prefix("http://") else { return base.starts_with("https://") };
    let place = rest.split('/').next().unwrap_or_default();
    let host = if let Some(v6) = place.strip_prefix('[') {
        v6.split(']').next().unwrap_or_default()
    } else {
        place.split(':').next().unwrap_or_default()
    };
    let local = host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    host == "localhost" || local
}

impl Transport for Rest {
    fn name(&self) -> &'static str {
        "api"
    }

    fn send(&self, call: &Call<'_>, timeout: Duration) -> Result<Reply, Lost> {
        let url = format!("{}{}", self.base, call.path);
        let body = call.body.map(|value| value.to_string().into_bytes());
        let mut headers = vec![
            ("accept", "application/vnd.github+json"),
            ("x-github-api-version", VERSION),
            ("authorization", self.authorization.as_str()),
        ];
        headers.extend(body.as_ref().map(|_| ("content-type", "application/json")));
        let request = Request {
            method: call.method,
            url: &url,
            headers: &headers,
            body: body.as_deref(),
            timeout: timeout.min(EXCHANGE),
        };
        let answer =
            self.client.send(&request).map_err(|e| Lost(format!("no answer from {}: {e}", self.base)))?;
        Ok(Reply::new(answer.status, answer.headers, &answer.body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_only_sent_encrypted_or_to_this_machine() {
        for good in
            ["https://api.github.com", "http://127.0.0.1:80", "http://localhost:1/api/v3", "http://[::1]:9"]
        {
            assert!(safe(good), "{good}");
        }
        for bad in ["http://github.example/api/v3", "http://127.0.0.1.evil", "ftp://x", "x", "http://"] {
            assert!(!safe(bad), "{bad}");
        }
    }

    #[test]
    fn without_a_token_there_is_no_api() {
        assert!(matches!(Rest::new(&Operator::new()), Ok(None)));
        let odd = Operator::from([("GITHUB_TOKEN".to_owned(), "a\nb".to_owned())]);
        assert!(Rest::new(&odd).is_err());
    }
}
