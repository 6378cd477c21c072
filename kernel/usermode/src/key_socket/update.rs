// SPDX-License-Identifier: MIT OR Apache-2.0

//! UPDATE, and UPDATEPAIR which changes both of a pair.

use illumos_ipsec::model::{Lifetime, SaState};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{Diagnostic, Ext, ExtType, KmProto, MsgType};

use super::add::settable;
use super::address::Addresses;
use super::echo::without_keys;
use super::lifetimes::Lifetimes;
use super::{Answer, Refusal, Request};
use crate::Kernel;
use crate::sadb::{SaId, Table};

impl Kernel {
    pub(super) fn update_sa(
        &mut self,
        request: &Request<'_>,
        addresses: &Addresses,
    ) -> Result<Answer, Refusal> {
        let header = request.header();
        let both = header.kind == MsgType::X_UPDATEPAIR;
        addresses.dst.ok_or(Refusal::from(Diagnostic::MISSING_DST))?;
        addresses.src.ok_or(Refusal::from(Diagnostic::MISSING_SRC))?;
        // The original stops the system if there is none.
        let sa = request.sa().ok_or(Refusal::from(Diagnostic::MISSING_SA))?;
        let id = self.named(request, addresses)?;
        let known = self.sadb.get(id).ok_or(Refusal::from(Errno::ESRCH))?.clone();
        if known.state == SaState::LARVAL {
            return self.add_sa(request, addresses, Some(id));
        }
        if request.has(ExtType::KEY_AUTH) {
            return Err(Diagnostic::AKEY_PRESENT.into());
        }
        if request.has(ExtType::KEY_ENCRYPT) {
            return Err(Diagnostic::EKEY_PRESENT.into());
        }
        let wake = sa.state == SaState::ACTIVE;
        match sa.state {
            SaState::ACTIVE if known.state != SaState::IDLE => {
                return Err(Diagnostic::BAD_SASTATE.into());
            }
            SaState::ACTIVE | SaState::MATURE | SaState::ACTIVE_ELSEWHERE => {}
            _ => return Err(Diagnostic::BAD_SASTATE.into()),
        }
        if !settable(header.satype, false).contains(sa.flags) {
            return Err(Diagnostic::BAD_SAFLAGS.into());
        }
        if request.has(ExtType::LIFETIME_CURRENT) {
            return Err((Errno::EOPNOTSUPP, Diagnostic::MISSING_LIFETIME).into());
        }
        let lifetimes = Lifetimes::read(request)?;
        if request.has(ExtType::SENSITIVITY) || request.has(ExtType::X_OUTER_SENS) {
            return Err(Diagnostic::BAD_LABEL.into());
        }
        let km = request.cookie();
        if let Some((proto, cookie)) = km {
            let (had, was) = known.km;
            if had != KmProto::MANUAL && had != proto {
                return Err(Diagnostic::DUPLICATE_KMP.into());
            }
            if was != 0 && was != cookie && proto != KmProto::IKEV2 {
                return Err(Diagnostic::DUPLICATE_KMC.into());
            }
        }
        if let Some(Ext::ReplayValue { .. }) = request.ext(ExtType::X_REPLAY_VALUE) {
            if matches!(known.state, SaState::LARVAL | SaState::MATURE) {
                return Err(Diagnostic::BAD_SASTATE.into());
            }
            return Err(Diagnostic::INVALID_REPLAY.into());
        }
        let partner = self.partner_of(id);
        if both && partner.is_none() {
            return Err((Errno::ESRCH, Diagnostic::PAIR_SA_NOTFOUND).into());
        }
        let pair = request.pair();
        self.check_pair(pair, &known, Some(id))?;

        self.renew(id, &lifetimes);
        if both && let Some(partner) = partner {
            self.renew(partner, &lifetimes);
        }
        if let Some(known) = self.sadb.get_mut(id) {
            known.km = km.unwrap_or(known.km);
            if wake {
                known.state = SaState::MATURE;
            }
        }
        if let Some(spi) = pair {
            self.join(id, spi);
        }
        Ok(Answer::Reply(without_keys(request)))
    }

    /// Takes over the limits that are given. A soft one stays below its hard one.
    fn renew(&mut self, id: SaId, lifetimes: &Lifetimes) {
        let now = self.now;
        let mut soft = lifetimes.soft.unwrap_or_default();
        if self.sadb.get(id).is_some_and(|sa| sa.table == Table::Outbound) {
            self.shorten(&mut soft);
        }
        let Some(sa) = self.sadb.get_mut(id) else {
            return;
        };
        merge(&mut sa.hard, &lifetimes.hard.unwrap_or_default());
        merge(&mut sa.idle, &lifetimes.idle.unwrap_or_default());
        let ends = match sa.hard.addtime {
            0 => u64::MAX,
            addtime => sa.added.saturating_add(addtime),
        };
        if now.saturating_add(soft.addtime) > ends && sa.added.saturating_add(soft.addtime) > ends {
            soft.addtime = 0;
        }
        merge(&mut sa.soft, &soft);
        let below = |soft: &mut u64, hard: u64| {
            if hard != 0 && *soft > hard {
                *soft = hard;
            }
        };
        below(&mut sa.soft.bytes, sa.hard.bytes);
        below(&mut sa.soft.usetime, sa.hard.usetime);
    }
}

fn merge(known: &mut Lifetime, new: &Lifetime) {
    let take = |known: &mut u64, new: u64| {
        if new != 0 {
            *known = new;
        }
    };
    take(&mut known.bytes, new.bytes);
    take(&mut known.addtime, new.addtime);
    take(&mut known.usetime, new.usetime);
    if new.allocations != 0 {
        known.allocations = new.allocations;
    }
}
