// SPDX-License-Identifier: MIT OR Apache-2.0

//! Loading a policy that is in force already, and replacing it by itself, changes
//! nothing: for every policy of the recorded cases that can be loaded, on both kinds of
//! kernel.

use ipsec_usermode::KernelKind;
use system_tests::golden::ipsecconf;
use system_tests::lab::Lab;

const CASES: &str = include_str!("../golden/ipsecconf.jsonl");
/// Names and algorithms that the policies use.
const FILES: &[(&str, &str)] = &[
    ("/etc/hosts", include_str!("../golden/ipsecconf-env/hosts")),
    ("/etc/networks", include_str!("../golden/ipsecconf-env/networks")),
    ("/etc/protocols", include_str!("../golden/ipsecconf-env/protocols")),
    ("/etc/services", include_str!("../golden/ipsecconf-env/services")),
];

fn reload(kind: KernelKind) {
    let lab = Lab::with(kind, &[]);
    for (path, content) in FILES {
        std::fs::write(lab.root(path), content).expect("a file of the lab");
    }
    let mut loaded = 0;
    for case in ipsecconf::load_imported(CASES).expect("good cases") {
        let Some(policy) = case.steps[0].files.get("policy.conf") else { continue };
        lab.file("policy.conf", &policy.0);
        let _ = lab.ipsecconf(&["-q", "-F"]).exits(0);
        if lab.ipsecconf(&["-q", "-a", "policy.conf"]).code != Some(0) {
            continue;
        }
        loaded += 1;
        let policy = lab.policy();
        let view = lab.view();
        let _ = lab.ipsecconf(&["-q", "-a", "policy.conf"]).exits(0);
        assert_eq!(lab.policy(), policy, "{} loaded twice", case.id);
        assert_eq!(lab.view(), view, "{} loaded twice", case.id);
        let _ = lab.ipsecconf(&["-q", "-F", "-a", "policy.conf"]).exits(0);
        assert_eq!(lab.policy(), policy, "{} replaced by itself", case.id);
    }
    assert!(loaded > 200, "{loaded} policies were loaded");
}

#[test]
fn on_the_kernel_of_this_project() {
    reload(KernelKind::Modified);
}

#[test]
fn on_a_kernel_with_the_standby_defect() {
    reload(KernelKind::Unmodified);
}
