//! `auditrun demo`: a whole run in a throw-away repository made of the quickstart example. Its
//! agent is a shell script of the example: no key, no network, and nothing of the operator's
//! git configuration or identity.

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use crate::base::names;
use crate::cli::args::{Common, Format};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::git::{NewFile, Repo};
use crate::journal;

static EXAMPLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/examples/quickstart");

/// Makes the repository in `dir`, runs its bundle, and says where everything is.
///
/// # Errors
/// `dir` is taken, or nothing can be written there; else as `run`.
pub fn run(common: &Common, dir: Option<&Path>, screen: &Screen) -> Result<Exit, Failure> {
    if common.file.is_some() || common.bundle.is_some() || common.out.is_some() {
        return Err(Failure::usage(
            "the demo has a repository of its own",
            "leave out --file, --bundle and --out; they are for `auditrun run`",
        ));
    }
    let place = place(dir)?;
    Repo::create(&place, &files(), "The trail guide and what is missing in it")?;
    screen.say(&format!("a repository with a bundle of five nodes: {}", place.display()));
    let project = Project::open_in(common, &place)?;
    let out = project.repo.root().join(project.layout.out());
    let exit = super::run::run_in(common, project, screen)?;
    if !common.dry_run && screen.format() != Format::Json {
        screen.print(&farewell(&place, &out));
    }
    Ok(exit)
}

/// The directory to make the repository in: empty and with an absolute path.
fn place(dir: Option<&Path>) -> Result<PathBuf, Failure> {
    let Some(dir) = dir else {
        let made = tempfile::Builder::new().prefix("auditrun-demo-").tempdir();
        let made =
            made.map_err(|e| Failure::Usage(format!("can't make a temporary directory: {e}"), None))?;
        return resolved(&made.keep());
    };
    let remedy = "name a directory that is new or empty, or none at all: auditrun demo";
    let refused = |e: &std::io::Error| Failure::usage(format!("can't use {}: {e}", dir.display()), remedy);
    std::fs::create_dir_all(dir).map_err(|e| refused(&e))?;
    if std::fs::read_dir(dir).map_err(|e| refused(&e))?.next().is_some() {
        return Err(Failure::usage(format!("{} is not empty", dir.display()), remedy));
    }
    resolved(dir)
}

fn resolved(dir: &Path) -> Result<PathBuf, Failure> {
    dir.canonicalize().map_err(|e| Failure::Usage(format!("can't resolve {}: {e}", dir.display()), None))
}

/// The example's files. Modes are not embedded; what begins with `#!` is a program.
fn files() -> Vec<NewFile<'static>> {
    let mut files = Vec::new();
    let mut dirs = vec![&EXAMPLE];
    while let Some(dir) = dirs.pop() {
        dirs.extend(dir.dirs());
        files.extend(dir.files().map(|file| NewFile {
            path: file.path(),
            content: file.contents(),
            executable: file.contents().starts_with(b"#!"),
        }));
    }
    files
}

/// Where everything is and what to try next.
fn farewell(place: &Path, out: &Path) -> String {
    let state = journal::read(&out.join(names::JOURNAL)).map(|read| journal::replay(&read.records));
    let branch = state.ok().and_then(|state| state.branch);
    let fingerprint = std::fs::read_to_string(out.join(names::FINGERPRINT)).ok();
    let file =
        |name: &str| Some(out.join(name)).filter(|path| path.is_file()).map(|p| p.display().to_string());
    let rows = [
        ("repository", Some(place.display().to_string())),
        ("branch", branch),
        ("proof", file(names::REPORT_MD)),
        ("report", file("audit/report.md")),
        ("", file("audit/report.html")),
        ("fingerprint", fingerprint.map(|text| text.trim().to_owned())),
    ];
    let mut text = String::from("\nWhere everything is:\n");
    for (name, value) in rows {
        text.extend(value.map(|value| format!("  {name:<13}{value}\n")));
    }
    text.push_str("\nWhat to try next:\n");
    text.extend(alias().map(|path| format!("  alias auditrun={path}\n")));
    text.push_str(&format!("  cd {}\n", quoted(&place.display().to_string())));
    for (command, why) in [
        ("auditrun status", "what the run did"),
        ("auditrun graph", "the plan with its tiers and the edge that a hotspot caused"),
        ("auditrun verify", "every digest and claim of the report, computed again"),
        ("auditrun gate --base main", "every check again on the merged result, as before a merge"),
        ("git log -p --branches='audit/*' --not main", "a commit for each node"),
    ] {
        text.push_str(&format!("  {command:<43} # {why}\n"));
    }
    text
}

/// This program as a word of the shell, if its name alone does not lead to it.
fn alias() -> Option<String> {
    let here = std::env::current_exe().ok()?.canonicalize().ok()?;
    let named = which::which("auditrun").ok().and_then(|path| path.canonicalize().ok());
    (named.as_ref() != Some(&here)).then(|| quoted(&here.display().to_string()))
}

/// A word of a shell line.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_embedded_whole() {
        let files = files();
        let names: Vec<_> = files.iter().map(|f| f.path.to_string_lossy().into_owned()).collect();
        for name in
            ["audit.kdl", "docs/audit/state.md", "docs/audit/graph.md", "docs/audit/prompts/weather.md"]
        {
            assert!(names.iter().any(|n| n == name), "{name} is not among {names:?}");
        }
        let programs: Vec<_> =
            files.iter().filter(|f| f.executable).map(|f| f.path.to_string_lossy()).collect();
        assert_eq!(programs.len(), 2, "{programs:?}");
    }

    #[test]
    fn words_that_need_it_are_quoted() {
        assert_eq!(quoted("/tmp/a-b.c"), "/tmp/a-b.c");
        assert_eq!(quoted("/tmp/it's"), r"'/tmp/it'\''s'");
    }

    #[test]
    fn a_place_that_is_taken_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(place(Some(&dir.path().join("new/deep"))).is_ok());
        let taken = place(Some(dir.path())).unwrap_err();
        assert!(
            matches!(&taken, Failure::Usage(what, Some(_)) if what.ends_with("is not empty")),
            "{taken:?}"
        );
        let file = dir.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert_eq!(place(Some(&file)).unwrap_err().exit(), Exit::Usage);
        assert_eq!(place(Some(&file.join("below"))).unwrap_err().exit(), Exit::Usage);
    }
}
