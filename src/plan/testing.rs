//! Builds bundles and configurations for tests, with the text that their spans point into.

use std::collections::BTreeMap;

use super::{Plan, make};
use crate::base::{Id, Layout, Pattern};
use crate::bundle::{Bundle, Check, CheckScope, DeltaItem, Invariant, Node, Prompt, State};
use crate::config::{self, Config, ExpectedSignal, Flags, LoadInput, LocConfidence};
use crate::diag::{Diags, Format, Source, Span, Spanned, render};

/// What a test says of a node.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) id: String,
    pub(crate) deliverable: String,
    pub(crate) touches: Vec<String>,
    pub(crate) deps: Vec<String>,
    pub(crate) hot: Vec<String>,
    pub(crate) safe: Option<bool>,
    pub(crate) est: u64,
    pub(crate) confidence: Option<LocConfidence>,
    pub(crate) signal: Option<ExpectedSignal>,
    pub(crate) agent: Option<String>,
    pub(crate) checks: Vec<String>,
    pub(crate) cites: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
}

/// A node `id` that adds `<id>.out`, may run beside others and has no dependencies.
pub(crate) fn node(id: &str) -> Spec {
    Spec {
        id: id.to_owned(),
        deliverable: format!("add {id}"),
        touches: vec![format!("{id}.out")],
        deps: Vec::new(),
        hot: Vec::new(),
        safe: Some(true),
        est: 10,
        confidence: None,
        signal: None,
        agent: None,
        checks: vec!["true".to_owned()],
        cites: Vec::new(),
        env: Vec::new(),
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|t| (*t).to_owned()).collect()
}

impl Spec {
    pub(crate) fn touches(mut self, patterns: &[&str]) -> Spec {
        self.touches = owned(patterns);
        self
    }
    pub(crate) fn deps(mut self, ids: &[&str]) -> Spec {
        self.deps = owned(ids);
        self
    }
    pub(crate) fn hot(mut self, patterns: &[&str]) -> Spec {
        self.hot = owned(patterns);
        self
    }
    pub(crate) fn alone(mut self) -> Spec {
        self.safe = Some(false);
        self
    }
    pub(crate) fn est(mut self, lines: u64) -> Spec {
        self.est = lines;
        self
    }
    pub(crate) fn deliverable(mut self, text: &str) -> Spec {
        self.deliverable = text.to_owned();
        self
    }
    pub(crate) fn signal(mut self, signal: ExpectedSignal) -> Spec {
        self.signal = Some(signal);
        self
    }
    pub(crate) fn confidence(mut self, confidence: LocConfidence) -> Spec {
        self.confidence = Some(confidence);
        self
    }
    pub(crate) fn agent(mut self, name: &str) -> Spec {
        self.agent = Some(name.to_owned());
        self
    }
    pub(crate) fn checks(mut self, commands: &[&str]) -> Spec {
        self.checks = owned(commands);
        self
    }
    pub(crate) fn cites(mut self, ids: &[&str]) -> Spec {
        self.cites = owned(ids);
        self
    }
    pub(crate) fn env(mut self, name: &str, value: &str) -> Spec {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Writes a text and remembers where each piece of it stands.
#[derive(Default)]
struct Writer {
    text: String,
    at: Vec<(usize, usize)>,
}

impl Writer {
    fn plain(&mut self, text: &str) -> &mut Writer {
        self.text.push_str(text);
        self
    }
    fn marked(&mut self, text: &str) -> &mut Writer {
        self.at.push((self.text.len(), text.len()));
        self.plain(text)
    }
    fn list(&mut self, key: &str, items: &[String]) {
        if items.is_empty() {
            return;
        }
        self.plain("- ").plain(key).plain(": ");
        for (i, item) in items.iter().enumerate() {
            self.plain(if i == 0 { "" } else { ", " }).marked(item);
        }
        self.plain("\n");
    }
}

fn write(specs: &[Spec]) -> Writer {
    let mut w = Writer::default();
    w.plain("# Graph\n");
    for s in specs {
        w.plain("\n### ").marked(&s.id).plain(": ").marked(&s.deliverable).plain("\n");
        w.list("touches", &s.touches);
        w.list("depends_on", &s.deps);
        w.list("hotspot_files", &s.hot);
        w.plain("- estimated_loc: ").marked(&s.est.to_string()).plain("\n");
        w.list("parallel_safe", &s.safe.iter().map(bool::to_string).collect::<Vec<_>>());
        w.list("loc_confidence", &s.confidence.iter().map(|c| format!("{c:?}")).collect::<Vec<_>>());
        w.list("expected_signal", &s.signal.iter().map(|c| format!("{c:?}")).collect::<Vec<_>>());
        w.list("agent", s.agent.as_slice());
        w.list("done_when", &s.checks);
        w.list("invariants", &s.cites);
        w.list("env", &s.env.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>());
    }
    w
}

/// The bundle of `specs`, each node closing a delta of its own, with the invariants
/// `(id, checks)`; one without checks is advisory if its id begins with `ADV`.
pub(crate) fn bundle_with(specs: &[Spec], invariants: &[(&str, &[&str])]) -> Bundle {
    let w = write(specs);
    let graph = Source::new("docs/audit/graph.md", w.text);
    let mut at = w.at.into_iter().map(|(offset, len)| graph.span(offset, len));
    let mut next = || at.next().unwrap();
    let nodes = specs.iter().map(|s| built(s, &mut next)).collect();
    Bundle { dir: "docs/audit".to_owned(), state: state(specs, invariants), graph, nodes }
}

pub(crate) fn bundle(specs: &[Spec]) -> Bundle {
    bundle_with(specs, &[])
}

fn built(s: &Spec, next: &mut dyn FnMut() -> Span) -> Node {
    let id = Spanned::new(id(&s.id), next());
    let deliverable = Spanned::new(s.deliverable.clone(), next());
    let mut patterns = |texts: &[String]| -> Vec<Spanned<Pattern>> {
        texts.iter().map(|t| Spanned::new(Pattern::parse(t).unwrap(), next())).collect()
    };
    let touches = patterns(&s.touches);
    let depends_on = s.deps.iter().map(|d| Spanned::new(self::id(d), next())).collect();
    let hotspot_files = s.hot.iter().map(|t| Spanned::new(Pattern::parse(t).unwrap(), next())).collect();
    let prompt = Source::new(format!("docs/audit/prompts/{}.md", s.id), "Do it.\n");
    Node {
        span: id.span.clone(),
        deliverable,
        touches,
        depends_on,
        hotspot_files,
        estimated_loc: Spanned::new(s.est, next()),
        parallel_safe: s.safe.map(|v| Spanned::new(v, next())),
        loc_confidence: s.confidence.map(|v| Spanned::new(v, next())),
        expected_signal: s.signal.map(|v| Spanned::new(v, next())),
        agent: s.agent.clone().map(|v| Spanned::new(v, next())),
        done_when: s.checks.iter().map(|c| check(c, next())).collect(),
        invariants: s.cites.iter().map(|c| Spanned::new(self::id(c), next())).collect(),
        env: s.env.iter().map(|(k, v)| (k.clone(), Spanned::new(v.clone(), next()))).collect(),
        closes: vec![Spanned::new(self::id(&format!("D-{}", s.id)), id.span.clone())],
        timeout: None,
        retries: None,
        id,
        prompt: Prompt {
            bytes: prompt.text().as_bytes().to_vec(),
            success: Spanned::new("It stands.".to_owned(), prompt.span(0, 2)),
            failure_modes: Spanned::new("It falls.".to_owned(), prompt.span(3, 3)),
            source: prompt,
        },
    }
}

fn state(specs: &[Spec], invariants: &[(&str, &[&str])]) -> State {
    let mut text = String::from("## Invariants\n");
    let mut marks = Vec::new();
    for (id, checks) in invariants {
        marks.push((text.len() + 4, id.len()));
        text.push_str(&format!("- **{id}**: holds\n"));
        checks.iter().for_each(|c| text.push_str(&format!("  - check: `{c}`\n")));
    }
    text.push_str("\n## Delta to done\n");
    let source = Source::new("docs/audit/state.md", text);
    let whole = source.span(0, 2);
    let invariants = invariants.iter().zip(marks).map(|((name, checks), (offset, len))| Invariant {
        id: Spanned::new(id(name), source.span(offset, len)),
        text: Spanned::new("holds".to_owned(), whole.clone()),
        checks: checks.iter().map(|c| check(c, whole.clone())).collect(),
        advisory: name.starts_with("ADV"),
        timeout: None,
    });
    State {
        bom: false,
        invariants: invariants.collect(),
        open_questions: Vec::new(),
        resolved_questions: Vec::new(),
        delta_to_done: specs
            .iter()
            .map(|s| DeltaItem {
                id: Spanned::new(id(&format!("D-{}", s.id)), whole.clone()),
                text: Spanned::new(format!("do {}", s.id), whole.clone()),
            })
            .collect(),
        sections: BTreeMap::new(),
        source,
    }
}

pub(crate) fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn check(command: &str, span: Span) -> Check {
    Check {
        command: Spanned::new(command.to_owned(), span),
        scope: CheckScope::Worktree,
        name: None,
        timeout: None,
    }
}

/// A span over `text` in an audit.kdl of that text alone.
pub(crate) fn written(text: &str) -> Span {
    Source::new("audit.kdl", format!("{text}\n")).span(0, text.len())
}

/// The built-in defaults.
pub(crate) fn config() -> Config {
    let read = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let input = LoadInput { file: None, read: &read, env: &BTreeMap::new(), flags: &Flags::default() };
    config::load(&input).unwrap_or_else(|d| panic!("{}", shown(&d))).0
}

pub(crate) fn layout() -> Layout {
    Layout::new("docs/audit", "docs/audit")
}

pub(crate) fn plan(specs: &[Spec]) -> Plan {
    planned(bundle(specs), &config()).0
}

pub(crate) fn planned(bundle: Bundle, config: &Config) -> (Plan, Diags) {
    make(bundle, config, &layout()).unwrap_or_else(|d| panic!("{}", shown(&d)))
}

pub(crate) fn shown(diags: &Diags) -> String {
    render(diags, Format::Text { color: false, width: 120 })
}

/// The ids of `nodes`, separated by blanks.
pub(crate) fn ids(plan: &Plan, nodes: &[usize]) -> String {
    let all: Vec<&str> = nodes.iter().map(|i| plan.nodes[*i].node.id.as_str()).collect();
    all.join(" ")
}

/// The tiers, one text for each.
pub(crate) fn tiers(plan: &Plan) -> Vec<String> {
    plan.tiers.iter().map(|t| ids(plan, t)).collect()
}
