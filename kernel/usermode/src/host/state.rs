// SPDX-License-Identifier: MIT OR Apache-2.0

//! Setting up the host, and plumbing links.

use std::net::{IpAddr, Ipv4Addr};

use illumos_ipsec::model::{
    LinkClass, LinkId, LinkState, LinkStatistics, LinkTopology, TunnelName, TunnelType,
};
use illumos_ipsec::wire::dlmgmt::LinkFlags;
use illumos_ipsec::wire::errno::Errno;

use super::{Caller, Interface};
use crate::Kernel;
use crate::iptun::Tunnel;
use crate::links::Registry;

impl Kernel {
    /// Takes the place of the link registry, which has read its files.
    pub fn set_links_registry(&mut self, registry: Registry) {
        self.links = registry;
    }

    /// The link registry.
    #[must_use]
    pub fn links(&self) -> &Registry {
        &self.links
    }

    /// The link registry, to set it up.
    pub fn links_mut(&mut self) -> &mut Registry {
        &mut self.links
    }

    /// Says who makes the calls from now on.
    pub fn set_caller(&mut self, caller: Caller) {
        self.host.caller = caller;
    }

    /// Adds an address of this host, or changes whether it is up.
    pub fn set_address(&mut self, address: IpAddr, up: bool) {
        self.host.addresses.insert(address, up);
    }

    /// Removes an address of this host; false if there is none. Tunnels that are bound to
    /// it stay so.
    pub fn remove_address(&mut self, address: IpAddr) -> bool {
        self.host.addresses.remove(&address).is_some()
    }

    /// Sets the MTU of the paths to all remote ends, in bytes.
    pub fn set_path_mtu(&mut self, mtu: u32) {
        self.host.path_mtu = mtu;
        self.path_mtu_changed();
    }

    /// Gives a link that is not a tunnel statistics, or takes those of any link away.
    pub fn set_statistics(&mut self, link: &[u8], statistics: Option<LinkStatistics>) {
        self.host.statistics.insert(link.to_vec(), statistics);
    }

    /// Sets the MTU of a link that is not a tunnel.
    pub fn set_link_mtu(&mut self, link: LinkId, mtu: u32) {
        self.host.mtus.insert(link, mtu);
    }

    /// Says where a link lies.
    pub fn set_topology(&mut self, link: LinkId, topology: LinkTopology) {
        self.host.topology.insert(link, topology);
    }

    /// Puts a tunnel into a state, as it was found on a running system; a tunnel of the
    /// same link is replaced. What was told of the link stays as the state says.
    pub fn restore_tunnel(&mut self, tunnel: Tunnel) {
        let link = tunnel.link;
        let pair = tunnel.pair().filter(|_| tunnel.bound);
        self.tunnels.insert(tunnel);
        if let Some(pair) = pair {
            self.tunnels.bound.insert(pair, link);
            self.update_mtu(link);
        }
    }

    /// Adds an IP tunnel link without addresses. Policy for its name that is there
    /// already becomes its policy.
    pub fn add_link(&mut self, name: TunnelName) {
        let kind = TunnelType::Ipv4;
        let flags = LinkFlags::ACTIVE;
        if self.is_tunnel(&name) {
            return;
        }
        let link = self.links.restore(name.as_bytes(), LinkClass::IPTUN, kind.media(), flags);
        let mut tunnel = Tunnel::new(link, kind);
        tunnel.policy = self.spd.head(Some(&name)).map(|_| name);
        self.restore_tunnel(tunnel);
    }

    /// Deletes an IP tunnel link, and with it the policy head of its name.
    pub fn remove_link(&mut self, name: &TunnelName) {
        if let Some((link, _)) = self.links.find(name.as_bytes()) {
            self.discard_tunnel(link);
            let _ = self.links.destroy(link, LinkFlags::ACTIVE);
        }
    }

    /// A tunnel by the name of its link.
    #[must_use]
    pub fn tunnel(&self, name: &[u8]) -> Option<&Tunnel> {
        self.tunnels.by_link.get(&self.links.find(name)?.0)
    }

    /// Every tunnel by ascending link number.
    pub fn tunnels(&self) -> impl Iterator<Item = &Tunnel> {
        self.tunnels.by_link.values()
    }

    pub(crate) fn is_tunnel(&self, name: &TunnelName) -> bool {
        self.tunnel(name.as_bytes()).is_some()
    }

    /// MTU of any link.
    pub(crate) fn link_mtu(&self, link: LinkId) -> Result<u32, Errno> {
        match self.tunnels.by_link.get(&link) {
            Some(tunnel) => Ok(self.mtu(tunnel)),
            None => self.host.mtus.get(&link).copied().ok_or(Errno::ENOENT),
        }
    }

    /// Sets the 6to4 relay; 0.0.0.0 is none.
    pub(crate) fn set_relay(&mut self, relay: Ipv4Addr) -> Result<(), Errno> {
        if relay.is_broadcast() || relay.is_multicast() {
            return Err(Errno::EADDRNOTAVAIL);
        }
        self.tunnels.relay = relay;
        Ok(())
    }

    /// Plumbs an IP interface on a tunnel.
    pub fn plumb(&mut self, link: LinkId) {
        self.start(link, true);
    }

    /// Takes the IP interface off a tunnel.
    pub fn unplumb(&mut self, link: LinkId) {
        self.start(link, false);
    }

    fn start(&mut self, link: LinkId, started: bool) {
        if let Some(tunnel) = self.tunnels.by_link.get_mut(&link) {
            tunnel.started = started;
            if started {
                self.take_own_policy(link);
            }
            self.update_link_state(link);
        }
    }

    /// Adds an address object, and plumbs the link if it is the first one.
    pub(crate) fn create_address(
        &mut self,
        name: &str,
        interface: Interface,
    ) -> Result<(), &'static str> {
        if self.host.interfaces.contains_key(name) {
            return Err("object already exists");
        }
        let tunnel = self.tunnels.by_link.contains_key(&interface.link);
        if tunnel && interface.remote.is_none() {
            return Err("a tunnel needs the address of the other end (local=A,remote=B)");
        }
        if self.host.addresses.contains_key(&interface.local) {
            return Err("the address is in use");
        }
        let (link, local, up) = (interface.link, interface.local, interface.up);
        self.host.interfaces.insert(name.to_owned(), interface);
        self.host.addresses.insert(local, up);
        self.plumb(link);
        Ok(())
    }

    /// Removes an address object, and unplumbs the link if it was the last one.
    pub(crate) fn delete_address(&mut self, name: &str) -> Result<(), &'static str> {
        let interface = self.host.interfaces.remove(name).ok_or("object not found")?;
        self.host.addresses.remove(&interface.local);
        if !self.host.interfaces.values().any(|other| other.link == interface.link) {
            self.unplumb(interface.link);
        }
        Ok(())
    }

    /// The state of an address object as `ipadm` has it.
    pub(crate) fn address_state(&self, interface: &Interface) -> &'static str {
        let tunnel = self.tunnels.by_link.get(&interface.link);
        let running = tunnel.is_none_or(|tunnel| tunnel.link_state == LinkState::Up);
        match (interface.up, running) {
            (false, _) => "down",
            (true, false) => "inaccessible",
            (true, true) => "ok",
        }
    }
}
