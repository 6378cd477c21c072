// SPDX-License-Identifier: MIT OR Apache-2.0

//! How a table with many rules holds them.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hash};
use std::sync::OnceLock;

use illumos_ipsec::model::Namespace;
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::chain::protects;
use super::place::{List, Place, Placed, Way};
use super::rule::{Family, Rule, RuleSelector, is_icmp};

/// A large table and its indexes.
///
/// The rules themselves lie side by side, so that filling, copying and dropping a
/// table of 100,000 rules touches memory in its order and takes few allocations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Many {
    rules: Vec<Option<(Place, Rule)>>,
    /// Slots of `rules` that can be used again.
    free: Vec<Slot>,
    pub(super) order: BTreeMap<Place, Slot>,
    pub(super) by_index: BTreeMap<u64, Slot>,
    /// By hash of direction and selectors; a hit has to be compared.
    pub(super) by_selector: SlotMap,
    /// By hash of direction and exact remote host; a hit has to be compared. Not there
    /// before the first packet is looked up: many tables never see one.
    by_host: OnceLock<SlotMap>,
    /// First and last place of each list that has rules.
    pub(super) ends: FxHashMap<List, (Place, Place)>,
    /// The protecting ICMP rules of each list.
    pub(super) icmp: BTreeMap<IcmpKey, BTreeSet<Place>>,
    /// The rules of each owner with a name.
    pub(super) by_owner: BTreeMap<Namespace, BTreeSet<Place>>,
    /// Number of rules that look at ports.
    pub(super) with_ports: usize,
}

/// A list, and the number of ICMP in one of the families.
pub(crate) type IcmpKey = (List, u8);

/// A position in [`Many::rules`].
type Slot = u32;

/// Slots by a hash.
#[derive(Clone, Debug, Default)]
pub(super) struct SlotMap(FxHashMap<u64, Slots>);

/// The slots under one hash: nearly always just one.
#[derive(Clone, Debug)]
enum Slots {
    One(Slot),
    More(Vec<Slot>),
}

impl Many {
    pub(super) fn get(&self, at: Slot) -> Option<Placed<'_>> {
        self.rules.get(at as usize)?.as_ref().map(|(place, rule)| (*place, rule))
    }

    /// The rules in these slots.
    pub(super) fn all<'a>(&'a self, slots: &'a [Slot]) -> impl Iterator<Item = Placed<'a>> {
        slots.iter().filter_map(|&at| self.get(at))
    }

    pub(super) fn by_host(&self) -> &SlotMap {
        self.by_host.get_or_init(|| {
            let mut map = SlotMap::default();
            for &at in self.order.values() {
                if let Some((place, rule)) = self.get(at)
                    && let Some(hash) = rule_host_hash(place.way(), &rule.selector)
                {
                    map.insert(hash, at);
                }
            }
            map
        })
    }

    pub(super) fn insert(&mut self, place: Place, rule: Rule) {
        let at = self.free.pop().unwrap_or_else(|| {
            self.rules.push(None);
            Slot::try_from(self.rules.len() - 1).expect("fewer than 2^32 rules in a table")
        });
        self.order.insert(place, at);
        self.by_index.insert(rule.index, at);
        self.by_selector.insert(selector_hash(place.way(), &rule.selector), at);
        if let Some(by_host) = self.by_host.get_mut()
            && let Some(hash) = rule_host_hash(place.way(), &rule.selector)
        {
            by_host.insert(hash, at);
        }
        let (first, last) = self.ends.entry(place.list()).or_insert((place, place));
        *first = place.min(*first);
        *last = place.max(*last);
        if let Some(owner) = &rule.namespace {
            self.by_owner.entry(owner.clone()).or_default().insert(place);
        }
        self.with_ports += usize::from(rule.selector.has_ports());
        if let Some(key) = icmp_key(place.list(), &rule) {
            self.icmp.entry(key).or_default().insert(place);
        }
        self.rules[at as usize] = Some((place, rule));
    }

    pub(super) fn remove(&mut self, place: Place) -> Option<Rule> {
        let at = self.order.remove(&place)?;
        let (_, rule) = self.rules[at as usize].take()?;
        self.free.push(at);
        self.by_index.remove(&rule.index);
        self.by_selector.remove(selector_hash(place.way(), &rule.selector), at);
        if let Some(by_host) = self.by_host.get_mut()
            && let Some(hash) = rule_host_hash(place.way(), &rule.selector)
        {
            by_host.remove(hash, at);
        }
        self.remove_end(place);
        if let Some(owner) = &rule.namespace {
            forget(&mut self.by_owner, owner, place);
        }
        self.with_ports -= usize::from(rule.selector.has_ports());
        if let Some(key) = icmp_key(place.list(), &rule) {
            forget(&mut self.icmp, &key, place);
        }
        Some(rule)
    }

    /// A rule that stood at this place is gone.
    fn remove_end(&mut self, place: Place) {
        let list = place.list();
        let Some((first, last)) = self.ends.get_mut(&list) else { return };
        if place == *first {
            match self.order.range(place..=list.end()).next() {
                Some((next, _)) => *first = *next,
                None => {
                    self.ends.remove(&list);
                    return;
                }
            }
        }
        if place == *last
            && let Some((previous, _)) = self.order.range(list.start()..=place).next_back()
        {
            *last = *previous;
        }
    }
}

impl SlotMap {
    pub(super) fn get(&self, hash: u64) -> &[Slot] {
        match self.0.get(&hash) {
            None => &[],
            Some(Slots::One(slot)) => std::slice::from_ref(slot),
            Some(Slots::More(slots)) => slots,
        }
    }

    fn insert(&mut self, hash: u64, slot: Slot) {
        match self.0.entry(hash) {
            Entry::Vacant(entry) => {
                entry.insert(Slots::One(slot));
            }
            Entry::Occupied(mut entry) => match entry.get_mut() {
                Slots::One(other) => {
                    let both = vec![*other, slot];
                    entry.insert(Slots::More(both));
                }
                Slots::More(slots) => slots.push(slot),
            },
        }
    }

    fn remove(&mut self, hash: u64, slot: Slot) {
        let Entry::Occupied(mut entry) = self.0.entry(hash) else { return };
        if let Slots::More(slots) = entry.get_mut() {
            slots.retain(|other| *other != slot);
            if !slots.is_empty() {
                return;
            }
        }
        entry.remove();
    }
}

/// What a protecting ICMP rule of a list is found by. A list of the hash has rules of both
/// families, and the number alone counts there.
pub(crate) fn icmp_key(list: List, rule: &Rule) -> Option<IcmpKey> {
    let proto = rule.selector.proto.filter(|proto| is_icmp(*proto))?;
    protects(&rule.action).then_some((list, proto))
}

/// Takes a place out of a set, and the set with its last place.
fn forget<K: Ord>(sets: &mut BTreeMap<K, BTreeSet<Place>>, key: &K, place: Place) {
    if let Some(places) = sets.get_mut(key) {
        places.remove(&place);
        if places.is_empty() {
            sets.remove(key);
        }
    }
}

/// A number for a direction and selectors.
pub(super) fn selector_hash(way: Way, selector: &RuleSelector) -> u64 {
    hash(&(way, selector))
}

/// A number for a direction and a remote host.
pub(super) fn host_hash(way: Way, family: Family, addr: &[u8; 16]) -> u64 {
    hash(&(way, family, addr))
}

fn rule_host_hash(way: Way, selector: &RuleSelector) -> Option<u64> {
    selector.exact_remote().map(|addr| host_hash(way, selector.family, addr))
}

/// The same for the same value in every run.
fn hash(value: &impl Hash) -> u64 {
    FxBuildHasher.hash_one(value)
}
