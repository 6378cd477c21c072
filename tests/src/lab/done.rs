// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a command did.

use std::process::Output;

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Exit status; none if it was killed.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Done {
    /// Insists on an exit status.
    #[track_caller]
    #[must_use]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Insists on a piece of standard error.
    #[track_caller]
    #[must_use]
    pub fn says(self, piece: &str) -> Self {
        assert!(self.stderr.contains(piece), "no {piece:?} in {self:#?}");
        self
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}
