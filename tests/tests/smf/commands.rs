// SPDX-License-Identifier: MIT OR Apache-2.0

//! The stand-ins as commands: names, output, mistakes.

use system_tests::lab::Lab;

use super::{exit_with, noting};

const POLICY: &str = "svc:/network/ipsec/policy:default";

#[test]
fn names_of_services() {
    let lab = Lab::new();
    for name in
        [POLICY, "svc:/network/ipsec/policy", "network/ipsec/policy", "ipsec/policy", "policy"]
    {
        assert_eq!(lab.svcs(&["-H", "-o", "fmri", name]).exits(0).stdout, format!("{POLICY}\n"));
    }
    for name in ["olicy", "svc:/policy", "policy:other", "network"] {
        let expected = format!("Pattern '{name}' doesn't match any instances");
        let _ = lab.svcadm(&["enable", "policy", name]).exits(1).says(&expected);
    }
    // Nothing has been done to the one that exists.
    assert_eq!(lab.svcs(&["-H", "-o", "stime", "policy"]).stdout, "-\n");

    let path = lab.root("lib/svc/manifest/network/ipsec");
    let text = std::fs::read_to_string(path.join("policy.xml")).unwrap();
    std::fs::write(path.join("more.xml"), text.replace("network/ipsec/policy", "site/policy"))
        .unwrap();
    let done = lab.svcadm(&["enable", "policy"]).exits(1).says("matches multiple instances:\n");
    let _ = done.says("\tsvc:/network/ipsec/policy:default\n\tsvc:/site/policy:default");
}

#[test]
fn svcs_shows_states() {
    let lab = noting();
    let _ = lab.svcadm(&["enable", "policy"]).exits(0);
    let table = lab.svcs(&["-a", "-o", "state,nstate,fmri"]).exits(0).stdout;
    assert_eq!(
        table,
        "STATE          NSTATE         FMRI\n\
         disabled       -              svc:/network/ipsec/manual-key:default\n\
         online         -              svc:/network/ipsec/policy:default\n"
    );
    let enabled = lab.svcs(&[]).exits(0).stdout;
    assert!(enabled.starts_with("STATE          STIME    FMRI\nonline         "), "{enabled}");
    assert_eq!(enabled.lines().count(), 2);
    let _ =
        lab.svcs(&["-o", "colour"]).exits(1).says("column 'colour' is unknown; expected state,");
    let _ = lab.svcs(&["-x", "-l"]).exits(2).says("usage: svcs");
}

#[test]
fn svcs_explains() {
    let lab = noting();
    exit_with(&lab, 96);
    let _ = lab.svcadm(&["enable", "policy"]).exits(0);
    let text = lab.svcs(&["-x"]).exits(0).stdout;
    for piece in [
        "svc:/network/ipsec/policy:default (IPsec policy)\n State: maintenance since ",
        "Reason: method start exited with status 96 (configuration error)\n",
        "See: man -s 8 ipsecconf\n",
        "/root/var/svc/log/network-ipsec-policy:default.log\n",
    ] {
        assert!(text.contains(piece), "no {piece:?} in {text}");
    }
    // Nobody has wanted keys, so that is no problem.
    assert!(!text.contains("manual-key"));
    assert!(
        lab.svcs(&["-x", "manual-key"]).exits(0).stdout.contains("disabled by an administrator")
    );
}

#[test]
fn properties_as_svcprop_prints_them() {
    let lab = Lab::new();
    let set = |words: &[&str]| lab.svccfg(&[&["-s", "policy", "setprop"], words].concat());
    let shown = || lab.svcprop(&["-p", "config/config_file", POLICY]).exits(0).stdout;
    assert_eq!(shown(), "/etc/inet/ipsecinit.conf\n");
    let _ = set(&["config/config_file", "=", "\"/etc/a (b)\""]).exits(0);
    assert_eq!(shown(), "/etc/a\\ \\(b\\)\n");
    let _ = set(&["config/config_file", "=", "astring:", "\"\""]).exits(0);
    assert_eq!(shown(), "\"\"\n");
    let all = lab.svcprop(&["policy"]).exits(0).stdout;
    assert!(all.contains("config/config_file astring \"\"\n"), "{all}");
    assert!(all.contains("general/enabled boolean true\n"), "{all}");
    let group = lab.svcprop(&["-p", "startd", "policy"]).exits(0).stdout;
    assert_eq!(group, "startd/duration astring transient\n");
    let _ = lab
        .svcprop(&["-p", "config/x", "policy"])
        .exits(1)
        .says("Couldn't find property 'config/x'");

    let _ = set(&["config/x", "=", "1"]).exits(1).says("Type required for new properties");
    let _ = set(&["config/x", "=", "count:", "-1"]).exits(1).says("no value of type count");
    let _ = set(&["config/x", "=", "count:", "1"]).exits(0);
    let _ = set(&["other/x", "=", "count:", "1"]).exits(1).says("No such property group \"other\"");
    let _ = set(&["config/x"]).exits(1).says("expected GROUP/NAME = [TYPE:] VALUE");
    let listed = lab.svccfg(&["-s", "policy", "listprop", "config/x"]).exits(0).stdout;
    assert_eq!(listed, "config/x  count    1\n");
}

#[test]
fn manifests_that_cannot_be_read_are_named() {
    let lab = Lab::new();
    let path = lab.root("lib/svc/manifest/network/ipsec/broken.xml");
    for (text, reason) in [
        ("<service_bundle", "broken.xml: "),
        ("<profile/>", "expected <service_bundle type='manifest'>"),
        (
            "<service_bundle type='manifest'>\n<service/></service_bundle>",
            "line 2: <service> has no attribute name",
        ),
    ] {
        std::fs::write(&path, text).unwrap();
        let _ = lab.svcs(&[]).exits(1).says(reason);
    }
}
