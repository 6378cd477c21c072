// SPDX-License-Identifier: MIT OR Apache-2.0

//! Judges a replayed case: as recorded, different for a known reason, or wrong.

use std::collections::BTreeMap;

use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::policy::{
    Diagnostic, Ext, ExtType, Frame, HEADER_LEN, Header, Message, MsgType, decode_alglist,
};
use ipsec_usermode::KernelKind;

use super::alg_model::AlgModel;
use super::case::{Case, Start, setup};
use super::flag_model::{FlagModel, name};
use super::replay::{Notice, Observed, replay};
use super::shape::{accepts, diff, dumped, is_rule_record, list_end, long_name, refusal};
use crate::golden::Outcome;

const FIRST_RULE: &str =
    "the first rule of a tunnel's side leaves the flags of the other side alone";
const SHORT_TABLE: &str =
    "UPDATEALGS that leaves out algorithms leaves exactly those of the request";
const LIST_END: &str = "what follows the end of an ALGLIST is zero";
const NO_HEADER: &str = "a message without a full header is refused";
const NAMESPACES: &str = "the extension that says whose rules are meant is known";
const LONG_NAME: &str = "a tunnel name of more than 31 bytes is refused";

pub(super) fn judge(case: &Case, kind: KernelKind) -> Outcome {
    let ours = match replay(case, kind) {
        Ok(ours) => ours,
        Err(error) => return Outcome::Failed(error),
    };
    let mut judge = Judge::new(case, kind);
    let mut decision = None;
    for (at, (step, ours)) in case.steps.iter().zip(&ours).enumerate() {
        let recorded = Observed::recorded(step);
        let request = step.send.as_ref().map_or(&[][..], |bytes| &bytes.0);
        let socket = step.socket.as_deref().unwrap_or_default();
        match judge.step(socket, request, &recorded, ours) {
            Ok(found) => decision = decision.or(found),
            Err(why) => return Outcome::Failed(diff(at, request, &recorded, ours, &why)),
        }
    }
    match decision {
        None => Outcome::Passed,
        // The defect is the only reason if a kernel with the defect agrees.
        Some(FIRST_RULE) => match self::judge(case, KernelKind::Unmodified) {
            Outcome::Failed(why) => {
                Outcome::Failed(format!("differs with the defect, too:\n{why}"))
            }
            Outcome::Passed | Outcome::Differs { .. } => {
                Outcome::Differs { decision: FIRST_RULE.into() }
            }
        },
        Some(decision) => Outcome::Differs { decision: decision.into() },
    }
}

/// Does a request say whose rules it means?
fn has_namespace(request: &[u8]) -> bool {
    let message = Message::decode(request);
    message.is_ok_and(|message| message.get(ExtType::NAMESPACE).is_some())
}

/// Follows a case from step to step.
struct Judge {
    kind: KernelKind,
    /// Bytes 6 and 7 of replies are not compared.
    loose_diagnostic: bool,
    flags: FlagModel,
    /// A first rule overwrote the other side's flags in the recorded kernel.
    overwritten: bool,
    algs: AlgModel,
    /// Something was done for a namespace, which the recorded kernel has not done.
    namespaced: bool,
    /// Side of the dump that a socket reads, and the tunnel flag of its last tunnel.
    dumps: BTreeMap<String, (usize, bool)>,
}

type Verdict = Result<Option<&'static str>, String>;

impl Judge {
    fn new(case: &Case, kind: KernelKind) -> Self {
        let mut algs = AlgModel::default();
        if case.start == Start::Default {
            algs.see(&setup());
        }
        Self {
            kind,
            loose_diagnostic: case.unstable.is_some(),
            flags: FlagModel::default(),
            overwritten: false,
            algs,
            namespaced: false,
            dumps: BTreeMap::new(),
        }
    }

    fn step(
        &mut self,
        socket: &str,
        request: &[u8],
        recorded: &Observed,
        ours: &Observed,
    ) -> Verdict {
        self.overwritten |= self.kind == KernelKind::Modified && self.flags.overwrites(request);
        let mixes = self.flags.mixes_modes(request);
        let before = self.flags.clone();
        let accepted = ours.recv.iter().any(|(to, reply)| to == socket && accepts(request, reply));
        self.flags.see(request, accepted, &ours.notices);
        if accepted {
            self.algs.see(request);
        }
        self.begin_dump(socket, request);

        if self.kind == KernelKind::Modified && has_namespace(request) {
            // It was recorded that nothing but a refusal comes of it.
            let unknown = refusal(request, Errno::EINVAL, Diagnostic::UNKNOWN_EXT);
            let refused =
                matches!(&recorded.recv[..], [(to, reply)] if to == socket && *reply == unknown);
            let answered = ours.recv.iter().any(|(_, reply)| *reply != unknown);
            self.namespaced = true;
            return match refused && answered {
                true => Ok(Some(NAMESPACES)),
                false => Err("a namespace is not answered as it should be".to_owned()),
            };
        }
        let mut found = None;
        if recorded.recv.len() != ours.recv.len() {
            return Err("another number of messages".to_owned());
        }
        for ((from, theirs), (to, reply)) in recorded.recv.iter().zip(&ours.recv) {
            self.follow_dump(to, reply);
            let same = from == to && self.same(theirs, reply);
            if !same {
                let why = self.explain(request, to, theirs, reply, mixes);
                found = found.or(Some(why.ok_or_else(|| "another message".to_owned())?));
            }
        }
        if recorded.notices != ours.notices {
            if !self.overwritten {
                return Err("something else was told to the tunnels or the loader".to_owned());
            }
            self.check_flags(&before, &recorded.notices, &ours.notices)?;
            found = Some(FIRST_RULE);
        }
        Ok(found)
    }

    fn same(&self, theirs: &[u8], ours: &[u8]) -> bool {
        let mut theirs = theirs.to_vec();
        if self.loose_diagnostic && theirs.len() == ours.len() && ours.len() >= 8 {
            theirs[6..8].copy_from_slice(&ours[6..8]);
        }
        theirs == ours
    }

    /// The reason for another reply, if there is one and the reply is as it should be.
    fn explain(
        &self,
        request: &[u8],
        socket: &str,
        theirs: &[u8],
        ours: &[u8],
        mixes: bool,
    ) -> Option<&'static str> {
        if !request.is_empty() && request.len() < HEADER_LEN {
            return (ours == refusal(request, Errno::EMSGSIZE, Diagnostic::NONE))
                .then_some(NO_HEADER);
        }
        if long_name(request) {
            return (ours == refusal(request, Errno::EINVAL, Diagnostic::BAD_EXTLEN))
                .then_some(LONG_NAME);
        }
        if self.algs.shortened && self.right_table(request, theirs, ours) {
            return Some(SHORT_TABLE);
        }
        if list_end(theirs, ours) {
            return Some(LIST_END);
        }
        if self.namespaced && Header::read(request).kind == MsgType::DUMP {
            return Some(NAMESPACES);
        }
        if !self.overwritten {
            return None;
        }
        let refused = mixes && ours == refusal(request, Errno::EBUSY, Diagnostic::NONE);
        (refused || self.right_record(socket, theirs, ours)).then_some(FIRST_RULE)
    }

    /// Does a reply show exactly the algorithms of the last UPDATEALGS?
    fn right_table(&self, request: &[u8], theirs: &[u8], ours: &[u8]) -> bool {
        let (Ok(asked), Ok(reply)) = (Message::decode(request), Message::decode(ours)) else {
            return false;
        };
        match asked.header.kind {
            MsgType::ALGLIST => decode_alglist(&reply).is_ok_and(|algs| algs == self.algs.listed()),
            MsgType::DUMPALGS => dumped(&reply) == self.algs.dumped(),
            MsgType::ADDRULE => {
                let Some(Ext::Action { attrs, .. }) = asked.get(ExtType::ACTION) else {
                    return false;
                };
                let unknown = |reply: &[u8]| {
                    let header = Header::read(reply);
                    let (errno, diagnostic) = (header.errno, header.diagnostic.0);
                    errno == Errno::EINVAL && (30..=32).contains(&diagnostic)
                };
                unknown(ours) == self.algs.misses(attrs) && unknown(ours) != unknown(theirs)
            }
            _ => false,
        }
    }

    /// Do two rule records differ in the tunnel flag only, and is ours the right one?
    fn right_record(&self, socket: &str, theirs: &[u8], ours: &[u8]) -> bool {
        const FLAGS_AT: usize = HEADER_LEN + 8;
        let Some(&(side, last)) = self.dumps.get(socket) else {
            return false;
        };
        let mut copy = ours.to_vec();
        if !is_rule_record(ours) || theirs.len() != ours.len() {
            return false;
        }
        copy[FLAGS_AT] = theirs[FLAGS_AT];
        let tunnel = Frame::parse(ours).ok().and_then(|frame| frame.get(ExtType::TUN_NAME));
        let wanted = tunnel.map_or(last, |ext| self.flags.in_tunnel_mode(&name(ext.bytes), side));
        copy == theirs
            && theirs[FLAGS_AT] ^ ours[FLAGS_AT] == 4
            && (ours[FLAGS_AT] & 4 != 0) == wanted
    }

    /// Are our notices the recorded ones but for the flags, and are those the right ones?
    fn check_flags(
        &self,
        before: &FlagModel,
        theirs: &[Notice],
        ours: &[Notice],
    ) -> Result<(), String> {
        if theirs.len() != ours.len() {
            return Err("another number of notices".to_owned());
        }
        for (at, (theirs, found)) in theirs.iter().zip(ours).enumerate() {
            let (
                Notice::Tunnel { name: a, rules: x, .. },
                Notice::Tunnel { name: b, rules: y, flags },
            ) = (theirs, found)
            else {
                return Err("another notice".to_owned());
            };
            // An operation on one tunnel is told before and after it.
            let first_of_two = at == 0 && matches!(ours, [_, second] if second.name() == Some(b));
            let model = if first_of_two { before } else { &self.flags };
            let right = model.word(b.as_bytes());
            if a != b || x != y || *flags != right {
                return Err(format!("flags of {b} are {flags:#x}, should be {right:#x}"));
            }
        }
        Ok(())
    }

    fn begin_dump(&mut self, socket: &str, request: &[u8]) {
        let Ok(frame) = Frame::parse(request) else {
            return;
        };
        if frame.header.kind != MsgType::DUMP {
            return;
        }
        let side = usize::from(frame.header.spdid & 1);
        let dump = self.dumps.entry(socket.to_owned()).or_default();
        dump.0 = side;
        let tunnel = frame.get(ExtType::TUN_NAME).map(|ext| name(ext.bytes));
        if let Some(tunnel) = tunnel.filter(|name| !name.is_empty()) {
            dump.1 = self.flags.in_tunnel_mode(&tunnel, side);
        }
    }

    fn follow_dump(&mut self, socket: &str, reply: &[u8]) {
        let Ok(frame) = Frame::parse(reply) else {
            return;
        };
        if let (true, Some(ext), Some(dump)) =
            (is_rule_record(reply), frame.get(ExtType::TUN_NAME), self.dumps.get_mut(socket))
        {
            dump.1 = self.flags.in_tunnel_mode(&name(ext.bytes), dump.0);
        }
    }
}
