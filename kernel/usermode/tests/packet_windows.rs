// SPDX-License-Identifier: MIT OR Apache-2.0

//! Moments in the life of a tunnel and of its policy in which clear text could pass, by the
//! numbers of `spec/iptun_ioctl.md` sections 15.3 and 15.4.
//!
//! P14 (packets that wait for an association) is not here: in this kernel none waits. That such
//! a packet does not pass in clear is in `keys.rs`.

mod common;

use common::links::*;
use common::traffic::*;
use common::*;
use illumos_ipsec::model::{LinkState, Side};
use illumos_ipsec::wire::dlmgmt::{LinkFlags, Request};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::iptun::{KparamFlags, Kparams, SimplePolicy};
use illumos_ipsec::wire::policy::{AttrTag, Message, MsgType};
use ipsec_usermode::packet::{Clear, Reason};
use ipsec_usermode::{KernelKind, SideFlags, Way};

const NEW: KernelKind = KernelKind::Modified;
const OLD: KernelKind = KernelKind::Unmodified;
const KINDS: [KernelKind; 2] = [NEW, OLD];

/// Bits of a request word of a simple policy.
const NEVER: u32 = 1;
const REQUIRED: u32 = 2;

/// In the new kernel nothing passes in clear and the link is down; in the old one it leaks.
fn open(host: &mut Host) {
    match host.kernel.kind() {
        KernelKind::Modified => {
            assert_eq!(outcome(host, &out("tun0")), drops(Reason::NoPolicy));
            assert_eq!(outcome(host, &from_outside()), drops(Reason::NoPolicy));
            assert_eq!(host.state("tun0"), LinkState::Down);
        }
        KernelKind::Unmodified => {
            assert_eq!(outcome(host, &out("tun0")), clear(Clear::NoRule), "a leak");
            assert_eq!(outcome(host, &from_outside()), clear(Clear::NoRule), "a leak");
        }
    }
}

/// Both ways are protected and the link is up.
fn closed(host: &mut Host) {
    assert!(protects(host, &out("tun0")));
    assert!(protects(host, &secured(from_outside())));
    assert!(!host.kernel.policy_verdict(&from_outside()).passes());
    assert_eq!(host.state("tun0"), LinkState::Up);
}

/// Nothing passes, in neither kernel.
fn shut(host: &Host) {
    for packet in [out("tun0"), from_outside(), secured(from_outside())] {
        assert!(!host.kernel.policy_verdict(&packet).passes(), "{packet:?}");
    }
}

fn standby(action: &[(AttrTag, u32)]) -> Message {
    in_tunnel(add(STANDBY, BOTH | TUNNEL, 5, action), "tun0")
}

fn all(kind: MsgType, side: u8) -> Message {
    in_tunnel(message(kind, side), "")
}

/// An algorithm that there is not.
const NO_SUCH: &[(AttrTag, u32)] =
    &[(AttrTag::TYPE, 3), (AttrTag::FLAGS, 2), (AttrTag::ESP_ENCR, 200), (AttrTag::END, 0)];

#[test]
fn l1_a_tunnel_is_there_before_its_policy() {
    for kind in KINDS {
        let mut host = with_tunnel(kind);
        open(&mut host);
        host.protect("tun0");
        closed(&mut host);
    }
}

#[test]
fn l2_l3_l4_a_tunnel_that_has_not_heard_of_its_policy() {
    // Two calls crossed, the link daemon did not answer, or the policy came in the name of
    // another zone: rules are there, and the tunnel does not know.
    for kind in KINDS {
        let mut host = with_tunnel(kind);
        let mut deaf = host.inside("tun0").clone();
        deaf.policy = None;
        host.protect("tun0");
        host.kernel.restore_tunnel(deaf);
        assert!(host.kernel.rules(Some(&name("tun0")), Side::Active).count() > 0);
        open(&mut host);
        // A secure tunnel finds it at its next event, others with the next policy.
        let link = host.inside("tun0").link;
        host.kernel.plumb(link);
        match kind {
            NEW => closed(&mut host),
            OLD => open(&mut host),
        }
    }
}

#[test]
fn l5_a_tunnel_that_is_made_again_has_lost_its_policy() {
    for kind in KINDS {
        let mut host = with_tunnel(kind);
        host.protect("tun0");
        closed(&mut host);
        let link = host.inside("tun0").link;
        host.kernel.unplumb(link);
        assert_eq!(host.delete(link), Errno::OK);
        assert_eq!(host.ask(&Request::DestroyLinkId { link, flags: LinkFlags::ACTIVE }), Errno::OK);
        assert_eq!(outcome(&host, &from_outside()), drops(Reason::NoTunnel));
        let link = new_tunnel(&mut host, "tun0");
        host.kernel.plumb(link);
        open(&mut host);
    }
}

#[test]
fn l6_tunnels_come_up_without_the_policy_service() {
    // As L1: what starts first does not matter to a secure tunnel.
    for kind in KINDS {
        let mut host = Host::new(kind);
        host.protect("tun0");
        let link = new_tunnel(&mut host, "tun0");
        host.kernel.plumb(link);
        closed(&mut host);
    }
}

#[test]
fn l7_a_renamed_tunnel_and_the_policy_of_its_names() {
    for kind in KINDS {
        let mut host = with_tunnel(kind);
        host.protect("tun0");
        let link = host.inside("tun0").link;
        host.kernel.unplumb(link);
        match kind {
            NEW => assert_eq!(host.rename(link, "tun9"), Errno::EBUSY),
            OLD => {
                // It keeps the policy of its old name until there is some of the new one.
                assert_eq!(host.rename(link, "tun9"), Errno::OK);
                host.kernel.plumb(link);
                assert!(protects(&host, &out("tun9")));
                let nothing = add(ACTIVE, BOTH | TUNNEL, 5, NO_SUCH);
                assert_eq!(host.try_policy(&in_tunnel(nothing, "tun9")), Errno::EINVAL);
                assert_eq!(outcome(&host, &out("tun9")), clear(Clear::NoRule), "a leak");
            }
        }
        // Without policy in force a secure tunnel can be renamed and stays one.
        let mut host = Host::new(NEW);
        let link = host.tunnel("tun0", true);
        assert_eq!(host.rename(link, "tun9"), Errno::OK);
        host.kernel.plumb(link);
        assert_eq!(outcome(&host, &out("tun9")), drops(Reason::NoPolicy));
        host.protect("tun9");
        assert!(protects(&host, &out("tun9")));
    }
}

#[test]
fn l8_numbers_of_links_are_not_used_again() {
    let mut host = with_tunnel(NEW);
    let link = host.inside("tun0").link;
    host.kernel.unplumb(link);
    assert_eq!(host.delete(link), Errno::OK);
    assert_eq!(host.ask(&Request::DestroyLinkId { link, flags: LinkFlags::ACTIVE }), Errno::OK);
    assert!(host.link("tun1") > link);
}

#[test]
fn l9_a_modify_that_fails_leaves_the_tunnel_as_it_was() {
    for kind in KINDS {
        let mut host = with_tunnel(kind);
        host.protect("tun0");
        let link = host.inside("tun0").link;
        let request = Kparams::new(link).with_local(ip(DOWN));
        assert_eq!(host.modify(&request), Errno::EADDRNOTAVAIL);
        match kind {
            NEW => closed(&mut host),
            OLD => {
                shut(&host);
                assert_eq!(host.state("tun0"), LinkState::Down);
            }
        }
    }
}

#[test]
fn p1_flush() {
    for kind in KINDS {
        for flush in
            [in_tunnel(message(MsgType::FLUSH, ACTIVE), "tun0"), all(MsgType::FLUSH, ACTIVE)]
        {
            let mut host = with_tunnel(kind);
            host.protect("tun0");
            closed(&mut host);
            host.policy(&flush);
            open(&mut host);
        }
        // That of the system alone changes nothing.
        let mut host = with_tunnel(kind);
        host.protect("tun0");
        host.policy(&message(MsgType::FLUSH, ACTIVE));
        closed(&mut host);
    }
}

#[test]
fn p2_the_last_rule_is_deleted() {
    for kind in KINDS {
        let mut host = with_tunnel(kind);
        host.protect("tun0");
        let rules = host.rules("tun0");
        for (deleted, index) in rules.iter().enumerate() {
            host.policy(&in_tunnel(delete_index(ACTIVE, *index), "tun0"));
            if deleted + 1 < rules.len() {
                assert!(!host.kernel.policy_verdict(&out("tun0")).is_clear());
                assert!(!host.kernel.policy_verdict(&from_outside()).is_clear());
            }
        }
        open(&mut host);
    }
}

#[test]
fn p3_flip_with_nothing_on_the_other_side() {
    for kind in KINDS {
        for flip in [in_tunnel(message(MsgType::FLIP, ACTIVE), "tun0"), all(MsgType::FLIP, ACTIVE)]
        {
            let mut host = with_tunnel(kind);
            host.protect("tun0");
            host.policy(&flip);
            open(&mut host);
            host.policy(&flip);
            closed(&mut host);
        }
    }
}

#[test]
fn p4_flip_between_two_policies() {
    for kind in KINDS {
        let mut host = with_tunnel(kind);
        host.protect("tun0");
        host.policy(&all(MsgType::CLONE, ACTIVE));
        for _ in 0..3 {
            host.policy(&all(MsgType::FLIP, ACTIVE));
            closed(&mut host);
        }
    }
}

#[test]
fn p5_p6_a_policy_is_put_together_on_the_empty_standby_side() {
    for kind in KINDS {
        // P6: it ends here, and nobody flips.
        for refused in [false, true] {
            let mut host = with_tunnel(kind);
            host.protect("tun0");
            host.policy(&all(MsgType::CLONE, ACTIVE));
            host.policy(&all(MsgType::FLUSH, STANDBY));
            closed(&mut host);
            host.policy(&standby(ESP));
            if refused {
                assert_eq!(host.try_policy(&standby(NO_SUCH).with(proto(6))), Errno::EINVAL);
            }
            match kind {
                NEW => closed(&mut host),
                OLD => open(&mut host),
            }
            assert!(!host.rules("tun0").is_empty(), "the rules are still listed");
            if !refused {
                host.policy(&all(MsgType::FLIP, ACTIVE));
                closed(&mut host);
            }
        }
    }
}

#[test]
fn p7_a_first_rule_that_is_refused() {
    for kind in KINDS {
        let mut host = with_tunnel(kind);
        host.protect("tun0");
        assert_eq!(host.try_policy(&standby(NO_SUCH)), Errno::EINVAL);
        match kind {
            NEW => closed(&mut host),
            OLD => open(&mut host),
        }
        // On the active side there was nothing to lose.
        let mut host = with_tunnel(kind);
        assert_eq!(host.try_policy(&tunnel_rule(5, NO_SUCH)), Errno::EINVAL);
        open(&mut host);
    }
}

#[test]
fn p8_a_head_in_use_without_rules() {
    // A rule without a direction marks the side as in use and enters nothing.
    let empty = in_tunnel(add(ACTIVE, TUNNEL, 5, ESP), "tun0");
    for kind in KINDS {
        let mut host = with_tunnel(kind);
        host.policy(&empty);
        let flags = host.kernel.tunnel_flags(&name("tun0")).expect("a head");
        assert!(flags.active.contains(SideFlags::ACTIVE));
        shut(&host);
        assert_eq!(host.state("tun0") == LinkState::Down, kind == NEW);
    }
}

#[test]
fn p9_a_standby_side_in_use_without_rules_comes_into_force() {
    // What is left of a CLONE that ended half way.
    let empty = in_tunnel(add(STANDBY, TUNNEL, 5, ESP), "tun0");
    for kind in KINDS {
        let mut host = with_tunnel(kind);
        host.policy(&empty);
        host.policy(&all(MsgType::FLIP, ACTIVE));
        shut(&host);
    }
}

/// A simple policy with these request words for AH and ESP.
fn simple(host: &mut Host, ah: u32, esp: u32) -> Errno {
    let link = host.inside("tun0").link;
    let secinfo = SimplePolicy { ah, esp, esp_alg: 12, esp_auth_alg: 5, ..SimplePolicy::default() };
    let params = Kparams { secinfo, flags: KparamFlags::SECINFO, ..Kparams::new(link) };
    host.modify(&params)
}

#[test]
fn p10_p11_simple_policy_is_replaced_and_taken_away() {
    for kind in KINDS {
        let mut host = with_tunnel(kind);
        assert_eq!(simple(&mut host, 0, REQUIRED), Errno::OK);
        closed(&mut host);
        assert_eq!(simple(&mut host, 0, REQUIRED), Errno::OK);
        closed(&mut host);
        assert_eq!(simple(&mut host, 0, 0), Errno::OK);
        open(&mut host);
        assert_eq!(host.inside("tun0").secure, kind == NEW, "the requirement stays");
    }
}

#[test]
fn p12_simple_policy_that_never_protects() {
    for kind in KINDS {
        let mut host = with_tunnel(kind);
        assert_eq!(simple(&mut host, NEVER, NEVER), Errno::OK);
        let link = host.inside("tun0").link;
        let info = host.info(link).expect("parameters");
        assert!(info.flags.contains(KparamFlags::IPSECPOL), "shown as protected");
        match kind {
            NEW => {
                assert_eq!(outcome(&host, &out("tun0")), drops(Reason::NotProtected));
                assert_eq!(outcome(&host, &from_outside()), drops(Reason::GotClear));
            }
            OLD => {
                assert_eq!(outcome(&host, &out("tun0")), clear(Clear::Rule), "a leak");
                assert_eq!(outcome(&host, &from_outside()), clear(Clear::Rule), "a leak");
            }
        }
    }
}

#[test]
fn p13_simple_policy_in_the_request_that_makes_a_tunnel() {
    let mut host = Host::new(NEW);
    let link = host.link("tun0");
    let mut params = secure_ends(link);
    params.flags |= KparamFlags::SECINFO;
    params.secinfo =
        SimplePolicy { esp: REQUIRED, esp_alg: 12, esp_auth_alg: 5, ..SimplePolicy::default() };
    assert_eq!(host.create_secure(&params), Errno::OK);
    host.kernel.plumb(link);
    closed(&mut host);
}

#[test]
fn p15_a_tunnel_that_loses_its_policy_says_so() {
    let mut host = with_tunnel(NEW);
    host.protect("tun0");
    let link = host.inside("tun0").link;
    host.kernel.take_events();
    host.flush("tun0");
    // Told to the driver, seen in the state of the link, counted packet by packet.
    assert!(!host.kernel.take_events().is_empty());
    assert_eq!(host.state("tun0"), LinkState::Down);
    for _ in 0..3 {
        host.kernel.deliver(&out("tun0"));
        host.kernel.deliver(&from_outside());
    }
    let counters = host.kernel.packet_counters();
    assert_eq!(counters.of(Some(link), Way::Out).dropped[&Reason::NoPolicy], 3);
    assert_eq!(counters.of(Some(link), Way::In).dropped[&Reason::NoPolicy], 3);
}
