// SPDX-License-Identifier: MIT OR Apache-2.0

//! The `PF_POLICY` socket: requests in, replies out.
//!
//! One request is carried out at a time for each socket. A dump answers one record
//! at a time, when it is asked for the next one; meanwhile further requests of that
//! socket wait. So does a request that needs IPsec while its modules are not loaded.
//! Source: `spec/pf_policy.md` sections 1 to 7.

mod action;
mod add;
mod algs;
mod delete;
mod dump;
mod heads;
mod namespace;
mod reply;
mod rule;
mod selector;

use std::collections::VecDeque;

use illumos_ipsec::model::{Side, TunnelName};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::policy::{
    Diagnostic, ExtType, Frame, FrameError, HEADER_LEN, MAX_REQUEST, MsgType, SPD_ACTIVE,
    SPD_STANDBY,
};

use crate::KernelKind;
use crate::kernel::{Kernel, Load};
pub(crate) use algs::update_kept;
use dump::Dump;
use reply::{Refusal, patch};

/// State of one socket.
#[derive(Clone, Debug, Default)]
pub(crate) struct PolicySocket {
    replies: VecDeque<Vec<u8>>,
    waiting: VecDeque<Vec<u8>>,
    dump: Option<Dump>,
    /// The first waiting request waits for IPsec to be loaded.
    pub(crate) loading: bool,
    /// The tunnel flag of dumped rules: set by the last dump of a tunnel, never reset.
    tunnel_flag: bool,
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Scope {
    /// The system's policy head.
    System,
    /// Every policy head.
    All,
    /// The head of one tunnel.
    Tunnel(TunnelName),
}

/// What comes of a request that is not refused.
enum Answer {
    /// The request itself with these bytes changed: offset, value.
    Echo(Edits),
    /// Another message.
    Reply(Vec<u8>),
    /// Nothing before IPsec is loaded.
    AfterLoad,
}

/// Changes to an echoed request.
#[derive(Debug, Default)]
struct Edits {
    /// Where the rule index goes, and the index.
    index: Option<(usize, u64)>,
    /// Where FLAGS values stand that were changed, and the values.
    flags: Vec<(usize, u32)>,
}

impl PolicySocket {
    /// Is everything answered and fetched?
    pub(crate) fn idle(&self) -> bool {
        self.replies.is_empty() && self.waiting.is_empty() && self.dump.is_none()
    }

    /// Takes over one write; more than the kernel takes at once becomes several messages.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            self.waiting.push_back(Vec::new());
        }
        self.waiting.extend(bytes.chunks(MAX_REQUEST).map(<[u8]>::to_vec));
    }

    /// Carries out waiting requests until one has to wait or nothing is left.
    pub(crate) fn run(&mut self, kernel: &mut Kernel) {
        while self.dump.is_none() && !self.loading {
            let Some(mut request) = self.waiting.pop_front() else {
                return;
            };
            match self.execute(kernel, &mut request) {
                Ok(Answer::Echo(edits)) => {
                    if let Some((at, index)) = edits.index {
                        patch(&mut request, at, &index.to_ne_bytes());
                    }
                    for (at, flags) in edits.flags {
                        patch(&mut request, at, &flags.to_ne_bytes());
                    }
                    self.replies.push_back(request);
                }
                Ok(Answer::Reply(reply)) => self.replies.push_back(reply),
                Ok(Answer::AfterLoad) => {
                    self.loading = true;
                    self.waiting.push_front(request);
                }
                Err(refusal) => self.replies.push_back(refusal.reply(&request)),
            }
        }
    }

    /// Looks again whether IPsec is loaded.
    pub(crate) fn load_timer(&mut self, kernel: &mut Kernel) {
        if !std::mem::take(&mut self.loading) {
            return;
        }
        if kernel.load == Load::Failed
            && let Some(request) = self.waiting.pop_front()
        {
            self.replies.push_back(Refusal::from(Errno::EPROTONOSUPPORT).reply(&request));
        }
        self.run(kernel);
    }

    /// A reply that is there for the reader. After the last one come the records of a
    /// dump that has been asked for.
    pub(crate) fn take_reply(&mut self) -> Option<Vec<u8>> {
        self.replies.pop_front()
    }

    /// Has a dump records left?
    pub(crate) fn dumping(&self) -> bool {
        self.dump.is_some()
    }

    /// The next record of a dump.
    pub(crate) fn next_record(&mut self, kernel: &mut Kernel) -> Option<Vec<u8>> {
        let record = self.dump.as_mut()?.next(kernel, &mut self.tunnel_flag);
        if record.last {
            self.dump = None;
            self.run(kernel);
        }
        Some(record.bytes)
    }

    fn execute(&mut self, kernel: &mut Kernel, request: &mut [u8]) -> Result<Answer, Refusal> {
        if request.len() < HEADER_LEN {
            return Err(Errno::EMSGSIZE.into());
        }
        let mut frame = parse(request, kernel.kind)?;
        if let Some(at) = unterminated_name(&frame) {
            request[at] = 0;
            frame = parse(request, kernel.kind)?;
        }
        let kind = frame.header.kind;
        let owner = namespace::owner(&frame)?;
        if kernel.load != Load::Loaded && kind != MsgType::UPDATEALGS {
            kernel.request_load();
            return Ok(Answer::AfterLoad);
        }
        match kind {
            MsgType::UPDATEALGS => return algs::update(kernel, &frame, request),
            MsgType::ALGLIST => return Ok(Answer::Reply(algs::list(kernel, &frame))),
            MsgType::DUMPALGS => return algs::dump(kernel, &frame).map(Answer::Reply),
            MsgType::FLIP => return heads::flip(kernel, &scope(&frame)?, &owner),
            MsgType::CLONE => return heads::clone(kernel, &scope(&frame)?, &owner),
            _ => {}
        }
        let side = match frame.header.spdid {
            SPD_ACTIVE => Side::Active,
            SPD_STANDBY => Side::Standby,
            _ => return Err(Diagnostic::BAD_SPDID.into()),
        };
        let scope = scope(&frame)?;
        if scope == Scope::All && !matches!(kind, MsgType::FLUSH | MsgType::DUMP) {
            return Err(Diagnostic::NOT_GLOBAL_OP.into());
        }
        if let Scope::Tunnel(name) = &scope {
            if kind == MsgType::ADDRULE {
                kernel.spd.create(name);
            } else if kernel.spd.head(Some(name)).is_none() {
                return Err(Errno::ENOENT.into());
            }
            kernel.tell_tunnel(name);
        }
        match kind {
            MsgType::FLUSH => heads::flush(kernel, &scope, side, &owner),
            MsgType::DUMP => {
                let (dump, header) =
                    Dump::start(kernel, &frame, scope, side, &mut self.tunnel_flag);
                self.dump = Some(dump);
                Ok(Answer::Reply(header))
            }
            MsgType::ADDRULE => told_after(kernel, scope, |kernel, tunnel| {
                add::add_rule(kernel, tunnel, side, &frame, &owner)
            }),
            MsgType::DELETERULE => told_after(kernel, scope, |kernel, tunnel| {
                delete::delete_rule(kernel, tunnel, side, &frame, &owner)
            }),
            MsgType::LOOKUP => Err(Errno::EINVAL.into()),
            _ => Err(Diagnostic::BAD_MSG_TYPE.into()),
        }
    }
}

/// Does something with one policy head and tells its tunnel, whatever comes of it.
fn told_after(
    kernel: &mut Kernel,
    scope: Scope,
    act: impl FnOnce(&mut Kernel, Option<&TunnelName>) -> Result<Edits, Refusal>,
) -> Result<Answer, Refusal> {
    let tunnel = match &scope {
        Scope::Tunnel(name) => Some(name),
        Scope::System | Scope::All => None,
    };
    let edits = act(kernel, tunnel);
    if let Some(name) = tunnel {
        kernel.tell_tunnel(name);
    }
    edits.map(Answer::Echo)
}

fn parse(request: &[u8], kind: KernelKind) -> Result<Frame<'_>, Refusal> {
    let known =
        |ext: ExtType| ext.is_old() || (ext == ExtType::NAMESPACE && kind == KernelKind::Modified);
    Frame::parse_with(request, known, namespace::check)
}

impl From<FrameError> for Refusal {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Size { .. } => Errno::EMSGSIZE.into(),
            FrameError::UnknownExt { .. } => Diagnostic::UNKNOWN_EXT.into(),
            FrameError::BadLength { .. } => Diagnostic::BAD_EXTLEN.into(),
            FrameError::Duplicate { kind, .. } => duplicate(kind).into(),
        }
    }
}

/// The code for a repeated extension is that of the next type. Behind the end of its
/// table the kernel finds some number; here type 9 has the last code, and type 10, which
/// has none of its own, that for a bad extension.
fn duplicate(kind: ExtType) -> Diagnostic {
    match kind {
        ExtType::LCLPORT => Diagnostic::DUPLICATE_REMPORT,
        ExtType::REMPORT => Diagnostic::DUPLICATE_PROTO,
        ExtType::PROTO => Diagnostic::DUPLICATE_LCLADDR,
        ExtType::LCLADDR => Diagnostic::DUPLICATE_REMADDR,
        ExtType::REMADDR => Diagnostic::DUPLICATE_ACTION,
        ExtType::ACTION => Diagnostic::DUPLICATE_RULE,
        ExtType::RULE => Diagnostic::DUPLICATE_RULESET,
        ExtType::NAMESPACE => Diagnostic::NAMESPACE_DUPLICATE,
        ExtType::RULESET | ExtType::ICMP_TYPECODE => Diagnostic::DUPLICATE_ICMP_TYPECODE,
        _ => Diagnostic::BAD_EXTLEN,
    }
}

/// Where a NUL has to be put to end the tunnel name. The kernel looks for one from the
/// second word of the extension on only.
fn unterminated_name(frame: &Frame<'_>) -> Option<usize> {
    let ext = frame.get(ExtType::TUN_NAME)?;
    let terminated = ext.bytes[8..].contains(&0);
    (!terminated).then(|| ext.offset + ext.bytes.len() - 1)
}

fn scope(frame: &Frame<'_>) -> Result<Scope, Refusal> {
    let Some(ext) = frame.get(ExtType::TUN_NAME) else {
        return Ok(Scope::System);
    };
    let field = &ext.bytes[4..];
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    if end == 0 {
        return Ok(Scope::All);
    }
    match TunnelName::new(&field[..end]) {
        Ok(name) => Ok(Scope::Tunnel(name)),
        Err(_) => Err(Diagnostic::BAD_EXTLEN.into()),
    }
}
