//! audit.kdl: from KDL to raw (as written, spans kept) to resolved (defaults, layers
//! and references applied). Pure: files come in through [`LoadInput`].

mod characters;
mod decode;
mod dedent;
mod expand;
mod find;
mod format;
mod include;
mod lexical;
mod model;
mod plain;
mod raw;
mod read;
mod resolve;
mod schema;
mod show;
mod starter;
mod steps;
mod tree;
mod types;
#[cfg(test)]
mod tests;

pub use expand::{expand, variables};
pub use find::{FILE_NAME, find};
pub use format::format;
pub use model::*;
pub use raw::{NOTIFY_EVENTS, SUBCOMMANDS};
pub use resolve::{NOTIFY_VARIABLES, VARIABLES};
pub use schema::schema;
pub use starter::{Look, starter};

use crate::diag::{Diags, Source};
use include::Gathered;

/// The built-in defaults: a commented audit.kdl that names every setting.
pub const DEFAULTS: &str = include_str!("defaults.kdl");

/// What the defaults are called in origins.
const DEFAULTS_NAME: &str = "defaults.kdl";

/// Reads audit.kdl and the files it includes, and applies defaults, environment and flags.
/// Gives the configuration and the warnings.
///
/// # Errors
/// Every problem of every file, of the environment and of the flags at once, ordered by
/// place; warnings are among them.
pub fn load(input: &LoadInput) -> Result<(Config, Diags), Diags> {
    let defaults = defaults();
    let (source, mut gathered) = user_files(input);
    let mut diags = defaults.diags.clone();
    diags.extend(std::mem::take(&mut gathered.diags));
    let folder = input.file.as_ref().and_then(|(name, _)| name.rsplit_once('/')).map_or("", |(f, _)| f);
    let (config, problems) =
        resolve::resolve(&resolve::Layers { input, source, folder, user: &gathered, defaults: &defaults });
    diags.extend(problems);
    match config {
        Some(mut config) if !diags.has_errors() => {
            config.targets = gathered.raw.targets.all.into_iter().map(|t| t.target).collect();
            Ok((config, diags.sorted()))
        }
        _ => Err(diags.sorted()),
    }
}

/// audit.kdl, and what it says with all that it includes; nothing where there is none.
fn user_files(input: &LoadInput) -> (Option<Source>, Gathered) {
    let Some((name, bytes)) = &input.file else { return (None, Gathered::default()) };
    match read::source(name, bytes) {
        Ok(text) => {
            let gathered = include::gather(&text, input.read);
            (Some(text), gathered)
        }
        Err(diags) => (None, Gathered { diags, ..Gathered::default() }),
    }
}

/// The names of audit.kdl and of the files that it includes, each of which is KDL; what they
/// say may still be wrong. `read` takes root-relative paths.
///
/// # Errors
/// Every file that can't be read or is no KDL, with its places.
pub fn files(
    name: &str,
    bytes: &[u8],
    read: &dyn Fn(&str) -> std::io::Result<Vec<u8>>,
) -> Result<Vec<String>, Diags> {
    let gathered = include::gather(&read::source(name, bytes)?, read);
    if gathered.incomplete {
        return Err(gathered.unread.sorted());
    }
    Ok(gathered.sources.iter().map(|s| s.name().to_owned()).collect())
}

/// Every effective setting as (path, value as KDL, origin), in the order of the defaults
/// file. Secrets are masked.
pub fn explain(config: &Config) -> Vec<(String, String, String)> {
    let line = |e: &Explained| {
        let origin = e.origin.as_ref().map_or_else(|| "built-in default".to_owned(), Origin::to_string);
        (e.path.clone(), e.value.clone(), origin)
    };
    config.listing.iter().map(line).collect()
}

fn defaults() -> Gathered {
    include::gather(&Source::new(DEFAULTS_NAME, DEFAULTS), &|_| Err(std::io::ErrorKind::NotFound.into()))
}
