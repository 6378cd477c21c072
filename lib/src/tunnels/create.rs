// SPDX-License-Identifier: MIT OR Apache-2.0

//! A new tunnel.

use super::{End, Entry, Result, Tunnel, TunnelError, Tunnels, not_undone};
use crate::model::{LinkClass, LinkId, TunnelType, valid_link_name};
use crate::sys::links::LinkStatus;
use crate::wire::dlmgmt::LinkFlags;

impl Tunnels<'_> {
    /// Creates a tunnel; with `temporary` it is not stored.
    ///
    /// Types and addresses are looked at before anything is changed. A process that is
    /// killed on the way leaves a link without a tunnel, which passes nothing, and which
    /// `up` or `delete` complete.
    pub fn create(&mut self, tunnel: &Tunnel, temporary: bool) -> Result<LinkId> {
        if !valid_link_name(&tunnel.name) {
            return Err(TunnelError::Name);
        }
        let kind = tunnel.kind.ok_or(LinkStatus::TunnelTypeRequired)?;
        if tunnel.secure && kind == TunnelType::SixToFour {
            return Err(TunnelError::SecureSixToFour);
        }
        let in_zone = self.client.in_zone()?;
        if in_zone && !temporary {
            return Err(LinkStatus::TemporaryOnly.into());
        }
        let (local, remote) = (tunnel.local.clone(), tunnel.remote.clone());
        self.address(kind, End::Local, local.as_deref())?;
        self.address(kind, End::Remote, remote.as_deref())?;
        let entry = Entry { kind, secure: tunnel.secure, local, remote };

        let flags = match (temporary, in_zone) {
            (false, _) => LinkFlags::ACTIVE | LinkFlags::PERSIST,
            (true, false) => LinkFlags::ACTIVE,
            (true, true) => LinkFlags::ACTIVE | LinkFlags::TRANSIENT,
        };
        let class = LinkClass::IPTUN;
        let link = self.client.create_link(&tunnel.name, class, kind.media(), flags)?;
        let outcome = self.fill(&tunnel.name, link, &entry, temporary);
        match outcome {
            Ok(()) => Ok(link),
            Err(failure) => {
                let flags = flags - LinkFlags::TRANSIENT;
                match self.client.destroy_link(link, flags) {
                    Ok(()) => Err(failure),
                    Err(status) => Err(not_undone(failure, "the name of the link", status)),
                }
            }
        }
    }

    /// Stored entry and kernel object of a new link.
    fn fill(&mut self, name: &[u8], link: LinkId, entry: &Entry, temporary: bool) -> Result<()> {
        let kind = entry.kind;
        if temporary {
            return self.kernel_create(link, kind, entry);
        }
        let attrs = entry.to_stored();
        self.client.store(name, link, LinkClass::IPTUN, kind.media(), &attrs)?;
        let outcome = self.kernel_create(link, kind, entry);
        outcome.map_err(|failure| match self.client.remove_stored(link) {
            Ok(()) => failure,
            Err(status) => not_undone(failure, "the stored entry", status),
        })
    }
}
