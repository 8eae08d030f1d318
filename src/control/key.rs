//! Problem keys: a failure's words without what differs from one time to the next, so that
//! the same problem has the same key wherever it comes back.

/// The longest text after the class, in characters.
const LONGEST: usize = 100;
/// Digits from which a word of hex is an id.
const SHORTEST_ID: usize = 7;

/// `class: words`, where the words are what was said, normalised: lower case, no quotes, and
/// `#` for every number, id, time and temporary place.
pub fn problem_key(class: &str, said: &str) -> String {
    let line = said.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("");
    let plain: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<String> = plain.split_whitespace().map(word).filter(|w| !w.is_empty()).collect();
    let text: String = words.join(" ").chars().take(LONGEST).collect();
    let text = text.trim_end_matches([' ', ',', '.', ':', ';']);
    if text.is_empty() { class.to_owned() } else { format!("{class}: {text}") }
}

/// One word without what differs.
fn word(raw: &str) -> String {
    let bare = raw.trim_matches(|c| "\"'`‘’“”()[]{}<>".contains(c));
    let lower = bare.to_lowercase();
    if let Some(rest) = temporary(&lower) {
        return format!("#{rest}");
    }
    let mut out = String::new();
    let mut part = String::new();
    for c in lower.chars() {
        if c.is_ascii_alphanumeric() {
            part.push(c);
            continue;
        }
        out.push_str(&piece(&part));
        part.clear();
        if !"\"'`".contains(c) {
            out.push(c);
        }
    }
    out.push_str(&piece(&part));
    collapse(&out)
}

/// What follows a temporary directory in a path: its own name differs each time.
fn temporary(word: &str) -> Option<String> {
    let at = ["/tmp/", "/var/tmp/", "/.worktrees/"].into_iter().find_map(|dir| {
        let at = word.find(dir)?;
        Some(at + dir.len())
    })?;
    let rest = word.get(at..)?;
    let rest = rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("");
    Some(rest.split('/').map(self::word_of_path).collect::<Vec<_>>().join("/"))
}

fn word_of_path(part: &str) -> String {
    if part.is_empty() { String::new() } else { word(part) }
}

/// Letters and digits without a break: a number or an id is `#`.
fn piece(part: &str) -> String {
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    let hex = part.bytes().all(|b| b.is_ascii_hexdigit());
    if digits > 0 && (digits == part.len() || (hex && part.len() >= SHORTEST_ID)) {
        return "#".to_owned();
    }
    // Parts of a time: `02t03`, `05z`.
    if digits > 0 && part.trim_start_matches(|c: char| c.is_ascii_digit() || c == 't' || c == 'z').is_empty()
    {
        return "#".to_owned();
    }
    // `12ms`, `3s`: a number with its unit.
    let unit = part.trim_start_matches(|c: char| c.is_ascii_digit());
    if digits > 0 && unit.len() < part.len() && matches!(unit, "ms" | "s" | "us" | "ns" | "kb" | "mb" | "b") {
        return format!("#{unit}");
    }
    if part.starts_with("0x") && part.len() > 2 {
        return "#".to_owned();
    }
    part.to_owned()
}

/// `#:#:#`, `#-#-#t#` and their like are one thing that differs.
fn collapse(word: &str) -> String {
    let mut out = String::new();
    for c in word.chars() {
        let joined = matches!(c, '#') && out.ends_with(['#', '-', ':', '.', '+']) && {
            let before = out.trim_end_matches(['-', ':', '.', '+']);
            before.ends_with('#')
        };
        if joined {
            out.truncate(out.trim_end_matches(['-', ':', '.', '+']).len());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_time_to_time_is_left_out() {
        for (class, said, key) in [
            ("check", "test -f n", "check: test -f n"),
            ("check", "", "check"),
            ("check", "\n\n  cargo test  \nmore", "check: cargo test"),
            ("check", "error[E0308]: mismatched types", "check: error[e0308]: mismatched types"),
            (
                "check",
                "thread 'a::b' panicked at src/a.rs:12:5:",
                "check: thread a::b panicked at src/a.rs:#",
            ),
            (
                "check",
                "thread 'a::b' panicked at src/a.rs:99:17:",
                "check: thread a::b panicked at src/a.rs:#",
            ),
            ("test", "AssertionError: 3 != 4", "test: assertionerror: # != #"),
            ("test", "took 12ms at 0x7ffd3a", "test: took #ms at #"),
            ("check", "fatal: bad object 1234567890abcdef", "check: fatal: bad object #"),
            ("check", "fatal: bad object deadbee1", "check: fatal: bad object #"),
            ("check", "a facade", "check: a facade"),
            ("check", "no such file: /tmp/auditrun-x1y2/src/a.rs", "check: no such file: #/src/a.rs"),
            ("check", "in /r/.worktrees/audit-0-A-20260101T000000Z/b", "check: in #/b"),
            ("check", "at 2026-01-02T03:04:05.678Z it broke", "check: at # it broke"),
            ("check", "2026-01-02 failed", "check: # failed"),
            ("signal", "The diff is empty.", "signal: the diff is empty"),
            ("loc", "131 lines, the cap is 40", "loc: # lines, the cap is #"),
            ("touches", "`bad.txt` (not covered)", "touches: bad.txt not covered"),
            ("check", "a\u{7}b", "check: a b"),
        ] {
            assert_eq!(problem_key(class, said), key, "{said:?}");
        }
    }

    #[test]
    fn a_key_is_short_and_whole() {
        let key = problem_key("test", &"wörd ".repeat(80));
        assert!(key.chars().count() <= LONGEST + 6, "{key}");
        assert!(!key.ends_with(' '));
    }
}
