// SPDX-License-Identifier: MIT OR Apache-2.0

//! Random input: no bytes make the core panic, and a table behaves like plain lists.

mod common;

use common::damage::damage;
use common::*;
use illumos_ipsec::model::Side;
use illumos_ipsec::wire::policy::{Ext, HEADER_LEN, Message, MsgType};
use ipsec_usermode::{Config, ConnId, IpsecState, Kernel, KernelKind, PacketSelector, Way};
use proptest::collection::vec;
use proptest::prelude::*;

/// Well-formed requests to begin with.
fn seeds() -> Vec<Message> {
    let mut seeds = vec![
        add(ACTIVE, BOTH, 5, ESP).with(remote("10.0.0.1/32")),
        add(STANDBY, OUT, 5, PASS).with(proto(1)).with(local("2001:db8::/32")),
        in_tunnel(add(ACTIVE, BOTH | TUNNEL, 5, ESP).with(remote_port(22)), "tun0"),
        in_tunnel(add(STANDBY, BOTH, 5, ESP), "tun0"),
        delete_index(ACTIVE, 1),
        message(MsgType::DELETERULE, ACTIVE).with(rule(0, BOTH, 0)).with(remote("10.0.0.1/32")),
    ];
    for kind in [1, 4, 5, 6, 7, 8, 9] {
        seeds.push(message(MsgType(kind), ACTIVE));
        seeds.push(in_tunnel(message(MsgType(kind), STANDBY), ""));
        seeds.push(in_tunnel(message(MsgType(kind), ACTIVE), "tun0"));
    }
    let mut algs = Kernel::new(Config::default());
    let conn = algs.open_policy();
    let mut update = ask(&mut algs, conn, &message(MsgType::DUMPALGS, ACTIVE));
    update.header.kind = MsgType::UPDATEALGS;
    seeds.push(update);
    seeds
}

/// A seed with some bytes overwritten, words cut off or put behind, and a length that may fit.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let seed = prop::sample::select(seeds());
    (seed, damage(12)).prop_map(|(seed, damage)| damage.done_to(seed.encode()))
}

fn config() -> impl Strategy<Value = Config> {
    let kind = prop_oneof![Just(KernelKind::Modified), Just(KernelKind::Unmodified)];
    let ipsec = prop_oneof![
        4 => Just(IpsecState::Loaded),
        1 => Just(IpsecState::LoadedNoAlgs),
        1 => Just(IpsecState::Unloaded),
    ];
    (kind, ipsec).prop_map(|(kind, ipsec)| Config { kind, ipsec })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_request_is_answered_and_none_panics(
        config in config(),
        requests in vec((0..2usize, request(), 0..6usize, 0..40u8), 1..40),
        noise in vec(any::<u8>(), 0..200),
    ) {
        let mut kernel = Kernel::new(config);
        let conns = [kernel.open_policy(), kernel.open_policy()];
        kernel.add_link(name("tun0"));
        kernel.request(conns[0], &noise);
        for (conn, request, replies, other) in requests {
            kernel.request(conns[conn], &request);
            for _ in 0..replies {
                if let Some(reply) = kernel.next_reply(conns[conn]) {
                    prop_assert!(reply.len() >= HEADER_LEN && reply.len() % 8 == 0);
                    let words = u16::from_ne_bytes([reply[4], reply[5]]);
                    prop_assert_eq!(usize::from(words) * 8, reply.len());
                }
            }
            match other {
                0 => kernel.remove_link(&name("tun0")),
                1 => kernel.add_link(name("tun0")),
                2 => kernel.load_timer(),
                3 => kernel.ipsec_loaded(true),
                _ => {}
            }
            kernel.take_events();
        }
        kernel.ipsec_loaded(true);
        kernel.load_timer();
        for conn in conns {
            while kernel.next_reply(conn).is_some() {}
            prop_assert!(kernel.wants_input(conn));
        }
    }

    #[test]
    fn tables_behave_like_lists(ops in vec(op(), 1..120)) {
        let mut kernel = Kernel::new(Config::default());
        let conn = kernel.open_policy();
        let mut model = Model::default();
        for op in ops {
            model.apply(op, &mut kernel, conn);
        }
        for side in [Side::Active, Side::Standby] {
            let ours: Vec<u64> = kernel.rules(None, side).map(|(_, rule)| rule.index).collect();
            prop_assert_eq!(ours, model.dump(side));
            for last in 0..6 {
                let packet = PacketSelector {
                    local: addr("10.0.0.9"),
                    remote: format!("10.0.0.{last}").parse().unwrap(),
                    proto: 6,
                    ports: Some((1, 2)),
                    icmp: None,
                };
                let ours = kernel.lookup(None, side, Way::Out, &packet).map(|rule| rule.index);
                prop_assert_eq!(ours, model.lookup(side, last), "{:?} {}", side, last);
            }
        }
    }
}

/// Something done to the system's policy. Every rule is outbound and for IPv4.
#[derive(Clone, Copy, Debug)]
enum Op {
    /// Priority, last byte of the remote address, prefix length, port.
    Add(u8, u32, u8, u8, u16),
    DeleteNewest(u8, u8),
    Flush(u8),
    Flip,
    Clone,
}

fn op() -> impl Strategy<Value = Op> {
    let len = prop_oneof![3 => Just(32u8), 1 => Just(24), 1 => 29..31u8];
    prop_oneof![
        30 => (0..2u8, 0..3u32, 0..6u8, len, 0..4u16)
            .prop_map(|(side, priority, last, len, port)| Op::Add(side, priority, last, len, port)),
        4 => (0..2u8, 0..8u8).prop_map(|(side, back)| Op::DeleteNewest(side, back)),
        1 => (0..2u8).prop_map(Op::Flush),
        2 => Just(Op::Flip),
        2 => Just(Op::Clone),
    ]
}

/// A rule of the model.
#[derive(Clone, Copy, Debug)]
struct Row {
    index: u64,
    priority: u32,
    last: u8,
    len: u8,
    port: u16,
}

/// Two sides, each a hashed and an unhashed part in the order of a dump.
#[derive(Default)]
struct Model {
    sides: [[Vec<Row>; 2]; 2],
}

impl Model {
    fn apply(&mut self, op: Op, kernel: &mut Kernel, conn: ConnId) {
        match op {
            Op::Add(side, priority, last, len, port) => {
                let mut request =
                    add(side, OUT, priority, PASS).with(remote(&format!("10.0.0.{last}/{len}")));
                // Port 2 is asked for only; the others never match.
                if port > 0 {
                    request = request.with(remote_port(port + 1));
                }
                let reply = ask(kernel, conn, &request);
                let list = &mut self.sides[usize::from(side)][usize::from(len != 32)];
                let same = |row: &Row| (row.last, row.len, row.port) == (last, len, port);
                assert_eq!(reply.header.errno.0, if list.iter().any(same) { 17 } else { 0 });
                if reply.header.errno.0 == 0 {
                    list.insert(0, Row { index: index(&reply), priority, last, len, port });
                }
            }
            Op::DeleteNewest(side, back) => {
                let lists = &mut self.sides[usize::from(side)];
                let mut indexes: Vec<u64> = lists.iter().flatten().map(|row| row.index).collect();
                indexes.sort_unstable();
                if let Some(&index) = indexes.iter().rev().nth(usize::from(back)) {
                    done(kernel, conn, &delete_index(side, index));
                    lists.iter_mut().for_each(|list| list.retain(|row| row.index != index));
                }
            }
            Op::Flush(side) => {
                done(kernel, conn, &message(MsgType::FLUSH, side));
                self.sides[usize::from(side)] = Default::default();
            }
            Op::Flip => {
                done(kernel, conn, &message(MsgType::FLIP, ACTIVE));
                self.sides.swap(0, 1);
            }
            Op::Clone => {
                done(kernel, conn, &message(MsgType::CLONE, ACTIVE));
                self.sides[1] = self.sides[0].clone();
                self.sides[1].iter_mut().for_each(|list| list.reverse());
                // Chains are turned round one by one; a chain is one address here.
            }
        }
    }

    /// Hash chains in their order, each as the list has its rules.
    fn dump(&self, side: Side) -> Vec<u64> {
        let [hashed, unhashed] = &self.sides[side as usize];
        let mut hashed = hashed.clone();
        hashed.sort_by_key(|row| u32::from_ne_bytes([10, 0, 0, row.last]) % 251);
        hashed.iter().chain(unhashed).map(|row| row.index).collect()
    }

    fn lookup(&self, side: Side, last: u8) -> Option<u64> {
        let matches = |row: &&Row| {
            let host_bits = 32 - u32::from(row.len);
            u32::from(row.last) >> host_bits == u32::from(last) >> host_bits
                && matches!(row.port, 0 | 1)
                && row.priority > 0
        };
        let mut best: Option<&Row> = None;
        for row in self.sides[side as usize].iter().flatten().filter(matches) {
            if best.is_none_or(|best| row.priority > best.priority) {
                best = Some(row);
            }
        }
        best.map(|row| row.index)
    }
}

#[test]
fn seeds_are_good() {
    for seed in seeds() {
        let again = Message::decode(&seed.encode()).unwrap();
        assert!(again.exts.iter().all(|ext| !matches!(ext, Ext::Other { .. })), "{seed:?}");
    }
}
