// SPDX-License-Identifier: MIT OR Apache-2.0

//! State of a tunnel's link and its MTU, whatever happens in whatever order
//! (`spec/kernel-hooks.md` section 3, `spec/iptun_ioctl.md` sections 9, 10 and 13).

mod common;

use common::links::*;
use common::*;
use illumos_ipsec::model::{ActionFlags, LinkId, LinkState, Side, TunnelType};
use illumos_ipsec::wire::dld;
use illumos_ipsec::wire::dlmgmt::{LinkFlags, Request};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::iptun::{KparamFlags, Kparams, SimplePolicy};
use illumos_ipsec::wire::policy::{AttrTag, Message, MsgType, RuleFlags};
use ipsec_usermode::{Kernel, KernelKind};

type Action = &'static [(AttrTag, u32)];

/// AH with HMAC-SHA-256.
const AH: Action =
    &[(AttrTag::TYPE, 3), (AttrTag::FLAGS, 1), (AttrTag::AH_AUTH, 5), (AttrTag::END, 0)];
/// AH and ESP.
const AH_ESP: Action = &[
    (AttrTag::TYPE, 3),
    (AttrTag::FLAGS, 0x43),
    (AttrTag::AH_AUTH, 5),
    (AttrTag::ESP_ENCR, 12),
    (AttrTag::ESP_AUTH, 5),
    (AttrTag::END, 0),
];
/// An algorithm that there is not.
const NO_SUCH: Action =
    &[(AttrTag::TYPE, 3), (AttrTag::FLAGS, 2), (AttrTag::ESP_ENCR, 200), (AttrTag::END, 0)];

const UP: LinkState = LinkState::Up;
const LOW: LinkState = LinkState::Down;
const UNKNOWN: LinkState = LinkState::Unknown;

/// What can happen to one tunnel and the policy of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Create,
    Delete,
    Plumb,
    Unplumb,
    Move,
    Add(Side),
    AddNothing,
    AddRefused(Side),
    DeleteRule,
    Flush(Side),
    FlushAll,
    Flip,
    FlipAll,
    Clone,
    CloneAll,
}

const STEPS: [Step; 18] = [
    Step::Create,
    Step::Delete,
    Step::Plumb,
    Step::Unplumb,
    Step::Move,
    Step::Add(Side::Active),
    Step::Add(Side::Standby),
    Step::AddNothing,
    Step::AddRefused(Side::Active),
    Step::AddRefused(Side::Standby),
    Step::DeleteRule,
    Step::Flush(Side::Active),
    Step::Flush(Side::Standby),
    Step::FlushAll,
    Step::Flip,
    Step::FlipAll,
    Step::Clone,
    Step::CloneAll,
];

fn side_number(side: Side) -> u8 {
    match side {
        Side::Active => ACTIVE,
        Side::Standby => STANDBY,
    }
}

/// The step as a request about policy.
fn request(step: Step) -> Option<Message> {
    let tunnel = |message| in_tunnel(message, "t0");
    let flags = BOTH | TUNNEL;
    Some(match step {
        Step::Add(side) => tunnel(add(side_number(side), flags, 5, ESP)),
        Step::AddNothing => tunnel(add(ACTIVE, flags - (IN | OUT), 5, ESP)),
        Step::AddRefused(side) => tunnel(add(side_number(side), flags, 5, NO_SUCH)),
        Step::Flush(side) => tunnel(message(MsgType::FLUSH, side_number(side))),
        Step::FlushAll => in_tunnel(message(MsgType::FLUSH, ACTIVE), ""),
        Step::Flip => tunnel(message(MsgType::FLIP, ACTIVE)),
        Step::FlipAll => in_tunnel(message(MsgType::FLIP, ACTIVE), ""),
        Step::Clone => tunnel(message(MsgType::CLONE, ACTIVE)),
        Step::CloneAll => in_tunnel(message(MsgType::CLONE, ACTIVE), ""),
        _ => return None,
    })
}

fn apply(host: &mut Host, link: LinkId, step: Step, secure: bool) {
    match step {
        Step::Create => {
            let params = ends(link, HERE, THERE);
            let bit = if secure { KparamFlags::SECURE } else { KparamFlags::empty() };
            let _ = host.create_secure(&Kparams { flags: params.flags | bit, ..params });
        }
        Step::Delete => {
            let _ = host.delete(link);
        }
        Step::Plumb => host.kernel.plumb(link),
        Step::Unplumb => host.kernel.unplumb(link),
        Step::Move => {
            let remote = host.info(link).ok().and_then(|info| info.remote_addr());
            let next = if remote == ip(THERE) { ELSEWHERE } else { THERE };
            let _ = host.modify(&Kparams::new(link).with_remote(ip(next)));
        }
        Step::DeleteRule => {
            if let Some(index) = host.rules("t0").first() {
                host.policy(&in_tunnel(delete_index(ACTIVE, *index), "t0"));
            }
        }
        _ => {
            let request = request(step).expect("a request");
            let _ = host.try_policy(&request);
        }
    }
}

/// What should come of it, thought of without a kernel: how many rules there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Model {
    exists: bool,
    started: bool,
    told: Option<bool>,
    head: Option<[usize; 2]>,
}

impl Model {
    fn apply(&mut self, step: Step, secure: bool) {
        let up = |model: &Self| {
            let rules = model.head.map_or(0, |rules| rules[0]);
            model.started && (!secure || rules > 0)
        };
        match step {
            Step::Create if !self.exists => {
                *self = Self { exists: true, head: self.head, ..Self::default() };
                self.told = secure.then_some(false);
            }
            Step::Delete if self.exists && !self.started => *self = Self::default(),
            Step::Plumb | Step::Unplumb if self.exists => {
                self.started = step == Step::Plumb;
                self.told = Some(up(self));
            }
            Step::Move if self.exists => self.told = Some(up(self)),
            Step::Add(side) => {
                let rules = &mut self.head.get_or_insert_default()[side as usize];
                // The same rules again are refused.
                *rules = if *rules == 0 { 4 } else { *rules };
                // After one of the four has been deleted, those that are left are in the way.
            }
            Step::AddNothing | Step::AddRefused(_) => {
                self.head.get_or_insert_default();
            }
            Step::DeleteRule => {
                if let Some(rules) = &mut self.head {
                    rules[0] = rules[0].saturating_sub(1);
                }
            }
            _ => {
                if let Some(rules) = &mut self.head {
                    match step {
                        Step::Flush(side) => rules[side as usize] = 0,
                        Step::FlushAll => rules[0] = 0,
                        Step::Flip | Step::FlipAll => rules.swap(0, 1),
                        Step::Clone | Step::CloneAll => rules[1] = rules[0],
                        _ => {}
                    }
                }
            }
        }
        if self.exists && secure {
            self.told = Some(up(self));
        }
    }

    fn state(self) -> LinkState {
        match self.told {
            None => UNKNOWN,
            Some(true) => UP,
            Some(false) => LOW,
        }
    }
}

/// Every sequence of steps of a length, after a beginning.
fn every_order(beginning: &[Step], length: usize, secure: bool) {
    let mut sequence = vec![0; length];
    loop {
        let mut host = Host::new(KernelKind::Modified);
        let link = host.link("t0");
        let mut model = Model::default();
        let steps = sequence.iter().map(|at| STEPS[*at]);
        for step in beginning.iter().copied().chain(steps) {
            apply(&mut host, link, step, secure);
            model.apply(step, secure);
            let tunnel = host.kernel.tunnel(b"t0");
            let state = tunnel.map(|tunnel| tunnel.link_state);
            let expected = model.exists.then(|| model.state());
            assert_eq!(state, expected, "{beginning:?} {sequence:?} at {step:?}");
            // Down is never a tunnel that does not get its packets.
            assert!(tunnel.is_none_or(|tunnel| tunnel.bound));
        }
        // The next sequence.
        let Some(at) = sequence.iter().rposition(|at| at + 1 < STEPS.len()) else { return };
        sequence[at] += 1;
        sequence[at + 1..].fill(0);
    }
}

#[test]
fn the_state_of_a_secure_tunnel_follows_its_policy_in_every_order() {
    every_order(&[], 3, true);
    let running = [Step::Create, Step::Plumb, Step::Add(Side::Active)];
    every_order(&running, 3, true);
    let waiting = [Step::Add(Side::Standby), Step::Create, Step::Plumb];
    every_order(&waiting, 3, true);
}

#[test]
fn policy_does_not_matter_for_the_state_of_other_tunnels() {
    every_order(&[Step::Create], 3, false);
}

#[test]
fn who_is_told_what_and_when() {
    let mut host = Host::new(KernelKind::Modified);
    let link = host.tunnel("t0", false);
    assert_eq!(host.state("t0"), UNKNOWN);
    host.protect("t0");
    assert_eq!(host.state("t0"), UNKNOWN);
    host.kernel.plumb(link);
    assert_eq!(host.state("t0"), UP);
    assert_eq!(host.modify(&Kparams::new(link).with_remote(ip(ELSEWHERE))), Errno::OK);
    assert_eq!(host.state("t0"), UP);
    host.kernel.unplumb(link);
    assert_eq!(host.state("t0"), LOW);

    // Binding again tells; nothing else has for this one.
    let other = host.tunnel("t1", false);
    assert_eq!(host.state("t1"), UNKNOWN);
    assert_eq!(host.modify(&Kparams::new(other).with_remote(ip("203.0.113.1"))), Errno::OK);
    assert_eq!(host.state("t1"), LOW);

    // A tunnel that requires IPsec says so from the start, and needs its addresses, too.
    let secure = host.link("t2");
    let half = Kparams::new(secure).with_type(TunnelType::Ipv4).with_local(ip(ALSO_HERE));
    let half = Kparams { flags: half.flags | KparamFlags::SECURE, ..half };
    assert_eq!(host.create_secure(&half), Errno::OK);
    assert_eq!(host.state("t2"), LOW);
    host.protect("t2");
    host.kernel.plumb(secure);
    assert_eq!(host.state("t2"), LOW);
    assert_eq!(host.modify(&Kparams::new(secure).with_remote(ip(THERE))), Errno::OK);
    assert_eq!(host.state("t2"), UP);
}

#[test]
fn a_failed_modify_takes_the_link_down_without_the_change_only() {
    for (kind, state) in [(KernelKind::Modified, UP), (KernelKind::Unmodified, LOW)] {
        let mut host = Host::new(kind);
        let link = host.tunnel("t0", false);
        host.kernel.plumb(link);
        let nowhere = Kparams::new(link).with_local(ip(ELSEWHERE));
        assert_eq!(host.modify(&nowhere), Errno::EADDRNOTAVAIL);
        assert_eq!(host.state("t0"), state);
    }
}

#[test]
fn the_standby_defect_switches_the_policy_of_the_unmodified_kernel_off() {
    for (kind, flags) in [(KernelKind::Modified, true), (KernelKind::Unmodified, false)] {
        let mut host = Host::new(kind);
        let link = host.tunnel("t0", false);
        host.protect("t0");
        host.policy(&request(Step::Add(Side::Standby)).unwrap());
        let info = host.info(link).unwrap();
        assert_eq!(info.flags.contains(KparamFlags::IPSECPOL), flags);
    }
}

#[test]
fn flags_say_that_policy_is_in_use_and_attached_says_that_there_are_rules() {
    let mut host = Host::new(KernelKind::Modified);
    let link = host.tunnel("t0", true);
    host.kernel.plumb(link);
    host.policy(&request(Step::AddNothing).unwrap());
    assert!(host.info(link).unwrap().flags.contains(KparamFlags::IPSECPOL));
    assert!(!host.kernel.policy_attached(host.inside("t0")));
    assert_eq!(host.state("t0"), LOW);
}

#[test]
fn deleting_a_tunnel_deletes_its_policy_and_a_new_one_is_down_until_it_comes_back() {
    let mut host = Host::new(KernelKind::Modified);
    let link = host.tunnel("t0", true);
    host.protect("t0");
    host.kernel.plumb(link);
    assert_eq!(host.state("t0"), UP);
    host.kernel.unplumb(link);
    assert_eq!(host.delete(link), Errno::OK);
    assert_eq!(host.kernel.tunnel_flags(&name("t0")), None);
    let params = ends(link, HERE, THERE);
    let params = Kparams { flags: params.flags | KparamFlags::SECURE, ..params };
    assert_eq!(host.create_secure(&params), Errno::OK);
    host.kernel.plumb(link);
    assert_eq!(host.state("t0"), LOW);
    host.protect("t0");
    assert_eq!(host.state("t0"), UP);
}

#[test]
fn a_new_name_for_a_secure_tunnel() {
    let mut host = Host::new(KernelKind::Modified);
    let link = host.tunnel("t0", true);
    host.kernel.plumb(link);
    assert_eq!(host.rename(link, "u0"), Errno::EBUSY);
    host.kernel.unplumb(link);
    host.protect("t0");
    assert_eq!(host.rename(link, "u0"), Errno::EBUSY);
    host.flush("t0");
    assert_eq!(host.rename(link, "u0"), Errno::OK);
    host.kernel.plumb(link);
    // The old name is nothing to it any more, the new one is.
    host.protect("t0");
    assert_eq!(host.state("u0"), LOW);
    host.protect("u0");
    assert_eq!(host.state("u0"), UP);
    assert!(host.info(link).unwrap().flags.contains(KparamFlags::SECURE));

    // Policy that waits under the new name is taken.
    host.kernel.unplumb(link);
    host.flush("u0");
    host.protect("v0");
    assert_eq!(host.rename(link, "v0"), Errno::OK);
    host.kernel.plumb(link);
    assert_eq!(host.state("v0"), UP);
    host.policy(&in_tunnel(message(MsgType::FLUSH, ACTIVE), ""));
    assert_eq!(host.state("v0"), LOW);
}

/// The registry alone can give a link another name, behind the back of the driver.
#[test]
fn a_secure_tunnel_keeps_an_eye_on_the_policy_it_has_under_an_old_name() {
    let mut host = Host::new(KernelKind::Modified);
    let link = host.tunnel("t0", true);
    host.protect("t0");
    host.kernel.plumb(link);
    assert_eq!(host.ask(&Request::RemapLinkId { link, name: b"u0".to_vec() }), Errno::OK);
    assert_eq!(host.state("u0"), UP);
    host.flush("t0");
    assert_eq!(host.state("u0"), LOW);
    host.protect("t0");
    assert_eq!(host.state("u0"), UP);
    // Policy of its name takes the place of the old one.
    host.policy(&in_tunnel(add(STANDBY, BOTH | TUNNEL, 5, ESP), "u0"));
    assert_eq!(host.state("u0"), LOW);
    host.policy(&in_tunnel(message(MsgType::FLIP, ACTIVE), "u0"));
    assert_eq!(host.state("u0"), UP);
}

/// As in C: what is called otherwise behind the back of the driver is compared by name as soon
/// as it is plumbed.
#[test]
fn a_secure_tunnel_that_is_plumbed_has_the_policy_of_its_name_or_none() {
    let mut host = Host::new(KernelKind::Modified);
    let link = host.tunnel("t0", true);
    host.protect("t0");
    let remap = |name: &str| Request::RemapLinkId { link, name: name.as_bytes().to_vec() };
    assert_eq!(host.ask(&remap("u0")), Errno::OK);
    host.kernel.plumb(link);
    assert_eq!((host.inside("u0").policy.clone(), host.state("u0")), (None, LOW));
    // The rules wait for a tunnel of their name.
    assert_eq!(host.rules("t0").len(), 4);
    host.kernel.unplumb(link);
    assert_eq!(host.ask(&remap("t0")), Errno::OK);
    host.kernel.plumb(link);
    assert_eq!(host.state("t0"), UP);
    // Policy under the new name takes the place of what it has.
    host.kernel.unplumb(link);
    host.policy(&in_tunnel(add(ACTIVE, BOTH | TUNNEL, 5, AH), "v0"));
    assert_eq!(host.ask(&remap("v0")), Errno::OK);
    host.kernel.plumb(link);
    assert_eq!(host.inside("v0").policy, Some(name("v0")));
    assert_eq!((host.state("v0"), host.mtu(link)), (UP, 1436));
}

#[test]
fn a_renamed_tunnel_keeps_its_old_policy_until_a_second_head_replaces_it() {
    for kind in [KernelKind::Modified, KernelKind::Unmodified] {
        let mut host = Host::new(kind);
        let link = host.tunnel("t0", false);
        host.protect("t0");
        assert_eq!(host.rename(link, "u0"), Errno::OK);
        let in_use =
            |host: &mut Host| host.info(link).unwrap().flags.contains(KparamFlags::IPSECPOL);
        assert_eq!(host.inside("u0").policy, Some(name("t0")));
        assert!(in_use(&mut host));
        // The second head is attached before it has rules.
        host.policy(&in_tunnel(add(STANDBY, BOTH | TUNNEL, 5, ESP), "u0"));
        assert_eq!(host.inside("u0").policy, Some(name("u0")));
        assert!(!in_use(&mut host));
        // A new tunnel of the old name takes the old head.
        let second = host.link("t0");
        assert_eq!(host.create(&ends(second, HERE, ELSEWHERE)), Errno::OK);
        assert!(host.info(second).unwrap().flags.contains(KparamFlags::IPSECPOL));
    }
}

#[test]
fn policy_of_two_tunnels_goes_with_the_last_of_them_and_without_the_change_with_the_first() {
    for (kind, stays) in [(KernelKind::Modified, true), (KernelKind::Unmodified, false)] {
        for renamed_first in [true, false] {
            let mut host = Host::new(kind);
            let renamed = host.tunnel("t0", false);
            host.protect("t0");
            assert_eq!(host.rename(renamed, "u0"), Errno::OK);
            let second = host.link("t0");
            assert_eq!(host.create(&ends(second, HERE, ELSEWHERE)), Errno::OK);
            let both = [("u0", renamed), ("t0", second)];
            let [(_, gone), (left, last)] = if renamed_first { both } else { [both[1], both[0]] };
            assert_eq!(host.delete(gone), Errno::OK);
            assert_eq!(host.inside(left).policy.is_some(), stays, "{kind:?} {left}");
            let in_use = host.info(last).unwrap().flags.contains(KparamFlags::IPSECPOL);
            assert_eq!(in_use, stays, "{kind:?} {left}");
            assert_eq!(host.delete(last), Errno::OK);
            assert_eq!(host.kernel.tunnel_flags(&name("t0")), None);
        }
    }
}

#[test]
fn the_mtu_leaves_room_for_ipsec() {
    let rows: [(Action, RuleFlags, u32, u32); 5] = [
        (ESP, BOTH, 1402, 1374),
        (AH, BOTH, 1436, 1408),
        (AH_ESP, BOTH, 1358, 1330),
        (PASS, BOTH, 1480, 1452),
        // Only what leaves counts.
        (ESP, IN, 1480, 1452),
    ];
    for (action, ways, v4, v6) in rows {
        let mut host = Host::new(KernelKind::Modified);
        let four = host.tunnel("t0", false);
        let six = host.link("t1");
        let params = Kparams::new(six).with_type(TunnelType::Ipv6);
        let params = params.with_local(ip(HERE6)).with_remote(ip(THERE6));
        assert_eq!(host.create(&params), Errno::OK);
        assert_eq!((host.mtu(four), host.mtu(six)), (1480, 1452));
        for tunnel in ["t0", "t1"] {
            host.policy(&in_tunnel(add(ACTIVE, ways | TUNNEL, 5, action), tunnel));
        }
        assert_eq!((host.mtu(four), host.mtu(six)), (v4, v6));
        host.policy(&in_tunnel(message(MsgType::FLUSH, ACTIVE), ""));
        assert_eq!((host.mtu(four), host.mtu(six)), (1480, 1452));
    }
}

#[test]
fn the_mtu_is_that_of_the_largest_rule_and_comes_with_any_event() {
    let mut host = Host::new(KernelKind::Modified);
    let link = host.tunnel("t0", false);
    host.policy(&in_tunnel(add(ACTIVE, BOTH | TUNNEL, 5, PASS).with(proto(1)), "t0"));
    assert_eq!(host.mtu(link), 1480);
    host.policy(&in_tunnel(add(ACTIVE, BOTH | TUNNEL, 5, ESP).with(proto(6)), "t0"));
    let last = host.policy(&in_tunnel(add(ACTIVE, OUT | TUNNEL, 4, AH_ESP), "t0"));
    assert_eq!(host.mtu(link), 1358);
    let index = index(&last);
    for one in [index - 1, index] {
        host.policy(&in_tunnel(delete_index(ACTIVE, one), "t0"));
    }
    assert_eq!(host.mtu(link), 1402);
    host.policy(&in_tunnel(message(MsgType::FLIP, ACTIVE), "t0"));
    assert_eq!(host.mtu(link), 1480);
    host.policy(&in_tunnel(message(MsgType::FLIP, ACTIVE), ""));
    assert_eq!(host.mtu(link), 1402);
}

#[test]
fn a_secure_tunnel_has_the_same_mtu_before_and_after_its_policy_comes() {
    let mut host = Host::new(KernelKind::Modified);
    let link = host.tunnel("t0", true);
    assert_eq!(host.mtu(link), 1402);
    host.protect("t0");
    assert_eq!(host.mtu(link), 1402);
    host.flush("t0");
    assert_eq!(host.mtu(link), 1402);
}

#[test]
fn policy_of_the_system_counts_where_the_tunnel_has_none() {
    let mut host = Host::new(KernelKind::Modified);
    let link = host.link("t0");
    host.policy(&add(ACTIVE, BOTH, 5, ESP).with(proto(4)));
    assert_eq!(host.create(&ends(link, HERE, THERE)), Errno::OK);
    assert_eq!(host.mtu(link), 1402);
    // It is noticed at the next event of the tunnel.
    host.policy(&message(MsgType::FLUSH, ACTIVE));
    assert_eq!(host.mtu(link), 1402);
    assert_eq!(host.modify(&Kparams::new(link).with_remote(ip(ELSEWHERE))), Errno::OK);
    assert_eq!(host.mtu(link), 1480);
}

#[test]
fn the_mtu_follows_the_path_within_bounds_and_a_fixed_one_does_not() {
    let mut host = Host::new(KernelKind::Modified);
    let link = host.tunnel("t0", false);
    for (path, mtu) in [(1400, 1380), (1299, 1280), (68, 1280), (9000, 8980), (65_535, 65_515)] {
        host.kernel.set_path_mtu(path);
        assert_eq!(host.mtu(link), mtu);
    }
    host.kernel.set_path_mtu(1500);
    assert_eq!(host.set_property(link, dld::PROP_MTU, &1300u32.to_le_bytes()), Errno::OK);
    host.protect("t0");
    host.kernel.set_path_mtu(1400);
    assert_eq!(host.mtu(link), 1300);
}

#[test]
fn without_a_remote_end_or_a_path_the_mtu_is_that_of_the_type() {
    let mut host = Host::new(KernelKind::Modified);
    let [sixto4, half, six] = ["t0", "t1", "t2"].map(|name| host.link(name));
    let kind = TunnelType::SixToFour;
    let params = Kparams::new(sixto4).with_type(kind).with_local(ip(HERE));
    assert_eq!(host.create(&params), Errno::OK);
    let params = Kparams::new(half).with_type(TunnelType::Ipv4).with_local(ip(HERE));
    assert_eq!(host.create(&params), Errno::OK);
    assert_eq!(host.create(&Kparams::new(six).with_type(TunnelType::Ipv6)), Errno::OK);
    host.kernel.set_path_mtu(1400);
    for tunnel in ["t0", "t1", "t2"] {
        host.protect(tunnel);
    }
    assert_eq!((host.mtu(sixto4), host.mtu(half), host.mtu(six)), (65_515, 65_515, 65_487));
    assert_eq!(host.modify(&Kparams::new(half).with_remote(ip(THERE))), Errno::OK);
    assert_eq!(host.mtu(half), 1400 - 20 - 78);
}

#[test]
fn the_header_without_encapsulation_limit_is_shorter_where_it_is_written() {
    let mut host = Host::new(KernelKind::Modified);
    let link = host.link("t0");
    let params = Kparams::new(link).with_type(TunnelType::Ipv6);
    assert_eq!(host.create(&params.with_local(ip(HERE6)).with_remote(ip(THERE6))), Errno::OK);
    let word = |value: u32| value.to_le_bytes();
    assert_eq!(host.set_property(link, dld::PROP_ENCAPLIMIT, &word(0)), Errno::OK);
    host.kernel.set_path_mtu(1500);
    assert_eq!(host.mtu(link), 1452);
    assert_eq!(host.set_property(link, dld::PROP_HOPLIMIT, &word(9)), Errno::OK);
    // Setting a property is no event.
    assert_eq!(host.mtu(link), 1452);
    host.kernel.set_path_mtu(1500);
    assert_eq!(host.mtu(link), 1460);
}

/// ESP, required.
const SIMPLE: SimplePolicy =
    SimplePolicy { ah: 0, esp: 2, self_encap: 0, ah_alg: 0, esp_alg: 12, esp_auth_alg: 5 };

fn simple(link: LinkId, secinfo: SimplePolicy) -> Kparams {
    let params = Kparams::new(link);
    Kparams { secinfo, flags: params.flags | KparamFlags::SECINFO, ..params }
}

fn action_flags(kernel: &Kernel, tunnel: &str) -> Vec<ActionFlags> {
    let tunnel = name(tunnel);
    let rules = kernel.rules(Some(&tunnel), Side::Active);
    rules.map(|(_, rule)| rule.action[0].flags).collect()
}

#[test]
fn simple_policy_protects_everything_in_transport_mode() {
    let mut host = Host::new(KernelKind::Modified);
    let link = host.tunnel("t0", true);
    host.kernel.plumb(link);
    assert_eq!(host.modify(&simple(link, SIMPLE)), Errno::OK);
    assert_eq!(host.kernel.tunnel_flags(&name("t0")).unwrap().word(), 1);
    let esp = ActionFlags::ESP | ActionFlags::ESP_AUTH;
    assert_eq!(action_flags(&host.kernel, "t0"), [esp; 4]);
    assert_eq!(host.state("t0"), UP);
    assert_eq!(host.mtu(link), 1402);
    let info = host.info(link).unwrap();
    assert!(info.flags.contains(KparamFlags::SECINFO | KparamFlags::IPSECPOL));
    assert_eq!(info.secinfo, SIMPLE);

    // Another one replaces it, on both sides.
    host.policy(&in_tunnel(message(MsgType::CLONE, ACTIVE), "t0"));
    let ah = SimplePolicy { ah: 2 | 4, esp: 0, ah_alg: 5, ..SIMPLE };
    assert_eq!(host.modify(&simple(link, ah)), Errno::OK);
    let unique = ActionFlags::AH | ActionFlags::UNIQUE;
    assert_eq!(action_flags(&host.kernel, "t0"), [unique; 4]);
    assert_eq!(host.kernel.rules(Some(&name("t0")), Side::Standby).count(), 0);
    assert_eq!(host.kernel.tunnel_flags(&name("t0")).unwrap().word(), 1);

    // Nothing asked for takes it away, and with it the link; never the requirement.
    assert_eq!(host.modify(&simple(link, SimplePolicy::default())), Errno::OK);
    assert_eq!(host.state("t0"), LOW);
    let info = host.info(link).unwrap();
    assert_eq!(info.secinfo, SimplePolicy::default());
    assert!(!info.flags.intersects(KparamFlags::SECINFO | KparamFlags::IPSECPOL));
    assert!(info.flags.contains(KparamFlags::SECURE));
}

#[test]
fn simple_policy_that_says_never_is_a_pass_that_is_shown_as_policy() {
    let mut host = Host::new(KernelKind::Modified);
    let link = host.tunnel("t0", false);
    let never = SimplePolicy { esp: 1, ..SimplePolicy::default() };
    assert_eq!(host.modify(&simple(link, never)), Errno::OK);
    assert!(host.info(link).unwrap().flags.contains(KparamFlags::IPSECPOL));
    assert_eq!(action_flags(&host.kernel, "t0"), [ActionFlags::empty(); 4]);
    assert_eq!(host.mtu(link), 1480);
}

#[test]
fn simple_policy_without_an_algorithm_takes_any() {
    let mut host = Host::new(KernelKind::Modified);
    let link = host.tunnel("t0", false);
    let any = SimplePolicy { esp: 2, ..SimplePolicy::default() };
    assert_eq!(host.modify(&simple(link, any)), Errno::OK);
    let tunnel = name("t0");
    let rules = host.kernel.rules(Some(&tunnel), Side::Active);
    let mut ids: Vec<u8> =
        rules.flat_map(|(_, rule)| rule.action.iter().map(|a| a.encr.id)).collect();
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() > 3 && !ids.contains(&0), "{ids:?}");
}

#[test]
fn simple_policy_is_set_with_the_rest_of_a_request_or_not_at_all() {
    let mut host = Host::new(KernelKind::Modified);
    let link = host.tunnel("t0", false);
    let nowhere = simple(link, SIMPLE).with_local(ip(ELSEWHERE));
    assert_eq!(host.modify(&nowhere), Errno::EADDRNOTAVAIL);
    assert_eq!(host.kernel.tunnel_flags(&name("t0")), None);

    let second = host.link("t1");
    let params = ends(second, HERE, ELSEWHERE);
    let flags = params.flags | KparamFlags::SECINFO | KparamFlags::SECURE;
    assert_eq!(host.create_secure(&Kparams { flags, secinfo: SIMPLE, ..params }), Errno::OK);
    host.kernel.plumb(second);
    assert_eq!(host.state("t1"), UP);
    assert_eq!(host.mtu(second), 1402);
}

/// Policy that is there before the tunnel, or under a name that the tunnel has got, is not the
/// tunnel's to take away.
#[test]
fn simple_policy_that_asks_for_nothing_takes_away_what_is_attached_and_no_more() {
    for kind in [KernelKind::Modified, KernelKind::Unmodified] {
        let mut host = Host::new(kind);
        host.protect("t0");
        let link = host.link("t0");
        let params = ends(link, HERE, THERE);
        let flags = params.flags | KparamFlags::SECINFO;
        assert_eq!(host.create(&Kparams { flags, ..params }), Errno::OK);
        assert!(host.info(link).unwrap().flags.contains(KparamFlags::IPSECPOL));
        assert_eq!(host.rules("t0").len(), 4);

        let renamed = host.link("t1");
        assert_eq!(host.create(&ends(renamed, HERE, ELSEWHERE)), Errno::OK);
        host.protect("u0");
        assert_eq!(host.rename(renamed, "u0"), Errno::OK);
        assert_eq!(host.inside("u0").policy, None);
        assert_eq!(host.modify(&simple(renamed, SimplePolicy::default())), Errno::OK);
        assert_eq!(host.rules("u0").len(), 4);
    }
}

/// What is stored for a link is applied when its tunnel is made, as far as it fits.
#[test]
fn stored_properties_are_applied_to_a_new_tunnel() {
    use illumos_ipsec::wire::dlmgmt::AttrValue;
    let rows: [(&str, &str, (u32, u32, u32)); 7] = [
        ("hoplimit", "17", (17, 4, 1452)),
        ("hoplimit", "17abc", (17, 4, 1452)),
        ("hoplimit", "300", (64, 4, 1452)),
        ("encaplimit", "0", (64, 0, 1452)),
        ("mtu", "1400", (64, 4, 1400)),
        ("mtu", "0x578", (64, 4, 1400)),
        ("mtu", "9000", (64, 4, 1452)),
    ];
    for (key, text, expected) in rows {
        let mut host = Host::new(KernelKind::Modified);
        let flags = LinkFlags::ACTIVE | LinkFlags::PERSIST;
        let class = illumos_ipsec::model::LinkClass::IPTUN;
        let link = host.link_with("t0", class, flags).unwrap();
        let conf = match host.door(&Request::OpenConf { link }).unwrap() {
            illumos_ipsec::wire::dlmgmt::Reply::Conf(conf) => conf,
            other => panic!("{other:?}"),
        };
        let (name, value) = (key.as_bytes().to_vec(), AttrValue::Str(text.as_bytes().to_vec()));
        assert_eq!(host.ask(&Request::SetAttr { conf, name, value }), Errno::OK);
        assert_eq!(host.ask(&Request::WriteConf { conf }), Errno::OK);
        let params = Kparams::new(link).with_type(TunnelType::Ipv6);
        let params = params.with_local(ip(HERE6)).with_remote(ip(THERE6));
        assert_eq!(host.create(&params), Errno::OK);
        let tunnel = host.inside("t0");
        let found = (tunnel.hop_limit, tunnel.encap_limit, host.kernel.mtu(tunnel));
        assert_eq!(found, expected, "{key}={text}");
    }
}
