//! Where in the words of an `rg` an option can be put.

use super::super::shell::Word;

/// Short options that take a value.
const VALUED: &str = "ABCEMTdefgjmrt";
/// Long options that are known to take none, beside those that begin with `no-`.
const PLAIN: [&str; 22] = [
    "quiet",
    "count",
    "count-matches",
    "files",
    "files-with-matches",
    "files-without-match",
    "fixed-strings",
    "hidden",
    "ignore-case",
    "invert-match",
    "json",
    "line-number",
    "line-regexp",
    "multiline",
    "null",
    "only-matching",
    "pcre2",
    "smart-case",
    "case-sensitive",
    "text",
    "unrestricted",
    "word-regexp",
];

/// The position among `args` where further globs go: before the first `--`, else the end.
/// Later globs win, so they must come after those of the command.
///
/// # Errors
/// Why there is no such place: a `--` may be the value of the option before it, or an
/// `--iglob`, which wins over every glob, is there.
pub(super) fn place_for_globs(args: &[Word]) -> Result<usize, &'static str> {
    let text = |w: &Word| w.fixed().unwrap_or_default().to_owned();
    let end = args.iter().position(|w| text(w) == "--").unwrap_or(args.len());
    let options = args.get(..end).unwrap_or_default();
    if options.iter().any(|w| text(w).starts_with("--iglob")) {
        return Err("'--iglob' of rg wins over the globs that would leave files out");
    }
    let takes_next = end < args.len() && options.last().is_some_and(|w| may_take_next(&text(w)));
    if takes_next {
        Err("it can't be read with certainty: a '--' that may be an option's value")
    } else {
        Ok(end)
    }
}

fn may_take_next(option: &str) -> bool {
    match option.strip_prefix("--") {
        Some(long) => !(long.contains('=') || long.starts_with("no-") || PLAIN.contains(&long)),
        None => match option.strip_prefix('-') {
            Some(short) => short.find(|c| VALUED.contains(c)).is_some_and(|i| i + 1 == short.len()),
            None => false,
        },
    }
}
