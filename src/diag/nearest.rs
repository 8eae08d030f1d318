//! "Did you mean …?".

/// The one of `known` that `word` most likely was meant to be, if any is near enough.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |s: &str| s.to_lowercase().replace('_', "-");
    let word = plain(word);
    known
        .into_iter()
        .map(|k| (strsim::damerau_levenshtein(&word, &plain(k)), k))
        .filter(|(distance, k)| *distance <= 1 + k.chars().count().min(word.chars().count()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k)
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
