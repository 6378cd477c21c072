// SPDX-License-Identifier: MIT OR Apache-2.0

//! The rest of the host as far as tunnels see it: who calls, which addresses there are,
//! what is plumbed on which link.

mod state;

use std::collections::BTreeMap;
use std::net::IpAddr;

use bitflags::bitflags;
use illumos_ipsec::model::{LinkId, LinkStatistics, LinkTopology};

bitflags! {
    /// Privileges that count here.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Privileges: u8 {
        /// `sys_net_config`.
        const SYS_NET_CONFIG = 1;
        /// `sys_dl_config`.
        const SYS_DL_CONFIG = 2;
        /// `sys_iptun_config`.
        const SYS_IPTUN_CONFIG = 4;
    }
}

impl Privileges {
    /// May links be configured?
    #[must_use]
    pub fn links(self) -> bool {
        self.intersects(Self::SYS_NET_CONFIG | Self::SYS_DL_CONFIG)
    }

    /// May tunnels be configured?
    #[must_use]
    pub fn tunnels(self) -> bool {
        !self.is_empty()
    }
}

/// Who makes a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The zone; 0 is the global one.
    pub zone: u32,
    /// The effective privileges.
    pub privileges: Privileges,
}

impl Default for Caller {
    fn default() -> Self {
        Self { zone: 0, privileges: Privileges::all() }
    }
}

/// An address object on a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The link.
    pub link: LinkId,
    /// Local address.
    pub local: IpAddr,
    /// Prefix length, where one was given.
    pub prefix: Option<u8>,
    /// Address of the other end.
    pub remote: Option<IpAddr>,
    /// Is it up?
    pub up: bool,
}

/// State of the host.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// Addresses, and whether each is up.
    pub(crate) addresses: BTreeMap<IpAddr, bool>,
    /// Address objects by name.
    pub(crate) interfaces: BTreeMap<String, Interface>,
    /// MTU of the path to any remote end, in bytes.
    pub(crate) path_mtu: u32,
    pub(crate) caller: Caller,
    /// Statistics of links whose driver is not in here.
    pub(crate) statistics: BTreeMap<Vec<u8>, Option<LinkStatistics>>,
    /// MTU of such links.
    pub(crate) mtus: BTreeMap<LinkId, u32>,
    pub(crate) topology: BTreeMap<LinkId, LinkTopology>,
}

/// Of an Ethernet.
const PATH_MTU: u32 = 1500;

impl Default for Host {
    fn default() -> Self {
        Self {
            addresses: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            path_mtu: PATH_MTU,
            caller: Caller::default(),
            statistics: BTreeMap::new(),
            mtus: BTreeMap::new(),
            topology: BTreeMap::new(),
        }
    }
}
