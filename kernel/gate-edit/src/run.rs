// SPDX-License-Identifier: MIT OR Apache-2.0

//! What each mode does with a checkout.

use std::io::{self, Write};

use gate_edit::copies::{Copy, Present, collect};
use gate_edit::file::State;
use gate_edit::tree::{Survey, Surveyed, problems, survey};
use gate_edit::write::{Change, commit};
use gate_edit::{diff, list};

use crate::args::{Mode, Options};

/// All problems, as they are shown.
type Outcome = Result<(), Vec<String>>;

pub(crate) fn run(options: &Options) -> Outcome {
    let edits = list::read(&options.edits).map_err(strings);
    let copies = copies(options);
    let (edits, copies) = match (edits, copies) {
        (Ok(edits), Ok(copies)) => (edits, copies),
        (edits, copies) => {
            return Err([edits.err(), copies.err()].into_iter().flatten().flatten().collect());
        }
    };
    let survey = survey(&options.gate, &edits, &copies);
    for note in &survey.notes {
        eprintln!("note: {note}");
    }
    match options.mode {
        Mode::Check => check(survey),
        Mode::Revert => revert(options, survey),
        Mode::Apply | Mode::Diff => apply(options, survey),
    }
}

fn strings(problems: Vec<impl ToString>) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn copies(options: &Options) -> Result<Vec<Copy>, Vec<String>> {
    let (mut copies, mut problems) = (Vec::new(), Vec::new());
    for (directory, target) in &options.files {
        match collect(directory, target) {
            Ok(found) => copies.extend(found),
            Err((path, error)) => problems.push(format!("{}: {error}", path.display())),
        }
    }
    if problems.is_empty() { Ok(copies) } else { Err(problems) }
}

fn say(line: &str) -> Outcome {
    writeln!(io::stdout(), "{line}").map_err(|error| vec![format!("standard output: {error}")])
}

fn edits(count: usize) -> String {
    if count == 1 { "1 edit".to_owned() } else { format!("{count} edits") }
}

fn check(mut survey: Survey<'_>) -> Outcome {
    for file in &survey.files {
        let what = match &file.state {
            State::Fits(_) if file.count() == 0 => "nothing to edit".to_owned(),
            State::Fits(_) => format!("fits, {}", edits(file.count())),
            State::Edited { .. } => format!("already edited, {}", edits(file.count())),
            State::Half { there, missing } => {
                format!("half edited, {} there, {} missing", edits(there.len()), missing.len())
            }
            State::Refused(misfits) => {
                format!("refused, {} of {} wrong", misfits.len(), edits(file.edits.len()))
            }
        };
        say(&format!("{}: {what}", file.path))?;
    }
    for (copy, present) in &survey.copies {
        let what = match present {
            Present::No => "would be added",
            Present::Same => "already added",
            Present::Other => "refused, another file is there",
        };
        say(&format!("{}: {what}", copy.path))?;
    }
    survey.problems.extend(survey.half());
    if !survey.problems.is_empty() {
        return Err(strings(survey.problems));
    }
    say(match (survey.is_edited(), survey.is_touched()) {
        (true, true) => "the tree is already edited",
        (true, false) => "there is nothing to edit",
        (false, _) => "all edits fit",
    })
}

fn apply(options: &Options, mut survey: Survey<'_>) -> Outcome {
    survey.problems.extend(survey.half());
    if !survey.problems.is_empty() {
        return Err(strings(survey.problems));
    }
    if survey.is_edited() {
        let what = if survey.is_touched() { "already edited" } else { "no edit has a place here" };
        eprintln!("gate-edit: {what}, nothing to do");
        return Ok(());
    }
    let edited = survey.files.into_iter().filter(|file| file.count() > 0).filter_map(|file| {
        let State::Fits(made) = file.state else { return None };
        let path = file.path.to_owned();
        Some(Change { path, old: Some(file.bytes), new: Some(made.bytes), mode: 0 })
    });
    let added = survey.copies.into_iter().map(|(copy, _)| Change {
        path: copy.path.clone(),
        old: None,
        new: Some(copy.bytes.clone()),
        mode: copy.mode,
    });
    let changes: Vec<_> = edited.chain(added).collect();
    if options.mode == Mode::Diff {
        let mut out = io::BufWriter::new(io::stdout().lock());
        let written = changes.iter().try_for_each(|change| diff::write(&mut out, change));
        return written
            .and_then(|()| out.flush())
            .map_err(|error| vec![format!("standard output: {error}")]);
    }
    commit(&options.gate, &changes).map_err(|error| vec![error.to_string()])?;
    report(&changes, "edited", "added")
}

fn revert(options: &Options, mut survey: Survey<'_>) -> Outcome {
    let doubts = survey.files.iter().filter_map(|file| match &file.state {
        State::Edited { original: Err(misfits), .. } => Some(problems(file, misfits)),
        _ => None,
    });
    let doubts: Vec<_> = doubts.flatten().collect();
    survey.problems.extend(doubts);
    if !survey.problems.is_empty() {
        return Err(strings(survey.problems));
    }
    if !survey.is_touched() {
        eprintln!("gate-edit: not edited, nothing to do");
        return Ok(());
    }
    let restored = survey.files.into_iter().filter_map(restored);
    let ours = survey.copies.into_iter().filter(|(_, present)| *present == Present::Same);
    let removed = ours.map(|(copy, _)| Change {
        path: copy.path.clone(),
        old: Some(copy.bytes.clone()),
        new: None,
        mode: copy.mode,
    });
    let changes: Vec<_> = restored.chain(removed).collect();
    commit(&options.gate, &changes).map_err(|error| vec![error.to_string()])?;
    report(&changes, "restored", "removed")
}

fn restored(file: Surveyed<'_>) -> Option<Change> {
    let State::Edited { original: Ok(original), .. } = file.state else { return None };
    let path = file.path.to_owned();
    Some(Change { path, old: Some(file.bytes), new: Some(original), mode: 0 })
}

/// Names the files. `whole` is what happened to files of our own.
fn report(changes: &[Change], changed: &str, whole: &str) -> Outcome {
    for change in changes {
        let ours = change.old.is_none() || change.new.is_none();
        say(&format!("{} {}", if ours { whole } else { changed }, change.path))?;
    }
    Ok(())
}
