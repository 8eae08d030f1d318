//! Split proposals: when a node can't be done in one piece, the evidence of its attempts
//! says how it might be cut. Pure: measured files in, graph.md text out.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::base::{Id, RepoPath, text::shell_quote, text::verb};
use crate::bundle::Node;

/// A file that an attempt changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// The file.
    pub path: RepoPath,
    /// Added + deleted lines, the most of any attempt.
    pub loc: u64,
    /// It was taken away.
    pub removed: bool,
}

/// One proposed sub-node.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Part {
    /// Its id.
    pub id: String,
    /// What it delivers, beginning with the verb.
    pub deliverable: String,
    /// What it may write.
    pub touches: Vec<String>,
    /// Real dependencies.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// Lines.
    pub estimated_loc: u64,
    /// Its checks.
    pub done_when: Vec<String>,
}

/// What a splitter agent may answer: `{"nodes": [ … ]}`.
#[derive(Debug, Clone, Deserialize)]
pub struct Answer {
    /// The sub-nodes.
    pub nodes: Vec<Part>,
}

/// Cuts a node along the files that its attempts changed, grouped by directory; where no
/// file was changed, along its touches, and where there is one entry only, along its checks.
/// A check goes to the part whose files (or patterns) it names; one that names none goes to
/// a last part that waits for all others.
pub fn derive(node: &Node, measured: &[Measured], taken: &BTreeSet<String>) -> Vec<Part> {
    let groups = groups(node, measured);
    let mut ids = (1..).map(|n| sub_id(&node.id, n)).filter(|id| !taken.contains(id));
    let deps: Vec<String> = node.depends_on.iter().map(|d| d.value.to_string()).collect();
    let mut left: Vec<&str> = node.done_when.iter().map(|c| c.command.value.as_str()).collect();
    let mut parts: Vec<Part> = Vec::new();
    for group in groups {
        let (own, rest): (Vec<&str>, Vec<&str>) =
            left.iter().partition(|c| group.names.iter().any(|n| c.contains(n.as_str())));
        left = rest;
        let done_when = if own.is_empty() {
            group.existence.clone()
        } else {
            own.iter().map(|c| (*c).to_owned()).collect()
        };
        parts.push(Part {
            id: ids.next().unwrap_or_default(),
            deliverable: format!("{} ({})", node.deliverable.value, group.title),
            touches: group.touches,
            depends_on: deps.clone(),
            estimated_loc: group.loc.max(1),
            done_when,
        });
    }
    attach_rest(node, &mut parts, &left, &deps, ids.next().unwrap_or_default());
    parts.retain(|p| !p.done_when.is_empty());
    parts
}

/// Checks that name no part judge the whole: they make a part that comes last.
fn attach_rest(node: &Node, parts: &mut Vec<Part>, left: &[&str], deps: &[String], id: String) {
    if left.is_empty() {
        return;
    }
    let before: Vec<String> = deps.iter().cloned().chain(parts.iter().map(|p| p.id.clone())).collect();
    let done_when = left.iter().map(|c| (*c).to_owned()).collect();
    parts.push(Part {
        id,
        deliverable: format!("{} the parts of {}", joining_verb(node), node.id.value),
        touches: node.touches.iter().map(|t| t.raw().to_owned()).collect(),
        depends_on: before,
        estimated_loc: (node.estimated_loc.value / 4).max(1),
        done_when,
    });
}

fn joining_verb(node: &Node) -> &str {
    match verb(&node.deliverable) {
        "assert" | "document" | "prune-if-present" => "assert",
        _ => "connect",
    }
}

struct Group {
    title: String,
    touches: Vec<String>,
    /// Texts by which a check may name it.
    names: Vec<String>,
    /// Checks that at least show its files to be there (or gone).
    existence: Vec<String>,
    loc: u64,
}

fn groups(node: &Node, measured: &[Measured]) -> Vec<Group> {
    let mut by_dir: BTreeMap<String, Vec<&Measured>> = BTreeMap::new();
    for file in measured {
        let path = file.path.to_string();
        let dir = path.rsplit_once('/').map_or(String::new(), |(dir, _)| dir.to_owned());
        by_dir.entry(dir).or_default().push(file);
    }
    match by_dir.len() {
        0 => groups_by_touches(node),
        1 if measured.len() > 1 => measured.iter().map(|f| group_of(&f.path.to_string(), &[f])).collect(),
        _ => by_dir
            .iter()
            .map(|(dir, files)| group_of(if dir.is_empty() { "root" } else { dir }, files))
            .collect(),
    }
}

fn group_of(title: &str, files: &[&Measured]) -> Group {
    let paths: Vec<String> = files.iter().map(|f| f.path.to_string()).collect();
    let existence = files.iter().zip(&paths).map(|(f, p)| {
        let not = if f.removed { "! " } else { "" };
        format!("test {not}-e {}", shell_quote(p))
    });
    Group {
        title: title.to_owned(),
        existence: existence.collect(),
        names: paths.clone(),
        touches: paths,
        loc: files.iter().map(|f| f.loc).sum(),
    }
}

fn groups_by_touches(node: &Node) -> Vec<Group> {
    let positive: Vec<&str> = node.touches.iter().filter(|t| !t.is_negated()).map(|t| t.raw()).collect();
    let share = node.estimated_loc.value / positive.len().max(1) as u64;
    if positive.len() < 2 {
        return Vec::new();
    }
    let group = |pattern: &&str| Group {
        title: (*pattern).to_owned(),
        touches: vec![(*pattern).to_owned()],
        names: vec![pattern.trim_end_matches("**").trim_end_matches('/').to_owned()],
        existence: Vec::new(),
        loc: share,
    };
    positive.iter().map(group).collect()
}

fn sub_id(id: &Id, n: usize) -> String {
    let suffix = format!("-{n}");
    let keep = 64 - suffix.len();
    let stem: String = id.as_str().chars().take(keep).collect();
    format!("{}{suffix}", stem.trim_end_matches('.'))
}

/// `split.md`: why, then the parts in graph.md's heading form.
pub fn render(node: &Node, reason: &str, evidence: &[Measured], parts: &[Part], origin: &str) -> String {
    let mut text = format!("# Split proposal for {}\n\n{reason}\n\n", node.id.value);
    text.push_str(&format!(
        "Origin: {origin}. Put the nodes below into graph.md in the place of {}, ",
        node.id.value
    ));
    text.push_str(
        "write a prompt for each, commit, and go on with `auditrun resume --bundle-from HEAD`.\n\n",
    );
    if !evidence.is_empty() {
        text.push_str("Files that the attempts changed, with the most lines of any attempt:\n\n");
        evidence.iter().for_each(|f| text.push_str(&format!("* {} ({} lines)\n", f.path, f.loc)));
        text.push('\n');
    }
    text.push_str("## Proposed nodes\n");
    for part in parts {
        text.push_str(&render_part(node, part));
    }
    text
}

fn render_part(node: &Node, part: &Part) -> String {
    let spans = |items: &[String]| items.iter().map(|i| code_span(i)).collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "\n### {}: {}\n\n- touches: {}\n",
        part.id,
        part.deliverable.replace('\n', " "),
        spans(&part.touches)
    );
    if !part.depends_on.is_empty() {
        text.push_str(&format!("- depends_on: {}\n", part.depends_on.join(", ")));
    }
    text.push_str(&format!("- parallel_safe: false\n- estimated_loc: {}\n", part.estimated_loc));
    let closes: Vec<&str> = node.closes.iter().map(|d| d.as_str()).collect();
    text.push_str(&format!("- delta_to_done: {}\n- done_when:\n", closes.join(", ")));
    part.done_when.iter().for_each(|c| text.push_str(&format!("  - {}\n", code_span(c))));
    text
}

/// `text` as a Markdown code span, whatever backticks it holds.
fn code_span(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    if longest == 0 {
        return format!("`{text}`");
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence} {text} {fence}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::testing::node;

    fn measured(path: &str, loc: u64) -> Measured {
        Measured { path: path.into(), loc, removed: false }
    }

    #[test]
    fn files_are_grouped_by_directory_and_checks_follow_their_files() {
        let node = node("A", &["a/**", "b/**"], &["test -f a/x.txt", "cargo test"]);
        let parts = derive(
            &node,
            &[measured("a/x.txt", 3), measured("b/y.txt", 9)],
            &BTreeSet::from(["A-1".to_owned()]),
        );
        let ids: Vec<&str> = parts.iter().map(|p| p.id.as_str()).collect();
        assert_eq!(ids, ["A-2", "A-3", "A-4"]);
        assert_eq!(parts[0].done_when, ["test -f a/x.txt"]);
        assert_eq!(parts[1].done_when, ["test -e b/y.txt"]);
        assert_eq!(parts[1].estimated_loc, 9);
        assert_eq!(
            (parts[2].done_when.clone(), parts[2].depends_on.clone()),
            (vec!["cargo test".to_owned()], vec!["A-2".to_owned(), "A-3".to_owned()])
        );
    }

    #[test]
    fn without_a_diff_the_touches_are_cut_and_a_single_one_leaves_the_checks() {
        let two = derive(&node("A", &["a/**", "b/**"], &["test -d a", "test -d b"]), &[], &BTreeSet::new());
        assert_eq!(two.iter().map(|p| p.touches[0].as_str()).collect::<Vec<_>>(), ["a/**", "b/**"]);
        let one = derive(&node("A", &["a"], &["false"]), &[], &BTreeSet::new());
        assert_eq!(one.len(), 1);
    }

    #[test]
    fn the_proposal_is_in_graph_md_s_heading_form() {
        let node = node("A", &["a/**", "b/**"], &["test -f a/x.txt", "grep '`x`' b/y.txt"]);
        let evidence = [measured("a/x.txt", 3), measured("b/y.txt", 9)];
        let parts = derive(&node, &evidence, &BTreeSet::new());
        insta::assert_snapshot!(render(
            &node,
            "3 attempts failed",
            &evidence,
            &parts,
            "derived from the attempts"
        ));
    }
}
