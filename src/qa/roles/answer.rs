//! What roles answer, read strictly: what is missing, unknown or of another kind makes an
//! answer malformed.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::qa::evaluate::{Evaluation, Failing, Fault, Scorecard};
use crate::qa::findings::Severity;
use crate::qa::meta::Risk;

/// How many proposals a brainstormer makes.
const PROPOSALS: usize = 3;
/// More findings or meta-slices than this are no answer that anybody could use.
const MANY: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEvaluations {
    evaluations: Vec<RawEvaluation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEvaluation {
    evaluation_name: String,
    status: bool,
    what: Option<String>,
    #[serde(rename = "where")]
    place: Option<String>,
    why: Option<String>,
}

/// One change that a brainstormer proposes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Proposal {
    pub title: String,
    pub section: String,
    pub change: String,
    pub rationale: String,
    pub targets: Vec<Evaluation>,
}

/// A brainstormer's answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposals {
    /// Exactly three.
    pub proposals: Vec<Proposal>,
}

/// One thing that a critic finds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Finding {
    pub severity: Severity,
    #[serde(rename = "where")]
    pub place: String,
    pub what: String,
    pub why: String,
}

/// A critic's answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Critique {
    /// Any number.
    pub findings: Vec<Finding>,
}

/// A mutator's answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// The heading's text.
    pub section: String,
    /// The section's new text.
    pub content: String,
}

/// A meta-slice without the fields that the program fills in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Improvement {
    pub target: String,
    pub target_component: String,
    pub hypothesis: String,
    pub proposed_change: String,
    pub evidence: Vec<String>,
    pub verifier_command: String,
    pub risk_level: Risk,
}

/// An improver's answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Improvements {
    /// Any number.
    pub meta_slices: Vec<Improvement>,
}

/// A self-auditor's answer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct SelfAudit {
    #[serde(deserialize_with = "lines")]
    pub dependencies: Vec<String>,
    #[serde(deserialize_with = "lines")]
    pub side_effects: Vec<String>,
    pub verifier_sufficient: bool,
    pub notes: String,
}

/// A list of texts, or one text.
fn lines<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Lines {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Lines::deserialize(deserializer)? {
        Lines::One(text) if text.trim().is_empty() => Vec::new(),
        Lines::One(text) => vec![text],
        Lines::Many(all) => all,
    })
}

fn typed<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    T::deserialize(value).map_err(|e| e.to_string())
}

fn said(what: &str, text: &str) -> Result<(), String> {
    if text.trim().is_empty() { Err(format!("{what} is empty")) } else { Ok(()) }
}

/// An evaluator's answer: all seven evaluations, each once.
pub(crate) fn scorecard(value: &Value) -> Result<Scorecard, String> {
    let raw: RawEvaluations = typed(value)?;
    let mut seen: Vec<Evaluation> = Vec::new();
    let mut failing = Vec::new();
    for one in raw.evaluations {
        let name = &one.evaluation_name;
        let evaluation = Evaluation::named(name).ok_or_else(|| format!("there is no evaluation '{name}'"))?;
        if seen.contains(&evaluation) {
            return Err(format!("'{name}' stands there twice"));
        }
        seen.push(evaluation);
        match (one.status, one.what, one.place, one.why) {
            (true, None, None, None) => {}
            (true, ..) => return Err(format!("'{name}' passes, so it has no what, where and why")),
            (false, Some(what), Some(place), Some(why)) => {
                [("what", &what), ("where", &place), ("why", &why)]
                    .into_iter()
                    .try_for_each(|(key, text)| said(&format!("'{key}' of '{name}'"), text))?;
                failing.push(Failing { evaluation, fault: Fault { what, place, why } });
            }
            (false, ..) => return Err(format!("'{name}' fails, so it needs what, where and why")),
        }
    }
    match Evaluation::ALL.into_iter().find(|e| !seen.contains(e)) {
        Some(missing) => Err(format!("'{}' is missing", missing.name())),
        None => {
            failing.sort_by_key(|f| f.evaluation);
            Ok(Scorecard { failing })
        }
    }
}

/// A brainstormer's answer: three proposals, each whole.
pub(crate) fn proposals(value: &Value) -> Result<Proposals, String> {
    let answer: Proposals = typed(value)?;
    if answer.proposals.len() != PROPOSALS {
        return Err(format!("there are {} proposals, not {PROPOSALS}", answer.proposals.len()));
    }
    for proposal in &answer.proposals {
        said("a title", &proposal.title)?;
        said("a section", &proposal.section)?;
        said("a change", &proposal.change)?;
        said("a rationale", &proposal.rationale)?;
    }
    Ok(answer)
}

/// A critic's answer.
pub(crate) fn critique(value: &Value) -> Result<Critique, String> {
    let answer: Critique = typed(value)?;
    few(answer.findings.len(), "findings")?;
    answer.findings.iter().try_for_each(|finding| {
        said("'what' of a finding", &finding.what)?;
        said("'where' of a finding", &finding.place)?;
        said("'why' of a finding", &finding.why)
    })?;
    Ok(answer)
}

/// A mutator's answer. Whether its edit is one edit is another question.
pub(crate) fn rewrite(value: &Value) -> Result<Rewrite, String> {
    typed(value)
}

/// An improver's answer.
pub(crate) fn improvements(value: &Value) -> Result<Improvements, String> {
    let answer: Improvements = typed(value)?;
    few(answer.meta_slices.len(), "meta-slices")?;
    for slice in &answer.meta_slices {
        said("a target", &slice.target)?;
        said("a target_component", &slice.target_component)?;
        said("a hypothesis", &slice.hypothesis)?;
        said("a proposed_change", &slice.proposed_change)?;
        said("a verifier_command", &slice.verifier_command)?;
        if slice.evidence.is_empty() {
            return Err("a meta-slice has no evidence".to_owned());
        }
    }
    Ok(answer)
}

/// A self-auditor's answer.
pub(crate) fn self_audit(value: &Value) -> Result<SelfAudit, String> {
    typed(value)
}

fn few(n: usize, what: &str) -> Result<(), String> {
    if n > MANY { Err(format!("{n} {what} are more than {MANY}")) } else { Ok(()) }
}
