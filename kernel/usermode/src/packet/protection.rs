// SPDX-License-Identifier: MIT OR Apache-2.0

//! Does the protection of a packet that arrives satisfy a rule?
//!
//! Any alternative will do. A packet that came in clear is accepted if one of them is to
//! pass; one that came protected has to satisfy one that protects, with the same
//! protocols and the same algorithms.

use illumos_ipsec::model::{ActionFlags, ActionKind, AlgChoice, Alternative, TunnelMode};

use super::question::{Packet, Protection, Used};
use super::verdict::{Clear, Outcome, Reason};
use crate::KernelKind;

/// What else counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accepted<'a> {
    pub(super) kind: KernelKind,
    /// Mode of the tunnel's policy head; none for the system's.
    pub(super) mode: Option<TunnelMode>,
    pub(super) packet: &'a Packet,
}

/// What a chain makes of a packet that arrives, protected or not.
pub(super) fn satisfies(
    chain: &[Alternative],
    accepted: Accepted<'_>,
    secure: Option<&Protection>,
) -> Outcome {
    let Some(protection) = secure else {
        let clear = chain.iter().any(|alternative| alternative.kind == ActionKind::Pass);
        return match clear {
            true => Outcome::Pass(Clear::Rule),
            // Said as what it is where the rule is for dropping only.
            false if chain.iter().all(|alternative| alternative.kind == ActionKind::Drop) => {
                Outcome::Drop(Reason::Rule)
            }
            false => Outcome::Drop(Reason::GotClear),
        };
    };
    let mode = accepted.mode.unwrap_or(TunnelMode::Transport);
    if protection.mode.is_some_and(|of| of != mode) {
        return Outcome::Drop(Reason::Mode);
    }
    let mut reason = Reason::GotSecure;
    for alternative in chain {
        match fits(alternative, accepted, protection) {
            Ok(()) => {
                let spis = protection.spis;
                return Outcome::Protect { alternative: *alternative, mode, spis };
            }
            Err(why) => reason = why,
        }
    }
    Outcome::Drop(reason)
}

/// Compares with one alternative.
fn fits(wanted: &Alternative, accepted: Accepted<'_>, got: &Protection) -> Result<(), Reason> {
    match wanted.kind {
        ActionKind::Drop => return Err(Reason::Rule),
        ActionKind::Pass => return Err(Reason::GotSecure),
        // The kernel knows no such kind and has nothing against it.
        ActionKind::Other(_) => return Ok(()),
        ActionKind::Ipsec => {}
    }
    let wants = |flag| wanted.flags.contains(flag);
    let less = || if may_be_less(accepted.packet) { Ok(()) } else { Err(Reason::GotClear) };
    let sizes = |choice, used| {
        // The kernel of illumos does not compare the sizes of keys.
        if accepted.kind == KernelKind::Unmodified { Ok(()) } else { key_fits(choice, used) }
    };
    match (wants(ActionFlags::AH), got.ah) {
        (true, None) => return less(),
        (false, Some(_)) => return Err(Reason::UnexpectedAh),
        (true, Some(used)) if used.id != wanted.ah.id => return Err(Reason::AhAlgorithm),
        (true, Some(used)) => sizes(wanted.ah, used)?,
        (false, None) => {}
    }
    match (wants(ActionFlags::ESP), got.esp) {
        (true, None) => return less(),
        (false, Some(_)) => return Err(Reason::UnexpectedEsp),
        (true, Some(used)) if used.id != wanted.encr.id => return Err(Reason::EspCipher),
        (true, Some(used)) => {
            sizes(wanted.encr, used)?;
            if wants(ActionFlags::ESP_AUTH) {
                match got.esp_auth {
                    Some(used) if used.id == wanted.esp_auth.id => sizes(wanted.esp_auth, used)?,
                    _ => return Err(Reason::EspAuthentication),
                }
            }
        }
        (false, None) => {}
    }
    match (wants(ActionFlags::SELF_ENCAP), got.self_encap) {
        (true, false) if may_be_less(accepted.packet) => Ok(()),
        (true, false) | (false, true) => Err(Reason::SelfEncapsulation),
        _ => Ok(()),
    }
}

fn key_fits(choice: AlgChoice, used: Used) -> Result<(), Reason> {
    let fits = used.bits.is_none_or(|bits| (choice.min..=choice.max).contains(&bits));
    if fits { Ok(()) } else { Err(Reason::KeySize) }
}

/// ICMP that is believed even if a layer of the protection is missing: what answers
/// something and what reports something about a path; not what asks for an answer.
fn may_be_less(packet: &Packet) -> bool {
    match (packet.proto, packet.icmp) {
        (1, Some((kind, code))) => match kind {
            // Answers to echo, timestamp and information; advertisements of routers.
            0 | 9 | 14 | 16 => true,
            // Source quench, time exceeded.
            4 | 11 => true,
            // Unreachable: networks, hosts, and what needs to be fragmented.
            3 => matches!(code, 0 | 1 | 4),
            _ => false,
        },
        // Not: parameter problem, echo request, multicast listeners before version 2.
        (58, Some((kind, _))) => !matches!(kind, 4 | 128 | 130..=132),
        _ => false,
    }
}
