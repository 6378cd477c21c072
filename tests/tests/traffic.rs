// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ipsec-lab verdict` and `ipsec-lab inject` as an operator uses them.

use std::fs;

use ipsec_usermode::KernelKind;
use serde_json::{Value, json};
use system_tests::lab::Lab;

const INNER: &[&str] = &["--src", "1.1.1.1", "--dst", "1.1.1.2", "--proto", "udp"];

/// A lab with a plumbed tunnel.
fn lab(kind: KernelKind, secure: bool) -> Lab {
    let lab = Lab::with(kind, &[]);
    let pair = "local=10.1.1.1,remote=192.0.2.1";
    let mut create = vec!["create-iptun", "-T", "ipv4", "-a", pair];
    create.extend(secure.then_some("-S"));
    create.push("vpn0");
    let _ = lab.dladm(&create).exits(0);
    let addresses = ["-a", "local=1.1.1.1,remote=1.1.1.2", "vpn0/v4"];
    let _ = lab.ipadm(&[&["create-addr", "-T", "static"][..], &addresses].concat()).exits(0);
    lab
}

/// Keys for the tunnel, each way.
const KEYS: &str = "\
add esp spi 0x100 src 10.1.1.1 dst 192.0.2.1 proto 4 isrc 0.0.0.0/0 idst 0.0.0.0/0 \
encr_alg aes-gcm encrkey 0f0e0d0c0b0a09080706050403020100cafebabe
add esp spi 0x200 src 192.0.2.1 dst 10.1.1.1 proto 4 isrc 0.0.0.0/0 idst 0.0.0.0/0 \
encr_alg aes-gcm encrkey 0f0e0d0c0b0a09080706050403020100cafebabe
";

fn load(lab: &Lab, policy: &str) {
    lab.file("policy.conf", policy);
    let _ = lab.ipsecconf(&["-q", "-a", "policy.conf"]).exits(0);
}

fn verdict(lab: &Lab, args: &[&str]) -> (Value, Option<i32>) {
    let done = lab.ipsec_lab(&[&["verdict", "--json"], args, INNER].concat());
    let answer = serde_json::from_str(&done.stdout).unwrap_or_else(|error| {
        panic!("{error}: {done:?}");
    });
    (answer, done.code)
}

const PROTECT: &str = "{ tunnel vpn0 negotiate tunnel } ipsec { encr_algs aes-gcm }\n";

#[test]
fn a_secure_tunnel_protects_or_drops() {
    let lab = lab(KernelKind::Modified, true);
    let out = ["--out", "--tunnel", "vpn0"];
    let (answer, code) = verdict(&lab, &out);
    assert_eq!(
        (&answer["outcome"], &answer["reason"], code),
        (&json!("drop"), &json!("no-policy"), Some(4))
    );
    load(&lab, PROTECT);
    let (answer, code) = verdict(&lab, &out);
    assert_eq!((&answer["reason"], code), (&json!("no-association"), Some(4)));
    assert_eq!(answer["acquire"]["destination"], "192.0.2.1");
    lab.keys(KEYS);
    let (answer, code) = verdict(&lab, &out);
    assert_eq!((&answer["outcome"], code), (&json!("protect"), Some(0)));
    assert_eq!(answer["esp_spi"], 0x100);
    let rule = answer["rule"]["text"].as_str().unwrap();
    assert!(rule.contains("{ tunnel vpn0 negotiate tunnel dir out } ipsec { encr_algs aes-gcm"));
    let (answer, code) = verdict(&lab, &["--in", "--tunnel", "vpn0"]);
    assert_eq!((&answer["reason"], code), (&json!("got-clear"), Some(4)));
    let (answer, code) = verdict(&lab, &["--in", "--tunnel", "vpn0", "--protected", "esp:aes-gcm"]);
    assert_eq!((&answer["outcome"], code), (&json!("protect"), Some(0)));
    let (answer, _) = verdict(&lab, &["--in", "--tunnel", "vpn0", "--protected", "esp:aes"]);
    assert_eq!(answer["reason"], "esp-cipher");
    let spi = |spi| ["--in", "--tunnel", "vpn0", "--protected", spi];
    let (answer, _) = verdict(&lab, &spi("esp-spi:0x200"));
    assert_eq!((&answer["outcome"], &answer["esp_spi"]), (&json!("protect"), &json!(0x200)));
    // That of the other way opens nothing.
    let (answer, _) = verdict(&lab, &spi("esp-spi:0x100"));
    assert_eq!(answer["reason"], "no-association");
}

#[test]
fn a_tunnel_of_an_old_kernel_leaks_after_a_flush() {
    let lab = lab(KernelKind::Unmodified, false);
    load(&lab, PROTECT);
    lab.keys(KEYS);
    assert_eq!(verdict(&lab, &["--out", "--tunnel", "vpn0"]).1, Some(0));
    let _ = lab.ipsecconf(&["-q", "-F"]).exits(0);
    let (answer, code) = verdict(&lab, &["--out", "--tunnel", "vpn0"]);
    assert_eq!((&answer["outcome"], code), (&json!("pass"), Some(3)));
}

/// Raw IPv4 packets in a capture file.
fn capture(destinations: &[[u8; 4]]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 101] {
        out.extend(word.to_le_bytes());
    }
    for to in destinations {
        let head = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 1, 1, 1, 1];
        let packet = [&head[..], to, &[0, 1, 0, 2, 0, 8, 0, 0]].concat();
        for word in [0, 0, packet.len() as u32, packet.len() as u32] {
            out.extend(word.to_le_bytes());
        }
        out.extend(packet);
    }
    out
}

#[test]
fn injected_packets_are_counted_and_those_that_pass_are_written() {
    let lab = lab(KernelKind::Modified, true);
    let bypass = "{ tunnel vpn0 negotiate tunnel raddr 9.9.9.9 } bypass { }\n";
    load(&lab, &format!("{PROTECT}{bypass}"));
    lab.keys(KEYS);
    let destinations = [[1, 1, 1, 2], [9, 9, 9, 9], [1, 1, 1, 2]].repeat(500);
    lab.file("in.pcap", capture(&destinations));
    let inject = ["inject", "--out", "--tunnel", "vpn0", "--json", "-w", "out.pcap", "in.pcap"];
    let done = lab.ipsec_lab(&inject).exits(0);
    let counts: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(
        counts,
        json!([
            { "outcome": "drop", "reason": "not-protected", "packets": 500 },
            { "outcome": "protect", "reason": "rule", "packets": 1000 },
        ])
    );
    let passed = fs::read(lab.cwd().join("out.pcap")).unwrap();
    assert_eq!(passed, capture(&[[1, 1, 1, 2]].repeat(1000)));
    let statistics = lab.dladm(&["show-link", "-s", "-p", "-o", "opackets,oerrors", "vpn0"]);
    assert_eq!(statistics.exits(0).stdout, "1000:500\n");
}

#[test]
fn a_capture_that_is_cut_off_sends_nothing() {
    let lab = lab(KernelKind::Modified, true);
    let bytes = capture(&[[1, 1, 1, 2]; 2]);
    lab.file("cut.pcap", &bytes[..bytes.len() - 1]);
    let _ = lab
        .ipsec_lab(&["inject", "--out", "--tunnel", "vpn0", "cut.pcap"])
        .exits(1)
        .says("cut.pcap: ends within a packet at offset 68");
    let errors = lab.dladm(&["show-link", "-s", "-p", "-o", "oerrors", "vpn0"]);
    assert_eq!(errors.exits(0).stdout, "0\n");
}
