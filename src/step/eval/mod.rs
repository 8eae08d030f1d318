//! Runs a script: statement by statement, stopping at the first that fails. Synchronous;
//! everything outside of the script's own variables goes through [`Host`].

mod command;
mod env;
mod expand;
mod host;
mod own;

pub use own::describe;

pub use env::Env;
pub use host::{
    FileId, Host, Input, Open, Output, Program, Stage, StageEnd, StatementRecord, Stop, VerbCall, VerbResult,
    Wiring, Work,
};

use super::ast::{At, Operator, Pipeline, Script, Statement};
use super::check;
use super::text::StepText;
use crate::diag::{Diag, Diags};

/// SIGPIPE: fine for a part of a pipeline that is not the last.
const SIGPIPE: i32 = 13;
/// How a shell, and a portable verb, reports that signal.
const SIGPIPE_CODE: i32 = 128 + SIGPIPE;

/// How a script ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// 0, else that of the statement that ended it; 124 at a deadline, 130 interrupted.
    pub exit_code: i32,
    /// Why it did not succeed, pointing at the statement or word.
    pub diags: Diags,
    /// Ended from outside.
    pub stopped: Option<Stop>,
    /// How many statements were begun; 0 where a problem was seen before anything ran.
    pub begun: usize,
}

impl Outcome {
    /// Exit code 0.
    pub fn success(&self) -> bool {
        self.exit_code == 0
    }
}

/// Runs `script`, read from `text`, with the variables and folder of `env`. A variable that
/// must be expanded and is set nowhere is reported before anything runs.
pub fn run(script: &Script, text: &StepText, host: &mut dyn Host, env: Env) -> Outcome {
    let unset = check::unset_variables(script, text, &|name| env.get(name).is_some());
    if unset.has_errors() {
        return Outcome { exit_code: 2, diags: unset, stopped: None, begun: 0 };
    }
    let mut eval =
        Eval { text, host, env, stdout: Output::Stdout, words: Vec::new(), last: 0, trouble: None };
    let mut outcome = Outcome { exit_code: 0, diags: Diags::new(), stopped: None, begun: 0 };
    for statement in &script.statements {
        outcome.begun += 1;
        if eval.top(statement, &mut outcome) {
            break;
        }
    }
    outcome
}

/// Why a statement went no further.
pub(super) enum Abort {
    /// `exit`.
    Exit(i32),
    /// An error that no `||` and no `!` catches.
    Failed(i32, Box<Diag>),
    /// Ended from outside.
    Stopped(Stop),
}

impl Abort {
    fn failed(code: i32, diag: Diag) -> Abort {
        Abort::Failed(code, Box::new(diag))
    }
}

pub(super) struct Eval<'a> {
    text: &'a StepText,
    host: &'a mut dyn Host,
    env: Env,
    /// What standard output is: the script's, or the capture of a substitution.
    stdout: Output,
    /// Of the current statement, for its record.
    words: Vec<String>,
    /// Exit code of the last pipeline.
    last: i32,
    /// What the last pipeline that failed has to say.
    trouble: Option<Diag>,
}

impl Eval<'_> {
    /// Runs a statement of the script itself; true if the script ends with it.
    fn top(&mut self, statement: &Statement, outcome: &mut Outcome) -> bool {
        if let Some(stop) = self.host.stopped() {
            self.stopped(stop, statement.at, outcome);
            return true;
        }
        self.trouble = None;
        self.words.clear();
        let before = self.host.elapsed();
        let result = self.statement(statement);
        let ended = self.ended(result, statement, outcome);
        let record = StatementRecord {
            text: self.text.text().get(statement.at.range()).unwrap_or("").to_owned(),
            words: self.words.iter().map(|w| self.env.masked(w)).collect(),
            exit_code: outcome.exit_code,
            duration: self.host.elapsed().saturating_sub(before),
        };
        self.host.event(record);
        ended
    }

    fn ended(&mut self, result: Result<i32, Abort>, statement: &Statement, outcome: &mut Outcome) -> bool {
        match result {
            Ok(0) => return false,
            Ok(code) => {
                outcome.exit_code = code;
                let diag = self.trouble.take().unwrap_or_else(|| self.failure(code, statement.at));
                outcome.diags.push(diag);
            }
            Err(Abort::Exit(code)) => {
                outcome.exit_code = code;
                if code != 0 {
                    let diag =
                        Diag::error("step::exit", format!("the script ended itself with exit code {code}"));
                    outcome.diags.push(self.place(diag, statement.at));
                }
            }
            Err(Abort::Failed(code, diag)) => {
                outcome.exit_code = code;
                outcome.diags.push(*diag);
            }
            Err(Abort::Stopped(stop)) => self.stopped(stop, statement.at, outcome),
        }
        true
    }

    fn failure(&self, code: i32, at: At) -> Diag {
        let message = match code {
            129..=192 => format!("the statement failed: ended by signal {} (exit code {code})", code - 128),
            _ => format!("the statement failed with exit code {code}"),
        };
        self.place(Diag::error("step::failed", message), at)
    }

    fn stopped(&self, stop: Stop, at: At, outcome: &mut Outcome) {
        let (code, message) = match stop {
            Stop::Deadline => (124, "the timeout ended the script here"),
            Stop::Interrupt => (130, "interrupted here"),
        };
        outcome.exit_code = code;
        outcome.stopped = Some(stop);
        outcome.diags.push(self.place(Diag::error("step::stopped", message), at));
    }

    fn place(&self, mut diag: Diag, at: At) -> Diag {
        diag.message = self.env.masked(&diag.message);
        diag.at(&self.text.span(at.range()), "here")
    }

    fn statement(&mut self, statement: &Statement) -> Result<i32, Abort> {
        let mut code = 0;
        for (i, pipeline) in statement.pipelines.iter().enumerate() {
            let goes_on = i == 0 || (code == 0) == (statement.operator == Operator::And);
            if !goes_on {
                break;
            }
            if i > 0 {
                self.words.push(if statement.operator == Operator::And { "&&" } else { "||" }.to_owned());
            }
            code = self.pipeline(pipeline)?;
            self.last = code;
        }
        Ok(code)
    }

    fn pipeline(&mut self, pipeline: &Pipeline) -> Result<i32, Abort> {
        if pipeline.negated {
            self.words.push("!".to_owned());
        }
        self.trouble = None;
        let code = match pipeline.commands.as_slice() {
            [only] => self.alone(only)?,
            several => self.piped(several)?,
        };
        if pipeline.negated {
            self.trouble = None;
            return Ok(i32::from(code == 0));
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests;
