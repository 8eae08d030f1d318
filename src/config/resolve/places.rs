//! `hotspots`, `worktree`, `sandbox`, `invariant`, `node`, `recipe`.

use std::collections::BTreeMap;

use super::super::model::{
    Agent, Hotspot, InvariantChecks, NodeOverride, SandboxSettings, Script, WorktreeSettings,
};
use super::super::show::Show;
use super::super::steps;
use super::Resolver;
use crate::base::Id;
use crate::diag::Diag;

impl Resolver<'_> {
    pub(super) fn hotspots(&mut self) -> Vec<Hotspot> {
        let all = &self.layers.user.raw.hotspots;
        for hotspot in all {
            let patterns: Vec<_> = hotspot.patterns.iter().map(|p| p.value.show()).collect();
            let origin = self.origin(&hotspot.name.span);
            self.list(&format!("hotspots {}", hotspot.name.value.show()), patterns.join(" "), Some(origin));
        }
        if all.is_empty() {
            self.list_unset("hotspots");
        }
        all.iter().map(|h| Hotspot { name: h.name.value.clone(), patterns: h.patterns.clone() }).collect()
    }

    pub(super) fn invariants(&mut self) -> BTreeMap<Id, InvariantChecks> {
        let mut all = BTreeMap::new();
        for raw in &self.layers.user.raw.invariants {
            let Some(id) = &raw.id else { continue };
            self.list_many(&format!("invariant {id:?} check", id = id.value), &raw.checks);
            self.optional(&format!("invariant {id:?} timeout", id = id.value), &raw.timeout);
            all.insert(id.value.clone(), raw.clone());
        }
        all
    }

    pub(super) fn worktree(&mut self) -> Option<WorktreeSettings> {
        let (user, default) = (&self.layers.user.raw.worktree, &self.layers.defaults.raw.worktree);
        let root = self.optional("worktree root", &user.root);
        self.list_many("worktree copy", &user.copy);
        self.list_many("worktree link", &user.link);
        self.list_many("worktree keep", &user.keep);
        self.list_many("worktree setup", &user.setup);
        self.list_many("worktree provides", &user.provides);
        let reuse = self.setting("worktree reuse", &user.reuse, &default.reuse)?.value;
        Some(WorktreeSettings {
            root,
            copy: user.copy.clone(),
            link: user.link.clone(),
            keep: user.keep.clone(),
            setup: user.setup.clone(),
            provides: user.provides.clone(),
            reuse,
        })
    }

    /// A written `hide` replaces the default list: it says all that is to be hidden.
    pub(super) fn sandbox(&mut self) -> Option<SandboxSettings> {
        let (user, default) = (&self.layers.user.raw.sandbox, &self.layers.defaults.raw.sandbox);
        let mode = self.setting("sandbox", &user.mode, &default.mode)?;
        let hide = if user.hide.is_empty() { default.hide.clone() } else { user.hide.clone() };
        self.list_many("sandbox write", &user.write);
        self.list_many("sandbox hide", &hide);
        let network = self.setting("sandbox network", &user.network, &default.network)?;
        Some(SandboxSettings { mode, write: user.write.clone(), hide, network })
    }

    pub(super) fn nodes(&mut self, agents: &BTreeMap<String, Agent>) -> BTreeMap<Id, NodeOverride> {
        let mut all = BTreeMap::new();
        for raw in &self.layers.user.raw.nodes {
            let Some(id) = &raw.id else { continue };
            if let Some(agent) = &raw.agent {
                self.known_agent(agents, agent);
            }
            self.list_node(&format!("node {:?}", id.value), raw);
            all.insert(id.value.clone(), raw.clone());
        }
        all
    }

    /// Only what is written: for the rest the layers below decide, node by node.
    fn list_node(&mut self, path: &str, node: &NodeOverride) {
        let mut cells: Vec<(&str, Option<(String, crate::diag::Span)>)> = Vec::new();
        macro_rules! cell {
            ($name:literal, $field:ident) => {
                cells.push(($name, node.$field.as_ref().map(|s| (s.value.show(), s.span.clone()))));
            };
        }
        cell!("agent", agent);
        cell!("estimated-loc", estimated_loc);
        cell!("expected-signal", expected_signal);
        cell!("loc-confidence", loc_confidence);
        cell!("parallel-safe", parallel_safe);
        cell!("retries", retries);
        cell!("timeout", timeout);
        for (name, cell) in cells {
            if let Some((value, span)) = cell {
                let origin = self.origin(&span);
                self.list(&format!("{path} {name}"), value, Some(origin));
            }
        }
        self.env(&format!("{path} env"), &[&node.env]);
    }

    pub(super) fn recipe(&mut self) -> Option<Script> {
        let (user, default) = (&self.layers.user.raw.recipe, &self.layers.defaults.raw.recipe);
        let Some(raw) = user.as_ref().or(default.as_ref()) else {
            let message = "the built-in defaults lack the recipe";
            self.diags
                .push(Diag::error("config::incomplete-defaults", message).help("this is a bug: report it"));
            return None;
        };
        self.diags.extend(steps::check_recipe(raw));
        let origin = self.origin(&raw.span);
        self.list("recipe \"node\" steps", raw.text.show(), Some(origin));
        Some(raw.clone())
    }
}
