// SPDX-License-Identifier: MIT OR Apache-2.0

//! The security policy database: one head for the system, one for each tunnel.
//!
//! ```text
//! Spd ── Head (system, 251 hash chains)      Head ── Table (active)
//!     └─ Head (tunnel, 5 hash chains) ...         └─ Table (standby)
//! ```
//!
//! Source: `spec/pf_policy.md` sections 3, 4.1, 6 and 8.

mod chain;
mod contents;
mod head;
mod many;
mod place;
mod rule;
mod table;

use std::collections::BTreeMap;

use illumos_ipsec::model::{Side, TunnelName};

pub use chain::Chain;
pub(crate) use chain::Chains;
pub(crate) use head::Head;
pub use head::{HeadFlags, SideFlags};
pub(crate) use place::Place;
pub use place::Way;
pub(crate) use rule::Owner;
pub use rule::{Family, PacketSelector, Rule, RulePrefix, RuleSelector};
pub(crate) use table::Table;

/// Hash chains of the system's tables.
const SYSTEM_CHAINS: u16 = 251;
/// Hash chains of a tunnel's tables.
const TUNNEL_CHAINS: u16 = 5;

/// Every policy head of a network stack.
#[derive(Clone, Debug)]
pub(crate) struct Spd {
    system: Head,
    tunnels: BTreeMap<TunnelName, Head>,
    generation: u64,
    pub(crate) chains: Chains,
}

impl Spd {
    pub(crate) fn new() -> Self {
        Self {
            system: Head::new(SYSTEM_CHAINS),
            tunnels: BTreeMap::new(),
            generation: 0,
            chains: Chains::default(),
        }
    }

    /// The system's head, or that of a tunnel if it has one.
    pub(crate) fn head(&self, tunnel: Option<&TunnelName>) -> Option<&Head> {
        match tunnel {
            None => Some(&self.system),
            Some(name) => self.tunnels.get(name),
        }
    }

    /// The same, to change.
    pub(crate) fn head_mut(&mut self, tunnel: Option<&TunnelName>) -> Option<&mut Head> {
        match tunnel {
            None => Some(&mut self.system),
            Some(name) => self.tunnels.get_mut(name),
        }
    }

    /// A table, if its head exists.
    pub(crate) fn table(&self, tunnel: Option<&TunnelName>, side: Side) -> Option<&Table> {
        Some(self.head(tunnel)?.table(side))
    }

    /// Makes a head for a tunnel if there is none.
    pub(crate) fn create(&mut self, tunnel: &TunnelName) {
        if !self.tunnels.contains_key(tunnel) {
            self.tunnels.insert(tunnel.clone(), Head::new(TUNNEL_CHAINS));
            self.generation += 1;
        }
    }

    /// Removes the head of a tunnel with all its rules.
    pub(crate) fn destroy(&mut self, tunnel: &TunnelName) {
        if self.tunnels.remove(tunnel).is_some() {
            self.generation += 1;
        }
    }

    /// Counts how often a tunnel's head came or went.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn tunnel_count(&self) -> usize {
        self.tunnels.len()
    }

    /// The tunnel after this one, or the first, in the order of the names.
    pub(crate) fn next_tunnel(&self, after: Option<&TunnelName>) -> Option<(&TunnelName, &Head)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        self.tunnels.range::<TunnelName, _>((from, Unbounded)).next()
    }

    /// Every head, the system's first, then the tunnels by name.
    pub(crate) fn heads_mut(&mut self) -> impl Iterator<Item = (Option<&TunnelName>, &mut Head)> {
        let tunnels = self.tunnels.iter_mut().map(|(name, head)| (Some(name), head));
        std::iter::once((None, &mut self.system)).chain(tunnels)
    }
}
