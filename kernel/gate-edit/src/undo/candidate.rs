// SPDX-License-Identifier: MIT OR Apache-2.0

//! Places in a file where texts of edits may have been put.

use bstr::ByteSlice;

use crate::definition::Source;
use crate::edit::{Edit, Place};
use crate::text::{Text, matches_loosely, with_endings};

/// A place where the text of an edit is.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Candidates of an edit, by alternative.
pub(super) type Forms = Vec<Vec<Candidate>>;

/// Is one of the texts there as often as the edit says?
pub(super) fn enough(edit: &Edit, forms: &Forms) -> bool {
    forms.iter().any(|form| form.len() >= edit.count)
}

/// Places of all texts, by edit and alternative.
pub(super) fn everywhere(text: &Text<'_>, edits: &[&Edit]) -> Vec<Forms> {
    let ending = text.ending();
    let by_form = |edit: &&Edit| {
        let places = edit.forms.iter().map(|form| {
            let wanted = with_endings(&form.text, ending);
            if edit.inserts() { whole_lines(text, &wanted) } else { anywhere(text, &wanted) }
        });
        places.collect()
    };
    let all: Vec<Forms> = edits.iter().map(by_form).collect();
    let mut touched = vec![false; text.len()];
    for (edit, forms) in edits.iter().zip(&all) {
        for one in forms.iter().flatten() {
            // What is left of a replaced line follows the text.
            let last = if edit.inserts() { one.end - 1 } else { one.end };
            touched[text.line_of(one.start)..=text.line_of(last)].fill(true);
        }
    }
    let mut plausible = all;
    for (edit, forms) in edits.iter().zip(&mut plausible) {
        for (form, places) in edit.forms.iter().zip(forms) {
            places.retain(|one| {
                // The line with the anchor is next to the text, or something else of ours is.
                let line = match edit.place {
                    Place::Before => Some(text.line_of(one.end - 1) + 1),
                    Place::After if edit.until.is_some() => return true,
                    Place::After | Place::IncludeAfter => text.line_of(one.start).checked_sub(1),
                    _ => return true,
                };
                line.is_some_and(|line| {
                    let ours = touched.get(line).copied().unwrap_or(false);
                    ours || matches_loosely(text.line(line), &form.anchor)
                })
            });
        }
    }
    plausible
}

/// Those candidates that are in the definition of their edit, or beside it.
pub(super) fn in_definitions(source: &Source<'_>, edits: &[&Edit], all: &[Forms]) -> Vec<Forms> {
    let one = |(edit, forms): (&&Edit, &Forms)| {
        let Some(name) = &edit.within else { return forms.clone() };
        let definitions = source.find(name);
        let inside = |one: &&Candidate| {
            let lines = (source.text.line_of(one.start), source.text.line_of(one.end - 1));
            definitions.iter().any(|d| lines.1 + 1 >= d.first && lines.0 <= d.last + 1)
        };
        let near: Forms =
            forms.iter().map(|form| form.iter().filter(inside).cloned().collect()).collect();
        // The text itself may hide the definition.
        if enough(edit, &near) { near } else { forms.clone() }
    };
    edits.iter().zip(all).map(one).collect()
}

fn whole_lines(text: &Text<'_>, wanted: &[u8]) -> Vec<Candidate> {
    let ending = text.ending();
    let place = |line| {
        let start = text.start(line);
        let rest = text.bytes[start..].strip_prefix(wanted)?;
        let last_line = rest.is_empty().then_some(0);
        let end = start + wanted.len();
        let ending = rest.starts_with(ending).then_some(ending.len()).or(last_line)?;
        Some(Candidate { start, end: end + ending })
    };
    (0..text.len()).filter_map(place).collect()
}

/// Overlapping places as well.
fn anywhere(text: &Text<'_>, wanted: &[u8]) -> Vec<Candidate> {
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(at) = text.bytes.get(from..).and_then(|rest| rest.find(wanted)) {
        let start = from + at;
        found.push(Candidate { start, end: start + wanted.len() });
        from = start + 1;
    }
    found
}
