//! What the programs of a run are held to: the sandbox of each kind of program, the bounds
//! on what it may use, and the secrets that nothing may show. Decided once, from audit.kdl
//! and the operator's environment.

mod diagnose;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::agent;
use crate::base::mask::{Masker, is_secret};
use crate::config::{self, Agent, Config, EnvBlock, SandboxMode};
use crate::process::sandbox::{self, Policy, Quota, Read};
use crate::run::environment::Operator;

pub use diagnose::diagnose;

/// Places that hold the system's programs and what they read.
const SYSTEM: [&str; 21] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc",
    "/opt",
    "/nix",
    "/gnu",
    "/snap",
    "/proc",
    "/sys",
    "/dev",
    "/run/current-system",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager",
    "/var/lib/ca-certificates",
    "/var/lib/snapd",
];

/// Variables that name what an agent's interpreter or its connections are made of.
const TOOLS: [&str; 9] = [
    "NVM_DIR",
    "PYENV_ROOT",
    "VIRTUAL_ENV",
    "JAVA_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
];

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Containment {
    enforced: bool,
    root: PathBuf,
    home: Option<PathBuf>,
    write: Vec<PathBuf>,
    hide: Vec<PathBuf>,
    network: bool,
    processes: Option<u64>,
    disk: Option<u64>,
    tools: Vec<PathBuf>,
    masker: Arc<Masker>,
}

/// The directories of one invocation of an agent.
pub struct AgentPlace<'a> {
    /// Where it works.
    pub dir: &'a Path,
    /// It may write there: a node in its worktree.
    pub writes: bool,
    /// What else one that does not write there may read.
    pub reads: &'a [PathBuf],
    /// Its temporary directory.
    pub tmp: &'a Path,
    /// Its private configuration home.
    pub home: Option<&'a Path>,
    /// The prompt as a file.
    pub prompt: &'a Path,
    /// The program as it is called, and its arguments.
    pub program: &'a Path,
    /// See `program`.
    pub args: &'a [std::ffi::OsString],
}

impl Containment {
    /// For the project at `root`.
    pub fn new(config: &Config, operator: &Operator, root: &Path) -> Containment {
        let home = operator.get("HOME").map(PathBuf::from);
        let folder = root.join(&config.folder);
        let places = |list: &[crate::diag::Spanned<String>]| {
            list.iter().map(|item| place(&item.value, home.as_deref(), &folder)).collect()
        };
        let settings = &config.sandbox;
        Containment {
            enforced: settings.mode.value != SandboxMode::Off && sandbox::support().available(),
            root: root.to_owned(),
            write: places(&settings.write),
            hide: places(&settings.hide),
            network: settings.network.value,
            processes: Some(config.process_limit.value),
            disk: config.disk_limit.as_ref().map(|s| s.value),
            tools: tools(operator, root, home.as_deref()),
            masker: Arc::new(masker(config, operator)),
            home,
        }
    }

    /// Programs run inside of a sandbox.
    pub fn enforced(&self) -> bool {
        self.enforced
    }

    /// Programs can't write to the operator's checkout, the git directory and the artifacts:
    /// the sandbox is enforced and no grant reaches them.
    pub fn shields(&self, places: &[&Path]) -> bool {
        let reached = |place: &&Path| self.write.iter().any(|w| w.starts_with(place) || place.starts_with(w));
        self.enforced && !places.iter().any(reached)
    }

    /// The secrets of the run.
    pub fn masker(&self) -> &Arc<Masker> {
        &self.masker
    }

    /// For whatever judges or prepares a worktree: setup, checks, invariants, steps.
    pub fn for_check(&self, worktree: &Path, tmp: &Path) -> Option<Policy> {
        self.enforced.then(|| self.policy(Read::All, &[worktree, tmp]))
    }

    /// For a program of the recipe before it has a worktree.
    pub fn for_step(&self, tmp: &Path) -> Option<Policy> {
        self.enforced.then(|| self.policy(Read::All, &[tmp]))
    }

    /// For an agent. One that does not write in its directory has no access to the
    /// repository: it reads the system, its own program, and what it was given.
    pub fn for_agent(&self, agent: &Agent, at: &AgentPlace<'_>) -> Option<Policy> {
        if !self.enforced {
            return None;
        }
        let mut write = vec![at.tmp.to_owned()];
        write.extend(at.home.map(Path::to_owned));
        write.extend(at.writes.then(|| at.dir.to_owned()));
        if agent.shared_config_home {
            write.extend(self.shared_home(agent));
        }
        let read = if at.writes { Read::All } else { Read::Only(self.readable(at)) };
        Some(self.policy(read, &write.iter().map(PathBuf::as_path).collect::<Vec<_>>()))
    }

    /// What a job may use that can store something in these directories.
    pub fn quota(&self, dirs: &[&Path]) -> Quota {
        Quota {
            processes: self.processes,
            disk: self.disk,
            room: true,
            dirs: dirs.iter().map(|dir| dir.to_path_buf()).collect(),
        }
    }

    fn policy(&self, read: Read, write: &[&Path]) -> Policy {
        let own = write.iter().map(|path| path.to_path_buf());
        let write = own.chain(self.write.iter().cloned()).collect();
        Policy { write, read, hide: self.hide.clone(), network: self.network }
    }

    /// The operator's own configuration of an agent, where it was asked for.
    fn shared_home(&self, agent: &Agent) -> Vec<PathBuf> {
        let Some(home) = &self.home else { return Vec::new() };
        let copies = agent::config_copies(agent.adapter);
        let own = |copy: &agent::ConfigCopy| {
            let depth =
                if copy.from.starts_with(".config") || copy.from.starts_with(".local") { 2 } else { 1 };
            let depth = if copy.from.starts_with(".local/share") { 3 } else { depth };
            home.join(copy.from.iter().take(depth).collect::<PathBuf>())
        };
        copies.iter().map(own).collect()
    }

    fn readable(&self, at: &AgentPlace<'_>) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
        paths.extend(self.tools.iter().cloned());
        paths.extend([at.dir.to_owned(), at.prompt.to_owned()]);
        paths.extend_from_slice(at.reads);
        paths.extend(self.program(at.program));
        for arg in at.args.iter().map(Path::new).filter(|arg| arg.is_absolute()) {
            paths.extend(self.program(arg));
        }
        paths
    }

    /// A program, what it is a link to, and what lies beside both: launchers are small files
    /// beside what they launch. Not where that would open a home or a repository.
    fn program(&self, path: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for path in [Some(path.to_owned()), path.canonicalize().ok()].into_iter().flatten() {
            let modules = path.ancestors().filter(|dir| dir.ends_with("node_modules")).last();
            let beside = modules.or(path.parent()).filter(|dir| !self.too_wide(dir));
            found.extend(beside.map(Path::to_owned));
            found.push(path);
        }
        found.retain(|path| path.is_absolute());
        found
    }

    fn too_wide(&self, dir: &Path) -> bool {
        too_wide(dir, &self.root, self.home.as_deref())
    }
}

fn too_wide(dir: &Path, root: &Path, home: Option<&Path>) -> bool {
    let shared = [Path::new("/tmp"), Path::new("/var/tmp")];
    let holds = |place: &Path| place.starts_with(dir);
    dir.starts_with(root) || holds(root) || home.is_some_and(holds) || shared.iter().any(|tmp| holds(tmp))
}

/// Programs on PATH, and what the environment says about interpreters and certificates.
fn tools(operator: &Operator, root: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    let path = operator.get("PATH").map_or("", String::as_str);
    let named = TOOLS.iter().filter_map(|name| operator.get(*name)).map(PathBuf::from);
    let on_path: Vec<PathBuf> = std::env::split_paths(path).collect();
    let behind: Vec<PathBuf> = on_path.iter().flat_map(|dir| behind(dir)).collect();
    let all = on_path.into_iter().chain(behind).chain(named);
    all.filter(|dir| dir.is_absolute() && !too_wide(dir, root, home)).collect()
}

/// What programs of a directory on PATH need besides it: shims call a version manager and the
/// versions that it keeps, and an interpreter loads its library from beside its `bin`.
fn behind(dir: &Path) -> Vec<PathBuf> {
    let Some(parent) = dir.parent() else { return Vec::new() };
    match dir.file_name().and_then(|name| name.to_str()) {
        Some("shims") => vec![parent.to_owned()],
        Some("bin") => ["lib", "lib64", "libexec"].map(|name| parent.join(name)).into(),
        _ => Vec::new(),
    }
}

/// `~` is the operator's home; what is relative lies below audit.kdl's folder.
fn place(text: &str, home: Option<&Path>, folder: &Path) -> PathBuf {
    let below_home = text.strip_prefix("~/").or((text == "~").then_some(""));
    match (below_home, home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => folder.join(text),
    }
}

/// What is annotated `(secret)`, and every variable that is taken for one by its name.
pub fn masker(config: &Config, operator: &Operator) -> Masker {
    let named = operator.iter().filter(|(name, value)| is_secret(name, value));
    let mut pairs: Vec<(String, String)> = named.map(|(n, v)| (n.clone(), v.clone())).collect();
    pairs.extend(config.secrets.iter().map(|text| ("a (secret) of audit.kdl".to_owned(), text.clone())));
    let agents = config.agents.values().map(|agent| &agent.env);
    let nodes = config.nodes.values().map(|node| &node.env);
    for block in std::iter::once(&config.env).chain(agents).chain(nodes) {
        pairs.extend(secrets_of(block, operator));
    }
    Masker::new(pairs)
}

fn secrets_of<'b>(
    block: &'b EnvBlock,
    operator: &'b Operator,
) -> impl Iterator<Item = (String, String)> + 'b {
    block.set.iter().filter_map(|(name, value)| {
        let look_up = |n: &str| operator.get(n).cloned();
        // One that can't be expanded is reported where it is used.
        let text = config::expand(&value.template, look_up).ok()?;
        (value.secret || is_secret(name, &text)).then(|| (name.clone(), text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn containment(root: &str, home: &str) -> Containment {
        Containment {
            enforced: true,
            root: root.into(),
            home: Some(home.into()),
            network: true,
            ..Containment::default()
        }
    }

    #[test]
    fn places_are_read_from_home_and_from_the_folder() {
        let at = |text| place(text, Some(Path::new("/home/u")), Path::new("/repo/sub"));
        assert_eq!(at("~/.cache/x"), Path::new("/home/u/.cache/x"));
        assert_eq!(at("~"), Path::new("/home/u"));
        assert_eq!(at("/var/x"), Path::new("/var/x"));
        assert_eq!(at("cache"), Path::new("/repo/sub/cache"));
        assert_eq!(at("~user/x"), Path::new("/repo/sub/~user/x"));
    }

    #[test]
    fn a_program_opens_its_own_place_and_no_home_or_repository() {
        let contained = containment("/srv/repo", "/home/u");
        let names = |path: &str| contained.program(Path::new(path));
        assert_eq!(names("/opt/agents/a.sh"), [Path::new("/opt/agents"), Path::new("/opt/agents/a.sh")]);
        assert_eq!(names("/home/u/a.sh"), [Path::new("/home/u/a.sh")]);
        assert_eq!(names("/srv/repo/tools/a.sh"), [Path::new("/srv/repo/tools/a.sh")]);
        assert_eq!(names("/srv/a.sh"), [Path::new("/srv/a.sh")]);
        assert_eq!(
            names("/home/u/n/lib/node_modules/c/node_modules/d/cli.js").first().map(PathBuf::as_path),
            Some(Path::new("/home/u/n/lib/node_modules"))
        );
    }

    #[test]
    fn what_programs_on_path_are_made_of_is_readable_and_no_home() {
        let path = "/home/u/.pyenv/shims:/opt/py/bin:/home/u/shims:/srv/repo/bin:rel/bin:/x/tools";
        let operator = Operator::from([("PATH".to_owned(), path.to_owned())]);
        let found = tools(&operator, Path::new("/srv/repo"), Some(Path::new("/home/u")));
        let names = ["/home/u/.pyenv/shims", "/opt/py/bin", "/home/u/shims", "/x/tools", "/home/u/.pyenv"];
        let beside = ["/opt/py/lib", "/opt/py/lib64", "/opt/py/libexec"];
        assert_eq!(found, names.iter().chain(&beside).map(PathBuf::from).collect::<Vec<_>>());
    }

    #[test]
    fn a_grant_that_reaches_the_repository_ends_the_shield() {
        let mut contained = containment("/srv/repo", "/home/u");
        let git = Path::new("/srv/repo/.git");
        assert!(contained.shields(&[git]));
        contained.write = vec!["/srv/repo/target".into()];
        assert!(contained.shields(&[git]));
        assert!(!contained.shields(&[Path::new("/srv/repo")]));
        contained.write = vec!["/srv".into()];
        assert!(!contained.shields(&[git]));
    }
}
