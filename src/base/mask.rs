//! Masks secrets in whatever is shown, stored or sent: whole texts, and streams that arrive
//! in pieces which may cut a secret in two.

use std::borrow::Cow;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};

/// What stands for a secret.
pub const MASK: &str = "***";
/// Shorter texts would hide half of every sentence.
const SHORTEST: usize = 4;
/// The shortest value that a variable's name alone makes a secret.
const SHORTEST_NAMED: usize = 8;
/// Variables whose names end so hold secrets.
const TELLING: [&str; 4] = ["TOKEN", "KEY", "SECRET", "PASSWORD"];

/// True if a variable is taken for a secret by its name and length alone.
pub fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    value.len() >= SHORTEST_NAMED && TELLING.iter().any(|end| name.ends_with(end))
}

/// The password in `scheme://user:password@host/…`, or in a `password=` parameter.
pub fn url_password(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (authority, after) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    let named = || after.split(['?', '&']).find_map(|p| p.strip_prefix("password="));
    user.and_then(|u| u.split_once(':')).map(|(_, secret)| secret).or_else(named).filter(|s| !s.is_empty())
}

/// Knows the secrets of a run.
#[derive(Debug, Clone, Default)]
pub struct Masker {
    finder: Option<AhoCorasick>,
    /// Each secret with what it is called, in the finder's order.
    secrets: Vec<(String, Vec<u8>)>,
    longest: usize,
}

impl Masker {
    /// From pairs of name and value. Values below four bytes are left out. A value that JSON
    /// writes differently is looked for in that form too.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Masker {
        let mut secrets: Vec<(String, Vec<u8>)> = Vec::new();
        for (name, value) in pairs {
            let quoted = serde_json::to_string(&value).unwrap_or_default();
            let escaped = quoted.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned();
            for form in [value, escaped] {
                let known = secrets.iter().any(|(_, s)| s == form.as_bytes());
                if form.len() >= SHORTEST && !known {
                    secrets.push((name.clone(), form.into_bytes()));
                }
            }
        }
        let longest = secrets.iter().map(|(_, secret)| secret.len()).max().unwrap_or(0);
        let patterns = secrets.iter().map(|(_, secret)| secret);
        // It only fails beyond billions of bytes of secrets.
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(patterns).ok();
        Masker { finder: finder.filter(|_| !secrets.is_empty()), secrets, longest }
    }

    /// The name of the first secret in `bytes`.
    pub fn find(&self, bytes: &[u8]) -> Option<&str> {
        let found = self.finder.as_ref()?.find(bytes)?;
        self.secrets.get(found.pattern().as_usize()).map(|(name, _)| name.as_str())
    }

    /// `text` without secrets.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match &self.finder {
            Some(finder) if finder.is_match(text) => {
                Cow::Owned(finder.replace_all(text, &vec![MASK; self.secrets.len()]))
            }
            _ => Cow::Borrowed(text),
        }
    }

    /// `bytes` without secrets.
    pub fn bytes<'t>(&self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        match &self.finder {
            Some(finder) if finder.is_match(bytes) => {
                Cow::Owned(finder.replace_all_bytes(bytes, &vec![MASK; self.secrets.len()]))
            }
            _ => Cow::Borrowed(bytes),
        }
    }

    /// Where the last bytes of `bytes` may be the beginning of a secret, else its length.
    fn open_end(&self, bytes: &[u8]) -> usize {
        let from = bytes.len().saturating_sub(self.longest.saturating_sub(1));
        let open = |at: &usize| {
            let rest = bytes.get(*at..).unwrap_or_default();
            self.secrets.iter().any(|(_, secret)| secret.len() > rest.len() && secret.starts_with(rest))
        };
        (from..bytes.len()).find(open).unwrap_or(bytes.len())
    }
}

/// Masks a stream. Bytes that may be the beginning of a secret wait for those that follow.
#[derive(Debug, Clone)]
pub struct MaskStream {
    masker: Arc<Masker>,
    held: Vec<u8>,
}

impl MaskStream {
    /// A stream of which nothing has come yet.
    pub fn new(masker: Arc<Masker>) -> MaskStream {
        MaskStream { masker, held: Vec::new() }
    }

    /// Takes the next piece; gives what may be shown.
    pub fn feed<'t>(&mut self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        let Some(finder) = &self.masker.finder else { return Cow::Borrowed(bytes) };
        if self.held.is_empty() && self.masker.open_end(bytes) == bytes.len() {
            return self.masker.bytes(bytes);
        }
        self.held.extend_from_slice(bytes);
        let end = self.masker.open_end(&self.held);
        let (mut out, mut at) = (Vec::with_capacity(self.held.len()), 0);
        for found in finder.find_iter(&self.held).take_while(|found| found.start() < end) {
            out.extend_from_slice(self.held.get(at..found.start()).unwrap_or_default());
            out.extend_from_slice(MASK.as_bytes());
            at = found.end();
        }
        out.extend_from_slice(self.held.get(at..end).unwrap_or_default());
        self.held.drain(..at.max(end));
        Cow::Owned(out)
    }

    /// What is left when the stream has ended.
    pub fn finish(&mut self) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        self.masker.bytes(&held).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn masker(values: &[&str]) -> Masker {
        Masker::new(values.iter().enumerate().map(|(n, v)| (format!("S{n}"), (*v).to_owned())))
    }

    #[test]
    fn names_tell_secrets_if_they_are_long_enough() {
        assert!(is_secret("GITHUB_TOKEN", "12345678"));
        assert!(is_secret("npm_token", "12345678"));
        assert!(!is_secret("GITHUB_TOKEN", "1234567"));
        assert!(!is_secret("TOKENS", "12345678"));
    }

    #[test]
    fn the_longest_secret_wins_and_short_ones_are_none() {
        let masker = masker(&["secret", "secret-and-more", "abc"]);
        assert_eq!(masker.text("a secret-and-more, a secret, abc"), "a ***, a ***, abc");
        assert_eq!(masker.find(b"my secret-and-more"), Some("S1"));
        assert_eq!(masker.find(b"nothing"), None);
        assert_eq!(masker.text("nothing"), "nothing");
    }

    #[test]
    fn the_form_in_json_is_found_too() {
        let masker = masker(&["line one\n\"two\""]);
        let json = serde_json::json!({ "x": "is line one\n\"two\" end" }).to_string();
        assert_eq!(masker.text(&json), "{\"x\":\"is *** end\"}");
    }

    #[test]
    fn only_what_may_be_a_secret_waits() {
        let mut stream = MaskStream::new(Arc::new(masker(&["hunter22"])));
        assert_eq!(&*stream.feed(b"plain hun"), b"plain ");
        assert_eq!(&*stream.feed(b"gry\n"), b"hungry\n");
        assert_eq!(&*stream.feed(b"hunter"), b"");
        assert_eq!(&*stream.feed(b"22!"), b"***!");
        assert_eq!(&*stream.feed(b"hunt"), b"");
        assert_eq!(stream.finish(), b"hunt");
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(text in "[ab]{0,40}", cuts in prop::collection::vec(0_usize..40, 0..6)) {
            let masker = masker(&["aabb", "abab", "aabbaab", "bbbb"]);
            let whole = masker.bytes(text.as_bytes()).into_owned();
            let mut stream = MaskStream::new(Arc::new(masker));
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(text.len())).collect();
            cuts.sort_unstable();
            cuts.push(text.len());
            let (mut out, mut at) = (Vec::new(), 0);
            for cut in cuts {
                out.extend_from_slice(&stream.feed(&text.as_bytes()[at..cut]));
                at = cut;
            }
            out.extend(stream.finish());
            prop_assert_eq!(out, whole);
        }
    }
}
