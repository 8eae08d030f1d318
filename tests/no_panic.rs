//! The fuzz targets' doors on a stable compiler: the corpus, and the same mutations of it at
//! each run. Nothing panics, and nothing takes long.

#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests may fail as they do.

#[path = "../fuzz/entries.rs"]
mod entries;

use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

/// Mutations of each corpus file; `NO_PANIC_ROUNDS` asks for more.
const ROUNDS: usize = 60;
/// Far more than any input needs even on a busy machine: past it, it hangs.
const HANGS: Duration = Duration::from_secs(120);

/// Splitmix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap()
    }
}

/// Pieces that mean something to one of the parsers.
const ODD: [&str; 30] = [
    "{",
    "}",
    "\"",
    "\"\"\"",
    "#\"",
    "\\",
    "/-",
    "/*",
    "*/",
    "//",
    "\r\n",
    "\0",
    "\u{2028}",
    "\u{feff}",
    "\u{202e}",
    "$(",
    "${",
    "`",
    "|",
    "<",
    "</",
    "==> x <==\n",
    "---\n",
    "- ",
    "9999999999999999999999",
    "-1e999",
    "\t",
    "é",
    "null",
    "\u{10ffff}",
];

fn mutated(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(out.len() + 1);
        let len = random.below(40).min(out.len() - at);
        match random.below(6) {
            0 => drop(out.drain(at..at + len)),
            1 => {
                let piece = out[at..at + len].to_vec();
                out.splice(at..at, piece);
            }
            2 => out.truncate(at),
            3 if at < out.len() => out[at] ^= 1 << random.below(8),
            4 => {
                let many = ODD[random.below(ODD.len())].repeat(random.below(300));
                out.splice(at..at, many.into_bytes());
            }
            _ => drop(out.splice(at..at, ODD[random.below(ODD.len())].bytes())),
        }
    }
    out
}

/// Runs `work` on a thread; panics with its panic, or when it hangs.
fn within_limits(what: &str, work: impl FnOnce() + Send + 'static) {
    let (done, wait) = channel();
    let thread = std::thread::spawn(move || {
        work();
        let _ = done.send(());
    });
    match wait.recv_timeout(HANGS) {
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("{what} hangs"),
        _ => thread.join().unwrap_or_else(|_| panic!("{what} panicked")),
    }
}

fn try_door(name: &'static str) {
    let (_, door) = entries::ALL.into_iter().find(|(n, _)| *n == name).unwrap();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{name} has no corpus");
    let mut random = Random(42);
    let asked = std::env::var("NO_PANIC_ROUNDS").ok().and_then(|n| n.parse().ok());
    let rounds = asked.unwrap_or(ROUNDS);
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        for round in 0..=rounds {
            let input = if round == 0 { bytes.clone() } else { mutated(&bytes, &mut random) };
            let text = String::from_utf8_lossy(&input).into_owned();
            let what = format!("{name}: {} in round {round}:\n{text}\n", file.display());
            within_limits(&what, move || door(&input));
        }
    }
}

#[test]
fn configurations() {
    try_door("kdl");
}

#[test]
fn bundles() {
    try_door("bundle");
}

#[test]
fn scripts() {
    try_door("steps");
}

#[test]
fn transcripts() {
    try_door("transcript");
}

#[test]
fn journals() {
    try_door("journal");
}
