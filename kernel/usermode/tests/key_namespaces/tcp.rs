// SPDX-License-Identifier: MIT OR Apache-2.0

//! Keys of TCP signatures: the same without SPIs.

use super::*;

/// The key of a connection to a port.
fn signature(port: u16) -> Sa {
    let mut sa = Sa::new(SaType::TCPSIG, 0, addr(HERE), addr(THERE));
    sa.dst.port = port;
    sa.auth = 1;
    sa.auth_string = Some(b"secret".to_vec().into());
    sa
}

fn tcp(kind: MsgType, port: u16) -> Message {
    let end = |kind, text, port| Ext::Address(kind, AddressExt::new(addr(text), port, 0));
    Message::request(kind, SaType::TCPSIG).with(end(ExtType::ADDRESS_SRC, HERE, 0)).with(end(
        ExtType::ADDRESS_DST,
        THERE,
        port,
    ))
}

fn ports(messages: &[Message]) -> Vec<(u16, Option<String>)> {
    let ports = messages.iter().filter(|message| !message.exts.is_empty());
    ports.map(|one| (one.address(ExtType::ADDRESS_DST).unwrap().port(), owner(one))).collect()
}

/// One signature for each of the three: ports 1, 2, 3.
fn three_signatures() -> World {
    let mut world = World::new();
    for (port, who) in (1..).zip(ALL) {
        assert_eq!(world.add(&signature(port), who), OK);
    }
    world
}

fn all_signatures(world: &mut World) -> Vec<u16> {
    let all = world.answers(&any_owner(Message::request(MsgType::DUMP, SaType::TCPSIG)));
    ports(&all).into_iter().map(|(port, _)| port).collect()
}

#[test]
fn tcp_signatures_are_found_by_whose_they_are() {
    // What this list says to what it does not find.
    let gone = (Errno::ESRCH, Diagnostic::PAIR_SA_NOTFOUND);
    for request in [MsgType::GET, MsgType::UPDATE, MsgType::DELETE] {
        for (asks, own) in ALL.into_iter().zip(1..) {
            let mut world = three_signatures();
            for other in [1, 2, 3].into_iter().filter(|other| *other != own) {
                assert_eq!(world.ask(tcp(request, other).with(limits(9)), asks), gone);
            }
            assert_eq!(all_signatures(&mut world), [1, 2, 3]);
            let answers = world.answers(&tagged(tcp(request, own).with(limits(9)), asks));
            assert_eq!(answers[0].header.errno, Errno::OK);
            if request == MsgType::GET {
                assert_eq!(ports(&answers), [(own, asks.map(str::to_owned))]);
                assert!(answers[1].exts.is_empty());
            }
            let left = all_signatures(&mut world);
            assert_eq!(!left.contains(&own), request == MsgType::DELETE);
            assert!(left.len() >= 2);
        }
    }
    for (has, asks) in ALL.into_iter().flat_map(|a| ALL.map(|b| (a, b))) {
        let mut world = World::new();
        world.add(&signature(1), has);
        let why = match asks.is_some() && has != asks {
            true => Diagnostic::NAMESPACE_CONFLICT,
            false => Diagnostic::DUPLICATE_SA,
        };
        assert_eq!(world.add(&signature(1), asks), (Errno::EEXIST, why));
    }
}

#[test]
fn tcp_signatures_are_flushed_and_dumped_by_owner() {
    for (asks, own) in ALL.into_iter().zip(1..) {
        let mut world = three_signatures();
        // A flush of no type does not reach them.
        let flush = |kind| Message::request(MsgType::FLUSH, kind);
        assert_eq!(world.ask(flush(SaType::UNSPEC), asks), OK);
        assert_eq!(all_signatures(&mut world), [1, 2, 3]);
        let dump = Message::request(MsgType::DUMP, SaType::TCPSIG);
        let shown = ports(&world.answers(&tagged(dump.clone(), asks)));
        match asks {
            None => assert_eq!(shown, [(1, None), (2, None), (3, None)]),
            Some(who) => assert_eq!(shown, [(own, Some(who.to_owned()))]),
        }
        let all: Vec<_> = (1..).zip(ALL).map(|(n, who)| (n, who.map(str::to_owned))).collect();
        let answers = world.answers(&any_owner(dump));
        assert_eq!(ports(&answers), all);
        assert!(answers.last().unwrap().exts.is_empty());
        assert_eq!(world.ask(flush(SaType::TCPSIG), asks), OK);
        let left: Vec<u16> = [1, 2, 3].into_iter().filter(|port| *port != own).collect();
        assert_eq!(all_signatures(&mut world), left);
        assert!(world.read(world.plain).iter().all(|message| owner(message).is_none()));
    }
}
