// SPDX-License-Identifier: MIT OR Apache-2.0

//! All sources are loaded as one policy, or nothing is.

use std::fs;
use std::os::unix::fs::symlink;

use illumos_ipsec::model::{Direction, Side, SpdRule};
use ipsec_usermode::KernelKind;
use system_tests::lab::Lab;

use super::{CBC, GCM, SPOILS, asked_only, lab, mode, plan, put, sources};

#[test]
fn shards_are_loaded_in_the_order_of_their_names() {
    let (lab, dir) = lab(KernelKind::Modified);
    put(&dir, "9.conf", "{ lport 9 } pass { }\n");
    put(&dir, "10.conf", "{ lport 10 } pass { }\n{ lport 11 } pass { }");
    put(&dir, "B.conf", "# nothing\n");
    put(&dir, "a.conf", "{ lport 12 } pass { }\n");
    put(&dir, "tunnels/vpn1.conf", GCM);
    put(&dir, "tunnels/vpn0.conf", CBC);
    // None of these is a shard.
    for name in [".x.conf", "a.conf~", "a.conf.bak", "README", "tunnels/README", "sub/x.conf"] {
        put(&dir, name, "no policy\n");
    }
    put(lab.cwd(), "first.conf", "{ lport 1 } pass { }\n");
    let _ = lab.ipsecconf(&["-q", "-a", "first.conf", "-a", "d"]).exits(0);
    assert_eq!(
        sources(&lab),
        [
            "first.conf:1",
            "d/10.conf:1",
            "d/10.conf:2",
            "d/9.conf:1",
            "d/a.conf:1",
            "d/tunnels/vpn0.conf:1",
            "d/tunnels/vpn1.conf:1",
        ]
    );
    // Earlier entries come before later ones.
    let mut ports: Vec<(u32, Option<u16>)> = lab
        .rules(Side::Active)
        .iter()
        .filter(|rule| rule.tunnel.is_none() && rule.direction == Direction::IN)
        .map(|rule| (rule.priority, rule.selector.local_port))
        .collect();
    ports.sort_by_key(|&(priority, _)| std::cmp::Reverse(priority));
    ports.dedup();
    let ports: Vec<_> = ports.into_iter().filter_map(|(_, port)| port).collect();
    assert_eq!(ports, [1, 10, 11, 9, 12]);
    // Every rule of a listing has its source, and a listing is a policy.
    let listing = lab.ipsecconf(&["-L"]).exits(0).stdout;
    assert_eq!(listing.matches("#SOURCE ").count(), listing.matches("#INDEX ").count());
    assert!(listing.contains("#SOURCE d/tunnels/vpn0.conf:1\n#INDEX vpn0,1\n"), "{listing}");
    let (policy, view) = (lab.policy(), lab.view());
    for text in [&listing, &view] {
        let _ = lab.ipsecconf(&["-F"]).exits(0);
        let _ = lab.ipsecconf_reading(&["-q", "-a", "-"], text).exits(0);
        let without_order = |rules: Vec<SpdRule>| {
            let mut rules: Vec<_> =
                rules.into_iter().map(|rule| SpdRule { priority: 0, ..rule }).collect();
            rules.sort_by_key(|rule| format!("{rule:?}"));
            // The rules for the two families look the same and are one entry each.
            rules.dedup();
            rules
        };
        assert_eq!(without_order(lab.policy()), without_order(policy.clone()), "{text}");
    }
}

#[test]
fn one_policy_can_be_linked_to_several_tunnels() {
    let (lab, dir) = lab(KernelKind::Modified);
    put(&dir, "uniform", GCM);
    put(&dir, "tunnels/README", "");
    for tunnel in ["vpn0", "vpn1", "vpn2"] {
        symlink("../uniform", dir.join(format!("tunnels/{tunnel}.conf"))).expect("a link");
    }
    let _ = lab.ipsecconf(&["-q", "-F", "-a", "d"]).exits(0);
    let tunnels = |lab: &Lab| -> Vec<String> {
        let mut names: Vec<_> = lab
            .rules(Side::Active)
            .iter()
            .map(|rule| rule.tunnel.as_ref().expect("a tunnel").to_string())
            .collect();
        names.sort();
        names.dedup();
        names
    };
    assert_eq!(tunnels(&lab), ["vpn0", "vpn1", "vpn2"]);
    // The view tells them apart, and so does removing by a shard.
    assert!(lab.view().contains("{ tunnel vpn1 negotiate tunnel }"), "{}", lab.view());
    let _ = lab.ipsecconf(&["-q", "-r", "d/tunnels/vpn1.conf"]).exits(0);
    assert_eq!(sources(&lab), ["d/tunnels/vpn0.conf:1", "d/tunnels/vpn2.conf:1"]);
    fs::remove_file(dir.join("tunnels/vpn0.conf")).expect("a file");
    let done = lab.ipsecconf(&["-q", "-F", "-a", "d"]).exits(0);
    assert!(done.stderr.contains("WARNING: tunnel vpn0 has no IPsec policy"), "{done:?}");
    assert_eq!(tunnels(&lab), ["vpn1", "vpn2"]);
    // In a lab, `/` of a link is the root of the lab.
    fs::create_dir_all(lab.root("/etc/inet/policies")).expect("a directory");
    put(&lab.root("/etc/inet/policies"), "all", CBC);
    symlink("/etc/inet/policies/all", dir.join("tunnels/vpn9.conf")).expect("a link");
    let _ = lab.ipsecconf(&["-q", "-F", "-a", "d"]).exits(0);
    assert_eq!(tunnels(&lab), ["vpn1", "vpn2", "vpn9"]);
}

#[test]
fn what_cannot_be_trusted_or_read_refuses_the_load() {
    for spoil in SPOILS {
        let (lab, dir) = lab(KernelKind::Modified);
        put(&dir, "a.conf", "{ lport 1 } pass { }\n");
        put(&dir, "tunnels/vpn1.conf", GCM);
        let _ = lab.ipsecconf(&["-q", "-F", "-a", "d"]).exits(0);
        let (policy, view) = (lab.policy(), lab.view());
        put(&dir, "a.conf", "{ lport 2 } pass { }\n");
        let expected = spoil(&dir);
        for args in [&["-q", "-F", "-a", "d"][..], &["-q", "-a", "d/"], &["-c", "d"]] {
            lab.forget();
            let done = lab.ipsecconf(args).exits(1).says(expected).says("1 error in the policy");
            assert!(asked_only(&lab), "{done:?}");
            assert_eq!((lab.policy(), lab.view()), (policy.clone(), view.clone()), "{expected}");
        }
        let _ = lab.ipsecconf_as_service(&["-q", "-F", "-a", "d/"]).exits(95).says(expected);
    }
}

#[test]
fn files_that_cannot_be_read_or_belong_to_others_are_refused() {
    let (lab, dir) = lab(KernelKind::Modified);
    let path = put(&dir, "a.conf", "{ lport 1 } pass { }\n");
    // Root can read everything, and only root can give a file away.
    let expected = if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&path, Some(12345), None).expect("root may do that");
        "d/a.conf: error: it belongs to user 12345, expected root"
    } else {
        mode(&path, 0);
        "d/a.conf: error: cannot be read: "
    };
    let _ = lab.ipsecconf(&["-q", "-a", "d"]).exits(1).says(expected);
    let _ = lab.ipsecconf(&["-c", "d"]).exits(1).says(expected);
}

#[test]
fn all_errors_of_all_shards_are_reported_in_one_run() {
    let (lab, dir) = lab(KernelKind::Modified);
    put(&dir, "a.conf", "{ lport x } pass { }\n{ lport 1 } pass { }\nnonsense\n");
    mode(&put(&dir, "b.conf", ""), 0o622);
    put(&dir, "tunnels/vpn0.conf", "{ negotiate tunnel } ipsec { encr_algs nonsense }\n");
    put(&dir, "tunnels/x.conf", GCM);
    lab.forget();
    let done = lab.ipsecconf(&["-q", "-a", "missing.conf", "-a", "d"]).exits(1);
    let places: Vec<&str> = done
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("ipsecconf: ")?.split_once(": error:"))
        .map(|(place, _)| place)
        .collect();
    assert_eq!(
        places,
        [
            "missing.conf",
            "d/a.conf:1:9",
            "d/a.conf:3:1",
            "d/b.conf",
            "d/tunnels/vpn0.conf:1:40",
            "d/tunnels/x.conf",
        ],
        "{done:?}"
    );
    assert!(lab.seen().is_empty());
    // A contradiction names both places.
    put(&dir, "a.conf", "{ lport 1 } pass { }\n");
    put(&dir, "b.conf", "\n  { lport 1 } drop { }\n");
    fs::remove_dir_all(dir.join("tunnels")).expect("a directory");
    let _ = lab.ipsecconf(&["-c", "d"]).exits(1).says("d/b.conf:2:3: error:").says("d/a.conf:1:1");
}

#[test]
fn what_is_not_there_is_as_good_as_empty() {
    let (lab, dir) = lab(KernelKind::Modified);
    put(&dir, "tunnels/vpn0.conf", GCM);
    let _ = lab.ipsecconf(&["-q", "-a", "nowhere/", "-a", "no.d", "-a", "d"]).exits(0);
    let policy = lab.policy();
    assert_eq!(policy.len(), 4);
    // All sources without a rule: the old policy stays.
    put(&dir, "tunnels/vpn0.conf", "# none\n");
    for sources in [&["-a", "d"][..], &["-a", "no.d/"], &["-a", "/dev/null", "-a", "no.d"]] {
        let done = lab.ipsecconf(&[&["-q", "-F"], sources].concat()).exits(0);
        assert!(done.stderr.contains("the old policy stays in force"), "{done:?}");
        assert_eq!(lab.policy(), policy);
    }
    // One rule in any of them is a policy.
    put(&dir, "a.conf", "{ lport 1 } pass { }\n");
    let _ = lab.ipsecconf(&["-q", "-F", "-a", "/dev/null", "-a", "d"]).exits(0);
    assert_eq!(lab.policy().len(), 4);
    // A file that is named has to be there, but for a service.
    let _ = lab.ipsecconf(&["-q", "-F", "-a", "none.conf", "-a", "d"]).exits(1);
    let done = lab.ipsecconf_as_service(&["-q", "-F", "-a", "none.conf", "-a", "d"]).exits(0);
    assert!(done.stdout.contains("There is no policy file none.conf"), "{done:?}");
    assert!(!done.stdout.contains("not configured"), "{done:?}");
    let done = lab.ipsecconf_as_service(&["-q", "-a", "none.conf", "-a", "none.d"]).exits(0);
    assert!(done.stdout.contains("not configured"), "{done:?}");
}

#[test]
fn one_shard_is_checked_with_its_tunnel() {
    let (lab, dir) = lab(KernelKind::Modified);
    put(&dir, "tunnels/vpn0.conf", GCM);
    put(&dir, "tunnels/vpn.conf", GCM);
    put(&dir, "elsewhere/vpn0.conf", GCM);
    let _ = lab.ipsecconf(&["-c", "d/tunnels/vpn0.conf"]).exits(0);
    let _ = lab.ipsecconf(&["-c", "d/tunnels/vpn.conf"]).exits(1).says("no name of a link");
    let _ = lab.ipsecconf(&["-c", "d/elsewhere/vpn0.conf"]).exits(1).says("without `tunnel`");
    let _ = lab.ipsecconf(&["-q", "-a", "d/tunnels/vpn0.conf"]).exits(0);
    assert_eq!(lab.policy().len(), 4);
    assert_eq!(sources(&lab), ["d/tunnels/vpn0.conf:1"]);
    // Without a lab, without a kernel.
    let mut check = assert_cmd::Command::new(system_tests::program("ipsecconf").expect("built"));
    let check = check.env_remove("IPSEC_LAB").env_remove("SMF_FMRI").args(["-c"]).arg(&dir);
    let output = check.output().expect("it runs");
    assert!(String::from_utf8_lossy(&output.stderr).contains("tunnels/vpn.conf: error:"));
}

#[test]
fn of_a_thousand_shards_one_changes() {
    let (lab, dir) = lab(KernelKind::Modified);
    for n in 0..1000 {
        put(&dir, &format!("tunnels/vpn{n}.conf"), GCM);
    }
    let _ = lab.ipsecconf(&["-q", "-F", "-a", "d"]).exits(0);
    let before = lab.policy();
    assert_eq!(before.len(), 4000);
    put(&dir, "tunnels/vpn500.conf", CBC);
    let done = lab.ipsecconf(&["-q", "--plan", "-F", "-a", "d"]).exits(2);
    assert_eq!(
        (plan(&done, "+").len(), plan(&done, "-").len(), plan(&done, "~!").len()),
        (2, 2, 0)
    );
    let _ = lab.ipsecconf(&["-q", "-F", "-a", "d"]).exits(0);
    let after = lab.policy();
    let changed: Vec<_> = after.iter().filter(|rule| !before.contains(rule)).collect();
    assert_eq!(changed.len(), 4);
    assert!(changed.iter().all(|rule| rule.tunnel.as_ref().unwrap().as_bytes() == b"vpn500"));
}
