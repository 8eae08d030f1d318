//! Files that a commit adds although a `.gitignore` of its own tree covers them (`git add -f`).

use super::git::{At, Failure, Git, fields, run, succeed};
use super::history::Step;
use super::landable::shown;

/// Those of the paths that the commit adds which its `.gitignore` files cover.
pub fn added(git: &Git, step: &Step) -> Result<Vec<Vec<u8>>, Failure> {
    let added: Vec<&[u8]> = step.added().collect();
    let rules = if added.is_empty() { Vec::new() } else { rule_files(git, &step.commit)? };
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    // A repository of nothing but these files: no configuration, index or exclude file counts.
    let place = tempfile::tempdir().at(|| "can't make a temporary directory".to_owned())?;
    let empty = Git::at(place.path());
    empty.bytes(&["init", "-q", "--template="])?;
    for (path, oid) in rules {
        let file = place.path().join(super::agent::os_path(&path));
        if let Some(dir) = file.parent() {
            std::fs::create_dir_all(dir).at(|| format!("can't make {}", dir.display()))?;
        }
        let content = git.bytes(&["cat-file", "blob", &oid])?;
        std::fs::write(&file, content).at(|| format!("can't write {}", shown(&path)))?;
    }
    let input: Vec<u8> = added.iter().flat_map(|path| [b"./", *path, b"\0"].concat()).collect();
    let mut ask = empty.command(&["check-ignore", "--no-index", "-z", "--stdin"]);
    let output = run(&mut ask, &input)?;
    match output.status.code() {
        Some(0) => {
            Ok(fields(&output.stdout).map(|path| path.strip_prefix(b"./").unwrap_or(path).to_vec()).collect())
        }
        Some(1) => Ok(Vec::new()), // None of them.
        // Says what is wrong.
        _ => succeed(ask, &input).map(|_| Vec::new()),
    }
}

/// The commit's `.gitignore` files with their content's ids. A link is not read by git either.
fn rule_files(git: &Git, commit: &str) -> Result<Vec<(Vec<u8>, String)>, Failure> {
    let listing = git.bytes(&["ls-tree", "-r", "-z", commit])?;
    let entry = |line: &[u8]| {
        let tab = line.iter().position(|b| *b == b'\t')?;
        let path = line.get(tab + 1..)?;
        let head = std::str::from_utf8(line.get(..tab)?).ok()?;
        let is_rule = path == b".gitignore" || path.ends_with(b"/.gitignore");
        let oid = head.rsplit(' ').next()?.to_owned();
        (is_rule && head.starts_with("100")).then(|| (path.to_vec(), oid))
    };
    Ok(fields(&listing).filter_map(entry).collect())
}
