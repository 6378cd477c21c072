// SPDX-License-Identifier: MIT OR Apache-2.0

//! One owner of policy and the mishaps of another: what is at work, was killed, cannot be
//! helped, or stands in the way.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;

use illumos_ipsec::model::{Side, SpdRule};
use illumos_ipsec::sys::files::LockFile;
use illumos_ipsec::sys::policy::Scope;
use system_tests::lab::{Lab, until_it_waits_for_a_lock};

const VPN: &str = "svc:/network/vpn:tenant1";
const NFS: &str = "nfs-client";

const OF_VPN: &str = "\
{ lport 2 } drop { }
{ tunnel vpn0 negotiate tunnel } ipsec { encr_algs aes-gcm }
";
const OF_NFS: &str = "{ lport 3 } drop { }\n";

/// A lab in which nobody has loaded anything.
fn empty_lab() -> Lab {
    let lab = Lab::new();
    lab.file("vpn.conf", OF_VPN);
    lab.file("nfs.conf", OF_NFS);
    lab
}

/// A lab in which two owners have loaded their policy.
fn lab() -> Lab {
    let lab = empty_lab();
    let _ = lab.ipsecconf(&["-q", "-N", VPN, "-a", "vpn.conf"]).exits(0);
    let _ = lab.ipsecconf(&["-q", "-N", NFS, "-a", "nfs.conf"]).exits(0);
    lab
}

/// Who has rules in force.
fn owners(lab: &Lab) -> BTreeSet<String> {
    let rules = lab.client().all_rules(Side::Active, &Scope::All).expect("a dump");
    rules.into_iter().filter_map(|rule| rule.namespace).map(|name| name.to_string()).collect()
}

#[test]
fn a_view_of_all_owners_does_not_repair_what_is_at_work() {
    let lab = lab();
    // As a load of this owner has it between its two steps.
    let view = lab.root("/var/run/ipsecpolicy.d/nfs-client.conf");
    let pending = view.with_extension("conf.pending");
    fs::copy(&view, &pending).expect("a view");
    let lock = view.with_extension("lock");
    let held = LockFile::acquire(&lock, nix::unistd::geteuid().as_raw()).expect("a lock");
    let mut waiting = lab
        .command("ipsecconf")
        .args(["-N", "*"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command starts");
    until_it_waits_for_a_lock(&mut waiting);
    assert!(pending.exists());
    // The load ends.
    fs::rename(&pending, &view).expect("a view");
    drop(held);
    let output = waiting.wait_with_output().expect("the command ends");
    assert!(output.status.success());
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains("lport 2") && shown.contains("lport 3"), "{shown}");
}

#[test]
fn the_view_of_all_owners_has_those_whose_first_load_was_killed() {
    let mut in_force = 0;
    for n in 0.. {
        let lab = empty_lab();
        if !lab.kill_at(&["-q", "-N", VPN, "-a", "vpn.conf"], n, false) {
            break;
        }
        let loaded = owners(&lab).contains(VPN);
        in_force += usize::from(loaded);
        let done = lab.ipsecconf(&["-N", "*"]).exits(0);
        assert_eq!(done.stdout.contains("lport 2"), loaded, "{n}: {done:?}");
    }
    assert!(in_force > 0);
}

#[test]
fn an_owner_who_cannot_be_helped_does_not_keep_the_rules_of_others() {
    let lab = lab();
    fs::write(lab.root("/var/run/ipsecpolicy.d/nfs-client.lock"), "x").expect("a file");
    let _ = lab.ipsecconf(&["-q", "-N", "*", "-F"]).exits(1).says("bad lock file");
    assert_eq!(owners(&lab), BTreeSet::from([NFS.to_owned()]));
}

#[test]
fn a_plan_sees_the_mode_in_which_another_owner_has_a_tunnel() {
    let lab = lab();
    let before = lab.policy();
    lab.file(
        "more.conf",
        "{ lport 9 } drop { }\n{ tunnel vpn0 negotiate transport } ipsec { encr_algs aes-gcm }\n",
    );
    for who in [&["-q"][..], &["-q", "-N", NFS]] {
        for load in [&["-a", "more.conf"][..], &["-F", "-a", "more.conf"]] {
            for plan in [&["--plan"][..], &[]] {
                let args = [plan, who, load].concat();
                let done = lab.ipsecconf(&args).exits(1);
                let message = format!(
                    "more.conf:2:1: error: there are rules of namespace {VPN} for tunnel vpn0 \
                     in the other mode"
                );
                assert!(done.stderr.contains(&message), "{args:?}: {done:?}");
                assert_eq!(lab.policy(), before, "{args:?}");
            }
        }
    }
}

#[test]
fn a_source_that_meets_rules_of_others_does_not_keep_the_good_ones_out() {
    for replace in [&[][..], &["-F"]] {
        for clash in [
            "{ lport 2 } drop { }\n",
            "{ tunnel vpn0 negotiate transport } ipsec { encr_algs aes }\n",
        ] {
            let lab = lab();
            let of_vpn = lab.client().all_rules(Side::Active, &Scope::All).expect("a dump").len();
            lab.file("a.conf", "{ lport 7 } drop { }\n");
            lab.file("b.conf", format!("{{ lport 8 }} drop {{ }}\n{clash}"));
            lab.file("c.conf", "{ tunnel vpn1 negotiate tunnel } ipsec { encr_algs aes-gcm }\n");
            let sources = ["--keep-going", "-a", "a.conf", "-a", "b.conf", "-a", "c.conf"];
            let done = lab.ipsecconf_as_service(&[replace, &sources[..]].concat()).exits(95);
            let done =
                done.says("b.conf:2:1: error: there ").says("left out, because of errors: b.conf");
            assert_eq!(done.stderr.matches("policy rules added").count(), 1, "{done:?}");
            let rules = lab.client().all_rules(Side::Active, &Scope::All).expect("a dump");
            // Four of each good source, and all that the others had.
            assert_eq!(rules.len(), of_vpn + 8, "{clash}: {done:?}");
            let ours = rules.iter().filter(|rule| rule.namespace.is_none());
            assert!(ours.clone().any(|rule| rule.selector.local_port == Some(7)));
            assert!(ours.clone().any(|rule| rule.tunnel.is_some()));
            assert!(ours.clone().all(|rule| rule.selector.local_port != Some(8)));
        }
    }
}

/// Two policies for a tunnel, the first of which another owner wants later.
const FIRST: &str =
    "{ tunnel vpn0 raddr 10.0.1.0/24 negotiate tunnel } ipsec { encr_algs aes-gcm }\n";
const SECOND: &str =
    "{ tunnel vpn0 raddr 10.0.2.0/24 negotiate tunnel } ipsec { encr_algs aes-gcm }\n";

/// A lab with these policies in files.
fn lab_with_two() -> Lab {
    let lab = Lab::new();
    lab.file("first.conf", FIRST);
    lab.file("second.conf", SECOND);
    lab
}

#[test]
fn what_an_owner_has_given_up_is_free_for_others() {
    for who in [&["-q"][..], &["-q", "-N", VPN]] {
        for next in [&["-q"][..], &["-q", "-N", NFS]] {
            for wanted in [FIRST, "{ tunnel vpn0 negotiate transport } drop { }\n"] {
                let lab = lab_with_two();
                lab.file("wanted.conf", wanted);
                for args in [&["-a", "first.conf"][..], &["-a", "second.conf"], &["-F"]] {
                    let _ = lab.ipsecconf(&[who, args].concat()).exits(0);
                }
                assert!(lab.policy().is_empty());
                let _ = lab.ipsecconf(&[next, &["-a", "wanted.conf"]].concat()).exits(0);
                assert!(!lab.policy().is_empty(), "{who:?} {next:?} {wanted}");
            }
        }
    }
}

#[test]
fn what_a_killed_load_prepared_is_named_and_can_be_removed() {
    let mut met = 0;
    for n in 0.. {
        let lab = lab_with_two();
        if !lab.kill_at(&["-q", "-N", VPN, "-a", "first.conf"], n, false) {
            break;
        }
        let in_force = owners(&lab).contains(VPN);
        let load = ["-q", "-N", NFS, "-a", "first.conf"];
        let done = lab.ipsecconf(&load);
        if done.code != Some(0) {
            met += 1;
            let place = format!(
                "first.conf:1:1: error: there is a rule of namespace {VPN} for the same traffic"
            );
            let place = if in_force { place } else { place + ", not in force" };
            assert!(done.stderr.contains(&place), "{n}: {done:?}");
            assert!(!owners(&lab).contains(NFS));
            let _ = lab.ipsecconf(&["-q", "-N", "*", "-F"]).exits(0);
            let _ = lab.ipsecconf(&load).exits(0);
        }
        assert_eq!(owners(&lab), BTreeSet::from([NFS.to_owned()]), "{n}");
    }
    assert!(met > 1);
}

#[test]
fn what_the_nameless_owner_prepares_is_not_taken_from_it() {
    // Killed between the two.
    let lab = (0..).map(|n| {
        let lab = lab_with_two();
        assert!(lab.kill_at(&["-q", "-a", "first.conf"], n, false), "it was never prepared");
        lab
    });
    let is_prepared =
        |lab: &Lab| lab.rules(Side::Active).is_empty() && !lab.rules(Side::Standby).is_empty();
    let lab = lab.into_iter().find(is_prepared).expect("a lab");
    let prepared = lab.rules(Side::Standby);
    // As if it were at work still.
    let lock = lab.root("/var/run/ipsecconf.lock");
    let held = LockFile::acquire(&lock, nix::unistd::geteuid().as_raw()).expect("a lock");
    let load = ["-q", "-N", NFS, "-a", "first.conf"];
    let expected = "first.conf:1:1: error: there is a rule without a namespace for the same traffic, \
                    not in force";
    let _ = lab.ipsecconf(&load).exits(1).says(expected);
    assert_eq!(lab.rules(Side::Standby), prepared);
    // It is over.
    drop(held);
    let _ = lab.ipsecconf(&load).exits(0);
    assert_eq!(owners(&lab), BTreeSet::from([NFS.to_owned()]));
}

#[test]
fn what_passes_a_check_can_be_sent_for_any_owner() {
    let lab = Lab::new();
    let write = |alternatives: usize| {
        let properties = "ipsec { encr_algs aes-gcm }";
        let text = vec![properties; alternatives].join(" or ");
        lab.file("large.conf", format!("{{ tunnel vpn0 negotiate tunnel }} {text}\n"));
        lab.ipsecconf(&["-c", "large.conf"]).code == Some(0)
    };
    // The largest that passes.
    let (mut good, mut bad) = (1, 10_000);
    assert!(write(good) && !write(bad));
    while bad - good > 1 {
        let middle = usize::midpoint(good, bad);
        if write(middle) { good = middle } else { bad = middle }
    }
    assert!(write(good) && good > 100, "{good}");
    let longest = format!("x{}", "y".repeat(254));
    let _ = lab.ipsecconf(&["-q", "-N", &longest, "-a", "large.conf"]).exits(0);
    assert_eq!(owners(&lab), BTreeSet::from([longest]));
}

#[test]
fn a_stopgap_that_meets_what_a_killed_load_prepared_keeps_nothing_else_out() {
    let mut met = 0;
    for n in 0.. {
        let lab = lab_with_two();
        lab.file("bad.conf", "{ tunnel vpn0 negotiate tunnel } drip { }\n");
        lab.file("host.conf", "{ lport 7 } drop { }\n");
        // A rule for all that the tunnel carries, as the stopgap is.
        lab.file("all.conf", "{ tunnel vpn0 negotiate tunnel } ipsec { encr_algs aes-gcm }\n");
        if !lab.kill_at(&["-q", "-N", VPN, "-a", "all.conf"], n, false) {
            break;
        }
        let in_force = owners(&lab).contains(VPN);
        let load = ["-q", "--keep-going", "-F", "-a", "bad.conf", "-a", "host.conf"];
        let done = lab.ipsecconf(&load).exits(1).says("left out, because of errors: bad.conf");
        let ours = |rule: &SpdRule| rule.namespace.is_none();
        let rules = lab.client().all_rules(Side::Active, &Scope::All).expect("a dump");
        let of_host = |rule: &&SpdRule| ours(rule) && rule.selector.local_port == Some(7);
        assert_eq!(rules.iter().filter(of_host).count(), 4, "{n}: {done:?}");
        let closed = rules.iter().any(|rule| rule.tunnel.is_some());
        assert!(closed || done.stderr.contains("WARNING: vpn0 without policy could not be closed"));
        assert!(closed || !in_force);
        met += usize::from(!closed);
    }
    assert!(met > 0);
}

#[test]
fn a_plan_and_a_load_that_keep_going_say_the_same_of_other_owners() {
    for other in ["{ lport 2 } drop { }\n", "{ lport 9 } drop { }\n"] {
        let lab = lab();
        lab.file("a.conf", "{ lport 7 } drop { }\n");
        lab.file("b.conf", other);
        let load = ["-q", "--keep-going", "-a", "a.conf", "-a", "b.conf"];
        let met = other.contains("lport 2");
        let planned = lab.ipsecconf(&[&["--plan"][..], &load].concat());
        assert_eq!(planned.code, Some(if met { 1 } else { 2 }), "{planned:?}");
        assert!(planned.stdout.contains("lport 7"), "{planned:?}");
        assert_eq!(planned.stderr.contains("left out, because of errors: b.conf"), met);
        let _ = lab.ipsecconf(&load).exits(i32::from(met));
        assert!(lab.policy().iter().any(|rule| rule.selector.local_port == Some(7)));
    }
}

#[test]
fn icmp_rules_of_others_are_no_concern_of_a_plan() {
    let lab = Lab::new();
    let rule = |network: &str, algorithm: &str| {
        format!(
            "{{ tunnel vpn0 ulp icmp raddr {network} negotiate tunnel }} ipsec {{ {algorithm} }}\n"
        )
    };
    lab.file("ours.conf", rule("10.1.0.0/16", "encr_algs aes-gcm"));
    lab.file("theirs.conf", rule("10.2.0.0/16", "encr_algs aes encr_auth_algs sha256"));
    let _ = lab.ipsecconf(&["-q", "-a", "ours.conf"]).exits(0);
    let _ = lab.ipsecconf(&["-q", "-N", NFS, "-a", "theirs.conf"]).exits(0);
    for (who, file) in [(&["-q"][..], "ours.conf"), (&["-q", "-N", NFS], "theirs.conf")] {
        let _ = lab.ipsecconf(&[who, &["--plan", "-F", "-a", file]].concat()).exits(0);
        let _ = lab.ipsecconf(&[who, &["-F", "-a", file]].concat()).exits(0);
    }
}

#[test]
fn icmp_rules_that_the_nameless_owner_left_are_in_nobodys_way() {
    let lab = Lab::new();
    let rule = |network: &str, algorithm: &str| {
        format!(
            "{{ tunnel vpn0 ulp icmp raddr {network} negotiate tunnel }} ipsec {{ {algorithm} }}\n"
        )
    };
    lab.file("first.conf", rule("10.1.0.0/16", "encr_algs aes-gcm"));
    lab.file("second.conf", SECOND);
    lab.file("theirs.conf", rule("10.2.0.0/16", "encr_algs aes encr_auth_algs sha256"));
    for args in [&["-a", "first.conf"][..], &["-a", "second.conf"], &["-F"]] {
        let _ = lab.ipsecconf(&[&["-q"], args].concat()).exits(0);
    }
    let _ = lab.ipsecconf(&["-q", "-N", NFS, "-a", "theirs.conf"]).exits(0);
}

#[test]
fn a_lock_that_cannot_be_had_hides_neither_views_nor_reasons() {
    let lab = lab();
    let _ = lab.ipsecconf_reading(&["-q", "-a", "-"], "{ lport 1 } drop { }\n").exits(0);
    fs::write(lab.root("/var/run/ipsecpolicy.d/nfs-client.lock"), "x").expect("a file");
    let done = lab.ipsecconf(&["-N", "*"]).exits(1).says("bad lock file");
    assert!(done.stdout.contains("lport 1") && done.stdout.contains("lport 2"), "{done:?}");
    // Somebody has prepared a rule, and the lock of the nameless owner is no lock.
    let lab = lab_with_two();
    for n in 0.. {
        assert!(lab.kill_at(&["-q", "-a", "first.conf"], n, false), "it was never prepared");
        if !lab.rules(Side::Standby).is_empty() {
            break;
        }
    }
    fs::write(lab.root("/var/run/ipsecconf.lock"), "x").expect("a file");
    let done = lab.ipsecconf(&["-q", "-N", NFS, "-a", "first.conf"]).exits(1);
    let _ = done
        .says("bad lock file")
        .says("first.conf:1:1: error: there is a rule without a namespace");
}

#[test]
fn a_view_that_waits_for_one_owner_makes_no_other_one_wait() {
    let lab = lab();
    let lock = lab.root("/var/run/ipsecpolicy.d/nfs-client.lock");
    let held = LockFile::acquire(&lock, nix::unistd::geteuid().as_raw()).expect("a lock");
    let mut waiting = lab
        .command("ipsecconf")
        .args(["-N", "*"])
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    until_it_waits_for_a_lock(&mut waiting);
    let _ = lab.ipsecconf_reading(&["-q", "-a", "-"], "{ lport 1 } drop { }\n").exits(0);
    drop(held);
    assert!(waiting.wait().expect("it ends").success());
}
