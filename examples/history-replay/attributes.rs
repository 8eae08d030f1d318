//! Content that git's own attributes change on the way from a file to a blob: line endings,
//! filters, keywords, encodings.

use std::collections::BTreeSet;

use super::git::{Failure, Git, fields};
use super::history::{Kind, Step};

/// Attributes that change content.
const CHANGING: [&str; 5] = ["text", "eol", "filter", "ident", "working-tree-encoding"];

/// Those of the paths that the commit writes which have such an attribute in the tree before it.
pub fn converted(git: &Git, step: &Step) -> Result<BTreeSet<Vec<u8>>, Failure> {
    let paths: Vec<&[u8]> = step.written().filter(|(_, e)| is_file(e.kind)).map(|(path, _)| path).collect();
    if paths.is_empty() {
        return Ok(BTreeSet::new());
    }
    let source = format!("--attr-source={}", step.parent);
    let args = [&[source.as_str(), "check-attr", "-z", "--stdin"], &CHANGING[..]].concat();
    let input: Vec<u8> = paths.iter().flat_map(|path| [*path, b"\0"].concat()).collect();
    let out = git.ask(&args, &input)?;
    let fields: Vec<&[u8]> = fields(&out).collect();
    let set = fields.chunks_exact(3).filter(|row| !matches!(row.get(2), Some(&b"unspecified" | &b"unset")));
    Ok(set.filter_map(|row| row.first().map(|path| path.to_vec())).collect())
}

/// Those of them whose content would not come through: cleaning the commit's own blob gives
/// another one.
pub fn rewritten(git: &Git, step: &Step) -> Result<Vec<Vec<u8>>, Failure> {
    let converted = converted(git, step)?;
    let mut rewritten = Vec::new();
    for (path, entry) in step.written().filter(|(path, _)| converted.contains(*path)) {
        let content = git.bytes(&["cat-file", "blob", &entry.oid])?;
        let source = format!("--attr-source={}", step.parent);
        let mut name = std::ffi::OsString::from("--path=");
        name.push(super::agent::os_path(path));
        let args: [std::ffi::OsString; 4] = [source.into(), "hash-object".into(), name, "--stdin".into()];
        let cleaned = git.ask(&args, &content)?;
        if cleaned.trim_ascii_end() != entry.oid.as_bytes() {
            rewritten.push(path.to_vec());
        }
    }
    Ok(rewritten)
}

fn is_file(kind: Kind) -> bool {
    matches!(kind, Kind::File | Kind::Executable)
}
