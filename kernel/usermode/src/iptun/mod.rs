// SPDX-License-Identifier: MIT OR Apache-2.0

//! The IP tunnel driver.
//!
//! | file | what it is |
//! |---|---|
//! | `tunnel` | one tunnel |
//! | `create`, `modify`, `delete` | the life of a tunnel |
//! | `bind` | the table of outer addresses in which an arriving packet finds its tunnel |
//! | `state` | policy, link state and MTU |
//! | `property` | properties of the link |
//!
//! Source: `spec/iptun_ioctl.md`, `spec/kernel-hooks.md` section 3.

mod address;
mod bind;
mod create;
mod delete;
mod modify;
mod property;
mod state;
mod tunnel;

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use illumos_ipsec::model::LinkId;

pub use tunnel::Tunnel;

/// Every tunnel of a network stack.
#[derive(Debug)]
pub(crate) struct Tunnels {
    pub(crate) by_link: BTreeMap<LinkId, Tunnel>,
    /// Bound tunnels by local and remote address; a 6to4 tunnel has no remote one.
    pub(crate) bound: HashMap<(IpAddr, Option<IpAddr>), LinkId>,
    /// The 6to4 relay; 0.0.0.0 is none.
    pub(crate) relay: Ipv4Addr,
}

impl Default for Tunnels {
    fn default() -> Self {
        Self { by_link: BTreeMap::new(), bound: HashMap::new(), relay: Ipv4Addr::UNSPECIFIED }
    }
}
