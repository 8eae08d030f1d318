//! `auditrun db sync`: fills the control-plane database from the journals that are kept.

use std::path::Path;

use crate::base::clock::iso;
use crate::base::text::count;
use crate::cli::args::{Common, DbCommand, Format};
use crate::cli::control;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::control::{self as plane, Address, DbError, DbFault, Opening, Store, Synced};

/// Carries it out.
///
/// # Errors
/// The database can't be had.
pub fn run(common: &Common, command: &DbCommand, screen: &Screen) -> Result<Exit, Failure> {
    let project = Project::open(common)?;
    screen.mask(project.masker());
    match command {
        DbCommand::Sync => sync(&project, screen),
    }
}

/// Every journal of out and its archive; what is filled already stays what it is.
fn sync(project: &Project, screen: &Screen) -> Result<Exit, Failure> {
    let address = control::address(project);
    project.repo.keep_excluded(&project.layout)?;
    let mut store = open(&address, screen).map_err(failure)?;
    let out = project.repo.root().join(project.layout.out());
    let done = plane::sync(&mut store, &project.repo.name()?, &plane::journals(&out)).map_err(failure)?;
    screen.print(&match screen.format() {
        Format::Json => json(&done, store.place()),
        _ => text(&done, store.place()),
    });
    let all = done.iter().all(|s| s.problem.is_none());
    Ok(if all { Exit::Ok } else { Exit::Failed })
}

/// A file that is damaged is put aside, and a new one takes its place.
fn open(address: &Address, screen: &Screen) -> Result<Store, DbError> {
    let damaged = match Store::open(address, Opening::Create) {
        Err(e) if e.fault == DbFault::Corrupt => e,
        opened => return opened,
    };
    let Some(file) = address.file() else { return Err(damaged) };
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let aside = beside(file, &format!(".damaged-{stamp}"));
    std::fs::rename(file, &aside).map_err(|_| damaged.clone())?;
    // Its log and index belong to the damaged file.
    for end in ["-wal", "-shm"] {
        let _ = std::fs::rename(beside(file, end), beside(&aside, end));
    }
    screen.trouble(&format!(
        "{damaged}. It was put aside as {}; promotions of lessons and accepted audits were only in there",
        aside.display()
    ));
    Store::open(address, Opening::Create)
}

fn beside(file: &Path, end: &str) -> std::path::PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// The database's error as a command's.
pub fn failure(error: DbError) -> Failure {
    Failure::usage(error.to_string(), error.fault.remedy())
}

fn text(done: &[Synced], place: &str) -> String {
    if done.is_empty() {
        return format!("no journal to fill {place} from");
    }
    let mut out = String::new();
    for synced in done {
        let run = if synced.run_id.is_empty() { "no run" } else { &synced.run_id };
        match &synced.problem {
            None => out.push_str(&format!("{run}: {} from {}\n", count(synced.loops, "loop"), synced.shown)),
            Some(why) => out.push_str(&format!("{run}: {} was left out: {why}\n", synced.shown)),
        }
    }
    let good = done.iter().filter(|s| s.problem.is_none()).count();
    out + &format!("{place} holds {}", count(good, "run"))
}

fn json(done: &[Synced], place: &str) -> String {
    let journals: Vec<serde_json::Value> = done
        .iter()
        .map(|s| {
            serde_json::json!({
                "journal": s.shown, "run_id": s.run_id, "loops": s.loops, "problem": s.problem,
            })
        })
        .collect();
    serde_json::json!({ "database": place, "at": iso(jiff::Timestamp::now()), "journals": journals })
        .to_string()
}
