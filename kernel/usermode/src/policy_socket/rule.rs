// SPDX-License-Identifier: MIT OR Apache-2.0

//! The RULE extension of ADDRULE and DELETERULE.

use illumos_ipsec::wire::policy::{Diagnostic, ExtType, Frame, RuleFlags};

/// Offset of the index in the extension.
const INDEX: usize = 16;

/// What the extension says; what a short one lacks is 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct RuleFields {
    pub(super) priority: u32,
    pub(super) flags: RuleFlags,
    pub(super) index: u64,
    /// Where the index stands in the request.
    pub(super) index_at: usize,
}

impl RuleFields {
    pub(super) fn read(frame: &Frame<'_>) -> Result<Self, Diagnostic> {
        let ext = frame.get(ExtType::RULE).ok_or(Diagnostic::NO_RULE_EXT)?;
        Ok(Self {
            priority: ext.u32(4),
            flags: RuleFlags::from_bits_retain(ext.u32(8)),
            index: ext.u64(INDEX),
            index_at: ext.offset + INDEX,
        })
    }
}
