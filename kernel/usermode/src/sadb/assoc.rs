// SPDX-License-Identifier: MIT OR Apache-2.0

//! One security association as the kernel keeps it.

use std::net::{IpAddr, Ipv4Addr};

use illumos_ipsec::model::{Lifetime, Namespace, Prefix, SaFlags, SaState, SaType};
use illumos_ipsec::wire::key::{
    AddressExt, Ext, ExtType, IdentityExt, KeyExt, KmProto, LabelExt, SaExt,
};

/// A number that stays with an association for its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SaId(pub(super) u64);

/// What the inner packets of an association in tunnel mode have to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inner {
    pub(crate) src: Prefix,
    pub(crate) src_port: u16,
    pub(crate) dst: Prefix,
    pub(crate) dst_port: u16,
    pub(crate) proto: u8,
}

/// Tables that an association is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    Outbound,
    Inbound,
    /// In both of them: a cloned one.
    Both,
}

impl Table {
    pub(crate) fn inbound(self) -> bool {
        self != Self::Outbound
    }

    pub(crate) fn outbound(self) -> bool {
        self != Self::Inbound
    }
}

/// A key with its length in bits, and the bits of salt behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) bits: u16,
    pub(crate) salt_bits: u16,
    /// Octets that the description of a cipher's key has room for beside the key.
    pub(crate) iv: usize,
    pub(crate) bytes: Vec<u8>,
}

/// An association of AH or ESP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Association {
    pub(crate) kind: SaType,
    pub(crate) spi: u32,
    pub(crate) state: SaState,
    pub(crate) replay: u8,
    pub(crate) auth: u8,
    pub(crate) encr: u8,
    pub(crate) flags: SaFlags,
    pub(crate) table: Table,
    pub(crate) src: IpAddr,
    pub(crate) src_port: u16,
    pub(crate) dst: IpAddr,
    pub(crate) dst_port: u16,
    pub(crate) proto: u8,
    pub(crate) inner: Option<Inner>,
    pub(crate) natt_local: Option<(Ipv4Addr, u16)>,
    pub(crate) natt_remote: Option<(Ipv4Addr, u16)>,
    pub(crate) auth_key: Option<Key>,
    pub(crate) encr_key: Option<Key>,
    pub(crate) hard: Lifetime,
    pub(crate) soft: Lifetime,
    pub(crate) idle: Lifetime,
    /// When its SPI was taken, in seconds since 1970.
    pub(crate) born: u64,
    /// When it was added; 0 for a larval one.
    pub(crate) added: u64,
    /// When it was first used, 0 for never.
    pub(crate) used: u64,
    /// When it was last used, 0 for never.
    pub(crate) last_used: u64,
    pub(crate) bytes: u64,
    pub(crate) km: (KmProto, u64),
    pub(crate) src_identity: Option<IdentityExt>,
    pub(crate) dst_identity: Option<IdentityExt>,
    pub(crate) sensitivity: Option<LabelExt>,
    pub(crate) outer_sensitivity: Option<LabelExt>,
    /// SPI of the other one of a pair.
    pub(crate) pair: Option<u32>,
    pub(crate) replay_value: u32,
    /// An idle one has been reported.
    pub(crate) idle_told: bool,
    /// Who it belongs to; nobody for those that were made without a namespace.
    pub(crate) owner: Option<Namespace>,
}

impl Association {
    /// One that only holds its SPI.
    pub(crate) fn larval(kind: SaType, spi: u32, src: IpAddr, dst: IpAddr, now: u64) -> Self {
        Self {
            kind,
            spi,
            state: SaState::LARVAL,
            replay: 0,
            auth: 0,
            encr: 0,
            flags: SaFlags::empty(),
            table: Table::Inbound,
            src,
            src_port: 0,
            dst,
            dst_port: 0,
            proto: 0,
            inner: None,
            natt_local: None,
            natt_remote: None,
            auth_key: None,
            encr_key: None,
            hard: Lifetime::default(),
            soft: Lifetime::default(),
            idle: Lifetime::default(),
            born: now,
            added: 0,
            used: 0,
            last_used: 0,
            bytes: 0,
            km: (KmProto::MANUAL, 0),
            src_identity: None,
            dst_identity: None,
            sensitivity: None,
            outer_sensitivity: None,
            pair: None,
            replay_value: 0,
            idle_told: false,
            owner: None,
        }
    }

    /// May traffic use it?
    pub(crate) fn is_usable(&self) -> bool {
        matches!(self.state, SaState::MATURE | SaState::DYING | SaState::IDLE)
    }

    pub(crate) fn sa_ext(&self) -> Ext {
        Ext::Sa(SaExt {
            spi: self.spi,
            replay: self.replay,
            state: self.state,
            auth: self.auth,
            encr: self.encr,
            flags: self.flags,
        })
    }

    pub(crate) fn current(&self) -> Lifetime {
        Lifetime { allocations: 0, bytes: self.bytes, addtime: self.added, usetime: self.used }
    }

    /// The addresses, outer and inner.
    pub(crate) fn address_exts(&self, natt: bool) -> Vec<Ext> {
        let (src_port, dst_port) = match self.inner {
            None => (self.src_port, self.dst_port),
            Some(_) => (0, 0),
        };
        let outer = |addr, port| AddressExt::new(addr, port, self.proto);
        let mut exts = vec![
            Ext::Address(ExtType::ADDRESS_SRC, outer(self.src, src_port)),
            Ext::Address(ExtType::ADDRESS_DST, outer(self.dst, dst_port)),
        ];
        if natt {
            for (kind, end) in [
                (ExtType::X_ADDRESS_NATT_LOC, self.natt_local),
                (ExtType::X_ADDRESS_NATT_REM, self.natt_remote),
            ] {
                exts.extend(end.map(|(addr, port)| {
                    Ext::Address(kind, AddressExt::new(addr.into(), port, 17))
                }));
            }
        }
        if let Some(inner) = &self.inner {
            for (kind, prefix, port) in [
                (ExtType::X_ADDRESS_INNER_SRC, inner.src, inner.src_port),
                (ExtType::X_ADDRESS_INNER_DST, inner.dst, inner.dst_port),
            ] {
                let address = AddressExt::new(prefix.addr(), port, inner.proto);
                exts.push(Ext::Address(kind, address.with_prefix(prefix.len())));
            }
        }
        exts
    }

    /// What an answer to GET, DUMP or DELETE says of it, in the kernel's order.
    pub(crate) fn describe(&self, keys: bool) -> Vec<Ext> {
        let mut exts =
            vec![self.sa_ext(), Ext::Lifetime(ExtType::LIFETIME_CURRENT, self.current())];
        for (kind, lifetime) in [
            (ExtType::LIFETIME_HARD, self.hard),
            (ExtType::LIFETIME_SOFT, self.soft),
            (ExtType::X_LIFETIME_IDLE, self.idle),
        ] {
            exts.extend((!lifetime.is_zero()).then_some(Ext::Lifetime(kind, lifetime)));
        }
        exts.extend(self.address_exts(true));
        exts.extend(self.km_ext());
        if keys {
            for (kind, key) in
                [(ExtType::KEY_AUTH, &self.auth_key), (ExtType::KEY_ENCRYPT, &self.encr_key)]
            {
                exts.extend(key.as_ref().map(|key| Ext::Key(kind, key.described())));
            }
        }
        for (kind, identity) in [
            (ExtType::IDENTITY_SRC, &self.src_identity),
            (ExtType::IDENTITY_DST, &self.dst_identity),
        ] {
            exts.extend(identity.clone().map(|identity| Ext::Identity(kind, identity)));
        }
        for (kind, label) in [
            (ExtType::SENSITIVITY, &self.sensitivity),
            (ExtType::X_OUTER_SENS, &self.outer_sensitivity),
        ] {
            exts.extend(label.clone().map(|label| Ext::Label(kind, label)));
        }
        exts.extend(self.pair.map(Ext::Pair));
        if self.replay_value != 0 {
            exts.push(Ext::ReplayValue { value32: self.replay_value, value64: 0 });
        }
        exts
    }

    /// The cookie of key management, if there is one.
    pub(crate) fn km_ext(&self) -> Option<Ext> {
        let (proto, cookie) = self.km;
        let some = proto != KmProto::MANUAL || cookie != 0;
        some.then_some(Ext::KmCookie { proto, cookie })
    }
}

impl Key {
    /// As an answer shows it: the bits of the key alone, those of the salt in the reserved
    /// field, and room for the IV.
    fn described(&self) -> KeyExt {
        let mut bytes = self.bytes.clone();
        bytes.resize((bytes.len() + self.iv).next_multiple_of(8), 0);
        KeyExt::new(self.bits, self.salt_bits, bytes.into())
    }
}
