// SPDX-License-Identifier: MIT OR Apache-2.0

//! Logical lines and their words.
//!
//! ```text
//! logical-line = { text "\" newline } text newline
//! word         = plain | '"' chars '"'
//! ```
//!
//! A line knows which of its words are keys. They are not shown, in no message and on no
//! stream, so a line is always shown through [`Line::shown`], a word through
//! [`Word::shown`].

use std::ops::Range;
use std::rc::Rc;

use bstr::ByteSlice;
use zeroize::Zeroizing;

/// The longest line, newline included, and the longest logical line.
pub(crate) const LONGEST: usize = 4095;
/// Hexadecimal digits from which on a word is taken for a key wherever it stands.
const KEY_DIGITS: usize = 16;
/// Keywords whose value is a secret.
const SECRET: &[&[u8]] = &[b"authkey", b"encrkey", b"authstring", b"authstring_hex"];

/// A word of a line.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    /// The words of the line, one behind the other; one piece of memory for all of them.
    all: Rc<Zeroizing<Vec<u8>>>,
    /// Where this one is in it.
    at: Range<usize>,
    /// It is a key, or looks like one.
    secret: bool,
    /// Where it is in the line as it was read.
    range: Range<usize>,
}

impl Word {
    /// The word without its quotation marks.
    pub(crate) fn text(&self) -> &[u8] {
        &self.all[self.at.clone()]
    }

    /// The word as messages show it: of a key, nothing but its length.
    pub(crate) fn shown(&self) -> String {
        match self.secret {
            true => "X".repeat(self.text().len()),
            false => self.text().to_str_lossy().into_owned(),
        }
    }

    pub(crate) fn is(&self, text: &str) -> bool {
        self.text() == text.as_bytes()
    }
}

/// A logical line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Number of its last physical line.
    pub(crate) number: usize,
    text: Zeroizing<Vec<u8>>,
    pub(crate) words: Vec<Word>,
}

impl Line {
    /// Splits a logical line into words; none if it is empty or a comment.
    pub(crate) fn new(text: Zeroizing<Vec<u8>>, number: usize) -> Option<Self> {
        let first = text.iter().find(|byte| !is_space(**byte))?;
        if *first == b'#' {
            return None;
        }
        let words = split(&text);
        if words.is_empty() {
            return None;
        }
        Some(Self { number, text, words: mark(words) })
    }

    /// A line of words that have been split already.
    pub(crate) fn of_words(words: &[Vec<u8>]) -> Self {
        let words = words
            .iter()
            .map(|text| Word {
                all: Rc::new(text.clone().into()),
                at: 0..text.len(),
                secret: false,
                range: 0..0,
            })
            .collect();
        Self { number: 0, text: Vec::new().into(), words: mark(words) }
    }

    /// The line as it was read, without its keys and without its last newline.
    pub(crate) fn shown(&self) -> String {
        let mut text = self.text.to_vec();
        for word in self.words.iter().filter(|word| word.secret) {
            text[word.range.clone()].fill(b'X');
        }
        let text = text.to_str_lossy().into_owned();
        text.strip_suffix('\n').map(str::to_owned).unwrap_or(text)
    }

    /// Does it hold a key?
    pub(crate) fn has_secret(&self) -> bool {
        self.words.iter().any(|word| word.secret)
    }
}

/// What C's `isspace` takes for a blank.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn split(text: &[u8]) -> Vec<Word> {
    let mut all = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut places: Vec<(Range<usize>, Range<usize>)> = Vec::with_capacity(24);
    let mut at = 0;
    while at < text.len() {
        if is_space(text[at]) {
            at += 1;
            continue;
        }
        let start = at;
        let mut quoted = false;
        let begin = all.len();
        while at < text.len() {
            let byte = text[at];
            if byte == b'"' {
                at += 1;
                if quoted {
                    // What is glued to the end is lost.
                    while at < text.len() && !is_space(text[at]) {
                        at += 1;
                    }
                    break;
                }
                quoted = true;
                if all.len() > begin {
                    all.push(b'"');
                }
                continue;
            }
            if is_space(byte) {
                if !quoted {
                    break;
                }
                // Blanks at the beginning of what is quoted do not count.
                if all.len() == begin {
                    at += 1;
                    continue;
                }
            }
            all.push(byte);
            at += 1;
        }
        if all.len() > begin {
            places.push((begin..all.len(), start..at));
        }
    }
    let all = Rc::new(all);
    let word = |(at, range)| Word { all: Rc::clone(&all), at, secret: false, range };
    places.into_iter().map(word).collect()
}

/// Finds the keys.
fn mark(mut words: Vec<Word>) -> Vec<Word> {
    for at in 0..words.len() {
        let after = at.checked_sub(1).is_some_and(|before| SECRET.contains(&words[before].text()));
        words[at].secret = after || looks_like_key(words[at].text());
    }
    words
}

fn looks_like_key(word: &[u8]) -> bool {
    let digits = word.split(|byte| *byte == b'/').next().unwrap_or_default();
    let digits = digits.strip_prefix(b"0x").or(digits.strip_prefix(b"0X")).unwrap_or(digits);
    digits.len() >= KEY_DIGITS && digits.iter().all(u8::is_ascii_hexdigit)
}

/// Why lines cannot be put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooLong {
    /// The physical line with this number.
    Line(usize),
    /// The logical line.
    Command,
}

/// Puts physical lines together to logical ones.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    open: Zeroizing<Vec<u8>>,
    number: usize,
}

impl Joiner {
    /// Takes a physical line with its newline, if it has one. What it completes is a
    /// command or nothing.
    pub(crate) fn take(&mut self, line: &[u8]) -> Result<Option<Line>, TooLong> {
        self.number += 1;
        if line.len() >= LONGEST {
            return Err(TooLong::Line(self.number));
        }
        if self.open.len() + line.len() > LONGEST {
            return Err(TooLong::Command);
        }
        let needed = self.open.len() + line.len();
        if needed > self.open.capacity() {
            // Growing would leave a copy behind that nobody wipes.
            let mut larger = Zeroizing::new(Vec::with_capacity(needed));
            larger.extend_from_slice(&self.open);
            self.open = larger;
        }
        self.open.extend_from_slice(line);
        let more = line.ends_with(b"\\\n");
        if more {
            let at = self.open.len() - 2;
            self.open[at] = b' ';
            return Ok(None);
        }
        Ok(self.end())
    }

    /// Was the last line nothing but blanks?
    pub(crate) fn was_blank(&self, line: &[u8]) -> bool {
        !self.is_open() && line.iter().all(|byte| is_space(*byte))
    }

    /// Is a command begun and not ended?
    pub(crate) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// What has been begun, as far as it goes: at the end of a file.
    pub(crate) fn end(&mut self) -> Option<Line> {
        Line::new(std::mem::take(&mut self.open), self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let line = Line::new(text.as_bytes().to_vec().into(), 1);
        let words = line.map(|line| line.words).unwrap_or_default();
        words.iter().map(|word| word.text().to_str_lossy().into_owned()).collect()
    }

    #[test]
    fn quotes() {
        assert_eq!(words("a \"b c\"d e\n"), ["a", "b c", "e"]);
        assert_eq!(words("x\"y z\"\n"), ["x\"y z"]);
        assert_eq!(words("\"\" a \"  b\"\n"), ["a", "b"]);
        assert_eq!(words("a \"open end\n"), ["a", "open end\n"]);
        assert_eq!(words("  # a\n"), [""; 0]);
    }

    #[test]
    fn keys_are_not_shown() {
        let shown = |text: &str| {
            let line = Line::new(text.as_bytes().to_vec().into(), 1).unwrap();
            (line.shown(), line.words.iter().map(Word::shown).collect::<Vec<_>>().join(" "))
        };
        let (line, words) = shown("add authkey 1234 authstring \"a b\" spi 5\n");
        assert_eq!(line, "add authkey XXXX authstring XXXXX spi 5");
        assert_eq!(words, "add authkey XXXX authstring XXX spi 5");
        let (line, _) = shown("add aukey 0x00112233445566778899/80 x\n");
        assert_eq!(line, format!("add aukey {} x", "X".repeat(25)));
    }
}
