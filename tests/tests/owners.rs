// SPDX-License-Identifier: MIT OR Apache-2.0

//! One owner of policy and the mishaps of another: what is at work, was killed, cannot be
//! helped, or stands in the way.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;

use illumos_ipsec::model::Side;
use illumos_ipsec::sys::files::LockFile;
use illumos_ipsec::sys::policy::Scope;
use system_tests::lab::Lab;

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
    let pid = waiting.id().to_string();
    let waits = |line: &str| line.contains("->") && line.split_whitespace().any(|word| word == pid);
    while !fs::read_to_string("/proc/locks").expect("locks").lines().any(waits) {
        assert!(waiting.try_wait().expect("a child").is_none(), "it did not wait");
        std::thread::yield_now();
    }
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
