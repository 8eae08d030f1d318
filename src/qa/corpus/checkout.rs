//! The files of a checkout that a corpus is read from: results of tests, plans, earlier reports.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use crate::base::clock::iso;
use crate::base::text::count;
use crate::qa::corpus::gathered::Gathered;
use crate::qa::corpus::intake::Sources;
use crate::qa::corpus::plans::{self, PlanFile};
use crate::qa::corpus::reports;
use crate::qa::corpus::results::{self, Results};
use crate::qa::scope::{Scope, short};

/// Where results of tests are.
const RESULTS: &str = "test-results";
/// The largest file that is read.
const LARGEST: u64 = 32 * 1024 * 1024;
/// Earlier reports that regression looks at.
const EARLIER: usize = 10;
/// Slices of a plan that are named as not landed.
const UNLANDED: usize = 20;

/// Files of a directory below the root with one of these endings, by name.
fn files(dir: &Path, endings: &[&str]) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let plain = entries.filter(|e| e.file_type().is_ok_and(|t| t.is_file()));
    let mut names: Vec<String> = plain.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|n| endings.iter().any(|end| n.ends_with(end)));
    names.sort();
    names
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > LARGEST {
        return Err("it is larger than 32 MiB".to_owned());
    }
    Ok(bytes)
}

pub(super) fn read_results(root: &Path, found: &mut Gathered) -> Vec<Results> {
    let dir = root.join(RESULTS);
    let mut all = Vec::new();
    for name in files(&dir, &[".json", ".xml"]) {
        let source = format!("{RESULTS}/{name}");
        let read = bytes(&dir.join(&name)).and_then(|bytes| match name.ends_with(".xml") {
            true => results::junit(&source, &bytes),
            false => results::pytest(&source, &bytes),
        });
        match read {
            Ok(results) => all.push(results),
            Err(why) => found.lack(source, format!("{why}: it is left out")),
        }
    }
    all
}

/// The plans of the scope: its own, or all of docs/plans/.
pub(super) fn read_plans(root: &Path, scope: &Scope, found: &mut Gathered) -> Vec<PlanFile> {
    let paths: Vec<String> = match scope {
        Scope::Plan(path) => vec![path.clone()],
        _ => {
            let names = files(&root.join(plans::PLACE), &[".md", ".json", ".yaml", ".yml", ".txt"]);
            names.into_iter().map(|name| format!("{}/{name}", plans::PLACE)).collect()
        }
    };
    if paths.is_empty() {
        found.lack(
            format!("{}/", plans::PLACE),
            "there is no plan: what was planned can't be held against what landed",
        );
    }
    let mut all = Vec::new();
    for path in paths {
        match bytes(&root.join(&path)) {
            Ok(bytes) => all.push(plans::read(&path, &String::from_utf8_lossy(&bytes))),
            Err(why) => found.lack(path, format!("{why}: what was planned is not known")),
        }
    }
    all
}

/// Without results the newest plan's command is run here.
pub(super) fn run_verifier(
    sources: &mut Sources<'_>,
    plans: &[PlanFile],
    found: &mut Gathered,
) -> Option<Results> {
    let with = plans.iter().rev().find_map(|p| Some((p, p.verifier_command.as_ref()?)));
    let Some((plan, command)) = with else {
        let what = "there are no results, and no plan has a verifier_command: no outcome of a test is known";
        found.lack(format!("{RESULTS}/"), what);
        return None;
    };
    let source = format!("verifier_command of {}", plan.path);
    match sources.verifier.verify(command) {
        Ok(ran) => {
            let what = format!("there are no results: `{command}` was run at {}", ran.commit);
            found.lack(format!("{RESULTS}/"), what);
            Some(results::command(&source, iso(ran.at), ran.commit, ran.passed, &ran.said))
        }
        Err(why) => {
            found.lack(
                format!("{RESULTS}/"),
                format!("there are no results, and the {source} could not be run: {why}"),
            );
            None
        }
    }
}

/// Plan against landed: slices of plans that no commit names.
pub(super) fn unlanded(plans: &[PlanFile], scope: &Scope, found: &mut Gathered) {
    let landed: BTreeSet<String> = found.slices.iter().filter_map(|s| s.plan_slice.clone()).collect();
    for plan in plans {
        // A plan of which nothing is in scope was not looked for.
        let own = matches!(scope, Scope::Plan(_)) || plan.slices.iter().any(|id| landed.contains(id));
        let absent: Vec<&str> =
            plan.slices.iter().filter(|id| own && !landed.contains(*id)).map(String::as_str).collect();
        if !absent.is_empty() {
            let shown = absent.iter().take(UNLANDED).copied().collect::<Vec<_>>().join(", ");
            let more = absent.len().saturating_sub(UNLANDED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let what = format!(
                "{} without a commit in scope, taken as not landed: {shown}{more}",
                count(absent.len(), "slice")
            );
            found.lack(plan.path.clone(), what);
        }
    }
}

pub(super) fn earlier(scope: &Scope, sources: &Sources<'_>, found: &mut Gathered) {
    let short = short(scope.kind(), &found.reference, sources.repo_id);
    let dir = sources.repo.root().join(reports::PLACE);
    let mut all = Vec::new();
    for name in files(&dir, &[".md"]) {
        let Some(day) = reports::day_of(&name, &short) else { continue };
        let path = format!("{}/{name}", reports::PLACE);
        match bytes(&dir.join(&name)) {
            Ok(bytes) => all.push(reports::read(&path, &day, &String::from_utf8_lossy(&bytes))),
            Err(why) => found.lack(path, format!("{why}: it is left out of the trend")),
        }
    }
    all.drain(..all.len().saturating_sub(EARLIER));
    found.earlier = all;
}
