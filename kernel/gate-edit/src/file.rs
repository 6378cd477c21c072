// SPDX-License-Identifier: MIT OR Apache-2.0

//! One file and all of its edits: unedited, edited, or neither.

use crate::definition::Source;
use crate::edit::Edit;
use crate::fit::FitError;
use crate::make::{Made, Misfit, Skipped, make};
use crate::undo::{Search, originals, suspected};

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// No edit is in it, and all fit.
    Fits(Made),
    /// All edits are in it.
    Edited {
        /// What it was before, or edits that make this doubtful.
        original: Result<Vec<u8>, Vec<Misfit>>,
        /// Optional edits that are not in it.
        skipped: Vec<Skipped>,
    },
    /// Some edits are in it, others are not.
    Half {
        /// Indexes of edits.
        there: Vec<usize>,
        /// Indexes of edits.
        missing: Vec<usize>,
    },
    /// Edits do not fit.
    Refused(Vec<Misfit>),
}

/// Looks at the contents of a file. Indexes in the answer are those of `edits`.
pub fn examine(path: &str, bytes: &[u8], edits: &[&Edit]) -> State {
    let mut search = originals(path, bytes, edits);
    if let Some(first) = search.originals.first() {
        let skipped = match make(&Source::new(path, &first.bytes), edits) {
            Ok(made) => made.skipped,
            Err(_) => Vec::new(),
        };
        let doubts = doubts(&search, edits.len());
        let original = match search.originals.pop() {
            Some(only) if doubts.is_empty() => Ok(only.bytes),
            _ => Err(doubts),
        };
        return State::Edited { original, skipped };
    }
    let there = edits_in(path, bytes, edits);
    if !there.is_empty() {
        let missing = (0..edits.len()).filter(|edit| !there.contains(edit)).collect();
        return State::Half { there, missing };
    }
    let made = match make(&Source::new(path, bytes), edits) {
        Ok(made) => made,
        Err(misfits) => return State::Refused(misfits),
    };
    if made.skipped.len() == edits.len() {
        return State::Fits(made);
    }
    // Nothing is made that could not be recognised and taken out again.
    let back = originals(path, &made.bytes, edits);
    match &back.originals[..] {
        [only] if only.bytes == bytes && !back.given_up => State::Fits(made),
        _ => {
            let mut doubts = doubts(&back, edits.len());
            if doubts.is_empty() {
                doubts = (0..edits.len()).map(doubt).collect();
            }
            State::Refused(doubts)
        }
    }
}

/// Edits of which it is not known where their text is: those that two ways back differ in, or
/// any if it is not even known how many ways there are.
fn doubts(search: &Search, count: usize) -> Vec<Misfit> {
    let mut edits: Vec<usize> = match &search.originals[..] {
        [first, second] => [(first, second), (second, first)]
            .into_iter()
            .flat_map(|(a, b)| a.found.iter().filter(|one| !b.found.contains(one)))
            .map(|(edit, _)| *edit)
            .collect(),
        [_] if !search.given_up => Vec::new(),
        _ => (0..count).collect(),
    };
    edits.sort_unstable();
    edits.dedup();
    edits.into_iter().map(doubt).collect()
}

fn doubt(edit: usize) -> Misfit {
    Misfit { edit, error: FitError::Doubtful }
}

/// Edits that are in a file in which not all of them are.
fn edits_in(path: &str, bytes: &[u8], edits: &[&Edit]) -> Vec<usize> {
    let is_in = |some: &[&Edit]| {
        let required: Vec<_> =
            some.iter().map(|edit| Edit { optional: false, ..(*edit).clone() }).collect();
        let required: Vec<_> = required.iter().collect();
        !required.is_empty() && !originals(path, bytes, &required).originals.is_empty()
    };
    let suspected = suspected(bytes, edits);
    let all = is_in(&suspected);
    let there =
        |edit: &Edit| suspected.iter().any(|one| one.id == edit.id) && (all || is_in(&[edit]));
    (0..edits.len()).filter(|edit| there(edits[*edit])).collect()
}
