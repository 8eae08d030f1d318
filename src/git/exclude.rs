//! The marked block in info/exclude that hides the artifacts from the operator's `git
//! status`: anchored lines, one for each artifact name, replaced in place.

use std::fs;

use crate::base::Layout;
use crate::base::layout::{AUDIT_DIRS, STATE_DIR, WORKTREES_DIR};

use super::admin::replace;
use super::cmd;
use super::{GitError, Repo};

const BEGIN: &str = "# >>> auditrun: its artifacts (this block is kept by auditrun)";
const END: &str = "# <<< auditrun";

impl Repo {
    /// Keeps the marked block in info/exclude that hides the artifacts. Other lines stay as they
    /// are; a file that is right already is not written.
    ///
    /// # Errors
    /// The file can't be read or replaced.
    pub fn keep_excluded(&self, layout: &Layout) -> Result<(), GitError> {
        let _one_at_a_time = self.admin();
        let file = self.common_dir().join("info").join("exclude");
        // A link is the operator's arrangement: what it leads to is replaced, not the link.
        let file = fs::canonicalize(&file).unwrap_or(file);
        let what = || format!("writing {}", file.display());
        let old = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(cmd::io(what())(e)),
        };
        let new = with_block(&old, &block(layout));
        if new == old {
            return Ok(());
        }
        cmd::step("writing info/exclude")?;
        let mode = fs::metadata(&file).ok().map(|m| m.permissions());
        replace(&file, &new).map_err(cmd::io(what()))?;
        mode.map_or(Ok(()), |mode| fs::set_permissions(&file, mode)).map_err(cmd::io(what()))
    }
}

/// Anchored, so that a source directory of the same name elsewhere stays visible.
fn block(layout: &Layout) -> String {
    let mut places = layout.artifact_places();
    places.extend([(WORKTREES_DIR.to_owned(), true), (STATE_DIR.to_owned(), true)]);
    places.extend(layout.worktrees_elsewhere().map(|path| (path, true)));
    let lines = places.iter().map(|(path, is_dir)| {
        let (path, star) = path.strip_suffix('*').map_or((path.as_str(), ""), |p| (p, "*"));
        format!("/{}{star}{}\n", literal(path), if *is_dir { "/" } else { "" })
    });
    format!("{BEGIN}\n{}/{AUDIT_DIRS}/\n{END}\n", lines.collect::<String>())
}

/// A path in which no character is special to an ignore file.
fn literal(path: &str) -> String {
    path.chars()
        .flat_map(|c| matches!(c, '\\' | '*' | '?' | '[' | ' ').then_some('\\').into_iter().chain([c]))
        .collect()
}

/// The text with its block replaced, or with one at its end. Bytes, because an exclude file
/// need not be UTF-8. A begin without an end is only a line.
fn with_block(old: &[u8], block: &str) -> Vec<u8> {
    let lines: Vec<&[u8]> = old.split_inclusive(|b| *b == b'\n').collect();
    let is = |line: &[u8], text: &str| line.trim_ascii_end() == text.as_bytes();
    let begin = lines.iter().position(|line| is(line, BEGIN));
    let end = begin.and_then(|from| {
        let after = lines.iter().skip(from).position(|line| is(line, END))?;
        Some((from, from + after))
    });
    if let Some((from, to)) = end {
        let (before, after) = (&lines[..from], &lines[to + 1..]);
        return [before.concat(), block.as_bytes().to_vec(), after.concat()].concat();
    }
    let mut new: Vec<u8> = lines.into_iter().filter(|line| !is(line, BEGIN)).collect::<Vec<_>>().concat();
    if new.last().is_some_and(|b| *b != b'\n') {
        new.push(b'\n');
    }
    new.extend_from_slice(block.as_bytes());
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_anchored_and_literal() {
        let text = block(&Layout::new("docs/a [1]", "docs/a [1]"));
        insta::assert_snapshot!(text, @r"
        # >>> auditrun: its artifacts (this block is kept by auditrun)
        /docs/a\ \[1]/preflight/
        /docs/a\ \[1]/resolutions/
        /docs/a\ \[1]/runs/
        /docs/a\ \[1]/remediation/
        /docs/a\ \[1]/audit/
        /docs/a\ \[1]/.history/
        /docs/a\ \[1]/audit-report*
        /.worktrees/
        /.auditrun/
        /auditor-*-[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]-[0-9][0-9]-[0-9][0-9]*/
        # <<< auditrun
        ");
    }

    #[test]
    fn worktrees_elsewhere_in_the_repository_are_hidden_and_what_lies_beside_them_is_not() {
        let text = block(&Layout::new("a", "a").with_worktrees("build/wt"));
        assert!(text.contains("\n/.auditrun/\n/build/wt/audit-*/\n"), "{text}");
    }

    #[test]
    fn the_block_is_replaced_where_it_stands() {
        let (one, two) = (block(&Layout::new("a", "a")), block(&Layout::new("b", "b")));
        let first = with_block(b"*.o\n\xff", &one);
        assert_eq!(first, [&b"*.o\n\xff\n"[..], one.as_bytes()].concat());
        let mut kept = first.clone();
        kept.extend_from_slice(b"tail");
        let second = with_block(&kept, &two);
        assert_eq!(second, [&b"*.o\n\xff\n"[..], two.as_bytes(), b"tail"].concat());
        assert_eq!(with_block(&second, &two), second);
        assert_eq!(with_block(b"", &one), one.as_bytes());
        let torn = format!("{BEGIN}\nmine\n");
        assert_eq!(with_block(torn.as_bytes(), &one), format!("mine\n{one}").into_bytes());
    }
}
