//! Diagnostics: sources, spans that travel with values, problems as comparable
//! kinds with a place and a remedy, and a collector that reports all of them in one go.

mod nearest;
mod render;
mod source;

pub use nearest::nearest;
pub use render::{Format, render};
pub use source::{Source, Span, Spanned};

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Advice,
    /// Likely not what was meant; the program goes on.
    Warning,
    /// The input is refused.
    Error,
}

/// One problem: what (a stable code and a sentence), where (labelled spans, the first
/// is the main one) and what to do next.
#[derive(Debug, Clone)]
pub struct Diag {
    /// A stable name such as `bundle::unknown-key`; tests and JSON readers rely on it.
    pub code: &'static str,
    /// Error, warning or advice.
    pub severity: Severity,
    /// What happened, in one sentence without a full stop.
    pub message: String,
    /// Where; may lie in several files.
    pub labels: Vec<(Span, String)>,
    /// What to do next.
    pub help: Option<String>,
}

impl Diag {
    /// An error without a place yet.
    pub fn error(code: &'static str, message: impl Into<String>) -> Diag {
        Diag { code, severity: Severity::Error, message: message.into(), labels: Vec::new(), help: None }
    }

    /// A warning without a place yet.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Diag {
        Diag { severity: Severity::Warning, ..Diag::error(code, message) }
    }

    /// It and its main place in one line.
    pub fn told(&self) -> String {
        let Some((span, _)) = self.labels.first() else { return self.message.clone() };
        let (line, column) = span.line_column();
        format!("{}:{line}:{column}: {}", span.source().name(), self.message)
    }

    /// Adds a labelled place.
    #[must_use]
    pub fn at(mut self, span: &Span, label: impl Into<String>) -> Diag {
        self.labels.push((span.clone(), label.into()));
        self
    }

    /// Sets the remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Diag {
        self.help = Some(help.into());
        self
    }

    /// Sets the remedy to "did you mean …?" if one of `known` is near `word`.
    #[must_use]
    pub fn suggest<'a>(self, word: &str, known: impl IntoIterator<Item = &'a str>) -> Diag {
        match nearest(word, known) {
            Some(best) => self.help(format!("did you mean '{best}'?")),
            None => self,
        }
    }
}

/// A growing list of problems.
#[derive(Debug, Clone, Default)]
pub struct Diags(Vec<Diag>);

impl Diags {
    /// An empty list.
    pub fn new() -> Diags {
        Diags::default()
    }

    /// Adds one problem.
    pub fn push(&mut self, diag: Diag) {
        self.0.push(diag);
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: Diags) {
        self.0.extend(other.0);
    }

    /// True if at least one is an error.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|d| d.severity == Severity::Error)
    }

    /// True if nothing was reported.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The problems in the order in which they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, Diag> {
        self.0.iter()
    }

    /// The problems ordered by file name and place (those without a place last).
    #[must_use]
    pub fn sorted(mut self) -> Diags {
        self.0.sort_by_key(|d| match d.labels.first() {
            Some((span, _)) => (0, span.source().name().to_owned(), span.offset()),
            None => (1, String::new(), 0),
        });
        self
    }
}

impl IntoIterator for Diags {
    type Item = Diag;
    type IntoIter = std::vec::IntoIter<Diag>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl From<Diag> for Diags {
    fn from(diag: Diag) -> Diags {
        Diags(vec![diag])
    }
}
