// SPDX-License-Identifier: MIT OR Apache-2.0

//! Policy in several files and directories.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use illumos_ipsec::model::{ActionKind, Direction, Side, SpdRule};
use illumos_ipsec::wire::policy::MsgType;
use ipsec_usermode::{Event, KernelKind};
use system_tests::lab::{Done, Lab};

const GCM: &str = "{ negotiate tunnel } ipsec { encr_algs aes-gcm }\n";
const CBC: &str = "{ negotiate tunnel } ipsec { encr_algs aes encr_auth_algs sha256 }\n";

/// Writes a file below a directory, with directories and modes as an administrator has them.
fn put(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    let parent = path.parent().expect("a directory");
    for made in parent.ancestors().take_while(|made| made.starts_with(dir)) {
        fs::create_dir_all(made).expect("a directory");
        mode(made, 0o755);
    }
    fs::write(&path, text).expect("a file");
    mode(&path, 0o644);
    path
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
}

/// A lab, and a directory of shards in which its commands find it as `d`.
fn lab(kind: KernelKind) -> (Lab, PathBuf) {
    let lab = Lab::with(kind, &[]);
    let dir = lab.cwd().join("d");
    fs::create_dir(&dir).expect("a directory");
    mode(&dir, 0o755);
    (lab, dir)
}

/// Nothing but questions was sent.
fn asked_only(lab: &Lab) -> bool {
    lab.seen().iter().all(|seen| matches!(seen.kind(), MsgType::ALGLIST | MsgType::DUMP))
}

/// The entries of the view, each on one line, with their sources.
fn sources(lab: &Lab) -> Vec<String> {
    lab.view().lines().filter_map(|line| line.strip_prefix("#SOURCE ")).map(Into::into).collect()
}

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

/// Makes one shard unusable; gives back what the message has to say.
type Spoil = fn(&Path) -> &'static str;

const SPOILS: &[Spoil] = &[
    |dir| {
        mode(&dir.join("tunnels/vpn1.conf"), 0o666);
        "d/tunnels/vpn1.conf: error: others than its owner may write it (mode 0666)"
    },
    |dir| {
        mode(&dir.join("tunnels/vpn1.conf"), 0o664);
        "d/tunnels/vpn1.conf: error: others than its owner may write it (mode 0664)"
    },
    |dir| {
        mode(&dir.join("tunnels"), 0o777);
        "d/tunnels: error: nothing in this directory is used: others"
    },
    |dir| {
        mode(dir, 0o775);
        "d: error: nothing in this directory is used: others than its owner may write it"
    },
    |dir| {
        symlink("nowhere", dir.join("tunnels/vpn2.conf")).expect("a link");
        "d/tunnels/vpn2.conf: error: there is no such file, or it is a symbolic link to nothing"
    },
    |dir| {
        symlink("loop.conf", dir.join("loop.conf")).expect("a link");
        "d/loop.conf: error: cannot be read: "
    },
    |dir| {
        fs::create_dir(dir.join("x.conf")).expect("a directory");
        "d/x.conf: error: it is a directory, expected a regular file"
    },
    |dir| {
        nix::unistd::mkfifo(&dir.join("x.conf"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        "d/x.conf: error: it is a pipe, expected a regular file"
    },
    |dir| {
        symlink("/dev/null", dir.join("x.conf")).expect("a link");
        "d/x.conf: error: it is a device, expected a regular file"
    },
    |dir| {
        put(dir, "tunnels/not-a-link.conf", GCM);
        "d/tunnels/not-a-link.conf: error: `not-a-link` is no name of a link, expected 2 to 31"
    },
    |dir| {
        put(dir, "tunnels/vpn2.conf", "{ tunnel vpn3 negotiate tunnel } drop { }\n");
        "d/tunnels/vpn2.conf:1:10: error: "
    },
    |dir| {
        put(dir, "tunnels/vpn2.conf", "# a remark\n{ raddr 10.0.0.1 } drop { }\n");
        "d/tunnels/vpn2.conf:2:1: error: a rule for `vpn2` without `negotiate`"
    },
    |dir| {
        put(dir, "x.conf", GCM);
        "d/x.conf:1:3: error: `negotiate` without `tunnel`"
    },
    |dir| {
        fs::remove_dir_all(dir.join("tunnels")).expect("a directory");
        fs::write(dir.join("tunnels"), "").expect("a file");
        "d/tunnels: error: it is no directory"
    },
    |dir| {
        symlink("nowhere", dir.join("gone")).expect("a link");
        fs::remove_dir_all(dir.join("tunnels")).expect("a directory");
        symlink("gone", dir.join("tunnels")).expect("a link");
        "d/tunnels: error: it is a symbolic link to nothing"
    },
];

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

/// The lines of a plan with one of these signs.
fn plan(done: &Done, signs: &str) -> Vec<String> {
    let sign = |line: &&str| line.chars().next().is_some_and(|sign| signs.contains(sign));
    done.stdout.lines().filter(sign).map(Into::into).collect()
}

#[test]
fn a_plan_tells_what_would_change_and_changes_nothing() {
    let (lab, dir) = lab(KernelKind::Modified);
    put(&dir, "a.conf", "{ raddr 10.0.0.1 } ipsec { auth_algs sha256 }\n");
    put(&dir, "tunnels/vpn0.conf", GCM);
    lab.forget();
    let done = lab.ipsecconf(&["--plan", "-a", "d"]).exits(2);
    assert_eq!(plan(&done, "+").len(), 4, "{}", done.stdout);
    assert!(asked_only(&lab) && lab.policy().is_empty());
    assert!(done.stdout.contains("+ { raddr 10.0.0.1/32 dir in } ipsec { auth_algs"), "{done:?}");
    assert!(done.stdout.contains(" # d/tunnels/vpn0.conf:1:1\n"), "{done:?}");
    let _ = lab.ipsecconf(&["-q", "-a", "d"]).exits(0);

    for args in [&["--plan", "-a", "d"][..], &["--plan", "-F", "-a", "d"]] {
        lab.forget();
        let done = lab.ipsecconf(args).exits(0);
        assert_eq!(plan(&done, "=").len(), 4, "{}", done.stdout);
        assert_eq!(plan(&done, "+-~!"), [""; 0]);
        assert!(asked_only(&lab));
    }
    // Something is added above what protects, a tunnel goes, a rule is exchanged.
    put(
        &dir,
        "a.conf",
        "{ raddr 10.0.0.0/8 } bypass { }\n{ raddr 10.0.0.1 } ipsec { auth_algs sha256 }\n",
    );
    fs::remove_file(dir.join("tunnels/vpn0.conf")).expect("a file");
    put(&dir, "tunnels/vpn1.conf", CBC);
    let before = (lab.policy(), lab.view());
    lab.forget();
    let done = lab.ipsecconf(&["--plan", "-q", "-F", "-a", "d"]).exits(2);
    assert!(asked_only(&lab));
    assert_eq!((lab.policy(), lab.view()), before);
    assert_eq!(plan(&done, "-").len(), 2, "{}", done.stdout);
    assert_eq!(plan(&done, "+").len(), 4, "{}", done.stdout);
    assert_eq!(plan(&done, "="), [""; 0], "unchanged ones are left out with -q");
    let opened = plan(&done, "!");
    assert_eq!(opened.len(), 4, "{}", done.stdout);
    for piece in ["raddr 10.0.0.1/32 dir in", "raddr 10.0.0.1/32 dir out", "tunnel vpn0"] {
        assert!(opened.iter().any(|line| line.contains(piece)), "{opened:#?}");
    }
    assert!(opened[0].contains("protected until now, in clear from then on"), "{opened:#?}");
    assert!(
        opened
            .iter()
            .filter(|line| line.contains("vpn0"))
            .all(|line| line.ends_with("unless the tunnel requires IPsec")),
        "{opened:#?}"
    );
    // What it says is what happens.
    let _ = lab.ipsecconf(&["-q", "-F", "-a", "d"]).exits(0);
    let _ = lab.ipsecconf(&["--plan", "-F", "-a", "d"]).exits(0);
}

#[test]
fn a_plan_sees_another_order_and_what_would_be_refused() {
    let (lab, dir) = lab(KernelKind::Modified);
    let (one, two) = ("{ lport 1 } pass { }\n", "{ raddr 10.0.0.0/8 } pass { }\n");
    put(&dir, "a.conf", one);
    put(&dir, "b.conf", two);
    put(&dir, "tunnels/vpn0.conf", GCM);
    let _ = lab.ipsecconf(&["-q", "-a", "d"]).exits(0);
    put(&dir, "a.conf", two);
    put(&dir, "b.conf", one);
    let done = lab.ipsecconf(&["--plan", "-F", "-a", "d"]).exits(2);
    assert_eq!(plan(&done, "~").len(), 2, "{}", done.stdout);
    assert_eq!(plan(&done, "+-!"), [""; 0]);
    // Nothing is planned that could not be done.
    for text in [
        "{ lport 1 dir in } drop { }\n",
        "{ tunnel vpn0 negotiate transport } ipsec { encr_algs aes-gcm }\n",
        "{ tunnel vpn7 negotiate tunnel } ipsec { encr_algs aes-gcm sa unique }\n",
        "{ lport nonsense } drop { }\n",
    ] {
        put(lab.cwd(), "more.conf", text);
        lab.forget();
        let done = lab.ipsecconf(&["--plan", "-a", "more.conf"]).exits(1).says("more.conf:1:");
        assert_eq!(done.stdout, "", "{text}");
        assert!(asked_only(&lab));
        assert_ne!(lab.ipsecconf(&["-q", "-a", "more.conf"]).code, Some(0), "{text}");
    }
}

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
        assert!(removed.iter().all(|line| line.contains("vpn1") || line.contains("vpn2")));
        let done = lab.ipsecconf(&args).exits(1).says("tunnel vpn0 keeps the policy that it has");
        let of = |name: &str, rules: &[SpdRule]| -> Vec<SpdRule> {
            let head = |rule: &&SpdRule| {
                rule.tunnel.as_ref().map_or_else(String::new, ToString::to_string) == name
            };
            rules.iter().filter(head).cloned().collect()
        };
        let after = lab.policy();
        assert_eq!(of("vpn0", &after), of("vpn0", &before), "{done:?}");
        assert_ne!(of("vpn1", &after), of("vpn1", &before));
        assert_eq!(of("vpn2", &after), []);
        // The host keeps what it has, and gets what is good.
        assert!(of("", &before).iter().all(|rule| of("", &after).contains(rule)));
        assert_eq!(of("", &after).len(), 8);
        assert!(lab.view().contains("{ lport 1 }") && lab.view().contains("{ lport 3 }"));
        // Mended, it is as if nothing had been.
        put(&dir, "a.conf", "{ lport 2 } drop { }\n");
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
