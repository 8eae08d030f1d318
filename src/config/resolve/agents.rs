//! Agents with their adapter's defaults, the default agent, and who refers to whom.

use std::collections::BTreeMap;

use super::super::decode::twice;
use super::super::model::{Agent, AuditSettings, Origin, Price, PromptVia, Role, Setting};
use super::super::raw::RawAgent;
use super::super::show::quoted;
use super::super::tree::kebab;
use super::{Resolver, names};
use crate::diag::{Diag, Spanned};

impl Resolver<'_> {
    /// The predeclared agents, overridden and joined by audit.kdl's.
    pub(super) fn agents(&mut self) -> Option<BTreeMap<String, Agent>> {
        let (user, defaults) = (&self.layers.user.raw.agents, &self.layers.defaults.raw.agents);
        let mut all = BTreeMap::new();
        self.terse = true;
        for base in defaults {
            if !user.iter().any(|a| a.name.value == base.name.value) {
                all.insert(base.name.value.clone(), self.agent(base, base)?);
            }
        }
        self.terse = false;
        for raw in user {
            match base_of(raw, defaults) {
                Some(base) => {
                    all.insert(raw.name.value.clone(), self.agent(raw, base)?);
                }
                None => self.no_adapter(raw),
            }
        }
        Some(all)
    }

    fn no_adapter(&mut self, raw: &RawAgent) {
        let message = format!("agent '{}' names no adapter", raw.name.value);
        let help = format!("say how it is called: agent {} adapter=\"exec\"", quoted(&raw.name.value));
        // A value that was refused is reported where it stands.
        if raw.adapter.is_none() && !raw.adapter_written {
            self.diags.push(Diag::error("config::missing-value", message).at(&raw.name.span, "").help(help));
        }
    }

    fn agent(&mut self, raw: &RawAgent, base: &RawAgent) -> Option<Agent> {
        let path = format!("agent {}", quoted(&raw.name.value));
        let at = |key: &str| format!("{path} {key}");
        let adapter = self.setting(&at("adapter"), &raw.adapter, &base.adapter)?.value;
        let command = self.command(&at("command"), raw, base);
        let model = self.maybe(&at("model"), None, &raw.model);
        let args = self.maybe(&at("args"), None, &raw.args).map(|a| a.value).unwrap_or_default();
        let prompt: PromptVia = self.setting(&at("prompt via"), &raw.prompt, &base.prompt)?.value;
        let env = self.env(&at("env"), &[&raw.env]);
        let timeout = self.setting(&at("timeout"), &raw.timeout, &base.timeout)?;
        let first_output = raw.first_output.clone().or_else(|| base.first_output.clone());
        let first_output = self.maybe(&at("first-output"), None, &first_output);
        let stall = raw.stall.clone().or_else(|| base.stall.clone());
        let stall = self.maybe(&at("stall"), None, &stall);
        let retries = self.setting(&at("retries"), &raw.retries, &base.retries)?;
        let price = self.price(&at("price"), raw);
        let shared_config_home = self.config_home(&at("config-home"), raw, base)?;
        let audit = self.agent_audit(&at("audit"), raw);
        let predeclared = std::ptr::eq(raw, base);
        Some(Agent {
            name: raw.name.value.clone(),
            adapter,
            command,
            model,
            args,
            prompt,
            env,
            timeout,
            first_output,
            stall,
            retries,
            price,
            shared_config_home,
            audit,
            span: (!predeclared).then(|| raw.name.span.clone()),
        })
    }

    /// Only the adapter `exec` has no program of its own. An agent that needs one is refused
    /// where it is declared; the predeclared agent of that name where it is referred to.
    fn command(&mut self, path: &str, raw: &RawAgent, base: &RawAgent) -> Setting<String> {
        let written = raw.command.clone().or_else(|| base.command.clone());
        if let Some(found) = self.maybe(path, None, &written) {
            return found;
        }
        if raw.name.value != base.name.value && !raw.command_written {
            let message = format!("agent '{}' has no command", raw.name.value);
            let help = "name the program: command \"./tools/agent.sh\"";
            self.diags.push(Diag::error("config::missing-value", message).at(&raw.name.span, "").help(help));
        }
        Setting { value: String::new(), origin: self.origin(&raw.name.span) }
    }

    fn price(&mut self, path: &str, raw: &RawAgent) -> Option<Price> {
        let input = self.maybe(&format!("{path} input"), None, &raw.price.input);
        let output = self.maybe(&format!("{path} output"), None, &raw.price.output);
        let cached = self.maybe(&format!("{path} cached"), None, &raw.price.cached);
        let (input, output) = (input?.value, output?.value);
        // Cached input costs what input costs unless a price is named: never less than it may.
        Some(Price { input, output, cached: cached.map_or(input, |c| c.value) })
    }

    fn config_home(&mut self, path: &str, raw: &RawAgent, base: &RawAgent) -> Option<bool> {
        let slot = raw.config_home.as_ref().or(base.config_home.as_ref())?;
        let origin = self.origin(&slot.span);
        self.list(path, quoted(if slot.value { "shared" } else { "private" }), Some(origin));
        if slot.value {
            let message = format!("agent '{}' uses your own configuration home", raw.name.value);
            let help = "what it writes there runs in your next session; remove config-home for a private one";
            self.diags.push(Diag::warning("config::shared-home", message).at(&slot.span, "").help(help));
        }
        Some(slot.value)
    }

    fn agent_audit(&mut self, path: &str, raw: &RawAgent) -> AuditSettings {
        let create_issues = self.optional(&format!("{path} create-issues"), &raw.audit.create_issues);
        self.list_many(&format!("{path} issue-labels"), &raw.audit.issue_labels);
        AuditSettings {
            create_issues,
            issue_labels: raw.audit.issue_labels.clone(),
            ..AuditSettings::default()
        }
    }

    /// A flag, else a variable, else the agent with `default=#true`, else the predeclared one.
    pub(super) fn default_agent(&mut self, agents: &BTreeMap<String, Agent>) -> Option<Setting<String>> {
        let over = self.over_agent();
        if let Some(over) = &over {
            self.known_override(agents, over);
        }
        let user = self.marked_default(&self.layers.user.raw.agents);
        if let (Some(name), None) = (&user, &over) {
            self.known_agent(agents, name);
        }
        let default = self.marked_default(&self.layers.defaults.raw.agents);
        self.layered("default agent", over, &user, &default)
    }

    fn marked_default(&mut self, all: &[RawAgent]) -> Option<Spanned<String>> {
        let is_default = |a: &&RawAgent| a.default.as_ref().is_some_and(|d| d.value);
        let mut marked = all.iter().filter(is_default);
        let first = marked.next()?;
        for second in marked {
            if let (Some(a), Some(b)) = (&first.default, &second.default) {
                self.diags.push(twice("the default agent", &a.span, &b.span));
            }
        }
        Some(Spanned::new(first.name.value.clone(), first.name.span.clone()))
    }

    /// The bindings that are written; `--agent` also takes over the nodes.
    pub(super) fn roles(
        &mut self,
        agents: &BTreeMap<String, Agent>,
        default: &Setting<String>,
    ) -> BTreeMap<Role, Setting<String>> {
        let forced = matches!(default.origin, Origin::Env(_) | Origin::Flag(_));
        let mut all = BTreeMap::new();
        for role in Role::ALL {
            let written = self.layers.user.raw.roles.get(&role).cloned();
            if let Some(name) = &written {
                self.known_agent(agents, name);
            }
            let over = (forced && role == Role::Node).then(|| default.clone());
            let bound = over.or_else(|| self.written(&written));
            let path = format!("roles {}", kebab(role.name()));
            self.list_setting(&path, Some(bound.as_ref().unwrap_or(default)));
            all.extend(bound.map(|s| (role, s)));
        }
        all
    }

    /// Reports a name that is no agent's, or an agent that can't be called.
    pub(super) fn known_agent(&mut self, agents: &BTreeMap<String, Agent>, name: &Spanned<String>) {
        if let Some(diag) = self.unusable(agents, &name.value) {
            self.diags.push(diag.at(&name.span, ""));
        }
    }

    fn known_override(&mut self, agents: &BTreeMap<String, Agent>, over: &Setting<String>) {
        if let Some(mut diag) = self.unusable(agents, &over.value) {
            let from = match &over.origin {
                Origin::Flag(flag) => format!("given by {flag}"),
                other => format!("given by the {other}"),
            };
            diag.message = format!("{} ({from})", diag.message);
            self.diags.push(diag);
        }
    }

    fn unusable(&self, agents: &BTreeMap<String, Agent>, name: &str) -> Option<Diag> {
        match agents.get(name) {
            Some(agent) if agent.command.value.is_empty() && agent.adapter.name() == name => {
                let help = "declare it: agent \"exec\" { command \"./tools/agent.sh\" }";
                Some(
                    Diag::error("config::missing-value", format!("agent '{name}' has no command")).help(help),
                )
            }
            Some(_) => None,
            // It is declared, but with an adapter that is wrong: that is reported there.
            None if self.layers.user.raw.agents.iter().any(|a| a.name.value == name) => None,
            None if self.layers.user.incomplete => None,
            None => {
                let diag = Diag::error("config::unknown-agent", format!("there is no agent '{name}'"));
                let diag = diag.suggest(name, names(agents));
                let known = || names(agents).collect::<Vec<_>>().join(", ");
                Some(if diag.help.is_some() { diag } else { diag.help(format!("known agents: {}", known())) })
            }
        }
    }
}

/// The predeclared agent of the adapter that `raw` names, or whose name it bears.
fn base_of<'a>(raw: &RawAgent, defaults: &'a [RawAgent]) -> Option<&'a RawAgent> {
    match &raw.adapter {
        Some(adapter) => defaults.iter().find(|b| b.name.value == adapter.value.name()),
        None if raw.adapter_written => None,
        None => defaults.iter().find(|b| b.name.value == raw.name.value),
    }
}
