// SPDX-License-Identifier: MIT OR Apache-2.0

//! Recorded conversations replayed.

pub mod dladm;
pub mod ipsecconf;
pub mod ipseckey;
pub mod kernel;
pub mod key_kernel;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use libtest_mimic::Failed;
use serde::de::DeserializeOwned;

/// How a recorded case came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As recorded.
    Passed,
    /// Not as recorded; the text shows both.
    Failed(String),
    /// Not as recorded, on purpose, and as it is meant to be instead.
    Differs {
        /// The reason.
        decision: Cow<'static, str>,
    },
}

impl Outcome {
    /// As the result of a test: a difference on purpose is none.
    pub fn judge(self) -> Result<(), Failed> {
        match self {
            Self::Passed | Self::Differs { .. } => Ok(()),
            Self::Failed(difference) => Err(difference.into()),
        }
    }
}

/// Reads imported cases, one a line.
fn imported<T: DeserializeOwned>(lines: &str) -> Result<Vec<T>, String> {
    lines
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).map_err(|error| format!("{error}: {line:.60}")))
        .collect()
}

/// The files of a directory of recorded cases, one case each, in the order of their names.
/// What begins with `_` is no case.
fn case_files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".json") && !name.starts_with('_') {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Reads one of them.
fn read_case<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    let named = |error: &dyn fmt::Display| format!("{}: {error}", path.display());
    let bytes = fs::read(path).map_err(|error| io::Error::new(error.kind(), named(&error)))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, named(&error)))
}

/// The outcomes of many cases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    rows: Vec<(String, Outcome)>,
}

impl Report {
    /// Adds the outcome of a case.
    pub fn add(&mut self, id: impl Into<String>, outcome: Outcome) {
        self.rows.push((id.into(), outcome));
    }

    /// All outcomes, each with the name of its case.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &Outcome)> {
        self.rows.iter().map(|(id, outcome)| (id.as_str(), outcome))
    }

    /// Number of cases as recorded, failed, and different on purpose.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        self.rows().fold((0, 0, 0), |(passed, failed, differ), (_, outcome)| match outcome {
            Outcome::Passed => (passed + 1, failed, differ),
            Outcome::Failed(_) => (passed, failed + 1, differ),
            Outcome::Differs { .. } => (passed, failed, differ + 1),
        })
    }

    /// Did nothing fail?
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.counts().1 == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, outcome) in self.rows() {
            match outcome {
                Outcome::Passed => {}
                Outcome::Failed(diff) => writeln!(f, "{id}: failed\n{}", diff.trim_end())?,
                Outcome::Differs { decision } => writeln!(f, "{id}: differs ({decision})")?,
            }
        }
        let (passed, failed, differ) = self.counts();
        writeln!(f, "{passed} passed, {failed} failed, {differ} differ by decision")
    }
}
