//! `auditrun fmt`: one form for audit.kdl and the files that it includes, or for any KDL file.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::base::text::count;
use crate::cli::args::{Common, FmtArgs, Format};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::project;
use crate::config;
use crate::diag::Diags;
use crate::files::atomic_write;
use crate::git::Repo;

/// Standard input and output in the place of a file.
const STANDARD: &str = "-";

/// A file that was read.
struct Text {
    /// How the operator calls it.
    name: String,
    path: PathBuf,
    bytes: Vec<u8>,
}

/// Formats the files that are named, else audit.kdl and what it includes. Nothing is written
/// unless every one of them is KDL, and each is replaced in one step.
///
/// # Errors
/// A file can't be read or written, or is no KDL.
pub fn run(common: &Common, args: &FmtArgs, screen: &Screen) -> Result<Exit, Failure> {
    if args.files.iter().any(|f| f.as_os_str() == STANDARD) {
        return standard(args, screen);
    }
    let texts = if args.files.is_empty() { project_files(common)? } else { named(&args.files)? };
    let mut changed = Vec::new();
    let mut diags = Diags::new();
    for text in &texts {
        match config::format(&text.name, &text.bytes) {
            Ok(new) if new.as_bytes() == text.bytes => {}
            Ok(new) => changed.push((text, new)),
            Err(problems) => diags.extend(problems),
        }
    }
    if diags.has_errors() {
        return Err(Failure::Config(diags));
    }
    let only_look = args.check || common.dry_run;
    for (text, new) in &changed {
        if !only_look {
            write(&text.path, new)?;
        }
        tell(text, new, only_look, common.verbose > 0, screen);
    }
    screen.say(&summary(changed.len(), texts.len(), only_look));
    Ok(if args.check && !changed.is_empty() { Exit::Failed } else { Exit::Ok })
}

fn summary(changed: usize, all: usize, only_look: bool) -> String {
    match (changed, only_look) {
        (0, _) => format!("{} formatted already", count(all, "file")),
        (n, true) => format!("{} would change; `auditrun fmt` does it", count(n, "file")),
        (n, false) => format!("{} changed", count(n, "file")),
    }
}

fn tell(text: &Text, new: &str, only_look: bool, verbose: bool, screen: &Screen) {
    if screen.format() == Format::Json {
        let line = serde_json::json!({ "file": text.name, "written": !only_look });
        return screen.print(&line.to_string());
    }
    if only_look || verbose {
        screen.print(&text.name);
    }
    if verbose {
        screen.print(&diff(text, new));
    }
}

fn diff(text: &Text, new: &str) -> String {
    let old = String::from_utf8_lossy(&text.bytes);
    let diff = similar::TextDiff::from_lines(old.as_ref(), new);
    diff.unified_diff().header(&text.name, &format!("{} (formatted)", text.name)).to_string()
}

/// From standard input to standard output; with `--check` only the exit code tells.
fn standard(args: &FmtArgs, screen: &Screen) -> Result<Exit, Failure> {
    if args.files.len() > 1 {
        return Err(Failure::usage("'-' stands alone", "format files and standard input in two calls"));
    }
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut bytes);
    read.map_err(|e| Failure::Usage(format!("can't read standard input: {e}"), None))?;
    let new = config::format("standard input", &bytes).map_err(Failure::Config)?;
    if args.check {
        return Ok(if new.as_bytes() == bytes { Exit::Ok } else { Exit::Failed });
    }
    screen.print(&new);
    Ok(Exit::Ok)
}

fn named(files: &[PathBuf]) -> Result<Vec<Text>, Failure> {
    let read = |path: &PathBuf| {
        let bytes = std::fs::read(path).map_err(|e| {
            Failure::usage(format!("can't read {}: {e}", path.display()), "name files that exist")
        })?;
        Ok(Text { name: path.display().to_string(), path: path.clone(), bytes })
    };
    files.iter().map(read).collect()
}

/// audit.kdl and every file that it includes.
fn project_files(common: &Common) -> Result<Vec<Text>, Failure> {
    let cwd = project::current_dir()?;
    let repo = Repo::discover(&cwd)?;
    let Some((name, bytes)) = project::config_file(common, &cwd, &repo)? else {
        return Err(Failure::usage(
            "there is no audit.kdl here",
            "make one with `auditrun init`, or name a file",
        ));
    };
    let root = repo.root().to_owned();
    let sources =
        config::files(&name, &bytes, &|path| std::fs::read(root.join(path))).map_err(Failure::Config)?;
    let read = |name: String| {
        let path = root.join(&name);
        // The sources lack their byte-order marks.
        let bytes = std::fs::read(&path)
            .map_err(|e| Failure::Usage(format!("can't read {}: {e}", path.display()), None))?;
        Ok(Text { name, path, bytes })
    };
    sources.into_iter().map(read).collect()
}

/// Behind a symbolic link the file itself is replaced, not the link.
fn write(path: &Path, new: &str) -> Result<(), Failure> {
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    atomic_write(&real, new.as_bytes())
        .map_err(|e| Failure::Usage(format!("can't write {}: {e}", path.display()), None))
}
