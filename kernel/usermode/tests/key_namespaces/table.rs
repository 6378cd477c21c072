// SPDX-License-Identifier: MIT OR Apache-2.0

//! What each request finds, makes and removes.

use super::*;

use common::ESP;
use common::traffic::{out, tunnel_rule, with_tunnel};

#[test]
fn add_and_getspi_give_the_tag_of_the_request() {
    for kind in KINDS {
        let mut world = World::with_three(kind);
        for (spi, who) in (11..).zip(ALL) {
            assert_eq!(world.ask(getspi(kind, spi), who), OK);
        }
        let wanted: Vec<_> = [1, 2, 3, 11, 12, 13]
            .into_iter()
            .zip(ALL.into_iter().cycle())
            .map(|(spi, who)| (spi, who.map(str::to_owned)))
            .collect();
        assert_eq!(world.all(), wanted);
    }
}

/// SPIs of those that have got a limit.
fn limited(world: &mut World, kind: SaType) -> Vec<u32> {
    let all = world.answers(&any_owner(Message::request(MsgType::DUMP, kind)));
    let limited = all.iter().filter(|one| one.lifetime(ExtType::LIFETIME_HARD).is_some());
    limited.map(|one| one.sa().unwrap().spi).collect()
}

#[test]
fn what_belongs_to_others_is_not_found() {
    let requests = [MsgType::GET, MsgType::UPDATE, MsgType::DELETE];
    for (kind, request) in KINDS.into_iter().flat_map(|kind| requests.map(|one| (kind, one))) {
        for (asks, own) in ALL.into_iter().zip(1..) {
            let mut world = World::with_three(kind);
            for other in [1, 2, 3].into_iter().filter(|other| *other != own) {
                let message = about(request, kind, other).with(limits(77));
                assert_eq!(world.ask(message, asks), GONE, "{request} {asks:?} {other}");
            }
            assert_eq!(world.spis(), [1, 2, 3]);
            assert!(limited(&mut world, kind).is_empty());
            // Its own is.
            assert_eq!(world.ask(about(request, kind, own).with(limits(77)), asks), OK);
            let changed = if request == MsgType::UPDATE { vec![own] } else { vec![] };
            assert_eq!(limited(&mut world, kind), changed);
            assert_eq!(!world.spis().contains(&own), request == MsgType::DELETE);
            assert_eq!(world.spis().len(), if request == MsgType::DELETE { 2 } else { 3 });
        }
    }
}

#[test]
fn pairs_have_one_owner() {
    for kind in KINDS {
        for (first, second) in ALL.into_iter().flat_map(|a| ALL.map(|b| (a, b))) {
            let mut world = World::new();
            assert_eq!(world.add(&leaving(kind, 1), first), OK);
            let mut other = sa(kind, 2);
            other.pair = Some(1);
            let (wanted, there) = match first == second {
                true => (OK, vec![1, 2]),
                false => ((Errno::EINVAL, Diagnostic::PAIR_INAPPROPRIATE), vec![1]),
            };
            assert_eq!(world.add(&other, second), wanted, "{first:?} {second:?}");
            assert_eq!(world.spis(), there);
            // The same with UPDATE of two that are there.
            let mut world = World::new();
            world.add(&leaving(kind, 1), first);
            world.add(&sa(kind, 2), second);
            let update = about(MsgType::UPDATE, kind, 2).with(Ext::Pair(1));
            assert_eq!(world.ask(update, second), wanted);
        }
    }
}

fn pair_of(world: &mut World, who: Who, kind: SaType) {
    assert_eq!(world.add(&leaving(kind, 1), who), OK);
    let mut other = sa(kind, 2);
    other.pair = Some(1);
    assert_eq!(world.add(&other, who), OK);
}

#[test]
fn requests_about_a_pair_find_their_own() {
    for (owns, asks) in ALL.into_iter().flat_map(|a| ALL.map(|b| (a, b))) {
        let kind = SaType::ESP;
        let mut world = World::new();
        pair_of(&mut world, owns, kind);
        let wanted = if owns == asks { OK } else { GONE };
        let update = about(MsgType::X_UPDATEPAIR, kind, 2).with(limits(99));
        assert_eq!(world.ask(update, asks), wanted);
        assert_eq!(limited(&mut world, kind).len(), if owns == asks { 2 } else { 0 });
        assert_eq!(world.ask(about(MsgType::X_DELPAIR, kind, 2), asks), wanted);
        assert_eq!(world.spis().is_empty(), owns == asks);
    }
    // By state: success is said whatever matched.
    for asks in ALL {
        let mut world = World::new();
        pair_of(&mut world, A, SaType::ESP);
        let request = about(MsgType::X_DELPAIR_STATE, SaType::ESP, 0);
        assert_eq!(world.ask(request, asks), OK);
        assert_eq!(world.spis().is_empty(), asks == A);
    }
}

#[test]
fn delete_by_addresses_skips_others() {
    for kind in KINDS {
        for (asks, own) in ALL.into_iter().zip(1..) {
            let mut world = World::with_three(kind);
            let request = Message::request(MsgType::DELETE, kind)
                .with(address(ExtType::ADDRESS_SRC, THERE))
                .with(address(ExtType::ADDRESS_DST, HERE));
            assert_eq!(world.ask(request, asks), OK);
            let left: Vec<u32> = [1, 2, 3].into_iter().filter(|spi| *spi != own).collect();
            assert_eq!(world.spis(), left, "{asks:?}");
        }
    }
}

#[test]
fn a_larval_association_is_completed_by_whose_it_is() {
    for kind in KINDS {
        for (takes, completes) in ALL.into_iter().flat_map(|a| ALL.map(|b| (a, b))) {
            let mut world = World::new();
            assert_eq!(world.ask(getspi(kind, 7), takes), OK);
            let mut update = sa(kind, 7).add_request();
            update.header.kind = MsgType::UPDATE;
            let (wanted, state) = match takes == completes {
                true => (OK, SaState::MATURE),
                false => (GONE, SaState::LARVAL),
            };
            assert_eq!(world.ask(update, completes), wanted);
            assert_eq!(world.all(), [(7, takes.map(str::to_owned))]);
            let dump = Message::request(MsgType::DUMP, kind);
            assert_eq!(world.answers(&dump)[0].sa().unwrap().state, state);
        }
    }
}

#[test]
fn a_taken_spi_says_whether_it_is_taken_by_another_owner() {
    for kind in KINDS {
        for (has, asks) in ALL.into_iter().flat_map(|a| ALL.map(|b| (a, b))) {
            let mut world = World::new();
            world.add(&sa(kind, 9), has);
            let why = match asks.is_some() && has != asks {
                true => Diagnostic::NAMESPACE_CONFLICT,
                false => Diagnostic::NONE,
            };
            assert_eq!(world.add(&sa(kind, 9), asks), (Errno::EEXIST, why));
            assert_eq!(world.ask(getspi(kind, 9), asks), (Errno::EEXIST, why));
            assert_eq!(world.all(), [(9, has.map(str::to_owned))]);
        }
    }
}

#[test]
fn flush_removes_what_is_ones_own() {
    for (asks, own) in ALL.into_iter().zip(1..) {
        for kind in [SaType::UNSPEC, SaType::ESP, SaType::AH] {
            let mut world = World::with_three(SaType::ESP);
            for (spi, who) in (21..).zip(ALL) {
                world.add(&sa(SaType::AH, spi), who);
            }
            let request = Message::request(MsgType::FLUSH, kind);
            let answers = world.answers(&tagged(request.clone(), asks));
            assert_eq!(answers, [request]);
            let gone: BTreeSet<u32> = match kind {
                SaType::ESP => [own].into(),
                SaType::AH => [own + 20].into(),
                _ => [own, own + 20].into(),
            };
            let left: Vec<u32> =
                [1, 2, 3, 21, 22, 23].into_iter().filter(|spi| !gone.contains(spi)).collect();
            assert_eq!(world.spis(), left, "{asks:?} {kind:?}");
        }
    }
}

#[test]
fn dump_shows_tags_to_who_asks_for_them() {
    let mut world = World::with_three(SaType::ESP);
    let dump = |kind| Message::request(MsgType::DUMP, kind);
    let tags = |list: &[(u32, Who)]| -> Vec<(u32, Option<String>)> {
        list.iter().map(|(spi, who)| (*spi, who.map(str::to_owned))).collect()
    };
    for kind in [SaType::UNSPEC, SaType::ESP] {
        let plain = tags(&[(1, NOBODY), (2, NOBODY), (3, NOBODY)]);
        assert_eq!(world.records(&dump(kind)), plain);
        assert_eq!(world.records(&any_owner(dump(kind))), tags(&[(1, NOBODY), (2, A), (3, B)]));
        assert_eq!(world.records(&tagged(dump(kind), A)), tags(&[(2, A)]));
        assert_eq!(world.records(&tagged(dump(kind), B)), tags(&[(3, B)]));
        assert_eq!(world.records(&tagged(dump(kind), Some("c"))), []);
        // That one has used namespaces does not change what a request without one shows.
        assert_eq!(world.records(&dump(kind)), plain);
        // Alone, and beside EDUMP, before it or behind it.
        let edump = |timeout| Ext::Edump { reserved: 0, timeout };
        assert_eq!(world.records(&tagged(dump(kind).with(edump(0)), B)), tags(&[(3, B)]));
        assert_eq!(world.records(&tagged(dump(kind), B).with(edump(0))), tags(&[(3, B)]));
        assert_eq!(world.records(&tagged(dump(kind), B).with(edump(5))), [], "none was used");
        assert_eq!(world.records(&any_owner(dump(kind)).with(edump(0))).len(), 3);
        let other = tagged(dump(kind).with(Ext::Pair(1)), B);
        assert_eq!(world.answers(&other)[0].header.diagnostic, Diagnostic::NO_EXT);
    }
    assert_eq!(world.records(&any_owner(dump(SaType::AH))), []);
}

#[test]
fn expiry_ends_tagged_associations_as_any() {
    let mut world = World::new();
    for (spi, who) in (1..).zip(ALL) {
        let mut sa = sa(SaType::ESP, spi);
        sa.hard.addtime = 100;
        world.add(&sa, who);
    }
    world.read(world.knowing);
    world.kernel.set_time(NOW + 100);
    let told: BTreeSet<u32> = world
        .read(world.knowing)
        .iter()
        .filter(|message| message.header.kind == MsgType::EXPIRE)
        .map(|message| message.sa().unwrap().spi)
        .collect();
    assert_eq!(told, [1, 2, 3].into());
    assert!(world.spis().is_empty());
}

#[test]
fn many_associations_of_several_owners() {
    let mut world = World::new();
    for spi in 1..=2000 {
        let who = if spi % 1000 == 0 { B } else { A };
        assert_eq!(world.add(&sa(SaType::ESP, spi), who), OK);
    }
    let flush = Message::request(MsgType::FLUSH, SaType::UNSPEC);
    let dump = tagged(Message::request(MsgType::DUMP, SaType::UNSPEC), B);
    assert_eq!(world.records(&dump).len(), 2);
    for (who, left) in [(B, 1998), (NOBODY, 1998), (A, 0)] {
        assert_eq!(world.ask(flush.clone(), who), OK);
        assert_eq!(world.spis().len(), left);
    }
    // Nothing is left behind in what they are found by.
    assert_eq!(world.add(&sa(SaType::ESP, 1), NOBODY), OK);
}

#[test]
fn a_flush_with_a_name_leaves_what_key_management_is_asked_for() {
    let mut host = with_tunnel(KernelKind::Modified);
    host.policy(&tunnel_rule(5, ESP));
    let socket = host.kernel.open_key();
    host.kernel.request(socket, &Message::request(MsgType::REGISTER, SaType::ESP).encode());
    let asked = |host: &mut common::links::Host, flush: Option<(SaType, Who)>| {
        if let Some((kind, who)) = flush {
            let flush = tagged(Message::request(MsgType::FLUSH, kind), who);
            host.kernel.request(socket, &flush.encode());
        }
        while host.kernel.next_reply(socket).is_some() {}
        host.kernel.deliver(&out("tun0"));
        host.kernel.next_reply(socket).map(|bytes| Header::read(&bytes).kind)
    };
    assert_eq!(asked(&mut host, None), Some(MsgType::ACQUIRE));
    for (kind, who) in [(SaType::UNSPEC, A), (SaType::ESP, B), (SaType::AH, NOBODY)] {
        assert_eq!(asked(&mut host, Some((kind, who))), None, "{kind:?} {who:?}");
    }
    for kind in [SaType::ESP, SaType::UNSPEC] {
        assert_eq!(asked(&mut host, Some((kind, NOBODY))), Some(MsgType::ACQUIRE));
    }
}
