//! A corpus without a database: from git's log, journals, results of tests, plans, lessons and
//! earlier reports.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::base::clock::iso;
use crate::control::LoopRow;
use crate::git::{Dated, History};
use crate::qa::corpus::checkout::{earlier, read_plans, read_results, run_verifier, unlanded};
use crate::qa::corpus::commits::{apply_results, mark_reverts, slice};
use crate::qa::corpus::from_loops::{self, judged, only, repair};
use crate::qa::corpus::gathered::{Gathered, Seen};
use crate::qa::corpus::intake::{IntakeError, Sources};
use crate::qa::corpus::journals::Journals;
use crate::qa::corpus::model::{Moment, ScopeType, Slice};
use crate::qa::corpus::plane::newest;
use crate::qa::corpus::registry;
use crate::qa::scope::Scope;

/// Commits that a scope without a bound of its own takes.
const COMMITS: usize = 200;
/// Later commits that count as opportunities of lessons.
const LATER: usize = 1000;

pub(super) fn gather(scope: &Scope, sources: &mut Sources<'_>) -> Result<Gathered, IntakeError> {
    let journals = Journals::read(sources.out, sources.repo_id);
    let mut found = Gathered::default();
    found.missing.extend(journals.missing.iter().cloned());
    if scope.is_standalone() {
        of_commits(scope, sources, &journals, &mut found)?;
    } else {
        of_runs(scope, sources, &journals, &mut found)?;
    }
    lessons(sources, &mut found);
    opportunities(sources, &mut found)?;
    earlier(scope, sources, &mut found);
    newest(&mut found);
    Ok(found)
}

/// `standalone …`: commits, what tests say of them, and plans.
fn of_commits(
    scope: &Scope,
    sources: &mut Sources<'_>,
    journals: &Journals,
    found: &mut Gathered,
) -> Result<(), IntakeError> {
    found.reference = match scope {
        Scope::Plan(path) => path.clone(),
        _ => "HEAD".to_owned(),
    };
    let commits = commits(scope, sources)?;
    take_commits(&commits, journals, found);
    let plans = read_plans(sources.repo.root(), scope, found);
    let mut results = read_results(sources.repo.root(), found);
    if results.is_empty() {
        results.extend(run_verifier(sources, &plans, found));
    }
    results.sort_by(|a, b| (&a.at, &a.source).cmp(&(&b.at, &b.source)));
    for (source, assumption) in apply_results(&mut found.slices, &results) {
        found.lack(source, assumption);
    }
    for result in &results {
        if let Some(at) = &result.at {
            found.timeline.push(Moment { at: at.clone(), slice_id: None, what: result.excerpt() });
        }
    }
    unlanded(&plans, scope, found);
    Ok(())
}

fn commits(scope: &Scope, sources: &Sources<'_>) -> Result<Vec<Dated>, IntakeError> {
    let Some(head) = sources.repo.head()?.commit else {
        let help = "commit something first".to_owned();
        return Err(IntakeError::Scope("there is no commit to audit".to_owned(), help));
    };
    Ok(match scope {
        Scope::Commits(n) => sources.repo.history(&head, &History::Newest(*n))?,
        Scope::Since(day) => {
            let start = format!("{day}T00:00:00Z").parse().unwrap_or(Timestamp::UNIX_EPOCH);
            sources.repo.history(&head, &History::Since(start))?
        }
        Scope::Plan(path) => {
            let mut all = sources.repo.history(&head, &History::Saying("Plan: "))?;
            all.retain(|d| names_plan(&d.commit.message, path));
            all
        }
        _ => sources.repo.history(&head, &History::Newest(COMMITS))?,
    })
}

/// `Plan: PATH` stands somewhere in a message, and the path ends there.
fn names_plan(message: &str, path: &str) -> bool {
    let ends = |rest: &str| {
        let mut after = rest.chars();
        match after.next() {
            None => true,
            Some('.') => after.next().is_none_or(char::is_whitespace),
            Some(c) => c.is_whitespace() || "),;]`\"'>".contains(c),
        }
    };
    message.split("Plan: ").skip(1).any(|rest| {
        let rest = rest.trim_start().trim_start_matches(['`', '"', '<', '\'']);
        let rest = rest.strip_prefix("./").unwrap_or(rest);
        rest.strip_prefix(path).is_some_and(ends)
    })
}

/// Commits as slices; a node's commit has what its run's journal says of it.
fn take_commits(commits: &[Dated], journals: &Journals, found: &mut Gathered) {
    let mut unknown = BTreeSet::new();
    for dated in commits {
        let bare = slice(dated, None);
        let of = bare.run_id.as_deref().zip(bare.node_id.as_deref());
        let row = of.and_then(|(run, node)| journals.of(run, node));
        if let (Some((run, _)), None) = (of, row) {
            unknown.insert(run.to_owned());
        }
        let made = slice(dated, row);
        let repairs = row.and_then(|r| journals.repairs.get(&r.loop_id)).into_iter().flatten();
        found.repairs.extend(repairs.map(|r| repair(&made.slice_id, r)));
        let what = format!("landed: {}", made.title);
        found.timeline.push(Moment { at: made.at.clone(), slice_id: Some(made.slice_id.clone()), what });
        found.slices.push(made);
    }
    mark_reverts(&mut found.slices, commits);
    for run in unknown {
        found
            .lack(format!("run {run}"), "its journal is not here: its nodes are known by their commits only");
    }
}

/// A scope that a database would have answered: the loops of the journals, and for a scope of
/// a repository the commits that no loop made.
fn of_runs(
    scope: &Scope,
    sources: &Sources<'_>,
    journals: &Journals,
    found: &mut Gathered,
) -> Result<(), IntakeError> {
    let usage = |message: String, help: String| IntakeError::Scope(message, help);
    let rows: Vec<&LoopRow> = journals.loops.iter().filter(|r| judged(r)).collect();
    let rows: Vec<&LoopRow> = match scope {
        Scope::Loop(prefix) => {
            let of: Vec<LoopRow> =
                journals.loops.iter().filter(|r| r.loop_id.starts_with(prefix)).cloned().collect();
            let help = "it is looked for in the journals of this repository's runs".to_owned();
            let row = only(prefix, of).map_err(|e| usage(e, help))?;
            found.reference = row.loop_id.clone();
            rows.into_iter().filter(|r| r.loop_id == row.loop_id).collect()
        }
        Scope::Run(run) => {
            found.reference = run.to_string();
            let of: Vec<&LoopRow> = rows.into_iter().filter(|r| r.run_id == run.as_str()).collect();
            if of.is_empty() {
                let help = "without a database only runs whose journals are here can be audited".to_owned();
                return Err(usage(format!("there is no journal of run {run} with a judged node"), help));
            }
            of
        }
        Scope::Repo(repo, _) | Scope::Effectiveness(repo) if repo != sources.repo_id => {
            let help = format!("without a database only this repository can be audited: {}", sources.repo_id);
            return Err(usage(format!("nothing is known of a repository {repo:?}"), help));
        }
        _ => {
            let whole = scope.kind() == ScopeType::Pipeline;
            found.reference = if whole { "pipeline".to_owned() } else { sources.repo_id.to_owned() };
            rows
        }
    };
    take_loops(&rows, scope, journals, found);
    if !matches!(scope, Scope::Loop(_) | Scope::Run(_)) && sources.repo.head()?.commit.is_some() {
        let landed: BTreeSet<&str> = rows.iter().filter_map(|r| r.commit_id.as_deref()).collect();
        let mut others = commits(scope, sources)?;
        if others.len() == COMMITS {
            found.lack("git log", format!("only the newest {COMMITS} commits are read"));
        }
        others.retain(|d| !landed.contains(d.commit.id.as_str()));
        // A node's commit of a run that is known stands for its loop already.
        others.retain(|d| {
            let of = |key: &str| d.commit.trailer(key).first().map(|v| (*v).to_owned());
            !of("Audit-Run")
                .zip(of("Audit-Node"))
                .is_some_and(|(run, node)| journals.of(&run, &node).is_some())
        });
        take_commits(&others, journals, found);
    }
    if let Scope::Repo(_, most) = scope {
        keep_newest(found, *most);
    }
    Ok(())
}

fn take_loops(rows: &[&LoopRow], scope: &Scope, journals: &Journals, found: &mut Gathered) {
    let ids: BTreeSet<&str> = rows.iter().map(|r| r.loop_id.as_str()).collect();
    let runs: BTreeSet<&str> = rows.iter().map(|r| r.run_id.as_str()).collect();
    found.slices.extend(rows.iter().map(|r| from_loops::slice(r)));
    for row in rows {
        let repairs = journals.repairs.get(&row.loop_id).into_iter().flatten();
        found.repairs.extend(repairs.map(|r| repair(&row.loop_id, r)));
    }
    let whole = matches!(scope, Scope::Run(_) | Scope::Pipeline(_));
    let wanted = |(run, moment): &&(String, Moment)| match &moment.slice_id {
        Some(id) => ids.contains(id.as_str()),
        None => whole && runs.contains(run.as_str()),
    };
    found.timeline.extend(journals.events.iter().filter(wanted).map(|(_, moment)| moment.clone()));
}

fn keep_newest(found: &mut Gathered, most: usize) {
    found.sort();
    let all = found.slices.len();
    found.slices.drain(..all.saturating_sub(most));
    let ids: BTreeSet<String> = found.slices.iter().map(|s| s.slice_id.clone()).collect();
    found.repairs.retain(|r| ids.contains(&r.slice_id));
    found.timeline.retain(|m| m.slice_id.as_ref().is_none_or(|id| ids.contains(id)));
}

fn lessons(sources: &Sources<'_>, found: &mut Gathered) {
    match registry::read(sources.repo.root()) {
        Ok(Some(registry)) => found.lessons = registry.lessons,
        Ok(None) => {}
        Err(why) => found.lack(registry::PLACE, format!("{why}: its lessons are left out")),
    }
}

/// The work after the earliest promotion, in scope or not: without a database every commit
/// counts.
fn opportunities(sources: &Sources<'_>, found: &mut Gathered) -> Result<(), IntakeError> {
    let seen = |s: &Slice| Seen {
        slice_id: s.slice_id.clone(),
        at: s.at.clone(),
        repo_id: sources.repo_id.to_owned(),
        verifier_type: s.verifier_type.clone(),
        problem_keys: s.problem_keys.clone(),
    };
    found.seen = found.slices.iter().map(seen).collect();
    let promoted = found.lessons.iter().filter_map(|l| l.promoted_at.as_deref()?.parse::<Timestamp>().ok());
    let (Some(since), Some(head)) = (promoted.min(), sources.repo.head()?.commit) else { return Ok(()) };
    let known: BTreeSet<String> =
        found.slices.iter().flat_map(|s| [Some(s.slice_id.clone()), s.commit.clone()]).flatten().collect();
    let mut later = sources.repo.history(&head, &History::Since(since))?;
    if later.len() > LATER {
        later.drain(..later.len() - LATER);
    }
    for dated in later.iter().filter(|d| !known.contains(d.commit.id.as_str())) {
        found.seen.push(Seen {
            slice_id: dated.commit.id.to_string(),
            at: iso(dated.at),
            repo_id: sources.repo_id.to_owned(),
            verifier_type: None,
            problem_keys: Vec::new(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::names_plan;

    #[test]
    fn a_plan_is_named_whole() {
        let path = "docs/plans/a.md";
        for message in
            ["x\n\nPlan: docs/plans/a.md\n", "Plan: docs/plans/a.md.", "(Plan: `./docs/plans/a.md`)"]
        {
            assert!(names_plan(message, path), "{message}");
        }
        for message in
            ["Plan: docs/plans/a.md2", "Plan: docs/plans/a.mdx y", "see docs/plans/a.md", "Plan: b"]
        {
            assert!(!names_plan(message, path), "{message}");
        }
    }
}
