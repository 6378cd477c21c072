// SPDX-License-Identifier: MIT OR Apache-2.0

//! A rule of the security policy database.

use bitflags::bitflags;

use super::{Alternative, Namespace, Selector, TunnelName};

bitflags! {
    /// Directions of traffic, as seen from this host.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
    pub struct Direction: u8 {
        /// Packets that arrive.
        const IN = 1;
        /// Packets that leave.
        const OUT = 2;
    }
}

/// How a tunnel's packets are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TunnelMode {
    /// The tunnel's outer packets, whatever is inside.
    Transport,
    /// Inner packets chosen by selectors.
    Tunnel,
}

/// The two instances of a policy head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// In force.
    Active,
    /// Where a new policy is put together before FLIP.
    Standby,
}

/// A rule as the kernel lists it: one direction, one address family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpdRule {
    /// Number in its policy head; counts from 1.
    pub index: u64,
    /// The larger one wins.
    pub priority: u32,
    /// Direction; a listed rule has exactly one.
    pub direction: Direction,
    /// The tunnel it belongs to; none for the host's own policy.
    pub tunnel: Option<TunnelName>,
    /// Mode; transport for rules of the host, where it has no meaning.
    pub mode: TunnelMode,
    /// Selectors.
    pub selector: Selector,
    /// Alternatives in order of preference.
    pub action: Vec<Alternative>,
    /// Who it belongs to, if the kernel was asked for that.
    pub namespace: Option<Namespace>,
}
