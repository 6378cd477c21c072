// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ipsec-lab demo`: the session of IPD 46 with the real commands, each step checked.
//!
//! A part is a table of [`Step`]s in a file of its own; it begins in a fresh lab.

mod dladm;
mod engine;
mod ipsecconf;
mod ipseckey;
mod namespaces;
mod shards;
mod step;

use std::process::ExitCode;

use self::engine::{Session, show};
use self::step::{Kernel, Part, Step};
use super::LabError;
use super::kernel_args::KernelArgs;
use super::process::Lab;
use super::smf;

/// All parts, in the order of the proposal.
const PARTS: &[&Part] = &[
    &dladm::PART,
    &ipsecconf::PART,
    &shards::PART,
    &namespaces::PART,
    &ipseckey::PART,
    &dladm::OLD_KERNEL,
];

/// Runs all parts; success only if every step went as expected. With `unmodified` the kernel
/// is the old one, and a part ends where it would need the changed one.
pub(super) fn run(unmodified: bool) -> Result<ExitCode, LabError> {
    let mut steps = 0;
    for part in PARTS {
        let is_about_old = matches!(part.kernel, Kernel::Unmodified);
        let ends = |step: &Step| unmodified && !is_about_old && step.needs_changed_kernel();
        if part.steps.first().is_none_or(ends) {
            continue;
        }
        let unmodified = unmodified || is_about_old;
        let lab = Lab::start(None, &KernelArgs { unmodified, ..KernelArgs::default() })?;
        if let Some(missing) = part.needs.iter().find(|name| !lab.commands().contains(name)) {
            return Err(LabError::NoCommand(missing));
        }
        smf::at_start(&lab);
        show(&format!("== {} ==\n", part.title));
        let peer = match part.peer {
            None => None,
            Some(address) => {
                let addresses = address.parse().into_iter().collect();
                let peer = Lab::start(None, &KernelArgs { addresses, ..KernelArgs::default() })?;
                smf::at_start(&peer);
                Some(peer)
            }
        };
        let mut session = Session::new(&lab, peer.as_ref(), !unmodified);
        for step in part.steps.iter().take_while(|step| !ends(step)) {
            if let Err(failure) = session.run(step) {
                show(&format!("\n{failure}"));
                return Ok(ExitCode::FAILURE);
            }
            steps += 1;
        }
        show("\n");
    }
    show(&format!("{steps} steps, all as expected\n"));
    Ok(ExitCode::SUCCESS)
}
