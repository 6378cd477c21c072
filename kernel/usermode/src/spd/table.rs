// SPDX-License-Identifier: MIT OR Apache-2.0

//! One table of rules: the active or the standby one of a policy head.

use std::sync::Arc;

use super::chain::{protects, same_protection};
use super::contents::{Contents, Placed};
use super::place::{List, Place, Way};
use super::rule::{Family, PacketSelector, Rule, RuleSelector};

/// Rules in the kernel's order, and the version of the table.
///
/// Order: outbound before inbound; in each the hash chains, then the unhashed
/// rules for IPv4, then for IPv6; every list newest first. CLONE turns each list
/// round; here that is a flag, so that cloning copies nothing until one of the two
/// tables changes.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    contents: Option<Arc<Contents>>,
    version: u64,
    chains: u16,
    reversed: bool,
}

impl Table {
    /// An empty table with so many hash chains (1 to 509).
    pub(crate) fn new(chains: u16) -> Self {
        Self { contents: None, version: 0, chains, reversed: false }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn len(&self) -> usize {
        self.contents.as_ref().map_or(0, |contents| contents.len())
    }

    /// May this rule be added? Not if one with the same selectors is there, nor if it
    /// protects ICMP in another way than the rules of its list do.
    pub(crate) fn accepts(&self, way: Way, rule: &Rule) -> bool {
        let Some(contents) = &self.contents else {
            return true;
        };
        if contents.find_selector(way, &rule.selector).is_some() {
            return false;
        }
        if !rule.selector.is_icmp() || !protects(&rule.action) {
            return true;
        }
        contents
            .icmp_chain(self.list(way, &rule.selector), rule.selector.family)
            .is_none_or(|chain| same_protection(chain, &rule.action))
    }

    /// Adds a rule at the head of its list. Version +1.
    pub(crate) fn insert(&mut self, way: Way, rule: Rule) {
        let list = self.list(way, &rule.selector);
        let reversed = self.reversed;
        let contents = self.contents_mut();
        let place = contents.ends(list).map(|(first, last)| match reversed {
            false => first.before(),
            true => last.after(),
        });
        contents.insert(place.unwrap_or(list.middle()), rule);
        self.version += 1;
    }

    /// Removes the rule with this index. Version +1 if there was one.
    pub(crate) fn delete_index(&mut self, index: u64) -> bool {
        let place = self.contents.as_ref().and_then(|contents| contents.find_index(index));
        self.delete(place)
    }

    /// Removes the rule with exactly these selectors. Version +1 if there was one.
    pub(crate) fn delete_selector(&mut self, way: Way, selector: &RuleSelector) -> bool {
        let place =
            self.contents.as_ref().and_then(|contents| contents.find_selector(way, selector));
        self.delete(place)
    }

    fn delete(&mut self, place: Option<Place>) -> bool {
        let Some(place) = place else { return false };
        self.contents_mut().remove(place);
        self.version += 1;
        true
    }

    /// Removes everything. Version +1.
    pub(crate) fn flush(&mut self) {
        self.contents = None;
        self.reversed = false;
        self.version += 1;
    }

    /// Takes over the rules of another table, each list turned round. Version +2.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.contents.clone_from(&other.contents);
        self.reversed = !other.reversed;
        self.version += 2;
    }

    /// Exchanges the rules, not the versions, which count +1 on both sides.
    pub(crate) fn flip(&mut self, other: &mut Self) {
        std::mem::swap(&mut self.contents, &mut other.contents);
        std::mem::swap(&mut self.reversed, &mut other.reversed);
        self.version += 1;
        other.version += 1;
    }

    /// The rule after a place, or the first one.
    pub(crate) fn next(&self, after: Option<Place>) -> Option<Placed<'_>> {
        let contents = self.contents.as_ref()?;
        if !self.reversed {
            return contents.first(after.map_or(Place::FIRST, Place::after), Place::LAST);
        }
        let mut low = Place::FIRST;
        if let Some(after) = after {
            let list = after.list();
            if after > list.start()
                && let Some(found) = contents.last(list.start(), after.before())
            {
                return Some(found);
            }
            if list.end() == Place::LAST {
                return None;
            }
            low = list.end().after();
        }
        let (place, _) = contents.first(low, Place::LAST)?;
        contents.last(place.list().start(), place.list().end())
    }

    /// The rules in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Placed<'_>> {
        std::iter::successors(self.next(None), |(place, _)| self.next(Some(*place)))
    }

    /// The rule for a packet: of those that match the one with the largest priority;
    /// of equal ones hashed before unhashed, then the one that stands first. A
    /// priority of 0 never matches.
    pub(crate) fn lookup(&self, way: Way, packet: &PacketSelector) -> Option<&Rule> {
        let contents = self.contents.as_ref()?;
        let family = Family::of(packet.remote);
        let mut best: Option<Placed<'_>> = None;
        for found in contents.for_host(way, family, &address_bytes(packet)) {
            let (place, rule) = found;
            let applies = place.way() == way
                && rule.selector.exact_remote().is_some()
                && rule.priority > 0
                && rule.selector.matches(packet);
            let better = best.is_none_or(|(other, best)| {
                rule.priority > best.priority
                    || rule.priority == best.priority && (place < other) != self.reversed
            });
            if applies && better {
                best = Some(found);
            }
        }
        let list = List::unhashed(way, family == Family::V6);
        let mut at = self.next_in(list, None);
        while let Some((place, rule)) = at {
            let floor = best.map_or(0, |(_, best)| best.priority);
            if rule.priority > floor && rule.selector.matches(packet) {
                best = at;
            }
            at = self.next_in(list, Some(place));
        }
        best.map(|(_, rule)| rule)
    }

    fn next_in(&self, list: List, after: Option<Place>) -> Option<Placed<'_>> {
        let contents = self.contents.as_ref()?;
        match (self.reversed, after) {
            (false, None) => contents.first(list.start(), list.end()),
            (false, Some(place)) => contents.first(place.after(), list.end()),
            (true, None) => contents.last(list.start(), list.end()),
            (true, Some(place)) => contents.last(list.start(), place.before()),
        }
    }

    /// The list of a rule. A chain is chosen by the last four bytes of the remote address.
    fn list(&self, way: Way, selector: &RuleSelector) -> List {
        let tail = match (selector.exact_remote(), selector.family) {
            (Some([a, b, c, d, ..]), Family::V4) => [*a, *b, *c, *d],
            (Some([.., a, b, c, d]), Family::V6) => [*a, *b, *c, *d],
            (None, family) => return List::unhashed(way, family == Family::V6),
        };
        let chain = u32::from_ne_bytes(tail) % u32::from(self.chains.max(1));
        List::hashed(way, chain as u16)
    }

    fn contents_mut(&mut self) -> &mut Contents {
        Arc::make_mut(self.contents.get_or_insert_default())
    }
}

fn address_bytes(packet: &PacketSelector) -> [u8; 16] {
    match packet.remote {
        std::net::IpAddr::V4(v4) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&v4.octets());
            bytes
        }
        std::net::IpAddr::V6(v6) => v6.octets(),
    }
}
