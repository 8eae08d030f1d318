//! How a call ended, with assertions that show everything when they fail.

use std::process::Output;

pub struct Outcome {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Outcome {
    pub fn of(output: Output) -> Outcome {
        Outcome {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub fn exits(&self, code: i32) -> &Outcome {
        assert!(self.code == code, "wanted exit {code}\n{self:?}");
        assert!(!self.all().contains("panicked"), "{self:?}");
        self
    }

    /// Standard output and standard error together hold all of these.
    #[track_caller]
    pub fn says(&self, words: &[&str]) -> &Outcome {
        let all = self.all();
        words.iter().for_each(|w| assert!(all.contains(w), "{w:?} is missing\n{self:?}"));
        self
    }

    #[track_caller]
    pub fn says_nothing_of(&self, words: &[&str]) -> &Outcome {
        let all = self.all();
        words.iter().for_each(|w| assert!(!all.contains(w), "{w:?} is there\n{self:?}"));
        self
    }

    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}\n{self:?}"))
    }
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.out, self.err)
    }
}
