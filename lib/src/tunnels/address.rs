// SPDX-License-Identifier: MIT OR Apache-2.0

//! Tunnel addresses as text.

use std::net::{IpAddr, Ipv6Addr};

use crate::model::TunnelType;
use crate::policy::{Names, inet_addr};

/// Can the text be stored? A value ends at `;`, and the rest of a line at a blank.
#[must_use]
pub fn storable(text: &[u8]) -> bool {
    !text.iter().any(|byte| byte.is_ascii_control() || matches!(byte, b' ' | b';' | b'='))
}

/// The one address that a text stands for, of the family that the type of tunnel has
/// outside. A host name with several such addresses stands for none.
pub fn resolve(names: &dyn Names, kind: TunnelType, text: &[u8]) -> Result<IpAddr, &'static str> {
    if !storable(text) {
        return Err("contains a blank, a control character, ';' or '='");
    }
    let v6 = kind == TunnelType::Ipv6;
    let literal = if v6 { ipv6(text).map(IpAddr::V6) } else { inet_addr(text).map(IpAddr::V4) };
    if let Some(address) = literal {
        return Ok(address);
    }
    let mut found: Vec<IpAddr> =
        names.host(text).into_iter().filter(|address| address.is_ipv6() == v6).collect();
    found.dedup();
    match (found.as_slice(), v6) {
        ([address], _) => Ok(*address),
        ([], false) => Err("is no IPv4 address and no host that has one"),
        ([], true) => Err("is no IPv6 address and no host that has one"),
        _ => Err("is a host with several such addresses; give one of them"),
    }
}

fn ipv6(text: &[u8]) -> Option<Ipv6Addr> {
    let address = text.split(|byte| *byte == b'%').next()?;
    std::str::from_utf8(address).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_of_an_ipv6_address_does_not_count() {
        assert_eq!(ipv6(b"fe80::1%net0"), Some("fe80::1".parse().unwrap()));
    }
}
