//! Bundles and scripted agents, said in the words of the thing.

/// How graph.md is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    #[default]
    Headings,
    Table,
    Yaml,
}

/// A node, its prompt, and what its agent does.
#[derive(Debug, Clone)]
pub struct Node {
    pub(super) id: String,
    deliverable: String,
    touches: Vec<String>,
    after: Vec<String>,
    alone: bool,
    estimate: u64,
    confidence: Option<String>,
    may_be_empty: bool,
    hotspots: Vec<String>,
    closes: Vec<String>,
    cites: Vec<String>,
    done_when: Vec<String>,
    /// Attempt (0: every one without a script of its own) and script.
    pub(super) scripts: Vec<(u32, String)>,
}

impl Node {
    /// A node that may run beside others, touches `<id>.out`, closes `D-<id>` and expects 10 lines.
    pub fn named(id: &str) -> Node {
        Node {
            id: id.to_owned(),
            deliverable: format!("add {id}"),
            touches: Vec::new(),
            after: Vec::new(),
            alone: false,
            estimate: 10,
            confidence: None,
            may_be_empty: false,
            hotspots: Vec::new(),
            closes: vec![format!("D-{id}")],
            cites: Vec::new(),
            done_when: Vec::new(),
            scripts: Vec::new(),
        }
    }

    pub fn delivers(mut self, what: &str) -> Node {
        self.deliverable = what.to_owned();
        self
    }

    /// One more path or pattern.
    pub fn touches(mut self, pattern: &str) -> Node {
        self.touches.push(pattern.to_owned());
        self
    }

    /// One more dependency.
    pub fn after(mut self, id: &str) -> Node {
        self.after.push(id.to_owned());
        self
    }

    /// `parallel_safe: false`
    pub fn alone(mut self) -> Node {
        self.alone = true;
        self
    }

    /// `estimated_loc`
    pub fn expects_lines(mut self, estimate: u64) -> Node {
        self.estimate = estimate;
        self
    }

    /// `loc_confidence`
    pub fn with_confidence(mut self, confidence: &str) -> Node {
        self.confidence = Some(confidence.to_owned());
        self
    }

    /// `expected_signal: allow_empty`
    pub fn may_be_empty(mut self) -> Node {
        self.may_be_empty = true;
        self
    }

    /// One more hotspot.
    pub fn shares(mut self, pattern: &str) -> Node {
        self.hotspots.push(pattern.to_owned());
        self
    }

    /// Closes this instead of `D-<id>`.
    pub fn closes(mut self, delta: &str) -> Node {
        self.closes = vec![delta.to_owned()];
        self
    }

    /// One more invariant that the prompt cites.
    pub fn cites(mut self, invariant: &str) -> Node {
        self.cites.push(invariant.to_owned());
        self
    }

    /// One more check; without any, `true`.
    pub fn done_when(mut self, command: &str) -> Node {
        self.done_when.push(command.to_owned());
        self
    }

    /// The agent's shell script, in the worktree.
    pub fn does(self, script: &str) -> Node {
        self.does_at(0, script)
    }

    /// The agent's script at one attempt: 1, 2 or 3.
    pub fn does_at(mut self, attempt: u32, script: &str) -> Node {
        self.scripts.push((attempt, script.to_owned()));
        self
    }

    fn patterns(&self) -> Vec<String> {
        if self.touches.is_empty() { vec![format!("{}.out", self.id)] } else { self.touches.clone() }
    }

    /// Attribute and value, as every form writes them; a list is a list.
    fn attributes(&self) -> Vec<(&'static str, Vec<String>)> {
        let one = |text: &str| vec![text.to_owned()];
        vec![
            ("touches", self.patterns()),
            ("depends_on", self.after.clone()),
            ("parallel_safe", one(if self.alone { "false" } else { "true" })),
            ("estimated_loc", one(&self.estimate.to_string())),
            ("loc_confidence", self.confidence.iter().cloned().collect()),
            ("expected_signal", if self.may_be_empty { one("allow_empty") } else { Vec::new() }),
            ("hotspot_files", self.hotspots.clone()),
            ("closes", self.closes.clone()),
        ]
    }

    fn prompt(&self) -> String {
        let id = &self.id;
        let checks = if self.done_when.is_empty() { vec!["true".to_owned()] } else { self.done_when.clone() };
        let checks: String = checks.iter().map(|c| format!("<check>{c}</check>\n")).collect();
        let cited = match self.cites.join(" ") {
            cited if cited.is_empty() => String::new(),
            cited => format!("<constraints>{cited}</constraints>\n"),
        };
        format!(
            "# {id}\n<scope_envelope><success>{id} is there.</success><failure_modes>Anything else \
             changes.</failure_modes></scope_envelope>\n{cited}<done_when>\n{checks}</done_when>\n"
        )
    }
}

/// A bundle in `docs/audit` and the scripts of its agents.
#[derive(Debug, Clone, Default)]
pub struct Bundle {
    pub(super) nodes: Vec<Node>,
    /// Role and script.
    pub(super) roles: Vec<(String, String)>,
    pub(super) settings: String,
    invariants: Vec<(String, Vec<String>)>,
    questions: Vec<(String, String, String)>,
    deltas: Vec<String>,
    form: Form,
}

impl Bundle {
    pub fn new() -> Bundle {
        Bundle::default()
    }

    pub fn node(mut self, node: Node) -> Bundle {
        self.nodes.push(node);
        self
    }

    pub fn written_as(mut self, form: Form) -> Bundle {
        self.form = form;
        self
    }

    /// An invariant with its commands.
    pub fn invariant(mut self, id: &str, checks: &[&str]) -> Bundle {
        self.invariants.push((id.to_owned(), checks.iter().map(|c| (*c).to_owned()).collect()));
        self
    }

    /// An open question with the files that it cites.
    pub fn question(mut self, id: &str, text: &str, files: &str) -> Bundle {
        self.questions.push((id.to_owned(), text.to_owned(), files.to_owned()));
        self
    }

    /// A delta item beside those that the nodes close.
    pub fn delta(mut self, id: &str) -> Bundle {
        self.deltas.push(id.to_owned());
        self
    }

    /// What the agent does in a role that is not `node`. The arbiter finds no contradiction
    /// unless a script says otherwise.
    pub fn role(mut self, role: &str, script: &str) -> Bundle {
        self.roles.push((role.to_owned(), script.to_owned()));
        self
    }

    /// More of audit.kdl.
    pub fn settings(mut self, kdl: &str) -> Bundle {
        self.settings.push_str(kdl);
        self.settings.push('\n');
        self
    }

    /// Path and text of each file below the bundle's directory.
    pub(super) fn files(&self) -> Vec<(String, String)> {
        let mut files = vec![("state.md".to_owned(), self.state()), ("graph.md".to_owned(), self.graph())];
        files.extend(self.nodes.iter().map(|n| (format!("prompts/{}.md", n.id), n.prompt())));
        files
    }

    fn state(&self) -> String {
        let mut text = "# State\n\n## Architecture\n\nA test.\n\n## Invariants\n\n".to_owned();
        for (id, checks) in &self.invariants {
            text.push_str(&format!("- **{id}**: holds\n"));
            text.extend(checks.iter().map(|c| format!("  - check: `{c}`\n")));
        }
        text.push_str("\n## Open questions\n\n");
        for (id, question, files) in &self.questions {
            text.push_str(&format!("- **{id}**: {question}\n  - files: {files}\n"));
        }
        text.push_str("\n## Delta to done\n\n");
        let mut deltas: Vec<&String> =
            self.nodes.iter().flat_map(|n| &n.closes).chain(&self.deltas).collect();
        deltas.sort();
        deltas.dedup();
        text.extend(deltas.into_iter().map(|d| format!("- **{d}**: do {d}\n")));
        text
    }

    fn graph(&self) -> String {
        let nodes = self.nodes.iter();
        match self.form {
            Form::Headings => "# Graph\n\n".to_owned() + &nodes.map(heading).collect::<String>(),
            Form::Table => table(&self.nodes),
            Form::Yaml => {
                format!("# Graph\n\n```yaml\nnodes:\n{}```\n", nodes.map(mapping).collect::<String>())
            }
        }
    }
}

fn heading(node: &Node) -> String {
    let mut text = format!("### {}: {}\n", node.id, node.deliverable);
    for (name, values) in node.attributes().into_iter().filter(|(_, values)| !values.is_empty()) {
        let values: Vec<String> = values.into_iter().map(|v| format!("`{v}`")).collect();
        text.push_str(&format!("- {name}: {}\n", values.join(", ")));
    }
    text + "\n"
}

fn table(nodes: &[Node]) -> String {
    let names: Vec<&str> = Node::named("x").attributes().into_iter().map(|(name, _)| name).collect();
    let mut text = format!(
        "# Graph\n\n| id | deliverable | {} |\n|{}\n",
        names.join(" | "),
        "---|".repeat(names.len() + 2)
    );
    for node in nodes {
        let cells: Vec<String> = node.attributes().into_iter().map(|(_, values)| values.join(", ")).collect();
        text.push_str(&format!("| {} | {} | {} |\n", node.id, node.deliverable, cells.join(" | ")));
    }
    text
}

fn mapping(node: &Node) -> String {
    let mut text = format!("  - id: {}\n    deliverable: {:?}\n", node.id, node.deliverable);
    for (name, values) in node.attributes().into_iter().filter(|(_, values)| !values.is_empty()) {
        let is_list = matches!(name, "touches" | "depends_on" | "hotspot_files" | "closes");
        let value = if is_list { format!("{values:?}") } else { values.concat() };
        text.push_str(&format!("    {name}: {value}\n"));
    }
    text
}
