//! `auditrun qa to-bundle`: writes the bundle that carries a meta-slice out.

use std::path::Path;

use crate::base::text::shell_quote;
use crate::bundle::BundleFiles;
use crate::cli::args::Common;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::files;
use crate::qa::meta::MetaSlice;
use crate::qa::to_bundle::{Unfit, short_id, to_bundle};

/// Carries it out.
///
/// # Errors
/// The file is no meta-slice, or its bundle can't be written.
pub fn run(common: &Common, file: &Path, screen: &Screen) -> Result<Exit, Failure> {
    let project = Project::open(common)?;
    let slice = read(&common.place.dir()?.join(file))?;
    let dir = match &common.bundle {
        Some(_) => project.layout.bundle().to_owned(),
        None => format!("docs/audit-{}", short_id(&slice)),
    };
    let root = project.repo.root();
    let component = root.join(&slice.target_component);
    if !component.exists() {
        return Err(Failure::usage(
            format!("the target component {} is not there", slice.target_component),
            "nothing can be changed in it: audit again",
        ));
    }
    let at = root.join(&dir);
    if at.exists() && std::fs::read_dir(&at).map_or(true, |mut entries| entries.next().is_some()) {
        return Err(Failure::usage(format!("{dir} is there already"), "name another place with --bundle"));
    }
    let bundle = to_bundle(&slice, &dir, component.is_dir()).map_err(unfit)?;
    if common.dry_run {
        screen.print(&format!("{dir} would be written"));
        return Ok(Exit::Ok);
    }
    write(&at, &bundle).map_err(|e| Failure::Internal(format!("can't write {dir}: {e}")))?;
    let quoted = shell_quote(&dir);
    screen.print(&dir);
    screen.say(&format!(
        "carry it out:\n  git add {quoted} && git commit -m \"Carry out a proposal of the audit\"\n  auditrun run --bundle {quoted}"
    ));
    Ok(Exit::Ok)
}

fn read(path: &Path) -> Result<MetaSlice, Failure> {
    let shown = path.display();
    let remedy = "name a meta-slice-<n>.json of an audit's working directory";
    let bytes =
        std::fs::read(path).map_err(|e| Failure::usage(format!("can't read {shown}: {e}"), remedy))?;
    serde_json::from_slice(&bytes)
        .map_err(|e| Failure::usage(format!("{shown} is no meta-slice: {e}"), remedy))
}

fn unfit(unfit: Unfit) -> Failure {
    match unfit {
        Unfit::Slice(what) => Failure::usage(what, "correct the meta-slice, or write the bundle by hand"),
        Unfit::Bundle(problems) => Failure::Preflight(problems),
    }
}

fn write(dir: &Path, bundle: &BundleFiles) -> std::io::Result<()> {
    for (name, bytes) in [("state.md", &bundle.state), ("graph.md", &bundle.graph)] {
        if let Some(bytes) = bytes {
            files::atomic_write(&dir.join(name), bytes)?;
        }
    }
    bundle
        .prompts
        .iter()
        .try_for_each(|(name, bytes)| files::atomic_write(&dir.join("prompts").join(name), bytes))
}
