// SPDX-License-Identifier: MIT OR Apache-2.0

//! One edit, as checked by [`crate::list`].

use serde::Deserialize;

/// Where the text of an edit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Whole lines before the matching line.
    Before,
    /// Whole lines after the matching line, or after the line named by `until`.
    After,
    /// In place of the anchor; the rest of the line stays.
    Replace,
    /// Whole lines after the matching `#include` line.
    IncludeAfter,
    /// Whole lines before the closing brace of a structure, union or enum.
    AppendMember,
    /// Whole lines after the line with the opening brace, or at the top of the file.
    Start,
    /// Whole lines before the closing brace, or at the end of the file.
    End,
}

impl Place {
    /// Every place.
    pub const ALL: [Self; 7] = [
        Self::Before,
        Self::After,
        Self::Replace,
        Self::IncludeAfter,
        Self::AppendMember,
        Self::Start,
        Self::End,
    ];
}

/// What the keys of an edit must and must not be, for each place.
pub(crate) struct Rules {
    pub(crate) place: Place,
    pub(crate) name: &'static str,
    pub(crate) anchor: bool,
    pub(crate) within: Need,
    pub(crate) until: bool,
}

/// Is a key wanted?
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Must,
    May,
    Not,
}

/// One row for each place.
pub(crate) const RULES: &[Rules] = &[
    rules(Place::Before, "before", true, Need::May, false),
    rules(Place::After, "after", true, Need::May, true),
    rules(Place::Replace, "replace", true, Need::May, false),
    rules(Place::IncludeAfter, "include-after", true, Need::Not, false),
    rules(Place::AppendMember, "append-member", false, Need::Must, false),
    rules(Place::Start, "start", false, Need::May, false),
    rules(Place::End, "end", false, Need::May, false),
];

const fn rules(place: Place, name: &'static str, anchor: bool, within: Need, until: bool) -> Rules {
    Rules { place, name, anchor, within, until }
}

impl Place {
    /// Its row.
    pub(crate) fn rules(self) -> &'static Rules {
        // The table has a row for each place; a test counts them.
        RULES.iter().find(|rules| rules.place == self).unwrap_or(&RULES[0])
    }
}

/// An anchor with the text that belongs to it. Places without an anchor have one form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Literal text within one line; empty for places without an anchor.
    pub anchor: String,
    /// Lines separated by newlines, without the last newline.
    pub text: String,
}

/// One edit of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Where it is written: file and line of the list.
    pub source: String,
    /// The file, relative to the gate.
    pub path: String,
    /// Unique name.
    pub id: String,
    /// Hook numbers of the specification.
    pub hooks: Vec<String>,
    /// What it is good for.
    pub why: String,
    /// Name of the definition in which the anchor is looked for.
    pub within: Option<String>,
    /// Alternatives; exactly one of them must match.
    pub forms: Vec<Form>,
    /// Number of lines that must match.
    pub count: usize,
    /// Where the text goes.
    pub place: Place,
    /// With [`Place::After`]: the text goes after the first line that contains this.
    pub until: Option<String>,
    /// An anchor that does not match at all is no error.
    pub optional: bool,
    /// A missing file is no error.
    pub file_optional: bool,
    /// Files of the gate without which the edit is left out.
    pub only_if: Vec<String>,
    /// What the operator is told when it is left out.
    pub why_not: Option<String>,
}

impl Edit {
    /// Does it insert whole lines?
    pub(crate) fn inserts(&self) -> bool {
        self.place != Place::Replace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_its_row() {
        for rules in RULES {
            assert_eq!(rules.place.rules().name, rules.name);
        }
        assert!(Place::ALL.iter().all(|place| RULES.iter().any(|rules| rules.place == *place)));
    }
}
