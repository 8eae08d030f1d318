//! The agent of a replay: removes and writes in the current directory what a node's commit did.
//!
//! The plan is a directory beside the clone with a file for each node: records that end in NUL,
//! `D path` for a path that goes, `F`, `X` or `L`, a blob's id and the path for a file, an
//! executable or a link that comes.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use super::git::{At, Failure, Git, fields};
use super::history::{Kind, Step};
use super::landable::shown;

/// The directory of the clone, beside the plan.
pub const CLONE: &str = "repository";

/// Git's bytes as the platform's path.
pub fn os_path(path: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(path))
}

/// A node's file of the plan.
pub fn plan(step: &Step) -> Vec<u8> {
    let mut out = Vec::new();
    for path in step.deleted() {
        out.extend([b"D ", path, b"\0"].concat());
    }
    for (path, entry) in step.written() {
        let letter = match entry.kind {
            Kind::File => b"F ",
            Kind::Executable => b"X ",
            Kind::Link => b"L ",
            Kind::Submodule => continue,
        };
        out.extend([letter, entry.oid.as_bytes(), b" ", path, b"\0"].concat());
    }
    out
}

/// Does the work of the node that the environment names.
pub fn main(plan: &Path) -> Result<(), Failure> {
    // The prompt says nothing that the plan does not.
    std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink())
        .at(|| "can't read the prompt".to_owned())?;
    let node = std::env::var("AUDITRUN_NODE_ID").map_err(|_| Failure::new("AUDITRUN_NODE_ID is not set"))?;
    let file = plan.join(&node);
    let records = fs::read(&file).at(|| format!("can't read {}", file.display()))?;
    let clone = plan.parent().unwrap_or(plan).join(CLONE);
    let (removed, written) = carry_out(&records, &Git::at(clone))?;
    println!("{node}: {written} written, {removed} removed");
    Ok(())
}

/// What goes, goes first: a directory may come in the place of a file.
fn carry_out(records: &[u8], git: &Git) -> Result<(usize, usize), Failure> {
    let malformed = || Failure::new("the plan is malformed");
    let mut blobs = Blobs::open(git)?;
    let (mut removed, mut written) = (0, 0);
    for record in fields(records) {
        if let Some(path) = record.strip_prefix(b"D ") {
            remove(path)?;
            removed += 1;
            continue;
        }
        let mut words = record.splitn(3, |b| *b == b' ');
        let (Some(kind), Some(oid), Some(path)) = (words.next(), words.next(), words.next()) else {
            return Err(malformed());
        };
        let content = blobs.read(oid)?;
        write(kind, path, &content).at(|| format!("can't write {}", shown(path)))?;
        written += 1;
    }
    Ok((removed, written))
}

/// Removes a file and the directories that it leaves empty, as git does.
fn remove(path: &[u8]) -> Result<(), Failure> {
    let path = os_path(path);
    fs::remove_file(&path).at(|| format!("can't remove {}", path.display()))?;
    let mut dir = path.parent();
    while let Some(empty) = dir.filter(|d| !d.as_os_str().is_empty()) {
        if fs::remove_dir(empty).is_err() {
            break; // Something else is in it.
        }
        dir = empty.parent();
    }
    Ok(())
}

fn write(kind: &[u8], path: &[u8], content: &[u8]) -> std::io::Result<()> {
    let path = os_path(path);
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    match fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    if kind == b"L" {
        return symlink(OsStr::from_bytes(content), &path);
    }
    let mode = if kind == b"X" { 0o755 } else { 0o644 };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path)?;
    file.write_all(content)?;
    // Whatever the umask is: the owner's bit is what git looks at.
    file.set_permissions(Permissions::from_mode(mode))
}

/// One `git cat-file --batch` for all blobs of a node.
struct Blobs {
    child: Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Blobs {
    fn open(git: &Git) -> Result<Blobs, Failure> {
        let mut command = git.command(&["cat-file", "--batch"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().at(|| "can't start git".to_owned())?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(ask), Some(out)) => Ok(Blobs { child, ask: Some(ask), answers: BufReader::new(out) }),
            _ => Err(Failure::new("git has no pipes")),
        }
    }

    fn read(&mut self, oid: &[u8]) -> Result<Vec<u8>, Failure> {
        self.exchange(oid).at(|| format!("can't read blob {}", String::from_utf8_lossy(oid)))
    }

    /// The answer is a line `<id> blob <size>`, the content and a line end.
    fn exchange(&mut self, oid: &[u8]) -> std::io::Result<Vec<u8>> {
        if let Some(ask) = &mut self.ask {
            ask.write_all(&[oid, b"\n"].concat())?;
            ask.flush()?;
        }
        let mut head = String::new();
        self.answers.read_line(&mut head)?;
        let size = head.trim_end().rsplit_once(" blob ").and_then(|(_, size)| size.parse::<u64>().ok());
        let size = size.ok_or_else(|| std::io::Error::other(format!("git said: {}", head.trim_end())))?;
        let mut content = Vec::new();
        self.answers.by_ref().take(size).read_to_end(&mut content)?;
        let mut end = [0];
        self.answers.read_exact(&mut end)?;
        Ok(content)
    }
}

impl Drop for Blobs {
    /// It ends when nobody can ask any more.
    fn drop(&mut self) {
        self.ask = None;
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::{Change, Entry};
    use super::*;

    #[test]
    fn a_plan_removes_before_it_writes() {
        let entry = |kind| Some(Entry { kind, oid: "11".to_owned() });
        let changes = vec![
            Change { path: b"a".to_vec(), old: None, new: entry(Kind::Executable) },
            Change { path: b"b \xff".to_vec(), old: entry(Kind::File), new: None },
            Change { path: b"l".to_vec(), old: None, new: entry(Kind::Link) },
        ];
        let step = Step { commit: "c".into(), parent: "p".into(), message: String::new(), changes, lines: 0 };
        assert_eq!(plan(&step), b"D b \xff\0X 11 a\0L 11 l\0");
    }
}
