//! Words to values: a word gives exactly one value, never split, never globbed.

use super::{Abort, Eval};
use crate::diag::Diag;
use crate::step::ast::{At, Part, Statement, Word};
use crate::step::eval::host::Output;

impl Eval<'_> {
    pub(super) fn word(&mut self, word: &Word) -> Result<String, Abort> {
        let mut out = String::new();
        self.parts(&word.parts, &mut out)?;
        Ok(out)
    }

    fn parts(&mut self, parts: &[Part], out: &mut String) -> Result<(), Abort> {
        for part in parts {
            match part {
                Part::Text(text) | Part::Single(text) => out.push_str(text),
                Part::Double(inner) => self.parts(inner, out)?,
                Part::Var(name, at) => match self.lookup(name) {
                    Some(value) => out.push_str(value),
                    None => {
                        return Err(Abort::failed(
                            2,
                            self.place(super::super::check::unset(name, self.env.names()), *at),
                        ));
                    }
                },
                Part::Default(name, word, _) => match self.lookup(name) {
                    Some(value) if !value.is_empty() => out.push_str(value),
                    _ => self.parts(&word.parts, out)?,
                },
                Part::Substitution(statement, at) => out.push_str(&self.substitution(statement, *at)?),
            }
        }
        Ok(())
    }

    fn lookup(&self, name: &str) -> Option<&str> {
        self.env.get(name)
    }

    /// Runs a statement with its output captured, in a copy of the state: what it sets and
    /// where it goes is gone afterwards.
    fn substitution(&mut self, statement: &Statement, at: At) -> Result<String, Abort> {
        let capture = self.host.capture().map_err(|e| {
            Abort::failed(
                1,
                self.place(Diag::error("step::capture", format!("can't capture the output: {e}")), at),
            )
        })?;
        let env = self.env.clone();
        let stdout = std::mem::replace(&mut self.stdout, Output::File(capture));
        let words = std::mem::take(&mut self.words);
        let last = self.last;
        let result = self.statement(statement);
        self.words = words;
        self.stdout = stdout;
        self.env = env;
        self.last = last;
        let bytes = self.host.close(capture);
        let code = match result {
            Ok(code) | Err(Abort::Exit(code)) => code,
            Err(abort) => return Err(abort),
        };
        if code != 0 {
            let diag = Diag::error("step::substitution-failed", format!("$(…) failed with exit code {code}"))
                .help("a statement fails with its substitution; where that is fine: $(COMMAND || true)");
            return Err(Abort::failed(code, self.place(diag, at)));
        }
        self.captured(bytes, at)
    }

    fn captured(&self, bytes: std::io::Result<Vec<u8>>, at: At) -> Result<String, Abort> {
        let unusable = |why: &str| {
            let diag =
                Diag::error("step::substitution-output", format!("the output of $(…) is unusable: {why}"))
                    .help("write it to a file instead: COMMAND > FILE");
            Abort::failed(1, self.place(diag, at))
        };
        let bytes = bytes.map_err(|e| unusable(&e.to_string()))?;
        if bytes.contains(&0) {
            return Err(unusable("it holds a NUL byte"));
        }
        let mut text = String::from_utf8(bytes).map_err(|_| unusable("it is not UTF-8"))?;
        while text.ends_with('\n') {
            text.truncate(text.len() - if text.ends_with("\r\n") { 2 } else { 1 });
        }
        Ok(text)
    }
}
