//! Phase 0a: open questions are answered by read-only agents, checked, and written into
//! state.md on the audit branch, or they go to a person.

use std::fs;

use crate::base::text::head;
use crate::base::{Id, Oid, Pattern, PatternSet};
use crate::bundle::{self, BundleFiles, Question, State};
use crate::config::Role;
use crate::event::{ArbiterAnswer, Event, ResolverAnswer};
use crate::git::{NewCommit, Swap};
use crate::run::context::{At, Context, Fault};
use crate::run::invoke::{self, Outcome, Place};

/// The least confidence that is accepted.
const ENOUGH: f64 = 0.8;

/// How phase 0a ended.
pub enum Resolved {
    /// No question is open any more.
    All,
    /// A person must answer; why.
    Escalated(String),
    /// An agent can't be had, or the run was ended; why.
    Stopped(String),
}

/// Answers every open question in order.
///
/// # Errors
/// The harness failed.
pub fn resolve(cx: &Context, files: &BundleFiles) -> Result<Resolved, Fault> {
    let mut files = files.clone();
    let mut state = cx.bundle.state.clone();
    for question in cx.bundle.state.open_questions.clone() {
        let id = &question.id.value;
        let answer = match ask(cx, &state, &question)? {
            Asked::Accepted(answer) => answer,
            Asked::Stopped(why) => return Ok(Resolved::Stopped(why)),
            Asked::Escalated(why) => return escalate(cx, id, &why),
        };
        match apply(cx, &mut files, &state, &question, &answer)? {
            Ok(new_state) => state = new_state,
            Err(why) => return escalate(cx, id, &why),
        }
    }
    Ok(Resolved::All)
}

fn escalate(cx: &Context, question: &Id, why: &str) -> Result<Resolved, Fault> {
    cx.announce(Event::QuestionEscalated { question: question.clone(), reason: why.to_owned() })?;
    let state = cx.layout.in_bundle("state.md");
    Ok(Resolved::Escalated(format!(
        "{question}: {why}. Answer it yourself: edit {state}, commit, start a new run"
    )))
}

enum Asked {
    Accepted(ResolverAnswer),
    Escalated(String),
    Stopped(String),
}

fn ask(cx: &Context, state: &State, question: &Question) -> Result<Asked, Fault> {
    let scratch = cx.scratch_dir("resolver-")?;
    let commit = cx.lock_head().clone();
    let given = copy_cited(cx, question, &commit, scratch.path())?;
    let id = &question.id.value;
    let prompt = resolver_prompt(question, &given);
    let answer: ResolverAnswer = match consult(cx, Role::Resolver, id, &prompt, scratch.path())? {
        Consulted::Answer(answer) => answer,
        Consulted::Malformed(why) => {
            return Ok(Asked::Escalated(format!("the resolver gave no usable answer: {why}")));
        }
        Consulted::Stopped(why) => return Ok(Asked::Stopped(why)),
    };
    let objection = void(cx, question, &answer, &commit)?;
    let verdict = match objection {
        Some(why) => Err(why),
        None => arbitrate(cx, state, question, &answer)?,
    };
    write_resolution(cx, question, &answer, verdict.as_ref().err())?;
    match verdict {
        Ok(Some(stopped)) => Ok(Asked::Stopped(stopped)),
        Ok(None) => Ok(Asked::Accepted(answer)),
        Err(why) => Ok(Asked::Escalated(why)),
    }
}

/// Copies the files that a question cites into the resolver's directory; returns their paths.
fn copy_cited(
    cx: &Context,
    question: &Question,
    commit: &Oid,
    dir: &std::path::Path,
) -> Result<Vec<String>, Fault> {
    let cited = PatternSet::new(question.files.iter().map(|f| f.value.clone()));
    let mut given = Vec::new();
    for path in cx.repo.files(commit, "")?.into_iter().filter(|p| cited.matches(p)) {
        let name = path.to_string();
        let Some(bytes) = cx.repo.blob(commit, &name)? else { continue };
        let to = dir.join(path.to_path());
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).at(|| format!("can't make {}", parent.display()))?;
        }
        fs::write(&to, bytes).at(|| format!("can't write {}", to.display()))?;
        given.push(name);
    }
    Ok(given)
}

fn resolver_prompt(question: &Question, given: &[String]) -> String {
    let mut text = format!(
        "Answer one question about a repository.\n\nQuestion {}: {}\n\n",
        question.id.value, question.text.value
    );
    if given.is_empty() {
        text.push_str("No file is cited.\n");
    } else {
        text.push_str("You have copies of exactly the files that the question cites, and nothing else:\n");
        given.iter().for_each(|f| text.push_str(&format!("- {f}\n")));
    }
    text.push_str(&format!(
        "\nYou only read. Answer with one JSON object and nothing after it:\n{{\"question_id\": \"{}\", \"evidence_paths\": [\"…\"], \"proposed_answer\": \"…\", \"confidence\": 0.0, \"contradicts\": []}}\n\
         evidence_paths are files that support the answer; confidence lies between 0 and 1; contradicts names invariants or answered questions that the answer goes against.\n",
        question.id.value
    ));
    text
}

enum Consulted<T> {
    Answer(T),
    Malformed(String),
    Stopped(String),
}

/// Calls an agent for one JSON object; a malformed answer is sent back once.
fn consult<T: serde::de::DeserializeOwned>(
    cx: &Context,
    role: Role,
    question: &Id,
    prompt: &str,
    dir: &std::path::Path,
) -> Result<Consulted<T>, Fault> {
    let asked = invoke::Question {
        role,
        subject: Some(question),
        prompt: prompt.to_owned(),
        log: format!("resolutions/{question}.{}", role.name()),
        port_base: cx.port_base(0),
        timeout: None,
        until: None,
        retries: None,
        cancel: &cx.cancel,
    };
    let read = |value| serde_json::from_value(value).map_err(|e| e.to_string());
    let consulted = invoke::consult(&cx.caller(), &asked, &mut Place::scratch(dir), read)?;
    Ok(match consulted.outcome {
        Outcome::Answer(answer) => Consulted::Answer(answer),
        Outcome::Malformed(why) => Consulted::Malformed(why),
        Outcome::Unavailable(why) => Consulted::Stopped(why),
        Outcome::Cancelled => Consulted::Stopped(cx.why_cancelled()),
    })
}

/// What voids an answer before anybody weighs it.
fn void(
    cx: &Context,
    question: &Question,
    answer: &ResolverAnswer,
    commit: &Oid,
) -> Result<Option<String>, Fault> {
    if answer.question_id != question.id.value.as_str() {
        return Ok(Some(format!("the answer is for {:?}", answer.question_id)));
    }
    if !(0.0..=1.0).contains(&answer.confidence) {
        return Ok(Some(format!("its confidence {} lies outside of 0 to 1", answer.confidence)));
    }
    for path in &answer.evidence_paths {
        // An agent's text: what is no path inside of the repository can't exist at HEAD.
        let inside = Pattern::parse(path).is_ok_and(|p| !p.is_negated()) && !path.contains('\0');
        if !inside || cx.repo.blob(commit, path)?.is_none() {
            return Ok(Some(format!("its evidence {path:?} does not exist at HEAD")));
        }
    }
    if answer.proposed_answer.trim().is_empty() {
        return Ok(Some("the answer is empty".to_owned()));
    }
    if answer.confidence < ENOUGH {
        return Ok(Some(format!("its confidence {} is below {ENOUGH}", answer.confidence)));
    }
    if !answer.contradicts.is_empty() {
        return Ok(Some(format!(
            "the resolver says that its answer contradicts {}",
            answer.contradicts.join(", ")
        )));
    }
    Ok(None)
}

/// A second reader weighs the answer against the invariants and what was answered before.
/// `Err`: a contradiction; `Ok(Some)`: it could not be asked.
fn arbitrate(
    cx: &Context,
    state: &State,
    question: &Question,
    answer: &ResolverAnswer,
) -> Result<Result<Option<String>, String>, Fault> {
    let scratch = cx.scratch_dir("arbiter-")?;
    let prompt = arbiter_prompt(state, question, answer);
    Ok(match consult::<ArbiterAnswer>(cx, Role::Arbiter, &question.id.value, &prompt, scratch.path())? {
        Consulted::Answer(verdict) if verdict.contradicts.is_empty() => Ok(None),
        Consulted::Answer(verdict) => Err(format!(
            "the arbiter says that the answer contradicts {}: {}",
            verdict.contradicts.join(", "),
            verdict.why
        )),
        Consulted::Malformed(why) => Err(format!("the arbiter gave no usable answer: {why}")),
        Consulted::Stopped(why) => Ok(Some(why)),
    })
}

fn arbiter_prompt(state: &State, question: &Question, answer: &ResolverAnswer) -> String {
    let mut text = format!(
        "Does an answer contradict what is already settled?\n\nQuestion {}: {}\nAnswer: {}\n\nInvariants:\n",
        question.id.value, question.text.value, answer.proposed_answer
    );
    state.invariants.iter().for_each(|i| text.push_str(&format!("- {}: {}\n", i.id.value, i.text.value)));
    text.push_str("\nAnswered questions:\n");
    for resolved in &state.resolved_questions {
        let answer = resolved.answer.as_deref().unwrap_or("");
        text.push_str(&format!("- {}: {} {answer}\n", resolved.id.value, resolved.text.value));
    }
    text.push_str("\nAnswer with one JSON object and nothing after it:\n{\"contradicts\": [], \"why\": \"…\"}\ncontradicts holds the ids that the answer goes against.\n");
    text
}

fn write_resolution(
    cx: &Context,
    question: &Question,
    answer: &ResolverAnswer,
    objection: Option<&String>,
) -> Result<(), Fault> {
    let mut text = format!("# Resolution of {}\n\n", question.id.value);
    text.push_str(&format!(
        "- question: {}\n- evidence_paths: {}\n",
        question.text.value,
        answer.evidence_paths.join(", ")
    ));
    text.push_str(&format!(
        "- proposed_answer: {}\n- confidence: {}\n",
        answer.proposed_answer, answer.confidence
    ));
    match objection {
        None => text.push_str("- accepted: true\n"),
        Some(why) => text.push_str(&format!("- accepted: false\n- why: {why}\n")),
    }
    cx.write(&format!("resolutions/{}.md", question.id.value), text.as_bytes())
}

/// Moves the question in state.md, checks that nothing else changed its meaning, and commits
/// it. The inner error says why the answer can't be written down.
fn apply(
    cx: &Context,
    files: &mut BundleFiles,
    state: &State,
    question: &Question,
    answer: &ResolverAnswer,
) -> Result<Result<State, String>, Fault> {
    let id = &question.id.value;
    let moved =
        bundle::move_question(state, id, &answer.proposed_answer, answer.confidence, &answer.evidence_paths);
    let new_text = match moved {
        Ok(text) => text,
        Err(diag) => return Ok(Err(diag.message)),
    };
    let before = files.state.replace(new_text.clone().into_bytes()).unwrap_or_default();
    let new_state = match bundle::parse(files, &cx.layout) {
        Ok((bundle, _)) => bundle.state,
        Err(_) => return Ok(Err("state.md would not parse any more with this answer".to_owned())),
    };
    if !same_contract(state, &new_state) {
        return Ok(Err("the answer would change invariants or delta_to_done".to_owned()));
    }
    let path = cx.layout.in_bundle("state.md");
    let old_text = String::from_utf8_lossy(&before).into_owned();
    let patch = similar::TextDiff::from_lines(old_text.as_str(), new_text.as_str())
        .unified_diff()
        .header(&format!("a/{path}"), &format!("b/{path}"))
        .to_string();
    cx.write(&format!("resolutions/{id}.state.md.patch"), patch.as_bytes())?;
    commit(cx, question, answer, &path, new_text.into_bytes())?;
    Ok(Ok(new_state))
}

fn same_contract(before: &State, after: &State) -> bool {
    let invariants = |s: &State| -> Vec<_> {
        let commands = |i: &crate::bundle::Invariant| {
            i.checks.iter().map(|c| c.command.value.clone()).collect::<Vec<_>>()
        };
        s.invariants
            .iter()
            .map(|i| (i.id.value.clone(), i.text.value.clone(), commands(i), i.advisory))
            .collect()
    };
    let delta = |s: &State| -> Vec<_> {
        s.delta_to_done.iter().map(|d| (d.id.value.clone(), d.text.value.clone())).collect()
    };
    invariants(before) == invariants(after) && delta(before) == delta(after)
}

fn commit(
    cx: &Context,
    question: &Question,
    answer: &ResolverAnswer,
    path: &str,
    bytes: Vec<u8>,
) -> Result<(), Fault> {
    let id = &question.id.value;
    let mut branch_head = cx.lock_head();
    cx.head_is(&branch_head)?;
    let tree = cx.repo.edit_tree(Some(&cx.repo.tree_of(&branch_head)?), &[(path.to_owned(), Some(bytes))])?;
    let summary = head(answer.proposed_answer.lines().next().unwrap_or(""), 60);
    let commit = cx.repo.commit_tree(&NewCommit {
        tree,
        parents: vec![branch_head.clone()],
        message: format!("resolve({id}): {summary}\n\nAudit-Run: {}\nAudit-Resolve: {id}\n", cx.run_id),
        author: cx.config.author.value.clone(),
        sign: cx.config.sign.value,
    })?;
    // Before the branch moves: after a crash in between the move is made up for.
    let confidence = answer.confidence;
    cx.keep_own(&commit)?;
    cx.announce(Event::QuestionResolved { question: id.clone(), confidence, commit: commit.clone() })?;
    let branch = cx.run_id.branch_ref();
    cx.ledger.expect(&branch, &commit);
    match cx.repo.swap_ref(&branch, &branch_head, &commit)? {
        Swap::Done => *branch_head = commit,
        Swap::Moved(found) => return Err(cx.branch_moved(&branch_head, found.as_ref())),
    }
    Ok(())
}
