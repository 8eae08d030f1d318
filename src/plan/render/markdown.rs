//! Text from a bundle in Markdown, so that it can neither break a table nor pass for
//! markup, links or HTML.

use crate::base::text::neutral;

/// The characters that could begin markup inside of a line.
const MARKUP: &[char] = &['\\', '`', '*', '_', '[', ']', '<', '>', '&', '|', '#', '~', '!', '$'];

/// Plain text on one line, for a cell, a heading or a list item.
pub(super) fn plain(text: &str) -> String {
    let text = neutral(text);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(' '),
            c if MARKUP.contains(&c) && !joins_words(c, &out) => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// True for a `_` after a letter, as in `depends_on`: markup only begins at a word's edge.
fn joins_words(c: char, before: &str) -> bool {
    c == '_' && before.chars().last().is_some_and(char::is_alphanumeric)
}

/// A code span on one line.
pub(super) fn code(text: &str) -> String {
    let mut text = neutral(text);
    if text.contains(['\n', '\t']) {
        text = text.replace(['\n', '\t'], " ");
    }
    let ticks = "`".repeat(longest_run(&text) + 1);
    let edge = if text.starts_with('`') || text.ends_with('`') || text.is_empty() { " " } else { "" };
    format!("{ticks}{edge}{text}{edge}{ticks}")
}

/// A code span inside of a table, where a pipe would end the cell.
pub(super) fn cell_code(text: &str) -> String {
    let code = code(text);
    if code.contains('|') { code.replace('|', "\\|") } else { code }
}

/// A fenced block of shell that shows `text` to the byte (control characters aside).
pub(super) fn fence(text: &str) -> String {
    let ticks = "`".repeat(longest_run(text).max(2) + 1);
    format!("{ticks}sh\n{}\n{ticks}\n", neutral(text))
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// One row of a table.
pub(super) fn row(cells: &[String]) -> String {
    let mut row = String::with_capacity(cells.iter().map(|c| c.len() + 3).sum::<usize>() + 2);
    for cell in cells {
        row.extend(["| ", cell, " "]);
    }
    row.push_str("|\n");
    row
}

/// The head of a table.
pub(super) fn head(names: &[&str]) -> String {
    format!("| {} |\n|{}\n", names.join(" | "), "---|".repeat(names.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_text_is_shown_and_not_obeyed() {
        assert_eq!(plain("a|b `c` <b>*x*</b>\n# y"), r"a\|b \`c\` \<b\>\*x\*\</b\> \# y");
        assert_eq!(plain("depends_on [x](y) \x1b[0m"), "depends_on \\[x\\](y) \u{241b}\\[0m");
        assert_eq!(code("a `b` c"), "``a `b` c``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code(""), "`  `");
        assert_eq!(cell_code("a | b"), "`a \\| b`");
        assert_eq!(fence("a\n```\nb"), "````sh\na\n```\nb\n````\n");
    }
}
