//! The examples of this repository as worlds, and the pages of shell in its documents.

use std::fs;
use std::path::{Path, PathBuf};

use super::{BUNDLE, World};

/// A path of this repository.
pub fn of_this_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The page of shell that a document gives for the fingerprint: its `sh` block that says how it
/// is called.
pub fn fingerprint_script(document: &str) -> String {
    let text = fs::read_to_string(of_this_repository(document)).unwrap();
    let mut blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.find(|block| block.contains("usage: fingerprint.sh")).expect("the page of shell").to_owned()
}

impl World {
    /// An example, committed.
    pub fn of_example(name: &str) -> World {
        let mut world = World::empty();
        copy(&of_this_repository("examples").join(name), &world.repo);
        world.commit("base");
        world.base = world.git("rev-parse HEAD");
        world
    }

    /// The fingerprint as a document's page of shell computes it.
    pub fn fingerprint_by(&self, document: &str) -> String {
        let mut call = self.program("sh");
        call.args(["-c", &fingerprint_script(document), "fingerprint.sh", &self.branch(), BUNDLE, BUNDLE]);
        super::Outcome::of(call.output().unwrap()).exits(0).out.trim_end().to_owned()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_name() == "target" {
            continue; // Somebody has built the example in place.
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
