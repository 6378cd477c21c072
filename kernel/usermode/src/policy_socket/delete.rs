// SPDX-License-Identifier: MIT OR Apache-2.0

//! DELETERULE (`spec/pf_policy.md` section 4.3).

use illumos_ipsec::model::{Side, TunnelName};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::policy::{Frame, RuleFlags};

use super::Edits;
use super::reply::Refusal;
use super::rule::RuleFields;
use super::selector::Requested;
use crate::kernel::Kernel;
use crate::spd::{Owner, SideFlags, Table, Way};

/// Removes the rule with an index or, without one, a rule in each direction asked for.
pub(super) fn delete_rule(
    kernel: &mut Kernel,
    tunnel: Option<&TunnelName>,
    side: Side,
    frame: &Frame<'_>,
    owner: &Owner,
) -> Result<Edits, Refusal> {
    let fields = RuleFields::read(frame)?;
    let head = kernel.spd.head_mut(tunnel).ok_or(Errno::ENOENT)?;
    match fields.index {
        0 => by_selector(head.table_mut(side), frame, fields.flags, owner)?,
        index if head.table_mut(side).delete_index(index, owner) => {}
        _ => return Err(Errno::ESRCH.into()),
    }
    if head.table(side).len() == 0 {
        *head.flags.side_mut(side) = SideFlags::empty();
    } else if owner.is_some() || head.table(side).has_named() {
        head.settle(side, head.flags.side(side));
    }
    Ok(Edits::default())
}

/// Inbound first; what was removed stays removed if the outbound rule is missing.
fn by_selector(
    table: &mut Table,
    frame: &Frame<'_>,
    flags: RuleFlags,
    owner: &Owner,
) -> Result<(), Refusal> {
    let selector = Requested::read(frame)?.exact();
    for (flag, way) in [(RuleFlags::INBOUND, Way::In), (RuleFlags::OUTBOUND, Way::Out)] {
        let mut delete = || selector.is_some_and(|s| table.delete_selector(way, &s, owner));
        if flags.contains(flag) && !delete() {
            return Err(Errno::ESRCH.into());
        }
    }
    Ok(())
}
