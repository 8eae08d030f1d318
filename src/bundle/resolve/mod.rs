//! Moving an answered question: the text of state.md in which it stands among the
//! resolved ones. Every other byte stays as it was, and the result is read again before
//! it is given out.

mod edit;
mod insert;
mod remove;
mod safe;

use super::model::{Invariant, Question, State};
use super::sections::{self, Part};
use super::state;
use crate::base::Id;
use crate::diag::{Diag, Diags, Source};

/// What is written about a resolved question.
struct Entry<'a> {
    id: &'a str,
    text: &'a str,
    answer: &'a str,
    confidence: f64,
    evidence: String,
}

impl Entry<'_> {
    /// The attributes behind the id and the text.
    fn attributes(&self) -> [(&'static str, String); 3] {
        [
            ("answer", self.answer.to_owned()),
            ("confidence", self.confidence.to_string()),
            ("evidence", self.evidence.clone()),
        ]
    }
}

/// The text of state.md after `question` was moved from `open_questions` to
/// `resolved_questions` with its answer, `confidence` (0 to 1) and evidence paths. The
/// entry has the form that the section has; a missing section is made below the open
/// questions. Where the form is one of lines (list, table), line breaks of the answer become
/// spaces. A byte order mark and the kind of line ends are kept.
///
/// # Errors
/// If the question is not open, or if its section is written so unusually that the result
/// would not read back as the same invariants, items and questions.
pub fn move_question(
    state: &State,
    question: &Id,
    answer: &str,
    confidence: f64,
    evidence: &[String],
) -> Result<String, Diag> {
    let Some(open) = state.open_questions.iter().find(|q| q.id.value == *question) else {
        let names = state.open_questions.iter().map(|q| q.id.as_str());
        return Err(Diag::error("bundle::unknown-id", format!("there is no open question '{question}'"))
            .at(&state.source.span(0, 0), "looked for in this file")
            .help("name a question under '## Open questions'")
            .suggest(question.as_str(), names));
    };
    let entry =
        Entry { id: question.as_str(), text: &open.text, answer, confidence, evidence: evidence.join(", ") };
    let moved = edits(state, open, &entry).map(|edits| edit::apply(state.source.text(), edits));
    match moved.filter(|text| holds(state, open, text)) {
        Some(text) if state.bom => Ok(format!("\u{feff}{text}")),
        Some(text) => Ok(text),
        None => Err(Diag::error(
            "bundle::cannot-move",
            format!("the question '{question}' can't be moved by the harness"),
        )
        .at(&open.item, "this item")
        .help("move it to 'resolved_questions' by hand, commit, and start a new run")),
    }
}

fn edits(state: &State, open: &Question, entry: &Entry<'_>) -> Option<Vec<edit::Edit>> {
    let source = &state.source;
    let (parts, _) = sections::cut(source, &mut Diags::new());
    let from = part(&parts, "open_questions")?;
    let form = state.sections.get("open_questions")?.form;
    let mut edits = vec![remove::edit(source, from, form, open, state.open_questions.len() == 1)?];
    match (part(&parts, "resolved_questions"), state.sections.get("resolved_questions")) {
        (Some(to), Some(section)) => edits.extend(insert::edits(source, to, section.form, entry)?),
        _ => edits.push(insert::new_section(source, from, entry)),
    }
    Some(edits)
}

fn part<'a>(parts: &'a [Part], name: &str) -> Option<&'a Part> {
    parts.iter().find(|p| p.name == name)
}

/// True if `text` says the same as before, but for the one question.
fn holds(before: &State, moved: &Question, text: &str) -> bool {
    let mut diags = Diags::new();
    let after = state::parse(Source::new(before.source.name(), text), before.bom, &mut diags).state;
    let same_invariants = before.invariants.iter().map(key).eq(after.invariants.iter().map(key));
    let delta = |s: &State| {
        s.delta_to_done.iter().map(|d| (d.id.value.clone(), d.text.value.clone())).collect::<Vec<_>>()
    };
    let still_open = before.open_questions.iter().filter(|q| q.id.value != moved.id.value);
    let open = |q: &Question| (q.id.value.clone(), q.text.value.clone(), q.files.len());
    let mut resolved = before.resolved_questions.iter().map(|r| &r.id.value).collect::<Vec<_>>();
    resolved.push(&moved.id.value);
    !diags.has_errors()
        && same_invariants
        && delta(before) == delta(&after)
        && still_open.map(open).eq(after.open_questions.iter().map(open))
        && resolved.into_iter().eq(after.resolved_questions.iter().map(|r| &r.id.value))
}

/// All of an invariant but its place.
fn key(i: &Invariant) -> (Id, String, Vec<String>, bool, Option<std::time::Duration>) {
    let checks = i.checks.iter().map(|c| format!("{:?} {}", c.scope, c.command.value)).collect();
    (i.id.value.clone(), i.text.value.clone(), checks, i.advisory, i.timeout.as_ref().map(|t| t.value))
}
