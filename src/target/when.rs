//! `when`: whether a target applies. Decided for all targets before anything runs, so that
//! a dry run says the same.

use std::collections::BTreeMap;

use super::{Ready, Variables, Yard};
use crate::base::{PatternSet, RepoPath};
use crate::config::{Target, When};
use crate::diag::{Diag, Spanned};
use crate::git::Repo;

/// What changed since a revision, asked for once each.
pub(super) struct Changes<'a> {
    yard: &'a Yard<'a>,
    known: BTreeMap<String, Vec<RepoPath>>,
}

impl<'a> Changes<'a> {
    pub fn new(yard: &'a Yard<'a>) -> Changes<'a> {
        Changes { yard, known: BTreeMap::new() }
    }

    fn since(&mut self, rev: &Spanned<String>) -> Result<&[RepoPath], Box<Diag>> {
        if !self.known.contains_key(&rev.value) {
            let paths = Repo::discover(&self.yard.folder).and_then(|repo| repo.changed_since(&rev.value));
            let fail = |message: String| {
                let diag = Diag::error("target::changed-since", message).at(&rev.span, "asked for here");
                Box::new(diag.help("name a branch, a tag or a commit that this repository has"))
            };
            let paths = paths.map_err(|e| fail(e.to_string()))?;
            let paths = paths.ok_or_else(|| fail(format!("'{}' is no commit", rev.value)))?;
            self.known.insert(rev.value.clone(), paths);
        }
        Ok(self.known.get(&rev.value).map_or(&[], Vec::as_slice))
    }
}

/// Why the target does not apply; `None` if it does.
pub(super) fn excuse(
    yard: &Yard,
    target: &Target,
    variables: &Variables,
    changes: &mut Changes,
) -> Result<Option<String>, Box<Diag>> {
    for condition in &target.when {
        let excuse = match condition {
            When::Env(name) if variables.get(&name.value).is_none_or(str::is_empty) => {
                Some(format!("{} is not set", name.value))
            }
            When::Os(os) if os.value != std::env::consts::OS => Some(format!("this is not {}", os.value)),
            When::Exists(path) if !yard.folder.join(&path.value).exists() => {
                Some(format!("{} does not exist", path.value))
            }
            When::ChangedSince(rev) => {
                let changed = relevant(yard, target, changes.since(rev)?);
                (!changed).then(|| format!("nothing of it changed since {}", rev.value))
            }
            _ => None,
        };
        if excuse.is_some() {
            return Ok(excuse);
        }
    }
    Ok(None)
}

/// True if one of `changed` is an input; without inputs any change below audit.kdl's folder
/// counts.
fn relevant(yard: &Yard, target: &Target, changed: &[RepoPath]) -> bool {
    let folder = yard.config.folder.as_bytes();
    let inputs = PatternSet::new(target.inputs.iter().map(|p| p.value.clone()));
    changed.iter().any(|path| {
        let inside = match folder {
            [] => Some(path.as_bytes()),
            folder => path.as_bytes().strip_prefix(folder).and_then(|rest| rest.strip_prefix(b"/")),
        };
        inside.is_some_and(|path| target.inputs.is_empty() || inputs.matches(&RepoPath::from_bytes(path)))
    })
}

/// Excuses what is needed by targets that don't apply and by nobody else.
pub(super) fn without_orphans(mut ready: Vec<Ready>) -> Vec<Ready> {
    let mut wanted: Vec<bool> = ready.iter().map(|r| r.chosen.named).collect();
    for i in (0..ready.len()).rev() {
        let Some(one) = ready.get(i).filter(|r| r.excused.is_none()) else { continue };
        if wanted.get(i) == Some(&true) {
            for need in &one.chosen.needs {
                if let Some(slot) = wanted.get_mut(*need) {
                    *slot = true;
                }
            }
        }
    }
    for (one, wanted) in ready.iter_mut().zip(wanted) {
        if !wanted {
            one.excused.get_or_insert_with(|| "only targets that do not apply need it".to_owned());
        }
    }
    ready
}
