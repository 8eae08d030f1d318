//! "Did you mean …?".

/// The one of `known` that `word` most likely was meant to be, if any is near enough.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |s: &str| s.to_lowercase().replace('_', "-");
    let word = plain(word);
    let length = word.chars().count();
    let near = |k: &'a str| {
        let most = 1 + k.chars().count().min(length) / 4;
        let known = plain(k);
        // Each character more or less is one edit at least: most words are told apart by that.
        if known.chars().count().abs_diff(length) > most {
            return None;
        }
        let distance = strsim::damerau_levenshtein(&word, &known);
        (distance <= most).then_some((distance, k))
    };
    known.into_iter().filter_map(near).min_by_key(|(distance, _)| *distance).map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["depends_on", "touches", "deps"];
        assert_eq!(nearest("touchs", known), Some("touches"));
        assert_eq!(nearest("Depends-On", known), Some("depends_on"));
        assert_eq!(nearest("zebra", known), None);
    }
}
