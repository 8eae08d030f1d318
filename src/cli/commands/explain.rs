//! `auditrun explain NODE`: every effective value of a node with its source.

use std::fmt::Display;

use crate::bundle::Node;
use crate::cli::args::{Common, Format};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::diag::Spanned;
use crate::plan;
use crate::run::preflight;

/// Prints them.
///
/// # Errors
/// No such node, or problems of audit.kdl or the bundle.
pub fn run(common: &Common, node: &str, screen: &Screen) -> Result<Exit, Failure> {
    let project = Project::open(common)?;
    screen.mask(project.masker());
    let files = project.files_on_disk()?;
    let examined = preflight::read(&project.input(&files)).map_err(Failure::Preflight)?;
    let Some(planned) = examined.plan.nodes.iter().find(|n| n.node.id.as_str() == node) else {
        let near = preflight::nearest_node(&examined.plan, node);
        let help = near.map_or_else(
            || "`auditrun graph` shows every node".to_owned(),
            |n| format!("did you mean '{n}'?"),
        );
        return Err(Failure::usage(
            format!("no node '{node}' in {}", project.layout.in_bundle("graph.md")),
            help,
        ));
    };
    let json = screen.format() == Format::Json;
    let settings = plan::render::settings::<String>(&planned.settings);
    let row = |(name, s): (String, plan::SourcedValue)| (name, plain(&s.value), s.source);
    let mut rows: Vec<Row> = settings.into_iter().map(row).collect();
    rows.extend(definition(&planned.node));
    screen.print(&table(&rows, json));
    Ok(Exit::Ok)
}

/// Setting, value, source.
pub type Row = (String, String, String);

/// What the bundle alone says of a node: a row for each element, as each has its own place.
fn definition(node: &Node) -> Vec<Row> {
    fn row<T: Display>(name: &'static str) -> impl Fn(&Spanned<T>) -> Row {
        move |v| (name.to_owned(), v.value.to_string(), v.span.to_string())
    }
    let mut all = vec![row("deliverable")(&node.deliverable)];
    all.extend(node.touches.iter().map(row("touches")));
    all.extend(node.depends_on.iter().map(row("depends_on")));
    all.extend(node.hotspot_files.iter().map(row("hotspot_files")));
    all.extend(node.closes.iter().map(row("delta_to_done")));
    all.extend(node.invariants.iter().map(row("invariants")));
    all.extend(node.done_when.iter().map(|c| row("done_when")(&c.command)));
    all
}

/// A JSON value without the quotes of a lone text.
fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// (setting, value, source) in columns, or as JSON.
pub fn table(rows: &[Row], json: bool) -> String {
    if json {
        let object = |(name, value, source): &Row| serde_json::json!({"setting": name, "value": value, "source": source});
        return rows.iter().map(|r| format!("{}\n", object(r))).collect();
    }
    let width =
        |column: fn(&Row) -> &String| rows.iter().map(|r| column(r).chars().count()).max().unwrap_or(0);
    let (names, values) = (width(|r| &r.0), width(|r| &r.1).min(48));
    rows.iter().map(|(name, value, source)| format!("{name:names$}  {value:values$}  {source}\n")).collect()
}
