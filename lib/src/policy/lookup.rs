// SPDX-License-Identifier: MIT OR Apache-2.0

//! Words that stand for something outside of the policy: hosts, networks,
//! services, protocols, algorithms. Each word is looked up once in a run.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::algorithm::find;
use super::number::{bounded, inet_addr, int};
use super::suggest::{did_you_mean, quote};
use super::{Problem, Resolver, Span};
use crate::model::{AlgChoice, AlgUse};

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
        let found = self.resolver.names.service(word).or_else(|| bounded(word, u16::MAX));
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
        let found = find(self.resolver, usage, word, span);
        again(self.algs[usage as usize].entry(word.into()).or_insert(found), span)
    }
}

/// A plain number; no service and no protocol is called like one.
fn digits(word: &[u8]) -> Option<u16> {
    if word.iter().all(u8::is_ascii_digit) { bounded(word, u16::MAX) } else { None }
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
    inet_addr(word).filter(|&addr| addr != Ipv4Addr::BROADCAST).map(IpAddr::from)
}
