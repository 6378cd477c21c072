// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the policy service does to tunnels: at boot, refresh and stop.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use illumos_ipsec::model::{ActionKind, Side, SpdRule};
use ipsec_usermode::KernelKind;
use serde_json::{Value, json};
use system_tests::lab::{Control, Lab};

use super::{log, state};

pub(super) const GCM: &str = "{ negotiate tunnel } ipsec { encr_algs aes-gcm }\n";
pub(super) const CBC: &str = "{ negotiate tunnel } ipsec { encr_algs aes encr_auth_algs sha256 }\n";

/// Associations for both policies, out to each of the two tunnels.
fn keys() -> String {
    let ends = |peer| format!("src 10.1.1.1 dst {peer} proto 4 isrc 0.0.0.0/0 idst 0.0.0.0/0");
    keys_of(0x100, &ends("192.0.2.1")) + &keys_of(0x200, &ends("192.0.2.2"))
}

/// Associations for both policies between these ends.
pub(super) fn keys_of(spi: u32, ends: &str) -> String {
    format!(
        "add esp spi {spi} {ends} encr_alg aes-gcm \
         encrkey 0f0e0d0c0b0a09080706050403020100cafebabe\n\
         add esp spi {} {ends} encr_alg aes encrkey 0f0e0d0c0b0a09080706050403020100 \
         auth_alg sha256 \
         authkey 00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210\n",
        spi + 1
    )
}

/// Writes a shard.
pub(super) fn put(lab: &Lab, name: &str, text: &str) {
    let path = lab.root(&format!("/etc/inet/ipsecinit.d/{name}"));
    let parent = path.parent().expect("a directory");
    fs::create_dir_all(parent).expect("a directory");
    for dir in [lab.root("/etc/inet/ipsecinit.d").as_path(), parent] {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    fs::write(&path, text).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
}

/// Two tunnels with addresses. The first requires IPsec, on a kernel that knows what that is.
pub(super) fn lab(kind: KernelKind) -> Lab {
    let lab = Lab::with(kind, &[]);
    let secure = match kind {
        KernelKind::Modified => &["-S"][..],
        KernelKind::Unmodified => &[],
    };
    for (tunnel, peer, options) in [("vpn0", "192.0.2.1", secure), ("vpn1", "192.0.2.2", &[])] {
        let ends = format!("local=10.1.1.1,remote={peer}");
        let create = [&["create-iptun", "-T", "ipv4", "-a", &ends], options, &[tunnel]].concat();
        let _ = lab.dladm(&create).exits(0);
        plumb(&lab, tunnel);
        put(&lab, &format!("tunnels/{tunnel}.conf"), GCM);
    }
    lab.keys(&keys());
    let _ = lab.svcadm(&["enable", "-s", "policy"]).exits(0);
    lab
}

pub(super) fn plumb(lab: &Lab, tunnel: &str) {
    let object = format!("{tunnel}/v4");
    let net = &tunnel[3..];
    let ends = format!("local=1.1.{net}.1,remote=1.1.{net}.2");
    let args = ["create-addr", "-T", "static", "-a", &ends, &object];
    let _ = lab.ipadm(&args).exits(0);
}

/// What becomes of packets that leave through a tunnel.
pub(super) fn outcomes(control: &Control, tunnel: &str, packets: usize) -> BTreeSet<String> {
    let net = &tunnel[3..];
    let packet = format!("4500001c00000000401100000101 0{net}01 0101 0{net}02 0001000200080000");
    let packet = packet.replace(' ', "");
    let question = json!({
        "op": "inject", "way": "out", "tunnel": tunnel, "packets": vec![packet; packets],
    });
    let answer = control.ask(&question);
    let outcomes = answer.as_array().expect("an outcome for each");
    outcomes.iter().map(|outcome| outcome[0].as_str().unwrap_or_default().to_owned()).collect()
}

pub(super) fn only(outcome: &str) -> BTreeSet<String> {
    BTreeSet::from([outcome.to_owned()])
}

/// The policy without what differs from one load to the next.
pub(super) fn rules(lab: &Lab) -> BTreeSet<String> {
    let plain = |rule: SpdRule| format!("{:?}", SpdRule { index: 0, ..rule });
    lab.rules(Side::Active).into_iter().map(plain).collect()
}

#[test]
fn no_moment_without_policy_while_it_is_refreshed() {
    let lab = lab(KernelKind::Modified);
    let control = Control::connect(&lab);
    for tunnel in ["vpn0", "vpn1"] {
        assert_eq!(outcomes(&control, tunnel, 10), only("protect"), "{tunnel}");
    }
    let mut batches = 0;
    for round in 0..12 {
        let text = if round % 2 == 0 { CBC } else { GCM };
        put(&lab, "tunnels/vpn0.conf", text);
        put(&lab, "tunnels/vpn1.conf", text);
        let mut refresh = lab.start_svcadm(&["refresh", "-s", "policy"]);
        let status = loop {
            for tunnel in ["vpn0", "vpn1"] {
                assert_eq!(outcomes(&control, tunnel, 200), only("protect"), "round {round}");
            }
            batches += 1;
            if let Some(status) = refresh.try_wait().expect("a child") {
                break status;
            }
        };
        assert!(status.success(), "round {round}: {}", log(&lab, "policy"));
        let cipher = if text == GCM { 20 } else { 12 };
        let now: BTreeSet<_> = lab.policy().iter().map(|rule| rule.action[0].encr.id).collect();
        assert_eq!(now, BTreeSet::from([cipher]));
    }
    assert!(batches > 12, "packets went while policy was refreshed");
}

/// Another owner has a rule for the same traffic, which only the kernel finds out: when the new
/// policy is to come into force.
#[test]
fn a_refresh_that_is_refused_opens_nothing() {
    let lab = lab(KernelKind::Modified);
    let control = Control::connect(&lab);
    lab.file("theirs", "{ lport 7 } drop { }\n");
    let _ = lab.ipsecconf(&["-q", "-N", "theirs", "-a", "theirs"]).exits(0);
    let before = rules(&lab);
    put(&lab, "tunnels/vpn0.conf", CBC);
    put(&lab, "tunnels/vpn1.conf", CBC);
    put(&lab, "more.conf", "{ lport 7 } drop { }\n");
    let mut refresh = lab.start_svcadm(&["refresh", "-s", "policy"]);
    let mut seen = BTreeSet::new();
    let status = loop {
        seen.extend(outcomes(&control, "vpn0", 200));
        seen.extend(outcomes(&control, "vpn1", 200));
        if let Some(status) = refresh.try_wait().expect("a child") {
            break status;
        }
    };
    assert!(!status.success(), "a refresh without effect is no success");
    assert_eq!(state(&lab, "policy"), "maintenance");
    let log = log(&lab, "policy");
    for piece in ["nothing was changed", "in force is the old policy or the new one"] {
        assert!(log.contains(piece), "no {piece:?} in {log}");
    }
    assert_eq!(rules(&lab), before);
    seen.extend(outcomes(&control, "vpn0", 10));
    seen.extend(outcomes(&control, "vpn1", 10));
    assert_eq!(seen, only("protect"));
}

#[test]
fn stop_restart_and_disable_never_open_a_secure_tunnel() {
    let lab = lab(KernelKind::Modified);
    let control = Control::connect(&lab);
    let mut seen = BTreeSet::new();
    for args in [
        &["restart", "-s", "policy"][..],
        &["disable", "-s", "policy"],
        &["enable", "-s", "policy"],
        &["refresh", "-s", "policy"],
        &["disable", "-st", "policy"],
        &["enable", "-s", "policy"],
    ] {
        let mut running = lab.start_svcadm(args);
        loop {
            seen.extend(outcomes(&control, "vpn0", 200));
            if running.try_wait().expect("a child").is_some() {
                break;
            }
        }
        let expected = if args[0] == "disable" { "drop" } else { "protect" };
        assert_eq!(outcomes(&control, "vpn0", 10), only(expected), "{args:?}");
    }
    assert_eq!(seen, BTreeSet::from(["drop".to_owned(), "protect".to_owned()]));
    // One that does not require IPsec is open without policy: that is what -S is for.
    let _ = lab.svcadm(&["disable", "-s", "policy"]).exits(0);
    assert_eq!(outcomes(&control, "vpn1", 10), only("pass"));
}

/// Does a tunnel drop everything?
fn is_closed(lab: &Lab, tunnel: &str) -> bool {
    let rules = lab.rules(Side::Active);
    let of_tunnel = |rule: &&SpdRule| {
        rule.tunnel.as_ref().is_some_and(|name| name.as_bytes() == tunnel.as_bytes())
    };
    let mut rules = rules.iter().filter(of_tunnel).peekable();
    rules.peek().is_some() && rules.all(|rule| rule.action[0].kind == ActionKind::Drop)
}

#[test]
fn a_boot_with_a_bad_shard_opens_nothing() {
    let mut lab = lab(KernelKind::Modified);
    let _ =
        lab.dladm(&["create-iptun", "-T", "ipv4", "-a", "local=10.1.1.1,remote=192.0.2.3", "vpn2"]);
    put(&lab, "tunnels/vpn1.conf", "{ negotiate tunnel } ipsec { encr_algs no-such-cipher }\n");
    put(&lab, "tunnels/vpn2.conf", GCM);
    lab.reboot(KernelKind::Modified);
    let boot = lab.ipsec_lab(&["boot"]).exits(1);
    assert!(boot.stderr.contains("network/ipsec/policy:default: maintenance"), "{boot:?}");
    assert_eq!(state(&lab, "policy"), "maintenance");
    let log = log(&lab, "policy");
    for piece in [
        "ipsecinit.d/tunnels/vpn1.conf:1:40: error: `no-such-cipher`",
        "WARNING: tunnel vpn1 drops everything",
        "left out, because of errors: /etc/inet/ipsecinit.d/tunnels/vpn1.conf",
    ] {
        assert!(log.contains(piece), "no {piece:?} in {log}");
    }
    assert!(is_closed(&lab, "vpn1") && !is_closed(&lab, "vpn0") && !is_closed(&lab, "vpn2"));
    for tunnel in ["vpn0", "vpn1", "vpn2"] {
        plumb(&lab, tunnel);
    }
    lab.keys(&keys());
    let control = Control::connect(&lab);
    assert_eq!(outcomes(&control, "vpn0", 10), only("protect"));
    assert_eq!(outcomes(&control, "vpn1", 10), only("drop"));
    assert_eq!(outcomes(&control, "vpn2", 10), only("drop"), "there are no keys");
    // Mended and cleared: the tunnel has its policy.
    put(&lab, "tunnels/vpn1.conf", CBC);
    let _ = lab.svcadm(&["clear", "-s", "policy"]).exits(0);
    assert_eq!(outcomes(&control, "vpn1", 10), only("protect"));
    assert!(!lab.view().contains("cannot be used"), "{}", lab.view());
}

#[test]
fn secure_tunnels_stay_closed_if_the_policy_service_fails_before_they_come_up() {
    let mut lab = lab(KernelKind::Modified);
    // Nothing can be read: not even the names of tunnels.
    fs::remove_dir_all(lab.root("/etc/inet/ipsecinit.d")).expect("a directory");
    fs::write(lab.root("/etc/inet/ipsecinit.d"), "").expect("a file");
    fs::write(lab.root("/etc/inet/ipsecinit.conf"), "nonsense\n").expect("a file");
    lab.reboot(KernelKind::Modified);
    let boot = lab.ipsec_lab(&["boot"]).exits(1);
    assert!(boot.stdout.contains("dladm up-iptun: done"), "{boot:?}");
    assert_eq!(state(&lab, "policy"), "maintenance");
    plumb(&lab, "vpn0");
    lab.keys(&keys());
    let links = lab.dladm(&["show-link", "-p", "-o", "link,state"]).exits(0).stdout;
    assert!(links.contains("vpn0:down\n"), "{links}");
    assert_eq!(outcomes(&Control::connect(&lab), "vpn0", 10), only("drop"));
    let shown: Value = json!(lab.dladm(&["show-iptun", "-p", "-o", "flags", "vpn0"]).stdout.trim());
    assert_eq!(shown, json!("--S"));
}
