// SPDX-License-Identifier: MIT OR Apache-2.0

//! The services: their manifests, their methods, and what becomes of an instance in a lab.

mod boot;
mod commands;
mod killed;
mod manifests;
mod methods;
mod protection;
mod service_bundle;
mod states;

use system_tests::in_repository;
use system_tests::lab::Lab;

fn read(path: &str) -> String {
    std::fs::read_to_string(in_repository(path)).expect("a file of the repository")
}

/// A command that notes how it is called, and exits with the number in the file `exit`.
const NOTES: &str = r#"
{ printf '%s' "${0##*/}"; [ $# -eq 0 ] || printf ' <%s>' "$@"; echo; } >>"$IPSEC_LAB/calls"
read code <"$IPSEC_LAB/exit"
exit "$code"
"#;

/// A lab in which both commands only note how they are called.
fn noting() -> Lab {
    let lab = Lab::new();
    lab.fake("ipsecconf", NOTES);
    lab.fake("ipseckey", NOTES);
    exit_with(&lab, 0);
    lab
}

/// From now on the commands of a [`noting`] lab exit with this number.
fn exit_with(lab: &Lab, code: u8) {
    std::fs::write(lab.path().join("exit"), format!("{code}\n")).expect("a file");
}

/// How the commands have been called since the last time.
fn calls(lab: &Lab) -> Vec<String> {
    let path = lab.path().join("calls");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let _ = std::fs::remove_file(path);
    text.lines().map(str::to_owned).collect()
}

/// The state of a service.
#[track_caller]
fn state(lab: &Lab, service: &str) -> String {
    lab.svcs(&["-H", "-o", "state", service]).exits(0).stdout.trim().to_owned()
}

/// What the methods of a service have said, and what was noted about them.
#[track_caller]
fn log(lab: &Lab, service: &str) -> String {
    let path = lab.svcs(&["-L", service]).exits(0).stdout;
    std::fs::read_to_string(path.trim()).unwrap_or_default()
}

/// Puts something else in the place of a text in the lab's manifest of policy, wherever it is.
#[track_caller]
fn edit(lab: &Lab, text: &str, other: &str) {
    let path = lab.root("lib/svc/manifest/network/ipsec/policy.xml");
    let manifest = std::fs::read_to_string(&path).expect("a manifest");
    assert!(manifest.contains(text), "{text}");
    // Nobody may write it, as an installed one.
    std::fs::remove_file(&path).expect("a file of the lab");
    std::fs::write(&path, manifest.replace(text, other)).expect("a file of the lab");
}
