//! What audits ask of the database.

use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, Decode, Row, Type};

use crate::control::failure::LoopFailure;
use crate::control::loops::LoopRow;
use crate::control::repairs::RepairRow;
use crate::control::store::Store;
use crate::control::trouble::DbError;

/// Which loops an audit wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// A run's, by its id.
    Run(String),
    /// Those whose id begins so.
    Prefix(String),
    /// The newest of a repository that were judged.
    Newest(String, usize),
    /// All of a repository.
    Repo(String),
    /// Everything.
    All,
}

/// A repair with its loop.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct RepairOf {
    pub loop_id: String,
    pub repair: RepairRow,
}

/// A row of `thread_events`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct ThreadEvent {
    pub run_id: String,
    pub loop_id: Option<String>,
    pub at: String,
    pub kind: String,
    pub what: String,
}

impl Store {
    /// True if audits can be kept here.
    pub fn has_audits(&mut self) -> bool {
        let asked = self.read(async |conn: &mut AnyConnection| {
            sqlx::query("SELECT COUNT(*) FROM audit_runs").fetch_one(conn).await
        });
        asked.is_ok()
    }

    /// Loops, oldest verdict first; those without one come last.
    ///
    /// # Errors
    /// The database failed.
    pub fn loops(&mut self, wanted: &Wanted) -> Result<Vec<LoopRow>, DbError> {
        let mut rows: Vec<LoopRow> = self.read(async |conn: &mut AnyConnection| {
            let query = match wanted {
                Wanted::Run(run) => {
                    sqlx::query("SELECT * FROM loop_runs WHERE run_id = $1").bind(run.clone())
                }
                Wanted::Prefix(prefix) => {
                    sqlx::query("SELECT * FROM loop_runs WHERE loop_id LIKE $1").bind(format!("{prefix}%"))
                }
                Wanted::Newest(repo, most) => sqlx::query(
                    "SELECT * FROM loop_runs WHERE repo_id = $1 AND finished_at IS NOT NULL
                     AND status NOT IN ('pending', 'running')
                     ORDER BY finished_at DESC, loop_id LIMIT $2",
                )
                .bind(repo.clone())
                .bind(i64::try_from(*most).unwrap_or(i64::MAX)),
                Wanted::Repo(repo) => {
                    sqlx::query("SELECT * FROM loop_runs WHERE repo_id = $1").bind(repo.clone())
                }
                Wanted::All => sqlx::query("SELECT * FROM loop_runs"),
            };
            query.fetch_all(conn).await?.iter().map(loop_row).collect()
        })?;
        rows.sort_by(|a, b| order(a).cmp(&order(b)));
        Ok(rows)
    }

    /// The repairs of some runs' loops, oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub fn repairs(&mut self, runs: &[(String, String)]) -> Result<Vec<RepairOf>, DbError> {
        self.read(async |conn: &mut AnyConnection| {
            let mut found = Vec::new();
            for (repo, run) in runs {
                let query = "SELECT * FROM repair_attempts WHERE repo_id = $1 AND run_id = $2 ORDER BY at, loop_id, cycle";
                for row in sqlx::query(query).bind(repo).bind(run).fetch_all(&mut *conn).await? {
                    found.push(repair(&row)?);
                }
            }
            Ok(found)
        })
    }

    /// The events of some runs, in order.
    ///
    /// # Errors
    /// The database failed.
    pub fn events(&mut self, runs: &[(String, String)]) -> Result<Vec<ThreadEvent>, DbError> {
        self.read(async |conn: &mut AnyConnection| {
            let mut found = Vec::new();
            for (repo, run) in runs {
                let query = "SELECT * FROM thread_events WHERE repo_id = $1 AND run_id = $2 ORDER BY seq";
                for row in sqlx::query(query).bind(repo).bind(run).fetch_all(&mut *conn).await? {
                    found.push(ThreadEvent {
                        run_id: get(&row, "run_id")?,
                        loop_id: optional(&row, "loop_id")?,
                        at: get(&row, "at")?,
                        kind: get(&row, "kind")?,
                        what: get(&row, "what")?,
                    });
                }
            }
            Ok(found)
        })
    }
}

fn order(row: &LoopRow) -> (bool, Option<&str>, &str) {
    (row.finished_at.is_none(), row.finished_at.as_deref(), &row.loop_id)
}

fn loop_row(row: &AnyRow) -> sqlx::Result<LoopRow> {
    let classification: Option<String> = optional(row, "classification")?;
    let failure = match classification {
        None => None,
        Some(classification) => Some(LoopFailure {
            blocker_reason: optional(row, "blocker_reason")?.unwrap_or_default(),
            error_summary: optional(row, "error_summary")?.unwrap_or_default(),
            classification,
            repair_outcome: optional(row, "repair_outcome")?.unwrap_or_default(),
        }),
    };
    let attempts: i64 = get(row, "attempts")?;
    Ok(LoopRow {
        repo_id: get(row, "repo_id")?,
        loop_id: get(row, "loop_id")?,
        run_id: get(row, "run_id")?,
        node_id: get(row, "node_id")?,
        title: get(row, "title")?,
        status: get(row, "status")?,
        verifier_status: get(row, "verifier_status")?,
        verifier_type: optional(row, "verifier_type")?,
        cleanup_status: get(row, "cleanup_status")?,
        failure,
        problem_keys: list(row, "problem_keys")?,
        excerpts: list(row, "excerpts")?,
        commit_id: optional(row, "commit_id")?,
        attempts: u32::try_from(attempts).unwrap_or(0),
        started_at: optional(row, "started_at")?,
        finished_at: optional(row, "finished_at")?,
    })
}

fn repair(row: &AnyRow) -> sqlx::Result<RepairOf> {
    let cycle: i64 = get(row, "cycle")?;
    Ok(RepairOf {
        loop_id: get(row, "loop_id")?,
        repair: RepairRow {
            cycle: u32::try_from(cycle).unwrap_or(0),
            problem_key: get(row, "problem_key")?,
            reason: get(row, "reason")?,
            outcome: get(row, "outcome")?,
            at: get(row, "at")?,
        },
    })
}

/// A column that always has a value.
pub(super) fn get<'r, T: Decode<'r, Any> + Type<Any>>(row: &'r AnyRow, name: &str) -> sqlx::Result<T> {
    row.try_get(name)
}

/// A column of text that may have none.
pub(super) fn optional(row: &AnyRow, name: &str) -> sqlx::Result<Option<String>> {
    row.try_get(name)
}

fn list(row: &AnyRow, name: &str) -> sqlx::Result<Vec<String>> {
    let text: String = get(row, name)?;
    serde_json::from_str(&text).map_err(|e| sqlx::Error::Decode(Box::new(e)))
}
