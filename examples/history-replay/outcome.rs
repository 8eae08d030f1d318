//! Does the audit branch hold what history holds? Said by comparing trees, not by the run.

use std::fmt;

use auditrun::base::text::count;

use super::git::{Failure, Git, fields};
use super::landable::{Landable, shown};

/// Differing paths that are shown by name.
const SHOWN: usize = 20;

/// The comparison of the audit branch with the history's head.
#[derive(Debug)]
pub struct Verdict {
    branch: Option<String>,
    differing: Vec<Vec<u8>>,
    /// Paths that were not compared.
    left_out: usize,
}

impl Verdict {
    /// True if a branch is there and every compared path is the same: content, mode and kind.
    pub fn equal(&self) -> bool {
        self.branch.is_some() && self.differing.is_empty()
    }
}

/// Compares everything but the bundle and what was left out.
pub fn compare(git: &Git, landable: &Landable, bundle: &str) -> Result<Verdict, Failure> {
    let refs = git.line(&["for-each-ref", "--sort=-refname", "--format=%(refname)", "refs/heads/audit/"])?;
    let Some(branch) = refs.lines().next().map(str::to_owned) else {
        return Ok(Verdict { branch: None, differing: Vec::new(), left_out: landable.left_out.len() });
    };
    let head = &landable.history.head;
    let out = git.bytes(&["diff-tree", "-r", "-z", "--name-only", "--no-renames", head, &branch])?;
    let inside = format!("{bundle}/");
    let counts = |path: &&[u8]| !path.starts_with(inside.as_bytes()) && !landable.left_out.contains(*path);
    let differing = fields(&out).filter(counts).map(<[u8]>::to_vec).collect();
    Ok(Verdict { branch: Some(branch), differing, left_out: landable.left_out.len() })
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(branch) = &self.branch else {
            return writeln!(f, "there is no audit branch to compare");
        };
        match (self.differing.is_empty(), self.left_out) {
            (true, 0) => writeln!(f, "equal: {branch} has the tree of the history's head")?,
            (true, n) => {
                writeln!(
                    f,
                    "equal: {branch} has the tree of the history's head, {} left out",
                    count(n, "path")
                )?;
            }
            (false, _) => {
                let paths = count(self.differing.len(), "path");
                writeln!(f, "{branch} differs from the history's head in {paths}:")?;
            }
        }
        for path in self.differing.iter().take(SHOWN) {
            writeln!(f, "  {}", shown(path))?;
        }
        let more = self.differing.len().saturating_sub(SHOWN);
        if more > 0 { writeln!(f, "  and {more} more") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_names_what_differs() {
        let differing = (0..SHOWN + 2).map(|n| format!("f{n}").into_bytes()).collect();
        let verdict = Verdict { branch: Some("b".to_owned()), differing, left_out: 0 };
        assert!(!verdict.equal());
        let text = verdict.to_string();
        assert!(text.starts_with("b differs from the history's head in 22 paths:\n  f0\n"), "{text}");
        assert!(text.ends_with("  f19\n  and 2 more\n"), "{text}");
        let none = Verdict { branch: None, differing: Vec::new(), left_out: 0 };
        assert!(!none.equal());
    }
}
