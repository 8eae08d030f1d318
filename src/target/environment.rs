//! The variables of a target: the operator's environment, `dotenv` files, `env` blocks and
//! params. Which of them are declared, and so part of what makes a target out of date.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::{Chosen, Yard};
use crate::base::Masker;
use crate::base::mask::is_secret;
use crate::config::{self, EnvBlock, Target};
use crate::diag::{Diag, Diags, Spanned};
use crate::step::{self, eval};

/// Everything that the steps of one target can read.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    /// The same for all targets: a thousand of them must not copy it a thousand times.
    shared: Arc<BTreeMap<String, String>>,
    own: BTreeMap<String, String>,
    /// Names set by audit.kdl or a `dotenv` file.
    declared: BTreeSet<String>,
    secrets: Vec<String>,
    /// Some of them are annotated `(secret)`.
    confidential: bool,
}

/// What is the same for all targets.
pub(super) struct Common(Variables);

impl Common {
    pub fn read(yard: &Yard, diags: &mut Diags) -> Common {
        let mut variables = Variables::default();
        variables.own.clone_from(&yard.operator);
        let config = yard.config;
        yard.operator.iter().for_each(|(name, value)| variables.guess(name, value));
        variables.secrets.extend(config.secrets.iter().cloned());
        variables.dotenv(yard, config.dotenv.as_ref(), diags);
        variables.block(&config.env, diags);
        variables.shared = Arc::new(std::mem::take(&mut variables.own));
        Common(variables)
    }

    pub fn of(&self, yard: &Yard, chosen: &Chosen, diags: &mut Diags) -> Variables {
        let mut variables = self.0.clone();
        let target = chosen.target;
        variables.dotenv(yard, target.dotenv.as_ref(), diags);
        variables.own.extend(chosen.params.iter().map(|(n, v)| (n.clone(), v.clone())));
        variables.block(&target.env, diags);
        variables
    }
}

impl Variables {
    /// Those of the operator's environment with what audit.kdl sets for everything.
    ///
    /// # Errors
    /// A `dotenv` file or an `env` value can't be used.
    pub fn common(yard: &Yard) -> Result<Variables, Diags> {
        let mut diags = Diags::new();
        let common = Common::read(yard, &mut diags);
        if diags.has_errors() { Err(diags) } else { Ok(common.0) }
    }

    /// Sets one more.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.own.insert(name.to_owned(), value.into());
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.own.get(name).or_else(|| self.shared.get(name)).map(String::as_str)
    }

    /// Masks the secrets wherever something is shown.
    pub fn masker(&self) -> Arc<Masker> {
        Arc::new(Masker::new(self.secrets.iter().map(|secret| (String::new(), secret.clone()))))
    }

    /// audit.kdl declares some value to be secret, so that even raw output has to be masked.
    pub fn confidential(&self) -> bool {
        self.confidential
    }

    /// Takes a value for a secret if its name tells so.
    fn guess(&mut self, name: &str, value: &str) {
        if is_secret(name, value) {
            self.secrets.push(value.to_owned());
        }
    }

    /// What a script starts with, in the folder `cwd`.
    pub fn env(&self, cwd: &Path) -> eval::Env {
        let mut env = eval::Env::new(cwd);
        for (name, value) in self.shared.iter().chain(&self.own) {
            env.export(name.clone(), value.clone());
        }
        self.secrets.iter().for_each(|s| env.secret(s.clone()));
        env
    }

    /// The variables on which the outcome depends as far as can be seen: the declared ones
    /// and those that the steps name.
    pub(super) fn relevant(&self, target: &Target) -> BTreeMap<String, String> {
        let mut names = self.declared.clone();
        names.extend(target.steps.iter().flat_map(|s| s.ast.variables()));
        let params: BTreeSet<&str> = target.params.iter().map(|p| p.name.value.as_str()).collect();
        names.retain(|n| !params.contains(n.as_str()));
        names.into_iter().filter_map(|n| Some((n.clone(), self.get(&n)?.to_owned()))).collect()
    }

    /// Variables that the steps will surely ask for in vain.
    pub(super) fn missing(&self, target: &Target) -> Diags {
        let Some(script) = &target.steps else { return Diags::new() };
        step::unset_variables(&script.ast, &script.source, &|name| self.get(name).is_some())
    }

    /// A file that is not there sets nothing: it often is one that each person makes. What
    /// the environment has already stays, so that a caller can override the file.
    fn dotenv(&mut self, yard: &Yard, file: Option<&Spanned<String>>, diags: &mut Diags) {
        let Some(file) = file else { return };
        let bytes = match std::fs::read(yard.folder.join(&file.value)) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return,
            Err(e) => {
                let message = format!("can't read {}: {e}", file.value);
                diags.push(Diag::error("target::dotenv", message).at(&file.span, "named here"));
                return;
            }
        };
        match parse(&String::from_utf8_lossy(&bytes)) {
            Ok(pairs) => {
                for (name, value) in pairs {
                    self.declared.insert(name.clone());
                    if !yard.operator.contains_key(&name) {
                        self.guess(&name, &value);
                        self.own.insert(name, value);
                    }
                }
            }
            Err((line, why)) => {
                let message = format!("{}:{line}: {why}", file.value);
                let diag = Diag::error("target::dotenv", message).at(&file.span, "named here");
                diags.push(diag.help("each line is NAME=value, a comment (#) or empty"));
            }
        }
    }

    fn block(&mut self, block: &EnvBlock, diags: &mut Diags) {
        self.declared.extend(block.pass.iter().map(|p| p.value.clone()));
        for (name, value) in &block.set {
            match config::expand(&value.template, |n| self.get(n).map(str::to_owned)) {
                Ok(text) => {
                    if value.secret {
                        self.secrets.push(text.clone());
                        self.confidential = true;
                    } else {
                        self.guess(name, &text);
                    }
                    self.declared.insert(name.clone());
                    self.own.insert(name.clone(), text);
                }
                Err(why) => {
                    let diag = Diag::error("target::env", format!("{name}: {why}")).at(&value.span, "here");
                    diags.push(diag.help("set the variable in the environment, or remove this one"));
                }
            }
        }
    }
}

/// The lines of a `dotenv` file: `NAME=value`, `export NAME=value`, values bare, in single
/// quotes (as they stand) or in double quotes (`\n`, `\t`, `\"`, `\\`, `\$`); comments.
fn parse(text: &str) -> Result<Vec<(String, String)>, (usize, String)> {
    let mut pairs = Vec::new();
    for (i, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = line.split_once('=') else {
            return Err((i + 1, "there is no '='".to_owned()));
        };
        let name = name.trim();
        let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !starts || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err((i + 1, format!("'{name}' is not a variable's name")));
        }
        let value = value_of(value.trim()).map_err(|why| (i + 1, why))?;
        pairs.push((name.to_owned(), value));
    }
    Ok(pairs)
}

fn value_of(text: &str) -> Result<String, String> {
    let unclosed = || "a quote is not closed".to_owned();
    if let Some(rest) = text.strip_prefix('\'') {
        return rest.split_once('\'').map(|(v, _)| v.to_owned()).ok_or_else(unclosed);
    }
    let Some(rest) = text.strip_prefix('"') else {
        // A comment begins behind a blank; a '#' inside of a word belongs to it.
        let end = text.find(" #").unwrap_or(text.len());
        return Ok(text.get(..end).unwrap_or(text).trim_end().to_owned());
    };
    let mut value = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next() {
            Some('"') => return Ok(value),
            Some('\\') => match chars.next() {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some(c) => value.push(c),
                None => return Err(unclosed()),
            },
            Some(c) => value.push(c),
            None => return Err(unclosed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dotenv_file_is_read_as_people_write_it() {
        let text = "# c\n\nA=1\nexport B = two words # c\nC='$x #'\nD=\"a\\n\\\"b\\\"\"\nE=\nF=a#b\n";
        let pairs = parse(text).unwrap();
        let shown: Vec<_> = pairs.iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(shown, ["A=1", "B=two words", "C=$x #", "D=a\n\"b\"", "E=", "F=a#b"]);
    }

    #[test]
    fn a_broken_line_is_named() {
        assert_eq!(parse("A=1\nnonsense\n").unwrap_err().0, 2);
        assert_eq!(parse("1A=x").unwrap_err().0, 1);
        assert!(parse("A='x").unwrap_err().1.contains("closed"));
        assert!(parse("A=\"x\\").unwrap_err().1.contains("closed"));
    }
}
