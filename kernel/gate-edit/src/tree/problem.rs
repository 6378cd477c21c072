// SPDX-License-Identifier: MIT OR Apache-2.0

//! What keeps a checkout from being edited.

use std::io;

use crate::edit::Edit;
use crate::fit::FitError;

/// What is wrong with a checkout, or with a list for this checkout.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It is something else.
    #[error("{path}: no such directory; expected a checkout of illumos-gate")]
    NoGate {
        /// The directory that is missing.
        path: String,
    },
    /// An edit does not fit.
    #[error("{}: edit {}: {error}\n    {} (hook {}): {}", edit.path, edit.id, edit.source, edit.hooks.join(", "), edit.why)]
    Misfit {
        /// The edit.
        edit: Box<Edit>,
        /// Why.
        error: FitError,
    },
    /// A file is not in the gate.
    #[error("{path}: no such file in the gate; expected by {}", edits.join(", "))]
    NoFile {
        /// The file.
        path: String,
        /// The edits that are not optional.
        edits: Vec<String>,
    },
    /// It cannot be replaced.
    #[error("{path}: no plain file; expected one to edit")]
    NotPlain {
        /// The file.
        path: String,
    },
    /// It cannot be read.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// Some edits of a file are in it.
    #[error("{path}: half edited; there: {}; missing: {}", there.join(", "), missing.join(", "))]
    Half {
        /// The file.
        path: String,
        /// Edits.
        there: Vec<String>,
        /// Edits.
        missing: Vec<String>,
    },
    /// Some files are edited.
    #[error(
        "the tree is half edited; expected all edits and our files, or none{}",
        lines(there, missing)
    )]
    HalfTree {
        /// Files, with their edits.
        there: Vec<String>,
        /// Files, with their edits.
        missing: Vec<String>,
    },
    /// There is another file where one of ours goes.
    #[error("{path}: differs from our file; expected the same, or no such file")]
    Differs {
        /// The file.
        path: String,
    },
    /// An edit is about one of our own files.
    #[error("{path}: edit {edit}: {key} names one of our own files; expected a file of the gate")]
    Ours {
        /// The file.
        path: String,
        /// The edit.
        edit: String,
        /// The key of the list.
        key: &'static str,
    },
}

fn lines(there: &[String], missing: &[String]) -> String {
    let there = there.iter().map(|one| format!("\n    there: {one}"));
    let missing = missing.iter().map(|one| format!("\n    missing: {one}"));
    there.chain(missing).collect()
}
