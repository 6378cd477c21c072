// SPDX-License-Identifier: MIT OR Apache-2.0

//! Policy in several files and directories.

mod keep_going;
mod loading;
mod plans;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use illumos_ipsec::wire::policy::MsgType;
use ipsec_usermode::KernelKind;
use system_tests::lab::{Done, Lab};

const GCM: &str = "{ negotiate tunnel } ipsec { encr_algs aes-gcm }\n";
const CBC: &str = "{ negotiate tunnel } ipsec { encr_algs aes encr_auth_algs sha256 }\n";

/// Writes a file below a directory, with directories and modes as an administrator has them.
fn put(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    let parent = path.parent().expect("a directory");
    for made in parent.ancestors().take_while(|made| made.starts_with(dir)) {
        fs::create_dir_all(made).expect("a directory");
        mode(made, 0o755);
    }
    fs::write(&path, text).expect("a file");
    mode(&path, 0o644);
    path
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
}

/// A lab, and a directory of shards in which its commands find it as `d`.
fn lab(kind: KernelKind) -> (Lab, PathBuf) {
    let lab = Lab::with(kind, &[]);
    let dir = lab.cwd().join("d");
    fs::create_dir(&dir).expect("a directory");
    mode(&dir, 0o755);
    (lab, dir)
}

/// Nothing but questions was sent.
fn asked_only(lab: &Lab) -> bool {
    lab.seen().iter().all(|seen| matches!(seen.kind(), MsgType::ALGLIST | MsgType::DUMP))
}

/// The entries of the view, each on one line, with their sources.
fn sources(lab: &Lab) -> Vec<String> {
    lab.view().lines().filter_map(|line| line.strip_prefix("#SOURCE ")).map(Into::into).collect()
}

/// Makes one shard unusable; gives back what the message has to say.
type Spoil = fn(&Path) -> &'static str;

const SPOILS: &[Spoil] = &[
    |dir| {
        mode(&dir.join("tunnels/vpn1.conf"), 0o666);
        "d/tunnels/vpn1.conf: error: others than its owner may write it (mode 0666)"
    },
    |dir| {
        mode(&dir.join("tunnels/vpn1.conf"), 0o664);
        "d/tunnels/vpn1.conf: error: others than its owner may write it (mode 0664)"
    },
    |dir| {
        mode(&dir.join("tunnels"), 0o777);
        "d/tunnels: error: nothing in this directory is used: others"
    },
    |dir| {
        mode(dir, 0o775);
        "d: error: nothing in this directory is used: others than its owner may write it"
    },
    |dir| {
        symlink("nowhere", dir.join("tunnels/vpn2.conf")).expect("a link");
        "d/tunnels/vpn2.conf: error: there is no such file, or it is a symbolic link to nothing"
    },
    |dir| {
        symlink("loop.conf", dir.join("loop.conf")).expect("a link");
        "d/loop.conf: error: cannot be read: "
    },
    |dir| {
        fs::create_dir(dir.join("x.conf")).expect("a directory");
        "d/x.conf: error: it is a directory, expected a regular file"
    },
    |dir| {
        nix::unistd::mkfifo(&dir.join("x.conf"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        "d/x.conf: error: it is a pipe, expected a regular file"
    },
    |dir| {
        symlink("/dev/null", dir.join("x.conf")).expect("a link");
        "d/x.conf: error: it is a device, expected a regular file"
    },
    |dir| {
        put(dir, "tunnels/not-a-link.conf", GCM);
        "d/tunnels/not-a-link.conf: error: `not-a-link` is no name of a link, expected 2 to 31"
    },
    |dir| {
        put(dir, "tunnels/vpn2.conf", "{ tunnel vpn3 negotiate tunnel } drop { }\n");
        "d/tunnels/vpn2.conf:1:10: error: "
    },
    |dir| {
        put(dir, "tunnels/vpn2.conf", "# a remark\n{ raddr 10.0.0.1 } drop { }\n");
        "d/tunnels/vpn2.conf:2:1: error: a rule for `vpn2` without `negotiate`"
    },
    |dir| {
        put(dir, "x.conf", GCM);
        "d/x.conf:1:3: error: `negotiate` without `tunnel`"
    },
    |dir| {
        fs::remove_dir_all(dir.join("tunnels")).expect("a directory");
        fs::write(dir.join("tunnels"), "").expect("a file");
        "d/tunnels: error: it is no directory"
    },
    |dir| {
        symlink("nowhere", dir.join("gone")).expect("a link");
        fs::remove_dir_all(dir.join("tunnels")).expect("a directory");
        symlink("gone", dir.join("tunnels")).expect("a link");
        "d/tunnels: error: it is a symbolic link to nothing"
    },
];

/// The lines of a plan with one of these signs.
fn plan(done: &Done, signs: &str) -> Vec<String> {
    let sign = |line: &&str| line.chars().next().is_some_and(|sign| signs.contains(sign));
    done.stdout.lines().filter(sign).map(Into::into).collect()
}
