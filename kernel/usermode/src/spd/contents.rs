// SPDX-License-Identifier: MIT OR Apache-2.0

//! The rules of one table, sorted by place.
//!
//! A table with few rules is a sorted vector without any index; with more it
//! becomes an ordered map with indexes, so that 50,000 rules in one head cost O(log n)
//! for each operation and 50,000 heads with a few rules cost little memory.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hash};
use std::sync::OnceLock;

use illumos_ipsec::model::Namespace;
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::chain::protects;
use super::place::{List, Place, Way};
use super::rule::{Family, Owner, Rule, RuleSelector, is_icmp};

/// Up to so many rules a vector is kept.
const FEW: usize = 16;

/// A rule and where it stands.
pub(crate) type Placed<'a> = (Place, &'a Rule);

#[derive(Clone, Debug)]
pub(crate) enum Contents {
    Few(Vec<(Place, Rule)>),
    Many(Box<Many>),
}

/// A large table and its indexes.
///
/// The rules themselves lie side by side, so that filling, copying and dropping a
/// table of 100,000 rules touches memory in its order and takes few allocations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Many {
    rules: Vec<Option<(Place, Rule)>>,
    /// Slots of `rules` that can be used again.
    free: Vec<Slot>,
    order: BTreeMap<Place, Slot>,
    by_index: BTreeMap<u64, Slot>,
    /// By hash of direction and selectors; a hit has to be compared.
    by_selector: SlotMap,
    /// By hash of direction and exact remote host; a hit has to be compared. Not there
    /// before the first packet is looked up: many tables never see one.
    by_host: OnceLock<SlotMap>,
    /// First and last place of each list that has rules.
    ends: FxHashMap<List, (Place, Place)>,
    /// The protecting ICMP rules of each list.
    icmp: BTreeMap<IcmpKey, BTreeSet<Place>>,
    /// The rules of each owner with a name.
    by_owner: BTreeMap<Namespace, BTreeSet<Place>>,
    /// Number of rules that look at ports.
    with_ports: usize,
}

/// A list, and the number of ICMP in one of the families.
pub(crate) type IcmpKey = (List, u8);

/// A position in [`Many::rules`].
type Slot = u32;

/// Slots by a hash.
#[derive(Clone, Debug, Default)]
struct SlotMap(FxHashMap<u64, Slots>);

/// The slots under one hash: nearly always just one.
#[derive(Clone, Debug)]
enum Slots {
    One(Slot),
    More(Vec<Slot>),
}

impl Default for Contents {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Contents {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Few(rules) => rules.len(),
            Self::Many(many) => many.order.len(),
        }
    }

    /// The first rule from `low` to `high`, both included.
    pub(crate) fn first(&self, low: Place, high: Place) -> Option<Placed<'_>> {
        if low > high {
            return None;
        }
        match self {
            Self::Few(rules) => {
                let at = rules.partition_point(|(place, _)| *place < low);
                rules.get(at).filter(|(place, _)| *place <= high).map(|(p, r)| (*p, r))
            }
            Self::Many(many) => {
                many.order.range(low..=high).next().and_then(|(_, at)| many.get(*at))
            }
        }
    }

    /// The last rule from `low` to `high`, both included.
    pub(crate) fn last(&self, low: Place, high: Place) -> Option<Placed<'_>> {
        if low > high {
            return None;
        }
        match self {
            Self::Few(rules) => {
                let at = rules.partition_point(|(place, _)| *place <= high).checked_sub(1)?;
                rules.get(at).filter(|(place, _)| *place >= low).map(|(p, r)| (*p, r))
            }
            Self::Many(many) => {
                many.order.range(low..=high).next_back().and_then(|(_, at)| many.get(*at))
            }
        }
    }

    /// The places of the first and the last rule of a list.
    pub(crate) fn ends(&self, list: List) -> Option<(Place, Place)> {
        match self {
            Self::Few(_) => {
                let (first, _) = self.first(list.start(), list.end())?;
                let (last, _) = self.last(list.start(), list.end())?;
                Some((first, last))
            }
            Self::Many(many) => many.ends.get(&list).copied(),
        }
    }

    /// The place of the rule with this index.
    pub(crate) fn find_index(&self, index: u64) -> Option<Place> {
        match self {
            Self::Few(rules) => rules.iter().find(|(_, r)| r.index == index).map(|(p, _)| *p),
            Self::Many(many) => {
                let (place, _) = many.get(*many.by_index.get(&index)?)?;
                Some(place)
            }
        }
    }

    /// The place of the rule with exactly these selectors.
    pub(crate) fn find_selector(&self, way: Way, selector: &RuleSelector) -> Option<Place> {
        match self {
            Self::Few(rules) => rules
                .iter()
                .find(|(place, rule)| place.way() == way && rule.selector == *selector)
                .map(|(place, _)| *place),
            Self::Many(many) => many
                .all(many.by_selector.get(selector_hash(way, selector)))
                .find(|(place, rule)| place.way() == way && rule.selector == *selector)
                .map(|(place, _)| place),
        }
    }

    /// The first protecting ICMP rule of a list, or the last.
    pub(crate) fn icmp(&self, key: IcmpKey, last: bool) -> Option<&Rule> {
        match self {
            Self::Few(rules) => {
                let mut found =
                    rules.iter().filter(|(place, rule)| icmp_key(place.list(), rule) == Some(key));
                let found = if last { found.next_back() } else { found.next() };
                found.map(|(_, rule)| rule)
            }
            Self::Many(many) => {
                let places = many.icmp.get(&key)?;
                self.get(*if last { places.last() } else { places.first() }?)
            }
        }
    }

    /// Rules that may be about exactly this remote host, in no order.
    pub(crate) fn for_host<'a>(
        &'a self,
        way: Way,
        family: Family,
        remote: &[u8; 16],
    ) -> Box<dyn Iterator<Item = Placed<'a>> + 'a> {
        match self {
            Self::Few(rules) => Box::new(rules.iter().map(|(p, r)| (*p, r))),
            Self::Many(many) => {
                Box::new(many.all(many.by_host().get(host_hash(way, family, remote))))
            }
        }
    }

    pub(crate) fn insert(&mut self, place: Place, rule: Rule) {
        if let Self::Few(rules) = self {
            if rules.len() < FEW {
                let at = rules.partition_point(|(other, _)| *other < place);
                rules.insert(at, (place, rule));
                return;
            }
            let mut many = Box::<Many>::default();
            for (place, rule) in std::mem::take(rules) {
                many.insert(place, rule);
            }
            *self = Self::Many(many);
        }
        if let Self::Many(many) = self {
            many.insert(place, rule);
        }
    }

    /// Removes the rule at a place.
    pub(crate) fn remove(&mut self, place: Place) -> Option<Rule> {
        match self {
            Self::Few(rules) => {
                let at = rules.iter().position(|(other, _)| *other == place)?;
                Some(rules.remove(at).1)
            }
            Self::Many(many) => many.remove(place),
        }
    }

    /// The rule at a place.
    pub(crate) fn get(&self, place: Place) -> Option<&Rule> {
        self.first(place, place).map(|(_, rule)| rule)
    }

    /// The places of an owner's rules, in order. Costs as much as it has, but for the
    /// nameless one, whose rules are found among all.
    pub(crate) fn owned(&self, owner: &Owner) -> Vec<Place> {
        match (self, owner) {
            (Self::Few(rules), owner) => rules
                .iter()
                .filter(|(_, rule)| rule.namespace == *owner)
                .map(|(place, _)| *place)
                .collect(),
            (Self::Many(many), Some(name)) => {
                many.by_owner.get(name).into_iter().flatten().copied().collect()
            }
            (Self::Many(many), None) => many
                .order
                .iter()
                .filter(|(_, at)| many.get(**at).is_some_and(|(_, r)| r.namespace.is_none()))
                .map(|(place, _)| *place)
                .collect(),
        }
    }

    /// Number of rules of an owner.
    pub(crate) fn owned_len(&self, owner: &Owner) -> usize {
        match (self, owner) {
            (Self::Few(rules), owner) => {
                rules.iter().filter(|(_, rule)| rule.namespace == *owner).count()
            }
            (Self::Many(many), Some(name)) => many.by_owner.get(name).map_or(0, BTreeSet::len),
            (Self::Many(many), None) => {
                self.len() - many.by_owner.values().map(BTreeSet::len).sum::<usize>()
            }
        }
    }

    /// The first rule of a named owner from `low` to `high`, both included; or the last.
    pub(crate) fn owned_between(
        &self,
        owner: &Namespace,
        (low, high): (Place, Place),
        last: bool,
    ) -> Option<Placed<'_>> {
        if low > high {
            return None;
        }
        match self {
            Self::Few(rules) => {
                let mut found = rules.iter().filter(|(place, rule)| {
                    (low..=high).contains(place) && rule.namespace.as_ref() == Some(owner)
                });
                let found = if last { found.next_back() } else { found.next() };
                found.map(|(place, rule)| (*place, rule))
            }
            Self::Many(many) => {
                let mut places = many.by_owner.get(owner)?.range(low..=high);
                let place = *if last { places.next_back() } else { places.next() }?;
                Some((place, self.get(place)?))
            }
        }
    }

    /// The place of an owner's rule with exactly these selectors.
    pub(crate) fn find_owned(
        &self,
        way: Way,
        selector: &RuleSelector,
        owner: &Owner,
    ) -> Option<Place> {
        let fits = |(place, rule): &Placed<'_>| {
            place.way() == way && rule.selector == *selector && rule.namespace == *owner
        };
        match self {
            Self::Few(rules) => {
                rules.iter().map(|(p, r)| (*p, r)).find(fits).map(|(place, _)| place)
            }
            Self::Many(many) => many
                .all(many.by_selector.get(selector_hash(way, selector)))
                .find(fits)
                .map(|(place, _)| place),
        }
    }

    /// Is there a rule of somebody else with exactly these selectors?
    pub(crate) fn has_foreign(&self, way: Way, selector: &RuleSelector, owner: &Owner) -> bool {
        let foreign = |(place, rule): Placed<'_>| {
            place.way() == way && rule.selector == *selector && rule.namespace != *owner
        };
        match self {
            Self::Few(rules) => rules.iter().any(|(place, rule)| foreign((*place, rule))),
            Self::Many(many) => {
                many.all(many.by_selector.get(selector_hash(way, selector))).any(foreign)
            }
        }
    }

    /// Does any rule look at ports?
    pub(crate) fn looks_at_ports(&self) -> bool {
        match self {
            Self::Few(rules) => rules.iter().any(|(_, rule)| rule.selector.has_ports()),
            Self::Many(many) => many.with_ports > 0,
        }
    }
}

impl Many {
    fn get(&self, at: Slot) -> Option<Placed<'_>> {
        self.rules.get(at as usize)?.as_ref().map(|(place, rule)| (*place, rule))
    }

    /// The rules in these slots.
    fn all<'a>(&'a self, slots: &'a [Slot]) -> impl Iterator<Item = Placed<'a>> {
        slots.iter().filter_map(|&at| self.get(at))
    }

    fn by_host(&self) -> &SlotMap {
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

    fn insert(&mut self, place: Place, rule: Rule) {
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

    fn remove(&mut self, place: Place) -> Option<Rule> {
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
    fn get(&self, hash: u64) -> &[Slot] {
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
fn selector_hash(way: Way, selector: &RuleSelector) -> u64 {
    hash(&(way, selector))
}

/// A number for a direction and a remote host.
fn host_hash(way: Way, family: Family, addr: &[u8; 16]) -> u64 {
    hash(&(way, family, addr))
}

fn rule_host_hash(way: Way, selector: &RuleSelector) -> Option<u64> {
    selector.exact_remote().map(|addr| host_hash(way, selector.family, addr))
}

/// The same for the same value in every run.
fn hash(value: &impl Hash) -> u64 {
    FxBuildHasher.hash_one(value)
}
