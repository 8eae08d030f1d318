//! A server on loopback that behaves like GitHub's REST API for issues: labels, lists in pages,
//! comments, permissions; and misbehaves like it when told to.
#![allow(dead_code)] // Each test file uses its part.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

pub const TOKEN: &str = "ghp_aToken0123456789";

/// What a call gets instead of its answer.
#[derive(Clone)]
pub enum Trick {
    /// A status with headers and a message.
    Status(u16, Vec<(String, String)>, String),
    /// Nothing: the connection is closed before anything is done.
    Cut,
    /// Nothing, though it is done.
    DoneAndCut,
    /// Half of an answer that is announced as longer.
    Half,
    /// Its answer, after this time or when the server ends.
    Slow(Duration),
}

#[derive(Default)]
struct State {
    issues: Vec<Value>,
    labels: Vec<String>,
    comments: Vec<(u64, String)>,
    /// Method, part of the path, what happens; each happens once.
    tricks: Vec<(String, String, Trick)>,
    calls: Vec<String>,
    bodies: Vec<String>,
    per_page: usize,
}

pub struct GitHub {
    state: Arc<Mutex<State>>,
    address: std::net::SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl GitHub {
    pub fn start() -> GitHub {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { per_page: 100, ..State::default() }));
        let ended = Arc::new(AtomicBool::new(false));
        let (shared, over) = (Arc::clone(&state), Arc::clone(&ended));
        let thread = std::thread::spawn(move || {
            let mut all = Vec::new();
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                let (shared, over) = (Arc::clone(&shared), Arc::clone(&over));
                let stream = stream.unwrap();
                // One that goes away in the middle is no failure of the server.
                all.push(std::thread::spawn(move || drop(serve(stream, &shared, &over))));
            }
            all.into_iter().for_each(|thread| thread.join().unwrap());
        });
        GitHub { state, address, ended, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What CI sets.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("GITHUB_API_URL", self.url()),
            ("GITHUB_TOKEN", TOKEN.to_owned()),
            ("GITHUB_REPOSITORY", "owner/name".to_owned()),
            ("GITHUB_SERVER_URL", "https://github.example".to_owned()),
            ("GITHUB_RUN_ID", "77".to_owned()),
        ]
    }

    pub fn trick(&self, method: &str, path: &str, trick: Trick) {
        self.state.lock().unwrap().tricks.push((method.to_owned(), path.to_owned(), trick));
    }

    /// A refusal with headers.
    pub fn refuse(&self, method: &str, path: &str, status: u16, headers: &[(&str, &str)], message: &str) {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        self.trick(method, path, Trick::Status(status, headers, message.to_owned()));
    }

    /// Issues that are there already; the newest first in lists, as GitHub has them.
    pub fn put_issue(&self, title: &str, body: &str) -> u64 {
        let mut state = self.state.lock().unwrap();
        let number = state.issues.len() as u64 + 1;
        state.issues.push(issue(number, title, body, &json!([])));
        number
    }

    pub fn page_size(&self, size: usize) {
        self.state.lock().unwrap().per_page = size;
    }

    pub fn issues(&self) -> Vec<Value> {
        self.state.lock().unwrap().issues.clone()
    }

    pub fn labels(&self) -> Vec<String> {
        self.state.lock().unwrap().labels.clone()
    }

    pub fn comments(&self) -> Vec<(u64, String)> {
        self.state.lock().unwrap().comments.clone()
    }

    /// `GET /repos/…`, in order.
    pub fn calls(&self) -> Vec<String> {
        self.state.lock().unwrap().calls.clone()
    }

    /// Everything that was sent, as text.
    pub fn sent(&self) -> String {
        self.state.lock().unwrap().bodies.concat()
    }
}

impl Drop for GitHub {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Wakes the one that accepts.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.unwrap();
            }
        }
    }
}

fn issue(number: u64, title: &str, body: &str, labels: &Value) -> Value {
    json!({
        "number": number, "title": title, "body": body, "labels": labels, "state": "open",
        "html_url": format!("https://github.example/owner/name/issues/{number}"),
    })
}

struct Asked {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Value,
}

fn serve(stream: TcpStream, state: &Mutex<State>, ended: &AtomicBool) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let asked = read(&mut reader)?;
    let (answer, trick) = {
        let mut state = state.lock().unwrap();
        state.calls.push(format!("{} {}", asked.method, asked.path));
        state.bodies.push(asked.body.to_string());
        let at =
            state.tricks.iter().position(|(m, p, _)| *m == asked.method && asked.path.contains(p.as_str()));
        let trick = at.map(|at| state.tricks.remove(at).2);
        match &trick {
            Some(Trick::Status(status, headers, message)) => {
                ((*status, headers.clone(), json!({ "message": message })), None)
            }
            Some(Trick::Cut) => return Ok(()),
            _ => (answer(&mut state, &asked), trick),
        }
    };
    match trick {
        Some(Trick::DoneAndCut) => return Ok(()),
        Some(Trick::Slow(time)) => {
            let end = std::time::Instant::now() + time;
            while std::time::Instant::now() < end && !ended.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        _ => {}
    }
    let (status, headers, body) = answer;
    let body = body.to_string();
    let (length, shown) = match trick {
        Some(Trick::Half) => (body.len(), &body[..body.len() / 2]),
        _ => (body.len(), body.as_str()),
    };
    let mut text = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n"
    );
    headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
    let mut stream = stream;
    stream.write_all(format!("{text}\r\n{shown}").as_bytes())
}

fn read(reader: &mut BufReader<TcpStream>) -> std::io::Result<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(n, _)| n == "content-length").and_then(|(_, v)| v.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok(Asked {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}

type Answer = (u16, Vec<(String, String)>, Value);

fn refused(status: u16, message: &str) -> Answer {
    (status, Vec::new(), json!({ "message": message }))
}

fn answer(state: &mut State, asked: &Asked) -> Answer {
    let header = |name: &str| asked.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    if header("authorization") != Some(&format!("Bearer {TOKEN}")) {
        return refused(401, "Bad credentials");
    }
    if header("user-agent").is_none() {
        return refused(403, "Request forbidden by administrative rules");
    }
    let Some(rest) = asked.path.strip_prefix("/repos/owner/name/") else { return refused(404, "Not Found") };
    let parts: Vec<&str> = rest.split('/').collect();
    match (asked.method.as_str(), parts.as_slice()) {
        ("GET", ["issues"]) => list(state, &asked.query),
        ("POST", ["issues"]) => create(state, &asked.body),
        ("PATCH", ["issues", number]) => change(state, number, &asked.body),
        ("POST", ["issues", number, "comments"]) => {
            let text = asked.body["body"].as_str().unwrap_or_default().to_owned();
            if text.chars().count() > 65_536 {
                return refused(422, "Validation Failed: body is too long");
            }
            state.comments.push((number.parse().unwrap(), text));
            (201, Vec::new(), json!({ "id": state.comments.len() }))
        }
        ("GET", ["labels", name]) => {
            let name = decoded(name).to_lowercase();
            let known = state.labels.iter().any(|label| label.to_lowercase() == name);
            if known { (200, Vec::new(), json!({ "name": name })) } else { refused(404, "Not Found") }
        }
        ("POST", ["labels"]) => {
            state.labels.push(asked.body["name"].as_str().unwrap().to_owned());
            (201, Vec::new(), asked.body.clone())
        }
        _ => refused(404, "Not Found"),
    }
}

fn list(state: &State, query: &str) -> Answer {
    let number = |name: &str| {
        let value = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        value.and_then(|value| value.parse::<usize>().ok())
    };
    let size = number("per_page").unwrap_or(30).min(state.per_page);
    let page = number("page").unwrap_or(1);
    let open: Vec<&Value> = state.issues.iter().rev().filter(|i| i["state"] == "open").collect();
    let shown: Vec<&Value> = open.iter().skip((page - 1) * size).take(size).copied().collect();
    let mut headers = Vec::new();
    if open.len() > page * size {
        // As GitHub does: the address of the next page names the repository by its number.
        let link =
            format!("<https://api.github.example/repositories/1/issues?page={}>; rel=\"next\"", page + 1);
        headers.push(("Link".to_owned(), link));
    }
    (200, headers, json!(shown))
}

fn create(state: &mut State, body: &Value) -> Answer {
    let text = body["body"].as_str().unwrap_or_default();
    if text.chars().count() > 65_536 {
        return refused(422, "Validation Failed: body is too long (maximum is 65536 characters)");
    }
    let number = state.issues.len() as u64 + 1;
    let labels: Vec<Value> =
        body["labels"].as_array().into_iter().flatten().map(|l| json!({ "name": l })).collect();
    let made = issue(number, body["title"].as_str().unwrap_or_default(), text, &json!(labels));
    state.issues.push(made.clone());
    (201, Vec::new(), made)
}

fn change(state: &mut State, number: &str, body: &Value) -> Answer {
    let found = state.issues.iter_mut().find(|issue| issue["number"].as_u64() == number.parse().ok());
    let Some(issue) = found else { return refused(404, "Not Found") };
    for name in ["body", "state", "state_reason"] {
        if let Some(value) = body.get(name) {
            issue[name] = value.clone();
        }
    }
    (200, Vec::new(), issue.clone())
}

fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        out.push(u8::from_str_radix(&part[..2], 16).unwrap());
        out.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(out).unwrap()
}
