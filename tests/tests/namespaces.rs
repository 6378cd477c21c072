// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ipsecconf -N`: policy of several owners beside each other.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Child;

use illumos_ipsec::model::{Namespace, SaType, Side};
use illumos_ipsec::sys::System;
use illumos_ipsec::sys::key::KeyClient;
use illumos_ipsec::sys::policy::Scope;
use illumos_ipsec::wire::key;
use ipsec_usermode::{Event, KernelKind};
use serde_json::json;
use system_tests::lab::{Control, Lab, until_it_waits_for_a_lock};

const VPN: &str = "svc:/network/vpn:tenant1";
const NFS: &str = "nfs-client";

const GLOBAL: &str =
    "{ lport 1 } drop { }\n{ tunnel vpn9 negotiate tunnel } ipsec { encr_algs aes-gcm }\n";
const OF_VPN: &str = "\
{ lport 2 } drop { }
{ tunnel vpn0 negotiate tunnel } ipsec { encr_algs aes-gcm }
{ tunnel vpn1 negotiate tunnel raddr 10.1.0.0/16 } ipsec { encr_algs aes-gcm }
";
const OF_NFS: &str = "\
{ lport 3 } drop { }
{ tunnel vpn1 negotiate tunnel raddr 10.2.0.0/16 } ipsec { encr_algs aes-gcm }
";

/// A lab in which three owners have loaded their policy.
fn lab() -> Lab {
    let lab = Lab::new();
    for (name, text) in [("global.conf", GLOBAL), ("vpn.conf", OF_VPN), ("nfs.conf", OF_NFS)] {
        lab.file(name, text);
    }
    let _ = lab.ipsecconf(&["-q", "-a", "global.conf"]).exits(0);
    let _ = lab.ipsecconf(&["-q", "-N", VPN, "-a", "vpn.conf"]).exits(0);
    let _ = lab.ipsecconf(&["-q", "-N", NFS, "-a", "nfs.conf"]).exits(0);
    lab
}

/// The rules of each owner without what differs between two loads.
fn owners(lab: &Lab) -> BTreeMap<String, Vec<String>> {
    let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let rules = lab.client().all_rules(Side::Active, &Scope::All).expect("a dump");
    for mut rule in rules {
        rule.index = 0;
        let owner = rule.namespace.take().map_or_else(String::new, |name| name.to_string());
        owners.entry(owner).or_default().push(format!("{rule:?}"));
    }
    owners.values_mut().for_each(|rules| rules.sort());
    owners
}

#[test]
fn every_command_acts_on_the_rules_of_its_owner() {
    let lab = lab();
    let before = owners(&lab);
    assert_eq!(before.keys().collect::<Vec<_>>(), ["", NFS, VPN]);
    // Listings: of one owner, of all, and of all with their owners.
    let own = lab.ipsecconf(&["-N", NFS, "-L"]).exits(0).stdout;
    assert_eq!(own.matches("#INDEX").count(), 6);
    assert!(own.contains("lport 3") && !own.contains("lport 2") && !own.contains("#NAMESPACE"));
    let plain = lab.ipsecconf(&["-L"]).exits(0).stdout;
    assert_eq!(plain.matches("#INDEX").count(), 24);
    assert!(!plain.contains("#NAMESPACE"));
    let all = lab.ipsecconf(&["-N", "*", "-L"]).exits(0).stdout;
    assert_eq!(all.matches(&format!("#NAMESPACE {VPN}\n#INDEX")).count(), 10);
    assert_eq!(all.matches(&format!("#NAMESPACE {NFS}\n#INDEX")).count(), 6);
    // Without these lines it is the plain one.
    let without: String =
        all.split_inclusive('\n').filter(|line| !line.starts_with("#NAMESPACE")).collect();
    assert_eq!(without, plain);
    assert_eq!(lab.ipsecconf(&["-N", VPN, "-l", "-i", "vpn1"]).exits(0).stdout.lines().count(), 4);
    // Views.
    assert!(lab.view().contains("lport 1") && !lab.view().contains("lport 2"));
    let view = lab.ipsecconf(&["-N", VPN]).exits(0).stdout;
    assert!(view.contains("lport 2") && !view.contains("lport 1"), "{view}");
    let all = lab.ipsecconf(&["-N", "*"]).exits(0).stdout;
    assert!(all.contains(&format!("#NAMESPACE {VPN}\n#INDEX")) && all.contains("lport 1"), "{all}");
    assert_eq!(lab.ipsecconf(&["-N", "nobody"]).exits(0).stdout, "");

    // Replacing, deleting, removing, flushing: the others do not notice.
    let others = |lab: &Lab, owner: &str| {
        let mut owners = owners(lab);
        owners.remove(owner);
        owners
    };
    let without_nfs = others(&lab, NFS);
    lab.file("nfs.conf", "{ lport 4 } drop { }\n");
    let _ = lab.ipsecconf(&["-q", "-N", NFS, "-F", "-a", "nfs.conf"]).exits(0);
    assert_eq!(others(&lab, NFS), without_nfs);
    assert_eq!(owners(&lab)[NFS].len(), 4);
    let global = lab.rules(Side::Active);
    let foreign = global.iter().find(|rule| rule.selector.local_port == Some(2)).expect("a rule");
    let index = foreign.index.to_string();
    let _ = lab.ipsecconf(&["-q", "-d", &index]).exits(1).says("there is no rule");
    let _ = lab.ipsecconf(&["-q", "-N", NFS, "-d", &index]).exits(1);
    let _ = lab.ipsecconf(&["-q", "-N", VPN, "-d", &index]).exits(0);
    assert_eq!(owners(&lab)[VPN].len(), 9);
    let _ = lab.ipsecconf(&["-q", "-N", NFS, "-r", "vpn.conf"]).exits(1);
    let without_vpn = others(&lab, VPN);
    let _ = lab.ipsecconf(&["-q", "-N", VPN, "-r", "vpn.conf"]);
    assert_eq!(others(&lab, VPN), without_vpn);
    let _ = lab.ipsecconf(&["-q", "-N", VPN, "-F"]).exits(0);
    assert_eq!(owners(&lab).keys().collect::<Vec<_>>(), ["", NFS]);
    let _ = lab.ipsecconf(&["-q", "-F"]).exits(0);
    assert_eq!(owners(&lab).keys().collect::<Vec<_>>(), [NFS]);
    // The operator's override.
    let lab = self::lab();
    let _ = lab.ipsecconf(&["-q", "-N", "*", "-F"]).exits(0);
    assert!(owners(&lab).is_empty());
    for owner in [VPN, NFS] {
        assert_eq!(lab.ipsecconf(&["-N", owner]).exits(0).stdout, "");
    }
    assert_eq!(lab.view(), "");
}

#[test]
fn the_service_leaves_owners_with_a_name_alone() {
    let lab = lab();
    let before = owners(&lab);
    std::fs::write(lab.root("/etc/inet/ipsecinit.conf"), "{ lport 7 } drop { }\n").unwrap();
    let _ = lab.svcadm(&["enable", "-s", "policy"]).exits(0);
    let mut now = owners(&lab);
    assert_eq!(now.remove("").map(|rules| rules.len()), Some(4));
    let named = |mut all: BTreeMap<String, Vec<String>>| {
        all.remove("");
        all
    };
    assert_eq!(now, named(before.clone()));
    for args in
        [&["refresh", "-s", "policy"], &["restart", "-s", "policy"], &["disable", "-s", "policy"]]
    {
        let _ = lab.svcadm(args).exits(0);
        assert_eq!(named(owners(&lab)), named(before.clone()), "{args:?}");
    }
    assert!(!owners(&lab).contains_key(""));
}

#[test]
fn a_refresh_that_meets_another_owner_replaces_nothing_and_is_loud() {
    let lab = lab();
    let file = lab.root("/etc/inet/ipsecinit.conf");
    std::fs::write(&file, "{ lport 7 } drop { }\n").unwrap();
    let _ = lab.svcadm(&["enable", "-s", "policy"]).exits(0);
    let before = owners(&lab);
    // The second rule is for traffic that a namespace has.
    std::fs::write(&file, "{ lport 8 } drop { }\n{ lport 2 } drop { }\n").unwrap();
    let _ = lab.svcadm(&["refresh", "-s", "policy"]).exits(1);
    assert_eq!(owners(&lab), before);
    let log = lab.svcs(&["-L", "policy"]).exits(0).stdout;
    let log = std::fs::read_to_string(log.trim()).unwrap();
    for piece in ["ipsecinit.conf:2:1: error: there is a rule of namespace", "nothing was changed"]
    {
        assert!(log.contains(piece), "no {piece:?} in {log}");
    }
    std::fs::write(&file, "{ lport 8 } drop { }\n").unwrap();
    let _ = lab.svcadm(&["clear", "policy"]).exits(0);
    assert_ne!(owners(&lab), before);
}

#[test]
fn a_tunnel_is_open_only_when_nobody_has_a_rule_for_it() {
    let lab = lab();
    // vpn1 has rules of two owners.
    let done = lab.ipsecconf(&["-q", "-N", VPN, "-F"]).exits(0);
    assert!(done.stderr.contains("WARNING: tunnel vpn0 has no IPsec policy"), "{done:?}");
    assert!(!done.stderr.contains("vpn1"), "{done:?}");
    lab.file("nfs.conf", "{ lport 3 } drop { }\n");
    let _ = lab.ipsecconf(&["-q", "-N", NFS, "-F", "-a", "nfs.conf"]).exits(0).says("tunnel vpn1");
}

#[test]
fn the_same_traffic_has_one_owner() {
    let lab = lab();
    let before = owners(&lab);
    lab.file("mine.conf", "{ lport 9 } drop { }\n{ lport 2 } drop { }\n");
    for args in [&["-q", "-a", "mine.conf"][..], &["-q", "-N", NFS, "-F", "-a", "mine.conf"]] {
        let done = lab.ipsecconf(args).exits(1);
        assert!(done.stderr.contains("mine.conf:2:1: error: there is a rule of namespace svc:/network/vpn:tenant1 for the same traffic"), "{done:?}");
        assert_eq!(owners(&lab), before);
    }
    let done = lab.ipsecconf(&["--plan", "-N", NFS, "-F", "-a", "mine.conf"]).exits(1);
    assert!(done.stderr.contains("mine.conf:2:1: error: there is a rule of namespace"), "{done:?}");
    lab.file("mine.conf", "{ lport 9 } drop { }\n");
    let done = lab.ipsecconf(&["--plan", "-q", "-N", NFS, "-F", "-a", "mine.conf"]).exits(2);
    assert!(done.stdout.contains("+ { lport 9") && done.stdout.contains("- { lport 3"), "{done:?}");
    assert!(!done.stdout.contains("lport 2") && !done.stdout.contains("lport 1 "), "{done:?}");
}

#[test]
fn an_old_kernel_is_asked_for_nothing() {
    let lab = Lab::with(KernelKind::Unmodified, &[]);
    lab.file("p.conf", OF_VPN);
    let _ = lab.ipsecconf(&["-q", "-a", "p.conf"]).exits(0);
    let before = (lab.policy(), lab.view());
    for args in [
        &["-N", VPN, "-F", "-a", "p.conf"][..],
        &["-N", VPN, "-a", "p.conf"],
        &["-N", VPN, "-F"],
        &["-N", VPN, "-d", "1"],
        &["-N", VPN, "-r", "p.conf"],
        &["-N", VPN, "-L"],
        &["-N", "*", "-F"],
        &["-N", "*", "-L"],
        &["-N", VPN, "--plan", "-a", "p.conf"],
    ] {
        lab.forget();
        let _ = lab.ipsecconf(args).exits(1).says("this kernel does not know namespaces (-N)");
        assert_eq!(lab.seen().len(), 1, "one question: {args:?}");
        assert_eq!((lab.policy(), lab.view()), before);
    }
    let _ = lab.ipsecconf_as_service(&["-N", VPN, "-a", "p.conf"]).exits(95);
    // A check needs no kernel.
    let _ = lab.ipsecconf(&["-N", VPN, "-c", "p.conf"]).exits(0);
}

#[test]
fn names_are_checked_before_anything_else() {
    let lab = Lab::new();
    for (name, expected) in [
        ("two words", "printable ASCII characters without blanks only, byte 4 is ' '"),
        ("", "cannot be empty"),
        ("/etc", "begins with a letter or digit, not with '/'"),
        (&"x".repeat(256), "at most 255 bytes, this one has 256"),
    ] {
        let _ = lab.ipsecconf(&["-N", name, "-F"]).exits(1).says(expected);
    }
    assert!(lab.seen().is_empty());
    let longest = format!("x{}", "/".repeat(254));
    lab.file("p.conf", "{ lport 1 } drop { }\n");
    let _ = lab.ipsecconf(&["-q", "-N", &longest, "-a", "p.conf"]).exits(0);
    assert!(lab.ipsecconf(&["-N", &longest]).exits(0).stdout.contains("lport 1"));
    assert!(lab.ipsecconf(&["-N", "*"]).exits(0).stdout.contains(&longest));
}

#[test]
fn owners_do_not_wait_for_each_other() {
    let lab = lab();
    // Somebody holds the lock of one owner.
    let lock = lab.root("/var/run/ipsecpolicy.d/nfs-client.lock");
    let me = nix::unistd::geteuid().as_raw();
    let held = illumos_ipsec::sys::files::LockFile::acquire(&lock, me).expect("a lock");
    let _ = lab.ipsecconf(&["-q", "-N", VPN, "-F", "-a", "vpn.conf"]).exits(0);
    let _ = lab.ipsecconf(&["-q", "-F", "-a", "global.conf"]).exits(0);
    let mut waiting = lab.start(&["-q", "-N", NFS, "-F"]);
    until_it_waits_for_a_lock(&mut waiting);
    drop(held);
    assert!(waiting.wait().expect("a child").success());
    assert!(!owners(&lab).contains_key(NFS));
}

/// The associations of an owner.
fn associations(lab: &Lab, owner: &str) -> BTreeSet<u32> {
    let client = KeyClient::new(System::lab(lab.path()).open_key().expect("a connection"));
    let mut client = client.in_namespace(Namespace::new(owner).expect("a good name"));
    let mut spis = BTreeSet::new();
    let mut dump = client.dump(SaType::AH).expect("a dump");
    while let Some(record) = dump.next_record().expect("a record") {
        let message = key::Message::decode(&record).expect("a good record");
        assert!(spis.insert(message.sa().expect("an association").spi), "each once");
    }
    spis
}

/// Two owners and the nameless one reload all the time, and some of them are killed. At
/// every moment each has one of its complete sets in force.
#[test]
fn everybody_reloads_and_nobody_loses_anything() {
    // Of each of the three.
    const ROUNDS: usize = 3_400;
    let lab = Lab::new();
    // A tunnel that requires IPsec, with traffic all the time.
    let ends = "local=10.1.1.1,remote=192.0.2.1";
    let _ = lab.dladm(&["create-iptun", "-S", "-T", "ipv4", "-a", ends, "vpn0"]).exits(0);
    let inner = "local=10.9.9.1,remote=10.9.9.2";
    let _ = lab.ipadm(&["create-addr", "-T", "static", "-a", inner, "vpn0/v4"]).exits(0);
    // Associations: those of one owner are left alone, the others come and go.
    let keys = |first: u32| -> String {
        (0..20)
            .map(|n| {
                format!(
                    "add ah spi {} src 10.1.1.1 dst 192.0.2.{n} auth_alg hmac-sha1 \
                     authkey 0102030405060708090a0b0c0d0e0f1011121314\n",
                    first + n
                )
            })
            .collect()
    };
    for (name, first) in [("vpn.keys", 0x1000), ("nfs.keys", 0x2000), ("global.keys", 0x3000)] {
        lab.key_file(name, &keys(first));
    }
    let _ = lab.ipseckey(&["-n", "-N", VPN, "-f", "vpn.keys"]).exits(0);
    let kept = associations(&lab, VPN);
    assert_eq!(kept.len(), 20);
    let key_commands: [&[&str]; 4] = [
        &["-n", "-N", NFS, "-f", "nfs.keys"],
        &["-n", "-f", "global.keys"],
        &["-n", "flush"],
        &["-n", "-N", NFS, "flush"],
    ];
    let control = Control::connect(&lab);
    let packet = "4500001c00000000401100000a0909010a0909020001000200080000";
    let question = json!({
        "op": "inject", "way": "out", "tunnel": "vpn0", "packets": vec![packet; 20],
    });
    let owner_args = |owner: &'static str| -> Vec<&'static str> {
        if owner.is_empty() { vec!["-q"] } else { vec!["-q", "-N", owner] }
    };
    // Two sets for each owner. All have rules for one tunnel.
    let mut sets: BTreeMap<String, [Vec<String>; 2]> = BTreeMap::new();
    let owners_and_nets: [(&'static str, u8); 3] = [("", 1), (VPN, 2), (NFS, 3)];
    for (owner, net) in owners_and_nets {
        let text = |set: u8| {
            let rules: String = (0..4)
                .map(|n| {
                    let cipher = if set == 0 { "aes-gcm" } else { "aes-ccm" };
                    format!(
                        "{{ tunnel vpn0 negotiate tunnel raddr 10.{net}.{n}.0/24 }} \
                         ipsec {{ encr_algs {cipher} }}\n"
                    )
                })
                .collect();
            rules + &format!("{{ lport {net} }} drop {{ }}\n")
        };
        let mut both = [Vec::new(), Vec::new()];
        for set in 0..2 {
            lab.file(&format!("{net}-{set}.conf"), text(set));
            let file = format!("{net}-{set}.conf");
            let args = [owner_args(owner), vec!["-F", "-a", &file]].concat();
            let _ = lab.ipsecconf(&args).exits(0);
            both[usize::from(set)] = owners(&lab).remove(owner).expect("rules");
        }
        sets.insert(owner.to_owned(), both);
    }
    let client = &mut lab.client();
    let check = |client: &mut illumos_ipsec::sys::policy::PolicyClient, round: usize| {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for mut rule in client.all_rules(Side::Active, &Scope::All).expect("a dump") {
            rule.index = 0;
            let owner = rule.namespace.take().map_or_else(String::new, |name| name.to_string());
            found.entry(owner).or_default().push(format!("{rule:?}"));
        }
        for (owner, both) in &sets {
            let mut rules = found.remove(owner).unwrap_or_default();
            rules.sort();
            assert!(both.contains(&rules), "round {round}: {owner:?} has {rules:#?}");
        }
        assert!(found.is_empty());
    };
    let mut running: Vec<Option<Child>> = owners_and_nets.iter().map(|_| None).collect();
    let mut keying: Option<Child> = None;
    let mut begun = [0_usize; 3];
    let mut killed = 0;
    let mut round = 0;
    while begun.iter().any(|&begun| begun < ROUNDS) {
        round += 1;
        for (at, (owner, net)) in owners_and_nets.into_iter().enumerate() {
            let done = running[at]
                .as_mut()
                .is_none_or(|child| child.try_wait().expect("a child").is_some());
            if done {
                begun[at] += 1;
                let file = format!("{net}-{}.conf", begun[at] % 2);
                let args = [owner_args(owner), vec!["-F", "-a", &file]].concat();
                running[at] = Some(lab.start(&args));
            } else if round % 7 == at {
                // At some moment or other.
                let mut child = running[at].take().expect("it runs");
                let _ = child.kill();
                let _ = child.wait();
                killed += 1;
            }
        }
        check(client, round);
        let answer = control.ask(&question);
        let outcomes = answer.as_array().expect("an outcome for each");
        assert!(outcomes.iter().all(|outcome| outcome[0] != "pass"), "in clear, round {round}");
        let idle = keying.as_mut().is_none_or(|child| child.try_wait().expect("a child").is_some());
        if idle {
            keying = Some(lab.start_command("ipseckey", key_commands[round % 4]));
        } else if round % 11 == 0 {
            let mut child = keying.take().expect("it runs");
            let _ = child.kill();
            let _ = child.wait();
        }
        if round % 50 == 0 {
            assert_eq!(associations(&lab, VPN), kept, "round {round}");
        }
    }
    for child in running.iter_mut().chain([&mut keying]).flatten() {
        let _ = child.wait();
    }
    check(client, round);
    assert!(killed > 10, "only {killed} were killed");
    // The tunnel was never without policy.
    let mut active = false;
    for event in lab.events() {
        if let Event::TunnelPolicy { flags, .. } = event {
            let now = flags.word() & 1 != 0;
            assert!(now || !active, "the tunnel was open");
            active = now;
        }
    }
    assert!(active);
}

/// The example program of the library, as two daemons at once, with 1,000 tunnels each;
/// beside them the policy of the system is reloaded and flushed all the time.
#[test]
fn two_daemons_keep_a_thousand_tunnels_each() {
    let lab = Lab::new();
    lab.file("global.conf", GLOBAL);
    let program =
        system_tests::program("examples/vpn_daemon").unwrap_or_else(|error| panic!("{error}"));
    let daemon = |namespace: &str, network: &str| {
        let mut command = std::process::Command::new(&program);
        command.args([namespace, network, "1000", "4"]).env("IPSEC_LAB", lab.path());
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command.spawn().expect("the example is built")
    };
    let mut daemons = [daemon("vpn:a", "1"), daemon("vpn:b", "2")];
    let mut rounds = 0;
    while daemons.iter_mut().any(|daemon| daemon.try_wait().expect("a child").is_none()) {
        let _ = lab.ipsecconf(&["-q", "-F", "-a", "global.conf"]).exits(0);
        let _ = lab.ipsecconf(&["-q", "-F"]).exits(0);
        let _ = lab.ipseckey(&["-n", "flush"]).exits(0);
        rounds += 1;
    }
    assert!(rounds > 1);
    for daemon in daemons {
        let output = daemon.wait_with_output().expect("a child");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "1000 tunnels, 0 conflicts\n");
    }
    let all = owners(&lab);
    assert_eq!((all["vpn:a"].len(), all["vpn:b"].len()), (4000, 4000));
}
