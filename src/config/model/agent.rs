//! Agents, the jobs they are called for, and the settings of the audit stage that one of
//! them may override.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{EnvBlock, Setting};
use crate::diag::{Span, Spanned};

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
