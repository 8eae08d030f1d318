//! An audit from its corpus to the decision: phases 2 to 6 in order, each begun again where an
//! interrupted audit left off.

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::Clock;
use crate::base::clock::iso;
use crate::config::Bounds;
use crate::files;
use crate::qa::archive::{self, Archive};
use crate::qa::corpus::{AuditCorpus, ScopeType};
use crate::qa::desk;
use crate::qa::effectiveness;
use crate::qa::error::{At, QaError};
use crate::qa::findings::day;
use crate::qa::forge::{Ended, Forge, Log, Progress, Stage};
use crate::qa::meta::{self, Risk};
use crate::qa::reading;
use crate::qa::records::Records;
use crate::qa::regression::{self, Regression};
use crate::qa::review::{self, Decision, DecisionSource, Notifier, Routing};
use crate::qa::roles::{Ask, RoleHost};
use crate::qa::sections;

/// Patience of a deeper pass.
const DEEPER_PATIENCE: u32 = 5;
/// Depth from which on an audit proposes nothing.
const DEEPEST: u32 = 2;

/// What an audit needs.
pub struct AuditRun<'a> {
    /// The audit's id, a UUID; one that is gone on with keeps its own.
    pub audit_run_id: &'a str,
    /// The scope as it was typed: the same words go on with it.
    pub asked: &'a str,
    /// What is audited, as intake gathered it.
    pub corpus: &'a AuditCorpus,
    /// The repository's root.
    pub root: &'a Path,
    /// The working directory; one that holds an unfinished audit is gone on with.
    pub dir: &'a Path,
    /// What the scope is called in file names.
    pub scope_short: &'a str,
    /// Files of the repository, for whoever has to name one.
    pub files: &'a [String],
    /// Settings.
    pub settings: Settings,
    /// Carries roles out.
    pub host: &'a dyn RoleHost,
    /// Keeps what is accepted.
    pub archive: &'a dyn Archive,
    /// Passes meta-slices on.
    pub notifier: &'a dyn Notifier,
    /// Decides in the end.
    pub decisions: &'a dyn DecisionSource,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Who watches.
    pub progress: &'a dyn Progress,
    /// Makes ids: UUIDs, version 4.
    pub new_id: &'a dyn Fn() -> String,
}

/// Settings of an audit.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Experiments without improvement that end the loop.
    pub patience: u32,
    /// Patience below which other ways are asked for.
    pub stuck_below: u32,
    /// Budgets of all roles together.
    pub bounds: Bounds,
    /// Further targets of meta-slices.
    pub parts: Vec<String>,
}

/// How an audit ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The audit's id.
    pub audit_run_id: String,
    /// What was decided.
    pub decision: Decision,
    /// Where the report went, if it was accepted.
    pub report: Option<PathBuf>,
    /// Meta-slices that were routed: low, medium, high.
    pub routed: [usize; 3],
    /// What the operator is told.
    pub announcement: String,
}

fn id(log: &Log) -> String {
    log.audit_run_id().to_owned()
}

/// A new id.
pub fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Carries phases 2 to 6 out.
///
/// # Errors
/// A role can't be asked, or a file can't be read or written. What is logged stays, and the
/// same call goes on from there.
pub fn audit(run: &AuditRun<'_>) -> Result<Outcome, QaError> {
    let mut log = desk::open(run)?;
    let ask = Ask::new(run.host, log.used().clone());
    let ended = run.phases(&mut log, &ask);
    if ended.is_err() {
        // What was spent counts, also where nothing came of it.
        log.account(ask.used())?;
    }
    ended
}

impl AuditRun<'_> {
    fn phases(&self, log: &mut Log, ask: &Ask<'_>) -> Result<Outcome, QaError> {
        let records = Records::of(self.corpus);
        loop {
            match log.stage() {
                Stage::Forge if !self.forges() => log.reach(Stage::Review)?,
                Stage::Forge => self.forge(log, ask, &records, Stage::Regression)?,
                Stage::Regression => self.regress(log)?,
                Stage::Meta => self.improve(log, ask)?,
                Stage::Fit => self.fit(log, ask)?,
                Stage::Deeper => {
                    self.forge(log, ask, &records, Stage::Review)?;
                    let report = reading::with_true_counts(log.report());
                    let trend = log.trend().unwrap_or_default().to_owned();
                    log.annotate(report, &trend, Stage::Review)?;
                }
                Stage::Review | Stage::Done => {
                    if let Some(outcome) = self.review(log)? {
                        return Ok(outcome);
                    }
                }
            }
        }
    }

    fn forges(&self) -> bool {
        self.corpus.scope.scope_type != ScopeType::Effectiveness
    }

    /// Phase 2.
    fn forge(&self, log: &mut Log, ask: &Ask<'_>, records: &Records, next: Stage) -> Result<(), QaError> {
        let forge = Forge {
            corpus: self.corpus,
            records,
            ask,
            stuck_below: self.settings.stuck_below,
            bounds: &self.settings.bounds,
            clock: self.clock,
            progress: self.progress,
        };
        match forge.run(log)? {
            Ended::Confirmed => self.progress.say("Everything passed, twice."),
            Ended::Exhausted => self.progress.say("Patience is used up."),
            Ended::Bound(why) => {
                self.progress.say(&why);
                log.note(why)?;
            }
        }
        log.reach(next)
    }

    fn regression(&self, log: &Log) -> Regression {
        regression::analyse(self.corpus, review::counts_of(log.report()))
    }

    /// Phase 3.
    fn regress(&self, log: &mut Log) -> Result<(), QaError> {
        let regression = self.regression(log);
        let section = regression.section(self.corpus);
        let report = sections::upsert(log.report(), regression::HEADING, &section, "Recommendations");
        let proposes = self.corpus.scope.recursion_depth < DEEPEST;
        let next = if proposes { Stage::Meta } else { Stage::Review };
        log.annotate(reading::with_true_counts(&report), regression.trend.name(), next)?;
        self.progress.say(&format!("Regression: {}", regression.line()));
        Ok(())
    }

    /// Phase 4.
    fn improve(&self, log: &mut Log, ask: &Ask<'_>) -> Result<(), QaError> {
        let found = reading::findings(log.report());
        let systemic = meta::systemic(&found, self.corpus);
        let proposed = if systemic.is_empty() { Vec::new() } else { self.proposals(log, ask, &systemic)? };
        log.keep_meta(proposed, ask.used(), Stage::Fit)?;
        self.write_meta(log)
    }

    fn proposals(
        &self,
        log: &mut Log,
        ask: &Ask<'_>,
        systemic: &[reading::ReadFinding],
    ) -> Result<Vec<meta::Proposed>, QaError> {
        if let Some(why) = ask.exceeds(&self.settings.bounds) {
            log.note(format!("no meta-slices were asked for: {why}"))?;
            return Ok(Vec::new());
        }
        let targets: Vec<String> = meta::TARGETS
            .iter()
            .map(|t| (*t).to_owned())
            .chain(self.settings.parts.iter().cloned())
            .collect();
        let view = crate::qa::roles::ImproverView {
            report: log.report(),
            systemic,
            targets: &targets,
            files: self.files,
        };
        match ask.ask(view, "improvement", crate::qa::roles::improvements)? {
            Ok(answer) => Ok(meta::from_answer(answer, self.corpus, log.audit_run_id(), self.new_id)),
            Err(why) => {
                log.note(format!("there are no meta-slices: the improver gave no answer: {why}"))?;
                Ok(Vec::new())
            }
        }
    }

    fn write_meta(&self, log: &Log) -> Result<(), QaError> {
        for (n, one) in (1..).zip(log.meta()) {
            self.write(&meta::file(n), &one.slice)?;
        }
        Ok(())
    }

    fn write<T: serde::Serialize>(&self, name: &str, value: &T) -> Result<(), QaError> {
        let path = self.dir.join(name);
        files::atomic_write_json(&path, value).at(|| format!("can't write {}", path.display()))
    }

    /// Phase 5.
    fn fit(&self, log: &mut Log, ask: &Ask<'_>) -> Result<(), QaError> {
        let findings = reading::findings(log.report());
        let fit = meta::Fitness {
            corpus: self.corpus,
            findings: &findings,
            root: self.root,
            parts: &self.settings.parts,
        };
        let mut all = log.meta().to_vec();
        for (n, one) in (1..).zip(&mut all) {
            meta::review(&fit, one);
            if one.routable() {
                self.pass_gates(log, ask, n, one)?;
            }
        }
        log.keep_meta(all, ask.used(), Stage::Review)?;
        self.write_meta(log)
    }

    /// What its risk asks for before it may be routed.
    fn pass_gates(
        &self,
        log: &Log,
        ask: &Ask<'_>,
        n: usize,
        one: &mut meta::Proposed,
    ) -> Result<(), QaError> {
        let risk = one.slice.risk_level;
        if risk >= Risk::Medium {
            let scored = effectiveness::scores(self.corpus);
            let scores = scored.iter().map(|s| (s.lesson.lesson_id.clone(), s.effectiveness.score));
            let snapshot = meta::Snapshot {
                meta_slice_id: one.slice.meta_slice_id.clone(),
                audit_run_id: log.audit_run_id().to_owned(),
                taken_at: iso(self.clock.now()),
                finding_counts: review::counts_of(log.report()),
                effectiveness: scores.collect(),
                score_percent: log.standing().map(crate::qa::evaluate::Scorecard::percent),
                regression_trend: log.trend().unwrap_or_default().to_owned(),
            };
            self.write(&meta::baseline_file(n), &snapshot)?;
            one.add_note(&format!("baseline: {}", meta::baseline_file(n)));
        }
        if risk == Risk::High && self.corpus.scope.recursion_depth < DEEPEST {
            self.self_audit(ask, n, one)?;
        }
        Ok(())
    }

    fn self_audit(&self, ask: &Ask<'_>, n: usize, one: &mut meta::Proposed) -> Result<(), QaError> {
        let answer = match ask.exceeds(&self.settings.bounds) {
            Some(why) => Err(why),
            None => {
                let text = serde_json::to_string_pretty(&one.slice).unwrap_or_default();
                let view = crate::qa::roles::SelfAuditorView { meta_slice: &text };
                ask.ask(view, &format!("meta-slice-{n}"), crate::qa::roles::self_audit)?
            }
        };
        match answer {
            Ok(audit) => {
                self.write(&meta::self_audit_file(n), &audit)?;
                one.take_self_audit(audit, &meta::self_audit_file(n));
            }
            Err(why) => one.hold(format!("its self-audit could not be had: {why}")),
        }
        Ok(())
    }

    /// Phase 6; `None` for a deeper pass.
    fn review(&self, log: &mut Log) -> Result<Option<Outcome>, QaError> {
        let regression = self.regression(log);
        let summary = review::summary(self.corpus, log, &regression);
        let decision = self.decisions.decide(&summary)?;
        match decision {
            Decision::Accept => self.accept(log, &regression).map(Some),
            Decision::Dismiss => {
                fs::remove_dir_all(self.dir).at(|| format!("can't remove {}", self.dir.display()))?;
                let announcement = "Audit dismissed. Nothing is kept.".to_owned();
                Ok(Some(Outcome {
                    audit_run_id: id(log),
                    decision,
                    report: None,
                    routed: [0; 3],
                    announcement,
                }))
            }
            Decision::Deeper if self.forges() => {
                log.deepen(DEEPER_PATIENCE)?;
                Ok(None)
            }
            Decision::Deeper => {
                self.progress.say("This scope has no forge loop, so there is nothing to deepen.");
                Ok(None)
            }
        }
    }

    fn accept(&self, log: &mut Log, regression: &Regression) -> Result<Outcome, QaError> {
        let now = iso(self.clock.now());
        let path = review::report_path(self.root, day(&now), self.scope_short, log.report());
        files::atomic_write(&path, log.report().as_bytes())
            .at(|| format!("can't write {}", path.display()))?;
        let record = archive::record(self.corpus, log, regression.trend.name(), &now);
        self.archive.keep(&record).map_err(QaError::Files)?;
        let routed = self.route(log);
        log.reach(Stage::Done)?;
        let [low, medium, high] = routed;
        let announcement = format!(
            "Audit accepted. Report saved. {} meta-slices routed ({low} low, {medium} medium, {high} high).",
            low + medium + high
        );
        Ok(Outcome {
            audit_run_id: id(log),
            decision: Decision::Accept,
            report: Some(path),
            routed,
            announcement,
        })
    }

    fn route(&self, log: &Log) -> [usize; 3] {
        let mut routed = [0; 3];
        for (n, one) in (1..).zip(log.meta()).filter(|(_, one)| one.routable()) {
            let risk = one.slice.risk_level;
            let beside = |name: String, from: Risk| {
                (risk >= from).then(|| self.dir.join(name)).filter(|p| p.is_file())
            };
            self.notifier.route(&Routing {
                urgency: review::urgency(risk),
                slice: &one.slice,
                file: self.dir.join(meta::file(n)),
                baseline: beside(meta::baseline_file(n), Risk::Medium),
                self_audit: beside(meta::self_audit_file(n), Risk::High),
            });
            routed[risk as usize] += 1;
        }
        routed
    }
}

#[cfg(test)]
mod tests;
