//! From a bundle's files to the typed bundle: reads each file as far as it can be read,
//! then checks what holds between them.

use super::cite::Known;
use super::decode::{decode, has_bom, missing, path};
use super::graph::ParsedGraph;
use super::join::{Citable, Joined, Prompts, join, node, pair};
use super::model::{Bundle, BundleFiles};
use super::state::{ParsedState, unique};
use super::{graph, prompt, state, trace};
use crate::base::Layout;
use crate::diag::{Diag, Diags, Source};

/// Understands a bundle. `layout` says where the harness's own files are, which a node can't
/// write. On success the second value holds warnings.
///
/// # Errors
/// All problems of all files, ordered by file and place, warnings among them. What could
/// not be read is left out of the checks between files, so that one mistake is reported once.
pub fn parse(files: &BundleFiles, layout: &Layout) -> Result<(Bundle, Diags), Diags> {
    let mut diags = Diags::new();
    let state = read_state(files, &mut diags);
    let graph = read_graph(files, layout, &mut diags);
    let prompts = read_prompts(files, &mut diags);
    let bundle = assemble(files, state, graph, prompts, &mut diags);
    match bundle {
        Some(bundle) if !diags.has_errors() => Ok((bundle, diags.sorted())),
        _ => Err(diags.sorted()),
    }
}

fn read_state(files: &BundleFiles, diags: &mut Diags) -> Option<ParsedState> {
    let Some(bytes) = &files.state else {
        diags.push(missing(&files.dir, "state.md"));
        return None;
    };
    let source = decode(&path(&files.dir, "state.md"), bytes, diags)?;
    Some(state::parse(source, has_bom(bytes), diags))
}

fn read_graph(files: &BundleFiles, layout: &Layout, diags: &mut Diags) -> Option<(Source, ParsedGraph)> {
    let Some(bytes) = &files.graph else {
        diags.push(missing(&files.dir, "graph.md"));
        return None;
    };
    let source = decode(&path(&files.dir, "graph.md"), bytes, diags)?;
    let parsed = graph::parse(&source, layout, diags);
    Some((source, parsed))
}

fn read_prompts(files: &BundleFiles, diags: &mut Diags) -> Prompts {
    let mut prompts = Prompts::new();
    for (name, bytes) in files.prompts.iter().filter(|(n, _)| !n.starts_with('.')) {
        let shown = path(&files.dir, &format!("prompts/{name}"));
        let Some(stem) = name.strip_suffix(".md") else {
            diags.push(
                Diag::error("bundle::not-a-prompt", format!("{shown} is no prompt"))
                    .help("prompts/ holds one <id>.md for each node: rename or remove the file"),
            );
            continue;
        };
        let parsed = decode(&shown, bytes, diags).map(|source| prompt::parse(&source, diags));
        prompts.insert(stem.to_owned(), parsed);
    }
    prompts
}

fn assemble(
    files: &BundleFiles,
    state: Option<ParsedState>,
    graph: Option<(Source, ParsedGraph)>,
    mut prompts: Prompts,
    diags: &mut Diags,
) -> Option<Bundle> {
    let citable = citable(state.as_ref());
    let (source, ParsedGraph { nodes: drafts, complete }) = graph?;
    unique("a node", drafts.iter().map(|d| &d.id), diags);
    trace::parallel_safe(&drafts, diags);
    let mut drafts = trace::first_of_each(drafts);
    trace::citations(&mut drafts, complete, &citable, diags);
    pair(&drafts, complete, &prompts, &files.dir, diags);
    let joined: Vec<Joined> = drafts
        .into_iter()
        .map(|draft| {
            let prompt = prompts.remove(draft.id.as_str()).flatten();
            join(draft, prompt, &citable, diags)
        })
        .collect();
    let delta = state.as_ref().filter(|s| s.delta_complete).map(|s| s.state.delta_to_done.as_slice());
    trace::orphans(&joined, complete, delta, diags);
    let nodes = joined.into_iter().filter_map(|j| with_bytes(j, files)).collect();
    Some(Bundle { dir: files.dir.clone(), state: state?.state, graph: source, nodes })
}

fn citable(state: Option<&ParsedState>) -> Citable {
    let invariants = state.filter(|s| s.invariants_complete);
    let delta = state.filter(|s| s.delta_complete);
    Citable {
        invariants: invariants.map(|s| Known::new(s.state.invariants.iter().map(|i| &i.id.value))),
        delta: delta.map(|s| Known::new(s.state.delta_to_done.iter().map(|d| &d.id.value))),
    }
}

/// The files' names are in byte order, so a prompt is found by bisection.
fn with_bytes(joined: Joined, files: &BundleFiles) -> Option<super::model::Node> {
    let name = format!("{}.md", joined.draft.id.value);
    let by_order = files.prompts.binary_search_by(|(n, _)| n.as_str().cmp(&name)).ok();
    let at = by_order.or_else(|| files.prompts.iter().position(|(n, _)| *n == name))?;
    node(joined, &files.prompts.get(at)?.1)
}
