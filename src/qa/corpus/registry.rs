//! `.auditor/lessons.json`: the lessons of a repository without a database.

use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::files;
use crate::qa::lesson::Lesson;

/// Relative to the root.
pub const PLACE: &str = ".auditor/lessons.json";
/// The format's version.
const VERSION: u32 = 1;

/// The file as it stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Registry {
    /// 1.
    pub schema_version: u32,
    /// In the order in which they were added.
    pub lessons: Vec<Lesson>,
}

/// Reads it; `None` if there is none.
///
/// # Errors
/// It is there and can't be used: a sentence.
pub fn read(root: &Path) -> Result<Option<Registry>, String> {
    let bytes = match std::fs::read(root.join(PLACE)) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(format!("can't read {PLACE}: {e}")),
    };
    let found: Registry = serde_json::from_slice(&bytes).map_err(|e| format!("{PLACE}: {e}"))?;
    if found.schema_version != VERSION {
        let version = found.schema_version;
        return Err(format!("{PLACE} has schema_version {version}; this auditrun reads version {VERSION}"));
    }
    Ok(Some(found))
}

/// Writes it whole, making it if need be.
///
/// # Errors
/// A sentence.
pub fn write(root: &Path, lessons: Vec<Lesson>) -> Result<(), String> {
    let path = root.join(PLACE);
    let failed = |e: std::io::Error| format!("can't write {PLACE}: {e}");
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(failed)?;
    }
    let registry = Registry { schema_version: VERSION, lessons };
    files::atomic_write_json(&path, &registry).map_err(failed)
}
