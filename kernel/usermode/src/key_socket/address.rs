// SPDX-License-Identifier: MIT OR Apache-2.0

//! Addresses of requests: families, classes, and what is rewritten in place.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use illumos_ipsec::model::Prefix;
use illumos_ipsec::wire::key::{AddressExt, Diagnostic, Ext, ExtType};
use illumos_ipsec::wire::policy::AF_INET;

use super::{Refusal, check};
use crate::Kernel;

/// Bytes of an extension before the socket address.
const SOCKADDR: usize = 8;
/// What a v4-mapped prefix has before the IPv4 part.
const MAPPED_BITS: u8 = 96;

/// What kind of address it is to this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Local,
    Other,
    Unspecified,
    /// Multicast, or IPv4 broadcast.
    Many,
}

/// An address of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address {
    pub(super) addr: IpAddr,
    pub(super) port: u16,
    pub(super) proto: u8,
    pub(super) class: Class,
}

/// An inner address of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct InnerAddress {
    pub(super) prefix: Prefix,
    pub(super) port: u16,
    pub(super) proto: u8,
}

/// The addresses of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses {
    pub(super) src: Option<Address>,
    pub(super) dst: Option<Address>,
    pub(super) natt_local: Option<Address>,
    pub(super) natt_remote: Option<Address>,
    pub(super) inner_src: Option<InnerAddress>,
    pub(super) inner_dst: Option<InnerAddress>,
}

/// Where the extension of a type stands in a request, and its value.
fn find(bytes: &[u8], kind: ExtType) -> Option<(usize, AddressExt)> {
    let raw = check::frame(bytes).ok()?.get(kind)?;
    match Ext::decode(&raw) {
        Ext::Address(_, address) => Some((raw.offset, address)),
        // Too long or too short for what it should hold; there is no family in it then.
        _ => Some((
            raw.offset,
            AddressExt { proto: 0, prefixlen: 0, reserved: 0, sockaddr: Vec::new() },
        )),
    }
}

impl Kernel {
    fn class(&self, addr: IpAddr) -> Class {
        match addr {
            _ if addr.is_unspecified() => Class::Unspecified,
            _ if addr.is_multicast() => Class::Many,
            _ if self.host.addresses.contains_key(&addr) => Class::Local,
            _ if addr.is_loopback() => Class::Local,
            // This host knows no netmasks: what looks like a broadcast address is one.
            IpAddr::V4(v4) if v4.octets()[3] == 255 => Class::Many,
            _ => Class::Other,
        }
    }

    /// Reads one address and rewrites a v4-mapped one.
    fn address(
        &self,
        bytes: &mut [u8],
        kind: ExtType,
        bad_family: Diagnostic,
    ) -> Result<Option<Address>, Refusal> {
        let Some((offset, ext)) = find(bytes, kind) else {
            return Ok(None);
        };
        let mut addr = ext.addr().ok_or(Refusal::from(bad_family))?;
        if let IpAddr::V6(v6) = addr
            && let Some(v4) = v6.to_ipv4_mapped()
        {
            write_v4(bytes, offset, v4);
            addr = v4.into();
        }
        Ok(Some(Address { addr, port: ext.port(), proto: ext.proto, class: self.class(addr) }))
    }

    /// Checks and reads the addresses of a request, in the order of the original.
    pub(super) fn check_addresses(&self, bytes: &mut [u8]) -> Result<Addresses, Refusal> {
        let src = self.address(bytes, ExtType::ADDRESS_SRC, Diagnostic::BAD_SRC_AF)?;
        if src.is_some_and(|src| src.class == Class::Many) {
            return Err(Diagnostic::BAD_SRC.into());
        }
        let dst = self.address(bytes, ExtType::ADDRESS_DST, Diagnostic::BAD_DST_AF)?;
        if dst.is_some_and(|dst| dst.class == Class::Unspecified) {
            return Err(Diagnostic::BAD_DST.into());
        }
        let natt_local =
            self.address(bytes, ExtType::X_ADDRESS_NATT_LOC, Diagnostic::BAD_NATT_LOC_AF)?;
        if let Some(local) = natt_local {
            if matches!(local.class, Class::Local | Class::Many) {
                return Err(Diagnostic::MALFORMED_NATT_LOC.into());
            }
            if local.addr.is_ipv6() && local.class != Class::Unspecified {
                return Err(Diagnostic::BAD_NATT_LOC_AF.into());
            }
        }
        let natt_remote =
            self.address(bytes, ExtType::X_ADDRESS_NATT_REM, Diagnostic::BAD_NATT_REM_AF)?;
        let has_inner = find(bytes, ExtType::X_ADDRESS_INNER_SRC).is_some();
        if let Some(remote) = natt_remote {
            let unspecified = remote.class == Class::Unspecified && !has_inner;
            if matches!(remote.class, Class::Local | Class::Many) || unspecified {
                return Err(Diagnostic::MALFORMED_NATT_REM.into());
            }
            if remote.addr.is_ipv6() && remote.class != Class::Unspecified {
                return Err(Diagnostic::BAD_NATT_REM_AF.into());
            }
        }
        let (inner_src, inner_dst) = inner(bytes)?;
        let mut addresses = Addresses { src, dst, natt_local, natt_remote, inner_src, inner_dst };
        compare(bytes, &mut addresses)?;
        Ok(addresses)
    }
}

/// Both inner addresses, or none.
fn inner(bytes: &mut [u8]) -> Result<(Option<InnerAddress>, Option<InnerAddress>), Refusal> {
    let (src, dst) = (ExtType::X_ADDRESS_INNER_SRC, ExtType::X_ADDRESS_INNER_DST);
    let found = (find(bytes, src).is_some(), find(bytes, dst).is_some());
    match found {
        (false, false) => return Ok((None, None)),
        (true, false) => return Err(Diagnostic::MISSING_INNER_DST.into()),
        (false, true) => return Err(Diagnostic::MISSING_INNER_SRC.into()),
        (true, true) => {}
    }
    let to = inner_address(bytes, dst, Diagnostic::BAD_INNER_DST_AF, Diagnostic::PREFIX_INNER_DST)?;
    let from =
        inner_address(bytes, src, Diagnostic::BAD_INNER_SRC_AF, Diagnostic::PREFIX_INNER_SRC)?;
    if from.prefix.addr().is_ipv4() != to.prefix.addr().is_ipv4() {
        return Err(Diagnostic::INNER_AF_MISMATCH.into());
    }
    Ok((Some(from), Some(to)))
}

fn inner_address(
    bytes: &mut [u8],
    kind: ExtType,
    bad_family: Diagnostic,
    bad_prefix: Diagnostic,
) -> Result<InnerAddress, Refusal> {
    let (offset, ext) = find(bytes, kind).ok_or(Refusal::from(bad_family))?;
    let mut addr = ext.addr().ok_or(Refusal::from(bad_family))?;
    let mut len = ext.prefixlen;
    if let IpAddr::V6(v6) = addr
        && let Some(v4) = v6.to_ipv4_mapped()
    {
        write_v4(bytes, offset, v4);
        addr = v4.into();
        len = len.checked_sub(MAPPED_BITS).ok_or(Refusal::from(bad_prefix))?;
    }
    let most = if addr.is_ipv4() { 32 } else { 128 };
    if len > most {
        return Err(bad_prefix.into());
    }
    let addr = masked(addr, len);
    bytes[offset + 5] = len;
    write(bytes, offset, addr);
    let prefix = Prefix::new(addr, len).map_err(|_| Refusal::from(bad_prefix))?;
    Ok(InnerAddress { prefix, port: ext.port(), proto: ext.proto })
}

/// Compares source and destination.
fn compare(bytes: &mut [u8], addresses: &mut Addresses) -> Result<(), Refusal> {
    let inner_ports =
        [addresses.inner_src, addresses.inner_dst].iter().flatten().any(|inner| inner.port != 0);
    let outer_ports = [addresses.src, addresses.dst].iter().flatten().any(|outer| outer.port != 0);
    if inner_ports && outer_ports {
        return Err(Diagnostic::DUAL_PORT_SETS.into());
    }
    let (Some(src), Some(dst)) = (&mut addresses.src, &mut addresses.dst) else {
        return Ok(());
    };
    if src.addr.is_ipv4() == dst.addr.is_ipv4() {
        return Ok(());
    }
    if src.proto != dst.proto {
        match (src.proto, dst.proto) {
            (0, proto) => src.proto = proto,
            (proto, 0) => dst.proto = proto,
            _ => return Err(Diagnostic::PROTO_MISMATCH.into()),
        }
    }
    if src.class != Class::Unspecified || src.addr.is_ipv4() {
        return Err(Diagnostic::AF_MISMATCH.into());
    }
    src.addr = Ipv4Addr::UNSPECIFIED.into();
    if let Some((offset, _)) = find(bytes, ExtType::ADDRESS_SRC) {
        write_v4(bytes, offset, Ipv4Addr::UNSPECIFIED);
    }
    Ok(())
}

/// Makes the socket address of an extension an IPv4 one, in place: the rest stays.
fn write_v4(bytes: &mut [u8], offset: usize, addr: Ipv4Addr) {
    let at = offset + SOCKADDR;
    bytes[at..at + 2].copy_from_slice(&u16::from(AF_INET).to_ne_bytes());
    bytes[at + 4..at + 8].copy_from_slice(&addr.octets());
}

fn write(bytes: &mut [u8], offset: usize, addr: IpAddr) {
    match addr {
        IpAddr::V4(v4) => write_v4(bytes, offset, v4),
        IpAddr::V6(v6) => {
            let at = offset + SOCKADDR + 8;
            bytes[at..at + 16].copy_from_slice(&v6.octets());
        }
    }
}

fn masked(addr: IpAddr, len: u8) -> IpAddr {
    match addr {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(len)).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}
