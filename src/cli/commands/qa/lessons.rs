//! `auditrun qa lessons`: what runs and audits have taught, and which of it is in force.

use jiff::Timestamp;

use crate::base::clock::iso;
use crate::base::text::neutral;
use crate::cli::args::{Common, Format, LessonsCommand};
use crate::cli::control;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::control::{Lesson, LessonStatus, Opening, Store};
use crate::qa::corpus::registry;

/// Carries it out, on the database if there is one, else on the repository's own file.
///
/// # Errors
/// There is no such lesson, or its place can't be used.
pub fn run(
    common: &Common,
    command: &LessonsCommand,
    standalone: bool,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let project = Project::open(common)?;
    screen.mask(project.masker());
    let mut place = Place::of(&project, standalone);
    match command {
        LessonsCommand::List => {
            let lessons = place.lessons(&project)?;
            screen.print(&match screen.format() {
                Format::Json => serde_json::to_string_pretty(&lessons).unwrap_or_default(),
                _ => listing(&lessons, &place.name()),
            });
        }
        LessonsCommand::Promote { id } => set(&mut place, &project, id, LessonStatus::Promoted, screen)?,
        LessonsCommand::Retire { id } => set(&mut place, &project, id, LessonStatus::Retired, screen)?,
    }
    Ok(Exit::Ok)
}

/// Where the lessons are.
enum Place {
    Plane(Box<Store>),
    File,
}

impl Place {
    fn of(project: &Project, standalone: bool) -> Place {
        if standalone {
            return Place::File;
        }
        match Store::open(&control::address(project), Opening::Existing) {
            Ok(store) => Place::Plane(Box::new(store)),
            Err(_) => Place::File,
        }
    }

    fn name(&self) -> String {
        match self {
            Place::Plane(store) => store.place().to_owned(),
            Place::File => registry::PLACE.to_owned(),
        }
    }

    /// A team's database may hold those of other repositories, too: all of them are shown.
    fn lessons(&mut self, project: &Project) -> Result<Vec<Lesson>, Failure> {
        match self {
            Place::Plane(store) => store.lessons(None).map_err(crate::cli::commands::db::failure),
            Place::File => read(project),
        }
    }

    fn set(
        &mut self,
        project: &Project,
        id: &str,
        status: LessonStatus,
        now: &str,
    ) -> Result<Option<Lesson>, Failure> {
        match self {
            Place::Plane(store) => {
                store.set_lesson_status(id, status, now).map_err(crate::cli::commands::db::failure)
            }
            Place::File => {
                let mut lessons = read(project)?;
                let Some(found) = lessons.iter_mut().find(|l| l.lesson_id == id) else { return Ok(None) };
                *found = found.clone().with_status(status, now);
                let changed = found.clone();
                registry::write(project.repo.root(), lessons).map_err(|e| Failure::Usage(e, None))?;
                Ok(Some(changed))
            }
        }
    }
}

fn read(project: &Project) -> Result<Vec<Lesson>, Failure> {
    let found = registry::read(project.repo.root()).map_err(|e| Failure::usage(e, "correct the file"))?;
    Ok(found.map(|r| r.lessons).unwrap_or_default())
}

fn set(
    place: &mut Place,
    project: &Project,
    typed: &str,
    status: LessonStatus,
    screen: &Screen,
) -> Result<(), Failure> {
    let ids: Vec<String> = place.lessons(project)?.into_iter().map(|l| l.lesson_id).collect();
    let id = whole(typed, &ids).map_err(|e| Failure::usage(e, "`auditrun qa lessons list` shows them"))?;
    match place.set(project, &id, status, &iso(Timestamp::now()))? {
        Some(lesson) => {
            screen.print(&format!("{}: {} in {}", lesson.lesson_id, lesson.status.name(), place.name()));
            Ok(())
        }
        None => Err(Failure::usage(format!("{id} is gone"), "`auditrun qa lessons list` shows what is left")),
    }
}

/// A lesson's id from its unique beginning.
fn whole(typed: &str, ids: &[String]) -> Result<String, String> {
    if ids.iter().any(|id| id == typed) {
        return Ok(typed.to_owned());
    }
    let found: Vec<&String> = ids.iter().filter(|id| !typed.is_empty() && id.starts_with(typed)).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(format!("no lesson {typed:?}")),
        several => {
            let names: Vec<&str> = several.iter().map(|id| id.as_str()).collect();
            Err(format!("{typed:?} is the beginning of several lessons: {}", names.join(", ")))
        }
    }
}

fn listing(lessons: &[Lesson], place: &str) -> String {
    if lessons.is_empty() {
        return format!("no lesson in {place}");
    }
    let one = |l: &Lesson| {
        let verifier = l.verifier_type.as_deref().map(|v| format!(", verified by {v}")).unwrap_or_default();
        neutral(&format!(
            "{}  {}  {}  confidence {}, {}{verifier}\n    {}\n    {}\n",
            l.lesson_id,
            l.status.name(),
            l.lesson_type,
            l.confidence,
            l.repo_id,
            l.problem_key,
            l.text
        ))
    };
    lessons.iter().map(one).collect()
}
