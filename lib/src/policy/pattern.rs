// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a pattern selects.

use std::net::IpAddr;

use super::keyword::{
    DIR_PREFIXES, End, ICMP_CODES, ICMP_TYPES, MODE_PREFIXES, PatternKey, Style, Table, lookup,
    lookup_prefix, names,
};
use super::lookup::Lookup;
use super::number::int;
use super::side::{Pairs, Side, mask, pairs};
use super::suggest::{did_you_mean, quote};
use super::syntax::{Item, ParsedRule, Set, Word};
use super::{Problem, Span};
use crate::model::{Direction, IcmpSelector, TunnelMode, TunnelName};

/// Protocol numbers with ICMP types.
const ICMP: [u8; 2] = [1, 58];

/// The values of a pattern.
#[derive(Default)]
pub(super) struct Pattern {
    pub(super) style: Set<Style>,
    pub(super) dir: Set<Direction>,
    pub(super) tunnel: Set<TunnelName>,
    pub(super) mode: Set<TunnelMode>,
    /// Words of both styles have been reported.
    pub(super) mixed: bool,
    src: Side,
    dst: Side,
    proto: Set<u8>,
    /// There is a `type`, right or wrong.
    type_seen: bool,
    icmp_type: Set<(u8, u8)>,
    icmp_code: Set<(u8, u8)>,
}

struct Reader<'p, 'a> {
    rule: &'p ParsedRule,
    lookup: &'p mut Lookup<'a>,
}

impl Reader<'_, '_> {
    fn item(&mut self, pattern: &mut Pattern, item: &Item<PatternKey>) -> Result<(), Problem> {
        let Item { key, keyword, value } = *item;
        let word = self.rule.bytes(&value);
        let span = value.span();
        self.style(pattern, item)?;
        match key {
            PatternKey::Addr(_, end) => {
                let side = pattern.side(end);
                self.once(&side.addrs, keyword)?;
                // Set even if it is wrong, so that nothing else seems to be missing.
                side.addrs = Some((Vec::new(), value));
                let (addrs, len) = self.address(word, span)?;
                side.len = len;
                side.addrs = Some((addrs, value));
            }
            PatternKey::Mask(end) => {
                let side = pattern.side(end);
                self.once(&side.mask, keyword)?;
                side.mask = Some((mask(word, span)?, value));
            }
            PatternKey::Port(_, end) => {
                let side = pattern.side(end);
                self.once(&side.port, keyword)?;
                let port = self.lookup.port(word, span)?;
                side.port = (port != 0).then_some((port, keyword));
            }
            PatternKey::Proto => {
                self.once(&pattern.proto, keyword)?;
                let proto = self.lookup.protocol(word, span)?;
                pattern.proto = (proto != 0).then_some((proto, keyword));
            }
            PatternKey::Type => {
                pattern.type_seen = true;
                self.once(&pattern.icmp_type, keyword)?;
                pattern.icmp_type = Some((icmp(word, span, ICMP_TYPES, key)?, keyword));
            }
            PatternKey::Code => {
                self.once(&pattern.icmp_code, keyword)?;
                if !pattern.type_seen {
                    let message = "`code` without a `type` before it";
                    return Err(Problem::error(keyword.span(), message));
                }
                pattern.icmp_code = Some((icmp(word, span, ICMP_CODES, key)?, keyword));
            }
            PatternKey::Dir => {
                let dir = lookup_prefix(DIR_PREFIXES, word).ok_or_else(|| {
                    wrong(word, span, "direction", key)
                        .or_hint(did_you_mean(word, names(DIR_PREFIXES)))
                })?;
                pattern.dir = Some((dir, value));
            }
            PatternKey::Tunnel => {
                self.once(&pattern.tunnel, keyword)?;
                let name = TunnelName::new(word)
                    .map_err(|error| Problem::error(span, error.to_string()))?;
                pattern.tunnel = Some((name, value));
                self.implied(word, span)?;
            }
            PatternKey::Negotiate => {
                self.once(&pattern.mode, keyword)?;
                let mode = lookup_prefix(MODE_PREFIXES, word).ok_or_else(|| {
                    wrong(word, span, "tunnel mode", key)
                        .or_hint(did_you_mean(word, names(MODE_PREFIXES)))
                })?;
                pattern.mode = Some((mode, value));
            }
        }
        Ok(())
    }

    /// Keeps a pattern to one of the two styles.
    fn style(&self, pattern: &mut Pattern, item: &Item<PatternKey>) -> Result<(), Problem> {
        let (style, word) = match item.key {
            PatternKey::Addr(style, _) | PatternKey::Port(style, _) => (style, item.keyword),
            PatternKey::Mask(_) => (Style::Old, item.keyword),
            PatternKey::Dir if self.rule.bytes(&item.value).starts_with(b"both") => {
                (Style::New, item.value)
            }
            _ => return Ok(()),
        };
        match &pattern.style {
            None => pattern.style = Some((style, word)),
            Some((first, _)) if *first == style => {}
            Some((first, before)) => {
                let problem = mixed(self.rule, style, word, *first, *before);
                pattern.mixed = true;
                return Err(problem);
            }
        }
        Ok(())
    }

    fn once<T>(&self, earlier: &Set<T>, keyword: Word) -> Result<(), Problem> {
        match earlier {
            None => Ok(()),
            Some((_, before)) => {
                let Span { line, column, .. } = before.span();
                let word = quote(self.rule.bytes(&keyword));
                let message = format!("{word} once more; it has been given at {line}:{column}");
                Err(Problem::error(keyword.span(), message))
            }
        }
    }

    /// A tunnel keyword in a source that is about one tunnel.
    fn implied(&self, word: &[u8], span: Span) -> Result<(), Problem> {
        match &self.rule.tunnel {
            Some(name) if name.as_bytes() != word => {
                let message = format!(
                    "{} in a file about the tunnel {}",
                    quote(word),
                    quote(name.as_bytes())
                );
                Err(Problem::error(span, message).hint("leave the tunnel out"))
            }
            _ => Ok(()),
        }
    }

    fn address(&mut self, word: &[u8], span: Span) -> Result<(Vec<IpAddr>, Option<u8>), Problem> {
        let slash = word.iter().position(|&b| b == b'/');
        let (name, len) = match slash {
            Some(at) => (&word[..at], Some(&word[at + 1..])),
            None => (word, None),
        };
        let addrs = self.lookup.addresses(name, span)?;
        let Some(len) = len else {
            return Ok((addrs, None));
        };
        let &[addr] = addrs.as_slice() else {
            let message = format!(
                "{} has {} addresses, a prefix length needs just one",
                quote(name),
                addrs.len()
            );
            return Err(Problem::error(span, message));
        };
        let max = if addr.is_ipv4() { 32 } else { 128 };
        let problem = match int(len, 10) {
            Some(bits) if (0..=max).contains(&bits) && len[0] != b'-' => {
                return Ok((addrs, Some(bits as u8)));
            }
            Some(_) => {
                Problem::error(span, format!("prefix length {} is out of range", quote(len)))
            }
            None => Problem::error(span, format!("{} is no prefix length", quote(len))),
        };
        Err(problem.expected(format!("a prefix length from 0 to {max}")))
    }
}

impl Problem {
    fn or_hint(mut self, hint: Option<String>) -> Self {
        self.hint = self.hint.or(hint);
        self
    }
}

fn wrong(word: &[u8], span: Span, what: &str, key: PatternKey) -> Problem {
    Problem::error(span, format!("{} is no {what}", quote(word))).expected(key.value())
}

/// ICMP types or codes: a name, or numbers `a`, `a-b`.
fn icmp(word: &[u8], span: Span, table: Table<u8>, key: PatternKey) -> Result<(u8, u8), Problem> {
    let what = if key == PatternKey::Type { "ICMP type" } else { "ICMP code" };
    if !word.first().is_some_and(u8::is_ascii_digit) {
        let number = lookup(table, word).ok_or_else(|| {
            wrong(word, span, what, key).or_hint(did_you_mean(word, names(table)))
        })?;
        return Ok((number, number));
    }
    let number = |digits: &[u8]| int(digits, 0).and_then(|n| u8::try_from(n).ok());
    let range = match word.iter().position(|&b| b == b'-') {
        None => number(word).map(|first| (first, first)),
        Some(dash) => {
            let (first, last) = (&word[..dash], &word[dash + 1..]);
            let last = if last.is_empty() { Some(0) } else { number(last) };
            // A range that ends before it begins is its first number only.
            number(first).zip(last).map(|(first, last)| (first, last.max(first)))
        }
    };
    range.ok_or_else(|| {
        wrong(word, span, what, key).expected(format!("{}, from 0 to 255", key.value()))
    })
}

/// A word of one style in a rule of the other.
pub(super) fn mixed(
    rule: &ParsedRule,
    style: Style,
    word: Word,
    first: Style,
    before: Word,
) -> Problem {
    let Span { line, column, .. } = before.span();
    let message = format!(
        "{} is {}, but {} at {line}:{column} is {}",
        quote(rule.bytes(&word)),
        style.name(),
        quote(rule.bytes(&before)),
        first.name()
    );
    Problem::error(word.span(), message).hint(match first {
        Style::New => "keep to laddr, raddr, lport and rport",
        Style::Old => "keep to saddr, daddr, smask, dmask, sport and dport",
    })
}

impl Pattern {
    /// Reads the pattern of a rule.
    pub(super) fn read(
        rule: &ParsedRule,
        lookup: &mut Lookup<'_>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut pattern = Self::default();
        let mut reader = Reader { rule, lookup };
        for item in &rule.pattern {
            if let Err(problem) = reader.item(&mut pattern, item) {
                problems.push(problem);
            }
        }
        pattern
    }

    fn side(&mut self, end: End) -> &mut Side {
        match end {
            End::Src => &mut self.src,
            End::Dst => &mut self.dst,
        }
    }

    pub(super) fn proto(&self) -> Option<u8> {
        self.proto.map(|(proto, _)| proto)
    }

    pub(super) fn ports(&self) -> (Option<u16>, Option<u16>) {
        (self.src.port.map(|(port, _)| port), self.dst.port.map(|(port, _)| port))
    }

    /// ICMP types and codes; they count with an ICMP protocol only.
    pub(super) fn icmp(&self, problems: &mut Vec<Problem>) -> Option<IcmpSelector> {
        let ((type_min, type_max), word) = self.icmp_type?;
        if !self.proto.is_some_and(|(proto, _)| ICMP.contains(&proto)) {
            let message = "`type` and `code` are ignored without `ulp icmp` or `ulp ipv6-icmp`";
            problems.push(Problem::warning(word.span(), message));
            return None;
        }
        let code = self.icmp_code.map(|(code, _)| code).filter(|&(first, _)| first != 255);
        Some(IcmpSelector { type_min, type_max, code })
    }

    /// The addresses of each request.
    pub(super) fn pairs(&self, problems: &mut Vec<Problem>) -> Option<Pairs> {
        pairs(&self.src, &self.dst, problems)
    }
}
