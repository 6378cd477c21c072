// SPDX-License-Identifier: MIT OR Apache-2.0

//! The C client of pf_policy(4P), compiled and used.

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::thread::JoinHandle;

use illumos_ipsec::model::{Direction, Side, SpdRule};
use illumos_ipsec::sys::System;
use illumos_ipsec::sys::policy::Scope;
use illumos_ipsec::wire::policy::MsgType;
use ipsec_usermode::{Event, KernelKind};
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, UnixAddr, bind, listen, recv, send,
    socket,
};
use system_tests::in_repository;
use system_tests::lab::{Done, Lab};
use system_tests::pages::read;

use super::examples;

/// Runs the C compiler, with all warnings as errors.
fn cc(args: &[&str], dir: &Path) -> Output {
    let mut command = Command::new("cc");
    command.args(["-std=c99", "-Wall", "-Wextra", "-Werror"]).args(args).current_dir(dir);
    command.output().expect("a C compiler")
}

#[track_caller]
pub(crate) fn compiles(args: &[&str], dir: &Path) {
    let output = cc(args, dir);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The client, compiled once. The directory stays as long as the tests run.
static CLIENT: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("a directory");
    let program = dir.path().join("pf_policy_client");
    let source = in_repository("docs/examples/pf_policy_client.c");
    compiles(&["-O2", "-o", &program.to_string_lossy(), &source.to_string_lossy()], dir.path());
    (dir, program)
});

pub(crate) fn client(lab: &Lab, args: &[&str]) -> Done {
    let mut command = Command::new(&CLIENT.1);
    command.args(args).env("IPSEC_LAB", lab.path());
    command.output().expect("the client runs").into()
}

/// Every selector, several actions, and names of tunnels with and without room for a NUL.
const POLICY: &str = "\
{ lport 53 } bypass { }
{ laddr 10.1.1.1 raddr 192.0.2.0/24 ulp tcp rport 22 } ipsec { auth_algs sha256 }
{ raddr 2001:db8::5 ulp ipv6-icmp type 133-137 dir in } pass { }
{ tunnel tun0 negotiate tunnel } ipsec { encr_algs aes-gcm }
{ tunnel tunnels0 negotiate transport } ipsec { encr_algs aes encr_auth_algs sha256 }
{ tunnel abcdefghijk0 negotiate tunnel raddr 10.1.0.0/16 }
    ipsec { encr_algs aes-gcm } or ipsec { auth_algs sha512 }
{ tunnel vpn9 negotiate tunnel } drop { }
";

fn lab_with_policy(kind: KernelKind) -> Lab {
    let lab = Lab::with(kind, &["tun0", "vpn9"]);
    lab.file("policy.conf", POLICY);
    let _ = lab.ipsecconf(&["-q", "-a", "policy.conf"]).exits(0);
    lab
}

/// How the client begins the line of a rule, and what it ends with.
fn shown(rule: &SpdRule) -> (String, String) {
    let head = rule.tunnel.as_ref().map_or("host".to_owned(), ToString::to_string);
    let direction = if rule.direction == Direction::IN { "in" } else { "out" };
    let owner = rule.namespace.as_ref().map_or_else(String::new, |name| format!(" of {name}"));
    (format!("{head} {} {direction} {}", rule.index, rule.priority), owner)
}

fn all_rules(lab: &Lab, side: Side) -> Vec<SpdRule> {
    lab.client().all_rules(side, &Scope::All).expect("a dump")
}

#[track_caller]
fn lists_what_is_there(lab: &Lab) -> String {
    let stdout = client(lab, &["list"]).exits(0).stdout;
    let rules = all_rules(lab, Side::Active);
    assert_eq!(stdout.lines().count(), rules.len(), "{stdout}");
    for (line, rule) in stdout.lines().zip(&rules) {
        let (begin, end) = shown(rule);
        let rest = line.strip_prefix(&begin).unwrap_or_else(|| panic!("{line}, not {begin}"));
        assert!(rest.starts_with(' ') && rest.ends_with(&end), "{line}");
        assert_eq!(rest.contains(" of "), !end.is_empty(), "{line}");
    }
    stdout
}

#[test]
fn the_client_lists_the_host_and_all_tunnels() {
    for kind in [KernelKind::Modified, KernelKind::Unmodified] {
        let lab = lab_with_policy(kind);
        let list = lists_what_is_there(&lab);
        for piece in [
            "lport 53 pass\n",
            "ulp 6 rport 22 raddr 192.0.2.0/24 laddr 10.1.1.1/32 ipsec ah 5\n",
            "ulp 58 raddr 2001:db8::5/128 type 133-137 pass\n",
            "raddr 10.1.0.0/16 ipsec esp 20 or ipsec ah 7\n",
            "ipsec esp 12 auth 5\n",
            " drop\n",
        ] {
            assert!(list.contains(piece), "no {piece:?} in\n{list}");
        }
    }
    assert_eq!(client(&Lab::new(), &["list"]).exits(0).stdout, "");
}

#[test]
fn the_client_adds_a_rule_in_one_step() {
    for kind in [KernelKind::Modified, KernelKind::Unmodified] {
        let lab = lab_with_policy(kind);
        let (old, told) = (all_rules(&lab, Side::Active), lab.events().len());
        lab.forget();
        let _ = client(&lab, &["pass", "2049"]).exits(0);
        let asked: Vec<MsgType> = lab.seen().iter().map(|seen| seen.kind()).collect();
        // For the free priority, the rules in force are read.
        assert_eq!(
            asked,
            [
                MsgType::CLONE,
                MsgType::LOOKUP,
                MsgType::DUMP,
                MsgType::ADDRULE,
                MsgType::FLIP,
                MsgType::FLUSH
            ]
        );
        let (mut added, kept): (Vec<_>, Vec<_>) = all_rules(&lab, Side::Active)
            .into_iter()
            .partition(|rule| rule.selector.local_port == Some(2049));
        added.sort_by_key(|rule| rule.index);
        let directions: Vec<_> = added.iter().map(|rule| rule.direction).collect();
        assert_eq!(directions, [Direction::OUT, Direction::OUT, Direction::IN, Direction::IN]);
        let highest = old.iter().map(|rule| rule.priority).max().expect("rules");
        assert!(added.iter().all(|rule| rule.priority == highest + 1 && rule.tunnel.is_none()));
        let sorted = |mut rules: Vec<SpdRule>| {
            rules.sort_by_key(|rule| format!("{rule:?}"));
            rules
        };
        assert_eq!(sorted(kept), sorted(old), "{kind:?}");
        assert_eq!(all_rules(&lab, Side::Standby), []);
        lists_what_is_there(&lab);
        // No tunnel was open for a moment.
        let words = lab.events().split_off(told).into_iter().filter_map(|event| match event {
            Event::TunnelPolicy { flags, .. } => Some(flags.word()),
            _ => None,
        });
        let words: Vec<u32> = words.collect();
        assert!(!words.is_empty() && words.iter().all(|word| word & 1 != 0), "{words:x?}");

        // Once more: it is there already, and nothing changes.
        let before = all_rules(&lab, Side::Active);
        let again = client(&lab, &["pass", "2049"]).exits(1);
        let _ = again.says("ADDRULE: errno 17 (EEXIST), diagnostic 0\n");
        assert_eq!(sorted(all_rules(&lab, Side::Active)), sorted(before));
        assert_eq!(all_rules(&lab, Side::Standby), []);
    }
}

#[test]
fn the_client_works_in_a_namespace_or_not_at_all() {
    let lab = lab_with_policy(KernelKind::Modified);
    let _ = client(&lab, &["-N", "nfs-client", "pass", "2049"]).exits(0);
    let list = lists_what_is_there(&lab);
    assert_eq!(list.matches(" lport 2049 pass of nfs-client\n").count(), 4, "{list}");
    // The same traffic for somebody else.
    for args in [&["pass", "2049"][..], &["-N", "other", "pass", "2049"]] {
        let refused = client(&lab, args).exits(1);
        let _ = refused.says("FLIP: errno 17 (EEXIST), diagnostic 256: another owner has a rule");
        assert_eq!(client(&lab, &["list"]).exits(0).stdout, list);
    }
    let _ = client(&lab, &["-N", "two words", "pass", "1"]).exits(1).says("diagnostic 258");
    assert_eq!(all_rules(&lab, Side::Standby), []);

    let lab = lab_with_policy(KernelKind::Unmodified);
    lab.forget();
    let refused = client(&lab, &["-N", "nfs-client", "pass", "2049"]).exits(1);
    let _ = refused.says("this kernel has no namespaces");
    assert!(lab.seen().iter().all(|seen| seen.kind() == MsgType::LOOKUP));

    for args in [&[][..], &["pass"], &["pass", "0"], &["pass", "65536"], &["pass", "x"], &["-N"]] {
        let _ = client(&lab, args).exits(2).says("usage: pf_policy_client");
    }
    let mut nowhere = Command::new(&CLIENT.1);
    nowhere.arg("list").env("IPSEC_LAB", lab.cwd().join("nowhere"));
    let _ = Done::from(nowhere.output().expect("the client runs")).exits(1).says("PF_POLICY: ");
}

/// A kernel that has no namespaces and answers each dump with what a script says: numbers
/// of rules, then the errno of the trailer. It ends well with the script only.
fn kernel_with_dumps(dir: &Path, script: Vec<(Vec<u64>, u8)>) -> JoinHandle<()> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).expect("a socket");
    bind(socket.as_raw_fd(), &UnixAddr::new(&dir.join("pf_policy")).unwrap()).expect("a name");
    listen(&socket, Backlog::MAXCONN).expect("a listener");
    // It accepts connections of any type.
    let listener = UnixListener::from(socket);
    std::thread::spawn(move || {
        for (rules, errno) in script {
            let (connection, _) = listener.accept().expect("the client");
            let fd = connection.as_raw_fd();
            let mut buffer = [0; 1024];
            let mut ask = |expected: MsgType| -> Vec<u8> {
                let length = recv(fd, &mut buffer, MsgFlags::empty()).expect("a request");
                assert_eq!(MsgType(buffer[1]), expected);
                buffer[..length].to_vec()
            };
            let answer = |request: &[u8], errno: u8, diagnostic: u8, rest: &[u8]| {
                let words = u8::try_from((16 + rest.len()) / 8).expect("a short message");
                let mut message = vec![1, request[1], errno, 0];
                message.extend(u16::from(words).to_ne_bytes());
                message.extend(u16::from(diagnostic).to_ne_bytes());
                message.extend(&request[8..16]);
                message.extend(rest);
                send(fd, &message, MsgFlags::MSG_NOSIGNAL).expect("the client reads");
            };
            answer(&ask(MsgType::LOOKUP), 22, 1, &[]);
            let dump = ask(MsgType::DUMP);
            let ruleset = ext(8, &[0; 12]);
            answer(&dump, 0, 0, &ruleset);
            for index in rules {
                let rule = [&5_u32.to_ne_bytes()[..], &2_u32.to_ne_bytes(), &[0; 4]].concat();
                answer(&dump, 0, 0, &ext(7, &[&rule[..], &index.to_ne_bytes()].concat()));
            }
            answer(&dump, errno, 0, &ruleset);
        }
    })
}

/// An extension with this behind its length and type.
fn ext(kind: u16, rest: &[u8]) -> Vec<u8> {
    let words = u16::try_from((4 + rest.len()) / 8).expect("a short extension");
    [&words.to_ne_bytes()[..], &kind.to_ne_bytes(), rest].concat()
}

#[test]
fn the_client_begins_a_dump_again_that_is_not_complete() {
    let (eagain, enomem) = (11, 12);
    let list = |script: Vec<(Vec<u64>, u8)>| {
        let dir = tempfile::tempdir().expect("a directory");
        let kernel = kernel_with_dumps(dir.path(), script);
        let mut command = Command::new(&CLIENT.1);
        command.arg("list").env("IPSEC_LAB", dir.path());
        let done = Done::from(command.output().expect("the client runs"));
        // If it still waits for the client, this ends it, and not well.
        let _ = System::lab(dir.path()).open_policy();
        kernel.join().expect("all of the script was needed");
        done
    };
    let good = list(vec![(vec![1, 2, 3], eagain), (vec![], eagain), (vec![4, 5], 0)]).exits(0);
    assert_eq!(good.stdout, "host 4 out 5\nhost 5 out 5\n");
    let bad = list(vec![(vec![1], eagain), (vec![1], enomem)]).exits(1);
    assert_eq!(bad.stdout, "");
    let _ = bad.says("DUMP: errno 12 (ENOMEM), diagnostic 0\n");
    let _ = list(vec![(vec![1], eagain); 64]).exits(1).says("does not stop changing");
}

#[test]
fn the_page_shows_the_client_as_it_is() {
    let shown = examples("pf_policy.4p").pop().expect("a program");
    let file = read("docs/examples/pf_policy_client.c");
    for (number, (page, file)) in shown.lines().zip(file.lines()).enumerate() {
        assert_eq!(page, file, "line {} of docs/examples/pf_policy_client.c", number + 1);
    }
    assert_eq!(shown, file);
}
