//! `cp` and `mv`.

use std::io;
use std::path::{Path, PathBuf};

use super::{Call, FileKind, Result, Trouble, describe, missing};

impl Call<'_, '_> {
    pub(super) fn cp(&mut self) -> Result<i32> {
        let (options, operands) = self.options("rRf", "cp")?;
        let deep = options.contains(['r', 'R']);
        self.each_target("cp", &operands, |call, from, to| call.copy(from, to, deep))
    }

    pub(super) fn mv(&mut self) -> Result<i32> {
        let (_, operands) = self.options("f", "mv")?;
        self.each_target("mv", &operands, |call, from, to| call.shift(from, to))
    }

    /// The last operand is where the others go: into it if it is a folder.
    fn each_target(
        &mut self,
        verb: &str,
        operands: &[&str],
        act: impl Fn(&Self, &Path, &Path) -> io::Result<()>,
    ) -> Result<i32> {
        let Some((last, sources)) = operands.split_last().filter(|(_, sources)| !sources.is_empty()) else {
            return Err(Trouble::Usage(format!("needs a source and a target: {verb} FROM TO")));
        };
        let target = self.path(last);
        let into = self.files.kind(&target, true)? == Some(FileKind::Dir);
        if !into && (sources.len() > 1 || last.ends_with('/')) && (sources.len() > 1 || !self.is_dir(sources))
        {
            return Err(Trouble::Failed(format!("{last}: is not a folder")));
        }
        let mut code = 0;
        for source in sources {
            let from = self.path(source);
            let to = self.destination(&from, &target, into);
            let done = self.distinct(&from, &to).and_then(|()| act(self, &from, &to));
            if let Err(error) = done {
                self.complain(verb, &missing(source, &error))?;
                code = 1;
            }
        }
        Ok(code)
    }

    fn is_dir(&self, sources: &[&str]) -> bool {
        let kind = sources.first().map(|s| self.files.kind(&self.path(s), true));
        matches!(kind, Some(Ok(Some(FileKind::Dir))))
    }

    fn destination(&self, from: &Path, target: &Path, into: bool) -> PathBuf {
        match from.file_name().map(ToOwned::to_owned).or_else(|| self.real_name(from)) {
            Some(name) if into => target.join(name),
            _ => target.to_owned(),
        }
    }

    /// The name of `.` or `x/..`.
    fn real_name(&self, path: &Path) -> Option<std::ffi::OsString> {
        self.files.canonical(path).ok()?.file_name().map(ToOwned::to_owned)
    }

    /// A thing can't be copied or moved onto or into itself.
    fn distinct(&self, from: &Path, to: &Path) -> io::Result<()> {
        let Ok(source) = self.files.canonical(from) else { return Ok(()) };
        let parent = to.parent().and_then(|p| self.files.canonical(p).ok());
        let target = self.files.canonical(to).ok().or_else(|| Some(parent?.join(to.file_name()?)));
        match target {
            Some(target) if target == source => Err(io::Error::other("source and target are the same")),
            Some(target)
                if target.starts_with(&source) && self.files.kind(from, false)? == Some(FileKind::Dir) =>
            {
                Err(io::Error::other("a folder can't go into itself"))
            }
            _ => Ok(()),
        }
    }

    fn copy(&self, from: &Path, to: &Path, deep: bool) -> io::Result<()> {
        match self.files.kind(from, !deep)? {
            None => Err(io::ErrorKind::NotFound.into()),
            Some(FileKind::Dir) if !deep => Err(io::Error::other("is a folder: cp -r copies it")),
            Some(FileKind::Dir) => self.copy_dir(from, to),
            Some(FileKind::Link) => self.replace_link(from, to),
            Some(FileKind::File | FileKind::Other) => self.files.copy_file(from, to),
        }
    }

    fn replace_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        if matches!(self.files.kind(to, false)?, Some(FileKind::Link | FileKind::File)) {
            self.files.remove_file(to)?;
        }
        self.files.copy_link(from, to)
    }

    fn copy_dir(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut pending = vec![(from.to_owned(), to.to_owned())];
        while let Some((from, to)) = pending.pop() {
            if self.files.kind(&to, true)? != Some(FileKind::Dir) {
                self.files.make_dir(&to)?;
            }
            for name in self.files.list(&from)? {
                let (from, to) = (from.join(&name), to.join(&name));
                if self.files.kind(&from, false)? == Some(FileKind::Dir) {
                    pending.push((from, to));
                } else {
                    self.copy(&from, &to, true).map_err(|e| named(&from, &e))?;
                }
            }
        }
        Ok(())
    }

    /// Renames; where that can't be (another disk), copies and removes.
    fn shift(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.files.kind(from, false)?.is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        match self.files.rename(from, to) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                self.copy(from, to, true)?;
                self.remove_tree(from)
            }
            result => result,
        }
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::other(format!("{}: {}", path.display(), describe(error)))
}
