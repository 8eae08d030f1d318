//! The tables and their versions. One text for every database; a change is a new migration at
//! the end of the list, never an edit of one.

use sqlx::AnyConnection;

/// Each brings the tables from the version before it to its own, its place in the list from 1.
const MIGRATIONS: [&str; 1] = ["
CREATE TABLE loop_runs (
    repo_id TEXT NOT NULL, loop_id TEXT NOT NULL, run_id TEXT NOT NULL, node_id TEXT NOT NULL,
    title TEXT NOT NULL, status TEXT NOT NULL, verifier_status TEXT NOT NULL, verifier_type TEXT,
    cleanup_status TEXT NOT NULL, blocker_reason TEXT, error_summary TEXT, classification TEXT,
    repair_outcome TEXT, problem_keys TEXT NOT NULL, excerpts TEXT NOT NULL, commit_id TEXT,
    attempts BIGINT NOT NULL, started_at TEXT, finished_at TEXT,
    PRIMARY KEY (repo_id, run_id, node_id)
);
CREATE INDEX loop_runs_by_id ON loop_runs (loop_id);
CREATE INDEX loop_runs_by_time ON loop_runs (repo_id, finished_at);
CREATE TABLE landing_results (
    repo_id TEXT NOT NULL, loop_id TEXT NOT NULL, run_id TEXT NOT NULL, node_id TEXT NOT NULL,
    commit_id TEXT NOT NULL, old_head TEXT NOT NULL, tree TEXT NOT NULL,
    rebased BIGINT NOT NULL, retested BIGINT NOT NULL, landed_at TEXT NOT NULL,
    PRIMARY KEY (repo_id, run_id, commit_id)
);
CREATE TABLE repair_attempts (
    repo_id TEXT NOT NULL, loop_id TEXT NOT NULL, run_id TEXT NOT NULL, cycle BIGINT NOT NULL,
    problem_key TEXT NOT NULL, reason TEXT NOT NULL, outcome TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (repo_id, loop_id, cycle)
);
CREATE TABLE facts (
    repo_id TEXT NOT NULL, run_id TEXT NOT NULL, loop_id TEXT NOT NULL, name TEXT NOT NULL,
    value TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (repo_id, run_id, loop_id, name)
);
CREATE TABLE thread_events (
    repo_id TEXT NOT NULL, run_id TEXT NOT NULL, seq BIGINT NOT NULL, loop_id TEXT,
    at TEXT NOT NULL, kind TEXT NOT NULL, what TEXT NOT NULL,
    PRIMARY KEY (repo_id, run_id, seq)
);
CREATE TABLE lessons (
    lesson_id TEXT NOT NULL PRIMARY KEY, problem_key TEXT NOT NULL, lesson_type TEXT NOT NULL,
    confidence DOUBLE PRECISION NOT NULL, status TEXT NOT NULL, created_at TEXT NOT NULL,
    promoted_at TEXT, repo_id TEXT NOT NULL, verifier_type TEXT, text TEXT NOT NULL
);
CREATE TABLE audit_runs (
    audit_run_id TEXT NOT NULL PRIMARY KEY, scope_type TEXT NOT NULL, scope_ref TEXT NOT NULL,
    created_at TEXT NOT NULL, detail_json TEXT NOT NULL
);
CREATE INDEX audit_runs_by_scope ON audit_runs (scope_type, scope_ref, created_at);
CREATE TABLE audit_findings (
    finding_id TEXT NOT NULL, audit_run_id TEXT NOT NULL REFERENCES audit_runs (audit_run_id),
    severity TEXT NOT NULL, description TEXT NOT NULL, evidence TEXT NOT NULL, slice_id TEXT,
    PRIMARY KEY (audit_run_id, finding_id)
);
CREATE TABLE lesson_effectiveness (
    lesson_id TEXT NOT NULL, audit_run_id TEXT NOT NULL REFERENCES audit_runs (audit_run_id),
    effectiveness_score DOUBLE PRECISION NOT NULL, base_score DOUBLE PRECISION NOT NULL,
    time_decay DOUBLE PRECISION NOT NULL, opportunity_factor DOUBLE PRECISION NOT NULL,
    confidence_weight DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (audit_run_id, lesson_id)
);
"];

/// The version that this program writes.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;

/// The version of the tables; an error if there are none.
pub(super) async fn version(conn: &mut AnyConnection) -> sqlx::Result<i64> {
    let newest = sqlx::query_scalar::<_, Option<i64>>("SELECT MAX(version) FROM control_schema");
    Ok(newest.fetch_one(conn).await?.unwrap_or(0))
}

/// Brings the tables to this program's version, inside of the caller's transaction. Two that
/// come at once follow each other: a database has one such transaction at a time.
pub(super) async fn migrate(conn: &mut AnyConnection, now: &str) -> sqlx::Result<i64> {
    if conn.backend_name() == "PostgreSQL" {
        // Making a table that somebody else is just making is an error there.
        sqlx::query("SELECT 1 FROM (SELECT pg_advisory_xact_lock(724816)) AS turn")
            .execute(&mut *conn)
            .await?;
    }
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS control_schema (version BIGINT NOT NULL PRIMARY KEY, applied_at TEXT NOT NULL)",
    )
    .execute(&mut *conn)
    .await?;
    let found = version(&mut *conn).await?;
    for (number, text) in (1..).zip(MIGRATIONS) {
        if number > found {
            sqlx::raw_sql(text).execute(&mut *conn).await?;
            sqlx::query("INSERT INTO control_schema (version, applied_at) VALUES ($1, $2)")
                .bind(number)
                .bind(now)
                .execute(&mut *conn)
                .await?;
        }
    }
    Ok(found.max(VERSION))
}
