//! The command line as typed: clap's types and nothing else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::process::{Cancel, Custody};

/// Carries out an audit bundle with coding agents and proves the result.
#[derive(Debug, Parser)]
#[command(name = "auditrun", version, about, max_term_width = 100, after_help = EXAMPLES, after_long_help = LONG_HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Flags that every command understands.
    #[command(flatten)]
    pub common: Common,
}

const EXAMPLES: &str = "Examples:
  auditrun demo                 see a whole run, without keys or network
  auditrun check                is audit.kdl and the bundle all right?
  auditrun run --agent codex    carry the bundle out with codex
  auditrun gate --base main     before a merge: prove it again, without any agent";

const LONG_HELP: &str = "Examples:
  auditrun demo                 see a whole run, without keys or network
  auditrun check                is audit.kdl and the bundle all right?
  auditrun run --agent codex    carry the bundle out with codex
  auditrun gate --base main     before a merge: prove it again, without any agent

Exit codes:
  0    verified and proven
  1    the audit failed: proof, gate or check
  2    usage or configuration error
  3    rejected by preflight
  4    escalated to a person: an open question or a split proposal
  5    a bound was reached: iterations, time, budget, or an agent can't be had
  6    dependency deadlock
  7    internal error
  130  interrupted";

/// Flags that every command understands.
#[derive(Debug, Clone, Default, Args)]
pub struct Common {
    /// Use this configuration file (default: the nearest audit.kdl up to the repository's root)
    #[arg(short = 'f', long = "file", global = true, value_name = "FILE", help_heading = "Common")]
    pub file: Option<PathBuf>,
    /// Directory of the bundle: state.md, graph.md, prompts/
    #[arg(long, global = true, value_name = "DIR", help_heading = "Common")]
    pub bundle: Option<PathBuf>,
    /// Directory of the artifacts (default: the bundle's)
    #[arg(long, global = true, value_name = "DIR", help_heading = "Common")]
    pub out: Option<PathBuf>,
    /// At most this many nodes at once
    #[arg(short = 'j', long, global = true, value_name = "N", help_heading = "Common", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_parallel: Option<u32>,
    /// At most this many dispatches, remediations included
    #[arg(long, global = true, value_name = "N", help_heading = "Common")]
    pub max_iterations: Option<u64>,
    /// At most this much active time
    #[arg(long, global = true, value_name = "MIN", help_heading = "Common")]
    pub timeout_minutes: Option<u64>,
    /// Use this agent for every node, whatever audit.kdl and the bundle bind
    #[arg(long, global = true, value_name = "NAME", help_heading = "Common")]
    pub agent: Option<String>,
    /// Show what would be done and do nothing
    #[arg(long, global = true, help_heading = "Common")]
    pub dry_run: bool,
    /// Answer every question with yes
    #[arg(short = 'y', long, global = true, help_heading = "Common")]
    pub yes: bool,
    /// Form of what is printed (junit, sarif: gate alone; dot, mermaid, svg: graph alone)
    #[arg(long, global = true, value_name = "FORM", help_heading = "Common")]
    pub format: Option<Format>,
    /// Colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Common")]
    pub color: ColorChoice,
    /// Print less
    #[arg(short, long, global = true, help_heading = "Common")]
    pub quiet: bool,
    /// Print more; twice for git and process calls (RUST_LOG works too)
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Common")]
    pub verbose: u8,
    /// No moving progress lines
    #[arg(long, global = true, help_heading = "Common")]
    pub no_progress: bool,
    /// After a failure go on with everything that does not need what failed
    #[arg(short, long, global = true, help_heading = "Common")]
    pub keep_going: bool,
    /// Where and in what the command runs
    #[arg(skip)]
    pub place: Place,
}

/// The surroundings of a command. One that was typed has the process's own; one that a step
/// of a target calls has those of the step.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The current directory, absolute; `None`: the process's.
    pub dir: Option<PathBuf>,
    /// The environment; `None`: the process's.
    pub environment: Option<BTreeMap<String, String>>,
    /// Ends the command early.
    pub stop: Option<Cancel>,
    /// How many commands of this program are around it.
    pub depth: u32,
    /// The targets that were typed, if the command is a step's.
    pub trigger: Option<String>,
    /// Those who started the programs of the steps around it.
    pub custody: Option<Arc<Custody>>,
    /// The step is one of a node's recipe: a run goes on around it, in this process.
    pub in_run: bool,
}

impl Common {
    /// Takes from the command around what was not said again, as seen from its directory.
    pub fn inherit(&mut self, outer: &Common, from: &Path) {
        let path = |own: &Option<PathBuf>, outer: &Option<PathBuf>| {
            own.clone().or_else(|| outer.as_ref().map(|p| from.join(p)))
        };
        self.file = path(&self.file, &outer.file);
        self.bundle = path(&self.bundle, &outer.bundle);
        self.out = path(&self.out, &outer.out);
        self.max_parallel = self.max_parallel.or(outer.max_parallel);
        self.max_iterations = self.max_iterations.or(outer.max_iterations);
        self.timeout_minutes = self.timeout_minutes.or(outer.timeout_minutes);
        self.agent = self.agent.take().or_else(|| outer.agent.clone());
        self.yes |= outer.yes;
        self.quiet |= outer.quiet;
        self.verbose = self.verbose.max(outer.verbose);
        self.keep_going |= outer.keep_going;
    }
}

/// Targets, as typed: words and their flags.
#[derive(Debug, Parser)]
#[command(
    name = "auditrun",
    about = "Runs targets of audit.kdl, what they need first",
    override_usage = "auditrun [TARGET…] [key=value…] [FLAGS]",
    disable_version_flag = true,
    max_term_width = 100
)]
pub struct TargetsCli {
    /// Names of targets and values of their params, in any order
    #[arg(value_name = "TARGET|key=value")]
    pub words: Vec<String>,
    /// How they run.
    #[command(flatten)]
    pub flags: TargetFlags,
    /// Flags that every command understands.
    #[command(flatten)]
    pub common: Common,
}

/// Flags of targets.
#[derive(Debug, Clone, Default, Args)]
pub struct TargetFlags {
    /// Run them even if they are up to date
    #[arg(long)]
    pub force: bool,
    /// Say why each runs or is skipped
    #[arg(long)]
    pub why: bool,
    /// How output is shown (default: grouped; raw for a single target on a terminal)
    #[arg(long, value_name = "MODE")]
    pub output: Option<OutputMode>,
}

/// How the output of targets is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputMode {
    /// Each target's output in one piece
    Grouped,
    /// Line by line as it comes, with the target's name before each
    Prefixed,
    /// Programs write to the terminal themselves
    Raw,
}

/// Form of what is printed. Not every command knows every form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Format {
    Text,
    Json,
    Github,
    Junit,
    Sarif,
    Dot,
    Mermaid,
    Svg,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum ColorChoice {
    #[default]
    Auto,
    Always,
    Never,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Carry out the bundle: preflight, dispatch, verify, remediate, prove
    Run,
    /// The targets of audit.kdl, with their params and places
    List,
    /// Go on with the last run that was halted, interrupted or killed, on its branch
    Resume(ResumeArgs),
    /// Phase 0 alone: check everything, write the plan, make no branch
    Preflight,
    /// What the last run did, or what the running one is doing
    Status,
    /// A page that shows a run while it goes on and after it, on this machine only
    Dashboard(DashboardArgs),
    /// Before a merge: verify a finished run again, without any agent
    Gate(GateArgs),
    /// Recompute every digest and claim of the last report
    Verify {
        /// The fingerprint that the report must have
        fingerprint: Option<String>,
    },
    /// The audit stage alone: make a run's reports again from its journal and artifacts
    Report(ReportArgs),
    /// The plan: tiers, edges, and after a run the statuses
    Graph,
    /// Every effective setting of a node with where it came from
    Explain {
        /// The node's id
        node: String,
    },
    /// The configuration
    Config(ConfigArgs),
    /// Look for mistakes in audit.kdl and the bundle
    Check,
    /// Give audit.kdl and the files that it includes one form (white space only)
    Fmt(FmtArgs),
    /// Write a commented audit.kdl that fits this repository
    Init(InitArgs),
    /// What finished runs teach: estimates that fit, work that needs a second try, costly hotspots
    Learn,
    /// Remove worktrees, branches and refs of finished runs (shows them first)
    Clean {
        /// Remove what is not merged or archived, too
        #[arg(long)]
        force: bool,
    },
    /// A shell in a kept worktree with the node's environment
    Shell {
        /// The node's id
        node: String,
    },
    /// Make a throw-away repository and run a small bundle in it
    Demo {
        /// Where (default: a new directory in the system's temporary one)
        #[arg(value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Audit finished work: learn from runs, score lessons, propose improvements
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_help = QA_HELP)]
    Qa(QaArgs),
    /// The control-plane database that runs and audits share
    Db {
        /// What to do with it.
        #[command(subcommand)]
        command: DbCommand,
    },
    /// Completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// The manual page (roff)
    Man,
}

const QA_HELP: &str = "Scopes:
  loop-<id>                    one loop, by its id or the beginning of it, or a run by its run id
  <repo_id> last N             the newest slices of a repository, at most 20
  self, pipeline               everything, one audit deeper
  effectiveness <repo_id>      only how well lessons work
  standalone                   the last 20 commits, without the database
  standalone last N            the last N commits, at most 50
  standalone since YYYY-MM-DD  commits from that day on
  standalone plan PATH         commits with 'Plan: PATH' in the message";

/// `qa`
#[derive(Debug, Args)]
pub struct QaArgs {
    /// What else there is to do than an audit.
    #[command(subcommand)]
    pub command: Option<QaCommand>,
    /// What to audit
    #[arg(value_name = "SCOPE", required = true)]
    pub scope: Vec<String>,
    /// What becomes of the report, where no terminal can be asked
    #[arg(long, value_name = "DECISION")]
    pub decision: Option<Decision>,
}

/// What becomes of an audit's report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Decision {
    /// Keep it and route its proposals
    Accept,
    /// Go on with what still fails
    Deeper,
    /// Keep nothing
    Dismiss,
}

/// What `qa` does besides audits.
#[derive(Debug, Subcommand)]
pub enum QaCommand {
    /// Lessons of runs and audits: which there are, and which are in force
    Lessons {
        /// Those of .auditor/lessons.json, even if there is a database
        #[arg(long, global = true)]
        standalone: bool,
        /// What to do with them.
        #[command(subcommand)]
        command: LessonsCommand,
    },
    /// Make a bundle of a meta-slice, so that a run can carry it out
    ToBundle {
        /// A meta-slice-<n>.json; the bundle goes to --bundle, else docs/audit-<its id>
        #[arg(value_name = "FILE")]
        meta_slice: PathBuf,
    },
}

/// `qa lessons`
#[derive(Debug, Subcommand)]
pub enum LessonsCommand {
    /// Every lesson with its status
    List,
    /// Put a lesson in force
    Promote {
        /// Its id, or the beginning of it
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Take a lesson out of force
    Retire {
        /// Its id, or the beginning of it
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// `db`
#[derive(Debug, Subcommand)]
pub enum DbCommand {
    /// Fill it from the journals of all runs that are kept here; doing it again changes nothing
    Sync,
}

/// `resume`
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// Take in the corrected bundle of this revision first; what landed and is unchanged stays
    #[arg(long, value_name = "REV")]
    pub bundle_from: Option<String>,
}

/// `dashboard`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  auditrun dashboard                       the newest run; the page waits if there is none yet
  auditrun dashboard 20260101T100000Z      a certain run, also one that is archived
  auditrun dashboard --port 9000           on another port, or the next free one after it")]
pub struct DashboardArgs {
    /// The run (default: the newest, and the one after that when it begins)
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// The first port that is tried
    #[arg(long, value_name = "PORT", default_value_t = crate::serve::PORT)]
    pub port: u16,
}

/// `report`
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run's id; an archived one, too (default: the last run)
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Pack the report's directory, report.md at its root, into this .tar.gz
    #[arg(long, value_name = "FILE")]
    pub archive: Option<PathBuf>,
}

/// `gate`
#[derive(Debug, Args)]
pub struct GateArgs {
    /// The branch that the audit branch is to be merged into
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    pub base: String,
    /// The run (default: the newest with a proof)
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
}

/// `fmt`
#[derive(Debug, Args)]
pub struct FmtArgs {
    /// Write nothing; list the files that would change and exit 1 if there are any (-v: as a diff)
    #[arg(long)]
    pub check: bool,
    /// KDL files, or '-' for standard input (default: audit.kdl and what it includes)
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// `init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Print the file and write nothing
    #[arg(long)]
    pub print: bool,
}

/// `config`
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Print the built-in defaults, a commented audit.kdl
    #[arg(long, conflicts_with = "explain")]
    pub defaults: bool,
    /// Print every effective value with its source
    #[arg(long)]
    pub explain: bool,
}
