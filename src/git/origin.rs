//! What a repository is called: by the address of `origin`, else by its folder.

use super::cmd;
use super::{GitError, Repo};

impl Repo {
    /// The last path part of `origin`'s address without `.git`, else the root folder's name.
    ///
    /// # Errors
    /// git failed.
    pub fn name(&self) -> Result<String, GitError> {
        let address = self.git().ask(&["config", "--get", "remote.origin.url"], &[])?;
        let named = address.and_then(|out| last_part(&cmd::line(&out)));
        let folder = || self.root().file_name().map(|n| n.to_string_lossy().into_owned());
        Ok(named.or_else(folder).unwrap_or_else(|| "repository".to_owned()))
    }
}

/// Of `https://host/a/b.git`, `git@host:a/b.git`, `/a/b/` or `host:b`: `b`.
fn last_part(address: &str) -> Option<String> {
    let path = address.trim().trim_end_matches('/');
    let path = path.strip_suffix("/.git").unwrap_or(path);
    let last = path.rsplit(['/', ':', '\\']).next()?;
    let name = last.strip_suffix(".git").unwrap_or(last);
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::last_part;

    #[test]
    fn every_form_of_address_ends_in_a_name() {
        for (address, name) in [
            ("https://host.example/a/b.git", Some("b")),
            ("https://host.example/a/b/", Some("b")),
            ("git@host:a/b.git", Some("b")),
            ("host:b", Some("b")),
            ("/srv/git/b.git/", Some("b")),
            ("../b/.git", Some("b")),
            ("ssh://git@host:22/~a/b.c.git", Some("b.c")),
            ("", None),
            ("/", None),
        ] {
            assert_eq!(last_part(address).as_deref(), name, "{address}");
        }
    }
}
