// SPDX-License-Identifier: MIT OR Apache-2.0

//! Lines without comments, and words on them.
//!
//! White space is what C calls so, a carriage return included. `#` starts a
//! comment anywhere, even inside a word. Nothing is quoted.

use bstr::ByteSlice;

use super::Span;

/// A place in one source: a line and a byte on it.
pub(super) struct Cursor<'a> {
    source: usize,
    bytes: &'a [u8],
    line: u32,
    start: usize,
    end: usize,
    next: usize,
    at: usize,
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | 9..=13)
}

impl<'a> Cursor<'a> {
    /// In front of the first line.
    pub(super) fn new(source: usize, bytes: &'a [u8]) -> Self {
        Self { source, bytes, line: 0, start: 0, end: 0, next: 0, at: 0 }
    }

    /// Moves to the first byte of the next line that has something beside white space
    /// and comment. False at the end of the source.
    pub(super) fn next_line(&mut self) -> bool {
        while self.next < self.bytes.len() {
            self.line = self.line.saturating_add(1);
            self.start = self.next;
            let rest = &self.bytes[self.start..];
            let end = rest.find_byteset(b"\n#").unwrap_or(rest.len());
            self.end = self.start + end;
            self.next = match rest.get(end) {
                Some(b'#') => {
                    let newline = rest[end..].find_byte(b'\n');
                    newline.map_or(self.bytes.len(), |n| self.end + n + 1)
                }
                Some(_) => self.end + 1,
                None => self.end,
            };
            self.at = self.start;
            self.skip_space();
            if self.at < self.end {
                return true;
            }
        }
        self.at = self.end;
        false
    }

    /// The byte here, none at the end of the line.
    pub(super) fn peek(&self) -> Option<u8> {
        (self.at < self.end).then(|| self.bytes[self.at])
    }

    /// Skips one byte and gives its place.
    pub(super) fn bump(&mut self) -> Span {
        let from = self.at;
        self.at = (self.at + 1).min(self.end);
        self.span(from)
    }

    /// Skips white space on this line.
    pub(super) fn skip_space(&mut self) {
        while self.at < self.end && is_space(self.bytes[self.at]) {
            self.at += 1;
        }
    }

    /// Skips a word that ends before white space, `stop` or the end of the line.
    pub(super) fn word(&mut self, stop: u8) -> Span {
        let from = self.at;
        while self.at < self.end && self.bytes[self.at] != stop && !is_space(self.bytes[self.at]) {
            self.at += 1;
        }
        self.span(from)
    }

    /// Offset of the byte here.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// The line, from 1.
    pub(super) fn line(&self) -> u32 {
        self.line
    }

    /// This place, to come back to it.
    pub(super) fn mark(&self) -> Self {
        Self { ..*self }
    }

    /// Goes back to an earlier place.
    pub(super) fn return_to(&mut self, mark: Self) {
        *self = mark;
    }

    /// Goes to the end of the line.
    pub(super) fn skip_line(&mut self) {
        self.at = self.end;
    }

    /// Goes back to a byte on this line.
    pub(super) fn rewind(&mut self, offset: usize) {
        debug_assert!((self.start..=self.end).contains(&offset));
        self.at = offset;
    }

    /// From an earlier byte of this line to here.
    pub(super) fn span(&self, from: usize) -> Span {
        Span {
            source: self.source,
            start: from,
            end: self.at,
            line: self.line,
            column: u32::try_from(from - self.start + 1).unwrap_or(u32::MAX),
        }
    }

    /// The bytes of a span.
    pub(super) fn bytes(&self, span: Span) -> &'a [u8] {
        &self.bytes[span.start..span.end]
    }

    /// Has the line nothing but white space in front of this byte?
    pub(super) fn starts_line(&self, offset: usize) -> bool {
        self.bytes[self.start..offset].iter().all(|&b| is_space(b))
    }

    /// Is this the end of a line whose newline a comment took?
    pub(super) fn at_comment(&self) -> bool {
        self.at == self.end && self.bytes.get(self.end) == Some(&b'#')
    }

    /// Offset of the first byte of the line.
    pub(super) fn line_start(&self) -> usize {
        self.start
    }

    /// The line up to a comment, or with its newline.
    pub(super) fn kept(&self) -> &'a [u8] {
        let newline = self.bytes.get(self.end) == Some(&b'\n');
        &self.bytes[self.start..self.end + usize::from(newline)]
    }
}
