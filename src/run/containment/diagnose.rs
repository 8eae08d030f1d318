//! What preflight has to say about the sandbox: that there is none, what it leaves open, and
//! which grants undo it.

use std::path::{Path, PathBuf};

use super::place;
use crate::config::{Config, Origin, SandboxMode};
use crate::diag::{Diag, Diags, Spanned};
use crate::process::sandbox::Support;
use crate::run::environment::Operator;

/// Where something that is written now runs later, as the operator: shell profiles, programs
/// on PATH, configuration of agents and of git. Relative to the home.
const PLANTED: [&str; 22] = [
    ".bashrc",
    ".bash_profile",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".gitconfig",
    ".config/git",
    ".config/fish",
    ".config/autostart",
    ".config/systemd",
    ".local/bin",
    "bin",
    ".cargo/bin",
    ".cargo/config.toml",
    ".claude",
    ".claude.json",
    ".codex",
    ".gemini",
    ".config/opencode",
    ".config/goose",
    ".ssh",
    ".npmrc",
];

/// Problems and warnings about the sandbox of `config`, for a repository at `root`, on a
/// system with this `support`.
pub fn diagnose(config: &Config, operator: &Operator, root: &Path, support: Support) -> Diags {
    let mut found = Diags::new();
    if config.sandbox.mode.value == SandboxMode::Off {
        return found;
    }
    if !support.available() {
        found.push(absent(config, support));
        return found;
    }
    let gaps = support.gaps(config.sandbox.network.value);
    if support.refuses_moves() {
        let message = format!("the sandbox ({support}) refuses every move of a file to another directory");
        found.push(Diag::warning("sandbox::moves", message).help("Linux 5.19 or newer can allow it"));
    }
    if !gaps.is_empty() {
        let message = format!("the sandbox ({support}) does not enforce {}", gaps.join("; "));
        found.push(Diag::warning("sandbox::gaps", message).help("SECURITY.md says what follows from it"));
    }
    let home = operator.get("HOME").map(PathBuf::from);
    let folder = root.join(&config.folder);
    for grant in &config.sandbox.write {
        let path = place(&grant.value, home.as_deref(), &folder);
        judge(grant, &path, home.as_deref(), root).into_iter().for_each(|diag| found.push(diag));
    }
    found
}

fn absent(config: &Config, support: Support) -> Diag {
    let mode = &config.sandbox.mode;
    let required = mode.value == SandboxMode::Required;
    let mut diag = if required {
        Diag::error("sandbox::unavailable", format!("the sandbox is required, and there is {support}"))
            .help("run on Linux 5.13 or newer with Landlock enabled (lsm=landlock,…), or accept less with sandbox \"auto\"")
    } else {
        let message = format!("agents and checks run without containment: {support}");
        Diag::warning("sandbox::unavailable", message).help(
            "what they change outside of their worktree is only found afterwards; sandbox \"required\" refuses to run here, sandbox \"off\" silences this",
        )
    };
    if let Origin::Written(span) = &mode.origin {
        diag = diag.at(span, if required { "asked for here" } else { "set here" });
    }
    diag
}

/// A grant that is good for nothing, or for too much.
fn judge(grant: &Spanned<String>, path: &Path, home: Option<&Path>, root: &Path) -> Option<Diag> {
    if !path.exists() {
        let message = format!("{:?} is not there, so nothing is granted", grant.value);
        let diag = Diag::warning("sandbox::no-such-grant", message).at(&grant.span, "");
        return Some(diag.help("make it before the run: a program inside can't, and would be refused"));
    }
    let reached = |place: &Path| place.starts_with(path) || path.starts_with(place);
    let planted = home.and_then(|home| PLANTED.iter().map(|name| home.join(name)).find(|p| reached(p)));
    let what = match planted {
        _ if root.starts_with(path) => {
            "it holds your checkout, the git directory and the artifacts".to_owned()
        }
        _ if path.starts_with(root.join(".git")) => "it is the git directory".to_owned(),
        Some(place) => format!("what stands in {} takes effect in your own sessions", place.display()),
        None => return None,
    };
    let message = format!("every agent and check may write to {:?}: {what}", grant.value);
    let help = "grant the directory that is needed and nothing around it, such as \"~/.cargo/registry\"";
    Some(Diag::warning("sandbox::wide-grant", message).at(&grant.span, "").help(help))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, LoadInput, load};

    fn found(kdl: &str, home: &Path, abi: u32) -> Vec<(String, String)> {
        let operator: Operator = [("HOME".to_owned(), home.to_string_lossy().into_owned())].into();
        let read = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        let input = LoadInput {
            file: Some(("audit.kdl".to_owned(), kdl.as_bytes().to_vec())),
            read: &read,
            env: &operator,
            flags: &Flags::default(),
        };
        let (config, _) = load(&input).unwrap();
        let found = diagnose(
            &config,
            &operator,
            Path::new("/nowhere/repo"),
            Support { abi, own_network: Some(false) },
        );
        found.iter().map(|d| (d.code.to_owned(), d.message.clone())).collect()
    }

    #[test]
    fn without_a_sandbox_required_refuses_auto_warns_and_off_is_silent() {
        let home = Path::new("/nowhere");
        let required = found("sandbox \"required\"", home, 0);
        assert_eq!(required[0].0, "sandbox::unavailable");
        assert!(required[0].1.starts_with("the sandbox is required"), "{}", required[0].1);
        assert!(found("", home, 0)[0].1.starts_with("agents and checks run without containment"));
        assert!(found("sandbox \"off\"", home, 0).is_empty());
        assert!(found("sandbox \"required\"", home, 7).is_empty());
    }

    #[test]
    fn what_is_not_enforced_is_said_once() {
        let found = found("sandbox \"auto\" { network #false }", Path::new("/nowhere"), 3);
        assert_eq!(found.len(), 1);
        assert!(found[0].1.contains("network") && found[0].1.contains("signals"), "{}", found[0].1);
    }

    #[test]
    fn grants_that_undo_the_sandbox_are_named() {
        let home = tempfile::tempdir().unwrap();
        for dir in [".cargo/registry", ".cargo/bin", ".cache/x"] {
            std::fs::create_dir_all(home.path().join(dir)).unwrap();
        }
        let of = |grant: &str| found(&format!("sandbox \"auto\" {{ write \"{grant}\" }}"), home.path(), 7);
        assert!(of("~/.cargo/registry").is_empty());
        assert!(of("~/.cache/x").is_empty());
        assert_eq!(of("~/.cargo")[0].0, "sandbox::wide-grant");
        assert_eq!(of("~")[0].0, "sandbox::wide-grant");
        assert_eq!(of("/")[0].0, "sandbox::wide-grant");
        assert_eq!(of("~/.cache/y")[0].0, "sandbox::no-such-grant");
    }
}
