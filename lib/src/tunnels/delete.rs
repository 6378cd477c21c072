// SPDX-License-Identifier: MIT OR Apache-2.0

//! The end of a tunnel.

use super::{Result, Tunnels};
use crate::sys::links::LinkStatus;
use crate::wire::dlmgmt::LinkFlags;

/// What is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The tunnel that exists now; what is stored of it stays.
    Active,
    /// Both.
    Everything,
}

impl Tunnels<'_> {
    /// Deletes a tunnel. The kernel deletes its policy with it.
    pub fn delete(&mut self, name: &[u8], scope: Scope) -> Result<()> {
        let link = self.find(name, LinkStatus::LinkInvalid)?;
        match self.client.tunnel_delete(link.link) {
            Ok(()) => {}
            Err(LinkStatus::NotFound) if scope == Scope::Everything => {}
            Err(status) => return Err(status.into()),
        }
        if link.flags.contains(LinkFlags::ACTIVE) {
            // The tunnel has gone; a name that is left can be deleted again.
            let _ = self.client.destroy_link(link.link, LinkFlags::ACTIVE);
        }
        if scope == Scope::Everything && link.flags.contains(LinkFlags::PERSIST) {
            match self.client.remove_stored(link.link) {
                Ok(()) | Err(LinkStatus::NotFound) => {}
                Err(status) => return Err(status.into()),
            }
            self.client.destroy_link(link.link, LinkFlags::PERSIST)?;
        }
        Ok(())
    }
}
