//! A page of `auditrun dashboard` as a plain HTTP client sees it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::World;

/// How long anything is waited for: a hang becomes a failure.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running dashboard; ended by the interrupt when it is dropped.
pub struct Page {
    pub port: u16,
    child: Child,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl World {
    /// Starts the dashboard on a free port.
    pub fn dashboard(&self, args: &[&str], env: &[(&str, &str)]) -> Page {
        let mut call = self.command(&["dashboard", "--format", "json"]);
        if !args.contains(&"--port") {
            call.args(["--port", "0"]);
        }
        call.args(args).envs(env.iter().copied()).stdout(std::process::Stdio::piped());
        let mut child = call.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        Page { port: u16::try_from(said["port"].as_u64().unwrap()).unwrap(), child }
    }
}

impl Page {
    /// Ctrl-C; the exit code.
    pub fn interrupt(&mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        self.child.wait().unwrap().code()
    }

    fn send(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    pub fn ask(&self, line: &str, host: &str) -> Answer {
        let mut text = Vec::new();
        let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        self.send(&request).read_to_end(&mut text).unwrap();
        let text = String::from_utf8_lossy(&text).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), &format!("localhost:{}", self.port))
    }

    /// Follows a stream, from an event on if one is named.
    pub fn stream(&self, path: &str, last: Option<&str>) -> Events {
        let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let stream =
            self.send(&format!("GET {path} HTTP/1.0\r\nHost: localhost:{}\r\n{last}\r\n", self.port));
        Events { lines: BufReader::new(stream), last_id: String::new(), seen: Seen::default() }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.interrupt();
    }
}

/// A stream of events. HTTP/1.0, so that its body comes as it is.
pub struct Events {
    lines: BufReader<TcpStream>,
    pub last_id: String,
    /// What all messages so far come to.
    pub seen: Seen,
}

/// The page's own picture: the run, its nodes by id, what is under way.
#[derive(Debug, Default)]
pub struct Seen {
    pub wholes: usize,
    pub run: Value,
    pub nodes: BTreeMap<String, Value>,
    pub live: Value,
}

impl Seen {
    pub fn is(&self, node: &str, status: &str) -> bool {
        self.nodes.get(node).is_some_and(|n| n["status"] == status)
    }

    fn take(&mut self, kind: &str, data: &Value) {
        match kind {
            "live" => self.live = data.clone(),
            "whole" | "changed" => {
                if kind == "whole" {
                    self.wholes += 1;
                    self.nodes.clear();
                }
                self.run = data["run"].clone();
                for row in data["nodes"].as_array().unwrap() {
                    let node = if row.is_array() { &row[1] } else { row };
                    self.nodes.insert(node["id"].as_str().unwrap().to_owned(), node.clone());
                }
            }
            _ => {}
        }
    }
}

impl Events {
    /// The next message: its kind and its data.
    pub fn next(&mut self) -> (String, Value) {
        let (mut event, mut data, mut line) = (String::new(), String::new(), String::new());
        let begun = Instant::now();
        loop {
            line.clear();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "the stream ended");
            assert!(begun.elapsed() < PATIENCE, "no message comes any more: {:?}", self.seen);
            match line.trim_end().split_once(": ") {
                Some(("id", id)) => self.last_id = id.to_owned(),
                Some(("event", kind)) => event = kind.to_owned(),
                Some(("data", text)) => data.push_str(text),
                _ if line == "\n" && !event.is_empty() => {
                    let data = serde_json::from_str(&data).unwrap();
                    self.seen.take(&event, &data);
                    return (event, data);
                }
                _ => {}
            }
        }
    }

    /// Waits for a message for which something holds.
    pub fn next_that(&mut self, holds: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let (_, data) = self.next();
            if holds(&data) {
                return data;
            }
            assert!(begun.elapsed() < PATIENCE, "it never holds; at last: {data}");
        }
    }

    /// Takes messages in until something holds for all of them together; several changes may
    /// come in one.
    pub fn until(&mut self, what: &str, holds: impl Fn(&Seen) -> bool) -> &Seen {
        let begun = Instant::now();
        while !holds(&self.seen) {
            assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}: {:?}", self.seen);
            self.next();
        }
        &self.seen
    }
}
