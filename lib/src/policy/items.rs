// SPDX-License-Identifier: MIT OR Apache-2.0

//! Keywords and their values inside a pair of braces.

use super::Problem;
use super::keyword::{PATTERN, PROPERTIES, PatternKey, PropertyKey, Table, lookup, names};
use super::suggest::{did_you_mean, quote};
use super::syntax::{Item, Word};

/// The words that can stand in one kind of braces.
pub(super) struct Grammar<K: 'static> {
    table: Table<K>,
    /// What such a word is called.
    what: &'static str,
    /// What could stand in place of a wrong one.
    expected: &'static str,
    /// What stands behind a word.
    value: fn(K) -> &'static str,
}

pub(super) const PATTERN_WORDS: Grammar<PatternKey> = Grammar {
    table: PATTERN,
    what: "pattern keyword",
    expected: "laddr, raddr, lport, rport, ulp, type, code, dir, tunnel, negotiate or an old style \
               keyword",
    value: PatternKey::value,
};

pub(super) const PROPERTY_WORDS: Grammar<PropertyKey> = Grammar {
    table: PROPERTIES,
    what: "property",
    expected: "encr_algs, encr_auth_algs, auth_algs, sa or dir",
    value: PropertyKey::value,
};

/// Pairs words: keyword, value. What cannot be paired is reported and left out.
pub(super) fn pair_up<K: Copy>(
    words: &[Word],
    text: &[u8],
    grammar: &Grammar<K>,
    problems: &mut Vec<Problem>,
) -> Vec<Item<K>> {
    let key_at = |at: usize| words.get(at).and_then(|w| lookup(grammar.table, w.bytes(text)));
    let mut items = Vec::with_capacity(words.len() / 2);
    let mut at = 0;
    while let Some(&keyword) = words.get(at) {
        let key = key_at(at);
        at += 1;
        let Some(key) = key else {
            problems.push(unknown(keyword, text, grammar));
            // What follows is its value, unless it is a keyword itself.
            if at < words.len() && key_at(at).is_none() {
                at += 1;
            }
            continue;
        };
        // `raddr lport 80`: the address is missing, not the port.
        let shifted = at + 1 < words.len() && key_at(at).is_some() && key_at(at + 1).is_none();
        match words.get(at) {
            Some(&value) if !shifted => {
                at += 1;
                items.push(Item { key, keyword, value });
            }
            _ => {
                let message = format!("{} has no value", quote(keyword.bytes(text)));
                let problem = Problem::error(keyword.span(), message);
                problems.push(problem.expected((grammar.value)(key)));
            }
        }
    }
    items
}

fn unknown<K: Copy>(keyword: Word, text: &[u8], grammar: &Grammar<K>) -> Problem {
    let word = keyword.bytes(text);
    let message = format!("{} is no {}", quote(word), grammar.what);
    let before_equals = word.iter().position(|&b| b == b'=').map(|at| &word[..at]);
    let hint = match before_equals {
        Some(name) if lookup(grammar.table, name).is_some() => {
            Some("put white space between keyword and value".to_owned())
        }
        _ if word == b"\\" => Some("a line needs no sign that it goes on".to_owned()),
        _ => did_you_mean(word, names(grammar.table)).or_else(|| elsewhere(word)),
    };
    let problem = Problem::error(keyword.span(), message).expected(grammar.expected);
    Problem { hint, ..problem }
}

/// A keyword that belongs to the other pair of braces.
fn elsewhere(word: &[u8]) -> Option<String> {
    if lookup(PROPERTIES, word).is_some() {
        Some("it belongs into the braces behind the action".into())
    } else if lookup(PATTERN, word).is_some() {
        Some("it belongs into the pattern, in front of the action".into())
    } else {
        None
    }
}
