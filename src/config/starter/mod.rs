//! `auditrun init`: a commented audit.kdl fitted to what a repository holds. Pure: what
//! there is comes in as a [`Look`].

mod ecosystem;
mod languages;
#[cfg(test)]
mod tests;

use std::fmt::Write;

use super::format::format;
use super::show::quoted;
use ecosystem::Ecosystem;

/// What was seen of a repository.
pub struct Look<'a> {
    /// Names of the files and folders at its root.
    pub names: &'a [String],
    /// The text of a file by its root-relative path, if it is there and is text.
    pub read: &'a dyn Fn(&str) -> Option<String>,
    /// The branch that changes are merged into.
    pub branch: &'a str,
    /// Adapters whose programs this machine has, the likeliest first.
    pub agents: &'a [&'a str],
    /// The folder of the bundle, if there is one, relative to the root.
    pub bundle: Option<&'a str>,
}

impl Look<'_> {
    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|n| n == name)
    }

    fn text(&self, name: &str) -> String {
        if self.has(name) { (self.read)(name).unwrap_or_default() } else { String::new() }
    }
}

/// An audit.kdl for the repository, formatted, and the names of what was recognised in it.
pub fn starter(look: &Look) -> (String, Vec<&'static str>) {
    let found = languages::all(look);
    let names = found.iter().map(|e| e.name).collect();
    let mut all = found.into_iter().fold(Ecosystem::default(), Ecosystem::and);
    all.prefer(languages::own_commands(look));
    let text = [head(look), agents(look), places(&all, look), targets(&all, look)].join("\n");
    (format("audit.kdl", text.as_bytes()).unwrap_or(text), names)
}

fn head(look: &Look) -> String {
    let bundle = match look.bundle {
        Some(dir) => format!("bundle {}", quoted(dir)),
        None => "//bundle \"docs/audit\"".to_owned(),
    };
    format!(
        "// What auditrun needs to know about this repository. Everything has a default:
// `auditrun config --defaults` prints them all, `auditrun check` looks for mistakes here.
auditrun min-version=\"{}.{}\"

// The bundle: state.md, graph.md and prompts/. Artifacts are written beside it.
{bundle}

// Nodes that run at the same time, and where a run stops.
concurrency 4
bounds max-iterations=500 timeout=\"480m\"
//bounds cost-usd=50.0 tokens=20000000
",
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
    )
}

fn agents(look: &Look) -> String {
    let mut text = String::new();
    let (first, others) = match look.agents.split_first() {
        Some((first, others)) => (*first, others),
        None => {
            text.push_str(
                "// No agent was found on PATH: install one, or name your own with adapter=\"exec\".\n",
            );
            ("claude", [].as_slice())
        }
    };
    text.push_str("// The agent of every node that names no other.\n");
    let _ = writeln!(
        text,
        "agent \"{first}\" adapter=\"{first}\" default=#true {{
    //model \"…\"
    //timeout \"30m\"
}}"
    );
    if !others.is_empty() {
        let _ = writeln!(text, "// Here as well: {}.", others.join(", "));
    }
    text
}

fn places(all: &Ecosystem, look: &Look) -> String {
    let there: Vec<_> = all.hotspots.iter().copied().filter(|f| look.has(f)).collect();
    let mut text = "// What only one node at a time may touch.\nhotspots {\n".to_owned();
    match there.as_slice() {
        [] => text.push_str("    //file \"src/schema.sql\"\n"),
        files => text.push_str(&format!("    file {}\n", list(files))),
    }
    text.push_str("    //group \"schema\" \"schema/**\"\n}\n");
    if !all.generated.is_empty() {
        text.push_str("\n// Files whose lines are not counted: what programs write.\n");
        let _ = writeln!(text, "loc-exclude {}", list(&all.generated));
    }
    text.push_str("\n// The nodes' worktrees.\nworktree {\n");
    if look.has(".env") {
        text.push_str("    copy \".env\"\n");
    } else {
        text.push_str("    //copy \".env\"\n");
    }
    match all.link.as_slice() {
        [] => text.push_str("    //link \"node_modules\" // one for all, read-only\n"),
        link => {
            let _ = writeln!(text, "    link {} // one for all, read-only", list(link));
        }
    }
    match all.keep.as_slice() {
        [] => text.push_str("    //keep \"target\" // survives from node to node\n"),
        keep => {
            let _ = writeln!(text, "    keep {} // survives from node to node", list(keep));
        }
    }
    text.push_str("    //setup \"./tools/prepare-worktree\"\n}\n");
    text
}

fn targets(all: &Ecosystem, look: &Look) -> String {
    let mut text = "// `auditrun NAME` runs a target; `auditrun` alone runs the default one.\n".to_owned();
    let mut needs = Vec::new();
    for (name, description, commands) in
        [("lint", "format and lints", &all.lint), ("test", "the tests", &all.test)]
    {
        if commands.is_empty() {
            let _ = writeln!(text, "//target \"{name}\" description=\"{description}\" {{ steps \"…\" }}\n");
            continue;
        }
        needs.push(name);
        let steps: String = commands.iter().map(|c| format!("        {c}\n")).collect();
        let _ = writeln!(
            text,
            "target \"{name}\" description=\"{description}\" {{\n    steps \"\"\"\n{steps}        \"\"\"\n}}\n"
        );
    }
    let needed = if needs.is_empty() { String::new() } else { format!("    needs {}\n", list(&needs)) };
    let _ = writeln!(
        text,
        "target \"pre-merge\" description=\"what a gate script runs before a merge\" {{
    param \"base\" default={}
{needed}    steps \"auditrun gate --base $base\"
}}
",
        quoted(look.branch)
    );
    if needs.is_empty() {
        text.push_str("//target \"default\" { needs \"lint\" \"test\" }\n");
    } else {
        let _ = writeln!(
            text,
            "target \"default\" description=\"what every change has to pass\" {{ needs {} }}",
            list(&needs)
        );
    }
    text
}

fn list(texts: &[&str]) -> String {
    texts.iter().map(|t| quoted(t)).collect::<Vec<_>>().join(" ")
}
