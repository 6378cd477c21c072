// SPDX-License-Identifier: MIT OR Apache-2.0

//! A policy head: the system's own or that of one tunnel.

use bitflags::bitflags;
use illumos_ipsec::model::Side;
use illumos_ipsec::wire::errno::Errno;

use super::rule::Owner;
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

    /// Removes the rules of an owner from a side.
    pub(crate) fn flush_owned(&mut self, side: Side, owner: &Owner) {
        let mode = self.flags.side(side);
        self.table_mut(side).flush_owned(owner);
        self.settle(side, mode);
    }

    /// Can the sides exchange the rules of an owner? Not if one would meet a rule of
    /// somebody else for the same traffic, nor if both modes would come together.
    pub(crate) fn can_flip(&self, owner: &Owner) -> Result<(), Errno> {
        let (active, standby) = (&self.active, &self.standby);
        if active.is_all_of(owner) && standby.is_all_of(owner) {
            return Ok(());
        }
        let mode = |side: Side| self.flags.side(side) & SideFlags::TUNNEL;
        let moves = |table: &Table| table.len() > table.others(owner);
        let mixed = mode(Side::Active) != mode(Side::Standby)
            && (moves(standby) && active.others(owner) > 0
                || moves(active) && standby.others(owner) > 0);
        if mixed {
            return Err(Errno::EBUSY);
        }
        match standby.meets_others_in(active, owner) || active.meets_others_in(standby, owner) {
            true => Err(Errno::EEXIST),
            false => Ok(()),
        }
    }

    /// Exchanges the rules of an owner between the sides; [`Self::can_flip`] has to be
    /// asked before.
    pub(crate) fn flip(&mut self, owner: &Owner) {
        let (active, standby) = (self.flags.active, self.flags.standby);
        let whole = self.active.is_all_of(owner) && self.standby.is_all_of(owner);
        self.active.flip_owned(&mut self.standby, owner);
        if whole {
            self.flags = HeadFlags { active: standby, standby: active };
            return;
        }
        // A side that had nothing has the mode of what it got.
        let mode = |own: SideFlags, other: SideFlags| {
            if own.contains(SideFlags::ACTIVE) { own } else { other }
        };
        // Whatever stays and whatever comes has the same mode; a side that changes
        // completely takes over that of the other.
        let (active, standby) = match (self.active.others(owner), self.standby.others(owner)) {
            (0, 0) => (standby, active),
            (0, _) => (standby, mode(standby, active)),
            (_, 0) => (mode(active, standby), active),
            _ => (mode(active, standby), mode(standby, active)),
        };
        self.settle(Side::Active, active);
        self.settle(Side::Standby, standby);
    }

    /// Replaces the owner's rules of the standby side by copies of its active ones.
    pub(crate) fn clone_sides(&mut self, owner: &Owner) {
        let whole = self.active.is_all_of(owner) && self.standby.is_all_of(owner);
        self.standby.copy_owned_from(&self.active, owner);
        if whole {
            self.flags.standby = self.flags.active;
            return;
        }
        let others = self.standby.others(owner) > 0;
        let mode = if others { self.flags.standby } else { self.flags.active };
        self.settle(Side::Standby, mode);
    }

    /// Works the flags of a side out of the rules that are there; `mode` has the mode.
    ///
    /// With rules of the nameless owner alone, the flag about ports stays as it ever did.
    pub(crate) fn settle(&mut self, side: Side, mode: SideFlags) {
        let table = self.table(side);
        let mut flags = SideFlags::empty();
        if table.len() > 0 {
            flags = SideFlags::ACTIVE | (mode & SideFlags::TUNNEL);
            let sticky = !table.has_named() && mode.contains(SideFlags::PER_PORT);
            flags.set(SideFlags::PER_PORT, sticky || table.looks_at_ports());
        }
        *self.flags.side_mut(side) = flags;
    }
}
