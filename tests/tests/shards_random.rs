// SPDX-License-Identifier: MIT OR Apache-2.0

//! A set of shards is the same policy as one file with their texts one after the other.

use std::cell::OnceCell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use proptest::prelude::*;
use system_tests::lab::Lab;

/// An entry for a file that names its tunnels itself.
fn entry() -> impl Strategy<Value = String> {
    let tunnel = prop_oneof![
        3 => Just(String::new()),
        1 => (0..3).prop_map(|n| format!("tunnel vpn{n} negotiate tunnel ")),
    ];
    (tunnel, pattern(), action())
        .prop_map(|(tunnel, pattern, action)| format!("{{ {tunnel}{pattern} }}{action}"))
}

/// An entry for a file that implies a tunnel.
fn implied() -> impl Strategy<Value = String> {
    (any::<bool>(), pattern(), action()).prop_map(|(brace, pattern, action)| {
        let open = if brace { "{" } else { "{ # a remark\n " };
        format!("{open}negotiate tunnel {pattern} }}{action}")
    })
}

fn pattern() -> impl Strategy<Value = String> {
    (0..40_u16, 0..3).prop_map(|(n, kind)| match kind {
        0 => format!("raddr 10.0.{n}.0/24"),
        1 => format!("laddr 10.0.0.{n} dir out"),
        _ => format!("ulp tcp rport {}", n + 1),
    })
}

fn action() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(" ipsec { encr_algs aes-gcm }".to_owned()),
        Just("\n  ipsec {\n encr_algs aes encr_auth_algs sha256 }".to_owned()),
        Just(" drop { } # why not".to_owned()),
    ]
}

/// Names and texts of files, in the order in which they are read; the last newline is
/// not always there.
fn shards() -> impl Strategy<Value = Vec<(String, String)>> {
    let text = |entries: BoxedStrategy<String>| {
        (prop::collection::vec(entries, 0..4), any::<bool>()).prop_map(|(entries, newline)| {
            let end = if newline { "\n" } else { "" };
            entries.join("\n\n") + end
        })
    };
    let files =
        prop::collection::btree_map("[0-9A-Za-z_][0-9a-z._-]{0,6}", text(entry().boxed()), 0..5);
    let tunnels = prop::collection::btree_map(0..12_u8, text(implied().boxed()), 0..4);
    (files, tunnels).prop_map(|(files, tunnels)| {
        let mut shards: Vec<(String, String)> =
            files.into_iter().map(|(name, text)| (format!("{name}.conf"), text)).collect();
        // In byte order of the whole names, to which the ending belongs.
        shards.sort();
        let mut in_tunnels: Vec<(String, String)> =
            tunnels.into_iter().map(|(n, text)| (format!("tunnels/vpn{n}.conf"), text)).collect();
        in_tunnels.sort();
        shards.extend(in_tunnels);
        shards
    })
}

fn write(dir: &Path, shards: &[(String, String)]) {
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
    };
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir.join("tunnels")).expect("a directory");
    mode(dir, 0o755);
    mode(&dir.join("tunnels"), 0o755);
    for (name, text) in shards {
        fs::write(dir.join(name), text).expect("a file");
        mode(&dir.join(name), 0o644);
    }
}

/// The same as one text: the tunnel stands in each pattern.
fn concatenated(shards: &[(String, String)]) -> String {
    let mut all = String::new();
    for (name, text) in shards {
        match name.strip_prefix("tunnels/").and_then(|name| name.strip_suffix(".conf")) {
            None => all.push_str(text),
            Some(tunnel) => {
                all.push_str(
                    &text.replace("negotiate tunnel", &format!("tunnel {tunnel} negotiate tunnel")),
                );
            }
        }
        all.push('\n');
    }
    all
}

thread_local! {
    /// One kernel is enough for all rounds.
    static LAB: OnceCell<Lab> = const { OnceCell::new() };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn shards_are_the_same_as_their_texts_one_after_the_other(shards in shards()) {
        LAB.with(|lab| {
            let lab = lab.get_or_init(Lab::new);
            let dir = lab.cwd().join("d");
            write(&dir, &shards);
            lab.file("all.conf", concatenated(&shards));
            let load = |source: &str| {
                let _ = lab.ipsecconf(&["-q", "-F"]).exits(0);
                let done = lab.ipsecconf(&["-q", "-a", source]);
                (done.code, lab.policy())
            };
            let (from_file, from_directory) = (load("all.conf"), load("d"));
            prop_assert_eq!(from_file, from_directory);
            // A check says the same without a kernel.
            let (file, directory) =
                (lab.ipsecconf(&["-c", "all.conf"]), lab.ipsecconf(&["-c", "d"]));
            prop_assert_eq!(file.code, directory.code);
            Ok(())
        })?;
    }
}
