// SPDX-License-Identifier: MIT OR Apache-2.0

//! The commands among the examples of all pages are run, and show what the pages show.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use system_tests::in_repository;
use system_tests::lab::{Done, Lab};

use super::examples;

/// What a block of a page is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Commands behind `#` or `$`, and what they show.
    Commands,
    /// Entries of policy.
    Policy,
    /// A file that the commands use.
    File,
    /// Checked in another module.
    Other,
}

/// A page with examples.
struct Page {
    name: &'static str,
    blocks: &'static [Use],
    /// Makes what a block of commands needs: the lab, all blocks, the number of this one.
    prepare: fn(&Lab, &[String], usize),
    /// The blocks follow each other in one lab.
    one_lab: bool,
}

const PAGES: &[Page] = {
    use Use::*;
    &[
        Page {
            name: "dladm-iptun.8",
            blocks: &[Commands, Commands],
            prepare: |lab, _, _| {
                let text = "{ tunnel sectun0 negotiate tunnel } ipsec { encr_algs aes-gcm }\n";
                put(&lab.root("/etc/inet/sectun0.conf"), text);
            },
            one_lab: false,
        },
        Page {
            name: "ipsec-lab.1",
            blocks: &[Commands; 4],
            prepare: |lab, _, at| {
                lab.file("vpn.conf", "{ lport 53 } pass { }\n");
                if at == 2 {
                    let ends = "local=10.1.1.1,remote=192.0.2.1";
                    let create = ["create-iptun", "-S", "-T", "ipv4", "-a", ends, "vpn0"];
                    let _ = lab.dladm(&create).exits(0);
                    let ends = "local=10.0.0.1,remote=10.0.1.1";
                    let address = ["create-addr", "-T", "static", "-a", ends, "vpn0/v4"];
                    let _ = lab.ipadm(&address).exits(0);
                }
                let _ = lab.svcadm(&["enable", "-s", "policy"]).exits(0);
            },
            one_lab: false,
        },
        Page {
            name: "ipsecconf.8",
            blocks: &[Policy, Commands, Commands, Policy, Policy, Policy, Policy, Commands],
            prepare: |lab, blocks, at| {
                lab.file("vpn.conf", &blocks[0]);
                put(&lab.root("/etc/inet/ipsecinit.d/10_vpn.conf"), &blocks[0]);
                if at == 7 {
                    let _ = lab.ipsecconf(&["-q", "-a", "vpn.conf"]).exits(0);
                }
            },
            one_lab: false,
        },
        Page {
            name: "ipsecinit.d.5",
            blocks: &[File, File, Commands, Commands, Commands, Commands],
            prepare: |lab, blocks, at| {
                if at == 2 {
                    let _ = lab.svcadm(&["enable", "-s", "policy"]).exits(0);
                    put(&lab.root("/etc/inet/ipsecinit.d/10_dns.conf"), &blocks[0]);
                    put(&lab.root("/etc/inet/ipsecinit.d/uniform"), &blocks[1]);
                }
            },
            one_lab: true,
        },
        Page {
            name: "ipseckey.8",
            blocks: &[File, Commands, Commands],
            prepare: |lab, blocks, _| {
                keys(&lab.root("/etc/inet/secret/vpn0.keys"), &blocks[0]);
                keys(&lab.cwd().join("tenant1.keys"), &blocks[0]);
            },
            one_lab: false,
        },
        Page {
            name: "pf_key-namespaces.4p",
            blocks: &[Other, Other, Commands],
            prepare: |lab, _, _| {
                let key = "0f0e0d0c0b0a09080706050403020100";
                for (name, spi) in [("tenant1.keys", "0x1001"), ("other.keys", "0x1002")] {
                    let text = format!(
                        "add esp spi {spi} dst 192.0.2.1 encr_alg aes encrkey {key} \
                         auth_alg sha1 authkey {key}01020304\n"
                    );
                    keys(&lab.cwd().join(name), &text);
                }
            },
            one_lab: false,
        },
        Page {
            name: "pf_policy.4p",
            blocks: &[Other, Other, Commands, Other],
            prepare: |lab, _, _| {
                let from = in_repository("docs/examples");
                fs::create_dir(lab.cwd().join("compat")).expect("a directory");
                for name in ["pf_policy_client.c", "compat/pf_policy_compat.h"] {
                    fs::copy(from.join(name), lab.cwd().join(name)).expect("a copy");
                }
                lab.file("x", "{ tunnel vpn0 negotiate tunnel } ipsec { encr_algs aes-gcm }\n");
                let _ = lab.ipsecconf(&["-q", "-a", "x"]).exits(0);
            },
            one_lab: false,
        },
    ]
};

/// Commands that say something with another status than 0.
const STATUSES: &[(&str, i32)] = &[
    // Something would change.
    ("ipsecconf --plan -q -F -a /etc/inet/ipsecinit.d", 2),
    // The packet is dropped.
    ("ipsec-lab verdict --out --tunnel vpn0 --src 10.0.0.1 --dst 10.0.1.1", 4),
];

/// Writes a file with the directories above it.
fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    fs::write(path, text).expect("a file");
}

/// Writes a file with keys.
fn keys(path: &Path, text: &str) {
    put(path, text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("permissions");
}

/// A command of an example, and what the page shows of its output.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) command: String,
    pub(crate) shown: String,
}

pub(crate) fn steps(block: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut continued = false;
    // The last line of a document that a command is given with `<<`.
    let mut document: Option<String> = None;
    for line in block.lines() {
        let prompt = line.strip_prefix("# ").or_else(|| line.strip_prefix("$ "));
        match (steps.last_mut(), prompt) {
            (Some(step), _) if continued || document.is_some() => {
                step.command.push('\n');
                step.command.push_str(line);
            }
            // The summary of a plan looks like a command.
            (Some(step), Some(text)) if text.starts_with(|c: char| c.is_ascii_digit()) => {
                step.shown.push_str(line);
                step.shown.push('\n');
            }
            (_, Some(text)) => {
                steps.push(Step { command: text.to_owned(), shown: String::new() });
            }
            (Some(step), None) => {
                step.shown.push_str(line);
                step.shown.push('\n');
            }
            (None, None) => panic!("no command before {line:?}"),
        }
        continued = document.is_none() && line.ends_with('\\');
        document = match document {
            Some(end) => Some(end).filter(|end| end != line),
            None => prompt.and_then(|text| text.split_once("<<")).map(|(_, end)| end.to_owned()),
        };
    }
    assert_eq!(document, None, "a document without an end");
    steps
}

/// A command as a shell in a lab can run it: there, `/etc` of what is no command of ours is
/// that of the machine. And only illumos has sockets in libraries of their own.
fn in_lab(command: &str) -> String {
    let name = command.split(' ').next().unwrap_or_default();
    match name {
        "cat" | "cd" | "chmod" | "cp" | "echo" | "ln" | "ls" | "mkdir" | "mv" | "rm" | "tail" => {
            // Not in a document behind the command.
            let end = command
                .find("<<")
                .map_or(command.len(), |at| at + command[at..].find('\n').unwrap_or_default());
            let (command, document) = command.split_at(end);
            command.replace("/etc/", "\"$IPSEC_LAB\"/root/etc/") + document
        }
        "cc" => command.replace(" -lsocket -lnsl", ""),
        _ => command.to_owned(),
    }
}

/// Runs the steps of a block in one shell.
pub(crate) fn run(lab: &Lab, steps: &[Step]) -> Vec<Done> {
    if !lab.path().join("bin").exists() {
        // Whoever runs methods makes bin/; a refresh of what does not run does nothing else.
        let _ = lab.svcadm(&["refresh", "-s", "policy"]).exits(0);
    }
    let results = tempfile::tempdir().expect("a directory");
    // As root has it: files of policy may not be writable for others.
    let mut script = String::from("umask 022\n");
    for (at, step) in steps.iter().enumerate() {
        let to = results.path().join(at.to_string());
        let (command, to) = (in_lab(&step.command), to.display());
        script.push_str(&format!("{{ {command}\n}} >{to}.out 2>{to}.err\necho $? >{to}.code\n"));
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", &script])
        .current_dir(lab.cwd())
        .env_remove("SMF_FMRI")
        .env("LC_ALL", "C")
        .env("IPSEC_LAB", lab.path())
        .env("PATH", format!("{}:{path}", lab.path().join("bin").display()));
    assert!(shell.status().expect("a shell").success());
    let read = |at: usize, what: &str| {
        fs::read_to_string(results.path().join(format!("{at}.{what}"))).expect("a result")
    };
    (0..steps.len())
        .map(|at| Done {
            code: read(at, "code").trim().parse().ok(),
            stdout: read(at, "out"),
            stderr: read(at, "err"),
        })
        .collect()
}

/// Text without its layout.
pub(crate) fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn examples_of_all_pages_work_and_show_what_the_pages_show() {
    let mut exceptions: BTreeSet<&str> = BTreeSet::new();
    for page in PAGES {
        let blocks = examples(page.name);
        assert_eq!(blocks.len(), page.blocks.len(), "{}: say what the blocks are", page.name);
        let mut lab = Lab::new();
        let mut ran = 0;
        for (at, (block, kind)) in blocks.iter().zip(page.blocks).enumerate() {
            if *kind == Use::Policy {
                lab.file("policy.conf", block);
                let _ = lab.ipsecconf(&["-c", "policy.conf"]).exits(0);
            }
            if *kind != Use::Commands {
                continue;
            }
            if !page.one_lab && ran > 0 {
                lab = Lab::new();
            }
            ran += 1;
            (page.prepare)(&lab, &blocks, at);
            let steps = steps(block);
            for (step, done) in steps.iter().zip(run(&lab, &steps)) {
                let exception = STATUSES.iter().find(|(command, _)| *command == step.command);
                exceptions.extend(exception.map(|(command, _)| *command));
                let expected = exception.map_or(0, |(_, status)| *status);
                assert_eq!(done.code, Some(expected), "{}: {step:#?} {done:#?}", page.name);
                if !step.shown.is_empty() {
                    let both = done.stdout.clone() + &done.stderr;
                    assert_eq!(words(&both), words(&step.shown), "{}: {step:#?}", page.name);
                }
            }
        }
        assert!(ran > 0, "{}", page.name);
    }
    assert_eq!(exceptions.len(), STATUSES.len(), "a status is listed that nobody needs");
}

/// No page with examples is left out above.
#[test]
fn every_page_with_examples_is_known() {
    let with_examples: BTreeSet<String> = fs::read_dir(in_repository("docs/man"))
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| {
            let section = name.rsplit('.').next().unwrap_or_default();
            section.starts_with(|c: char| c.is_ascii_digit()) && !examples(name).is_empty()
        })
        .collect();
    let known: BTreeSet<String> = PAGES.iter().map(|page| page.name.to_owned()).collect();
    assert_eq!(with_examples, known);
}
