// SPDX-License-Identifier: MIT OR Apache-2.0

//! The kernel interfaces that a lab offers, one row each.

use illumos_ipsec::wire;
use illumos_ipsec::wire::key::Show;

use crate::{ConnId, Kernel};

/// Gives the bytes without secrets.
type Redact = fn(&[u8]) -> Vec<u8>;

/// One kernel interface: a socket in the lab directory.
pub(super) struct Interface {
    /// Name of the socket, and of the interface in a trace.
    pub(super) name: &'static str,
    /// Opens a connection in the kernel.
    pub(super) open: fn(&mut Kernel) -> ConnId,
    /// One line about one message, for a trace.
    pub(super) describe: fn(&[u8], Show) -> String,
    /// The bytes without what a trace does not show.
    pub(super) redact: Option<Redact>,
}

/// Every interface a lab has.
pub(super) const INTERFACES: &[Interface] = &[
    Interface {
        name: "pf_policy",
        open: Kernel::open_policy,
        describe: |bytes, _| wire::policy::describe(bytes),
        redact: None,
    },
    Interface {
        name: "pf_key",
        open: Kernel::open_key,
        describe: wire::key::describe,
        redact: Some(wire::key::redacted),
    },
    Interface {
        name: "dld",
        open: Kernel::open_dld,
        describe: |bytes, _| wire::lab::describe(bytes),
        redact: None,
    },
    Interface {
        name: "control",
        open: Kernel::open_control,
        describe: |bytes, _| String::from_utf8_lossy(bytes).into_owned(),
        redact: None,
    },
];
