//! The harness's own files, as each search program is told to leave them out.

use crate::base::Layout;
use crate::base::layout::WORKTREES_DIR;

/// One place of the harness's own, relative to the root.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Its path; for a pattern the part before the trailing `*`.
    path: String,
    directory: bool,
    pattern: bool,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Places(Vec<Place>);

impl Places {
    pub(super) fn new(layout: &Layout) -> Places {
        let place = |(path, directory): (String, bool)| {
            let pattern = path.ends_with('*');
            let path = path.trim_end_matches('*').to_owned();
            Place { path, directory, pattern }
        };
        Places(layout.own_places().into_iter().map(place).collect())
    }

    /// Values of rg's `--glob`. One without a slash would match at any depth, so it gets one.
    pub(super) fn globs(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|p| {
            let tail = if p.directory { "/**" } else { p.star() };
            let glob = format!("{}{tail}", escaped(&p.path));
            if glob.contains('/') { format!("!{glob}") } else { format!("!/{glob}") }
        })
    }

    /// Pathspecs of git that leave them out.
    pub(super) fn pathspecs(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|p| match (p.pattern, escaped(&p.path) == p.path) {
            (true, _) => format!(":(exclude,glob){}*", escaped(&p.path)),
            (false, true) => format!(":(exclude){}", p.path),
            (false, false) => format!(":(exclude,literal){}", p.path),
        })
    }

    /// Options of GNU grep for a search of `roots` (paths without a leading `./`; the empty
    /// one is the root). grep knows names only, not where they lie, so just the files that a
    /// worktree holds are named, and only if a root reaches them: else a folder of the
    /// project that is called `prompts` too would be left out for nothing.
    pub(super) fn grep_options(&self, roots: &[String]) -> Vec<String> {
        let bundle = self.0.iter().filter(|p| !p.pattern && p.is_versioned());
        let reached = bundle.filter(|p| roots.iter().any(|r| reaches(r, &p.path)));
        let option = |p: &Place| match p.directory {
            true => format!("--exclude-dir={}", p.name()),
            false => format!("--exclude={}", p.name()),
        };
        std::iter::once(format!("--exclude-dir={}", WORKTREES_DIR)).chain(reached.map(option)).collect()
    }
}

impl Place {
    fn star(&self) -> &'static str {
        if self.pattern { "*" } else { "" }
    }

    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// A file of the bundle: tracked, so in every worktree. Artifacts never are.
    fn is_versioned(&self) -> bool {
        matches!(self.name(), "state.md" | "graph.md" | "prompts")
    }
}

/// True if a search of `root` meets `place`.
fn reaches(root: &str, place: &str) -> bool {
    let below = |outer: &str, inner: &str| {
        outer.is_empty()
            || inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    below(root, place) || below(place, root)
}

fn escaped(path: &str) -> String {
    let mut out = String::new();
    for c in path.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
