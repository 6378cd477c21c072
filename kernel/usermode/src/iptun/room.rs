// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a tunnel remembers for its MTU. How it is worked out is in `mtu`.

/// What the MTU was last worked out from. A tunnel without a remote end keeps the largest
/// MTU of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Room {
    /// MTU of the path without the outer header; none before the first time.
    pub(super) bytes: Option<u32>,
    /// MTU of the path, if the tunnel has been bound once.
    pub(super) path: Option<u32>,
    pub(super) ipsec: Ipsec,
}

/// What IPsec takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Ipsec {
    /// Nothing.
    #[default]
    None,
    /// So many bytes.
    Bytes(u32),
    /// What the policy attached asks for. Each change of it is one of the moments, so it
    /// need not be added up before somebody asks.
    Attached,
}
