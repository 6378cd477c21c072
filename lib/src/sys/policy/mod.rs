// SPDX-License-Identifier: MIT OR Apache-2.0

//! A `PF_POLICY` connection.
//!
//! [`MessageSocket`] is what a back end provides: send a message, receive one.
//! [`PolicyClient`] is what programs use: requests with checked replies, dumps,
//! and many additions in flight at once. Opening needs the privilege to configure
//! IP (`sys_ip_config`).
//!
//! ```no_run
//! use illumos_ipsec::sys::policy::{PolicyClient, Scope};
//! use illumos_ipsec::sys::System;
//! use illumos_ipsec::model::Side;
//! use illumos_ipsec::wire::policy::DumpItem;
//!
//! let mut client = PolicyClient::new(System::current().open_policy()?);
//! for item in client.dump(Side::Active, &Scope::All)? {
//!     if let DumpItem::Rule { rule, .. } = item? {
//!         println!("{} {:?}", rule.index, rule.selector);
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod dump;
mod error;
mod replace;

use std::collections::VecDeque;

use super::MessageSocket;
use crate::model::{KernelAlg, Namespace, Side, TunnelName};
use crate::wire::errno::Errno;
use crate::wire::namespace::NamespaceExt;
use crate::wire::policy::{
    AlgListError, DecodeError, Diagnostic, Ext, ExtType, Frame, Header, MAX_REQUEST, Message,
    MsgType, RuleExt, RuleFlags, SPD_ACTIVE, SPD_STANDBY, TunNameExt, decode_alglist,
};

pub use dump::{DUMP_TRIES, Dump, DumpError, Whose};
pub use error::{PolicyError, Refusal};
pub use replace::ReplaceError;

/// Bytes that [`PolicyClient::add_all`] has in flight at most, unless a single request
/// is larger: the default receive buffer of a `PF_POLICY` socket. A reply is as long
/// as its request, so replies never wait for room while the client still sends.
const WINDOW: usize = 8192;

/// The policy heads a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The host's own policy.
    Global,
    /// One tunnel.
    Tunnel(TunnelName),
    /// The host and every tunnel.
    All,
}

impl Scope {
    fn extension(&self) -> Option<Ext> {
        match self {
            Self::Global => None,
            Self::Tunnel(name) => Some(Ext::TunName(TunNameExt::new(name))),
            Self::All => Some(Ext::TunName(TunNameExt::all())),
        }
    }
}

/// A client of the security policy database.
pub struct PolicyClient {
    socket: Box<dyn MessageSocket>,
    /// Who all requests are for.
    namespace: Option<Namespace>,
}

impl PolicyClient {
    /// Uses an open connection.
    #[must_use]
    pub fn new(socket: Box<dyn MessageSocket>) -> Self {
        Self { socket, namespace: None }
    }

    /// From now on all requests are for the rules of a namespace. A kernel without
    /// namespaces refuses every one of them; ask [`Self::knows_namespaces`] before.
    #[must_use]
    pub fn in_namespace(self, namespace: Namespace) -> Self {
        Self { namespace: Some(namespace), ..self }
    }

    /// Who the requests are for.
    #[must_use]
    pub fn namespace(&self) -> Option<&Namespace> {
        self.namespace.as_ref()
    }

    /// Does the kernel know namespaces? Changes nothing.
    pub fn knows_namespaces(&mut self) -> Result<bool, PolicyError> {
        let probe = Message::request(MsgType::LOOKUP, SPD_ACTIVE);
        let name = Namespace::new("probe").expect("a valid name");
        let before = self.namespace.take();
        let answer = self.request(&probe.with(Ext::Namespace(NamespaceExt::Name(name))));
        self.namespace = before;
        match answer {
            Ok(_) => Ok(true),
            Err(error) => match error.refusal() {
                Some(Refusal { diagnostic: Diagnostic::UNKNOWN_EXT, .. }) => Ok(false),
                Some(_) => Ok(true),
                None => Err(error),
            },
        }
    }

    /// The extension for a request of this type, if it takes one.
    fn tag(&self, kind: MsgType) -> Option<Ext> {
        let namespace = self.namespace.clone()?;
        let takes = !matches!(kind, MsgType::ALGLIST | MsgType::DUMPALGS | MsgType::UPDATEALGS);
        takes.then_some(Ext::Namespace(NamespaceExt::Name(namespace)))
    }

    /// Sends a request and waits for its reply; an error reply is an error here.
    pub fn request(&mut self, message: &Message) -> Result<Message, PolicyError> {
        let kind = message.header.kind;
        self.send(message)?;
        let reply = self.receive(kind)?;
        check(kind, &reply)?;
        Ok(reply)
    }

    /// The kernel's algorithms in its order of preference.
    pub fn algorithms(&mut self) -> Result<Vec<KernelAlg>, PolicyError> {
        let kind = MsgType::ALGLIST;
        let reply = self.request(&Message::request(kind, SPD_ACTIVE))?;
        decode_alglist(&reply).map_err(|error: AlgListError| PolicyError::BadReply {
            request: kind,
            reason: error.to_string(),
        })
    }

    /// Removes all rules of one side.
    pub fn flush(&mut self, side: Side, scope: &Scope) -> Result<(), PolicyError> {
        self.simple(MsgType::FLUSH, side, scope)
    }

    /// Makes the standby side a copy of the active one, in every head.
    ///
    /// There is no way to name one tunnel: unmodified kernels crash on that.
    pub fn clone_all(&mut self) -> Result<(), PolicyError> {
        self.simple(MsgType::CLONE, Side::Active, &Scope::All)
    }

    /// Exchanges active and standby in every head.
    pub fn flip_all(&mut self) -> Result<(), PolicyError> {
        self.simple(MsgType::FLIP, Side::Active, &Scope::All)
    }

    fn simple(&mut self, kind: MsgType, side: Side, scope: &Scope) -> Result<(), PolicyError> {
        let mut message = Message::request(kind, spdid(side));
        message.exts.extend(scope.extension());
        self.request(&message).map(drop)
    }

    /// Removes the rule with an index. ESRCH if there is none, ENOENT if the tunnel has
    /// no policy head. Index 0 would ask for a removal by selectors; do not send it.
    pub fn delete(&mut self, side: Side, scope: &Scope, index: u64) -> Result<(), PolicyError> {
        self.request(&deletion(side, scope, index)).map(drop)
    }

    /// Adds one rule (an ADDRULE message) and returns the index of the last kernel
    /// rule it became.
    pub fn add(&mut self, message: &Message) -> Result<u64, PolicyError> {
        let mut outcome = None;
        self.add_all(std::iter::once(message.clone()), |_, result| {
            outcome = Some(result);
            true
        })?;
        outcome.expect("one request has one outcome").map_err(PolicyError::from)
    }

    /// Adds many rules, with several requests in flight. `outcome` gets the position of
    /// each message and the index of its last kernel rule, or the refusal; when it
    /// answers false, no further message is sent.
    pub fn add_all(
        &mut self,
        messages: impl IntoIterator<Item = Message>,
        mut outcome: impl FnMut(usize, Result<u64, Refusal>) -> bool,
    ) -> Result<(), PolicyError> {
        let request = MsgType::ADDRULE;
        self.exchange_all(request, messages, |position, reply| {
            let index = |frame: Frame<'_>| frame.get(ExtType::RULE).map(|rule| rule.u64(16));
            let result = match reply {
                Ok(frame) => Ok(index(frame).ok_or_else(|| PolicyError::BadReply {
                    request,
                    reason: "it has no RULE extension".into(),
                })?),
                Err(refusal) => Err(refusal),
            };
            Ok(outcome(position, result))
        })
    }

    /// Removes many rules by head and index, with several requests in flight. `outcome`
    /// gets the position of each and whether it was removed; when it answers false, no
    /// further request is sent.
    pub fn delete_all<'a>(
        &mut self,
        side: Side,
        rules: impl IntoIterator<Item = (&'a Scope, u64)>,
        mut outcome: impl FnMut(usize, Result<(), Refusal>) -> bool,
    ) -> Result<(), PolicyError> {
        let messages = rules.into_iter().map(|(scope, index)| deletion(side, scope, index));
        self.exchange_all(MsgType::DELETERULE, messages, |position, reply| {
            Ok(outcome(position, reply.map(drop)))
        })
    }

    /// Sends requests of one type, several in flight, and takes their replies in order.
    fn exchange_all(
        &mut self,
        request: MsgType,
        messages: impl IntoIterator<Item = Message>,
        mut outcome: impl FnMut(usize, Result<Frame<'_>, Refusal>) -> Result<bool, PolicyError>,
    ) -> Result<(), PolicyError> {
        let tag = self.tag(request);
        let mut messages = messages.into_iter().map(|mut message| {
            message.exts.extend(tag.clone());
            message
        });
        let mut in_flight: VecDeque<(usize, usize)> = VecDeque::new();
        let mut bytes_in_flight = 0;
        let mut sent = 0;
        let mut next = messages.next();
        let mut go_on = true;
        while next.is_some() || !in_flight.is_empty() {
            let mut batch = Vec::new();
            // One that is larger than the window goes alone. So no reply is left unread if it
            // turns out to be too large for the kernel.
            while let Some(message) = next.take_if(|message| {
                in_flight.is_empty() || bytes_in_flight + message.encoded_len() <= WINDOW
            }) {
                let bytes = encode(&message)?;
                in_flight.push_back((sent, bytes.len()));
                bytes_in_flight += bytes.len();
                batch.push(bytes);
                sent += 1;
                next = messages.next();
            }
            self.socket
                .send_all(&batch.iter().map(Vec::as_slice).collect::<Vec<_>>())
                .map_err(|source| PolicyError::Send { request, source })?;
            // Take half of the answers before sending again, so that both ends have work.
            let keep = if next.is_some() { in_flight.len() / 2 } else { 0 };
            while in_flight.len() > keep
                && let Some((position, len)) = in_flight.pop_front()
            {
                bytes_in_flight -= len;
                let bytes = self
                    .socket
                    .receive()
                    .map_err(|source| PolicyError::Receive { request, source })?;
                go_on &= outcome(position, answer(request, bytes)?)?;
            }
            if !go_on {
                next = None;
            }
        }
        Ok(())
    }

    fn send(&mut self, message: &Message) -> Result<(), PolicyError> {
        match self.tag(message.header.kind) {
            Some(tag) => self.send_as_is(&message.clone().with(tag)),
            None => self.send_as_is(message),
        }
    }

    fn send_as_is(&mut self, message: &Message) -> Result<(), PolicyError> {
        let request = message.header.kind;
        self.socket.send(&encode(message)?).map_err(|source| PolicyError::Send { request, source })
    }

    fn receive(&mut self, request: MsgType) -> Result<Message, PolicyError> {
        let bytes =
            self.socket.receive().map_err(|source| PolicyError::Receive { request, source })?;
        Message::decode(bytes).map_err(|error: DecodeError| PolicyError::BadReply {
            request,
            reason: error.to_string(),
        })
    }
}

/// The bytes of a request, if it is one that the kernel can take.
fn encode(message: &Message) -> Result<Vec<u8>, PolicyError> {
    let (request, len) = (message.header.kind, message.encoded_len());
    if len > MAX_REQUEST {
        return Err(PolicyError::TooLarge { request, len });
    }
    Ok(message.encode())
}

fn spdid(side: Side) -> u8 {
    match side {
        Side::Active => SPD_ACTIVE,
        Side::Standby => SPD_STANDBY,
    }
}

/// Is this a good answer to a request of that type?
fn check(request: MsgType, reply: &Message) -> Result<(), PolicyError> {
    let header = &reply.header;
    if header.errno != Errno::OK {
        let (errno, diagnostic) = (header.errno, header.diagnostic);
        return Err(Refusal { request, errno, diagnostic }.into());
    }
    if header.kind != request {
        let reason = format!("it is of type {}", header.kind);
        return Err(PolicyError::BadReply { request, reason });
    }
    Ok(())
}

/// An answer without decoding more than is needed.
fn answer(request: MsgType, bytes: &[u8]) -> Result<Result<Frame<'_>, Refusal>, PolicyError> {
    let bad = |reason: String| PolicyError::BadReply { request, reason };
    let frame = Frame::parse(bytes).map_err(|error| bad(error.to_string()))?;
    let Header { errno, diagnostic, kind, .. } = frame.header;
    if errno != Errno::OK {
        return Ok(Err(Refusal { request, errno, diagnostic }));
    }
    if kind != request {
        return Err(bad(format!("it is of type {kind}")));
    }
    Ok(Ok(frame))
}

fn deletion(side: Side, scope: &Scope, index: u64) -> Message {
    let rule = RuleExt { priority: 0, flags: RuleFlags::empty(), unused: 0, index };
    let mut message = Message::request(MsgType::DELETERULE, spdid(side)).with(Ext::Rule(rule));
    message.exts.extend(scope.extension());
    message
}
