// SPDX-License-Identifier: MIT OR Apache-2.0

//! `PF_KEY` beyond the recorded conversations: time, traffic, pairs, who gets what.

mod common;

use illumos_ipsec::model::{
    Lifetime, Sa, SaFlags, SaState, SaType, TunnelMode, default_algorithms,
};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{
    AddressExt, Diagnostic, Ext, ExtType, Header, Message, MsgType, SaExt,
};
use illumos_ipsec::wire::policy::update_algorithms;
use ipsec_usermode::packet::{Outcome, Packet, Protection, Reason, Spis};
use ipsec_usermode::{Config, ConnId, Kernel, KernelKind};

use common::links::{ELSEWHERE, HERE, Host, THERE};
use common::traffic::{
    ESP_OR_PASS, SPI_IN, SPI_OUT, add_keys, arriving, association, from_outside, out, part,
    tunnel_rule, with_tunnel,
};
use common::{ESP, addr};

const NOW: u64 = 1_700_000_000;

/// A kernel with one local address, and sockets.
struct World {
    kernel: Kernel,
    socket: ConnId,
    other: ConnId,
}

impl World {
    fn new() -> Self {
        let mut kernel = Kernel::new(Config::default());
        kernel.set_address(addr(HERE), true);
        kernel.set_time(NOW);
        let (socket, other) = (kernel.open_key(), kernel.open_key());
        Self { kernel, socket, other }
    }

    fn ask(&mut self, message: &Message) -> Header {
        self.kernel.request(self.socket, &message.encode());
        Header::read(&self.read(self.socket).last().expect("an answer").1)
    }

    fn read(&mut self, socket: ConnId) -> Vec<(Header, Vec<u8>)> {
        std::iter::from_fn(|| self.kernel.next_reply(socket))
            .map(|bytes| (Header::read(&bytes), bytes))
            .collect()
    }

    /// What the other socket gets.
    fn heard(&mut self) -> Vec<Message> {
        let all = self.read(self.other);
        all.into_iter().map(|(_, bytes)| Message::decode(&bytes).unwrap()).collect()
    }

    fn dump(&mut self) -> Vec<Sa> {
        let request = Message::request(MsgType::DUMP, SaType::UNSPEC);
        self.kernel.request(self.socket, &request.encode());
        let all = self.read(self.socket);
        all.iter()
            .filter(|(header, bytes)| header.kind == MsgType::DUMP && bytes.len() > 16)
            .map(|(_, bytes)| Sa::from_message(&Message::decode(bytes).unwrap()).unwrap())
            .collect()
    }

    fn add(&mut self, sa: &Sa) -> Header {
        self.ask(&sa.add_request())
    }
}

/// An inbound association with a hard and a soft limit.
fn limited(spi: u32, change: impl Fn(&mut Lifetime, &mut Lifetime)) -> Sa {
    let mut sa = association(spi, THERE, HERE, false);
    change(&mut sa.soft, &mut sa.hard);
    sa
}

#[test]
fn limits_of_time() {
    let mut world = World::new();
    let sa = limited(1, |soft, hard| (soft.addtime, hard.addtime) = (100, 200));
    assert_eq!(world.add(&sa).errno, Errno::OK);
    world.heard();
    world.kernel.set_time(NOW + 99);
    assert!(world.heard().is_empty());
    world.kernel.set_time(NOW + 107);
    let heard = world.heard();
    assert_eq!(heard[0].header.kind, MsgType::EXPIRE);
    assert_eq!((heard[0].header.seq, heard[0].header.pid), (0, 0));
    assert_eq!(heard[0].sa().unwrap().state, SaState::DYING);
    assert_eq!(heard[0].lifetime(ExtType::LIFETIME_SOFT).unwrap().addtime, 100);
    // Once, not at every look.
    world.kernel.set_time(NOW + 150);
    assert!(world.heard().is_empty());
    assert_eq!(world.dump()[0].state, SaState::DYING);
    world.kernel.set_time(NOW + 200);
    let heard = world.heard();
    assert_eq!(heard[0].sa().unwrap().state, SaState::DEAD);
    assert!(heard[0].lifetime(ExtType::LIFETIME_HARD).is_some());
    assert!(world.dump().is_empty());
}

#[test]
fn an_idle_association_is_told_once_until_it_is_used() {
    let mut world = World::new();
    let mut sa = association(1, THERE, HERE, false);
    sa.idle.addtime = 50;
    world.add(&sa);
    world.heard();
    world.kernel.set_time(NOW + 60);
    let heard = world.heard();
    assert!(heard[0].lifetime(ExtType::X_LIFETIME_IDLE).is_some());
    assert_eq!(heard[0].sa().unwrap().state, SaState::MATURE);
    world.kernel.set_time(NOW + 100);
    assert!(world.heard().is_empty());
}

#[test]
fn a_larval_association_does_not_wait_for_ever() {
    let mut world = World::new();
    let address = |kind, text: &str| Ext::Address(kind, AddressExt::new(addr(text), 0, 0));
    let getspi = Message::request(MsgType::GETSPI, SaType::ESP)
        .with(address(ExtType::ADDRESS_SRC, THERE))
        .with(address(ExtType::ADDRESS_DST, HERE))
        .with(Ext::SpiRange { min: 0x100, max: 0x1ff, reserved: 0 });
    assert_eq!(world.ask(&getspi).errno, Errno::OK);
    let [larval] = &world.dump()[..] else { panic!() };
    assert_eq!(larval.state, SaState::LARVAL);
    assert!((0x100..=0x1ff).contains(&larval.spi));
    // It opens nothing.
    world.kernel.set_time(NOW + 89);
    assert_eq!(world.dump().len(), 1);
    world.kernel.set_time(NOW + 98);
    assert!(world.dump().is_empty());
    // A range without a free number says so, and the client tries again.
    let one = Message::request(MsgType::GETSPI, SaType::ESP)
        .with(address(ExtType::ADDRESS_SRC, THERE))
        .with(address(ExtType::ADDRESS_DST, HERE))
        .with(Ext::SpiRange { min: 7, max: 7, reserved: 0 });
    assert_eq!(world.ask(&one).errno, Errno::OK);
    assert_eq!(world.ask(&one).errno, Errno::EEXIST);
}

#[test]
fn a_pair_lives_and_dies_together() {
    let mut world = World::new();
    world.add(&association(1, HERE, THERE, false));
    let mut second = association(2, THERE, HERE, false);
    second.pair = Some(1);
    second.hard.addtime = 100;
    assert_eq!(world.add(&second).errno, Errno::OK);
    let mut pairs: Vec<_> = world.dump().iter().map(|sa| (sa.spi, sa.pair)).collect();
    pairs.sort_unstable();
    assert_eq!(pairs, [(1, Some(2)), (2, Some(1))]);
    // A third one finds both taken; the answer does not say so.
    let mut third = association(3, THERE, HERE, false);
    third.pair = Some(1);
    assert_eq!(world.add(&third).errno, Errno::OK);
    assert!(world.dump().iter().all(|sa| sa.spi != 3 || sa.pair.is_none()));
    world.heard();
    world.kernel.set_time(NOW + 100);
    let gone: Vec<u32> = world.heard().iter().map(|message| message.sa().unwrap().spi).collect();
    assert_eq!(gone, [2, 1]);
    assert_eq!(world.dump().iter().map(|sa| sa.spi).collect::<Vec<_>>(), [3]);
}

#[test]
fn weak_keys_and_wrong_sizes() {
    let mut world = World::new();
    let des = |key: &[u8]| {
        let mut sa = association(1, THERE, HERE, false);
        (sa.auth, sa.auth_key) = (0, None);
        sa.encr = 2;
        let bytes = key.to_vec().into();
        sa.encr_key = Some(illumos_ipsec::model::SaKey { bits: 64, salt_bits: 0, bytes });
        sa
    };
    for weak in [[1; 8], [0xfe; 8], [0x1f, 0x1f, 0x1f, 0x1f, 0x0e, 0x0e, 0x0e, 0x0e]] {
        let header = world.add(&des(&weak));
        assert_eq!((header.errno, header.diagnostic), (Errno::EINVAL, Diagnostic::WEAK_EKEY));
    }
    // Semi-weak, and weak but for its parity.
    for weak in [[1, 0xfe, 1, 0xfe, 1, 0xfe, 1, 0xfe], [0; 8]] {
        assert_eq!(world.add(&des(&weak)).diagnostic, Diagnostic::WEAK_EKEY);
    }
    assert_eq!(world.add(&des(&[0xbe, 2, 0x93, 0x8e, 0x7d, 0xef, 0x28, 0x38])).errno, Errno::OK);
    let key = world.dump()[0].encr_key.clone().unwrap();
    assert_eq!(key.bytes.expose(), [0xbf, 2, 0x92, 0x8f, 0x7c, 0xef, 0x29, 0x38]);
    let mut aes = association(9, THERE, HERE, false);
    let bytes = vec![7; 20].into();
    aes.encr_key = Some(illumos_ipsec::model::SaKey { bits: 160, salt_bits: 0, bytes });
    let header = world.add(&aes);
    assert_eq!((header.errno, header.diagnostic), (Errno::EINVAL, Diagnostic::BAD_CTX));
}

/// A table of algorithms can say anything; no key is as long as the salt of this one.
#[test]
fn a_salt_that_no_key_can_have_refuses_keys() {
    let mut world = World::new();
    let mut algorithms = default_algorithms();
    algorithms.iter_mut().for_each(|alg| alg.params = vec![u16::MAX; 3]);
    let policy = world.kernel.open_policy();
    world.kernel.request(policy, &update_algorithms(&algorithms, &[]).encode());
    assert_eq!(world.kernel.next_reply(policy).unwrap()[2], 0);
    let register = Message::request(MsgType::REGISTER, SaType::ESP);
    assert_eq!(world.ask(&register).errno, Errno::OK);
    let header = world.add(&association(1, THERE, HERE, false));
    assert_eq!((header.errno, header.diagnostic), (Errno::EINVAL, Diagnostic::BAD_EKEYBITS));
}

#[test]
fn who_gets_what() {
    let mut world = World::new();
    // Everybody hears of a change, without the keys.
    world.add(&association(1, THERE, HERE, false));
    let heard = world.heard();
    assert_eq!(heard[0].header.kind, MsgType::ADD);
    assert!(heard[0].key(ExtType::KEY_ENCRYPT).is_none());
    // Nobody hears of a question, but for a promiscuous socket.
    world.dump();
    assert!(world.heard().is_empty());
    let promisc = Message::request(MsgType::X_PROMISC, SaType(1));
    let other = world.other;
    world.kernel.request(other, &promisc.encode());
    world.heard();
    world.dump();
    let heard = world.heard();
    assert_eq!(heard.len(), 2, "the association and the end");
    assert!(heard[0].key(ExtType::KEY_ENCRYPT).is_some());
    let off = Message::request(MsgType::X_PROMISC, SaType::UNSPEC);
    world.kernel.request(other, &off.encode());
    world.heard();
    world.dump();
    assert!(world.heard().is_empty());
}

#[test]
fn a_reader_that_does_not_come_loses_messages_and_costs_little() {
    let mut world = World::new();
    for spi in 1..=1000 {
        assert_eq!(world.add(&association(spi, THERE, HERE, false)).errno, Errno::OK);
    }
    let kept: usize = world.heard().iter().map(|message| message.encode().len()).sum();
    assert!(kept > 0 && kept < 16 * 1024, "{kept} bytes");
    assert_eq!(world.dump().len(), 1000);
}

#[test]
fn the_unsafe_requests_are_answered() {
    let mut world = World::new();
    let address = |kind, text: &str| Ext::Address(kind, AddressExt::new(addr(text), 0, 0));
    let ends = |kind| {
        Message::request(kind, SaType::ESP)
            .with(address(ExtType::ADDRESS_SRC, HERE))
            .with(address(ExtType::ADDRESS_DST, THERE))
    };
    for kind in [MsgType::UPDATE, MsgType::X_UPDATEPAIR, MsgType::X_DELPAIR_STATE] {
        let header = world.ask(&ends(kind));
        assert_eq!((header.errno, header.diagnostic), (Errno::EINVAL, Diagnostic::MISSING_SA));
    }
    let state = SaExt { state: SaState::MATURE, ..SaExt::find(0, SaFlags::empty()) };
    let header = world.ask(&ends(MsgType::X_DELPAIR_STATE).with(Ext::Sa(state)));
    assert_eq!(header.errno, Errno::OK);
}

#[test]
fn half_a_header_flushes_nothing() {
    let mut world = World::new();
    world.add(&association(1, THERE, HERE, false));
    let flush = [2, MsgType::FLUSH.0, 0, SaType::ESP.0, 1, 0, 0, 0];
    for len in [8, 7, 1, 0] {
        world.kernel.request(world.socket, &flush[..len]);
        let [(header, bytes)] = &world.read(world.socket)[..] else { panic!("{len}") };
        assert_eq!((header.errno, bytes.len()), (Errno::EMSGSIZE, 16));
        assert_eq!(world.dump().len(), 1);
    }
}

/// A word of an extension at the end of a request, of every type and in every request.
#[test]
fn extensions_that_end_too_early_are_answered_or_passed_over() {
    let whole = association(1, THERE, HERE, true).add_request();
    let types = [SaType::UNSPEC, SaType::AH, SaType::ESP, SaType::TCPSIG];
    for (kind, satype) in (0..=16).flat_map(|kind| types.map(|satype| (MsgType(kind), satype))) {
        for short in (1..=28).map(ExtType) {
            let mut world = World::new();
            let mut request = whole.clone();
            (request.header.kind, request.header.satype) = (kind, satype);
            request.exts.retain(|ext| ext.kind() != short);
            request.exts.push(Ext::Other { kind: short, body: vec![0; 4].into() });
            world.kernel.request(world.socket, &request.encode());
            for (header, bytes) in world.read(world.socket) {
                assert_eq!(usize::from(header.len) * 8, bytes.len(), "{kind} {satype:?} {short:?}");
            }
        }
    }
}

fn protect(kind: KernelKind) -> Host {
    let mut host = with_tunnel(kind);
    host.policy(&tunnel_rule(5, ESP));
    host
}

#[test]
fn without_an_association_nothing_leaves_and_key_management_is_asked_once() {
    let mut host = protect(KernelKind::Modified);
    let (all, registered) = (host.kernel.open_key(), host.kernel.open_key());
    let register = Message::request(MsgType::REGISTER, SaType::ESP);
    host.kernel.request(registered, &register.encode());
    while host.kernel.next_reply(registered).is_some() {}
    for _ in 0..3 {
        let outcome = host.kernel.deliver(&out("tun0")).outcome;
        assert_eq!(outcome, Outcome::Drop(Reason::NoAssociation));
    }
    let asked = Message::decode(&host.kernel.next_reply(registered).unwrap()).unwrap();
    assert_eq!(asked.header.kind, MsgType::ACQUIRE);
    assert!(asked.header.seq >= 0x8000_0000);
    assert_eq!(asked.address(ExtType::ADDRESS_DST).unwrap().addr(), Some(addr(THERE)));
    assert!(matches!(asked.get(ExtType::PROPOSAL), Some(Ext::Proposal(_))));
    assert_eq!(host.kernel.next_reply(registered), None, "it is asked once");
    assert_eq!(host.kernel.next_reply(all), None, "only who has registered is asked");
    // What does not come is asked for again after a while.
    let before = host.kernel.time();
    host.kernel.set_time(before + 200);
    host.kernel.deliver(&out("tun0"));
    assert!(host.kernel.next_reply(registered).is_some());
    add_keys(&mut host);
    assert!(matches!(host.kernel.deliver(&out("tun0")).outcome, Outcome::Protect { .. }));
}

#[test]
fn an_extended_registration_is_asked_in_its_form() {
    let mut host = protect(KernelKind::Modified);
    let socket = host.kernel.open_key();
    let register =
        Message::request(MsgType::REGISTER, SaType::UNSPEC).with(Ext::Ereg(vec![3, 2, 0, 0]));
    host.kernel.request(socket, &register.encode());
    let answers: Vec<SaType> = std::iter::from_fn(|| host.kernel.next_reply(socket))
        .map(|bytes| Header::read(&bytes).satype)
        .collect();
    assert_eq!(answers, [SaType::ESP, SaType::AH]);
    host.kernel.deliver(&out("tun0"));
    let asked = Message::decode(&host.kernel.next_reply(socket).unwrap()).unwrap();
    assert_eq!(asked.header.satype, SaType::UNSPEC);
    let Some(Ext::ExtendedProposal(proposal)) = asked.get(ExtType::X_EPROP) else { panic!() };
    let algs: Vec<_> = proposal.combinations[0].algs.iter().map(|one| one.alg).collect();
    assert_eq!(algs, [5, 12], "SHA-256, then AES");
    // The same can be asked without traffic.
    let mut question = Message::request(MsgType::X_INVERSE_ACQUIRE, SaType::UNSPEC);
    for kind in [ExtType::X_ADDRESS_INNER_SRC, ExtType::X_ADDRESS_INNER_DST] {
        let inner = AddressExt::new(addr("10.0.0.1"), 0, 0).with_prefix(32);
        question.exts.push(Ext::Address(kind, inner));
    }
    for (kind, text) in [(ExtType::ADDRESS_SRC, HERE), (ExtType::ADDRESS_DST, THERE)] {
        question.exts.push(Ext::Address(kind, AddressExt::new(addr(text), 0, 0)));
    }
    host.kernel.request(socket, &question.encode());
    let told = Message::decode(&host.kernel.next_reply(socket).unwrap()).unwrap();
    assert_eq!(told.get(ExtType::X_EPROP), asked.get(ExtType::X_EPROP));
    host.flush("tun0");
    host.kernel.request(socket, &question.encode());
    let header = Header::read(&host.kernel.next_reply(socket).unwrap());
    assert_eq!(header.errno, Errno::ENOENT);
}

fn with_spi(packet: Packet, spi: u32) -> Packet {
    let spis = Spis { ah: None, esp: Some(spi) };
    Packet { protection: Some(Protection { spis, ..Protection::default() }), ..packet }
}

#[test]
fn the_association_says_how_a_packet_was_protected() {
    let mut host = protect(KernelKind::Modified);
    add_keys(&mut host);
    let good = with_spi(arriving("tun0"), SPI_IN);
    let Outcome::Protect { spis, mode, .. } = host.kernel.deliver(&good).outcome else { panic!() };
    assert_eq!((spis.esp, mode), (Some(SPI_IN), TunnelMode::Tunnel));
    let outcome = |host: &Host, packet: &Packet| host.kernel.verdict(packet).outcome;
    for spi in [SPI_OUT, SPI_IN + 1] {
        let packet = with_spi(arriving("tun0"), spi);
        assert_eq!(outcome(&host, &packet), Outcome::Drop(Reason::NoAssociation));
    }
    // One of the other mode, one for other addresses, one with another cipher.
    let socket = host.kernel.open_key();
    let mut narrow = association(0x301, THERE, HERE, true);
    let inner = narrow.inner.as_mut().unwrap();
    inner.src = illumos_ipsec::model::Prefix::host(addr("203.0.113.1"));
    let mut other = association(0x302, THERE, HERE, true);
    other.encr = 3;
    other.encr_key.as_mut().unwrap().bits = 192;
    other.encr_key.as_mut().unwrap().bytes = (1..=24).collect::<Vec<u8>>().into();
    for sa in [association(0x300, THERE, HERE, false), narrow, other] {
        host.kernel.request(socket, &sa.add_request().encode());
        assert_eq!(host.kernel.next_reply(socket).unwrap()[2], 0);
    }
    for (spi, reason) in
        [(0x300, Reason::Mode), (0x301, Reason::OtherTraffic), (0x302, Reason::EspCipher)]
    {
        let packet = with_spi(arriving("tun0"), spi);
        assert_eq!(outcome(&host, &packet), Outcome::Drop(reason), "{spi:#x}");
    }
}

/// Its number and our address are not enough: it is that of one peer, if it has a source.
#[test]
fn an_association_opens_only_what_comes_from_its_source() {
    let mut host = protect(KernelKind::Modified);
    let socket = host.kernel.open_key();
    let any = "0.0.0.0";
    for (spi, src) in [(SPI_IN, THERE), (SPI_IN + 1, ELSEWHERE), (SPI_IN + 2, any)] {
        host.kernel.request(socket, &association(spi, src, HERE, true).add_request().encode());
        assert_eq!(host.kernel.next_reply(socket).unwrap()[2], 0);
    }
    let refused = Outcome::Drop(Reason::NoAssociation);
    for packet in [arriving("tun0"), from_outside()] {
        for (more, opens) in [(0, true), (1, false), (2, true)] {
            let outcome = host.kernel.verdict(&with_spi(packet.clone(), SPI_IN + more)).outcome;
            assert_eq!(matches!(outcome, Outcome::Protect { .. }), opens, "{more}");
            assert_eq!(outcome == refused, !opens, "{more}");
        }
    }
}

#[test]
fn traffic_uses_an_association_up() {
    let mut host = protect(KernelKind::Modified);
    let socket = host.kernel.open_key();
    let mut sa = association(SPI_OUT, HERE, THERE, true);
    (sa.soft.bytes, sa.hard.bytes) = (250, 350);
    host.kernel.request(socket, &sa.add_request().encode());
    while host.kernel.next_reply(socket).is_some() {}
    let mut states = Vec::new();
    for _ in 0..5 {
        let verdict = host.kernel.deliver(&out("tun0"));
        let told = host
            .kernel
            .next_reply(socket)
            .map(|bytes| Message::decode(&bytes).unwrap().sa().unwrap().state);
        states.push((verdict.passes(), told));
    }
    assert_eq!(
        states,
        [
            (true, None),
            (true, None),
            (true, Some(SaState::DYING)),
            (true, Some(SaState::DEAD)),
            (false, None),
        ]
    );
}

#[test]
fn what_could_pass_in_clear_does_not_for_want_of_keys() {
    // The second alternative would let pass; the first one has no keys.
    let mut host = with_tunnel(KernelKind::Modified);
    host.policy(&tunnel_rule(5, ESP_OR_PASS));
    assert_eq!(host.kernel.verdict(&out("tun0")).outcome, Outcome::Drop(Reason::NoAssociation));
    let held = part(ipsec_usermode::packet::Fragment::First, out("tun0"));
    assert!(!host.kernel.verdict(&held).is_clear());
}
