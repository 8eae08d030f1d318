//! The server over real sockets of the loopback interface, and its parts by themselves.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::*;

struct Sample(Arc<AtomicU32>);

impl Site for Sample {
    fn answer(&self, ask: &Ask) -> Answer {
        match ask.parts()[..] {
            [] => Answer::Elsewhere("/page.html".to_owned()),
            ["page.html"] => Answer::page(Kind::Html, &b"<p>hello"[..]),
            ["stream"] => {
                let next = ask.last_event_id.as_deref().map_or(0, |id| id.parse::<u32>().unwrap() + 1);
                Answer::Stream(Box::new(Count { next, end: 5, asked: Arc::clone(&self.0) }))
            }
            ["endless"] => {
                Answer::Stream(Box::new(Count { next: 0, end: u32::MAX, asked: Arc::clone(&self.0) }))
            }
            ["trouble"] => Answer::Trouble("The disk is gone.".to_owned()),
            ["panic"] => panic!("on purpose"),
            _ => Answer::Nothing(format!("{:?} {:?}", ask.path, ask.query)),
        }
    }
}

struct Count {
    next: u32,
    end: u32,
    asked: Arc<AtomicU32>,
}

impl Source for Count {
    fn news(&mut self) -> Vec<Message> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let new = Message::new("n", format!("a{0}\nb{0}", self.next)).with_id(self.next.to_string());
        self.next += 1;
        vec![new]
    }
    fn is_over(&self) -> bool {
        self.next >= self.end
    }
}

fn sample() -> (Server, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    (Server::start(0, Arc::new(Sample(Arc::clone(&asked)))).unwrap(), asked)
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// The whole answer to raw bytes; `{port}` stands for the port.
fn raw(port: u16, request: &str) -> String {
    let mut stream = connect(port);
    stream.write_all(request.replace("{port}", &port.to_string()).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn ask(port: u16, line: &str) -> String {
    raw(port, &format!("{line} HTTP/1.1\r\nHost: localhost:{{port}}\r\nConnection: close\r\n\r\n"))
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_page_carries_what_keeps_it_at_home() {
    let (server, _) = sample();
    let answer = ask(server.port(), "GET /page.html");
    assert_eq!(status(&answer), 200);
    assert!(answer.ends_with("<p>hello"), "{answer}");
    for header in [
        "content-type: text/html; charset=utf-8",
        "content-security-policy: default-src 'none'; script-src 'self';",
        "x-content-type-options: nosniff",
        "cross-origin-resource-policy: same-origin",
        "cache-control: no-store",
    ] {
        assert!(answer.contains(header), "{header} is missing in {answer}");
    }
    assert!(!answer.contains("access-control"), "{answer}");
    let head = ask(server.port(), "HEAD /page.html");
    assert!(head.contains("content-length: 8") && head.ends_with("\r\n\r\n"), "{head}");
    let root = ask(server.port(), "GET /");
    assert!(status(&root) == 303 && root.contains("location: /page.html"), "{root}");
}

#[test]
fn only_names_of_this_machine_are_answered() {
    let (server, _) = sample();
    let with = |host: &str| {
        status(&raw(server.port(), &format!("GET /page.html HTTP/1.1\r\n{host}Connection: close\r\n\r\n")))
    };
    for host in ["localhost:{port}", "LOCALHOST:{port}", "127.0.0.1:{port}", "[::1]:{port}"] {
        assert_eq!(with(&format!("Host: {host}\r\n")), 200, "{host}");
    }
    for host in [
        "evil.example:{port}",
        "localhost",
        "localhost:1",
        "localhost.evil.example:{port}",
        "evil.example@localhost:{port}",
        "127.0.0.2:{port}",
        "0.0.0.0:{port}",
        "::1:{port}",
        "",
    ] {
        assert_eq!(with(&format!("Host: {host}\r\n")), 421, "{host}");
    }
    assert_eq!(with(""), 400);
    assert_eq!(with("Host: localhost:{port}\r\nHost: evil.example\r\n"), 400);
    let whole = "GET http://evil.example:{port}/page.html HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&raw(server.port(), whole)), 421);
}

#[test]
fn nothing_but_get_and_head() {
    let (server, _) = sample();
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        let answer = ask(server.port(), &format!("{method} /page.html"));
        assert!(status(&answer) == 405 && answer.contains("allow: GET, HEAD"), "{method}: {answer}");
    }
}

#[test]
fn paths_that_lead_out_are_refused() {
    let (server, _) = sample();
    let tries = [
        "/../etc/passwd",
        "/a/../../etc/passwd",
        "/%2e%2e/etc/passwd",
        "/..%2fetc%2fpasswd",
        "/%2e%2e%5cx",
        "//etc/passwd",
        "/a//b",
        "/a/",
        "/%00",
        "/%zz",
        "/%ff",
        "/a%0ab",
    ];
    for path in tries {
        assert_eq!(status(&ask(server.port(), &format!("GET {path}"))), 400, "{path}");
    }
    let answer = ask(server.port(), "GET /a%20b/c?x=1%26&y");
    assert!(answer.ends_with("[\"a b\", \"c\"] [(\"x\", \"1&\"), (\"y\", \"\")]\n"), "{answer}");
    assert_eq!(status(&answer), 404);
}

#[test]
fn trouble_of_a_page_is_told_and_survived() {
    let (server, _) = sample();
    assert!(ask(server.port(), "GET /trouble").ends_with("The disk is gone.\n"));
    assert_eq!(status(&ask(server.port(), "GET /panic")), 500);
    assert_eq!(status(&ask(server.port(), "GET /page.html")), 200);
}

#[test]
fn a_stream_ends_when_its_source_does_and_goes_on_where_it_was_lost() {
    let (server, _) = sample();
    let all = ask(server.port(), "GET /stream");
    assert!(all.contains("content-type: text/event-stream"), "{all}");
    assert!(all.contains("retry: 1000\n\n"), "{all}");
    assert!(all.contains("id: 0\nevent: n\ndata: a0\ndata: b0\n\n"), "{all}");
    assert!(all.contains("id: 4\n") && all.contains("event: over\n"), "{all}");
    let again = raw(
        server.port(),
        "GET /stream HTTP/1.1\r\nHost: localhost:{port}\r\nLast-Event-ID: 3\r\nConnection: close\r\n\r\n",
    );
    assert!(!again.contains("id: 3\n") && again.contains("id: 4\n"), "{again}");
    let head = ask(server.port(), "HEAD /stream");
    assert!(status(&head) == 200 && !head.contains("retry"), "{head}");
}

/// The first lines of a stream, which stays open.
fn open_stream(port: u16) -> BufReader<TcpStream> {
    let mut stream = connect(port);
    write!(stream, "GET /endless HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n").unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while !line.starts_with("data:") {
        line.clear();
        reader.read_line(&mut line).unwrap();
    }
    reader
}

#[test]
fn a_source_is_left_alone_when_its_reader_leaves() {
    let (server, asked) = sample();
    drop(open_stream(server.port()));
    for _ in 0..200 {
        let before = asked.load(Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(600));
        if asked.load(Ordering::SeqCst) == before {
            return;
        }
    }
    panic!("the source is still asked");
}

#[test]
fn the_end_does_not_wait_for_streams() {
    let (server, _) = sample();
    let port = server.port();
    let mut stream = open_stream(port);
    server.stop();
    let mut rest = Vec::new();
    // Ends, with or without an error: the server is gone.
    let _ = stream.read_to_end(&mut rest);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_taken_port_leads_to_the_next() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let (asked, site) = (Arc::new(AtomicU32::new(0)), |a: &Arc<AtomicU32>| Arc::new(Sample(Arc::clone(a))));
    if port < u16::MAX - 100 {
        let server = Server::start(port, site(&asked)).unwrap();
        assert!(server.port() > port, "{server:?}");
        assert_eq!(server.url("x"), format!("http://localhost:{}/x", server.port()));
    }
}

#[test]
fn a_folder_shows_its_named_files_and_their_changes() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("dashboard.html", "<style>p{}</style>");
    write("secret.txt", "x");
    std::os::unix::fs::symlink("secret.txt", dir.path().join("results.tsv")).unwrap();
    let folder = Folder::new(dir.path(), "dashboard.html", &["results.tsv", "CHANGELOG.md"]);
    let server = Server::start(0, Arc::new(folder)).unwrap();
    let page = ask(server.port(), "GET /dashboard.html");
    assert!(page.contains("style-src 'unsafe-inline'") && page.ends_with("</style>"), "{page}");
    assert!(!page.contains("https:"), "{page}");
    assert_eq!(status(&ask(server.port(), "GET /secret.txt")), 404);
    assert_eq!(status(&ask(server.port(), "GET /CHANGELOG.md")), 404);
    // A link is not followed, wherever it leads.
    assert_eq!(status(&ask(server.port(), "GET /results.tsv")), 500);
    let Answer::Stream(mut changes) = Folder::new(dir.path(), "dashboard.html", &[])
        .answer(&Ask { path: vec!["changes".into()], ..Ask::default() })
    else {
        panic!("no stream");
    };
    assert_eq!(changes.news(), []);
    assert_eq!(changes.news(), []);
    write("dashboard.html", "longer than before, so that it shows");
    assert_eq!(changes.news(), [Message::new("changed", "")]);
    assert_eq!(changes.news(), []);
}

#[test]
fn a_tail_follows_growth_cuts_and_replacement() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut tail = Tail::new(&path, 4);
    let piece = |anew, skipped, bytes: &str| Piece { anew, skipped, bytes: bytes.as_bytes().to_vec() };
    assert_eq!(tail.look().unwrap(), Piece::default());
    std::fs::write(&path, "abcdef").unwrap();
    assert_eq!(tail.look().unwrap(), piece(true, 2, "cdef"));
    std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"gh").unwrap();
    assert_eq!(tail.look().unwrap(), piece(false, 0, "gh"));
    assert_eq!(tail.look().unwrap(), piece(false, 0, ""));
    std::fs::write(&path, "xyz").unwrap();
    assert_eq!(tail.look().unwrap(), piece(true, 0, "xyz"));
    std::fs::write(dir.path().join("new"), "second file").unwrap();
    std::fs::rename(dir.path().join("new"), &path).unwrap();
    assert_eq!(tail.look().unwrap(), piece(true, 7, "file"));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(tail.look().unwrap(), Piece::default());
    std::fs::create_dir(&path).unwrap();
    assert!(tail.look().is_err());
}
