// SPDX-License-Identifier: MIT OR Apache-2.0

//! GET, DELETE, and the removal of pairs.

use illumos_ipsec::model::{SaFlags, SaState, SaType};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{Diagnostic, Ext, ExtType, IdentityExt, MsgType};

use super::address::Addresses;
use super::{Answer, Refusal, Request, answer};
use crate::Kernel;
use crate::sadb::SaId;

impl Kernel {
    /// The association that a request names; one of another owner is none.
    pub(super) fn named(
        &self,
        request: &Request<'_>,
        addresses: &Addresses,
    ) -> Result<SaId, Refusal> {
        let dst = addresses.dst.ok_or(Refusal::from(Diagnostic::MISSING_DST))?;
        let sa = request.sa().ok_or(Refusal::from(Diagnostic::MISSING_SA))?;
        let inbound = sa.flags.contains(SaFlags::INBOUND);
        let src = addresses.src.map(|src| src.addr);
        self.sadb
            .find(request.header().satype, sa.spi, src, dst.addr, inbound)
            .filter(|id| self.sadb.belongs(*id, request.owner()))
            .ok_or((Errno::ESRCH, Diagnostic::SA_NOTFOUND).into())
    }

    pub(super) fn find_sa(
        &mut self,
        request: &Request<'_>,
        addresses: &Addresses,
    ) -> Result<Answer, Refusal> {
        let kind = request.header().kind;
        if kind != MsgType::GET && !request.has(ExtType::SA) {
            return self.delete_matching(request, addresses);
        }
        let id = self.named(request, addresses)?;
        if kind == MsgType::GET {
            let exts = self.sadb.get(id).map(|sa| sa.describe(true)).unwrap_or_default();
            return Ok(Answer::Reply(answer(request.header(), exts)));
        }
        let partner = self.partner_of(id);
        let exts = self.sadb.get(id).map(|sa| {
            let mut exts = sa.describe(false);
            if let Some(Ext::Sa(sa)) = exts.first_mut() {
                sa.state = SaState::DEAD;
            }
            exts
        });
        self.part(id);
        self.sadb.remove(id);
        if kind == MsgType::X_DELPAIR {
            match partner {
                Some(partner) => self.sadb.remove(partner),
                None => return Err((Errno::ESRCH, Diagnostic::PAIR_SA_NOTFOUND).into()),
            };
        }
        Ok(Answer::Reply(answer(request.header(), exts.unwrap_or_default())))
    }

    /// Deletes all that match what is given; larval ones and those of others stay.
    fn delete_matching(
        &mut self,
        request: &Request<'_>,
        addresses: &Addresses,
    ) -> Result<Answer, Refusal> {
        let Addresses { src, dst, .. } = *addresses;
        let family = match (src, dst) {
            (Some(one), _) | (None, Some(one)) => one.addr.is_ipv6(),
            (None, None) => return Err(Diagnostic::MISSING_SA.into()),
        };
        let from = request.identity(ExtType::IDENTITY_SRC);
        let to = request.identity(ExtType::IDENTITY_DST);
        let km = request.cookie();
        let pairs = request.header().kind == MsgType::X_DELPAIR;
        let same = |wanted: &Option<IdentityExt>, has: &Option<IdentityExt>| {
            wanted.as_ref().is_none_or(|wanted| {
                has.as_ref()
                    .is_some_and(|has| has.kind == wanted.kind && has.text() == wanted.text())
            })
        };
        let kind = request.header().satype;
        let matching: Vec<SaId> = self
            .sadb
            .owned_by(kind, request.owner())
            .filter(|(_, sa)| {
                sa.state != SaState::LARVAL
                    && sa.dst.is_ipv6() == family
                    && src.is_none_or(|src| src.addr == sa.src)
                    && dst.is_none_or(|dst| dst.addr == sa.dst)
                    && same(&from, &sa.src_identity)
                    && same(&to, &sa.dst_identity)
                    && km.is_none_or(|km| km == sa.km)
                    && (!pairs || sa.pair.is_some())
            })
            .map(|(id, _)| id)
            .collect();
        for id in matching {
            let partner = self.part(id);
            self.sadb.remove(id);
            if pairs && let Some(partner) = partner {
                self.sadb.remove(partner);
            }
        }
        Ok(Answer::Reply(request.bytes.to_vec()))
    }

    /// Deletes the pairs of a source that are in a state. The original stops the system
    /// here.
    pub(super) fn delete_pairs_in_state(
        &mut self,
        request: &Request<'_>,
        addresses: &Addresses,
    ) -> Result<Answer, Refusal> {
        let sa = request.sa().ok_or(Refusal::from(Diagnostic::MISSING_SA))?;
        let src = addresses.src.ok_or(Refusal::from(Diagnostic::MISSING_SRC))?;
        addresses.dst.ok_or(Refusal::from(Diagnostic::MISSING_DST))?;
        let kind: SaType = request.header().satype;
        let matching: Vec<SaId> = self
            .sadb
            .owned_by(kind, request.owner())
            .filter(|(_, has)| has.state == sa.state && has.pair.is_some() && has.src == src.addr)
            .map(|(id, _)| id)
            .collect();
        for id in matching {
            let partner = self.part(id);
            self.sadb.remove(id);
            partner.and_then(|partner| self.sadb.remove(partner));
        }
        Ok(Answer::Reply(request.bytes.to_vec()))
    }
}
