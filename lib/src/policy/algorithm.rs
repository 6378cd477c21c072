// SPDX-License-Identifier: MIT OR Apache-2.0

//! Algorithms as rules name them: `aes`, `12`, `aes(128..256)`, `any(256..)`.

use super::action::{NO_MAX, kernel_alg, meets};
use super::keyword::alg_keyword;
use super::number::bounded;
use super::suggest::{nearest, quote};
use super::{Problem, Resolver, Span};
use crate::model::{AlgChoice, AlgProto, AlgUse};

/// The algorithm that a word of a rule names, with its key bounds. `none` gives nothing.
pub(super) fn find(
    resolver: &Resolver<'_>,
    usage: AlgUse,
    word: &[u8],
    span: Span,
) -> Result<Option<AlgChoice>, Problem> {
    if word.eq_ignore_ascii_case(b"none") {
        return Ok(None);
    }
    let (name, keys) = split_keys(word)
        .ok_or_else(|| bad_keys(word, span).hint("write `name(bits)` or `name(low..high)`"))?;
    if name.is_empty() {
        return Err(bad_keys(word, span).hint("the name of the algorithm is missing"));
    }
    let id = alg_id(resolver, usage, name).ok_or_else(|| unknown(resolver, usage, name, span))?;
    let (min, max) = key_bounds(keys).ok_or_else(|| bad_keys(word, span))?;
    let kernel = resolver.kernel;
    let choice = AlgChoice { id, min, max };
    if id == 0 {
        let fits = kernel.iter().any(|alg| alg.usage == usage && meets(alg, min, max));
        return if fits {
            Ok(Some(choice))
        } else {
            let message = format!("no algorithm has keys as {} asks for", quote(word));
            Err(Problem::error(span, message))
        };
    }
    let Some(alg) = kernel_alg(kernel, usage, id) else {
        let message = format!("the kernel does not have the algorithm {}", quote(name));
        return Err(Problem::error(span, message));
    };
    if !meets(alg, min, max) {
        let message = format!("{} has no keys as {} asks for", quote(name), quote(word));
        let expected = match (alg.min, alg.max) {
            (0, 0) => "no key size".to_owned(),
            (low, high) if low == high => format!("{low} bits"),
            (low, high) => format!("something between {low} and {high} bits"),
        };
        return Err(Problem::error(span, message).expected(expected));
    }
    Ok(Some(choice))
}

/// The number of an algorithm, by name or number.
fn alg_id(resolver: &Resolver<'_>, usage: AlgUse, name: &[u8]) -> Option<u8> {
    if let Some(alg) = resolver.algs.by_name(usage.proto(), name) {
        return Some(alg.id);
    }
    let digits = !name.is_empty() && name.iter().all(u8::is_ascii_digit);
    digits.then(|| bounded(name, 255)).flatten().filter(|&id| id != 0).map(|id| id as u8)
}

fn unknown(resolver: &Resolver<'_>, usage: AlgUse, name: &[u8], span: Span) -> Problem {
    let kind = match usage.proto() {
        AlgProto::Ah => "authentication",
        AlgProto::Esp => "encryption",
    };
    let message = format!("{} is no {kind} algorithm", quote(name));
    let algs = resolver.algs;
    let (other, instead) = match usage.proto() {
        AlgProto::Ah => (AlgProto::Esp, alg_keyword(AlgUse::EspEncr)),
        AlgProto::Esp => (AlgProto::Ah, alg_keyword(AlgUse::EspAuth)),
    };
    let known = algs.algorithms().iter().filter(|alg| alg.proto == usage.proto());
    let mut problem = Problem::error(span, message).expected("a name from ipsecalgs or a number");
    problem.hint = if algs.by_name(other, name).is_some() {
        Some(format!("it goes with `{instead}`"))
    } else {
        let known = known.flat_map(|alg| alg.names.iter().map(String::as_str));
        nearest(name, known).map(|name| format!("did you mean `{name}`?"))
    };
    problem
}

/// Name and key text of `name(keys)`. The parentheses only part the two.
fn split_keys(word: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_paren = |b: &u8| b"()".contains(b);
    let Some(open) = word.iter().position(is_paren) else {
        return Some((word, b""));
    };
    let (name, keys) = (&word[..open], &word[open + 1..]);
    match keys.iter().position(is_paren) {
        None => Some((name, keys)),
        Some(close) if close + 1 == keys.len() => Some((name, &keys[..close])),
        Some(_) => None,
    }
}

/// Smallest and largest key: `n`, `n..`, `..n`, `n..m`, or nothing said.
fn key_bounds(keys: &[u8]) -> Option<(u16, u16)> {
    if keys.is_empty() {
        return Some((0, NO_MAX));
    }
    let bits = |text: &[u8]| bounded(text, u16::MAX);
    let Some(dot) = keys.iter().position(|&b| b == b'.') else {
        return bits(keys).map(|n| (n, n));
    };
    let low = &keys[..dot];
    let high = keys[dot..].iter().position(|&b| b != b'.').map(|at| &keys[dot + at..]);
    let bounds = match (low, high) {
        (b"", None) => (0, 0),
        (b"", Some(high)) => (0, bits(high)?),
        (low, None) => (bits(low)?, NO_MAX),
        (low, Some(high)) => (bits(low)?, bits(high)?),
    };
    (bounds.0 <= bounds.1).then_some(bounds)
}

fn bad_keys(word: &[u8], span: Span) -> Problem {
    Problem::error(span, format!("{} does not say key sizes", quote(word)))
        .expected("bits as in `(128)`, `(128..)`, `(..256)` or `(128..256)`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_bounds_of_all_forms() {
        for (keys, bounds) in [
            ("", Some((0, 65535))),
            ("192", Some((192, 192))),
            ("0xc0", Some((192, 192))),
            ("192..", Some((192, 65535))),
            ("192.", Some((192, 65535))),
            ("..192", Some((0, 192))),
            ("192..256", Some((192, 256))),
            ("192.256", Some((192, 256))),
            ("192...256", Some((192, 256))),
            ("..", Some((0, 0))),
            ("0", Some((0, 0))),
            ("256..128", None),
            ("big", None),
            ("70000", None),
            ("1..2..3", None),
            ("-1", None),
        ] {
            assert_eq!(key_bounds(keys.as_bytes()), bounds, "{keys}");
        }
    }

    #[test]
    fn parentheses_part_name_and_keys() {
        for (word, parts) in [
            ("aes", Some(("aes", ""))),
            ("aes()", Some(("aes", ""))),
            ("aes(128)", Some(("aes", "128"))),
            ("aes(128", Some(("aes", "128"))),
            ("aes)128(", Some(("aes", "128"))),
            ("(128)", Some(("", "128"))),
            ("()", Some(("", ""))),
            ("aes(128)x", None),
            ("aes(128)(256)", None),
        ] {
            let parts = parts.map(|(name, keys)| (name.as_bytes(), keys.as_bytes()));
            assert_eq!(split_keys(word.as_bytes()), parts, "{word}");
        }
    }
}
