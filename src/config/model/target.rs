//! Targets, their scripts, and what is run on events.

use std::sync::Arc;
use std::time::Duration;

use super::EnvBlock;
use crate::base::Pattern;
use crate::diag::{Span, Spanned};
use crate::step;

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

/// One `on …` of `notify`.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Notify {
    pub events: Vec<Spanned<String>>,
    pub run: Script,
}
