//! Markdown tables and the cells that reports share.

use super::escape::markdown;

/// What every report says of a node, in this order.
pub(super) const NODE_COLUMNS: [&str; 11] =
    ["node", "status", "deliverable", "tier", "attempts", "lines", "cap", "time", "cost", "commit", "reason"];

/// A table, or the word none. Cells are escaped already, but for the pipes that would end them.
pub(crate) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut body = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        body.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    if body.is_empty() {
        return "None.\n".to_owned();
    }
    format!("| {} |\n|{}\n{body}", head.join(" | "), "---|".repeat(head.len()))
}

/// A section with its heading.
pub(crate) fn section(title: &str, body: &str) -> String {
    format!("\n## {title}\n\n{body}")
}

/// A list of lines, each escaped.
pub(super) fn bullets<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    lines.into_iter().map(|line| format!("- {}\n", markdown(line))).collect()
}

/// USD, or a dash where nobody said.
pub(super) fn usd(cost: Option<f64>) -> String {
    cost.map_or_else(dash, |c| {
        let text = format!("{c:.4}");
        let text = text.trim_end_matches('0');
        // Two places at the least, as money is written.
        let places = text.len() - text.find('.').map_or(text.len(), |dot| dot + 1);
        format!("${text}{}", "0".repeat(2_usize.saturating_sub(places)))
    })
}

/// A number, or a dash where nobody said.
pub(super) fn number(n: Option<u64>) -> String {
    n.map_or_else(dash, |n| n.to_string())
}

/// Milliseconds as a duration for people: whole seconds past ten.
pub(super) fn duration(ms: Option<u64>) -> String {
    ms.map_or_else(dash, |ms| {
        let rounded = if ms >= 10_000 { ms / 1000 * 1000 } else { ms };
        crate::base::quantity::format_duration(std::time::Duration::from_millis(rounded))
    })
}

fn dash() -> String {
    "–".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_for_people() {
        assert_eq!(
            [usd(None), usd(Some(0.25)), usd(Some(1.0)), usd(Some(0.12345))].join(" "),
            "– $0.25 $1.00 $0.1235"
        );
        assert_eq!(
            [duration(None), duration(Some(9_999)), duration(Some(3_661_234))].join(" "),
            "– 9s999ms 1h1m1s"
        );
        assert_eq!(table(&["a"], []), "None.\n");
        assert_eq!(table(&["a"], [vec!["x | y".to_owned()]]), "| a |\n|---|\n| x \\| y |\n");
    }
}
