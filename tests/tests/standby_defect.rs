// SPDX-License-Identifier: MIT OR Apache-2.0

//! Kernels that switch a tunnel's protection off while its new policy is loaded.

use illumos_ipsec::model::{Side, SpdRule};
use illumos_ipsec::sys::standby;
use illumos_ipsec::wire::policy::{Message, MsgType};
use ipsec_usermode::{Event, KernelKind};
use system_tests::lab::Lab;

/// In the flag word of a tunnel: the active side is in use.
const ACTIVE: u32 = 1;

const TUNNEL_OLD: &str = "{ tunnel tun0 negotiate tunnel } ipsec { encr_algs aes-gcm }\n";
const TUNNEL_NEW: &str = "\
{ tunnel tun0 negotiate tunnel raddr 10.1.0.0/16 } ipsec { encr_algs aes-gcm }
{ tunnel tun0 negotiate tunnel } drop { }
";
const TRANSPORT_OLD: &str =
    "{ tunnel tun0 negotiate transport } ipsec { encr_algs aes encr_auth_algs sha256 }\n";
const TRANSPORT_NEW: &str = "{ tunnel tun0 negotiate transport } ipsec { encr_algs aes-gcm }\n";
const TRANSPORT_OUT: &str =
    "{ tunnel tun0 negotiate transport dir out } ipsec { encr_algs aes-gcm }\n";
const TRANSPORT_IN: &str =
    "{ tunnel tun0 negotiate transport dir in } ipsec { encr_algs aes-gcm }\n";

/// Loads one policy and replaces it by another. Gives the rules in force afterwards; the
/// tunnel was never open.
#[track_caller]
fn replace(kind: KernelKind, scope: &[&str], old: &str, new: &str) -> Vec<SpdRule> {
    let lab = Lab::with(kind, &["tun0"]);
    lab.file("old.conf", old);
    lab.file("new.conf", new);
    let _ = lab.ipsecconf(&["-q", "-a", "old.conf"]).exits(0);
    let args = [&["-q"], scope, &["-a", "new.conf"]].concat();
    let _ = lab.ipsecconf(&args).exits(0);
    never_open(&lab, &format!("{kind:?} {scope:?}\n{old}->\n{new}"));
    lab.policy()
}

/// From the first load on the tunnel was protected, and it was told about the next one.
#[track_caller]
fn never_open(lab: &Lab, what: &str) {
    let words: Vec<u32> = lab
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::TunnelPolicy { flags, .. } => Some(flags.word()),
            _ => None,
        })
        .skip_while(|word| word & ACTIVE == 0)
        .collect();
    assert!(words.len() > 2, "the tunnel was told about two loads: {words:x?} {what}");
    assert!(words.iter().all(|word| word & ACTIVE != 0), "{words:x?} {what}");
}

#[test]
fn a_running_tunnel_is_never_open_while_its_policy_is_replaced() {
    for (old, new) in [
        (TUNNEL_OLD, TUNNEL_NEW),
        (TUNNEL_NEW, TUNNEL_OLD),
        (TUNNEL_OLD, TUNNEL_OLD),
        (TRANSPORT_OLD, TRANSPORT_NEW),
        (TRANSPORT_OLD, TRANSPORT_OLD),
        (TRANSPORT_OLD, TRANSPORT_OUT),
        (TRANSPORT_OUT, TRANSPORT_IN),
        (TRANSPORT_IN, TRANSPORT_OUT),
        (TRANSPORT_IN, TRANSPORT_NEW),
    ] {
        for scope in [&["-F"][..], &["-f", "-i", "tun0"]] {
            let [careful, plain] = [KernelKind::Unmodified, KernelKind::Modified]
                .map(|kind| replace(kind, scope, old, new));
            assert_eq!(careful, plain, "{scope:?}\n{old}->\n{new}");
        }
    }
}

#[test]
fn adding_rules_and_replacing_the_rest_leave_a_running_tunnel_alone() {
    for kind in [KernelKind::Unmodified, KernelKind::Modified] {
        let lab = Lab::with(kind, &["tun0"]);
        lab.file("old.conf", TUNNEL_OLD);
        lab.file(
            "more.conf",
            TUNNEL_NEW.lines().next().unwrap().to_owned() + "\n{ lport 1 } drop { }\n",
        );
        lab.file("host.conf", "{ lport 2 } drop { }\n");
        let _ = lab.ipsecconf(&["-q", "-a", "old.conf"]).exits(0);
        let _ = lab.ipsecconf(&["-q", "-a", "more.conf"]).exits(0);
        let _ = lab.ipsecconf(&["-q", "-f", "-a", "host.conf"]).exits(0);
        never_open(&lab, &format!("{kind:?}"));
    }
}

/// Replaces a policy by one that the kernel does not take.
#[track_caller]
fn fails_and_leaves_it_protected(old: &str, bad: &str, said: &str) {
    let lab = Lab::with(KernelKind::Unmodified, &["tun0"]);
    lab.file("old.conf", old);
    lab.file("bad.conf", bad);
    let _ = lab.ipsecconf(&["-q", "-a", "old.conf"]).exits(0);
    let before = lab.rules(Side::Active);
    let _ = lab.ipsecconf(&["-q", "-F", "-a", "bad.conf"]).exits(1).says(said);
    assert_eq!(lab.rules(Side::Active), before);
    never_open(&lab, bad);
}

#[test]
fn a_load_that_fails_leaves_a_running_tunnel_protected() {
    // The kernel refuses a rule of the tunnel, and one of the host.
    for bad in [
        "{ tunnel tun0 negotiate tunnel } ipsec { encr_algs aes-gcm sa unique }\n",
        "{ lport 9 } bypass { sa unique }\n",
    ] {
        for new in [format!("{bad}{TUNNEL_NEW}"), format!("{TUNNEL_NEW}{bad}")] {
            fails_and_leaves_it_protected(TUNNEL_OLD, &new, "bad.conf:");
        }
    }
}

#[test]
fn a_refused_direction_does_not_leave_the_standby_side_empty() {
    // The kernel takes the rule of one direction and refuses that of the other.
    for (refused, taken) in [("out", "in"), ("in", "out")] {
        let new = format!(
            "{{ tunnel tun0 negotiate transport dir {refused} lport 1 }} drop {{ }}\n\
             {{ tunnel tun0 negotiate transport dir {taken} }} ipsec {{ encr_algs aes-gcm }}\n"
        );
        fails_and_leaves_it_protected(TRANSPORT_OLD, &new, "bad.conf:1:1:");
    }
}

#[test]
fn the_same_transport_rule_twice_is_harmless() {
    for kind in [KernelKind::Unmodified, KernelKind::Modified] {
        let twice = TRANSPORT_NEW.repeat(2);
        let policy = replace(kind, &["-F"], TRANSPORT_OLD, &twice);
        assert_eq!(policy.len(), 4, "{kind:?}");
    }
}

#[test]
fn a_mode_change_that_needs_a_gap_is_refused() {
    let lab = Lab::with(KernelKind::Unmodified, &["tun0"]);
    lab.file("old.conf", TUNNEL_OLD);
    lab.file("new.conf", TRANSPORT_NEW);
    let _ = lab.ipsecconf(&["-q", "-a", "old.conf"]).exits(0);
    let before = lab.rules(Side::Active);
    let _ = lab
        .ipsecconf(&["-q", "-F", "-a", "new.conf"])
        .exits(1)
        .says("new.conf:1:1: error: this kernel cannot change the mode of tunnel tun0");
    assert_eq!(lab.rules(Side::Active), before);
    assert!(lab.rules(Side::Standby).is_empty(), "nothing is left behind");

    // The changed kernel has no such gap.
    let policy = replace(KernelKind::Modified, &["-F"], TUNNEL_OLD, TRANSPORT_NEW);
    assert_eq!(policy.len(), 4);
}

#[test]
fn the_defect_is_detected_and_care_is_only_taken_where_it_is() {
    for (kind, defect) in [(KernelKind::Unmodified, true), (KernelKind::Modified, false)] {
        let lab = Lab::with(kind, &["tun0"]);
        assert_eq!(standby::has_standby_defect(&mut lab.client()).unwrap(), defect);
        assert!(lab.rules(Side::Active).is_empty() && lab.rules(Side::Standby).is_empty());
        lab.file("old.conf", TUNNEL_OLD);
        lab.file("new.conf", TUNNEL_NEW);
        let _ = lab.ipsecconf(&["-q", "-a", "old.conf"]).exits(0);
        lab.forget();
        let _ = lab.ipsecconf(&["-q", "-F", "-a", "new.conf"]).exits(0);
        let deletions = lab.seen().iter().filter(|s| s.kind() == MsgType::DELETERULE).count();
        assert_eq!(deletions > 0, defect, "rules are exchanged one by one");
        // It was asked, with a head of its own.
        let probed = lab.seen().iter().any(|seen| {
            Message::decode(&seen.bytes).is_ok_and(|message| {
                message.tun_name().is_some_and(|n| n.name() == standby::PROBE_HEAD.as_bytes())
            })
        });
        assert!(probed, "the kernel was asked");
    }
}
