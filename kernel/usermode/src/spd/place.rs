// SPDX-License-Identifier: MIT OR Apache-2.0

//! Where a rule stands in the order of its table.

use super::rule::Rule;

/// Direction of a kernel rule; a table keeps them apart, outbound first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Way {
    /// Packets that leave.
    Out,
    /// Packets that arrive.
    In,
}

/// One list of a table: a hash chain or the unhashed rules of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct List(u16);

impl List {
    const RANK_BITS: u32 = 54;
    const UNHASHED: u16 = 510;

    /// A hash chain, 0 to 509.
    pub(crate) fn hashed(way: Way, chain: u16) -> Self {
        debug_assert!(chain < Self::UNHASHED);
        Self((way as u16) << 9 | chain)
    }

    /// The rules without an exact remote address.
    pub(crate) fn unhashed(way: Way, v6: bool) -> Self {
        Self((way as u16) << 9 | Self::UNHASHED | u16::from(v6))
    }

    /// The first possible place of the list.
    pub(crate) fn start(self) -> Place {
        Place(u64::from(self.0) << Self::RANK_BITS)
    }

    /// The last possible place of the list.
    pub(crate) fn end(self) -> Place {
        Place(self.start().0 | ((1 << Self::RANK_BITS) - 1))
    }

    /// Where the first rule of the list goes: half way, with room on both sides.
    pub(crate) fn middle(self) -> Place {
        Place(self.start().0 | 1 << (Self::RANK_BITS - 1))
    }
}

/// Direction, list and rank in the list, in one number that sorts by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u64);

impl Place {
    pub(crate) const FIRST: Self = Self(0);
    pub(crate) const LAST: Self = Self(u64::MAX);

    pub(crate) fn list(self) -> List {
        List((self.0 >> List::RANK_BITS) as u16)
    }

    pub(crate) fn way(self) -> Way {
        if self.0 >> 63 == 0 { Way::Out } else { Way::In }
    }

    /// The place before; ranks never run out, 2^53 rules fit before the first one.
    pub(crate) fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    pub(crate) fn after(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A rule and where it stands.
pub(crate) type Placed<'a> = (Place, &'a Rule);
