//! Word stems, for telling whether two texts are about the same thing. Crude and always the
//! same: no language is understood here.

use std::collections::BTreeSet;

/// Shortest word that counts.
const SHORTEST: usize = 4;
/// Shortest stem that an ending is cut off of.
const SHORTEST_STEM: usize = 3;

/// Words that say nothing about what a text is about.
const COMMON: [&str; 46] = [
    "about", "after", "also", "audit", "because", "been", "before", "being", "both", "could", "does", "each",
    "every", "from", "have", "here", "into", "itself", "just", "less", "like", "make", "more", "most",
    "must", "only", "other", "over", "report", "same", "section", "should", "some", "such", "than", "that",
    "their", "them", "then", "there", "these", "this", "what", "when", "which", "with",
];

/// Endings, the longest first, and what stands in their place.
const ENDINGS: [(&str, &str); 14] = [
    ("ations", "at"),
    ("ation", "at"),
    ("ments", ""),
    ("ingly", ""),
    ("ment", ""),
    ("ness", ""),
    ("ings", ""),
    ("ies", "y"),
    ("ing", ""),
    ("est", ""),
    ("ed", ""),
    ("es", ""),
    ("ly", ""),
    ("s", ""),
];

/// The stems of a text's words.
pub(super) fn stems(text: &str) -> BTreeSet<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|w| w.len() >= SHORTEST);
    words.filter(|w| !COMMON.contains(w)).map(stem).collect()
}

fn stem(word: &str) -> String {
    for (ending, instead) in ENDINGS {
        if let Some(rest) = word.strip_suffix(ending)
            && rest.chars().count() + instead.len() >= SHORTEST_STEM
        {
            return format!("{rest}{instead}").trim_end_matches('e').to_owned();
        }
    }
    word.trim_end_matches('e').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_share_a_stem() {
        for (a, b) in [
            ("recommendation", "Recommendations"),
            ("citing", "cited"),
            ("timeline", "timelines"),
            ("score", "scored"),
            ("categories", "category"),
        ] {
            assert_eq!(stems(a), stems(b), "{a} {b}");
        }
        assert!(stems("this is about the whole report").iter().eq(["whol"]));
        assert!(stems("lesson").is_disjoint(&stems("timeline")));
    }
}
