// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the action of a rule makes of a packet that leaves.

use illumos_ipsec::model::{ActionFlags, ActionKind, Alternative, TunnelMode};

use super::question::Spis;
use super::verdict::{Clear, Outcome, Reason};

/// The first alternative decides, and with a
/// protecting one no later one is tried. An alternative of no kind is passed over; if
/// nothing after it protects, the packet goes in clear.
pub(super) fn act(chain: &[Alternative], mode: TunnelMode) -> Outcome {
    let protects = |alternative: &&Alternative| {
        alternative.kind == ActionKind::Ipsec
            && alternative.flags.intersects(ActionFlags::AH | ActionFlags::ESP)
    };
    match chain.first().map(|first| first.kind) {
        Some(ActionKind::Drop) => Outcome::Drop(Reason::Rule),
        Some(ActionKind::Pass) | None => Outcome::Pass(Clear::Rule),
        Some(ActionKind::Ipsec | ActionKind::Other(_)) => match chain.iter().find(protects) {
            Some(alternative) => {
                Outcome::Protect { alternative: *alternative, mode, spis: Spis::default() }
            }
            None => Outcome::Pass(Clear::Rule),
        },
    }
}
