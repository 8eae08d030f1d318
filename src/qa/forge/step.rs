//! One experiment of the loop, up to its decision. Nothing here is logged.

use std::thread;

use super::Forge;
use super::log::{Experiment, Log, Status};
use super::mutation::Mutation;
use super::synthesize::pick;
use crate::base::clock::iso;
use crate::qa::error::QaError;
use crate::qa::evaluate::{Scorecard, judge};
use crate::qa::roles::{
    self, BrainstormerView, CriticView, Critique, EvaluatorView, HostError, MutatorView, Proposals, Rewrite,
};
use crate::qa::sections;

/// A role's answer, or why it is malformed.
type Answer<T> = Result<T, String>;

impl Forge<'_> {
    pub(super) fn next(&self, log: &Log) -> Result<Experiment, QaError> {
        match log.standing() {
            None => self.unchanged(log, Status::Baseline),
            Some(card) if card.perfect() => self.unchanged(log, Status::Confirmation),
            Some(card) => self.mutated(log, &card.clone()),
        }
    }

    fn experiment(&self, log: &Log, status: Status, card: Scorecard) -> Experiment {
        Experiment {
            number: u32::try_from(log.experiments().len()).unwrap_or(u32::MAX),
            status,
            mutation: None,
            card,
            before: log.standing().cloned(),
            rejected: None,
            report: None,
            at: iso(self.clock.now()),
        }
    }

    /// The report in force, evaluated as it is.
    fn unchanged(&self, log: &Log, status: Status) -> Result<Experiment, QaError> {
        Ok(match self.evaluate(log, log.report(), "evaluation")? {
            Ok(card) => self.experiment(log, status, card),
            Err(why) => self.rejected(log, None, format!("the evaluator gave no answer: {why}")),
        })
    }

    /// The evaluator's verdicts, with the program's over them.
    fn evaluate(&self, log: &Log, report: &str, what: &str) -> Result<Answer<Scorecard>, QaError> {
        let said = self.ask.ask(EvaluatorView { report }, &self.label(log, what), roles::scorecard)?;
        Ok(said.map(|card| judge(report, self.corpus, self.records, &card)))
    }

    fn label(&self, log: &Log, what: &str) -> String {
        format!("{}-{what}", log.experiments().len())
    }

    fn rejected(&self, log: &Log, mutation: Option<Mutation>, why: String) -> Experiment {
        // The report in force is what it was, and so is its score.
        let card = log.standing().cloned().unwrap_or_else(unscored);
        let mut experiment = self.experiment(log, Status::Rejected, card);
        (experiment.mutation, experiment.rejected) = (mutation, Some(why));
        experiment
    }

    fn mutated(&self, log: &Log, standing: &Scorecard) -> Result<Experiment, QaError> {
        let (proposals, critique) = match self.ideas(log, standing)? {
            Ok(ideas) => ideas,
            Err(why) => return Ok(self.rejected(log, None, why)),
        };
        let Some(mutation) = pick(log.report(), &standing.failing, &proposals, &critique) else {
            return Ok(self.rejected(
                log,
                None,
                "no proposal aims at a failing evaluation, and the critic found nothing".to_owned(),
            ));
        };
        let view = MutatorView { report: log.report(), mutation: &mutation };
        let rewrite = self.ask.ask(view, &self.label(log, "mutation"), roles::rewrite)?;
        let applied =
            rewrite.map_err(|why| format!("the mutator gave no answer: {why}")).and_then(|r: Rewrite| {
                sections::replace(log.report(), &r.section, &r.content).map_err(|e| e.to_string())
            });
        let candidate = match applied {
            Ok(candidate) => candidate,
            Err(why) => return Ok(self.rejected(log, Some(mutation), why)),
        };
        log.try_out(&candidate)?;
        self.decide(log, standing, mutation, candidate)
    }

    /// Keeps a candidate that scores higher, and only such a one.
    fn decide(
        &self,
        log: &Log,
        standing: &Scorecard,
        mutation: Mutation,
        candidate: String,
    ) -> Result<Experiment, QaError> {
        let card = match self.evaluate(log, &candidate, "evaluation")? {
            Ok(card) => card,
            Err(why) => {
                return Ok(self.rejected(
                    log,
                    Some(mutation),
                    format!("the evaluator gave no answer: {why}"),
                ));
            }
        };
        let better = card.score() > standing.score();
        let status = if better { Status::Keep } else { Status::Discard };
        let mut experiment = self.experiment(log, status, card);
        experiment.mutation = Some(mutation);
        experiment.report = better.then_some(candidate);
        Ok(experiment)
    }

    /// Brainstormer and critic, at the same time and without knowing of each other.
    fn ideas(&self, log: &Log, standing: &Scorecard) -> Result<Answer<(Proposals, Critique)>, QaError> {
        let changelog = log.changelog();
        let all = (log.patience() < self.stuck_below).then(|| log.failures());
        let view = BrainstormerView {
            report: log.report(),
            failing: &standing.failing,
            changelog: &changelog,
            stuck: all.as_deref(),
        };
        let label = self.label(log, "ideas");
        let (proposals, critique) = thread::scope(|scope| {
            let brainstormer = scope.spawn(|| self.ask.ask(view, &label, roles::proposals));
            let critique = self.ask.ask(CriticView { report: log.report() }, &label, roles::critique);
            (brainstormer.join(), critique)
        });
        let lost = || HostError::Failed("the call of the brainstormer was lost".to_owned());
        let proposals = proposals.map_err(|_| lost())??;
        let critique = critique?;
        let proposals = proposals.map_err(|why| format!("the brainstormer gave no answer: {why}"));
        let critique = critique.map_err(|why| format!("the critic gave no answer: {why}"));
        Ok(proposals.and_then(|p| critique.map(|c| (p, c))))
    }
}

/// Nobody has judged the report yet: nothing passes.
fn unscored() -> Scorecard {
    use crate::qa::evaluate::{Evaluation, Failing, Fault};
    let fault = Fault {
        what: "not evaluated".to_owned(),
        place: "the whole report".to_owned(),
        why: "the evaluator gave no answer".to_owned(),
    };
    let failing = Evaluation::ALL.map(|evaluation| Failing { evaluation, fault: fault.clone() });
    Scorecard { failing: failing.into() }
}
