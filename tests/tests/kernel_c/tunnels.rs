// SPDX-License-Identifier: MIT OR Apache-2.0

//! Tunnels that require IPsec: `inet/iptun/iptun_secure.c`.
//!
//! The driver insists after each command that every policy node has as many references and
//! tunnels as it must have, and that none is lost.

use std::sync::LazyLock;

use illumos_ipsec::wire::errno::Errno;
use system_tests::kernel_c::{Numbers, Program, Sanitizer, Session};

static DRIVER: LazyLock<Result<Program, String>> = LazyLock::new(|| {
    Program::compile(
        env!("CARGO_TARGET_TMPDIR"),
        &["driver.c", "stream.c", "stand_in_spd.c", "stand_in_iptun.c", "iptun_driver.c"],
        KERNEL,
        Sanitizer::Memory,
    )
});

const KERNEL: &[&str] =
    &["inet/ip/ipsec_ns.c", "inet/ip/ipsec_ns_spd.c", "inet/iptun/iptun_secure.c"];

/// `IPTUN_KPARAM_*` and `IPTUN_TYPE_*`.
const TYPE: u32 = 1;
const IMPLICIT: u32 = 0x10;
const KNOWN: u32 = 0x3f | SECURE;
const SECURE: u32 = 0x8000_0000;
const SIX_TO_FOUR: u32 = 3;
/// `iptun_flags`.
const IS_SECURE: u32 = 0x1000;

fn session() -> Session {
    let program = DRIVER.as_ref().unwrap_or_else(|error| panic!("{error}"));
    program.start().unwrap_or_else(|error| panic!("{error}"))
}

fn ask(session: &mut Session, command: &str) -> String {
    session.ask(command).unwrap_or_else(|error| panic!("{error}"))
}

/// The answer without the state behind it.
fn result(session: &mut Session, command: &str) -> String {
    ask(session, command).split(';').next().unwrap_or_default().to_owned()
}

/// Name of its node, whether that is of its name, whether it may run, its link.
fn state(answer: &str, tunnel: usize) -> Vec<&str> {
    answer.split(';').nth(1 + tunnel).unwrap_or_default().split_whitespace().collect()
}

#[test]
fn what_requests_may_say() {
    let mut session = session();
    let bits: Vec<u32> = (0..32).map(|bit| 1 << bit).chain([0, KNOWN, u32::MAX]).collect();
    for &kflags in bits.iter().chain(&[SECURE | TYPE, SECURE | IMPLICIT, TYPE | IMPLICIT]) {
        for kind in 1..=3 {
            let refused = kflags & SECURE != 0 && (kind == SIX_TO_FOUR || kflags & IMPLICIT != 0);
            let wanted = if refused { Errno::EINVAL.0 } else { 0 };
            let answer = ask(&mut session, &format!("check_create {kflags} {kind}"));
            assert_eq!(answer, wanted.to_string(), "{kflags:#x} {kind}");
        }
        // The command refuses what it does not know, before anything is created.
        let unknown = kflags & !KNOWN != 0;
        let wanted = if unknown { 22 } else { 0 };
        let made = if unknown || kflags & TYPE == 0 { 22 } else { 0 };
        let answer = ask(&mut session, &format!("check_command {kflags}"));
        assert_eq!(answer, format!("{wanted} {made}"), "{kflags:#x}");
        for flags in [0, IS_SECURE, !IS_SECURE, u32::MAX] {
            let secure = flags & IS_SECURE != 0;
            let allowed = kflags & TYPE == 0 && (secure || kflags & SECURE == 0);
            let answer = ask(&mut session, &format!("check_modify {flags} {kflags}"));
            assert_eq!(answer, u8::from(allowed).to_string(), "{flags:#x} {kflags:#x}");
        }
    }
}

#[test]
fn policy_is_in_force_with_a_rule_and_in_use() {
    let mut session = session();
    for flags in 0..64 {
        for rules in [0, 1, 2, 1_u64 << 32] {
            let wanted = u8::from(flags & 1 != 0 && rules > 0);
            let answer = ask(&mut session, &format!("in_force {flags} {rules}"));
            assert_eq!(answer, wanted.to_string(), "{flags:#x} {rules}");
        }
    }
}

#[test]
fn a_packet_leaves_if_its_own_rule_protects_it() {
    const APPLY: u32 = 1;
    const BYPASS: u32 = 3;
    const CLEAR: u32 = 5;
    let mut session = session();
    for (tunnel, kflags) in [(0, TYPE | SECURE), (1, TYPE)] {
        ask(&mut session, &format!("make {tunnel} t{tunnel} {kflags} 1 0"));
    }
    for kind in APPLY..=CLEAR {
        for (ah, esp) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let protects = kind != BYPASS && (ah | esp) != 0;
            let answer = ask(&mut session, &format!("action {kind} {ah} {esp}"));
            assert_eq!(answer, u8::from(protects).to_string(), "{kind} {ah} {esp}");
            for secure in [0, 1] {
                for from in [0, 1, 2] {
                    let what = format!("{secure} {from} {kind} {ah} {esp}");
                    let wanted = u8::from(secure == 1 && from != 0 && protects);
                    let answer = ask(&mut session, &format!("protects 0 {what}"));
                    assert_eq!(answer, wanted.to_string(), "{what}");
                    // It is nothing to other tunnels.
                    assert_eq!(ask(&mut session, &format!("protects 1 {what}")), "1", "{what}");
                }
            }
        }
    }
    session.end().unwrap_or_else(|error| panic!("{error}"));
}

/// `IRAF_IPSEC_SECURE`, `IRAF_TRUSTED_ICMP`.
const CAME_SECURE: u32 = 1;
const TRUSTED: u32 = 2;

/// What becomes of a packet that arrives: passed, and which drops were counted.
fn arrives(in_force: bool, secure_tunnel: bool, flags: u32, icmp: bool) -> &'static str {
    let accepted = flags & CAME_SECURE != 0 || icmp && flags & TRUSTED != 0;
    match (secure_tunnel, in_force, accepted) {
        (false, ..) | (true, true, true) => "1 0 0",
        (true, false, _) => "0 1 0",
        (true, true, false) => "0 0 1",
    }
}

#[test]
fn a_packet_arrives_if_it_was_protected() {
    let mut session = session();
    for (force, secure, trusted) in (0..8).map(|n| (n & 1 != 0, n & 2 != 0, n & 4 != 0)) {
        let wanted = match (force, secure || trusted) {
            (false, _) => 1,
            (true, false) => 2,
            (true, true) => 0,
        };
        let [a, b, c] = [force, secure, trusted].map(u8::from);
        assert_eq!(ask(&mut session, &format!("verdict {a} {b} {c}")), wanted.to_string());
    }
    for (tunnel, kflags) in [(0, TYPE | SECURE), (1, TYPE)] {
        ask(&mut session, &format!("make {tunnel} t{tunnel} {kflags} 1 0"));
        for rules in [0, 1, 0, 1] {
            ask(&mut session, &format!("policy t{tunnel} {rules} 1"));
            for (flags, icmp) in (0..8).map(|n| (n & 3, n & 4 != 0)) {
                let icmp_word = u8::from(icmp);
                let answer = result(&mut session, &format!("receive {tunnel} {flags} {icmp_word}"));
                let wanted = arrives(rules == 1, tunnel == 0, flags, icmp);
                assert_eq!(answer, wanted, "{tunnel} {rules} {flags} {icmp}");
            }
            let sends = tunnel == 1 || rules == 1;
            let answer = result(&mut session, &format!("send {tunnel}"));
            assert_eq!(answer, u8::from(sends).to_string());
        }
    }
    session.end().unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn addresses_come_back_if_a_modification_fails() {
    let mut session = session();
    for flags in [0, 1, 2, 3, 4, 5, 6, 7, 0x1007, 0x101f, 0x11e] {
        let bound = flags & 1;
        let answer = ask(&mut session, &format!("ends {flags}"));
        // Bound it is by the caller, if the result says so.
        assert_eq!(answer, format!("{bound} {}", flags & !1), "{flags:#x}");
    }
}

#[test]
fn the_link_follows_the_policy() {
    const SECURE_TUNNEL: u32 = TYPE | SECURE;
    let mut session = session();
    fn follows(session: &mut Session, command: &str, wanted: [&str; 5]) {
        let answer = ask(session, command);
        assert_eq!(state(&answer, 0), wanted, "{command}: {answer}");
    }
    let mut is = |command: &str, wanted| follows(&mut session, command, wanted);
    // Down from the start, without policy and with some that is not in force.
    is(&format!("make 0 a {SECURE_TUNNEL} 1 0"), ["a", "-", "own", "waits", "0"]);
    is("start 0", ["a", "-", "own", "waits", "0"]);
    is("policy a 0 1", ["a", "a", "own", "waits", "0"]);
    is("policy a 1 1", ["a", "a", "own", "runs", "1"]);
    is("policy a 0 1", ["a", "a", "own", "waits", "0"]);
    // Nobody has told the tunnel; the next packet sees it.
    is("policy a 1 0", ["a", "a", "own", "runs", "0"]);
    is("send 0", ["a", "a", "own", "runs", "1"]);
    is("policy a 0 0", ["a", "a", "own", "waits", "1"]);
    is("receive 0 0 0", ["a", "a", "own", "waits", "0"]);
    is("policy a 1 1", ["a", "a", "own", "runs", "1"]);
    is("stop 0", ["a", "a", "own", "runs", "0"]);
    // With policy in force it keeps its name; without, it has to look for a new node.
    is("rename 0 b 0", ["a", "a", "own", "runs", "0"]);
    is("policy a 0 1", ["a", "a", "own", "waits", "0"]);
    is("rename 0 b 0", ["b", "a", "own", "waits", "0"]);
    is("policy a 1 1", ["b", "a", "own", "runs", "0"]);
    is("start 0", ["b", "a", "other", "waits", "0"]);
    is("policy b 1 1", ["b", "b", "own", "runs", "1"]);
    // Back again, without memory to keep the node that it had.
    is("stop 0", ["b", "b", "own", "runs", "0"]);
    is("rename 0 a 1", ["a", "b", "own", "runs", "0"]);
    is("start 0", ["a", "a", "own", "runs", "1"]);
    is("stop 0", ["a", "a", "own", "runs", "0"]);
    is("rename 0 c 1", ["c", "a", "own", "runs", "0"]);
    is("start 0", ["c", "a", "other", "waits", "0"]);
    is("simple 0", ["c", "c", "own", "runs", "1"]);
    is("foreign 0", ["c", "c", "own", "runs", "1"]);
    // Its name could not be resolved when there was policy for it; a modification looks.
    is("policy c 0 1", ["c", "c", "own", "waits", "0"]);
    is("stop 0", ["c", "c", "own", "waits", "0"]);
    is("rename 0 d 0", ["d", "c", "own", "waits", "0"]);
    is("start 0", ["d", "c", "other", "waits", "0"]);
    is("policy d 1 0", ["d", "c", "other", "waits", "0"]);
    is("modify 0", ["d", "d", "own", "runs", "1"]);
    // Without memory to keep the node that it has, it does not get another one.
    is("stop 0", ["d", "d", "own", "runs", "0"]);
    is("rename 0 e 1", ["e", "d", "own", "runs", "0"]);
    is("start 0", ["e", "d", "other", "waits", "0"]);
    let _ = ask(&mut session, "fail 1");
    assert_eq!(result(&mut session, "simple 0"), Errno::ENOMEM.0.to_string());
    let mut is = |command: &str, wanted| follows(&mut session, command, wanted);
    is("send 0", ["e", "d", "other", "waits", "0"]);
    is("simple 0", ["e", "e", "own", "runs", "1"]);
    let _ = ask(&mut session, "remove 0");
    session.end().unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn policy_survives_a_creation_that_fails_but_not_its_tunnel() {
    let mut session = session();
    for kflags in [TYPE, TYPE | SECURE] {
        ask(&mut session, "policy a 1 1");
        ask(&mut session, &format!("make 0 a {kflags} 1 1"));
        // It is still there.
        let answer = ask(&mut session, &format!("make 0 a {kflags} 1 0"));
        assert_eq!(state(&answer, 0)[..2], ["a", "a"]);
        // A second tunnel cannot be refused its name here; the last one takes the node.
        ask(&mut session, "rename 0 b 1");
        let answer = ask(&mut session, &format!("make 1 a {kflags} 1 0"));
        assert_eq!(state(&answer, 1)[..2], ["a", "a"]);
        ask(&mut session, "remove 0");
        let answer = ask(&mut session, "policy a 1 1");
        assert_eq!(state(&answer, 1)[..2], ["a", "a"]);
        ask(&mut session, "remove 1");
        let answer = ask(&mut session, &format!("make 0 a {kflags} 1 0"));
        assert_eq!(state(&answer, 0)[..2], ["a", "-"]);
        ask(&mut session, "remove 0");
    }
    session.end().unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_node_of_another_name_waits_for_its_own_tunnel() {
    for (kflags, stays) in [(TYPE, false), (TYPE | SECURE, true)] {
        let mut session = session();
        ask(&mut session, "policy a 1 1");
        ask(&mut session, &format!("make 0 a {kflags} 1 0"));
        ask(&mut session, "rename 0 b 1");
        // A tunnel without a node takes over the name; nobody has told it anything.
        ask(&mut session, &format!("make 1 c {kflags} 1 0"));
        ask(&mut session, "rename 1 a 1");
        ask(&mut session, "start 0");
        ask(&mut session, "remove 0");
        // If the node has gone, it was not attached to the tunnel of its name on its way.
        ask(&mut session, "start 1");
        let answer = ask(&mut session, "modify 1");
        assert_eq!(state(&answer, 1)[..2], ["a", if stays { "a" } else { "-" }]);
        session.end().unwrap_or_else(|error| panic!("{error}"));
    }
    // The same with a secure tunnel that still counts for the node.
    let mut session = session();
    let kflags = TYPE | SECURE;
    ask(&mut session, "policy a 1 1");
    ask(&mut session, &format!("make 0 a {kflags} 1 0"));
    ask(&mut session, "rename 0 b 1");
    ask(&mut session, &format!("make 1 c {kflags} 1 0"));
    ask(&mut session, "rename 1 a 1");
    ask(&mut session, "remove 0");
    let answer = ask(&mut session, "start 1");
    assert_eq!(state(&answer, 1), ["a", "-", "own", "waits", "0"]);
    session.end().unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn simple_policy_does_not_replace_rules_of_others() {
    let mut session = session();
    // Without rules of an owner; with one in standby; with one in force.
    assert_eq!(ask(&mut session, "owned"), "0 1 0 1");
    session.end().unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn simple_policy_goes_with_the_tunnel_that_never_came_to_be() {
    const SIMPLE: u32 = 8;
    let mut session = session();
    for kflags in [TYPE, TYPE | SECURE] {
        let kflags = kflags | SIMPLE;
        assert_eq!(result(&mut session, &format!("make 0 a {kflags} 1 1")), "5");
        let answer = ask(&mut session, &format!("make 0 a {kflags} 1 0"));
        assert_eq!(state(&answer, 0)[..4], ["a", "a", "own", "runs"]);
        ask(&mut session, "remove 0");
        // Policy that was there before is not replaced, and stays.
        ask(&mut session, "policy a 1 1");
        assert_eq!(result(&mut session, &format!("make 0 a {kflags} 1 0")), "17");
        let answer = ask(&mut session, &format!("make 0 a {} 1 0", kflags & !SIMPLE));
        assert_eq!(state(&answer, 0)[..4], ["a", "a", "own", "runs"]);
        ask(&mut session, "remove 0");
    }
    session.end().unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn nodes_and_tunnels_in_any_order() {
    const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
    for seed in 0..12 {
        println!("seed {seed}");
        let mut session = session();
        let mut numbers = Numbers::new(seed);
        let mut names: [Option<&str>; 4] = [None; 4];
        for _ in 0..1500 {
            let tunnel = numbers.below(4);
            let taken: Vec<_> = names.iter().flatten().copied().collect();
            let free = *numbers.pick(&NAMES);
            let is_free = !taken.contains(&free);
            let flag = numbers.below(2);
            if numbers.once_in(4) {
                let fail = numbers.below(3);
                ask(&mut session, &format!("fail {fail}"));
            }
            if numbers.once_in(20) {
                let known = u8::from(!numbers.once_in(3));
                ask(&mut session, &format!("names {known}"));
            }
            let kflags = TYPE | if numbers.once_in(3) { 0 } else { SECURE };
            let command = match (names[tunnel], numbers.below(14)) {
                (None, _) if is_free => {
                    let kind = *numbers.pick(&[1, 2, 3]);
                    let fails = u8::from(numbers.once_in(5));
                    let refused = kflags & SECURE != 0 && kind == SIX_TO_FOUR;
                    if fails == 0 && !refused {
                        names[tunnel] = Some(free);
                    }
                    format!("make {tunnel} {free} {kflags} {kind} {fails}")
                }
                (Some(_), 0) => {
                    names[tunnel] = None;
                    format!("remove {tunnel}")
                }
                (Some(_), 1..3) => format!("start {tunnel}"),
                (Some(_), 3) => format!("stop {tunnel}"),
                (Some(_), 4..6) if is_free => {
                    let command = format!("rename {tunnel} {free} {flag}");
                    let answer = ask(&mut session, &command);
                    if answer.starts_with("0;") {
                        names[tunnel] = Some(free);
                    }
                    continue;
                }
                (Some(_), 6) => format!("simple {tunnel}"),
                (Some(_), 7) if flag == 0 => format!("foreign {tunnel}"),
                (Some(_), 7) => format!("modify {tunnel}"),
                (Some(_), 8) => format!("send {tunnel}"),
                (Some(_), 9) => {
                    let (flags, icmp) = (numbers.below(4), numbers.below(2));
                    format!("receive {tunnel} {flags} {icmp}")
                }
                _ => {
                    let name = *numbers.pick(&NAMES);
                    let told = u8::from(!numbers.once_in(4));
                    format!("policy {name} {flag} {told}")
                }
            };
            let answer = ask(&mut session, &command);
            for (at, name) in names.iter().enumerate() {
                let state = state(&answer, at);
                assert_eq!(state.first().copied().unwrap_or("-"), name.unwrap_or("-"));
            }
        }
        session.end().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
}

/// Without the sanitizer of threads: what packets read without a lock, and why they may, is at
/// the beginning of `iptun_secure.c`. Memory, references and the order of locks are watched.
#[test]
fn packets_tunnels_and_policy_at_the_same_time() {
    let driver = Program::compile(
        env!("CARGO_TARGET_TMPDIR"),
        &["threads.c", "stream.c", "stand_in_spd.c", "stand_in_iptun.c", "iptun_threads.c"],
        KERNEL,
        Sanitizer::Memory,
    )
    .unwrap_or_else(|error| panic!("{error}"));
    for seed in ["1", "2", "3"] {
        driver.run(&[seed, "10000"]).unwrap_or_else(|error| panic!("{error}"));
    }
}
