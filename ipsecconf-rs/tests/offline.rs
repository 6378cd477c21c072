// SPDX-License-Identifier: MIT OR Apache-2.0

//! What works without any kernel: checking policy files.

use assert_cmd::Command;

struct Checked {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Checks a policy on a machine without a lab.
fn check(policy: &str) -> Checked {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("p.conf"), policy).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ipsecconf"))
        .current_dir(dir.path())
        .env_remove("IPSEC_LAB")
        .env_remove("SMF_FMRI")
        .args(["-c", "p.conf"])
        .output()
        .unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "a check leaves no file");
    Checked {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn a_good_policy_passes_without_kernel_and_privilege() {
    let checked = check("{ raddr 10.0.0.1 } ipsec { encr_algs aes encr_auth_algs sha256 }");
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""));
    assert_eq!(checked.stdout.lines().count(), 2);
}

#[test]
fn every_error_is_reported_with_its_place_and_a_hint() {
    let checked = check(
        "{ raddr 10.0.0.1 } ipsec { auth_algs hmac-sha25 }\n\
         # a comment\n\
         { rport 80 } ipsec { auth_algs sha1 }\n\
         { raddr 10.0.0.300 }\n  discard { }\n\
         { tunnel t0 } drop { }\n",
    );
    assert_eq!((checked.code, checked.stdout.as_str()), (Some(1), ""));
    for piece in ["p.conf:1:38: error:", "hmac-sha256", "p.conf:5:3: error:", "drop", "p.conf:6:"] {
        assert!(checked.stderr.contains(piece), "no {piece:?} in\n{}", checked.stderr);
    }
    assert!(!checked.stderr.contains("p.conf:3:"), "{}", checked.stderr);
}

#[test]
fn what_the_kernel_would_refuse_is_an_error() {
    for (policy, piece) in [
        ("{ tunnel t0 negotiate transport lport 1 } drop { }\n", "p.conf:1:"),
        ("{ tunnel t0 negotiate tunnel } ipsec { auth_algs sha1 sa unique }\n", "p.conf:1:"),
        (
            "{ tunnel t0 negotiate tunnel } drop { }\n{ tunnel t0 negotiate transport } drop { }\n",
            "p.conf:2:",
        ),
        ("{ lport 1 } drop { }\n{ lport 1 dir in } pass { }\n", "another action; see p.conf:1:1"),
        (
            "{ ulp icmp type 8 } ipsec { auth_algs sha1 }\n\
             { ulp icmp type 0 } ipsec { auth_algs md5 }\n",
            "p.conf:2:1: error: an earlier ICMP rule asks for another protection; see p.conf:1:1",
        ),
    ] {
        let checked = check(policy);
        assert_eq!(checked.code, Some(1), "{policy}");
        assert!(checked.stderr.contains(piece), "{policy}{}", checked.stderr);
    }
    // The same rule twice is harmless.
    assert_eq!(check("{ lport 1 } drop { }\n{ lport 1 } drop { }\n").code, Some(0));
}
