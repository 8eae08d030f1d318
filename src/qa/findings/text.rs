//! How findings name records: short ids, days, excerpts. Everything foreign is escaped.

use crate::base::text::{count, head};
use crate::report::code;

/// Ids beyond this many are counted.
const SHOWN: usize = 8;
/// Longest excerpt in a line, in bytes.
const EXCERPT: usize = 240;

/// An id as reports show it: the first twelve digits of a commit, others whole.
pub fn short(id: &str) -> &str {
    let hex = id.len() > 12 && id.bytes().all(|b| b.is_ascii_hexdigit());
    if hex { &id[..12] } else { id }
}

/// Ids as code spans, the first few of them.
pub fn ids<'a>(all: impl IntoIterator<Item = &'a String>) -> String {
    let all: Vec<String> = all.into_iter().map(|id| code(short(id))).collect();
    match all.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{} and {}", all[..SHOWN].join(", "), count(more, "other")),
        _ => all.join(", "),
    }
}

/// The day of an RFC 3339 time.
pub fn day(at: &str) -> &str {
    at.split('T').next().unwrap_or(at)
}

/// The first lines of an output as one code span.
pub fn excerpt(text: &str) -> String {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut = head(&joined, EXCERPT);
    let more = if cut.len() < joined.len() { " …" } else { "" };
    format!("{}{more}", code(cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_excerpts_are_short_and_stay_text() {
        assert_eq!(short("0123456789abcdef0123456789abcdef01234567"), "0123456789ab");
        assert_eq!(short("lesson-that-is-long"), "lesson-that-is-long");
        let many: Vec<String> = (0..10).map(|n| format!("n{n}")).collect();
        assert_eq!(ids(&many[..2]), "`n0`, `n1`");
        assert!(ids(&many).ends_with("`n7` and 2 others"));
        assert_eq!(excerpt("a\n  `b`\x1b"), "``a `b`\u{241b}``");
        assert_eq!(day("2026-01-02T03:04:05Z"), "2026-01-02");
    }
}
