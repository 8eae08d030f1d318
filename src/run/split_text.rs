//! A splitter's answer where it is written as graph.md writes nodes, read as sub-nodes.
//! Pure: it is parsed like a bundle, and what a bundle would refuse is no answer.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::base::{Id, Layout};
use crate::bundle::{self, BundleFiles, Node};
use crate::run::split::Part;

/// The sub-nodes that `text` proposes for `node`; `None` if it does not parse. Each of them
/// waits for what the node itself waits for.
pub fn parts(text: &str, node: &Node, layout: &Layout) -> Option<Vec<Part>> {
    let ids: BTreeSet<&str> = text.lines().filter_map(heading_id).collect();
    let outer: BTreeSet<&str> = node.depends_on.iter().map(|d| d.value.as_str()).collect();
    let files = stand_in(&without_dependencies(text, &outer), node, &ids);
    let (bundle, _) = bundle::parse(&files, layout).ok()?;
    Some(bundle.nodes.iter().map(|part| as_part(part, &outer)).collect())
}

fn heading_id(line: &str) -> Option<&str> {
    let (id, _) = line.trim().strip_prefix('#')?.trim_start_matches('#').trim().split_once(": ")?;
    Id::parse(id).is_ok().then_some(id)
}

/// A bundle around the proposal alone, in which every part closes what the node closes.
pub fn stand_in(graph: &str, node: &Node, ids: &BTreeSet<&str>) -> BundleFiles {
    let mut state = "## Architecture\n\n## Invariants\n\n## Open questions\n\n## Delta to done\n".to_owned();
    node.closes.iter().for_each(|d| _ = writeln!(state, "- {}: x", d.value));
    let closes: Vec<&str> = node.closes.iter().map(|d| d.value.as_str()).collect();
    let prompt = format!(
        "<scope_envelope><success>x</success><failure_modes>x</failure_modes></scope_envelope>\n<delta_to_done>{}</delta_to_done>\n",
        closes.join(", ")
    );
    BundleFiles {
        dir: "split".to_owned(),
        state: Some(state.into_bytes()),
        graph: Some(graph.as_bytes().to_vec()),
        prompts: ids.iter().map(|id| (format!("{id}.md"), prompt.clone().into_bytes())).collect(),
    }
}

/// Takes dependencies on nodes outside of the proposal out of its text: they exist in the
/// bundle, but not in the proposal alone.
pub fn without_dependencies(text: &str, outer: &BTreeSet<&str>) -> String {
    let keep = |line: &str| match line.strip_prefix("- depends_on: ") {
        Some(list) => {
            let inner: Vec<&str> = list.split(", ").filter(|d| !outer.contains(d)).collect();
            (!inner.is_empty()).then(|| format!("- depends_on: {}", inner.join(", ")))
        }
        None => Some(line.to_owned()),
    };
    text.lines().filter_map(keep).collect::<Vec<_>>().join("\n")
}

fn as_part(part: &Node, outer: &BTreeSet<&str>) -> Part {
    let inner = part.depends_on.iter().map(|d| d.value.to_string());
    Part {
        id: part.id.value.to_string(),
        deliverable: part.deliverable.value.clone(),
        touches: part.touches.iter().map(|t| t.raw().to_owned()).collect(),
        depends_on: outer.iter().map(|d| (*d).to_owned()).chain(inner).collect(),
        estimated_loc: part.estimated_loc.value,
        done_when: part.done_when.iter().map(|c| c.command.value.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::testing::node;

    #[test]
    fn headings_are_sub_nodes_and_prose_is_not() {
        let node = node("A", &["a/**"], &["true"]);
        let layout = Layout::new("docs/audit", "docs/audit");
        let text = "I would cut it so.\n\n### A-x: add x\n- touches: `a/x`, `a/y`\n- estimated_loc: 3\n- done_when:\n  - `test -e a/x`\n\n\
                    ### A-y: add y\n- touches: `a/z`\n- depends_on: A-x\n- estimated_loc: 4\n- done_when:\n  - `true`\n";
        let found = parts(text, &node, &layout).unwrap();
        assert_eq!(found.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(), ["A-x", "A-y"]);
        assert_eq!((found[0].touches.len(), found[1].depends_on.clone()), (2, vec!["A-x".to_owned()]));
        assert_eq!(found[0].done_when, ["test -e a/x"]);
        for bad in ["no idea", "### A-x: add x\n- touches: `/etc`\n- estimated_loc: 3\n", ""] {
            assert_eq!(parts(bad, &node, &layout), None, "{bad}");
        }
    }
}
