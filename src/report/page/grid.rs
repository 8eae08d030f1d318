//! A table of the page. What fits is in the HTML and needs no script; the rest of a long one
//! lies beside it as data, which the script pages through.

use maud::{Markup, PreEscaped, html};
use serde::Serialize;

use super::{status, tidy};
use crate::base::text::neutral;

/// Rows that stand in the HTML.
pub const INLINE: usize = 100;
/// Rows that a table holds at all.
pub const LIMIT: usize = 10_000;

/// How a column's cells are shown and sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Words.
    Text,
    /// A name or a command.
    Code,
    /// A status, with its sign.
    Status,
    /// A figure, aligned to the right.
    Number,
}

/// A cell: what is shown, what it is sorted by, where it leads.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cell {
    text: String,
    sort: Option<f64>,
    href: Option<String>,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), ..Cell::default() }
    }

    /// A figure as it is shown, and by which it is sorted.
    pub fn figure(shown: impl Into<String>, value: Option<f64>) -> Cell {
        Cell { text: shown.into(), sort: value, href: None }
    }

    /// Words that lead to a file of the run, if it is there.
    pub fn link(text: impl Into<String>, href: Option<String>) -> Cell {
        Cell { text: text.into(), sort: None, href }
    }
}

/// A table in the making.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    id: &'static str,
    caption: String,
    columns: Vec<(&'static str, Kind)>,
    rows: Vec<Vec<Cell>>,
    /// The first cell names its row: `<id>-<text>` is the row's anchor.
    anchor: Option<&'static str>,
}

impl Grid {
    /// An empty table with these columns.
    pub fn new(id: &'static str, caption: impl Into<String>, columns: &[(&'static str, Kind)]) -> Grid {
        Grid { id, caption: caption.into(), columns: columns.to_vec(), rows: Vec::new(), anchor: None }
    }

    /// Gives each row in the HTML an anchor: `<prefix>-<first cell>`.
    #[must_use]
    pub fn anchored(mut self, prefix: &'static str) -> Grid {
        self.anchor = Some(prefix);
        self
    }

    /// Adds rows.
    #[must_use]
    pub fn rows(mut self, rows: impl IntoIterator<Item = Vec<Cell>>) -> Grid {
        self.rows.extend(rows);
        self
    }

    /// No row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table, or `none` where it has no row.
    pub fn draw(&self, none: &str) -> Markup {
        if self.rows.is_empty() {
            return html! { p.empty { (none) } };
        }
        let all = self.rows.len();
        let kept = all.min(LIMIT);
        let inline = self.rows.iter().take(INLINE);
        html! {
            div.grid id=(self.id) {
                div.scroll role="region" tabindex="0" aria-label=(self.caption) {
                    table {
                        caption { (self.caption) }
                        thead {
                            tr { @for (title, kind) in &self.columns { th scope="col" class=[class(*kind)] { (title) } } }
                        }
                        tbody { @for row in inline { (self.row(row)) } }
                    }
                }
                @if all > INLINE {
                    p.more { "The first " (INLINE) " of " (all) " rows." }
                    script type="application/json" { (PreEscaped(self.data(kept))) }
                }
                @if all > kept {
                    p.cut { (all - kept) " more rows are left out here; the JSON files have them." }
                }
            }
        }
    }

    fn row(&self, row: &[Cell]) -> Markup {
        let anchor =
            self.anchor.zip(row.first()).map(|(prefix, cell)| format!("{prefix}-{}", tidy(&cell.text)));
        html! {
            tr id=[anchor] {
                @for (at, (cell, (title, kind))) in row.iter().zip(&self.columns).enumerate() {
                    @if at == 0 {
                        th scope="row" class=[class(*kind)] data-label=(title) { (shown(cell, *kind)) }
                    } @else {
                        td class=[class(*kind)] data-label=(title) data-sort=[cell.sort] { (shown(cell, *kind)) }
                    }
                }
            }
        }
    }

    /// `{kinds, rows}`; a cell is its text, or `[text, sort, href]` where there is more to it.
    fn data(&self, kept: usize) -> String {
        let cell = |c: &Cell| match (&c.sort, &c.href) {
            (None, None) => serde_json::json!(tidy(&c.text)),
            (sort, href) => serde_json::json!([tidy(&c.text), sort, href]),
        };
        let rows: Vec<Vec<_>> = self.rows.iter().take(kept).map(|r| r.iter().map(cell).collect()).collect();
        let kinds: Vec<Kind> = self.columns.iter().map(|(_, kind)| *kind).collect();
        script_data(&serde_json::json!({ "kinds": kinds, "anchor": self.anchor, "rows": rows }))
    }
}

/// JSON inside of a script element: nothing in it can end the element.
fn script_data(value: &serde_json::Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn class(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Text => None,
        Kind::Code => Some("code"),
        Kind::Status => Some("status"),
        Kind::Number => Some("number"),
    }
}

fn shown(cell: &Cell, kind: Kind) -> Markup {
    let text = neutral(&cell.text);
    html! {
        @match (&cell.href, kind) {
            (Some(href), _) => a href=(href) { (text) },
            (None, Kind::Status) if !text.is_empty() => (status::chip(&text)),
            (None, Kind::Code) if !text.is_empty() => code { (text) },
            _ => (text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_table_has_its_rows_as_data_that_can_not_leave_its_element() {
        let rows = (0..150)
            .map(|n| vec![Cell::text("</script><!--"), Cell::figure(n.to_string(), Some(f64::from(n)))]);
        let grid = Grid::new("g", "G", &[("name", Kind::Code), ("n", Kind::Number)]).rows(rows);
        let text = grid.draw("none").into_string();
        assert_eq!(text.matches("<tr").count(), 101);
        assert_eq!((text.matches("</script>").count(), text.matches("<!--").count()), (1, 0));
        let data = text.split("application/json\">").nth(1).unwrap().split("</script>").next().unwrap();
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["rows"].as_array().unwrap().len(), 150);
        assert_eq!(data["rows"][149], serde_json::json!(["</script><!--", ["149", 149.0, null]]));
    }

    #[test]
    fn an_empty_table_says_so_in_words() {
        let text = Grid::new("g", "G", &[("a", Kind::Text)]).draw("Nothing.").into_string();
        assert_eq!(text, "<p class=\"empty\">Nothing.</p>");
    }
}
