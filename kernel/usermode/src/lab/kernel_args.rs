// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is said of the kernel of a lab, wherever one is started.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// Options of the kernel.
#[derive(Clone, Debug)]
pub(super) struct KernelArgs {
    pub(super) unmodified: bool,
    pub(super) trace: Option<PathBuf>,
    /// With keys.
    pub(super) trace_keys: bool,
    /// Addresses of the host.
    pub(super) addresses: Vec<IpAddr>,
}

/// The address of the host in the proposal.
pub(super) const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 1, 1, 1));

impl Default for KernelArgs {
    fn default() -> Self {
        Self { unmodified: false, trace: None, trace_keys: false, addresses: vec![ADDRESS] }
    }
}
