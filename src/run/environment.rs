//! The environment of whatever a run starts: an allow-list, never the operator's whole one.
//! Pure: the operator's environment comes in as a map.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use crate::config::{self, EnvBlock};

/// Names handed through as they are.
const PASSED: [&str; 27] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TERM",
    "LANG",
    "TZ",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "CARGO_HOME",
    "GOPATH",
    "JAVA_HOME",
    "VIRTUAL_ENV",
    "NVM_DIR",
    "NO_COLOR",
];

/// Beginnings of names handed through as they are.
const PASSED_PREFIXES: [&str; 2] = ["LC_", "RUSTUP_"];

/// Names that a step of the recipe has besides.
const STEP_NAMES: [&str; 6] =
    ["TMPDIR", "TMP", "TEMP", "AUDITRUN_RUN_ID", "AUDITRUN_BUNDLE", "GIT_CEILING_DIRECTORIES"];

/// True if a step of the recipe can have the variable though no `env` block names it.
pub fn may_be_set(name: &str) -> bool {
    passed(name) || STEP_NAMES.contains(&name)
}

fn passed(name: &str) -> bool {
    PASSED.contains(&name) || PASSED_PREFIXES.iter().any(|p| name.starts_with(p))
}

/// The first of the ten ports that belong to a parallel place.
pub fn port_base(slot: usize) -> u16 {
    let slot = u16::try_from(slot % 1000).unwrap_or(0);
    20_000 + slot * 10
}

/// The operator's environment.
pub type Operator = BTreeMap<String, String>;

/// An environment under construction.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The allow-listed part of the operator's environment.
    pub fn allowed(operator: &Operator) -> Environment {
        let passed = operator.iter().filter(|(name, _)| passed(name));
        Environment(passed.map(|(n, v)| (n.clone(), v.clone())).collect())
    }

    /// Sets one variable.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Sets one variable to a path.
    pub fn set_path(&mut self, name: &str, value: &Path) {
        self.set(name, value.to_string_lossy());
    }

    /// A temporary directory of the program's own, by all of its names.
    pub fn set_private(&mut self, tmp: &Path) {
        for name in ["TMPDIR", "TMP", "TEMP"] {
            self.set_path(name, tmp);
        }
    }

    /// Applies an `env` block: names passed on, then values, `$NAME` expanded from what is
    /// set already and from the operator's environment.
    ///
    /// # Errors
    /// The sentence names the variable that could not be expanded.
    pub fn apply(&mut self, block: &EnvBlock, operator: &Operator) -> Result<(), String> {
        for name in &block.pass {
            if let Some(value) = operator.get(&name.value) {
                self.0.insert(name.value.clone(), value.clone());
            }
        }
        for (name, value) in &block.set {
            let held = &self.0;
            let look_up = |n: &str| held.get(n).or_else(|| operator.get(n)).cloned();
            let expanded = config::expand(&value.template, look_up)
                .map_err(|e| format!("{}: {name}: {e}", value.span))?;
            self.0.insert(name.clone(), expanded);
        }
        Ok(())
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Every variable.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// The form in which programs are started.
    pub fn into_vec(self) -> Vec<(OsString, OsString)> {
        self.0.into_iter().map(|(n, v)| (n.into(), v.into())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_on_the_list_stays_with_the_operator() {
        let operator: Operator = [
            ("PATH", "/bin"),
            ("LC_ALL", "C"),
            ("SSH_AUTH_SOCK", "/x"),
            ("GIT_DIR", "/y"),
            ("GITHUB_TOKEN", "t"),
        ]
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .into();
        let names: Vec<String> = Environment::allowed(&operator).0.into_keys().collect();
        assert_eq!(names, ["LC_ALL", "PATH"]);
    }
}
