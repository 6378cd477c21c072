// SPDX-License-Identifier: MIT OR Apache-2.0

//! The comparison with recorded conversations itself: what is not as recorded must show.

use illumos_ipsec::wire::policy::MsgType;
use ipsec_usermode::KernelKind;
use system_tests::golden::kernel::{Case, imported, run, run_dir};
use system_tests::golden::{Outcome, Report};

fn failed(case: &Case, kind: KernelKind) -> bool {
    matches!(run(case, kind), Outcome::Failed(_))
}

/// The same case with something changed in one of its steps.
fn changed(case: &Case, at: usize, change: impl FnOnce(&mut Case, usize)) -> Case {
    let mut case = case.clone();
    change(&mut case, at);
    case
}

#[test]
fn one_wrong_bit_in_a_reply_is_seen() {
    let mut tried = 0;
    for case in imported() {
        for kind in [KernelKind::Modified, KernelKind::Unmodified] {
            if run(&case, kind) != Outcome::Passed {
                continue;
            }
            for at in 0..case.steps.len() {
                for reply in 0..case.steps[at].recv.len() {
                    // The version, the last byte, and one between.
                    let bytes = &case.steps[at].recv[reply].data.0;
                    let len = bytes.len();
                    // An ALGLIST may end with memory as it was.
                    let last = if bytes[1] == MsgType::ALGLIST.0 { 1 } else { len - 1 };
                    for byte in [0, len / 2 + 1, last] {
                        let wrong = changed(&case, at, |case, at| {
                            case.steps[at].recv[reply].data.0[byte] ^= 1;
                        });
                        assert!(failed(&wrong, kind), "{} step {at} byte {byte}", case.id);
                        tried += 1;
                    }
                }
            }
        }
    }
    assert!(tried > 1000, "{tried}");
}

#[test]
fn missing_and_additional_messages_are_seen() {
    for case in imported() {
        for at in 0..case.steps.len() {
            if let Some(last) = case.steps[at].recv.last().cloned() {
                let more = changed(&case, at, |case, at| case.steps[at].recv.push(last));
                assert!(failed(&more, KernelKind::Modified), "{}", case.id);
                let less = changed(&case, at, |case, at| drop(case.steps[at].recv.pop()));
                assert!(failed(&less, KernelKind::Modified), "{}", case.id);
            }
            if !case.steps[at].kernel_events.is_empty() {
                let less = changed(&case, at, |case, at| drop(case.steps[at].kernel_events.pop()));
                assert!(failed(&less, KernelKind::Modified), "{}", case.id);
            }
        }
    }
}

#[test]
fn a_decision_does_not_cover_other_differences() {
    for case in imported() {
        if !matches!(run(&case, KernelKind::Modified), Outcome::Differs { .. }) {
            continue;
        }
        // The answer to the first step shows no defect yet.
        let wrong = changed(&case, 0, |case, at| case.steps[at].recv[0].data.0[8] ^= 1);
        assert!(failed(&wrong, KernelKind::Modified), "{}", case.id);
    }
}

#[test]
fn a_directory_of_cases_is_replayed() {
    let dir = tempfile::tempdir().unwrap();
    let case = r#"{"id": "probe", "protocol": "PF_POLICY", "description": "", "start": "default",
        "sockets": ["A"], "steps": [{"socket": "A", "send": "01050000020000001100000034120000",
        "recv": [{"socket": "A", "data": "01051600020000001100000034120000"}]}]}"#;
    std::fs::write(dir.path().join("probe.json"), case).unwrap();
    std::fs::write(dir.path().join("wrong.json"), case.replace("010516", "010517")).unwrap();
    for other in ["README.md", "index.tsv", "_setup.json"] {
        std::fs::write(dir.path().join(other), "no case").unwrap();
    }
    let report = run_dir(dir.path(), KernelKind::Modified).unwrap();
    assert_eq!(report.counts(), (1, 1, 0));
    assert!(!report.is_good());
    assert!(report.to_string().ends_with("1 passed, 1 failed, 0 differ by decision\n"));
    assert_eq!(Report::default().counts(), (0, 0, 0));
    std::fs::write(dir.path().join("broken.json"), "{").unwrap();
    assert!(run_dir(dir.path(), KernelKind::Modified).is_err());
}
