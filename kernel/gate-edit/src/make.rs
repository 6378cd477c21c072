// SPDX-License-Identifier: MIT OR Apache-2.0

//! All edits of one file, made in memory.

use crate::definition::Source;
use crate::edit::Edit;
use crate::fit::{Fit, FitError, fit, render};

/// An edit that is left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Index of the edit.
    pub edit: usize,
    /// What is not there.
    pub error: FitError,
}

/// An edit that does not fit, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Index of the edit.
    pub edit: usize,
    /// Why.
    pub error: FitError,
}

/// A file after its edits were made in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The new contents.
    pub bytes: Vec<u8>,
    /// Optional edits without a place.
    pub skipped: Vec<Skipped>,
}

/// Makes all edits in a file that has none of them.
pub(crate) fn make(source: &Source<'_>, edits: &[&Edit]) -> Result<Made, Vec<Misfit>> {
    let (mut splices, mut skipped, mut misfits) = (Vec::new(), Vec::new(), Vec::new());
    for (edit, one) in edits.iter().enumerate() {
        match fit(source, one) {
            Ok(Fit::Made(made)) => splices.extend(made.into_iter().map(|splice| (edit, splice))),
            Ok(Fit::Skipped(error)) => skipped.push(Skipped { edit, error }),
            Err(error) => misfits.push(Misfit { edit, error }),
        }
    }
    match render(source.text.bytes, splices) {
        Ok(bytes) if misfits.is_empty() => Ok(Made { bytes, skipped }),
        Ok(_) => Err(misfits),
        Err((first, edit)) => {
            let other = edits[first].id.clone();
            misfits.push(Misfit { edit, error: FitError::Overlap { other } });
            Err(misfits)
        }
    }
}
