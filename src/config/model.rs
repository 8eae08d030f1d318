//! The resolved configuration: what the rest of the program sees.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::{Id, Pattern};
use crate::diag::{Source, Span, Spanned};
use crate::step;

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

/// How sure the author of a node is of its estimate.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum LocConfidence {
    /// cap = est + max(est × factor, floor), factor 0.5 and floor 20 by default.
    Tight,
    /// The same with factor 1.0 and floor 30 by default.
    Rough,
    /// No cap; warns past the rough cap.
    Unbounded,
}

/// What an empty diff means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedSignal {
    /// An empty diff is a failure.
    RequireNonempty,
    /// An empty diff is fine if all checks pass.
    AllowEmpty,
}

/// A job that an agent is called for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // The names are the contract's; each is described where it is called.
pub enum Role {
    Node,
    Resolver,
    Arbiter,
    Splitter,
    Diagnostic,
    Evaluator,
    Brainstormer,
    Critic,
    Mutator,
    Improver,
    SelfAuditor,
}

impl Role {
    /// Every role, in the order of the documentation.
    pub const ALL: [Role; 11] = [
        Role::Node,
        Role::Resolver,
        Role::Arbiter,
        Role::Splitter,
        Role::Diagnostic,
        Role::Evaluator,
        Role::Brainstormer,
        Role::Critic,
        Role::Mutator,
        Role::Improver,
        Role::SelfAuditor,
    ];

    /// The name in audit.kdl and in AUDITRUN_ROLE.
    pub fn name(self) -> &'static str {
        match self {
            Role::Node => "node",
            Role::Resolver => "resolver",
            Role::Arbiter => "arbiter",
            Role::Splitter => "splitter",
            Role::Diagnostic => "diagnostic",
            Role::Evaluator => "evaluator",
            Role::Brainstormer => "brainstormer",
            Role::Critic => "critic",
            Role::Mutator => "mutator",
            Role::Improver => "improver",
            Role::SelfAuditor => "self_auditor",
        }
    }
}

/// The kinds of agent program that can be called.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // Each is the program of that name.
pub enum AdapterKind {
    Exec,
    Claude,
    Codex,
    Gemini,
    Opencode,
    Goose,
    Cursor,
    Aider,
}

impl AdapterKind {
    /// Every adapter; each predeclares an agent of its own name.
    pub const ALL: [AdapterKind; 8] = [
        AdapterKind::Exec,
        AdapterKind::Claude,
        AdapterKind::Codex,
        AdapterKind::Gemini,
        AdapterKind::Opencode,
        AdapterKind::Goose,
        AdapterKind::Cursor,
        AdapterKind::Aider,
    ];

    /// The adapter's name in audit.kdl.
    pub fn name(self) -> &'static str {
        match self {
            AdapterKind::Exec => "exec",
            AdapterKind::Claude => "claude",
            AdapterKind::Codex => "codex",
            AdapterKind::Gemini => "gemini",
            AdapterKind::Opencode => "opencode",
            AdapterKind::Goose => "goose",
            AdapterKind::Cursor => "cursor",
            AdapterKind::Aider => "aider",
        }
    }
}

/// How the prompt reaches the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PromptVia {
    /// On standard input.
    Stdin,
    /// As the file `$AUDITRUN_PROMPT_FILE`.
    File,
    /// As the last argument; refused past 128 KiB.
    Arg,
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

/// `price { input …; output …; cached … }`, USD for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub struct Price {
    pub input: f64,
    pub output: f64,
    pub cached: f64,
}

/// `audit { create-issues; issue-labels; repository; diagnose; close-on-green }`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct AuditSettings {
    pub create_issues: Option<Spanned<bool>>,
    pub issue_labels: Vec<Spanned<String>>,
    pub repository: Option<Spanned<String>>,
    pub diagnose: Option<Spanned<bool>>,
    pub close_on_green: Option<Spanned<bool>>,
}

/// One `agent` definition with its defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// Its name in audit.kdl.
    pub name: String,
    /// How it is called and read.
    pub adapter: AdapterKind,
    /// The program; a word with a slash is relative to audit.kdl's folder. Empty only for the
    /// predeclared `exec`, which no reference in audit.kdl can name.
    pub command: Setting<String>,
    /// `--model` or its like.
    pub model: Option<Setting<String>>,
    /// Extra arguments, after the adapter's own.
    pub args: Vec<String>,
    /// How the prompt is handed over.
    pub prompt: PromptVia,
    /// Its own environment.
    pub env: EnvBlock,
    /// Wall time.
    pub timeout: Setting<Duration>,
    /// Deadline for the first output; `None` for adapters that don't stream.
    pub first_output: Option<Setting<Duration>>,
    /// Longest silence; `None` for adapters that don't stream.
    pub stall: Option<Setting<Duration>>,
    /// Attempts on transient trouble (rate limit, overload), beyond the first.
    pub retries: Setting<u32>,
    /// Prices for agents that report no cost.
    pub price: Option<Price>,
    /// `config-home "shared"`: no private configuration home.
    pub shared_config_home: bool,
    /// Overrides of the global `audit` block.
    pub audit: AuditSettings,
    /// Where it is declared; `None` for a predeclared one.
    pub span: Option<Span>,
}

/// `bounds`.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Bounds {
    pub max_iterations: Setting<u64>,
    pub timeout: Setting<Duration>,
    pub cost_usd: Option<Setting<f64>>,
    pub tokens: Option<Setting<u64>>,
}

/// One row of `loc-confidence`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocRow {
    /// Share of the estimate that may come on top.
    pub factor: f64,
    /// Lines that may come on top at the least: the noise floor.
    pub floor: u64,
}

/// `loc-confidence`.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct LocPolicy {
    pub default: Setting<LocConfidence>,
    pub tight: Setting<LocRow>,
    pub rough: Setting<LocRow>,
    /// Multiple of the estimate past which remediation is pointless.
    pub extreme: Setting<f64>,
}

/// From what a remediation cycle starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RemediateFrom {
    /// The audit branch's head.
    Base,
    /// The failed attempt as it stands.
    Attempt,
}

/// `hotspots`: one serialised resource.
#[derive(Debug, Clone)]
pub struct Hotspot {
    /// The file's own pattern, or the group's name.
    pub name: String,
    /// What belongs to it.
    pub patterns: Vec<Spanned<Pattern>>,
}

/// Checks bound to an invariant in audit.kdl.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct InvariantChecks {
    pub checks: Vec<Spanned<String>>,
    pub timeout: Option<Spanned<Duration>>,
    /// The id as written; it must exist in state.md.
    pub id: Option<Spanned<Id>>,
}

/// `worktree`.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct WorktreeSettings {
    pub root: Option<Spanned<String>>,
    pub copy: Vec<Spanned<String>>,
    pub link: Vec<Spanned<String>>,
    pub keep: Vec<Spanned<String>>,
    pub setup: Vec<Spanned<String>>,
    pub provides: Vec<Spanned<String>>,
    pub reuse: bool,
}

/// How strictly the sandbox is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum SandboxMode {
    Auto,
    Required,
    Off,
}

/// `sandbox`.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct SandboxSettings {
    pub mode: Setting<SandboxMode>,
    pub write: Vec<Spanned<String>>,
    pub hide: Vec<Spanned<String>>,
    pub network: Setting<bool>,
}

/// A `node "ID"` block: the operator's override for one node.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct NodeOverride {
    pub id: Option<Spanned<Id>>,
    pub loc_confidence: Option<Spanned<LocConfidence>>,
    pub estimated_loc: Option<Spanned<u64>>,
    pub expected_signal: Option<Spanned<ExpectedSignal>>,
    pub parallel_safe: Option<Spanned<bool>>,
    pub agent: Option<Spanned<String>>,
    pub timeout: Option<Spanned<Duration>>,
    pub retries: Option<Spanned<u32>>,
    pub env: EnvBlock,
}

/// A parameter of a target.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Param {
    pub name: Spanned<String>,
    pub default: Option<Spanned<String>>,
    pub choices: Vec<Spanned<String>>,
    pub description: Option<String>,
}

/// One condition of `when`; a target applies if all hold.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub enum When {
    Env(Spanned<String>),
    Os(Spanned<String>),
    Exists(Spanned<String>),
    ChangedSince(Spanned<String>),
}

/// One `target`.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Target {
    pub name: Spanned<String>,
    pub description: Option<String>,
    pub params: Vec<Param>,
    pub needs: Vec<Spanned<String>>,
    pub inputs: Vec<Spanned<Pattern>>,
    pub outputs: Vec<Spanned<String>>,
    pub when: Vec<When>,
    pub confirm: Option<Spanned<String>>,
    pub timeout: Option<Spanned<Duration>>,
    pub cwd: Option<Spanned<String>>,
    pub dotenv: Option<Spanned<String>>,
    pub env: EnvBlock,
    pub steps: Option<Script>,
}

/// A parsed text of `steps` with the place it stands at.
#[derive(Debug, Clone)]
pub struct Script {
    /// The steps as KDL hands them over (dedented, escapes applied).
    pub text: String,
    /// The syntax tree.
    pub ast: Arc<step::Script>,
    /// What its spans refer to, and where that stands in audit.kdl.
    pub source: Arc<step::StepText>,
    /// The whole argument in audit.kdl.
    pub span: Span,
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
    pub parts: Vec<Spanned<String>>,
}

/// One `on …` of `notify`.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Notify {
    pub events: Vec<Spanned<String>>,
    pub run: Script,
}

/// The resolved configuration.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // Field names are the settings' names; docs/config.md describes each.
pub struct Config {
    /// audit.kdl itself, if there is one.
    pub source: Option<Source>,
    /// Its folder, relative to the repository's root (empty: the root).
    pub folder: String,
    /// Relative to the repository's root, normalised; so is `out`.
    pub bundle: Option<Setting<String>>,
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
    pub process_limit: Option<Setting<u64>>,
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
