//! Symbolic links: does following one leave the work tree?

use std::collections::VecDeque;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use super::scan::on_disk;

/// As many as Linux follows.
const MOST_LINKS: usize = 40;

/// True if the link at `path` (relative to `root`) leads outside of `root`: an absolute
/// target, more `..` than there are directories, or the way through another link that
/// does. A chain without end leads nowhere.
pub(super) fn escapes(root: &Path, path: &[u8]) -> bool {
    let mut left = MOST_LINKS;
    let mut here: Vec<Vec<u8>> = Vec::new();
    let mut todo: VecDeque<Vec<u8>> = parts(path).collect();
    while let Some(part) = todo.pop_front() {
        if part == b".." {
            if here.pop().is_none() {
                return true;
            }
            continue;
        }
        here.push(part);
        let Ok(target) = std::fs::read_link(on_disk(root, &here.join(&b'/'))) else { continue };
        let target = target.into_os_string().into_vec();
        if target.starts_with(b"/") {
            return true;
        }
        if left == 0 {
            return false;
        }
        left -= 1;
        here.pop();
        for part in parts(&target).collect::<Vec<_>>().into_iter().rev() {
            todo.push_front(part);
        }
    }
    // The top itself is inside; its git pointer is not for anybody to reach.
    here.first().is_some_and(|first| first.eq_ignore_ascii_case(b".git"))
}

fn parts(path: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    path.split(|b| *b == b'/').filter(|p| !p.is_empty() && *p != b".").map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_to_their_end() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        let cases: [(&str, &str, bool); 9] = [
            ("a/up", "..", false),
            ("a/out", "../..", true),
            ("abs", "/etc/passwd", true),
            ("ok", "a/b/../missing", false),
            ("a/b/via", "../out/x", true),
            ("back", "a/up/a", false),
            ("loop", "loop", false),
            ("sly", "a/b/../../../x", true),
            ("ptr", "a/../.git", true),
        ];
        for (link, target, _) in cases {
            symlink(target, root.join(link)).unwrap();
        }
        for (link, target, out) in cases {
            assert_eq!(escapes(root, link.as_bytes()), out, "{link} -> {target}");
        }
    }
}
