// SPDX-License-Identifier: MIT OR Apache-2.0

//! One table of rules: the active or the standby one of a policy head.

use std::sync::Arc;

use illumos_ipsec::model::Namespace;

use super::chain::same_protection;
use super::contents::Contents;
use super::many::icmp_key;
use super::place::{List, Place, Placed, Way};
use super::rule::{Family, Owner, PacketSelector, Rule, RuleSelector};

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

    /// Why a rule may not be added, if so: one with the same selectors is there, or it
    /// protects ICMP in another way than the first rule of its list that does. (The others do
    /// it in the same way, unless an exchange or a copy has brought two owners together.)
    /// Gives the owner of what is in the way.
    pub(crate) fn in_the_way(&self, way: Way, rule: &Rule) -> Option<Owner> {
        let contents = self.contents.as_deref()?;
        let owner = |place| contents.get(place).and_then(|rule| rule.namespace.clone());
        if let Some(place) = contents.find_selector(way, &rule.selector) {
            // A copy can have brought two together; its own one is the better answer.
            let own = contents.find_owned(way, &rule.selector, &rule.namespace);
            return Some(owner(own.unwrap_or(place)));
        }
        if !rule.selector.is_icmp() {
            return None;
        }
        let key = icmp_key(self.list(way, &rule.selector), rule)?;
        let first = contents.icmp(key, self.reversed)?;
        (!same_protection(&first.action, &rule.action)).then(|| first.namespace.clone())
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

    /// Removes the rule with this index if it belongs to the owner. Version +1 if so.
    pub(crate) fn delete_index(&mut self, index: u64, owner: &Owner) -> bool {
        let place = self.contents.as_ref().and_then(|contents| {
            let place = contents.find_index(index)?;
            (contents.get(place)?.namespace == *owner).then_some(place)
        });
        self.delete(place)
    }

    /// Removes the owner's rule with exactly these selectors. Version +1 if there was one.
    pub(crate) fn delete_selector(
        &mut self,
        way: Way,
        selector: &RuleSelector,
        owner: &Owner,
    ) -> bool {
        let contents = self.contents.as_ref();
        let place = contents.and_then(|contents| contents.find_owned(way, selector, owner));
        self.delete(place)
    }

    fn delete(&mut self, place: Option<Place>) -> bool {
        let Some(place) = place else { return false };
        self.contents_mut().remove(place);
        self.version += 1;
        true
    }

    /// Do all rules belong to one owner?
    pub(crate) fn is_all_of(&self, owner: &Owner) -> bool {
        let contents = self.contents.as_ref();
        contents.is_none_or(|contents| contents.owned_len(owner) == contents.len())
    }

    /// Number of rules that belong to anybody else.
    pub(crate) fn others(&self, owner: &Owner) -> usize {
        let contents = self.contents.as_ref();
        contents.map_or(0, |contents| contents.len() - contents.owned_len(owner))
    }

    /// Is there a rule of an owner with a name?
    pub(crate) fn has_named(&self) -> bool {
        !self.is_all_of(&None)
    }

    /// Does any rule look at ports?
    pub(crate) fn looks_at_ports(&self) -> bool {
        self.contents.as_ref().is_some_and(|contents| contents.looks_at_ports())
    }

    /// Removes the rules of an owner. Version +1.
    pub(crate) fn flush_owned(&mut self, owner: &Owner) {
        if self.is_all_of(owner) {
            return self.flush();
        }
        drop(self.take_owned(owner));
        self.version += 1;
    }

    /// Takes the rules of an owner out, in their order. The version stays.
    fn take_owned(&mut self, owner: &Owner) -> Vec<(Way, Rule)> {
        let places = self.owned(owner);
        if places.is_empty() {
            return Vec::new();
        }
        let contents = self.contents_mut();
        let take = |place: Place| Some((place.way(), contents.remove(place)?));
        let rules = places.into_iter().filter_map(take).collect();
        if self.len() == 0 {
            self.contents = None;
            self.reversed = false;
        }
        rules
    }

    /// The places of an owner's rules, in the order of the table.
    fn owned(&self, owner: &Owner) -> Vec<Place> {
        let mut places = self.contents.as_ref().map_or(Vec::new(), |c| c.owned(owner));
        if self.reversed {
            for list in places.chunk_by_mut(|a, b| a.list() == b.list()) {
                list.reverse();
            }
        }
        places
    }

    /// The owner's rules are replaced by copies of those of another table. Version +2.
    pub(crate) fn copy_owned_from(&mut self, other: &Self, owner: &Owner) {
        if self.is_all_of(owner) && other.is_all_of(owner) {
            return self.copy_from(other);
        }
        let version = self.version + 2;
        drop(self.take_owned(owner));
        for place in other.owned(owner) {
            if let Some(rule) = other.contents.as_ref().and_then(|contents| contents.get(place)) {
                self.insert(place.way(), rule.clone());
            }
        }
        self.version = version;
    }

    /// Would a rule of the owner meet one of somebody else in another table?
    pub(crate) fn meets_others_in(&self, other: &Self, owner: &Owner) -> bool {
        let (Some(mine), Some(theirs)) = (&self.contents, &other.contents) else { return false };
        if other.is_all_of(owner) {
            return false;
        }
        mine.owned(owner).into_iter().any(|place| {
            mine.get(place)
                .is_some_and(|rule| theirs.has_foreign(place.way(), &rule.selector, owner))
        })
    }

    /// Exchanges the owner's rules, not the versions, which count +1 on both sides.
    pub(crate) fn flip_owned(&mut self, other: &mut Self, owner: &Owner) {
        if self.is_all_of(owner) && other.is_all_of(owner) {
            return self.flip(other);
        }
        let versions = (self.version + 1, other.version + 1);
        let (mine, theirs) = (self.take_owned(owner), other.take_owned(owner));
        theirs.into_iter().for_each(|(way, rule)| self.insert(way, rule));
        mine.into_iter().for_each(|(way, rule)| other.insert(way, rule));
        (self.version, other.version) = versions;
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
        self.step(after, |(low, high), last| match last {
            false => contents.first(low, high),
            true => contents.last(low, high),
        })
    }

    /// The same among the rules of a named owner.
    pub(crate) fn next_owned(&self, after: Option<Place>, owner: &Namespace) -> Option<Placed<'_>> {
        let contents = self.contents.as_ref()?;
        self.step(after, |range, last| contents.owned_between(owner, range, last))
    }

    /// One step in the order of the table, with the first or the last rule of a range.
    fn step<'a>(
        &'a self,
        after: Option<Place>,
        find: impl Fn((Place, Place), bool) -> Option<Placed<'a>>,
    ) -> Option<Placed<'a>> {
        if !self.reversed {
            return find((after.map_or(Place::FIRST, Place::after), Place::LAST), false);
        }
        let mut low = Place::FIRST;
        if let Some(after) = after {
            let list = after.list();
            if after > list.start()
                && let Some(found) = find((list.start(), after.before()), true)
            {
                return Some(found);
            }
            if list.end() == Place::LAST {
                return None;
            }
            low = list.end().after();
        }
        let (place, _) = find((low, Place::LAST), false)?;
        find((place.list().start(), place.list().end()), true)
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
