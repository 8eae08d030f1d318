//! The whole language at a glance: what each node may hold. What the values must be is
//! said where they are read.

use super::super::decode::{Args, Shape};

/// The top level of a file.
pub(super) const DOCUMENT: Shape = Shape {
    block: &[
        "audit",
        "auditrun",
        "author",
        "bounds",
        "bundle",
        "check-timeout",
        "concurrency",
        "disk-limit",
        "dotenv",
        "env",
        "expected-signal",
        "forge",
        "grace",
        "hotspots",
        "loc-confidence",
        "loc-exclude",
        "log-limit",
        "notify",
        "out",
        "process-limit",
        "remediation",
        "roles",
        "sandbox",
        "shell",
        "sign",
        "worktree",
    ],
    blocks: &["agent", "include", "invariant", "node", "recipe", "target"],
    ..Shape::EMPTY
};

pub(super) const AUDITRUN: Shape = Shape { one: &["min-version"], ..Shape::EMPTY };

pub(super) const BOUNDS: Shape =
    Shape { one: &["cost-usd", "max-iterations", "timeout", "tokens"], ..Shape::EMPTY };

pub(super) const LOC_CONFIDENCE: Shape =
    Shape { args: Args::Optional("a confidence"), block: &["extreme", "rough", "tight"], ..Shape::EMPTY };

/// `tight` and `rough`.
pub(super) const LOC_ROW: Shape = Shape { one: &["factor", "floor"], ..Shape::EMPTY };

pub(super) const LOC_EXTREME: Shape = Shape { one: &["factor"], ..Shape::EMPTY };

pub(super) const REMEDIATION: Shape =
    Shape { args: Args::One("a number of cycles"), one: &["from"], ..Shape::EMPTY };

pub(super) const HOTSPOTS: Shape = Shape { blocks: &["file", "group"], ..Shape::EMPTY };

pub(super) const INVARIANT: Shape =
    Shape { args: Args::One("the id of an invariant"), one: &["timeout"], many: &["check"], ..Shape::EMPTY };

pub(super) const WORKTREE: Shape =
    Shape { one: &["reuse", "root"], many: &["copy", "keep", "link", "provides", "setup"], ..Shape::EMPTY };

pub(super) const SANDBOX: Shape = Shape {
    args: Args::Optional("auto, required or off"),
    one: &["network"],
    many: &["hide", "write"],
    ..Shape::EMPTY
};

pub(super) const AGENT: Shape = Shape {
    args: Args::One("a name"),
    one: &[
        "adapter",
        "command",
        "config-home",
        "default",
        "first-output",
        "model",
        "retries",
        "stall",
        "timeout",
    ],
    block: &["args", "audit", "env", "price", "prompt"],
    ..Shape::EMPTY
};

pub(super) const PROMPT: Shape = Shape { one: &["via"], ..Shape::EMPTY };

pub(super) const PRICE: Shape = Shape { one: &["cached", "input", "output"], ..Shape::EMPTY };

/// An agent's `audit`: only what can differ between agents.
pub(super) const AGENT_AUDIT: Shape =
    Shape { one: &["create-issues"], many: &["issue-labels"], ..Shape::EMPTY };

pub(super) const AUDIT: Shape = Shape {
    one: &["close-on-green", "create-issues", "diagnose", "repository"],
    many: &["issue-labels"],
    ..Shape::EMPTY
};

pub(super) const ROLES: Shape = Shape {
    one: &[
        "arbiter",
        "brainstormer",
        "critic",
        "diagnostic",
        "evaluator",
        "improver",
        "mutator",
        "node",
        "resolver",
        "self-auditor",
        "splitter",
    ],
    ..Shape::EMPTY
};

pub(super) const NODE: Shape = Shape {
    args: Args::One("the id of a node"),
    one: &[
        "agent",
        "estimated-loc",
        "expected-signal",
        "loc-confidence",
        "parallel-safe",
        "retries",
        "timeout",
    ],
    block: &["env"],
    ..Shape::EMPTY
};

pub(super) const RECIPE: Shape = Shape { args: Args::One("a name"), one: &["steps"], ..Shape::EMPTY };

pub(super) const TARGET: Shape = Shape {
    args: Args::One("a name"),
    one: &["confirm", "cwd", "description", "dotenv", "steps", "timeout"],
    many: &["inputs", "needs", "outputs"],
    block: &["env"],
    blocks: &["param", "when"],
};

pub(super) const PARAM: Shape =
    Shape { args: Args::One("a name"), one: &["default", "description"], many: &["choices"], ..Shape::EMPTY };

pub(super) const WHEN: Shape = Shape { one: &["changed-since", "env", "exists", "os"], ..Shape::EMPTY };

pub(super) const FORGE: Shape = Shape {
    one: &["database", "patience", "recursion-depth", "stuck-below"],
    many: &["parts"],
    block: &["dashboard"],
    ..Shape::EMPTY
};

pub(super) const DASHBOARD: Shape = Shape { one: &["port"], ..Shape::EMPTY };

pub(super) const NOTIFY: Shape = Shape { blocks: &["on"], ..Shape::EMPTY };

pub(super) const ON: Shape = Shape { args: Args::Some("an event"), one: &["run"], ..Shape::EMPTY };

/// Every name of a setting, for the tests that hold documents to it.
#[cfg(test)]
pub(in super::super) fn names() -> impl Iterator<Item = &'static str> {
    [
        DOCUMENT,
        AUDITRUN,
        BOUNDS,
        LOC_CONFIDENCE,
        LOC_ROW,
        LOC_EXTREME,
        REMEDIATION,
        HOTSPOTS,
        INVARIANT,
        WORKTREE,
        SANDBOX,
        AGENT,
        PROMPT,
        PRICE,
        AGENT_AUDIT,
        AUDIT,
        ROLES,
        NODE,
        RECIPE,
        TARGET,
        PARAM,
        WHEN,
        FORGE,
        DASHBOARD,
        NOTIFY,
        ON,
    ]
    .into_iter()
    .flat_map(|shape| shape.children().collect::<Vec<_>>())
}
