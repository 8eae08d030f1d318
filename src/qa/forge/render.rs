//! results.tsv and CHANGELOG.md, made from the experiments. Pure.

use std::fmt::Write as _;

use super::log::{Experiment, Status};
use crate::base::text::neutral;
use crate::qa::evaluate::{Evaluation, Scorecard};

/// The first line of results.tsv.
pub const RESULTS_HEADER: &str =
    "experiment\tphase\tstatus\tevaluation\tpass\tscore\tpercent\twhat\twhere\twhy\ttimestamp\n";

/// One row for each evaluation of each experiment.
pub fn results(experiments: &[Experiment]) -> String {
    let mut text = RESULTS_HEADER.to_owned();
    for experiment in experiments {
        for evaluation in Evaluation::ALL {
            row(&mut text, experiment, evaluation);
        }
    }
    text
}

fn row(text: &mut String, experiment: &Experiment, evaluation: Evaluation) {
    let card = &experiment.card;
    let fault = card.fault(evaluation);
    let of =
        |part: fn(&crate::qa::evaluate::Fault) -> &String| fault.map_or_else(String::new, |f| flat(part(f)));
    let _ = writeln!(
        text,
        "{}\taudit\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
        experiment.number,
        experiment.status.name(),
        evaluation.name(),
        fault.is_none(),
        card.score(),
        card.percent(),
        of(|f| &f.what),
        of(|f| &f.place),
        of(|f| &f.why),
        experiment.at,
    );
}

/// Text on one line, without what ends a cell or steers a terminal.
fn flat(text: &str) -> String {
    neutral(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// One entry for each experiment.
pub fn changelog(experiments: &[Experiment]) -> String {
    experiments.iter().map(entry).collect::<Vec<_>>().join("\n")
}

fn entry(experiment: &Experiment) -> String {
    let decided = match experiment.status {
        Status::Discard | Status::Rejected => "discard",
        Status::Baseline | Status::Keep | Status::Confirmation => "keep",
    };
    let card = &experiment.card;
    let mutation = experiment.mutation.as_ref();
    let (changed, source, why) = match (experiment.status, mutation) {
        (_, Some(m)) => (m.logged(), m.source.text(), m.reasoning()),
        (Status::Baseline, None) => nothing("baseline", "the score to beat"),
        (Status::Confirmation, None) => {
            nothing("confirmation run", "a fresh evaluator has to agree at 100 %")
        }
        (_, None) => nothing("none", "nothing was tried"),
    };
    let mut text = format!(
        "## Experiment {} -- {decided} (Phase: Forge)\n**Score:** {}/7 ({}%)\n**Mutation:** {}\n**Source:** {source}\n\
         **Reasoning:** {}\n**Result:** {}\n**Failures:**\n",
        experiment.number,
        card.score(),
        card.percent(),
        flat(&changed),
        flat(&why),
        flat(&result(experiment)),
    );
    for failing in &card.failing {
        let fault = &failing.fault;
        let _ = writeln!(
            text,
            "- {}: what={} where={} why={}",
            failing.evaluation.name(),
            flat(&fault.what),
            flat(&fault.place),
            flat(&fault.why)
        );
    }
    if card.failing.is_empty() {
        text.push_str("- none\n");
    }
    text
}

fn nothing(what: &str, why: &str) -> (String, String, String) {
    (what.to_owned(), "none".to_owned(), why.to_owned())
}

fn result(experiment: &Experiment) -> String {
    match (&experiment.rejected, &experiment.before) {
        (Some(why), _) => format!("rejected: {why}"),
        (None, Some(before)) => compared(before, &experiment.card),
        (None, None) => "first score".to_owned(),
    }
}

fn compared(before: &Scorecard, after: &Scorecard) -> String {
    let passes = |card: &Scorecard, e: Evaluation| card.fault(e).is_none();
    let of = |was: bool, is: bool| {
        let found =
            Evaluation::ALL.into_iter().filter(|e| passes(before, *e) == was && passes(after, *e) == is);
        found.map(Evaluation::name).collect::<Vec<_>>()
    };
    let (improved, declined) = (of(false, true), of(true, false));
    let list = |names: &[&str]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let rest = Evaluation::ALL.len() - improved.len() - declined.len();
    format!("improved: {}; declined: {}; unchanged: {rest}", list(&improved), list(&declined))
}
