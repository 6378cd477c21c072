// SPDX-License-Identifier: MIT OR Apache-2.0

//! Functions, types and variables. `plain` is the text without comments, contents of
//! strings, and preprocessor lines.

use bstr::ByteSlice;

use super::{Definition, Kind, closing, skip_blank, skip_name, words};
use crate::text::{Text, is_name_byte};

pub(super) fn functions(text: &Text<'_>, plain: &[u8], name: &str) -> Vec<Definition> {
    words(plain, name).filter_map(|at| function(text, plain, at, name)).collect()
}

fn function(text: &Text<'_>, plain: &[u8], at: usize, name: &str) -> Option<Definition> {
    let line = text.line_of(at);
    let prefix = &plain[text.start(line)..at];
    if !is_declaration(prefix) {
        return None;
    }
    let open = skip_blank(plain, at + name.len());
    if plain.get(open) != Some(&b'(') {
        return None;
    }
    let parameters = closing(plain, open, b'(', b')')?;
    let brace = body(text, plain, parameters)?;
    let brace_line = text.line_of(brace);
    let same_line = &plain[..text.start(brace_line + 1)];
    let end = match closing(same_line, brace, b'{', b'}') {
        Some(end) => end,
        None => (brace_line + 1..text.len())
            .map(|line| text.start(line))
            .find(|start| plain.get(*start) == Some(&b'}'))?,
    };
    // The type may be in the line above.
    let alone = !prefix.iter().any(|byte| is_name_byte(*byte));
    let first =
        if alone && line > 0 && is_type_line(text, plain, line - 1) { line - 1 } else { line };
    let last = text.line_of(end);
    Some(Definition { kind: Kind::Function, first, last, braces: Some((brace, end)) })
}

/// May this be in front of a name that is defined: column 0, names and stars?
fn is_declaration(prefix: &[u8]) -> bool {
    !prefix.first().is_some_and(u8::is_ascii_whitespace)
        && prefix.iter().all(|byte| is_name_byte(*byte) || matches!(byte, b' ' | b'\t' | b'*'))
}

fn is_type_line(text: &Text<'_>, plain: &[u8], line: usize) -> bool {
    let line = plain[text.start(line)..text.start(line + 1)].trim_end();
    !line.is_empty() && is_declaration(line)
}

/// The opening brace after the parameters, if this is no mere declaration.
fn body(text: &Text<'_>, plain: &[u8], parameters: usize) -> Option<usize> {
    let line = text.line_of(parameters);
    let rest = &plain[parameters + 1..text.start(line + 1)];
    if let Some(at) = rest.iter().position(|byte| !byte.is_ascii_whitespace()) {
        return (rest[at] == b'{').then_some(parameters + 1 + at);
    }
    // Declarations of old style may follow, mostly indented.
    let is_old = |line: &[u8]| {
        line.trim_end().last().is_none_or(|last| *last == b';' || line[0].is_ascii_whitespace())
    };
    (line + 1..text.len())
        .map(|line| (text.start(line), &plain[text.start(line)..text.start(line + 1)]))
        .find(|(_, line)| !is_old(line))
        .filter(|(_, line)| line[0] == b'{')
        .map(|(start, _)| start)
}

pub(super) fn types(text: &Text<'_>, plain: &[u8], name: &str) -> Vec<Definition> {
    let mut found = Vec::new();
    // Tags of which `name` is another name.
    let mut tags = vec![name.as_bytes().to_vec()];
    let mut bodies = Vec::new();
    for (keyword, kind) in
        [("struct", Kind::Structure), ("union", Kind::Structure), ("enum", Kind::Enum)]
    {
        for at in words(plain, keyword) {
            let tag = skip_blank(plain, at + keyword.len());
            let tag_end = skip_name(plain, tag);
            let next = skip_blank(plain, tag_end);
            let typedef = plain[..at].trim_end().ends_with(b"typedef");
            if plain.get(next) == Some(&b'{') {
                let Some(end) = closing(plain, next, b'{', b'}') else { continue };
                let semicolon = plain[end..].find_byte(b';').map_or(end, |n| end + n);
                let aliases = if typedef { &plain[end + 1..semicolon.max(end + 1)] } else { &[] };
                let definition = Definition {
                    kind,
                    first: text.line_of(at),
                    last: text.line_of(semicolon),
                    braces: Some((next, end)),
                };
                if has_declarator(aliases, name) {
                    found.push(definition);
                } else {
                    bodies.push((plain[tag..tag_end].to_vec(), definition));
                }
            } else if typedef && tag_end > tag {
                let semicolon = plain[next..].find_byte(b';').map_or(next, |n| next + n);
                if has_declarator(&plain[next..semicolon], name) {
                    tags.push(plain[tag..tag_end].to_vec());
                }
            }
        }
    }
    found.extend(bodies.into_iter().filter(|(tag, _)| tags.contains(tag)).map(|(_, found)| found));
    found
}

/// Is the name one of `NAME, *OTHER`, and not a pointer?
fn has_declarator(text: &[u8], name: &str) -> bool {
    text.split_str(",").any(|one| one.trim() == name.as_bytes())
}

pub(super) fn variables(text: &Text<'_>, plain: &[u8], name: &str) -> Vec<Definition> {
    words(plain, name).filter_map(|at| variable(text, plain, at, name)).collect()
}

fn variable(text: &Text<'_>, plain: &[u8], at: usize, name: &str) -> Option<Definition> {
    let first = text.line_of(at);
    if !is_declaration(&plain[text.start(first)..at]) {
        return None;
    }
    let mut next = skip_blank(plain, at + name.len());
    while plain.get(next) == Some(&b'[') {
        next = skip_blank(plain, closing(plain, next, b'[', b']')? + 1);
    }
    if plain.get(next) != Some(&b'=') {
        return None;
    }
    let open = skip_blank(plain, next + 1);
    if plain.get(open) != Some(&b'{') {
        return None;
    }
    let end = closing(plain, open, b'{', b'}')?;
    let last = text.line_of(end);
    Some(Definition { kind: Kind::Variable, first, last, braces: Some((open, end)) })
}
