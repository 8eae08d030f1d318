//! The bundle of a [`World`]: its nodes, and how they are written down.

use super::{BUNDLE, World, program, strings, write};

/// One node of graph.md with its prompt and its agent.
pub struct Node {
    pub id: String,
    deliverable: String,
    touches: Vec<String>,
    deps: Vec<String>,
    parallel_safe: bool,
    est: u64,
    attributes: Vec<String>,
    checks: Vec<String>,
    cites: Vec<String>,
    closes: Vec<String>,
    prompt_end: String,
    /// The script of all attempts, then those of single ones.
    scripts: Vec<(Option<u32>, String)>,
}

impl Node {
    pub(super) fn new(id: &str) -> Node {
        Node {
            id: id.to_owned(),
            deliverable: format!("add {id}"),
            touches: vec![format!("{id}.out")],
            deps: Vec::new(),
            parallel_safe: true,
            est: 10,
            attributes: Vec::new(),
            checks: strings(&["true"]),
            cites: Vec::new(),
            closes: vec![format!("D-{id}")],
            prompt_end: String::new(),
            scripts: vec![(None, "true".to_owned())],
        }
    }

    /// What the agent does, by `sh` with `set -e`, in every attempt that has no script of its own.
    pub fn agent(&mut self, script: &str) -> &mut Node {
        self.scripts.push((None, script.to_owned()));
        self
    }

    pub fn attempt(&mut self, n: u32, script: &str) -> &mut Node {
        self.scripts.push((Some(n), script.to_owned()));
        self
    }

    pub fn touches(&mut self, patterns: &[&str]) -> &mut Node {
        self.touches = strings(patterns);
        self
    }

    pub fn checks(&mut self, commands: &[&str]) -> &mut Node {
        self.checks = strings(commands);
        self
    }

    pub fn est(&mut self, lines: u64) -> &mut Node {
        self.est = lines;
        self
    }

    pub fn deps(&mut self, ids: &[&str]) -> &mut Node {
        self.deps = strings(ids);
        self
    }

    pub fn alone(&mut self) -> &mut Node {
        self.parallel_safe = false;
        self
    }

    pub fn cites(&mut self, ids: &[&str]) -> &mut Node {
        self.cites = strings(ids);
        self
    }

    pub fn closes(&mut self, ids: &[&str]) -> &mut Node {
        self.closes = strings(ids);
        self
    }

    pub fn deliverable(&mut self, text: &str) -> &mut Node {
        self.deliverable = text.to_owned();
        self
    }

    /// A further `key: value` item of graph.md.
    pub fn with(&mut self, key: &str, value: &str) -> &mut Node {
        self.attributes.push(format!("- {key}: {value}\n"));
        self
    }

    /// Text at the end of the prompt.
    pub fn prompt(&mut self, text: &str) -> &mut Node {
        self.prompt_end = text.to_owned();
        self
    }

    fn heading(&self) -> String {
        let touches: Vec<String> = self.touches.iter().map(|t| format!("`{t}`")).collect();
        let mut text = format!("### {}: {}\n", self.id, self.deliverable);
        if !touches.is_empty() {
            text += &format!("- touches: {}\n", touches.join(", "));
        }
        if !self.deps.is_empty() {
            text += &format!("- depends_on: {}\n", self.deps.join(", "));
        }
        text += &format!("- parallel_safe: {}\n- estimated_loc: {}\n", self.parallel_safe, self.est);
        if !self.closes.is_empty() {
            text += &format!("- closes: {}\n", self.closes.join(", "));
        }
        text + &self.attributes.concat() + "\n"
    }

    fn prompt_text(&self) -> String {
        let checks: String = self.checks.iter().map(|c| format!("<check>{c}</check>\n")).collect();
        let cited = if self.cites.is_empty() {
            String::new()
        } else {
            format!("<constraints>{}</constraints>\n", self.cites.join(" "))
        };
        format!(
            "# {0}\n<scope_envelope><success>{0} is there.</success>\
             <failure_modes>Anything else changes.</failure_modes></scope_envelope>\n\
             {cited}<done_when>\n{checks}</done_when>\n{1}",
            self.id, self.prompt_end
        )
    }
}

impl World {
    /// Writes audit.kdl, the bundle and the agents' scripts.
    pub fn write_bundle(&self) {
        self.write_agents();
        let text = |path: String, text: String| self.write(&path, text.replace('\n', self.eol));
        text(format!("{BUNDLE}/state.md"), self.state());
        let graph: String = self.nodes.iter().map(Node::heading).collect();
        text(format!("{BUNDLE}/graph.md"), format!("# Graph\n\n{graph}"));
        for node in &self.nodes {
            text(format!("{BUNDLE}/prompts/{}.md", node.id), node.prompt_text());
        }
        let agent = self.agents.join("agent.sh");
        // Scripts leave signs for the test beside themselves.
        let grant = format!("sandbox \"auto\" {{ write \"{}\" }}\n", self.agents.display());
        let grant = if self.kdl.contains("sandbox ") { "" } else { &grant };
        let kdl = format!(
            "bundle \"{BUNDLE}\"\nagent \"fake\" adapter=\"exec\" default=#true {{\n    command \"{}\"\n{}\n}}\n{grant}{}\n",
            agent.display(),
            self.agent_kdl,
            self.kdl
        );
        self.write("audit.kdl", kdl);
    }

    fn write_agents(&self) {
        let dir = self.agents.display();
        let body = format!(
            "#!/bin/sh\ncat >/dev/null\nrole=${{AUDITRUN_ROLE:-node}}\n\
             if [ \"$role\" != node ]; then [ -f {dir}/$role.sh ] || exit 1; exec sh {dir}/$role.sh; fi\n\
             one={dir}/$AUDITRUN_NODE_ID.$AUDITRUN_ATTEMPT.sh\n\
             [ -f $one ] && exec sh $one\nexec sh {dir}/$AUDITRUN_NODE_ID.sh\n"
        );
        program(&self.agents, "agent.sh", body);
        if !self.agents.join("arbiter.sh").exists() {
            self.role("arbiter", "echo '{\"contradicts\": [], \"why\": \"none\"}'\n");
        }
        for node in &self.nodes {
            for (attempt, script) in &node.scripts {
                let name = attempt.map_or(String::new(), |n| format!(".{n}"));
                write(&self.agents, &format!("{}{name}.sh", node.id), format!("set -e\n{script}\n"));
            }
        }
    }

    fn state(&self) -> String {
        let mut text = "# State\n\n## Architecture\nA test.\n\n## Invariants\n".to_owned();
        for (id, checks) in &self.invariants {
            text += &format!("- **{id}**: holds\n");
            checks.iter().for_each(|c| text += &format!("  - check: `{c}`\n"));
        }
        text += "\n## Open questions\n";
        for (id, question, files) in &self.questions {
            text += &format!("- **{id}**: {question}\n  - files: {files}\n");
        }
        text += "\n## Delta to done\n";
        let mut deltas: Vec<&String> = self.nodes.iter().flat_map(|n| &n.closes).collect();
        deltas.extend(&self.open_deltas);
        deltas.sort();
        deltas.dedup();
        deltas.iter().for_each(|d| text += &format!("- **{d}**: do {d}\n"));
        text
    }
}
