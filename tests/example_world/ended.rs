//! How a program ended and what it said.

/// Exit code and output of a program.
pub struct Ended {
    /// `None`: a signal ended it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// Fails with everything that was said unless the exit code is `code`.
    #[track_caller]
    pub fn must_exit(self, code: i32) -> Ended {
        assert_eq!(self.code, Some(code), "\n--- stdout\n{}\n--- stderr\n{}", self.out, self.err);
        self
    }

    /// Fails unless `text` was printed, on either stream.
    #[track_caller]
    pub fn must_say(self, text: &str) -> Ended {
        assert!(self.says(text), "{text:?} was not said\n--- stdout\n{}\n--- stderr\n{}", self.out, self.err);
        self
    }

    /// Whether `text` was printed, on either stream.
    pub fn says(&self, text: &str) -> bool {
        self.out.contains(text) || self.err.contains(text)
    }
}
