// SPDX-License-Identifier: MIT OR Apache-2.0

//! `cargo xtask dist`: stages the files of the packages and checks the manifests against
//! them.
//!
//! The commands are built for this machine, or for another with `--target`. That needs
//! a linker and libraries of that machine; what `cargo xtask illumos` links is never shipped.

mod action;
mod check;
mod proto;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command};

use self::check::Manifest;
use crate::run::{Failure, Outcome, built, cargo, root, run as run_to_end};

/// Where content comes from.
enum From {
    /// An executable of the workspace.
    Built(&'static str),
    /// A file of the repository.
    Repository(&'static str),
    /// Another name of a file of the proto area.
    HardLink(&'static str),
}

use From::{Built, HardLink, Repository};

/// Path in the packages, and what is there.
const FILES: &[(&str, From)] = &[
    ("usr/lib/ipsec-rs/bin/dladm", Built("dladm")),
    ("usr/lib/ipsec-rs/bin/ipsecconf", Built("ipsecconf")),
    ("usr/lib/ipsec-rs/bin/ipseckey", Built("ipseckey")),
    ("usr/lib/ipsec-rs/bin/tcpkey", HardLink("usr/lib/ipsec-rs/bin/ipseckey")),
    ("usr/lib/ipsec-rs/completion/bash/ipsec-rs", Repository("docs/completion/bash/ipsec-rs")),
    ("usr/lib/ipsec-rs/completion/zsh/_ipsec-rs", Repository("docs/completion/zsh/_ipsec-rs")),
    (
        "usr/lib/ipsec-rs/man/man4p/pf_key-namespaces.4p",
        Repository("docs/man/pf_key-namespaces.4p"),
    ),
    ("usr/lib/ipsec-rs/man/man4p/pf_policy.4p", Repository("docs/man/pf_policy.4p")),
    ("usr/lib/ipsec-rs/man/man5/ipsecinit.d.5", Repository("docs/man/ipsecinit.d.5")),
    ("usr/lib/ipsec-rs/man/man8/dladm-iptun.8", Repository("docs/man/dladm-iptun.8")),
    ("usr/lib/ipsec-rs/man/man8/ipsecconf.8", Repository("docs/man/ipsecconf.8")),
    ("usr/lib/ipsec-rs/man/man8/ipseckey.8", Repository("docs/man/ipseckey.8")),
    ("usr/lib/ipsec-rs/ipsec-selfcheck", Repository("smf/selfcheck/ipsec-selfcheck")),
    ("lib/svc/manifest/network/ipsec/policy.xml", Repository("smf/manifest/policy.xml")),
    ("lib/svc/manifest/network/ipsec/manual-key.xml", Repository("smf/manifest/manual-key.xml")),
    ("lib/svc/method/ipsec-policy", Repository("smf/method/ipsec-policy")),
    ("lib/svc/method/ipsec-manual-key", Repository("smf/method/ipsec-manual-key")),
    ("usr/lib/ipsec-rs/svc/side-by-side.xml", Repository("smf/profile/side-by-side.xml")),
    ("usr/lib/ipsec-rs/svc/side-by-side-keys.xml", Repository("smf/profile/side-by-side-keys.xml")),
    ("etc/security/exec_attr.d/ipsec-rs", Repository("smf/profile/exec_attr")),
];

pub(crate) fn command() -> Command {
    Command::new("dist")
        .arg(Arg::new("release").long("release").action(ArgAction::SetTrue))
        .arg(Arg::new("target").long("target"))
}

pub(crate) fn run(args: &ArgMatches) -> Outcome {
    let release = args.get_flag("release");
    let mut build = cargo(["build", "--quiet"]);
    build.args(["dladm-rs", "ipsecconf-rs", "ipseckey-rs"].map(|name| format!("--package={name}")));
    if release {
        build.arg("--release");
    }
    let other = args.get_one::<String>("target");
    if let Some(other) = other {
        build.args(["--target", other]);
    }
    run_to_end(&mut build)?;

    // This program is in debug/ of it.
    let target = built("..")?;
    let target = target.canonicalize().map_err(|error| cannot("find", &target, &error))?;
    let manifests = manifests()?;
    let proto = target.join("dist/proto");
    let programs = other.map_or(target.clone(), |other| target.join(other));
    stage(&proto, &programs.join(if release { "release" } else { "debug" }), &manifests)?;
    let found = proto::scan(&proto).map_err(|error| cannot("read", &proto, &error))?;
    let problems = check::check(&manifests, &found, |file| root().join(file).is_file());
    if !problems.is_empty() {
        return Err(Failure::Said(problems.join("\nxtask: ")));
    }
    println!("{}: {} files in {} packages", proto.display(), FILES.len(), manifests.len());
    Ok(())
}

/// The manifests of the repository, in the order of their names.
fn manifests() -> Result<Vec<Manifest>, Failure> {
    let dir = root().join("smf/pkg");
    let entries = fs::read_dir(&dir).map_err(|error| cannot("read", &dir, &error))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "p5m"));
    paths.sort();
    let read = |path: &PathBuf| {
        let name = path.strip_prefix(root()).unwrap_or(path).display().to_string();
        let text = fs::read_to_string(path).map_err(|error| cannot("read", path, &error))?;
        Ok(Manifest { name, text })
    };
    paths.iter().map(read).collect()
}

/// Fills the proto area anew. Modes are those of the manifests.
fn stage(proto: &Path, programs: &Path, manifests: &[Manifest]) -> Outcome {
    if proto.exists() {
        fs::remove_dir_all(proto).map_err(|error| cannot("empty", proto, &error))?;
    }
    let actions: Vec<_> = manifests.iter().flat_map(|m| action::parse(&m.text).0).collect();
    let mode = |path: &str| {
        let delivers = |action: &&action::Action| action.get("path") == Some(path);
        actions.iter().find(delivers)?.get("mode").and_then(check::mode)
    };
    for (path, from) in FILES {
        let to = proto.join(path);
        let parent = to.parent().unwrap_or(proto);
        fs::create_dir_all(parent).map_err(|error| cannot("create", parent, &error))?;
        let from = match from {
            Built(name) => programs.join(name),
            Repository(name) => root().join(name),
            HardLink(other) => {
                fs::hard_link(proto.join(other), &to)
                    .map_err(|error| cannot("create", &to, &error))?;
                continue;
            }
        };
        fs::copy(&from, &to).map_err(|error| cannot("copy", &from, &error))?;
        // A file that no manifest has is found by the check.
        let mode = fs::Permissions::from_mode(mode(path).unwrap_or(0o600));
        fs::set_permissions(&to, mode).map_err(|error| cannot("change", &to, &error))?;
    }
    Ok(())
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::Said(format!("cannot {what} {}: {error}", path.display()))
}
