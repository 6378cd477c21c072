// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ipsec-selfcheck`, the script for real machines, in a lab that looks like one.
//!
//! The original commands are wrappers around ours, so what differs is what a wrapper does.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use illumos_ipsec::model::Side;
use illumos_ipsec::wire::policy::MsgType;
use ipsec_usermode::KernelKind;
use system_tests::lab::Lab;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../smf/selfcheck/ipsec-selfcheck");

/// A zone of its own, with nobody logged in over the network.
const TOOLS: &[(&str, &str)] = &[
    ("id", "echo 0"),
    ("zonename", "echo throwaway"),
    ("ptree", "echo '100 /usr/bin/login'; echo '  101 sh'"),
    ("netstat", "echo 'TCP: IPv4'; echo '127.0.0.1.22 127.0.0.1.4000 0 0 0 0 ESTABLISHED'"),
    ("beadm", "exit 1"),
];

/// A machine with original commands, ours, and tools of the system.
struct Machine {
    lab: Lab,
    shell: &'static str,
}

impl Machine {
    fn new(kind: KernelKind) -> Self {
        let machine = Self { lab: Lab::with(kind, &[]), shell: "/bin/sh" };
        for (name, text) in TOOLS {
            machine.script("tools", name, text);
        }
        for name in ["ipsecconf", "ipseckey", "dladm"] {
            let program = system_tests::program(name).unwrap();
            fs::create_dir_all(machine.dir("new")).unwrap();
            std::os::unix::fs::symlink(&program, machine.dir("new").join(name)).unwrap();
            machine.original(name, "exec \"$ours\" \"$@\"");
        }
        machine
    }

    fn dir(&self, name: &str) -> PathBuf {
        self.lab.cwd().join(name)
    }

    fn script(&self, dir: &str, name: &str, text: &str) {
        let dir = self.dir(dir);
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join(name);
        let written = path.with_extension("new");
        fs::write(&written, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&written, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(written, path).unwrap();
    }

    /// An original that does this; `$ours` is our command.
    fn original(&self, name: &str, text: &str) {
        let ours = system_tests::program(name).unwrap();
        self.script("orig", name, &format!("ours='{}'\n{text}", ours.display()));
    }

    /// The global zone, with one boot environment in this state.
    fn in_global_zone(&self, active: &str) {
        self.script("tools", "zonename", "echo global");
        self.script("tools", "beadm", &format!("echo 'test;u;{active};/;1;static;1'"));
    }

    /// A check that finds nothing wrong: its standard output.
    #[track_caller]
    fn agrees(&self, args: &[&str]) -> String {
        let (status, out, err) = self.check(args);
        assert_eq!((status, err.as_str()), (0, ""), "{out}");
        out
    }

    /// Exit status, standard output, standard error.
    fn check(&self, args: &[&str]) -> (i32, String, String) {
        self.check_with(args, |_| {})
    }

    fn check_with(&self, args: &[&str], more: impl Fn(&mut Command)) -> (i32, String, String) {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(self.shell);
        command
            .arg(SCRIPT)
            .arg("-o")
            .arg(self.dir("orig"))
            .arg("-n")
            .arg(self.dir("new"))
            .args(args)
            .env("IPSEC_LAB", self.lab.path())
            .env("LC_ALL", "C")
            .env("PATH", format!("{}:{path}", self.dir("tools").display()))
            .env("TMPDIR", self.lab.cwd())
            .env_remove("SSH_CONNECTION")
            .env_remove("SSH_CLIENT")
            .env_remove("SSH_TTY");
        more(&mut command);
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    /// Nothing of the check is there any more.
    fn is_clean(&self) -> bool {
        let left = fs::read_dir(self.lab.cwd())
            .unwrap()
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("ipsec-selfcheck."));
        let tunnels = self.lab.dladm(&["show-iptun", "-p", "-o", "link"]).exits(0).stdout;
        !left && tunnels.is_empty() && self.lab.rules(Side::Active).is_empty()
    }
}

#[test]
fn what_agrees_is_said_to_agree_in_both_shells_on_both_kernels() {
    // ksh93 is the shell of illumos; a test machine need not have it.
    for shell in ["/bin/sh", "ksh93"] {
        if Command::new(shell).args(["-c", ":"]).status().is_err() {
            continue;
        }
        for kind in [KernelKind::Modified, KernelKind::Unmodified] {
            let machine = Machine { shell, ..Machine::new(kind) };
            let out = machine.agrees(&["--throw-away"]);
            let summary = out.lines().last().unwrap();
            assert!(summary.ends_with(" same, 0 different by decision, 0 DIFFER"), "{summary}");
            assert!(out.lines().count() > 50, "{out}");
            assert!(machine.is_clean());
        }
    }
}

#[test]
fn what_differs_is_shown() {
    let machine = Machine::new(KernelKind::Modified);
    machine.original("ipsecconf", "case $1 in -L) \"$ours\" \"$@\" | sed s/sha256/sha-256/ ;; *) exec \"$ours\" \"$@\" ;; esac");
    machine.original(
        "ipseckey",
        "\"$ours\" \"$@\"; status=$?; case $* in *-f*) exit 7 ;; *) exit $status ;; esac",
    );
    let (status, out, _) = machine.check(&["--throw-away"]);
    assert_eq!(status, 1);
    let shown = out.split_once("DIFFERS   policy: one address").unwrap().1;
    let rule = "encr_auth_algs";
    assert!(
        shown.lines().any(|line| line.starts_with("    -")
            && line.contains(rule)
            && line.contains("sha-256")),
        "{out}"
    );
    assert!(shown.lines().any(|line| line.starts_with("    +") && line.contains(rule)), "{out}");
    assert!(out.contains("DIFFERS   keys: ESP") && out.contains("-exit status 7"), "{out}");
    assert!(out.contains("same      policy: the old style"), "{out}");
    assert!(machine.is_clean());
}

/// What ours does with each input, seen beside an original that always says something else.
#[test]
fn good_inputs_are_loaded_and_bad_ones_are_not() {
    let machine = Machine::new(KernelKind::Modified);
    let not_so = "case $* in *-a*) exit 77 ;; *) exec \"$ours\" \"$@\" ;; esac";
    machine.original("ipsecconf", not_so);
    machine.original("ipseckey", &not_so.replace("-a", "-f"));
    let (_, out, _) = machine.check(&["--throw-away"]);
    let ours = |name: &str| {
        let (_, rest) = out.split_once(&format!("DIFFERS   {name}  ")).unwrap_or(("", ""));
        rest.lines().find_map(|line| line.strip_prefix("    +exit status ")).map(str::to_owned)
    };
    for good in ["one address", "alternatives", "ICMP", "the old style", "tunnel mode"] {
        assert_eq!(ours(&format!("policy: {good}")).as_deref(), Some("0"), "{good}: {out}");
    }
    for good in ["ESP", "AH", "IPv6", "lifetimes", "ports and protocol", "a tunnel"] {
        assert_eq!(ours(&format!("keys: {good}")).as_deref(), Some("0"), "{good}: {out}");
    }
    for bad in ["policy: an unknown algorithm", "policy: no action", "keys: no spi"] {
        assert_eq!(ours(bad).as_deref(), Some("1"), "{bad}: {out}");
    }
}

#[test]
fn what_differs_by_decision_is_no_fault() {
    let machine = Machine::new(KernelKind::Modified);
    // A file without newline at its end is refused.
    let text = "for last; do :; done
case $* in *-a*) [ -z \"$(tail -c 1 \"$last\")\" ] || exit 1 ;; esac
exec \"$ours\" \"$@\"";
    machine.original("ipsecconf", text);
    let out = machine.agrees(&["--throw-away"]);
    let line = "decision  policy: no newline at the end: it is accepted here (D3)";
    assert!(out.lines().any(|found| found == line), "{out}");
    assert!(out.ends_with(", 1 different by decision, 0 DIFFER\n"), "{out}");
}

#[test]
fn without_being_told_it_only_looks() {
    let machine = Machine::new(KernelKind::Modified);
    machine.lab.file("p", "{ tunnel tun0 negotiate tunnel } ipsec { encr_algs aes-gcm }\n");
    let _ = machine
        .lab
        .dladm(&["create-iptun", "-T", "ipv4", "-a", "remote=192.0.2.1", "tun0"])
        .exits(0);
    let _ = machine.lab.ipsecconf(&["-q", "-a", "p"]).exits(0);
    let before = machine.lab.rules(Side::Active);
    let seen = machine.lab.seen().len();
    let out = machine.agrees(&[]);
    assert!(out.contains("looked only") && out.contains("same      ipsecconf -L -n"), "{out}");
    assert_eq!(machine.lab.rules(Side::Active), before);
    let changing = [MsgType::ADDRULE, MsgType::DELETERULE, MsgType::FLUSH, MsgType::FLIP];
    let since = &machine.lab.seen()[seen..];
    assert!(!since.is_empty() && since.iter().all(|seen| !changing.contains(&seen.kind())));
}

#[test]
fn it_refuses_where_something_could_be_lost() {
    type Prepare = fn(&Machine);
    let cases: &[(&str, Prepare, &[&str], &str)] = &[
        ("not root", |m| m.script("tools", "id", "echo 1000"), &[], "only root"),
        ("global zone", |m| m.script("tools", "zonename", "echo global"), &[], "global zone"),
        (
            "another boot environment",
            |m| m.in_global_zone("-"),
            &["-b", "test"],
            "not the one that runs",
        ),
        (
            "the boot environment that will be booted",
            |m| m.in_global_zone("NR"),
            &["-b", "test"],
            "booted next",
        ),
        (
            "no boot environments",
            |m| m.script("tools", "zonename", "echo global"),
            &["-b", "test"],
            "cannot ask 'beadm list -H'",
        ),
        (
            "a login over the network",
            |m| m.script("tools", "ptree", "echo '100 /usr/lib/ssh/sshd -R'"),
            &[],
            "login over the network",
        ),
        (
            "a connection",
            |m| m.script("tools", "netstat", "echo '10.0.0.1.22 10.0.0.2.999 0 0 0 0 ESTABLISHED'"),
            &[],
            "TCP connection with 10.0.0.2.999",
        ),
        ("nobody to ask", |m| m.script("tools", "netstat", "exit 1"), &[], "cannot ask 'netstat"),
        (
            "policy",
            |m| {
                m.lab.file("p", "{ lport 22 } bypass { }\n");
                let _ = m.lab.ipsecconf(&["-q", "-a", "p"]).exits(0);
            },
            &[],
            "policy in force",
        ),
        (
            "keys",
            |m| {
                m.lab.keys("add ah spi 9 src 192.0.2.1 dst 192.0.2.2 auth_alg sha1 authkey 000102030405060708090a0b0c0d0e0f10111213\n");
            },
            &[],
            "there are IPsec keys",
        ),
        (
            "a tunnel",
            |m| drop(m.lab.dladm(&["create-iptun", "-t", "-T", "ipv4", "tun0"]).exits(0)),
            &[],
            "IP tunnel: tun0",
        ),
        (
            "a stored tunnel",
            |m| {
                let _ = m.lab.dladm(&["create-iptun", "-T", "ipv4", "tun0"]).exits(0);
                let _ = m.lab.dladm(&["down-iptun", "tun0"]).exits(0);
            },
            &[],
            "IP tunnel: tun0",
        ),
        (
            "one program twice",
            |m| {
                let original = m.dir("orig").join("dladm");
                fs::remove_file(&original).unwrap();
                std::os::unix::fs::symlink(system_tests::program("dladm").unwrap(), original)
                    .unwrap();
            },
            &[],
            "the same program",
        ),
        (
            "no original",
            |m| fs::remove_file(m.dir("orig").join("ipseckey")).unwrap(),
            &[],
            "there is no",
        ),
        ("a strange argument", |_| {}, &["--throwaway"], "unknown argument --throwaway"),
    ];
    for (what, prepare, args, reason) in cases {
        let machine = Machine::new(KernelKind::Modified);
        prepare(&machine);
        let before = (machine.lab.rules(Side::Active), machine.lab.ipseckey(&["dump"]).stdout);
        let args = [&["--throw-away"], *args].concat();
        let (status, out, err) = machine.check(&args);
        assert_eq!((status, out.as_str()), (2, ""), "{what}: {err}");
        assert!(err.contains(reason) && err.contains("nothing was changed"), "{what}: {err}");
        let after = (machine.lab.rules(Side::Active), machine.lab.ipseckey(&["dump"]).stdout);
        assert_eq!(before.0, after.0, "{what}");
        assert_eq!(before.1.contains("spi"), after.1.contains("spi"), "{what}");
    }
}

#[test]
fn a_login_over_the_network_is_seen_in_the_environment_too() {
    let machine = Machine::new(KernelKind::Modified);
    for name in ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"] {
        let (status, _, err) = machine.check_with(&["--throw-away"], |command| {
            command.env(name, "x");
        });
        assert_eq!(status, 2);
        assert!(err.contains("login over the network"), "{err}");
    }
}

#[test]
fn a_boot_environment_that_may_be_lost_is_good_enough() {
    let machine = Machine::new(KernelKind::Modified);
    machine.in_global_zone("N");
    let _ = machine.agrees(&["--throw-away", "-b", "test"]);
}
