//! The fingerprint: one digest over what was asked for, what was done and where it ended.

use std::collections::BTreeMap;

use crate::base::Oid;
use crate::base::digest::Hasher;

/// The bytes that a fingerprint covers.
#[derive(Debug, Clone, Copy)]
pub struct FingerprintInput<'a> {
    /// Files of the bundle at the audit branch's head, by their paths relative to the bundle.
    pub bundle: &'a BTreeMap<String, Vec<u8>>,
    /// Each `runs/<id>/diff.patch` by its path relative to out.
    pub patches: &'a BTreeMap<String, Vec<u8>>,
    /// The audit branch's head.
    pub head: &'a Oid,
}

/// SHA-256 in lower-case hex over the plain concatenation of state.md, graph.md, the prompts,
/// the patches (each group in byte order of the whole relative path, so `prompts/A-1.md` comes
/// before `prompts/A.md`) and the head's hex id. A missing file counts as an empty one: the
/// proof has a gap for it anyway.
pub fn fingerprint(input: &FingerprintInput<'_>) -> String {
    let mut hasher = Hasher::default();
    for name in ["state.md", "graph.md"] {
        hasher.update(input.bundle.get(name).map_or(&[][..], Vec::as_slice));
    }
    for (_, bytes) in input.bundle.iter().filter(|(path, _)| is_prompt(path)) {
        hasher.update(bytes);
    }
    for (_, bytes) in input.patches.iter().filter(|(path, _)| is_patch(path)) {
        hasher.update(bytes);
    }
    hasher.update(input.head.as_str().as_bytes());
    hasher.hex()
}

/// What the shell's `prompts/*.md` matches.
pub(super) fn is_prompt(path: &str) -> bool {
    path.strip_prefix("prompts/")
        .is_some_and(|name| name.ends_with(".md") && !name.contains('/') && !name.starts_with('.'))
}

/// What the shell's `runs/*/diff.patch` matches.
pub(super) fn is_patch(path: &str) -> bool {
    path.strip_prefix("runs/")
        .and_then(|rest| rest.strip_suffix("/diff.patch"))
        .is_some_and(|node| !node.is_empty() && !node.contains('/') && !node.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::sha256_hex;

    fn files(list: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        list.iter().map(|(p, t)| ((*p).to_owned(), t.as_bytes().to_vec())).collect()
    }

    #[test]
    fn it_is_the_plain_concatenation_in_byte_order_of_whole_paths() {
        let bundle = files(&[
            ("graph.md", "G"),
            ("state.md", "S"),
            ("prompts/A.md", "2"),
            ("prompts/A-1.md", "1"),
            ("prompts/notes.txt", "not this"),
            ("prompts/old/A.md", "nor this"),
        ]);
        let patches = files(&[
            ("runs/A/diff.patch", "b"),
            ("runs/A-1/diff.patch", "a"),
            ("runs/A/attempt-1/diff.patch", "not this"),
        ]);
        let head = Oid::parse(&"0".repeat(40)).unwrap();
        let text = format!("SG12ab{}", "0".repeat(40));
        let input = FingerprintInput { bundle: &bundle, patches: &patches, head: &head };
        assert_eq!(fingerprint(&input), sha256_hex(text.as_bytes()));
    }
}
