//! Objects: blobs, trees and commits, read and made, and trees edited without a checkout.

use std::collections::BTreeMap;

use crate::base::{Oid, RepoPath};
use crate::files::Scratch;
use crate::process;

use super::cmd;
use super::repo::split_identity;
use super::{Commit, GitError, NewCommit, Repo};

/// Mode of a regular file.
pub(super) const FILE: u32 = 0o100_644;
/// Mode of a symbolic link.
pub(super) const LINK: u32 = 0o120_000;
/// Mode of a submodule's entry.
pub(super) const GITLINK: u32 = 0o160_000;

/// A tree's entry: mode and object.
pub(super) type Entry = (u32, Oid);
/// One edit of a directory: a path relative to it, and what shall stand there.
type Edit<'a> = (&'a [u8], Option<&'a Entry>);
/// Paths with what shall stand there; `None`: nothing.
pub(super) type Edits = BTreeMap<Vec<u8>, Option<Entry>>;

pub(super) fn to_git2(id: &Oid) -> Option<git2::Oid> {
    git2::Oid::from_str(id.as_str()).ok()
}

pub(super) fn from_git2(id: git2::Oid) -> Option<Oid> {
    Oid::parse(&id.to_string())
}

impl Repo {
    /// A file's bytes at a commit (or tree); `None` if there is no file at `path`.
    ///
    /// # Errors
    /// git failed.
    pub fn blob(&self, commit: &Oid, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        if let Some(found) = self.blob_fast(commit, path) {
            return Ok(found);
        }
        let listed = self.git().run(&["ls-tree", "-z", "--full-tree", commit.as_str(), "--", path])?;
        let entry = cmd::fields(&listed).find_map(parse_entry);
        match entry {
            Some((name, (mode, id))) if is_file(mode) && name == path.as_bytes() => {
                self.object(&id).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// `None`: libgit2 can't tell. A whole bundle is read so, file by file.
    fn blob_fast(&self, commit: &Oid, path: &str) -> Option<Option<Vec<u8>>> {
        let repo = self.fast()?;
        let tree = repo.find_object(to_git2(commit)?, None).ok()?.peel_to_tree().ok()?;
        match tree.get_path(std::path::Path::new(path)) {
            Ok(entry) if is_file(entry.filemode().cast_unsigned()) => {
                Some(Some(repo.find_blob(entry.id()).ok()?.content().to_vec()))
            }
            Ok(_) => Some(None),
            Err(e) if e.code() == git2::ErrorCode::NotFound => Some(None),
            Err(_) => None,
        }
    }

    pub(super) fn object(&self, id: &Oid) -> Result<Vec<u8>, GitError> {
        if let (Some(repo), Some(found)) = (self.fast(), to_git2(id))
            && let Ok(blob) = repo.find_blob(found)
        {
            return Ok(blob.content().to_vec());
        }
        self.git().run(&["cat-file", "blob", id.as_str()])
    }

    /// Every file below `dir` (empty: the root) in byte order; submodules are not files.
    ///
    /// # Errors
    /// git failed.
    pub fn files(&self, commit: &Oid, dir: &str) -> Result<Vec<RepoPath>, GitError> {
        let below = format!("{}/", dir.trim_end_matches('/'));
        let all = self.listing(commit)?;
        let inside = all.into_iter().filter(|(path, (mode, _))| {
            *mode != GITLINK && (dir.is_empty() || path.starts_with(below.as_bytes()))
        });
        Ok(inside.map(|(path, _)| RepoPath::from_bytes(path)).collect())
    }

    /// Every entry of a commit or tree, submodules included, by path.
    pub(super) fn listing(&self, tree: &Oid) -> Result<BTreeMap<Vec<u8>, Entry>, GitError> {
        let listed = self.git().run(&["ls-tree", "-r", "-z", "--full-tree", tree.as_str()])?;
        Ok(cmd::fields(&listed).filter_map(parse_entry).map(|(path, e)| (path.to_vec(), e)).collect())
    }

    /// The tree of a commit (or of a tree: itself).
    ///
    /// # Errors
    /// There is no such object, or git failed.
    pub fn tree_of(&self, commit: &Oid) -> Result<Oid, GitError> {
        if let (Some(repo), Some(id)) = (self.fast(), to_git2(commit))
            && let Ok(tree) = repo.find_object(id, None).and_then(|o| o.peel_to_tree())
            && let Some(tree) = from_git2(tree.id())
        {
            return Ok(tree);
        }
        let tree = format!("{commit}^{{tree}}");
        let out = self.git().run(&["rev-parse", "--verify", "--end-of-options", &tree])?;
        cmd::oid("git rev-parse", &out)
    }

    /// Commits reachable from `head` and not from `base`, oldest first, parents always
    /// before their children.
    ///
    /// # Errors
    /// git failed.
    pub fn commits(&self, base: &Oid, head: &Oid) -> Result<Vec<Commit>, GitError> {
        let range = format!("{base}..{head}");
        let format = "--format=%H%x00%T%x00%P%x00%B%x00%x01";
        let args = ["log", "-z", "--topo-order", "--reverse", "--no-show-signature", "--encoding=UTF-8"];
        let args: Vec<&str> = args.into_iter().chain([format, &range, "--"]).collect();
        let out = self.git().run(&args)?;
        Ok(String::from_utf8_lossy(&out).split("\0\u{1}").filter_map(parse_commit).collect())
    }

    /// A commit by its id.
    ///
    /// # Errors
    /// There is no such commit, or git failed.
    pub fn commit(&self, id: &Oid) -> Result<Commit, GitError> {
        let args = ["log", "-z", "-1", "--no-show-signature", "--encoding=UTF-8"];
        let format = "--format=%H%x00%T%x00%P%x00%B%x00%x01";
        let args: Vec<&str> = args.into_iter().chain([format, id.as_str(), "--"]).collect();
        let out = self.git().run(&args)?;
        let found = String::from_utf8_lossy(&out).split("\0\u{1}").find_map(parse_commit);
        found.ok_or_else(|| GitError::Failed { what: format!("commit {id}"), detail: "not found".to_owned() })
    }

    /// Makes a commit: the author as given, the committer git's configured identity or the
    /// harness's own, the message byte for byte, no hooks.
    ///
    /// # Errors
    /// The author is not `Name <mail>`, signing failed, or git failed.
    pub fn commit_tree(&self, commit: &NewCommit) -> Result<Oid, GitError> {
        cmd::step("making a commit")?;
        let author = split_identity(&commit.author).ok_or_else(|| GitError::Failed {
            what: "making a commit".to_owned(),
            detail: format!("the author {:?} does not have the form \"Name <mail>\"", commit.author),
        })?;
        let dated = std::env::var_os("GIT_COMMITTER_DATE").is_some();
        if !commit.sign
            && !dated
            && let Some(id) = self.commit_fast(commit, &author)
        {
            return Ok(id);
        }
        self.commit_plain(commit, &author)
    }

    fn commit_fast(&self, commit: &NewCommit, author: &(String, String)) -> Option<Oid> {
        let committer = self.committer();
        let repo = self.fast()?;
        let author = git2::Signature::now(&author.0, &author.1).ok()?;
        let committer = git2::Signature::now(&committer.0, &committer.1).ok()?;
        let tree = repo.find_tree(to_git2(&commit.tree)?).ok()?;
        let parents: Option<Vec<_>> =
            commit.parents.iter().map(|p| repo.find_commit(to_git2(p)?).ok()).collect();
        let parents = parents?;
        let parents: Vec<&git2::Commit<'_>> = parents.iter().collect();
        from_git2(repo.commit(None, &author, &committer, &commit.message, &tree, &parents).ok()?)
    }

    fn commit_plain(&self, commit: &NewCommit, author: &(String, String)) -> Result<Oid, GitError> {
        let (name, mail) = self.committer();
        let mut args = vec!["commit-tree"];
        if commit.sign {
            args.push("-S");
        }
        for parent in &commit.parents {
            args.extend(["-p", parent.as_str()]);
        }
        args.push(commit.tree.as_str());
        let git = self.git().env("GIT_AUTHOR_NAME", &author.0).env("GIT_AUTHOR_EMAIL", &author.1);
        let git = git.env("GIT_COMMITTER_NAME", name).env("GIT_COMMITTER_EMAIL", mail);
        cmd::oid("git commit-tree", &git.feed(&args, commit.message.as_bytes())?)
    }

    /// The best common ancestor; `None` if there is none.
    ///
    /// # Errors
    /// git failed.
    pub fn merge_base(&self, a: &Oid, b: &Oid) -> Result<Option<Oid>, GitError> {
        let out = self.git().ask(&["merge-base", a.as_str(), b.as_str()], &[])?;
        out.map(|out| cmd::oid("git merge-base", &out)).transpose()
    }

    /// A tree like `tree` (`None`: the empty one) with files replaced, added or (`None`)
    /// removed. A replaced file keeps its mode unless it was a link; a new one is not executable.
    ///
    /// # Errors
    /// A path can't stand in a tree, or git failed.
    pub fn edit_tree(
        &self,
        tree: Option<&Oid>,
        edits: &[(String, Option<Vec<u8>>)],
    ) -> Result<Oid, GitError> {
        let mut all = Edits::new();
        for (path, content) in edits {
            let entry = match content {
                None => None,
                Some(bytes) => Some((self.mode_at(tree, path)?, self.write_blob(bytes)?)),
            };
            all.insert(path.as_bytes().to_vec(), entry);
        }
        self.apply(tree, &all)
    }

    fn mode_at(&self, tree: Option<&Oid>, path: &str) -> Result<u32, GitError> {
        let Some(tree) = tree else { return Ok(FILE) };
        if let (Some(repo), Some(id)) = (self.fast(), to_git2(tree))
            && let Ok(tree) = repo.find_object(id, None).and_then(|o| o.peel_to_tree())
        {
            let found = tree.get_path(std::path::Path::new(path)).ok();
            return Ok(file_mode(found.map(|e| e.filemode().cast_unsigned())));
        }
        let listed = self.git().run(&["ls-tree", "-z", "--full-tree", tree.as_str(), "--", path])?;
        let found = cmd::fields(&listed).find_map(parse_entry);
        Ok(file_mode(found.map(|(_, (mode, _))| mode)))
    }

    fn write_blob(&self, bytes: &[u8]) -> Result<Oid, GitError> {
        if let Some(repo) = self.fast()
            && let Some(id) = repo.blob(bytes).ok().and_then(from_git2)
        {
            return Ok(id);
        }
        let args = ["hash-object", "-w", "--no-filters", "--stdin"];
        cmd::oid("git hash-object", &self.git().feed(&args, bytes)?)
    }

    /// A tree with entries replaced: only the directories on the way are read and written.
    pub(super) fn apply(&self, tree: Option<&Oid>, edits: &Edits) -> Result<Oid, GitError> {
        if let (Some(tree), true) = (tree, edits.is_empty()) {
            return self.tree_of(tree);
        }
        // libgit2 would put any name into a tree.
        if let Some(bad) = edits.keys().find(|path| !may_stand(path)) {
            let what = format!("a tree with {}", RepoPath::from_bytes(bad.as_slice()));
            return Err(GitError::Failed { what, detail: "git allows no such path".to_owned() });
        }
        if let Some(id) = self.apply_fast(tree, edits) {
            return Ok(id);
        }
        self.apply_plain(tree, edits)
    }

    fn apply_fast(&self, tree: Option<&Oid>, edits: &Edits) -> Option<Oid> {
        let repo = self.fast()?;
        let start = match tree {
            Some(id) => Some(repo.find_object(to_git2(id)?, None).ok()?.peel_to_tree().ok()?),
            None => None,
        };
        let edits: Vec<Edit<'_>> =
            edits.iter().map(|(path, entry)| (path.as_slice(), entry.as_ref())).collect();
        let built = edit_level(&repo, start.as_ref(), &edits).ok()?;
        let id = match built {
            Some(id) => id,
            None => repo.treebuilder(None).ok()?.write().ok()?,
        };
        from_git2(id)
    }

    /// The same through an index of its own.
    fn apply_plain(&self, tree: Option<&Oid>, edits: &Edits) -> Result<Oid, GitError> {
        let made = Scratch::new(&process::stamp());
        let dir = made.map_err(cmd::io("making a temporary directory"))?;
        let git = self.git().index(&dir.path().join("index"));
        match tree {
            Some(tree) => git.run(&["read-tree", tree.as_str()])?,
            None => git.run(&["read-tree", "--empty"])?,
        };
        // Removals first: a file may give way to a directory of its name, and the reverse.
        let mut input = Vec::new();
        for (path, _) in edits.iter().filter(|(_, entry)| entry.is_none()) {
            index_line(&mut input, 0, &"0".repeat(self.hex_len()), path);
        }
        for (path, entry) in edits {
            if let Some((mode, id)) = entry {
                index_line(&mut input, *mode, id.as_str(), path);
            }
        }
        git.feed(&["update-index", "-z", "--add", "--replace", "--index-info"], &input)?;
        cmd::oid("git write-tree", &git.run(&["write-tree"])?)
    }

    /// Bytes that a checkout of `commit` takes, roughly: whole blocks of 4 KiB. Sizes that a
    /// partial clone would have to fetch are guessed.
    ///
    /// # Errors
    /// git failed.
    pub fn checkout_size(&self, commit: &Oid) -> Result<u64, GitError> {
        const BLOCK: u64 = 4096;
        const GUESS: u64 = 16 * 1024;
        if self.is_partial() {
            return Ok(self.listing(commit)?.len() as u64 * GUESS);
        }
        let out = self.git().run(&["ls-tree", "-r", "-l", "-z", "--full-tree", commit.as_str()])?;
        let sizes = cmd::fields(&out).filter_map(|line| {
            let head = line.split(|b| *b == b'\t').next()?;
            std::str::from_utf8(head).ok()?.split_whitespace().nth(3)?.parse::<u64>().ok()
        });
        Ok(sizes.map(|size| size.div_ceil(BLOCK).max(1) * BLOCK).sum())
    }
}

/// True for a path that git lets into an index.
fn may_stand(path: &[u8]) -> bool {
    path.split(|b| *b == b'/')
        .all(|part| !matches!(part, b"" | b"." | b"..") && !part.eq_ignore_ascii_case(b".git"))
}

/// A regular file or a link, as against a directory or submodule.
fn is_file(mode: u32) -> bool {
    mode == LINK || mode & FILE == FILE
}

fn file_mode(found: Option<u32>) -> u32 {
    match found {
        Some(mode) if mode == FILE || mode == 0o100_755 => mode,
        _ => FILE,
    }
}

/// A line for `update-index -z --index-info`; mode 0 removes.
pub(super) fn index_line(input: &mut Vec<u8>, mode: u32, id: &str, path: &[u8]) {
    input.extend_from_slice(format!("{mode:o} {id}\t").as_bytes());
    input.extend_from_slice(path);
    input.push(0);
}

/// `mode type id<TAB>path` of ls-tree, or `mode id stage<TAB>path` of ls-files.
pub(super) fn parse_entry(line: &[u8]) -> Option<(&[u8], Entry)> {
    let tab = line.iter().position(|b| *b == b'\t')?;
    let (head, path) = (line.get(..tab)?, line.get(tab + 1..)?);
    let words: Vec<&str> = std::str::from_utf8(head).ok()?.split(' ').collect();
    let mode = u32::from_str_radix(words.first()?, 8).ok()?;
    let id = words.iter().skip(1).find_map(|word| Oid::parse(word))?;
    Some((path, (mode, id)))
}

pub(super) fn parse_commit(record: &str) -> Option<Commit> {
    let mut parts = record.trim_start_matches('\0').splitn(4, '\0');
    Some(Commit {
        id: Oid::parse(parts.next()?)?,
        tree: Oid::parse(parts.next()?)?,
        parents: parts.next()?.split(' ').filter_map(Oid::parse).collect(),
        message: parts.next()?.to_owned(),
    })
}

/// One directory of an edited tree; `None` if nothing is left in it.
fn edit_level(
    repo: &git2::Repository,
    tree: Option<&git2::Tree<'_>>,
    edits: &[Edit<'_>],
) -> Result<Option<git2::Oid>, git2::Error> {
    let mut builder = repo.treebuilder(tree)?;
    let mut below: BTreeMap<&[u8], Vec<Edit<'_>>> = BTreeMap::new();
    let mut here = Vec::new();
    for (path, entry) in edits {
        match path.iter().position(|b| *b == b'/') {
            Some(cut) => below.entry(&path[..cut]).or_default().push((&path[cut + 1..], *entry)),
            None => here.push((*path, *entry)),
        }
    }
    for (name, _) in here.iter().filter(|(_, entry)| entry.is_none()) {
        // A directory of that name is not the file that was to go.
        let is_file = builder.get(*name)?.is_some_and(|e| e.kind() != Some(git2::ObjectType::Tree));
        if is_file {
            builder.remove(*name)?;
        }
    }
    for (name, inner) in below {
        let old = builder.get(name)?.filter(|e| e.kind() == Some(git2::ObjectType::Tree)).map(|e| e.id());
        let old = old.map(|id| repo.find_tree(id)).transpose()?;
        let old_exists = old.is_some();
        match edit_level(repo, old.as_ref(), &inner)? {
            Some(id) => drop(builder.insert(name, id, 0o040_000)?),
            None if old_exists => builder.remove(name)?,
            None => {}
        }
    }
    for (name, entry) in here {
        if let Some((mode, id)) = entry {
            builder.insert(name, git2::Oid::from_str(id.as_str())?, mode.cast_signed())?;
        }
    }
    if builder.is_empty() { Ok(None) } else { builder.write().map(Some) }
}
