// SPDX-License-Identifier: MIT OR Apache-2.0

//! The kernel interfaces that a lab offers, one row each.

use illumos_ipsec::wire;
use illumos_ipsec::wire::key::Show;

use crate::{ConnId, Kernel};

/// One kernel interface: a socket in the lab directory.
pub(super) struct Interface {
    /// Name of the socket, and of the interface in a trace.
    pub(super) name: &'static str,
    /// Opens a connection in the kernel.
    pub(super) open: fn(&mut Kernel) -> ConnId,
    /// One line about one message, for a trace.
    pub(super) describe: fn(&[u8]) -> String,
}

/// Every interface a lab has.
pub(super) const INTERFACES: &[Interface] = &[
    Interface { name: "pf_policy", open: Kernel::open_policy, describe: wire::policy::describe },
    Interface {
        name: "pf_key",
        open: Kernel::open_key,
        describe: |bytes| wire::key::describe(bytes, Show::Redacted),
    },
    Interface { name: "dld", open: Kernel::open_dld, describe: wire::lab::describe },
    Interface {
        name: "control",
        open: Kernel::open_control,
        describe: |bytes| String::from_utf8_lossy(bytes).into_owned(),
    },
];
