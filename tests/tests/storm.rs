// SPDX-License-Identifier: MIT OR Apache-2.0

//! A million packets while policy is reloaded, flushed and its clients are killed.

use std::process::Child;

use ipsec_usermode::KernelKind;
use serde_json::{Value, json};
use system_tests::lab::{Control, Lab};

/// Packets in one call.
const BATCH: usize = 2_000;

/// Packets in all, at least.
const PACKETS: usize = 1_000_000;

const POLICY: &str = "\
{ tunnel vpn0 negotiate tunnel } ipsec { encr_algs aes-gcm }
{ tunnel vpn0 negotiate tunnel raddr 9.9.9.9 } bypass { }
";
const OTHER: &str =
    "{ tunnel vpn0 negotiate tunnel } ipsec { encr_algs aes encr_auth_algs sha256 }\n";
const REFUSED: &str = "\
{ tunnel vpn0 negotiate tunnel } ipsec { encr_algs aes-gcm }
{ tunnel vpn0 negotiate transport lport 22 } ipsec { encr_algs aes-gcm }
";

/// For both policies.
const KEYS: &str = "\
add esp spi 0x100 src 10.1.1.1 dst 192.0.2.1 proto 4 isrc 0.0.0.0/0 idst 0.0.0.0/0 \
encr_alg aes-gcm encrkey 0f0e0d0c0b0a09080706050403020100cafebabe
add esp spi 0x101 src 10.1.1.1 dst 192.0.2.1 proto 4 isrc 0.0.0.0/0 idst 0.0.0.0/0 \
encr_alg aes encrkey 0f0e0d0c0b0a09080706050403020100 auth_alg sha256 \
authkey 00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210
";

/// What operators and services do. Some is killed on the way.
const COMMANDS: &[&[&str]] = &[
    &["-q", "-a", "policy.conf"],
    &["-q", "-F", "-a", "other.conf"],
    &["-q", "-F", "-a", "policy.conf"],
    &["-q", "-F", "-a", "refused.conf"],
    &["-q", "-f", "-i", "vpn0"],
    &["-q", "-F", "-a", "policy.conf"],
    &["-q", "-F"],
];

fn lab(kind: KernelKind, secure: bool) -> Lab {
    let lab = Lab::with(kind, &[]);
    let mut create = vec!["create-iptun", "-T", "ipv4", "-a", "local=10.1.1.1,remote=192.0.2.1"];
    create.extend(secure.then_some("-S"));
    create.push("vpn0");
    let _ = lab.dladm(&create).exits(0);
    let object = ["-a", "local=1.1.1.1,remote=1.1.1.2", "vpn0/v4"];
    let _ = lab.ipadm(&[&["create-addr", "-T", "static"][..], &object].concat()).exits(0);
    lab.keys(KEYS);
    for (name, text) in [("policy.conf", POLICY), ("other.conf", OTHER), ("refused.conf", REFUSED)]
    {
        lab.file(name, text);
    }
    lab
}

/// The question that sends a batch of packets one way.
fn batch(way: &str, protected: bool) -> Value {
    let packet = |from: &str, to: &str| {
        let head = "4500001c00000000401100";
        format!("{head}00{from}{to}0001000200080000")
    };
    let (here, there, bypassed) = ("01010101", "01010102", "09090909");
    let packets: Vec<String> = (0..BATCH)
        .map(|n| {
            let peer = if n % 2 == 0 { there } else { bypassed };
            if way == "out" { packet(here, peer) } else { packet(peer, here) }
        })
        .collect();
    let mut question = json!({ "op": "inject", "way": way, "tunnel": "vpn0", "packets": packets });
    if protected {
        question["esp"] = json!({ "id": 20 });
    }
    question
}

/// Runs the storm; how many packets went, how many of them in clear, how many protected,
/// and how many commands were killed.
fn storm(lab: &Lab) -> (usize, usize, usize, usize) {
    let control = Control::connect(lab);
    let batches = [batch("out", false), batch("in", false), batch("in", true)];
    let (mut sent, mut clear, mut protected, mut killed) = (0, 0, 0, 0);
    let mut command: Option<Child> = None;
    let mut begun = 0;
    while sent < PACKETS {
        for (at, question) in batches.iter().enumerate() {
            let answer = control.ask(question);
            let outcomes = answer.as_array().expect("an outcome for each");
            sent += outcomes.len();
            let count = |word: &str| outcomes.iter().filter(|outcome| outcome[0] == word).count();
            clear += count("pass");
            protected += count("protect");
            let running =
                command.as_mut().is_some_and(|c| c.try_wait().expect("a child").is_none());
            // Every third one that is still there after a batch has to go.
            if running && begun % 3 == 0 && at == 1 {
                let mut child = command.take().expect("it runs");
                child.kill().expect("a child can be killed");
                child.wait().expect("a child ends");
                killed += 1;
            } else if !running {
                command = Some(lab.start(COMMANDS[begun % COMMANDS.len()]));
                begun += 1;
            }
        }
    }
    command.into_iter().for_each(|mut command| drop(command.wait()));
    assert!(begun > COMMANDS.len(), "only {begun} commands");
    (sent, clear, protected, killed)
}

#[test]
fn no_packet_passes_a_secure_tunnel_in_clear() {
    let (sent, clear, protected, killed) = storm(&lab(KernelKind::Modified, true));
    println!("{sent} packets, {protected} protected, {killed} commands killed");
    assert!(sent >= PACKETS);
    assert_eq!(clear, 0);
    // It is not kept by dropping everything.
    assert!(protected > 0);
}

#[test]
fn the_same_storm_finds_clear_packets_on_an_old_kernel() {
    let (_, clear, protected, _) = storm(&lab(KernelKind::Unmodified, false));
    assert!(clear > 0 && protected > 0);
}
