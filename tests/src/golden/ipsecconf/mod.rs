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

use ipsec_usermode::KernelKind;

pub use case::{Case, load_directory, load_imported};

use super::Outcome;

/// Runs one case with this `ipsecconf` executable on one kind of kernel.
#[must_use]
pub fn run(case: &Case, program: &Path, kernel: KernelKind) -> Outcome {
    match world::play(case, program, kernel) {
        Ok(observed) => decisions::judge(case, &observed),
        Err(error) => Outcome::Failed(format!("the case could not be played: {error}")),
    }
}

/// The name of a case on one kind of kernel. Nothing depends on the kind.
#[must_use]
pub fn name(id: &str, kernel: KernelKind) -> String {
    match kernel {
        KernelKind::Modified => id.to_owned(),
        KernelKind::Unmodified => format!("{id}@unmodified"),
    }
}
