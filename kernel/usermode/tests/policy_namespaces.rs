// SPDX-License-Identifier: MIT OR Apache-2.0

//! Rules of several owners (`spec/kernel-hooks.md` section 4.1): every row of the table,
//! with two owners and the nameless one, for the host and for a tunnel.

mod common;

use common::*;
use illumos_ipsec::model::Namespace;
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::namespace::NamespaceExt;
use illumos_ipsec::wire::policy::{
    AttrTag, Diagnostic, Ext, ExtType, Message, MsgType, RuleFlags, RulesetExt,
};
use ipsec_usermode::{Config, ConnId, Event, Kernel, KernelKind, SideFlags};
use proptest::collection::vec;
use proptest::prelude::*;

/// Two owners with a name, and the one without.
const OWNERS: [&str; 3] = ["", "svc:/vpn:a", "svc:/nfs:b"];
/// The host and a tunnel.
const HEADS: [&str; 2] = ["", "tun0"];

const OK: (Errno, Diagnostic) = (Errno::OK, Diagnostic::NONE);
const CONFLICT: (Errno, Diagnostic) = (Errno::EEXIST, Diagnostic::NAMESPACE_CONFLICT);
const NO_RULE: (Errno, Diagnostic) = (Errno::ESRCH, Diagnostic::NONE);

fn start() -> (Kernel, ConnId) {
    let mut kernel = Kernel::new(Config::default());
    let conn = kernel.open_policy();
    (kernel, conn)
}

fn tag(owner: &str) -> Ext {
    Ext::Namespace(NamespaceExt::Name(Namespace::new(owner).unwrap()))
}

/// A request of an owner, for the host or a tunnel.
fn of(owner: &str, head: &str, mut message: Message) -> Message {
    if !head.is_empty() {
        message = in_tunnel(message, head);
    }
    if owner.is_empty() { message } else { message.with(tag(owner)) }
}

/// A rule for one peer; in a tunnel in tunnel mode.
fn peer(side: u8, head: &str, last: u8) -> Message {
    let mode = if head.is_empty() { RuleFlags::empty() } else { TUNNEL };
    add(side, BOTH | mode, 5, ESP).with(remote(&format!("10.0.0.{last}/32")))
}

/// What a dump shows: peers and owners, sorted, and the count of the trailer.
fn shown(kernel: &mut Kernel, conn: ConnId, request: &Message) -> (Vec<(u8, String)>, u32) {
    let records = dump(kernel, conn, request);
    assert_eq!(ended(&records), Errno::OK);
    let mut rules = Vec::new();
    for record in records.iter().filter(|record| record.rule().is_some()) {
        let Some(Ext::RemoteAddr(addr)) = record.get(ExtType::REMADDR) else {
            panic!("{record:?}")
        };
        let owner = match record.exts.last() {
            Some(Ext::Namespace(NamespaceExt::Name(name))) => name.to_string(),
            last => {
                assert!(record.get(ExtType::NAMESPACE).is_none(), "it is always last: {last:?}");
                String::new()
            }
        };
        rules.push((addr.data[3], owner));
    }
    rules.sort();
    let Some(Ext::Ruleset(RulesetExt { count, .. })) =
        records.last().unwrap().get(ExtType::RULESET)
    else {
        panic!("a trailer")
    };
    // Each is there for both directions.
    let halves: Vec<_> = rules.iter().step_by(2).cloned().collect();
    assert_eq!(halves, rules.iter().skip(1).step_by(2).cloned().collect::<Vec<_>>());
    (halves, *count)
}

fn any(side: u8, head: &str) -> Message {
    of("", head, message(MsgType::DUMP, side)).with(Ext::Namespace(NamespaceExt::Any))
}

/// All rules of a side with their owners.
fn rules(kernel: &mut Kernel, conn: ConnId, side: u8, head: &str) -> Vec<(u8, String)> {
    shown(kernel, conn, &any(side, head)).0
}

fn expected(list: &[(u8, usize)]) -> Vec<(u8, String)> {
    let mut list: Vec<_> = list.iter().map(|&(n, owner)| (n, OWNERS[owner].to_owned())).collect();
    list.sort();
    list
}

/// Each owner has one rule on the active side and another one on the standby side.
fn filled(head: &str) -> (Kernel, ConnId) {
    let (mut kernel, conn) = start();
    for (at, owner) in OWNERS.into_iter().enumerate() {
        let last = at as u8 + 1;
        done(&mut kernel, conn, &of(owner, head, peer(ACTIVE, head, last)));
        done(&mut kernel, conn, &of(owner, head, peer(STANDBY, head, last + 10)));
    }
    kernel.take_events();
    (kernel, conn)
}

#[test]
fn a_rule_belongs_to_the_owner_of_its_request() {
    for head in HEADS {
        let (mut kernel, conn) = filled(head);
        assert_eq!(rules(&mut kernel, conn, ACTIVE, head), expected(&[(1, 0), (2, 1), (3, 2)]));
        assert_eq!(rules(&mut kernel, conn, STANDBY, head), expected(&[(11, 0), (12, 1), (13, 2)]));
        // The echo of an addition has the namespace, and the number is unique over all.
        let reply = done(&mut kernel, conn, &of(OWNERS[1], head, peer(ACTIVE, head, 9)));
        assert_eq!(reply.exts.last(), Some(&tag(OWNERS[1])));
        assert_eq!(index(&reply), 14);
    }
}

#[test]
fn the_same_traffic_twice_is_refused_whoever_asks() {
    for head in HEADS {
        let (mut kernel, conn) = filled(head);
        for (at, owner) in OWNERS.into_iter().enumerate() {
            for last in 1..=3u8 {
                let request = of(owner, head, peer(ACTIVE, head, last));
                let refused = status(&mut kernel, conn, &request);
                let own = usize::from(last) == at + 1;
                let exists = (Errno::EEXIST, Diagnostic::NONE);
                assert_eq!(refused, if own { exists } else { CONFLICT }, "{owner} {last}");
            }
        }
        assert_eq!(rules(&mut kernel, conn, ACTIVE, head).len(), 3);
    }
    // ICMP rules that protect in another way are in the way as well.
    let (mut kernel, conn) = start();
    done(&mut kernel, conn, &of(OWNERS[1], "", add(ACTIVE, OUT, 5, ESP).with(proto(1))));
    let other = [
        (AttrTag::TYPE, 3),
        (AttrTag::FLAGS, 0x42),
        (AttrTag::ESP_ENCR, 12),
        (AttrTag::ESP_AUTH, 3),
        (AttrTag::END, 0),
    ];
    let request = add(ACTIVE, OUT, 5, &other).with(proto(1)).with(local("10.9.9.9/32"));
    assert_eq!(status(&mut kernel, conn, &request), CONFLICT);
    let own = of(OWNERS[1], "", request);
    assert_eq!(status(&mut kernel, conn, &own), (Errno::EEXIST, Diagnostic::NONE));
}

/// Adding never brings ICMP rules of one list together that protect in two ways; an exchange
/// can. Then the first one counts, as in the C kernel: the one that came last.
#[test]
fn after_an_exchange_new_icmp_rules_are_compared_with_the_first_of_the_list() {
    let other: &[(AttrTag, u32)] =
        &[(AttrTag::TYPE, 3), (AttrTag::FLAGS, 1), (AttrTag::AH_AUTH, 5), (AttrTag::END, 0)];
    let icmp = |side, action, net| add(side, OUT, 5, action).with(proto(1)).with(local(net));
    // With few rules and with many, which are kept differently; and with a list that a copy
    // has turned round.
    for (filler, turned) in [(0, false), (40, false), (0, true), (40, true)] {
        let (mut kernel, conn) = start();
        for n in 0..filler {
            let filler = add(ACTIVE, OUT, 1, ESP).with(local(&format!("192.0.2.{n}/32")));
            done(&mut kernel, conn, &filler);
        }
        done(&mut kernel, conn, &icmp(ACTIVE, ESP, "10.1.0.0/16"));
        if turned {
            for kind in [MsgType::CLONE, MsgType::FLIP] {
                done(&mut kernel, conn, &message(kind, ACTIVE));
            }
            done(&mut kernel, conn, &message(MsgType::FLUSH, STANDBY));
        }
        done(&mut kernel, conn, &of(OWNERS[1], "", icmp(STANDBY, other, "10.2.0.0/16")));
        done(&mut kernel, conn, &of(OWNERS[1], "", message(MsgType::FLIP, ACTIVE)));
        let as_before = icmp(ACTIVE, ESP, "10.3.0.0/16");
        assert_eq!(status(&mut kernel, conn, &as_before), CONFLICT, "{filler} {turned}");
        let as_first = icmp(ACTIVE, other, "10.3.0.0/16");
        assert_eq!(status(&mut kernel, conn, &as_first), OK, "{filler} {turned}");
    }
}

#[test]
fn only_own_rules_are_deleted() {
    for head in HEADS {
        let (mut kernel, conn) = filled(head);
        for (at, owner) in OWNERS.into_iter().enumerate() {
            for other in (0..3).filter(|&other| other != at) {
                // Four numbers each, of which the first two are active.
                let index = 1 + 4 * other as u64;
                let by_index = of(owner, head, delete_index(ACTIVE, index));
                assert_eq!(status(&mut kernel, conn, &by_index), NO_RULE, "{owner}");
                let by_selector = of(
                    owner,
                    head,
                    message(MsgType::DELETERULE, ACTIVE)
                        .with(rule(0, BOTH, 0))
                        .with(remote(&format!("10.0.0.{}/32", other + 1))),
                );
                assert_eq!(status(&mut kernel, conn, &by_selector), NO_RULE, "{owner}");
            }
        }
        assert_eq!(rules(&mut kernel, conn, ACTIVE, head).len(), 3);
        let by_selector =
            message(MsgType::DELETERULE, ACTIVE).with(rule(0, BOTH, 0)).with(remote("10.0.0.2/32"));
        done(&mut kernel, conn, &of(OWNERS[1], head, by_selector));
        for index in [9, 10] {
            done(&mut kernel, conn, &of(OWNERS[2], head, delete_index(ACTIVE, index)));
        }
        assert_eq!(rules(&mut kernel, conn, ACTIVE, head), expected(&[(1, 0)]));
    }
}

/// The flags of the active side as the tunnel has been told last.
fn told(kernel: &mut Kernel) -> Option<SideFlags> {
    let events = kernel.take_events();
    events.into_iter().rev().find_map(|event| match event {
        Event::TunnelPolicy { flags, .. } => Some(flags.active),
        _ => None,
    })
}

#[test]
fn flush_leaves_others_alone_and_the_tunnel_protected_to_the_last_rule() {
    for head in HEADS {
        for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
            let (mut kernel, conn) = filled(head);
            kernel.add_link(name("tun0"));
            let mut left = vec![(1, 0), (2, 1), (3, 2)];
            for owner in order {
                let flush = of(OWNERS[owner], head, message(MsgType::FLUSH, ACTIVE));
                done(&mut kernel, conn, &flush);
                left.retain(|&(_, other)| other != owner);
                assert_eq!(rules(&mut kernel, conn, ACTIVE, head), expected(&left));
                assert_eq!(rules(&mut kernel, conn, STANDBY, head).len(), 3);
                if !head.is_empty() {
                    let flags = told(&mut kernel).expect("the tunnel hears of it");
                    let expected = match left.len() {
                        0 => SideFlags::empty(),
                        _ => SideFlags::ACTIVE | SideFlags::TUNNEL,
                    };
                    assert_eq!(flags, expected, "{order:?} {left:?}");
                }
            }
        }
    }
    // All heads at once.
    let (mut kernel, conn) = filled("tun0");
    done(&mut kernel, conn, &of(OWNERS[1], "", peer(ACTIVE, "", 2)));
    done(&mut kernel, conn, &peer(ACTIVE, "", 1));
    done(&mut kernel, conn, &in_tunnel(message(MsgType::FLUSH, ACTIVE), "").with(tag(OWNERS[1])));
    assert_eq!(rules(&mut kernel, conn, ACTIVE, ""), expected(&[(1, 0)]));
    assert_eq!(rules(&mut kernel, conn, ACTIVE, "tun0"), expected(&[(1, 0), (3, 2)]));
}

#[test]
fn flip_exchanges_own_rules_only() {
    for head in HEADS {
        let (mut kernel, conn) = filled(head);
        let mut active = vec![(1, 0), (2, 1), (3, 2)];
        for owner in [1, 0, 2, 1] {
            done(&mut kernel, conn, &of(OWNERS[owner], head, message(MsgType::FLIP, ACTIVE)));
            let entry = &mut active[owner];
            entry.0 = if entry.0 > 10 { entry.0 - 10 } else { entry.0 + 10 };
            assert_eq!(rules(&mut kernel, conn, ACTIVE, head), expected(&active), "{head}");
            let standby: Vec<_> = active
                .iter()
                .map(|&(n, owner)| (if n > 10 { n - 10 } else { n + 10 }, owner))
                .collect();
            assert_eq!(rules(&mut kernel, conn, STANDBY, head), expected(&standby));
        }
    }
}

#[test]
fn a_flip_that_would_bring_together_what_cannot_be_changes_nothing() {
    for head in HEADS {
        let (mut kernel, conn) = filled(head);
        // Owner 1 has in standby what owner 2 has in force.
        done(&mut kernel, conn, &of(OWNERS[1], head, peer(STANDBY, head, 3)));
        let before =
            (rules(&mut kernel, conn, ACTIVE, head), rules(&mut kernel, conn, STANDBY, head));
        let flip = of(OWNERS[1], head, message(MsgType::FLIP, ACTIVE));
        assert_eq!(status(&mut kernel, conn, &flip), CONFLICT);
        // Nor in any head, if all of them are asked for.
        done(&mut kernel, conn, &of(OWNERS[1], "", peer(STANDBY, "", 77)));
        let all = in_tunnel(message(MsgType::FLIP, ACTIVE), "").with(tag(OWNERS[1]));
        assert_eq!(status(&mut kernel, conn, &all), CONFLICT);
        assert!(!rules(&mut kernel, conn, ACTIVE, "").iter().any(|(last, _)| *last == 77));
        let after =
            (rules(&mut kernel, conn, ACTIVE, head), rules(&mut kernel, conn, STANDBY, head));
        if !head.is_empty() {
            assert_eq!(after, before);
        }
    }
    // Both modes in one tunnel.
    let (mut kernel, conn) = start();
    done(&mut kernel, conn, &of(OWNERS[2], "tun0", peer(ACTIVE, "tun0", 1)));
    let transport = of(OWNERS[1], "tun0", add(STANDBY, BOTH, 5, ESP));
    done(&mut kernel, conn, &transport);
    let flip = of(OWNERS[1], "tun0", message(MsgType::FLIP, ACTIVE));
    assert_eq!(status(&mut kernel, conn, &flip), (Errno::EBUSY, Diagnostic::NONE));
    assert_eq!(rules(&mut kernel, conn, ACTIVE, "tun0"), expected(&[(1, 2)]));
    // Alone, the tunnel can change its mode.
    done(&mut kernel, conn, &of(OWNERS[2], "tun0", message(MsgType::FLUSH, ACTIVE)));
    assert_eq!(status(&mut kernel, conn, &flip), OK);
}

#[test]
fn clone_replaces_own_rules_of_standby() {
    for head in HEADS {
        let (mut kernel, conn) = filled(head);
        done(&mut kernel, conn, &of(OWNERS[1], head, message(MsgType::CLONE, ACTIVE)));
        assert_eq!(rules(&mut kernel, conn, STANDBY, head), expected(&[(11, 0), (2, 1), (13, 2)]));
        done(&mut kernel, conn, &of("", head, message(MsgType::CLONE, ACTIVE)));
        assert_eq!(rules(&mut kernel, conn, STANDBY, head), expected(&[(1, 0), (2, 1), (13, 2)]));
        assert_eq!(rules(&mut kernel, conn, ACTIVE, head), expected(&[(1, 0), (2, 1), (3, 2)]));
    }
}

#[test]
fn dumps_show_all_or_one_owner() {
    for head in HEADS {
        let (mut kernel, conn) = filled(head);
        let plain = of("", head, message(MsgType::DUMP, ACTIVE));
        let (all, count) = shown(&mut kernel, conn, &plain);
        assert_eq!(all.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(all.iter().all(|(_, owner)| owner.is_empty()), "no owner is shown");
        assert_eq!(count, 6);
        let (all, count) = shown(&mut kernel, conn, &any(ACTIVE, head));
        assert_eq!((all, count), (expected(&[(1, 0), (2, 1), (3, 2)]), 6));
        for owner in [1, 2] {
            let named = of(OWNERS[owner], head, message(MsgType::DUMP, ACTIVE));
            let (own, count) = shown(&mut kernel, conn, &named);
            assert_eq!((own, count), (expected(&[(owner as u8 + 1, owner)]), 2));
        }
        let stranger = of("stranger", head, message(MsgType::DUMP, ACTIVE));
        assert_eq!(shown(&mut kernel, conn, &stranger), (vec![], 0));
    }
}

#[test]
fn a_dump_of_one_owner_has_the_order_of_the_table() {
    let (mut kernel, conn) = start();
    for n in 0..60u8 {
        let owner = OWNERS[usize::from(n % 3)];
        done(&mut kernel, conn, &of(owner, "", peer(ACTIVE, "", n)));
    }
    let all = dump(&mut kernel, conn, &any(ACTIVE, ""));
    for owner in &OWNERS[1..] {
        let own: Vec<u64> = all
            .iter()
            .filter(|record| record.exts.last() == Some(&tag(owner)))
            .filter_map(|record| record.rule().map(|rule| rule.index))
            .collect();
        let dumped = dump(&mut kernel, conn, &of(owner, "", message(MsgType::DUMP, ACTIVE)));
        assert_eq!(indexes(&dumped), own);
        assert_eq!(own.len(), 40);
    }
}

#[test]
fn what_has_no_owner_takes_no_namespace() {
    let (mut kernel, conn) = start();
    let refused = |code| (Errno::EINVAL, code);
    for kind in [MsgType::ALGLIST, MsgType::DUMPALGS, MsgType::UPDATEALGS] {
        let request = message(kind, ACTIVE).with(tag(OWNERS[1]));
        let expected = refused(Diagnostic::NAMESPACE_INAPPLICABLE);
        assert_eq!(status(&mut kernel, conn, &request), expected, "{kind}");
    }
    for kind in [MsgType::FLUSH, MsgType::FLIP, MsgType::CLONE, MsgType::DELETERULE] {
        let request = message(kind, ACTIVE).with(Ext::Namespace(NamespaceExt::Any));
        let expected = refused(Diagnostic::NAMESPACE_INAPPLICABLE);
        assert_eq!(status(&mut kernel, conn, &request), expected, "{kind}");
    }
    // The probe, on both kernels.
    let probe = message(MsgType::LOOKUP, ACTIVE).with(tag(OWNERS[1]));
    assert_eq!(status(&mut kernel, conn, &probe), refused(Diagnostic::NONE));
    let mut old = Kernel::new(Config { kind: KernelKind::Unmodified, ..Config::default() });
    let conn = old.open_policy();
    assert_eq!(status(&mut old, conn, &probe), refused(Diagnostic::UNKNOWN_EXT));
    // There is no message with one that changes an old kernel.
    done(&mut old, conn, &peer(ACTIVE, "", 1));
    for kind in 0..=11 {
        let request = message(MsgType(kind), ACTIVE).with(tag(OWNERS[1]));
        assert_eq!(status(&mut old, conn, &request), refused(Diagnostic::UNKNOWN_EXT), "{kind}");
    }
    assert_eq!(dump(&mut old, conn, &message(MsgType::DUMP, ACTIVE)).len(), 4);
}

#[test]
fn the_form_of_a_namespace_is_checked() {
    let (mut kernel, conn) = filled("");
    let refused = |code| (Errno::EINVAL, code);
    let body = |len: u16, flags: u16, name: &[u8]| {
        let mut body = [len.to_ne_bytes(), flags.to_ne_bytes()].concat();
        body.extend_from_slice(name);
        Ext::Other { kind: ExtType::NAMESPACE, body }
    };
    for ext in [
        body(0, 0, b"\0\0\0\0\0\0\0\0"),
        body(1, 1, b"a\0\0\0\0\0\0\0"),
        body(1, 2, b"a\0\0\0\0\0\0\0"),
        body(2, 0, b"a\0\0\0\0\0\0\0"),
        body(1, 0, b"ab\0\0\0\0\0\0"),
        body(1, 0, b"a\0\0\0\0\0\0x"),
        body(1, 0, b"*\0\0\0\0\0\0\0"),
        body(3, 0, b"a b\0\0\0\0\0"),
        body(8, 0, b"abcdefgh"),
        body(1, 0, b"a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        body(1, 0, b""),
    ] {
        let request = message(MsgType::FLUSH, ACTIVE).with(ext.clone());
        let expected = refused(Diagnostic::NAMESPACE_MALFORMED);
        assert_eq!(status(&mut kernel, conn, &request), expected, "{ext:?}");
    }
    let twice = message(MsgType::FLUSH, ACTIVE).with(tag("a")).with(tag("b"));
    assert_eq!(status(&mut kernel, conn, &twice), refused(Diagnostic::NAMESPACE_DUPLICATE));
    assert_eq!(rules(&mut kernel, conn, ACTIVE, "").len(), 3, "nothing has changed");
    // It can stand anywhere.
    let first = Message { exts: vec![tag(OWNERS[1])], ..message(MsgType::ADDRULE, ACTIVE) };
    let request = peer(ACTIVE, "", 50).exts.into_iter().fold(first, Message::with);
    done(&mut kernel, conn, &request);
    assert!(rules(&mut kernel, conn, ACTIVE, "").contains(&(50, OWNERS[1].to_owned())));
}

/// Something that an owner does to one head.
#[derive(Clone, Copy, Debug)]
enum Op {
    Add(u8, u8),
    Delete(u8, u8),
    Flush(u8),
    Flip,
    Clone,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => (0..2u8, 1..24u8).prop_map(|(side, last)| Op::Add(side, last)),
        4 => (0..2u8, 1..24u8).prop_map(|(side, last)| Op::Delete(side, last)),
        1 => (0..2u8).prop_map(Op::Flush),
        2 => Just(Op::Flip),
        1 => Just(Op::Clone),
    ]
}

/// The two sides of a head: peers and their owners.
#[derive(Default)]
struct Model {
    sides: [Vec<(u8, usize)>; 2],
}

impl Model {
    /// Does it here; whether that is possible.
    fn apply(&mut self, owner: usize, op: Op) -> bool {
        let own = |&(_, other): &(u8, usize)| other == owner;
        match op {
            Op::Add(side, last) => {
                let side = &mut self.sides[usize::from(side)];
                let free = side.iter().all(|&(other, _)| other != last);
                if free {
                    side.push((last, owner));
                }
                free
            }
            Op::Delete(side, last) => {
                let side = &mut self.sides[usize::from(side)];
                let before = side.len();
                side.retain(|&rule| rule != (last, owner));
                side.len() < before
            }
            Op::Flush(side) => {
                self.sides[usize::from(side)].retain(|rule| !own(rule));
                true
            }
            Op::Clone => {
                let copies: Vec<_> =
                    self.sides[0].iter().filter(|rule| own(rule)).copied().collect();
                self.sides[1].retain(|rule| !own(rule));
                self.sides[1].extend(copies);
                true
            }
            Op::Flip => {
                let meets = |from: usize, to: usize| {
                    self.sides[from].iter().filter(|rule| own(rule)).any(|(last, _)| {
                        self.sides[to].iter().any(|rule| rule.0 == *last && !own(rule))
                    })
                };
                if meets(0, 1) || meets(1, 0) {
                    return false;
                }
                let mut moving = [Vec::new(), Vec::new()];
                for (side, moving) in self.sides.iter_mut().zip(&mut moving) {
                    moving.extend(side.iter().filter(|rule| own(rule)).copied());
                    side.retain(|rule| !own(rule));
                }
                let [active, standby] = moving;
                self.sides[0].extend(standby);
                self.sides[1].extend(active);
                true
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn owners_never_touch_each_others_rules(
        head in prop::sample::select(HEADS.to_vec()),
        ops in vec((0..3usize, op()), 1..150),
    ) {
        let (mut kernel, conn) = start();
        // A head of a tunnel is there from its first rule on.
        done(&mut kernel, conn, &of("", head, peer(ACTIVE, head, 200)));
        kernel.add_link(name("tun0"));
        let mut model = Model { sides: [vec![(200, 0)], vec![]] };
        for (owner, op) in ops {
            let request = match op {
                Op::Add(side, last) => peer(side, head, last),
                Op::Delete(side, last) => message(MsgType::DELETERULE, side)
                    .with(rule(0, BOTH, 0))
                    .with(remote(&format!("10.0.0.{last}/32"))),
                Op::Flush(side) => message(MsgType::FLUSH, side),
                Op::Flip => message(MsgType::FLIP, ACTIVE),
                Op::Clone => message(MsgType::CLONE, ACTIVE),
            };
            kernel.take_events();
            let (errno, _) = status(&mut kernel, conn, &of(OWNERS[owner], head, request));
            prop_assert_eq!(errno == Errno::OK, model.apply(owner, op), "{:?} {:?}", owner, op);
            for side in [ACTIVE, STANDBY] {
                let ours = rules(&mut kernel, conn, side, head);
                prop_assert_eq!(ours, expected(&model.sides[usize::from(side)]));
            }
            // The tunnel is protected as long as anybody has a rule in force.
            if let Some(flags) = told(&mut kernel) {
                let in_force = !model.sides[0].is_empty();
                prop_assert_eq!(flags.contains(SideFlags::ACTIVE), in_force);
            }
        }
    }
}
