//! From words to targets: which are meant, what they need, and the values of their params.

use std::collections::BTreeMap;

use crate::config::{Config, Param, SUBCOMMANDS, Target};
use crate::diag::{Diag, Diags};

/// What was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Names of targets.
    pub names: Vec<String>,
    /// `key=value`.
    pub params: Vec<(String, String)>,
}

impl Request {
    /// Sorts words into names and `key=value`; a target's name has no `=`.
    pub fn read(words: &[String]) -> Request {
        let mut request = Request::default();
        for word in words {
            match word.split_once('=') {
                Some((key, value)) => request.params.push((key.to_owned(), value.to_owned())),
                None => request.names.push(word.clone()),
            }
        }
        request
    }
}

/// A target that is to run.
#[derive(Debug, Clone)]
pub struct Chosen<'a> {
    /// As declared.
    pub target: &'a Target,
    /// Every param with its value.
    pub params: BTreeMap<String, String>,
    /// Places of its needs in the list that it stands in, all of them before it.
    pub needs: Vec<usize>,
    /// It was named, not only needed.
    pub named: bool,
}

/// The named targets and all that they need, needs first, otherwise in the order of the
/// command line. A `key=value` goes to every one of them that declares the param.
///
/// # Errors
/// Everything that is wrong with the request.
pub fn select<'a>(config: &'a Config, request: &Request) -> Result<Vec<Chosen<'a>>, Diags> {
    let mut diags = Diags::new();
    let mut walk = Walk::new(&config.targets);
    for name in &request.names {
        match config.targets.iter().find(|t| t.name.value == *name) {
            Some(target) => walk.add(target),
            None => diags.push(unknown(config, name)),
        }
    }
    if diags.has_errors() {
        return Err(diags);
    }
    let mut chosen = walk.done;
    for one in &mut chosen {
        one.named = request.names.contains(&one.target.name.value);
    }
    assign(&mut chosen, request, &mut diags);
    if diags.has_errors() { Err(diags) } else { Ok(chosen) }
}

fn unknown(config: &Config, name: &str) -> Diag {
    let known = config.targets.iter().map(|t| t.name.value.as_str());
    let known = known.filter(|n| !n.starts_with('_')).chain(SUBCOMMANDS);
    let message = format!("there is no target or subcommand '{name}'");
    let diag = Diag::error("target::unknown", message).suggest(name, known);
    if diag.help.is_some() { diag } else { diag.help("auditrun list shows the targets") }
}

/// A walk over needs with a stack of its own: a long chain must not exhaust the program's.
struct Walk<'a> {
    by_name: BTreeMap<&'a str, &'a Target>,
    at: BTreeMap<&'a str, usize>,
    done: Vec<Chosen<'a>>,
}

impl<'a> Walk<'a> {
    fn new(all: &'a [Target]) -> Walk<'a> {
        let by_name = all.iter().map(|t| (t.name.value.as_str(), t)).collect();
        Walk { by_name, at: BTreeMap::new(), done: Vec::new() }
    }

    /// The configuration has made sure that there is no cycle.
    fn add(&mut self, target: &'a Target) {
        let mut path = vec![(target, 0)];
        while let Some((target, next)) = path.last_mut() {
            let (current, nth) = (*target, *next);
            *next += 1;
            match current.needs.get(nth) {
                Some(need) => {
                    let needed = self.by_name.get(need.value.as_str()).copied();
                    path.extend(needed.filter(|t| !self.at.contains_key(&*t.name.value)).map(|t| (t, 0)));
                }
                None => {
                    self.finish(current);
                    path.pop();
                }
            }
        }
    }

    fn finish(&mut self, target: &'a Target) {
        if self.at.contains_key(target.name.value.as_str()) {
            return;
        }
        let mut needs: Vec<usize> =
            target.needs.iter().filter_map(|n| self.at.get(n.value.as_str()).copied()).collect();
        needs.sort_unstable();
        needs.dedup();
        self.at.insert(&target.name.value, self.done.len());
        self.done.push(Chosen { target, params: BTreeMap::new(), needs, named: false });
    }
}

fn assign(chosen: &mut [Chosen], request: &Request, diags: &mut Diags) {
    let mut given: BTreeMap<&str, &str> = BTreeMap::new();
    for (key, value) in &request.params {
        let declared = chosen.iter().any(|c| c.target.params.iter().any(|p| p.name.value == *key));
        if !declared {
            diags.push(unknown_param(chosen, key));
        } else if given.insert(key, value).is_some() {
            let message = format!("the param '{key}' is given twice");
            diags.push(Diag::error("target::param-twice", message).help("give it once"));
        }
    }
    for one in chosen {
        for param in &one.target.params {
            let value = given.get(param.name.value.as_str()).copied();
            match checked(one.target, param, value) {
                Ok(value) => _ = one.params.insert(param.name.value.clone(), value),
                Err(diag) => diags.push(*diag),
            }
        }
    }
}

fn unknown_param(chosen: &[Chosen], key: &str) -> Diag {
    let params = chosen.iter().flat_map(|c| &c.target.params).map(|p| p.name.value.as_str());
    let known: Vec<&str> = params.collect();
    let diag = Diag::error("target::unknown-param", format!("no target that runs has a param '{key}'"));
    let diag = diag.suggest(key, known.iter().copied());
    match (&diag.help, known.is_empty()) {
        (Some(_), _) => diag,
        (None, true) => diag.help("none of them takes params"),
        (None, false) => diag.help(format!("they take: {}", known.join(", "))),
    }
}

fn checked(target: &Target, param: &Param, given: Option<&str>) -> Result<String, Box<Diag>> {
    let name = &param.name.value;
    let Some(value) = given.or(param.default.as_ref().map(|d| d.value.as_str())) else {
        let message = format!("target '{}' needs a value for its param '{name}'", target.name.value);
        let diag = Diag::error("target::missing-param", message).at(&param.name.span, "has no default");
        return Err(Box::new(diag.help(format!("give it: auditrun {} {name}=…", target.name.value))));
    };
    let choices: Vec<&str> = param.choices.iter().map(|c| c.value.as_str()).collect();
    if !choices.is_empty() && !choices.contains(&value) {
        let message = format!("'{value}' is not a choice of the param '{name}'");
        let diag = Diag::error("target::bad-choice", message).at(&param.name.span, "declared here");
        return Err(Box::new(diag.help(format!("take one of: {}", choices.join(", ")))));
    }
    Ok(value.to_owned())
}
