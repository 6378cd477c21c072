// SPDX-License-Identifier: MIT OR Apache-2.0

//! Recorded behaviour of the original `ipseckey`, replayed with ours.
//!
//! A case is a series of runs. Ours run as the real program against a peer that answers as
//! the recorded one did; exit status, standard output, what was sent and the files that
//! were written are compared.

mod case;
mod compare;
mod peer;
mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

pub use case::{Case, load_directory, load_imported};

use super::Outcome;

/// Cases that differ on purpose, each with the reason.
static DIFFERS: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
    let text = include_str!("../../../golden/ipseckey-differs.tsv");
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|line| line.split_once('\t')).collect()
});

/// Runs one case with this `ipseckey` executable.
#[must_use]
pub fn run(case: &Case, program: &Path) -> Outcome {
    let compared = match world::play(case, program) {
        Ok(observed) => compare::all(case, &observed),
        Err(error) => return Outcome::Failed(format!("the case could not be played: {error}")),
    };
    match (compared, DIFFERS.get(case.id.as_str())) {
        (Ok(()), None) => Outcome::Passed,
        (Ok(()), Some(_)) => {
            Outcome::Failed("it is listed as one that differs, but agrees".to_owned())
        }
        (Err(_), Some(reason)) => Outcome::Differs { decision: (*reason).into() },
        (Err(why), None) => Outcome::Failed(why),
    }
}
