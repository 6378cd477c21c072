// SPDX-License-Identifier: MIT OR Apache-2.0

//! Running as the method of an SMF service (smf_method(7)).

use std::env;

/// Exit status of a method: unrecoverable error, the service goes to maintenance.
pub const EXIT_ERR_FATAL: u8 = 95;
/// Exit status of a method: the method lacks a privilege.
pub const EXIT_ERR_PERM: u8 = 100;

/// The service whose method this process is, if it is one.
#[must_use]
pub fn service() -> Option<String> {
    env::var_os("SMF_FMRI").map(|fmri| fmri.to_string_lossy().into_owned())
}
