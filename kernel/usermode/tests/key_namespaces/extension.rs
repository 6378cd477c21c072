// SPDX-License-Identifier: MIT OR Apache-2.0

//! The extension itself: its form, its place, and requests for which it means nothing.

use super::*;

#[test]
fn other_requests_are_answered_as_without() {
    let requests = [
        Message::request(MsgType::REGISTER, SaType::ESP),
        Message::request(MsgType::ACQUIRE, SaType::ESP),
        Message::request(MsgType::EXPIRE, SaType::ESP),
        Message::request(MsgType::X_INVERSE_ACQUIRE, SaType::UNSPEC)
            .with(address(ExtType::ADDRESS_SRC, HERE))
            .with(address(ExtType::ADDRESS_DST, THERE)),
        Message::request(MsgType(99), SaType::ESP),
    ];
    for request in requests {
        let mut world = World::with_three(SaType::ESP);
        let without = world.answers(&request);
        assert_eq!(world.answers(&tagged(request, A)), without);
        assert_eq!(world.spis(), [1, 2, 3]);
    }
    // PROMISC is the probe, and does what it does.
    let mut world = World::with_three(SaType::ESP);
    let other = world.plain;
    world.read(other);
    let on = tagged(Message::request(MsgType::X_PROMISC, SaType(1)), B);
    world.kernel.request(other, &on.encode());
    assert_eq!(world.read(other), [on]);
    world.answers(&Message::request(MsgType::DUMP, SaType::ESP));
    assert_eq!(world.read(other).len(), 4);
}

#[test]
fn malformed_repeated_and_inapplicable_ones_are_refused() {
    let mut world = World::with_three(SaType::ESP);
    let status = |world: &mut World, bytes: &[u8]| {
        world.read(world.socket);
        world.kernel.request(world.socket, bytes);
        let header = world.read(world.socket)[0].header;
        (header.errno, header.diagnostic)
    };
    let invalid = |diagnostic| (Errno::EINVAL, diagnostic);
    let flush = tagged(Message::request(MsgType::FLUSH, SaType::UNSPEC), B);
    // The flags, the length of the name, its first byte.
    for (at, byte) in [(22, 2), (20, 2), (24, b'*')] {
        let mut bytes = flush.encode().to_vec();
        bytes[at] = byte;
        assert_eq!(status(&mut world, &bytes), invalid(Diagnostic::NAMESPACE_MALFORMED));
    }
    let twice = tagged(flush.clone(), B).encode().to_vec();
    assert_eq!(status(&mut world, &twice), invalid(Diagnostic::NAMESPACE_DUPLICATE));
    // "Any" is for dumps only.
    for kind in (1..=15).map(MsgType).filter(|kind| *kind != MsgType::DUMP) {
        for satype in [SaType::UNSPEC, SaType::ESP, SaType::TCPSIG] {
            let bytes = any_owner(Message::request(kind, satype)).encode().to_vec();
            let wanted = invalid(Diagnostic::NAMESPACE_INAPPLICABLE);
            assert_eq!(status(&mut world, &bytes), wanted, "{kind}");
        }
    }
    assert_eq!(world.spis(), [1, 2, 3]);
}

#[test]
fn it_may_stand_anywhere_in_a_request() {
    let request = sa(SaType::ESP, 1).add_request();
    for at in 0..=request.exts.len() {
        let mut world = World::new();
        let mut moved = request.clone();
        moved.exts.insert(at, Ext::Namespace(NamespaceExt::Name(name("b"))));
        let answers = world.answers(&moved);
        assert_eq!(answers[0].header.errno, Errno::OK);
        assert_eq!(owner(&answers[0]).as_deref(), B, "last in the answer");
        assert_eq!(world.all(), [(1, Some("b".to_owned()))]);
    }
}

#[test]
fn an_unmodified_kernel_refuses_every_request_with_one() {
    let config = Config { kind: KernelKind::Unmodified, ipsec: IpsecState::Loaded };
    let mut kernel = Kernel::new(config);
    let socket = kernel.open_key();
    kernel.request(socket, &sa(SaType::ESP, 1).add_request().encode());
    while kernel.next_reply(socket).is_some() {}
    for kind in (1..=15).map(MsgType) {
        for satype in [SaType::UNSPEC, SaType::AH, SaType::ESP, SaType::TCPSIG] {
            for message in
                [tagged(about(kind, satype, 1), A), any_owner(Message::request(kind, satype))]
            {
                kernel.request(socket, &message.encode());
                let header = Header::read(&kernel.next_reply(socket).unwrap());
                let status = (header.errno, header.diagnostic);
                assert_eq!(status, (Errno::EINVAL, Diagnostic::UNKNOWN_EXT));
            }
        }
    }
    kernel.request(socket, &about(MsgType::GET, SaType::ESP, 1).encode());
    assert_eq!(kernel.next_reply(socket).unwrap()[2], 0);
}
