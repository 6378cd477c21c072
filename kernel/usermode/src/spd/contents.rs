// SPDX-License-Identifier: MIT OR Apache-2.0

//! The rules of one table, sorted by place.
//!
//! A table with few rules is a sorted vector without any index; with more it
//! becomes an ordered map with indexes, so that 50,000 rules in one head cost O(log n)
//! for each operation and 50,000 heads with a few rules cost little memory.

use std::collections::BTreeSet;

use illumos_ipsec::model::Namespace;

use super::many::{IcmpKey, Many, host_hash, icmp_key, selector_hash};
use super::place::{List, Place, Placed, Way};
use super::rule::{Family, Owner, Rule, RuleSelector};

/// Up to so many rules a vector is kept.
const FEW: usize = 16;

#[derive(Clone, Debug)]
pub(crate) enum Contents {
    Few(Vec<(Place, Rule)>),
    Many(Box<Many>),
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
