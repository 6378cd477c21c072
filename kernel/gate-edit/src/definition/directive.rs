// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is defined by a line and the lines that continue it.

use super::{Definition, Kind};
use crate::text::{Text, is_name_byte};

pub(super) fn macros(text: &Text<'_>, code: &[u8], name: &str) -> Vec<Definition> {
    let is_macro = |line: usize| {
        let line = code[text.start(line)..text.start(line + 1)].trim_ascii();
        let Some(rest) = line.strip_prefix(b"#") else { return false };
        let Some(rest) = rest.trim_ascii_start().strip_prefix(b"define") else { return false };
        let Some(rest) = rest.trim_ascii_start().strip_prefix(name.as_bytes()) else {
            return false;
        };
        !rest.first().is_some_and(|byte| is_name_byte(*byte))
    };
    continued(text, Kind::Macro, is_macro)
}

pub(super) fn make_variables(text: &Text<'_>, name: &str) -> Vec<Definition> {
    let is_variable = |line: usize| {
        let Some(rest) = text.line(line).strip_prefix(name.as_bytes()) else { return false };
        let rest = rest.trim_ascii_start();
        [&b"="[..], b"+=", b":="].iter().any(|sign| rest.starts_with(sign))
    };
    continued(text, Kind::Make, is_variable)
}

fn continued(text: &Text<'_>, kind: Kind, begins: impl Fn(usize) -> bool) -> Vec<Definition> {
    let end = |first: usize| {
        (first..text.len())
            .find(|line| !text.line(*line).ends_with(b"\\"))
            .unwrap_or(text.len() - 1)
    };
    (0..text.len())
        .filter(|line| begins(*line))
        .map(|first| Definition { kind, first, last: end(first), braces: None })
        .collect()
}
