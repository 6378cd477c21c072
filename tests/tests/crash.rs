// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kill -9` at any moment leaves the old policy or the new one, and a view that
//! matches or is repaired by the next command.

use std::thread;
use std::time::Duration;

use illumos_ipsec::model::{Side, SpdRule};
use ipsec_usermode::KernelKind;
use system_tests::lab::Lab;

const OLD: &str = "\
{ raddr 10.0.0.1 } ipsec { auth_algs sha1 }
{ raddr 10.0.0.2 dir out } drop { }
{ tunnel vpn0 negotiate tunnel } ipsec { encr_algs aes-gcm }
";
const NEW: &str = "\
{ raddr 10.0.0.1 } ipsec { auth_algs sha256 }
{ lport 53 } bypass { }
{ tunnel vpn0 negotiate tunnel } ipsec { encr_algs aes encr_auth_algs sha256 }
{ tunnel vpn1 negotiate transport } ipsec { encr_algs aes-gcm }
";
const MORE: &str = "\
{ raddr 10.0.0.9 } ipsec { auth_algs sha256 }
{ tunnel vpn0 negotiate tunnel raddr 10.9.0.0/16 } drop { }
";

/// A lab in which the old policy is in force.
fn lab_with_old_policy(kind: KernelKind) -> Lab {
    let lab = Lab::with(kind, &[]);
    lab.file("old.conf", OLD);
    lab.file("new.conf", NEW);
    lab.file("more.conf", MORE);
    lab.file("remove.conf", "{ raddr 10.0.0.2 dir out } drop { }\n");
    lab.file("remove2.conf", OLD);
    let _ = lab.ipsecconf(&["-q", "-a", "old.conf"]).exits(0);
    lab
}

/// Policy and view after a command that nobody disturbs.
fn undisturbed(kind: KernelKind, args: &[&str]) -> (Vec<SpdRule>, String) {
    let lab = lab_with_old_policy(kind);
    if !args.is_empty() {
        let _ = lab.ipsecconf(args).exits(0);
    }
    (lab.policy(), texts(&lab.view()))
}

/// The rules of a view without their numbers.
fn texts(view: &str) -> String {
    view.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// Every entry of the view is in force, and with the policy the view is the one that
/// belongs to it.
fn check(lab: &Lab, old: &(Vec<SpdRule>, String), new: &(Vec<SpdRule>, String), what: &str) {
    let policy = lab.policy();
    let expected = if policy == new.0 {
        new
    } else {
        assert_eq!(policy, old.0, "{what}: neither the old policy nor the new one");
        old
    };
    let view = lab.view();
    assert_eq!(texts(&view), expected.1, "{what}: the view does not belong to the policy");
    // A view that has been repaired needs no repair.
    assert!(!lab.root("/var/run/ipsecpolicy.conf.pending").exists(), "{what}");
    let in_force = lab.rules(Side::Active);
    for line in view.lines().filter_map(|line| line.strip_prefix("#INDEX ")) {
        let index: u64 = line.trim().parse().expect("an index");
        assert!(in_force.iter().any(|rule| rule.index == index), "{what}: {line} in {view}");
    }
}

fn kill_at_every_request(args: &[&str]) {
    for kind in [KernelKind::Modified, KernelKind::Unmodified] {
        let old = undisturbed(kind, &[]);
        let new = undisturbed(kind, args);
        assert_ne!(old.0, new.0, "the command changes something");
        let reload = ["-q", "-F", "-a", "new.conf"];
        let reloaded = undisturbed(kind, &reload);
        for before in [true, false] {
            let mut killed = 0;
            for n in 0.. {
                let lab = lab_with_old_policy(kind);
                if !lab.kill_at(args, n, before) {
                    break;
                }
                killed += 1;
                let what = format!("{kind:?}: {args:?} killed at request {n}, before: {before}");
                check(&lab, &old, &new, &what);
                // The next load is as good as any.
                let _ = lab.ipsecconf(&reload).exits(0);
                assert_eq!(lab.policy(), reloaded.0, "{what}");
            }
            assert!(killed > 0, "{args:?} sends requests");
        }
    }
}

#[test]
fn killed_while_adding() {
    kill_at_every_request(&["-q", "-a", "more.conf"]);
}

#[test]
fn killed_while_replacing() {
    kill_at_every_request(&["-q", "-F", "-a", "new.conf"]);
}

#[test]
fn killed_while_flushing() {
    kill_at_every_request(&["-q", "-F"]);
    kill_at_every_request(&["-q", "-f"]);
    kill_at_every_request(&["-q", "-f", "-i", "vpn0"]);
}

#[test]
fn killed_while_deleting() {
    kill_at_every_request(&["-q", "-d", "3"]);
}

#[test]
fn killed_while_removing() {
    kill_at_every_request(&["-q", "-r", "remove.conf"]);
    kill_at_every_request(&["-q", "-r", "remove2.conf"]);
}

/// Kills at moments that have nothing to do with requests, among them those at which
/// files are written.
#[test]
fn killed_at_any_moment() {
    for kind in [KernelKind::Modified, KernelKind::Unmodified] {
        let old = undisturbed(kind, &[]);
        let new = undisturbed(kind, &["-q", "-F", "-a", "new.conf"]);
        let lab = lab_with_old_policy(kind);
        for round in 0..150_u64 {
            let file = if round % 2 == 0 { "new.conf" } else { "old.conf" };
            let mut child = lab.start(&["-q", "-F", "-a", file]);
            #[expect(clippy::disallowed_methods, reason = "a moment that moves through the run")]
            thread::sleep(Duration::from_micros(round * 40));
            child.kill().expect("it can be killed");
            child.wait().expect("it ends");
            check(&lab, &old, &new, &format!("{kind:?}: round {round}"));
        }
    }
}
