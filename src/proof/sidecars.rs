//! The files that change after the proof, each of which the journal alone can vouch for: the
//! loop guard's sidecar, the prediction, and what the audit stage wrote.

use super::names;
use super::source::ArtifactSource;
use super::verify::{Findings, digest_of};
use crate::event::json_artifact;
use crate::journal::{RunState, iteration_state};

pub(super) fn check(source: &dyn ArtifactSource, state: &RunState, found: &mut Findings) {
    same(source, names::ITERATION, json_artifact(&iteration_state(state)).ok(), found);
    same(source, names::PREDICTED, state.predicted.as_ref().and_then(|p| json_artifact(p).ok()), found);
    stage(source, state, found);
}

fn same(source: &dyn ArtifactSource, path: &str, made: Option<Vec<u8>>, found: &mut Findings) {
    match (source.read(path), made) {
        (Some(bytes), Some(made)) if bytes == made => {}
        (None, None) => {}
        (None, Some(_)) => found.add(path, "it is missing"),
        (Some(_), _) => found.add(path, "it does not say what the journal says"),
    }
}

/// Before its first end the stage's directory is nobody's claim.
fn stage(source: &dyn ArtifactSource, state: &RunState, found: &mut Findings) {
    let Some(stage) = &state.stage else { return };
    for (path, digest) in &stage.files {
        match digest_of(source, path) {
            Some(now) if now == *digest => {}
            Some(_) => found.add(path.clone(), "its digest is not the one that the journal recorded"),
            None => found.add(path.clone(), "the journal recorded it, and it is not there"),
        }
    }
    for path in &source.list("audit") {
        if !stage.files.contains_key(path) {
            found.add(path.clone(), "it is there, and the journal does not know it");
        }
    }
}
