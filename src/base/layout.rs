//! Where the harness keeps its own files, as repository-relative paths: the
//! single list behind touches, check normalisation, excludes and cleanliness.

use crate::base::path::RepoPath;

/// Directories directly below `out` that hold artifacts.
pub const ARTIFACT_DIRS: [&str; 6] = ["preflight", "resolutions", "runs", "remediation", "audit", ".history"];
/// Prefix of the artifact files directly below `out`.
pub const REPORT_PREFIX: &str = "audit-report";
/// Directory of the nodes' worktrees, below the root.
pub const WORKTREES_DIR: &str = ".worktrees";
/// Directory of local state (fingerprints, control database), below the root.
pub const STATE_DIR: &str = ".auditrun";
/// Working directories of audits, below the root, as a pattern of an ignore file.
pub const AUDIT_DIRS: &str = "auditor-*-[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]-[0-9][0-9]-[0-9][0-9]*";

/// The places of one project, all relative to the repository's root, `/`-separated,
/// without a trailing slash; the root itself is the empty string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    bundle: String,
    out: String,
    worktrees: Option<String>,
}

impl Layout {
    /// `bundle` and `out` as normalised repository-relative directories.
    pub fn new(bundle: impl Into<String>, out: impl Into<String>) -> Layout {
        Layout { bundle: bundle.into(), out: out.into(), worktrees: None }
    }

    /// The same with worktrees in another directory of the repository than [`WORKTREES_DIR`].
    pub fn with_worktrees(self, dir: impl Into<String>) -> Layout {
        Layout { worktrees: Some(dir.into()), ..self }
    }

    /// Worktrees of ours where they have a directory that holds other things too, as a glob with
    /// a trailing `*`.
    pub fn worktrees_elsewhere(&self) -> Option<String> {
        self.worktrees.as_deref().map(|dir| join(dir, "audit-*"))
    }

    /// The bundle's directory.
    pub fn bundle(&self) -> &str {
        &self.bundle
    }

    /// The artifacts' directory.
    pub fn out(&self) -> &str {
        &self.out
    }

    /// `name` below the bundle's directory.
    pub fn in_bundle(&self, name: &str) -> String {
        join(&self.bundle, name)
    }

    /// `name` below the artifacts' directory.
    pub fn in_out(&self, name: &str) -> String {
        join(&self.out, name)
    }

    /// Every place of the harness's own files as (path, is a directory); the report's
    /// files are given as a glob with a trailing `*`.
    pub fn own_places(&self) -> Vec<(String, bool)> {
        let mut all = self.artifact_places();
        all.push((self.in_bundle("state.md"), false));
        all.push((self.in_bundle("graph.md"), false));
        all.push((self.in_bundle("prompts"), true));
        all.push((WORKTREES_DIR.to_owned(), true));
        all
    }

    /// The artifacts alone (what a run writes and git must not track).
    pub fn artifact_places(&self) -> Vec<(String, bool)> {
        let mut all: Vec<(String, bool)> = ARTIFACT_DIRS.iter().map(|d| (self.in_out(d), true)).collect();
        all.push((self.in_out("audit-report*"), false));
        all
    }

    /// True if `path` is one of the harness's own files: an artifact, a file of the bundle
    /// or anything below the worktrees' or the state directory.
    pub fn owns(&self, path: &RepoPath) -> bool {
        self.owns_artifact(path)
            || self.owns_bundle_file(path)
            || below(path, WORKTREES_DIR)
            || below(path, STATE_DIR)
    }

    /// True if `path` is an artifact of a run.
    pub fn owns_artifact(&self, path: &RepoPath) -> bool {
        let Some(rest) = strip_dir(path.as_bytes(), &self.out) else { return false };
        let first = rest.split(|b| *b == b'/').next().unwrap_or_default();
        ARTIFACT_DIRS.iter().any(|d| d.as_bytes() == first)
            || (first == rest && first.starts_with(REPORT_PREFIX.as_bytes()))
    }

    /// True if `path` is state.md, graph.md or anything below prompts/ of the bundle.
    pub fn owns_bundle_file(&self, path: &RepoPath) -> bool {
        match strip_dir(path.as_bytes(), &self.bundle) {
            Some(rest) => {
                rest == b"state.md"
                    || rest == b"graph.md"
                    || rest == b"prompts"
                    || rest.starts_with(b"prompts/")
            }
            None => false,
        }
    }
}

/// `name` below `dir`, where an empty `dir` is the root.
pub fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

fn below(path: &RepoPath, dir: &str) -> bool {
    path.as_bytes() == dir.as_bytes() || strip_dir(path.as_bytes(), dir).is_some()
}

fn strip_dir<'a>(path: &'a [u8], dir: &str) -> Option<&'a [u8]> {
    if dir.is_empty() {
        return Some(path);
    }
    path.strip_prefix(dir.as_bytes())?.strip_prefix(b"/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_files_are_named_one_by_one_and_out_never_as_a_whole() {
        let layout = Layout::new("docs/audit", "docs/audit");
        for own in [
            "docs/audit/runs/A/diff.patch",
            "docs/audit/state.md",
            "docs/audit/prompts/A.md",
            "docs/audit/audit-report.md",
            ".worktrees/x/y",
            ".auditrun/lock",
        ] {
            assert!(layout.owns(&RepoPath::from(own)), "{own}");
        }
        for foreign in [
            "docs/audit/notes.md",
            "docs/state.md",
            "audit/x",
            "runs/x",
            "docs/audit/audit-reports/x",
            ".worktreesx",
        ] {
            assert!(!layout.owns(&RepoPath::from(foreign)), "{foreign}");
        }
        let at_root = Layout::new("", "");
        assert!(at_root.owns(&RepoPath::from("runs/x")));
        assert!(!at_root.owns(&RepoPath::from("src/runs/x")));
    }
}
