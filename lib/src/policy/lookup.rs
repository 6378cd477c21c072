// SPDX-License-Identifier: MIT OR Apache-2.0

//! Words that stand for something outside of the policy: hosts, networks,
//! services, protocols, algorithms. Each word is looked up once in a run.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::action::{NO_MAX, kernel_alg, meets};
use super::compile::Resolver;
use super::keyword::alg_keyword;
use super::number::{bounded, inet_addr, int};
use super::suggest::{did_you_mean, quote};
use super::{Problem, Span};
use crate::model::{AlgChoice, AlgProto, AlgUse};

/// How often the name service is asked for names that are close.
const MAX_HINTS: usize = 20;

/// Lookups and their results so far.
pub(super) struct Lookup<'a> {
    resolver: &'a Resolver<'a>,
    hosts: Cache<Vec<IpAddr>>,
    ports: Cache<u16>,
    protocols: Cache<u8>,
    algs: [Cache<Option<AlgChoice>>; 3],
    hints: usize,
}

type Cache<T> = HashMap<Vec<u8>, Result<T, Problem>>;

impl<'a> Lookup<'a> {
    pub(super) fn new(resolver: &'a Resolver<'a>) -> Self {
        Self {
            resolver,
            hosts: Cache::new(),
            ports: Cache::new(),
            protocols: Cache::new(),
            algs: [Cache::new(), Cache::new(), Cache::new()],
            hints: 0,
        }
    }

    /// The addresses of a literal, a host or a network.
    pub(super) fn addresses(&mut self, word: &[u8], span: Span) -> Result<Vec<IpAddr>, Problem> {
        if let Some(literal) = literal(word) {
            return Ok(vec![literal]);
        }
        if let Some(found) = self.hosts.get(word) {
            return again(found, span);
        }
        let found = self.host(word, span);
        again(self.hosts.entry(word.into()).or_insert(found), span)
    }

    fn host(&mut self, word: &[u8], span: Span) -> Result<Vec<IpAddr>, Problem> {
        let names = self.resolver.names;
        if !word.is_empty() && !word.contains(&b':') {
            let hosts = names.host(word);
            if !hosts.is_empty() {
                return Ok(hosts);
            }
            if let Some(network) = names.network(word) {
                return Ok(vec![network.into()]);
            }
        }
        let what = quote(word);
        let message = if word.contains(&b':') {
            format!("{what} is no IPv6 address")
        } else if word.first().is_some_and(u8::is_ascii_digit) {
            format!("{what} is neither an IPv4 address nor the name of a host or network")
        } else {
            format!("{what} is not the name of a host or network")
        };
        let mut problem = Problem::error(span, message);
        if !word.contains(&b':') {
            problem.hint = self.similar(word);
        }
        Err(problem)
    }

    /// The number of a service or port; 0 selects nothing.
    pub(super) fn port(&mut self, word: &[u8], span: Span) -> Result<u16, Problem> {
        if let Some(port) = digits(word) {
            return Ok(port);
        }
        if let Some(found) = self.ports.get(word) {
            return again(found, span);
        }
        let found = self
            .resolver
            .names
            .service(word)
            .or_else(|| bounded(word, u16::MAX));
        let found = found.ok_or_else(|| {
            let mut problem =
                Problem::error(span, format!("{} is no service and no port", quote(word)))
                    .expected("a service name or a number from 0 to 65535");
            problem.hint = if word.contains(&b'-') && word[0].is_ascii_digit() {
                Some("a rule has one port; write a rule for each".into())
            } else if word.contains(&b'/') {
                Some("name the protocol with `ulp`".into())
            } else {
                self.similar(word)
            };
            problem
        });
        again(self.ports.entry(word.into()).or_insert(found), span)
    }

    /// The number of a protocol; 0 selects nothing.
    pub(super) fn protocol(&mut self, word: &[u8], span: Span) -> Result<u8, Problem> {
        if let Some(proto) = digits(word).and_then(|n| u8::try_from(n).ok()) {
            return Ok(proto);
        }
        if let Some(found) = self.protocols.get(word) {
            return again(found, span);
        }
        let number = || bounded(word, u8::MAX.into()).map(|n| n as u8);
        let found = self.resolver.names.protocol(word).or_else(number);
        let found = found.ok_or_else(|| {
            let message = match int(word, 0) {
                Some(_) => format!("protocol number {} is out of range", quote(word)),
                None => format!("{} is no protocol", quote(word)),
            };
            let mut problem =
                Problem::error(span, message).expected("a protocol name or a number from 0 to 255");
            problem.hint = self.similar(word);
            problem
        });
        again(self.protocols.entry(word.into()).or_insert(found), span)
    }

    /// A name that is close to a word nobody knows.
    fn similar(&mut self, word: &[u8]) -> Option<String> {
        self.hints += 1;
        if self.hints > MAX_HINTS || word.len() > 64 {
            return None;
        }
        let near = self.resolver.names.similar(word);
        did_you_mean(word, near.iter().map(String::as_str))
    }

    /// An algorithm with key bounds. `none` gives nothing; number 0 is any algorithm.
    pub(super) fn algorithm(
        &mut self,
        usage: AlgUse,
        word: &[u8],
        span: Span,
    ) -> Result<Option<AlgChoice>, Problem> {
        if let Some(found) = self.algs[usage as usize].get(word) {
            return again(found, span);
        }
        let found = self.find_algorithm(usage, word, span);
        again(
            self.algs[usage as usize]
                .entry(word.into())
                .or_insert(found),
            span,
        )
    }

    fn find_algorithm(
        &self,
        usage: AlgUse,
        word: &[u8],
        span: Span,
    ) -> Result<Option<AlgChoice>, Problem> {
        if word.eq_ignore_ascii_case(b"none") {
            return Ok(None);
        }
        let (name, keys) = split_keys(word)
            .ok_or_else(|| bad_keys(word, span).hint("write `name(bits)` or `name(low..high)`"))?;
        let id = self
            .alg_id(usage, name)
            .ok_or_else(|| self.unknown(usage, name, span))?;
        let (min, max) = key_bounds(keys).ok_or_else(|| bad_keys(word, span))?;
        let kernel = self.resolver.kernel;
        let choice = AlgChoice { id, min, max };
        if id == 0 {
            let fits = kernel
                .iter()
                .any(|alg| alg.usage == usage && meets(alg, min, max));
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
    fn alg_id(&self, usage: AlgUse, name: &[u8]) -> Option<u8> {
        if let Some(alg) = self.resolver.algs.by_name(usage.proto(), name) {
            return Some(alg.id);
        }
        let digits = !name.is_empty() && name.iter().all(u8::is_ascii_digit);
        digits
            .then(|| bounded(name, 255))
            .flatten()
            .filter(|&id| id != 0)
            .map(|id| id as u8)
    }

    fn unknown(&self, usage: AlgUse, name: &[u8], span: Span) -> Problem {
        let kind = match usage.proto() {
            AlgProto::Ah => "authentication",
            AlgProto::Esp => "encryption",
        };
        let message = format!("{} is no {kind} algorithm", quote(name));
        let algs = self.resolver.algs;
        let (other, instead) = match usage.proto() {
            AlgProto::Ah => (AlgProto::Esp, alg_keyword(AlgUse::EspEncr)),
            AlgProto::Esp => (AlgProto::Ah, alg_keyword(AlgUse::EspAuth)),
        };
        let known = algs
            .algorithms()
            .iter()
            .filter(|alg| alg.proto == usage.proto());
        let mut problem = Problem::error(span, message);
        problem.hint = if algs.by_name(other, name).is_some() {
            Some(format!("it goes with `{instead}`"))
        } else {
            let known = known.flat_map(|alg| alg.names.iter().map(String::as_str));
            super::suggest::nearest(name, known).map(|name| format!("did you mean `{name}`?"))
        };
        problem
    }
}

/// A plain number; no service and no protocol is called like one.
fn digits(word: &[u8]) -> Option<u16> {
    if word.iter().all(u8::is_ascii_digit) {
        bounded(word, u16::MAX)
    } else {
        None
    }
}

/// What a lookup gave, for another place.
fn again<T: Clone>(found: &Result<T, Problem>, span: Span) -> Result<T, Problem> {
    found.clone().map_err(|problem| Problem { span, ..problem })
}

/// An address written as one. An IPv4-mapped IPv6 address is the IPv4 address.
fn literal(word: &[u8]) -> Option<IpAddr> {
    if word.contains(&b':') {
        let addr: Ipv6Addr = std::str::from_utf8(word).ok()?.parse().ok()?;
        return Some(addr.to_ipv4_mapped().map_or(addr.into(), IpAddr::from));
    }
    inet_addr(word)
        .filter(|&addr| addr != Ipv4Addr::BROADCAST)
        .map(IpAddr::from)
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
    let high = keys[dot..]
        .iter()
        .position(|&b| b != b'.')
        .map(|at| &keys[dot + at..]);
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
