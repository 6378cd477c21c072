// SPDX-License-Identifier: MIT OR Apache-2.0

//! Random calls about links, of several clients and mixed with policy: nothing panics, every
//! call has one answer, and what is secure stays secure.

mod common;

use common::links::*;
use common::*;
use illumos_ipsec::model::{LinkClass, LinkId, LinkState, TunnelType};
use illumos_ipsec::wire::dld::{self, MacProp};
use illumos_ipsec::wire::dlmgmt::{ANY_MEDIA, AttrValue, ConfId, LinkFlags, Request};
use illumos_ipsec::wire::iptun::{self, KparamFlags, Kparams, SimplePolicy};
use illumos_ipsec::wire::lab::{Answer, Call};
use illumos_ipsec::wire::policy::MsgType;
use ipsec_usermode::{Config, IpsecState, Kernel, KernelKind};
use proptest::collection::vec;
use proptest::prelude::*;

const SIMPLE: SimplePolicy =
    SimplePolicy { ah: 0, esp: 2, self_encap: 0, ah_alg: 0, esp_alg: 12, esp_auth_alg: 5 };

/// Well-formed calls to begin with; the links have the numbers 1 and 2.
fn seeds() -> Vec<Call> {
    let ioctl = |command, argument| Call::Ioctl { command, argument };
    let (class, flags) = (LinkClass::IPTUN, LinkFlags::ACTIVE | LinkFlags::PERSIST);
    let media = TunnelType::Ipv4.media();
    let mut calls = Vec::new();
    for (number, text, remote) in [(1, "t0", THERE), (2, "t1", ELSEWHERE)] {
        let (link, name, conf) = (LinkId(number), text.as_bytes().to_vec(), ConfId(number));
        let params = ends(link, HERE, remote);
        let secure = Kparams { flags: params.flags | KparamFlags::SECURE, ..params };
        let moved = Kparams::new(link).with_remote(ip(THERE));
        let policy = Kparams { secinfo: SIMPLE, flags: KparamFlags::SECINFO, ..moved };
        let limit = MacProp {
            link,
            number: dld::PROP_HOPLIMIT,
            value: vec![9, 0, 0, 0],
            ..Default::default()
        };
        let rename = dld::Rename { link, other: LinkId::NONE, name: b"u0".to_vec() };
        calls.extend([
            ioctl(iptun::CREATE, params.encode()),
            ioctl(iptun::CREATE_SECURE, secure.encode()),
            ioctl(iptun::MODIFY, moved.encode()),
            ioctl(iptun::MODIFY, policy.encode()),
            ioctl(iptun::INFO, Kparams::new(link).encode()),
            ioctl(iptun::DELETE, number.to_le_bytes().to_vec()),
            ioctl(iptun::SET_6TO4RELAY, vec![192, 88, 99, 1]),
            ioctl(iptun::GET_6TO4RELAY, vec![0; 4]),
            ioctl(dld::ATTR, dld::Attr { link, max_sdu: 0 }.encode()),
            ioctl(dld::RENAME, rename.encode()),
            ioctl(dld::SETMACPROP, limit.encode()),
            ioctl(dld::GETMACPROP, limit.encode()),
            Call::Statistics { link: name.clone() },
            Call::Topology { link },
            Call::Zone,
        ]);
        let requests = [
            Request::CreateLinkId { name: name.clone(), class, media, prefix: false, flags },
            Request::CreateConf { name: name.clone(), link, class, media },
            Request::SetAttr { conf, name: b"type".to_vec(), value: AttrValue::U64(1) },
            Request::WriteConf { conf },
            Request::OpenConf { link },
            Request::GetAttr { conf, name: b"type".to_vec() },
            Request::UnsetAttr { conf, name: b"type".to_vec() },
            Request::DestroyConf { conf },
            Request::RemoveConf { link },
            Request::UpLinkId { link },
            Request::Snapshot { link },
            Request::GetName { link },
            Request::GetLinkId { name: name.clone() },
            Request::GetNext { after: LinkId::NONE, class, flags, media: ANY_MEDIA },
            Request::RemapLinkId { link, name },
            Request::DestroyLinkId { link, flags: LinkFlags::ACTIVE },
            Request::SetZoneId { link, zone: 0 },
        ];
        calls.extend(requests.iter().map(|request| Call::Door(request.encode())));
    }
    calls
}

const QUESTIONS: &[&str] = &[
    r#"{"op":"plumb","link":"t0"}"#,
    r#"{"op":"plumb","link":"t1"}"#,
    r#"{"op":"unplumb","link":"t0"}"#,
    r#"{"op":"host-address","address":"192.0.2.10","up":false}"#,
    r#"{"op":"host-address","address":"192.0.2.10"}"#,
    r#"{"op":"host-address-remove","address":"192.0.2.11"}"#,
    r#"{"op":"path-mtu","mtu":1400}"#,
    r#"{"op":"interfaces"}"#,
    r#"{"op":"addresses"}"#,
    r#"{"op":"address-create","name":"t0/v4","link":"t0","local":"10.0.0.1","remote":"10.0.0.2"}"#,
    r#"{"op":"address-delete","name":"t0/v4"}"#,
    r#"{"op":"caller","zone":1,"privileges":["sys_iptun_config"]}"#,
    r#"{"op":"caller"}"#,
];

/// A secure tunnel that is plumbed, so that something is there to be disturbed.
fn beginning() -> Vec<Packet> {
    let link = LinkId(1);
    let (class, flags, media) = (LinkClass::IPTUN, LinkFlags::ACTIVE, TunnelType::Ipv4.media());
    let create = Request::CreateLinkId { name: b"t0".to_vec(), class, media, prefix: false, flags };
    let params = ends(link, HERE, THERE);
    let argument = Kparams { flags: params.flags | KparamFlags::SECURE, ..params }.encode();
    let secure = Call::Ioctl { command: iptun::CREATE_SECURE, argument };
    vec![
        Packet::Dld(Call::Door(create.encode()).encode()),
        Packet::Dld(secure.encode()),
        Packet::Control(QUESTIONS[0].as_bytes().to_vec()),
    ]
}

#[derive(Clone, Debug)]
enum Packet {
    Dld(Vec<u8>),
    Control(Vec<u8>),
    Policy(Vec<u8>),
}

/// A seed with some bytes overwritten and its end moved, or as it is.
fn spoiled(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let edits = vec((any::<prop::sample::Index>(), prop_oneof![0u8..12, any::<u8>()]), 0..3);
    let seed = prop::sample::select(seeds);
    (seed, edits, prop_oneof![4 => Just(0), 1 => -4..5isize]).prop_map(
        |(mut bytes, edits, more)| {
            for (at, value) in edits {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            bytes.resize(bytes.len().saturating_add_signed(more), 0);
            bytes
        },
    )
}

fn packet() -> impl Strategy<Value = Packet> {
    let calls: Vec<Vec<u8>> = seeds().iter().map(Call::encode).collect();
    let questions: Vec<Vec<u8>> = QUESTIONS.iter().map(|text| text.as_bytes().to_vec()).collect();
    let policies = [
        in_tunnel(add(ACTIVE, BOTH | TUNNEL, 5, ESP), "t0"),
        in_tunnel(add(STANDBY, BOTH | TUNNEL, 5, ESP), "t0"),
        in_tunnel(add(ACTIVE, BOTH | TUNNEL, 5, ESP), "u0"),
        in_tunnel(message(MsgType::FLUSH, ACTIVE), ""),
        in_tunnel(message(MsgType::FLIP, ACTIVE), "t0"),
        in_tunnel(message(MsgType::CLONE, ACTIVE), ""),
    ];
    prop_oneof![
        8 => prop::sample::select(calls.clone()).prop_map(Packet::Dld),
        4 => spoiled(calls).prop_map(Packet::Dld),
        1 => vec(any::<u8>(), 0..64).prop_map(Packet::Dld),
        4 => prop::sample::select(questions.clone()).prop_map(Packet::Control),
        1 => spoiled(questions).prop_map(Packet::Control),
        1 => vec(any::<u8>(), 0..40).prop_map(Packet::Control),
        4 => prop::sample::select(policies.map(|policy| policy.encode()).to_vec())
            .prop_map(Packet::Policy),
    ]
}

fn check(kernel: &Kernel, secure: &[LinkId]) {
    for tunnel in kernel.tunnels() {
        assert!(tunnel.secure || !secure.contains(&tunnel.link), "{tunnel:?}");
        if tunnel.secure {
            let up = tunnel.bound && tunnel.started && kernel.policy_attached(tunnel);
            let expected = if up { LinkState::Up } else { LinkState::Down };
            assert_eq!(tunnel.link_state, expected, "{tunnel:?}");
        }
        let complete = tunnel.local.is_some()
            && (tunnel.remote.is_some() || tunnel.kind == TunnelType::SixToFour);
        assert!(!tunnel.bound || complete, "{tunnel:?}");
        assert!((1280..=65_515).contains(&kernel.mtu(tunnel)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_call_has_one_answer_and_secure_tunnels_stay_what_they_are(
        kind in prop_oneof![Just(KernelKind::Modified), Just(KernelKind::Unmodified)],
        packets in vec(packet(), 1..60),
    ) {
        let mut kernel = Kernel::new(Config::new(kind, IpsecState::Loaded));
        kernel.set_address(addr(HERE), true);
        let (dld, control, policy) =
            (kernel.open_dld(), kernel.open_control(), kernel.open_policy());
        for packet in beginning().into_iter().chain(packets) {
            let secure: Vec<LinkId> =
                kernel.tunnels().filter(|tunnel| tunnel.secure).map(|tunnel| tunnel.link).collect();
            let (conn, bytes) = match &packet {
                Packet::Dld(bytes) => (dld, bytes),
                Packet::Control(bytes) => (control, bytes),
                Packet::Policy(bytes) => (policy, bytes),
            };
            kernel.request(conn, bytes);
            let answers: Vec<Vec<u8>> = std::iter::from_fn(|| kernel.next_reply(conn)).collect();
            prop_assert_eq!(answers.len(), 1);
            match packet {
                Packet::Dld(_) => prop_assert!(Answer::decode(&answers[0]).is_some()),
                Packet::Control(_) => {
                    let answer: serde_json::Value = serde_json::from_slice(&answers[0]).unwrap();
                    prop_assert!(answer.get("ok").is_some() != answer.get("error").is_some());
                }
                Packet::Policy(_) => {}
            }
            kernel.take_events();
            check(&kernel, if kind == KernelKind::Modified { &secure } else { &[] });
        }
    }
}

#[test]
fn a_question_is_answered_by_what_was_asked_or_by_what_is_wrong_with_it() {
    let mut host = Host::new(KernelKind::Modified);
    let control = host.kernel.open_control();
    host.tunnel("t0", false);
    let ask = |host: &mut Host, text: &str| {
        host.kernel.request(control, text.as_bytes());
        String::from_utf8(host.kernel.next_reply(control).unwrap()).unwrap()
    };
    let rows = [
        ("", "no JSON"),
        ("{}", "'op' is missing"),
        (r#"{"op":"no-such"}"#, "no operation 'no-such'"),
        (r#"{"op":"plumb"}"#, "'link' is missing"),
        (r#"{"op":"plumb","link":"t9"}"#, "no link t9"),
        (r#"{"op":"plumb","link":"t0"}"#, r#"{"ok":null}"#),
        (r#"{"op":"interfaces"}"#, r#""running":true"#),
        (r#"{"op":"path-mtu","mtu":67}"#, "68 is the least"),
        (r#"{"op":"path-mtu","mtu":1400}"#, r#"{"ok":null}"#),
        (r#"{"op":"interfaces"}"#, r#""mtu":1380"#),
        (r#"{"op":"unplumb","link":"t0"}"#, r#"{"ok":null}"#),
        (r#"{"op":"interfaces"}"#, r#"{"ok":[]}"#),
        (r#"{"op":"host-address-remove","address":"10.0.0.9"}"#, "does not have"),
        (r#"{"op":"host-address","address":"10.0.0.9"}"#, r#"{"ok":null}"#),
        (r#"{"op":"host-address-remove","address":"10.0.0.9"}"#, r#"{"ok":null}"#),
        (r#"{"op":"caller","privileges":["root"]}"#, "no privilege"),
        (r#"{"op":"caller","privileges":"all"}"#, "no list"),
        (r#"{"op":"caller","privileges":[]}"#, r#"{"ok":null}"#),
    ];
    for (question, expected) in rows {
        let answer = ask(&mut host, question);
        assert!(answer.contains(expected), "{question}: {answer}");
    }
    let refused = host.ioctl(iptun::DELETE, &1u32.to_le_bytes()).errno;
    assert_eq!(refused, illumos_ipsec::wire::errno::Errno::EPERM);
}
