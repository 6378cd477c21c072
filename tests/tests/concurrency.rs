// SPDX-License-Identifier: MIT OR Apache-2.0

//! Two commands at once serialise, and nobody ever sees half a policy.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use illumos_ipsec::model::Side;
use illumos_ipsec::sys::policy::Scope;
use illumos_ipsec::wire::policy::{DumpItem, MsgType};
use system_tests::lab::Lab;

const ROUNDS: usize = 40;

fn policy(net: u8) -> String {
    let hosts: String = (1..=40)
        .map(|host| format!("{{ raddr 10.{net}.0.{host} }} ipsec {{ auth_algs sha256 }}\n"))
        .collect();
    hosts
        + &format!(
            "{{ tunnel vpn0 negotiate tunnel raddr 10.{net}.0.0/16 }} ipsec {{ encr_algs aes-gcm }}\n"
        )
}

#[test]
fn commands_serialise_and_a_dump_sees_one_whole_policy() {
    let lab = Lab::new();
    lab.file("one.conf", policy(1));
    lab.file("two.conf", policy(2));
    let _ = lab.ipsecconf(&["-q", "-a", "one.conf"]).exits(0);
    let done = AtomicBool::new(false);
    let complete_dumps = thread::scope(|scope| {
        let checker = scope.spawn(|| {
            let mut client = lab.client();
            let mut complete = 0;
            while !done.load(Ordering::Relaxed) {
                let items: Result<Vec<_>, _> =
                    client.dump(Side::Active, &Scope::All).expect("a dump").collect();
                // The policy may change under a dump; that is told.
                let Ok(items) = items else { continue };
                let mut nets = HashSet::new();
                for item in &items {
                    let DumpItem::Rule { rule, .. } = item else { continue };
                    let remote = rule.selector.remote.expect("every rule has a remote address");
                    nets.insert(remote.to_string().split('.').nth(1).map(str::to_owned));
                }
                assert_eq!(nets.len(), 1, "rules of two policies at once");
                assert_eq!(items.len(), 41 * 2, "half a policy");
                complete += 1;
            }
            complete
        });
        let loaders = ["one.conf", "two.conf"].map(|file| {
            let lab = &lab;
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    let _ = lab.ipsecconf(&["-q", "-F", "-a", file]).exits(0);
                }
            })
        });
        for loader in loaders {
            loader.join().expect("the loader is content");
        }
        done.store(true, Ordering::Relaxed);
        checker.join().expect("the checker is content")
    });
    assert!(complete_dumps > 0, "the checker saw something");

    // From its CLONE to the end of its connection a command has the kernel for itself.
    let changes: Vec<_> =
        lab.seen().into_iter().filter(|seen| seen.kind() != MsgType::DUMP).collect();
    let mut ended = HashSet::new();
    let mut current = 0;
    for seen in changes.iter().filter(|seen| seen.kind() != MsgType::ALGLIST) {
        if seen.connection != current {
            ended.insert(current);
            current = seen.connection;
            assert!(!ended.contains(&current), "connection {current} was interrupted");
        }
    }
    assert_eq!(ended.len(), ROUNDS * 2 + 1, "every load had its own connection");
}
