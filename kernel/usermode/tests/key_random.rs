// SPDX-License-Identifier: MIT OR Apache-2.0

//! Random `PF_KEY` requests, mixed with tables of algorithms and packets: nothing panics, and
//! what comes back is well-formed.

mod common;

use common::damage::damage;
use common::links::{HERE, Host, THERE};
use common::traffic::{SPI_IN, arriving, association, out, tunnel_rule, with_tunnel};
use common::{ESP, addr};
use illumos_ipsec::model::{Lifetime, Namespace, Sa, SaType, default_algorithms};
use illumos_ipsec::wire::key::{
    AddressExt, Ext, ExtType, HEADER_LEN, IdentityExt, KmProto, Message, MsgType,
};
use illumos_ipsec::wire::namespace::NamespaceExt;
use illumos_ipsec::wire::policy::update_algorithms;
use ipsec_usermode::KernelKind;
use ipsec_usermode::packet::{Packet, Protection, Spis};
use proptest::collection::vec;
use proptest::prelude::*;

fn address(kind: ExtType, text: &str) -> Ext {
    Ext::Address(kind, AddressExt::new(addr(text), 0, 0))
}

/// What can stand in a request beside what it needs.
fn more() -> Vec<Ext> {
    let times = Lifetime { addtime: 100, usetime: 50, ..Lifetime::default() };
    vec![
        Ext::Lifetime(ExtType::LIFETIME_HARD, times),
        Ext::Lifetime(ExtType::X_LIFETIME_IDLE, times),
        Ext::Identity(ExtType::IDENTITY_SRC, IdentityExt::new(2, b"a.example")),
        Ext::KmCookie { proto: KmProto::IKE, cookie: 7 },
        Ext::Pair(SPI_IN),
        Ext::ReplayValue { value32: 9, value64: 0 },
        address(ExtType::X_ADDRESS_NATT_LOC, "192.0.2.77"),
        address(ExtType::X_ADDRESS_NATT_REM, "192.0.2.78"),
        address(ExtType::X_ADDRESS_INNER_SRC, "2001:db8::1"),
        address(ExtType::X_ADDRESS_INNER_DST, "::ffff:10.0.0.1"),
        Ext::Edump { reserved: 0, timeout: 5 },
        Ext::Ereg(vec![3, 2, 0, 0]),
        Ext::SpiRange { min: 1, max: u32::MAX, reserved: 0 },
        Ext::Namespace(NamespaceExt::Name(Namespace::new("a").unwrap())),
    ]
}

/// Well-formed requests to begin with.
fn seeds() -> Vec<Message> {
    let mut seeds = Vec::new();
    for (src, dst, tunnel) in
        [(HERE, THERE, true), (THERE, HERE, true), (THERE, HERE, false), ("0.0.0.0", HERE, false)]
    {
        let mut sa = association(SPI_IN, src, dst, tunnel);
        seeds.push(sa.add_request());
        sa.kind = SaType::AH;
        (sa.encr, sa.encr_key) = (0, None);
        seeds.push(sa.add_request());
    }
    let mut signature = Sa::new(SaType::TCPSIG, 0, addr(HERE), addr(THERE));
    (signature.auth, signature.auth_string) = (1, Some(b"secret".to_vec().into()));
    seeds.push(signature.add_request());
    for seed in seeds.clone() {
        for kind in (1..=15).map(MsgType) {
            let mut other = seed.clone();
            other.header.kind = kind;
            seeds.push(other.clone());
            // As it is asked for without an association, or without anything.
            other.exts.retain(|ext| matches!(ext, Ext::Address(..)));
            seeds.push(other.clone());
            other.exts.clear();
            seeds.push(other);
        }
    }
    seeds
}

/// A seed with more extensions, some bytes overwritten, words cut off or put behind, and a
/// length that may fit.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let more = prop::sample::subsequence(more(), 0..4);
    let seed = prop::sample::select(seeds());
    (seed, more, damage(32)).prop_map(|(seed, more, damage)| {
        damage.done_to(more.into_iter().fold(seed, Message::with).encode().to_vec())
    })
}

/// Packets of the tunnel, with whatever SPIs.
fn packets(host: &mut Host, spi: u32) {
    let spis = Spis { ah: Some(spi), esp: Some(spi) };
    let protection = Some(Protection { spis, ..Protection::default() });
    host.kernel.deliver(&out("tun0"));
    host.kernel.deliver(&Packet { protection, ..arriving("tun0") });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_request_panics_and_every_message_is_well_formed(
        kind in prop_oneof![Just(KernelKind::Modified), Just(KernelKind::Unmodified)],
        requests in vec((0..2usize, request(), 0..20u8), 1..60),
        params in vec(any::<u16>(), 0..4),
        noise in vec(any::<u8>(), 0..100),
    ) {
        let mut host = with_tunnel(kind);
        host.policy(&tunnel_rule(5, ESP));
        let conns = [host.kernel.open_key(), host.kernel.open_key()];
        host.kernel.request(conns[0], &noise);
        for (conn, request, other) in requests {
            host.kernel.request(conns[conn], &request);
            match other {
                0 => {
                    let mut algorithms = default_algorithms();
                    algorithms.iter_mut().for_each(|alg| alg.params.clone_from(&params));
                    host.policy(&update_algorithms(&algorithms, &[]));
                }
                1 => host.kernel.set_time(host.kernel.time() + 60),
                2 => packets(&mut host, SPI_IN),
                _ => {}
            }
            for conn in conns {
                while let Some(message) = host.kernel.next_reply(conn) {
                    prop_assert!(message.len() >= HEADER_LEN && message.len() % 8 == 0);
                    let words = u16::from_ne_bytes([message[4], message[5]]);
                    prop_assert_eq!(usize::from(words) * 8, message.len());
                }
                prop_assert!(host.kernel.wants_input(conn));
            }
        }
    }
}
