// SPDX-License-Identifier: MIT OR Apache-2.0

//! From tables as written to edits: what each place wants, and what goes together.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use super::{ListError, position, raw};
use crate::edit::{Edit, Form, Need, Place};
use crate::text;

/// Collects edits and problems.
#[derive(Default)]
pub(super) struct Checker {
    edits: Vec<Edit>,
    problems: Vec<ListError>,
    /// Where an id was first.
    ids: BTreeMap<String, String>,
}

impl Checker {
    pub(super) fn problem(&mut self, problem: ListError) {
        self.problems.push(problem);
    }

    pub(super) fn finish(self) -> Result<Vec<Edit>, Vec<ListError>> {
        if self.problems.is_empty() { Ok(self.edits) } else { Err(self.problems) }
    }

    /// Adds what one file of the list says.
    pub(super) fn add(&mut self, file: &str, text: &str, list: raw::List) {
        for table in list.file {
            let line = position(text, table.path.span().start).0;
            let path = table.path.get_ref().clone();
            let mut wrong = Vec::new();
            if !is_inside(&path) {
                wrong.push(format!("path = \"{path}\"; expected a path below the gate"));
            }
            if table.edit.is_empty() {
                wrong.push(format!("{path}: no edit; expected [[file.edit]]"));
            }
            self.wrong(file, line, wrong);
            let head = Head {
                path,
                only_if: table.only_if,
                why_not: table.why_not,
                optional: table.optional,
            };
            for raw in table.edit {
                let line = position(text, raw.id.span().start).0;
                let source = format!("{file}:{line}");
                let (edit, mut wrong) = edit(&head, source.clone(), raw);
                if let Some(other) = self.ids.get(&edit.id) {
                    wrong.push(format!("id = \"{}\" is taken, see {other}", edit.id));
                }
                self.ids.entry(edit.id.clone()).or_insert(source);
                self.wrong(file, line, wrong);
                self.edits.push(edit);
            }
        }
    }

    fn wrong(&mut self, file: &str, line: usize, all: Vec<String>) {
        for what in all {
            self.problems.push(ListError::Wrong { file: file.to_owned(), line, what });
        }
    }
}

/// What `[[file]]` says about all of its edits.
struct Head {
    path: String,
    only_if: Option<String>,
    why_not: Option<String>,
    optional: bool,
}

/// Collects what is wrong with one edit.
struct Demands<'a> {
    id: &'a str,
    wrong: Vec<String>,
}

impl Demands<'_> {
    fn demand(&mut self, good: bool, what: impl Into<String>) {
        if !good {
            self.wrong.push(format!("edit {}: {}", self.id, what.into()));
        }
    }
}

fn edit(head: &Head, source: String, raw: raw::Edit) -> (Edit, Vec<String>) {
    let mut demands = Demands { id: raw.id.get_ref(), wrong: Vec::new() };
    values(&mut demands, head, &raw);
    keys(&mut demands, &raw);
    let forms = forms(&mut demands, &raw);
    let wrong = demands.wrong;
    let edit = Edit {
        source,
        path: head.path.clone(),
        id: raw.id.into_inner(),
        hooks: raw.hooks,
        why: raw.why,
        within: raw.r#in,
        forms,
        count: raw.count.unwrap_or(1),
        place: raw.place,
        until: raw.until,
        optional: raw.optional,
        file_optional: head.optional,
        only_if: head.only_if.iter().cloned().chain(raw.only_if).collect(),
        why_not: raw.why_not.or_else(|| head.why_not.clone()),
    };
    (edit, wrong)
}

/// Each value on its own.
fn values(demands: &mut Demands<'_>, head: &Head, raw: &raw::Edit) {
    let id = raw.id.get_ref();
    let name = !id.is_empty() && !id.contains(|c: char| c.is_whitespace() || c.is_control());
    demands.demand(name, format!("id = {id:?}; expected a name without blanks"));
    demands.demand(!raw.hooks.is_empty(), "hooks is empty; expected numbers of hooks");
    demands.demand(!raw.why.trim().is_empty(), "why is empty; expected a sentence");
    demands.demand(raw.count != Some(0), "count = 0; expected 1 or more");
    let within = raw.r#in.as_deref().is_none_or(text::is_name);
    demands.demand(within, "in is no name; expected that of a function, type, variable or macro");
    let lines = raw.until.iter().chain(raw.anchor.iter().flat_map(|anchor| &anchor.0));
    for line in lines.filter(|line| !is_within_line(line)) {
        demands.demand(false, format!("{line:?}; expected text within one line"));
    }
    for path in head.only_if.iter().chain(&raw.only_if) {
        let what = format!("only-if = {path:?}; expected a path below the gate");
        demands.demand(is_inside(path), what);
    }
}

/// Which keys go with the place.
fn keys(demands: &mut Demands<'_>, raw: &raw::Edit) {
    let rules = raw.place.rules();
    let place = rules.name;
    let anchored = raw.anchor.as_ref().is_some_and(|anchor| !anchor.0.is_empty());
    if rules.anchor {
        demands.demand(anchored, format!("place = \"{place}\" needs an anchor"));
    } else {
        demands.demand(raw.anchor.is_none(), format!("place = \"{place}\" takes no anchor"));
        let one = raw.count.is_none_or(|count| count == 1);
        demands.demand(one, format!("place = \"{place}\" is one place; expected no count"));
    }
    match rules.within {
        Need::Must => demands.demand(raw.r#in.is_some(), format!("place = \"{place}\" needs in")),
        Need::Not => {
            demands.demand(raw.r#in.is_none(), format!("place = \"{place}\" takes no in"));
        }
        Need::May => {}
    }
    let until = rules.until || raw.until.is_none();
    demands.demand(until, format!("place = \"{place}\" takes no until"));
}

/// Anchors with their texts.
fn forms(demands: &mut Demands<'_>, raw: &raw::Edit) -> Vec<Form> {
    let none = [String::new()];
    let anchors = raw.anchor.as_ref().map_or(&none[..], |anchor| &anchor.0);
    let texts = &raw.text.0;
    demands.demand(
        texts.len() == 1 || texts.len() == anchors.len(),
        format!(
            "{} texts for {} anchors; expected one, or one for each",
            texts.len(),
            anchors.len()
        ),
    );
    for text in texts {
        demands.demand(!text.trim().is_empty(), "text is empty");
        demands.demand(!text.contains('\r'), "text has a carriage return");
    }
    let text = |index| if texts.len() == 1 { texts.first() } else { texts.get(index) };
    let form = |(index, anchor): (usize, &String)| {
        let text = text(index).map(String::as_str).unwrap_or_default();
        let text = text.strip_suffix('\n').unwrap_or(text).to_owned();
        Form { anchor: anchor.clone(), text }
    };
    let forms: Vec<_> = anchors.iter().enumerate().map(form).collect();
    if raw.place == Place::Replace {
        let same = forms.iter().any(|form| form.text == form.anchor);
        demands.demand(!same, "text and anchor are the same");
        // Only the text tells which anchor has been there.
        let mut different: Vec<_> = forms.iter().map(|form| &form.text).collect();
        different.sort_unstable();
        different.dedup();
        demands.demand(
            different.len() == forms.len(),
            "place = \"replace\" with several anchors; expected as many different texts, \
             so that it can be taken out again",
        );
    }
    forms
}

fn is_within_line(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains(['\n', '\r'])
}

/// A relative path that stays below its root.
fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
        && !path.ends_with('/')
}
