// SPDX-License-Identifier: MIT OR Apache-2.0

//! A file as lines, byte for byte.

use bstr::ByteSlice;

/// Bytes with the places where lines begin.
pub(crate) struct Text<'a> {
    pub(crate) bytes: &'a [u8],
    starts: Vec<usize>,
}

impl<'a> Text<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let mut starts = Vec::new();
        let mut at = 0;
        for line in bytes.lines_with_terminator() {
            starts.push(at);
            at += line.len();
        }
        Self { bytes, starts }
    }

    /// Number of lines.
    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Where a line begins; the line after the last one begins at the end.
    pub(crate) fn start(&self, line: usize) -> usize {
        self.starts.get(line).copied().unwrap_or(self.bytes.len())
    }

    /// A line (from 0) without its ending.
    pub(crate) fn line(&self, line: usize) -> &'a [u8] {
        without_ending(&self.bytes[self.start(line)..self.start(line + 1)])
    }

    /// The line to which a byte belongs.
    pub(crate) fn line_of(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// How lines end: as the first one.
    pub(crate) fn ending(&self) -> &'static [u8] {
        let first = &self.bytes[..self.start(1)];
        if first.ends_with(b"\r\n") { b"\r\n" } else { b"\n" }
    }

    /// Is there a last line without an ending?
    pub(crate) fn is_open(&self) -> bool {
        !self.bytes.is_empty() && !self.bytes.ends_with(b"\n")
    }
}

/// A text of the list with the line endings of a file.
pub(crate) fn with_endings(text: &str, ending: &[u8]) -> Vec<u8> {
    text.as_bytes().replace("\n", ending)
}

fn without_ending(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Is this text in the line, if runs of blanks and tabs count as one blank?
pub(crate) fn matches_loosely(line: &[u8], text: &str) -> bool {
    squeeze(line).contains_str(squeeze(text.as_bytes()))
}

fn squeeze(text: &[u8]) -> Vec<u8> {
    let mut squeezed = Vec::with_capacity(text.len());
    for &byte in text {
        let blank = byte == b' ' || byte == b'\t';
        if !blank {
            squeezed.push(byte);
        } else if squeezed.last() != Some(&b' ') {
            squeezed.push(b' ');
        }
    }
    squeezed
}

/// A character of a name of C.
pub(crate) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A name of C.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(is_name_byte)
        && !text.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_endings() {
        let text = Text::new(b"a\r\nb\n\nlast");
        assert_eq!(
            (text.len(), text.line(0), text.line(2), text.line(3)),
            (4, &b"a"[..], &b""[..], &b"last"[..])
        );
        assert_eq!((text.line_of(0), text.line_of(3), text.line_of(9)), (0, 1, 3));
        assert_eq!(text.start(4), text.bytes.len());
        assert!(text.is_open());
        assert_eq!(text.ending(), b"\r\n");
        let empty = Text::new(b"");
        assert_eq!((empty.len(), empty.line(0), empty.is_open()), (0, &b""[..], false));
    }

    #[test]
    fn white_space_runs_are_one_blank() {
        assert!(matches_loosely(b"#define\t\tLIMIT  7", "#define LIMIT 7"));
        assert!(matches_loosely(b"#define LIMIT 7", "#define\tLIMIT\t 7"));
        assert!(!matches_loosely(b"a(b)", "a (b)"));
        assert!(matches_loosely(b"\t\tx;", " x;"));
        assert!(!matches_loosely(b"x;", " x;"));
    }
}
