// SPDX-License-Identifier: MIT OR Apache-2.0

//! Recorded behaviour of the original `dladm` with IP tunnels, replayed with ours.
//!
//! A case is one command on a system in a given state. The state is set up in a
//! user-mode kernel, our `dladm` runs as the real program, and compared are exit status,
//! standard output, and the state afterwards: tunnels in the kernel, `datalink.conf`, the
//! file of active links, and the files below another root. Everything is done with both
//! kernels: as illumos is today, which is what was recorded, and with our changes.
//!
//! One thing is translated: the column FLAGS of `show-iptun` had two letters where the
//! cases were recorded and has three now (`flags`). The third one says that IPsec is
//! required, which no recorded tunnel knows, so it is always `-`.
//!
//! Cases that differ on purpose are listed in `tests/golden/dladm-differs.tsv`: name, what
//! differs, and why. Neither more nor less than that may differ. A case that is marked
//! `must` can be listed only for the state that it leaves behind. A name with
//! `@modified` is about the kernel with our changes alone.

mod case;
mod faults;
mod flags;
mod outcome;
mod policy;
mod state;
mod terminal;
mod world;

use std::path::Path;

use ipsec_usermode::KernelKind;

pub use case::{Case, Compat, load_directory, load_imported};

use super::Outcome;
use outcome::{Aspect, Listed};

const DIFFERS: &str = include_str!("../../../golden/dladm-differs.tsv");

/// Runs one case with this `dladm` executable on one kind of kernel.
#[must_use]
pub fn run(case: &Case, program: &Path, kernel: KernelKind) -> Outcome {
    match world::play(case, program, kernel) {
        Ok(observed) => outcome::judge(case, &observed, listed(&case.id, kernel).as_ref()),
        Err(error) => Outcome::Failed(format!("the case could not be played: {error}")),
    }
}

/// The name of a case that is about one kind of kernel.
#[must_use]
pub fn name(id: &str, kernel: KernelKind) -> String {
    match kernel {
        KernelKind::Unmodified => id.to_owned(),
        KernelKind::Modified => format!("{id}{MODIFIED}"),
    }
}

const MODIFIED: &str = "@modified";

/// What the list says about a case.
fn listed(id: &str, kernel: KernelKind) -> Option<Listed> {
    let (special, list) = (name(id, kernel), list());
    let find = |name: &str| list.iter().find(|listed| listed.id == name).cloned();
    find(&special).or_else(|| find(id))
}

fn list() -> Vec<Listed> {
    DIFFERS.lines().map(|line| Listed::parse(line).unwrap_or_else(|| panic!("{line:?}"))).collect()
}

/// What is wrong with the list itself: names that no case has, cases that must agree.
#[must_use]
pub fn objections_to_list(cases: &[Case]) -> Vec<String> {
    let mut objections = Vec::new();
    for listed in list() {
        // What the other kernel does was not recorded.
        let (id, recorded) = match listed.id.strip_suffix(MODIFIED) {
            Some(id) => (id, false),
            None => (listed.id.as_str(), true),
        };
        let Some(case) = cases.iter().find(|case| case.id == id) else {
            objections.push(format!("{} is listed and is no case", listed.id));
            continue;
        };
        let visible = [Aspect::Exit, Aspect::Stdout].iter().any(|a| listed.aspects.contains(a));
        if recorded && case.compat == Compat::Must && visible {
            objections.push(format!("{} has to agree and is listed", listed.id));
        }
    }
    objections
}
