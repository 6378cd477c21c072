// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ipseckey -N` as an operator uses it, against the user-mode kernel.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use illumos_ipsec::model::{Namespace, Sa, SaType};
use illumos_ipsec::sys::System;
use illumos_ipsec::sys::key::{KeyClient, Whose};
use illumos_ipsec::wire::key::Ext;
use illumos_ipsec::wire::namespace::NamespaceExt;
use ipsec_usermode::KernelKind;
use system_tests::lab::{Done, Lab, Ongoing};

const KEY: &str = "0f0e0d0c0b0a09080706050403020100";
const AUTH: &str = "00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210";
/// Two owners; the second one is as odd as a name may be.
const A: &str = "svc:/network/vpn:a";
const B: &str = "b!\"#'*\\";

fn add(spi: u32, more: &str) -> String {
    format!(
        "add esp spi {spi:#x} src 192.0.2.1 dst 10.1.1.1 encr_alg aes encrkey {KEY} \
         auth_alg sha256 authkey {AUTH} {more}\n"
    )
}

fn signature(port: u32) -> String {
    format!("add tcpsig src 10.1.1.1 dst 10.1.1.2 dport {port} authalg md5 authstring s3cret\n")
}

/// Runs a command for an owner, or for nobody.
fn run(lab: &Lab, who: &str, words: &[&str]) -> Done {
    let options: &[&str] = if who.is_empty() { &["-n"] } else { &["-n", "-N", who] };
    lab.ipseckey(&[options, words].concat())
}

fn load(lab: &Lab, who: &str, text: &str) {
    lab.key_file("load.keys", text);
    let _ = run(lab, who, &["-f", "load.keys"]).exits(0);
}

/// What there is: owner, and SPI or port.
fn all(lab: &Lab, kind: SaType) -> Vec<(String, u32)> {
    let mut client = KeyClient::new(System::lab(lab.path()).open_key().unwrap());
    let dump = client.dump_of(Whose::Named, kind).unwrap();
    let mut all: Vec<_> = dump
        .map(|message| {
            let message = message.unwrap();
            let sa = Sa::from_message(&message).unwrap();
            let owner = message.namespace().map_or_else(String::new, Namespace::to_string);
            (owner, if kind == SaType::TCPSIG { sa.dst.port.into() } else { sa.spi })
        })
        .collect();
    all.sort();
    all
}

fn owned(list: &[(&str, u32)]) -> Vec<(String, u32)> {
    let mut all: Vec<_> = list.iter().map(|(who, what)| ((*who).to_owned(), *what)).collect();
    all.sort();
    all
}

/// One association of ESP and one TCP signature for each of the three.
fn with_three() -> Lab {
    let lab = Lab::new();
    for (n, who) in (1..).zip(["", A, B]) {
        load(&lab, who, &(add(n, "") + &signature(n)));
    }
    assert_eq!(all(&lab, SaType::ESP), owned(&[("", 1), (A, 2), (B, 3)]));
    assert_eq!(all(&lab, SaType::TCPSIG), owned(&[("", 1), (A, 2), (B, 3)]));
    lab
}

/// The values behind a word in what a command has written.
fn values(text: &str, word: &str) -> Vec<String> {
    let rest = text.split(word).skip(1);
    rest.map(|rest| rest.split([',', ' ', '\n']).next().unwrap().to_owned()).collect()
}

#[test]
fn every_command_acts_in_its_namespace() {
    let lab = with_three();
    let about = |spi: &'static str| ["esp", "spi", spi, "dst", "10.1.1.1"];
    for (who, others) in [("", ["2", "3"]), (A, ["1", "3"]), (B, ["1", "2"])] {
        for (other, verb) in others.into_iter().flat_map(|spi| [(spi, "get"), (spi, "delete")]) {
            let done = run(&lab, who, &[&[verb][..], &about(other)].concat()).exits(1);
            assert!(done.stdout.contains("does not exist"), "{done:?}");
        }
        let done = run(&lab, who, &[&["delete-pair"][..], &about(others[0])].concat()).exits(1);
        assert!(done.stdout.contains("Diagnostic code 78"), "{done:?}");
        let port = ["tcpsig", "src", "10.1.1.1", "dst", "10.1.1.2", "dport", others[0]];
        let _ = run(&lab, who, &[&["delete"][..], &port].concat()).exits(1);
        lab.key_file(
            "update.keys",
            &format!("update {} hard_addtime 9\n", about(others[1]).join(" ")),
        );
        let _ = run(&lab, who, &["-f", "update.keys"]).exits(1);
    }
    assert_eq!(all(&lab, SaType::ESP), owned(&[("", 1), (A, 2), (B, 3)]));
    assert_eq!(all(&lab, SaType::TCPSIG), owned(&[("", 1), (A, 2), (B, 3)]));
    let done = run(&lab, "*", &["dump", "esp"]).exits(0);
    assert!(!done.stdout.contains("HLT:"), "no update: {done:?}");
    // Each finds its own.
    let done = run(&lab, A, &[&["get"][..], &about("2")].concat()).exits(0);
    assert!(done.stdout.contains(&format!("OTH: Namespace {A}\n")), "{done:?}");
    let _ = run(&lab, A, &[&["delete"][..], &about("2")].concat()).exits(0);
    let _ = run(&lab, B, &[&["delete"][..], &about("3")].concat()).exits(0);
    assert_eq!(all(&lab, SaType::ESP), owned(&[("", 1)]));
    let done = run(&lab, "", &[&["get"][..], &about("1")].concat()).exits(0);
    assert!(!done.stdout.contains("amespace"), "{done:?}");
}

#[test]
fn flush_leaves_what_belongs_to_others() {
    let lab = with_three();
    let _ = run(&lab, "", &["flush"]).exits(0);
    assert_eq!(all(&lab, SaType::ESP), owned(&[(A, 2), (B, 3)]));
    let _ = run(&lab, A, &["flush"]).exits(0);
    assert_eq!(all(&lab, SaType::ESP), owned(&[(B, 3)]));
    let _ = run(&lab, B, &["flush", "ah"]).exits(0);
    let _ = run(&lab, "c", &["flush", "esp"]).exits(0);
    assert_eq!(all(&lab, SaType::ESP), owned(&[(B, 3)]));
    let _ = run(&lab, B, &["flush", "esp"]).exits(0);
    assert!(all(&lab, SaType::ESP).is_empty());
    assert_eq!(all(&lab, SaType::TCPSIG).len(), 3);
    let _ = run(&lab, B, &["flush", "tcpsig"]).exits(0);
    assert_eq!(all(&lab, SaType::TCPSIG), owned(&[("", 1), (A, 2)]));
}

#[test]
fn the_override_flushes_everything_of_a_type() {
    let lab = with_three();
    load(&lab, "c", &add(4, ""));
    lab.forget();
    let _ = run(&lab, "*", &["flush", "esp"]).exits(0);
    assert!(all(&lab, SaType::ESP).is_empty());
    assert_eq!(all(&lab, SaType::TCPSIG).len(), 3);
    // One request for each that was found, and one for nobody's.
    let flushes = lab.seen().iter().filter(|seen| seen.bytes[1] == 9).count();
    assert_eq!(flushes, 4);
    let _ = run(&lab, "*", &["flush", "tcpsig"]).exits(0);
    assert!(all(&lab, SaType::TCPSIG).is_empty());
    let _ = run(&lab, "*", &["flush"]).exits(0);
}

#[test]
fn listings_show_all_or_ones_own() {
    let lab = with_three();
    let plain = run(&lab, "", &["dump", "esp"]).exits(0).stdout;
    assert_eq!(values(&plain, "spi="), ["0x3", "0x2", "0x1"]);
    assert!(!plain.contains("amespace") && !plain.contains("#NAMESPACE"), "{plain}");
    let own = run(&lab, A, &["dump", "esp"]).exits(0).stdout;
    assert_eq!(values(&own, "spi="), ["0x2"]);
    assert!(!own.contains("#NAMESPACE"));
    let any = run(&lab, "*", &["dump", "esp"]).exits(0).stdout;
    assert_eq!(values(&any, "spi="), ["0x3", "0x2", "0x1"]);
    assert_eq!(values(&any, "#NAMESPACE "), [B, A]);
    // The line stands right before its association, and nowhere else.
    let parts: Vec<&str> = any.split("Base message").collect();
    assert!(parts[0].ends_with(&format!("#NAMESPACE {B}\n")), "{any}");
    assert!(parts[1].ends_with(&format!("#NAMESPACE {A}\n")), "{any}");
    assert!(!parts[2].contains("#NAMESPACE"), "{any}");
}

#[test]
fn what_is_saved_in_a_namespace_loads_back_into_it() {
    let lab = Lab::new();
    let text = add(0x11, "srcidtype fqdn host")
        + "add esp spi 0x30 src 10.1.1.1 dst 192.0.2.1 encr_alg aes encrkey \
           0f0e0d0c0b0a09080706050403020100 auth_alg sha256 authkey \
           00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210 outbound\n"
        + &add(0x40, "pair-spi 0x30");
    for who in [A, B] {
        load(&lab, "", &add(0x99, ""));
        load(&lab, who, &(text.clone() + &signature(5)));
        let before = (all(&lab, SaType::ESP), all(&lab, SaType::TCPSIG));
        assert_eq!(before.0.len(), 4);
        let _ = run(&lab, who, &["-s", "esp.keys"]).exits(0);
        let _ = run(&lab, who, &["save", "tcpsig", "tcp.keys"]).exits(0);
        let saved = fs::read_to_string(lab.cwd().join("esp.keys")).unwrap();
        assert!(saved.lines().nth(1).unwrap().contains(&format!("namespace {who};")), "{saved}");
        assert_eq!(values(&saved, "    spi ").len(), 3, "not that of nobody: {saved}");
        for kind in ["all", "tcpsig"] {
            let _ = run(&lab, who, &["flush", kind]).exits(0);
        }
        assert_eq!(all(&lab, SaType::ESP), owned(&[("", 0x99)]));
        for name in ["esp.keys", "tcp.keys"] {
            let _ = run(&lab, who, &["-f", name]).exits(0);
            fs::remove_file(lab.cwd().join(name)).unwrap();
        }
        assert_eq!((all(&lab, SaType::ESP), all(&lab, SaType::TCPSIG)), before);
        let again = run(&lab, who, &["dump", "esp"]).exits(0).stdout;
        assert_eq!(values(&again, "OTH: Paired with spi=").len(), 2, "{again}");
        for kind in ["esp", "tcpsig"] {
            let _ = run(&lab, "*", &["flush", kind]).exits(0);
        }
    }
}

#[test]
fn all_can_be_saved_as_a_record() {
    let lab = with_three();
    let saved = run(&lab, "*", &["save", "esp"]).exits(0).stdout;
    assert_eq!(values(&saved, "#NAMESPACE ").split_off(1), [B, A], "the first one explains");
    for (spi, who) in [(2, A), (3, B)] {
        let block = saved.split("#NAMESPACE ").find(|part| part.starts_with(who)).unwrap();
        let begin = format!("{who}\n# begin assoc\nadd esp  \\\n    spi {spi:#x} ");
        assert!(block.starts_with(&begin), "{block}");
    }
    // Who loads it gets all of it.
    let _ = run(&lab, "*", &["flush", "esp"]).exits(0);
    load(&lab, A, &saved);
    assert_eq!(all(&lab, SaType::ESP), owned(&[(A, 1), (A, 2), (A, 3)]));
}

#[test]
fn nothing_else_goes_with_all_namespaces() {
    let lab = with_three();
    for verb in ["delete", "get", "delete-pair"] {
        let words = [verb, "esp", "spi", "1", "dst", "10.1.1.1"];
        let done = run(&lab, "*", &words).exits(1);
        assert!(done.stdout.contains("is for dump, save, monitor and flush"), "{done:?}");
    }
    lab.key_file("f.keys", "flush\n");
    for option in ["-f", "-c"] {
        let _ = run(&lab, "*", &[option, "f.keys"]).exits(1).says("not for files");
    }
    let said = interactive(&lab, &["-n", "-N", "*"], &(add(9, "") + "flush ah\n"));
    assert!(said.1.contains("add needs the name of one namespace"), "{said:?}");
    assert_eq!(all(&lab, SaType::ESP), owned(&[("", 1), (A, 2), (B, 3)]));
    assert_eq!(all(&lab, SaType::TCPSIG), owned(&[("", 1), (A, 2), (B, 3)]));
}

fn interactive(lab: &Lab, args: &[&str], text: &str) -> (Option<i32>, String, String) {
    let mut command = lab.command("ipseckey");
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Who has failed already reads nothing.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_session_is_in_its_namespace() {
    let lab = with_three();
    let (code, said, _) = interactive(
        &lab,
        &["-n", "-N", A],
        &(add(7, "") + "delete esp spi 3 dst 10.1.1.1\nflush tcpsig\n"),
    );
    assert_eq!(code, Some(0));
    assert!(said.contains("does not exist"), "{said}");
    assert_eq!(all(&lab, SaType::ESP), owned(&[("", 1), (A, 2), (A, 7), (B, 3)]));
    assert_eq!(all(&lab, SaType::TCPSIG), owned(&[("", 1), (B, 3)]));
}

#[test]
fn bad_names_are_explained_and_nothing_is_sent() {
    let lab = with_three();
    lab.forget();
    let long = "x".repeat(256);
    for (name, why) in [
        ("", "cannot be empty"),
        ("two words", "byte 4 is ' '"),
        ("/slash", "begins with a letter or digit, not with '/'"),
        ("**", "not with '*'"),
        ("caf\u{e9}", "byte 4 is '\\xc3'"),
        (&long, "at most 255 bytes, this one has 256"),
    ] {
        for words in [&["flush"][..], &["-f", "load.keys"], &["-c", "load.keys"], &["-s", "out"]] {
            let args = [&["-n", "-N", name][..], words].concat();
            let _ = lab.ipseckey(&args).exits(1).says(why);
        }
    }
    for (option, said) in [("-N", "not with '\\xff'"), ("-f", "Invalid pathname")] {
        let mut command = lab.command("ipseckey");
        let output = command.arg(option).arg(OsStr::from_bytes(b"\xff")).output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!((output.status.code(), text.contains(said)), (Some(1), true), "{text}");
    }
    let _ = lab.ipseckey(&["-N"]).exits(1).says("option requires an argument -- N");
    let _ = lab.ipseckey(&["-N", A, "-N", A, "flush"]).exits(1).says("has been given already");
    assert!(lab.seen().is_empty());
    assert!(!lab.cwd().join("out").exists());
    let _ = run(&lab, A, &["dump"]).exits(0);
    assert_eq!(lab.seen().len(), 2, "the question, and the request");
}

#[test]
fn a_check_works_without_a_kernel() {
    let lab = Lab::new();
    lab.key_file("good.keys", &(add(1, "") + "flush\n"));
    lab.key_file("bad.keys", &add(0, ""));
    for (name, code) in [("good.keys", 0), ("bad.keys", 1)] {
        let mut command = lab.command("ipseckey");
        command.env_remove("IPSEC_LAB").args(["-n", "-N", A, "-c", name]);
        assert_eq!(command.output().unwrap().status.code(), Some(code));
    }
    assert!(lab.seen().is_empty());
}

#[test]
fn an_unmodified_kernel_is_told_nothing_that_changes_it() {
    let lab = Lab::with(KernelKind::Unmodified, &[]);
    load(&lab, "", &(add(1, "") + &signature(1)));
    lab.key_file("two.keys", &(add(2, "") + "flush\nquit\n"));
    let before = run(&lab, "", &["dump"]).exits(0).stdout;
    let promise = "this kernel has no namespaces";
    for who in [A, "*"] {
        lab.forget();
        for words in [
            &["flush"][..],
            &["dump"],
            &["save", "esp", "out"],
            &["-s", "out"],
            &["get", "esp", "spi", "1", "dst", "10.1.1.1"],
            &["delete", "esp", "spi", "1", "dst", "10.1.1.1"],
            &["monitor"],
            &["pmonitor"],
        ] {
            let done = run(&lab, who, words).exits(1).says(promise);
            assert!(done.stdout.ends_with("Fatal error - exiting.\n"), "{done:?}");
        }
        let (code, _, said) = interactive(&lab, &["-n", "-N", who], &(add(3, "") + "flush\n"));
        assert_eq!((code, said.contains(promise)), (Some(1), true));
        if who == A {
            let _ = run(&lab, who, &["-f", "two.keys"]).exits(1).says(promise);
        }
        // Nothing but the question, X_PROMISC of type 0.
        let seen = lab.seen();
        assert!(
            seen.len() >= 9 && seen.iter().all(|seen| seen.bytes[1] == 11 && seen.bytes[3] == 0)
        );
    }
    let mut service = lab.command("ipseckey");
    service.env("SMF_FMRI", "svc:/network/vpn:a").args(["-n", "-N", A, "-f", "two.keys"]);
    let output = service.output().unwrap();
    assert_eq!(output.status.code(), Some(95));
    assert!(!lab.cwd().join("out").exists());
    let after = run(&lab, "", &["dump"]).exits(0).stdout;
    let same = |text: &str| values(text, "spi=");
    assert_eq!((same(&after), same(&after).len()), (same(&before), 1));
}

#[test]
fn a_taken_spi_says_why() {
    let lab = with_three();
    lab.key_file("taken.keys", &add(2, ""));
    for (who, text) in [
        (A, "already exists."),
        (B, "already exists, and belongs to another namespace or to none."),
        ("", "already exists."),
    ] {
        let done = run(&lab, who, &["-f", "taken.keys"]).exits(1);
        assert!(done.stdout.contains(text), "{who}: {done:?}");
    }
    assert_eq!(all(&lab, SaType::ESP), owned(&[("", 1), (A, 2), (B, 3)]));
}

#[test]
fn a_service_refreshes_its_own() {
    let lab = with_three();
    lab.key_file("svc.keys", &(add(5, "") + &add(6, "")));
    for _ in 0..2 {
        let mut command = lab.command("ipseckey");
        command.env("SMF_FMRI", A).args(["-n", "-N", A, "-f", "svc.keys"]);
        assert_eq!(command.output().unwrap().status.code(), Some(0));
        assert_eq!(all(&lab, SaType::ESP), owned(&[("", 1), (A, 5), (A, 6), (B, 3)]));
    }
}

/// Starts a monitor, and waits until it listens.
fn monitor(lab: &Lab, args: &[&str]) -> Ongoing {
    let mut monitor = lab.follow("ipseckey", args);
    monitor.until("monitoring the PF_KEY socket");
    monitor
}

#[test]
fn monitors_say_whose_it_is() {
    let lab = Lab::new();
    let mut any = monitor(&lab, &["-n", "-N", "*", "pmonitor"]);
    let mut own = monitor(&lab, &["-n", "-N", A, "pmonitor"]);
    let mut plain = monitor(&lab, &["-n", "pmonitor"]);
    load(&lab, B, &add(1, ""));
    load(&lab, "", &add(2, ""));
    load(&lab, A, &add(3, ""));
    let text = any.until("spi=0x3,");
    assert_eq!(values(&text, "#NAMESPACE "), [B, A]);
    assert_eq!(values(&text, "spi="), ["0x1", "0x2", "0x3"]);
    let text = own.until("spi=0x3,");
    assert_eq!(values(&text, "spi="), ["0x3"]);
    let text = plain.until("spi=0x3,");
    assert_eq!(values(&text, "spi="), ["0x1", "0x2", "0x3"]);
    // Whatever is about the third one comes before the end of the flush.
    let _ = run(&lab, "", &["flush"]).exits(0);
    let rest = plain.until("type FLUSH");
    assert!(!(text + &rest).contains("amespace"), "{rest}");
    for monitor in [any, own, plain] {
        assert_eq!(monitor.interrupt().0, Some(2));
    }
    let mut active = monitor(&lab, &["-n", "-N", "*", "monitor"]);
    active.until("X_PROMISC");
    let _ = run(&lab, "*", &["dump", "esp"]).exits(0);
    let text = active.until("spi=0x1,");
    assert_eq!(values(&text, "#NAMESPACE "), [A, B]);
    assert_eq!(active.interrupt().0, Some(2));
}

#[test]
fn two_reload_at_the_same_time() {
    let lab = Lab::new();
    let reload = |who: &str, name: &str, spis: &[u32]| {
        let text: String = spis.iter().map(|spi| add(*spi, "")).collect();
        lab.key_file(name, &("flush\n".to_owned() + &text));
        for _ in 0..10 {
            let _ = run(&lab, who, &["-f", name]).exits(0);
            let own = run(&lab, who, &["dump", "esp"]).exits(0).stdout;
            assert_eq!(values(&own, "spi=").len(), spis.len(), "{who}: {own}");
        }
    };
    let (ours, theirs): (Vec<u32>, Vec<u32>) = ((1..20).collect(), (101..120).collect());
    std::thread::scope(|scope| {
        scope.spawn(|| reload(A, "a.keys", &ours));
        scope.spawn(|| reload(B, "b.keys", &theirs));
    });
    let both: Vec<_> =
        ours.iter().map(|spi| (A, *spi)).chain(theirs.iter().map(|spi| (B, *spi))).collect();
    assert_eq!(all(&lab, SaType::ESP), owned(&both));
}

#[test]
fn programs_use_the_library() {
    let open = |lab: &Lab| KeyClient::new(System::lab(lab.path()).open_key().unwrap());
    let lab = with_three();
    assert!(open(&lab).knows_namespaces().unwrap());
    let mut client = open(&lab).in_namespace(Namespace::new(A).unwrap());
    assert!(client.knows_namespaces().unwrap());
    let own: Vec<Sa> = client
        .dump(SaType::ESP)
        .unwrap()
        .map(|message| Sa::from_message(&message.unwrap()).unwrap())
        .collect();
    assert_eq!(own.iter().map(|sa| sa.spi).collect::<Vec<_>>(), [2]);
    assert_eq!(client.dump_of(Whose::Named, SaType::ESP).unwrap().count(), 3);
    let mut another = own[0].clone();
    another.spi = 20;
    let answer = client.request(another.add_request()).unwrap();
    assert_eq!(answer.namespace().unwrap().as_str(), A);
    assert_eq!(all(&lab, SaType::ESP), owned(&[("", 1), (A, 2), (A, 20), (B, 3)]));
    another.spi = 3;
    let error = client.request(another.add_request()).unwrap_err();
    assert!(error.to_string().ends_with("another namespace"), "{error}");
    client.flush(SaType::UNSPEC).unwrap();
    assert_eq!(all(&lab, SaType::ESP), owned(&[("", 1), (B, 3)]));
    // Several at once; and one that says itself whose it is.
    let requests = [(5, A), (6, B)].map(|(spi, who)| {
        another.spi = spi;
        let ext = Ext::Namespace(NamespaceExt::Name(Namespace::new(who).unwrap()));
        if who == A { another.add_request() } else { another.add_request().with(ext) }
    });
    client.send_all(&requests).unwrap();
    client.knows_namespaces().unwrap();
    assert_eq!(all(&lab, SaType::ESP), owned(&[("", 1), (A, 5), (B, 3), (B, 6)]));
    let old = Lab::with(KernelKind::Unmodified, &[]);
    assert!(!open(&old).knows_namespaces().unwrap());
    let mut client = open(&old).in_namespace(Namespace::new(A).unwrap());
    assert!(!client.knows_namespaces().unwrap());
    assert!(client.flush(SaType::UNSPEC).is_err());
}

#[test]
fn requests_show_the_namespace_before_they_are_sent() {
    let lab = with_three();
    let done = lab.ipseckey(&["-nv", "-N", A, "flush", "esp"]).exits(0);
    assert!(done.stdout.contains(&format!("OTH: Namespace {A}\n")), "{done:?}");
    let done = lab.ipseckey(&["-nv", "-N", "*", "dump", "ah"]).exits(0);
    assert!(done.stdout.contains("OTH: Any namespace\n"), "{done:?}");
}

#[test]
fn tcpkey_has_namespaces_too() {
    let lab = with_three();
    let link = lab.cwd().join("tcpkey");
    std::os::unix::fs::symlink(system_tests::program("ipseckey").unwrap(), &link).unwrap();
    let tcpkey = |args: &[&str]| {
        let mut command = std::process::Command::new(&link);
        command.env("IPSEC_LAB", lab.path()).env_remove("SMF_FMRI").args(args);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(values(&tcpkey(&["-N", "*", "dump"]), "#NAMESPACE "), [A, B]);
    tcpkey(&["-N", B, "flush"]);
    assert_eq!(all(&lab, SaType::TCPSIG), owned(&[("", 1), (A, 2)]));
    tcpkey(&["-N", "*", "flush"]);
    assert!(all(&lab, SaType::TCPSIG).is_empty());
    assert_eq!(all(&lab, SaType::ESP).len(), 3);
}
