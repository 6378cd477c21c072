// SPDX-License-Identifier: MIT OR Apache-2.0

//! A boot, and the services with the real commands.

use std::os::unix::fs::PermissionsExt;

use ipsec_usermode::KernelKind;
use system_tests::lab::Lab;

use super::{calls, exit_with, log, noting, state};

/// Writes a file that only its owner may read.
fn write(lab: &Lab, path: &str, text: &str) {
    let path = lab.root(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn boot_starts_what_is_enabled_in_order() {
    let mut lab = noting();
    let _ = lab.svcadm(&["enable", "manual-key"]).exits(0);
    let tunnel = ["create-iptun", "-T", "ipv4", "-a", "local=10.1.1.1,remote=192.0.2.1", "vpn0"];
    let _ = (lab.dladm(&tunnel).exits(0), calls(&lab));
    lab.reboot(KernelKind::Modified);
    let done = lab.ipsec_lab(&["boot"]).exits(0);
    assert_eq!(
        done.stdout,
        "svc:/network/ipsec/policy:default: online\n\
         svc:/network/ipsec/manual-key:default: online\n\
         dladm up-iptun: done\n\
         dladm show-iptun -p -o link: vpn0\n"
    );
    let called = calls(&lab);
    assert!(
        called[0].starts_with("ipsecconf ") && called[1].starts_with("ipseckey "),
        "{called:?}"
    );
    // Again: all of it is there already.
    let _ = lab.ipsec_lab(&["boot", "--dir", &lab.path().display().to_string()]).exits(0);
    assert_eq!(calls(&lab), [""; 0]);
}

#[test]
fn tunnels_come_up_without_policy() {
    let mut lab = noting();
    let tunnel = ["create-iptun", "-T", "ipv4", "-a", "local=10.1.1.1,remote=192.0.2.1", "vpn0"];
    let _ = lab.dladm(&tunnel).exits(0);
    exit_with(&lab, 95);
    lab.reboot(KernelKind::Modified);
    let done = lab.ipsec_lab(&["boot"]).exits(1);
    assert!(done.stdout.contains("link: vpn0\n"), "{done:?}");
    let _ = done.says("ipsec-lab: svc:/network/ipsec/policy:default: maintenance: ");
}

#[test]
fn keys_from_a_file() {
    let lab = Lab::new();
    let done = lab.svcadm(&["enable", "-s", "manual-key"]).exits(1);
    let _ = done.says("exited with status 95");
    write(
        &lab,
        "etc/inet/secret/ipseckeys",
        "add ah spi 0x1001 src 10.1.1.1 dst 192.0.2.1 auth_alg sha256 \
         authkey 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
    );
    let _ = lab.svcadm(&["clear", "-s", "manual-key"]).exits(0);
    assert!(lab.ipseckey(&["-n", "dump"]).exits(0).stdout.contains("0x1001"));
    assert!(!log(&lab, "manual-key").contains("0123456789abcdef"));
    let _ = lab.svcadm(&["disable", "-s", "manual-key"]).exits(0);
    assert!(!lab.ipseckey(&["-n", "dump"]).exits(0).stdout.contains("0x1001"));
}

#[test]
fn policy_from_a_file_and_a_directory() {
    let lab = Lab::new();
    // Neither exists: there is no policy, and nothing is wrong.
    let _ = lab.svcadm(&["enable", "-s", "policy"]).exits(0);
    assert_eq!(lab.policy(), []);

    write(&lab, "etc/inet/ipsecinit.conf", "{ lport 80 } drop { }\n");
    write(&lab, "etc/inet/ipsecinit.d/more.conf", "{ lport 81 } drop { }\n");
    let _ = lab.svcadm(&["refresh", "-s", "policy"]).exits(0);
    let view = lab.view();
    assert!(view.contains("lport 80") && view.contains("lport 81"), "{view}");

    // Policy with a mistake is not loaded, and what was there stays.
    write(&lab, "etc/inet/ipsecinit.conf", "{ lport 82 } drip { }\n");
    let before = lab.policy();
    let _ = lab.svcadm(&["refresh", "-s", "policy"]).exits(1);
    assert_eq!((state(&lab, "policy").as_str(), lab.policy()), ("maintenance", before));

    write(&lab, "etc/inet/ipsecinit.conf", "");
    let _ = lab.svcadm(&["clear", "-s", "policy"]).exits(0);
    let _ = lab.svcadm(&["disable", "-s", "policy"]).exits(0);
    assert_eq!(lab.policy(), []);
}
