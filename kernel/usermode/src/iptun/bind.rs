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
        if let Some(pair) = tunnel.pair() {
            self.tunnels.bound.insert(pair, link);
            self.with_tunnel(link, |tunnel| {
                tunnel.bound = true;
                tunnel.counted_encap_limit = tunnel.encap_limit;
            });
        }
        Ok(())
    }

    /// Takes a tunnel out.
    pub(super) fn unbind(&mut self, link: LinkId) {
        self.tunnels.bound.retain(|_, bound| *bound != link);
        self.with_tunnel(link, |tunnel| tunnel.bound = false);
    }

    pub(super) fn with_tunnel<T>(
        &mut self,
        link: LinkId,
        act: impl FnOnce(&mut Tunnel) -> T,
    ) -> Option<T> {
        self.tunnels.by_link.get_mut(&link).map(act)
    }
}
