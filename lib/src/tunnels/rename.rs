// SPDX-License-Identifier: MIT OR Apache-2.0

//! A new name for a tunnel.

use super::{Result, TunnelError, Tunnels, not_undone};
use crate::model::valid_link_name;
use crate::sys::links::LinkStatus;
use crate::wire::dlmgmt::LinkFlags;
use crate::wire::iptun::KparamFlags;

/// What a rename has left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renamed {
    /// Nothing.
    Clean,
    /// Policy that is still kept under the old name.
    PolicyUnderOldName,
}

impl Tunnels<'_> {
    /// Renames a tunnel, now and in what is stored; on failure it has its old name in both.
    ///
    /// IPsec policy is kept by name and does not follow. A secure tunnel with policy in
    /// force is not renamed (the kernel says that the link is busy).
    pub fn rename(&mut self, old: &[u8], new: &[u8]) -> Result<Renamed> {
        let link = self.client.find(old)?;
        if !valid_link_name(new) {
            return Err(TunnelError::Name);
        }
        if self.client.find(new).is_ok() {
            return Err(LinkStatus::Exists.into());
        }
        let active = link.flags.contains(LinkFlags::ACTIVE);
        let info = self.client.tunnel_info(link.link);
        if active {
            self.client.rename(link.link, new)?;
        }
        if let Err(status) = self.client.remap_link(link.link, new) {
            let failure = status.into();
            return match active.then(|| self.client.rename(link.link, old)) {
                Some(Err(status)) => Err(not_undone(failure, "the name in the kernel", status)),
                _ => Err(failure),
            };
        }
        let policy = info.is_ok_and(|info| info.flags.contains(KparamFlags::IPSECPOL));
        Ok(if policy { Renamed::PolicyUnderOldName } else { Renamed::Clean })
    }
}
