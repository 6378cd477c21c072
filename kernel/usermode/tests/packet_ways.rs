// SPDX-License-Identifier: MIT OR Apache-2.0

//! Every way in which a packet could leave or enter in clear, by the numbers of
//! `spec/iptun_ioctl.md` sections 15.1 and 15.2.
//!
//! Each is tried on a tunnel that requires IPsec, and, where the kernel without the change
//! leaks, on a plain tunnel of that kernel, to see that the test could fail. Ways around a
//! tunnel cannot be closed in the tunnel; there the tests say what happens.

mod common;

use common::links::*;
use common::traffic::*;
use common::*;
use illumos_ipsec::model::{LinkClass, LinkState, TunnelType};
use illumos_ipsec::wire::dlmgmt::LinkFlags;
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::iptun::{KparamFlags, Kparams};
use illumos_ipsec::wire::policy::{Ext, Message, MsgType, RuleFlags};
use ipsec_usermode::packet::{Clear, Fragment, Outcome, Packet, Reason};
use ipsec_usermode::{KernelKind, Way};

const NEW: KernelKind = KernelKind::Modified;
const OLD: KernelKind = KernelKind::Unmodified;

/// The same on both kernels.
fn on_both(prepare: impl Fn(&mut Host)) -> (Host, Host) {
    let make = |kind| {
        let mut host = with_tunnel(kind);
        prepare(&mut host);
        host
    };
    (make(NEW), make(OLD))
}

fn flush_standby() -> Message {
    in_tunnel(message(MsgType::FLUSH, STANDBY), "tun0")
}

fn system(
    flags: RuleFlags,
    action: &'static [(illumos_ipsec::wire::policy::AttrTag, u32)],
) -> Message {
    add(ACTIVE, flags, 5, action)
}

#[test]
fn o01_no_policy_attached() {
    let (new, old) = on_both(|_| {});
    for packet in [out("tun0"), out6("tun0"), part(Fragment::First, out("tun0"))] {
        assert_eq!(outcome(&new, &packet), drops(Reason::NoPolicy));
        assert_eq!(outcome(&old, &packet), clear(Clear::NoRule), "a leak");
    }
}

#[test]
fn o02_policy_attached_but_not_in_use() {
    type Way = (&'static str, fn(&mut Host));
    let ways: [Way; 4] = [
        ("flushed", |host| host.flush("tun0")),
        ("last rule deleted", |host| {
            for index in host.rules("tun0") {
                host.policy(&in_tunnel(delete_index(ACTIVE, index), "tun0"));
            }
        }),
        ("flipped to empty", |host| {
            host.policy(&in_tunnel(message(MsgType::FLIP, ACTIVE), "tun0"));
        }),
        ("never filled", |host| {
            host.flush("tun0");
            host.policy(&flush_standby());
        }),
    ];
    for (name, empty) in ways {
        let (new, old) = on_both(|host| {
            host.protect("tun0");
            assert!(protects(host, &out("tun0")));
            empty(host);
        });
        assert!(new.inside("tun0").policy.is_some(), "{name}: the head is still attached");
        assert_eq!(outcome(&new, &out("tun0")), drops(Reason::NoPolicy), "{name}");
        assert_eq!(outcome(&old, &out("tun0")), clear(Clear::NoRule), "{name}: a leak");
    }
}

#[test]
fn o03_a_rule_of_the_system_for_the_outer_header_does_not_count() {
    let (mut new, mut old) = on_both(|host| {
        host.policy(&system(BOTH, ESP).with(proto(4)));
    });
    // It may go at any time, so it does not make the tunnel one with policy.
    assert_eq!(outcome(&new, &out("tun0")), drops(Reason::NoPolicy));
    assert!(protects(&old, &out("tun0")));
    for host in [&mut new, &mut old] {
        host.policy(&message(MsgType::FLUSH, ACTIVE));
    }
    assert_eq!(outcome(&new, &out("tun0")), drops(Reason::NoPolicy));
    assert_eq!(outcome(&old, &out("tun0")), clear(Clear::NoRule), "a leak");
}

#[test]
fn o04_rules_that_let_clear_text_out() {
    for action in [PASS, PASS_OR_ESP, NO_TYPE] {
        for rule in [tunnel_rule(5, action), transport_rule(action)] {
            let (new, old) = on_both(|host| {
                host.policy(&rule);
            });
            assert_eq!(outcome(&new, &out("tun0")), drops(Reason::NotProtected), "{action:?}");
            assert_eq!(outcome(&old, &out("tun0")), clear(Clear::Rule), "a leak: {action:?}");
            // Who asks is told which rule it was.
            assert!(new.kernel.policy_verdict(&out("tun0")).matched.is_some());
        }
    }
    // One packet of many: the others stay protected.
    let (new, old) = on_both(|host| {
        host.protect("tun0");
        host.policy(&tunnel_rule(9, PASS).with(remote("10.0.1.1/32")));
    });
    assert_eq!(outcome(&new, &out("tun0")), drops(Reason::NotProtected));
    assert!(protects(&new, &out6("tun0")));
    assert_eq!(outcome(&old, &out("tun0")), clear(Clear::Rule), "a leak");
}

#[test]
fn o05_policy_for_a_part_of_the_traffic() {
    let (new, old) = on_both(|host| {
        host.policy(&tunnel_rule(5, ESP).with(remote("172.16.0.0/12")));
    });
    for host in [new, old] {
        assert_eq!(outcome(&host, &out("tun0")), drops(Reason::NoRule));
        assert_eq!(outcome(&host, &out6("tun0")), drops(Reason::NoRule));
    }
}

#[test]
fn o06_protect_or_pass_never_passes_on_the_way_out() {
    for rule in [tunnel_rule(5, ESP_OR_PASS), transport_rule(ESP_OR_PASS)] {
        let (new, old) = on_both(|host| {
            host.policy(&rule);
        });
        for host in [new, old] {
            assert!(protects(&host, &out("tun0")));
        }
    }
}

#[test]
fn o07_integrity_without_secrecy_is_ipsec() {
    // Who writes such a rule has asked for it by name; it is protection, as in the hooks.
    for action in [AH, NULL_ESP] {
        let (mut new, _) = on_both(|host| {
            host.policy(&tunnel_rule(5, action));
        });
        assert!(protects(&new, &out("tun0")));
        assert_eq!(new.state("tun0"), LinkState::Up);
    }
}

#[test]
fn o08_a_6to4_tunnel_cannot_require_ipsec() {
    let mut host = Host::new(NEW);
    let link = host.link_with("six0", LinkClass::IPTUN, LinkFlags::ACTIVE).expect("a new link");
    let params = Kparams::new(link).with_type(TunnelType::SixToFour).with_local(ip(HERE));
    let secure = Kparams { flags: params.flags | KparamFlags::SECURE, ..params };
    assert_eq!(host.create_secure(&secure), Errno::EINVAL);
    assert_eq!(host.create(&secure), Errno::EINVAL);
    assert!(host.kernel.tunnel(b"six0").is_none(), "nothing is left");
}

#[test]
fn o09_forwarded_packets_meet_the_same_checks() {
    // Neither end is an address of this host.
    let forwarded =
        Packet { source: addr("172.20.0.9"), destination: addr("172.21.0.9"), ..out("tun0") };
    let (new, old) = on_both(|_| {});
    assert_eq!(outcome(&new, &forwarded), drops(Reason::NoPolicy));
    assert_eq!(outcome(&old, &forwarded), clear(Clear::NoRule), "a leak");
}

#[test]
fn o10_packets_written_to_the_link_meet_the_same_checks() {
    // A program that writes to the link needs no interface to be up, and can write what no
    // IP would send.
    let odd = Packet { proto: 255, ports: None, source: addr("0.0.0.0"), ..out("tun0") };
    for plumbed in [false, true] {
        let (new, old) = on_both(|host| {
            let link = host.inside("tun0").link;
            if !plumbed {
                host.kernel.unplumb(link);
            }
        });
        let reason = if plumbed { Reason::NoPolicy } else { Reason::NotRunning };
        assert_eq!(outcome(&new, &odd), drops(reason));
        assert_eq!(
            old.kernel.policy_verdict(&odd).is_clear(),
            plumbed,
            "a leak once it is plumbed"
        );
    }
}

#[test]
fn o11_no_decision_is_remembered() {
    let (mut new, mut old) = on_both(|_| {});
    for _ in 0..3 {
        for host in [&mut new, &mut old] {
            host.protect("tun0");
            assert!(protects(host, &out("tun0")));
            host.flush("tun0");
        }
        assert_eq!(outcome(&new, &out("tun0")), drops(Reason::NoPolicy));
        assert_eq!(outcome(&old, &out("tun0")), clear(Clear::NoRule), "a leak");
    }
}

#[test]
fn o12_errors_that_the_tunnel_sends_back_quote_only_what_it_has_accepted() {
    // They go to the inner source and take no tunnel, under the policy of the system.
    let error = Packet {
        proto: 58,
        icmp: Some((4, 0)),
        ..Packet::new(Way::Out, addr(INNER6), addr(PEER6), 58)
    };
    let (new, old) = on_both(|_| {});
    assert_eq!(outcome(&new, &error), clear(Clear::NoRule));
    // So none may be made for a packet that was not accepted. From outside: an error about
    // an outer packet is dropped first, if it is not protected.
    assert_eq!(outcome(&new, &quoted("tun0", false)), drops(Reason::NoPolicy));
    assert_eq!(outcome(&old, &quoted("tun0", false)), clear(Clear::NoRule), "a leak");
    // From inside: without policy a packet is dropped before its limit is looked at.
    let mut host = Host::new(NEW);
    let link = host.link("six0");
    let params = Kparams::new(link)
        .with_type(TunnelType::Ipv6)
        .with_local(ip(HERE6))
        .with_remote(ip(THERE6));
    let flags = params.flags | KparamFlags::SECURE;
    assert_eq!(host.create_secure(&Kparams { flags, ..params }), Errno::OK);
    host.kernel.plumb(link);
    let limited = Packet { encap_limit: Some(0), ..out6("six0") };
    assert_eq!(outcome(&host, &limited), drops(Reason::NoPolicy));
    host.protect("six0");
    assert_eq!(outcome(&host, &limited), drops(Reason::EncapsulationLimit));
}

#[test]
fn o13_another_route_is_not_in_the_hands_of_the_tunnel() {
    // The interface is gone, and IP has another route to the same destination.
    let (new, old) = on_both(|host| {
        host.protect("tun0");
        let link = host.inside("tun0").link;
        host.kernel.unplumb(link);
    });
    let around = udp(Way::Out, INNER, PEER);
    for mut host in [new, old] {
        assert_eq!(outcome(&host, &out("tun0")), drops(Reason::NotRunning));
        assert_eq!(outcome(&host, &around), clear(Clear::NoRule));
        // The remedy that the documentation recommends: policy of the system for the inner
        // destinations, which packets in the tunnel never meet.
        host.policy(&system(OUT, DROP).with(remote("10.0.1.0/24")));
        assert_eq!(outcome(&host, &around), drops(Reason::Rule));
        let link = host.inside("tun0").link;
        host.kernel.plumb(link);
        assert!(protects(&host, &out("tun0")));
    }
}

#[test]
fn o14_privileged_senders_of_outer_packets_go_past_the_tunnel() {
    // A raw socket or the multicast router writes protocol 4 with the same outer addresses.
    let raw = Packet { ports: None, ..udp(Way::Out, HERE, THERE) };
    let raw = Packet { proto: 4, ..raw };
    let (new, old) = on_both(|host| host.protect("tun0"));
    for mut host in [new, old] {
        assert_eq!(outcome(&host, &raw), clear(Clear::NoRule));
        // The remedy: policy of the system for the outer addresses.
        host.policy(&system(OUT, DROP).with(proto(4)));
        assert_eq!(outcome(&host, &raw), drops(Reason::Rule));
        assert!(protects(&host, &out("tun0")));
    }
}

#[test]
fn i01_clear_text_arrives_and_there_is_no_policy() {
    let (new, old) = on_both(|_| {});
    assert_eq!(outcome(&new, &from_outside()), drops(Reason::NoPolicy));
    assert_eq!(outcome(&old, &from_outside()), clear(Clear::NoRule), "a leak");
    let (new, old) = on_both(|host| {
        host.protect("tun0");
        host.flush("tun0");
    });
    assert_eq!(outcome(&new, &from_outside()), drops(Reason::NoPolicy));
    assert_eq!(outcome(&old, &from_outside()), clear(Clear::NoRule), "a leak");
    // Protected packets are dropped then by both.
    for host in [new, old] {
        assert!(!host.kernel.policy_verdict(&secured(from_outside())).passes());
    }
}

#[test]
fn i02_clear_text_arrives_and_the_rule_accepts_it() {
    for action in [PASS, ESP_OR_PASS, PASS_OR_ESP] {
        for rule in [tunnel_rule(5, action), transport_rule(action)] {
            let (new, old) = on_both(|host| {
                host.policy(&rule);
            });
            assert_eq!(outcome(&new, &from_outside()), drops(Reason::GotClear), "{action:?}");
            assert_eq!(outcome(&old, &from_outside()), clear(Clear::Rule), "a leak: {action:?}");
        }
    }
}

#[test]
fn i03_clear_text_arrives_and_transport_mode_has_no_rule_for_it() {
    let (new, old) = on_both(|host| {
        host.policy(&in_tunnel(add(ACTIVE, OUT, 5, ESP), "tun0"));
    });
    assert_eq!(outcome(&new, &from_outside()), drops(Reason::GotClear));
    assert_eq!(outcome(&old, &from_outside()), clear(Clear::NoRule), "a leak");
}

#[test]
fn i04_errors_about_our_packets() {
    let (mut new, mut old) = on_both(|host| {
        // A rule for other addresses: errors would go to the policy of the system.
        host.policy(&tunnel_rule(5, ESP).with(remote("172.16.0.0/12")));
    });
    assert_eq!(outcome(&new, &quoted("tun0", false)), drops(Reason::GotClear));
    assert_eq!(outcome(&old, &quoted("tun0", false)), clear(Clear::NoRule), "a leak");
    // One that this host made itself is believed by both, but not without policy.
    assert_eq!(outcome(&new, &quoted("tun0", true)), clear(Clear::OwnError));
    assert_eq!(outcome(&old, &quoted("tun0", true)), clear(Clear::OwnError));
    for host in [&mut new, &mut old] {
        host.flush("tun0");
    }
    assert_eq!(outcome(&new, &quoted("tun0", true)), drops(Reason::NoPolicy));
    // A protected one is checked as any packet.
    new.protect("tun0");
    assert!(protects(&new, &secured(quoted("tun0", false))));
}

#[test]
fn i05_a_tunnel_that_is_not_plumbed_receives_and_drops() {
    let (new, old) = on_both(|host| {
        let link = host.inside("tun0").link;
        host.kernel.unplumb(link);
    });
    assert_eq!(outcome(&new, &from_outside()), drops(Reason::NoPolicy));
    assert_eq!(outcome(&old, &from_outside()), drops(Reason::NoInterface));
    let (mut new, _) = on_both(|host| host.protect("tun0"));
    let link = new.inside("tun0").link;
    new.kernel.unplumb(link);
    assert_eq!(outcome(&new, &from_outside()), drops(Reason::GotClear));
    assert_eq!(outcome(&new, &secured(from_outside())), drops(Reason::NoInterface));
}

#[test]
fn i06_down_is_not_unbound() {
    // Without policy, without an interface: the tunnel still eats its packets, so that
    // nobody else finds them.
    let (mut new, old) = on_both(|host| {
        host.protect("tun0");
        host.flush("tun0");
        let link = host.inside("tun0").link;
        host.kernel.unplumb(link);
        // A 6to4 tunnel with the same local address waits for what is left over.
        let six = host.link_with("six0", LinkClass::IPTUN, LinkFlags::ACTIVE).expect("a new link");
        let params = Kparams::new(six).with_type(TunnelType::SixToFour).with_local(ip(HERE));
        assert_eq!(host.create(&params), Errno::OK);
        host.kernel.plumb(six);
        // Its remote end becomes one that another tunnel has already.
        let other = host.link("tun1");
        assert_eq!(host.create(&ends(other, HERE, ELSEWHERE)), Errno::OK);
        let taken = Kparams::new(link).with_remote(ip(ELSEWHERE));
        assert_eq!(host.modify(&taken), Errno::EADDRINUSE);
    });
    let six = outer(THERE, udp(Way::In, "2002:c633:6414::1", "2002:c000:20a::1"));
    assert_eq!(new.state("tun0"), LinkState::Down);
    assert!(new.inside("tun0").bound);
    for packet in [from_outside(), six.clone()] {
        let verdict = new.kernel.policy_verdict(&packet);
        assert_eq!(verdict.outcome, drops(Reason::NoPolicy));
        assert_eq!(verdict.link, Some(new.inside("tun0").link));
    }
    // In the kernel without the change it is unbound now.
    assert_eq!(outcome(&old, &from_outside()), drops(Reason::NoTunnel));
    let verdict = old.kernel.policy_verdict(&six);
    assert_eq!(verdict.outcome, clear(Clear::NoRule), "a leak, into another tunnel");
    assert_eq!(verdict.link, Some(old.inside("six0").link));
}

#[test]
fn i07_self_encapsulation_is_opened_before_any_tunnel() {
    // Inner addresses equal to the outer ones, protected: that belongs to the policy of the
    // system, not to the tunnel. Nothing arrives in clear by it.
    let (new, old) = on_both(|host| host.protect("tun0"));
    let same = outer(THERE, udp(Way::In, THERE, HERE));
    for host in [new, old] {
        let verdict = host.kernel.policy_verdict(&secured(same.clone()));
        assert_eq!((verdict.link, verdict.outcome), (None, drops(Reason::GotSecure)));
        // In clear it goes to the tunnel.
        let verdict = host.kernel.policy_verdict(&same);
        assert_eq!(verdict.outcome, drops(Reason::GotClear));
        assert_eq!(verdict.link, Some(host.inside("tun0").link));
    }
}

#[test]
fn i08_inner_addresses_are_reached_over_other_interfaces() {
    // With the weak model of end systems, a packet for an inner address that arrives
    // without any encapsulation is accepted. The tunnel never sees it.
    let (new, old) = on_both(|host| host.protect("tun0"));
    let around = udp(Way::In, PEER, INNER);
    for mut host in [new, old] {
        assert_eq!(outcome(&host, &around), clear(Clear::NoRule));
        // The remedy: the strong model, or policy of the system for the inner addresses.
        host.policy(&system(IN, DROP).with(Ext::LocalAddr(prefix("10.0.0.1/32").into())));
        assert_eq!(outcome(&host, &around), drops(Reason::Rule));
        assert!(protects(&host, &secured(from_outside())));
    }
}

#[test]
fn i09_a_tunnel_keeps_its_binding_until_it_has_the_new_one() {
    let (mut new, mut old) = on_both(|host| host.protect("tun0"));
    let no_address = |host: &Host| Kparams::new(host.inside("tun0").link).with_local(ip(DOWN));
    for host in [&mut new, &mut old] {
        let request = no_address(host);
        assert_eq!(host.modify(&request), Errno::EADDRNOTAVAIL);
    }
    assert_eq!(outcome(&new, &from_outside()), drops(Reason::GotClear));
    assert!(protects(&new, &secured(from_outside())));
    assert_eq!(outcome(&old, &from_outside()), drops(Reason::NoTunnel), "whoever wants it");
    // A change that works has no gap either: the old addresses are nobody's afterwards.
    let request = Kparams::new(new.inside("tun0").link).with_remote(ip(ELSEWHERE));
    assert_eq!(new.modify(&request), Errno::OK);
    assert_eq!(outcome(&new, &from_outside()), drops(Reason::NoTunnel));
    let moved = outer(ELSEWHERE, udp(Way::In, PEER, INNER));
    assert_eq!(outcome(&new, &moved), drops(Reason::GotClear));
    assert!(matches!(outcome(&new, &secured(moved)), Outcome::Protect { .. }));
}
