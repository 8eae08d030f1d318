//! The database as anybody sees it: through the program `sqlite3`'s own library would be a second
//! client; here a small reader over the crate that auditrun uses, on a runtime of its own.

use std::path::Path;

use sqlx::{AnyConnection, Connection, Row};

/// Rows of a query, each column as text, joined by `|`; a null is `-`.
pub fn rows(url: &str, query: &'static str) -> Vec<String> {
    try_rows(url, query).unwrap()
}

pub fn try_rows(url: &str, query: &'static str) -> Result<Vec<String>, sqlx::Error> {
    sqlx::any::install_default_drivers();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut conn = AnyConnection::connect(url).await?;
        let found = sqlx::query(query).fetch_all(&mut conn).await?;
        let all = found.iter().map(|row| (0..row.len()).map(|i| cell(row, i)).collect::<Vec<_>>().join("|"));
        let all = all.collect();
        conn.close().await?;
        Ok(all)
    })
}

fn cell(row: &sqlx::any::AnyRow, i: usize) -> String {
    if let Ok(text) = row.try_get::<Option<String>, _>(i) {
        return text.unwrap_or_else(|| "-".to_owned());
    }
    match row.try_get::<i64, _>(i) {
        Ok(n) => n.to_string(),
        Err(_) => row.try_get::<f64, _>(i).unwrap().to_string(),
    }
}

/// Everything that runs write, in a fixed order.
pub fn everything(url: &str) -> Vec<String> {
    let mut all = Vec::new();
    for query in [
        "SELECT * FROM loop_runs ORDER BY repo_id, run_id, node_id",
        "SELECT * FROM landing_results ORDER BY repo_id, run_id, commit_id",
        "SELECT * FROM repair_attempts ORDER BY repo_id, loop_id, cycle",
        "SELECT * FROM facts ORDER BY repo_id, run_id, loop_id, name",
        "SELECT * FROM thread_events ORDER BY repo_id, run_id, seq",
        "SELECT * FROM lessons ORDER BY lesson_id",
    ] {
        all.push(query.to_owned());
        all.extend(rows(url, query));
    }
    all
}

pub fn execute(url: &str, statement: &'static str) {
    rows(url, statement);
}

pub fn sqlite(file: &Path) -> String {
    format!("sqlite://{}?mode=rw", file.display())
}
