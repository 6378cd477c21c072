// SPDX-License-Identifier: MIT OR Apache-2.0

//! The recorded `ipsecconf` cases, each as a test with the real program on both kernels.
//!
//! Cases that differ on purpose are listed in a file, each with its reason. A case that
//! differs without being listed fails, and so does a listed one that agrees again.

use std::collections::HashMap;

use ipsec_usermode::KernelKind;
use libtest_mimic::{Arguments, Failed, Trial};
use system_tests::golden::{Outcome, ipsecconf};

const CASES: &str = include_str!("../golden/ipsecconf.jsonl");
const DIFFERS: &str = include_str!("../golden/ipsecconf-differs.tsv");

fn main() {
    let args = Arguments::from_args();
    let program = system_tests::program("ipsecconf").unwrap_or_else(|error| panic!("{error}"));
    let cases = ipsecconf::load_imported(CASES).unwrap_or_else(|error| panic!("{error}"));
    let listed: HashMap<&str, &str> =
        DIFFERS.lines().filter_map(|line| line.split_once('\t')).collect();
    let kernels = [KernelKind::Modified, KernelKind::Unmodified];
    let pairs = kernels.into_iter().flat_map(|kernel| cases.iter().map(move |case| (kernel, case)));
    let trials = pairs
        .map(|(kernel, case)| {
            let (case, program) = (case.clone(), program.clone());
            let reason = listed.get(case.id.as_str()).copied();
            let kind = if case.bug.is_some() { "fault of the original" } else { "contract" };
            let name = ipsecconf::name(&case.id, kernel);
            Trial::test(name, move || judge(ipsecconf::run(&case, &program, kernel), reason))
                .with_kind(kind)
        })
        .collect();
    let conclusion = libtest_mimic::run(&args, trials);
    if !args.list {
        println!("{} cases differ by decision:\n{DIFFERS}", listed.len());
    }
    conclusion.exit();
}

fn judge(outcome: Outcome, listed: Option<&str>) -> Result<(), Failed> {
    match (outcome, listed) {
        (Outcome::Passed, None) => Ok(()),
        (Outcome::Passed, Some(_)) => Err("listed as different, but it agrees".into()),
        (Outcome::Differs { decision }, Some(reason)) if decision == reason => Ok(()),
        (Outcome::Differs { decision }, _) => {
            Err(format!("differs and is not listed so: {decision}").into())
        }
        (Outcome::Failed(difference), _) => Err(difference.into()),
    }
}
