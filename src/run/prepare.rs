//! Worktree preparation: submodules, `copy`, `link`, `keep` and `setup` of audit.kdl.

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use crate::base::Oid;
use crate::base::layout::STATE_DIR;
use crate::bundle::{Check, CheckScope};
use crate::diag::Spanned;
use crate::files;
use crate::gate::checks;
use crate::lane::Workspace;
use crate::plan::PlannedCheck;
use crate::run::checks::{Bench, Judged, run_check};
use crate::run::context::{At, Fault};

/// Preparation did not work.
#[derive(Debug)]
pub enum Trouble {
    /// `setup` failed, or something to copy or link is not there: the node's trouble.
    Setup(String),
    /// The harness's own.
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for Trouble {
    fn from(e: E) -> Trouble {
        Trouble::Fault(e.into())
    }
}

/// Prepares a worktree that stands freshly at its base. What it puts there is outside of
/// capture while it stays unchanged.
///
/// # Errors
/// [`Trouble`] tells the node's from the harness's.
pub fn prepare(bench: Bench<'_>, workspace: &mut dyn Workspace, judged: &Judged<'_>) -> Result<(), Trouble> {
    let settings = &bench.config.worktree;
    workspace.fill_submodules()?;
    let mut prepared = Vec::new();
    for item in &settings.copy {
        prepared.push(copy(bench, workspace.dir(), item)?);
    }
    for item in &settings.link {
        prepared.push(link(bench, workspace.dir(), item)?);
    }
    let mut kept = Vec::new();
    for item in &settings.keep {
        kept.push(keep(bench, workspace.dir(), item)?);
    }
    workspace.set_prepared(prepared);
    workspace.set_kept(kept);
    for item in &settings.setup {
        setup(bench, workspace, judged, item)?;
    }
    Ok(())
}

/// Puts a worktree at a commit, for [`prepare`]. What an earlier preparation put there goes, too: a
/// program may have made something else of it, a link that leads out of the worktree for one,
/// and preparation's own copies must not follow that. Kept directories stay.
///
/// # Errors
/// The commit is missing, or the file system refused.
pub fn afresh(workspace: &mut dyn Workspace, commit: &Oid) -> Result<(), Fault> {
    workspace.set_prepared(Vec::new());
    Ok(workspace.reset(commit)?)
}

/// Gives a worktree back that is not needed any more, without its kept directories: these are
/// for the next one.
///
/// # Errors
/// A directory could not be moved, or the worktree not be removed.
pub fn give_back(bench: Bench<'_>, workspace: Box<dyn Workspace>) -> Result<(), Fault> {
    let put_back = put_back_kept(bench, workspace.dir());
    workspace.release(false)?;
    put_back
}

/// Takes the kept directories out of a worktree, for the next one.
///
/// # Errors
/// A directory could not be moved.
pub fn put_back_kept(bench: Bench<'_>, dir: &Path) -> Result<(), Fault> {
    for item in &bench.config.worktree.keep {
        let Ok(inside) = relative(item) else { continue };
        let from = dir.join(&inside);
        if !from.is_dir() || !lies_in(dir, &from) {
            continue;
        }
        let shelf = shelf(bench, &inside);
        fs::create_dir_all(&shelf).at(|| format!("can't make {}", shelf.display()))?;
        let mut places = (0..).map(|n| shelf.join(n.to_string())).filter(|place| !place.exists());
        // Parallel nodes race for a free place: the rename decides.
        let moved = places.find_map(|place| match fs::rename(&from, place) {
            Err(e) if matches!(e.kind(), ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty) => None,
            moved => Some(moved),
        });
        moved.unwrap_or(Ok(())).at(|| format!("can't move {}", from.display()))?;
    }
    Ok(())
}

/// Nothing on the way from `dir` to `place` is a link: a program may have put one there, and what
/// it leads to is not ours to move.
fn lies_in(dir: &Path, place: &Path) -> bool {
    let way = place.ancestors().take_while(|step| *step != dir);
    !dir.is_symlink() && way.into_iter().all(|step| !step.is_symlink())
}

fn relative(item: &Spanned<String>) -> Result<PathBuf, Trouble> {
    let path = PathBuf::from(&item.value);
    let inside = path.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    if inside {
        Ok(path)
    } else {
        Err(Trouble::Setup(format!("{}: {:?} must lie inside the worktree", item.span, item.value)))
    }
}

fn source(bench: Bench<'_>, item: &Spanned<String>) -> Result<(PathBuf, PathBuf), Trouble> {
    let inside = relative(item)?;
    let from = bench.root.join(&inside);
    if from.exists() {
        Ok((from, inside))
    } else {
        Err(Trouble::Setup(format!("{}: {:?} is not there", item.span, item.value)))
    }
}

fn copy(bench: Bench<'_>, dir: &Path, item: &Spanned<String>) -> Result<PathBuf, Trouble> {
    let (from, inside) = source(bench, item)?;
    let to = dir.join(&inside);
    files::copy_tree(&from, &to).at(|| format!("can't copy {} to {}", from.display(), to.display()))?;
    Ok(inside)
}

fn link(bench: Bench<'_>, dir: &Path, item: &Spanned<String>) -> Result<PathBuf, Trouble> {
    let (from, inside) = source(bench, item)?;
    let to = dir.join(&inside);
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).at(|| format!("can't make {}", parent.display()))?;
    }
    if to.is_symlink() {
        return Ok(inside);
    }
    std::os::unix::fs::symlink(&from, &to)
        .at(|| format!("can't link {} to {}", to.display(), from.display()))?;
    Ok(inside)
}

/// A directory that survives from node to node: moved in, and moved out again by
/// [`give_back`].
fn keep(bench: Bench<'_>, dir: &Path, item: &Spanned<String>) -> Result<PathBuf, Trouble> {
    let inside = relative(item)?;
    let to = dir.join(&inside);
    if to.exists() {
        return Ok(inside);
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).at(|| format!("can't make {}", parent.display()))?;
    }
    let shelf = shelf(bench, &inside);
    let stored = fs::read_dir(&shelf).ok().into_iter().flatten().flatten();
    // Parallel nodes race for what is on the shelf: the rename decides.
    if !stored.into_iter().any(|entry| fs::rename(entry.path(), &to).is_ok()) {
        fs::create_dir_all(&to).at(|| format!("can't make {}", to.display()))?;
    }
    Ok(inside)
}

fn shelf(bench: Bench<'_>, inside: &Path) -> PathBuf {
    bench.root.join(STATE_DIR).join("keep").join(inside.to_string_lossy().replace(['/', '\\'], "_"))
}

fn setup(
    bench: Bench<'_>,
    workspace: &mut dyn Workspace,
    judged: &Judged<'_>,
    item: &Spanned<String>,
) -> Result<(), Trouble> {
    let check = Check { command: item.clone(), scope: CheckScope::Repo, name: None, timeout: None };
    let planned = PlannedCheck { normalized: command(bench, item), check, verbatim_because: None };
    let record = run_check(bench, workspace, judged, &planned, bench.config.check_timeout.value, true)?;
    // What setup writes is the pristine state; only its exit code counts.
    if record.exit_code == Some(0) && !record.timed_out {
        return Ok(());
    }
    let tail = crate::base::text::tail(record.stderr_tail.trim_end(), 400);
    Err(Trouble::Setup(format!(
        "{}: setup `{}` failed ({}): {tail}",
        item.span,
        item.value,
        checks::failure(&record)
    )))
}

/// A program of the project (`./tools/x`) is taken from audit.kdl's folder, as committed
/// there, and run in the worktree.
fn command(bench: Bench<'_>, item: &Spanned<String>) -> String {
    let folder = bench.root.join(&bench.config.folder);
    match item.value.strip_prefix("./") {
        Some(rest) => format!("{}/{rest}", crate::base::text::shell_quote(&folder.to_string_lossy())),
        None => item.value.clone(),
    }
}
