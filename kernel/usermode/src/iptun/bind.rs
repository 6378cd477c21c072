// SPDX-License-Identifier: MIT OR Apache-2.0

//! The table of outer addresses.
//!
//! A tunnel is in it from the moment it has all its addresses, whatever the state of
//! its link: a secure tunnel that is down has to receive its packets, in order to drop
//! them.

use illumos_ipsec::model::{LinkId, TunnelType};
use illumos_ipsec::wire::errno::Errno;

use super::Tunnel;
use crate::Kernel;

impl Kernel {
    /// Can a tunnel with these addresses be entered?
    pub(super) fn can_bind(&self, tunnel: &Tunnel) -> Result<(), Errno> {
        let Some(pair) = tunnel.pair() else { return Ok(()) };
        let up = self.host.addresses.get(&pair.0);
        let ours = match tunnel.kind {
            TunnelType::SixToFour => up.is_some(),
            TunnelType::Ipv4 | TunnelType::Ipv6 => up == Some(&true),
        };
        if !ours {
            return Err(Errno::EADDRNOTAVAIL);
        }
        match self.tunnels.bound.get(&pair) {
            Some(other) if *other != tunnel.link => Err(Errno::EADDRINUSE),
            _ => Ok(()),
        }
    }

    /// Enters a tunnel if it has all its addresses.
    pub(super) fn bind(&mut self, link: LinkId) -> Result<(), Errno> {
        let Some(tunnel) = self.tunnels.by_link.get(&link) else { return Err(Errno::ENOENT) };
        self.can_bind(tunnel)?;
        let Some(pair) = tunnel.pair() else { return Ok(()) };
        self.tunnels.bound.insert(pair, link);
        self.with_tunnel(link, |tunnel| tunnel.bound = true);
        self.look_for_policy(link);
        self.update_mtu(link);
        if self.tunnels.by_link.get(&link).is_some_and(|tunnel| self.running(tunnel)) {
            self.update_link_state(link);
        }
        Ok(())
    }

    /// Takes a tunnel out, if it is in. Its addresses have to be those under which it was
    /// entered.
    pub(super) fn unbind(&mut self, link: LinkId) {
        let Some(tunnel) = self.tunnels.by_link.get_mut(&link).filter(|tunnel| tunnel.bound) else {
            return;
        };
        tunnel.bound = false;
        if let Some(pair) = tunnel.pair() {
            self.tunnels.bound.remove(&pair);
        }
        self.update_link_state(link);
    }

    pub(super) fn with_tunnel<T>(
        &mut self,
        link: LinkId,
        act: impl FnOnce(&mut Tunnel) -> T,
    ) -> Option<T> {
        self.tunnels.by_link.get_mut(&link).map(act)
    }
}
