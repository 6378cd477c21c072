// SPDX-License-Identifier: MIT OR Apache-2.0

//! Stored tunnels brought up, and tunnels taken down.

use std::collections::BTreeSet;

use super::{Result, TunnelError, Tunnels, not_undone};
use crate::model::LinkId;
use crate::sys::links::LinkStatus;
use crate::wire::dlmgmt::{LinkFlags, LinkInfo};

/// A tunnel that could not be brought up or taken down, and why.
pub type Failure = (Vec<u8>, TunnelError);

impl Tunnels<'_> {
    /// Brings a stored tunnel up.
    pub fn up(&mut self, name: &[u8]) -> Result<()> {
        let link = self.find(name, LinkStatus::NotFound)?;
        self.up_link(link.link)
    }

    /// Brings all stored tunnels up but for some; those that fail are given back.
    pub fn up_all(&mut self, skip: &BTreeSet<LinkId>) -> Result<Vec<Failure>> {
        self.each(LinkFlags::PERSIST, skip, Self::up_link)
    }

    /// Takes a tunnel down. What is stored of it stays.
    pub fn down(&mut self, name: &[u8]) -> Result<()> {
        let link = self.find(name, LinkStatus::NotFound)?;
        self.down_link(link.link)
    }

    /// Takes all tunnels down; those that fail are given back.
    pub fn down_all(&mut self) -> Result<Vec<Failure>> {
        self.each(LinkFlags::ACTIVE, &BTreeSet::new(), Self::down_link)
    }

    fn each(
        &mut self,
        flags: LinkFlags,
        skip: &BTreeSet<LinkId>,
        act: fn(&mut Self, LinkId) -> Result<()>,
    ) -> Result<Vec<Failure>> {
        let mut failures = Vec::new();
        for LinkInfo { link, .. } in self.list(flags)? {
            if skip.contains(&link) {
                continue;
            }
            if let Err(failure) = act(self, link) {
                let name = self.client.name(link).map(|info| info.name).unwrap_or_default();
                failures.push((name, failure));
            }
        }
        Ok(failures)
    }

    fn up_link(&mut self, link: LinkId) -> Result<()> {
        match self.client.up_link(link) {
            Ok(()) => {}
            // Somebody may have been killed between making the link and the tunnel.
            Err(status @ LinkStatus::BadArgument) => {
                if self.client.tunnel_info(link) != Err(LinkStatus::NotFound)
                    || self.client.stored(link).is_err()
                {
                    return Err(status.into());
                }
            }
            Err(status) => return Err(status.into()),
        }
        let outcome =
            self.entry(link).and_then(|entry| self.kernel_create(link, entry.kind, &entry));
        outcome.map_err(|failure| match self.client.destroy_link(link, LinkFlags::ACTIVE) {
            Ok(()) => failure,
            Err(status) => not_undone(failure, "the link", status),
        })
    }

    fn down_link(&mut self, link: LinkId) -> Result<()> {
        self.client.tunnel_delete(link)?;
        Ok(self.client.destroy_link(link, LinkFlags::ACTIVE)?)
    }
}
