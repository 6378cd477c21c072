// SPDX-License-Identifier: MIT OR Apache-2.0

//! Sources, places in them, and what is wrong there.

use std::fmt;

use crate::model::TunnelName;

/// A policy text and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceText {
    /// How messages call it: a path, or `-` for standard input.
    pub name: String,
    /// The bytes; any encoding.
    pub text: Vec<u8>,
    /// The tunnel that every rule of this source is about, if the source implies one.
    pub tunnel: Option<TunnelName>,
}

/// A stretch of bytes in one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Index of the source.
    pub source: usize,
    /// First byte.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
    /// Line, from 1; 0 for a source as a whole.
    pub line: u32,
    /// Column in bytes, from 1.
    pub column: u32,
}

impl Span {
    /// A source as a whole, for what is wrong with a file and not with its text.
    #[must_use]
    pub fn whole(source: usize) -> Self {
        Self { source, start: 0, end: 0, line: 0, column: 0 }
    }

    /// Is it about a source as a whole?
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.line == 0
    }
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The rule is used, but the operator should know.
    Warning,
    /// The policy is not loaded.
    Error,
}

/// One thing that is wrong, or dangerous, in a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Error or warning.
    pub severity: Severity,
    /// Where.
    pub span: Span,
    /// What was found, one sentence without a full stop.
    pub message: String,
    /// What was expected.
    pub expected: Option<String>,
    /// What to do, for instance a name that is nearly the one given.
    pub hint: Option<String>,
    /// Another place that it has to do with, perhaps in another source. Few have one.
    pub see: Option<Box<Span>>,
}

impl Problem {
    /// An error at a place.
    #[must_use]
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, span, message)
    }

    /// A warning at a place.
    #[must_use]
    pub fn warning(span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, span, message)
    }

    fn new(severity: Severity, span: Span, message: impl Into<String>) -> Self {
        Self { severity, span, message: message.into(), expected: None, hint: None, see: None }
    }

    /// Says what was expected.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Says what could help.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Names another place that it has to do with.
    #[must_use]
    pub fn see(mut self, other: Span) -> Self {
        self.see = Some(Box::new(other));
        self
    }
}

/// Without the place, for which the names of the sources are needed.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(expected) = &self.expected {
            write!(f, ", expected {expected}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}
