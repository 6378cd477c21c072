// SPDX-License-Identifier: MIT OR Apache-2.0

//! What becomes of tunnels when a method of the policy service is killed, or a part of it.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use ipsec_usermode::{Event, KernelKind};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use system_tests::lab::{Control, Lab};

use super::protection::{CBC, GCM, keys_of, lab, only, outcomes, plumb, put, rules};
use super::{log, state};

const KINDS: [KernelKind; 2] = [KernelKind::Modified, KernelKind::Unmodified];

/// In the flag word of a tunnel: it has policy in force.
const ACTIVE: u32 = 1;

/// Two tunnels with policy in tunnel mode, and one with policy in transport mode.
fn three_tunnels(kind: KernelKind) -> Lab {
    let lab = lab(kind);
    let ends = "local=10.1.1.1,remote=192.0.2.3";
    let _ = lab.dladm(&["create-iptun", "-T", "ipv4", "-a", ends, "vpn2"]).exits(0);
    plumb(&lab, "vpn2");
    put(&lab, "tunnels/vpn2.conf", &GCM.replace("tunnel", "transport"));
    let ends = "src 10.1.1.1 dst 192.0.2.3 proto 4";
    lab.keys(&keys_of(0x300, ends));
    let _ = lab.svcadm(&["refresh", "-s", "policy"]).exits(0);
    lab
}

/// Writes another policy for all three.
fn change(lab: &Lab) {
    put(lab, "tunnels/vpn0.conf", CBC);
    put(lab, "tunnels/vpn1.conf", CBC);
    put(lab, "tunnels/vpn2.conf", &CBC.replace("tunnel", "transport"));
    put(lab, "more.conf", "{ lport 7 } drop { }\n");
}

/// The command into which a method turns, or which it waits for.
fn method(lab: &Lab, verb: &str) -> Command {
    if verb != "refresh" {
        return lab.policy_method(verb);
    }
    let mut command = lab.command("ipsecconf");
    command.args(["-q", "-F", "-a", "/etc/inet/ipsecinit.conf", "-a", "/etc/inet/ipsecinit.d/"]);
    command.env("SMF_FMRI", "svc:/network/ipsec/policy:default");
    command
}

/// Kills the method at each of its requests.
fn killed_at_each_request(kind: KernelKind, verb: &str) {
    for before in [true, false] {
        for n in 0.. {
            let lab = three_tunnels(kind);
            change(&lab);
            let (old, events) = (rules(&lab), lab.events().len());
            let killed = lab.kill_any_at(&mut method(&lab, verb), n, before);
            let what = format!("{kind:?} {verb} killed at request {n}, before: {before}");
            let control = Control::connect(&lab);
            let now = || ["vpn0", "vpn1", "vpn2"].map(|tunnel| outcomes(&control, tunnel, 10));
            let (after, seen) = (rules(&lab), now());
            let _ = lab.svcadm(&["refresh", "-s", "policy"]).exits(0);
            let new = if verb == "stop" { BTreeSet::new() } else { rules(&lab) };
            assert!(after == old || after == new, "{what}: neither the old nor the new policy");
            if after.is_empty() {
                let secure = kind == KernelKind::Modified;
                let expected = [if secure { "drop" } else { "pass" }, "pass", "pass"].map(only);
                assert_eq!(seen, expected, "{what}");
            } else {
                assert_eq!(seen, ["protect"; 3].map(only), "{what}");
            }
            assert_eq!(now(), ["protect"; 3].map(only), "{what}, then refreshed");
            if verb != "stop" {
                // Nor was there a moment without policy, before or since.
                let words = lab.events().into_iter().skip(events).filter_map(|event| match event {
                    Event::TunnelPolicy { flags, .. } => Some(flags.word()),
                    _ => None,
                });
                let words: Vec<_> = words.collect();
                assert!(words.len() > 2, "{what}: tunnels are told about the load");
                assert!(words.iter().all(|word| word & ACTIVE != 0), "{what}: {words:x?}");
            }
            if !killed {
                assert_eq!(after, new, "{what}");
                assert!(n > 0, "{verb} sends requests");
                break;
            }
        }
    }
}

#[test]
fn a_start_that_is_killed_leaves_the_old_policy_or_the_new_one() {
    killed_at_each_request(KernelKind::Modified, "start");
}

#[test]
fn a_refresh_that_is_killed_leaves_the_old_policy_or_the_new_one() {
    killed_at_each_request(KernelKind::Modified, "refresh");
}

#[test]
fn a_stop_that_is_killed_leaves_the_old_policy_or_none() {
    killed_at_each_request(KernelKind::Modified, "stop");
}

#[test]
fn a_start_that_is_killed_on_an_old_kernel_leaves_the_old_policy_or_the_new_one() {
    killed_at_each_request(KernelKind::Unmodified, "start");
}

#[test]
fn a_refresh_that_is_killed_on_an_old_kernel_leaves_the_old_policy_or_the_new_one() {
    killed_at_each_request(KernelKind::Unmodified, "refresh");
}

#[test]
fn a_stop_that_is_killed_on_an_old_kernel_leaves_the_old_policy_or_none() {
    killed_at_each_request(KernelKind::Unmodified, "stop");
}

/// The path of the real `ipsecconf`, for a script in its place.
fn ipsecconf() -> String {
    system_tests::program("ipsecconf").expect("it is built").display().to_string()
}

/// Only the shell of the method is killed, and `ipsecconf` goes on without it.
#[test]
fn a_refresh_without_its_shell_opens_nothing() {
    for kind in KINDS {
        let lab = three_tunnels(kind);
        let (control, old) = (Control::connect(&lab), rules(&lab));
        let end = lab.path().join("end");
        mkfifo(&end, Mode::S_IRWXU).expect("a FIFO");
        // Only once: a restarter may run the method again.
        let script = format!(
            "[ -e '{0}.killed' ] && exec '{1}' \"$@\"\n\
             : >'{0}.killed'; kill -9 $PPID\n\
             '{1}' \"$@\"; echo $? >'{0}'\n",
            end.display(),
            ipsecconf()
        );
        lab.fake("ipsecconf", &script);
        change(&lab);
        let ended = std::thread::spawn(move || fs::read_to_string(end).expect("an exit status"));
        let mut refresh = lab.start_svcadm(&["refresh", "-s", "policy"]);
        let mut seen = BTreeSet::new();
        while !ended.is_finished() {
            for tunnel in ["vpn0", "vpn1", "vpn2"] {
                seen.extend(outcomes(&control, tunnel, 100));
            }
        }
        assert_eq!(ended.join().expect("no panic"), "0\n", "{kind:?}");
        assert!(refresh.wait().expect("a child").success(), "{kind:?}");
        assert_eq!(seen, only("protect"), "{kind:?}");
        assert_ne!(rules(&lab), old, "{kind:?}: the new policy is in force");
        assert_eq!(state(&lab, "policy"), "online", "{kind:?}");
        assert!(log(&lab, "policy").contains("\"refresh\" was ended by signal 9"), "{kind:?}");
    }
}

/// Only `ipsecconf` is killed, before it has done anything or when all is done. The method cannot
/// know which, and does not say that it does.
#[test]
fn a_refresh_without_its_command_leads_to_maintenance() {
    for kind in KINDS {
        for (done, script) in [
            (false, "kill -9 $$".to_owned()),
            (true, format!("'{}' \"$@\"; kill -9 $$", ipsecconf())),
        ] {
            let what = format!("{kind:?}, done: {done}");
            let lab = three_tunnels(kind);
            let old = rules(&lab);
            lab.fake("ipsecconf", &script);
            change(&lab);
            let _ = lab.svcadm(&["refresh", "-s", "policy"]).exits(1);
            assert_eq!(state(&lab, "policy"), "maintenance", "{what}");
            let log = log(&lab, "policy");
            assert!(log.contains("in force is the old policy or the new one"), "{what}: {log}");
            assert_eq!(rules(&lab) != old, done, "{what}");
            let control = Control::connect(&lab);
            for tunnel in ["vpn0", "vpn1", "vpn2"] {
                assert_eq!(outcomes(&control, tunnel, 10), only("protect"), "{what}");
            }
        }
    }
}
