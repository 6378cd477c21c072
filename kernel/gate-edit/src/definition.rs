// SPDX-License-Identifier: MIT OR Apache-2.0

//! Finds what a name defines, with a scanner that knows the style of the gate, not C.
//!
//! | what | form |
//! |---|---|
//! | function | its name in a line that begins in column 0, parameters, then either a brace in column 0 (declarations of old style may be between) up to the next closing brace in column 0, or a brace in the line of the closing parenthesis |
//! | structure, union, enum | `struct NAME {`, `typedef struct ... { ... } NAME;`, or `typedef struct TAG NAME;` with `struct TAG {` in the same file |
//! | variable | in a line that begins in column 0: `NAME = {`, `NAME[] = {` |
//! | macro | `#define NAME`, with continued lines |
//! | variable of make | `NAME =`, `NAME +=`, `NAME :=` in files named `Makefile*`, with continued lines |
//!
//! A name may have several definitions, as in the branches of `#ifdef`.

mod code;
mod directive;

use crate::mask::Mask;
use crate::text::{Text, is_name_byte};

/// What a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Function,
    Structure,
    Enum,
    Variable,
    Macro,
    Make,
}

/// One definition: lines, counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) kind: Kind,
    pub(crate) first: usize,
    pub(crate) last: usize,
    /// Bytes of the braces.
    pub(crate) braces: Option<(usize, usize)>,
}

/// A file with what has been found out about it.
pub(crate) struct Source<'a> {
    pub(crate) text: Text<'a>,
    pub(crate) mask: Mask,
    make: bool,
}

impl<'a> Source<'a> {
    /// `path` only says which language it is.
    pub(crate) fn new(path: &str, bytes: &'a [u8]) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        let make = name.starts_with("Makefile");
        Self { text: Text::new(bytes), mask: Mask::new(bytes), make }
    }

    /// All definitions of a name, from top to bottom.
    pub(crate) fn find(&self, name: &str) -> Vec<Definition> {
        if self.make {
            return directive::make_variables(&self.text, name);
        }
        let mut found = code::functions(&self.text, &self.mask.plain, name);
        found.extend(code::types(&self.text, &self.mask.plain, name));
        found.extend(code::variables(&self.text, &self.mask.plain, name));
        found.extend(directive::macros(&self.text, &self.mask.code, name));
        found.sort_by_key(|definition| (definition.first, definition.last));
        found.dedup();
        found
    }
}

/// Places where a whole word is in a text.
fn words<'a>(text: &'a [u8], word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let ends = move |at: usize| text.get(at).is_none_or(|byte| !is_name_byte(*byte));
    bstr::ByteSlice::find_iter(text, word)
        .filter(move |at| ends(at + word.len()) && (*at == 0 || ends(at - 1)))
}

/// The first byte from `at` on that is not white space.
fn skip_blank(text: &[u8], at: usize) -> usize {
    text[at..].iter().position(|byte| !byte.is_ascii_whitespace()).map_or(text.len(), |n| at + n)
}

/// The end of the name that begins at `at`.
fn skip_name(text: &[u8], at: usize) -> usize {
    text[at..].iter().position(|byte| !is_name_byte(*byte)).map_or(text.len(), |n| at + n)
}

/// The bracket that closes the one at `at`.
fn closing(text: &[u8], at: usize, open: u8, close: u8) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, &byte) in text.iter().enumerate().skip(at) {
        if byte == open {
            depth += 1;
        } else if byte == close {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return Some(index);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests;
