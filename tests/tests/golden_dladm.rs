// SPDX-License-Identifier: MIT OR Apache-2.0

//! The recorded `dladm` cases, each as a test with the real program on both kernels.
//!
//! Cases that differ on purpose are listed in a file, each with what differs and why. A
//! case that differs in anything else fails, and so does a listed one that agrees again.

use ipsec_usermode::KernelKind;
use libtest_mimic::{Arguments, Trial};
use system_tests::golden::dladm;

const CASES: &str = include_str!("../golden/dladm.jsonl");
const DIFFERS: &str = include_str!("../golden/dladm-differs.tsv");

fn main() {
    let args = Arguments::from_args();
    let program = system_tests::program("dladm").unwrap_or_else(|error| panic!("{error}"));
    let cases = dladm::load_imported(CASES).unwrap_or_else(|error| panic!("{error}"));
    let objections = dladm::objections_to_list(&cases);
    let kernels = [KernelKind::Unmodified, KernelKind::Modified];
    let pairs = kernels.into_iter().flat_map(|kernel| cases.iter().map(move |case| (kernel, case)));
    let mut trials: Vec<Trial> = pairs
        .map(|(kernel, case)| {
            let (case, program) = (case.clone(), program.clone());
            let name = dladm::name(&case.id, kernel);
            let kind = format!("{:?}", case.compat).to_lowercase();
            Trial::test(name, move || dladm::run(&case, &program, kernel).judge()).with_kind(kind)
        })
        .collect();
    trials.push(Trial::test("the-list-fits-the-cases", move || match objections.as_slice() {
        [] => Ok(()),
        objections => Err(objections.join("\n").into()),
    }));
    let conclusion = libtest_mimic::run(&args, trials);
    if !args.list {
        println!("{} cases differ by decision:\n{DIFFERS}", DIFFERS.lines().count());
    }
    conclusion.exit();
}
