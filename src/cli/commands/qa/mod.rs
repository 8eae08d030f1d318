//! `auditrun qa`: an audit of finished work. This file takes an audit up to its confirmed
//! corpus in its working directory; what follows takes an [`Intake`].

mod archive;
mod confirm;
mod lessons;
mod phases;
mod to_bundle;
mod verifier;

use std::path::PathBuf;

use jiff::Timestamp;

use crate::base::Clock;
use crate::base::SystemClock;
use crate::cli::args::{Common, Decision, Format, QaArgs, QaCommand};
use crate::cli::control;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::control::{Opening, Store};
use crate::qa::corpus::intake::{IntakeError, Sources, intake};
use crate::qa::corpus::place;
use crate::qa::corpus::{AuditCorpus, ScopeType};
use crate::qa::desk::{self, Unfinished};
use crate::qa::scope::{self, BadScope, DEPTH_VARIABLE, Scope};

use verifier::Sandboxed;

/// A confirmed corpus in its working directory: what every later phase begins with.
pub struct Intake {
    /// The project that is audited.
    pub project: Project,
    /// What is known.
    pub corpus: AuditCorpus,
    /// The working directory, absolute.
    pub dir: PathBuf,
    /// What becomes of the report, where it was said beforehand.
    pub decision: Option<Decision>,
    /// The scope as it was typed.
    pub asked: String,
}

/// Carries out what was typed.
///
/// # Errors
/// The scope is none, nobody confirmed it, or a source failed.
pub fn run(common: &Common, args: &QaArgs, screen: &Screen) -> Result<Exit, Failure> {
    match &args.command {
        Some(QaCommand::Lessons { command, standalone }) => {
            return lessons::run(common, command, *standalone, screen);
        }
        Some(QaCommand::ToBundle { meta_slice }) => return to_bundle::run(common, meta_slice, screen),
        None => {}
    }
    let scope = Scope::parse(&args.scope).map_err(bad)?;
    confirm::possible(common)?;
    if !common.dry_run {
        phases::possible(args.decision)?;
    }
    let project = Project::open(common)?;
    screen.mask(project.masker());
    screen.warnings(&project.warnings);
    if scope.kind() != ScopeType::Effectiveness {
        phases::affordable(&project.config)?;
    }
    let asked = args.scope.join(" ");
    let unfinished = desk::unfinished(project.repo.root(), &asked).filter(|_| !common.dry_run);
    let intake = match unfinished {
        Some(unfinished) => again(unfinished, project, args, screen),
        None => begin(common, args, scope, project, screen)?,
    };
    if common.dry_run {
        gathered(&intake, screen);
        return Ok(Exit::Ok);
    }
    phases::carry_out(common, &intake, screen)
}

/// An audit of the same scope that was interrupted.
fn again(unfinished: Unfinished, project: Project, args: &QaArgs, screen: &Screen) -> Intake {
    let Unfinished { dir, corpus } = unfinished;
    let name = dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    screen.say(&format!("going on with the audit in {name}; remove that directory to begin anew"));
    Intake { project, corpus, dir, decision: args.decision, asked: args.scope.join(" ") }
}

/// Phase 1: scope, corpus, confirmation, working directory.
fn begin(
    common: &Common,
    args: &QaArgs,
    mut scope: Scope,
    project: Project,
    screen: &Screen,
) -> Result<Intake, Failure> {
    let depth = depth(&scope, &project)?;
    screen.say(&scope::announcement(&args.scope.join(" ")));
    let now = SystemClock.now();
    let repo_id = project.repo.name()?;
    let out = project.repo.root().join(project.layout.out());
    let mut verifier = Sandboxed { common, project: &project, ran: Default::default() };
    let mut sources = Sources {
        repo: &project.repo,
        repo_id: &repo_id,
        out: &out,
        plane: Store::open(&control::address(&project), Opening::Existing),
        verifier: &mut verifier,
        now,
        depth,
    };
    let corpus = loop {
        let corpus = intake(&scope, &mut sources).map_err(failed)?;
        match confirm::ask(&corpus, common, screen)? {
            None => break corpus,
            Some(other) => {
                sources.depth = self::depth(&other, &project)?;
                scope = other;
            }
        }
    };
    drop(sources);
    if !common.dry_run && scope.kind() != ScopeType::Effectiveness {
        phases::startable(&project)?;
    }
    let dir = working_directory(&project, &corpus, now)?;
    Ok(Intake { project, corpus, dir, decision: args.decision, asked: args.scope.join(" ") })
}

/// How deep this audit is: the one around it, if any, says so in the environment.
fn depth(scope: &Scope, project: &Project) -> Result<u32, Failure> {
    let around = project.environment.get(DEPTH_VARIABLE).and_then(|d| d.parse().ok());
    scope.depth(around, project.config.forge.recursion_depth.value).map_err(bad)
}

fn working_directory(project: &Project, corpus: &AuditCorpus, now: Timestamp) -> Result<PathBuf, Failure> {
    project.repo.keep_excluded(&project.layout)?;
    let failed = |e: std::io::Error| Failure::Internal(format!("can't write the working directory: {e}"));
    let dir = place::make(project.repo.root(), corpus, now).map_err(failed)?;
    place::write_corpus(&dir, corpus).map_err(failed)?;
    Ok(dir)
}

/// The result of an audit that ends after phase 1: where the corpus is.
fn gathered(intake: &Intake, screen: &Screen) {
    let name = intake.dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    screen.print(&match screen.format() {
        Format::Json => serde_json::json!({
            "directory": name, "scope": intake.corpus.scope,
            "slices": intake.corpus.slices.len(), "lessons": intake.corpus.lessons.len(),
            "missing": intake.corpus.missing,
        })
        .to_string(),
        _ => format!("{name}/{}\n{name}/{}", place::CORPUS_MD, place::CORPUS_JSON),
    });
}

fn bad(scope: BadScope) -> Failure {
    Failure::Usage(scope.message, scope.help)
}

fn failed(error: IntakeError) -> Failure {
    match error {
        IntakeError::Scope(message, help) => Failure::usage(message, help),
        IntakeError::Git(e) => e.into(),
        IntakeError::Database(e) => super::db::failure(e),
    }
}
