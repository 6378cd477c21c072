// SPDX-License-Identifier: MIT OR Apache-2.0

//! A tunnel and its policy as one thing: `dladm` with `--policy`.

mod killed;
mod life;

use std::fs;

use illumos_ipsec::model::Side;
use ipsec_usermode::KernelKind;
use system_tests::lab::Lab;

const DIRECTORY: &str = "/etc/inet/ipsecinit.d/tunnels";
const GCM: &str = "encr_algs aes-gcm";
const CBC: &str = "encr_algs aes encr_auth_algs sha256";
const BOTH: [KernelKind; 2] = [KernelKind::Modified, KernelKind::Unmodified];

/// The arguments that make a tunnel.
fn create<'a>(options: &[&'a str], remote: &'a str, name: &'a str) -> Vec<&'a str> {
    let mut args = vec!["create-iptun", "-T", "ipv4", "-a", "local=10.1.1.1", "-a", remote];
    args.extend(options);
    args.push(name);
    args
}

fn shard(lab: &Lab, tunnel: &str) -> Option<String> {
    fs::read_to_string(lab.root(&format!("{DIRECTORY}/{tunnel}.conf"))).ok()
}

/// Which cipher protects a tunnel now.
fn cipher(lab: &Lab, tunnel: &str) -> Option<u8> {
    let rules = lab.rules(Side::Active);
    let of_tunnel = |name: &[u8]| name == tunnel.as_bytes();
    let mut rules =
        rules.iter().filter(|rule| rule.tunnel.as_ref().is_some_and(|t| of_tunnel(t.as_bytes())));
    rules.next().map(|rule| rule.action[0].encr.id)
}

/// Number of the cipher in a policy.
fn number(policy: &str) -> Option<u8> {
    Some(if policy == GCM { 20 } else { 12 })
}

fn flags(lab: &Lab, tunnel: &str) -> Option<String> {
    let done = lab.dladm(&["show-iptun", "-p", "-o", "flags", tunnel]);
    (done.code == Some(0)).then(|| done.stdout.trim().to_owned())
}

fn is_stored(lab: &Lab, tunnel: &str) -> bool {
    lab.dladm(&["show-iptun", "-P", "-p", "-o", "link", tunnel]).code == Some(0)
}

/// The source that the listing of tunnels names.
fn source(lab: &Lab, tunnel: &str) -> String {
    let done = lab.dladm(&["show-iptun", "-p", "-o", "policy", tunnel]).exits(0);
    done.stdout.trim().replace("\\:", ":")
}

/// Nothing is left half done: no note, no temporary file, nothing for a tunnel that is not
/// there, and no tunnel without what was made for it.
fn is_whole(lab: &Lab, tunnel: &str, what: &str) {
    let text = shard(lab, tunnel);
    assert_eq!(is_stored(lab, tunnel), text.is_some(), "{what}: {text:?}");
    assert_eq!(cipher(lab, tunnel).is_some(), text.is_some(), "{what}");
    assert_eq!(lab.view().contains(tunnel), text.is_some(), "{what}: {}", lab.view());
    assert!(!lab.root("/etc/inet/ipsecinit.d/.dladm.pending").exists(), "{what}");
    assert!(!lab.root("/var/run/dladm-policy.pending").exists(), "{what}");
    if let Ok(entries) = fs::read_dir(lab.root(DIRECTORY)) {
        for entry in entries {
            let name = entry.expect("an entry").file_name();
            assert!(name.to_string_lossy().ends_with(".conf"), "{what}: {name:?}");
        }
    }
}
