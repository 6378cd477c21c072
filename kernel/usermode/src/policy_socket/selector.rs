// SPDX-License-Identifier: MIT OR Apache-2.0

//! Selectors from the extensions of a request (`spec/pf_policy.md` section 4.1).

use illumos_ipsec::model::IcmpSelector;
use illumos_ipsec::wire::policy::{AF_INET6, Diagnostic, ExtType, Frame, RawExt};

use crate::spd::{Family, RulePrefix, RuleSelector};

/// The selectors of a request, which names a family only with an address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Requested {
    family: Option<Family>,
    proto: Option<u8>,
    local_port: Option<u16>,
    remote_port: Option<u16>,
    local: Option<RulePrefix>,
    remote: Option<RulePrefix>,
    icmp: Option<IcmpSelector>,
}

impl Requested {
    /// Reads the selectors. Port ranges shrink to their first port, ICMP ranges that
    /// run backwards to their first value.
    pub(super) fn read(frame: &Frame<'_>) -> Result<Self, Diagnostic> {
        let port = |kind| frame.get(kind).map(|ext| u16::from_be_bytes(ext.read(4)));
        let local = frame.get(ExtType::LCLADDR).map(address).transpose()?;
        let remote = frame.get(ExtType::REMADDR).map(address).transpose()?;
        let family = match (local, remote) {
            (Some((a, _)), Some((b, _))) if a != b => return Err(Diagnostic::MIXED_AF),
            (local, remote) => local.or(remote).map(|(family, _)| family),
        };
        Ok(Self {
            family,
            proto: frame.get(ExtType::PROTO).map(|ext| ext.u8(4)),
            local_port: port(ExtType::LCLPORT),
            remote_port: port(ExtType::REMPORT),
            local: local.map(|(_, prefix)| prefix),
            remote: remote.map(|(_, prefix)| prefix),
            icmp: frame.get(ExtType::ICMP_TYPECODE).map(icmp),
        })
    }

    /// Is there any selector?
    pub(super) fn is_any(&self) -> bool {
        self.proto.is_none()
            && !self.has_ports()
            && self.local.is_none()
            && self.remote.is_none()
            && self.icmp.is_none()
    }

    /// Is there a port?
    pub(super) fn has_ports(&self) -> bool {
        self.local_port.is_some() || self.remote_port.is_some()
    }

    /// The families for which rules are built: that of the addresses, or both.
    pub(super) fn families(&self) -> &'static [Family] {
        match self.family {
            Some(Family::V4) => &[Family::V4],
            Some(Family::V6) => &[Family::V6],
            None => &[Family::V4, Family::V6],
        }
    }

    /// The selectors of a rule of one family.
    pub(super) fn for_family(&self, family: Family) -> RuleSelector {
        RuleSelector {
            family,
            proto: self.proto,
            local_port: self.local_port,
            remote_port: self.remote_port,
            local: self.local,
            remote: self.remote,
            icmp: self.icmp,
        }
    }

    /// The selectors as a whole. Without an address they belong to no family, hence to no rule.
    pub(super) fn exact(&self) -> Option<RuleSelector> {
        self.family.map(|family| self.for_family(family))
    }
}

fn address(ext: RawExt<'_>) -> Result<(Family, RulePrefix), Diagnostic> {
    // Every number but one means IPv4.
    let (family, len) = match ext.u8(4) {
        AF_INET6 => (Family::V6, 16),
        _ => (Family::V4, 4),
    };
    if ext.bytes.len() < 8 + len {
        return Err(Diagnostic::BAD_ADDR_LEN);
    }
    let mut addr = [0; 16];
    addr[..len].copy_from_slice(&ext.bytes[8..8 + len]);
    Ok((family, RulePrefix { addr, len: ext.u8(5) }))
}

fn icmp(ext: RawExt<'_>) -> IcmpSelector {
    let [type_min, type_end, code, code_end] = ext.read(4);
    IcmpSelector {
        type_min,
        type_max: type_end.max(type_min),
        code: (code != u8::MAX).then(|| (code, code_end.max(code))),
    }
}
