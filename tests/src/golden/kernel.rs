// SPDX-License-Identifier: MIT OR Apache-2.0

//! `PF_POLICY` conversations recorded from the illumos kernel, replayed on the core of
//! the user-mode kernel.
//!
//! Every reply and every message to the tunnel driver is compared. What may differ is
//! said by rules over the messages of a case ([`decide`](self)), and each rule also
//! checks what is answered instead.

mod alg_model;
mod case;
mod decide;
mod flag_model;
mod replay;
mod shape;

use std::io;
use std::path::Path;

use ipsec_usermode::KernelKind;
use libtest_mimic::{Arguments, Trial};

use super::{Outcome, Report};
pub use case::{Case, Hex, imported, read_dir, setup};
pub use replay::{Notice, Observed, replay};

/// Replays one case and judges it.
#[must_use]
pub fn run(case: &Case, kind: KernelKind) -> Outcome {
    decide::judge(case, kind)
}

/// A test program: each case is a test for each kind of kernel. It ends the process.
pub fn test_both_kinds(cases: &[Case], run: fn(&Case, KernelKind) -> Outcome) -> ! {
    let args = Arguments::from_args();
    let mut trials = Vec::new();
    let mut report = Report::default();
    for (kind, name) in [(KernelKind::Modified, "modified"), (KernelKind::Unmodified, "unmodified")]
    {
        for case in cases {
            let outcome = run(case, kind);
            let id = format!("{name}::{}", case.id);
            report.add(&id, outcome.clone());
            trials.push(Trial::test(id, move || outcome.judge()));
        }
    }
    let conclusion = libtest_mimic::run(&args, trials);
    if !args.list {
        print!("{report}");
    }
    conclusion.exit()
}

/// Replays all cases of a directory: one JSON file each, as recorded.
///
/// `README.md`, `index.tsv` and files whose name begins with `_` are passed over.
pub fn run_dir(dir: &Path, kind: KernelKind) -> io::Result<Report> {
    let mut report = Report::default();
    for case in read_dir(dir)? {
        let outcome = run(&case, kind);
        report.add(case.id, outcome);
    }
    Ok(report)
}
