// SPDX-License-Identifier: MIT OR Apache-2.0

//! ACQUIRE: asking key management for associations, and what it says to that.

use std::net::IpAddr;

use illumos_ipsec::model::{ActionFlags, ActionKind, Alternative, Lifetime, Prefix, SaType, Side};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{
    AddressExt, AlgDesc, Combination, Diagnostic, Ext, ExtType, ExtendedCombination, Header,
    MsgType, Proposal,
};

use super::address::Addresses;
use super::{Answer, Refusal, Request, To, answer, check};
use crate::Kernel;
use crate::sadb::{Cipher, Inner};
use crate::spd::{PacketSelector, Way};

/// Limits that the kernel proposes, in seconds since an association was added.
const SOFT: u64 = 24_000;
const HARD: u64 = 28_800;
/// Packets that may arrive out of order, as the kernel proposes.
const REPLAY: u8 = 64;
/// The first sequence number of the kernel; they count down.
const FIRST_SEQ: u32 = 0xffff_fffe;
/// The smallest one of the kernel.
const LAST_SEQ: u32 = 0x8000_0000;
/// Seconds after which an association is asked for once more.
const PATIENCE: u64 = 165;
/// Algorithm types of an extended combination.
const AUTH: u8 = 1;
const CRYPT: u8 = 2;

/// Associations that traffic needs and that are not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// AH or ESP: the first one that is missing.
    pub(crate) kind: SaType,
    pub(crate) src: IpAddr,
    pub(crate) src_port: u16,
    pub(crate) dst: IpAddr,
    pub(crate) dst_port: u16,
    pub(crate) proto: u8,
    /// Present in tunnel mode.
    pub(crate) inner: Option<Inner>,
    /// Alternatives of the rule that protect.
    pub(crate) chain: Vec<Alternative>,
}

#[derive(Clone, Debug)]
struct Pending {
    seq: u32,
    wanted: Wanted,
    since: u64,
}

/// What has been asked for and has not come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acquires {
    pending: Vec<Pending>,
    sent: u32,
}

impl Acquires {
    /// Something was added: it is not waited for any longer.
    pub(super) fn answered(&mut self, seq: u32, dst: IpAddr) {
        self.pending.retain(|pending| pending.seq != seq || pending.wanted.dst != dst);
    }

    /// Nothing of a type, or of any, is waited for any longer.
    pub(super) fn flush(&mut self, kind: SaType) {
        self.pending.retain(|pending| kind != SaType::UNSPEC && pending.wanted.kind != kind);
    }

    pub(super) fn age(&mut self, now: u64) {
        self.pending.retain(|pending| now < pending.since.saturating_add(PATIENCE));
    }

    fn next_seq(&mut self) -> u32 {
        let seq = FIRST_SEQ - self.sent;
        self.sent = if seq == LAST_SEQ { 0 } else { self.sent + 1 };
        seq
    }
}

impl Kernel {
    /// Asks for associations, unless that has been asked for already; true if it was said
    /// now.
    pub(crate) fn acquire(&mut self, wanted: Wanted) -> bool {
        if self.acquires.pending.iter().any(|pending| pending.wanted == wanted) {
            return false;
        }
        let seq = self.acquires.next_seq();
        let since = self.now;
        if self.keys.sockets.values().any(|socket| socket.extended) {
            let header = Header { seq, ..Header::request(MsgType::ACQUIRE, SaType::UNSPEC) };
            let message = answer(header, self.extended(&wanted));
            self.send_up(&message, To::Extended, None);
        } else {
            let header = Header { seq, ..Header::request(MsgType::ACQUIRE, wanted.kind) };
            let mut exts = ends(&wanted);
            exts.push(Ext::Proposal(self.proposal(&wanted)));
            let to = To::Registered(wanted.kind, None);
            self.send_up(&answer(header, exts), to, None);
        }
        self.acquires.pending.push(Pending { seq, wanted, since });
        true
    }

    /// An ACQUIRE from a process: with an error it gives up a request of the kernel.
    pub(super) fn acquire_from_above(&mut self, request: &Request<'_>) -> Result<Answer, Refusal> {
        let header = request.header();
        if header.satype == SaType::UNSPEC {
            return Err(Diagnostic::SATYPE_NEEDED.into());
        }
        if !matches!(header.satype, SaType::AH | SaType::ESP) {
            return Err(Diagnostic::UNKNOWN_SATYPE.into());
        }
        if header.errno != Errno::OK && !request.frame.has_extensions() {
            self.acquires.pending.retain(|pending| pending.seq != header.seq);
        }
        Ok(Answer::Done)
    }

    /// What policy would ask for, for given addresses.
    pub(super) fn inverse_acquire(&mut self, bytes: &mut [u8]) -> Result<Answer, Refusal> {
        let header = check::frame(bytes)?.header;
        let has =
            |bytes: &[u8], kind| check::frame(bytes).is_ok_and(|frame| frame.get(kind).is_some());
        for (kind, diagnostic) in [
            (ExtType::ADDRESS_SRC, Diagnostic::MISSING_SRC),
            (ExtType::ADDRESS_DST, Diagnostic::MISSING_DST),
        ] {
            if !has(bytes, kind) {
                return Err(diagnostic.into());
            }
        }
        let addresses = self.check_addresses(bytes)?;
        let wanted = self.policy_for(&addresses).ok_or(Refusal::from(Errno::ENOENT))?;
        let reply = Header {
            satype: SaType::UNSPEC,
            kind: MsgType::ACQUIRE,
            errno: Errno::OK,
            diagnostic: Diagnostic::NONE,
            ..header
        };
        let message = answer(reply, self.extended(&wanted));
        Ok(Answer::Reply(message))
    }

    fn policy_for(&self, addresses: &Addresses) -> Option<Wanted> {
        let (src, dst) = (addresses.src?, addresses.dst?);
        let ports = |a: u16, b: u16| (a != 0 || b != 0).then_some((a, b));
        let mut wanted = Wanted {
            kind: SaType::ESP,
            src: src.addr,
            src_port: src.port,
            dst: dst.addr,
            dst_port: dst.port,
            proto: dst.proto,
            inner: None,
            chain: Vec::new(),
        };
        let chain = match (addresses.inner_src, addresses.inner_dst) {
            (Some(from), Some(to)) => {
                wanted.inner = Some(Inner {
                    src: from.prefix,
                    src_port: from.port,
                    dst: to.prefix,
                    dst_port: to.port,
                    proto: to.proto,
                });
                let name = self.tunnel_policy_between(src.addr, dst.addr)?;
                let selector = PacketSelector {
                    local: from.prefix.addr(),
                    remote: to.prefix.addr(),
                    proto: to.proto,
                    ports: ports(from.port, to.port),
                    icmp: None,
                };
                self.lookup(Some(&name), Side::Active, Way::Out, &selector)?.action.clone()
            }
            _ => {
                let selector = PacketSelector {
                    local: src.addr,
                    remote: dst.addr,
                    proto: dst.proto,
                    ports: ports(src.port, dst.port),
                    icmp: None,
                };
                self.lookup(None, Side::Active, Way::Out, &selector)?.action.clone()
            }
        };
        wanted.chain = chain.iter().filter(|one| one.kind == ActionKind::Ipsec).copied().collect();
        (!wanted.chain.is_empty()).then_some(wanted)
    }

    /// Addresses and proposal of an extended ACQUIRE.
    fn extended(&self, wanted: &Wanted) -> Vec<Ext> {
        let mut exts = ends(wanted);
        let combinations: Vec<ExtendedCombination> =
            wanted.chain.iter().map(|one| self.extended_combination(one)).collect();
        let [low, high] = (combinations.len() as u16).to_ne_bytes();
        exts.push(Ext::ExtendedProposal(Proposal {
            replay: REPLAY,
            reserved: [0, low, high],
            combinations,
        }));
        exts
    }

    fn extended_combination(&self, one: &Alternative) -> ExtendedCombination {
        let desc = |satype, algtype, alg: &illumos_ipsec::model::AlgChoice, saltbits| AlgDesc {
            satype,
            algtype,
            alg: alg.id,
            saltbits,
            minbits: alg.min,
            maxbits: alg.max,
        };
        let mut algs = Vec::new();
        if one.flags.contains(ActionFlags::AH) {
            algs.push(desc(SaType::AH, AUTH, &one.ah, 0));
        }
        if one.flags.contains(ActionFlags::ESP) {
            if one.flags.contains(ActionFlags::ESP_AUTH) && one.esp_auth.id != 0 {
                algs.push(desc(SaType::ESP, AUTH, &one.esp_auth, 0));
            }
            algs.push(desc(SaType::ESP, CRYPT, &one.encr, self.salt_of(one.encr.id)));
        }
        ExtendedCombination {
            reserved: (0, 0),
            flags: 0,
            soft: Lifetime { addtime: SOFT, ..Lifetime::default() },
            hard: Lifetime { addtime: HARD, ..Lifetime::default() },
            algs,
        }
    }

    fn salt_of(&self, cipher: u8) -> u8 {
        Cipher::find(&self.algs, cipher).map_or(0, |cipher| cipher.salt_bits() as u8)
    }

    fn proposal(&self, wanted: &Wanted) -> Proposal<Combination> {
        let esp = wanted.kind == SaType::ESP;
        let combinations = wanted
            .chain
            .iter()
            .map(|one| {
                let auth = if esp { &one.esp_auth } else { &one.ah };
                let (encr, encr_bits) = match esp {
                    true => (one.encr.id, (one.encr.min, one.encr.max)),
                    false => (0, (0, 0)),
                };
                Combination {
                    auth: auth.id,
                    encr,
                    flags: 0,
                    auth_bits: if auth.id == 0 { (0, 0) } else { (auth.min, auth.max) },
                    encr_bits,
                    encr_saltbits: self.salt_of(encr),
                    reserved: (0, 0),
                    soft: Lifetime { addtime: SOFT, ..Lifetime::default() },
                    hard: Lifetime { addtime: HARD, ..Lifetime::default() },
                }
            })
            .collect();
        Proposal { replay: REPLAY, reserved: [0; 3], combinations }
    }
}

fn ends(wanted: &Wanted) -> Vec<Ext> {
    let mut exts = Vec::new();
    if let Some(inner) = &wanted.inner {
        let prefix = |prefix: Prefix, port| {
            AddressExt::new(prefix.addr(), port, inner.proto).with_prefix(prefix.len())
        };
        exts.push(Ext::Address(ExtType::X_ADDRESS_INNER_SRC, prefix(inner.src, inner.src_port)));
        exts.push(Ext::Address(ExtType::X_ADDRESS_INNER_DST, prefix(inner.dst, inner.dst_port)));
    }
    let outer = |addr, port| AddressExt::new(addr, port, wanted.proto);
    exts.push(Ext::Address(ExtType::ADDRESS_SRC, outer(wanted.src, wanted.src_port)));
    exts.push(Ext::Address(ExtType::ADDRESS_DST, outer(wanted.dst, wanted.dst_port)));
    exts
}
