// SPDX-License-Identifier: MIT OR Apache-2.0

//! What became of how many packets. Each packet is counted once.

use std::collections::BTreeMap;

use illumos_ipsec::model::LinkId;

use super::question::Packet;
use super::verdict::{Clear, Outcome, Reason, Verdict};
use crate::Kernel;
use crate::spd::Way;

/// Counts of one direction of one tunnel, or of what takes none.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Counts {
    /// Passed protected.
    pub protected: u64,
    /// Wait for the rest of their datagrams.
    pub held: u64,
    /// Passed in clear, by the reason.
    pub clear: BTreeMap<Clear, u64>,
    /// Dropped, by the reason.
    pub dropped: BTreeMap<Reason, u64>,
}

impl Counts {
    /// Every packet.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.protected + self.held + self.all_clear() + self.all_dropped()
    }

    /// Passed in clear, whatever the reason.
    #[must_use]
    pub fn all_clear(&self) -> u64 {
        self.clear.values().sum()
    }

    /// Dropped, whatever the reason.
    #[must_use]
    pub fn all_dropped(&self) -> u64 {
        self.dropped.values().sum()
    }

    fn add(&mut self, outcome: &Outcome) {
        let count = match outcome {
            Outcome::Protect { .. } => &mut self.protected,
            Outcome::Held => &mut self.held,
            Outcome::Pass(why) => self.clear.entry(*why).or_default(),
            Outcome::Drop(reason) => self.dropped.entry(*reason).or_default(),
        };
        *count += 1;
    }
}

/// Counts of every tunnel that has seen a packet, and under no link those of the rest.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PacketCounters {
    counts: BTreeMap<(Option<LinkId>, Way), Counts>,
}

impl PacketCounters {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (Option<LinkId>, Way, &Counts)> {
        self.counts.iter().map(|((link, way), counts)| (*link, *way, counts))
    }

    /// One direction of a tunnel, or of what takes none.
    #[must_use]
    pub fn of(&self, link: Option<LinkId>, way: Way) -> Counts {
        self.counts.get(&(link, way)).cloned().unwrap_or_default()
    }

    /// Every packet.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().map(Counts::total).sum()
    }
}

impl Kernel {
    /// Counts a packet, for the tunnel also in the statistics of its link.
    pub(super) fn count(&mut self, packet: &Packet, verdict: &Verdict) {
        self.packets.counts.entry((verdict.link, packet.way)).or_default().add(&verdict.outcome);
        let Some(tunnel) = verdict.link.and_then(|link| self.tunnels.by_link.get_mut(&link)) else {
            return;
        };
        let counters = &mut tunnel.counters;
        let (packets, bytes, errors) = match packet.way {
            Way::Out => (&mut counters.opackets, &mut counters.obytes, &mut counters.oerrors),
            Way::In => (&mut counters.ipackets, &mut counters.rbytes, &mut counters.ierrors),
        };
        match verdict.outcome {
            // What is held is counted when its datagram is complete. An error that arrives
            // is not handed on as a packet.
            Outcome::Held => {}
            Outcome::Drop(_) => *errors += 1,
            _ if packet.error.is_some() => {}
            Outcome::Protect { .. } | Outcome::Pass(_) => {
                *packets += 1;
                *bytes += u64::from(packet.len);
            }
        }
    }
}
