//! From what was typed to what it means here: the repository, audit.kdl, the bundle's and
//! the artifacts' places.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::DirEntry;
use std::path::{Component, Path, PathBuf};

use crate::base::layout::WORKTREES_DIR;
use crate::base::{Layout, Masker, Oid};
use crate::bundle::BundleFiles;
use crate::cli::args::{Common, Place};
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::config::{self, Config, Flags, LoadInput, Origin, Setting};
use crate::diag::{Diag, Diags};
use crate::git::Repo;
use crate::process::sandbox;
use crate::run::containment;
use crate::run::preflight;

/// What a bundle consists of.
const BUNDLE: [&str; 3] = ["state.md", "graph.md", "prompts"];
/// The bundle's place where nothing else is said.
const DEFAULT_BUNDLE: &str = "docs/audit";

/// A project as this command sees it.
pub struct Project {
    /// The repository.
    pub repo: Repo,
    /// The effective configuration.
    pub config: Config,
    /// Warnings about it.
    pub warnings: Diags,
    /// Where the bundle and the artifacts are.
    pub layout: Layout,
    /// The operator's environment.
    pub environment: BTreeMap<String, String>,
    /// The targets whose steps called the command; `None` for one that was typed.
    pub trigger: Option<String>,
}

/// Counts the commands of this program around a program, as make's MAKELEVEL does.
pub(super) const DEPTH: &str = "AUDITRUN_DEPTH";

impl Place {
    /// That of a command which was typed, or called by a program.
    pub fn of_the_process() -> Place {
        let depth = std::env::var(DEPTH).ok().and_then(|d| d.parse().ok()).unwrap_or(0);
        Place { depth, ..Place::default() }
    }

    /// The command runs inside of a step, in the process of the command around it.
    pub fn is_inside(&self) -> bool {
        self.dir.is_some()
    }

    /// The directory in which the command stands.
    ///
    /// # Errors
    /// It was removed, or can't be read.
    pub fn dir(&self) -> Result<PathBuf, Failure> {
        let own = || std::env::current_dir();
        let dir = self.dir.clone().map_or_else(own, Ok);
        dir.map_err(|e| Failure::Usage(format!("can't read the current directory: {e}"), None))
    }

    /// The environment as text; what is not UTF-8 can't be passed on.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let text = |(n, v): (OsString, OsString)| Some((n.into_string().ok()?, v.into_string().ok()?));
        self.environment.clone().unwrap_or_else(|| std::env::vars_os().filter_map(text).collect())
    }
}

impl Project {
    /// Finds and reads everything but the bundle.
    ///
    /// # Errors
    /// Not in a repository, or problems of audit.kdl.
    pub fn open(common: &Common) -> Result<Project, Failure> {
        Project::read(common, &common.place.dir()?, true)
    }

    /// The same as if the program had been started in `dir`, an absolute path.
    ///
    /// # Errors
    /// As [`Project::open`].
    pub fn open_in(common: &Common, dir: &Path) -> Result<Project, Failure> {
        Project::read(common, dir, true)
    }

    /// The project with the defaults in the place of an audit.kdl that can't be read.
    ///
    /// # Errors
    /// Not in a repository.
    pub fn open_with_defaults(common: &Common) -> Result<Project, Failure> {
        Project::read(common, &common.place.dir()?, false)
    }

    fn read(common: &Common, cwd: &Path, with_file: bool) -> Result<Project, Failure> {
        let repo = Repo::discover(cwd)?;
        let environment = common.place.environment();
        let flags = flags(common, cwd, &repo)?;
        let file = if with_file { config_file(common, cwd, &repo)? } else { None };
        let root = repo.root().to_owned();
        let read = move |path: &str| std::fs::read(root.join(path));
        let (config, warnings) =
            config::load(&LoadInput { file, read: &read, env: &environment, flags: &flags })
                .map_err(Failure::Config)?;
        let layout = layout(cwd, &repo, &config)?;
        tracing::info!(root = ?repo.root(), bundle = layout.bundle(), out = layout.out(), "project");
        Ok(Project { repo, config, warnings, layout, environment, trigger: common.place.trigger.clone() })
    }

    /// The secrets of audit.kdl and of the environment.
    pub fn masker(&self) -> Masker {
        containment::masker(&self.config, &self.environment)
    }

    /// Where the worktrees of runs are made.
    pub fn worktrees(&self) -> PathBuf {
        self.config.worktrees(self.repo.root())
    }

    /// What is to be said about the sandbox of this project on this system.
    pub fn sandbox(&self) -> Diags {
        containment::diagnose(&self.config, &self.environment, self.repo.root(), sandbox::support())
    }

    /// For a command that runs programs without a preflight: says what is to be said about the
    /// sandbox, and refuses where it is required and can't be had.
    ///
    /// # Errors
    /// The sandbox is required, and there is none.
    pub fn sandbox_or_refuse(&self, screen: &Screen) -> Result<(), Failure> {
        let mut found = self.sandbox();
        if found.has_errors() {
            return Err(Failure::Preflight(found));
        }
        screen.warnings(&std::mem::take(&mut found));
        Ok(())
    }

    /// The bundle's files as they lie on disk.
    ///
    /// # Errors
    /// A file is there and can't be read.
    pub fn files_on_disk(&self) -> Result<BundleFiles, Failure> {
        let dir = self.repo.root().join(self.layout.bundle());
        let mut files = BundleFiles { dir: self.layout.bundle().to_owned(), ..BundleFiles::default() };
        files.state = read_if_there(&dir.join("state.md"))?;
        files.graph = read_if_there(&dir.join("graph.md"))?;
        let prompts = dir.join("prompts");
        let entries = match std::fs::read_dir(&prompts) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(files),
            Err(e) => return Err(unreadable(&prompts, &e)),
        };
        // The directory says what most entries are; only a link has to be followed.
        let is_file = |e: &DirEntry| match e.file_type() {
            Ok(kind) if !kind.is_symlink() => kind.is_file(),
            _ => e.path().is_file(),
        };
        for entry in entries.flatten().filter(is_file) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let bytes = std::fs::read(entry.path()).map_err(|e| unreadable(&entry.path(), &e))?;
            files.prompts.push((name, bytes));
        }
        files.prompts.sort();
        Ok(files)
    }

    /// The bundle's files as a commit has them.
    ///
    /// # Errors
    /// Git failed.
    pub fn files_at(&self, commit: &Oid) -> Result<BundleFiles, Failure> {
        let mut files = BundleFiles { dir: self.layout.bundle().to_owned(), ..BundleFiles::default() };
        files.state = self.repo.blob(commit, &self.layout.in_bundle("state.md"))?;
        files.graph = self.repo.blob(commit, &self.layout.in_bundle("graph.md"))?;
        let dir = self.layout.in_bundle("prompts");
        for path in self.repo.files(commit, &dir)? {
            let full = String::from_utf8_lossy(path.as_bytes()).into_owned();
            let name = full.strip_prefix(&format!("{dir}/")).unwrap_or(&full).to_owned();
            if let Some(bytes) = self.repo.blob(commit, &full)? {
                files.prompts.push((name, bytes));
            }
        }
        Ok(files)
    }

    /// What phase 0 looks at.
    pub fn input<'a>(&'a self, files: &'a BundleFiles) -> preflight::Input<'a> {
        preflight::Input {
            root: self.repo.root(),
            files,
            config: &self.config,
            layout: &self.layout,
            operator: &self.environment,
        }
    }

    /// Problems of the bundle's place itself: not there, not tracked, not committed.
    ///
    /// # Errors
    /// Git failed.
    pub fn unsettled(&self) -> Result<Diags, Failure> {
        let paths = BUNDLE.map(|name| self.layout.in_bundle(name));
        let mut diags = self.links();
        let unsettled = self.repo.unsettled(&paths)?;
        if unsettled.is_empty() || diags.has_errors() {
            return Ok(diags);
        }
        let names: Vec<String> =
            unsettled.iter().map(|(path, state)| format!("{path} ({})", state.word())).collect();
        let dir = if self.layout.bundle().is_empty() { "." } else { self.layout.bundle() };
        diags.push(
            Diag::error(
                "bundle::not-committed",
                format!("the bundle is not committed: {}", names.join(", ")),
            )
            .help(format!("commit it: git add {dir} && git commit -m 'Add the audit bundle'")),
        );
        Ok(diags)
    }

    /// Symbolic links in the bundle: a run reads it from a commit, which holds nothing behind them.
    pub fn links(&self) -> Diags {
        let root = self.repo.root();
        let bundle = root.join(self.layout.bundle());
        let prompts = std::fs::read_dir(bundle.join("prompts")).into_iter().flatten().flatten();
        let mut links: Vec<PathBuf> = bundle
            .ancestors()
            .take_while(|dir| *dir != root)
            .map(Path::to_owned)
            .chain(BUNDLE.map(|name| bundle.join(name)))
            .chain(prompts.map(|entry| entry.path()))
            .filter(|path| path.is_symlink())
            .collect();
        links.sort();
        let mut diags = Diags::new();
        for path in &links {
            let name = path.strip_prefix(root).unwrap_or(path).display();
            diags.push(
                Diag::error("bundle::link", format!("{name} is a symbolic link"))
                    .help("a run reads the bundle from a commit, which holds nothing behind a link: put the file or directory itself there, and commit it"),
            );
        }
        diags
    }
}

fn flags(common: &Common, cwd: &Path, repo: &Repo) -> Result<Flags, Failure> {
    let place = |dir: &Option<PathBuf>| dir.as_ref().map(|d| inside(d, cwd, repo)).transpose();
    Ok(Flags {
        bundle: place(&common.bundle)?,
        out: place(&common.out)?,
        max_parallel: common.max_parallel.and_then(|n| usize::try_from(n).ok()),
        max_iterations: common.max_iterations,
        timeout_minutes: common.timeout_minutes,
        agent: common.agent.clone(),
    })
}

/// audit.kdl's root-relative name and its bytes, if there is one: `-f`, else the nearest.
///
/// # Errors
/// The file that was named can't be read or lies outside of the repository.
pub fn config_file(common: &Common, cwd: &Path, repo: &Repo) -> Result<Option<(String, Vec<u8>)>, Failure> {
    let path = match &common.file {
        Some(file) => cwd.join(file),
        None => match cwd
            .ancestors()
            .take_while(|d| d.starts_with(repo.root()))
            .map(|d| d.join("audit.kdl"))
            .find(|p| p.is_file())
        {
            Some(path) => path,
            None => return Ok(None),
        },
    };
    let bytes = std::fs::read(&path).map_err(|e| {
        Failure::usage(format!("can't read {}: {e}", path.display()), "name an existing file with -f")
    })?;
    let name = inside(&path, cwd, repo)?;
    Ok(Some((name, bytes)))
}

/// The order of places: flag, audit.kdl, the current directory if it holds graph.md,
/// docs/audit.
fn layout(cwd: &Path, repo: &Repo, config: &Config) -> Result<Layout, Failure> {
    let folder = repo.root().join(&config.folder);
    // A file's place is relative to its folder, a flag's or a variable's to the root.
    let place = |setting: &Setting<String>| match setting.origin {
        Origin::Written(_) => inside(Path::new(&setting.value), &folder, repo),
        _ => inside(Path::new(&setting.value), repo.root(), repo),
    };
    let bundle = match &config.bundle {
        Some(setting) => place(setting)?,
        None if cwd.join("graph.md").is_file() => inside(cwd, cwd, repo)?,
        None => DEFAULT_BUNDLE.to_owned(),
    };
    let out = config.out.as_ref().map_or_else(|| Ok(bundle.clone()), place)?;
    stays_inside(&bundle, repo)?;
    stays_inside(&out, repo)?;
    let layout = Layout::new(bundle, out);
    // Outside of the repository they are in nobody's way.
    Ok(match inside(&config.worktrees(repo.root()), cwd, repo) {
        Ok(dir) if dir != WORKTREES_DIR => layout.with_worktrees(dir),
        _ => layout,
    })
}

/// `path`, seen from `from`, as a path relative to the repository's root.
fn inside(path: &Path, from: &Path, repo: &Repo) -> Result<String, Failure> {
    let mut whole = PathBuf::new();
    for part in from.join(path).components() {
        match part {
            Component::ParentDir => _ = whole.pop(),
            Component::CurDir => {}
            part => whole.push(part),
        }
    }
    let outside = || {
        Failure::usage(
            format!("{} lies outside of the repository {}", path.display(), repo.root().display()),
            "the bundle, its artifacts and audit.kdl lie inside the repository",
        )
    };
    let relative = whole.strip_prefix(repo.root()).map_err(|_| outside())?;
    Ok(relative.to_string_lossy().replace('\\', "/"))
}

/// Refuses a place of the bundle or the artifacts from which a link leads out of the repository.
fn stays_inside(place: &str, repo: &Repo) -> Result<(), Failure> {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    // What is not there yet lies where its parent does.
    let at = repo.root().join(place).ancestors().find_map(real);
    match (at, real(repo.root())) {
        (Some(at), Some(root)) if !at.starts_with(&root) => Err(Failure::usage(
            format!("{place} leads to {}, outside of the repository {}", at.display(), root.display()),
            "the bundle and its artifacts lie inside the repository: put a directory in the link's place",
        )),
        _ => Ok(()),
    }
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(unreadable(path, &e)),
    }
}

fn unreadable(path: &Path, e: &std::io::Error) -> Failure {
    Failure::usage(
        format!("can't read {}: {e}", path.display()),
        "make it readable, or name another place with --bundle or in audit.kdl",
    )
}
