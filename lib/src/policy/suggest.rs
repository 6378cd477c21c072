// SPDX-License-Identifier: MIT OR Apache-2.0

//! Hints for words that are nearly right.

use super::keyword::{SYNONYMS, lookup};

/// Longer words are no typing errors.
const MAX_LEN: usize = 40;
/// How much of a word a message shows.
const MAX_QUOTE: usize = 60;

/// A word in quotes, readable whatever its bytes are, shortened if need be.
pub(super) fn quote(word: &[u8]) -> String {
    let text = match std::str::from_utf8(word) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => word[..word.len().min(MAX_QUOTE + 1)].escape_ascii().to_string(),
    };
    match text.char_indices().nth(MAX_QUOTE) {
        Some((at, _)) => format!("`{}...`", &text[..at]),
        None => format!("`{text}`"),
    }
}

/// "did you mean ...", if one of the names is close to the word.
pub(super) fn did_you_mean<'a>(
    word: &[u8],
    names: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(word, names).map(|name| {
        if name.as_bytes().eq_ignore_ascii_case(word) {
            format!("letter case matters: `{name}`")
        } else {
            format!("did you mean `{name}`?")
        }
    })
}

/// The closest name, if it is close enough.
pub(super) fn nearest<'a>(
    word: &[u8],
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.is_empty() || word.len() > MAX_LEN {
        return None;
    }
    let lower = word.to_ascii_lowercase();
    let synonym = lookup(SYNONYMS, &lower);
    let mut best: Option<(usize, &str)> = None;
    for name in names {
        if synonym == Some(name) {
            return Some(name);
        }
        let Some(distance) = distance(&lower, name.as_bytes()) else {
            continue;
        };
        let allowed = (lower.len().max(name.len()) / 3).clamp(1, 3);
        let short = lower.len().min(name.len()) <= 2 && distance > 0;
        if distance <= allowed && !short && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, name));
        }
    }
    best.map(|(_, name)| name)
}

/// Insertions, deletions, replacements and exchanges of neighbours between two
/// short words; none if the lengths alone are too different.
fn distance(a: &[u8], b: &[u8]) -> Option<usize> {
    type Row = [u8; MAX_LEN + 1];
    if a.len().abs_diff(b.len()) > 3 || a.len().max(b.len()) > MAX_LEN {
        return None;
    }
    let mut before: Row = [0; MAX_LEN + 1];
    let mut last: Row = std::array::from_fn(|j| j as u8);
    for i in 1..=a.len() {
        let mut row: Row = [i as u8; MAX_LEN + 1];
        for j in 1..=b.len() {
            let replace = last[j - 1] + u8::from(!a[i - 1].eq_ignore_ascii_case(&b[j - 1]));
            row[j] = replace.min(last[j] + 1).min(row[j - 1] + 1);
            let exchanged = i > 1
                && j > 1
                && a[i - 1].eq_ignore_ascii_case(&b[j - 2])
                && a[i - 2].eq_ignore_ascii_case(&b[j - 1]);
            if exchanged {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    Some(last[b.len()].into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::keyword::{ACTIONS, PATTERN, PROPERTIES, names};

    #[test]
    fn near_misses_find_their_word() {
        for (word, expected) in [
            ("radr", Some("raddr")),
            ("RADDR", Some("raddr")),
            ("dest", Some("dst")),
            ("tunel", Some("tunnel")),
            ("negociate", Some("negotiate")),
            ("lifetime", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(word.as_bytes(), names(PATTERN)), expected, "{word}");
        }
        assert_eq!(nearest(b"discard", names(ACTIONS)), Some("drop"));
        assert_eq!(nearest(b"ispec", names(ACTIONS)), Some("ipsec"));
        assert_eq!(nearest(b"esp_auth_algs", names(PROPERTIES)), Some("encr_auth_algs"));
        assert_eq!(nearest(b"encr_alg", names(PROPERTIES)), Some("encr_algs"));
    }

    #[test]
    fn quotes_are_readable_and_short() {
        assert_eq!(quote("h\u{f6}st".as_bytes()), "`h\u{f6}st`");
        assert_eq!(quote(b"h\xf6st"), r"`h\xf6st`");
        assert_eq!(quote(b"a\0b"), r"`a\x00b`");
        assert_eq!(quote(&[b'h'; 500]), format!("`{}...`", "h".repeat(60)));
        assert_eq!(quote(&[0xff; 500]).len(), 60 + 5);
    }
}
