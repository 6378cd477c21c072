// SPDX-License-Identifier: MIT OR Apache-2.0

//! Alternatives from the ACTION extension of an ADDRULE (`spec/pf_policy.md` section 4.2).

use illumos_ipsec::model::{ActionFlags, ActionKind, AlgChoice, AlgUse, Alternative};
use illumos_ipsec::wire::policy::{AttrTag, Diagnostic, RawExt};

use crate::alg_table::AlgTable;

/// Flags that the kernel keeps.
const KNOWN_FLAGS: ActionFlags = ActionFlags::AH
    .union(ActionFlags::ESP)
    .union(ActionFlags::SELF_ENCAP)
    .union(ActionFlags::UNIQUE)
    .union(ActionFlags::ESP_AUTH);

/// What the rule belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    /// The system's head.
    System,
    /// A tunnel in transport mode: every association is a unique one.
    TransportTunnel,
    /// A tunnel in tunnel mode: no association can be unique.
    TunnelTunnel,
}

/// Alternatives, and the FLAGS values forced upon the request: offset in the message, value.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) alternatives: Vec<Alternative>,
    pub(super) forced_flags: Vec<(usize, u32)>,
}

/// Interprets the attributes up to END. The number of alternatives has to be the stated one.
pub(super) fn read(
    ext: RawExt<'_>,
    setting: Setting,
    algs: &AlgTable,
) -> Result<Parsed, Diagnostic> {
    let count = usize::from(ext.u16(4));
    let mut parsed = Parsed::default();
    let mut open = Alternative::empty();
    for at in (8..ext.bytes.len()).step_by(8) {
        let (tag, value) = (AttrTag(ext.u32(at)), ext.u32(at + 4));
        match tag {
            AttrTag::EMPTY => open = Alternative::empty(),
            AttrTag::NEXT | AttrTag::END => {
                if parsed.alternatives.len() >= count {
                    return Err(Diagnostic::ADD_WRONG_ACT_COUNT);
                }
                check(&mut open, setting, algs)?;
                parsed.alternatives.push(std::mem::replace(&mut open, Alternative::empty()));
                if tag == AttrTag::END {
                    break;
                }
            }
            AttrTag::FLAGS => {
                let mut flags = ActionFlags::from_bits_retain(value);
                if setting == Setting::TransportTunnel {
                    flags |= ActionFlags::UNIQUE;
                    parsed.forced_flags.push((ext.offset + at + 4, flags.bits()));
                }
                open.flags = flags & KNOWN_FLAGS;
            }
            _ => attribute(&mut open, tag, value)?,
        }
    }
    if count == 0 {
        return Err(Diagnostic::ADD_NO_MEM);
    }
    if parsed.alternatives.len() != count {
        return Err(Diagnostic::ADD_WRONG_ACT_COUNT);
    }
    Ok(parsed)
}

/// Takes over one attribute; what the kernel does not keep is passed over.
fn attribute(open: &mut Alternative, tag: AttrTag, value: u32) -> Result<(), Diagnostic> {
    // Numbers of algorithms are kept in 8 bits, key sizes in 16.
    let bits = value as u16;
    let id = |diagnostic| {
        if value == 0 { Err(diagnostic) } else { Ok(value as u8) }
    };
    match tag {
        AttrTag::TYPE => match ActionKind::from_number(value) {
            ActionKind::Other(_) => return Err(Diagnostic::ADD_BAD_TYPE),
            kind => open.kind = kind,
        },
        AttrTag::AH_AUTH => open.ah.id = id(Diagnostic::UNSUPP_AH_ALG)?,
        AttrTag::ESP_ENCR => open.encr.id = id(Diagnostic::UNSUPP_ESP_ENCR_ALG)?,
        AttrTag::ESP_AUTH => open.esp_auth.id = id(Diagnostic::UNSUPP_ESP_AUTH_ALG)?,
        AttrTag::AH_MINBITS => open.ah.min = bits,
        AttrTag::AH_MAXBITS => open.ah.max = bits,
        AttrTag::ENCR_MINBITS => open.encr.min = bits,
        AttrTag::ENCR_MAXBITS => open.encr.max = bits,
        AttrTag::ESPA_MINBITS => open.esp_auth.min = bits,
        AttrTag::ESPA_MAXBITS => open.esp_auth.max = bits,
        AttrTag::KM_PROTO => open.km_proto = value,
        AttrTag::KM_COOKIE => open.km_cookie = value,
        AttrTag::REPLAY_DEPTH => open.replay_depth = value,
        _ => {}
    }
    Ok(())
}

/// Checks a finished alternative and fits its key bounds to the algorithms.
fn check(alt: &mut Alternative, setting: Setting, algs: &AlgTable) -> Result<(), Diagnostic> {
    use Diagnostic as D;
    let Alternative { kind, flags, .. } = *alt;
    let protects = flags.intersects(ActionFlags::AH | ActionFlags::ESP);
    let consistent = match kind {
        ActionKind::Ipsec => protects,
        _ => flags.is_empty(),
    };
    let unique_in_tunnel = setting == Setting::TunnelTunnel && flags.contains(ActionFlags::UNIQUE);
    if !consistent || unique_in_tunnel {
        return Err(D::ADD_INCON_FLAGS);
    }
    let uses: [(ActionFlags, AlgUse, &mut AlgChoice, D, D); 3] = [
        (ActionFlags::AH, AlgUse::Ah, &mut alt.ah, D::UNSUPP_AH_ALG, D::UNSUPP_AH_KEYSIZE),
        (
            ActionFlags::ESP_AUTH,
            AlgUse::EspAuth,
            &mut alt.esp_auth,
            D::UNSUPP_ESP_AUTH_ALG,
            D::UNSUPP_ESP_AUTH_KEYSIZE,
        ),
        (
            ActionFlags::ESP,
            AlgUse::EspEncr,
            &mut alt.encr,
            D::UNSUPP_ESP_ENCR_ALG,
            D::UNSUPP_ESP_ENCR_KEYSIZE,
        ),
    ];
    // First the algorithms in use, then all key sizes, in use or not.
    for (flag, usage, choice, unknown, _) in &uses {
        if flags.contains(*flag) && !algs.has(usage.proto(), choice.id) {
            return Err(*unknown);
        }
    }
    for (_, usage, choice, _, bad_size) in uses {
        if !algs.fit_keys(usage, choice) {
            return Err(bad_size);
        }
    }
    Ok(())
}
