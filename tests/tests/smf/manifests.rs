// SPDX-License-Identifier: MIT OR Apache-2.0

//! The manifests are as SMF wants them, and say what the services of today say.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use roxmltree::{Document, ParsingOptions};
use system_tests::in_repository;

use super::read;
use super::service_bundle::problems;

const POLICY: &str = "smf/manifest/policy.xml";
const KEYS: &str = "smf/manifest/manual-key.xml";
const PROFILES: &[&str] = &["smf/profile/side-by-side.xml", "smf/profile/side-by-side-keys.xml"];

#[test]
fn manifests_and_profile_are_well_formed() {
    for path in [POLICY, KEYS].iter().chain(PROFILES).copied() {
        assert_eq!(problems(&read(path)), [""; 0], "{path}");
    }
}

#[test]
fn broken_manifests_are_found_out() {
    let manifest = read(POLICY);
    for (from, to, problem) in [
        ("service_bundle.dtd.1", "other.dtd", "expected <!DOCTYPE"),
        ("type='manifest'", "type='manifests'", "expected manifest, profile"),
        ("version='1'", "version='one'", "version is no number"),
        ("version='1'", "", "no attribute version"),
        ("name='network/ipsec/policy'", "name='network//policy'", "no service name"),
        ("<single_instance/>", "<single_instance/><single_instance/>", "2 times"),
        ("<single_instance/>", "<dependant/>", "unknown element"),
        ("grouping='optional_all'", "grouping='optional'", "expected require_all"),
        ("restart_on='none'", "restart_on='never'", "expected error, restart"),
        ("svc:/milestone/network", "milestone/network", "expected svc:/"),
        ("timeout_seconds='60'", "timeout_seconds='1m'", "timeout_seconds is no number"),
        ("ipsec-policy %m", "ipsec-policy %x", "unknown token"),
        ("ipsec-policy %m", "ipsec-policy %{file}", "unknown token"),
        ("exec_method type='method' name='stop'", "exec_method name='stop'", "no attribute type"),
        ("name='refresh'", "name='start'", "a second 'start'"),
        ("property_group name='config'", "property_group name='filesystem'", "a second"),
        ("name='config_dir'", "name='config_file'", "a second 'config_file'"),
        ("name='config_dir'", "name='config dir'", "is no name"),
        ("type='astring' value='transient'", "type='string' value='transient'", "expected count"),
        ("type='astring' value='transient'", "type='count' value='transient'", "no count"),
        ("<stability value='Unstable'/>", "<stability value='Private'/>", "expected Standard"),
        ("xml:lang='C'", "", "lang"),
        (
            "<manpage title='ipsecconf' section='8'/>",
            "<manpage title='x'/>",
            "no attribute section",
        ),
        ("</service>", "<single_instance/></service>", "not here"),
        ("</template>", "", "expected"),
    ] {
        assert!(manifest.contains(from), "{from}");
        let found = problems(&manifest.replacen(from, to, 1));
        assert!(found.iter().any(|found| found.contains(problem)), "{from} {to}: {found:?}");
    }
}

/// What the services of today have, from `spec/smf.md` section 1.
const POLICY_TODAY: &[&str] = &[
    "service network/ipsec/policy 1",
    "create_default_instance true",
    "single_instance",
    "dependency filesystem require_all none svc:/system/filesystem/minimal",
    "dependency algorithms require_all none svc:/network/ipsec/ipsecalgs",
    "dependent policy-network optional_all none svc:/milestone/network",
    "exec_method start 60",
    "exec_method refresh 60",
    "exec_method stop 60",
    "general framework action_authorization astring solaris.smf.manage.ipsec",
    "general framework value_authorization astring solaris.smf.manage.ipsec",
    "startd framework duration astring transient",
    "config application config_file astring /etc/inet/ipsecinit.conf",
    "config application value_authorization astring solaris.smf.value.ipsec",
    "stability Unstable",
    "manpage ipsecconf 8",
];

const KEYS_TODAY: &[&str] = &[
    "service network/ipsec/manual-key 1",
    "create_default_instance false",
    "single_instance",
    "dependency filesystem require_all none svc:/system/filesystem/minimal",
    "dependency algorithms require_all none svc:/network/ipsec/ipsecalgs",
    "dependent ipseckey-network optional_all none svc:/milestone/network",
    "exec_method start 60",
    "exec_method refresh 60",
    "exec_method stop 60",
    "general framework action_authorization astring solaris.smf.manage.ipsec",
    "general framework value_authorization astring solaris.smf.manage.ipsec",
    "startd framework duration astring transient",
    "config application config_file astring /etc/inet/secret/ipseckeys",
    "config application value_authorization astring solaris.smf.value.ipsec",
    "stability Unstable",
    "manpage ipseckey 8",
];

/// What is new.
const POLICY_NEW: &[&str] = &["config application config_dir astring /etc/inet/ipsecinit.d"];

#[test]
fn services_are_those_of_today_and_one_property() {
    for (path, today, new) in [(POLICY, POLICY_TODAY, POLICY_NEW), (KEYS, KEYS_TODAY, &[])] {
        let expected: BTreeSet<String> =
            today.iter().chain(new).map(|&line| line.to_owned()).collect();
        assert_eq!(summary(&read(path)), expected, "{path}");
    }
}

/// A line for each thing that a client of the service may rely on.
fn summary(text: &str) -> BTreeSet<String> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).expect("a manifest");
    let mut lines = BTreeSet::new();
    for node in document.descendants() {
        let name = node.tag_name().name();
        let all = |names: &[&str]| {
            let values = names.iter().map(|name| node.attribute(*name).unwrap_or("?"));
            [name].into_iter().chain(values).collect::<Vec<_>>().join(" ")
        };
        let line = match name {
            "service" => all(&["name", "version"]),
            "create_default_instance" => all(&["enabled"]),
            "single_instance" => all(&[]),
            "stability" => all(&["value"]),
            "manpage" => all(&["title", "section"]),
            "exec_method" => all(&["name", "timeout_seconds"]),
            "dependency" | "dependent" => {
                let fmri = node.children().find(|child| child.has_tag_name("service_fmri"));
                let fmri = fmri.and_then(|fmri| fmri.attribute("value")).unwrap_or("?");
                format!("{} {fmri}", all(&["name", "grouping", "restart_on"]))
            }
            "propval" => {
                let group = node.parent().expect("a group");
                let group_of = |name| group.attribute(name).unwrap_or("?");
                let property = all(&["name", "type", "value"]).replacen("propval ", "", 1);
                format!("{} {} {property}", group_of("name"), group_of("type"))
            }
            _ => continue,
        };
        lines.insert(line);
    }
    lines
}

#[test]
fn every_method_exists_and_can_be_executed() {
    for path in [POLICY, KEYS].iter().chain(PROFILES).copied() {
        let text = read(path);
        let methods: Vec<&str> = text
            .match_indices("/lib/svc/method/")
            .map(|(at, prefix)| text[at + prefix.len()..].split([' ', '\'']).next().unwrap_or(""))
            .collect();
        assert!(methods.len() >= 3, "{path}");
        for method in methods {
            let file = in_repository("smf/method").join(method);
            let mode = std::fs::metadata(&file).map(|file| file.permissions().mode());
            assert!(mode.is_ok_and(|mode| mode & 0o111 == 0o111), "{}", file.display());
        }
    }
}
