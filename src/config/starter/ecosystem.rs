//! What a language's tools mean for audit.kdl.

/// Commands and paths of one language, or of all of a repository's.
#[derive(Debug, Clone, Default)]
pub(super) struct Ecosystem {
    /// What it is called.
    pub name: &'static str,
    /// Commands that look at the code.
    pub lint: Vec<String>,
    /// Commands that run the tests.
    pub test: Vec<String>,
    /// Files that every second change touches.
    pub hotspots: Vec<&'static str>,
    /// Patterns of files that programs write and people commit.
    pub generated: Vec<&'static str>,
    /// Folders worth keeping from node to node.
    pub keep: Vec<&'static str>,
    /// Folders that all worktrees can share.
    pub link: Vec<&'static str>,
}

impl Ecosystem {
    /// Both; of what both have, once.
    pub fn and(mut self, other: Ecosystem) -> Ecosystem {
        self.lint.extend(other.lint);
        self.test.extend(other.test);
        for (mine, theirs) in [
            (&mut self.hotspots, other.hotspots),
            (&mut self.generated, other.generated),
            (&mut self.keep, other.keep),
            (&mut self.link, other.link),
        ] {
            for path in theirs {
                if !mine.contains(&path) {
                    mine.push(path);
                }
            }
        }
        self
    }

    /// Puts a project's own commands in the place of what its languages suggest.
    pub fn prefer(&mut self, own: Ecosystem) {
        if !own.lint.is_empty() {
            self.lint = own.lint;
        }
        if !own.test.is_empty() {
            self.test = own.test;
        }
    }
}
