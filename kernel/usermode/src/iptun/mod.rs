// SPDX-License-Identifier: MIT OR Apache-2.0

//! The IP tunnel driver.
//!
//! | file | what it is |
//! |---|---|
//! | `tunnel` | one tunnel |
//! | `create`, `modify`, `delete` | the life of a tunnel |
//! | `bind` | the table of outer addresses in which an arriving packet finds its tunnel |
//! | `state` | policy and link state |
//! | `mtu` | the MTU |
//! | `room` | what a tunnel remembers for it |
//! | `simple` | policy that comes with the parameters |
//! | `property` | properties of the link |
//!
//! Source: `spec/iptun_ioctl.md`, `spec/kernel-hooks.md` section 3.

mod address;
mod bind;
mod create;
mod delete;
mod modify;
mod mtu;
mod property;
mod room;
mod simple;
mod state;
mod tunnel;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use illumos_ipsec::model::{LinkId, TunnelName};

pub use tunnel::Tunnel;

/// Every tunnel of a network stack.
#[derive(Clone, Debug)]
pub(crate) struct Tunnels {
    pub(crate) by_link: BTreeMap<LinkId, Tunnel>,
    /// Bound tunnels by local and remote address; a 6to4 tunnel has no remote one.
    pub(crate) bound: HashMap<(IpAddr, Option<IpAddr>), LinkId>,
    /// Tunnels by the policy head that is attached. After a rename that can be another
    /// name than that of the link, and two tunnels can have the same one.
    attached: HashMap<TunnelName, BTreeSet<LinkId>>,
    /// The 6to4 relay; 0.0.0.0 is none.
    pub(crate) relay: Ipv4Addr,
}

impl Default for Tunnels {
    fn default() -> Self {
        Self {
            by_link: BTreeMap::new(),
            bound: HashMap::new(),
            attached: HashMap::new(),
            relay: Ipv4Addr::UNSPECIFIED,
        }
    }
}

impl Tunnels {
    /// Enters a tunnel, in place of one with the same link.
    pub(crate) fn insert(&mut self, tunnel: Tunnel) {
        let (link, policy) = (tunnel.link, tunnel.policy.clone());
        self.remove(link);
        self.by_link.insert(link, tunnel);
        self.note(link, policy.as_ref());
    }

    /// Takes a tunnel out of every table.
    pub(crate) fn remove(&mut self, link: LinkId) -> Option<Tunnel> {
        let tunnel = self.by_link.remove(&link)?;
        if let Some(pair) = tunnel.pair()
            && self.bound.get(&pair) == Some(&link)
        {
            self.bound.remove(&pair);
        }
        self.forget(link, tunnel.policy.as_ref());
        Some(tunnel)
    }

    /// Attaches a policy head, or none, in place of the one that is attached.
    pub(crate) fn attach(&mut self, link: LinkId, policy: Option<TunnelName>) {
        let Some(tunnel) = self.by_link.get_mut(&link) else { return };
        if tunnel.policy == policy {
            return;
        }
        let before = std::mem::replace(&mut tunnel.policy, policy.clone());
        self.forget(link, before.as_ref());
        self.note(link, policy.as_ref());
    }

    /// The tunnels to which a policy head is attached.
    pub(crate) fn with_policy(&self, policy: &TunnelName) -> Vec<LinkId> {
        self.attached.get(policy).into_iter().flatten().copied().collect()
    }

    fn note(&mut self, link: LinkId, policy: Option<&TunnelName>) {
        if let Some(policy) = policy {
            self.attached.entry(policy.clone()).or_default().insert(link);
        }
    }

    fn forget(&mut self, link: LinkId, policy: Option<&TunnelName>) {
        if let Some(policy) = policy
            && let Some(links) = self.attached.get_mut(policy)
        {
            links.remove(&link);
            if links.is_empty() {
                self.attached.remove(policy);
            }
        }
    }
}
