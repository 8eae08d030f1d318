//! The typed bundle.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::{Id, Pattern};
use crate::config::{ExpectedSignal, LocConfidence};
use crate::diag::{Source, Span, Spanned};

/// The files of a bundle as found, not yet understood.
#[derive(Debug, Clone, Default)]
pub struct BundleFiles {
    /// How the user would name the bundle's directory; the prefix of every source's name.
    pub dir: String,
    /// state.md; `None` if it is missing.
    pub state: Option<Vec<u8>>,
    /// graph.md; `None` if it is missing.
    pub graph: Option<Vec<u8>>,
    /// Every file of prompts/ by its name (`A.md`), in byte order.
    pub prompts: Vec<(String, Vec<u8>)>,
}

/// Where a check may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckScope {
    /// In the node's worktree.
    Worktree,
    /// Outside of it too; its paths are explicit and it is never rewritten.
    Repo,
}

/// One shell command that judges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The command line as written.
    pub command: Spanned<String>,
    /// Where it may look.
    pub scope: CheckScope,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// Its own time limit.
    pub timeout: Option<Spanned<Duration>>,
}

/// An item of `invariants`.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Invariant {
    pub id: Spanned<Id>,
    pub text: Spanned<String>,
    pub checks: Vec<Check>,
    pub advisory: bool,
    pub timeout: Option<Spanned<Duration>>,
}

/// An item of `open_questions`.
#[derive(Debug, Clone)]
pub struct Question {
    /// The question's id.
    pub id: Spanned<Id>,
    /// The question.
    pub text: Spanned<String>,
    /// Paths or globs that a resolver may read.
    pub files: Vec<Spanned<Pattern>>,
    /// The whole item in state.md, so that it can be moved to `resolved_questions`.
    pub item: Span,
}

/// An item of `resolved_questions`.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct ResolvedQuestion {
    pub id: Spanned<Id>,
    pub text: Spanned<String>,
    pub answer: Option<String>,
    pub confidence: Option<String>,
    pub evidence: Option<String>,
}

/// An item of `delta_to_done`.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct DeltaItem {
    pub id: Spanned<Id>,
    pub text: Spanned<String>,
}

/// In which of the three forms the items of a section stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SectionForm {
    /// A Markdown list.
    List,
    /// A table with a header row.
    Table,
    /// A fenced `yaml` block.
    Yaml,
    /// A fenced `json` block.
    Json,
    /// Nothing, or the word `none`.
    Empty,
}

/// One section of state.md.
#[derive(Debug, Clone)]
pub struct Section {
    /// Its heading line.
    pub heading: Span,
    /// From the end of the heading to the next heading of a section (or the end).
    pub body: Span,
    /// The form of its items.
    pub form: SectionForm,
}

/// state.md.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct State {
    /// The text without a byte order mark.
    pub source: Source,
    /// True if the file begins with a byte order mark.
    pub bom: bool,
    pub invariants: Vec<Invariant>,
    pub open_questions: Vec<Question>,
    pub resolved_questions: Vec<ResolvedQuestion>,
    pub delta_to_done: Vec<DeltaItem>,
    /// The sections by their normalised names.
    pub sections: BTreeMap<String, Section>,
}

/// One node of graph.md, joined with its prompt.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // Field names are the attributes of the bundle format.
pub struct Node {
    pub id: Spanned<Id>,
    pub deliverable: Spanned<String>,
    /// Positive patterns and exclusions, as written.
    pub touches: Vec<Spanned<Pattern>>,
    pub depends_on: Vec<Spanned<Id>>,
    pub parallel_safe: Option<Spanned<bool>>,
    pub estimated_loc: Spanned<u64>,
    pub loc_confidence: Option<Spanned<LocConfidence>>,
    pub expected_signal: Option<Spanned<ExpectedSignal>>,
    pub hotspot_files: Vec<Spanned<Pattern>>,
    /// Union of graph.md and the prompt, graph.md first, no id twice.
    pub closes: Vec<Spanned<Id>>,
    /// Invariants cited by the node or in the prompt's constraints, no id twice.
    pub invariants: Vec<Spanned<Id>>,
    pub done_when: Vec<Check>,
    pub agent: Option<Spanned<String>>,
    pub timeout: Option<Spanned<Duration>>,
    pub retries: Option<Spanned<u32>>,
    pub env: Vec<(String, Spanned<String>)>,
    /// The heading, row or mapping that declares it.
    pub span: Span,
    pub prompt: Prompt,
}

/// `prompts/<id>.md`.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// The decoded file, for diagnostics.
    pub source: Source,
    /// The file's bytes, as the agent gets them.
    pub bytes: Vec<u8>,
    /// The sentence of `success`.
    pub success: Spanned<String>,
    /// The text of `failure_modes`.
    pub failure_modes: Spanned<String>,
}

/// A whole, valid bundle. Nodes stand in graph.md's order.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Bundle {
    pub dir: String,
    pub state: State,
    pub graph: Source,
    pub nodes: Vec<Node>,
}
