//! `forge` (the QA auditor) and `notify`.

use super::super::decode::Ctx;
use super::super::model::Script;
use super::super::tree::{Node, Scalar, kebab};
use super::super::types::{self, whole};
use super::{Slot, shapes, target};
use crate::base::mask::url_password;
use crate::diag::{Diag, Spanned};

/// `forge`.
#[derive(Debug, Default)]
pub(crate) struct RawForge {
    pub patience: Slot<u32>,
    pub stuck_below: Slot<u32>,
    pub recursion_depth: Slot<u32>,
    pub dashboard_port: Slot<u16>,
    pub database: Slot<String>,
    pub offer_lessons: Slot<bool>,
    pub parts: Vec<Spanned<String>>,
}

/// One `on …`.
#[derive(Debug)]
pub(crate) struct RawNotify {
    pub events: Vec<Spanned<String>>,
    pub run: Script,
}

/// An audit of audits of audits says nothing new.
const MAX_RECURSION: i128 = 2;

pub(super) fn forge(ctx: &Ctx, node: &Node, raw: &mut RawForge) {
    ctx.check(node, &shapes::FORGE);
    ctx.put(&mut raw.patience, ctx.one(node, "patience", whole(1, 1000)), "patience");
    ctx.put(&mut raw.stuck_below, ctx.one(node, "stuck-below", whole(0, 1000)), "stuck-below");
    ctx.put(
        &mut raw.recursion_depth,
        ctx.one(node, "recursion-depth", whole(0, MAX_RECURSION)),
        "recursion-depth",
    );
    let address = ctx.one(node, "database", database);
    // A password is a secret, annotated or not.
    if let Some(password) = address.as_ref().and_then(|a| url_password(&a.value)) {
        let mut secrets = ctx.secrets.borrow_mut();
        if !secrets.iter().any(|s| s.contains(password)) {
            secrets.push(password.to_owned());
        }
    }
    ctx.put(&mut raw.database, address, "database");
    ctx.put(&mut raw.offer_lessons, ctx.one(node, "offer-lessons", types::boolean), "offer-lessons");
    raw.parts.extend(ctx.many(node, "parts", types::text));
    if let Some(dashboard) = ctx.block(node, "dashboard") {
        ctx.check(dashboard, &shapes::DASHBOARD);
        ctx.put(&mut raw.dashboard_port, ctx.one(dashboard, "port", whole(1, 65_535)), "dashboard port");
    }
}

/// `sqlite:PATH` or a PostgreSQL address.
fn database(scalar: &Scalar) -> Result<String, types::Wrong> {
    let raw = types::text(scalar)?;
    let path = raw.strip_prefix("sqlite:").is_some_and(|p| !p.is_empty());
    if path || raw.starts_with("postgres://") || raw.starts_with("postgresql://") {
        return Ok(raw);
    }
    Err(types::Wrong::Value(
        "this is not the address of a database".to_owned(),
        "write \"sqlite:PATH\" or \"postgres://…\"".to_owned(),
    ))
}

/// What `notify { on … }` can name: the states that a run ends in, the reasons for it, and
/// a proposal that the QA auditor routes.
pub const NOTIFY_EVENTS: [&str; 12] = [
    "done",
    "halted",
    "max-iterations",
    "timeout",
    "verification-failed",
    "self-critique-exhausted",
    "dependency-deadlock",
    "open-question",
    "budget-exceeded",
    "agent-unavailable",
    "interrupted",
    "meta-slice",
];

fn event(scalar: &Scalar) -> Result<String, types::Wrong> {
    let word = types::string(scalar)?;
    let known = NOTIFY_EVENTS.into_iter().find(|e| *e == kebab(&word));
    known.map(str::to_owned).ok_or_else(|| types::Wrong::Choice(word, NOTIFY_EVENTS.to_vec()))
}

pub(super) fn notify(ctx: &Ctx, node: &Node, all: &mut Vec<RawNotify>) {
    ctx.check(node, &shapes::NOTIFY);
    for on in node.nodes().iter().filter(|c| c.key == "on") {
        ctx.check(on, &shapes::ON);
        let events = ctx.args(on, event);
        match target::script(ctx, on, "run") {
            Some(run) => all.push(RawNotify { events, run }),
            None if on.holds("run") => {}
            None => {
                let help = "add run \"…\" with the steps to take";
                ctx.push(
                    Diag::error("config::missing-value", "'on' has nothing to run")
                        .at(&on.span, "")
                        .help(help),
                );
            }
        }
    }
}
