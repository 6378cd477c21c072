// SPDX-License-Identifier: MIT OR Apache-2.0

//! Recorded behaviour of the original `ipsecconf`, replayed with ours.
//!
//! A case is a series of commands against one system. Each command of ours runs as
//! the real program against a user-mode kernel; exit status, standard output, the
//! requests that change the kernel, and the view afterwards are compared.

mod case;
mod decisions;
mod outcome;
mod world;

use std::path::Path;

pub use case::{Case, load_directory, load_imported};

use super::Outcome;

/// Runs one case with this `ipsecconf` executable.
#[must_use]
pub fn run(case: &Case, program: &Path) -> Outcome {
    match world::play(case, program) {
        Ok(observed) => decisions::judge(case, &observed),
        Err(error) => Outcome::Failed(format!("the case could not be played: {error}")),
    }
}
