// SPDX-License-Identifier: MIT OR Apache-2.0

//! ADDRULE (`spec/pf_policy.md` section 4.1).

use std::sync::Arc;

use illumos_ipsec::model::{Side, TunnelName};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::policy::{Diagnostic, ExtType, Frame, RuleFlags};

use super::Edits;
use super::action::{self, Setting};
use super::reply::Refusal;
use super::rule::RuleFields;
use super::selector::Requested;
use crate::spd::{HeadFlags, Owner, Rule, SideFlags, Way};
use crate::{Kernel, KernelKind};

/// Adds one to four rules: for each direction asked for and each address family.
pub(super) fn add_rule(
    kernel: &mut Kernel,
    tunnel: Option<&TunnelName>,
    side: Side,
    frame: &Frame<'_>,
    owner: &Owner,
) -> Result<Edits, Refusal> {
    let fields = RuleFields::read(frame)?;
    let setting = match (tunnel, fields.flags.contains(RuleFlags::TUNNEL)) {
        (None, _) => Setting::System,
        (Some(_), false) => Setting::TransportTunnel,
        (Some(_), true) => Setting::TunnelTunnel,
    };
    if setting == Setting::System {
        return enter(kernel, tunnel, side, frame, (fields, setting), owner);
    }
    let kind = kernel.kind;
    let first = {
        let head = kernel.spd.head_mut(tunnel).ok_or(Errno::ENOENT)?;
        occupy(&mut head.flags, side, setting, kind)?
    };
    let done = enter(kernel, tunnel, side, frame, (fields, setting), owner);
    if done.is_err()
        && first
        && let Some(head) = kernel.spd.head_mut(tunnel)
    {
        vacate(&mut head.flags, side, kind);
    }
    done
}

/// Marks a side of a tunnel's head as in use and says whether it was not before.
fn occupy(
    flags: &mut HeadFlags,
    side: Side,
    setting: Setting,
    kind: KernelKind,
) -> Result<bool, Refusal> {
    let mut wanted = SideFlags::ACTIVE;
    wanted.set(SideFlags::TUNNEL, setting == Setting::TunnelTunnel);
    let present = flags.side(side);
    if present.contains(SideFlags::ACTIVE) {
        let mode = present & SideFlags::TUNNEL;
        return if mode == wanted & SideFlags::TUNNEL {
            Ok(false)
        } else {
            Err(Errno::EBUSY.into())
        };
    }
    if kind == KernelKind::Unmodified {
        *flags = HeadFlags::default();
    }
    *flags.side_mut(side) = wanted;
    Ok(true)
}

/// Takes back the marks of a side whose first rule was refused.
fn vacate(flags: &mut HeadFlags, side: Side, kind: KernelKind) {
    match kind {
        KernelKind::Modified => *flags.side_mut(side) = SideFlags::empty(),
        KernelKind::Unmodified => *flags = HeadFlags::default(),
    }
}

/// Builds the rules, tests each against the table, and enters all or none.
fn enter(
    kernel: &mut Kernel,
    tunnel: Option<&TunnelName>,
    side: Side,
    frame: &Frame<'_>,
    (fields, setting): (RuleFields, Setting),
    owner: &Owner,
) -> Result<Edits, Refusal> {
    if fields.index != 0 {
        return Err(Diagnostic::INVALID_RULE_INDEX.into());
    }
    let requested = Requested::read(frame)?;
    match setting {
        Setting::System => {}
        Setting::TransportTunnel if requested.is_any() => {}
        Setting::TransportTunnel => return Err(Diagnostic::NO_TUNNEL_SELECTORS.into()),
        Setting::TunnelTunnel => {
            let head = kernel.spd.head_mut(tunnel).ok_or(Errno::ENOENT)?;
            if requested.has_ports() {
                *head.flags.side_mut(side) |= SideFlags::PER_PORT;
            }
        }
    }
    let action = frame.get(ExtType::ACTION).ok_or(Diagnostic::NO_ACTION_EXT)?;
    let parsed = action::read(action, setting, &kernel.algs)?;
    let action = kernel.spd.chains.intern(parsed.alternatives);

    let ways = [(RuleFlags::OUTBOUND, Way::Out), (RuleFlags::INBOUND, Way::In)];
    let head = kernel.spd.head_mut(tunnel).ok_or(Errno::ENOENT)?;
    let mut built = Vec::with_capacity(4);
    for (_, way) in ways.into_iter().filter(|(flag, _)| fields.flags.contains(*flag)) {
        for &family in requested.families() {
            let rule = Rule {
                index: head.take_index(),
                priority: fields.priority,
                selector: requested.for_family(family),
                action: Arc::clone(&action),
                namespace: owner.clone(),
            };
            match head.table(side).in_the_way(way, &rule) {
                None => {}
                Some(other) if other == *owner => return Err(Errno::EEXIST.into()),
                Some(_) => return Err(Refusal::conflict()),
            }
            built.push((way, rule));
        }
    }
    let index = built.last().map(|(_, rule)| (fields.index_at, rule.index));
    for (way, rule) in built {
        head.table_mut(side).insert(way, rule);
    }
    Ok(Edits { index, flags: parsed.forced_flags })
}
