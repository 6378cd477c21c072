// SPDX-License-Identifier: MIT OR Apache-2.0

//! Large policies give the right answers. Run with `--nocapture` for times and memory.

mod common;

use std::net::Ipv4Addr;
use std::time::Instant;

use common::*;
use illumos_ipsec::model::{Prefix, Side};
use illumos_ipsec::wire::policy::{Ext, Message, MsgType};
use ipsec_usermode::{Config, Kernel, PacketSelector, Way};

const COUNT: u32 = 50_000;

fn host(n: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0a00_0000 + n)
}

fn host_rule(n: u32) -> Message {
    add(ACTIVE, BOTH, n + 1, ESP).with(Ext::RemoteAddr(Prefix::host(host(n).into()).into()))
}

fn timed<T>(what: &str, act: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = act();
    let took = start.elapsed();
    println!("{what}: {took:?}, {} MB resident", resident_mb());
    result
}

fn resident_mb() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    pages * 4096 / 1_000_000
}

#[test]
fn host_rules_in_one_head() {
    let mut kernel = Kernel::new(Config::default());
    let conn = kernel.open_policy();
    let requests: Vec<_> = (0..COUNT).map(|n| host_rule(n).encode()).collect();
    timed("add 50,000 host rules, both directions", || {
        for request in &requests {
            kernel.request(conn, request);
            assert_eq!(kernel.next_reply(conn).unwrap()[2], 0);
        }
    });
    drop(requests);
    timed("refuse 50,000 repeated ones", || {
        for n in 0..COUNT {
            assert_eq!(status(&mut kernel, conn, &host_rule(n)).0.0, 17);
        }
    });
    timed("look up 50,000 packets", || {
        for n in 0..COUNT {
            let packet = PacketSelector {
                local: addr("10.255.0.1"),
                remote: host(n).into(),
                proto: 6,
                ports: Some((1000, 22)),
                icmp: None,
            };
            let rule = kernel.lookup(None, Side::Active, Way::Out, &packet).unwrap();
            assert_eq!(rule.priority, n + 1);
        }
    });
    timed("dump 100,000 kernel rules", || {
        assert_eq!(dump(&mut kernel, conn, &message(MsgType::DUMP, ACTIVE)).len(), 100_002);
    });
    timed("clone", || done(&mut kernel, conn, &message(MsgType::CLONE, ACTIVE)));
    timed("first change after it", || done(&mut kernel, conn, &delete_index(STANDBY, 1)));
    timed("delete 25,000 by index and 25,000 by selectors", || {
        for n in 0..COUNT {
            if n % 2 == 0 {
                done(&mut kernel, conn, &delete_index(ACTIVE, u64::from(n) * 2 + 1));
            } else {
                let host = Prefix::host(host(n).into());
                let request = message(MsgType::DELETERULE, ACTIVE)
                    .with(rule(0, BOTH, 0))
                    .with(Ext::RemoteAddr(host.into()));
                done(&mut kernel, conn, &request);
            }
        }
    });
    timed("flush", || done(&mut kernel, conn, &message(MsgType::FLUSH, ACTIVE)));
}

#[test]
fn prefix_rules_in_one_head() {
    let mut kernel = Kernel::new(Config::default());
    let conn = kernel.open_policy();
    timed("add 50,000 prefix rules", || {
        for n in 0..COUNT {
            let net = Prefix::new(host(n * 256).into(), 24).unwrap();
            let request = add(ACTIVE, OUT, n + 1, ESP).with(Ext::RemoteAddr(net.into()));
            done(&mut kernel, conn, &request);
        }
    });
    timed("add 50,000 rules for one host", || {
        for n in 0..COUNT {
            let request = add(ACTIVE, OUT, n + 1, ESP)
                .with(remote("192.0.2.1/32"))
                .with(proto(6))
                .with(remote_port(n as u16));
            done(&mut kernel, conn, &request);
        }
    });
}

#[test]
fn tunnels_with_a_rule_each() {
    let mut kernel = Kernel::new(Config::default());
    let conn = kernel.open_policy();
    timed("add a rule to 50,000 tunnels", || {
        for n in 0..COUNT {
            let request = in_tunnel(add(ACTIVE, BOTH | TUNNEL, 1, ESP), &format!("tun{n}"));
            done(&mut kernel, conn, &request.with(remote("10.0.0.0/8")));
        }
    });
    timed("dump all", || {
        let request = in_tunnel(message(MsgType::DUMP, ACTIVE), "");
        assert_eq!(dump(&mut kernel, conn, &request).len(), 100_002);
    });
    for kind in [MsgType::CLONE, MsgType::FLIP, MsgType::FLUSH] {
        timed(&format!("{kind} all"), || {
            done(&mut kernel, conn, &in_tunnel(message(kind, STANDBY), ""))
        });
    }
}
