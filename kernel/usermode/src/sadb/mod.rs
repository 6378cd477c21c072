// SPDX-License-Identifier: MIT OR Apache-2.0

//! The security association databases of AH and ESP.
//!
//! Each of them has tables for IPv4 and IPv6, outbound and inbound. A dump shows them in
//! that order, inside of a table by hash bucket, the newest first and those without a
//! source address last. Finding one takes a time that does not depend on how many there
//! are, and listing or removing those of one owner a time that depends on how many it has.
//! Source: `spec/pf_key.md` sections 5 to 10 and 12, `spec/kernel-hooks.md` section 4.2.

mod assoc;
mod keys;
mod life;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use illumos_ipsec::model::{Namespace, SaType};

pub(crate) use assoc::{Association, Inner, Key, SaId, Table};
pub(crate) use keys::{AuthAlg, Cipher, check_des};
pub(crate) use life::{AGE_EVERY, Expired, LifetimeKind};

/// Associations by their place in a dump and by what they are found by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sadb {
    all: BTreeMap<SaId, Association>,
    order: Order,
    /// The same by owner; an owner is here as long as it has one.
    owned: HashMap<Option<Namespace>, Order>,
    /// By type, SPI and destination.
    by_spi: HashMap<(SaType, u32, IpAddr), Vec<SaId>>,
    /// Those for traffic that leaves, by type and destination.
    outbound: HashMap<(SaType, IpAddr), BTreeSet<SaId>>,
    next: u64,
}

/// Associations as a dump shows them.
type Order = BTreeMap<Place, SaId>;

/// Where an association stands in a dump.
type Place = (SaType, bool, bool, u8, bool, Reverse<SaId>);

fn place(id: SaId, sa: &Association) -> Place {
    let inbound = sa.table == Table::Inbound;
    let bucket = match (inbound, sa.dst) {
        // The kernel takes the low octet of a number in network order.
        (true, _) => sa.spi.to_be_bytes()[0],
        (false, IpAddr::V4(addr)) => addr.octets()[0],
        (false, IpAddr::V6(addr)) => {
            let octets = addr.octets();
            octets[0] ^ octets[4] ^ octets[8] ^ octets[12]
        }
    };
    (sa.kind, sa.dst.is_ipv6(), inbound, bucket, sa.src.is_unspecified(), Reverse(id))
}

fn of_type(order: &Order, kind: SaType) -> impl Iterator<Item = SaId> {
    let wanted = move |sa: SaType| kind == SaType::UNSPEC || sa == kind;
    order.iter().filter(move |(place, _)| wanted(place.0)).map(|(_, id)| *id)
}

impl Sadb {
    /// Takes an association in; the caller has seen that there is none like it.
    pub(crate) fn insert(&mut self, sa: Association) -> SaId {
        self.next += 1;
        let id = SaId(self.next);
        let place = place(id, &sa);
        self.order.insert(place, id);
        self.owned.entry(sa.owner.clone()).or_default().insert(place, id);
        self.by_spi.entry((sa.kind, sa.spi, sa.dst)).or_default().push(id);
        if sa.table.outbound() {
            self.outbound.entry((sa.kind, sa.dst)).or_default().insert(id);
        }
        self.all.insert(id, sa);
        id
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, id: SaId) -> Option<Association> {
        let sa = self.all.remove(&id)?;
        let place = place(id, &sa);
        self.order.remove(&place);
        if let Some(same) = self.owned.get_mut(&sa.owner) {
            same.remove(&place);
            if same.is_empty() {
                self.owned.remove(&sa.owner);
            }
        }
        let key = (sa.kind, sa.spi, sa.dst);
        if let Some(same) = self.by_spi.get_mut(&key) {
            same.retain(|other| *other != id);
            if same.is_empty() {
                self.by_spi.remove(&key);
            }
        }
        let key = (sa.kind, sa.dst);
        if let Some(same) = self.outbound.get_mut(&key) {
            same.remove(&id);
            if same.is_empty() {
                self.outbound.remove(&key);
            }
        }
        Some(sa)
    }

    /// Takes out every one of a type, or of all types, that belongs to an owner.
    pub(crate) fn flush(&mut self, kind: SaType, owner: Option<&Namespace>) {
        let alone = self.owned.keys().all(|other| other.as_ref() == owner);
        if kind == SaType::UNSPEC && alone {
            *self = Self { next: self.next, ..Self::default() };
            return;
        }
        for id in self.ids_of(kind, owner) {
            self.remove(id);
        }
    }

    pub(crate) fn get(&self, id: SaId) -> Option<&Association> {
        self.all.get(&id)
    }

    /// Does one belong to an owner?
    pub(crate) fn belongs(&self, id: SaId, owner: Option<&Namespace>) -> bool {
        self.get(id).is_some_and(|sa| sa.owner.as_ref() == owner)
    }

    /// One that may be changed, but not in what it is found by.
    pub(crate) fn get_mut(&mut self, id: SaId) -> Option<&mut Association> {
        self.all.get_mut(&id)
    }

    /// The numbers of those of a type, or of all types, in the order of a dump.
    pub(crate) fn ids(&self, kind: SaType) -> Vec<SaId> {
        of_type(&self.order, kind).collect()
    }

    /// The same of those that belong to an owner.
    pub(crate) fn ids_of(&self, kind: SaType, owner: Option<&Namespace>) -> Vec<SaId> {
        let own = self.owned.get(&owner.cloned());
        own.into_iter().flat_map(|own| of_type(own, kind)).collect()
    }

    /// Those of a type that belong to an owner, in the order of a dump.
    pub(crate) fn owned_by(
        &self,
        kind: SaType,
        owner: Option<&Namespace>,
    ) -> impl Iterator<Item = (SaId, &Association)> {
        let ids = self.ids_of(kind, owner).into_iter();
        ids.filter_map(|id| Some((id, self.get(id)?)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (SaId, &Association)> {
        self.order.values().filter_map(|id| Some((*id, self.all.get(id)?)))
    }

    /// What has taken this SPI for a destination, in one table or the other.
    pub(crate) fn taken(&self, kind: SaType, spi: u32, dst: IpAddr) -> Option<&Association> {
        self.by_spi.get(&(kind, spi, dst))?.first().and_then(|id| self.get(*id))
    }

    /// The association with an SPI, a destination and, where it is given, a source; one
    /// table is searched first.
    pub(crate) fn find(
        &self,
        kind: SaType,
        spi: u32,
        src: Option<IpAddr>,
        dst: IpAddr,
        inbound_first: bool,
    ) -> Option<SaId> {
        let same = self.by_spi.get(&(kind, spi, dst))?;
        let fits = |sa: &Association| match src {
            Some(src) => src == sa.src || src.is_unspecified() || sa.src.is_unspecified(),
            None => true,
        };
        let mut found: Vec<(bool, SaId)> = same
            .iter()
            .filter_map(|id| Some((*id, self.all.get(id)?)))
            .filter(|(_, sa)| fits(sa))
            .map(|(id, sa)| {
                let there = if inbound_first { sa.table.inbound() } else { sa.table.outbound() };
                (!there, id)
            })
            .collect();
        found.sort_unstable();
        found.first().map(|(_, id)| *id)
    }

    /// Those for traffic to a destination, the newest first.
    pub(crate) fn outbound_to(
        &self,
        kind: SaType,
        dst: IpAddr,
    ) -> impl Iterator<Item = (SaId, &Association)> {
        let ids = self.outbound.get(&(kind, dst)).into_iter().flatten();
        ids.rev().filter_map(|id| Some((*id, self.all.get(id)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_an_owner_stays_behind() {
        let owner = Namespace::new("a").ok();
        let mut sadb = Sadb::default();
        let addr = IpAddr::from([192, 0, 2, 1]);
        for (spi, owner) in [(1, &owner), (2, &owner), (3, &None)] {
            let larval = Association::larval(SaType::ESP, spi, addr, addr, 0);
            sadb.insert(Association { owner: owner.clone(), ..larval });
        }
        let [first, second] = sadb.ids_of(SaType::ESP, owner.as_ref())[..] else { panic!() };
        sadb.remove(first);
        assert_eq!(sadb.ids_of(SaType::UNSPEC, owner.as_ref()), [second]);
        assert_eq!(sadb.ids_of(SaType::AH, owner.as_ref()), []);
        sadb.flush(SaType::ESP, owner.as_ref());
        assert_eq!(sadb.owned.keys().collect::<Vec<_>>(), [&None]);
        assert_eq!((sadb.order.len(), sadb.all.len(), sadb.by_spi.len()), (1, 1, 1));
        sadb.flush(SaType::UNSPEC, None);
        assert!(sadb.is_empty() && sadb.owned.is_empty() && sadb.order.is_empty());
    }
}
