// SPDX-License-Identifier: MIT OR Apache-2.0

//! Commands that are killed: what is left is closed, and the next command repairs it.

use ipsec_usermode::KernelKind;
use system_tests::lab::Lab;

use super::{BOTH, CBC, GCM, create, flags, is_whole};

/// Is there no moment at which a tunnel that was made with policy runs without?
fn kill_everywhere(kind: KernelKind, before: &[Vec<&str>], args: &[&str]) {
    for early in [true, false] {
        let mut killed = 0;
        for n in 0.. {
            let lab = Lab::with(kind, &[]);
            for args in before {
                let _ = lab.dladm(args).exits(0);
            }
            if !lab.kill_command_at("dladm", args, n, early) {
                break;
            }
            killed += 1;
            let what = format!("{kind:?} {args:?} killed at request {n}, before: {early}");
            for tunnel in ["vpn0", "vpn1"] {
                if let Some(flags) = flags(&lab, tunnel) {
                    let closed = flags.ends_with('S');
                    assert!(closed || flags.starts_with('s'), "{what}: {tunnel} {flags}");
                }
            }
            // Whatever is done next repairs it.
            let next = lab.dladm(&create(&[], "remote=192.0.2.99", "next0")).exits(0);
            is_whole(&lab, "vpn0", &what);
            is_whole(&lab, "vpn1", &what);
            let pending = next.stderr.contains("an earlier dladm did not finish");
            let again = lab.dladm(&["delete-iptun", "next0"]).exits(0);
            assert_eq!(again.stderr, "", "{what}: said twice, {pending}");
        }
        assert!(killed > 3, "{args:?} sends requests");
    }
}

#[test]
fn killed_while_a_tunnel_is_made() {
    for kind in BOTH {
        kill_everywhere(kind, &[], &create(&["--policy", GCM], "remote=192.0.2.1", "vpn0"));
    }
    let secure = create(&["-S", "--policy", GCM], "remote=192.0.2.1", "vpn0");
    kill_everywhere(KernelKind::Modified, &[], &secure);
}

#[test]
fn killed_while_a_policy_is_replaced() {
    for kind in BOTH {
        let made = create(&["--policy", GCM], "remote=192.0.2.1", "vpn0");
        let args = ["modify-iptun", "-a", "remote=192.0.2.5", "--policy", CBC, "vpn0"];
        kill_everywhere(kind, &[made], &args);
    }
}

#[test]
fn killed_while_a_tunnel_is_deleted() {
    for kind in BOTH {
        let made = create(&["--policy", GCM], "remote=192.0.2.1", "vpn0");
        kill_everywhere(kind, &[made], &["delete-iptun", "vpn0"]);
    }
}

#[test]
fn killed_while_a_tunnel_is_renamed() {
    for kind in BOTH {
        let made = create(&["--policy", GCM], "remote=192.0.2.1", "vpn0");
        kill_everywhere(kind, &[made], &["rename-link", "vpn0", "vpn1"]);
    }
    let made = create(&["-S", "--policy", GCM], "remote=192.0.2.1", "vpn0");
    kill_everywhere(KernelKind::Modified, &[made], &["rename-link", "vpn0", "vpn1"]);
}
