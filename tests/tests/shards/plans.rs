// SPDX-License-Identifier: MIT OR Apache-2.0

//! `--plan`: what a load would change.

use std::fs;

use ipsec_usermode::KernelKind;

use super::{CBC, GCM, asked_only, lab, plan, put};

#[test]
fn a_plan_tells_what_would_change_and_changes_nothing() {
    let (lab, dir) = lab(KernelKind::Modified);
    put(&dir, "a.conf", "{ raddr 10.0.0.1 } ipsec { auth_algs sha256 }\n");
    put(&dir, "tunnels/vpn0.conf", GCM);
    lab.forget();
    let done = lab.ipsecconf(&["--plan", "-a", "d"]).exits(2);
    assert_eq!(plan(&done, "+").len(), 4, "{}", done.stdout);
    assert!(asked_only(&lab) && lab.policy().is_empty());
    assert!(done.stdout.contains("+ { raddr 10.0.0.1/32 dir in } ipsec { auth_algs"), "{done:?}");
    assert!(done.stdout.contains(" # d/tunnels/vpn0.conf:1:1\n"), "{done:?}");
    let _ = lab.ipsecconf(&["-q", "-a", "d"]).exits(0);

    for args in [&["--plan", "-a", "d"][..], &["--plan", "-F", "-a", "d"]] {
        lab.forget();
        let done = lab.ipsecconf(args).exits(0);
        assert_eq!(plan(&done, "=").len(), 4, "{}", done.stdout);
        assert_eq!(plan(&done, "+-~!"), [""; 0]);
        assert!(asked_only(&lab));
    }
    // Something is added above what protects, a tunnel goes, a rule is exchanged.
    put(
        &dir,
        "a.conf",
        "{ raddr 10.0.0.0/8 } bypass { }\n{ raddr 10.0.0.1 } ipsec { auth_algs sha256 }\n",
    );
    fs::remove_file(dir.join("tunnels/vpn0.conf")).expect("a file");
    put(&dir, "tunnels/vpn1.conf", CBC);
    let before = (lab.policy(), lab.view());
    lab.forget();
    let done = lab.ipsecconf(&["--plan", "-q", "-F", "-a", "d"]).exits(2);
    assert!(asked_only(&lab));
    assert_eq!((lab.policy(), lab.view()), before);
    assert_eq!(plan(&done, "-").len(), 2, "{}", done.stdout);
    assert_eq!(plan(&done, "+").len(), 4, "{}", done.stdout);
    assert_eq!(plan(&done, "="), [""; 0], "unchanged ones are left out with -q");
    let opened = plan(&done, "!");
    assert_eq!(opened.len(), 4, "{}", done.stdout);
    for piece in ["raddr 10.0.0.1/32 dir in", "raddr 10.0.0.1/32 dir out", "tunnel vpn0"] {
        assert!(opened.iter().any(|line| line.contains(piece)), "{opened:#?}");
    }
    assert!(opened[0].contains("protected until now, in clear from then on"), "{opened:#?}");
    assert!(
        opened
            .iter()
            .filter(|line| line.contains("vpn0"))
            .all(|line| line.ends_with("unless the tunnel requires IPsec")),
        "{opened:#?}"
    );
    // What it says is what happens.
    let _ = lab.ipsecconf(&["-q", "-F", "-a", "d"]).exits(0);
    let _ = lab.ipsecconf(&["--plan", "-F", "-a", "d"]).exits(0);
}

#[test]
fn a_plan_sees_another_order_and_what_would_be_refused() {
    let (lab, dir) = lab(KernelKind::Modified);
    let (one, two) = ("{ lport 1 } pass { }\n", "{ raddr 10.0.0.0/8 } pass { }\n");
    put(&dir, "a.conf", one);
    put(&dir, "b.conf", two);
    put(&dir, "tunnels/vpn0.conf", GCM);
    let _ = lab.ipsecconf(&["-q", "-a", "d"]).exits(0);
    put(&dir, "a.conf", two);
    put(&dir, "b.conf", one);
    let done = lab.ipsecconf(&["--plan", "-F", "-a", "d"]).exits(2);
    assert_eq!(plan(&done, "~").len(), 2, "{}", done.stdout);
    assert_eq!(plan(&done, "+-!"), [""; 0]);
    // Nothing is planned that could not be done.
    for text in [
        "{ lport 1 dir in } drop { }\n",
        "{ tunnel vpn0 negotiate transport } ipsec { encr_algs aes-gcm }\n",
        "{ tunnel vpn7 negotiate tunnel } ipsec { encr_algs aes-gcm sa unique }\n",
        "{ lport nonsense } drop { }\n",
    ] {
        put(lab.cwd(), "more.conf", text);
        lab.forget();
        let done = lab.ipsecconf(&["--plan", "-a", "more.conf"]).exits(1).says("more.conf:1:");
        assert_eq!(done.stdout, "", "{text}");
        assert!(asked_only(&lab));
        assert_ne!(lab.ipsecconf(&["-q", "-a", "more.conf"]).code, Some(0), "{text}");
    }
}
