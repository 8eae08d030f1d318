//! The programs that a script starts, to look them up before anything runs.

use super::ast::Script;
use super::text::StepText;
use super::{verbs, walk};
use crate::diag::Span;

/// The name of every program that a script is certain to look up on PATH, with its place.
/// Verbs, words with a slash and words that are expanded are left out.
pub fn programs(script: &Script, text: &StepText) -> Vec<(String, Span)> {
    let mut found = Vec::new();
    for (_, command) in walk::commands(script) {
        let forced = command.literal(0).as_deref() == Some("command");
        let n = usize::from(forced);
        let (Some(name), Some(word)) = (command.literal(n), command.words.get(n)) else { continue };
        if name.contains('/') || (verbs::is_builtin(&name) && !forced) {
            continue;
        }
        found.push((name, text.span(word.at.range())));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Source;

    #[test]
    fn verbs_paths_and_variables_are_not_looked_up() {
        let text = StepText::plain(&Source::new("audit.kdl", "cargo fmt | tee x && command test -f y\n./tools/x; $P z; gate loc; echo $(rg a)"));
        let (script, diags) = crate::step::parse(&text);
        assert!(!diags.has_errors());
        let names: Vec<String> = programs(&script, &text).into_iter().map(|(n, _)| n).collect();
        assert_eq!(names, ["cargo", "tee", "test", "rg"]);
    }
}
