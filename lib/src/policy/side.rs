// SPDX-License-Identifier: MIT OR Apache-2.0

//! The two ends of the traffic: addresses, masks, and which go together.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::keyword::{End, PatternKey};
use super::number::netmask;
use super::rule::MAX_REQUESTS;
use super::suggest::quote;
use super::syntax::Set;
use super::{Problem, Span};
use crate::model::Prefix;

/// What a pattern says about one end.
#[derive(Default)]
pub(super) struct Side {
    pub(super) addrs: Set<Vec<IpAddr>>,
    pub(super) len: Option<u8>,
    pub(super) mask: Set<u8>,
    pub(super) port: Set<u16>,
}

/// Source and destination address of each request.
pub(super) type Pairs = Vec<(Option<Prefix>, Option<Prefix>)>;

/// A netmask as a prefix length.
pub(super) fn mask(word: &[u8], span: Span) -> Result<u8, Problem> {
    let problem = |what: &str| {
        Problem::error(span, format!("{} is {what}", quote(word)))
            .expected(PatternKey::Mask(End::Src).value())
    };
    let mask = netmask(word).ok_or_else(|| problem("no netmask"))?;
    if mask == 0 {
        return Err(problem("a netmask without a bit"));
    }
    if mask.leading_ones() + mask.trailing_zeros() != 32 {
        return Err(problem("a netmask with a hole"));
    }
    Ok(mask.leading_ones() as u8)
}

/// Every source with every destination of its family.
pub(super) fn pairs(src: &Side, dst: &Side, problems: &mut Vec<Problem>) -> Option<Pairs> {
    let place = dst.addrs.as_ref().or(src.addrs.as_ref()).map(|(_, word)| word.span());
    let src = src.prefixes(problems);
    let dst = dst.prefixes(problems);
    let (src, dst) = (src?, dst?);
    if src.len().saturating_mul(dst.len()) > MAX_REQUESTS {
        let message = format!("more than {MAX_REQUESTS} pairs of addresses");
        problems.extend(place.map(|span| Problem::error(span, message)));
        return None;
    }
    let mut pairs = Vec::with_capacity(src.len().max(dst.len()));
    for &src in &src {
        pairs.extend(dst.iter().filter_map(|&dst| pair(src, dst)));
    }
    if pairs.is_empty() {
        let message = "source and destination have no address family in common";
        problems.extend(place.map(|span| Problem::error(span, message)));
        return None;
    }
    Some(pairs)
}

impl Side {
    /// The addresses with their lengths, one "none" if no address is given. Nothing if
    /// something is wrong.
    fn prefixes(&self, problems: &mut Vec<Problem>) -> Option<Vec<Option<Prefix>>> {
        let Some((addrs, word)) = &self.addrs else {
            if let Some((_, word)) = &self.mask {
                let message = "the mask is ignored without an address";
                problems.push(Problem::warning(word.span(), message));
            }
            return Some(vec![None]);
        };
        if let (Some(_), Some((_, mask))) = (self.len, &self.mask) {
            problems.push(Problem::error(
                mask.span(),
                "a mask for an address that has a prefix length",
            ));
            return None;
        }
        if let Some((_, mask)) = &self.mask
            && addrs.iter().any(IpAddr::is_ipv6)
        {
            let Span { line, column, .. } = word.span();
            let message = format!("an IPv4 mask for the IPv6 address at {line}:{column}");
            problems.push(Problem::error(mask.span(), message).hint("use a prefix length"));
            return None;
        }
        let len = self.len.or(self.mask.map(|(len, _)| len));
        let prefix = |&addr: &IpAddr| match len {
            Some(len) => Prefix::new(addr, len).ok(),
            None => Some(Prefix::host(addr)),
        };
        // No address at all: it is wrong, and that has been said.
        let prefixes: Vec<_> = addrs.iter().map(prefix).collect();
        (!prefixes.is_empty() && prefixes.iter().all(Option::is_some)).then_some(prefixes)
    }
}

/// A pair of one family. `::/0` goes with an IPv4 address and means any one then.
fn pair(src: Option<Prefix>, dst: Option<Prefix>) -> Option<(Option<Prefix>, Option<Prefix>)> {
    let any6 = |p: Prefix| p.addr() == Ipv6Addr::UNSPECIFIED && p.len() == 0;
    let any4 = || Prefix::new(Ipv4Addr::UNSPECIFIED.into(), 0).ok();
    match (src, dst) {
        (Some(a), Some(b)) if a.addr().is_ipv4() == b.addr().is_ipv4() => Some((src, dst)),
        (Some(a), Some(b)) if any6(a) && b.addr().is_ipv4() => Some((any4(), dst)),
        (Some(a), Some(b)) if any6(b) && a.addr().is_ipv4() => Some((src, any4())),
        (Some(_), Some(_)) => None,
        _ => Some((src, dst)),
    }
}
