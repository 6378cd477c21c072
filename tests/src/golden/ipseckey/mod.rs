// SPDX-License-Identifier: MIT OR Apache-2.0

//! Recorded behaviour of the original `ipseckey`, replayed with ours.
//!
//! A case is a series of runs. Ours run as the real program against a peer that answers as
//! the recorded one did; exit status, standard output, what was sent and the files that
//! were written are compared.
//!
//! Cases that differ on purpose are listed in `tests/golden/ipseckey-differs.tsv`: name, what
//! differs, and why. Neither more nor less than that may differ.

mod case;
mod compare;
mod peer;
mod world;

use std::path::Path;

pub use case::{Case, load_directory, load_imported};

use super::Outcome;
use compare::Differences;

const DIFFERS: &str = include_str!("../../../golden/ipseckey-differs.tsv");

/// Runs one case with this `ipseckey` executable.
#[must_use]
pub fn run(case: &Case, program: &Path) -> Outcome {
    let differences = match world::play(case, program) {
        Ok(observed) => Differences::of(case, &observed),
        Err(error) => return Outcome::Failed(format!("the case could not be played: {error}")),
    };
    match listed(&case.id) {
        None if differences.is_empty() => Outcome::Passed,
        None => Outcome::Failed(differences.text()),
        Some((what, reason)) if differences.words() == what => {
            Outcome::Differs { decision: reason.into() }
        }
        Some((what, reason)) if differences.is_empty() => {
            Outcome::Failed(format!("listed as different in {what} ({reason}), but it agrees"))
        }
        Some((what, _)) => {
            let (words, text) = (differences.words(), differences.text());
            Outcome::Failed(format!("differs in {words}, listed is {what}\n{text}"))
        }
    }
}

/// What the list says about a case: what differs, and why.
fn listed(id: &str) -> Option<(&'static str, &'static str)> {
    let mut rows = DIFFERS.lines().filter(|line| !line.starts_with('#'));
    let row = rows.find_map(|line| line.strip_prefix(id)?.strip_prefix('\t'))?;
    Some(row.split_once('\t').unwrap_or((row, "")))
}
