// SPDX-License-Identifier: MIT OR Apache-2.0

//! What an operator sees of `ipsecconf`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use illumos_ipsec::model::{Direction, Side};
use illumos_ipsec::wire::policy::MsgType;
use system_tests::lab::Lab;

const RULE: &str = "{ raddr 10.0.0.1 } ipsec { auth_algs sha256 }\n";
const TUNNEL: &str = "{ tunnel vpn0 negotiate tunnel } ipsec { encr_algs aes-gcm }\n";

#[test]
fn all_errors_are_reported_in_one_run_and_nothing_is_sent() {
    let lab = Lab::new();
    lab.file(
        "bad.conf",
        "{ raddr 10.0.0.1 } ipsec { auth_algs hmac-sha25 }\n\
         {\n  raddr nosuch.example\n} ipsec { auth_algs sha1 }\n\
         { rport 80 } ipsec { auth_algs sha1 }\n\
         { lport 99999 } pass { }\n",
    );
    let done = lab.ipsecconf(&["-q", "-a", "bad.conf"]).exits(1);
    for piece in [
        "bad.conf:1:38: error: `hmac-sha25`",
        "did you mean `hmac-sha256`?",
        "bad.conf:3:9: error: `nosuch.example`",
        "bad.conf:6:9: error: `99999`",
        "3 errors",
    ] {
        assert!(done.stderr.contains(piece), "no {piece:?} in {}", done.stderr);
    }
    assert!(!done.stderr.contains('^'), "carets are for terminals: {}", done.stderr);
    let asked_only = lab.seen().iter().all(|seen| seen.kind() == MsgType::ALGLIST);
    assert!(asked_only, "nothing that changes anything was sent");
    assert_eq!(lab.view(), "");
}

#[test]
fn every_rule_that_the_kernel_refuses_is_named() {
    let lab = Lab::new();
    lab.file("old.conf", RULE);
    let _ = lab.ipsecconf(&["-q", "-a", "old.conf"]).exits(0);
    let before = lab.rules(Side::Active);
    lab.file(
        "refused.conf",
        "{ tunnel t0 negotiate transport lport 1 } pass { }\n\
         { raddr 10.0.0.2 } ipsec { auth_algs sha256 }\n\
         { tunnel t1 negotiate tunnel } ipsec { encr_algs aes-gcm sa unique }\n\
         { tunnel t0 negotiate tunnel } drop { }\n\
         { tunnel t0 negotiate transport } drop { }\n",
    );
    let done = lab.ipsecconf(&["-q", "-F", "-a", "refused.conf"]).exits(1);
    for piece in
        ["refused.conf:1:1: error:", "refused.conf:3:1: error:", "refused.conf:5:1: error:"]
    {
        assert!(done.stderr.contains(piece), "no {piece:?} in {}", done.stderr);
    }
    assert!(!done.stderr.contains("refused.conf:2:"), "{}", done.stderr);
    assert_eq!(
        done.stdout,
        "\t(spdsock diagnostic: using selectors on a transport-mode tunnel)\n\
         \t(spdsock diagnostic: add: inconsistent flags)\n"
    );
    assert_eq!(lab.rules(Side::Active), before);
    assert!(lab.rules(Side::Standby).is_empty());
}

#[test]
fn a_rule_that_contradicts_one_in_force_is_refused() {
    let lab = Lab::new();
    lab.file("one.conf", RULE);
    lab.file("other.conf", "{ raddr 10.0.0.1 dir in } drop { }\n");
    let _ = lab.ipsecconf(&["-q", "-a", "one.conf"]).exits(0);
    let _ = lab.ipsecconf(&["-a", "one.conf"]).exits(0).says("in force already");
    let before = lab.policy();
    let _ = lab.ipsecconf(&["-q", "-a", "other.conf"]).exits(1).says("another action");
    assert_eq!(lab.policy(), before);
}

#[test]
fn a_rule_of_which_half_is_in_force_is_completed_or_refused() {
    let lab = Lab::new();
    lab.file("out.conf", "{ raddr 10.0.0.1 dir out } ipsec { auth_algs sha256 }\n");
    lab.file("both.conf", RULE);
    let _ = lab.ipsecconf(&["-q", "-a", "out.conf"]).exits(0);
    let _ = lab.ipsecconf(&["-q", "-a", "both.conf"]).exits(0);
    let mut directions: Vec<_> = lab.policy().iter().map(|rule| rule.direction).collect();
    directions.sort();
    assert_eq!(directions, [Direction::IN, Direction::OUT]);

    // One family of a rule without addresses cannot be added by itself.
    lab.file("port.conf", "{ lport 53 dir in } pass { }\n");
    let _ = lab.ipsecconf(&["-q", "-F", "-a", "port.conf"]).exits(0);
    let index = lab.rules(Side::Active)[0].index.to_string();
    let _ = lab.ipsecconf(&["-q", "-d", &index]).exits(0);
    let _ = lab.ipsecconf(&["-q", "-a", "port.conf"]).exits(1).says("only a part of this rule");
}

#[test]
fn deleting_says_what_stays_and_when_a_tunnel_is_open() {
    let lab = Lab::new();
    lab.file("p.conf", format!("{RULE}{TUNNEL}"));
    let _ = lab.ipsecconf(&["-q", "-a", "p.conf"]).exits(0);
    let _ = lab.ipsecconf(&["-q", "-d", "2"]).exits(0).says("these stay in force: 1");
    let _ = lab.ipsecconf(&["-q", "-d", "2"]).exits(1).says("there is no rule 2");
    let _ = lab.ipsecconf(&["-q", "-d", "0"]).exits(1);
    // Whichever of them it is.
    for (index, others) in [("1", "2, 3, 4"), ("3", "2, 4"), ("2", "4")] {
        let done = lab.ipsecconf(&["-q", "-i", "vpn0", "-d", index]).exits(0);
        let gone = format!("ipsecconf: rule {index} of tunnel vpn0 is gone; ");
        assert_eq!(
            done.stderr,
            gone + "of the same policy entry these stay in force: " + others + "\n"
        );
    }
    let done = lab.ipsecconf(&["-q", "-d", "vpn0,4"]).exits(0).says("WARNING: tunnel vpn0");
    assert!(!done.stderr.contains("stay in force"), "{}", done.stderr);
    let _ = lab.ipsecconf(&["-q", "-d", "nosuch,4"]).exits(1).says("tunnel nosuch");
    assert_eq!(lab.view(), "");
}

#[test]
fn a_tunnel_that_loses_its_policy_is_named_also_when_quiet() {
    let open = "WARNING: tunnel vpn0 has no IPsec policy any more";
    for args in [vec!["-q", "-F"], vec!["-q", "-f", "-i", "vpn0"], vec!["-q", "-F", "-a", "q.conf"]]
    {
        let lab = Lab::new();
        lab.file("p.conf", format!("{RULE}{TUNNEL}"));
        lab.file("q.conf", RULE);
        let _ = lab.ipsecconf(&["-q", "-a", "p.conf"]).exits(0);
        let _ = lab.ipsecconf(&args).exits(0).says(open);
    }
    for args in
        [vec!["-q", "-f"], vec!["-q", "-F", "-a", "p.conf"], vec!["-q", "-f", "-a", "q.conf"]]
    {
        let lab = Lab::new();
        lab.file("p.conf", format!("{RULE}{TUNNEL}"));
        lab.file("q.conf", RULE);
        let _ = lab.ipsecconf(&["-q", "-a", "p.conf"]).exits(0);
        assert_eq!(lab.ipsecconf(&args).exits(0).stderr, "");
    }
}

#[test]
fn the_kernel_knows_which_tunnels_lose_their_policy_not_the_view() {
    for args in [vec!["-q", "-F"], vec!["-q", "-f", "-i", "vpn0"], vec!["-q", "-F", "-a", "q.conf"]]
    {
        let lab = Lab::new();
        lab.file("p.conf", TUNNEL);
        lab.file("q.conf", RULE);
        let _ = lab.ipsecconf(&["-q", "-a", "p.conf"]).exits(0);
        // The entry is gone from the view, three of its rules are in force.
        let _ = lab.ipsecconf(&["-q", "-d", "vpn0,4"]).exits(0);
        let _ = lab.ipsecconf(&args).exits(0).says("WARNING: tunnel vpn0");
    }
}

#[test]
fn removing_by_rule_leaves_everything_else() {
    let lab = Lab::new();
    let other = "{ raddr 10.0.0.2 dir out }\n  drop { }\n";
    lab.file("p.conf", format!("{RULE}{other}{TUNNEL}"));
    lab.file("r.conf", "{raddr 10.0.0.2 dir out} DROP {}\n{ raddr 10.9.9.9 } drop { }\n");
    let _ = lab.ipsecconf(&["-q", "-a", "p.conf"]).exits(0);
    // Keywords have one spelling, so this file is refused as a whole.
    let before = lab.policy();
    let _ = lab.ipsecconf(&["-q", "-r", "r.conf"]).exits(1).says("r.conf:1:26: error:");
    assert_eq!(lab.policy(), before);
    lab.file("r.conf", "{raddr 10.0.0.2 dir out} drop {}\n{ raddr 10.9.9.9 } drop { }\n");
    let _ = lab.ipsecconf(&["-q", "-r", "r.conf"]).exits(1).says("r.conf:2:1: no loaded rule");
    assert_eq!(lab.policy().len(), before.len() - 1);
    let _ = lab.ipsecconf_reading(&["-q", "-r", "-"], TUNNEL).exits(0);
    assert!(!lab.view().contains("vpn0"));
}

#[test]
fn entries_of_one_tunnel_are_removed() {
    let lab = Lab::new();
    let entry = |tunnel: &str| format!("{{ tunnel {tunnel} negotiate tunnel }} drop {{ }}\n");
    lab.file("p.conf", entry("vpn0") + &entry("vpn1"));
    let _ = lab.ipsecconf(&["-q", "-a", "p.conf"]).exits(0);
    let of = |tunnel: &str| lab.ipsecconf(&["-l", "-i", tunnel]).exits(0).stdout;
    let before = (of("vpn0"), of("vpn1"));
    // The entry of the other tunnel is not looked for, hence not found.
    let _ = lab.ipsecconf(&["-q", "-r", "p.conf", "-i", "vpn1"]).exits(1).says("p.conf:1:1");
    assert_eq!(of("vpn0"), before.0);
    assert_eq!(of("vpn1").matches("#INDEX").count(), before.1.matches("#INDEX").count() - 1);
    assert!(lab.view().contains("vpn0") && !lab.view().contains("vpn1"));
}

#[test]
fn a_policy_file_without_rules_keeps_the_old_policy() {
    let lab = Lab::new();
    lab.file("p.conf", RULE);
    lab.file("empty.conf", "# nothing\n");
    let _ = lab.ipsecconf(&["-q", "-a", "p.conf"]).exits(0);
    let before = lab.policy();
    let _ = lab.ipsecconf(&["-q", "-F", "-a", "empty.conf"]).exits(0).says("ipsecconf -F removes");
    assert_eq!(lab.policy(), before);
    let done = lab.ipsecconf_as_service(&["-q", "-F", "-a", "missing.conf"]).exits(0);
    assert_eq!(done.stdout.lines().count(), 2);
    assert_eq!(lab.policy(), before);
}

#[test]
fn exit_status_as_a_service() {
    let lab = Lab::new();
    lab.file("bad.conf", "{ raddr 10.0.0.1 } ipsec { }\n");
    lab.file("half.conf", "{ tunnel vpn0 } drop { }\n");
    for (args, code) in [
        (vec!["-q", "-a", "bad.conf"], 95),
        (vec!["-q", "-a", "half.conf"], 95),
        (vec!["-z"], 95),
        (vec!["-l", "-i", "nosuch"], 1),
        (vec!["-F"], 0),
    ] {
        let done = lab.ipsecconf_as_service(&args).exits(code);
        assert!(!done.stderr.contains("usage:"), "{done:?}");
    }
}

#[test]
fn without_a_kernel_every_command_but_a_check_fails() {
    let lab = Lab::new();
    lab.file("p.conf", RULE);
    fs::remove_file(lab.path().join("pf_policy")).unwrap();
    for (args, code) in [
        (vec!["-q", "-a", "p.conf"], 255),
        (vec!["-l"], 255),
        (vec!["-q", "-F"], 1),
        (vec!["-q", "-d", "1"], 1),
        (vec!["-c", "p.conf"], 0),
    ] {
        let _ = lab.ipsecconf(&args).exits(code);
    }
    let mut command = lab.command("ipsecconf");
    let output = command.env_remove("IPSEC_LAB").args(["-q", "-a", "p.conf"]).output().unwrap();
    assert_ne!(output.status.code(), Some(0));
}

#[test]
fn files_have_their_modes_and_a_strange_lock_file_is_refused() {
    let lab = Lab::new();
    lab.file("p.conf", RULE);
    let _ = lab.ipsecconf(&["-q", "-a", "p.conf"]).exits(0);
    let mode = |path| fs::metadata(lab.root(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("/var/run/ipsecpolicy.conf"), 0o644);
    assert_eq!(mode("/var/run/ipsecconf.lock"), 0o600);
    fs::write(lab.root("/var/run/ipsecconf.lock"), "x").unwrap();
    let before = lab.policy();
    let _ = lab.ipsecconf(&["-q", "-F"]).exits(1).says("bad lock file");
    assert_eq!(lab.policy(), before);
}

#[test]
fn a_record_that_cannot_be_written_changes_nothing() {
    let lab = Lab::new();
    lab.file("p.conf", RULE);
    lab.file("q.conf", TUNNEL);
    let _ = lab.ipsecconf(&["-q", "-a", "p.conf"]).exits(0);
    let before = lab.policy();
    // Where the view would be announced there is something that cannot be replaced.
    fs::create_dir_all(lab.root("/var/run/ipsecpolicy.conf.pending.tmp/x")).unwrap();
    let _ = lab.ipsecconf(&["-q", "-F", "-a", "q.conf"]).exits(1).says("cannot write");
    let _ = lab.ipsecconf(&["-q", "-F"]).exits(1).says("cannot write");
    assert_eq!(lab.policy(), before);
    assert!(lab.rules(Side::Standby).is_empty());
}

#[test]
fn one_connection_a_command() {
    let lab = Lab::new();
    lab.file("p.conf", format!("{RULE}{TUNNEL}"));
    for args in
        [vec!["-q", "-a", "p.conf"], vec!["-L"], vec!["-q", "-F", "-a", "p.conf"], vec!["-q", "-F"]]
    {
        lab.forget();
        let _ = lab.ipsecconf(&args).exits(0);
        let mut connections: Vec<_> = lab.seen().iter().map(|seen| seen.connection).collect();
        connections.dedup();
        assert_eq!(connections.len(), 1, "{args:?}");
    }
}

#[test]
fn what_a_listing_shows_can_be_loaded_again() {
    let lab = Lab::new();
    lab.file(
        "p.conf",
        "{ laddr 10.0.0.0/8 raddr 2001:db8::1 lport 7 } drop { }\n".replace("10.0.0.0/8", "::/0")
            + "{ ulp icmp type 3-5 code 1 } pass { }\n"
            + "{ raddr 10.0.0.1 } ipsec { encr_algs aes(192..256) encr_auth_algs sha1 sa unique } or pass { }\n"
            + TUNNEL,
    );
    let _ = lab.ipsecconf(&["-q", "-a", "p.conf"]).exits(0);
    let before = lab.policy();
    let listing = lab.ipsecconf(&["-L", "-n"]).exits(0).stdout;
    let _ = lab.ipsecconf(&["-q", "-F"]).exits(0);
    lab.forget();
    let _ = lab.ipsecconf_reading(&["-q", "-a", "-"], &listing).exits(0);
    assert!(lab.seen().iter().any(|seen| seen.kind() == MsgType::FLIP));
    let without_priority = |mut rules: Vec<illumos_ipsec::model::SpdRule>| {
        rules.iter_mut().for_each(|rule| rule.priority = 0);
        rules.sort_by_key(|rule| format!("{rule:?}"));
        rules
    };
    assert_eq!(without_priority(lab.policy()), without_priority(before));
}

#[test]
fn a_load_names_both_places_of_a_contradiction() {
    let lab = Lab::new();
    lab.file("a.conf", "{ lport 1 } pass { }\n{ lport 2 } drop { }\n");
    lab.file("b.conf", "\n{ lport 1 } drop { }\n{ lport 2 } pass { }\n");
    let done = lab.ipsecconf(&["-q", "-a", "a.conf", "-a", "b.conf"]).exits(1);
    for (here, there) in [("b.conf:2:1", "a.conf:1:1"), ("b.conf:3:1", "a.conf:2:1")] {
        let lines: Vec<_> = done.stderr.lines().filter(|line| line.contains(here)).collect();
        let [line] = lines[..] else { panic!("{done:?}") };
        assert!(line.contains("an earlier rule") && line.contains(there), "{done:?}");
    }
    assert!(lab.policy().is_empty());
}
