//! Commands and pipelines: which verb or program a command is, its redirects, and what the
//! codes of its parts mean together.

use std::io;

use super::host::{
    FileId, Input, Open, Output, Program, Stage, StageEnd, VerbCall, VerbResult, Wiring, Work,
};
use super::own::describe;
use super::{Abort, Eval, SIGPIPE, SIGPIPE_CODE};
use crate::diag::Diag;
use crate::step::ast::{Assignment, At, Command, Redirect, RedirectKind};
use crate::step::builtin::Builtin;
use crate::step::verbs;

/// A command that is ready to run.
struct Ready {
    stage: Stage,
    files: Vec<FileId>,
    /// A redirect could not be opened: the command does not run.
    refused: bool,
    at: At,
    name: String,
}

/// What a command turned out to be, before its streams are known.
enum Kind {
    Work(Work),
    /// Changes the script's own state.
    Own(Vec<String>),
}

impl Eval<'_> {
    /// A pipeline of one command: it may change the script's state.
    pub(super) fn alone(&mut self, command: &Command) -> Result<i32, Abort> {
        let wiring = Wiring { stdin: Input::Inherit, stdout: self.stdout, stderr: Output::Stderr };
        if command.words.is_empty() {
            for assignment in &command.assignments {
                let value = self.word(&assignment.value)?;
                self.words.push(format!("{}={value}", assignment.name));
                self.env.set(assignment.name.clone(), value);
            }
            return Ok(0);
        }
        let kind = self.kind(command)?;
        let (work, own) = match kind {
            Kind::Work(work) => (work, None),
            Kind::Own(words) => (Work::Done(0), Some(words)),
        };
        let ready = self.wire(command, work, wiring)?;
        let code = match own.filter(|_| !ready.refused) {
            Some(words) => self.own(&words, ready.stage.wiring.stderr),
            None => {
                let end = self.host.pipeline(vec![ready.stage.clone()]).pop().unwrap_or(StageEnd::Code(1));
                self.take_over(&end);
                self.code(&end, &ready)
            }
        };
        self.close(&ready.files);
        code
    }

    /// What a verb that succeeded changes in the script.
    fn take_over(&mut self, end: &StageEnd) {
        let StageEnd::Verb(VerbResult { code: 0, cwd, set, .. }) = end else { return };
        for (name, value) in set {
            self.env.export(name.clone(), value.clone());
        }
        if let Some(cwd) = cwd {
            self.env.cwd.clone_from(cwd);
        }
    }

    /// A pipeline of several: each part has a copy of the state, as in sh.
    pub(super) fn piped(&mut self, commands: &[Command]) -> Result<i32, Abort> {
        let mut all: Vec<Ready> = Vec::new();
        for (i, command) in commands.iter().enumerate() {
            if i > 0 {
                self.words.push("|".to_owned());
            }
            let wiring = Wiring {
                stdin: if i == 0 { Input::Inherit } else { Input::Pipe },
                stdout: if i + 1 < commands.len() { Output::Pipe } else { self.stdout },
                stderr: Output::Stderr,
            };
            match self.part(command, wiring) {
                Ok(ready) => all.push(ready),
                Err(abort) => {
                    all.iter().for_each(|r| self.close(&r.files));
                    return Err(abort);
                }
            }
        }
        let ends = self.host.pipeline(all.iter().map(|r| r.stage.clone()).collect());
        let mut code = 0;
        let mut failed = Ok(());
        for (i, (ready, end)) in all.iter().zip(&ends).enumerate() {
            let last = i + 1 == all.len();
            match self.code(end, ready) {
                Ok(0) => {}
                Ok(SIGPIPE_CODE) if !last => {}
                Ok(own) => code = own,
                Err(abort) => failed = Err(abort),
            }
        }
        all.iter().for_each(|r| self.close(&r.files));
        failed.map(|()| code)
    }

    fn part(&mut self, command: &Command, wiring: Wiring) -> Result<Ready, Abort> {
        let saved = self.env.clone();
        let kind = match command.words.is_empty() {
            true => {
                for assignment in &command.assignments {
                    self.word(&assignment.value)?;
                }
                Ok(Kind::Work(Work::Done(0)))
            }
            false => self.kind(command),
        };
        let work = match kind {
            Ok(Kind::Own(words)) => match self.own(&words, Output::Stderr) {
                Ok(code) | Err(Abort::Exit(code)) => Ok(Work::Done(code)),
                Err(abort) => Err(abort),
            },
            Ok(Kind::Work(work)) => Ok(work),
            Err(abort) => Err(abort),
        };
        self.env = saved;
        self.wire(command, work?, wiring)
    }

    /// Expands the words and decides what the command is.
    fn kind(&mut self, command: &Command) -> Result<Kind, Abort> {
        let mut words = Vec::new();
        for word in &command.words {
            words.push(self.word(word)?);
        }
        let env = self.command_env(&command.assignments)?;
        self.words.extend(words.iter().cloned());
        let name = words.first().cloned().unwrap_or_default();
        let args = words.get(1..).unwrap_or(&[]).to_vec();
        let cwd = self.env.cwd.clone();
        Ok(match name.as_str() {
            "cd" | "export" | "exit" => Kind::Own(words),
            "command" => match args.first() {
                Some(program) if !program.starts_with('-') => {
                    Kind::Work(Work::Program(Program { argv: args, env, cwd }))
                }
                _ => Kind::Own(words),
            },
            name if verbs::is_portable(name) => {
                Kind::Work(Work::Builtin(Builtin { name: name.to_owned(), args, cwd }))
            }
            name if verbs::is_builtin(name) => {
                Kind::Work(Work::Verb(VerbCall { name: name.to_owned(), args, env, cwd }))
            }
            _ => Kind::Work(Work::Program(Program { argv: words, env, cwd })),
        })
    }

    /// The exported variables with the command's own on top; a later assignment sees the
    /// ones before it.
    fn command_env(&mut self, assignments: &[Assignment]) -> Result<Vec<(String, String)>, Abort> {
        if assignments.is_empty() {
            return Ok(self.env.exported());
        }
        let saved = self.env.clone();
        let mut result = Ok(());
        for assignment in assignments {
            match self.word(&assignment.value) {
                Ok(value) => {
                    self.words.push(format!("{}={value}", assignment.name));
                    self.env.export(assignment.name.clone(), value);
                }
                Err(abort) => {
                    result = Err(abort);
                    break;
                }
            }
        }
        let exported = self.env.exported();
        self.env = saved;
        result.map(|()| exported)
    }

    /// Opens the redirects, left to right. A file that can't be opened fails this command
    /// only, as in sh.
    fn wire(&mut self, command: &Command, work: Work, mut wiring: Wiring) -> Result<Ready, Abort> {
        let mut ready = Ready {
            stage: Stage { work, wiring },
            files: Vec::new(),
            refused: false,
            at: command.at,
            name: command.words.first().and_then(|w| w.literal()).unwrap_or_default(),
        };
        for redirect in &command.redirects {
            match self.redirect(redirect, &mut wiring, &mut ready.files) {
                Ok(None) => {}
                Ok(Some(message)) => {
                    self.host.write(wiring.stderr, &format!("{message}\n"));
                    ready.stage.work = Work::Done(1);
                    ready.refused = true;
                    break;
                }
                Err(abort) => {
                    self.close(&ready.files);
                    return Err(abort);
                }
            }
        }
        ready.stage.wiring = wiring;
        Ok(ready)
    }

    /// `Some(message)` if its file could not be opened.
    fn redirect(
        &mut self,
        redirect: &Redirect,
        wiring: &mut Wiring,
        files: &mut Vec<FileId>,
    ) -> Result<Option<String>, Abort> {
        self.words.push(redirect.kind.token().to_owned());
        let how = match redirect.kind {
            RedirectKind::ErrToOut => {
                wiring.stderr = wiring.stdout;
                return Ok(None);
            }
            RedirectKind::OutToErr => {
                wiring.stdout = wiring.stderr;
                return Ok(None);
            }
            RedirectKind::In => Open::Read,
            RedirectKind::Append | RedirectKind::ErrAppend => Open::Append,
            RedirectKind::Out | RedirectKind::Err | RedirectKind::Both => Open::Truncate,
        };
        let path = match &redirect.file {
            Some(word) => self.word(word)?,
            None => String::new(),
        };
        self.words.push(path.clone());
        let id = match self.open(&path, how) {
            Ok(id) => id,
            Err(error) => return Ok(Some(format!("{path}: {}", describe(&error)))),
        };
        files.push(id);
        match redirect.kind {
            RedirectKind::In => wiring.stdin = Input::File(id),
            RedirectKind::Err | RedirectKind::ErrAppend => wiring.stderr = Output::File(id),
            RedirectKind::Both => {
                wiring.stdout = Output::File(id);
                wiring.stderr = Output::File(id);
            }
            _ => wiring.stdout = Output::File(id),
        }
        Ok(None)
    }

    fn open(&mut self, path: &str, how: Open) -> io::Result<FileId> {
        if path.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "an empty file name"));
        }
        let Eval { host, env, .. } = self;
        host.open(&env.cwd, path, how)
    }

    fn close(&mut self, files: &[FileId]) {
        for id in files {
            // A file has nothing to give back, and what could not be written was reported by the writer.
            let _ = self.host.close(*id);
        }
    }

    /// A part's exit code as sh would say it; keeps what there is to say about a failure.
    fn code(&mut self, end: &StageEnd, ready: &Ready) -> Result<i32, Abort> {
        let stderr = ready.stage.wiring.stderr;
        let stderr = if stderr == Output::Pipe { Output::Stderr } else { stderr };
        let name = match &ready.stage.work {
            Work::Program(program) => program.argv.first().cloned().unwrap_or_default(),
            _ => ready.name.clone(),
        };
        Ok(match end {
            StageEnd::Code(code) => *code,
            StageEnd::Signal(SIGPIPE) => SIGPIPE_CODE,
            StageEnd::Signal(signal) => 128 + signal,
            StageEnd::NotFound => {
                let diag = Diag::error("step::not-found", format!("'{name}' was not found on PATH"))
                    .help("install it, or write the path to it");
                self.say(stderr, &format!("{name}: not found"), diag, ready.at);
                127
            }
            StageEnd::NotExecutable(why) => {
                let diag = Diag::error("step::not-executable", format!("'{name}' can't be executed: {why}"))
                    .help("make it executable: chmod +x FILE");
                self.say(stderr, &format!("{name}: {why}"), diag, ready.at);
                126
            }
            StageEnd::Verb(result) => {
                if let (Some(message), true) = (&result.message, result.code != 0) {
                    let diag = Diag::error("step::verb-failed", format!("{name}: {message}"));
                    self.say(stderr, &format!("{name}: {message}"), diag, ready.at);
                }
                result.code
            }
            StageEnd::Stopped(stop) => return Err(Abort::Stopped(*stop)),
        })
    }

    fn say(&mut self, stderr: Output, message: &str, diag: Diag, at: At) {
        self.host.write(stderr, &format!("{message}\n"));
        self.trouble = Some(self.place(diag, at));
    }
}
