// SPDX-License-Identifier: MIT OR Apache-2.0

//! Mistakes of operators and mishaps of the machine: what is said, and what stays in force.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use illumos_ipsec::model::Side;
use system_tests::lab::Lab;

const RULE: &str = "{ raddr 10.0.0.1 } ipsec { auth_algs sha256 }\n";
const TUNNEL: &str = "{ tunnel vpn0 negotiate tunnel } ipsec { encr_algs aes-gcm }\n";

#[test]
fn an_output_that_is_full_hides_no_failure() {
    let lab = Lab::new();
    lab.file("bad.conf", "nonsense\n");
    let full = || File::options().write(true).open("/dev/full").expect("a device");
    for (name, args) in [
        ("ipseckey", &["-z"][..]),
        ("ipseckey", &["-N", "a", "-N", "b"]),
        ("ipseckey", &["-N", "two words", "dump"]),
        ("ipseckey", &["-N", "*", "-f", "bad.conf"]),
        ("ipseckey", &["-f", "missing"]),
        ("ipseckey", &["-f", "/"]),
        ("ipseckey", &["-f", "bad.conf"]),
        ("ipseckey", &["flush", "eps"]),
        ("ipsecconf", &["-z"]),
        ("ipsecconf", &["-q", "-a", "bad.conf"]),
        ("dladm", &["show-iptun", "--nonsense"]),
        ("dladm", &["create-iptun"]),
    ] {
        let mut command = lab.command(name);
        let status = command.args(args).stdout(full()).stderr(full()).status().expect("it runs");
        assert_eq!(status.code(), Some(1), "{name} {args:?}");
    }
    // Nor does it without a kernel.
    fs::remove_file(lab.path().join("pf_key")).expect("the socket of the kernel");
    let mut command = lab.command("ipseckey");
    let status = command.arg("dump").stdout(full()).stderr(full()).status().expect("it runs");
    assert_eq!(status.code(), Some(1));
}

#[test]
fn keys_that_could_not_be_written_are_a_failure() {
    let lab = Lab::new();
    // More than is written at once.
    let spis = 0x1000..0x1100;
    let adds: Vec<_> = spis
        .map(|spi| {
            let key = "00".repeat(16);
            format!("add esp spi {spi} dst 10.0.0.1 encr_alg aes encrkey {key}\n")
        })
        .collect();
    lab.keys(&adds.concat());
    let full = || File::options().write(true).open("/dev/full").expect("a device");
    for args in [&["save", "esp"][..], &["save", "all", "-"], &["-s", "-"], &["dump"]] {
        let mut command = lab.command("ipseckey");
        let done = command.arg("-n").args(args).stdout(full()).output().expect("it runs");
        assert_eq!(done.status.code(), Some(1), "{args:?}");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(said.contains("ipseckey: standard output: No space left"), "{args:?} {said}");
    }
    // Nor does `quit` hide it.
    let mut command = lab.command("ipseckey");
    let mut typing = command
        .arg("-n")
        .stdin(Stdio::piped())
        .stdout(full())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    typing.stdin.take().expect("a pipe").write_all(b"dump\nquit\n").expect("it reads");
    assert_eq!(typing.wait().expect("it ends").code(), Some(1));
    // What a service does counts, and not whether its log has it.
    let mut command = lab.command("ipseckey");
    command.env("SMF_FMRI", "svc:/network/ipsec/manual-key:default").args(["-n", "-f", "lab.keys"]);
    let status = command.stdout(full()).stderr(full()).status().expect("it runs");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_monitor_ends_when_nobody_reads_it_any_more() {
    let lab = Lab::new();
    let mut monitor = lab
        .command("ipseckey")
        .args(["-n", "pmonitor"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut line = String::new();
    let mut reader = BufReader::new(monitor.stdout.take().expect("its output"));
    reader.read_line(&mut line).expect("a line");
    assert_eq!(line, "Passively monitoring the PF_KEY socket.\n");
    drop(reader);
    let _ = lab.ipseckey(&["flush"]).exits(0);
    let output = monitor.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), output.stderr), (Some(1), Vec::new()));
}

#[test]
fn a_policy_file_that_cannot_be_read_to_its_end_loads_nothing() {
    let lab = Lab::new();
    lab.file("p.conf", format!("{RULE}{TUNNEL}"));
    let _ = lab.ipsecconf(&["-q", "-a", "p.conf"]).exits(0);
    let before = lab.policy();
    // It can be opened, and nothing is where reading begins.
    let unreadable = "/proc/self/mem";
    for args in [
        &["-q", "-F", "-a", unreadable][..],
        &["-q", "-F", "-a", "p.conf", "-a", unreadable],
        &["-q", "-r", unreadable],
        &["-c", unreadable],
    ] {
        let _ = lab.ipsecconf(args).exits(1).says("/proc/self/mem: error: cannot read the policy");
        assert_eq!(lab.policy(), before, "{args:?}");
    }
    let args = ["-q", "-F", "--keep-going", "-a", unreadable];
    let _ = lab.ipsecconf(&args).exits(1).says("tunnel vpn0 keeps the policy that it has");
    assert_eq!(lab.policy(), before);
}

#[test]
fn a_source_with_an_error_takes_no_policy_from_a_tunnel_that_it_does_not_name() {
    let lab = Lab::new();
    lab.file("p.conf", TUNNEL);
    lab.file("q.conf", RULE);
    let load = ["-q", "-F", "--keep-going", "-a", "p.conf", "-a", "q.conf"];
    let _ = lab.ipsecconf(&load).exits(0);
    let before = lab.policy();
    let wide: Vec<u8> = TUNNEL.bytes().flat_map(|byte| [byte, 0]).collect();
    for wrong in [
        TUNNEL.replacen("tunnel", "tunnle", 1).as_bytes(),
        TUNNEL.replacen("tunnel vpn0", "", 1).as_bytes(),
        TUNNEL.replace("tunnel ", "tunnel=").as_bytes(),
        TUNNEL.replacen("tunnel vpn0 negotiate", "tunnle vpn0 negociate", 1).as_bytes(),
        b"{ tunnel vpn5 } drop { }\n{ tunnle vpn0 negotiate tunnel } drop { }\n",
        b"{ lport 1 } drip { }\n",
        &wide,
    ] {
        lab.file("p.conf", wrong);
        let done = lab.ipsecconf(&load).exits(1).says("vpn0");
        assert!(done.stderr.contains("the policy that"), "{done:?}");
        let after = lab.policy();
        assert!(before.iter().all(|rule| after.contains(rule)), "{done:?}");
    }
    // Without an error what was taken out goes.
    lab.file("p.conf", "{ lport 1 } drop { }\n");
    let _ = lab.ipsecconf(&load).exits(0).says("vpn0").says("no IPsec policy any more");
    assert!(lab.rules(Side::Active).iter().all(|rule| rule.tunnel.is_none()));
}

#[test]
fn a_plan_of_a_file_that_is_not_there_is_no_wrong_usage() {
    let lab = Lab::new();
    lab.file("p.conf", RULE);
    for args in
        [&["--plan", "-a", "missing"][..], &["--plan", "-F", "-a", "p.conf", "-a", "missing"]]
    {
        lab.forget();
        let done = lab.ipsecconf(args).exits(1).says("missing: error: cannot read the policy file");
        assert!(!done.stderr.contains("usage:"), "{done:?}");
        assert_eq!(done.stdout, "");
        assert!(lab.seen().is_empty());
    }
    let _ = lab.ipsecconf(&["-q", "-a", "missing"]).exits(1).says("usage:");
}

#[test]
fn a_name_of_the_other_end_is_one_line_and_controls_no_terminal() {
    let lab = Lab::new();
    let add = "add esp spi 1 dst 192.0.2.1 auth_alg sha1 \
               authkey 00112233445566778899aabbccddeeff01234567 srcidtype_hex user_fqdn";
    // ESC, a new line that looks like one of ours, C1 in UTF-8, a lone octet, an umlaut.
    let name = "0x1b5b316d0a534944c29bff61c3a462";
    lab.keys(&format!("{add} {name}\n"));
    let done = lab.ipseckey(&["-n", "dump", "esp"]).exits(0);
    let line = done.stdout.lines().filter(|line| line.starts_with("SID: ")).nth(1);
    assert_eq!(line, Some(r"SID: \x1b[1m\xaSID\xc2\x9b\xffaäb"), "{done:?}");
    // So is the name of its address.
    fs::write(lab.root("/etc/inet/hosts"), "192.0.2.1 peer\x1b[2J\n").expect("a file");
    let shown = lab.ipseckey(&["dump", "esp"]).exits(0).stdout;
    assert!(shown.contains(r"192.0.2.1 (peer\x1b[2J)"), "{shown}");
    // It is saved as it is.
    assert!(lab.ipseckey(&["-s", "-"]).exits(0).stdout.contains(name));
}

#[test]
fn a_save_that_finds_no_room_leaves_what_was_saved_before() {
    let lab = Lab::new();
    lab.keys("add esp spi 1 dst 192.0.2.1 auth_alg sha1 authkey 00112233445566778899aabbccddeeff01234567\n");
    let _ = lab.ipseckey(&["-s", "saved"]).exits(0);
    let path = lab.cwd().join("saved");
    let before = fs::read(&path).expect("what was saved");
    let mode = fs::metadata(&path).expect("a file").permissions().mode();
    // A limit of the size of files is a disk that is full.
    let mut command = std::process::Command::new("/bin/sh");
    let program = lab.command("ipseckey").get_program().to_owned();
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" -s saved"])
        .arg(program)
        .current_dir(lab.cwd())
        .env_remove("SMF_FMRI")
        .env("IPSEC_LAB", lab.path());
    let output = command.output().expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("ERROR: the file cannot be written"), "{said}");
    assert_eq!(fs::read(&path).expect("what was saved"), before);
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode(), mode);
    let left: Vec<_> = fs::read_dir(lab.cwd())
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name())
        .filter(|name| name.to_string_lossy().starts_with("saved."))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_plan_sees_icmp_rules_that_ask_for_another_protection() {
    let lab = Lab::new();
    lab.file("p.conf", "{ ulp icmp type 8 } ipsec { auth_algs sha1 }\n");
    let _ = lab.ipsecconf(&["-q", "-a", "p.conf"]).exits(0);
    for (text, goes) in [
        ("{ ulp icmp type 0 } ipsec { auth_algs md5 }\n", false),
        ("{ ulp icmp type 0 } ipsec { auth_algs sha1 }\n", true),
        // It does not protect, or is in another list of the kernel.
        ("{ ulp icmp type 0 } drop { }\n", true),
        ("{ ulp ipv6-icmp type 1 } ipsec { auth_algs md5 }\n", true),
        ("{ ulp icmp type 0 raddr 10.0.0.1 } ipsec { auth_algs md5 }\n", true),
    ] {
        lab.file("more.conf", text);
        let planned = lab.ipsecconf(&["--plan", "-q", "-a", "more.conf"]);
        let replaced = lab.ipsecconf(&["--plan", "-q", "-F", "-a", "more.conf"]).exits(2);
        assert!(replaced.stdout.contains("1 removed") || replaced.stdout.contains("2 removed"));
        let before = lab.policy();
        let loaded = lab.ipsecconf(&["-q", "-a", "more.conf"]);
        assert_eq!((planned.code == Some(2), loaded.code == Some(0)), (goes, goes), "{text}");
        if goes {
            let _ = lab.ipsecconf(&["-q", "-F", "-a", "p.conf"]).exits(0);
        } else {
            let message = "more.conf:1:1: error: there is an ICMP rule";
            assert!(planned.stderr.contains(message) && loaded.stderr.contains(message));
            assert_eq!(lab.policy(), before);
        }
    }
}

#[test]
fn a_command_for_the_next_boot_names_its_policy_file_so_that_it_is_found() {
    let lab = Lab::new();
    let profile = lab.cwd().join("other/var/svc/profile");
    fs::create_dir_all(&profile).expect("a directory");
    let file = |name| ["-R", "other", "--policy-file", name, "vpn0"];
    for command in [&["create-iptun", "-T", "ipv4"][..], &["modify-iptun"]] {
        let args = [command, &file("p.conf")].concat();
        let _ = lab.dladm(&args).exits(1).says("the policy file p.conf is read at the next boot");
        assert!(!profile.join("upgrade").exists());
    }
    let _ =
        lab.dladm(&[&["create-iptun", "-T", "ipv4"][..], &file("/etc/p.conf")].concat()).exits(0);
    let recorded = fs::read_to_string(profile.join("upgrade")).expect("what was recorded");
    assert!(recorded.contains("--policy-file /etc/p.conf vpn0"), "{recorded}");
    // A root that is not there is said to be none, in plain words.
    let done = lab.dladm(&["create-iptun", "-T", "ipv4", "-R", "nowhere", "vpn0"]).exits(1);
    assert!(done.stderr.ends_with("nowhere: No such file or directory\n"), "{done:?}");
}

#[test]
fn a_rule_whose_deletion_was_killed_is_not_said_to_stay() {
    for n in 0.. {
        let lab = Lab::new();
        lab.file("p.conf", TUNNEL);
        let _ = lab.ipsecconf(&["-q", "-a", "p.conf"]).exits(0);
        if !lab.kill_at(&["-q", "-d", "vpn0,1"], n, false) {
            assert!(n > 0);
            break;
        }
        let there = |index| lab.rules(Side::Active).iter().any(|rule| rule.index == index);
        let others = if there(1) { "1, 3, 4" } else { "3, 4" };
        let done = lab.ipsecconf(&["-q", "-d", "vpn0,2"]).exits(0);
        assert!(done.stderr.ends_with(&format!("stay in force: {others}\n")), "{n}: {done:?}");
    }
}
