// SPDX-License-Identifier: MIT OR Apache-2.0

//! What `ipseckey` saves, it loads back to the same associations: random ones, in the
//! user-mode kernel, with the real command.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use illumos_ipsec::model::{
    Identity, InnerSelector, Lifetime, Prefix, Sa, SaEnd, SaFlags, SaKey, SaType,
};
use illumos_ipsec::sys::System;
use illumos_ipsec::sys::key::KeyClient;
use proptest::prelude::*;
use system_tests::lab::Lab;

/// Bits of authentication keys by number, and of ciphers with their salt.
const AUTH: &[(u8, u16)] = &[(2, 128), (3, 160), (5, 256), (6, 384), (7, 512)];
const CIPHERS: &[(u8, u16, u16)] = &[
    (7, 128, 0),
    (11, 0, 0),
    (12, 128, 0),
    (12, 192, 0),
    (12, 256, 0),
    (14, 128, 24),
    (16, 256, 24),
    (18, 128, 32),
    (20, 256, 32),
];

fn key(bits: u16, salt_bits: u16, seed: u8) -> SaKey {
    let len = usize::from(bits + salt_bits) / 8;
    let bytes: Vec<u8> = (0..len).map(|at| (at as u8).wrapping_mul(31) ^ seed | 1).collect();
    SaKey { bits, salt_bits, bytes: bytes.into() }
}

fn address(v6: bool) -> impl Strategy<Value = IpAddr> {
    let octet = || 1..=254_u8;
    prop_oneof![
        (octet(), octet()).prop_map(move |(a, b)| match v6 {
            true => IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, a.into(), 0, 0, 0, 0, b.into())),
            false => IpAddr::from(Ipv4Addr::new(192, 0, a, b)),
        }),
        // This host.
        Just(if v6 { "2001:db8::1" } else { "10.1.1.1" }.parse().expect("an address")),
    ]
}

fn lifetime() -> impl Strategy<Value = Lifetime> {
    let small = || prop_oneof![Just(0_u64), 1_000_u64..10_000_000_000];
    (any::<u32>(), small(), small(), small()).prop_map(|(allocations, bytes, addtime, usetime)| {
        Lifetime { allocations, bytes, addtime, usetime }
    })
}

fn identity() -> impl Strategy<Value = Option<Identity>> {
    let text = prop_oneof![
        "[a-z]{1,8}\\.[a-z]{2}",
        "[ -~]{1,20}",
        prop::collection::vec(1_u8..=255, 1..12)
            .prop_map(|octets| { octets.into_iter().map(char::from).collect::<String>() }),
    ];
    prop::option::of((1_u16..10, text).prop_map(|(kind, text)| Identity {
        kind,
        id: 0,
        text: text.chars().map(|c| c as u8).filter(|octet| *octet != 0).collect(),
    }))
}

prop_compose! {
    fn inner(v6: bool)(
        lens in (0_u8..=32, 0_u8..=32),
        ports in (any::<u16>(), any::<u16>()),
        proto in any::<u8>(),
        some_ports in any::<bool>(),
    ) -> InnerSelector {
        let any: IpAddr = if v6 { "fd00::" } else { "10.0.0.0" }.parse().expect("an address");
        let none: IpAddr = if v6 { "::" } else { "0.0.0.0" }.parse().expect("an address");
        let prefix = |len: u8| {
            // Host bits do not count, so there are none.
            let (addr, len) = if len >= 8 { (any, len) } else { (none, 0) };
            Prefix::new(addr, len).expect("a prefix")
        };
        let port = |port| if some_ports { port } else { 0 };
        InnerSelector {
            src: prefix(lens.0),
            src_port: port(ports.0),
            dst: prefix(lens.1),
            dst_port: port(ports.1),
            proto,
        }
    }
}

prop_compose! {
    fn association(v6: bool)(
        spi in 1..u32::MAX,
        esp in any::<bool>(),
        ends in (address(v6), address(v6)),
        algs in (0..AUTH.len(), 0..CIPHERS.len(), any::<bool>(), any::<u8>()),
        limits in (lifetime(), lifetime(), any::<bool>()),
        ports in prop::option::of((any::<u16>(), any::<u16>(), any::<u8>())),
        inner in prop::option::of(inner(v6)),
        direction in 0..4_u32,
        replay in any::<u8>(),
        natt in prop::option::of(1..u16::MAX),
        identities in (identity(), identity()),
    ) -> Sa {
        let kind = if esp { SaType::ESP } else { SaType::AH };
        let mut sa = Sa::new(kind, spi, ends.0, ends.1);
        let (auth, bits) = AUTH[algs.0];
        let (cipher, cipher_bits, salt) = CIPHERS[algs.1];
        if !esp || algs.2 || cipher == 11 {
            (sa.auth, sa.auth_key) = (auth, Some(key(bits, 0, algs.3)));
        }
        if esp {
            sa.encr = cipher;
            sa.encr_key = (cipher != 11).then(|| key(cipher_bits, salt, !algs.3));
        }
        sa.replay_window = replay;
        let (hard, idle, limited) = limits;
        if limited {
            // The kernel shortens soft limits of time by chance, and idle ones may not be
            // longer than others.
            sa.hard = hard;
            sa.soft = Lifetime { addtime: 0, bytes: hard.bytes / 2, ..hard };
            sa.idle = Lifetime { allocations: 0, bytes: 0, addtime: 0, usetime: 0 };
            if hard.addtime == 0 && hard.usetime == 0 {
                sa.idle = Lifetime { allocations: 0, bytes: 0, ..idle };
                sa.idle.addtime &= u64::from(u32::MAX);
                sa.idle.usetime &= u64::from(u32::MAX);
            }
        }
        match inner {
            Some(inner) => {
                sa.inner = Some(inner);
                sa.proto = if v6 { 41 } else { 4 };
            }
            None => {
                if let Some((src, dst, proto)) = ports {
                    (sa.src.port, sa.dst.port, sa.proto) = (src, dst, proto);
                }
            }
        }
        sa.flags = [
            SaFlags::empty(),
            SaFlags::INBOUND,
            SaFlags::OUTBOUND,
            SaFlags::INBOUND | SaFlags::OUTBOUND,
        ][direction as usize];
        if esp && !v6 {
            let addr = "203.0.113.9".parse().expect("an address");
            sa.natt_remote = natt.map(|port| SaEnd { addr, port });
        }
        (sa.src_identity, sa.dst_identity) = identities;
        sa
    }
}

/// What there is, by what it is found by.
fn dumped(client: &mut KeyClient) -> BTreeMap<(u8, u32, IpAddr), Sa> {
    let dump = client.dump(SaType::UNSPEC).expect("a dump");
    dump.map(|message| {
        let mut sa = Sa::from_message(&message.expect("a message")).expect("an association");
        sa.current = Lifetime::default();
        ((sa.kind.0, sa.spi, sa.dst.addr), sa)
    })
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_saved_loads_back_to_the_same(
        all in prop::collection::vec(prop_oneof![association(false), association(true)], 1..12),
        pair in any::<bool>(),
    ) {
        let lab = Lab::new();
        let mut client = KeyClient::new(System::lab(lab.path()).open_key().expect("PF_KEY"));
        let mut added = 0;
        for sa in &all {
            // Two may be the same by chance.
            added += usize::from(client.request(sa.add_request()).is_ok());
        }
        prop_assert!(added > 0, "the kernel takes none of {all:?}");
        if pair {
            let (here, there) = ("10.1.1.1".parse().unwrap(), "198.51.100.1".parse().unwrap());
            let mut one = Sa::new(SaType::AH, 0x77, here, there);
            (one.auth, one.auth_key) = (2, Some(key(128, 0, 1)));
            let mut two = Sa::new(SaType::AH, 0x78, there, here);
            (two.auth, two.auth_key, two.pair) = (2, Some(key(128, 0, 2)), Some(0x77));
            for sa in [one, two] {
                prop_assert!(client.request(sa.add_request()).is_ok());
            }
        }
        let before = dumped(&mut client);
        let _ = lab.ipseckey(&["-s", "saved"]).exits(0);
        client.flush(SaType::UNSPEC).expect("a flush");
        prop_assert!(dumped(&mut client).is_empty());
        let done = lab.ipseckey(&["-n", "-f", "saved"]);
        prop_assert_eq!(done.code, Some(0), "{}", done.stdout);
        let after = dumped(&mut client);
        prop_assert_eq!(after, before);
    }
}
