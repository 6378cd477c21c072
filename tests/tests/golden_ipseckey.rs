// SPDX-License-Identifier: MIT OR Apache-2.0

//! The recorded `ipseckey` cases, each as a test with the real program.
//!
//! Cases that differ on purpose are listed in a file, each with its reason. A case that
//! differs without being listed fails, and so does a listed one that agrees again.

use libtest_mimic::{Arguments, Trial};
use system_tests::golden::ipseckey;

fn main() {
    let args = Arguments::from_args();
    let program = system_tests::program("ipseckey").unwrap_or_else(|error| panic!("{error}"));
    let trials = ipseckey::load_imported()
        .into_iter()
        .map(|case| {
            let program = program.clone();
            Trial::test(case.id.clone(), move || ipseckey::run(&case, &program).judge())
        })
        .collect();
    libtest_mimic::run(&args, trials).exit();
}
