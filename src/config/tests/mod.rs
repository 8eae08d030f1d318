//! The rules of the configuration language, each with a good and a bad input.

mod bad;
mod docs;
mod good;
mod layers;
mod plain;
mod schema;

use std::collections::BTreeMap;
use std::io::ErrorKind;

use super::{Config, Flags, LoadInput, load};
use crate::diag::{Diags, Format, render};

/// A repository of texts, an environment and flags.
#[derive(Default)]
struct World {
    files: BTreeMap<String, Vec<u8>>,
    env: BTreeMap<String, String>,
    flags: Flags,
    main: &'static str,
}

impl World {
    fn new(text: &str) -> World {
        World { main: "audit.kdl", ..World::default() }.file("audit.kdl", text)
    }

    fn file(mut self, name: &str, text: impl AsRef<[u8]>) -> World {
        self.files.insert(name.to_owned(), text.as_ref().to_vec());
        self
    }

    fn env(mut self, name: &str, value: &str) -> World {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    fn flags(mut self, flags: Flags) -> World {
        self.flags = flags;
        self
    }

    fn load(&self) -> Result<(Config, Diags), Diags> {
        let read = |name: &str| self.files.get(name).cloned().ok_or_else(|| ErrorKind::NotFound.into());
        let file = self.files.get(self.main).map(|bytes| (self.main.to_owned(), bytes.clone()));
        load(&LoadInput { file, read: &read, env: &self.env, flags: &self.flags })
    }

    fn good(&self) -> Config {
        match self.load() {
            Ok((config, _)) => config,
            Err(problems) => panic!("{}", shown(&problems)),
        }
    }

    fn codes(&self) -> Vec<&'static str> {
        match self.load() {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(|d| d.code).collect(),
        }
    }
}

fn shown(diags: &Diags) -> String {
    render(diags, Format::Text { color: false, width: 100 })
}
