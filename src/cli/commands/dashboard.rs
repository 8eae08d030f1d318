//! `auditrun dashboard`: the live page of a run, until Ctrl-C.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::base::{RunId, names};
use crate::cli::args::{Common, DashboardArgs, Format};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::dashboard::{About, Dashboard};
use crate::event::Event;
use crate::journal::{Follow, Growth};
use crate::process::{Cancel, Runner, signals};
use crate::serve::Server;

/// How often it is looked whether somebody asked for the end.
const POLL: Duration = Duration::from_millis(50);

/// Serves it. Takes no lock and writes nothing: a run may go on meanwhile, begin or end.
///
/// # Errors
/// No such run, or no port is free.
pub fn run(common: &Common, args: &DashboardArgs, screen: &Screen) -> Result<Exit, Failure> {
    let project = Project::open(common)?;
    screen.mask(project.masker());
    let out = project.repo.root().join(project.layout.out());
    if let Some(run) = &args.run {
        is_there(&out, run)?;
    }
    let masker = project.masker();
    let journal = out.join(names::JOURNAL);
    let site = Dashboard::new(About { out, run: args.run.clone(), agents: project.config.agents, masker });
    let stop = Cancel::new();
    let _passing_on = common.place.pass_on(&stop, &Arc::new(AtomicBool::new(false)));
    let runner = Runner::new().map_err(|e| Failure::Internal(format!("can't start the runtime: {e}")))?;
    let ask = stop.clone();
    signals::watch(&runner, move |_| ask.request())
        .map_err(|e| Failure::Internal(format!("can't watch signals: {e}")))?;
    let server = Server::start(args.port, Arc::new(site)).map_err(|e| {
        Failure::usage(format!("can't serve on port {}: {e}", args.port), "name another port with --port")
    })?;
    announce(&server, screen);
    if args.run.is_none() && !journal.exists() {
        screen.say("There is no run yet: the page shows one as soon as it begins.");
    }
    while !stop.requested() {
        std::thread::sleep(POLL);
    }
    server.stop();
    Ok(Exit::Ok)
}

fn announce(server: &Server, screen: &Screen) {
    let url = server.url("");
    match screen.format() {
        Format::Json => screen.print(&serde_json::json!({ "url": url, "port": server.port() }).to_string()),
        _ => {
            screen.print(&url);
            screen.say("Ctrl-C ends the page; a run that goes on is not touched.");
        }
    }
}

/// The run is the newest one, or archived.
fn is_there(out: &Path, run: &str) -> Result<(), Failure> {
    let archived = |id: &str| out.join(".history").join(id).join(names::JOURNAL).exists();
    if RunId::parse(run).is_some_and(|id| archived(&id.to_string())) {
        return Ok(());
    }
    let newest = newest(&out.join(names::JOURNAL));
    if newest.as_deref() == Some(run) {
        return Ok(());
    }
    let mut known: Vec<String> = std::fs::read_dir(out.join(".history"))
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|id| archived(id))
        .chain(newest)
        .collect();
    known.sort();
    let known = if known.is_empty() { "there is none yet".to_owned() } else { known.join(", ") };
    Err(Failure::usage(format!("there is no run '{run}'"), format!("name one of: {known}")))
}

/// The id of the run whose journal this is; its first line says it.
fn newest(journal: &Path) -> Option<String> {
    let (mut follow, mut id) = (Follow::default(), None);
    let take = |id: &mut Option<String>, record: &crate::event::Record| {
        if let Event::RunStarted { run_id, .. } = &record.event {
            *id = Some(run_id.clone());
        }
    };
    match follow.look(journal, &mut id, |_| {}, take) {
        Ok(Growth::Gone) => None,
        // Damage further down is for the page to show.
        Ok(_) | Err(_) => id,
    }
}
