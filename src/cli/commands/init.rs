//! `auditrun init`: looks at the repository and writes an audit.kdl that fits it.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::args::{Common, InitArgs};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::project;
use crate::config::{self, Look};
use crate::git::Repo;

/// Adapters and their programs, in the order of preference.
const AGENTS: [(&str, &str); 7] = [
    ("claude", "claude"),
    ("codex", "codex"),
    ("gemini", "gemini"),
    ("opencode", "opencode"),
    ("goose", "goose"),
    ("cursor", "cursor-agent"),
    ("aider", "aider"),
];

/// Where bundles usually lie.
const BUNDLES: [&str; 4] = ["docs/audit", "audit", "docs", ".audit"];

/// Manifests past this size say nothing that a short one would not.
const MAX_MANIFEST: u64 = 4 << 20;

/// Writes the file, or prints it. An audit.kdl that is there is never touched.
///
/// # Errors
/// Not in a repository, the file exists, or the disk's.
pub fn run(common: &Common, args: &InitArgs, screen: &Screen) -> Result<Exit, Failure> {
    let cwd = project::current_dir()?;
    let repo = Repo::discover(&cwd)?;
    let path = common.file.as_ref().map_or_else(|| repo.root().join(config::FILE_NAME), |f| cwd.join(f));
    let only_look = args.print || common.dry_run;
    if !only_look && std::fs::symlink_metadata(&path).is_ok() {
        let help = "`auditrun init --print` shows what it would hold; edit the file, or remove it first";
        return Err(Failure::usage(format!("{} exists already", path.display()), help));
    }
    let (text, found) = fitted(&repo)?;
    if only_look {
        screen.print(&text);
        return Ok(Exit::Ok);
    }
    create(&path, &text)?;
    let found = if found.is_empty() { "no language that it knows".to_owned() } else { found.join(", ") };
    screen.say(&format!("wrote {} (found {found})", path.display()));
    screen.say("next: look it through, then `auditrun check`, `auditrun list` and `auditrun`");
    Ok(Exit::Ok)
}

fn fitted(repo: &Repo) -> Result<(String, Vec<&'static str>), Failure> {
    let root = repo.root();
    let entries = std::fs::read_dir(root)
        .map_err(|e| Failure::Usage(format!("can't read {}: {e}", root.display()), None))?;
    let mut names: Vec<String> = entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
    names.sort();
    let branch = repo.default_branch()?;
    let agents: Vec<&str> =
        AGENTS.iter().filter(|(_, program)| which::which(program).is_ok()).map(|(name, _)| *name).collect();
    let bundle = BUNDLES.into_iter().find(|dir| root.join(dir).join("graph.md").is_file());
    let read = |name: &str| small_text(&root.join(name));
    Ok(config::starter(&Look { names: &names, read: &read, branch: &branch, agents: &agents, bundle }))
}

fn small_text(path: &Path) -> Option<String> {
    let small = std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() <= MAX_MANIFEST);
    small.then(|| std::fs::read_to_string(path).ok()).flatten()
}

/// Makes the file; one that appeared in the meantime stays as it is.
fn create(path: &PathBuf, text: &str) -> Result<(), Failure> {
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    made.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|e| Failure::Usage(format!("can't write {}: {e}", path.display()), None))
}
