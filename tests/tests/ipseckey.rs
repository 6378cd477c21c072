// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ipseckey` as an operator uses it, against the user-mode kernel.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use illumos_ipsec::model::{Sa, SaType};
use illumos_ipsec::sys::System;
use illumos_ipsec::sys::key::KeyClient;
use system_tests::lab::{Done, Lab};

const KEY: &str = "0f0e0d0c0b0a09080706050403020100";
const AUTH: &str = "00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210";

fn add(spi: u32, src: &str, dst: &str, more: &str) -> String {
    format!(
        "add esp spi {spi:#x} src {src} dst {dst} encr_alg aes encrkey {KEY} \
         auth_alg sha256 authkey {AUTH} {more}\n"
    )
}

/// One each way.
fn two() -> String {
    add(0x10, "10.1.1.1", "192.0.2.1", "") + &add(0x20, "192.0.2.1", "10.1.1.1", "")
}

/// The associations that there are.
fn associations(lab: &Lab, kind: SaType) -> Vec<Sa> {
    let mut client = KeyClient::new(System::lab(lab.path()).open_key().unwrap());
    let dump = client.dump(kind).unwrap();
    dump.map(|message| Sa::from_message(&message.unwrap()).unwrap()).collect()
}

fn spis(lab: &Lab) -> Vec<u32> {
    associations(lab, SaType::UNSPEC).iter().map(|sa| sa.spi).collect()
}

/// `ipseckey dump | head`: also the other commands.
#[test]
fn who_stops_reading_is_told_nothing() {
    let lab = Lab::new();
    lab.keys(&two());
    lab.file("p", "{ lport 22 } bypass { }\n");
    let _ = lab.ipsecconf(&["-q", "-a", "p"]).exits(0);
    let _ = lab.dladm(&["create-iptun", "-T", "ipv4", "tun0"]).exits(0);
    for (name, args) in [
        ("ipseckey", &["dump"][..]),
        ("ipseckey", &["help"]),
        ("ipsecconf", &["-L"]),
        ("ipsecconf", &[]),
        ("dladm", &["show-iptun"]),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output =
            lab.command(name).args(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said, "", "{name} {args:?}");
        assert!(output.status.code().is_some_and(|code| code <= 1), "{name} {args:?}");
    }
}

#[test]
fn a_misspelt_type_removes_nothing() {
    let lab = Lab::new();
    lab.keys(&two());
    for words in [&["flush", "eps"][..], &["flush", "256"], &["flush", "esp", "ah"]] {
        let done = lab.ipseckey(words).exits(1);
        assert!(done.stdout.contains("Fatal error"), "{done:?}");
        assert_eq!(spis(&lab).len(), 2, "{words:?}");
    }
    let _ = lab.ipseckey(&["flush", "ESP"]).exits(0);
    assert!(spis(&lab).is_empty());
}

#[test]
fn one_bad_line_is_enough_for_a_bad_exit_status() {
    let lab = Lab::new();
    let bad = add(0, "10.1.1.1", "192.0.2.2", "");
    for text in [two() + &bad, bad.clone() + &two()] {
        let _ = lab.ipseckey(&["flush"]).exits(0);
        lab.key_file("bad.keys", &text);
        let done = lab.ipseckey(&["-n", "-f", "bad.keys"]).exits(1);
        assert!(done.stdout.contains("Invalid SPI value \"0\""), "{done:?}");
        assert_eq!(spis(&lab).len(), 2);
    }
}

#[test]
fn quit_in_a_file_does_not_hide_what_was_wrong_before() {
    let lab = Lab::new();
    lab.key_file("good.keys", &(two() + "quit\nnonsense\n"));
    let _ = lab.ipseckey(&["-f", "good.keys"]).exits(0);
    assert_eq!(spis(&lab).len(), 2);
    // Refused by the reader, refused by the kernel.
    for wrong in ["add esp spi oops dst 192.0.2.1\n".to_owned(), two()] {
        lab.key_file("bad.keys", &(wrong + "flush ah\nquit\n"));
        let _ = lab.ipseckey(&["-f", "bad.keys"]).exits(1);
    }
}

#[test]
fn a_check_needs_no_kernel_and_says_everything() {
    let lab = Lab::new();
    lab.key_file("good.keys", &two());
    lab.key_file("bad.keys", &(two() + "add esp spi x\nadd esq spi 1\nfrob\n"));
    let run = |name: &str| {
        let mut command = lab.command("ipseckey");
        command.env_remove("IPSEC_LAB").args(["-n", "-c", name]);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(run("good.keys"), (Some(0), String::new()));
    let (code, said) = run("bad.keys");
    assert_eq!(code, Some(1));
    assert!(said.contains("near line 3") && said.contains("Expecting a number, not \"x\"!"));
    assert!(said.contains("near line 4") && said.contains("Unknown SA type (esq)."));
    assert!(spis(&lab).is_empty());
}

#[test]
fn keys_are_in_no_message() {
    let lab = Lab::new();
    let wrong = [
        format!("add esp spi 1 dst 192.0.2.1 encr_alg aes encrkey {KEY} encrkey {KEY}"),
        format!("add esp spi 1 dst 192.0.2.1 encr_alg aes encrky {KEY}"),
        format!("add esp spi 1 dst 192.0.2.1 encr_alg aes encrkey {KEY}zz"),
        format!("add esp spi 1 dst 192.0.2.1 encr_alg aes encrkey {KEY}/999"),
        format!("add esp spi 1 dst 192.0.2.1 encr_alg aes encrkey {KEY}/8"),
        format!("add esp spi {KEY} dst 192.0.2.1"),
        KEY.to_owned(),
        format!("add {KEY}"),
        format!("flush {KEY}"),
        "add tcpsig src 10.1.1.1 dst 10.1.1.2 authalg md5 authstring s3cr3tpassword s3".to_owned(),
        "add esp spi 1 dst 192.0.2.1 authstring s3cr3tpassword".to_owned(),
    ];
    lab.key_file("bad.keys", &(wrong.join("\n") + "\n"));
    let secrets = [KEY, "s3cr3tpassword", "0f0e0d"];
    let quiet = |done: &Done| {
        for secret in secrets {
            assert!(!done.stdout.contains(secret), "{secret}: {}", done.stdout);
            assert!(!done.stderr.contains(secret), "{secret}: {}", done.stderr);
        }
    };
    quiet(&lab.ipseckey(&["-n", "-f", "bad.keys"]).exits(1));
    quiet(&lab.ipseckey(&["-n", "-c", "bad.keys"]).exits(1));
    // Nor with -v, if it is asked for.
    lab.key_file("good.keys", &two());
    quiet(&lab.ipseckey(&["-nvp", "-f", "good.keys"]).exits(0));
    quiet(&lab.ipseckey(&["-np", "dump"]).exits(0));
    // The command line is for everybody to see, so it takes none.
    let done = lab.ipseckey(&["add", "esp", "spi", "1", "encrkey", KEY]).exits(1);
    assert!(done.stderr.contains("can't do ADD or UPDATE from the command line"));
}

#[test]
fn a_saved_file_is_for_its_owner_alone() {
    let lab = Lab::new();
    lab.keys(&two());
    let mode =
        |name: &str| fs::metadata(lab.cwd().join(name)).unwrap().permissions().mode() & 0o7777;
    let _ = lab.ipseckey(&["-s", "new"]).exits(0);
    assert_eq!(mode("new"), 0o400);
    for (before, after) in [(0o644, 0o600), (0o660, 0o600), (0o600, 0o600), (0o400, 0o400)] {
        let path = lab.file("old", "old\n");
        fs::set_permissions(&path, Permissions::from_mode(before)).unwrap();
        // Whoever has it open goes on reading what was there.
        let mut open = fs::File::open(&path).unwrap();
        let _ = lab.ipseckey(&["save", "all", "old"]).exits(0);
        assert_eq!(mode("old"), after, "{before:o}");
        let mut text = String::new();
        open.read_to_string(&mut text).unwrap();
        assert_eq!(text, "old\n");
        let _ = fs::remove_file(path);
    }
    // What cannot be written leaves everything as it was.
    let done = lab.ipseckey(&["save", "all", "nosuch/file"]).exits(1);
    assert!(done.stderr.contains("nosuch/file open error: No such file or directory"));
    let left: Vec<_> = fs::read_dir(lab.cwd()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains('.') && name != "lab.keys"));
}

#[test]
fn a_file_that_is_cut_off_is_read_to_its_end() {
    let lab = Lab::new();
    lab.key_file("cut.keys", two().trim_end());
    let _ = lab.ipseckey(&["-n", "-f", "cut.keys"]).exits(0);
    lab.key_file(
        "cut2.keys",
        &(add(0x30, "10.1.1.1", "192.0.2.1", "").trim_end().to_owned() + " \\\n"),
    );
    let _ = lab.ipseckey(&["-n", "-f", "cut2.keys"]).exits(0);
    assert_eq!(spis(&lab).len(), 3);
}

#[test]
fn monitors_see_what_others_do() {
    let lab = Lab::new();
    let mut passive = lab.follow("ipseckey", &["-n", "pmonitor"]);
    passive.until("Passively monitoring");
    let mut active = lab.follow("ipseckey", &["-n", "monitor"]);
    active.until("Message length");
    lab.keys(&two());
    for monitor in [&mut passive, &mut active] {
        let text = monitor.until("SA: SADB_ASSOC spi=0x20");
        assert!(text.contains("type ADD, SA type ESP") && !text.contains(KEY), "{text}");
    }
    // A dump goes to nobody else; an active monitor sees it, with its keys.
    let _ = lab.ipseckey(&["dump"]).exits(0);
    let text = active.until("EKY: 0f0e");
    assert!(text.contains("type DUMP"), "{text}");
    let _ = lab.ipseckey(&["flush"]).exits(0);
    let text = passive.until("Base message (version 2) type FLUSH");
    assert!(!text.contains("type DUMP"), "{text}");
    for monitor in [passive, active] {
        assert_eq!(monitor.interrupt(), (Some(2), "ipseckey: Bailing on signal 2.\n".to_owned()));
    }
}

#[test]
fn traffic_without_keys_asks_for_them() {
    let lab = Lab::new();
    let pair = "local=10.1.1.1,remote=192.0.2.1";
    let _ = lab.dladm(&["create-iptun", "-S", "-T", "ipv4", "-a", pair, "vpn0"]).exits(0);
    let object = ["-a", "local=1.1.1.1,remote=1.1.1.2", "vpn0/v4"];
    let _ = lab.ipadm(&[&["create-addr", "-T", "static"][..], &object].concat()).exits(0);
    lab.file(
        "p",
        "{ tunnel vpn0 negotiate tunnel } ipsec { encr_algs aes encr_auth_algs sha256 }\n",
    );
    let _ = lab.ipsecconf(&["-q", "-a", "p"]).exits(0);
    let mut monitor = lab.follow("ipseckey", &["-n", "monitor"]);
    monitor.until("Message length");
    let control = system_tests::lab::Control::connect(&lab);
    let packet = "4500001c000000004011000001010101010101020001000200080000";
    let inject = serde_json::json!({
        "op": "inject", "way": "out", "tunnel": "vpn0", "packets": [packet, packet],
    });
    let outcomes = control.ask(&inject);
    assert_eq!(
        outcomes,
        serde_json::json!([["drop", "no-association"], ["drop", "no-association"]])
    );
    let text = monitor.until("PRP:  Encryption = aes-cbc");
    assert!(text.contains("type ACQUIRE, SA type ESP"), "{text}");
    assert!(text.contains("IND: AF_INET: port 0, 0.0.0.0"), "{text}");
    lab.keys(&add(0x10, "10.1.1.1", "192.0.2.1", "proto 4 isrc 0.0.0.0/0 idst 0.0.0.0/0"));
    assert_eq!(control.ask(&inject)[1], serde_json::json!(["protect", "rule"]));
    let used = associations(&lab, SaType::ESP);
    assert_eq!(used[0].current.bytes, 56);
    monitor.interrupt();
}

#[test]
fn associations_end_when_their_time_has_come() {
    let lab = Lab::new();
    let clock = |seconds: u64| {
        let new = lab.path().join("clock.new");
        fs::write(&new, seconds.to_string()).unwrap();
        fs::rename(new, lab.path().join("clock")).unwrap();
    };
    clock(1_700_000_000);
    let mut monitor = lab.follow("ipseckey", &["-n", "pmonitor"]);
    monitor.until("Passively");
    lab.keys(&add(0x20, "192.0.2.1", "10.1.1.1", "soft_addtime 100 hard_addtime 200"));
    clock(1_700_000_101);
    let text = monitor.until("SLT: Time of expiration");
    assert!(text.contains("type EXPIRE") && text.contains("state=DYING"), "{text}");
    assert_eq!(spis(&lab), [0x20]);
    clock(1_700_000_201);
    let text = monitor.until("HLT: Time of expiration");
    assert!(text.contains("type EXPIRE") && text.contains("state=DEAD"), "{text}");
    assert!(spis(&lab).is_empty());
    monitor.interrupt();
}

#[test]
fn the_service_starts_refreshes_and_stops() {
    let lab = Lab::new();
    lab.key_file("svc.keys", &two());
    let service = |args: &[&str]| {
        let mut command = lab.command("ipseckey");
        command.env("SMF_FMRI", "svc:/network/ipsec/manual-key:default").args(args);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    for _ in 0..2 {
        let (code, said) = service(&["-f", "svc.keys"]);
        assert_eq!(code, Some(0));
        assert!(said.ends_with("ipseckey: 2 actions successfully processed.\n"), "{said}");
        assert_eq!(spis(&lab).len(), 2);
    }
    // A check changes nothing, also here.
    let (code, said) = service(&["-c", "svc.keys"]);
    assert_eq!((code, said.contains("Flushing")), (Some(0), false));
    assert_eq!(spis(&lab).len(), 2);
    // Its log can be read by everybody, so there is nothing of the file in it.
    lab.key_file("svc.keys", &(two() + "add esp spi 99x\n"));
    let (code, said) = service(&["-f", "svc.keys"]);
    assert_eq!(code, Some(95));
    assert!(said.contains("contained 1 errors") && !said.contains("99x"), "{said}");
    assert_eq!(service(&["flush"]).0, Some(0));
    assert!(spis(&lab).is_empty());
}

#[test]
fn a_pipe_is_an_interactive_session() {
    let lab = Lab::new();
    let mut command = lab.command("ipseckey");
    command.arg("-n").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let text = two() + "add esp spi oops\nget esp spi 0x10 dst 192.0.2.1\nflush ah\n";
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(said.starts_with("Expecting a number, not \"oops\"!\n\nBase message"), "{said}");
    assert!(said.ends_with("ipseckey> "), "{said}");
    assert_eq!(spis(&lab).len(), 2);
}

#[test]
fn what_is_saved_loads_back() {
    let lab = Lab::new();
    let commands = two()
        + &add(0x30, "10.1.1.1", "192.0.2.1", "outbound")
        + &add(0x40, "192.0.2.1", "10.1.1.1", "pair-spi 0x30")
        + &add(0x50, "198.51.100.1", "198.51.100.2", "inbound srcidtype fqdn \"two words\"")
        + &add(0x51, "198.51.100.1", "198.51.100.2", "dstidtype_hex 6 0x2022610a22")
        + &add(0x60, "10.1.1.1", "192.0.2.1", "proto 4 isrc 10.0.0.0/8 idst 0.0.0.0/0 idport 53")
        + &add(0x61, "10.1.1.1", "192.0.2.1", "encap udp nat_rem 203.0.113.5 nat_rport 4500")
        + "add tcpsig src 10.1.1.1 dst 10.1.1.2 dport 179 authalg md5 authstring \"a b\"\n"
        + "add tcpsig src 10.1.1.1 dst 10.1.1.3 authalg md5 authstring_hex 2022615c22\n";
    lab.keys(&commands);
    let all = |lab: &Lab| {
        let mut all = associations(lab, SaType::UNSPEC);
        all.extend(associations(lab, SaType::TCPSIG));
        all.sort_by_key(|sa| (sa.kind, sa.spi, sa.dst.addr));
        all.iter_mut().for_each(|sa| sa.current = Default::default());
        all
    };
    let before = all(&lab);
    assert_eq!(before.len(), 10);
    let _ = lab.ipseckey(&["-s", "esp.keys"]).exits(0);
    let _ = lab.ipseckey(&["save", "tcpsig", "tcp.keys"]).exits(0);
    let _ = lab.ipseckey(&["flush"]).exits(0);
    let _ = lab.ipseckey(&["flush", "tcpsig"]).exits(0);
    assert!(all(&lab).is_empty());
    for name in ["esp.keys", "tcp.keys"] {
        let _ = lab.ipseckey(&["-n", "-f", name]).exits(0);
    }
    assert_eq!(all(&lab), before);
}

#[test]
fn another_word_for_an_inner_port() {
    let lab = Lab::new();
    let key = "000102030405060708090a0b0c0d0e0f10111213";
    for (spi, keyword) in ["isport", "innersport"].iter().enumerate() {
        lab.keys(&format!(
            "add ah spi {} src 10.0.0.1 dst 10.0.0.2 iproto 17 {keyword} 5 isrc 1.1.1.1 \
             idst 2.2.2.2 authalg sha authkey {key}\n",
            spi + 1
        ));
    }
    let saved = lab.ipseckey(&["-n", "-s", "-"]).exits(0).stdout;
    assert_eq!(saved.matches("isport 5").count(), 2, "{saved}");
}

#[test]
fn others_messages_do_not_disturb() {
    // A socket that never reads loses what it is sent, and nobody waits for it.
    let lab = Lab::new();
    let deaf = System::lab(lab.path()).open_key().unwrap();
    let text: String = (1..2000).map(|spi| add(spi, "10.1.1.1", "192.0.2.1", "")).collect();
    lab.keys(&text);
    assert_eq!(spis(&lab).len(), 1999);
    drop(deaf);
}

#[test]
fn a_trace_has_keys_only_if_it_is_asked_for_them() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("two.keys");
    fs::write(&keys, two()).unwrap();
    fs::set_permissions(&keys, Permissions::from_mode(0o600)).unwrap();
    for (options, shown) in [(&["--trace"][..], false), (&["--trace-keys", "--trace"], true)] {
        let trace = dir.path().join(format!("trace-{shown}"));
        let program = system_tests::program("ipsec-lab").unwrap();
        let mut command = std::process::Command::new(program);
        command.current_dir(dir.path()).arg("shell").args(options).arg(&trace);
        command.args(["-c", "ipseckey -f two.keys && ipseckey dump esp && ipseckey save all"]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        // What the commands show is not less.
        assert!(String::from_utf8_lossy(&output.stdout).contains(KEY));
        let text = fs::read_to_string(&trace).unwrap();
        assert!(text.contains("0x10") && text.contains("pf_key"), "{text}");
        for key in [KEY, AUTH] {
            assert_eq!(text.contains(key), shown, "{options:?}: {text}");
        }
    }
}
