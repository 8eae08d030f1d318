//! A corpus from the control-plane database.

use std::collections::BTreeSet;
use std::path::Path;

use crate::base::text::count;
use crate::control::{self, AuditRow, LoopRow, Store, Wanted};
use crate::journal::Follower;
use crate::qa::corpus::from_loops::{judged, only, repair, seen, slice};
use crate::qa::corpus::gathered::Gathered;
use crate::qa::corpus::intake::IntakeError;
use crate::qa::corpus::model::{EarlierAudit, Moment, ScopeType};
use crate::qa::scope::Scope;

/// Accepted audits that regression looks at.
const EARLIER: u32 = 10;
/// Events that a corpus holds; the newest of more.
pub(super) const MOMENTS: usize = 5000;

/// Asks the database for everything that the scope needs.
pub(super) fn gather(
    scope: &Scope,
    store: &mut Store,
    repo_id: &str,
    out: &Path,
) -> Result<Gathered, IntakeError> {
    let mut found = Gathered::default();
    let rows = rows(scope, store, &mut found)?;
    let undone = rows.iter().filter(|r| !judged(r)).count();
    if undone > 0 {
        let what = format!("{} without a verdict: left out", count(undone, "loop"));
        found.lack("loop_runs", what);
    }
    let rows: Vec<LoopRow> = rows.into_iter().filter(judged).collect();
    let repo = match scope {
        Scope::Pipeline(_) => None,
        Scope::Repo(repo, _) | Scope::Effectiveness(repo) => Some(repo.clone()),
        _ => Some(rows.first().map_or_else(|| repo_id.to_owned(), |r| r.repo_id.clone())),
    };
    let everything = repo.clone().map_or(Wanted::All, Wanted::Repo);
    found.seen = store.loops(&everything)?.iter().filter(|r| judged(r)).map(seen).collect();
    found.lessons = store.lessons(repo.as_deref())?;
    history(scope, store, &rows, &mut found)?;
    found.slices = rows.iter().map(slice).collect();
    found.earlier = earlier(scope, store, &found.reference)?;
    if repo.is_none_or(|repo| repo == repo_id) {
        unsynced(store, repo_id, out, &mut found)?;
    }
    Ok(found)
}

/// The loops of the scope, and what its reference is.
fn rows(scope: &Scope, store: &mut Store, found: &mut Gathered) -> Result<Vec<LoopRow>, IntakeError> {
    let (reference, rows) = match scope {
        Scope::Loop(prefix) => {
            let all = store.loops(&Wanted::Prefix(prefix.clone()))?;
            let help =
                "`auditrun db sync` fills the database from the journals; a whole run is loop-<run id>";
            let row = only(prefix, all).map_err(|e| IntakeError::Scope(e, help.to_owned()))?;
            (row.loop_id.clone(), vec![row])
        }
        Scope::Run(run) => {
            let all = store.loops(&Wanted::Run(run.to_string()))?;
            if all.is_empty() {
                let help = "`auditrun db sync` fills the database from the journals".to_owned();
                return Err(IntakeError::Scope(format!("run {run} is not in {}", store.place()), help));
            }
            (run.to_string(), all)
        }
        Scope::Repo(repo, most) => (repo.clone(), store.loops(&Wanted::Newest(repo.clone(), *most))?),
        Scope::Effectiveness(repo) => (repo.clone(), store.loops(&Wanted::Repo(repo.clone()))?),
        _ => ("pipeline".to_owned(), store.loops(&Wanted::All)?),
    };
    if let Scope::Repo(repo, _) | Scope::Effectiveness(repo) = scope
        && rows.is_empty()
        && store.lessons(Some(repo))?.is_empty()
    {
        let known: BTreeSet<String> = store.loops(&Wanted::All)?.into_iter().map(|r| r.repo_id).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let help = format!("repositories in {}: {known}", store.place());
        return Err(IntakeError::Scope(format!("nothing is known of a repository {repo:?}"), help));
    }
    found.reference = reference;
    Ok(rows)
}

/// Repairs and events of the loops in scope; with whole runs, the runs' own events too.
fn history(
    scope: &Scope,
    store: &mut Store,
    rows: &[LoopRow],
    found: &mut Gathered,
) -> Result<(), IntakeError> {
    let runs: BTreeSet<(String, String)> =
        rows.iter().map(|r| (r.repo_id.clone(), r.run_id.clone())).collect();
    let runs: Vec<(String, String)> = runs.into_iter().collect();
    let ids: BTreeSet<&str> = rows.iter().map(|r| r.loop_id.as_str()).collect();
    let repairs = store.repairs(&runs)?;
    let in_scope = repairs.iter().filter(|r| ids.contains(r.loop_id.as_str()));
    found.repairs = in_scope.map(|r| repair(&r.loop_id, &r.repair)).collect();
    let whole = matches!(scope, Scope::Run(_) | Scope::Pipeline(_));
    let wanted = |id: &Option<String>| id.as_deref().map_or(whole, |id| ids.contains(id));
    let events = store.events(&runs)?.into_iter().filter(|e| wanted(&e.loop_id));
    found.timeline = events.map(|e| Moment { at: e.at, slice_id: e.loop_id, what: e.what }).collect();
    newest(found);
    Ok(())
}

/// Cuts the timeline to what a corpus holds.
pub(super) fn newest(found: &mut Gathered) {
    let all = found.timeline.len();
    if all > MOMENTS {
        found.timeline.sort_by(|a, b| a.at.cmp(&b.at));
        found.timeline.drain(..all - MOMENTS);
        found.lack("timeline", format!("only the newest {MOMENTS} of {all} events are kept"));
    }
}

fn earlier(scope: &Scope, store: &mut Store, reference: &str) -> Result<Vec<EarlierAudit>, IntakeError> {
    let audits = store.audits(word(scope.kind()), reference, EARLIER)?;
    let one = |(audit, effectiveness): (AuditRow, _)| {
        let counts = |severity: &str| {
            let n = audit.detail.pointer(&format!("/finding_counts/{severity}")).and_then(|n| n.as_u64());
            u32::try_from(n.unwrap_or(0)).unwrap_or(u32::MAX)
        };
        let keys = audit.detail.get("problem_keys").and_then(|k| k.as_array());
        let keys = keys.into_iter().flatten().filter_map(|k| Some(k.as_str()?.to_owned()));
        EarlierAudit {
            critical: counts("critical"),
            warning: counts("warning"),
            info: counts("info"),
            effectiveness,
            problem_keys: keys.collect(),
            audit_run_id: audit.audit_run_id,
            at: audit.created_at,
        }
    };
    Ok(audits.into_iter().map(one).collect())
}

/// The word for a scope's type in tables and in sentences.
pub fn word(kind: ScopeType) -> &'static str {
    match kind {
        ScopeType::Loop => "LOOP",
        ScopeType::Repo => "REPO",
        ScopeType::Pipeline => "PIPELINE",
        ScopeType::Effectiveness => "EFFECTIVENESS",
        ScopeType::Standalone => "STANDALONE",
    }
}

/// Runs whose journals are here and of which the database knows nothing.
fn unsynced(store: &mut Store, repo_id: &str, out: &Path, found: &mut Gathered) -> Result<(), IntakeError> {
    for file in control::journals(out) {
        let Ok(records) = Follower::new(&file.path).added() else { continue };
        let state = crate::journal::replay(&records);
        if state.nodes.is_empty() {
            continue;
        }
        let known = store.loops(&Wanted::Run(state.run_id().to_owned()))?;
        if known.iter().any(|r| r.repo_id == repo_id) {
            continue;
        }
        let what = "it is not in the database, and left out; `auditrun db sync` brings it";
        found.lack(format!("run {}", state.run_id()), what);
    }
    Ok(())
}
