//! The variables of a script: which are exported, which are secret.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Shortest value that is masked wherever it appears.
const MIN_SECRET: usize = 4;

/// What a script starts with.
#[derive(Debug, Clone, Default)]
pub struct Env {
    vars: BTreeMap<String, Var>,
    /// The current folder, absolute.
    pub cwd: PathBuf,
    secrets: Vec<String>,
}

#[derive(Debug, Clone)]
struct Var {
    value: String,
    exported: bool,
}

impl Env {
    /// No variables; `cwd` is absolute.
    pub fn new(cwd: impl Into<PathBuf>) -> Env {
        Env { cwd: cwd.into(), ..Env::default() }
    }

    /// Sets a variable that programs see.
    pub fn export(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.vars.insert(name.into(), Var { value: value.into(), exported: true });
    }

    /// Sets a variable of the script (a param, say). One that programs see stays so.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let name = name.into();
        let exported = self.vars.get(&name).is_some_and(|v| v.exported);
        self.vars.insert(name, Var { value: value.into(), exported });
    }

    /// A value that never appears in records; short ones of less than 4 bytes can't be
    /// told from ordinary text and are left alone.
    pub fn secret(&mut self, value: impl Into<String>) {
        let value = value.into();
        if value.len() >= MIN_SECRET {
            self.secrets.push(value);
            self.secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
        }
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(|v| v.value.as_str())
    }

    /// Every name that is set.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.vars.keys().map(String::as_str)
    }

    /// What programs see.
    pub fn exported(&self) -> Vec<(String, String)> {
        let exported = self.vars.iter().filter(|(_, v)| v.exported);
        exported.map(|(name, v)| (name.clone(), v.value.clone())).collect()
    }

    /// `text` with every secret replaced by `***`.
    pub fn masked(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }
}
