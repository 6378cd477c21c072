// SPDX-License-Identifier: MIT OR Apache-2.0

//! A checkout and the whole list.

mod problem;

pub use problem::Problem;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::copies::{Copy, Present};
use crate::edit::Edit;
use crate::file::{State, examine};
use crate::make::{Misfit, Skipped};

/// A file of the gate with the edits that are about it.
pub struct Surveyed<'a> {
    /// Relative to the gate.
    pub path: &'a str,
    /// Edits that are not left out because of a missing file.
    pub edits: Vec<&'a Edit>,
    /// Its contents.
    pub bytes: Vec<u8>,
    /// What it is.
    pub state: State,
}

/// Edits of one file that are left out for one reason.
pub struct Note<'a> {
    edits: Vec<&'a Edit>,
    reason: String,
}

impl fmt::Display for Note<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.edits.first() else { return Ok(()) };
        let hooks: BTreeSet<_> = self.edits.iter().flat_map(|edit| &edit.hooks).collect();
        let hooks: Vec<_> = hooks.into_iter().map(String::as_str).collect();
        let what = match self.edits.len() {
            1 => format!("edit {}", first.id),
            count => format!("{count} edits"),
        };
        let hooks = hooks.join(", ");
        write!(f, "{}: {what} (hook {hooks}) left out: {}", first.path, self.reason)?;
        match &first.why_not {
            Some(why_not) => write!(f, "\n    {why_not}"),
            None => Ok(()),
        }
    }
}

/// What has been found in a checkout.
#[derive(Default)]
pub struct Survey<'a> {
    /// In the order of the list.
    pub files: Vec<Surveyed<'a>>,
    /// Our own files.
    pub copies: Vec<(&'a Copy, Present)>,
    /// What was left out, and why.
    pub notes: Vec<Note<'a>>,
    /// Why nothing can be done.
    pub problems: Vec<Problem>,
}

impl Surveyed<'_> {
    /// Ids of edits.
    pub fn ids(&self, indexes: &[usize]) -> Vec<String> {
        indexes.iter().filter_map(|index| self.edits.get(*index)).map(|e| e.id.clone()).collect()
    }

    /// Number of edits that are in the file or can be made in it.
    pub fn count(&self) -> usize {
        match &self.state {
            State::Fits(made) => self.edits.len() - made.skipped.len(),
            State::Edited { skipped, .. } => self.edits.len() - skipped.len(),
            State::Half { .. } | State::Refused(_) => 0,
        }
    }

    fn line(&self, skipped: &[Skipped]) -> String {
        let made = |edit: &usize| skipped.iter().all(|one| one.edit != *edit);
        let made: Vec<_> = (0..self.edits.len()).filter(made).collect();
        format!("{}: {}", self.path, self.ids(&made).join(", "))
    }
}

/// Looks at all files of the list and at all of ours. Reads only.
pub fn survey<'a>(gate: &Path, edits: &'a [Edit], copies: &'a [Copy]) -> Survey<'a> {
    let mut survey = Survey::default();
    let base = gate.join("usr/src");
    if !base.is_dir() {
        survey.problems.push(Problem::NoGate { path: base.display().to_string() });
        return survey;
    }
    let ours: BTreeSet<&str> = copies.iter().map(|copy| copy.path.as_str()).collect();
    survey.refuse_ours(edits, &ours);
    let mut paths: Vec<&str> = Vec::new();
    for edit in edits {
        if !paths.contains(&edit.path.as_str()) {
            paths.push(&edit.path);
        }
    }
    for path in paths {
        let all = edits.iter().filter(|edit| edit.path == path).collect();
        survey.look_at(gate, path, all);
    }
    for copy in copies {
        match copy.present(gate) {
            Ok(present) => {
                if present == Present::Other {
                    survey.problems.push(Problem::Differs { path: copy.path.clone() });
                }
                survey.copies.push((copy, present));
            }
            Err(error) => survey.problems.push(Problem::Io { path: copy.path.clone(), error }),
        }
    }
    survey
}

impl<'a> Survey<'a> {
    /// Is everything there, as far as there is no problem?
    pub fn is_edited(&self) -> bool {
        self.missing().is_empty()
    }

    /// Is anything there?
    pub fn is_touched(&self) -> bool {
        !self.there().is_empty()
    }

    /// The problem of a tree of which a part is edited.
    pub fn half(&self) -> Option<Problem> {
        let (there, missing) = (self.there(), self.missing());
        let half = !there.is_empty() && !missing.is_empty();
        half.then_some(Problem::HalfTree { there, missing })
    }

    fn there(&self) -> Vec<String> {
        let files = self.files.iter().filter_map(|file| match &file.state {
            State::Edited { skipped, .. } => Some(file.line(skipped)),
            _ => None,
        });
        files.chain(self.ours(Present::Same)).collect()
    }

    fn missing(&self) -> Vec<String> {
        let files = self.files.iter().filter_map(|file| match &file.state {
            State::Fits(made) if file.count() > 0 => Some(file.line(&made.skipped)),
            _ => None,
        });
        files.chain(self.ours(Present::No)).collect()
    }

    fn ours(&self, wanted: Present) -> impl Iterator<Item = String> {
        let copies = self.copies.iter().filter(move |(_, present)| *present == wanted);
        copies.map(|(copy, _)| format!("{}: our file", copy.path))
    }

    fn refuse_ours(&mut self, edits: &[Edit], ours: &BTreeSet<&str>) {
        for edit in edits {
            let keys = edit.only_if.iter().map(|path| ("only-if", path));
            for (key, path) in keys.chain([("path", &edit.path)]) {
                if ours.contains(path.as_str()) {
                    let (path, edit) = (path.clone(), edit.id.clone());
                    self.problems.push(Problem::Ours { path, edit, key });
                }
            }
        }
    }

    fn look_at(&mut self, gate: &Path, path: &'a str, all: Vec<&'a Edit>) {
        let mut edits = Vec::new();
        for edit in all {
            match edit.only_if.iter().find(|path| !gate.join(path).is_file()) {
                Some(file) => self.note(edit, format!("the gate has no {file}")),
                None => edits.push(edit),
            }
        }
        if edits.is_empty() {
            return;
        }
        let file = gate.join(path);
        match fs::symlink_metadata(&file) {
            Ok(data) if data.is_file() => {}
            Ok(_) => return self.problems.push(Problem::NotPlain { path: path.to_owned() }),
            Err(error) if error.kind() == ErrorKind::NotFound => return self.no_file(path, &edits),
            Err(error) => return self.problems.push(Problem::Io { path: path.to_owned(), error }),
        }
        match fs::read(&file) {
            Ok(bytes) => {
                let state = examine(path, &bytes, &edits);
                let file = Surveyed { path, edits, bytes, state };
                self.report(&file);
                self.files.push(file);
            }
            Err(error) => self.problems.push(Problem::Io { path: path.to_owned(), error }),
        }
    }

    fn no_file(&mut self, path: &str, edits: &[&'a Edit]) {
        let expected: Vec<_> =
            edits.iter().filter(|edit| !edit.file_optional).map(|edit| edit.id.clone()).collect();
        if !expected.is_empty() {
            let path = path.to_owned();
            return self.problems.push(Problem::NoFile { path, edits: expected });
        }
        for edit in edits {
            self.note(edit, "the gate has no such file".to_owned());
        }
    }

    /// Notes and problems of a file.
    fn report(&mut self, file: &Surveyed<'a>) {
        match &file.state {
            State::Fits(made) => self.skipped(file, &made.skipped),
            State::Edited { skipped, .. } => self.skipped(file, skipped),
            State::Half { there, missing } => self.problems.push(Problem::Half {
                path: file.path.to_owned(),
                there: file.ids(there),
                missing: file.ids(missing),
            }),
            State::Refused(misfits) => self.problems.extend(problems(file, misfits)),
        }
    }

    fn skipped(&mut self, file: &Surveyed<'a>, skipped: &[Skipped]) {
        for one in skipped {
            self.note(file.edits[one.edit], one.error.to_string());
        }
    }

    /// Notes for the same reason are one.
    fn note(&mut self, edit: &'a Edit, reason: String) {
        let same = |note: &&mut Note<'_>| {
            note.reason == reason
                && note.edits.iter().all(|e| e.path == edit.path && e.why_not == edit.why_not)
        };
        match self.notes.iter_mut().find(same) {
            Some(note) => note.edits.push(edit),
            None => self.notes.push(Note { edits: vec![edit], reason }),
        }
    }
}

/// Each misfit as a problem.
pub fn problems(file: &Surveyed<'_>, misfits: &[Misfit]) -> Vec<Problem> {
    let problem = |misfit: &Misfit| Problem::Misfit {
        edit: Box::new(file.edits[misfit.edit].clone()),
        error: misfit.error.clone(),
    };
    misfits.iter().map(problem).collect()
}
