// SPDX-License-Identifier: MIT OR Apache-2.0

//! What becomes of both, from the command that makes them to the one that deletes them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Child;

use illumos_ipsec::model::Side;
use ipsec_usermode::KernelKind;
use serde_json::{Value, json};
use system_tests::lab::{Done, Lab};

use super::{
    BOTH, CBC, DIRECTORY, GCM, cipher, create, flags, is_stored, is_whole, number, shard, source,
};

#[test]
fn a_tunnel_lives_and_dies_with_its_policy() {
    for kind in BOTH {
        let lab = Lab::with(kind, &[]);
        let secure: &[&str] = if kind == KernelKind::Modified { &["-S"] } else { &[] };
        let options = [secure, &["--policy", GCM]].concat();
        let _ = lab.dladm(&create(&options, "remote=192.0.2.1", "vpn0")).exits(0);
        let letters = if secure.is_empty() { "s--" } else { "s-S" };
        assert_eq!(flags(&lab, "vpn0").as_deref(), Some(letters));
        let path = format!("{DIRECTORY}/vpn0.conf");
        assert_eq!(source(&lab, "vpn0"), path);
        let done = lab.dladm(&["show-iptun", "-P", "-p", "-o", "policy", "vpn0"]).exits(0);
        assert_eq!(done.stdout.trim(), path);
        assert_eq!(cipher(&lab, "vpn0"), number(GCM));
        // The service would load the same.
        let _ = lab.ipsecconf(&["-c", "/etc/inet/ipsecinit.d"]).exits(0);
        let before = lab.policy();
        let _ = lab.ipsecconf(&["-q", "-F", "-a", "/etc/inet/ipsecinit.d"]).exits(0);
        assert_eq!(lab.policy(), before);

        let _ = lab.dladm(&["modify-iptun", "--policy", CBC, "vpn0"]).exits(0);
        assert_eq!(cipher(&lab, "vpn0"), number(CBC));
        let file = lab.file("vpn.policy", "{ negotiate tunnel } ipsec { encr_algs aes-gcm }");
        let file = file.to_string_lossy().into_owned();
        let args = ["modify-iptun", "-a", "remote=192.0.2.7", "--policy-file", &file, "vpn0"];
        let _ = lab.dladm(&args).exits(0);
        assert_eq!(cipher(&lab, "vpn0"), number(GCM));
        let done = lab.dladm(&["show-iptun", "-p", "-o", "remote", "vpn0"]).exits(0);
        assert_eq!(done.stdout, "192.0.2.7\n");

        let _ = lab.dladm(&["rename-link", "vpn0", "vpn1"]).exits(0);
        is_whole(&lab, "vpn1", "renamed");
        is_whole(&lab, "vpn0", "renamed");
        assert_eq!(source(&lab, "vpn1"), format!("{DIRECTORY}/vpn1.conf"));

        let _ = lab.dladm(&["down-iptun", "vpn1"]).exits(0);
        assert!(shard(&lab, "vpn1").is_some() && lab.view().is_empty());
        let _ = lab.dladm(&["up-iptun"]).exits(0);
        is_whole(&lab, "vpn1", "up again");
        let _ = lab.dladm(&["delete-iptun", "vpn1"]).exits(0);
        is_whole(&lab, "vpn1", "deleted");
        assert!(lab.rules(Side::Active).is_empty());
    }
}

#[test]
fn what_is_temporary_touches_no_file() {
    let mut lab = Lab::new();
    let _ = lab.dladm(&create(&["-t", "--policy", GCM], "remote=192.0.2.1", "vpn0")).exits(0);
    assert_eq!((cipher(&lab, "vpn0"), shard(&lab, "vpn0")), (number(GCM), None));
    assert_eq!(source(&lab, "vpn0"), "dladm -t --policy");
    let _ = lab.dladm(&["modify-iptun", "-t", "--policy", CBC, "vpn0"]).exits(0);
    assert_eq!(cipher(&lab, "vpn0"), number(CBC));
    let _ = lab.dladm(&["delete-iptun", "vpn0"]).exits(0);
    assert!(lab.rules(Side::Active).is_empty() && lab.view().is_empty());
    assert!(!lab.root(DIRECTORY).exists());
    // Of a tunnel that is stored, what is stored stays.
    let _ = lab.dladm(&create(&["--policy", GCM], "remote=192.0.2.1", "vpn0")).exits(0);
    let stored = shard(&lab, "vpn0");
    let _ = lab.dladm(&["modify-iptun", "-t", "--policy", CBC, "vpn0"]).exits(0);
    assert_eq!((cipher(&lab, "vpn0"), shard(&lab, "vpn0")), (number(CBC), stored.clone()));
    let _ = lab.dladm(&["delete-iptun", "-t", "vpn0"]).exits(0);
    assert!(lab.view().is_empty());
    // A boot without the policy service: the tunnel still comes up with its policy.
    lab.reboot(KernelKind::Modified);
    let _ = lab.dladm(&["up-iptun"]).exits(0);
    assert_eq!((cipher(&lab, "vpn0"), shard(&lab, "vpn0")), (number(GCM), stored));
    is_whole(&lab, "vpn0", "up");
}

/// Something that makes a command fail, and what it then says.
type Obstacle = (&'static str, fn(&Lab));

#[test]
fn either_both_are_made_or_neither() {
    let obstacles: &[Obstacle] = &[
        ("address already in use", |lab| {
            let _ = lab.dladm(&create(&[], "remote=192.0.2.1", "other0")).exits(0);
        }),
        ("there is policy for vpn0 in force already", |lab| {
            let text = "{ tunnel vpn0 negotiate tunnel } drop { }\n";
            let _ = lab.ipsecconf_reading(&["-q", "-a", "-"], text).exits(0);
        }),
        ("tunnels/vpn0.conf is there already", |lab| {
            fs::create_dir_all(lab.root(DIRECTORY)).expect("a directory");
            let path = lab.root(&format!("{DIRECTORY}/vpn0.conf"));
            fs::write(path, "# mine\n").expect("a file");
        }),
        ("tunnels/vpn0.conf is there already", |lab| {
            fs::create_dir_all(lab.root(DIRECTORY)).expect("a directory");
            let path = lab.root(&format!("{DIRECTORY}/vpn0.conf"));
            symlink("nowhere", path).expect("a link");
        }),
        ("cannot create /etc/inet/ipsecinit.d/tunnels", |lab| {
            fs::write(lab.root("/etc/inet/ipsecinit.d"), "").expect("a file");
        }),
        ("/etc/inet/ipsecinit.d cannot be used: others than its owner may write", |lab| {
            let path = lab.root("/etc/inet/ipsecinit.d");
            fs::create_dir(&path).expect("a directory");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("a mode");
        }),
        ("cannot write /", |lab| {
            // The name under which the file is written is taken by something else.
            let path = lab.root(&format!("{DIRECTORY}/vpn0.conf.tmp"));
            fs::create_dir_all(path).expect("a directory");
            fs::set_permissions(lab.root(DIRECTORY), fs::Permissions::from_mode(0o755)).unwrap();
        }),
    ];
    for (expected, obstacle) in obstacles {
        let lab = Lab::new();
        obstacle(&lab);
        let (rules, view) = (lab.rules(Side::Active), lab.view());
        let before = shard(&lab, "vpn0");
        let args = create(&["-S", "--policy", GCM], "remote=192.0.2.1", "vpn0");
        let _ = lab.dladm(&args).exits(1).says(expected);
        assert_eq!(flags(&lab, "vpn0"), None, "{expected}");
        assert!(!is_stored(&lab, "vpn0"), "{expected}");
        assert_eq!((lab.rules(Side::Active), lab.view()), (rules, view), "{expected}");
        assert_eq!(shard(&lab, "vpn0"), before, "{expected}");
        assert!(!lab.root("/etc/inet/ipsecinit.d/.dladm.pending").exists(), "{expected}");
    }
    for (option, value, expected) in [
        ("--policy", "encr_algs aes-gcmm", "--policy:1:40: error: `aes-gcmm`"),
        (
            "--policy",
            " encr_algs aes-gcmm",
            "dladm: --policy was read as: { negotiate tunnel } ipsec { encr_algs aes-gcmm }\n",
        ),
        ("--policy", "", "--policy:1:22: error: `ipsec` without an algorithm"),
        ("--policy", "{ raddr 10.0.0.1 } drop { }", "without `negotiate`"),
        ("--policy", "{ tunnel vpn1 negotiate tunnel } drop { }", "--policy:1:10: error:"),
        ("--policy-file", "/dev/null", "/dev/null: the policy has no rules"),
        ("--policy-file", "/no/such/file", "cannot read /no/such/file: No such file"),
        ("--policy", "{ negotiate tunnel } ipsec { encr_algs aes-gcm sa unique }", "sa unique"),
    ] {
        let lab = Lab::new();
        let args = create(&[option, value], "remote=192.0.2.1", "vpn0");
        let _ = lab.dladm(&args).exits(1).says(expected);
        is_whole(&lab, "vpn0", expected);
        assert!(!lab.root(DIRECTORY).exists(), "{expected}");
    }
    // A kernel that cannot guarantee what is asked for.
    let lab = Lab::with(KernelKind::Unmodified, &[]);
    let args = create(&["-S", "--policy", GCM], "remote=192.0.2.1", "vpn0");
    let _ = lab.dladm(&args).exits(1).says("cannot guarantee IPsec");
    is_whole(&lab, "vpn0", "old kernel");
}

/// Runs `dladm` on a disk on which nothing can be written.
fn on_a_full_disk(lab: &Lab, args: &[&str]) -> Done {
    let program = system_tests::program("dladm").expect("built");
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";
    let mut command = assert_cmd::Command::new("/bin/sh");
    let command = command.arg("-c").arg(script).arg(program).args(args);
    command.env("IPSEC_LAB", lab.path()).output().expect("it runs").into()
}

#[test]
fn on_a_full_disk_nothing_changes() {
    let lab = Lab::new();
    let args = create(&["--policy", GCM], "remote=192.0.2.1", "vpn0");
    let _ = on_a_full_disk(&lab, &args).exits(1).says("cannot write");
    is_whole(&lab, "vpn0", "not made");
    let _ = lab.dladm(&args).exits(0);
    for args in [
        &["modify-iptun", "--policy", CBC, "vpn0"][..],
        &["rename-link", "vpn0", "vpn1"],
        &["delete-iptun", "vpn0"],
    ] {
        let _ = on_a_full_disk(&lab, args).exits(1).says("cannot write");
        is_whole(&lab, "vpn0", args[0]);
        is_whole(&lab, "vpn1", args[0]);
        assert_eq!(cipher(&lab, "vpn0"), number(GCM));
    }
}

#[test]
fn what_a_person_wrote_or_linked_is_left_alone() {
    let lab = Lab::new();
    fs::create_dir_all(lab.root(DIRECTORY)).expect("a directory");
    let path = |tunnel: &str| lab.root(&format!("{DIRECTORY}/{tunnel}.conf"));
    fs::write(lab.root("/etc/inet/uniform"), "{ negotiate tunnel } drop { }\n").expect("a file");
    symlink("../../uniform", path("vpn0")).expect("a link");
    fs::write(path("vpn1"), "{ negotiate tunnel } drop { }\n").expect("a file");
    // One of ours that somebody has taken over, and one with a second name.
    for (tunnel, remote) in [("vpn2", "remote=192.0.2.2"), ("vpn3", "remote=192.0.2.3")] {
        let _ = lab.dladm(&create(&["--policy", GCM], remote, tunnel)).exits(0);
    }
    let text = shard(&lab, "vpn2").expect("a shard");
    fs::write(path("vpn2"), text.split_once('\n').expect("two lines").1).expect("a file");
    fs::hard_link(path("vpn3"), lab.root("/etc/inet/second")).expect("a link");
    for (tunnel, remote) in [("vpn0", "remote=192.0.2.8"), ("vpn1", "remote=192.0.2.9")] {
        let _ = lab.dladm(&create(&[], remote, tunnel)).exits(0);
    }
    let _ = lab.ipsecconf(&["-q", "-F", "-a", "/etc/inet/ipsecinit.d"]).exits(0);
    for tunnel in ["vpn0", "vpn1", "vpn2", "vpn3"] {
        let before = shard(&lab, tunnel);
        let said = format!("tunnels/{tunnel}.conf was not made by dladm");
        let _ = lab.dladm(&["modify-iptun", "--policy", CBC, tunnel]).exits(1).says(&said);
        let other = format!("x{tunnel}");
        let _ = lab.dladm(&["rename-link", tunnel, &other]).exits(0).says("keeps its name");
        let _ = lab.dladm(&["rename-link", &other, tunnel]).exits(0);
        let _ = lab.dladm(&["delete-iptun", tunnel]).exits(0).says("is left there");
        assert_eq!(shard(&lab, tunnel), before);
        assert!(!is_stored(&lab, tunnel));
    }
}

#[test]
fn policy_from_elsewhere_is_not_replaced_unasked() {
    let lab = Lab::new();
    let _ = lab.dladm(&create(&["--policy", GCM], "remote=192.0.2.1", "vpn0")).exits(0);
    let more = "{ tunnel vpn0 negotiate tunnel raddr 10.0.0.0/8 } drop { }\n";
    let _ = lab.ipsecconf_reading(&["-q", "-a", "-"], more).exits(0);
    let before = lab.policy();
    let done = lab.dladm(&["modify-iptun", "--policy", CBC, "vpn0"]).exits(1);
    assert!(done.stderr.contains("policy in force that is not from dladm"), "{done:?}");
    assert_eq!(lab.policy(), before);
    assert_eq!(source(&lab, "vpn0"), format!("-,{DIRECTORY}/vpn0.conf"));
}

#[test]
fn a_tunnel_whose_stored_policy_is_bad_stays_down() {
    let lab = Lab::new();
    for (tunnel, remote) in [("vpn0", "remote=192.0.2.1"), ("vpn1", "remote=192.0.2.2")] {
        let _ = lab.dladm(&create(&["--policy", GCM], remote, tunnel)).exits(0);
    }
    let _ = lab.dladm(&["down-iptun"]).exits(0);
    assert!(lab.view().is_empty());
    let text = shard(&lab, "vpn0").expect("a shard").replace("aes-gcm", "nonsense");
    fs::write(lab.root(&format!("{DIRECTORY}/vpn0.conf")), text).expect("a file");
    let stays = "its policy cannot be loaded, so it stays down";
    let _ = lab.dladm(&["up-iptun"]).exits(0).says("tunnels/vpn0.conf:2:40: error:").says(stays);
    assert_eq!((flags(&lab, "vpn0"), flags(&lab, "vpn1").as_deref()), (None, Some("s--")));
    let _ = lab.dladm(&["up-iptun", "vpn0"]).exits(1).says(stays);
    let _ = lab.dladm(&["delete-iptun", "vpn0"]).exits(0);
    is_whole(&lab, "vpn0", "deleted");
}

/// What becomes of a packet through a plumbed tunnel.
fn outcome(lab: &Lab, tunnel: &str) -> Value {
    let args = ["verdict", "--json", "--out", "--tunnel", tunnel, "--src", "1.1.1.1"];
    let done = lab.ipsec_lab(&[&args[..], &["--dst", "1.1.1.2", "--proto", "udp"]].concat());
    serde_json::from_str::<Value>(&done.stdout).expect("JSON")["outcome"].clone()
}

/// A tunnel of the same name does not have what was loaded for the one before it.
#[test]
fn the_source_of_a_policy_is_shown_while_it_is_in_force() {
    for kind in BOTH {
        let lab = Lab::with(kind, &[]);
        let file = lab.root("/etc/inet/ipsecinit.conf");
        fs::write(&file, "{ tunnel vpn0 negotiate tunnel } ipsec { encr_algs aes-gcm }\n").unwrap();
        let made = create(&[], "remote=192.0.2.1", "vpn0");
        let _ = lab.dladm(&made).exits(0);
        let _ = lab.ipsecconf(&["-q", "-a", "/etc/inet/ipsecinit.conf"]).exits(0);
        assert_eq!(source(&lab, "vpn0"), "/etc/inet/ipsecinit.conf");
        let _ = lab.dladm(&["delete-iptun", "vpn0"]).exits(0);
        let _ = lab.dladm(&made).exits(0);
        assert_eq!(flags(&lab, "vpn0").as_deref(), Some("---"));
        assert_eq!(source(&lab, "vpn0"), "");
    }
}

#[test]
fn a_renamed_tunnel_is_as_closed_as_before() {
    for kind in BOTH {
        let lab = Lab::with(kind, &[]);
        let _ = lab.dladm(&create(&["--policy", GCM], "remote=192.0.2.1", "vpn0")).exits(0);
        let plumb = |tunnel: &str| {
            let object = format!("{tunnel}/v4");
            let args = ["create-addr", "-T", "static", "-a", "local=1.1.1.1,remote=1.1.1.2"];
            let _ = lab.ipadm(&[&args[..], &[&object]].concat()).exits(0);
            object
        };
        let object = plumb("vpn0");
        assert_eq!(outcome(&lab, "vpn0"), json!("drop"), "there are no keys");
        // In use it is not renamed, and everything is as it was.
        let before = (lab.policy(), shard(&lab, "vpn0"));
        let done = lab.dladm(&["rename-link", "vpn0", "vpn1"]).exits(1).says("busy");
        assert!(!done.stderr.contains("an earlier dladm"), "{done:?}");
        assert_eq!((lab.policy(), shard(&lab, "vpn0")), before, "{kind:?}");
        assert_eq!(outcome(&lab, "vpn0"), json!("drop"));
        let _ = lab.ipadm(&["delete-addr", &object]).exits(0);
        let _ = lab.dladm(&["rename-link", "vpn0", "vpn1"]).exits(0);
        plumb("vpn1");
        assert_eq!(outcome(&lab, "vpn1"), json!("drop"), "{kind:?}");
        assert_eq!(flags(&lab, "vpn1").as_deref(), Some("s--"), "{kind:?}");
    }
}

#[test]
fn many_at_once_end_whole() {
    let lab = Lab::new();
    let names: Vec<String> = (0..6).map(|n| format!("vpn{n}")).collect();
    let remotes: Vec<String> = (0..6).map(|n| format!("remote=192.0.2.{}", n + 1)).collect();
    let start = |args: &[&str]| -> Child {
        lab.command("dladm").args(args).stderr(std::process::Stdio::null()).spawn().expect("runs")
    };
    let _ = lab.dladm(&create(&["--policy", GCM], "remote=192.0.2.77", "base0")).exits(0);
    for round in 0..12 {
        let mut running = Vec::new();
        for (name, remote) in names.iter().zip(&remotes) {
            // Two of each at the same time; one of them is too late.
            let args = match round % 3 {
                0 => create(&["--policy", GCM], remote, name),
                1 => vec!["modify-iptun", "--policy", CBC, name],
                _ => vec!["delete-iptun", name],
            };
            running.extend([start(&args), start(&args)]);
        }
        running.push(lab.start(&["-q", "-F", "-a", "/etc/inet/ipsecinit.d"]));
        for mut child in running {
            let _ = child.wait().expect("a child");
        }
        for name in &names {
            is_whole(&lab, name, &format!("round {round}"));
            assert_eq!(shard(&lab, name).is_some(), round % 3 != 2, "round {round}: {name}");
        }
        is_whole(&lab, "base0", "untouched");
    }
}
