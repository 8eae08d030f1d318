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
    one: &["database", "offer-lessons", "patience", "recursion-depth", "stuck-below"],
    many: &["parts"],
    block: &["dashboard"],
    ..Shape::EMPTY
};

pub(super) const DASHBOARD: Shape = Shape { one: &["port"], ..Shape::EMPTY };

pub(super) const NOTIFY: Shape = Shape { blocks: &["on"], ..Shape::EMPTY };

pub(super) const ON: Shape = Shape { args: Args::Some("an event"), one: &["run"], ..Shape::EMPTY };

/// A node with the places that it may stand in.
pub(in super::super) struct ShapeOf {
    /// Its name; empty for the document.
    pub key: &'static str,
    /// The nodes that it may stand in; `""` is the top level.
    pub owners: &'static [&'static str],
    /// What it may hold.
    pub shape: Shape,
    /// Holds names of the user's own.
    pub free: bool,
}

const fn of(key: &'static str, owners: &'static [&'static str], shape: Shape) -> ShapeOf {
    ShapeOf { key, owners, shape, free: false }
}

/// A node that only takes values.
const fn values(key: &'static str, owners: &'static [&'static str], args: Args) -> ShapeOf {
    of(key, owners, Shape { args, ..Shape::EMPTY })
}

const TOP: &[&str] = &[""];

/// The whole language as one table.
pub(in super::super) const SHAPES: &[ShapeOf] = &[
    of("", TOP, DOCUMENT),
    of("auditrun", TOP, AUDITRUN),
    of("bounds", TOP, BOUNDS),
    of("loc-confidence", TOP, LOC_CONFIDENCE),
    of("tight", &["loc-confidence"], LOC_ROW),
    of("rough", &["loc-confidence"], LOC_ROW),
    of("extreme", &["loc-confidence"], LOC_EXTREME),
    of("remediation", TOP, REMEDIATION),
    of("hotspots", TOP, HOTSPOTS),
    values("file", &["hotspots"], Args::Some("paths or patterns")),
    values("group", &["hotspots"], Args::Some("a name and at least one pattern")),
    of("invariant", TOP, INVARIANT),
    of("worktree", TOP, WORKTREE),
    of("sandbox", TOP, SANDBOX),
    of("agent", TOP, AGENT),
    values("args", &["agent"], Args::Some("at least one argument")),
    of("prompt", &["agent"], PROMPT),
    of("price", &["agent"], PRICE),
    of("audit", &["agent"], AGENT_AUDIT),
    of("audit", TOP, AUDIT),
    of("roles", TOP, ROLES),
    of("node", TOP, NODE),
    of("recipe", TOP, RECIPE),
    of("target", TOP, TARGET),
    of("param", &["target"], PARAM),
    of("when", &["target"], WHEN),
    of("forge", TOP, FORGE),
    of("dashboard", &["forge"], DASHBOARD),
    of("notify", TOP, NOTIFY),
    of("on", &["notify"], ON),
    ShapeOf { key: "env", owners: &["", "agent", "node", "target"], shape: Shape::EMPTY, free: true },
    values("author", TOP, Args::One("\"Name <mail>\"")),
    values("bundle", TOP, Args::One("a directory")),
    values("check-timeout", TOP, Args::One("a duration")),
    values("concurrency", TOP, Args::One("a number of nodes")),
    values("disk-limit", TOP, Args::One("a size")),
    values("dotenv", TOP, Args::One("a file")),
    values("expected-signal", TOP, Args::One("require_nonempty or allow_empty")),
    values("grace", TOP, Args::One("a duration")),
    values("include", TOP, Args::Some("the path of a file")),
    values("loc-exclude", TOP, Args::Some("a pattern")),
    values("log-limit", TOP, Args::One("a size")),
    values("out", TOP, Args::One("a directory")),
    values("process-limit", TOP, Args::One("a number of processes")),
    values("shell", TOP, Args::Some("a program and its arguments")),
    values("sign", TOP, Args::One("#true or #false")),
];

/// Every name of a setting, for the tests that hold documents to it.
#[cfg(test)]
pub(in super::super) fn names() -> impl Iterator<Item = &'static str> {
    SHAPES.iter().flat_map(|s| s.shape.children().collect::<Vec<_>>())
}
