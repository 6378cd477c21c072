// SPDX-License-Identifier: MIT OR Apache-2.0

//! C source with everything blanked that is not code. Offsets and lines stay.

/// The same text, blanked in two ways.
pub(crate) struct Mask {
    /// Without comments and without the contents of strings and characters.
    pub(crate) code: Vec<u8>,
    /// The same, also without preprocessor lines.
    pub(crate) plain: Vec<u8>,
}

impl Mask {
    pub(crate) fn new(text: &[u8]) -> Self {
        let code = without_comments(text);
        let plain = without_directives(&code);
        Self { code, plain }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum In {
    Code,
    Comment,
    LineComment,
    Quote(u8),
}

fn without_comments(text: &[u8]) -> Vec<u8> {
    let mut code = text.to_vec();
    let mut state = In::Code;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let next = text.get(at + 1).copied();
        let mut width = 1;
        let mut blank = state != In::Code;
        match (state, byte, next) {
            (In::Code, b'/', Some(b'*')) => (state, blank, width) = (In::Comment, true, 2),
            (In::Code, b'/', Some(b'/')) => (state, blank, width) = (In::LineComment, true, 2),
            (In::Code, b'"' | b'\'', _) => state = In::Quote(byte),
            (In::Comment, b'*', Some(b'/')) => (state, width) = (In::Code, 2),
            // An escaped character, or a continued line.
            (In::Quote(_) | In::LineComment, b'\\', Some(_)) => {
                width = if next == Some(b'\r') { 3 } else { 2 };
            }
            (In::Quote(quote), _, _) if quote == byte => (state, blank) = (In::Code, false),
            // A quote that is not closed, as in #error lines, ends with its line.
            (In::Quote(_) | In::LineComment, b'\n', _) => state = In::Code,
            _ => {}
        }
        let end = (at + width).min(text.len());
        if blank {
            for byte in &mut code[at..end] {
                if !matches!(*byte, b'\n' | b'\r') {
                    *byte = b' ';
                }
            }
        }
        at = end;
    }
    code
}

fn without_directives(code: &[u8]) -> Vec<u8> {
    let mut plain = code.to_vec();
    let mut continued = false;
    for line in plain.split_mut(|byte| *byte == b'\n') {
        let directive = continued || line.trim_ascii_start().starts_with(b"#");
        continued = directive && line.trim_ascii_end().ends_with(b"\\");
        if directive {
            line.fill(b' ');
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use bstr::ByteSlice;

    #[test]
    fn comments_strings_and_characters() {
        let rows = [
            ("a /* { */ b", "a         b"),
            ("a // {\nb", "a     \nb"),
            ("\"{\\\"}\" '{' '\\'' x", "\"    \" ' ' '  ' x"),
            ("#error don't\n{", "#error don' \n{"),
            ("\"a\\\nb{\"}", "\"  \n  \"}"),
            ("/* \" */ {", "        {"),
            ("\"/*\" {", "\"  \" {"),
            ("/*/ { */ }", "         }"),
        ];
        for (text, expected) in rows {
            let code = Mask::new(text.as_bytes()).code;
            assert_eq!(code.as_bstr(), expected.as_bytes().as_bstr(), "{text}");
        }
    }

    #[test]
    fn directives_with_continued_lines() {
        let text = b"a\n#define X {\\\n\t}\nb\n  # if 1\nc";
        let plain = Mask::new(text).plain;
        assert_eq!(plain.len(), text.len());
        assert_eq!(
            plain.split_str("\n").map(<[u8]>::trim_ascii).collect::<Vec<_>>(),
            [&b"a"[..], b"", b"", b"b", b"", b"c"]
        );
    }
}
