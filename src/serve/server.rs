//! The server: its thread, its sockets, its end.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};
use tokio_util::io::ReaderStream;
use tokio_util::sync::CancellationToken;

use super::guard;
use super::site::{Answer, Ask, Kind, Policy, Site};
use super::stream;

/// Ports that are tried one after the other.
const PORTS: u16 = 100;
/// Streams at once: a browser has a few, and each costs a thread now and then.
const STREAMS: usize = 64;
/// How long open answers are waited for at the end.
const GRACE: Duration = Duration::from_secs(1);

/// A server that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct Server {
    port: u16,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts on `port` of the loopback interface, or on the next free one after it (0: any).
    ///
    /// # Errors
    /// None of 100 ports is free, or the system refuses.
    pub fn start(port: u16, site: Arc<dyn Site>) -> io::Result<Server> {
        let (port, listeners) = bind(port)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let stop = CancellationToken::new();
        let desk = Desk { site, port, stop: stop.clone(), streams: Arc::new(Semaphore::new(STREAMS)) };
        let thread = std::thread::Builder::new()
            .name("auditrun-serve".to_owned())
            .spawn(move || run(&runtime, listeners, desk))?;
        Ok(Server { port, stop, thread: Some(thread) })
    }

    /// The port that it got.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of a page; `path` has no slash in front.
    pub fn url(&self, path: &str) -> String {
        format!("http://localhost:{}/{path}", self.port)
    }

    /// Ends it: streams at once, other answers after they were given.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic in it has been said; there is nobody to tell it to here.
            let _ = thread.join();
        }
    }
}

/// IPv4 and, where there is one, IPv6 on the same port: browsers read `localhost` as either.
fn bind(first: u16) -> io::Result<(u16, Vec<TcpListener>)> {
    let last = first.saturating_add(PORTS - 1);
    for port in first..=last {
        match bind_both(port) {
            Err(e) if e.kind() == ErrorKind::AddrInUse => {}
            bound => return bound,
        }
    }
    Err(io::Error::new(ErrorKind::AddrInUse, format!("ports {first} to {last} are all taken")))
}

fn bind_both(port: u16) -> io::Result<(u16, Vec<TcpListener>)> {
    let four = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    let port = four.local_addr()?.port();
    let mut all = vec![four];
    match TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))) {
        Ok(six) => all.push(six),
        // Somebody else's page would be shown under our address.
        Err(e) if e.kind() == ErrorKind::AddrInUse => return Err(e),
        // A machine without IPv6.
        Err(_) => {}
    }
    all.iter().try_for_each(|l| l.set_nonblocking(true))?;
    Ok((port, all))
}

/// What an answer needs.
#[derive(Clone)]
struct Desk {
    site: Arc<dyn Site>,
    port: u16,
    stop: CancellationToken,
    streams: Arc<Semaphore>,
}

fn run(runtime: &Runtime, listeners: Vec<TcpListener>, desk: Desk) {
    let stop = desk.stop.clone();
    let app = Router::new().fallback(answer).with_state(desk);
    runtime.block_on(async {
        let mut serving = JoinSet::new();
        for listener in listeners {
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => {
                    let until = stop.clone().cancelled_owned();
                    let served = axum::serve(listener, app.clone()).with_graceful_shutdown(until);
                    serving.spawn(async move { served.await });
                }
                Err(error) => tracing::warn!(%error, "a socket can't be used"),
            }
        }
        stop.cancelled().await;
        // Who does not take an answer within that time does not get it.
        let _ = tokio::time::timeout(GRACE, async { while serving.join_next().await.is_some() {} }).await;
    });
}

async fn answer(State(desk): State<Desk>, request: Request) -> Response {
    let (method, uri, headers) = (request.method(), request.uri(), request.headers());
    if let Err((status, why)) = guard::admit(method, uri, headers, desk.port) {
        return refusal(status, why);
    }
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let Some(ask) = Ask::read(uri.path(), uri.query(), last) else {
        return refusal(StatusCode::BAD_REQUEST, "The path holds what no path here holds.");
    };
    let site = Arc::clone(&desk.site);
    let head = method == Method::HEAD;
    match spawn_blocking(move || site.answer(&ask)).await {
        Ok(answer) => respond(&desk, answer, head),
        Err(_) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "This page failed; that is a bug."),
    }
}

fn respond(desk: &Desk, answer: Answer, head: bool) -> Response {
    match answer {
        Answer::Page { kind, bytes, policy } => {
            let body = Body::from(bytes.into_owned());
            (guard::headers(policy), [(header::CONTENT_TYPE, kind.media())], body).into_response()
        }
        Answer::Stream(source) => {
            let Ok(permit) = Arc::clone(&desk.streams).try_acquire_owned() else {
                return refusal(StatusCode::SERVICE_UNAVAILABLE, "Too many pages are open.");
            };
            let kind = [(header::CONTENT_TYPE, "text/event-stream")];
            if head {
                return (guard::headers(Policy::Strict), kind).into_response();
            }
            let (to, from) = tokio::io::duplex(stream::WAITING);
            tokio::spawn(stream::pump(source, to, desk.stop.clone(), permit));
            let body = Body::from_stream(ReaderStream::new(from));
            (guard::headers(Policy::Strict), kind, body).into_response()
        }
        Answer::Elsewhere(path) => {
            (StatusCode::SEE_OTHER, guard::headers(Policy::Strict), [(header::LOCATION, path)])
                .into_response()
        }
        Answer::Nothing(why) => refusal(StatusCode::NOT_FOUND, why),
        Answer::Trouble(why) => refusal(StatusCode::INTERNAL_SERVER_ERROR, why),
    }
}

fn refusal(status: StatusCode, why: impl Into<String>) -> Response {
    let kind = [(header::CONTENT_TYPE, Kind::Text.media())];
    let mut response =
        (status, guard::headers(Policy::Strict), kind, format!("{}\n", why.into())).into_response();
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
    }
    response
}
