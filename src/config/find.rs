//! Where audit.kdl is: like a Makefile, in the current directory or the nearest parent.

use std::path::{Path, PathBuf};

/// The file's name.
pub const FILE_NAME: &str = "audit.kdl";

/// The nearest audit.kdl in `start` or a parent of it, up to and including `root`. Both
/// are absolute and free of symbolic links; a `start` outside of `root` finds nothing.
pub fn find(start: &Path, root: &Path, exists: &dyn Fn(&Path) -> bool) -> Option<PathBuf> {
    start
        .ancestors()
        .take_while(|dir| dir.starts_with(root))
        .map(|dir| dir.join(FILE_NAME))
        .find(|file| exists(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_one_inside_the_repository_is_taken() {
        let root = Path::new("/r");
        let all = |p: &Path| p == Path::new("/audit.kdl") || p == Path::new("/r/a/audit.kdl");
        assert_eq!(find(Path::new("/r/a/b/c"), root, &all), Some("/r/a/audit.kdl".into()));
        assert_eq!(find(Path::new("/r/a"), root, &all), Some("/r/a/audit.kdl".into()));
        assert_eq!(find(Path::new("/r/b"), root, &all), None);
        assert_eq!(find(Path::new("/"), root, &all), None);
        assert_eq!(
            find(Path::new("/r"), root, &|p| p == Path::new("/r/audit.kdl")),
            Some("/r/audit.kdl".into())
        );
    }
}
