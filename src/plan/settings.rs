//! The settings of one node, each from the layer that wins: the defaults and audit.kdl's
//! top level, graph.md's attribute, audit.kdl's node block, the environment, the flags.

use super::{NodeSettings, loc};
use crate::bundle::Node;
use crate::config::{Config, EnvBlock, EnvValue, NodeOverride, Origin, Role, Setting};
use crate::diag::{Diag, Diags, Source, Span, Spanned};

/// The settings of `node`. An agent that does not exist is reported, and the default's
/// limits stand in for its own.
pub(super) fn of(node: &Node, config: &Config, diags: &mut Diags) -> NodeSettings {
    let none = NodeOverride::default();
    let block = config.nodes.get(&node.id.value).unwrap_or(&none);
    let agent = layered(default_agent(config), &node.agent, &block.agent);
    check_agents(node, block, config, diags);
    let limits = config.agents.get(&agent.value).or_else(|| config.agents.get(&config.default_agent.value));
    let timeout = limits.map_or_else(|| config.bounds.timeout.clone(), |a| a.timeout.clone());
    let retries = limits.map_or_else(|| built_in("retries", 0), |a| a.retries.clone());
    let estimate = from_graph(&node.estimated_loc);
    let estimated_loc = layered(estimate, &None, &block.estimated_loc);
    let loc_confidence = layered(config.loc.default.clone(), &node.loc_confidence, &block.loc_confidence);
    let loc = loc::bounds(&config.loc, loc_confidence.value, estimated_loc.value);
    NodeSettings {
        agent,
        timeout: layered(timeout, &node.timeout, &block.timeout),
        retries: layered(retries, &node.retries, &block.retries),
        parallel_safe: layered(built_in("parallel_safe", false), &node.parallel_safe, &block.parallel_safe),
        estimated_loc,
        loc_confidence,
        expected_signal: layered(
            config.expected_signal.clone(),
            &node.expected_signal,
            &block.expected_signal,
        ),
        loc_cap: loc.cap,
        loc_extreme: loc.extreme,
        loc_warn: loc.warn,
        loc_origin: loc.origin,
        env: env(node, block),
    }
}

/// The agent of a node that names none. A flag or a variable is meant for every node,
/// so it beats a binding in `roles`.
fn default_agent(config: &Config) -> Setting<String> {
    match config.default_agent.origin {
        Origin::Env(_) | Origin::Flag(_) => config.default_agent.clone(),
        _ => config.agent_for(Role::Node).clone(),
    }
}

/// The layer that wins. What the operator said for this one command beats all files.
fn layered<T: Clone>(base: Setting<T>, graph: &Option<Spanned<T>>, block: &Option<Spanned<T>>) -> Setting<T> {
    match (&base.origin, block.as_ref().or(graph.as_ref())) {
        (Origin::Default(_) | Origin::Written(_), Some(written)) => from_graph(written),
        _ => base,
    }
}

fn from_graph<T: Clone>(written: &Spanned<T>) -> Setting<T> {
    Setting { value: written.value.clone(), origin: Origin::Written(written.span.clone()) }
}

/// A default of the bundle format itself, which audit.kdl has no setting for.
fn built_in<T: std::fmt::Display>(name: &str, value: T) -> Setting<T> {
    let text = format!("{name}: {value}\n");
    let span = Source::new("graph.md's defaults", text.clone()).span(0, text.len().saturating_sub(1));
    Setting { value, origin: Origin::Default(span) }
}

/// graph.md's additions, then the node block's, which win.
fn env(node: &Node, block: &NodeOverride) -> EnvBlock {
    let value =
        |v: &Spanned<String>| EnvValue { template: v.value.clone(), secret: false, span: v.span.clone() };
    let mut env = EnvBlock { pass: block.env.pass.clone(), set: Vec::new() };
    let graph = node.env.iter().map(|(name, v)| (name.clone(), value(v)));
    for (name, value) in graph.chain(block.env.set.iter().cloned()) {
        match env.set.iter_mut().find(|(n, _)| *n == name) {
            Some(entry) => entry.1 = value,
            None => env.set.push((name, value)),
        }
    }
    env
}

fn check_agents(node: &Node, block: &NodeOverride, config: &Config, diags: &mut Diags) {
    if let Some(agent) = &node.agent {
        check_agent("plan::unknown-agent", &agent.value, &agent.span, config, diags);
    }
    if let Some(agent) = &block.agent {
        check_agent("config::unknown-agent", &agent.value, &agent.span, config, diags);
    }
}

fn check_agent(code: &'static str, name: &str, at: &Span, config: &Config, diags: &mut Diags) {
    if config.agents.contains_key(name) {
        return;
    }
    let known: Vec<&str> = config.agents.keys().map(String::as_str).collect();
    diags.push(
        Diag::error(code, format!("no agent is called '{name}'"))
            .at(at, "named here")
            .help(format!("declare it in audit.kdl, or use one of: {}", known.join(", ")))
            .suggest(name, known),
    );
}
