// SPDX-License-Identifier: MIT OR Apache-2.0

//! What can be observed of a data-link.

use super::{LinkId, LinkState};

/// Counters of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the names of the statistics of illumos")]
pub struct LinkCounters {
    pub ipackets: u64,
    pub rbytes: u64,
    pub ierrors: u64,
    pub opackets: u64,
    pub obytes: u64,
    pub oerrors: u64,
}

/// Statistics of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkStatistics {
    /// State of the link.
    pub state: LinkState,
    /// Packets, bytes and errors.
    pub counters: LinkCounters,
}

/// Where a link lies.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct LinkTopology {
    /// The bridge that the link belongs to.
    pub bridge: Option<Vec<u8>>,
    /// Links below it; of a bridge, its ports.
    pub over: Vec<LinkId>,
}
