//! Targets: their needs exist and don't form a cycle, their variables are known.

use std::collections::{BTreeSet, HashMap};

use super::super::model::EnvBlock;
use super::super::raw::RawTarget;
use super::super::show::{Show, quoted};
use super::super::steps;
use super::Resolver;
use crate::diag::{Diag, Span};

/// Where each target stands among all of them: looking for each need would take a time that
/// grows with the square.
type Places<'a> = HashMap<&'a str, usize>;

impl Resolver<'_> {
    pub(super) fn targets(&mut self) {
        let all = &self.layers.user.raw.targets.all;
        let places: Places = all.iter().enumerate().map(|(i, t)| (t.target.name.value.as_str(), i)).collect();
        for raw in all {
            self.needs_exist(raw, all, &places);
            self.check_steps(raw);
            self.list_target(raw);
        }
        self.cycles(all, &places);
    }

    fn needs_exist(&mut self, raw: &RawTarget, all: &[RawTarget], places: &Places) {
        let names = || all.iter().map(|t| t.target.name.value.as_str());
        for need in &raw.target.needs {
            if self.layers.user.incomplete || places.contains_key(need.value.as_str()) {
                continue;
            }
            let message =
                format!("target '{}' needs '{}', which is not a target", raw.target.name.value, need.value);
            let diag = Diag::error("config::unknown-target", message).at(&need.span, "unknown");
            let diag = diag.suggest(&need.value, names());
            let diag = if diag.help.is_some() { diag } else { diag.help("declare it, or remove the need") };
            self.diags.push(diag);
        }
    }

    fn check_steps(&mut self, raw: &RawTarget) {
        match &raw.target.steps {
            Some(script) => {
                let known = self.known_variables(raw);
                self.diags.extend(steps::check_target(script, &known));
            }
            None if raw.target.needs.is_empty() && !raw.steps_written => {
                let message = format!("target '{}' does nothing", raw.target.name.value);
                let help = "give it steps or needs";
                self.diags.push(
                    Diag::warning("config::empty-target", message).at(&raw.target.name.span, "").help(help),
                );
            }
            None => {}
        }
    }

    /// What the steps may read beside what they set themselves.
    fn known_variables(&self, raw: &RawTarget) -> BTreeSet<String> {
        let of = |env: &EnvBlock| {
            let passed = env.pass.iter().map(|p| p.value.clone());
            passed.chain(env.set.iter().map(|(n, _)| n.clone())).collect::<Vec<_>>()
        };
        let params = raw.target.params.iter().map(|p| p.name.value.clone());
        params.chain(of(&raw.target.env)).chain(of(&self.layers.user.raw.env)).collect()
    }

    fn list_target(&mut self, raw: &RawTarget) {
        let path = format!("target {}", quoted(&raw.target.name.value));
        let steps = raw.target.steps.as_ref().map(|s| s.text.show());
        let origin = self.origin(&raw.target.name.span);
        self.list(&format!("{path} steps"), steps.unwrap_or_else(|| "not set".to_owned()), Some(origin));
        if !raw.target.needs.is_empty() {
            self.list_many(&format!("{path} needs"), &raw.target.needs);
        }
        self.env(&format!("{path} env"), &[&raw.target.env]);
    }

    /// Reports every cycle once, at the first of its targets, with each need of it.
    fn cycles(&mut self, all: &[RawTarget], places: &Places) {
        let mut walk =
            Walk { all, places, state: vec![State::New; all.len()], path: Vec::new(), found: Vec::new() };
        for start in 0..all.len() {
            walk.from(start);
        }
        for cycle in walk.found {
            self.diags.push(cycle_diag(&cycle));
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    Done,
}

/// One need: whose, of whom, written where.
struct Need<'a> {
    from: &'a str,
    to: &'a str,
    span: &'a Span,
}

/// A depth-first walk with a stack of its own, so that a long chain can't exhaust the
/// program's.
struct Walk<'a> {
    all: &'a [RawTarget],
    places: &'a Places<'a>,
    state: Vec<State>,
    /// Targets under way, each with the number of its needs already followed.
    path: Vec<(usize, usize)>,
    found: Vec<Vec<Need<'a>>>,
}

impl<'a> Walk<'a> {
    fn state(&self, target: usize) -> State {
        self.state.get(target).copied().unwrap_or(State::Done)
    }

    fn set(&mut self, target: usize, state: State) {
        if let Some(slot) = self.state.get_mut(target) {
            *slot = state;
        }
    }

    fn from(&mut self, start: usize) {
        if self.state(start) != State::New {
            return;
        }
        self.enter(start);
        while let Some((target, followed)) = self.path.last_mut() {
            let (target, need) = (*target, *followed);
            *followed += 1;
            let all = self.all;
            match all.get(target).and_then(|t| t.target.needs.get(need)) {
                Some(need) => self.follow(&need.value),
                None => {
                    self.set(target, State::Done);
                    self.path.pop();
                }
            }
        }
    }

    fn enter(&mut self, target: usize) {
        self.set(target, State::Open);
        self.path.push((target, 0));
    }

    fn follow(&mut self, name: &str) {
        let Some(next) = self.places.get(name).copied() else { return };
        match self.state(next) {
            State::New => self.enter(next),
            State::Done => {}
            State::Open => {
                let from = self.path.iter().position(|(t, _)| *t == next).unwrap_or(0);
                let steps = self.path.get(from..).unwrap_or_default();
                let cycle = steps.iter().filter_map(|(target, followed)| self.need(*target, followed - 1));
                let cycle = cycle.collect();
                self.found.push(cycle);
            }
        }
    }

    fn need(&self, target: usize, nth: usize) -> Option<Need<'a>> {
        let target = &self.all.get(target)?.target;
        let need = target.needs.get(nth)?;
        Some(Need { from: &target.name.value, to: &need.value, span: &need.span })
    }
}

fn cycle_diag(cycle: &[Need]) -> Diag {
    let chain: Vec<_> = cycle.iter().map(|n| n.from).chain(cycle.first().map(|n| n.from)).collect();
    let diag = Diag::error("config::need-cycle", format!("targets need each other: {}", chain.join(" → ")));
    let diag = cycle.iter().fold(diag, |d, n| d.at(n.span, format!("'{}' needs '{}'", n.from, n.to)));
    diag.help("remove one of these needs")
}
