// SPDX-License-Identifier: MIT OR Apache-2.0

//! A policy head: the system's own or that of one tunnel.

use bitflags::bitflags;
use illumos_ipsec::model::Side;

use super::table::Table;

bitflags! {
    /// State of one side of a tunnel's head.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct SideFlags: u8 {
        /// In use: packets of the tunnel are matched against its rules.
        const ACTIVE = 1;
        /// In tunnel mode, not transport mode.
        const TUNNEL = 2;
        /// A rule looked at ports once.
        const PER_PORT = 4;
    }
}

/// State of both sides of a tunnel's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct HeadFlags {
    /// Of the side in force.
    pub active: SideFlags,
    /// Of the other side.
    pub standby: SideFlags,
}

impl HeadFlags {
    /// The flags of a side.
    #[must_use]
    pub fn side(self, side: Side) -> SideFlags {
        match side {
            Side::Active => self.active,
            Side::Standby => self.standby,
        }
    }

    /// The flags of a side, to change.
    pub fn side_mut(&mut self, side: Side) -> &mut SideFlags {
        match side {
            Side::Active => &mut self.active,
            Side::Standby => &mut self.standby,
        }
    }

    /// As the kernel has them in one word: standby three bits higher than active.
    #[must_use]
    pub fn word(self) -> u32 {
        u32::from(self.active.bits()) | u32::from(self.standby.bits()) << 3
    }
}

/// Two tables, the counter for rule numbers and, for a tunnel, the flags.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    active: Table,
    standby: Table,
    next_index: u64,
    /// Stay empty for the system's own head.
    pub(crate) flags: HeadFlags,
}

impl Head {
    /// An empty head whose tables have so many hash chains.
    pub(crate) fn new(chains: u16) -> Self {
        Self {
            active: Table::new(chains),
            standby: Table::new(chains),
            next_index: 1,
            flags: HeadFlags::default(),
        }
    }

    pub(crate) fn table(&self, side: Side) -> &Table {
        match side {
            Side::Active => &self.active,
            Side::Standby => &self.standby,
        }
    }

    pub(crate) fn table_mut(&mut self, side: Side) -> &mut Table {
        match side {
            Side::Active => &mut self.active,
            Side::Standby => &mut self.standby,
        }
    }

    /// The number of the next rule built; each is given out once, whatever becomes of the rule.
    pub(crate) fn take_index(&mut self) -> u64 {
        let index = self.next_index;
        self.next_index += 1;
        index
    }

    /// Removes the rules and the flags of a side.
    pub(crate) fn flush(&mut self, side: Side) {
        self.table_mut(side).flush();
        *self.flags.side_mut(side) = SideFlags::empty();
    }

    /// Exchanges the sides.
    pub(crate) fn flip(&mut self) {
        self.active.flip(&mut self.standby);
        std::mem::swap(&mut self.flags.active, &mut self.flags.standby);
    }

    /// Makes the standby side a copy of the active one.
    pub(crate) fn clone_sides(&mut self) {
        self.standby.copy_from(&self.active);
        self.flags.standby = self.flags.active;
    }
}
