// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which rule a packet meets and what that makes of it, on tunnels that do not require
//! IPsec and outside of tunnels (`spec/iptun_ioctl.md` sections 11 and 12,
//! `spec/pf_policy.md` section 8).

mod common;

use common::links::*;
use common::traffic::*;
use common::*;
use illumos_ipsec::model::{LinkClass, TunnelMode, TunnelType};
use illumos_ipsec::wire::dlmgmt::LinkFlags;
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::iptun::{self, Kparams};
use illumos_ipsec::wire::policy::{AttrTag, Ext, Message, RuleFlags};
use ipsec_usermode::packet::{Clear, Fragment, Outcome, Packet, Path, Protection, Reason, Used};
use ipsec_usermode::{KernelKind, Way};

const KINDS: [KernelKind; 2] = [KernelKind::Modified, KernelKind::Unmodified];

/// A host with a plumbed tunnel that requires nothing.
fn plain(kind: KernelKind) -> Host {
    let mut host = Host::new(kind);
    let link = host.tunnel("tun0", false);
    host.kernel.plumb(link);
    host
}

fn system(flags: RuleFlags, priority: u32, action: &[(AttrTag, u32)], exts: &[Ext]) -> Message {
    exts.iter().cloned().fold(add(ACTIVE, flags, priority, action), Message::with)
}

fn used(id: u8, bits: u16) -> Option<Used> {
    Some(Used { id, bits: Some(bits) })
}

#[test]
fn a_tunnel_has_to_exist_and_to_run() {
    for kind in KINDS {
        let mut host = Host::new(kind);
        assert_eq!(outcome(&host, &out("tun0")), drops(Reason::NoLink));
        assert_eq!(outcome(&host, &arriving("tun0")), drops(Reason::NoLink));
        assert_eq!(outcome(&host, &from_outside()), drops(Reason::NoTunnel));
        let link = host.tunnel("tun0", false);
        assert_eq!(outcome(&host, &out("tun0")), drops(Reason::NotRunning));
        // It is received and accepted, but nobody is there to take it.
        assert_eq!(outcome(&host, &from_outside()), drops(Reason::NoInterface));
        host.kernel.plumb(link);
        assert_eq!(outcome(&host, &out("tun0")), clear(Clear::NoRule));
        assert_eq!(outcome(&host, &from_outside()), clear(Clear::NoRule));
        host.kernel.unplumb(link);
        assert_eq!(outcome(&host, &out("tun0")), drops(Reason::NotRunning));
    }
}

#[test]
fn what_leaves_meets_the_rule_with_the_largest_priority() {
    for kind in KINDS {
        let mut host = plain(kind);
        host.policy(&tunnel_rule(5, ESP));
        host.policy(&tunnel_rule(7, DROP).with(proto(6)));
        host.policy(&tunnel_rule(9, PASS).with(remote("10.0.1.1/32")));
        let verdict = host.kernel.policy_verdict(&out("tun0"));
        assert_eq!(verdict.outcome, clear(Clear::Rule));
        let matched = verdict.matched.expect("a rule");
        assert_eq!(matched.rule.priority, 9);
        assert_eq!((matched.head, matched.mode), (Some(name("tun0")), Some(TunnelMode::Tunnel)));
        let elsewhere = Packet { destination: addr("10.0.1.2"), ..out("tun0") };
        assert_eq!(mode(&host, &elsewhere), Some(TunnelMode::Tunnel));
        assert_eq!(outcome(&host, &Packet { proto: 6, ..elsewhere.clone() }), drops(Reason::Rule));
        assert_eq!(mode(&host, &out6("tun0")), Some(TunnelMode::Tunnel));
    }
}

#[test]
fn in_tunnel_mode_what_no_rule_is_about_is_dropped_both_ways() {
    for kind in KINDS {
        let mut host = plain(kind);
        host.policy(&tunnel_rule(5, ESP).with(remote("172.16.0.0/12")));
        assert_eq!(outcome(&host, &out("tun0")), drops(Reason::NoRule));
        assert_eq!(outcome(&host, &arriving("tun0")), drops(Reason::NoRule));
        assert_eq!(outcome(&host, &secured(arriving("tun0"))), drops(Reason::NoRule));
        assert_eq!(outcome(&host, &out6("tun0")), drops(Reason::NoRule));
    }
}

#[test]
fn transport_mode_falls_back_to_the_system_for_what_arrives() {
    for kind in KINDS {
        let mut host = plain(kind);
        host.policy(&in_tunnel(add(ACTIVE, OUT, 5, ESP), "tun0"));
        assert_eq!(mode(&host, &out("tun0")), Some(TunnelMode::Transport));
        // The way in has no rule.
        assert_eq!(outcome(&host, &arriving("tun0")), clear(Clear::NoRule));
        assert_eq!(outcome(&host, &secured(arriving("tun0"))), drops(Reason::GotSecure));
        // Now the system has one for the outer header.
        host.policy(&system(IN, 5, ESP, &[proto(4), remote("198.51.100.20/32")]));
        assert_eq!(outcome(&host, &arriving("tun0")), drops(Reason::GotClear));
        let verdict = host.kernel.policy_verdict(&secured(arriving("tun0")));
        assert!(matches!(verdict.outcome, Outcome::Protect { .. }));
        assert_eq!(verdict.matched.expect("a rule").head, None);
        // There is policy of the system now, but no rule for IPv6 inside.
        let six = Packet { source: addr(PEER6), destination: addr(INNER6), ..arriving("tun0") };
        assert_eq!(outcome(&host, &six), clear(Clear::NoRule));
        assert_eq!(outcome(&host, &secured(six)), drops(Reason::GotSecure));
        // And the other way round, a tunnel with the way in only.
        let mut host = plain(kind);
        host.policy(&in_tunnel(add(ACTIVE, IN, 5, ESP), "tun0"));
        assert_eq!(outcome(&host, &out("tun0")), drops(Reason::NoRule));
    }
}

#[test]
fn a_tunnel_without_policy_is_under_that_of_the_system_on_the_outer_header() {
    for kind in KINDS {
        let mut host = plain(kind);
        host.policy(&system(BOTH, 5, ESP, &[proto(4)]));
        assert_eq!(mode(&host, &out("tun0")), Some(TunnelMode::Transport));
        assert_eq!(outcome(&host, &out6("tun0")), clear(Clear::NoRule));
        assert_eq!(outcome(&host, &arriving("tun0")), drops(Reason::GotClear));
        assert!(protects(&host, &secured(arriving("tun0"))));
        host.policy(&system(BOTH, 9, DROP, &[remote("198.51.100.20/32")]));
        assert_eq!(outcome(&host, &out("tun0")), drops(Reason::Rule));
        assert_eq!(outcome(&host, &out6("tun0")), drops(Reason::Rule));
        assert_eq!(outcome(&host, &arriving("tun0")), drops(Reason::Rule));
        // Rules about inner addresses see nothing of the outer header.
        let mut host = plain(kind);
        host.policy(&system(BOTH, 5, DROP, &[remote("10.0.1.1/32")]));
        assert_eq!(outcome(&host, &out("tun0")), clear(Clear::NoRule));
    }
}

#[test]
fn outside_of_tunnels_only_the_system_counts() {
    for kind in KINDS {
        let mut host = plain(kind);
        host.policy(&tunnel_rule(5, ESP));
        let sent = udp(Way::Out, INNER, PEER);
        let got = udp(Way::In, PEER, INNER);
        assert_eq!(outcome(&host, &sent), clear(Clear::NoRule));
        assert_eq!(outcome(&host, &got), clear(Clear::NoRule));
        assert_eq!(outcome(&host, &secured(got.clone())), drops(Reason::GotSecure));
        host.policy(&system(BOTH, 5, ESP, &[remote_port(53)]));
        assert_eq!(mode(&host, &sent), Some(TunnelMode::Transport));
        assert_eq!(host.kernel.policy_verdict(&sent).link, None);
        // From port 4096 it arrives.
        assert_eq!(outcome(&host, &got), clear(Clear::NoRule));
        let reply = Packet { ports: Some((53, 4096)), ..got };
        assert_eq!(outcome(&host, &reply), drops(Reason::GotClear));
        assert!(protects(&host, &secured(reply.clone())));
        // Policy sees whole datagrams.
        assert_eq!(outcome(&host, &part(Fragment::Later, reply)), Outcome::Held);
        // And nobody opens what is still closed.
        let closed = Packet { proto: 50, ports: None, ..udp(Way::In, PEER, INNER) };
        assert_eq!(outcome(&host, &closed), drops(Reason::NoAssociation));
    }
}

#[test]
fn the_first_alternative_decides_about_what_leaves_and_any_about_what_arrives() {
    type Row = (&'static [(AttrTag, u32)], fn(&Outcome) -> bool, fn(&Outcome) -> bool);
    let protect: fn(&Outcome) -> bool = |outcome| matches!(outcome, Outcome::Protect { .. });
    let pass: fn(&Outcome) -> bool = |outcome| *outcome == clear(Clear::Rule);
    let refused: fn(&Outcome) -> bool = |outcome| *outcome == drops(Reason::GotClear);
    let said: fn(&Outcome) -> bool = |outcome| *outcome == drops(Reason::Rule);
    let rows: [Row; 6] = [
        (ESP, protect, refused),
        (PASS, pass, pass),
        (DROP, said, said),
        (ESP_OR_PASS, protect, pass),
        (PASS_OR_ESP, pass, pass),
        (NO_TYPE, pass, refused),
    ];
    for kind in KINDS {
        for (action, leaves, arrives) in rows {
            for transport in [false, true] {
                let mut host = plain(kind);
                let rule = if transport { transport_rule(action) } else { tunnel_rule(5, action) };
                host.policy(&rule);
                assert!(leaves(&outcome(&host, &out("tun0"))), "{action:?}");
                assert!(arrives(&outcome(&host, &arriving("tun0"))), "{action:?}");
            }
        }
    }
}

#[test]
fn what_arrives_protected_has_to_be_protected_as_the_rule_says() {
    use AttrTag as T;
    let both: &[(AttrTag, u32)] = &[
        (T::TYPE, 3),
        (T::FLAGS, 0x43),
        (T::AH_AUTH, 5),
        (T::ESP_ENCR, 12),
        (T::ENCR_MINBITS, 192),
        (T::ESP_AUTH, 5),
        (T::END, 0),
    ];
    let good = Protection {
        ah: used(5, 256),
        esp: used(12, 256),
        esp_auth: used(5, 256),
        ..Protection::default()
    };
    let tunnel = Some(TunnelMode::Tunnel);
    let transport = Some(TunnelMode::Transport);
    let rows = [
        (both, good, None),
        (both, Protection { mode: tunnel, ..good }, None),
        (both, Protection { mode: transport, ..good }, Some(Reason::Mode)),
        (both, Protection { ah: None, ..good }, Some(Reason::GotClear)),
        (both, Protection { esp: None, esp_auth: None, ..good }, Some(Reason::GotClear)),
        (both, Protection { ah: used(7, 512), ..good }, Some(Reason::AhAlgorithm)),
        (both, Protection { esp: used(3, 192), ..good }, Some(Reason::EspCipher)),
        (both, Protection { esp_auth: used(7, 512), ..good }, Some(Reason::EspAuthentication)),
        (both, Protection { esp_auth: None, ..good }, Some(Reason::EspAuthentication)),
        (both, Protection { self_encap: true, ..good }, Some(Reason::SelfEncapsulation)),
        (ESP, good, Some(Reason::UnexpectedAh)),
        (AH, good, Some(Reason::UnexpectedEsp)),
        (AH, Protection { esp: None, ..good }, None),
        (ESP, esp(12, 5), None),
        (PASS, esp(12, 5), Some(Reason::GotSecure)),
        (DROP, esp(12, 5), Some(Reason::Rule)),
        (ESP_OR_PASS, esp(12, 5), None),
        (PASS_OR_ESP, esp(12, 5), None),
        // What the last alternative has against it.
        (ESP_OR_PASS, esp(3, 5), Some(Reason::GotSecure)),
        (NO_TYPE, esp(3, 2), None),
    ];
    for kind in KINDS {
        for (action, protection, reason) in rows {
            let mut host = plain(kind);
            host.policy(&tunnel_rule(5, action));
            let packet = Packet { protection: Some(protection), ..arriving("tun0") };
            match reason {
                Some(reason) => {
                    assert_eq!(outcome(&host, &packet), drops(reason), "{action:?} {protection:?}");
                }
                None => assert!(protects(&host, &packet), "{action:?} {protection:?}"),
            }
        }
        let mut host = plain(kind);
        host.policy(&tunnel_rule(5, both));
        let short = Protection { esp: used(12, 128), ..good };
        let packet = Packet { protection: Some(short), ..arriving("tun0") };
        match kind {
            KernelKind::Modified => assert_eq!(outcome(&host, &packet), drops(Reason::KeySize)),
            KernelKind::Unmodified => assert!(protects(&host, &packet)),
        }
    }
}

#[test]
fn some_icmp_is_believed_with_less_protection_but_not_with_none() {
    for kind in KINDS {
        let mut host = plain(kind);
        host.policy(&tunnel_rule(5, AH));
        let got = |proto, icmp| Packet {
            proto,
            ports: None,
            icmp: Some(icmp),
            protection: Some(esp(12, 5)),
            ..arriving("tun0")
        };
        for (proto, icmp, believed) in [
            (1, (0, 0), true),
            (1, (8, 0), false),
            (1, (3, 4), true),
            (1, (3, 3), false),
            (1, (11, 0), true),
            (1, (5, 0), false),
            (58, (129, 0), true),
            (58, (128, 0), false),
            (58, (2, 0), true),
            (58, (4, 0), false),
        ] {
            let packet = got(proto, icmp);
            let mut clear = packet.clone();
            clear.protection = None;
            assert_eq!(outcome(&host, &clear), drops(Reason::GotClear));
            assert_eq!(protects(&host, &packet), believed, "{proto} {icmp:?}");
        }
    }
}

#[test]
fn ports_are_looked_at_once_a_rule_has_one_and_then_parts_of_datagrams_wait() {
    for kind in KINDS {
        let mut host = plain(kind);
        host.policy(&tunnel_rule(5, ESP));
        for fragment in [Fragment::First, Fragment::Later] {
            assert!(protects(&host, &part(fragment, out("tun0"))));
            assert!(protects(&host, &part(fragment, secured(arriving("tun0")))));
            assert_eq!(outcome(&host, &part(fragment, arriving("tun0"))), drops(Reason::GotClear));
        }
        host.policy(&tunnel_rule(9, PASS).with(remote_port(53)));
        assert_eq!(outcome(&host, &out("tun0")), clear(Clear::Rule));
        assert!(protects(&host, &Packet { ports: Some((53, 54)), ..out("tun0") }));
        for fragment in [Fragment::First, Fragment::Later] {
            assert_eq!(outcome(&host, &part(fragment, out("tun0"))), Outcome::Held);
            assert_eq!(outcome(&host, &part(fragment, secured(arriving("tun0")))), Outcome::Held);
            // A part in clear does not even wait, whatever the rules allow.
            assert_eq!(outcome(&host, &part(fragment, arriving("tun0"))), drops(Reason::GotClear));
        }
    }
}

#[test]
fn without_ports_a_tunnel_sees_no_icmp_type_and_of_ipv6_no_protocol() {
    for kind in KINDS {
        let mut host = plain(kind);
        host.policy(&tunnel_rule(5, ESP).with(proto(17)));
        assert!(protects(&host, &out("tun0")));
        // The protocol of IPv6 that leaves is not looked for; what arrives is.
        assert_eq!(outcome(&host, &out6("tun0")), drops(Reason::NoRule));
        let six = Packet { source: addr(PEER6), destination: addr(INNER6), ..arriving("tun0") };
        assert!(protects(&host, &secured(six)));
        // A rule with a port changes that.
        host.policy(&tunnel_rule(4, ESP).with(remote_port(99)));
        assert!(protects(&host, &out6("tun0")));
    }
}

#[test]
fn errors_about_our_packets_go_to_the_system_even_in_tunnel_mode() {
    for kind in KINDS {
        let mut host = plain(kind);
        // The addresses are those of the packet that we have sent.
        host.policy(&tunnel_rule(5, ESP).with(remote("10.0.1.1/32")));
        assert_eq!(outcome(&host, &quoted("tun0", false)), drops(Reason::GotClear));
        assert!(protects(&host, &secured(quoted("tun0", false))));
        let other = Packet { destination: addr("10.0.1.2"), ..quoted("tun0", false) };
        assert_eq!(outcome(&host, &other), clear(Clear::NoRule));
        assert_eq!(outcome(&host, &secured(other.clone())), drops(Reason::GotSecure));
        host.policy(&system(IN, 5, DROP, &[]));
        assert_eq!(outcome(&host, &other), drops(Reason::Rule));
    }
}

#[test]
fn protected_packets_of_a_tunnel_without_any_policy_are_dropped_but_for_own_errors() {
    for kind in KINDS {
        let host = plain(kind);
        assert_eq!(outcome(&host, &secured(arriving("tun0"))), drops(Reason::GotSecure));
        assert_eq!(outcome(&host, &secured(quoted("tun0", false))), drops(Reason::GotSecure));
        assert_eq!(outcome(&host, &secured(quoted("tun0", true))), clear(Clear::OwnError));
    }
}

#[test]
fn six_to_four_checks_what_is_inside_against_what_is_outside() {
    // 192.0.2.10 and 198.51.100.20 as sites.
    let (here, there) = ("2002:c000:20a::1", "2002:c633:6414::1");
    for kind in KINDS {
        let mut host = Host::new(kind);
        let link = host.link_with("six0", LinkClass::IPTUN, LinkFlags::ACTIVE).expect("a new link");
        let params = Kparams::new(link).with_type(TunnelType::SixToFour).with_local(ip(HERE));
        assert_eq!(host.create(&params), Errno::OK);
        host.kernel.plumb(link);
        let sent = |from: &str, to: &str| Packet {
            path: Path::Tunnel(name("six0")),
            ..udp(Way::Out, from, to)
        };
        let got = |remote: &str, from: &str, to: &str| outer(remote, udp(Way::In, from, to));
        let refused = drops(Reason::SixToFour);
        let passes = clear(Clear::NoRule);
        let rows = [
            (sent(here, there), passes, passes),
            (sent(there, here), refused, refused),
            (sent(here, here), refused, refused),
            (sent(INNER6, there), refused, refused),
            (sent(INNER, PEER), refused, refused),
            // Through the relay only.
            (sent(here, PEER6), refused, passes),
            (got(THERE, there, here), passes, passes),
            (got(ELSEWHERE, there, here), refused, refused),
            (got(THERE, there, "2002:c000:20b::1"), refused, refused),
            (got(THERE, PEER6, here), refused, passes),
        ];
        for (packet, without, _) in &rows {
            assert_eq!(outcome(&host, packet), *without, "{packet:?}");
        }
        let relay = [192, 88, 99, 1];
        assert_eq!(host.ioctl(iptun::SET_6TO4RELAY, &relay).errno, Errno::OK);
        for (packet, _, with) in &rows {
            assert_eq!(outcome(&host, packet), *with, "{packet:?}");
        }
        // Policy of the system sees the outer addresses that follow.
        host.policy(&system(OUT, 5, ESP, &[proto(41), remote("198.51.100.20/32")]));
        assert!(protects(&host, &sent(here, there)));
        assert_eq!(outcome(&host, &sent(here, PEER6)), passes);
    }
}

#[test]
fn an_encapsulation_limit_of_0_ends_the_way_into_an_ipv6_tunnel() {
    let mut host = Host::new(KernelKind::Modified);
    let link = host.link("six0");
    let params = Kparams::new(link)
        .with_type(TunnelType::Ipv6)
        .with_local(ip(HERE6))
        .with_remote(ip(THERE6));
    assert_eq!(host.create(&params), Errno::OK);
    host.kernel.plumb(link);
    for (limit, expected) in [
        (None, clear(Clear::NoRule)),
        (Some(1), clear(Clear::NoRule)),
        (Some(0), drops(Reason::EncapsulationLimit)),
    ] {
        assert_eq!(outcome(&host, &Packet { encap_limit: limit, ..out6("six0") }), expected);
    }
}

#[test]
fn every_packet_is_counted_once() {
    let mut host = plain(KernelKind::Modified);
    host.policy(&tunnel_rule(5, ESP));
    add_keys(&mut host);
    let link = host.inside("tun0").link;
    let packets = [
        out("tun0"),
        out("tun0"),
        arriving("tun0"),
        secured(arriving("tun0")),
        udp(Way::Out, INNER, PEER),
        out("nosuch"),
    ];
    for packet in &packets {
        let expected = host.kernel.verdict(packet);
        assert_eq!(host.kernel.deliver(packet), expected);
    }
    let counters = host.kernel.packet_counters();
    assert_eq!(counters.total(), packets.len() as u64);
    let sent = counters.of(Some(link), Way::Out);
    assert_eq!((sent.protected, sent.total()), (2, 2));
    let got = counters.of(Some(link), Way::In);
    assert_eq!((got.protected, got.dropped[&Reason::GotClear]), (1, 1));
    let rest = counters.of(None, Way::Out);
    assert_eq!((rest.clear[&Clear::NoRule], rest.dropped[&Reason::NoLink]), (1, 1));
    // So does the link.
    let link = host.inside("tun0").counters;
    assert_eq!((link.opackets, link.obytes, link.oerrors), (2, 200, 0));
    assert_eq!((link.ipackets, link.rbytes, link.ierrors), (1, 100, 1));
}
