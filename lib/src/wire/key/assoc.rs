// SPDX-License-Identifier: MIT OR Apache-2.0

//! Associations to and from messages.

use std::net::IpAddr;

use super::consts::{ExtType, MsgType};
use super::ext::Ext;
use super::fields::{AddressExt, IdentityExt, KeyExt, SaExt};
use super::message::Message;
use crate::model::{
    Identity, InnerSelector, Lifetime, Prefix, Sa, SaEnd, SaFlags, SaKey, SaState, SaType, Secret,
};

/// Why a message describes no association.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAssociation {
    /// An extension is not there.
    #[error("{0} extension is missing")]
    Missing(ExtType),
    /// An extension has a value that is none.
    #[error("{0} extension has a bad value")]
    Bad(ExtType),
}

impl Sa {
    /// The association that an answer to GET or DUMP describes.
    pub fn from_message(message: &Message) -> Result<Self, BadAssociation> {
        let kind = message.header.satype;
        let sa = message.sa().ok_or(BadAssociation::Missing(ExtType::SA))?;
        let src = end(message, ExtType::ADDRESS_SRC)?
            .ok_or(BadAssociation::Missing(ExtType::ADDRESS_SRC))?;
        let dst = end(message, ExtType::ADDRESS_DST)?
            .ok_or(BadAssociation::Missing(ExtType::ADDRESS_DST))?;
        let lifetime = |kind| message.lifetime(kind).copied().unwrap_or_default();
        let mut out = Self::new(kind, sa.spi, src.addr, dst.addr);
        out.src = src;
        out.dst = dst;
        out.state = sa.state;
        out.replay_window = sa.replay;
        (out.auth, out.encr, out.flags) = (sa.auth, sa.encr, sa.flags);
        out.proto = message.address(ExtType::ADDRESS_DST).map_or(0, |address| address.proto);
        out.inner = inner(message)?;
        out.natt_local = end(message, ExtType::X_ADDRESS_NATT_LOC)?;
        out.natt_remote = end(message, ExtType::X_ADDRESS_NATT_REM)?;
        out.hard = lifetime(ExtType::LIFETIME_HARD);
        out.soft = lifetime(ExtType::LIFETIME_SOFT);
        out.idle = lifetime(ExtType::X_LIFETIME_IDLE);
        out.current = lifetime(ExtType::LIFETIME_CURRENT);
        for ext in &message.exts {
            match ext {
                Ext::Key(kind @ ExtType::KEY_AUTH, key) => {
                    out.auth_key = Some(answered_key(*kind, key)?);
                }
                Ext::Key(kind @ ExtType::KEY_ENCRYPT, key) => {
                    out.encr_key = Some(answered_key(*kind, key)?);
                }
                Ext::Key(kind, key) => out.auth_string = Some(answered_string(*kind, key)?),
                Ext::Identity(ExtType::IDENTITY_SRC, id) => out.src_identity = Some(identity(id)),
                Ext::Identity(_, id) => out.dst_identity = Some(identity(id)),
                Ext::Pair(spi) => out.pair = Some(*spi),
                Ext::ReplayValue { value32, .. } => out.replay_value = *value32,
                _ => {}
            }
        }
        Ok(out)
    }

    /// A request to add it. What the kernel works out by itself is left to it: counters,
    /// and flags that say what other extensions say.
    #[must_use]
    pub fn add_request(&self) -> Message {
        let mut exts = Vec::new();
        let settable = SaFlags::INBOUND | SaFlags::OUTBOUND | SaFlags::NOREPLAY;
        let mut flags = self.flags & settable;
        if self.kind == SaType::TCPSIG {
            flags = SaFlags::TCPSIG;
        }
        flags.set(SaFlags::NATT_LOC, self.natt_local.is_some());
        flags.set(SaFlags::NATT_REM, self.natt_remote.is_some());
        flags.set(SaFlags::TUNNEL, self.inner.is_some());
        flags.set(SaFlags::PAIRED, self.pair.is_some());
        exts.push(Ext::Sa(SaExt {
            spi: self.spi,
            replay: self.replay_window,
            state: SaState::MATURE,
            auth: self.auth,
            encr: self.encr,
            flags,
        }));
        exts.extend(self.pair.map(Ext::Pair));
        for (kind, lifetime) in [
            (ExtType::LIFETIME_HARD, self.hard),
            (ExtType::LIFETIME_SOFT, self.soft),
            (ExtType::X_LIFETIME_IDLE, self.idle),
        ] {
            exts.extend((lifetime != Lifetime::default()).then_some(Ext::Lifetime(kind, lifetime)));
        }
        exts.extend(asked_key(ExtType::KEY_ENCRYPT, self.encr_key.as_ref()));
        exts.extend(asked_key(ExtType::KEY_AUTH, self.auth_key.as_ref()));
        if let Some(text) = &self.auth_string {
            let bits = u16::try_from(8 * text.len()).unwrap_or(u16::MAX);
            let key = SaKey { bits, salt_bits: 0, bytes: text.clone() };
            exts.extend(asked_key(ExtType::X_STR_AUTH, Some(&key)));
        }
        for (kind, identity) in [
            (ExtType::IDENTITY_SRC, &self.src_identity),
            (ExtType::IDENTITY_DST, &self.dst_identity),
        ] {
            if let Some(Identity { kind: type_, id, text }) = identity {
                let ext = IdentityExt { id: *id, ..IdentityExt::new(*type_, text) };
                exts.push(Ext::Identity(kind, ext));
            }
        }
        let outer = |end: SaEnd, proto| AddressExt::new(end.addr, end.port, proto);
        exts.push(Ext::Address(ExtType::ADDRESS_DST, outer(self.dst, self.proto)));
        exts.extend(
            self.natt_remote.map(|end| Ext::Address(ExtType::X_ADDRESS_NATT_REM, outer(end, 0))),
        );
        exts.extend(
            self.natt_local.map(|end| Ext::Address(ExtType::X_ADDRESS_NATT_LOC, outer(end, 0))),
        );
        exts.push(Ext::Address(ExtType::ADDRESS_SRC, outer(self.src, self.proto)));
        if let Some(inner) = &self.inner {
            for (kind, prefix, port) in [
                (ExtType::X_ADDRESS_INNER_SRC, inner.src, inner.src_port),
                (ExtType::X_ADDRESS_INNER_DST, inner.dst, inner.dst_port),
            ] {
                let address =
                    AddressExt::new(prefix.addr(), port, inner.proto).with_prefix(prefix.len());
                exts.push(Ext::Address(kind, address));
            }
        }
        if self.replay_value != 0 {
            exts.push(Ext::ReplayValue { value32: self.replay_value, value64: 0 });
        }
        Message { exts, ..Message::request(MsgType::ADD, self.kind) }
    }
}

fn end(message: &Message, kind: ExtType) -> Result<Option<SaEnd>, BadAssociation> {
    let Some(address) = message.address(kind) else {
        return Ok(None);
    };
    let addr = address.addr().ok_or(BadAssociation::Bad(kind))?;
    Ok(Some(SaEnd { addr: unmapped(addr), port: address.port() }))
}

fn unmapped(addr: IpAddr) -> IpAddr {
    match addr {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(addr, IpAddr::V4),
        IpAddr::V4(_) => addr,
    }
}

fn inner(message: &Message) -> Result<Option<InnerSelector>, BadAssociation> {
    let kinds = (ExtType::X_ADDRESS_INNER_SRC, ExtType::X_ADDRESS_INNER_DST);
    let (Some(src), Some(dst)) = (message.address(kinds.0), message.address(kinds.1)) else {
        return Ok(None);
    };
    let prefix = |address: &AddressExt, kind| {
        let addr = address.addr().ok_or(BadAssociation::Bad(kind))?;
        Prefix::new(addr, address.prefixlen).map_err(|_| BadAssociation::Bad(kind))
    };
    Ok(Some(InnerSelector {
        src: prefix(src, kinds.0)?,
        src_port: src.port(),
        dst: prefix(dst, kinds.1)?,
        dst_port: dst.port(),
        proto: dst.proto,
    }))
}

fn identity(ext: &IdentityExt) -> Identity {
    Identity { kind: ext.kind, id: ext.id, text: ext.text().to_vec() }
}

/// In answers, `bits` are those of the key alone and `reserved` those of the salt. There have
/// to be as many octets, and a request has to be able to say how many bits there are.
fn answered_key(kind: ExtType, key: &KeyExt) -> Result<SaKey, BadAssociation> {
    let len = usize::from(key.bits).div_ceil(8) + usize::from(key.reserved) / 8;
    match (key.bytes.expose().get(..len), key.bits.checked_add(key.reserved)) {
        (Some(bytes), Some(_)) => {
            Ok(SaKey { bits: key.bits, salt_bits: key.reserved, bytes: Secret::from(bytes) })
        }
        _ => Err(BadAssociation::Bad(kind)),
    }
}

/// The octets of a string, if a request is able to say how many bits they have.
fn answered_string(kind: ExtType, key: &KeyExt) -> Result<Secret, BadAssociation> {
    let octets = key.octets();
    let bits = u16::try_from(8 * octets.len());
    bits.map(|_| octets.into()).map_err(|_| BadAssociation::Bad(kind))
}

/// In requests, `bits` are those of key and salt together.
fn asked_key(kind: ExtType, key: Option<&SaKey>) -> Option<Ext> {
    let key = key?;
    let mut bytes = Vec::with_capacity(key.bytes.len().next_multiple_of(8));
    bytes.extend_from_slice(key.bytes.expose());
    bytes.resize(key.bytes.len().next_multiple_of(8), 0);
    Some(Ext::Key(kind, KeyExt::new(key.bits.saturating_add(key.salt_bits), 0, bytes.into())))
}
