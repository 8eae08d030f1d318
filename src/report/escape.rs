//! Foreign text made harmless for the place where it is shown: Markdown, XML. Control
//! characters go first, then whatever the format would read as its own. HTML is made in `page`,
//! whose markup escapes by itself.

use crate::base::text::neutral;

/// Text inside a line of Markdown: no markup, no HTML, no link, no mention. A cell of a table
/// needs its pipes escaped as well, which `table` does for every cell.
pub fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let text = neutral(text);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\t' => out.push(' '),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            // `://` would become a link by itself.
            ':' if chars.peek() == Some(&'/') => out.push_str("&#58;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// Text as a code span on one line.
pub fn code(text: &str) -> String {
    let text = neutral(text).replace(['\n', '\t'], " ");
    if text.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Text as a fenced block that nothing inside can end.
pub fn fenced(text: &str) -> String {
    let text = neutral(text);
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    format!("{fence}text\n{}\n{fence}\n", text.trim_end_matches('\n'))
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Text inside an element or a quoted attribute of XML 1.0; characters that XML can't hold are left out.
pub fn xml(text: &str) -> String {
    let legal =
        |c: &char| matches!(c, '\t' | '\n' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    escape(&neutral(text).chars().filter(legal).collect::<String>())
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_text_stays_text() {
        assert_eq!(markdown("a|b <i>*x*</i>\n# @me"), r"a|b &lt;i&gt;\*x\*&lt;/i&gt; \# &#64;me");
        assert_eq!(markdown("see https://x.y"), "see https&#58;//x.y");
        assert_eq!(markdown("\x1b[2J"), "\u{241b}\\[2J");
    }

    #[test]
    fn code_spans_and_fences_outlast_backticks() {
        assert_eq!(code("a `b` | c"), "``a `b` | c``");
        assert_eq!(code("`x"), "`` `x ``");
        assert_eq!(code(""), "");
        assert_eq!(fenced("x\n```\n</details>\n"), "````text\nx\n```\n</details>\n````\n");
    }

    #[test]
    fn xml_can_not_be_left() {
        assert_eq!(xml("a\u{0}b\u{fffe}c\u{ffff}<]]>"), "a\u{2400}bc&lt;]]&gt;");
    }
}
