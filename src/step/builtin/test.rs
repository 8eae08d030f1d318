//! `test`: the conditions that work everywhere.

use super::{Call, FileKind, Result, Trouble};

const FORMS: &str = "there are test -e|-f|-d PATH, test -n|-z TEXT, test A = B and test A != B";

impl Call<'_, '_> {
    pub(super) fn test(&mut self) -> Result<i32> {
        let words: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let holds = match words.as_slice() {
            [] => false,
            [text] => !text.is_empty(),
            ["-n", text] => !text.is_empty(),
            ["-z", text] => text.is_empty(),
            ["-e", path] => self.is(path, |_| true),
            ["-f", path] => self.is(path, |kind| kind == FileKind::File),
            ["-d", path] => self.is(path, |kind| kind == FileKind::Dir),
            [a, "=", b] => a == b,
            [a, "!=", b] => a != b,
            ["!", ..] => return usage("'!' stands before test: ! test …"),
            [_, "==", _] => return usage("'==' is written ="),
            [_, op @ ("-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge"), _] => {
                return usage(&format!("{op} compares numbers, which only the program does: command test …"));
            }
            _ if words.iter().any(|w| matches!(*w, "-a" | "-o")) => {
                return usage("-a and -o do not exist: join two tests by && or ||");
            }
            [op, _] if op.starts_with('-') => {
                return usage(&format!("{op} is not built in; the program may have it: command test {op} …"));
            }
            _ => return usage(FORMS),
        };
        Ok(i32::from(!holds))
    }

    fn is(&self, path: &str, wanted: impl Fn(FileKind) -> bool) -> bool {
        !path.is_empty() && self.files.kind(&self.path(path), true).ok().flatten().is_some_and(wanted)
    }
}

fn usage(message: &str) -> Result<i32> {
    Err(Trouble::Usage(message.to_owned()))
}
