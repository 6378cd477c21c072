// SPDX-License-Identifier: MIT OR Apache-2.0

//! The rules of one table, sorted by place.
//!
//! A table with few rules is a sorted vector without any index; with more it
//! becomes an ordered map with indexes, so that 50,000 rules in one head cost O(log n)
//! for each operation and 50,000 heads with a few rules cost little memory.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::chain::{Chain, protects};
use super::place::{List, Place, Way};
use super::rule::{Family, Rule, RuleSelector};

/// Up to so many rules a vector is kept.
const FEW: usize = 16;

/// A rule and where it stands.
pub(crate) type Placed<'a> = (Place, &'a Arc<Rule>);

#[derive(Clone, Debug)]
pub(crate) enum Contents {
    Few(Vec<(Place, Arc<Rule>)>),
    Many(Box<Many>),
}

/// A large table and its indexes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Many {
    order: BTreeMap<Place, Arc<Rule>>,
    by_index: BTreeMap<u64, Place>,
    /// By hash of direction and selectors; a hit has to be compared.
    by_selector: FxHashMap<u64, Places>,
    /// By hash of direction and exact remote host; a hit has to be compared.
    by_host: FxHashMap<u64, Places>,
    /// First and last place of each list that has rules.
    ends: FxHashMap<List, (Place, Place)>,
    /// Number of protecting ICMP rules of a list and family, and the chain of one of them.
    icmp: BTreeMap<(List, Family), (usize, Chain)>,
}

/// Places under one hash: nearly always just one.
#[derive(Clone, Debug)]
enum Places {
    One(Place),
    More(Vec<Place>),
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
            Self::Many(many) => many.order.range(low..=high).next().map(|(p, r)| (*p, r)),
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
            Self::Many(many) => many.order.range(low..=high).next_back().map(|(p, r)| (*p, r)),
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
            Self::Many(many) => many.by_index.get(&index).copied(),
        }
    }

    /// The place of the rule with exactly these selectors.
    pub(crate) fn find_selector(&self, way: Way, selector: &RuleSelector) -> Option<Place> {
        match self {
            Self::Few(rules) => rules
                .iter()
                .find(|(place, rule)| place.way() == way && rule.selector == *selector)
                .map(|(place, _)| *place),
            Self::Many(many) => {
                let places = many.by_selector.get(&selector_hash(way, selector))?;
                let is_it = |place: &Place| {
                    let rule = many.order.get(place);
                    place.way() == way && rule.is_some_and(|r| r.selector == *selector)
                };
                places.iter().find(is_it)
            }
        }
    }

    /// The chain of the protecting ICMP rules of a list and family; they all ask for the same.
    pub(crate) fn icmp_chain(&self, list: List, family: Family) -> Option<&Chain> {
        match self {
            Self::Few(rules) => rules
                .iter()
                .find(|(place, rule)| {
                    place.list() == list && icmp_key(*place, rule) == Some((list, family))
                })
                .map(|(_, rule)| &rule.action),
            Self::Many(many) => many.icmp.get(&(list, family)).map(|(_, chain)| chain),
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
                let places = many.by_host.get(&host_hash(way, family, remote));
                let get = |place: Place| many.order.get(&place).map(|rule| (place, rule));
                Box::new(places.into_iter().flat_map(Places::iter).filter_map(get))
            }
        }
    }

    pub(crate) fn insert(&mut self, place: Place, rule: Arc<Rule>) {
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

    pub(crate) fn remove(&mut self, place: Place) {
        match self {
            Self::Few(rules) => rules.retain(|(other, _)| *other != place),
            Self::Many(many) => many.remove(place),
        }
    }
}

impl Many {
    fn insert(&mut self, place: Place, rule: Arc<Rule>) {
        self.by_index.insert(rule.index, place);
        Places::insert(&mut self.by_selector, selector_hash(place.way(), &rule.selector), place);
        if let Some(host) = rule_host_hash(place.way(), &rule.selector) {
            Places::insert(&mut self.by_host, host, place);
        }
        let (first, last) = self.ends.entry(place.list()).or_insert((place, place));
        *first = place.min(*first);
        *last = place.max(*last);
        if let Some(key) = icmp_key(place, &rule) {
            self.icmp.entry(key).or_insert_with(|| (0, Arc::clone(&rule.action))).0 += 1;
        }
        self.order.insert(place, rule);
    }

    fn remove(&mut self, place: Place) {
        let Some(rule) = self.order.remove(&place) else {
            return;
        };
        self.by_index.remove(&rule.index);
        Places::remove(&mut self.by_selector, selector_hash(place.way(), &rule.selector), place);
        if let Some(host) = rule_host_hash(place.way(), &rule.selector) {
            Places::remove(&mut self.by_host, host, place);
        }
        self.remove_end(place);
        if let Some(key) = icmp_key(place, &rule)
            && let Some((count, _)) = self.icmp.get_mut(&key)
        {
            *count -= 1;
            if *count == 0 {
                self.icmp.remove(&key);
            }
        }
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

impl Places {
    fn iter(&self) -> impl Iterator<Item = Place> {
        let places = match self {
            Self::One(place) => std::slice::from_ref(place),
            Self::More(places) => places,
        };
        places.iter().copied()
    }

    fn insert(map: &mut FxHashMap<u64, Self>, hash: u64, place: Place) {
        match map.entry(hash) {
            Entry::Vacant(entry) => {
                entry.insert(Self::One(place));
            }
            Entry::Occupied(mut entry) => match entry.get_mut() {
                Self::One(other) => {
                    let both = vec![*other, place];
                    entry.insert(Self::More(both));
                }
                Self::More(places) => places.push(place),
            },
        }
    }

    fn remove(map: &mut FxHashMap<u64, Self>, hash: u64, place: Place) {
        let Entry::Occupied(mut entry) = map.entry(hash) else { return };
        if let Self::More(places) = entry.get_mut() {
            places.retain(|other| *other != place);
            if !places.is_empty() {
                return;
            }
        }
        entry.remove();
    }
}

/// The list and family of a protecting ICMP rule.
fn icmp_key(place: Place, rule: &Rule) -> Option<(List, Family)> {
    (rule.selector.is_icmp() && protects(&rule.action))
        .then(|| (place.list(), rule.selector.family))
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
