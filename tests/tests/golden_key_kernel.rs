// SPDX-License-Identifier: MIT OR Apache-2.0

//! The recorded `PF_KEY` conversations, each as a test for each kind of kernel.

use ipsec_usermode::KernelKind;
use libtest_mimic::{Arguments, Trial};
use system_tests::golden::{Outcome, Report, key_kernel};

fn main() {
    let args = Arguments::from_args();
    let mut trials = Vec::new();
    let mut report = Report::default();
    for (kind, name) in [(KernelKind::Modified, "modified"), (KernelKind::Unmodified, "unmodified")]
    {
        for case in key_kernel::imported() {
            let outcome = key_kernel::run(&case, kind);
            let id = format!("{name}::{}", case.id);
            report.add(&id, outcome.clone());
            trials.push(Trial::test(id, move || match outcome {
                Outcome::Passed | Outcome::Differs { .. } => Ok(()),
                Outcome::Failed(diff) => Err(diff.into()),
            }));
        }
    }
    let conclusion = libtest_mimic::run(&args, trials);
    if !args.list {
        print!("{report}");
    }
    conclusion.exit();
}
