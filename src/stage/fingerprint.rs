//! What makes two failures the same one: node, gate or check, and the first line that tells of
//! an error, without what differs from run to run. Pure.

use crate::base::digest::sha256_hex;
use crate::base::text::{head, neutral};

/// Words by which a line tells of an error, lower case.
const TELLING: [&str; 12] = [
    "error",
    "fail",
    "panicked",
    "exception",
    "assert",
    "not ok",
    "fatal",
    "traceback",
    "cannot",
    "can't",
    "denied",
    "not found",
];
/// Longest line that counts.
const LONGEST: usize = 400;
/// Hex digits from which on a word is taken for a hash.
const HASH: usize = 7;

/// SHA-256 of a failure, as 64 hex digits.
pub fn fingerprint(subject: &str, what: &str, normalized: &str) -> String {
    sha256_hex(format!("{subject}\n{what}\n{normalized}\n").as_bytes())
}

/// The first line of `texts`, in order, that tells of an error; without one, the first that
/// says anything. `cut`: the first line of a text of this many bytes is only the end of one.
pub fn first_error_line(texts: &[&str], cut: usize) -> Option<String> {
    let lines = || {
        texts.iter().flat_map(move |text| {
            let torn = usize::from(text.len() >= cut);
            text.lines().skip(torn).map(plain).filter(|line| !line.is_empty())
        })
    };
    let tells = |line: &String| {
        let line = line.to_lowercase();
        TELLING.iter().any(|word| line.contains(word))
    };
    lines().find(tells).or_else(|| lines().next())
}

/// A line without colours, blanks around it and control characters.
fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' && chars.peek() == Some(&'[') {
            // A colour: up to its final letter.
            chars.by_ref().find(|c| ('@'..='~').contains(c) && *c != '[');
        } else if !c.is_control() {
            out.push(c);
        } else if c == '\t' {
            out.push(' ');
        }
    }
    head(neutral(&out).trim(), LONGEST).to_owned()
}

/// `line` without what differs from run to run: absolute paths keep their last part, hashes and
/// other long hex words become `#`, numbers `0`, runs of blanks one.
pub fn normalized(line: &str) -> String {
    let words = line.split_whitespace().map(|word| numbers(&pathless(word)));
    words.collect::<Vec<_>>().join(" ")
}

/// A word whose absolute paths are cut down to their last part.
fn pathless(word: &str) -> String {
    let starts_path = |at: usize| {
        let before = word.get(..at).and_then(|b| b.chars().next_back());
        before.is_none_or(|c| matches!(c, '"' | '\'' | '`' | '(' | '[' | '<' | '=' | ':' | ','))
    };
    let Some((at, _)) = word.match_indices('/').find(|(at, _)| starts_path(*at)) else {
        return word.to_owned();
    };
    let (before, path) = word.split_at(at);
    match path.trim_end_matches('/').rsplit_once('/') {
        Some((_, last)) => format!("{before}{last}"),
        None => word.to_owned(),
    }
}

fn numbers(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        if end == 0 {
            out.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        }
        let (run, after) = rest.split_at(end);
        rest = after;
        let digits = run.bytes().any(|b| b.is_ascii_digit());
        if digits && run.len() >= HASH && run.bytes().all(|b| b.is_ascii_hexdigit()) {
            out.push('#');
        } else {
            out.push_str(&digits_as_one(run));
        }
    }
    out
}

fn digits_as_one(run: &str) -> String {
    let mut out = String::with_capacity(run.len());
    for c in run.chars() {
        match c {
            '0'..='9' if out.ends_with('0') => {}
            '0'..='9' => out.push('0'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_line_that_tells_of_an_error_is_found() {
        let out = "running 3 tests\n\x1b[31mtest a ... FAILED\x1b[0m\nerror: later\n";
        assert_eq!(first_error_line(&["", out], 8192).as_deref(), Some("test a ... FAILED"));
        assert_eq!(first_error_line(&["warming up\n", "all quiet\n"], 8192).as_deref(), Some("warming up"));
        assert_eq!(first_error_line(&["\n", "  \n"], 8192), None);
        assert_eq!(first_error_line(&["rror: torn\nfine\n"], 10).as_deref(), Some("fine"));
    }

    #[test]
    fn what_differs_from_run_to_run_is_left_out() {
        let here = "src/a.rs:12:5: error[E0308] in /tmp/w1/.worktrees/audit-0-A-20261120T0826/src/a.rs:12";
        let there = "src/a.rs:14:9: error[E0308] in /home/ci/.worktrees/audit-1-A-20261121T1010/src/a.rs:9";
        assert_eq!(normalized(here), normalized(there));
        assert_eq!(normalized(here), "src/a.rs:0:0: error[E0] in a.rs:0");
        assert_eq!(normalized("commit 0a1b2c3d4e of  deadbeef took 1.25s"), "commit # of deadbeef took 0.0s");
        assert_eq!(normalized("('/x/y/z')"), "('z')");
        assert_ne!(normalized("left: true"), normalized("left: false"));
    }

    #[test]
    fn node_check_and_line_all_count() {
        let one = fingerprint("node A", "check x", "boom");
        assert_eq!(one.len(), 64);
        assert_eq!(one, fingerprint("node A", "check x", "boom"));
        assert_ne!(one, fingerprint("node B", "check x", "boom"));
        assert_ne!(one, fingerprint("node A", "gate loc", "boom"));
        assert_ne!(one, fingerprint("node A", "check x", "bang"));
    }

    proptest! {
        #[test]
        fn normalizing_twice_changes_nothing_more(line in "\\PC{0,60}") {
            let once = normalized(&line);
            prop_assert_eq!(normalized(&once), once);
        }
    }
}
