//! The resolved configuration: what the rest of the program sees.

mod agent;
mod node;
mod target;

pub use agent::*;
pub use node::*;
pub use target::*;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::layout::WORKTREES_DIR;
use crate::base::{Id, Pattern};
use crate::diag::{Source, Span, Spanned};

/// Where an effective value came from, lowest precedence first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The embedded defaults; points into their text.
    Default(Span),
    /// A file: audit.kdl, an included file, graph.md or a prompt.
    Written(Span),
    /// An environment variable.
    Env(String),
    /// A command-line flag, as typed.
    Flag(String),
}

/// `file:line:column`, `built-in default`, `environment AUDIT_…` or `flag --…`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default(span) => write!(f, "built-in default ({span})"),
            Origin::Written(span) => write!(f, "{span}"),
            Origin::Env(name) => write!(f, "environment {name}"),
            Origin::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// An effective value with its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value in force.
    pub value: T,
    /// The layer that set it.
    pub origin: Origin,
}

/// A value of an `env` block: may hold `$NAME`, may be secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvValue {
    /// As written, `$NAME` not yet expanded.
    pub template: String,
    /// Annotated `(secret)`: masked everywhere.
    pub secret: bool,
    /// Where it stands.
    pub span: Span,
}

/// An `env` block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvBlock {
    /// Names handed through from the operator's environment.
    pub pass: Vec<Spanned<String>>,
    /// Names set to a value, in the order written.
    pub set: Vec<(String, EnvValue)>,
}

/// `forge`: settings of the QA auditor.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct ForgeSettings {
    pub patience: Setting<u32>,
    pub stuck_below: Setting<u32>,
    pub recursion_depth: Setting<u32>,
    pub dashboard_port: Setting<u16>,
    pub database: Setting<String>,
    /// Promoted lessons are given to the agents of nodes.
    pub offer_lessons: Setting<bool>,
    pub parts: Vec<Spanned<String>>,
}

/// The resolved configuration.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // Field names are the settings' names; docs/config.md describes each.
pub struct Config {
    /// audit.kdl itself, if there is one.
    pub source: Option<Source>,
    /// audit.kdl and every file that it includes.
    pub sources: Vec<Source>,
    /// Its folder, relative to the repository's root (empty: the root).
    pub folder: String,
    /// Relative to the repository's root, normalised; so is `out`.
    pub bundle: Option<Setting<String>>,
    /// A flag or a variable chose another bundle than the one that audit.kdl names: its blocks
    /// may be about nodes and invariants that are not there.
    pub about_another_bundle: bool,
    pub out: Option<Setting<String>>,
    pub concurrency: Setting<usize>,
    pub bounds: Bounds,
    pub loc: LocPolicy,
    pub expected_signal: Setting<ExpectedSignal>,
    pub remediation: Setting<u8>,
    pub remediate_from: Setting<RemediateFrom>,
    pub sign: Setting<bool>,
    pub author: Setting<String>,
    pub grace: Setting<Duration>,
    pub check_timeout: Setting<Duration>,
    pub log_limit: Setting<u64>,
    pub disk_limit: Option<Setting<u64>>,
    pub process_limit: Setting<u64>,
    pub shell: Setting<Vec<String>>,
    pub env: EnvBlock,
    pub dotenv: Option<Spanned<String>>,
    pub hotspots: Vec<Hotspot>,
    pub loc_exclude: Setting<Vec<Pattern>>,
    pub invariants: BTreeMap<Id, InvariantChecks>,
    pub worktree: WorktreeSettings,
    pub agents: BTreeMap<String, Agent>,
    pub default_agent: Setting<String>,
    pub roles: BTreeMap<Role, Setting<String>>,
    pub sandbox: SandboxSettings,
    pub nodes: BTreeMap<Id, NodeOverride>,
    pub recipe: Script,
    pub targets: Vec<Target>,
    pub audit: AuditSettings,
    pub forge: ForgeSettings,
    pub notify: Vec<Notify>,
    /// Texts annotated `(secret)` outside of `env` blocks: masked in everything shown.
    pub secrets: Vec<String>,
    /// What [`explain`](super::explain) shows.
    pub listing: Vec<Explained>,
}

/// One effective setting, as it is shown.
#[derive(Debug, Clone)]
pub struct Explained {
    /// Its name with those of the blocks around it: `bounds timeout`, `agent "claude" model`.
    pub path: String,
    /// The value as KDL, secrets masked; `not set` where there is none.
    pub value: String,
    /// Where it came from; `None` for what is not set and has no default.
    pub origin: Option<Origin>,
}

impl Config {
    /// The agent bound to `role`: its own binding, else the default agent.
    pub fn agent_for(&self, role: Role) -> &Setting<String> {
        self.roles.get(&role).unwrap_or(&self.default_agent)
    }

    /// Where worktrees are made, for the repository at `root`.
    pub fn worktrees(&self, root: &Path) -> PathBuf {
        match &self.worktree.root {
            Some(dir) => root.join(&self.folder).join(&dir.value),
            None => root.join(WORKTREES_DIR),
        }
    }
}

/// Flags that override settings; `None` where the flag was not given.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct Flags {
    pub bundle: Option<String>,
    pub out: Option<String>,
    pub max_parallel: Option<usize>,
    pub max_iterations: Option<u64>,
    pub timeout_minutes: Option<u64>,
    pub agent: Option<String>,
}

/// What [`load`](super::load) reads.
pub struct LoadInput<'a> {
    /// audit.kdl: its root-relative path and its bytes; `None` if there is none.
    pub file: Option<(String, Vec<u8>)>,
    /// Reads an included file by its root-relative path.
    pub read: &'a dyn Fn(&str) -> std::io::Result<Vec<u8>>,
    /// The environment (only names beginning with `AUDIT_` are looked at).
    pub env: &'a BTreeMap<String, String>,
    /// The command line.
    pub flags: &'a Flags,
}
