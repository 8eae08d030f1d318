//! audit.kdl as targets see it: found and read without a call to git, which would cost more
//! than everything else that a small target does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::cli::args::Common;
use crate::cli::failure::Failure;
use crate::config::{self, Config, FILE_NAME, Flags, LoadInput};
use crate::diag::Diags;
use crate::target::Yard;

/// The configuration and its folder.
pub struct Opened {
    /// Its targets are checked.
    pub config: Config,
    /// Warnings about it.
    pub warnings: Diags,
    /// audit.kdl's folder, absolute; the current directory if there is none.
    pub folder: PathBuf,
    /// The operator's environment.
    pub environment: BTreeMap<String, String>,
}

impl Opened {
    /// Finds audit.kdl up to the repository's root (outside of a repository: up to the file
    /// system's) and reads it.
    ///
    /// # Errors
    /// Problems of audit.kdl, or it can't be read.
    pub fn find(common: &Common) -> Result<Opened, Failure> {
        let cwd = common.place.dir()?;
        let file = match &common.file {
            Some(file) => Some(normal(&cwd.join(file))),
            None => config::find(&cwd, &root(&cwd).unwrap_or_else(|| PathBuf::from("/")), &|p| p.is_file()),
        };
        let folder = file.as_ref().and_then(|f| f.parent()).unwrap_or(&cwd).to_owned();
        let root = root(&folder).unwrap_or_else(|| folder.clone());
        let file = file.map(|file| read(&file, &root)).transpose()?;
        let environment = common.place.environment();
        // None of the settings that flags override concerns targets.
        let flags = Flags::default();
        let included = |path: &str| std::fs::read(root.join(path));
        let (config, warnings) =
            config::load(&LoadInput { file, read: &included, env: &environment, flags: &flags })
                .map_err(Failure::Config)?;
        Ok(Opened { config, warnings, folder, environment })
    }

    /// What targets run with.
    pub fn yard(&self) -> Yard<'_> {
        Yard { config: &self.config, folder: self.folder.clone(), operator: self.environment.clone() }
    }
}

/// The nearest directory with a `.git`, be it a directory or a linked worktree's file.
fn root(from: &Path) -> Option<PathBuf> {
    from.ancestors().find(|dir| dir.join(".git").exists()).map(Path::to_owned)
}

/// Without `..`, so that its parents are its folders.
fn normal(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn read(file: &Path, root: &Path) -> Result<(String, Vec<u8>), Failure> {
    let bytes = std::fs::read(file).map_err(|e| {
        Failure::usage(
            format!("can't read {}: {e}", file.display()),
            format!("name an existing {FILE_NAME} with -f"),
        )
    })?;
    let name = file.strip_prefix(root).unwrap_or(file);
    Ok((name.to_string_lossy().into_owned(), bytes))
}
