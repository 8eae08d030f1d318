//! The names of the built-in verbs, of the variables that a recipe gets, and which verbs
//! a recipe must have.

/// Verbs that work on every platform, anywhere.
pub const PORTABLE: [&str; 14] = [
    "cd", "echo", "export", "exit", "true", "false", "test", "mkdir", "cp", "mv", "rm", "sleep", "cat",
    "command",
];

/// First words of the verbs that carry out a node; they exist in `recipe "node"` only.
pub const NODE: [&str; 10] =
    ["worktree", "agent", "capture", "gate", "check", "commit", "land", "revert", "fail", "note"];

/// The word that re-enters this program in-process.
pub const AUDITRUN: &str = "auditrun";

/// Variables that are set in a recipe.
pub const RECIPE_VARS: [&str; 9] =
    ["NODE_ID", "DELIVERABLE", "TIER", "ATTEMPT", "WORKTREE", "BASE", "BRANCH", "RUN_DIR", "PROMPT"];

/// What every path through a recipe passes, in this order.
pub const MANDATORY: [&[&str]; 10] = [
    &["worktree", "enter"],
    &["agent", "run"],
    &["capture"],
    &["gate", "touches"],
    &["gate", "loc"],
    &["gate", "signal"],
    &["check", "done_when"],
    &["check", "invariants"],
    &["commit"],
    &["land"],
];

/// A verb of the portable kind.
pub fn is_portable(name: &str) -> bool {
    PORTABLE.contains(&name)
}

/// The first word of a node verb.
pub fn is_node(name: &str) -> bool {
    NODE.contains(&name)
}

/// Anything that is not looked up on PATH.
pub fn is_builtin(name: &str) -> bool {
    is_portable(name) || is_node(name) || name == AUDITRUN
}

/// The second words of a node verb that has them; empty where it takes none or free text.
pub fn subverbs(name: &str) -> &'static [&'static str] {
    match name {
        "worktree" => &["enter", "reset", "leave"],
        "agent" => &["run"],
        "gate" => &["touches", "loc", "signal"],
        _ => &[],
    }
}
