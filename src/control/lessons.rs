//! Lessons of runs: what a repair or a split teaches becomes a candidate, and an operator
//! promotes or retires it.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::base::digest::sha256_hex;
use crate::base::text::{head, neutral};
use crate::control::failure::key_of;
use crate::control::lesson::{Lesson, LessonStatus};
use crate::control::loops::row;
use crate::control::query::{get, optional};
use crate::control::store::Store;
use crate::control::trouble::DbError;
use crate::event::{Event, NodeStatus, Record};
use crate::journal::{NodeState, RunState};

/// Hex digits of a lesson's id.
const DIGITS: usize = 12;
/// Files that a lesson's text names.
const FILES: usize = 8;
/// Bytes of a verdict that a text quotes.
const QUOTED: usize = 300;
/// The confidence of a candidate that one slice supports; each further one halves the doubt.
const FIRST: f64 = 0.5;

/// What a record teaches, given the state that it led to: a lesson, and the node that shows it.
pub(super) fn taught(repo_id: &str, record: &Record, state: &RunState) -> Option<(Lesson, NodeState)> {
    let (node, kind, key, text) = match &record.event {
        Event::NodeFinished { node, attempt, status: NodeStatus::Verified, .. } if *attempt > 1 => {
            let node = state.node(node)?;
            let failed = failed_before(node, *attempt)?;
            (node, "remediation", key_of(failed)?, remedy(node, &failed.reason, *attempt))
        }
        Event::SplitProposed { node, parts, .. } => {
            let node = state.node(node)?;
            let failed = node.last_used()?;
            let parts: Vec<&str> = parts.iter().map(crate::base::Id::as_str).collect();
            (node, "split", key_of(failed)?, cut(node, &failed.reason, &parts))
        }
        _ => return None,
    };
    let of = row(repo_id, state.run_id(), node);
    let mut id = sha256_hex(format!("{repo_id}\n{kind}\n{key}").as_bytes());
    id.truncate(DIGITS);
    let lesson = Lesson {
        lesson_id: format!("L-{id}"),
        problem_key: key,
        lesson_type: kind.to_owned(),
        confidence: FIRST,
        status: LessonStatus::Candidate,
        created_at: record.at.clone(),
        promoted_at: None,
        repo_id: repo_id.to_owned(),
        verifier_type: of.verifier_type,
        text: neutral(&text),
    };
    Some((lesson, node.clone()))
}

/// The failed attempt that the given one mended.
fn failed_before(node: &NodeState, number: u32) -> Option<&crate::journal::Attempt> {
    let failed = |a: &&crate::journal::Attempt| {
        a.number < number && matches!(a.status, Some(NodeStatus::Failed | NodeStatus::Oversized))
    };
    node.attempts.get(node.before_reset..)?.iter().rev().find(failed)
}

fn remedy(node: &NodeState, reason: &str, number: u32) -> String {
    let files = node.attempts.iter().rev().find_map(|a| a.captured.as_ref()).map(|c| &c.diff.files);
    let files: Vec<&str> = files.into_iter().flatten().take(FILES).map(String::as_str).collect();
    let changed = if files.is_empty() { "no file".to_owned() } else { files.join(", ") };
    format!(
        "\"{}\" failed: {}. Attempt {number} passed with a change of {changed}.",
        node.deliverable(),
        head(reason, QUOTED).trim_end_matches('.')
    )
}

fn cut(node: &NodeState, reason: &str, parts: &[&str]) -> String {
    format!(
        "\"{}\" was too much for one node: {}. A split into {} was proposed ({}).",
        node.deliverable(),
        head(reason, QUOTED).trim_end_matches('.'),
        crate::base::text::count(parts.len(), "part"),
        parts.join(", ")
    )
}

/// The name of the fact that says that a loop supports a lesson.
pub(super) fn support(lesson_id: &str) -> String {
    format!("lesson:{lesson_id}")
}

/// Keeps a candidate, or what is known of it: the earliest text stands, and a candidate's
/// confidence follows from the loops that support it. A promoted or retired one stays as it is.
pub(super) async fn keep(conn: &mut AnyConnection, lesson: &Lesson) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO lessons (lesson_id, problem_key, lesson_type, confidence, status, created_at, promoted_at,
            repo_id, verifier_type, text)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (lesson_id) DO UPDATE SET
            text = CASE WHEN excluded.created_at < lessons.created_at THEN excluded.text ELSE lessons.text END,
            verifier_type = CASE WHEN excluded.created_at < lessons.created_at
                THEN excluded.verifier_type ELSE lessons.verifier_type END,
            created_at = CASE WHEN excluded.created_at < lessons.created_at
                THEN excluded.created_at ELSE lessons.created_at END",
    )
    .bind(&lesson.lesson_id)
    .bind(&lesson.problem_key)
    .bind(&lesson.lesson_type)
    .bind(lesson.confidence)
    .bind(lesson.status.name())
    .bind(&lesson.created_at)
    .bind(&lesson.promoted_at)
    .bind(&lesson.repo_id)
    .bind(&lesson.verifier_type)
    .bind(&lesson.text)
    .execute(&mut *conn)
    .await?;
    let supported: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM facts WHERE repo_id = $1 AND name = $2")
        .bind(&lesson.repo_id)
        .bind(support(&lesson.lesson_id))
        .fetch_one(&mut *conn)
        .await?;
    let doubt = (1.0 - FIRST).powi(i32::try_from(supported.clamp(1, 50)).unwrap_or(1));
    sqlx::query("UPDATE lessons SET confidence = $1 WHERE lesson_id = $2 AND status = 'candidate'")
        .bind(1.0 - doubt)
        .bind(&lesson.lesson_id)
        .execute(&mut *conn)
        .await?;
    Ok(())
}

impl Store {
    /// Every lesson, by id; of one repository, or of all.
    ///
    /// # Errors
    /// The database failed.
    pub fn lessons(&mut self, repo_id: Option<&str>) -> Result<Vec<Lesson>, DbError> {
        self.read(async |conn: &mut AnyConnection| {
            let all = "SELECT * FROM lessons ORDER BY lesson_id";
            let own = "SELECT * FROM lessons WHERE repo_id = $1 ORDER BY lesson_id";
            let query = match repo_id {
                Some(repo_id) => sqlx::query(own).bind(repo_id),
                None => sqlx::query(all),
            };
            query.fetch_all(conn).await?.iter().map(lesson).collect()
        })
    }

    /// Gives a lesson a status; `None` if there is no such lesson.
    ///
    /// # Errors
    /// The database failed.
    pub fn set_lesson_status(
        &mut self,
        lesson_id: &str,
        status: LessonStatus,
        now: &str,
    ) -> Result<Option<Lesson>, DbError> {
        self.write(async |conn: &mut AnyConnection| {
            let one = "SELECT * FROM lessons WHERE lesson_id = $1";
            let Some(found) = sqlx::query(one).bind(lesson_id).fetch_optional(&mut *conn).await? else {
                return Ok(None);
            };
            let changed = lesson(&found)?.with_status(status, now);
            sqlx::query("UPDATE lessons SET status = $1, promoted_at = $2 WHERE lesson_id = $3")
                .bind(changed.status.name())
                .bind(&changed.promoted_at)
                .bind(lesson_id)
                .execute(&mut *conn)
                .await?;
            Ok(Some(changed))
        })
    }
}

fn lesson(row: &AnyRow) -> sqlx::Result<Lesson> {
    let status: String = get(row, "status")?;
    Ok(Lesson {
        lesson_id: get(row, "lesson_id")?,
        problem_key: get(row, "problem_key")?,
        lesson_type: get(row, "lesson_type")?,
        confidence: get(row, "confidence")?,
        status: LessonStatus::parse(&status).unwrap_or(LessonStatus::Candidate),
        created_at: get(row, "created_at")?,
        promoted_at: optional(row, "promoted_at")?,
        repo_id: get(row, "repo_id")?,
        verifier_type: optional(row, "verifier_type")?,
        text: get(row, "text")?,
    })
}
