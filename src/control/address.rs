//! Where the database is: the setting's text as a place that can be opened, and as one that
//! can be shown.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::base::mask::{MASK, url_password};
use crate::base::percent;

/// The address of a control-plane database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A file of our own.
    Sqlite {
        /// Absolute.
        path: PathBuf,
        /// As the setting has it.
        shown: String,
    },
    /// A server.
    Postgres {
        /// With its password.
        url: String,
    },
}

impl Address {
    /// Reads the setting: `sqlite:PATH`, relative to `root`, or `postgres://…`.
    pub fn parse(text: &str, root: &Path) -> Address {
        match text.strip_prefix("sqlite:") {
            // Joining an absolute path gives that path.
            Some(path) => Address::Sqlite { path: root.join(path), shown: path.to_owned() },
            None => Address::Postgres { url: text.to_owned() },
        }
    }

    /// What may be shown of it: no password.
    pub fn shown(&self) -> String {
        match self {
            Address::Sqlite { shown, .. } => shown.clone(),
            Address::Postgres { url } => match url_password(url) {
                Some(secret) => url.replacen(secret, MASK, 1),
                None => url.clone(),
            },
        }
    }

    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Address::Sqlite { path, .. } => Some(path),
            Address::Postgres { .. } => None,
        }
    }

    /// As the driver wants it. A file is made only if `create`.
    pub(super) fn url(&self, create: bool) -> String {
        match self {
            Address::Sqlite { path, .. } => {
                let mode = if create { "rwc" } else { "rw" };
                format!("sqlite://{}?mode={mode}", percent::path(path.as_os_str().as_bytes()))
            }
            Address::Postgres { url } => url.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_file_lies_below_the_root_and_odd_names_survive() {
        let address = Address::parse("sqlite:.auditrun/a b?#%.db", Path::new("/r"));
        assert_eq!(address.url(true), "sqlite:///r/.auditrun/a%20b%3F%23%25.db?mode=rwc");
        assert_eq!(address.shown(), ".auditrun/a b?#%.db");
        let absolute = Address::parse("sqlite:/x/y.db", Path::new("/r"));
        assert_eq!(absolute.file(), Some(Path::new("/x/y.db")));
        assert_eq!(absolute.url(false), "sqlite:///x/y.db?mode=rw");
    }

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            ("postgres://u:hunter22@h:5432/d", "postgres://u:***@h:5432/d"),
            ("postgresql://u@h/d?password=hunter22&x=1", "postgresql://u@h/d?password=***&x=1"),
            ("postgres://u@h/d", "postgres://u@h/d"),
            ("postgres:///d?host=/run/pg", "postgres:///d?host=/run/pg"),
            ("postgres://u:a@b@h/d", "postgres://u:***@h/d"),
        ] {
            assert_eq!(Address::parse(url, Path::new("/")).shown(), shown);
        }
    }
}
