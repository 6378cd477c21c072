// SPDX-License-Identifier: MIT OR Apache-2.0

//! The list of edits: all `*.toml` files of a directory, in byte order.
//! `kernel/illumos/edits/README.md` describes the format.

mod check;
mod raw;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::edit::Edit;

/// What is wrong with a list.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// It cannot be read.
    #[error("{}: {error}", path.display())]
    Io {
        /// File or directory.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is no TOML, or has other keys or values.
    #[error("{file}:{line}:{column}: {message}")]
    Toml {
        /// File of the list.
        file: String,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// Its values do not go together.
    #[error("{file}:{line}: {what}")]
    Wrong {
        /// File of the list.
        file: String,
        /// From 1.
        line: usize,
        /// What is wrong, and what was expected.
        what: String,
    },
    /// There is nothing to do.
    #[error("{}: no edits; expected *.toml files with [[file]] tables", path.display())]
    Empty {
        /// The directory.
        path: PathBuf,
    },
}

/// Reads the list of a directory. All problems are returned.
pub fn read(directory: &Path) -> Result<Vec<Edit>, Vec<ListError>> {
    let io = |path: &Path, error| ListError::Io { path: path.to_owned(), error };
    let mut paths = Vec::new();
    let entries = fs::read_dir(directory).map_err(|error| vec![io(directory, error)])?;
    for entry in entries {
        let path = entry.map_err(|error| vec![io(directory, error)])?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    let (mut sources, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        match fs::read_to_string(&path) {
            Ok(text) => sources.push((path.display().to_string(), text)),
            Err(error) => problems.push(io(&path, error)),
        }
    }
    let edits = match parse(&sources) {
        Ok(edits) => edits,
        Err(more) => {
            problems.extend(more);
            return Err(problems);
        }
    };
    if edits.is_empty() && problems.is_empty() {
        problems.push(ListError::Empty { path: directory.to_owned() });
    }
    if problems.is_empty() { Ok(edits) } else { Err(problems) }
}

/// Edits of texts with names; ids are unique over all of them.
pub fn parse(sources: &[(String, String)]) -> Result<Vec<Edit>, Vec<ListError>> {
    let mut checker = check::Checker::default();
    for (file, text) in sources {
        match toml::from_str::<raw::List>(text) {
            Ok(list) => checker.add(file, text, list),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let (line, column) = position(text, at);
                let message = error.message().to_owned();
                checker.problem(ListError::Toml { file: file.clone(), line, column, message });
            }
        }
    }
    checker.finish()
}

/// Line and column, both from 1, of a byte of a text.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before[start..].chars().count() + 1)
}
