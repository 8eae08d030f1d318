//! Paths as patterns of a bundle and as words of a shell line. Both are text on one line, and a
//! path is bytes: what text can't say is written another way.

/// The pattern that matches this path and, where its name is text, no other.
///
/// Bytes that are no UTF-8, control characters and blanks at an end become `?`, which matches one
/// character: the only form in which a bundle can name them.
pub fn pattern(path: &[u8]) -> String {
    let mut out = String::new();
    for chunk in path.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                c if c.is_control() => out.push('?'),
                c if c.is_ascii_punctuation()
                    && !matches!(c, '/' | '.' | '_' | '-' | '+' | '@' | '=' | '~') =>
                {
                    out.extend(['\\', c]);
                }
                c => out.push(c),
            }
        }
        out.extend(chunk.invalid().iter().map(|_| '?'));
    }
    blunt_ends(&out)
}

/// A value's ends are trimmed when a bundle is read.
fn blunt_ends(pattern: &str) -> String {
    let start = pattern.len() - pattern.trim_start().len();
    let end = pattern.trim_end().len().max(start);
    let blanks = |text: &str| text.chars().map(|_| '?').collect::<String>();
    [&blanks(&pattern[..start]), &pattern[start..end], &blanks(&pattern[end..])].concat()
}

/// The path as one word of a POSIX shell line, never taken for an option; `None` if a shell line
/// can't say it (a name that ends in a line end).
pub fn word(path: &[u8]) -> Option<String> {
    let path = if path.starts_with(b"-") { [b"./", path].concat() } else { path.to_vec() };
    match String::from_utf8(path) {
        Ok(text) if !text.contains(char::is_control) => Some(format!("'{}'", text.replace('\'', r"'\''"))),
        Ok(text) => printed(text.as_bytes()),
        Err(e) => printed(e.as_bytes()),
    }
}

/// By way of printf's octal escapes. A substitution drops line ends at the end.
fn printed(path: &[u8]) -> Option<String> {
    if path.ends_with(b"\n") {
        return None;
    }
    let escaped: String = path
        .iter()
        .map(|b| match b {
            b if b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_') => char::from(*b).to_string(),
            b => format!("\\{b:03o}"),
        })
        .collect();
    Some(format!("\"$(printf '{escaped}')\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use auditrun::base::{Pattern, RepoPath};
    use proptest::prelude::*;

    #[test]
    fn plain_paths_stay_readable() {
        assert_eq!(pattern(b"src/lib.rs"), "src/lib.rs");
        assert_eq!(pattern("docs/größe @2x.md".as_bytes()), "docs/größe @2x.md");
        assert_eq!(word(b"src/lib.rs").unwrap(), "'src/lib.rs'");
    }

    #[test]
    fn what_means_something_is_escaped() {
        assert_eq!(pattern(b"a[1]{b,c}*?.txt"), r"a\[1\]\{b\,c\}\*\?.txt");
        assert_eq!(pattern(b"!not\\`this`"), r"\!not\\\`this\`");
        assert_eq!(pattern(b" a \xff\n "), "?a ???");
        assert_eq!(word(b"it's").unwrap(), r"'it'\''s'");
        assert_eq!(word(b"-rf").unwrap(), "'./-rf'");
        assert_eq!(word(b"a\xff%b").unwrap(), r#""$(printf 'a\377\045b')""#);
        assert_eq!(word(b"a\n"), None);
    }

    proptest! {
        #[test]
        fn a_pattern_matches_its_path(path in proptest::collection::vec(1u8.., 1..16)) {
            let written = pattern(&path);
            prop_assert_eq!(written.trim(), &written);
            prop_assert!(!written.contains(char::is_control));
            // Not every text is a path: `a//b`, `../a` and `.git` are none.
            let Ok(read) = Pattern::parse(&written) else { return Ok(()) };
            prop_assert!(!read.is_negated());
            prop_assume!(!path.starts_with(b"./") && !path.ends_with(b"/") && !path.windows(2).any(|w| w == b"//"));
            prop_assert!(read.matches(&RepoPath::from_bytes(path)));
        }

        #[test]
        fn a_shell_reads_the_word_as_the_path(path in proptest::collection::vec(1u8.., 1..20)) {
            prop_assume!(!path.ends_with(b"\n"));
            let line = format!("printf %s {}", word(&path).unwrap());
            let out = std::process::Command::new("sh").arg("-c").arg(line).output().unwrap().stdout;
            let expected = if path.starts_with(b"-") { [b"./", path.as_slice()].concat() } else { path };
            prop_assert_eq!(out, expected);
        }
    }
}
