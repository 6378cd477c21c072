// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the methods do with the properties of their service, and how they are called.

use std::process::Command;

use system_tests::in_repository;
use system_tests::lab::Lab;

use super::{calls, edit, log, noting, state};

/// An element of the manifest of policy.
const FILE: &str = "<propval name='config_file' type='astring' value='/etc/inet/ipsecinit.conf'/>";

#[test]
fn start_refresh_and_stop_of_policy() {
    let lab = noting();
    let file_and_dir = "<-a> </etc/inet/ipsecinit.conf> <-a> </etc/inet/ipsecinit.d/>";
    let _ = lab.svcadm(&["enable", "policy"]).exits(0);
    assert_eq!(calls(&lab), [format!("ipsecconf <-q> <-F> <--keep-going> {file_and_dir}")]);
    let _ = lab.svcadm(&["refresh", "policy"]).exits(0);
    assert_eq!(calls(&lab), [format!("ipsecconf <-q> <-F> {file_and_dir}")]);
    let _ = lab.svcadm(&["disable", "policy"]).exits(0);
    assert_eq!(calls(&lab), ["ipsecconf <-q> <-F>"]);
}

#[test]
fn start_refresh_and_stop_of_manual_keys() {
    let lab = noting();
    let load = "ipseckey <-f> </etc/inet/secret/ipseckeys>";
    let _ = lab.svcadm(&["enable", "manual-key"]).exits(0);
    let _ = lab.svcadm(&["refresh", "manual-key"]).exits(0);
    let _ = lab.svcadm(&["disable", "manual-key"]).exits(0);
    assert_eq!(calls(&lab), [load, load, "ipseckey <flush>"]);
}

#[test]
fn values_reach_the_command_as_they_are() {
    for (value, argument) in [
        ("/etc/my policy/a file.conf", "/etc/my policy/a file.conf"),
        ("/etc/two  blanks and\ta tab", "/etc/two  blanks and\ta tab"),
        ("/etc/$HOME/`id`/$(id)/*", "/etc/$HOME/`id`/$(id)/*"),
        ("/etc/it's|<here>;&", "/etc/it's|<here>;&"),
        ("/etc/back\\slash", "/etc/back\\slash"),
        ("/etc/ünïcode", "/etc/ünïcode"),
    ] {
        let lab = noting();
        set(&lab, "policy", "config_file", value);
        set(&lab, "policy", "config_dir", value);
        set(&lab, "manual-key", "config_file", value);
        let _ = lab.svcadm(&["enable", "-s", "policy", "manual-key"]).exits(0);
        assert_eq!(
            calls(&lab),
            [
                format!("ipsecconf <-q> <-F> <--keep-going> <-a> <{argument}> <-a> <{argument}/>"),
                format!("ipseckey <-f> <{argument}>"),
            ]
        );
    }
}

#[test]
fn a_slash_at_the_end_of_the_directory_is_not_doubled() {
    let lab = noting();
    set(&lab, "policy", "config_dir", "/etc/ipsec/");
    let _ = lab.svcadm(&["enable", "-s", "policy"]).exits(0);
    assert!(calls(&lab)[0].ends_with(" <-a> </etc/ipsec/>"));
}

#[test]
fn a_value_that_is_no_path_is_a_configuration_error() {
    for (value, reason) in [
        ("", "is empty; expected an absolute path"),
        ("ipsecinit.conf", "is 'ipsecinit.conf'; expected an absolute path"),
        ("-F", "is '-F'; expected an absolute path"),
        (" /etc/a", "is ' /etc/a'; expected an absolute path"),
        ("/etc/a\nb", "has a line break"),
        ("/etc/a\n", "has a line break"),
    ] {
        for (service, property) in
            [("policy", "config_file"), ("policy", "config_dir"), ("manual-key", "config_file")]
        {
            let lab = noting();
            set(&lab, service, property, value);
            let done = lab.svcadm(&["enable", "-s", service]).exits(1);
            let _ = done.says("exited with status 96 (configuration error)");
            let log = log(&lab, service);
            let expected =
                format!("config/{property} of svc:/network/ipsec/{service}:default {reason}");
            assert!(log.contains(&expected), "{log}");
            assert_eq!(state(&lab, service), "maintenance");
            assert_eq!(calls(&lab), [""; 0]);
        }
    }
}

#[test]
fn several_values_are_a_configuration_error() {
    let lab = noting();
    let two = "<property name='config_file' type='astring'><astring_list>\
               <value_node value='/etc/a'/><value_node value='/etc/b'/></astring_list></property>";
    edit(&lab, FILE, two);
    let _ = lab.svcadm(&["enable", "-s", "policy"]).exits(1);
    assert!(log(&lab, "policy").contains("has several values; expected one"));
}

#[test]
fn a_repository_without_the_new_property_is_good_and_one_without_a_file_is_not() {
    let lab = noting();
    edit(&lab, "<propval name='config_dir' type='astring' value='/etc/inet/ipsecinit.d'/>", "");
    let _ = lab.svcadm(&["enable", "-s", "policy"]).exits(0);
    assert!(calls(&lab)[0].ends_with(" <-a> </etc/inet/ipsecinit.d/>"));

    edit(&lab, FILE, "");
    let _ = lab.svcadm(&["refresh", "-s", "policy"]).exits(1);
    assert!(log(&lab, "policy").contains("has no property config/config_file"));
    assert_eq!(calls(&lab), [""; 0]);
}

/// Only a repository that says so does not have the property: the default directory in the place
/// of the right one would take policy away.
#[test]
fn a_property_that_cannot_be_read_is_not_one_that_is_missing() {
    for (script, said) in [
        ("case $2 in config/config_dir) exit 1 ;; esac", "cannot read config/config_dir of svc:/"),
        (
            "case $2 in config/config_file) ;; *) exit 1 ;; esac",
            "cannot read the properties of svc:/",
        ),
    ] {
        let lab = noting();
        let _ = lab.svcadm(&["enable", "-s", "policy"]).exits(0);
        let svcprop = lab.cwd().join("svcprop");
        let _ = lab.svcprop(&["policy"]).exits(0);
        lab.fake("svcprop", &format!("{script}\nexec '{}' \"$@\"", svcprop.display()));
        let _ = (calls(&lab), lab.svcadm(&["refresh", "-s", "policy"]).exits(1));
        let log = log(&lab, "policy");
        assert!(log.contains(said), "{log}");
        assert_eq!((state(&lab, "policy").as_str(), calls(&lab)), ("maintenance", vec![]));
        // A start loads what it can, and takes nothing away.
        let _ = lab.svcadm(&["clear", "-s", "policy"]).exits(1);
        let loads = "ipsecconf <-q> <--keep-going> <-a> </etc/inet/ipsecinit.conf> <-a> </etc/inet/ipsecinit.d/>";
        assert_eq!(
            (state(&lab, "policy").as_str(), calls(&lab)),
            ("maintenance", vec![loads.into()])
        );
    }
}

#[test]
fn stop_needs_no_properties() {
    let lab = noting();
    let _ = lab.svcadm(&["enable", "-s", "policy"]).exits(0);
    set(&lab, "policy", "config_file", "");
    let _ = (calls(&lab), lab.svcadm(&["disable", "-s", "policy"]).exits(0));
    assert_eq!(calls(&lab), ["ipsecconf <-q> <-F>"]);
}

#[test]
fn methods_outside_of_smf_and_with_wrong_words() {
    // ksh93 is the shell of illumos; a test machine need not have it.
    for shell in ["ksh93", "/bin/sh"] {
        for method in ["ipsec-policy", "ipsec-manual-key"] {
            let run = |fmri: Option<&str>, words: &[&str]| {
                let mut command = Command::new(shell);
                command.arg(in_repository("smf/method").join(method)).args(words);
                command.env_remove("SMF_FMRI");
                command.envs(fmri.map(|fmri| ("SMF_FMRI", fmri)));
                command.output().ok()
            };
            let Some(outside) = run(None, &["start"]) else { continue };
            assert_eq!(outside.status.code(), Some(99), "{shell} {method}");
            assert!(String::from_utf8_lossy(&outside.stderr).contains("svcadm enable"));
            for words in [&[][..], &["reload"], &["start", "now"], &[""]] {
                let wrong = run(Some("svc:/x:default"), words).expect("it ran before");
                assert_eq!(wrong.status.code(), Some(96), "{shell} {method} {words:?}");
                assert!(String::from_utf8_lossy(&wrong.stderr).contains("usage: "));
            }
        }
    }
}

/// Changes a property, in quotes as `svccfg` wants them.
#[track_caller]
fn set(lab: &Lab, service: &str, property: &str, value: &str) {
    let value = format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    let name = format!("config/{property}");
    let _ = lab.svccfg(&["-s", service, "setprop", &name, "=", "astring:", &value]).exits(0);
}
