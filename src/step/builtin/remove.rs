//! `rm`, which never follows a link and never takes the ground it stands on.

use std::io;
use std::path::Path;

use super::{Call, FileKind, Result, Trouble, missing};

impl Call<'_, '_> {
    pub(super) fn rm(&mut self) -> Result<i32> {
        let (options, operands) = self.options("rRf", "rm")?;
        let (deep, force) = (options.contains(['r', 'R']), options.contains('f'));
        if operands.is_empty() && !force {
            return Err(Trouble::Usage("needs a file or folder".to_owned()));
        }
        let mut code = 0;
        for operand in operands {
            match self.remove(operand, deep) {
                Err(error) if force && error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    self.complain("rm", &missing(operand, &error))?;
                    code = 1;
                }
                Ok(()) => {}
            }
        }
        Ok(code)
    }

    fn remove(&self, operand: &str, deep: bool) -> io::Result<()> {
        if operand.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let path = self.path(operand);
        self.guard(operand, &path)?;
        match self.files.kind(&path, false)? {
            None => Err(io::ErrorKind::NotFound.into()),
            Some(FileKind::Dir) if !deep => Err(io::Error::other("is a folder: rm -r removes it")),
            Some(_) => self.remove_tree(&path),
        }
    }

    /// The root, the current folder and what it lies in are never removed: an empty
    /// variable in `rm -r $DIR/` must not cost a disk.
    fn guard(&self, operand: &str, path: &Path) -> io::Result<()> {
        let last = operand.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or("");
        let named = matches!(last, "" | "." | "..");
        let is_link = self.files.kind(path, false)? == Some(FileKind::Link);
        let real = if is_link { None } else { self.files.canonical(path).ok() };
        let cwd = self.files.canonical(self.cwd).unwrap_or_else(|_| self.cwd.to_owned());
        if named || real.is_some_and(|real| cwd.starts_with(real)) {
            return Err(io::Error::other("refuses to remove the root, the current folder or one around it"));
        }
        Ok(())
    }

    /// Removes without recursion, so that a deep tree can't exhaust the stack.
    pub(super) fn remove_tree(&self, path: &Path) -> io::Result<()> {
        if self.files.kind(path, false)? != Some(FileKind::Dir) {
            return self.files.remove_file(path);
        }
        let mut pending = vec![(path.to_owned(), false)];
        while let Some((dir, emptied)) = pending.pop() {
            if emptied {
                self.files.remove_dir(&dir)?;
                continue;
            }
            pending.push((dir.clone(), true));
            for name in self.files.list(&dir)? {
                let inner = dir.join(name);
                if self.files.kind(&inner, false)? == Some(FileKind::Dir) {
                    pending.push((inner, false));
                } else {
                    self.files.remove_file(&inner)?;
                }
            }
        }
        Ok(())
    }
}
