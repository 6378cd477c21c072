// SPDX-License-Identifier: MIT OR Apache-2.0

//! Packets, and what is expected of them.

use illumos_ipsec::model::{InnerSelector, LinkId, Prefix, Sa, SaKey, SaType, TunnelMode};
use illumos_ipsec::wire::iptun::{KparamFlags, Kparams};
use illumos_ipsec::wire::policy::{AttrTag, Message};
use ipsec_usermode::KernelKind;
use ipsec_usermode::Way;
use ipsec_usermode::packet::{
    Clear, Fragment, Outcome, OuterError, Packet, Path, Protection, Reason, Used,
};

use super::links::{HERE, Host, THERE, ends};
use super::{ACTIVE, BOTH, TUNNEL, add, addr, in_tunnel, name};

/// `drop {}`.
pub(crate) const DROP: &[(AttrTag, u32)] = &[(AttrTag::TYPE, 1), (AttrTag::END, 0)];
/// `ipsec { ... } or pass {}`.
pub(crate) const ESP_OR_PASS: &[(AttrTag, u32)] = &[
    (AttrTag::TYPE, 3),
    (AttrTag::FLAGS, 0x42),
    (AttrTag::ESP_ENCR, 12),
    (AttrTag::ESP_AUTH, 5),
    (AttrTag::NEXT, 0),
    (AttrTag::TYPE, 2),
    (AttrTag::END, 0),
];
/// `pass {} or ipsec { ... }`.
pub(crate) const PASS_OR_ESP: &[(AttrTag, u32)] = &[
    (AttrTag::TYPE, 2),
    (AttrTag::NEXT, 0),
    (AttrTag::TYPE, 3),
    (AttrTag::FLAGS, 0x42),
    (AttrTag::ESP_ENCR, 12),
    (AttrTag::ESP_AUTH, 5),
    (AttrTag::END, 0),
];
/// An alternative of no kind.
pub(crate) const NO_TYPE: &[(AttrTag, u32)] = &[(AttrTag::END, 0)];
/// AH with HMAC-SHA-256.
pub(crate) const AH: &[(AttrTag, u32)] =
    &[(AttrTag::TYPE, 3), (AttrTag::FLAGS, 1), (AttrTag::AH_AUTH, 5), (AttrTag::END, 0)];
/// ESP with the null cipher.
pub(crate) const NULL_ESP: &[(AttrTag, u32)] = &[
    (AttrTag::TYPE, 3),
    (AttrTag::FLAGS, 0x42),
    (AttrTag::ESP_ENCR, 11),
    (AttrTag::ESP_AUTH, 5),
    (AttrTag::END, 0),
];

/// Inner addresses.
pub(crate) const INNER: &str = "10.0.0.1";
pub(crate) const PEER: &str = "10.0.1.1";
pub(crate) const INNER6: &str = "2001:db8:a::1";
pub(crate) const PEER6: &str = "2001:db8:b::1";

/// A datagram to port 53.
pub(crate) fn udp(way: Way, source: &str, destination: &str) -> Packet {
    let packet = Packet::new(way, addr(source), addr(destination), 17);
    Packet { ports: Some((4096, 53)), len: 100, ..packet }
}

/// It leaves through a tunnel.
pub(crate) fn out(tunnel: &str) -> Packet {
    Packet { path: Path::Tunnel(name(tunnel)), ..udp(Way::Out, INNER, PEER) }
}

/// The same in IPv6.
pub(crate) fn out6(tunnel: &str) -> Packet {
    Packet { path: Path::Tunnel(name(tunnel)), ..udp(Way::Out, INNER6, PEER6) }
}

/// It arrives through a tunnel, in clear.
pub(crate) fn arriving(tunnel: &str) -> Packet {
    Packet { path: Path::Tunnel(name(tunnel)), ..udp(Way::In, PEER, INNER) }
}

/// It arrives with the outer addresses of [`Host::tunnel`].
pub(crate) fn from_outside() -> Packet {
    outer(THERE, udp(Way::In, PEER, INNER))
}

pub(crate) fn outer(remote: &str, packet: Packet) -> Packet {
    Packet { path: Path::Outer { local: addr(HERE), remote: addr(remote) }, ..packet }
}

/// It came with ESP, AES and SHA-256.
pub(crate) fn secured(packet: Packet) -> Packet {
    Packet { protection: Some(esp(12, 5)), ..packet }
}

pub(crate) fn esp(cipher: u8, auth: u8) -> Protection {
    let used = |id| Some(Used { id, bits: None });
    Protection {
        esp: used(cipher),
        esp_auth: used(auth).filter(|_| auth != 0),
        ..Protection::default()
    }
}

/// SPIs of [`add_keys`].
pub(crate) const SPI_OUT: u32 = 0x100;
pub(crate) const SPI_IN: u32 = 0x200;

/// Associations for all traffic between [`HERE`] and [`THERE`] in tunnel mode: ESP, AES
/// and SHA-256, as [`ESP`](super::ESP) asks for.
pub(crate) fn add_keys(host: &mut Host) {
    let socket = host.kernel.open_key();
    for (spi, src, dst) in [(SPI_OUT, HERE, THERE), (SPI_IN, THERE, HERE)] {
        let request = association(spi, src, dst, true).add_request().encode();
        host.kernel.request(socket, &request);
        let reply = host.kernel.next_reply(socket).unwrap();
        assert_eq!(reply[2], 0, "refused: {reply:x?}");
    }
    host.kernel.close(socket);
}

/// An association of ESP.
pub(crate) fn association(spi: u32, src: &str, dst: &str, tunnel: bool) -> Sa {
    let mut sa = Sa::new(SaType::ESP, spi, addr(src), addr(dst));
    let key = |bits: u16| {
        Some(SaKey { bits, salt_bits: 0, bytes: vec![7; usize::from(bits) / 8].into() })
    };
    (sa.encr, sa.encr_key) = (12, key(128));
    (sa.auth, sa.auth_key) = (5, key(256));
    let any = Prefix::new(addr("0.0.0.0"), 0).unwrap();
    let inner = InnerSelector { src: any, src_port: 0, dst: any, dst_port: 0, proto: 0 };
    sa.inner = tunnel.then_some(inner);
    sa
}

/// What an ICMP error quotes: a packet that left through the tunnel.
pub(crate) fn quoted(tunnel: &str, trusted: bool) -> Packet {
    let packet = Packet { way: Way::In, ..out(tunnel) };
    Packet { error: Some(OuterError { trusted }), ..packet }
}

pub(crate) fn part(fragment: Fragment, packet: Packet) -> Packet {
    Packet { fragment, ..packet }
}

/// It passes protected.
pub(crate) fn protects(host: &Host, packet: &Packet) -> bool {
    matches!(host.kernel.policy_verdict(packet).outcome, Outcome::Protect { .. })
}

/// The mode in which it is protected.
pub(crate) fn mode(host: &Host, packet: &Packet) -> Option<TunnelMode> {
    match host.kernel.policy_verdict(packet).outcome {
        Outcome::Protect { mode, .. } => Some(mode),
        _ => None,
    }
}

pub(crate) fn outcome(host: &Host, packet: &Packet) -> Outcome {
    host.kernel.policy_verdict(packet).outcome
}

pub(crate) fn drops(reason: Reason) -> Outcome {
    Outcome::Drop(reason)
}

pub(crate) fn clear(why: Clear) -> Outcome {
    Outcome::Pass(why)
}

/// A host with a plumbed tunnel `tun0`, which requires IPsec if the kernel has that.
pub(crate) fn with_tunnel(kind: KernelKind) -> Host {
    let mut host = Host::new(kind);
    let link = new_tunnel(&mut host, "tun0");
    host.kernel.plumb(link);
    host
}

/// A tunnel that requires IPsec if the kernel has that.
pub(crate) fn new_tunnel(host: &mut Host, name: &str) -> LinkId {
    let secure = host.kernel.kind() == KernelKind::Modified;
    host.tunnel(name, secure)
}

/// Parameters of a secure tunnel.
pub(crate) fn secure_ends(link: LinkId) -> Kparams {
    let params = ends(link, HERE, THERE);
    Kparams { flags: params.flags | KparamFlags::SECURE, ..params }
}

/// A rule for everything of tun0, in tunnel mode, both ways.
pub(crate) fn tunnel_rule(priority: u32, action: &[(AttrTag, u32)]) -> Message {
    in_tunnel(add(ACTIVE, BOTH | TUNNEL, priority, action), "tun0")
}

/// The same in transport mode.
pub(crate) fn transport_rule(action: &[(AttrTag, u32)]) -> Message {
    in_tunnel(add(ACTIVE, BOTH, 5, action), "tun0")
}
