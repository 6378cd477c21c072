// SPDX-License-Identifier: MIT OR Apache-2.0

//! Tunnels with the real `dladm`, above all those that require IPsec.

use std::fs;

use ipsec_usermode::KernelKind;
use serde_json::json;
use system_tests::lab::{Control, Lab};
use system_tests::write_script;

const PAIR: &str = "local=10.1.1.1,remote=157.85.1.1";
const SECURE: &[&str] = &["create-iptun", "-T", "ipv4", "-S", "-a", PAIR, "sec0"];
const PLAIN: &[&str] = &["create-iptun", "-T", "ipv4", "-a", PAIR, "tun0"];

/// Name and flags of all tunnels, or of all stored ones. A link that was left without a
/// tunnel makes the exit status 1, and is not listed.
fn tunnels(lab: &Lab, stored: bool) -> String {
    let how = if stored { "-pP" } else { "-p" };
    lab.dladm(&["show-iptun", how, "-o", "link,flags"]).stdout
}

fn stored_text(lab: &Lab) -> String {
    fs::read_to_string(lab.root("/etc/dladm/datalink.conf")).unwrap_or_default()
}

fn load(lab: &Lab, tunnel: &str) {
    let rule = format!("{{ tunnel {tunnel} negotiate tunnel }} ipsec {{ encr_algs aes-gcm }}\n");
    lab.file("policy.conf", rule);
    let _ = lab.ipsecconf(&["-q", "-a", "policy.conf"]).exits(0);
}

#[test]
fn the_requirement_shows_and_survives_all_but_deletion() {
    let mut lab = Lab::new();
    let _ = lab.dladm(SECURE).exits(0);
    assert_eq!(tunnels(&lab, false), "sec0:--S\n");
    assert_eq!(tunnels(&lab, true), "sec0:--S\n");
    load(&lab, "sec0");
    assert_eq!(tunnels(&lab, false), "sec0:s-S\n");
    let _ = lab.ipsecconf(&["-q", "-F"]).exits(0);
    assert_eq!(tunnels(&lab, false), "sec0:--S\n");
    let _ = lab.dladm(&["modify-iptun", "-a", "remote=192.0.2.9", "sec0"]).exits(0);
    assert_eq!(tunnels(&lab, false), "sec0:--S\n");
    let _ = lab.dladm(&["down-iptun"]).exits(0);
    assert_eq!(tunnels(&lab, false), "");
    let _ = lab.dladm(&["up-iptun", "sec0"]).exits(0);
    assert_eq!(tunnels(&lab, false), "sec0:--S\n");
    let _ = lab.dladm(&["rename-link", "sec0", "vpn7"]).exits(0);
    assert_eq!(tunnels(&lab, false), "vpn7:--S\n");
    lab.reboot(KernelKind::Modified);
    assert_eq!(tunnels(&lab, false), "");
    let _ = lab.dladm(&["up-iptun"]).exits(0);
    assert_eq!(tunnels(&lab, false), "vpn7:--S\n");
    let _ = lab.dladm(&["delete-iptun", "vpn7"]).exits(0);
    assert_eq!((tunnels(&lab, false), tunnels(&lab, true)), (String::new(), String::new()));
}

#[test]
fn a_kernel_without_secure_tunnels_creates_nothing() {
    let lab = Lab::with(KernelKind::Unmodified, &[]);
    let _ = lab.dladm(SECURE).exits(1).says("cannot guarantee IPsec");
    assert_eq!((tunnels(&lab, false), tunnels(&lab, true)), (String::new(), String::new()));
    assert!(!stored_text(&lab).contains("sec0"));
    // The name is free.
    let _ = lab.dladm(&["create-iptun", "-T", "ipv4", "sec0"]).exits(0);
}

#[test]
fn a_stored_secure_tunnel_does_not_come_up_on_an_old_kernel() {
    let mut lab = Lab::new();
    let _ = lab.dladm(SECURE).exits(0);
    lab.reboot(KernelKind::Unmodified);
    let _ = lab.dladm(&["up-iptun"]).exits(0).says("sec0");
    assert_eq!(tunnels(&lab, false), "");
    let _ = lab.dladm(&["up-iptun", "sec0"]).exits(1).says("cannot guarantee IPsec");
    assert_eq!(tunnels(&lab, false), "");
    // What is stored stays for the kernel that can.
    assert_eq!(tunnels(&lab, true), "sec0:--S\n");
}

#[test]
fn a_6to4_tunnel_cannot_require_ipsec() {
    let lab = Lab::new();
    let _ = lab
        .dladm(&["create-iptun", "-T", "6to4", "-S", "-a", "local=10.1.1.1", "six0"])
        .exits(1)
        .says("6to4");
    assert!(!stored_text(&lab).contains("six0"));
}

#[test]
fn the_form_that_is_stored_has_no_number_where_other_tools_read_one() {
    let lab = Lab::new();
    let _ = lab.dladm(SECURE).exits(0);
    let text = stored_text(&lab);
    assert!(text.contains("type=string,ipv4-secure;"), "{text}");
    assert!(!text.contains("type=int"), "{text}");
}

#[test]
fn a_secure_tunnel_with_policy_is_not_renamed() {
    let lab = Lab::new();
    let _ = lab.dladm(SECURE).exits(0);
    load(&lab, "sec0");
    let _ = lab.dladm(&["rename-link", "sec0", "vpn7"]).exits(1).says("link busy");
    assert_eq!(tunnels(&lab, false), "sec0:s-S\n");
}

#[test]
fn a_name_that_is_too_long_is_not_cut() {
    let lab = Lab::new();
    let _ = lab.dladm(PLAIN).exits(0);
    let longest = format!("t{}0", "u".repeat(29));
    let longer = format!("{longest}0");
    let _ = lab.dladm(&["rename-link", "tun0", &longer]).exits(1).says("invalid argument");
    assert_eq!(tunnels(&lab, false), "tun0:---\n");
    let _ = lab.dladm(&["rename-link", "tun0", &longest]).exits(0);
    let _ = lab.dladm(&["rename-link", &longer, "vpn7"]).exits(1).says("object not found");
    assert_eq!(tunnels(&lab, false), format!("{longest}:---\n"));
}

/// Killed at any of its calls, before the kernel sees it or after: there is no tunnel
/// without the requirement, other entries are as they were, and the command can be
/// completed or undone.
#[test]
fn a_killed_create_leaves_nothing_that_passes_clear_text() {
    for before in [true, false] {
        let mut killed = 0;
        loop {
            let mut lab = Lab::new();
            let other = &["create-iptun", "-T", "ipv4", "-a", "remote=192.0.2.1", "other0"];
            let _ = lab.dladm(other).exits(0);
            let entry = stored_text(&lab);
            if !lab.kill_command_at("dladm", SECURE, killed, before) {
                break;
            }
            killed += 1;
            for line in tunnels(&lab, false).lines() {
                assert!(["other0:---", "sec0:--S"].contains(&line), "{killed}: {line}");
            }
            assert!(stored_text(&lab).contains(&entry), "{killed}");
            if killed % 2 == 0 {
                lab.reboot(KernelKind::Modified);
            }
            let _ = lab.dladm(&["up-iptun"]).exits(0);
            for line in tunnels(&lab, false).lines() {
                assert!(["other0:---", "sec0:--S"].contains(&line), "{killed}: {line}");
            }
            // Whatever was left can be taken away, and the name be used again.
            let _ = lab.dladm(&["delete-iptun", "sec0"]);
            let _ = lab.dladm(SECURE).exits(0);
            assert!(tunnels(&lab, false).contains("sec0:--S"), "{killed}");
        }
        assert!(killed >= 9, "only {killed} calls");
    }
}

#[test]
fn a_killed_delete_or_modify_never_takes_the_requirement_away() {
    for args in [
        &["delete-iptun", "sec0"][..],
        &["modify-iptun", "-a", "remote=192.0.2.9", "sec0"],
        &["down-iptun", "sec0"],
        &["rename-link", "sec0", "sec1"],
    ] {
        for before in [true, false] {
            let mut killed = 0;
            loop {
                let mut lab = Lab::new();
                let _ = lab.dladm(SECURE).exits(0);
                if !lab.kill_command_at("dladm", args, killed, before) {
                    break;
                }
                killed += 1;
                let secure = |text: String| text.lines().all(|line| line.ends_with(":--S"));
                assert!(secure(tunnels(&lab, false)), "{args:?} {killed}");
                assert!(secure(tunnels(&lab, true)), "{args:?} {killed}");
                lab.reboot(KernelKind::Modified);
                let _ = lab.dladm(&["up-iptun"]).exits(0);
                assert!(secure(tunnels(&lab, false)), "{args:?} {killed}");
            }
            assert!(killed >= 3, "{args:?}: only {killed} calls");
        }
    }
}

#[test]
fn a_refused_modify_changes_nothing() {
    for kind in [KernelKind::Modified, KernelKind::Unmodified] {
        let lab = Lab::with(kind, &[]);
        let _ = lab.dladm(PLAIN).exits(0);
        let _ = lab.dladm(&["create-iptun", "-T", "ipv4", "-a", "remote=192.0.2.1", "tun1"]);
        let before = (stored_text(&lab), lab.dladm(&["show-iptun"]).exits(0).stdout);
        // The pair is in use; and a text that would damage the file.
        for address in [PAIR, "local=10.1.1.1;x=int,1", "remote=a b", "remote=x\ny0\tclass=int,1;"]
        {
            let _ = lab.dladm(&["modify-iptun", "-a", address, "tun1"]).exits(1);
            let after = (stored_text(&lab), lab.dladm(&["show-iptun"]).exits(0).stdout);
            assert_eq!(after, before, "{kind:?} {address:?}");
        }
    }
}

/// With the calls of the service network/iptun.
#[test]
fn a_boot_finds_its_tunnels() {
    let mut lab = Lab::new();
    let _ = lab.dladm(PLAIN).exits(0);
    lab.reboot(KernelKind::Modified);
    let _ = lab.dladm(&["up-iptun"]).exits(0);
    assert_eq!(lab.dladm(&["show-iptun", "-p", "-o", "link"]).exits(0).stdout, "tun0\n");
    let _ = lab.dladm(&["down-iptun"]).exits(0);
    assert_eq!(lab.dladm(&["show-iptun", "-p", "-o", "link"]).exits(0).stdout, "");
}

#[test]
fn a_column_says_whether_ipsec_is_required() {
    let lab = Lab::new();
    let _ = lab.dladm(PLAIN).exits(0);
    let _ = lab.dladm(&["create-iptun", "-T", "ipv4", "--secure", "sec0"]).exits(0);
    for stored in ["-p", "-pP"] {
        let done = lab.dladm(&["show-iptun", stored, "-o", "link,secure"]).exits(0);
        assert_eq!(done.stdout, "tun0:no\nsec0:yes\n");
    }
}

#[test]
fn long_forms_do_what_the_letters_do() {
    let lab = Lab::new();
    let dladm = |args: &[&str]| lab.dladm(args).exits(0).stdout;
    let local = format!("--address={PAIR}");
    dladm(&["create-iptun", "--tunnel-type=ipv4", &local, "tun0"]);
    dladm(&["modify-iptun", "--temporary", "--address", "remote=192.0.2.2", "tun0"]);
    let listed = |how: &str| dladm(&["show-iptun", how, "-o", "type,local,remote"]);
    assert_eq!(listed("--parsable"), "ipv4:10.1.1.1:192.0.2.2\n");
    assert_eq!(listed("-pP"), "ipv4:10.1.1.1:157.85.1.1\n");
    let hops = || {
        let list = ["--parsable", "--output=value", "--prop=hoplimit", "tun0"];
        let stored = [&["show-linkprop", "--persistent"], &list[..]].concat();
        (dladm(&[&["show-linkprop"], &list[..]].concat()), dladm(&stored))
    };
    let both = |now: &str, stored: &str| (format!("{now}\n"), format!("{stored}\n"));
    dladm(&["set-linkprop", "--prop", "hoplimit=7", "tun0"]);
    dladm(&["set-linkprop", "--temporary", "-p", "hoplimit=9", "tun0"]);
    assert_eq!(hops(), both("9", "7"));
    dladm(&["reset-linkprop", "--temporary", "-p", "hoplimit", "tun0"]);
    assert_eq!(hops(), both("64", "7"));
    dladm(&["reset-linkprop", "--prop=hoplimit", "tun0"]);
    assert_eq!(hops(), both("64", ""));
    let columns = ["--parsable", "-o", "link,opackets", "tun0"];
    assert_eq!(dladm(&[&["show-link", "--statistics"], &columns[..]].concat()), "tun0:0\n");
    let _ = lab.dladm(&["show-link", "-s", "--interval=0"]).exits(1).says("interval");
    dladm(&["delete-iptun", "--temporary", "tun0"]);
    assert_eq!(listed("-p"), "");
    assert_eq!(listed("-pP"), "ipv4:10.1.1.1:157.85.1.1\n");
}

/// A command for another root is written down there, without that root, and changes
/// nothing here.
#[test]
fn another_root_gets_the_command_and_not_the_change() {
    for option in [&["-R", "/alt"][..], &["--root-dir=/alt"]] {
        let lab = Lab::new();
        let _ = lab.dladm(PLAIN).exits(0);
        let profile = lab.root("/alt/var/svc/profile");
        fs::create_dir_all(&profile).expect("a directory");
        let file = profile.join("upgrade");
        let before = fs::read_to_string(lab.root("/etc/dladm/datalink.conf")).expect("a file");
        for (subcommand, rest) in [
            ("modify-iptun", &["-a", "remote=192.0.2.9", "tun0"][..]),
            ("set-linkprop", &["-p", "hoplimit=9", "tun0"]),
            ("reset-linkprop", &["-p", "hoplimit", "tun0"]),
            ("rename-link", &["tun0", "tun1"]),
            ("delete-iptun", &["tun0"]),
        ] {
            let _ = lab.dladm(&[&[subcommand], option, rest].concat()).exits(0);
            let text = fs::read_to_string(&file).expect("what is recorded");
            let last = text.lines().last().expect("a line");
            assert!(last.contains(subcommand) && last.contains(rest[0]), "{last}");
            assert!(!last.contains("-R") && !last.contains("alt"), "{last}");
        }
        let after = fs::read_to_string(lab.root("/etc/dladm/datalink.conf")).expect("a file");
        assert_eq!(after, before);
    }
}

#[test]
fn counters_at_an_interval_show_what_has_come_since() {
    let lab = Lab::new();
    let _ = lab.dladm(PLAIN).exits(0);
    let inner = ["-a", "local=10.9.9.1,remote=10.9.9.2", "tun0/v4"];
    let _ = lab.ipadm(&[&["create-addr", "-T", "static"][..], &inner].concat()).exits(0);
    let control = Control::connect(&lab);
    let send = |count: usize| {
        let packet = "4500001c00000000401100000a0909010a0909020001000200080000";
        let packets = vec![packet; count];
        let _ = control.ask(&json!({
            "op": "inject", "way": "out", "tunnel": "tun0", "packets": packets,
        }));
    };
    send(5);
    let columns = ["-p", "-o", "link,opackets", "tun0"];
    let mut rows = lab.follow("dladm", &[&["show-link", "-s", "-i", "1"], &columns[..]].concat());
    assert_eq!(rows.until("\n"), "tun0:5\n");
    send(3);
    // A row may have been due before they went.
    let mut row = rows.until("\n");
    while row == "tun0:0\n" {
        row = rows.until("\n");
    }
    assert_eq!(row, "tun0:3\n");
    assert_eq!(rows.until("\n"), "tun0:0\n");
    assert_eq!(rows.interrupt(), (None, String::new()));
}

#[test]
fn what_is_not_about_tunnels_goes_to_the_systems_dladm_as_it_is() {
    let lab = Lab::new();
    let _ = lab.dladm(&["create-vnic", "-l", "net0", "vnic0"]).exits(1).says("create-vnic");
    let path = lab.root("/sbin/dladm");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_script(&path, "for word; do echo \"<$word>\"; done\nexit 7\n");
    let args = ["create-vnic", "-l", "net0", "a b", "", "-S"];
    let done = lab.dladm(&args).exits(7);
    assert_eq!(done.stdout, "<create-vnic>\n<-l>\n<net0>\n<a b>\n<>\n<-S>\n");
    // Tunnels stay ours.
    let _ = lab.dladm(SECURE).exits(0);
    assert_eq!(tunnels(&lab, false), "sec0:--S\n");
}
