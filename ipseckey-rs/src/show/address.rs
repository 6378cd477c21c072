// SPDX-License-Identifier: MIT OR Apache-2.0

//! Addresses.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use illumos_ipsec::policy::Names;
use illumos_ipsec::wire::key::{AddressExt, ExtType};

use super::{Look, line, uncontrolled};

/// An address without its family: v4-mapped ones as IPv4.
pub(crate) fn plain(addr: Ipv6Addr) -> String {
    match addr.to_ipv4_mapped() {
        Some(addr) => addr.to_string(),
        None => v6_text(addr),
    }
}

/// IPv6 text as `inet_ntop` of illumos writes it: addresses that hold an IPv4 one end in
/// dotted form.
pub(super) fn v6_text(addr: Ipv6Addr) -> String {
    let segments = addr.segments();
    if segments[..6] == [0; 6] && segments[6] != 0 {
        let octets = addr.octets();
        let v4 = Ipv4Addr::new(octets[12], octets[13], octets[14], octets[15]);
        return format!("::{v4}");
    }
    addr.to_string()
}

/// An address as listings show it.
pub(crate) fn text(addr: IpAddr) -> String {
    match addr {
        IpAddr::V4(addr) => addr.to_string(),
        IpAddr::V6(addr) => v6_text(addr),
    }
}

impl Look<'_> {
    pub(super) fn address(&self, out: &mut Vec<u8>, kind: ExtType, address: &AddressExt) {
        let (prefix, what) = match kind {
            ExtType::ADDRESS_SRC => ("SRC", "Source address"),
            ExtType::ADDRESS_DST => ("DST", "Destination address"),
            ExtType::X_ADDRESS_INNER_SRC => ("INS", "Inner source address"),
            ExtType::X_ADDRESS_INNER_DST => ("IND", "Inner destination address"),
            ExtType::X_ADDRESS_NATT_LOC => ("NLC", "NAT-T local address"),
            _ => ("NRM", "NAT-T remote address"),
        };
        let proto = match (self.numeric, address.proto) {
            (true, proto) => proto.to_string(),
            (false, 0) => "0/<unspecified>".to_owned(),
            (false, proto) => {
                let name = self.names.protocol_by_number(proto);
                format!("{proto}/{}", name.as_deref().unwrap_or("<unknown>"))
            }
        };
        line!(out, "{prefix}: {what} (proto={proto})");
        let _ = write!(out, "{prefix}: ");
        let Some(addr) = address.addr() else {
            return;
        };
        let family = if addr.is_ipv4() { "AF_INET" } else { "AF_INET6" };
        let _ = write!(out, "{family}: port {}, {}", address.port(), text(addr));
        if address.prefixlen != 0 {
            let _ = write!(out, "/{}", address.prefixlen);
        }
        if !self.numeric {
            self.name(out, addr);
        }
        line!(out, ".");
    }
    fn name(&self, out: &mut Vec<u8>, addr: IpAddr) {
        if addr.is_unspecified() {
            out.extend_from_slice(b" <unspecified>");
            return;
        }
        match self.names.host_by_addr(addr) {
            // Whoever has the address says how it is called.
            Some(name) => {
                out.extend_from_slice(b" (");
                uncontrolled(out, name.as_bytes());
                out.push(b')');
            }
            None => out.extend_from_slice(b" <unknown>"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_text() {
        for (addr, shown) in [
            ("::1", "::1"),
            ("::2", "::2"),
            ("::1:0", "::0.1.0.0"),
            ("::a00:1", "::10.0.0.1"),
            ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),
            ("1:0:2::", "1:0:2::"),
            ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"),
        ] {
            assert_eq!(v6_text(addr.parse().unwrap()), shown);
        }
    }
}
