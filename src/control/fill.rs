//! Fills the tables from a journal: replays what was added, and writes what it changed in one
//! transaction. Every row is keyed by what it is about and written whole, so that doing it
//! again changes nothing.

use std::collections::BTreeSet;
use std::path::Path;

use sqlx::AnyConnection;

use crate::base::Id;
use crate::control::lesson::Lesson;
use crate::control::lessons::{self, keep, support};
use crate::control::loops::{FactRow, LandingRow, LoopRow, landings, loop_facts, loop_id, row, run_facts};
use crate::control::repairs::{RepairRow, repairs};
use crate::control::store::Store;
use crate::control::thread::thread_event;
use crate::control::trouble::DbError;
use crate::event::{Event, Record};
use crate::journal::{Follower, JournalError, RunState};

/// A journal on its way into the database.
pub(super) struct Fill {
    repo_id: String,
    follower: Follower,
    state: RunState,
}

/// What one step of it changes.
#[derive(Default)]
struct Changes {
    /// The plan changed: what it no longer has goes.
    replanned: bool,
    nodes: BTreeSet<Id>,
    /// (seq, at, kind, loop, sentence)
    events: Vec<(i64, String, &'static str, Option<String>, String)>,
    /// With the loop that shows each.
    lessons: Vec<(Lesson, String)>,
}

impl Fill {
    pub(super) fn new(repo_id: &str, journal: &Path) -> Fill {
        Fill { repo_id: repo_id.to_owned(), follower: Follower::new(journal), state: RunState::default() }
    }

    /// Takes in what was added and writes it. After an error of the database, what was taken in
    /// is lost to this value: begin again with a new one.
    pub(super) fn step(&mut self, store: &mut Store) -> Result<(), FillError> {
        let added = self.follower.added().map_err(FillError::Journal)?;
        if added.is_empty() {
            return Ok(());
        }
        let changes = self.take(&added);
        let (repo, state) = (self.repo_id.as_str(), &self.state);
        store
            .write(async |conn: &mut AnyConnection| write(conn, repo, state, &changes).await)
            .map_err(FillError::Database)
    }

    /// The run's id once it is known, and how many loops it has.
    pub(super) fn run(&self) -> (&str, usize) {
        (self.state.run_id(), self.state.nodes.len())
    }

    fn take(&mut self, added: &[Record]) -> Changes {
        let mut changes = Changes::default();
        for record in added {
            self.state.apply(record);
            if matches!(record.event, Event::Planned { .. } | Event::RunResumed { .. }) {
                changes.replanned = true;
            }
            let run_id = self.state.run_id();
            if let Some((kind, node, what)) = thread_event(record) {
                let of = node.map(|node| loop_id(run_id, node.as_str()));
                let seq = i64::try_from(record.seq).unwrap_or(i64::MAX);
                changes.events.push((seq, record.at.clone(), kind, of, what));
            }
            changes.nodes.extend(node_of(&record.event).cloned());
            if let Some((lesson, node)) = lessons::taught(&self.repo_id, record, &self.state) {
                changes.lessons.push((lesson, loop_id(run_id, node.id.as_str())));
            }
        }
        changes
    }
}

/// The journal or the database failed.
pub(super) enum FillError {
    Journal(JournalError),
    Database(DbError),
}

/// The node whose rows an event changes.
fn node_of(event: &Event) -> Option<&Id> {
    match event {
        Event::NodeReset { node, .. }
        | Event::Dispatched { node, .. }
        | Event::WorktreeReady { node, .. }
        | Event::Captured { node, .. }
        | Event::Gate { node, .. }
        | Event::Check { node, .. }
        | Event::Landed { node, .. }
        | Event::NodeFinished { node, .. }
        | Event::Remediation { node, .. }
        | Event::SplitProposed { node, .. } => Some(node),
        Event::AgentFinished { subject, .. } => subject.as_ref(),
        Event::Invariant { node, .. } => node.as_ref(),
        _ => None,
    }
}

async fn write(
    conn: &mut AnyConnection,
    repo: &str,
    state: &RunState,
    changes: &Changes,
) -> sqlx::Result<()> {
    let run = state.run_id();
    if run.is_empty() {
        return Ok(());
    }
    if changes.replanned {
        let all = "DELETE FROM loop_runs WHERE repo_id = $1 AND run_id = $2";
        sqlx::query(all).bind(repo).bind(run).execute(&mut *conn).await?;
    }
    let changed = |id: &Id| changes.replanned || changes.nodes.contains(id);
    for node in state.nodes.iter().filter(|n| changed(&n.id)) {
        loop_run(&mut *conn, &row(repo, run, node)).await?;
        for repair in repairs(node) {
            repair_attempt(&mut *conn, repo, run, &loop_id(run, node.id.as_str()), &repair).await?;
        }
        for fact in loop_facts(run, node) {
            put_fact(&mut *conn, repo, run, &fact).await?;
        }
    }
    let landed = |of: &LandingRow| changes.nodes.iter().any(|n| n.as_str() == of.node_id);
    for landing in landings(state).iter().filter(|l| changes.replanned || landed(l)) {
        landing_result(&mut *conn, repo, run, landing).await?;
    }
    for fact in run_facts(state) {
        put_fact(&mut *conn, repo, run, &fact).await?;
    }
    for event in &changes.events {
        put_event(&mut *conn, repo, run, event).await?;
    }
    for (lesson, of) in &changes.lessons {
        let name = support(&lesson.lesson_id);
        let shows = FactRow {
            loop_id: of.clone(),
            name,
            value: lesson.lesson_type.clone(),
            at: lesson.created_at.clone(),
        };
        put_fact(&mut *conn, repo, run, &shows).await?;
        keep(&mut *conn, lesson).await?;
    }
    Ok(())
}

async fn loop_run(conn: &mut AnyConnection, row: &LoopRow) -> sqlx::Result<()> {
    let failure = row.failure.as_ref();
    sqlx::query("DELETE FROM loop_runs WHERE repo_id = $1 AND run_id = $2 AND node_id = $3")
        .bind(&row.repo_id)
        .bind(&row.run_id)
        .bind(&row.node_id)
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "INSERT INTO loop_runs (repo_id, loop_id, run_id, node_id, title, status, verifier_status, verifier_type,
            cleanup_status, blocker_reason, error_summary, classification, repair_outcome, problem_keys, excerpts,
            commit_id, attempts, started_at, finished_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
    )
    .bind(&row.repo_id)
    .bind(&row.loop_id)
    .bind(&row.run_id)
    .bind(&row.node_id)
    .bind(&row.title)
    .bind(&row.status)
    .bind(&row.verifier_status)
    .bind(&row.verifier_type)
    .bind(&row.cleanup_status)
    .bind(failure.map(|f| f.blocker_reason.clone()))
    .bind(failure.map(|f| f.error_summary.clone()))
    .bind(failure.map(|f| f.classification.clone()))
    .bind(failure.map(|f| f.repair_outcome.clone()))
    .bind(list(&row.problem_keys))
    .bind(list(&row.excerpts))
    .bind(&row.commit_id)
    .bind(i64::from(row.attempts))
    .bind(&row.started_at)
    .bind(&row.finished_at)
    .execute(conn)
    .await?;
    Ok(())
}

fn list(texts: &[String]) -> String {
    serde_json::Value::from(texts).to_string()
}

async fn repair_attempt(
    conn: &mut AnyConnection,
    repo: &str,
    run: &str,
    of: &str,
    row: &RepairRow,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO repair_attempts (repo_id, loop_id, run_id, cycle, problem_key, reason, outcome, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (repo_id, loop_id, cycle) DO UPDATE SET problem_key = excluded.problem_key,
            reason = excluded.reason, outcome = excluded.outcome, at = excluded.at",
    )
    .bind(repo)
    .bind(of)
    .bind(run)
    .bind(i64::from(row.cycle))
    .bind(&row.problem_key)
    .bind(&row.reason)
    .bind(&row.outcome)
    .bind(&row.at)
    .execute(conn)
    .await?;
    Ok(())
}

async fn landing_result(
    conn: &mut AnyConnection,
    repo: &str,
    run: &str,
    row: &LandingRow,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO landing_results (repo_id, loop_id, run_id, node_id, commit_id, old_head, tree, rebased,
            retested, landed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (repo_id, run_id, commit_id) DO NOTHING",
    )
    .bind(repo)
    .bind(&row.loop_id)
    .bind(run)
    .bind(&row.node_id)
    .bind(&row.commit_id)
    .bind(&row.old_head)
    .bind(&row.tree)
    .bind(i64::from(row.rebased))
    .bind(i64::from(row.retested))
    .bind(&row.landed_at)
    .execute(conn)
    .await?;
    Ok(())
}

async fn put_fact(conn: &mut AnyConnection, repo: &str, run: &str, row: &FactRow) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO facts (repo_id, run_id, loop_id, name, value, at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (repo_id, run_id, loop_id, name) DO UPDATE SET value = excluded.value, at = excluded.at",
    )
    .bind(repo)
    .bind(run)
    .bind(&row.loop_id)
    .bind(&row.name)
    .bind(&row.value)
    .bind(&row.at)
    .execute(conn)
    .await?;
    Ok(())
}

async fn put_event(
    conn: &mut AnyConnection,
    repo: &str,
    run: &str,
    (seq, at, kind, of, what): &(i64, String, &'static str, Option<String>, String),
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO thread_events (repo_id, run_id, seq, loop_id, at, kind, what)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (repo_id, run_id, seq) DO UPDATE SET loop_id = excluded.loop_id, at = excluded.at,
            kind = excluded.kind, what = excluded.what",
    )
    .bind(repo)
    .bind(run)
    .bind(seq)
    .bind(of)
    .bind(at)
    .bind(*kind)
    .bind(what)
    .execute(conn)
    .await?;
    Ok(())
}
