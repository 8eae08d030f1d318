//! Diagnostics as text (miette), JSON lines or GitHub annotations.

use std::fmt;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceSpan};

use super::source::{MAX_EXCERPT, MAX_POINTED};
use super::{Diag, Diags, Severity};
use crate::base::text::{count, neutral};

/// In which form diagnostics are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people; `color` and `width` as the terminal has them.
    Text {
        /// Use ANSI colours.
        color: bool,
        /// Columns.
        width: usize,
    },
    /// One JSON object a line.
    Json,
    /// Workflow commands of GitHub Actions.
    Github,
}

/// Most problems that are shown: nobody reads more, and a file that is no audit.kdl at all has
/// one in each line.
const MAX_SHOWN: usize = 300;

/// All of `diags`, in order, each ended by a newline. Where people read them the rest is counted
/// past a few hundred.
pub fn render(diags: &Diags, format: Format) -> String {
    let shown = if format == Format::Json { usize::MAX } else { MAX_SHOWN };
    let mut out = String::new();
    for diag in diags.iter().take(shown) {
        one(diag, format, &mut out);
    }
    let more = diags.iter().count().saturating_sub(shown);
    if more > 0 {
        let more = Diag {
            severity: Severity::Advice,
            ..Diag::error("diag::more", format!("{} not shown", count(more, "more problem")))
        };
        one(&more.help("mend these first; many others may follow from them"), format, &mut out);
    }
    out
}

fn one(diag: &Diag, format: Format, out: &mut String) {
    match format {
        Format::Text { color, width } => text(diag, color, width, out),
        Format::Json => json(diag, out),
        Format::Github => github(diag, out),
    }
}

fn text(diag: &Diag, color: bool, width: usize, out: &mut String) {
    let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(width).with_links(false);
    // A report of miette has one source; places in other files follow as related ones.
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (i, (span, _)) in diag.labels.iter().enumerate() {
        match groups.iter_mut().find(|g| diag.labels[g[0]].0.source() == span.source()) {
            Some(group) => group.push(i),
            None => groups.push(vec![i]),
        }
    }
    let first = groups.first().cloned().unwrap_or_default();
    let related =
        groups.iter().skip(1).map(|g| Shown { diag, labels: g.clone(), related: Vec::new(), main: false });
    let shown = Shown { diag, labels: first, related: related.collect(), main: true };
    if handler.render_report(out, &shown).is_err() {
        out.push_str(&diag.message);
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
}

/// A diagnostic as miette wants to see it.
struct Shown<'a> {
    diag: &'a Diag,
    labels: Vec<usize>,
    related: Vec<Shown<'a>>,
    main: bool,
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.diag.fmt(f)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.main { f.write_str(&neutral(&self.diag.message)) } else { f.write_str("see also") }
    }
}

impl std::error::Error for Shown<'_> {}

impl miette::Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.main.then(|| Box::new(self.diag.code) as Box<dyn fmt::Display>)
    }
    fn severity(&self) -> Option<miette::Severity> {
        Some(match (self.main, self.diag.severity) {
            (true, Severity::Error) => miette::Severity::Error,
            (true, Severity::Warning) => miette::Severity::Warning,
            _ => miette::Severity::Advice,
        })
    }
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.diag.help.as_ref().filter(|_| self.main)?;
        Some(Box::new(neutral(help)))
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        if self.labels.is_empty() {
            return None;
        }
        Some(Box::new(self.labels.iter().enumerate().map(|(n, i)| {
            let (span, label) = &self.diag.labels[*i];
            let pointed = span.text().floor_char_boundary(MAX_POINTED);
            let len = if span.len() > MAX_POINTED { pointed } else { span.len() };
            let place = SourceSpan::new(span.offset().into(), len);
            let label = (!label.is_empty()).then(|| neutral(label));
            if n == 0 {
                LabeledSpan::new_primary_with_span(label, place)
            } else {
                LabeledSpan::new_with_span(label, place)
            }
        })))
    }
    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        let (span, _) = &self.diag.labels[*self.labels.first()?];
        Some(span.source())
    }
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        if self.related.is_empty() {
            return None;
        }
        Some(Box::new(self.related.iter().map(|s| s as &dyn miette::Diagnostic)))
    }
}

impl miette::SourceCode for super::Source {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        // Places that lie far from each other are not shown in one excerpt: miette asks for what
        // holds both, and takes a refusal for "apart".
        if span.len() > MAX_EXCERPT {
            return Err(miette::MietteError::OutOfBounds);
        }
        let range = self.excerpt(span.offset(), span.len(), before, after);
        let (line, column) = self.line_column(range.start);
        let data = self.shown().get(range.clone()).ok_or(miette::MietteError::OutOfBounds)?;
        Ok(Box::new(miette::MietteSpanContents::new_named(
            neutral(self.name()),
            data.as_bytes(),
            SourceSpan::new(range.start.into(), range.len()),
            line - 1,
            column - 1,
            // As miette itself counts it: the last line's number.
            self.line_column(range.end).0 - 1,
        )))
    }
}

#[derive(serde::Serialize)]
struct JsonDiag<'a> {
    code: &'a str,
    severity: Severity,
    message: &'a str,
    labels: Vec<JsonLabel<'a>>,
    help: Option<&'a str>,
}

#[derive(serde::Serialize)]
struct JsonLabel<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    offset: usize,
    length: usize,
    label: &'a str,
}

fn json(diag: &Diag, out: &mut String) {
    let labels = diag.labels.iter().map(|(span, label)| {
        let (line, column) = span.line_column();
        JsonLabel {
            file: span.source().name(),
            line,
            column,
            offset: span.offset(),
            length: span.len(),
            label,
        }
    });
    let shown = JsonDiag {
        code: diag.code,
        severity: diag.severity,
        message: &diag.message,
        labels: labels.collect(),
        help: diag.help.as_deref(),
    };
    out.push_str(&serde_json::to_string(&shown).unwrap_or_default());
    out.push('\n');
}

fn github(diag: &Diag, out: &mut String) {
    let level = match diag.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Advice => "notice",
    };
    let escape = |s: &str| neutral(s).replace('%', "%25").replace('\n', "%0A");
    let property = |s: &str| escape(s).replace(':', "%3A").replace(',', "%2C");
    out.push_str(&format!("::{level} "));
    if let Some((span, _)) = diag.labels.first() {
        let (line, column) = span.line_column();
        out.push_str(&format!("file={},line={line},col={column},", property(span.source().name())));
    }
    let help = diag.help.as_ref().map(|h| format!("\n{h}")).unwrap_or_default();
    out.push_str(&format!("title={}::{}\n", property(diag.code), escape(&format!("{}{help}", diag.message))));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Source;

    fn sample() -> Diags {
        let graph = Source::new("graph.md", "### A: add\n- touchs: x\n");
        let prompt = Source::new("prompts/A.md", "done\n");
        Diag::error("bundle::unknown-key", "'touchs' is not an attribute of a node")
            .at(&graph.span(13, 6), "unknown")
            .at(&prompt.span(0, 4), "cited here")
            .suggest("touchs", ["touches"])
            .into()
    }

    #[test]
    fn text_shows_file_line_excerpt_and_remedy() {
        insta::assert_snapshot!(render(&sample(), Format::Text { color: false, width: 80 }));
    }

    #[test]
    fn long_lines_large_files_and_many_problems_stay_readable() {
        let text =
            format!("{}\n{}X{}\nlast\n", "a\n".repeat(100_000), "é".repeat(50_000), "ü".repeat(50_000));
        let source = Source::new("f", text.as_str());
        let at = text.find('X').unwrap_or_default();
        let one = |len| Diags::from(Diag::error("a::b", "m").at(&source.span(at, len), "here").help("h"));
        for len in [1, 0, 90_000, text.len()] {
            let shown = render(&one(len), Format::Text { color: false, width: 80 });
            assert!(shown.len() < 6000 && shown.contains("f:100002:50001") && shown.contains('X'), "{shown}");
        }
        let mut many = Diags::new();
        (0..100_000).for_each(|n| many.push(Diag::error("a::b", "m").at(&source.span(n * 2, 1), "")));
        let shown = render(&many, Format::Text { color: false, width: 80 });
        assert!(shown.contains("99700 more problems not shown"));
        assert_eq!(render(&many, Format::Json).lines().count(), 100_000, "a program can count");
    }

    #[test]
    fn json_and_github_carry_the_place() {
        let json: serde_json::Value = serde_json::from_str(&render(&sample(), Format::Json)).unwrap();
        assert_eq!(json["labels"][0]["line"], 2);
        assert_eq!(json["labels"][1]["file"], "prompts/A.md");
        assert_eq!(
            render(&sample(), Format::Github),
            "::error file=graph.md,line=2,col=3,title=bundle%3A%3Aunknown-key::'touchs' is not an attribute of a node%0Adid you mean 'touches'?\n"
        );
    }
}
