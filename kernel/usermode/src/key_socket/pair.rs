// SPDX-License-Identifier: MIT OR Apache-2.0

//! Two associations that belong together, one for each direction.

use illumos_ipsec::model::{SaFlags, SaState};
use illumos_ipsec::wire::key::Diagnostic;

use super::Refusal;
use crate::Kernel;
use crate::sadb::{Association, SaId, Table};

impl Kernel {
    /// The association of the same owner for the other direction with this SPI.
    fn partner(&self, sa: &Association, spi: u32) -> Option<SaId> {
        let inbound = sa.table == Table::Outbound;
        let id = self.sadb.find(sa.kind, spi, Some(sa.dst), sa.src, inbound)?;
        let other = self.sadb.get(id)?;
        let opposite = if inbound { other.table.inbound() } else { other.table.outbound() };
        (opposite && other.owner == sa.owner).then_some(id)
    }

    /// May an association be paired with one of this SPI? Asked before anything changes.
    pub(super) fn check_pair(
        &self,
        spi: Option<u32>,
        sa: &Association,
        id: Option<SaId>,
    ) -> Result<(), Refusal> {
        let Some(spi) = spi else {
            return Ok(());
        };
        if spi == 0 || spi == sa.spi {
            return Err(Diagnostic::PAIR_INAPPROPRIATE.into());
        }
        if id.is_some() && sa.pair.is_some_and(|known| known != spi) {
            return Err(Diagnostic::PAIR_ALREADY.into());
        }
        match self.partner(sa, spi) {
            Some(_) => Ok(()),
            None => Err(Diagnostic::PAIR_INAPPROPRIATE.into()),
        }
    }

    /// Pairs two associations if the other one lets that happen. As in the original, it is
    /// not said if not.
    pub(super) fn join(&mut self, id: SaId, spi: u32) {
        let Some(sa) = self.sadb.get(id) else {
            return;
        };
        let own = sa.spi;
        let Some(other) = self.partner(sa, spi) else {
            return;
        };
        let free = self.sadb.get(other).is_some_and(|other| {
            !matches!(other.state, SaState::DYING | SaState::DEAD)
                && other.table != Table::Both
                && other.pair.is_none_or(|known| known == own)
        });
        for (id, spi) in [(id, spi), (other, own)] {
            if let Some(sa) = self.sadb.get_mut(id)
                && free
            {
                sa.pair = Some(spi);
                sa.flags |= SaFlags::PAIRED;
            }
        }
    }

    /// Forgets that an association has a partner, on both sides.
    pub(super) fn part(&mut self, id: SaId) -> Option<SaId> {
        let sa = self.sadb.get(id)?;
        let other = self.partner(sa, sa.pair?);
        for id in [Some(id), other].into_iter().flatten() {
            if let Some(sa) = self.sadb.get_mut(id) {
                sa.pair = None;
                sa.flags -= SaFlags::PAIRED;
            }
        }
        other
    }

    /// The partner of an association.
    pub(super) fn partner_of(&self, id: SaId) -> Option<SaId> {
        let sa = self.sadb.get(id)?;
        self.partner(sa, sa.pair?)
    }
}
