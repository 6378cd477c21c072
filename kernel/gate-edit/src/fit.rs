// SPDX-License-Identifier: MIT OR Apache-2.0

//! Where edits fit in a file, and the file as it will be.

mod error;

pub use error::FitError;

use bstr::ByteSlice;

use crate::definition::{Definition, Kind, Source};
use crate::edit::{Edit, Place};
use crate::text::{matches_loosely, with_endings};
use error::{Lines, Matches};

/// A piece of a file and what takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Splice {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Order of what is inserted at one place: first what goes after the line above, then what
    /// goes before the line below, then what changes this line.
    rank: u8,
    pub(crate) new: Vec<u8>,
}

/// An edit in a file.
pub(crate) enum Fit {
    /// It can be made.
    Made(Vec<Splice>),
    /// It is optional, and its anchor is not there.
    Skipped(FitError),
}

/// Fits each edit into the file on its own.
pub(crate) fn fit(source: &Source<'_>, edit: &Edit) -> Result<Fit, FitError> {
    match sites(source, edit) {
        Ok(splices) => Ok(Fit::Made(splices)),
        Err(error) if edit.optional && error.is_absence() => Ok(Fit::Skipped(error)),
        Err(error) => Err(error),
    }
}

/// The file with all splices made, or the two edits that are in each other's way.
pub(crate) fn render(
    bytes: &[u8],
    mut splices: Vec<(usize, Splice)>,
) -> Result<Vec<u8>, (usize, usize)> {
    // Edits at one place stay in the order of the list.
    splices.sort_by_key(|(edit, splice)| (splice.start, splice.rank, *edit));
    let mut new = Vec::with_capacity(bytes.len());
    let (mut at, mut last) = (0, None);
    for (edit, splice) in splices {
        if let (true, Some(last)) = (splice.start < at, last) {
            return Err((last, edit));
        }
        new.extend_from_slice(&bytes[at..splice.start]);
        new.extend_from_slice(&splice.new);
        at = splice.end;
        last = Some(edit);
    }
    new.extend_from_slice(&bytes[at..]);
    Ok(new)
}

fn sites(source: &Source<'_>, edit: &Edit) -> Result<Vec<Splice>, FitError> {
    let definitions = match &edit.within {
        Some(name) => {
            let found = source.find(name);
            if found.is_empty() {
                return Err(FitError::NoDefinition { name: name.clone() });
            }
            Some(found)
        }
        None => None,
    };
    let text = |form: usize| with_endings(&edit.forms[form].text, source.text.ending());
    match edit.place {
        Place::Start | Place::End | Place::AppendMember => {
            let line = match definitions {
                None if edit.place == Place::Start => 0,
                None => source.text.len(),
                Some(definitions) => edge(source, edit, &definitions)?,
            };
            Ok(vec![insert(source, line, u8::from(edit.place != Place::Start), text(0))])
        }
        _ => {
            let (form, lines) = anchored(source, edit, definitions.as_deref())?;
            let sites = lines.into_iter().map(|line| match edit.place {
                Place::Before => Ok(insert(source, line, 1, text(form))),
                Place::Replace => replace(source, line, &edit.forms[form].anchor, text(form)),
                _ => {
                    let line = until(source, edit, definitions.as_deref(), line)?;
                    Ok(insert(source, line + 1, 0, text(form)))
                }
            });
            sites.collect()
        }
    }
}

/// Lines that are looked at.
fn scope(source: &Source<'_>, definitions: Option<&[Definition]>) -> Vec<usize> {
    let Some(definitions) = definitions else { return (0..source.text.len()).collect() };
    let inside = |line: &usize| definitions.iter().any(|d| (d.first..=d.last).contains(line));
    (0..source.text.len()).filter(inside).collect()
}

/// The alternative that matches, and its lines.
fn anchored(
    source: &Source<'_>,
    edit: &Edit,
    definitions: Option<&[Definition]>,
) -> Result<(usize, Vec<usize>), FitError> {
    let hit = |line: usize, anchor: &str| {
        matches_loosely(source.text.line(line), anchor)
            && (edit.place != Place::IncludeAfter || is_include(source, line))
    };
    let scope = scope(source, definitions);
    let mut found = Vec::new();
    let mut matches = Vec::new();
    for (form, alternative) in edit.forms.iter().enumerate() {
        let anchor = &alternative.anchor;
        let lines: Vec<_> = scope.iter().copied().filter(|line| hit(*line, anchor)).collect();
        matches.push(Matches { anchor: anchor.clone(), lines: Lines::new(&lines) });
        if lines.len() == edit.count {
            found.push((form, lines));
        }
    }
    if found.len() > 1 {
        return Err(FitError::SeveralAlternatives { within: edit.within.clone(), matches });
    }
    found.pop().ok_or_else(|| {
        let elsewhere: Vec<_> = (0..source.text.len())
            .filter(|line| !scope.contains(line))
            .filter(|line| edit.forms.iter().any(|form| hit(*line, &form.anchor)))
            .collect();
        FitError::Matches {
            within: edit.within.clone(),
            matches,
            expected: edit.count,
            elsewhere: Lines::new(&elsewhere),
        }
    })
}

fn is_include(source: &Source<'_>, line: usize) -> bool {
    let code = &source.mask.code[source.text.start(line)..source.text.start(line + 1)];
    let rest = code.trim_start().strip_prefix(b"#").unwrap_or_default();
    rest.trim_start().starts_with(b"include")
}

fn until(
    source: &Source<'_>,
    edit: &Edit,
    definitions: Option<&[Definition]>,
    line: usize,
) -> Result<usize, FitError> {
    let Some(until) = &edit.until else { return Ok(line) };
    let end = definitions
        .and_then(|all| all.iter().find(|d| (d.first..=d.last).contains(&line)))
        .map_or(source.text.len(), |definition| definition.last + 1);
    (line..end).find(|line| matches_loosely(source.text.line(*line), until)).ok_or_else(|| {
        FitError::NoUntil { until: until.clone(), within: edit.within.clone(), line: line + 1 }
    })
}

/// Before this line goes what belongs at the start or end of a definition.
fn edge(source: &Source<'_>, edit: &Edit, definitions: &[Definition]) -> Result<usize, FitError> {
    let name = || edit.within.clone().unwrap_or_default();
    let [definition] = definitions else {
        let lines: Vec<_> = definitions.iter().map(|definition| definition.first).collect();
        return Err(FitError::SeveralDefinitions { name: name(), lines: Lines::new(&lines) });
    };
    let line = definition.first + 1;
    let is_type = matches!(definition.kind, Kind::Structure | Kind::Enum);
    let Some((open, close)) = definition.braces else {
        return Err(FitError::NoBraces { name: name(), line });
    };
    if edit.place == Place::AppendMember && !is_type {
        return Err(FitError::NoType { name: name(), line });
    }
    let crowded =
        |at: usize| Err(FitError::Crowded { name: name(), line: source.text.line_of(at) + 1 });
    if edit.place == Place::Start {
        let next = source.text.line_of(open) + 1;
        let rest = &source.mask.code[open + 1..source.text.start(next)];
        return if rest.trim().is_empty() { Ok(next) } else { crowded(open) };
    }
    let last = source.text.line_of(close);
    if !source.text.bytes[source.text.start(last)..close].trim().is_empty() {
        return crowded(close);
    }
    let end = source.mask.plain[open..close].trim_end().last();
    if matches!(definition.kind, Kind::Enum | Kind::Variable) && !matches!(end, Some(b',' | b'{')) {
        return Err(FitError::NoComma { name: name(), line: last + 1 });
    }
    Ok(last)
}

fn insert(source: &Source<'_>, line: usize, rank: u8, text: Vec<u8>) -> Splice {
    let at = source.text.start(line);
    let ending = source.text.ending();
    // A file without a newline at its end stays one.
    let new = if at == source.text.bytes.len() && source.text.is_open() {
        [ending, &text].concat()
    } else {
        [&text, ending].concat()
    };
    Splice { start: at, end: at, rank, new }
}

fn replace(
    source: &Source<'_>,
    line: usize,
    anchor: &str,
    new: Vec<u8>,
) -> Result<Splice, FitError> {
    let content = source.text.line(line);
    let mut found = content.find_iter(anchor);
    let wrong = |twice| FitError::Replaced { anchor: anchor.to_owned(), line: line + 1, twice };
    let at = found.next().ok_or_else(|| wrong(false))?;
    // Overlapping occurrences count as well.
    if content[at + 1..].contains_str(anchor) {
        return Err(wrong(true));
    }
    let start = source.text.start(line) + at;
    Ok(Splice { start, end: start + anchor.len(), rank: 2, new })
}
