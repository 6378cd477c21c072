// SPDX-License-Identifier: MIT OR Apache-2.0

//! Keys of TCP signatures: no SPI, found by addresses and ports.

use illumos_ipsec::model::{Lifetime, Namespace, SaFlags, SaState};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{AddressExt, Diagnostic, Ext, ExtType, KeyExt, MsgType, SaExt};
use illumos_ipsec::wire::namespace::NamespaceExt;

use super::{Answer, Refusal, Request, answer};
use crate::Kernel;

/// The only algorithm.
const MD5: u8 = 1;
const TCP: u8 = 6;

/// One key.
#[derive(Clone, Debug)]
struct Signature {
    auth: u8,
    src: AddressExt,
    dst: AddressExt,
    string: KeyExt,
    hard: Lifetime,
    soft: Lifetime,
    added: u64,
    used: u64,
    owner: Option<Namespace>,
}

/// All of them, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub(crate) struct TcpSignatures(Vec<Signature>);

impl TcpSignatures {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes what has passed its hard limit.
    pub(super) fn age(&mut self, now: u64) {
        let over =
            |limit: u64, since: u64| limit != 0 && since != 0 && now >= since.saturating_add(limit);
        self.0
            .retain(|one| !over(one.hard.addtime, one.added) && !over(one.hard.usetime, one.used));
    }

    fn position(&self, ends: &Ends) -> Option<usize> {
        self.0.iter().position(|one| Ends::of(&one.src, &one.dst) == *ends)
    }
}

/// What a key is found by.
#[derive(PartialEq, Eq)]
struct Ends([(Option<std::net::IpAddr>, u16); 2]);

impl Ends {
    fn of(src: &AddressExt, dst: &AddressExt) -> Self {
        Self([(src.addr(), src.port()), (dst.addr(), dst.port())])
    }
}

impl Signature {
    fn describe(&self, now: u64) -> Vec<Ext> {
        let soft_passed =
            self.soft.addtime != 0 && now >= self.added.saturating_add(self.soft.addtime);
        let state = if soft_passed { SaState::DYING } else { SaState::MATURE };
        let address = |kind, address: &AddressExt| {
            Ext::Address(kind, AddressExt { proto: TCP, ..address.clone() })
        };
        let mut exts = vec![
            Ext::Sa(SaExt {
                spi: 0,
                replay: 0,
                state,
                auth: self.auth,
                encr: 0,
                flags: SaFlags::TCPSIG,
            }),
            address(ExtType::ADDRESS_SRC, &self.src),
            address(ExtType::ADDRESS_DST, &self.dst),
        ];
        if !self.hard.is_zero() || !self.soft.is_zero() {
            let current =
                Lifetime { addtime: self.added, usetime: self.used, ..Lifetime::default() };
            exts.push(Ext::Lifetime(ExtType::LIFETIME_CURRENT, current));
        }
        for (kind, lifetime) in
            [(ExtType::LIFETIME_SOFT, self.soft), (ExtType::LIFETIME_HARD, self.hard)]
        {
            exts.extend((!lifetime.is_zero()).then_some(Ext::Lifetime(kind, lifetime)));
        }
        exts.push(Ext::Key(ExtType::X_STR_AUTH, self.string.clone()));
        exts
    }
}

impl Kernel {
    pub(super) fn tcpsig(&mut self, request: &Request<'_>) -> Result<Answer, Refusal> {
        self.tcp_signatures.age(self.now);
        let header = request.header();
        let done = || Ok(Answer::Reply(answer(header, Vec::new())));
        match header.kind {
            MsgType::ADD => {
                self.tcpsig_add(request)?;
                done()
            }
            MsgType::UPDATE => {
                self.tcpsig_update(request)?;
                done()
            }
            MsgType::DELETE => {
                let at = self.tcpsig_named(request)?;
                self.tcp_signatures.0.remove(at);
                done()
            }
            MsgType::GET => {
                let at = self.tcpsig_named(request)?;
                let exts = self.tcp_signatures.0[at].describe(self.now);
                Ok(Answer::Replies(vec![answer(header, exts), answer(header, Vec::new())]))
            }
            MsgType::FLUSH => {
                let owner = request.owner();
                self.tcp_signatures.0.retain(|one| one.owner.as_ref() != owner);
                done()
            }
            MsgType::DUMP => {
                let wanted = |one: &&Signature| match &request.namespace {
                    Some(NamespaceExt::Name(owner)) => one.owner.as_ref() == Some(owner),
                    Some(NamespaceExt::Any) | None => true,
                };
                let all = self.tcp_signatures.0.iter().filter(wanted);
                let records: Vec<_> = all
                    .map(|one| (answer(header, one.describe(self.now)), one.owner.clone()))
                    .collect();
                self.dump_made(request, records);
                Ok(Answer::Done)
            }
            kind if kind.name().is_none() || kind == MsgType::RESERVED => {
                Err(Diagnostic::UNKNOWN_MSG.into())
            }
            _ => Err(Errno::EOPNOTSUPP.into()),
        }
    }

    fn tcpsig_named(&self, request: &Request<'_>) -> Result<usize, Refusal> {
        let (src, dst) = ends(request)?;
        self.tcp_signatures
            .position(&Ends::of(&src, &dst))
            .filter(|at| self.tcp_signatures.0[*at].owner.as_ref() == request.owner())
            .ok_or((Errno::ESRCH, Diagnostic::PAIR_SA_NOTFOUND).into())
    }

    fn tcpsig_add(&mut self, request: &Request<'_>) -> Result<(), Refusal> {
        let sa = request.sa().ok_or(Refusal::from(Diagnostic::MISSING_SA))?;
        let (src, dst) = ends(request)?;
        let string = request.key(ExtType::X_STR_AUTH).ok_or(Diagnostic::MISSING_ASTR)?;
        let hard = times(request, ExtType::LIFETIME_HARD);
        let soft = times(request, ExtType::LIFETIME_SOFT);
        check_times(&hard, &soft)?;
        match (src.addr(), dst.addr()) {
            (Some(a), Some(b)) if a.is_ipv4() == b.is_ipv4() => {}
            (Some(_), Some(_)) => return Err(Diagnostic::AF_MISMATCH.into()),
            _ => return Err(Diagnostic::BAD_SRC_AF.into()),
        }
        if sa.auth != MD5 {
            return Err(Diagnostic::BAD_AALG.into());
        }
        if !string.bits.is_multiple_of(8) {
            return Err(Diagnostic::MALFORMED_AKEY.into());
        }
        if let Some(at) = self.tcp_signatures.position(&Ends::of(&src, &dst)) {
            let taken_by = self.tcp_signatures.0[at].owner.as_ref();
            return Err(
                (Errno::EEXIST, request.conflict(taken_by, Diagnostic::DUPLICATE_SA)).into()
            );
        }
        let added = self.now;
        let owner = request.owner().cloned();
        let auth = sa.auth;
        let signature = Signature { auth, src, dst, string, hard, soft, added, used: 0, owner };
        self.tcp_signatures.0.push(signature);
        Ok(())
    }

    fn tcpsig_update(&mut self, request: &Request<'_>) -> Result<(), Refusal> {
        let at = self.tcpsig_named(request)?;
        let known = &mut self.tcp_signatures.0[at];
        let (mut hard, mut soft) = (known.hard, known.soft);
        for (known, new) in [
            (&mut hard, times(request, ExtType::LIFETIME_HARD)),
            (&mut soft, times(request, ExtType::LIFETIME_SOFT)),
        ] {
            if new.addtime != 0 {
                known.addtime = new.addtime;
            }
            if new.usetime != 0 {
                known.usetime = new.usetime;
            }
        }
        check_times(&hard, &soft)?;
        (known.hard, known.soft) = (hard, soft);
        Ok(())
    }
}

fn ends(request: &Request<'_>) -> Result<(AddressExt, AddressExt), Refusal> {
    let address = |kind| match request.ext(kind) {
        Some(Ext::Address(_, address)) => Some(address),
        _ => None,
    };
    let src = address(ExtType::ADDRESS_SRC).ok_or(Refusal::from(Diagnostic::MISSING_SRC))?;
    let dst = address(ExtType::ADDRESS_DST).ok_or(Refusal::from(Diagnostic::MISSING_DST))?;
    Ok((src, dst))
}

/// Only times limit a signature.
fn times(request: &Request<'_>, kind: ExtType) -> Lifetime {
    let given = request.lifetime(kind).unwrap_or_default();
    Lifetime { allocations: 0, bytes: 0, ..given }
}

fn check_times(hard: &Lifetime, soft: &Lifetime) -> Result<(), Refusal> {
    let above = |soft: u64, hard: u64| soft != 0 && hard != 0 && soft > hard;
    if above(soft.addtime, hard.addtime) {
        return Err(Diagnostic::ADDTIME_HSERR.into());
    }
    if above(soft.usetime, hard.usetime) {
        return Err(Diagnostic::USETIME_HSERR.into());
    }
    Ok(())
}
