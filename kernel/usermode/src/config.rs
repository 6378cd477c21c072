// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which kernel to be, and how it starts.

/// Which kernel to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum KernelKind {
    /// With the changes of this project.
    #[default]
    Modified,
    /// As illumos is without them, but for what stops it ([`crate::decisions`]).
    Unmodified,
}

/// State of the IPsec modules at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum IpsecState {
    /// Loaded, with the default algorithms.
    #[default]
    Loaded,
    /// Loaded, without any algorithm.
    LoadedNoAlgs,
    /// Not loaded: requests wait until [`Kernel::ipsec_loaded`](crate::Kernel::ipsec_loaded) says how it went.
    Unloaded,
}

/// How a kernel starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Config {
    /// Which kernel.
    pub kind: KernelKind,
    /// Its IPsec modules.
    pub ipsec: IpsecState,
}

impl Config {
    /// A configuration.
    #[must_use]
    pub fn new(kind: KernelKind, ipsec: IpsecState) -> Self {
        Self { kind, ipsec }
    }
}
