// SPDX-License-Identifier: MIT OR Apache-2.0

//! The tree of a policy: rules as written, every word with its place.

use std::sync::Arc;

use super::keyword::{ActionKey, PatternKey, PropertyKey};
use super::{Problem, Span};
use crate::model::TunnelName;

/// What [`super::parse`] found.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// The rules whose braces and actions are in order, over all sources.
    pub rules: Vec<ParsedRule>,
    /// What is wrong with the others, and with single words of these.
    pub problems: Vec<Problem>,
}

/// One rule as written.
#[derive(Clone, Debug)]
pub struct ParsedRule {
    /// From its first brace to its last.
    pub span: Span,
    /// Its lines without comments and blank lines, as the view file keeps them.
    pub text: Arc<[u8]>,
    /// The tunnel implied by the source.
    pub tunnel: Option<TunnelName>,
    /// Keywords and values of the pattern.
    pub pattern: Vec<Item<PatternKey>>,
    /// One or more actions in order of preference.
    pub actions: Vec<ActionGroup>,
    /// A problem with one of its words has been reported; such a rule is checked
    /// further but never used.
    pub broken: bool,
}

/// An action and its properties.
#[derive(Clone, Debug)]
pub struct ActionGroup {
    /// What to do; none if the word is unknown.
    pub key: Option<ActionKey>,
    /// The action word.
    pub word: Word,
    /// Keywords and values.
    pub properties: Vec<Item<PropertyKey>>,
}

/// A keyword with its value.
#[derive(Clone, Copy, Debug)]
pub struct Item<K> {
    /// What the keyword means.
    pub key: K,
    /// The keyword.
    pub keyword: Word,
    /// The value.
    pub value: Word,
}

/// A word of a rule.
///
/// A policy has many of them, so they are small; sources are smaller than 4 GiB.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// First byte in [`ParsedRule::text`].
    at: u32,
    source: u32,
    start: u32,
    len: u32,
    line: u32,
    column: u32,
}

/// A value and the word that set it.
pub(super) type Set<T> = Option<(T, Word)>;

impl ParsedRule {
    /// The bytes of one of its words.
    #[must_use]
    pub fn bytes(&self, word: &Word) -> &[u8] {
        word.bytes(&self.text)
    }

    /// Its text with the tunnel in the pattern that its source implies, so that it means
    /// the same wherever it stands.
    #[must_use]
    pub fn explicit_text(&self) -> Arc<[u8]> {
        let named = self.pattern.iter().any(|item| item.key == PatternKey::Tunnel);
        match &self.tunnel {
            Some(tunnel) if !named => {
                let behind = self.text.iter().position(|&b| b == b'{').map_or(0, |at| at + 1);
                let (open, rest) = self.text.split_at(behind);
                let blank =
                    if rest.first().is_some_and(u8::is_ascii_whitespace) { "" } else { " " };
                [open, b" tunnel ", tunnel.as_bytes(), blank.as_bytes(), rest].concat().into()
            }
            _ => Arc::clone(&self.text),
        }
    }
}

impl Word {
    /// A word at a place in its source, and at a place in the text of its rule.
    pub(super) fn new(span: Span, at: usize) -> Self {
        Self {
            at: at as u32,
            source: span.source as u32,
            start: span.start as u32,
            len: (span.end - span.start) as u32,
            line: span.line,
            column: span.column,
        }
    }

    /// Where it stands in its source.
    #[must_use]
    pub fn span(&self) -> Span {
        let start = self.start as usize;
        Span {
            source: self.source as usize,
            start,
            end: start + self.len as usize,
            line: self.line,
            column: self.column,
        }
    }

    pub(super) fn bytes<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        let at = self.at as usize;
        &text[at..at + self.len as usize]
    }
}
