// SPDX-License-Identifier: MIT OR Apache-2.0

//! The rules of one table, sorted by place.
//!
//! A table with few rules is a sorted vector without any index; with more it
//! becomes ordered maps, so that 50,000 rules in one head cost O(log n) for each
//! operation and 50,000 heads with a few rules cost little memory.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

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
    by_selector: BTreeSet<SelectorKey>,
    /// Number of protecting ICMP rules of a list and family, and the chain of one of them.
    icmp: BTreeMap<(List, Family), (usize, Chain)>,
}

/// Sorts the rules of a direction by remote host, then by the other selectors.
/// Hashes only; a hit has to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SelectorKey {
    remote: u32,
    selector: u32,
    place: Place,
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
                rules
                    .get(at)
                    .filter(|(place, _)| *place <= high)
                    .map(|(p, r)| (*p, r))
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
                let at = rules
                    .partition_point(|(place, _)| *place <= high)
                    .checked_sub(1)?;
                rules
                    .get(at)
                    .filter(|(place, _)| *place >= low)
                    .map(|(p, r)| (*p, r))
            }
            Self::Many(many) => many
                .order
                .range(low..=high)
                .next_back()
                .map(|(p, r)| (*p, r)),
        }
    }

    /// The place of the rule with this index.
    pub(crate) fn find_index(&self, index: u64) -> Option<Place> {
        match self {
            Self::Few(rules) => rules
                .iter()
                .find(|(_, r)| r.index == index)
                .map(|(p, _)| *p),
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
                let low = SelectorKey::new(way, selector, Place::FIRST);
                let high = SelectorKey {
                    place: Place::LAST,
                    ..low
                };
                many.by_selector
                    .range(low..=high)
                    .map(|key| key.place)
                    .find(|place| {
                        many.order
                            .get(place)
                            .is_some_and(|r| r.selector == *selector)
                    })
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
                let remote = remote_hash(way, family, remote);
                let low = SelectorKey {
                    remote,
                    selector: 0,
                    place: Place::FIRST,
                };
                let high = SelectorKey {
                    remote,
                    selector: u32::MAX,
                    place: Place::LAST,
                };
                let get = |key: &SelectorKey| many.order.get(&key.place).map(|r| (key.place, r));
                Box::new(many.by_selector.range(low..=high).filter_map(get))
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
        self.by_selector
            .insert(SelectorKey::new(place.way(), &rule.selector, place));
        if let Some(key) = icmp_key(place, &rule) {
            self.icmp
                .entry(key)
                .or_insert_with(|| (0, Arc::clone(&rule.action)))
                .0 += 1;
        }
        self.order.insert(place, rule);
    }

    fn remove(&mut self, place: Place) {
        let Some(rule) = self.order.remove(&place) else {
            return;
        };
        self.by_index.remove(&rule.index);
        self.by_selector
            .remove(&SelectorKey::new(place.way(), &rule.selector, place));
        if let Some(key) = icmp_key(place, &rule)
            && let Some((count, _)) = self.icmp.get_mut(&key)
        {
            *count -= 1;
            if *count == 0 {
                self.icmp.remove(&key);
            }
        }
    }
}

/// The list and family of a protecting ICMP rule.
fn icmp_key(place: Place, rule: &Rule) -> Option<(List, Family)> {
    (rule.selector.is_icmp() && protects(&rule.action))
        .then(|| (place.list(), rule.selector.family))
}

impl SelectorKey {
    fn new(way: Way, selector: &RuleSelector, place: Place) -> Self {
        let remote = match selector.exact_remote() {
            Some(addr) => remote_hash(way, selector.family, addr),
            None => way as u32,
        };
        Self {
            remote,
            selector: hash(selector),
            place,
        }
    }
}

/// A number for a direction and a remote host. Odd for inbound.
fn remote_hash(way: Way, family: Family, addr: &[u8; 16]) -> u32 {
    hash(&(family, addr)) & !1 | way as u32
}

/// The same for the same value in every run.
fn hash(value: &impl Hash) -> u32 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish() as u32
}
