// SPDX-License-Identifier: MIT OR Apache-2.0

//! What becomes of an instance, by how its methods end.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;

use ipsec_usermode::KernelKind;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::{calls, edit, exit_with, log, noting, state};

#[test]
fn exit_status_of_start_decides() {
    for (code, expected, tries) in [
        (0, "online", 1),
        (94, "online", 1),
        (95, "maintenance", 1),
        (96, "maintenance", 1),
        (99, "maintenance", 1),
        (100, "maintenance", 1),
        (1, "maintenance", 3),
        (255, "maintenance", 3),
    ] {
        let lab = noting();
        exit_with(&lab, code);
        // Without -s it does not matter to svcadm how the method ends.
        let _ = lab.svcadm(&["enable", "policy"]).exits(0);
        assert_eq!(state(&lab, "policy"), expected, "{code}");
        assert_eq!(calls(&lab).len(), tries, "{code}");
        let log = log(&lab, "policy");
        assert_eq!(log.matches("Executing start method").count(), tries, "{log}");
        assert_eq!(log.matches(&format!("exited with status {code}")).count(), tries, "{log}");
    }
}

#[test]
fn a_refresh_that_fails_leads_to_maintenance() {
    for (service, code, method, expected, tries) in [
        ("manual-key", 0, 0, "online", 1),
        ("manual-key", 1, 1, "maintenance", 3),
        ("manual-key", 95, 95, "maintenance", 1),
        ("policy", 0, 0, "online", 1),
        // Trying again would not help, and so is not tried.
        ("policy", 1, 95, "maintenance", 1),
        ("policy", 255, 95, "maintenance", 1),
        ("policy", 96, 96, "maintenance", 1),
        ("policy", 100, 100, "maintenance", 1),
    ] {
        let lab = noting();
        let _ = lab.svcadm(&["enable", "-s", service]).exits(0);
        exit_with(&lab, code);
        let _ = (calls(&lab), lab.svcadm(&["refresh", service]).exits(0));
        assert_eq!(state(&lab, service), expected, "{service} {code}");
        assert_eq!(calls(&lab).len(), tries, "{service} {code}");
        let ended = format!("\"refresh\" exited with status {method}");
        assert!(log(&lab, service).contains(&ended), "{service} {code}");
    }
}

#[test]
fn only_what_runs_is_refreshed_or_restarted() {
    let lab = noting();
    // Offline, then disabled, then in maintenance.
    let _ = lab.svcadm(&["refresh", "policy"]).exits(0);
    let _ = lab.svcadm(&["disable", "policy"]).exits(0);
    for verb in ["refresh", "restart"] {
        let _ = lab.svcadm(&[verb, "policy"]).exits(0);
    }
    exit_with(&lab, 95);
    let _ = lab.svcadm(&["enable", "policy"]).exits(0);
    assert_eq!(calls(&lab).len(), 1);
    for verb in ["refresh", "restart", "enable"] {
        let _ = lab.svcadm(&[verb, "policy"]).exits(0);
    }
    assert_eq!(calls(&lab), [""; 0]);
    assert_eq!(state(&lab, "policy"), "maintenance");
}

#[test]
fn restart_is_stop_and_start() {
    let lab = noting();
    let _ = lab.svcadm(&["enable", "manual-key"]).exits(0);
    let _ = (calls(&lab), lab.svcadm(&["restart", "manual-key"]).exits(0));
    assert_eq!(calls(&lab), ["ipseckey <flush>", "ipseckey <-f> </etc/inet/secret/ipseckeys>"]);
    assert_eq!(state(&lab, "manual-key"), "online");
}

#[test]
fn what_runs_is_not_started_again() {
    let lab = noting();
    let _ = lab.svcadm(&["enable", "policy"]).exits(0);
    let _ = lab.svcadm(&["enable", "policy"]).exits(0);
    assert_eq!(calls(&lab).len(), 1);
}

#[test]
fn maintenance_is_left_by_clear_or_disable() {
    let lab = noting();
    let done = lab.svcadm(&["clear", "policy"]).exits(1);
    let _ = done.says("is not in a maintenance or degraded state");
    exit_with(&lab, 95);
    let done = lab.svcadm(&["enable", "-s", "policy"]).exits(1);
    let _ = done.says("is in maintenance state: method start exited with status 95 (fatal)");

    exit_with(&lab, 0);
    let _ = (calls(&lab), lab.svcadm(&["clear", "-s", "policy"]).exits(0));
    assert_eq!((state(&lab, "policy").as_str(), calls(&lab).len()), ("online", 1));

    exit_with(&lab, 96);
    let _ = lab.svcadm(&["refresh", "policy"]).exits(0);
    // Of what does not run there is nothing to stop.
    let _ = (calls(&lab), lab.svcadm(&["disable", "-s", "policy"]).exits(0));
    assert_eq!((state(&lab, "policy").as_str(), calls(&lab).len()), ("disabled", 0));
}

#[test]
fn a_stop_that_fails_leads_to_maintenance() {
    let lab = noting();
    let _ = lab.svcadm(&["enable", "policy"]).exits(0);
    exit_with(&lab, 1);
    let _ = (calls(&lab), lab.svcadm(&["disable", "-s", "policy"]).exits(1).says("failed 3 times"));
    assert_eq!((state(&lab, "policy").as_str(), calls(&lab).len()), ("maintenance", 3));
    // It is disabled all the same.
    let _ = lab.svcadm(&["clear", "-s", "policy"]).exits(0);
    assert_eq!(state(&lab, "policy"), "disabled");
}

#[test]
fn a_method_without_end_is_ended() {
    let lab = noting();
    // Whoever opens a FIFO for reading waits for a writer, and `never` has none. The other one
    // tells the test who is left of the method: it is open for writing in all of its processes.
    let alive = lab.path().join("alive");
    mkfifo(&alive, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    let mut alive =
        OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(alive).unwrap();
    lab.fake(
        "ipsecconf",
        "mkfifo \"$IPSEC_LAB/never\"\nexec 3>\"$IPSEC_LAB/alive\"\n(cat \"$IPSEC_LAB/never\")\n",
    );
    edit(&lab, "timeout_seconds='60'", "timeout_seconds='1'");
    let done = lab.svcadm(&["enable", "-s", "policy"]).exits(1);
    let _ = done.says("did not end within 1 seconds");
    // Not even the last process that the method has started goes on. That one is not waited for
    // by svcadm, so its end may be a moment away.
    while alive.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
        let mut end = [PollFd::new(alive.as_fd(), PollFlags::POLLIN)];
        poll(&mut end, PollTimeout::NONE).unwrap();
    }
}

#[test]
fn what_is_temporary_ends_with_a_boot_and_the_rest_does_not() {
    let mut lab = noting();
    let _ = lab.svccfg(&["-s", "policy", "setprop", "config/config_file=/etc/other"]).exits(0);
    let _ = lab.svcadm(&["disable", "-t", "policy"]).exits(0);
    let _ = lab.svcadm(&["enable", "manual-key"]).exits(0);
    assert!(lab.svcs(&["-l", "policy"]).exits(0).stdout.contains("false (temporary)"));
    lab.reboot(KernelKind::Modified);
    assert_eq!(
        (state(&lab, "policy"), state(&lab, "manual-key")),
        ("offline".into(), "offline".into())
    );
    assert_eq!(lab.svcprop(&["-p", "config/config_file", "policy"]).stdout, "/etc/other\n");
}

#[test]
fn the_environment_of_a_method() {
    let lab = noting();
    lab.fake("ipsecconf", "env >\"$IPSEC_LAB/environment\"; pwd >>\"$IPSEC_LAB/environment\"");
    let _ = lab.svcadm(&["enable", "-s", "policy"]).exits(0);
    let text = std::fs::read_to_string(lab.path().join("environment")).unwrap();
    for line in [
        "SMF_FMRI=svc:/network/ipsec/policy:default",
        "SMF_METHOD=start",
        "SMF_RESTARTER=svc:/system/svc/restarter:default",
        "SMF_ZONENAME=global",
        "/",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line} in {text}");
    }
    let path = text.lines().find_map(|line| line.strip_prefix("PATH=")).unwrap();
    let bin = lab.path().canonicalize().unwrap().join("bin");
    assert!(path.starts_with(&format!("/usr/lib/ipsec-rs/bin:{}:", bin.display())), "{path}");
    assert!(!text.contains("LC_ALL"), "{text}");
}

#[test]
fn a_method_does_not_wait_for_itself() {
    let lab = noting();
    lab.fake("ipsecconf", "exec svcadm refresh policy");
    let _ = lab.svcadm(&["enable", "policy"]).exits(0);
    assert!(log(&lab, "policy").contains("a method cannot call svcadm in a lab"));
}
