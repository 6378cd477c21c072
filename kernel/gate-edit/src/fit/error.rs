// SPDX-License-Identifier: MIT OR Apache-2.0

//! Why an edit does not fit.

use std::fmt;

/// Line numbers, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines(Vec<usize>);

impl Lines {
    /// From numbers that begin at 0.
    pub(super) fn new(lines: &[usize]) -> Self {
        Self(lines.iter().map(|line| line + 1).collect())
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        let shown: Vec<_> = self.0.iter().take(SHOWN).map(usize::to_string).collect();
        f.write_str(&shown.join(", "))?;
        if self.0.len() > SHOWN { write!(f, " and {} more", self.0.len() - SHOWN) } else { Ok(()) }
    }
}

/// What an anchor matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matches {
    pub(super) anchor: String,
    pub(super) lines: Lines,
}

impl fmt::Display for Matches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "anchor {:?} matches ", self.anchor)?;
        match self.lines.0.len() {
            0 => f.write_str("nothing"),
            1 => write!(f, "1 line ({})", self.lines),
            count => write!(f, "{count} lines ({})", self.lines),
        }
    }
}

/// Why an edit does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// The name of `in` is not defined here.
    #[error(
        "{name} is not defined here; expected a function, structure, union, enum, variable or macro"
    )]
    NoDefinition {
        /// The name.
        name: String,
    },
    /// Another number of lines matches.
    #[error("{}{}; expected {expected}{}", inside(within), all(matches), elsewhere_too(elsewhere))]
    Matches {
        /// Where it was looked for.
        within: Option<String>,
        /// One for each alternative.
        matches: Vec<Matches>,
        /// How many lines should match.
        expected: usize,
        /// Where else in the file there are matches.
        elsewhere: Lines,
    },
    /// More than one alternative matches as often as stated.
    #[error("{}{}; expected that only one of them matches so often", inside(within), all(matches))]
    SeveralAlternatives {
        /// Where it was looked for.
        within: Option<String>,
        /// One for each alternative.
        matches: Vec<Matches>,
    },
    /// Nothing after the anchor contains the text of `until`.
    #[error("{}until {until:?} matches nothing from line {line} on", inside(within))]
    NoUntil {
        /// The text.
        until: String,
        /// Where it was looked for.
        within: Option<String>,
        /// The line of the anchor.
        line: usize,
    },
    /// What is replaced has other white space, or is there twice.
    #[error("line {line}: {}", replaced(anchor, *twice))]
    Replaced {
        /// The anchor.
        anchor: String,
        /// The line.
        line: usize,
        /// Is it there twice?
        twice: bool,
    },
    /// A name with several definitions has no one start or end.
    #[error("{name} is defined in lines {lines}; expected one definition for this place")]
    SeveralDefinitions {
        /// The name.
        name: String,
        /// First lines.
        lines: Lines,
    },
    /// A macro has no start and end.
    #[error(
        "{name} in line {line} has no braces; expected a function, type or variable for this place"
    )]
    NoBraces {
        /// The name.
        name: String,
        /// The line.
        line: usize,
    },
    /// Members are for types.
    #[error("{name} in line {line} is no structure, union or enum; expected one for append-member")]
    NoType {
        /// The name.
        name: String,
        /// The line.
        line: usize,
    },
    /// There is something beside the brace.
    #[error("{name}: line {line} has more than the brace; expected a line for it, or an anchor")]
    Crowded {
        /// The name.
        name: String,
        /// The line.
        line: usize,
    },
    /// A list would be broken.
    #[error("{name}: no comma before the brace in line {line}; replace the last entry instead")]
    NoComma {
        /// The name.
        name: String,
        /// The line.
        line: usize,
    },
    /// Two edits change the same bytes.
    #[error("changes the same part of a line as edit {other}")]
    Overlap {
        /// The other edit.
        other: String,
    },
    /// It could not be told afterwards where the text was put.
    #[error(
        "could not be told from what is in the file already, and so not be taken out again; \
         expected a text that is found nowhere else"
    )]
    Doubtful,
}

impl FitError {
    /// Is what an optional edit is about not there at all?
    pub(super) fn is_absence(&self) -> bool {
        match self {
            Self::NoDefinition { .. } => true,
            Self::Matches { matches, .. } => matches.iter().all(|one| one.lines.0.is_empty()),
            _ => false,
        }
    }
}

fn inside(within: &Option<String>) -> String {
    within.as_ref().map(|name| format!("in {name}: ")).unwrap_or_default()
}

fn all(matches: &[Matches]) -> String {
    matches.iter().map(Matches::to_string).collect::<Vec<_>>().join(", ")
}

fn elsewhere_too(lines: &Lines) -> String {
    if lines.0.is_empty() { String::new() } else { format!(" (outside of it: line {lines})") }
}

fn replaced(anchor: &str, twice: bool) -> String {
    if twice {
        format!("anchor {anchor:?} is there more than once; expected once, to replace it")
    } else {
        format!(
            "anchor {anchor:?} has other white space there; expected the same, \
             so that what is replaced can be put back"
        )
    }
}
