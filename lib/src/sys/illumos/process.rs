// SPDX-License-Identifier: MIT OR Apache-2.0

//! This process: where it is, and what it may do.

use super::calls::{ProcessCalls, Result};
use crate::wire::errno::Errno;

/// The number of its zone; 0 is the global one.
pub(super) fn zone(calls: &impl ProcessCalls) -> Result<u32> {
    u32::try_from(calls.zone()).map_err(|_| Errno::EINVAL)
}

/// May it configure IP? Opening a socket asks the same, but says less about why not.
pub(super) fn may_configure_ip(calls: &impl ProcessCalls) -> bool {
    calls.privilege_in_effect(c"sys_ip_config")
}
