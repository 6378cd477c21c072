// SPDX-License-Identifier: MIT OR Apache-2.0

//! `--keep-going`: what is good is loaded, and what is not opens no tunnel.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;

use illumos_ipsec::model::{ActionKind, Direction, Side, SpdRule};
use ipsec_usermode::{Event, KernelKind};
use system_tests::lab::Lab;

use super::{CBC, GCM, SPOILS, lab, plan, put, sources};

/// Does a tunnel drop everything, both ways?
fn is_closed(lab: &Lab, tunnel: &str) -> bool {
    let rules: Vec<SpdRule> = lab
        .rules(Side::Active)
        .into_iter()
        .filter(|rule| {
            rule.tunnel.as_ref().is_some_and(|name| name.as_bytes() == tunnel.as_bytes())
        })
        .collect();
    let both = Direction::all().iter().all(|way| rules.iter().any(|rule| rule.direction == way));
    both && rules.iter().all(|rule| {
        rule.selector.is_any() && rule.action.iter().all(|a| a.kind == ActionKind::Drop)
    })
}

#[test]
fn keep_going_loads_what_is_good_and_closes_the_tunnels_of_the_rest() {
    for kind in [KernelKind::Modified, KernelKind::Unmodified] {
        for spoil in SPOILS {
            let (lab, dir) = lab(kind);
            put(lab.cwd(), "good.conf", "{ lport 1 } pass { }\n");
            put(&dir, "tunnels/vpn1.conf", GCM);
            let expected = spoil(&dir);
            let args = ["-q", "--keep-going", "-a", "good.conf", "-a", "d/"];
            let _ = lab.ipsecconf_as_service(&args).exits(95).says(expected).says("left out");
            let good = lab.rules(Side::Active).iter().any(|r| r.selector.local_port == Some(1));
            assert!(good, "{expected}");
            // Nothing else than a drop, or than the good one, for any tunnel.
            let place = expected.split(':').next().unwrap_or_default();
            let tunnel = place.strip_prefix("d/tunnels/").and_then(|n| n.strip_suffix(".conf"));
            if let Some(tunnel) = tunnel.filter(|tunnel| tunnel.starts_with("vpn")) {
                assert!(is_closed(&lab, tunnel), "{expected}");
            }
            if place == "d" || (place == "d/tunnels" && dir.join("tunnels/vpn1.conf").exists()) {
                assert!(is_closed(&lab, "vpn1"), "{expected}");
            }
        }
    }
}

#[test]
fn a_closed_tunnel_is_open_only_to_its_mended_policy() {
    for kind in [KernelKind::Modified, KernelKind::Unmodified] {
        for mended in [GCM, "{ negotiate transport } ipsec { encr_algs aes-gcm }\n"] {
            // On an old kernel a running tunnel cannot change its mode at once.
            if kind == KernelKind::Unmodified && mended != GCM {
                continue;
            }
            let (lab, dir) = lab(kind);
            put(&dir, "tunnels/vpn0.conf", "nonsense\n");
            put(&dir, "tunnels/vpn1.conf", GCM);
            let _ = lab.ipsecconf(&["-q", "--keep-going", "-a", "d"]).exits(1);
            assert!(is_closed(&lab, "vpn0") && !is_closed(&lab, "vpn1"));
            let said = &sources(&lab)[1];
            assert_eq!(said, "d/tunnels/vpn0.conf cannot be used, so everything is dropped");
            // Once more changes nothing.
            let before = lab.policy();
            let _ = lab.ipsecconf(&["-q", "--keep-going", "-a", "d"]).exits(1).says("keeps");
            assert_eq!(lab.policy(), before);
            // The next load with a policy for it takes the place of the rule that drops,
            // at once.
            put(&dir, "tunnels/vpn0.conf", mended);
            let events = lab.events().len();
            let _ = lab.ipsecconf(&["-q", "--keep-going", "-a", "d"]).exits(0);
            assert!(!is_closed(&lab, "vpn0"));
            assert_eq!(sources(&lab), ["d/tunnels/vpn1.conf:1", "d/tunnels/vpn0.conf:1"]);
            for event in &lab.events()[events..] {
                if let Event::TunnelPolicy { flags, .. } = event {
                    assert_ne!(flags.word() & 1, 0, "{kind:?}: the tunnel was open: {event:?}");
                }
            }
        }
    }
}

#[test]
fn keep_going_leaves_out_what_does_not_get_on_with_the_rest() {
    let (lab, dir) = lab(KernelKind::Modified);
    // Two shards contradict each other: the later one is left out, with its tunnels.
    put(&dir, "10.conf", "{ lport 1 } pass { }\n");
    put(
        &dir,
        "20.conf",
        "{ lport 1 } drop { }\n{ lport 2 } drop { }\n{ tunnel vpn5 negotiate tunnel } ipsec { encr_algs aes-gcm }\n",
    );
    put(&dir, "30.conf", "{ lport 3 } pass { }\n");
    put(&dir, "tunnels/vpn5.conf", "{ negotiate tunnel raddr 10.0.0.0/8 } pass { }\n");
    let done = lab.ipsecconf(&["-q", "--keep-going", "-a", "d"]).exits(1);
    assert!(done.stderr.contains("d/20.conf:1:1: error:"), "{done:?}");
    assert!(done.stderr.contains("left out, because of errors: d/20.conf\n"), "{done:?}");
    assert!(is_closed(&lab, "vpn5"), "half a policy is not a policy");
    let mut ports: Vec<_> =
        lab.rules(Side::Active).iter().filter_map(|rule| rule.selector.local_port).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports, [1, 3]);
    // What is in force already contradicts one.
    let _ = lab.ipsecconf(&["-q", "-F"]).exits(0);
    let _ = lab.ipsecconf_reading(&["-q", "-a", "-"], "{ lport 3 } drop { }\n").exits(0);
    put(&dir, "20.conf", "{ lport 2 } drop { }\n");
    let done = lab.ipsecconf(&["-q", "--keep-going", "-a", "d"]).exits(1);
    assert!(done.stderr.contains("d/30.conf:1:1: error: there is a rule for the same"), "{done:?}");
    assert!(done.stderr.contains("left out, because of errors: d/30.conf\n"), "{done:?}");
    assert!(lab.view().contains("{ lport 2 } drop"), "{}", lab.view());
    assert!(lab.rules(Side::Standby).is_empty());
}

#[test]
fn keep_going_takes_nothing_away_for_want_of_something_better() {
    for kind in [KernelKind::Modified, KernelKind::Unmodified] {
        let (lab, dir) = lab(kind);
        put(&dir, "a.conf", "{ lport 1 } drop { }\n");
        for tunnel in ["vpn0", "vpn1", "vpn2"] {
            put(&dir, &format!("tunnels/{tunnel}.conf"), GCM);
        }
        let _ = lab.ipsecconf(&["-q", "-F", "-a", "d"]).exits(0);
        let before = lab.policy();
        put(&dir, "a.conf", "{ lport 2 } drip { }\n");
        put(&dir, "b.conf", "{ lport 3 } drop { }\n");
        put(&dir, "tunnels/vpn0.conf", "nonsense\n");
        put(&dir, "tunnels/vpn1.conf", CBC);
        fs::remove_file(dir.join("tunnels/vpn2.conf")).expect("a file");
        let args = ["-q", "-F", "--keep-going", "-a", "d"];
        let planned = lab.ipsecconf(&["--plan", "-F", "--keep-going", "-a", "d"]).exits(1);
        let removed = plan(&planned, "-");
        assert!(removed.iter().all(|line| line.contains("vpn1")));
        let done = lab.ipsecconf(&args).exits(1).says("tunnels vpn0, vpn2 keep the policy");
        let of = |name: &str, rules: &[SpdRule]| -> Vec<SpdRule> {
            let head = |rule: &&SpdRule| {
                rule.tunnel.as_ref().map_or_else(String::new, ToString::to_string) == name
            };
            rules.iter().filter(head).cloned().collect()
        };
        let after = lab.policy();
        assert_eq!(of("vpn0", &after), of("vpn0", &before), "{done:?}");
        assert_ne!(of("vpn1", &after), of("vpn1", &before));
        // It may be that a.conf was about this one.
        assert_eq!(of("vpn2", &after), of("vpn2", &before));
        // The host keeps what it has, and gets what is good.
        assert!(of("", &before).iter().all(|rule| of("", &after).contains(rule)));
        assert_eq!(of("", &after).len(), 8);
        assert!(lab.view().contains("{ lport 1 }") && lab.view().contains("{ lport 3 }"));
        // A shard is about one tunnel only.
        put(&dir, "a.conf", "{ lport 2 } drop { }\n");
        let _ = lab.ipsecconf(&args).exits(1).says("tunnel vpn0 keeps the policy that it has");
        assert_eq!(of("vpn0", &lab.policy()), of("vpn0", &before));
        assert_eq!(of("vpn2", &lab.policy()), []);
        // Mended, it is as if nothing had been.
        put(&dir, "tunnels/vpn0.conf", GCM);
        let _ = lab.ipsecconf(&args).exits(0);
        let mended = lab.policy();
        let _ = lab.ipsecconf(&["-q", "-F", "-a", "d"]).exits(0);
        assert_eq!(lab.policy(), mended);
        assert_eq!(of("", &mended).len(), 8);
    }
}

#[test]
fn what_cannot_even_be_read_may_be_about_any_tunnel() {
    for kind in [KernelKind::Modified, KernelKind::Unmodified] {
        for place in ["d/tunnels", "d", "d/a.conf", "one.conf"] {
            let (lab, dir) = lab(kind);
            put(&dir, "tunnels/vpn0.conf", GCM);
            put(&dir, "a.conf", &format!("{{ tunnel vpn1 {}", GCM.trim_start_matches('{')));
            put(lab.cwd(), "one.conf", &format!("{{ tunnel vpn2 {}", GCM.trim_start_matches('{')));
            let operands = ["-a", "d/", "-a", "one.conf"];
            let _ = lab.ipsecconf(&[&["-q", "-F"], &operands[..]].concat()).exits(0);
            let before = lab.policy();
            let tunnels = |lab: &Lab| -> BTreeSet<_> {
                lab.rules(Side::Active).into_iter().filter_map(|rule| rule.tunnel).collect()
            };
            assert_eq!(tunnels(&lab).len(), 3);
            // What leads to nothing but itself has no text, not even for root.
            let path = lab.cwd().join(place);
            match path.is_dir() {
                true => fs::remove_dir_all(&path).expect("a directory"),
                false => fs::remove_file(&path).expect("a file"),
            }
            symlink(path.file_name().expect("a name"), &path).expect("a link");
            let arguments = [&["-q", "-F", "--keep-going"], &operands[..]].concat();
            let done = lab.ipsecconf(&arguments).exits(1).says("left out");
            assert!(!done.stderr.contains("no longer protected"), "{place}: {done:?}");
            assert_eq!(tunnels(&lab).len(), 3, "{place}: {done:?}");
            assert_eq!(lab.policy().len(), before.len(), "{place}: {done:?}");
            let protected =
                |rule: &SpdRule| rule.action.iter().any(|a| a.kind == ActionKind::Ipsec);
            assert!(lab.rules(Side::Active).iter().all(protected), "{place}");
        }
    }
}

#[test]
fn a_link_to_nothing_is_no_wish_to_have_no_policy() {
    let (lab, dir) = lab(KernelKind::Modified);
    put(&dir, "a.conf", "{ lport 1 } drop { }\n");
    let text = format!("{{ tunnel vpn2 {}", GCM.trim_start_matches('{'));
    let path = put(lab.cwd(), "one.conf", &text);
    let args = ["-q", "-F", "--keep-going", "-a", "one.conf", "-a", "d/"];
    let _ = lab.ipsecconf_as_service(&args).exits(0);
    let before = lab.policy().len();
    fs::remove_file(&path).expect("a file");
    symlink("not_mounted/one.conf", &path).expect("a link");
    let _ = lab.ipsecconf_as_service(&args).exits(95).says("tunnel vpn2 keeps the policy");
    assert_eq!(lab.policy().len(), before);
    // A file that was removed is such a wish.
    fs::remove_file(&path).expect("a link");
    let _ = lab.ipsecconf_as_service(&args).exits(0);
    assert!(lab.rules(Side::Active).iter().all(|rule| rule.tunnel.is_none()));
}
