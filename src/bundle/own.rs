//! Patterns against the harness's own files: these are taken away from every pattern, so
//! one that names nothing else could never allow anything and is refused.

use crate::base::layout::REPORT_PREFIX;
use crate::base::{Layout, Pattern, RepoPath};
use crate::diag::{Diag, Spanned};

/// The diagnostic for a pattern of `key` that names one of the harness's own files outright
/// or has nothing left without them. Judges by the part of the pattern that holds no
/// wildcard, so what it lets pass may still match own files, which are subtracted later.
pub(super) fn refuse(pattern: &Spanned<Pattern>, key: &str, layout: &Layout) -> Option<Diag> {
    if pattern.is_negated() {
        return None;
    }
    let (code, what) = match judge(pattern.raw(), layout) {
        Verdict::Stands => return None,
        Verdict::Outright => ("bundle::own-file", "names one of the harness's own files"),
        Verdict::NothingLeft => ("bundle::nothing-left", "has nothing left without the harness's own files"),
    };
    Some(
        Diag::error(code, format!("'{}' in '{key}' {what}", pattern.raw()))
            .at(&pattern.span, "never written by a node")
            .help("name the files of the work itself: state.md, graph.md, prompts/ and the artifacts belong to the harness"),
    )
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Stands,
    Outright,
    NothingLeft,
}

fn judge(raw: &str, layout: &Layout) -> Verdict {
    let raw = raw.strip_prefix("./").unwrap_or(raw);
    let (body, below) = match raw.strip_suffix('/') {
        Some(body) => (body, true),
        None => (raw, false),
    };
    let mut literal = Vec::new();
    let mut rest = body.split('/');
    let wild = rest.by_ref().find_map(|component| match plain(component) {
        (text, true) => {
            literal.push(text);
            None
        }
        (head, false) => Some(head),
    });
    let path = literal.join("/");
    let owns = |path: &str| layout.owns(&RepoPath::from(path));
    match wild {
        None if !below && owns(&path) => Verdict::Outright,
        None if !below => Verdict::Stands,
        // All that it can match lies below `path`.
        _ if !path.is_empty() && owns(&format!("{path}/x")) => Verdict::NothingLeft,
        Some(head)
            if !below && rest.next().is_none() && path == layout.out() && head.starts_with(REPORT_PREFIX) =>
        {
            Verdict::NothingLeft
        }
        _ => Verdict::Stands,
    }
}

/// A component up to its first wildcard, without escapes, and if that is all of it.
fn plain(component: &str) -> (String, bool) {
    let mut text = String::new();
    let mut chars = component.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' | '?' | '[' | '{' => return (text, false),
            '\\' => text.extend(chars.next()),
            c => text.push(c),
        }
    }
    (text, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_own_as_a_whole_is_refused() {
        let layout = Layout::new("docs/audit", "docs/audit");
        for (raw, verdict) in [
            ("docs/", Verdict::Stands),
            ("docs/audit/", Verdict::Stands),
            ("docs/audit/**", Verdict::Stands),
            ("**", Verdict::Stands),
            ("docs/audit/*.md", Verdict::Stands),
            ("docs/audit/audit-reports/*", Verdict::Stands),
            ("docs/audit/state.md", Verdict::Outright),
            ("docs/audit/stat\\e.md", Verdict::Outright),
            ("./docs/audit/graph.md", Verdict::Outright),
            ("docs/audit/prompts", Verdict::Outright),
            ("docs/audit/audit-report.md", Verdict::Outright),
            (".worktrees/x", Verdict::Outright),
            ("docs/audit/prompts/", Verdict::NothingLeft),
            ("docs/audit/prompts/{A,B}.md", Verdict::NothingLeft),
            ("docs/audit/runs/**", Verdict::NothingLeft),
            ("docs/audit/audit-report*", Verdict::NothingLeft),
            (".auditrun/**", Verdict::NothingLeft),
        ] {
            assert_eq!(judge(raw, &layout), verdict, "{raw}");
        }
        let at_root = Layout::new("", "");
        assert_eq!(judge("runs/**", &at_root), Verdict::NothingLeft);
        assert_eq!(judge("src/runs/**", &at_root), Verdict::Stands);
        assert_eq!(judge("audit-report*", &at_root), Verdict::NothingLeft);
    }
}
