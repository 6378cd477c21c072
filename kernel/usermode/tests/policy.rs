// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the recorded conversations do not show.

mod common;

use common::*;
use illumos_ipsec::model::{IcmpSelector, Side};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::policy::{
    Attr, AttrTag, Diagnostic, Ext, Message, MsgType, RuleFlags, TunNameExt,
};
use ipsec_usermode::{
    Config, ConnId, Event, IpsecState, Kernel, KernelKind, PacketSelector, SideFlags, Way,
};

const OK: (Errno, Diagnostic) = (Errno::OK, Diagnostic::NONE);

fn start(kind: KernelKind) -> (Kernel, ConnId) {
    let mut kernel = Kernel::new(Config { kind, ..Config::default() });
    let conn = kernel.open_policy();
    (kernel, conn)
}

fn modified() -> (Kernel, ConnId) {
    start(KernelKind::Modified)
}

fn packet(local: &str, remote: &str, proto: u8, ports: Option<(u16, u16)>) -> PacketSelector {
    PacketSelector { local: addr(local), remote: addr(remote), proto, ports, icmp: None }
}

/// Index of the rule for an outbound packet.
fn chosen(kernel: &Kernel, packet: &PacketSelector) -> Option<u64> {
    kernel.lookup(None, Side::Active, Way::Out, packet).map(|rule| rule.index)
}

#[test]
fn lookup_takes_the_largest_priority_that_matches() {
    let (mut kernel, conn) = modified();
    let any = index(&done(&mut kernel, conn, &add(ACTIVE, OUT, 1, PASS)));
    let net = add(ACTIVE, OUT, 5, PASS).with(remote("10.1.0.0/16"));
    let net = index(&done(&mut kernel, conn, &net));
    let host = add(ACTIVE, OUT, 3, PASS).with(remote("10.1.2.3/32"));
    let host = index(&done(&mut kernel, conn, &host));
    let ssh = add(ACTIVE, OUT, 9, PASS).with(proto(6)).with(remote_port(22));
    let ssh = index(&done(&mut kernel, conn, &ssh));

    // The IPv4 twin of an address-less rule comes before its IPv6 twin.
    for (text, wanted) in [("10.2.0.1", any - 1), ("10.1.2.3", net), ("2001:db8::1", any)] {
        let local = if text.contains(':') { "2001:db8::9" } else { "10.0.0.1" };
        assert_eq!(chosen(&kernel, &packet(local, text, 17, None)), Some(wanted), "{text}");
    }
    let to_ssh = packet("10.0.0.1", "10.1.2.3", 6, Some((4000, 22)));
    assert_eq!(chosen(&kernel, &to_ssh), Some(ssh - 1));
    // Without ports to compare a port rule does not match.
    assert_eq!(chosen(&kernel, &PacketSelector { ports: None, ..to_ssh }), Some(net));
    assert!(kernel.lookup(None, Side::Active, Way::In, &to_ssh).is_none());
    assert!(kernel.lookup(None, Side::Standby, Way::Out, &to_ssh).is_none());
    done(&mut kernel, conn, &delete_index(ACTIVE, net));
    assert_eq!(chosen(&kernel, &packet("10.0.0.1", "10.1.2.3", 17, None)), Some(host));
}

#[test]
fn priority_0_never_matches() {
    let (mut kernel, conn) = modified();
    done(&mut kernel, conn, &add(ACTIVE, OUT, 0, PASS));
    done(&mut kernel, conn, &add(ACTIVE, OUT, 0, PASS).with(remote("10.0.0.1/32")));
    assert_eq!(chosen(&kernel, &packet("10.0.0.9", "10.0.0.1", 6, None)), None);
}

#[test]
fn equal_priorities_go_to_hashed_then_newest_and_clone_turns_that_round() {
    // With few rules and with many, which are kept differently.
    for filler in [0, 40] {
        let (mut kernel, conn) = modified();
        for n in 0..filler {
            let other = add(ACTIVE, OUT, 1, PASS).with(remote(&format!("192.0.2.{n}/32")));
            done(&mut kernel, conn, &other);
        }
        let mut add_rule = |ext: &[Ext]| {
            let request = ext.iter().cloned().fold(add(ACTIVE, OUT, 7, PASS), Message::with);
            index(&done(&mut kernel, conn, &request))
        };
        let old_net = add_rule(&[remote("10.0.0.0/8")]);
        let new_net = add_rule(&[remote("10.1.0.0/16")]);
        let tcp = packet("10.9.9.9", "10.1.2.3", 6, Some((1, 2)));
        let old_host = add_rule(&[remote("10.1.2.3/32")]);
        let new_host = add_rule(&[remote("10.1.2.3/32"), proto(6)]);
        assert_eq!(chosen(&kernel, &tcp), Some(new_host));

        let everything = |kernel: &mut Kernel, kind| {
            done(kernel, conn, &message(kind, ACTIVE));
        };
        everything(&mut kernel, MsgType::CLONE);
        everything(&mut kernel, MsgType::FLIP);
        assert_eq!(chosen(&kernel, &tcp), Some(old_host), "{filler}");
        done(&mut kernel, conn, &delete_index(ACTIVE, old_host));
        done(&mut kernel, conn, &delete_index(ACTIVE, new_host));
        assert_eq!(chosen(&kernel, &tcp), Some(old_net));
        everything(&mut kernel, MsgType::CLONE);
        everything(&mut kernel, MsgType::FLIP);
        assert_eq!(chosen(&kernel, &tcp), Some(new_net));
        // A rule added to a list that was turned round still comes first.
        everything(&mut kernel, MsgType::CLONE);
        everything(&mut kernel, MsgType::FLIP);
        let newest = add(ACTIVE, OUT, 7, PASS).with(remote("10.0.0.0/7"));
        let newest = index(&done(&mut kernel, conn, &newest));
        assert_eq!(chosen(&kernel, &tcp), Some(newest));
    }
}

#[test]
fn lookup_knows_prefixes_local_addresses_and_icmp_ranges() {
    let (mut kernel, conn) = modified();
    // 33 bits of an IPv4 address are all of it, but the rule is not hashed.
    let mut odd = add(ACTIVE, OUT, 1, PASS).with(local("10.0.0.1/32"));
    let Some(Ext::LocalAddr(addr_ext)) = odd.exts.last_mut() else { unreachable!() };
    addr_ext.prefixlen = 33;
    let odd = index(&done(&mut kernel, conn, &odd));
    assert_eq!(chosen(&kernel, &packet("10.0.0.1", "192.0.2.1", 6, None)), Some(odd));
    assert_eq!(chosen(&kernel, &packet("10.0.0.2", "192.0.2.1", 6, None)), None);

    let icmp = IcmpSelector { type_min: 3, type_max: 5, code: Some((1, 2)) };
    let request = add(ACTIVE, OUT, 2, PASS).with(proto(1)).with(Ext::TypeCode(icmp.into()));
    let icmp = index(&done(&mut kernel, conn, &request)) - 1;
    let got = |kernel: &Kernel, seen| {
        let packet = PacketSelector { icmp: seen, ..packet("10.0.0.9", "192.0.2.1", 1, None) };
        chosen(kernel, &packet)
    };
    for (seen, wanted) in
        [((3, 1), Some(icmp)), ((5, 2), Some(icmp)), ((6, 1), None), ((4, 3), None)]
    {
        assert_eq!(got(&kernel, Some(seen)), wanted, "{seen:?}");
    }
    assert_eq!(got(&kernel, None), None);
}

#[test]
fn dump_order_is_chain_then_newest_first_in_large_tables_too() {
    let (mut kernel, conn) = modified();
    let mut hosts = Vec::new();
    for n in 0..300u32 {
        let ext = remote(&format!("10.0.{}.{}/32", n / 256, n % 256));
        let reply = done(&mut kernel, conn, &add(ACTIVE, OUT, 1, PASS).with(ext));
        let tail = [10, 0, (n / 256) as u8, n as u8];
        hosts.push((u32::from_ne_bytes(tail) % 251, std::cmp::Reverse(index(&reply))));
    }
    hosts.sort();
    let wanted: Vec<u64> = hosts.iter().map(|host| host.1.0).collect();
    let records = dump(&mut kernel, conn, &message(MsgType::DUMP, ACTIVE));
    assert_eq!(indexes(&records), wanted);
    done(&mut kernel, conn, &message(MsgType::CLONE, ACTIVE));
    let records = dump(&mut kernel, conn, &message(MsgType::DUMP, STANDBY));
    hosts.sort_by_key(|&(chain, index)| (chain, index.0));
    assert_eq!(indexes(&records), hosts.iter().map(|host| host.1.0).collect::<Vec<_>>());
    assert_eq!(kernel.rules(None, Side::Standby).count(), 300);
}

#[test]
fn modes_do_not_mix_on_one_side() {
    let (mut kernel, conn) = modified();
    let rule = |side, mode| in_tunnel(add(side, BOTH | mode, 1, ESP), "tun0");
    let transport = RuleFlags::empty();
    assert_eq!(status(&mut kernel, conn, &rule(ACTIVE, TUNNEL)), OK);
    assert_eq!(status(&mut kernel, conn, &rule(ACTIVE, transport)).0, Errno::EBUSY);
    assert_eq!(status(&mut kernel, conn, &rule(STANDBY, transport)), OK);
    let flush = in_tunnel(message(MsgType::FLUSH, ACTIVE), "tun0");
    done(&mut kernel, conn, &flush);
    assert_eq!(status(&mut kernel, conn, &rule(ACTIVE, transport)), OK);
}

#[test]
fn loading_standby_leaves_the_active_side_on() {
    let (mut kernel, conn) = modified();
    let tun0 = name("tun0");
    let load = |side| in_tunnel(add(side, BOTH | TUNNEL, 1, ESP), "tun0");
    let flags = |kernel: &Kernel| kernel.tunnel_flags(&tun0).unwrap().word();
    done(&mut kernel, conn, &load(ACTIVE));
    assert_eq!(flags(&kernel), 0x3);
    done(&mut kernel, conn, &load(STANDBY));
    assert_eq!(flags(&kernel), 0x1b);
    done(&mut kernel, conn, &in_tunnel(message(MsgType::FLUSH, STANDBY), "tun0"));
    let unknown = [(AttrTag::TYPE, 3), (AttrTag::FLAGS, 1), (AttrTag::AH_AUTH, 99)];
    let bad = [&unknown[..], &[(AttrTag::END, 0)]].concat();
    let refused = in_tunnel(add(STANDBY, BOTH | TUNNEL, 1, &bad), "tun0");
    assert_eq!(status(&mut kernel, conn, &refused).1, Diagnostic::UNSUPP_AH_ALG);
    assert_eq!(flags(&kernel), 0x3);
    let ports = load(STANDBY).with(proto(6)).with(remote_port(22));
    done(&mut kernel, conn, &ports);
    assert_eq!(kernel.tunnel_flags(&tun0).unwrap().standby, SideFlags::all());
    assert_eq!(flags(&kernel), 0x3b);
}

#[test]
fn clone_of_one_tunnel() {
    let clone = |tunnel: &str| in_tunnel(message(MsgType::CLONE, ACTIVE), tunnel);
    for (kind, wanted, copies) in
        [(KernelKind::Modified, Errno::OK, 2), (KernelKind::Unmodified, Errno::EINVAL, 0)]
    {
        let (mut kernel, conn) = start(kind);
        for tunnel in ["tun0", "tun1"] {
            done(&mut kernel, conn, &in_tunnel(add(ACTIVE, OUT | TUNNEL, 1, ESP), tunnel));
        }
        assert_eq!(status(&mut kernel, conn, &clone("tun0")).0, wanted);
        assert_eq!(kernel.rules(Some(&name("tun0")), Side::Standby).count(), copies);
        assert_eq!(kernel.rules(Some(&name("tun1")), Side::Standby).count(), 0);
        assert_eq!(status(&mut kernel, conn, &clone("tun9")).0, Errno::ENOENT);
    }
}

#[test]
fn a_count_of_0_is_refused() {
    let (mut kernel, conn) = modified();
    let request = add(ACTIVE, OUT, 1, &[(AttrTag::TYPE, 2)]);
    let wanted = (Errno::EINVAL, Diagnostic::ADD_NO_MEM);
    assert_eq!(status(&mut kernel, conn, &request), wanted);
}

#[test]
fn icmp_rules_of_a_list_ask_for_the_same_protection() {
    let other = [(AttrTag::TYPE, 3), (AttrTag::FLAGS, 1), (AttrTag::AH_AUTH, 3), (AttrTag::END, 0)];
    let unique = [
        (AttrTag::TYPE, 3),
        (AttrTag::FLAGS, 0x52),
        (AttrTag::ESP_ENCR, 12),
        (AttrTag::ESP_AUTH, 5),
        (AttrTag::END, 0),
    ];
    for filler in [0, 40] {
        let (mut kernel, conn) = modified();
        for n in 0..filler {
            let other = add(ACTIVE, OUT, 1, PASS).with(local(&format!("192.0.2.{n}/32")));
            done(&mut kernel, conn, &other);
        }
        let mut icmp = |net: &str, attrs| {
            let request = add(ACTIVE, OUT, 1, attrs).with(proto(1)).with(local(net));
            let reply = ask(&mut kernel, conn, &request);
            (reply.header.errno, reply.rule().map(|rule| rule.index))
        };
        let (_, first) = icmp("10.1.0.0/16", ESP);
        assert_eq!(icmp("10.2.0.0/16", &other).0, Errno::EEXIST);
        assert_eq!(icmp("10.2.0.0/16", PASS).0, Errno::OK);
        let (_, second) = icmp("10.3.0.0/16", &unique);
        for index in [first, second] {
            done(&mut kernel, conn, &delete_index(ACTIVE, index.unwrap()));
        }
        let request = add(ACTIVE, OUT, 1, &other).with(proto(1)).with(local("10.2.0.0/15"));
        assert_eq!(status(&mut kernel, conn, &request), OK);
    }
}

#[test]
fn names_are_checked_and_ended() {
    let (mut kernel, conn) = modified();
    let named = |field: &[u8]| {
        let ext = Ext::TunName(TunNameExt(field.to_vec()));
        add(ACTIVE, OUT | TUNNEL, 1, PASS).with(ext)
    };
    // Four bytes in one word: the last one is lost.
    let reply = done(&mut kernel, conn, &named(b"tun7"));
    assert_eq!(reply.tun_name().unwrap().name(), b"tun");
    // A NUL in the first word does not count as the end of a longer extension.
    let reply = done(&mut kernel, conn, &named(b"ab\0defghijkl"));
    assert_eq!(reply.tun_name().unwrap().0, b"ab\0defghijk\0");
    assert!(kernel.tunnel_flags(&name("ab")).is_some());

    let long = named(&[b"x".repeat(32), vec![0; 4]].concat());
    let wanted = (Errno::EINVAL, Diagnostic::BAD_EXTLEN);
    assert_eq!(status(&mut kernel, conn, &long), wanted);
    assert_eq!(kernel.tunnel_flags(&name(&"x".repeat(31))), None);
}

#[test]
fn links_hear_of_policy_and_take_it_with_them() {
    let (mut kernel, conn) = modified();
    let words = |kernel: &mut Kernel| -> Vec<(String, u32)> {
        let word = |event| match event {
            Event::TunnelPolicy { link, flags, .. } => (link.to_string(), flags.word()),
            Event::LoadRequested => unreachable!(),
        };
        kernel.take_events().into_iter().map(word).collect()
    };
    done(&mut kernel, conn, &in_tunnel(add(ACTIVE, OUT | TUNNEL, 1, ESP), "tun0"));
    assert_eq!(words(&mut kernel), []);
    kernel.add_link(name("tun0"));
    kernel.add_link(name("tun1"));
    let told = |flags: &[u32]| flags.iter().map(|&f| ("tun0".to_owned(), f)).collect::<Vec<_>>();
    for (kind, flags) in [
        (MsgType::LOOKUP, &[3][..]),
        (MsgType::FLIP, &[0x18]),
        (MsgType::CLONE, &[]),
        (MsgType::FLUSH, &[0, 0]),
        (MsgType(77), &[0]),
    ] {
        ask(&mut kernel, conn, &in_tunnel(message(kind, ACTIVE), "tun0"));
        assert_eq!(words(&mut kernel), told(flags), "{kind}");
    }
    kernel.remove_link(&name("tun0"));
    assert_eq!(kernel.tunnel_flags(&name("tun0")), None);
    let dump = in_tunnel(message(MsgType::DUMP, ACTIVE), "tun0");
    assert_eq!(status(&mut kernel, conn, &dump).0, Errno::ENOENT);
}

#[test]
fn requests_wait_for_the_end_of_a_dump() {
    let (mut kernel, conn) = modified();
    done(&mut kernel, conn, &add(ACTIVE, OUT, 1, PASS));
    assert!(kernel.wants_input(conn));
    kernel.request(conn, &message(MsgType::DUMP, ACTIVE).encode());
    kernel.request(conn, &message(MsgType::LOOKUP, ACTIVE).encode());
    kernel.request(conn, &message(MsgType::FLUSH, ACTIVE).encode());
    let mut kinds = Vec::new();
    while !kernel.wants_input(conn) {
        kinds.push(Message::decode(&kernel.next_reply(conn).unwrap()).unwrap().header.kind);
    }
    use MsgType as T;
    assert_eq!(kinds, [T::DUMP, T::DUMP, T::DUMP, T::DUMP, T::LOOKUP, T::FLUSH]);
}

#[test]
fn a_dump_ends_with_eagain_when_its_table_changes_or_goes() {
    let (mut kernel, conn) = modified();
    let other = kernel.open_policy();
    kernel.add_link(name("tun0"));
    let add_one = |n: u16| {
        in_tunnel(add(ACTIVE, OUT | TUNNEL, 1, PASS), "tun0").with(proto(6)).with(remote_port(n))
    };
    done(&mut kernel, other, &add_one(1));
    let request = in_tunnel(message(MsgType::DUMP, ACTIVE), "tun0");
    let interrupted = |kernel: &mut Kernel, act: &mut dyn FnMut(&mut Kernel)| {
        kernel.request(conn, &request.encode());
        let mut records = vec![];
        for at in 0.. {
            if at == 2 {
                act(kernel);
            }
            match kernel.next_reply(conn) {
                Some(bytes) => records.push(Message::decode(&bytes).unwrap()),
                None => break,
            }
        }
        (indexes(&records).len(), ended(&records))
    };
    assert_eq!(interrupted(&mut kernel, &mut |_| {}), (2, Errno::OK));
    let mut change = |kernel: &mut Kernel| {
        done(kernel, other, &add_one(2));
    };
    assert_eq!(interrupted(&mut kernel, &mut change), (1, Errno::EAGAIN));
    let mut unrelated = |kernel: &mut Kernel| {
        done(kernel, other, &add(ACTIVE, OUT, 1, PASS));
    };
    assert_eq!(interrupted(&mut kernel, &mut unrelated), (4, Errno::OK));
    let mut gone = |kernel: &mut Kernel| kernel.remove_link(&name("tun0"));
    assert_eq!(interrupted(&mut kernel, &mut gone), (1, Errno::EAGAIN));
}

#[test]
fn writes_of_any_size_are_answered() {
    let (mut kernel, conn) = modified();
    let answers = |kernel: &mut Kernel, bytes: &[u8]| -> Vec<(usize, u8)> {
        kernel.request(conn, bytes);
        std::iter::from_fn(|| kernel.next_reply(conn)).map(|r| (r.len(), r[2])).collect()
    };
    let too_short = (16, Errno::EMSGSIZE.0);
    assert_eq!(answers(&mut kernel, &[]), [too_short]);
    assert_eq!(answers(&mut kernel, &[1, 1, 0, 0, 1, 0, 0, 0]), [too_short]);
    // Three pieces of 65,536 bytes at most.
    assert_eq!(answers(&mut kernel, &vec![0; 140_000]), [too_short; 3]);
}

#[test]
fn waiting_for_ipsec_keeps_the_order() {
    let mut kernel = Kernel::new(Config { ipsec: IpsecState::Unloaded, ..Config::default() });
    let conn = kernel.open_policy();
    let send = |kernel: &mut Kernel, kind, seq| {
        let mut request = message(kind, ACTIVE);
        request.header.seq = seq;
        kernel.request(conn, &request.encode());
    };
    send(&mut kernel, MsgType::FLUSH, 1);
    send(&mut kernel, MsgType::LOOKUP, 2);
    assert_eq!(kernel.take_events(), [Event::LoadRequested]);
    assert!(!kernel.wants_input(conn));
    kernel.load_timer();
    assert_eq!(kernel.next_reply(conn), None);
    assert!(kernel.load_pending());
    kernel.ipsec_loaded(true);
    assert_eq!(kernel.next_reply(conn), None);
    kernel.load_timer();
    assert_eq!(kernel.next_reply(conn).map(|reply| reply[8]), Some(1));
    assert_eq!(kernel.next_reply(conn).map(|reply| reply[8]), Some(2));
    assert!(!kernel.load_pending() && kernel.wants_input(conn));
}

#[test]
fn without_algorithms_the_lists_are_empty_in_the_kernels_way() {
    let mut kernel = Kernel::new(Config { ipsec: IpsecState::LoadedNoAlgs, ..Config::default() });
    let conn = kernel.open_policy();
    for (kind, action) in [
        (MsgType::ALGLIST, [1, 0, 0, 0, 0, 0, 0, 0]),
        (MsgType::DUMPALGS, [0, 0, 6, 0, 0, 0, 0, 0]),
    ] {
        kernel.request(conn, &message(kind, ACTIVE).encode());
        let reply = kernel.next_reply(conn).unwrap();
        assert_eq!(reply[..8], [1, 8, 0, 0, 3, 0, 0, 0]);
        assert_eq!(reply[16..], action, "{kind}");
    }
}

#[test]
fn dumpalgs_gives_back_what_updatealgs_takes() {
    let (mut kernel, conn) = modified();
    let mut dumped = ask(&mut kernel, conn, &message(MsgType::DUMPALGS, ACTIVE));
    let Some(Ext::Action { count, attrs, .. }) = dumped.exts.first() else { panic!() };
    assert_eq!(*count, 18);
    assert_eq!(attrs[0].value, 7, "strongest first");
    let listed = ask(&mut kernel, conn, &message(MsgType::ALGLIST, ACTIVE));
    dumped.header.kind = MsgType::UPDATEALGS;
    done(&mut kernel, conn, &dumped);
    assert_eq!(ask(&mut kernel, conn, &message(MsgType::ALGLIST, ACTIVE)), listed);
}

#[test]
fn an_algorithm_without_key_sizes_has_none() {
    let (mut kernel, conn) = modified();
    let attrs = [
        (AttrTag::ALG_ID, 12),
        (AttrTag::ALG_PROTO, 3),
        (AttrTag::ALG_NBLOCKSIZES, 1),
        (AttrTag::ALG_BLOCKSIZE, 16),
        (AttrTag::END, 0),
    ];
    done(&mut kernel, conn, &update(&attrs));
    let list = ask(&mut kernel, conn, &message(MsgType::ALGLIST, ACTIVE));
    let algs = illumos_ipsec::wire::policy::decode_alglist(&list).unwrap();
    assert_eq!((algs.len(), algs[0].id, algs[0].min, algs[0].max), (1, 12, 0, 0));
}

#[test]
fn too_many_sizes_are_refused() {
    let (mut kernel, conn) = modified();
    for (tag, diagnostic) in [
        (AttrTag::ALG_NKEYSIZES, Diagnostic::ALG_NUM_KEY_SIZES),
        (AttrTag::ALG_NBLOCKSIZES, Diagnostic::ALG_NUM_BLOCK_SIZES),
        (AttrTag::ALG_NPARAMS, Diagnostic::ALG_NUM_BLOCK_SIZES),
    ] {
        let attrs =
            [(AttrTag::ALG_ID, 12), (AttrTag::ALG_PROTO, 3), (tag, 1025), (AttrTag::END, 0)];
        assert_eq!(status(&mut kernel, conn, &update(&attrs)), (Errno::EINVAL, diagnostic));
    }
}

fn update(attrs: &[(AttrTag, u32)]) -> Message {
    let attrs = attrs.iter().map(|&(tag, value)| Attr::new(tag, value)).collect();
    message(MsgType::UPDATEALGS, ACTIVE).with(Ext::Action { count: 1, reserved: 0, attrs })
}

#[test]
fn what_a_short_extension_lacks_is_zero() {
    let (mut kernel, conn) = modified();
    // A RULE of one word at the end of the message: priority, and then nothing.
    let mut request = message(MsgType::DELETERULE, ACTIVE).encode();
    request.extend_from_slice(&1_u16.to_ne_bytes());
    request.extend_from_slice(&7_u16.to_ne_bytes());
    request.extend_from_slice(&9_u32.to_ne_bytes());
    request[4..6].copy_from_slice(&3_u16.to_ne_bytes());
    kernel.request(conn, &request);
    // No direction and no index: done, without effect, and the answer is no longer.
    assert_eq!(kernel.next_reply(conn), Some(request));
}

#[test]
fn shared_rules_do_not_change_with_their_copies() {
    let (mut kernel, conn) = modified();
    for n in 0..40 {
        let ext = remote(&format!("10.0.0.{n}/32"));
        done(&mut kernel, conn, &add(ACTIVE, OUT, 1, PASS).with(ext));
    }
    done(&mut kernel, conn, &message(MsgType::CLONE, ACTIVE));
    done(&mut kernel, conn, &delete_index(STANDBY, 3));
    done(&mut kernel, conn, &delete_index(ACTIVE, 4));
    let rules = |kernel: &mut Kernel, side| {
        let mut indexes = indexes(&dump(kernel, conn, &message(MsgType::DUMP, side)));
        indexes.sort_unstable();
        indexes
    };
    let all_but = |out| (1..=40).filter(|n| *n != out).collect::<Vec<u64>>();
    assert_eq!(rules(&mut kernel, ACTIVE), all_but(4));
    assert_eq!(rules(&mut kernel, STANDBY), all_but(3));
}

#[test]
fn closed_sockets_are_silent() {
    let (mut kernel, conn) = modified();
    kernel.request(conn, &message(MsgType::DUMP, ACTIVE).encode());
    kernel.close(conn);
    kernel.request(conn, &message(MsgType::FLUSH, ACTIVE).encode());
    assert_eq!(kernel.next_reply(conn), None);
    assert!(!kernel.wants_input(conn));
    assert_ne!(kernel.open_policy(), conn);
}

#[test]
fn key_sizes_are_checked_in_use_or_not() {
    let (mut kernel, conn) = modified();
    let inverted = |flags| {
        [
            (AttrTag::TYPE, 3),
            (AttrTag::FLAGS, flags),
            (AttrTag::AH_AUTH, 5),
            (AttrTag::ESP_ENCR, 12),
            (AttrTag::ENCR_MINBITS, 256),
            (AttrTag::ENCR_MAXBITS, 128),
            (AttrTag::END, 0),
        ]
    };
    let wanted = (Errno::EINVAL, Diagnostic::UNSUPP_ESP_ENCR_KEYSIZE);
    for flags in [1, 2] {
        let request = add(ACTIVE, OUT, 1, &inverted(flags));
        assert_eq!(status(&mut kernel, conn, &request), wanted, "{flags}");
    }
}

#[test]
fn a_list_may_end_with_next() {
    let (mut kernel, conn) = modified();
    let request = add(ACTIVE, OUT, 1, &[(AttrTag::TYPE, 2), (AttrTag::NEXT, 0)]);
    assert_eq!(status(&mut kernel, conn, &request), OK);
}
