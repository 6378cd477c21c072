// SPDX-License-Identifier: MIT OR Apache-2.0

//! ADD, and the completion of a larval association by UPDATE.

use illumos_ipsec::model::{AlgFlags, SaFlags, SaState, SaType};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{Diagnostic, Ext, ExtType, SaExt};

use super::address::{Address, Addresses, Class};
use super::echo::{echo, write_flags};
use super::lifetimes::Lifetimes;
use super::{Answer, Refusal, Request};
use crate::Kernel;
use crate::sadb::{Association, AuthAlg, Cipher, Inner, Key, SaId, Table, check_des};

/// The cipher that takes no key.
const NULL: u8 = 11;
const IPIP: u8 = 4;
const IPV6: u8 = 41;

/// Flags that UPDATE may set, of either type.
const UPDATE: SaFlags = SaFlags::NOREPLAY
    .union(SaFlags::PAIRED)
    .union(SaFlags::OUTBOUND)
    .union(SaFlags::INBOUND)
    .union(SaFlags::KM1)
    .union(SaFlags::KM2)
    .union(SaFlags::KM3)
    .union(SaFlags::KM4);
const NAT: SaFlags = SaFlags::NATT_LOC.union(SaFlags::NATT_REM).union(SaFlags::NATTED);
const ADD: SaFlags = SaFlags::AALG1.union(SaFlags::AALG2).union(SaFlags::TUNNEL);

/// Flags that a request may set.
pub(super) fn settable(kind: SaType, add: bool) -> SaFlags {
    let mut flags = UPDATE;
    if kind == SaType::ESP {
        flags |= NAT;
    }
    if add {
        flags |= ADD;
        if kind == SaType::ESP {
            flags |= SaFlags::EALG1 | SaFlags::EALG2;
        }
    }
    flags
}

/// What ADD needs, in the order in which it is looked for.
fn needed<'a>(
    request: &Request<'_>,
    addresses: &'a Addresses,
) -> Result<(&'a Address, &'a Address, SaExt), Refusal> {
    let src = addresses.src.as_ref().ok_or(Refusal::from(Diagnostic::MISSING_SRC))?;
    let dst = addresses.dst.as_ref().ok_or(Refusal::from(Diagnostic::MISSING_DST))?;
    let sa = request.sa().ok_or(Refusal::from(Diagnostic::MISSING_SA))?;
    Ok((src, dst, sa))
}

impl Kernel {
    /// Adds an association; or completes a larval one.
    pub(super) fn add_sa(
        &mut self,
        request: &Request<'_>,
        addresses: &Addresses,
        larval: Option<SaId>,
    ) -> Result<Answer, Refusal> {
        let kind = request.header().satype;
        let (src, dst, sa) = needed(request, addresses)?;
        self.check_fixed(request, addresses, &sa)?;
        let lifetimes = Lifetimes::read(request)?;
        check_extensions(request, &sa)?;
        let (auth_key, encr_key) = self.keys_of(request, &sa)?;

        let mut new = Association::larval(kind, sa.spi, src.addr, dst.addr, self.now);
        (new.auth, new.encr, new.replay) = (sa.auth, sa.encr, sa.replay);
        new.flags = sa.flags;
        new.owner = request.owner().cloned();
        new.state = match sa.state {
            SaState::ACTIVE_ELSEWHERE => SaState::ACTIVE_ELSEWHERE,
            _ => SaState::MATURE,
        };
        if src.class == Class::Unspecified {
            new.replay = 0;
        }
        let no_pair = !request.has(ExtType::X_PAIR);
        direct(&mut new, src.class, dst.class, no_pair)?;
        (new.src_port, new.dst_port) = (src.port, dst.port);
        new.proto = if dst.proto == 0 { src.proto } else { dst.proto };
        tunnel(&mut new, addresses)?;
        natt(&mut new, addresses);
        let selectors = match &new.inner {
            Some(inner) => inner.src_port != 0 || inner.dst_port != 0 || new.proto != 0,
            None => new.src_port != 0 || new.dst_port != 0 || new.proto != 0,
        };
        new.flags.set(SaFlags::UNIQUE, selectors);
        if let Some(cipher) = Cipher::find(&self.algs, new.encr) {
            let flags = cipher.flags();
            if flags.contains(AlgFlags::COMBINED) {
                new.flags |= SaFlags::EALG1;
            }
            if flags.contains(AlgFlags::COUNTER) {
                new.flags |= SaFlags::EALG2;
            }
        }
        (new.auth_key, new.encr_key) = (auth_key, encr_key);
        new.added = self.now;
        new.hard = lifetimes.hard.unwrap_or_default();
        new.idle = lifetimes.idle.unwrap_or_default();
        new.soft = lifetimes.soft.unwrap_or_default();
        if new.table == Table::Outbound {
            self.shorten(&mut new.soft);
        }
        take_over(&mut new, request)?;
        let pair = request.pair();
        self.check_pair(pair, &new, None)?;
        let replaced = larval.and_then(|id| self.sadb.remove(id));
        if let Some(taken) = self.sadb.taken(kind, new.spi, new.dst) {
            let why = request.conflict(taken.owner.as_ref(), Diagnostic::NONE);
            if let Some(larval) = replaced {
                self.sadb.insert(larval);
            }
            return Err((Errno::EEXIST, why).into());
        }
        let mut reply = echo(request, &new);
        let seq = request.header().seq;
        self.acquires.answered(seq, new.dst);
        let id = self.sadb.insert(new);
        if let Some(spi) = pair {
            self.join(id, spi);
        }
        if let Some(sa) = self.sadb.get(id) {
            write_flags(&mut reply, sa);
        }
        Ok(Answer::Reply(reply))
    }

    /// Checks the SA extension by itself and against the addresses.
    fn check_fixed(
        &self,
        request: &Request<'_>,
        addresses: &Addresses,
        sa: &SaExt,
    ) -> Result<(), Refusal> {
        let kind = request.header().satype;
        let esp = kind == SaType::ESP;
        if esp && !request.has(ExtType::KEY_ENCRYPT) && sa.encr != NULL {
            return Err(Diagnostic::MISSING_EKEY.into());
        }
        if !esp && !request.has(ExtType::KEY_AUTH) {
            return Err(Diagnostic::MISSING_AKEY.into());
        }
        if !matches!(sa.state, SaState::MATURE | SaState::ACTIVE_ELSEWHERE) {
            return Err(Diagnostic::BAD_SASTATE.into());
        }
        match (esp, sa.encr) {
            (true, 0) => return Err(Diagnostic::BAD_EALG.into()),
            (true, NULL) if sa.auth == 0 => return Err(Diagnostic::BAD_AALG.into()),
            (false, 1..) => return Err(Diagnostic::ENCR_NOTSUPP.into()),
            _ => {}
        }
        if !settable(kind, true).contains(sa.flags) {
            return Err(Diagnostic::BAD_SAFLAGS.into());
        }
        if sa.flags.contains(SaFlags::NATT_LOC) && addresses.natt_local.is_none() {
            return Err(Diagnostic::MISSING_NATT_LOC.into());
        }
        if sa.flags.contains(SaFlags::NATT_REM) && addresses.natt_remote.is_none() {
            return Err(Diagnostic::MISSING_NATT_REM.into());
        }
        if sa.flags.contains(SaFlags::TUNNEL) && addresses.inner_src.is_none() {
            return Err(Diagnostic::MISSING_INNER_SRC.into());
        }
        Ok(())
    }

    /// The keys of a request: authentication, cipher.
    fn keys_of(
        &self,
        request: &Request<'_>,
        sa: &SaExt,
    ) -> Result<(Option<Key>, Option<Key>), Refusal> {
        let mut auth_key = None;
        if let Some(given) = request.key(ExtType::KEY_AUTH) {
            let alg = AuthAlg::find(&self.algs, sa.auth).ok_or(Diagnostic::BAD_AALG)?;
            if !alg.takes(given.bits) {
                return Err(Diagnostic::BAD_AKEYBITS.into());
            }
            let bytes = given.octets().to_vec();
            auth_key = Some(Key { bits: given.bits, salt_bits: 0, iv: 0, bytes });
        }
        let mut encr_key = None;
        if let Some(given) = request.key(ExtType::KEY_ENCRYPT) {
            let alg = Cipher::find(&self.algs, sa.encr).ok_or(Diagnostic::BAD_EALG)?;
            let salt_bits = alg.salt_bits();
            let bits = given
                .bits
                .checked_sub(given.reserved)
                .and_then(|bits| bits.checked_sub(salt_bits))
                .filter(|bits| !alg.is_null() && alg.takes(*bits))
                .ok_or(Diagnostic::BAD_EKEYBITS)?;
            if !alg.has_size(bits) {
                return Err(Diagnostic::BAD_CTX.into());
            }
            let len = usize::from(bits + salt_bits) / 8;
            let mut bytes = given.bytes.expose().get(..len).unwrap_or_default().to_vec();
            let key_len = usize::from(bits) / 8;
            if !bytes.get_mut(..key_len).is_none_or(|key| check_des(sa.encr, key)) {
                return Err(Diagnostic::WEAK_EKEY.into());
            }
            encr_key = Some(Key { bits, salt_bits, iv: alg.iv_len(), bytes });
        }
        Ok((auth_key, encr_key))
    }
}

/// What ADD does not take.
fn check_extensions(request: &Request<'_>, sa: &SaExt) -> Result<(), Refusal> {
    let esp = request.header().satype == SaType::ESP;
    let label = request.has(ExtType::SENSITIVITY) || request.has(ExtType::X_OUTER_SENS);
    if request.has(ExtType::LIFETIME_CURRENT) {
        return Err(Errno::EOPNOTSUPP.into());
    }
    match (label, esp) {
        (true, true) => return Err(Diagnostic::BAD_LABEL.into()),
        (true, false) => return Err(Errno::EOPNOTSUPP.into()),
        _ => {}
    }
    if esp && sa.auth == 0 && request.has(ExtType::KEY_AUTH) {
        return Err(Diagnostic::BAD_AALG.into());
    }
    Ok(())
}

/// Which tables it belongs into, and the flags that say so.
fn direct(new: &mut Association, src: Class, dst: Class, no_pair: bool) -> Result<(), Refusal> {
    let both = SaFlags::INBOUND | SaFlags::OUTBOUND;
    new.table = match new.flags & both {
        flags if flags == both => Table::Both,
        flags if flags == SaFlags::INBOUND => Table::Inbound,
        flags if flags == SaFlags::OUTBOUND => Table::Outbound,
        _ => match (src, dst) {
            (_, Class::Many) => {
                new.flags |= both;
                Table::Both
            }
            (Class::Local | Class::Unspecified, Class::Local) => {
                new.flags |= SaFlags::INBOUND;
                Table::Both
            }
            (_, Class::Local) => {
                new.flags |= SaFlags::INBOUND;
                Table::Inbound
            }
            (Class::Local, _) => {
                new.flags |= SaFlags::OUTBOUND;
                Table::Outbound
            }
            _ => {
                new.flags |= both;
                Table::Both
            }
        },
    };
    if new.table == Table::Both && !no_pair {
        return Err(Diagnostic::PAIR_INAPPROPRIATE.into());
    }
    Ok(())
}

fn tunnel(new: &mut Association, addresses: &Addresses) -> Result<(), Refusal> {
    let (Some(src), Some(dst)) = (addresses.inner_src, addresses.inner_dst) else {
        return Ok(());
    };
    let wanted = if src.prefix.addr().is_ipv4() { IPIP } else { IPV6 };
    match new.proto {
        0 => new.proto = wanted,
        proto if proto == wanted => {}
        _ => return Err((Errno::EPROTOTYPE, Diagnostic::INNER_AF_MISMATCH).into()),
    }
    new.inner = Some(Inner {
        src: src.prefix,
        src_port: src.port,
        dst: dst.prefix,
        dst_port: dst.port,
        proto: if dst.proto == 0 { src.proto } else { dst.proto },
    });
    Ok(())
}

/// Where address translation lies between the ends; its flags can be set for ESP only.
fn natt(new: &mut Association, addresses: &Addresses) {
    let v4 = |address: Option<Address>| match address {
        Some(Address { addr: std::net::IpAddr::V4(addr), port, .. }) => Some((addr, port)),
        Some(Address { class: Class::Unspecified, port, .. }) => {
            Some((std::net::Ipv4Addr::UNSPECIFIED, port))
        }
        _ => None,
    };
    if new.flags.contains(SaFlags::NATT_LOC) {
        new.natt_local = v4(addresses.natt_local);
    }
    if new.flags.contains(SaFlags::NATT_REM) {
        new.natt_remote = v4(addresses.natt_remote);
    }
}

/// Identities, cookie, replay value.
fn take_over(new: &mut Association, request: &Request<'_>) -> Result<(), Refusal> {
    new.src_identity = request.identity(ExtType::IDENTITY_SRC);
    new.dst_identity = request.identity(ExtType::IDENTITY_DST);
    if let Some(km) = request.cookie() {
        new.km = km;
    }
    if let Some(Ext::ReplayValue { value32, value64 }) = request.ext(ExtType::X_REPLAY_VALUE) {
        if value32 == 0 && value64 != 0 {
            return Err((Errno::EOPNOTSUPP, Diagnostic::INVALID_REPLAY).into());
        }
        new.replay_value = value32;
    }
    Ok(())
}
