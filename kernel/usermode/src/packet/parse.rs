// SPDX-License-Identifier: MIT OR Apache-2.0

//! A packet from its bytes.
//!
//! Only headers are read. Checksums are not looked at, and a packet may be cut short
//! behind its headers, as in a capture.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::question::{Fragment, Packet, Path, Protection};
use super::verdict::{Reason, Verdict};
use crate::Kernel;
use crate::spd::Way;

const HOP_BY_HOP: u8 = 0;
const ICMP: u8 = 1;
const ENCAP: u8 = 4;
const TCP: u8 = 6;
const UDP: u8 = 17;
const IPV6: u8 = 41;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const ICMPV6: u8 = 58;
const DESTINATION: u8 = 60;
const SCTP: u8 = 132;

/// The option of RFC 2473, one byte long.
const ENCAP_LIMIT: u8 = 4;

/// Why some bytes are no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPacket {
    /// No IP version.
    #[error("the first byte is no IP version 4 or 6")]
    Version,
    /// It ends in a header.
    #[error("it ends after {len} bytes, in a header that begins at byte {header}")]
    Short {
        /// Bytes that are there.
        len: usize,
        /// Where the header begins.
        header: usize,
    },
    /// A header says that it is shorter than it must be.
    #[error("the header at byte {header} has an impossible length")]
    Length {
        /// Where the header begins.
        header: usize,
    },
}

/// A reader that knows which header it is in.
struct Bytes<'a> {
    bytes: &'a [u8],
    header: usize,
}

impl Bytes<'_> {
    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], BadPacket> {
        let from = self.header + at;
        let found = self.bytes.get(from..from + N).and_then(|bytes| bytes.try_into().ok());
        found.ok_or(BadPacket::Short { len: self.bytes.len(), header: self.header })
    }

    fn byte(&self, at: usize) -> Result<u8, BadPacket> {
        Ok(self.array::<1>(at)?[0])
    }

    fn word(&self, at: usize) -> Result<u16, BadPacket> {
        Ok(u16::from_be_bytes(self.array(at)?))
    }
}

impl Packet {
    /// A packet from the first byte of its IP header on, on a way that takes no tunnel. A
    /// protocol header that is cut off shows neither ports nor ICMP types.
    pub fn parse(way: Way, bytes: &[u8]) -> Result<Self, BadPacket> {
        Ok(read(way, bytes)?.0)
    }

    /// A packet as it arrives on a wire: one that holds another packet comes through the
    /// tunnel with its addresses.
    pub fn parse_arriving(bytes: &[u8]) -> Result<Self, BadPacket> {
        let (outer, payload) = read(Way::In, bytes)?;
        if !matches!(outer.proto, ENCAP | IPV6) || outer.fragment != Fragment::Whole {
            return Ok(outer);
        }
        let (mut inner, _) = read(Way::In, bytes.get(payload..).unwrap_or_default())?;
        inner.path = Path::Outer { local: outer.destination, remote: outer.source };
        Ok(inner)
    }
}

impl Kernel {
    /// [`Kernel::deliver`] for the bytes of a packet. What is no packet is dropped as such.
    pub fn deliver_bytes(
        &mut self,
        way: Way,
        path: &Path,
        protection: Option<Protection>,
        bytes: &[u8],
    ) -> Verdict {
        let parsed = match (way, path) {
            (Way::In, Path::Host) => Packet::parse_arriving(bytes),
            _ => Packet::parse(way, bytes).map(|packet| Packet { path: path.clone(), ..packet }),
        };
        match parsed {
            Ok(packet) => self.deliver(&Packet { protection, ..packet }),
            Err(_) => {
                let link = match path {
                    Path::Tunnel(name) => self.tunnel(name.as_bytes()).map(|tunnel| tunnel.link),
                    Path::Host | Path::Outer { .. } => None,
                };
                let verdict = Verdict::drop(link, Reason::Malformed);
                let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
                self.count(&Packet::new(way, nobody, nobody, 0), &verdict);
                verdict
            }
        }
    }
}

/// A packet, and where what it carries begins.
fn read(way: Way, bytes: &[u8]) -> Result<(Packet, usize), BadPacket> {
    let mut packet = match bytes.first().map(|byte| byte >> 4) {
        Some(4) => v4(way, bytes)?,
        Some(6) => v6(way, bytes)?,
        _ => return Err(BadPacket::Version),
    };
    if packet.0.fragment != Fragment::Later {
        transport(&mut packet.0, &Bytes { bytes, header: packet.1 });
    }
    Ok(packet)
}

fn v4(way: Way, bytes: &[u8]) -> Result<(Packet, usize), BadPacket> {
    let header = Bytes { bytes, header: 0 };
    let len = usize::from(header.byte(0)? & 0x0f) * 4;
    if len < 20 {
        return Err(BadPacket::Length { header: 0 });
    }
    let address = |at| Ok(IpAddr::V4(Ipv4Addr::from(header.array::<4>(at)?)));
    // The last byte of the options has to be there, too.
    header.byte(len - 1)?;
    let mut packet = Packet::new(way, address(12)?, address(16)?, header.byte(9)?);
    packet.len = header.word(2)?.into();
    let place = header.word(6)?;
    packet.fragment = fragment(place & 0x1fff, place & 0x2000 != 0);
    Ok((packet, len))
}

fn v6(way: Way, bytes: &[u8]) -> Result<(Packet, usize), BadPacket> {
    let mut at = Bytes { bytes, header: 0 };
    let address = |from| Ok(IpAddr::V6(Ipv6Addr::from(at.array::<16>(from)?)));
    let mut packet = Packet::new(way, address(8)?, address(24)?, at.byte(6)?);
    packet.len = 40 + u32::from(at.word(4)?);
    at.header = 40;
    // Each header is at least 8 bytes long, so this ends.
    while packet.fragment != Fragment::Later {
        let next = match packet.proto {
            HOP_BY_HOP | ROUTING | DESTINATION => {
                let len = 8 + usize::from(at.byte(1)?) * 8;
                at.byte(len - 1)?;
                if packet.proto == DESTINATION {
                    packet.encap_limit = encap_limit(&at, len).or(packet.encap_limit);
                }
                len
            }
            FRAGMENT => {
                let place = at.word(2)?;
                packet.fragment = fragment(place >> 3, place & 1 != 0);
                at.array::<8>(0)?;
                8
            }
            _ => break,
        };
        packet.proto = at.byte(0)?;
        at.header += next;
    }
    Ok((packet, at.header))
}

fn fragment(offset: u16, more: bool) -> Fragment {
    match (offset, more) {
        (0, false) => Fragment::Whole,
        (0, true) => Fragment::First,
        _ => Fragment::Later,
    }
}

/// The limit in a header of options of this length.
fn encap_limit(options: &Bytes<'_>, len: usize) -> Option<u8> {
    let mut at = 2;
    while at < len {
        let kind = options.byte(at).ok()?;
        if kind == 0 {
            at += 1;
            continue;
        }
        let size = usize::from(options.byte(at + 1).ok()?);
        if kind == ENCAP_LIMIT && size == 1 && at + 2 < len {
            return options.byte(at + 2).ok();
        }
        at += 2 + size;
    }
    None
}

/// Ports, or type and code.
fn transport(packet: &mut Packet, at: &Bytes<'_>) {
    match packet.proto {
        TCP | UDP | SCTP => {
            packet.ports = at.word(0).and_then(|from| Ok((from, at.word(2)?))).ok();
        }
        ICMP | ICMPV6 => packet.icmp = at.array::<2>(0).map(|[kind, code]| (kind, code)).ok(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ipv4(proto: u8, place: u16, payload: &[u8]) -> Vec<u8> {
        let len = 20 + payload.len() as u16;
        let mut bytes = vec![0x45, 0, 0, 0, 0, 1, 0, 0, 64, proto, 0, 0];
        bytes[2..4].copy_from_slice(&len.to_be_bytes());
        bytes[6..8].copy_from_slice(&place.to_be_bytes());
        bytes.extend([10, 0, 0, 1, 10, 0, 0, 2]);
        bytes.extend(payload);
        bytes
    }

    fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x60, 0, 0, 0, 0, 0, next, 64];
        bytes[4..6].copy_from_slice(&(payload.len() as u16).to_be_bytes());
        bytes.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn ports_and_types_are_found_behind_every_header() {
        let udp = [0, 53, 0x10, 0];
        let packet = Packet::parse(Way::Out, &ipv4(UDP, 0, &udp)).unwrap();
        assert_eq!((packet.ports, packet.fragment), (Some((53, 4096)), Fragment::Whole));
        assert_eq!(packet.len, 24);

        // Destination options with a limit of 3 behind padding, then a fragment.
        let options = [FRAGMENT, 0, 1, 0, ENCAP_LIMIT, 1, 3, 0];
        let first = [UDP, 0, 0, 1, 0, 0, 0, 9];
        let bytes = ipv6(DESTINATION, &[&options[..], &first, &udp].concat());
        let packet = Packet::parse(Way::Out, &bytes).unwrap();
        assert_eq!((packet.proto, packet.encap_limit), (UDP, Some(3)));
        assert_eq!((packet.ports, packet.fragment), (Some((53, 4096)), Fragment::First));

        let packet = Packet::parse(Way::In, &ipv6(ICMPV6, &[128, 0])).unwrap();
        assert_eq!(packet.icmp, Some((128, 0)));
    }

    #[test]
    fn later_fragments_and_cut_packets_show_no_ports() {
        let packet = Packet::parse(Way::Out, &ipv4(UDP, 0x2001, &[0, 53, 0, 54])).unwrap();
        assert_eq!((packet.ports, packet.fragment), (None, Fragment::Later));
        let packet = Packet::parse(Way::Out, &ipv4(TCP, 0, &[0, 53])).unwrap();
        assert_eq!((packet.proto, packet.ports), (TCP, None));
    }

    #[test]
    fn what_arrives_in_a_packet_comes_through_a_tunnel() {
        let inner = ipv6(TCP, &[0, 1, 0, 2]);
        let packet = Packet::parse_arriving(&ipv4(IPV6, 0, &inner)).unwrap();
        let path =
            Path::Outer { local: "10.0.0.2".parse().unwrap(), remote: "10.0.0.1".parse().unwrap() };
        assert_eq!((packet.path, packet.ports), (path, Some((1, 2))));
        // The end of the inner header is missing.
        let cut = ipv4(IPV6, 0, &inner[..39]);
        assert_eq!(Packet::parse_arriving(&cut), Err(BadPacket::Short { len: 39, header: 0 }));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let udp = ipv4(UDP, 0, &[0; 8]);
        let options =
            ipv6(DESTINATION, &[UDP, 1, ENCAP_LIMIT, 1, 0, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for whole in [udp, options] {
            for len in 0..whole.len() {
                for (at, value) in (0..len).flat_map(|at| [(at, 0), (at, 0xff), (at, 0x40)]) {
                    let mut bytes = whole[..len].to_vec();
                    bytes[at] = value;
                    let _ = Packet::parse_arriving(&bytes);
                }
            }
        }
        assert_eq!(Packet::parse(Way::In, &[]), Err(BadPacket::Version));
        assert_eq!(Packet::parse(Way::In, &[0x41; 40]), Err(BadPacket::Length { header: 0 }));
    }
}
