//! Who is answered at all, and the headers that every answer carries.

use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode, Uri};

use super::site::Policy;

/// A refusal: its status and why, in one sentence.
pub(super) type Refusal = (StatusCode, &'static str);

/// Checks method and host before anything else is looked at.
///
/// # Errors
/// The request is refused.
pub(super) fn admit(method: &Method, uri: &Uri, headers: &HeaderMap, port: u16) -> Result<(), Refusal> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let only = hosts.next().filter(|_| hosts.next().is_none());
    let host =
        only.and_then(|h| h.to_str().ok()).ok_or((StatusCode::BAD_REQUEST, "A request names one host."))?;
    let named = uri.authority().map(|a| a.as_str());
    // A foreign name that was made to point here is what a rebinding attack looks like.
    if !is_ours(host, port) || !named.is_none_or(|a| is_ours(a, port)) {
        return Err((StatusCode::MISDIRECTED_REQUEST, "This server is localhost and has no other name."));
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "Nothing can be changed here: only GET and HEAD."));
    }
    Ok(())
}

/// A name of the loopback interface, with our port.
fn is_ours(host: &str, port: u16) -> bool {
    let Some((name, its_port)) = host.rsplit_once(':') else { return false };
    let ours = ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| name.eq_ignore_ascii_case(own));
    ours && its_port == port.to_string()
}

const STRICT: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const ONE_FILE: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                        img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                        frame-ancestors 'none'";

/// The headers of every answer, refusals included.
pub(super) fn headers(policy: Policy) -> HeaderMap {
    let csp = match policy {
        Policy::Strict => STRICT,
        Policy::OneFile => ONE_FILE,
    };
    let all: [(HeaderName, &'static str); 7] = [
        (header::CONTENT_SECURITY_POLICY, csp),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        // No other page may use an answer, not even as an image or a script.
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    all.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
}
