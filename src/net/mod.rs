//! HTTP, as a client: one request, one answer, bounded in time and size. No policy: who calls
//! decides what a status means and whether to try again.

use std::time::Duration;

use ureq::config::RedirectAuthHeaders;
use ureq::http;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest answer that is read.
const LARGEST: u64 = 16 * 1024 * 1024;

/// A client. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client(ureq::Agent);

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `GET`, `POST`, `PATCH` …
    pub method: &'a str,
    /// The whole address.
    pub url: &'a str,
    /// Beside those that HTTP itself needs.
    pub headers: &'a [(&'a str, &'a str)],
    /// Null for none.
    pub body: Option<&'a [u8]>,
    /// From the first look for the address to the last byte of the answer.
    pub timeout: Duration,
}

/// What came back, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// 200, 404 …
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// All of it.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of that name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// No answer came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NetError(pub String);

impl Client {
    /// A client that trusts the certificates in `roots` (PEM), else those that come with it.
    ///
    /// # Errors
    /// `roots` holds no certificate.
    pub fn new(roots: Option<&[u8]>) -> Result<Client, NetError> {
        let mut tls = TlsConfig::builder();
        if let Some(pem) = roots {
            tls = tls.root_certs(RootCerts::new_with_certs(&certificates(pem)?));
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("auditrun/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT))
            .max_redirects(3)
            // A repository that was renamed answers with its new address, on the same host.
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .tls_config(tls.build())
            .build();
        Ok(Client(config.into()))
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// There is no answer: the address is wrong, nobody is there, the connection broke, the time
    /// is up, or the answer is too large.
    pub fn send(&self, request: &Request<'_>) -> Result<Response, NetError> {
        let mut builder = http::Request::builder().method(request.method).uri(request.url);
        for (name, value) in request.headers {
            builder = builder.header(*name, *value);
        }
        let answer = match request.body {
            Some(body) => self.run(builder.body(body).map_err(failed)?, request.timeout),
            None => self.run(builder.body(()).map_err(failed)?, request.timeout),
        };
        let mut answer = answer.map_err(failed)?;
        let status = answer.status().as_u16();
        let headers = answer.headers().iter();
        let headers = headers
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let body = answer.body_mut().with_config().limit(LARGEST).read_to_vec().map_err(failed)?;
        Ok(Response { status, headers, body })
    }

    fn run<B: ureq::AsSendBody>(
        &self,
        request: http::Request<B>,
        timeout: Duration,
    ) -> Result<http::Response<ureq::Body>, ureq::Error> {
        let request = self.0.configure_request(request).timeout_global(Some(timeout)).build();
        self.0.run(request)
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, NetError> {
    let items = parse_pem(pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let found: Vec<_> = items.collect();
    if found.is_empty() {
        return Err(NetError("no certificate in it".to_owned()));
    }
    Ok(found)
}

fn failed(error: impl std::fmt::Display) -> NetError {
    NetError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    /// Answers one connection with `reply` and hands back what was asked.
    fn served(reply: &'static [u8]) -> (String, std::thread::JoinHandle<String>) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/x", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = vec![0; 4096];
            let n = stream.read(&mut asked).unwrap();
            stream.write_all(reply).unwrap();
            String::from_utf8_lossy(&asked[..n]).into_owned()
        });
        (url, thread)
    }

    fn get(url: &str, timeout: Duration) -> Result<Response, NetError> {
        let client = Client::new(None).unwrap();
        client.send(&Request { method: "GET", url, headers: &[("x-test", "1")], body: None, timeout })
    }

    #[test]
    fn every_status_is_an_answer() {
        let (url, thread) = served(b"HTTP/1.1 404 Not Found\r\nX-What: that\r\nContent-Length: 2\r\n\r\nno");
        let answer = get(&url, Duration::from_secs(20)).unwrap();
        assert_eq!((answer.status, answer.header("x-what"), &*answer.body), (404, Some("that"), &b"no"[..]));
        let asked = thread.join().unwrap().to_lowercase();
        assert!(asked.starts_with("get /x http/1.1") && asked.contains("x-test: 1"), "{asked}");
    }

    #[test]
    fn a_connection_that_breaks_is_no_answer() {
        let (url, thread) = served(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        assert!(get(&url, Duration::from_secs(20)).is_err());
        thread.join().unwrap();
        assert!(get(&url, Duration::from_secs(20)).is_err(), "nobody listens any more");
    }

    #[test]
    fn an_answer_that_does_not_come_is_given_up() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        assert!(get(&url, Duration::from_millis(50)).is_err());
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        assert!(Client::new(Some(b"nothing")).is_err());
    }
}
