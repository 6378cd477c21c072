// SPDX-License-Identifier: MIT OR Apache-2.0

//! The lifetimes of a request.

use illumos_ipsec::model::Lifetime;
use illumos_ipsec::wire::key::{Diagnostic, ExtType};

use super::{Refusal, Request};
use crate::Kernel;

/// The lifetimes of a request, checked against each other.
pub(super) struct Lifetimes {
    pub(super) hard: Option<Lifetime>,
    pub(super) soft: Option<Lifetime>,
    pub(super) idle: Option<Lifetime>,
}

impl Lifetimes {
    pub(super) fn read(request: &Request<'_>) -> Result<Self, Refusal> {
        let all = Self {
            hard: request.lifetime(ExtType::LIFETIME_HARD),
            soft: request.lifetime(ExtType::LIFETIME_SOFT),
            idle: request.lifetime(ExtType::X_LIFETIME_IDLE),
        };
        let (Some(hard), Some(soft)) = (all.hard, all.soft) else {
            return Ok(all);
        };
        let above = |soft: u64, hard: u64| soft != 0 && hard != 0 && soft > hard;
        for (soft, hard, diagnostic) in [
            (soft.allocations.into(), hard.allocations.into(), Diagnostic::ALLOC_HSERR),
            (soft.bytes, hard.bytes, Diagnostic::BYTES_HSERR),
            (soft.addtime, hard.addtime, Diagnostic::ADDTIME_HSERR),
            (soft.usetime, hard.usetime, Diagnostic::USETIME_HSERR),
        ] {
            if above(soft, hard) {
                return Err(diagnostic.into());
            }
        }
        if let Some(idle) = all.idle {
            if above(idle.addtime, hard.addtime) || above(idle.addtime, soft.addtime) {
                return Err(Diagnostic::ADDTIME_HSERR.into());
            }
            if above(idle.usetime, hard.usetime) || above(idle.usetime, soft.usetime) {
                return Err(Diagnostic::USETIME_HSERR.into());
            }
        }
        Ok(all)
    }
}

impl Kernel {
    /// Key management is to be asked for a new association before the old one ends, but
    /// not by both ends at once: the soft limit comes a few seconds earlier.
    pub(super) fn shorten(&mut self, soft: &mut Lifetime) {
        let seconds = 8 + self.random() % 16;
        if soft.addtime != 0 {
            soft.addtime = soft.addtime.saturating_sub(seconds).max(1);
        }
    }
}
