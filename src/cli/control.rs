//! The control-plane database as audit.kdl names it, and the writer beside a run.

use std::path::Path;
use std::sync::Arc;

use crate::base::names;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::control::{Address, DbFault, Lesson, LessonStatus, Live, Opening, Store};
use crate::qa::corpus::gathered::merged;
use crate::qa::corpus::registry;

/// The database that audit.kdl names.
pub fn address(project: &Project) -> Address {
    Address::parse(&project.config.forge.database.value, project.repo.root())
}

/// Begins to write what the journal in out says.
///
/// # Errors
/// Git failed.
pub fn follow(project: &Project) -> Result<Arc<Live>, Failure> {
    let journal = project.repo.root().join(project.layout.in_out(names::JOURNAL));
    Ok(Live::start(address(project), &project.repo.name()?, &journal))
}

/// Lessons that a prompt holds at most.
const OFFERED: usize = 20;

/// The lessons in force that the agents of nodes are told of, the newest promotions first, and
/// what stood in the way of reading them. None, unless audit.kdl asks for it.
pub fn offered(project: &Project) -> (Vec<Lesson>, Vec<String>) {
    let mut troubles = Vec::new();
    if !project.config.forge.offer_lessons.value {
        return (Vec::new(), troubles);
    }
    let own = project.repo.name().unwrap_or_default();
    let database = Store::open(&address(project), Opening::Existing).and_then(|mut s| s.lessons(Some(&own)));
    let database = database.unwrap_or_else(|e| {
        // Where there never was one, there is nothing to miss.
        if e.fault != DbFault::Away || address(project).file().is_none_or(Path::exists) {
            troubles.push(format!("lessons of the database could not be offered: {e}"));
        }
        Vec::new()
    });
    let file = registry::read(project.repo.root()).unwrap_or_else(|e| {
        troubles.push(format!("lessons could not be offered: {e}"));
        None
    });
    let mut lessons = merged(database, file.map(|f| f.lessons).unwrap_or_default());
    lessons.retain(|l| l.status == LessonStatus::Promoted);
    lessons.sort_by(|a, b| (&b.promoted_at, &a.lesson_id).cmp(&(&a.promoted_at, &b.lesson_id)));
    lessons.truncate(OFFERED);
    (lessons, troubles)
}
