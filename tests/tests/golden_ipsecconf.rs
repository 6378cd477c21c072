// SPDX-License-Identifier: MIT OR Apache-2.0

//! The recorded `ipsecconf` cases, each as a test with the real program.

use libtest_mimic::{Arguments, Trial};
use system_tests::golden::{Outcome, ipsecconf};

const CASES: &str = include_str!("../golden/ipsecconf.jsonl");

fn main() {
    let args = Arguments::from_args();
    let program = system_tests::program("ipsecconf").unwrap_or_else(|error| panic!("{error}"));
    let cases = ipsecconf::load_imported(CASES).unwrap_or_else(|error| panic!("{error}"));
    let trials = cases
        .into_iter()
        .map(|case| {
            let program = program.clone();
            let kind = match case.bug {
                Some(_) => "fault of the original",
                None => "contract",
            };
            Trial::test(case.id.clone(), move || match ipsecconf::run(&case, &program) {
                Outcome::Passed | Outcome::Differs { .. } => Ok(()),
                Outcome::Failed(difference) => Err(difference.into()),
            })
            .with_kind(kind)
        })
        .collect();
    libtest_mimic::run(&args, trials).exit();
}
