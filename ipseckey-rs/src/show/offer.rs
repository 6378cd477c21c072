// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the kernel asks for and has: proposals and algorithms.

use std::fmt::Write as _;
use std::io::Write;

use illumos_ipsec::model::{AlgProto, Lifetime, SaType};
use illumos_ipsec::wire::key::{
    AlgDesc, AlgRecord, Combination, ExtType, ExtendedCombination, Proposal,
};

use super::{Look, line};

/// Algorithm types of an extended combination.
const AUTH: u8 = 1;
const CRYPT: u8 = 2;

impl Look<'_> {
    pub(super) fn proposal(&self, out: &mut Vec<u8>, proposal: &Proposal<Combination>) {
        line!(out, "PRP: Proposal, replay counter = {}.", proposal.replay);
        for (at, one) in proposal.combinations.iter().enumerate() {
            let _ = write!(out, "PRP:  Combination #{} ", at + 1);
            if one.auth != 0 {
                line!(
                    out,
                    "Authentication = {}  minbits={}, maxbits={}.",
                    self.alg(AlgProto::Ah, one.auth),
                    one.auth_bits.0,
                    one.auth_bits.1
                );
                if one.encr != 0 {
                    let _ = write!(out, "PRP:  ");
                }
            }
            if one.encr != 0 {
                line!(
                    out,
                    "Encryption = {}  minbits={}, maxbits={}, saltbits={}.",
                    self.alg(AlgProto::Esp, one.encr),
                    one.encr_bits.0,
                    one.encr_bits.1,
                    one.encr_saltbits
                );
            }
            for (name, limits) in [("HARD", &one.hard), ("SOFT", &one.soft)] {
                line!(out, "PRP:  {name}: {}", some_limits(limits));
            }
        }
    }

    pub(super) fn extended_proposal(
        &self,
        out: &mut Vec<u8>,
        proposal: &Proposal<ExtendedCombination>,
    ) {
        line!(
            out,
            "EPR: Extended Proposal, replay counter = {}, number of combinations = {}.",
            proposal.replay,
            proposal.stated()
        );
        for (at, one) in proposal.combinations.iter().enumerate() {
            line!(out, "EPR:  Extended combination #{}:", at + 1);
            for (name, limits) in [("HARD", &one.hard), ("SOFT", &one.soft)] {
                line!(
                    out,
                    "EPR:  {name}: alloc={}, bytes={}, post-add secs={}, post-use secs={}",
                    limits.allocations,
                    limits.bytes,
                    limits.addtime,
                    limits.usetime
                );
            }
            for (at, alg) in one.algs.iter().enumerate() {
                self.alg_desc(out, at + 1, alg);
            }
        }
    }

    fn alg_desc(&self, out: &mut Vec<u8>, number: usize, alg: &AlgDesc) {
        let kind = match alg.satype {
            SaType::AH => "for AH ".to_owned(),
            SaType::ESP => "for ESP ".to_owned(),
            SaType::TCPSIG => "for TCPSIG ".to_owned(),
            SaType(other) => format!("for satype={other} "),
        };
        let name = match alg.algtype {
            AUTH => format!("Authentication = {}", self.alg(AlgProto::Ah, alg.alg)),
            CRYPT => format!("Encryption = {}", self.alg(AlgProto::Esp, alg.alg)),
            other => format!("algtype({other}) = alg({})", alg.alg),
        };
        line!(
            out,
            "EPR:  Alg #{number} {kind}{name}  minbits={}, maxbits={}, saltbits={}",
            alg.minbits,
            alg.maxbits,
            alg.saltbits
        );
    }

    pub(super) fn supported(&self, out: &mut Vec<u8>, kind: ExtType, algs: &[AlgRecord]) {
        let auth = kind == ExtType::SUPPORTED_AUTH;
        let (prefix, what, proto) = match auth {
            true => ("SUA", "authentication", AlgProto::Ah),
            false => ("SUE", "encryption", AlgProto::Esp),
        };
        line!(out, "{prefix}: Supported {what} algorithms.");
        for alg in algs {
            let mut text = format!(
                "{prefix}: {} minbits={}, maxbits={}, ivlen={}, saltbits={}",
                self.alg(proto, alg.id),
                alg.minbits,
                alg.maxbits,
                alg.ivlen,
                alg.saltbits
            );
            if !auth {
                let _ = write!(text, ", increment={}", alg.increment);
            }
            line!(out, "{text}.");
        }
    }
}

/// The limits that there are, one after the other.
fn some_limits(limits: &Lifetime) -> String {
    let mut text = String::new();
    let parts = [
        ("alloc=", u64::from(limits.allocations)),
        ("bytes=", limits.bytes),
        ("post-add secs=", limits.addtime),
        ("post-use secs=", limits.usetime),
    ];
    for (name, value) in parts.into_iter().filter(|(_, value)| *value != 0) {
        let space = if text.is_empty() { "" } else { " " };
        let _ = write!(text, "{space}{name}{value}");
    }
    text
}
