//! `auditrun verify`: recomputes every digest and claim of a report.

use crate::cli::args::{Common, Format};
use crate::cli::evidence;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::project::Project;

/// Verifies the last run's report; with a fingerprint, that it is that one.
///
/// # Errors
/// There is no run to verify.
pub fn run(common: &Common, fingerprint: Option<&str>, screen: &Screen) -> Result<Exit, Failure> {
    let project = Project::open(common)?;
    screen.mask(project.masker());
    let evidence = evidence::gather(&project, None, fingerprint)?;
    let verified = &evidence.verified;
    if screen.format() == Format::Json {
        screen.print(&serde_json::to_string_pretty(verified).unwrap_or_default());
    } else if verified.holds() {
        let proof = verified.proof.as_ref().map_or("", |p| p.fingerprint.as_str());
        screen.print(&format!("run {} holds, from {}\nfingerprint {proof}", evidence.run_id, evidence.from));
    } else {
        screen.print(&findings(&evidence));
    }
    Ok(if verified.holds() { Exit::Ok } else { Exit::Failed })
}

/// What does not hold, a line each.
pub(crate) fn findings(evidence: &evidence::Evidence) -> String {
    let mut text = format!("run {} does not hold, from {}\n", evidence.run_id, evidence.from);
    for finding in &evidence.verified.findings {
        text.push_str(&format!("  {}: {}\n", finding.subject, finding.message));
    }
    if let Some(proof) = evidence.verified.proof.as_ref().filter(|p| !p.complete) {
        proof.gaps.iter().for_each(|g| text.push_str(&format!("  gap: {}\n", g.message)));
    }
    text
}
