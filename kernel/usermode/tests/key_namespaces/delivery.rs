// SPDX-License-Identifier: MIT OR Apache-2.0

//! Who is shown a namespace.

use super::*;

#[test]
fn who_does_not_use_namespaces_never_sees_one() {
    let requests = |kind| {
        let mut update = about(MsgType::UPDATE, kind, 1);
        update.exts.push(limits(50));
        vec![
            (getspi(kind, 100), true),
            (sa(kind, 1).add_request(), true),
            (update, true),
            (about(MsgType::DELETE, kind, 1), true),
            // Headers alone, and a refusal.
            (Message::request(MsgType::FLUSH, kind), false),
            (about(MsgType::DELETE, kind, 1), false),
        ]
    };
    for kind in KINDS {
        let mut world = World::new();
        for (request, shown) in requests(kind) {
            let with = world.answers(&tagged(request.clone(), A));
            let (knowing, plain) = (world.read(world.knowing), world.read(world.plain));
            assert_eq!(with, knowing, "{request:?}");
            assert_eq!(owner(&with[0]).as_deref(), A.filter(|_| shown));
            let mut cut = with.clone();
            cut[0].exts.retain(|ext| ext.kind() != ExtType::NAMESPACE);
            assert_eq!(plain, cut, "{request:?}");
            // The answer is that of a world without namespaces.
            let mut today = World::new();
            if request.header.kind != MsgType::GETSPI && request.header.kind != MsgType::ADD {
                if shown {
                    today.add(&sa(kind, 1), NOBODY);
                }
                if request.header.kind == MsgType::DELETE && shown {
                    let mut update = about(MsgType::UPDATE, kind, 1);
                    update.exts.push(limits(50));
                    today.ask(update, NOBODY);
                }
            }
            assert_eq!(today.answers(&request), plain);
        }
    }
    // A promiscuous socket sees dumps of others in its own form.
    let mut world = World::with_three(SaType::ESP);
    let (knowing, plain) = (world.knowing, world.plain);
    let on = Message::request(MsgType::X_PROMISC, SaType(1));
    for socket in [knowing, plain] {
        world.kernel.request(socket, &on.encode());
        world.read(socket);
    }
    world.records(&any_owner(Message::request(MsgType::DUMP, SaType::ESP)));
    let owners =
        |messages: Vec<Message>| messages.iter().filter_map(owner).collect::<BTreeSet<String>>();
    assert_eq!(owners(world.read(knowing)), [A, B].map(|who| who.unwrap().to_owned()).into());
    let seen = world.read(plain);
    assert_eq!((seen.len(), owners(seen)), (4, BTreeSet::new()));
    // A new socket begins anew.
    world.kernel.close(knowing);
    let new = world.kernel.open_key();
    world.add(&sa(SaType::ESP, 8), A);
    assert_eq!(owners(world.read(new)), BTreeSet::new());
}
