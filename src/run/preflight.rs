//! Phase 0: is everything there that a run needs? All problems at once, each with its place,
//! and the plan with its reports.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::base::names;
use crate::base::text::count;
use crate::base::{Layout, Oid, RunId};
use crate::bundle::{self, Bundle, BundleFiles};
use crate::config::{AdapterKind, Config, Role};
use crate::diag::{Diag, Diags, Span, nearest};
use crate::git::Repo;
use crate::plan::{self, Plan, PlannedCheck};
use crate::run::context::Fault;
use crate::run::environment::Operator;
use crate::run::variables;

/// What phase 0 looks at.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The repository's root.
    pub root: &'a Path,
    /// The bundle.
    pub files: &'a BundleFiles,
    /// The effective configuration.
    pub config: &'a Config,
    /// Where everything lies.
    pub layout: &'a Layout,
    /// The operator's environment.
    pub operator: &'a Operator,
}

/// What phase 0 found to be in order.
pub struct Examined {
    /// The bundle.
    pub bundle: Bundle,
    /// The plan.
    pub plan: Plan,
    /// What is worth knowing.
    pub warnings: Diags,
}

/// Reads the bundle, makes the plan and looks for what a run would lack.
///
/// # Errors
/// Every problem of every file, in the order of files and places.
pub fn examine(input: &Input<'_>) -> Result<Examined, Diags> {
    let examined = read(input)?;
    let mut problems = unmet(&examined.plan, input);
    if problems.has_errors() {
        problems.extend(examined.warnings);
        return Err(problems.sorted());
    }
    Ok(examined)
}

/// Reads the bundle and makes the plan. It can be shown where it can't be run.
///
/// # Errors
/// Every problem of every file, in the order of files and places.
pub fn read(input: &Input<'_>) -> Result<Examined, Diags> {
    let Input { files, config, layout, .. } = *input;
    let (bundle, mut warnings) = bundle::parse(files, layout).map_err(Diags::sorted)?;
    let (plan, more) = plan::make(bundle.clone(), config, layout).map_err(Diags::sorted)?;
    warnings.extend(more);
    Ok(Examined { bundle, plan, warnings: warnings.sorted() })
}

/// What a run of the plan would lack here: programs, figures for its budget, variables.
pub fn unmet(plan: &Plan, input: &Input<'_>) -> Diags {
    let mut problems = Diags::new();
    programs(plan, input, &mut problems);
    budgets(plan, input.config, &mut problems);
    problems.extend(variables::unset(plan, input.config, &agents_in_use(plan, input.config), input.operator));
    problems
}

/// Looks up the first word of every command in a check, an invariant, setup or the recipe,
/// and every agent's program.
fn programs(plan: &Plan, input: &Input<'_>, problems: &mut Diags) {
    let config = input.config;
    let path = input.operator.get("PATH").map_or("", String::as_str);
    let folder = input.root.join(&config.folder);
    let mut look_up =
        LookUp { path, folder, config, known: BTreeSet::new(), missing: BTreeSet::new(), problems };
    for node in &plan.nodes {
        node.checks.iter().for_each(|c| look_up.check(c, &format!("done_when of {}", node.node.id.value)));
    }
    for invariant in &plan.invariants {
        invariant.checks.iter().for_each(|c| look_up.check(c, &format!("invariant {}", invariant.id)));
    }
    for setup in &config.worktree.setup {
        plan::programs(&setup.value).iter().for_each(|word| look_up.word(&word.name, &setup.span, "setup"));
    }
    for (word, place) in config.recipe.ast.programs() {
        look_up.word(&word, &config.recipe.source.span(place), "recipe");
    }
    agents_in_use(plan, config).into_iter().for_each(|name| look_up.agent(&name));
}

/// Those of these agents whose program is not there.
pub fn absent(config: &Config, root: &Path, operator: &Operator, names: &[String]) -> Diags {
    let mut problems = Diags::new();
    let path = operator.get("PATH").map_or("", String::as_str);
    let folder = root.join(&config.folder);
    let (known, missing) = (BTreeSet::new(), BTreeSet::new());
    let mut look_up = LookUp { path, folder, config, known, missing, problems: &mut problems };
    names.iter().for_each(|name| look_up.agent(name));
    problems
}

struct LookUp<'a> {
    path: &'a str,
    folder: PathBuf,
    config: &'a Config,
    known: BTreeSet<String>,
    missing: BTreeSet<String>,
    problems: &'a mut Diags,
}

impl LookUp<'_> {
    fn check(&mut self, check: &PlannedCheck, whose: &str) {
        for word in plan::programs(&check.check.command.value) {
            let whole = &check.check.command.span;
            // The word itself, where the command stands in its file as it runs.
            let as_written = whole.text().get(word.offset..).is_some_and(|rest| rest.starts_with(&word.name));
            let span = match as_written {
                true => whole.source().span(whole.offset() + word.offset, word.name.len()),
                false => whole.clone(),
            };
            self.word(&word.name, &span, whose);
        }
    }

    fn word(&mut self, word: &str, span: &Span, whose: &str) {
        let provided = self.config.worktree.provides.iter().any(|p| p.value == word);
        if provided || self.there(word) {
            return;
        }
        self.missing.insert(word.to_owned());
        self.problems.push(
            Diag::error("preflight::program-missing", format!("'{word}' was not found on PATH ({whose})"))
                .at(span, "needed here")
                .help(format!("install it, or, if worktree preparation brings it, say so in audit.kdl: worktree {{ provides \"{word}\" }}")),
        );
    }

    fn there(&mut self, word: &str) -> bool {
        if self.known.contains(word) {
            return true;
        }
        let found =
            !self.missing.contains(word) && which::which_in(word, Some(self.path), Path::new("/")).is_ok();
        if found {
            self.known.insert(word.to_owned());
        }
        found
    }

    fn agent(&mut self, name: &str) {
        let Some(agent) = self.config.agents.get(name) else { return };
        let command = &agent.command.value;
        let there = match command.contains('/') {
            true => self.folder.join(command).is_file(),
            false => self.there(command),
        };
        if there {
            return;
        }
        let mut diag = Diag::error(
            "preflight::agent-missing",
            format!("the program '{command}' of agent '{name}' was not found"),
        );
        if let crate::config::Origin::Written(span) = &agent.command.origin {
            diag = diag.at(span, "named here");
        }
        let others = AdapterKind::ALL
            .iter()
            .map(|a| a.name())
            .filter(|n| which::which_in(n, Some(self.path), Path::new("/")).is_ok());
        let help = match others.collect::<Vec<_>>().as_slice() {
            [] => "install it, or bind another agent: roles { node \"NAME\" }, or --agent NAME".to_owned(),
            found => format!("install it, or use one that is there: --agent {}", found.join(" or --agent ")),
        };
        self.problems.push(diag.help(help));
    }
}

/// The agents that this run may call before it can fail: those of the nodes, and those that
/// answer questions if there are any. The order is that of first use.
fn agents_in_use(plan: &Plan, config: &Config) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        if !names.iter().any(|n| n == name) {
            names.push(name.to_owned());
        }
    };
    plan.nodes.iter().for_each(|n| add(&n.settings.agent.value));
    if plan.open_questions > 0 {
        add(&config.agent_for(Role::Resolver).value);
        add(&config.agent_for(Role::Arbiter).value);
    }
    names
}

/// A budget in USD is worth nothing with an agent that neither reports a cost nor has a price.
fn budgets(plan: &Plan, config: &Config, problems: &mut Diags) {
    problems.extend(unpriced(config, &agents_in_use(plan, config)));
}

/// Those of these agents that a budget in USD can't be held against.
pub fn unpriced(config: &Config, names: &[String]) -> Diags {
    let mut problems = Diags::new();
    let Some(budget) = &config.bounds.cost_usd else { return problems };
    for name in names {
        let Some(agent) = config.agents.get(name) else { continue };
        if !crate::agent::reports_cost(agent.adapter) && agent.price.is_none() {
            let mut diag = Diag::error(
                "preflight::budget-without-cost",
                format!(
                    "there is a budget of {} USD, but agent '{name}' ({}) reports no cost",
                    budget.value,
                    agent.adapter.name()
                ),
            );
            if let crate::config::Origin::Written(span) = &budget.origin {
                diag = diag.at(span, "the budget");
            }
            let help = format!(
                "give it prices: agent \"{name}\" {{ price {{ input 1.25; output 10.0; cached 0.125 }} }}, or bound tokens instead"
            );
            problems.push(diag.help(help));
        }
    }
    problems
}

/// What stands in the way outside of the files: the state of the working tree, the disk.
pub struct Surroundings {
    obstacles: Diags,
    root: PathBuf,
    /// Bytes of one worktree; `None` without a commit to stand on.
    worktree: Option<u64>,
}

impl Surroundings {
    /// Looks at the repository. Nothing of the bundle is needed for it, so the two can be read at
    /// the same time.
    ///
    /// # Errors
    /// Git failed.
    pub fn look(repo: &Repo, layout: &Layout, head: Option<&Oid>) -> Result<Surroundings, Fault> {
        let mut obstacles = Diags::new();
        for obstacle in repo.obstacles(layout)? {
            obstacles.push(Diag::error("preflight::repository", obstacle.what).help(obstacle.remedy));
        }
        let worktree = head.map(|head| repo.checkout_size(head)).transpose()?;
        Ok(Surroundings { obstacles, root: repo.root().to_owned(), worktree })
    }

    /// The problems, those of a plan's worktrees among them.
    pub fn problems(self, plan: Option<&Plan>) -> Diags {
        let mut problems = self.obstacles;
        if let (Some(plan), Some(worktree)) = (plan, self.worktree) {
            disk(plan, worktree, &self.root, &mut problems);
        }
        problems
    }
}

/// Room for a worktree of each lane and the integration's.
fn disk(plan: &Plan, worktree: u64, root: &Path, problems: &mut Diags) {
    let lanes = plan.max_parallel.min(plan.nodes.len()) as u64 + 1;
    let needed = worktree.saturating_mul(lanes);
    let free = crate::files::free_space(root).unwrap_or(u64::MAX);
    if needed > free {
        let gib = |bytes: u64| format!("{}.{} GiB", bytes >> 30, (bytes >> 20) % 1024 * 10 / 1024);
        problems.push(
            Diag::error("preflight::disk", format!("{} need about {}, {} are free", count(usize::try_from(lanes).unwrap_or(0), "worktree"), gib(needed), gib(free)))
                .help("free some space, run fewer nodes at once (-j), or put worktrees elsewhere: worktree { root \"DIR\" }"),
        );
    }
}

/// [`Surroundings`] seen and judged in one.
///
/// # Errors
/// Git failed.
pub fn surroundings(
    repo: &Repo,
    layout: &Layout,
    plan: Option<&Plan>,
    head: Option<&Oid>,
) -> Result<Diags, Fault> {
    Ok(Surroundings::look(repo, layout, head)?.problems(plan))
}

/// The reports of phase 0, by their paths relative to out. The two large ones are made at the
/// same time.
pub fn reports(plan: &Plan, run_id: &RunId) -> Vec<(&'static str, Vec<u8>)> {
    let run_id = run_id.as_str();
    let (trace, dispatch, json, checks) = std::thread::scope(|scope| {
        let dispatch = scope.spawn(|| plan::render::dispatch_plan(plan, run_id));
        let json = plan::render::dispatch_json(plan, run_id);
        let trace = plan::render::trace_matrix(plan);
        let checks = plan::render::check_normalization(plan);
        let dispatch = dispatch.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (trace, dispatch, json, checks)
    });
    vec![
        ("preflight/trace_matrix.md", trace.into_bytes()),
        ("preflight/dispatch_plan.md", dispatch.into_bytes()),
        (names::DISPATCH_PLAN, json.into_bytes()),
        ("preflight/check_normalization.md", checks.into_bytes()),
    ]
}

/// "did you mean" for a node's id typed on the command line.
pub fn nearest_node<'a>(plan: &'a Plan, word: &str) -> Option<&'a str> {
    nearest(word, plan.nodes.iter().map(|n| n.node.id.as_str()))
}

/// Where a node's kept worktree is, from the newest worktree of that name.
pub fn kept_worktree(repo: &Repo, node: &str) -> Result<Option<PathBuf>, Fault> {
    let ours = |dir: &Path| {
        let name = dir.file_name()?.to_str()?.strip_prefix("audit-")?;
        let (tier, rest) = name.split_once('-')?;
        let (id, stamp) = rest.rsplit_once('-')?;
        (tier.bytes().all(|b| b.is_ascii_digit()) && id == node).then(|| stamp.to_owned())
    };
    let found = repo.worktrees()?.into_iter().filter_map(|w| Some((ours(&w.dir)?, w.dir)));
    Ok(found.max().map(|(_, dir)| dir))
}
