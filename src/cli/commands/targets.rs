//! `auditrun [TARGET…] [key=value…]`: what to run when nothing is named, questions, signals,
//! and how it ended.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cli::args::{ColorChoice, Common, Format, OutputMode, TargetsCli};
use crate::cli::commands::{list, run as run_command};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::project::{DEPTH, Project};
use crate::cli::reenter::Inside;
use crate::cli::yard::Opened;
use crate::process::{Cancel, Input, Runner, signals};
use crate::target::console::{Console, Look, Mode};
use crate::target::{self, Ended, Job, Ready, Request, Summary};

/// The target that is meant when none is named.
const DEFAULT: &str = "default";

/// Runs what was named, else `default`, else a bundle; with none of them shows the list.
///
/// # Errors
/// Usage and configuration: unknown names, params, variables, a question without a terminal.
pub fn run(typed: &TargetsCli, screen: &Screen) -> Result<Exit, Failure> {
    let opened = Opened::find(&typed.common)?;
    let exit = chosen(typed, &opened, screen);
    if !typed.common.place.is_inside() {
        // The process ends now: taking a large configuration apart piece by piece would only cost time.
        std::mem::forget(opened);
    }
    exit
}

fn chosen(typed: &TargetsCli, opened: &Opened, screen: &Screen) -> Result<Exit, Failure> {
    let common = &typed.common;
    let mut request = Request::read(&typed.words);
    if request.names.is_empty() {
        if opened.config.targets.iter().all(|t| t.name.value != DEFAULT) {
            return without_default(opened, &request, common, screen);
        }
        request.names.push(DEFAULT.to_owned());
    }
    screen.warnings(&opened.warnings);
    let yard = opened.yard();
    let chosen = target::select(&opened.config, &request).map_err(Failure::Config)?;
    let ready = target::prepare(&yard, chosen).map_err(Failure::Config)?;
    if common.dry_run {
        let shown = target::preview(&yard, &ready, typed.flags.force, typed.flags.why);
        let shown = shown.map_err(|e| Failure::Internal(format!("can't read the inputs: {e}")))?;
        screen.print(&shown);
        return Ok(Exit::Ok);
    }
    if !confirmed(&ready, common)? {
        screen.say("not confirmed; nothing was run");
        return Ok(Exit::Failed);
    }
    carry_out(typed, opened, (&request.names, &ready), screen)
}

fn without_default(
    opened: &Opened,
    request: &Request,
    common: &Common,
    screen: &Screen,
) -> Result<Exit, Failure> {
    if let Some((key, _)) = request.params.first() {
        return Err(Failure::usage(
            format!("the param '{key}' is given, but no target"),
            "name the target: auditrun TARGET key=value",
        ));
    }
    if has_bundle(common)? {
        return run_command::run(common, screen);
    }
    screen.warnings(&opened.warnings);
    list::show(opened, screen);
    screen.say("auditrun: name a target, or declare one called 'default' (auditrun --help shows the rest)");
    Ok(Exit::Usage)
}

/// A bundle lies where one would be looked for.
fn has_bundle(common: &Common) -> Result<bool, Failure> {
    let project = match Project::open(common) {
        Ok(project) => project,
        // Not in a repository.
        Err(Failure::Usage(..)) => return Ok(false),
        Err(other) => return Err(other),
    };
    Ok(project.repo.root().join(project.layout.in_bundle("graph.md")).is_file())
}

/// Asks each target's question before anything runs.
fn confirmed(ready: &[Ready], common: &Common) -> Result<bool, Failure> {
    let questions = ready.iter().filter(|r| r.excused.is_none());
    let questions =
        questions.filter_map(|r| Some((&r.chosen.target.name.value, r.chosen.target.confirm.as_ref()?)));
    let terminal =
        !common.place.is_inside() && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    for (target, question) in questions {
        if common.yes {
            continue;
        }
        if !terminal {
            return Err(Failure::usage(
                format!("target '{target}' asks \"{}\", and there is no terminal to ask on", question.value),
                "answer with --yes",
            ));
        }
        if !ask(&question.value) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn ask(question: &str) -> bool {
    let mut err = std::io::stderr().lock();
    // A terminal that went away answers no.
    let _ = write!(err, "{} [y/N] ", crate::base::text::neutral(question)).and_then(|()| err.flush());
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

fn carry_out(
    typed: &TargetsCli,
    opened: &Opened,
    (names, ready): (&[String], &[Ready]),
    screen: &Screen,
) -> Result<Exit, Failure> {
    let common = &typed.common;
    let yard = opened.yard();
    let look = look(typed, ready, screen, &opened.environment);
    let console = Console::new(look, screen.out(), screen.err());
    let custody = common.place.custody.clone().unwrap_or_default();
    let reenter = Inside::new(common, screen.color(), Arc::clone(&custody)).triggered_by(names);
    let cancel = common.place.stop.clone().unwrap_or_default();
    let interrupted = Arc::new(AtomicBool::new(false));
    let _runner = if common.place.is_inside() { None } else { Some(watch(&cancel, &interrupted)?) };
    let jobs = common.max_parallel.and_then(|n| usize::try_from(n).ok());
    let cpus = || std::thread::available_parallelism().map_or(1, usize::from);
    let summary = target::run(&Job {
        yard: &yard,
        ready,
        jobs: jobs.unwrap_or_else(cpus),
        keep_going: common.keep_going,
        force: typed.flags.force,
        raw: look.mode == Mode::Raw,
        input: input(common, ready, look),
        extra: extra(common, ready, look, &opened.environment),
        reporter: &console,
        reenter: &reenter,
        custody: &custody,
        cancel,
        interrupted: &interrupted,
    });
    Ok(conclude(&summary, screen))
}

/// The first signal ends what runs in an orderly way, the second at once.
fn watch(cancel: &Cancel, interrupted: &Arc<AtomicBool>) -> Result<Runner, Failure> {
    let runner = Runner::new().map_err(|e| Failure::Internal(format!("can't start the runtime: {e}")))?;
    let (cancel, flag) = (cancel.clone(), Arc::clone(interrupted));
    let on_signal = move |count: u32| {
        flag.store(true, Ordering::SeqCst);
        if count > 1 { cancel.request_now() } else { cancel.request() }
    };
    signals::watch(&runner, on_signal).map_err(|e| Failure::Internal(format!("can't watch signals: {e}")))?;
    Ok(runner)
}

/// Only one of the targets has anything to do.
fn alone(ready: &[Ready]) -> bool {
    ready.iter().filter(|r| r.excused.is_none() && r.chosen.target.steps.is_some()).count() == 1
}

/// One target alone reads what this command was given; several would take it from each other.
fn input(common: &Common, ready: &[Ready], look: Look) -> Input {
    let own = !common.place.is_inside() && (alone(ready) || look.mode == Mode::Raw);
    if own { Input::Inherit } else { Input::Null }
}

fn look(
    typed: &TargetsCli,
    ready: &[Ready],
    screen: &Screen,
    environment: &BTreeMap<String, String>,
) -> Look {
    let common = &typed.common;
    let inside = common.place.is_inside();
    let json = screen.format() == Format::Json;
    let terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
    let mode = match typed.flags.output {
        Some(OutputMode::Prefixed) => Mode::Prefixed,
        // Inside of a step, or as JSON, nobody may write past the console.
        Some(OutputMode::Raw) if !inside && !json => Mode::Raw,
        None if alone(ready) && terminal && !inside && !json => Mode::Raw,
        _ => Mode::Grouped,
    };
    Look {
        mode,
        color: screen.color(),
        quiet: common.quiet,
        verbose: common.verbose > 0,
        why: typed.flags.why,
        github: !inside && !json && environment.get("GITHUB_ACTIONS").is_some_and(|v| v == "true"),
        json,
    }
}

/// A program that asks whether it talks to a terminal is told no, so it has to hear of the
/// colours in another way.
fn extra(
    common: &Common,
    ready: &[Ready],
    look: Look,
    environment: &BTreeMap<String, String>,
) -> Vec<(String, String)> {
    let mut extra = vec![(DEPTH.to_owned(), (common.place.depth + 1).to_string())];
    let set = |name: &str| environment.get(name).is_some_and(|v| !v.is_empty() && v != "0");
    let wanted = common.color == ColorChoice::Always
        || common.place.is_inside()
        || std::io::stdout().is_terminal()
        || set("CLICOLOR_FORCE");
    let piped = look.mode != Mode::Raw || ready.iter().any(|r| r.variables.confidential());
    if look.color && wanted && piped && !look.json {
        for name in ["FORCE_COLOR", "CLICOLOR_FORCE"] {
            if !environment.contains_key(name) {
                extra.push((name.to_owned(), "1".to_owned()));
            }
        }
    }
    extra
}

/// Consequences first, the root cause last.
fn conclude(summary: &Summary, screen: &Screen) -> Exit {
    let text = screen.format() != Format::Json;
    for (name, ended) in &summary.ended {
        if let (Ended::Skipped(_) | Ended::Cancelled(_), true) = (ended, text) {
            screen.trouble(&format!("{name}: {}: {}", ended.word(), ended.reason().unwrap_or_default()));
        }
    }
    let root = summary.root.and_then(|root| summary.ended.get(root));
    let others = summary.ended.iter().enumerate().filter(|(i, _)| Some(*i) != summary.root).map(|(_, e)| e);
    for (name, ended) in others.chain(root) {
        if let Ended::Failed(why, diags) = ended {
            screen.problems(diags);
            if text {
                screen.trouble(&format!("target '{name}' failed: {why}"));
            }
        }
    }
    if summary.interrupted {
        if text {
            screen.trouble("interrupted");
        }
        return Exit::Interrupted;
    }
    let stopped =
        |ended: &Ended| matches!(ended, Ended::Failed(..) | Ended::Cancelled(_) | Ended::Interrupted);
    if summary.ended.iter().any(|(_, ended)| stopped(ended)) { Exit::Failed } else { Exit::Ok }
}
