//! Finds a finished run for `gate` and `verify`: its artifacts in out, else in the proof's
//! ref; its branch here, at a remote, or by the proof's parent.

use crate::base::{Layout, Oid, RunId, names};
use crate::bundle::{self, Bundle};
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::git::Repo;
use crate::journal::{self, RunState};
use crate::plan::{self, Plan};
use crate::proof::{
    self, ArtifactSource, DirArtifacts, GitFacts, ProofBundle, TreeArtifacts, Verified, VerifyInput,
};

/// A finished run and everything that its proof is checked against.
pub struct Evidence {
    /// The run.
    pub run_id: RunId,
    /// The audit branch's head as it is now.
    pub head: Oid,
    /// Where the artifacts were read from, in words.
    pub from: String,
    /// The bundle at the head.
    pub bundle: Bundle,
    /// Its plan.
    pub plan: Plan,
    /// What the verification found.
    pub verified: Verified,
}

/// Finds the run (`wanted`, or the newest one) and verifies its proof.
///
/// # Errors
/// There is no such run, or its bundle can't be read.
pub fn gather(project: &Project, wanted: Option<&str>, expected: Option<&str>) -> Result<Evidence, Failure> {
    let repo = &project.repo;
    let out = DirArtifacts::new(repo.root().join(project.layout.out()));
    let local = run_of(&out).filter(|run| wanted.is_none_or(|w| run.as_str() == w));
    let run_id = match (&local, wanted) {
        (Some(run), _) => run.clone(),
        (None, Some(wanted)) => RunId::parse(wanted).ok_or_else(|| {
            Failure::usage(
                format!("{wanted:?} is not a run id"),
                "it is the part of the audit branch's name after 'run-'",
            )
        })?,
        (None, None) => newest(repo)?,
    };
    let proof_commit = repo.reference(&run_id.proof_ref())?;
    let (source, from): (Box<dyn ArtifactSource + '_>, String) = match (local, &proof_commit) {
        (Some(_), _) => (Box::new(out), project.layout.out().to_owned()),
        (None, Some(commit)) => (Box::new(TreeArtifacts::new(repo, commit.clone(), "")), run_id.proof_ref()),
        (None, None) => {
            return Err(Failure::usage(
                format!(
                    "run {run_id} has neither artifacts in {} nor {}",
                    project.layout.out(),
                    run_id.proof_ref()
                ),
                format!("fetch it: git fetch origin '+{0}:{0}'", run_id.proof_ref()),
            ));
        }
    };
    let head = head(repo, &run_id, proof_commit.as_ref())?;
    let state = state(source.as_ref());
    let base = state.as_ref().and_then(|s| s.base.clone()).unwrap_or_else(|| head.clone());
    let (bundle, plan) = obligations(project, &head)?;
    let git = GitFacts::read(repo, &project.layout, &base, &head)?;
    let verified =
        verify(source.as_ref(), &git, &ProofBundle::new(&bundle, &plan), &project.layout, expected);
    Ok(Evidence { run_id, head, from, bundle, plan, verified })
}

fn verify(
    source: &dyn ArtifactSource,
    git: &GitFacts,
    bundle: &ProofBundle,
    layout: &Layout,
    expected: Option<&str>,
) -> Verified {
    proof::verify(&VerifyInput { source, git, bundle, layout, expected })
}

fn state(source: &dyn ArtifactSource) -> Option<RunState> {
    let read = journal::parse(&source.read(names::JOURNAL)?).ok()?;
    Some(journal::replay(&read.records))
}

/// Whose artifacts these are: by the journal, or, where that is damaged or gone, by the report.
/// Damage must be found where it is, not be passed over for the copy in the proof's ref.
fn run_of(source: &dyn ArtifactSource) -> Option<RunId> {
    let journalled = state(source).and_then(|s| RunId::parse(&s.start?.run_id));
    journalled.or_else(|| {
        let report: serde_json::Value = serde_json::from_slice(&source.read(names::REPORT_JSON)?).ok()?;
        RunId::parse(report.pointer("/run/run_id")?.as_str()?)
    })
}

/// The newest run that has a proof's ref, else the newest that has a branch.
fn newest(repo: &Repo) -> Result<RunId, Failure> {
    for (prefix, cut) in
        [("refs/auditrun-proof/", "refs/auditrun-proof/"), ("refs/heads/audit/", "refs/heads/audit/run-")]
    {
        let mut runs: Vec<RunId> = repo
            .references(prefix)?
            .iter()
            .filter_map(|(name, _)| RunId::parse(name.strip_prefix(cut)?))
            .collect();
        runs.sort();
        if let Some(run) = runs.pop() {
            return Ok(run);
        }
    }
    Err(Failure::usage(
        "no finished run is known here",
        "carry one out with `auditrun run`, or fetch its proof: git fetch origin '+refs/auditrun-proof/*:refs/auditrun-proof/*'",
    ))
}

fn head(repo: &Repo, run_id: &RunId, proof: Option<&Oid>) -> Result<Oid, Failure> {
    if let Some(head) = repo.reference(&run_id.branch_ref())? {
        return Ok(head);
    }
    let suffix = format!("/{}", run_id.branch());
    let remote = repo.references("refs/remotes/")?.into_iter().find(|(name, _)| name.ends_with(&suffix));
    if let Some((_, head)) = remote {
        return Ok(head);
    }
    let parent = match proof {
        Some(proof) => repo.commit(proof)?.parents.into_iter().next(),
        None => None,
    };
    parent.ok_or_else(|| {
        Failure::usage(
            format!("{} is not here", run_id.branch()),
            format!("fetch it: git fetch origin {}", run_id.branch()),
        )
    })
}

/// The bundle and plan at the head, with today's audit.kdl.
fn obligations(project: &Project, head: &Oid) -> Result<(Bundle, Plan), Failure> {
    let files = project.files_at(head)?;
    let (bundle, _) = bundle::parse(&files, &project.layout).map_err(Failure::Preflight)?;
    let (plan, _) =
        plan::make(bundle.clone(), &project.config, &project.layout).map_err(Failure::Preflight)?;
    Ok((bundle, plan))
}
