// SPDX-License-Identifier: MIT OR Apache-2.0

//! A client of the security association databases (`PF_KEY`).
//!
//! The socket of a client also receives what concerns others: answers to their requests,
//! messages of the kernel. [`KeyClient`] picks out its own answers by process id and
//! sequence number. Opening needs the privilege to configure IP (`sys_ip_config`).
//!
//! ```no_run
//! use illumos_ipsec::model::{Sa, SaType};
//! use illumos_ipsec::sys::System;
//! use illumos_ipsec::sys::key::KeyClient;
//!
//! let mut client = KeyClient::new(System::current().open_key()?);
//! for message in client.dump(SaType::UNSPEC)? {
//!     let sa = Sa::from_message(&message?)?;
//!     println!("{:#x} {} -> {}", sa.spi, sa.src.addr, sa.dst.addr);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A client of a namespace makes, finds and removes associations of that namespace only:
//!
//! ```no_run
//! use illumos_ipsec::model::{Namespace, SaType};
//! use illumos_ipsec::sys::System;
//! use illumos_ipsec::sys::key::KeyClient;
//!
//! let mut client = KeyClient::new(System::current().open_key()?);
//! if !client.knows_namespaces()? {
//!     return Err("this kernel has no namespaces".into());
//! }
//! let mut client = client.in_namespace(Namespace::new("svc:/network/vpn:tenant1")?);
//! client.flush(SaType::ESP)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::{MessageSocket, Ready};
use crate::model::{Namespace, SaType};
use crate::wire::errno::Errno;
use crate::wire::key::{
    DecodeError, Diagnostic, Ext, ExtType, HEADER_LEN, Header, Message, MsgType,
};
use crate::wire::namespace::NamespaceExt;

/// A name for the question whether there are namespaces. Nothing is ever made in it.
const PROBE: &str = "probe";
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The message could not be sent.
    #[error("{request}: cannot write to PF_KEY: {source}")]
    Send {
        /// The request.
        request: MsgType,
        /// The reason.
        source: io::Error,
    },
    /// The reply could not be read.
    #[error("cannot read from PF_KEY: {0}")]
    Receive(#[source] io::Error),
    /// There was no reply.
    #[error("no reply from PF_KEY for {} seconds", PATIENCE.as_secs())]
    TimedOut,
    /// The kernel refused.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The reply cannot be understood.
    #[error("bad reply from PF_KEY: {0}")]
    BadReply(#[from] DecodeError),
}

/// An error reply of `PF_KEY`.
pub type Refusal = super::Refusal<MsgType, Diagnostic>;

/// Received bytes; they are wiped when they are dropped.
pub type Received = Zeroizing<Vec<u8>>;

/// A client of the security association databases.
pub struct KeyClient {
    socket: Box<dyn MessageSocket>,
    pid: u32,
    seq: u32,
    namespace: Option<Namespace>,
}

/// Whose associations a dump lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Whose {
    /// Those of the client's namespace, with it as their last extension. A client without a
    /// namespace gets all there are, and is not told whose they are.
    #[default]
    Own,
    /// Everybody's; those of a namespace with it as their last extension. A kernel without
    /// namespaces refuses it.
    Named,
}

impl KeyClient {
    /// Uses an open connection.
    #[must_use]
    pub fn new(socket: Box<dyn MessageSocket>) -> Self {
        Self { socket, pid: std::process::id(), seq: 0, namespace: None }
    }

    /// The same for the associations of a namespace: it goes on every message, as the last
    /// extension. A kernel that does not know namespaces refuses all of them.
    #[must_use]
    pub fn in_namespace(self, namespace: Namespace) -> Self {
        Self { namespace: Some(namespace), ..self }
    }

    /// Does the kernel know namespaces? Nothing changes by asking, if the socket is not
    /// promiscuous. From then on the socket counts as one that uses them: messages show it
    /// the namespace of what they are about.
    pub fn knows_namespaces(&mut self) -> Result<bool, KeyError> {
        let probe = Message::request(MsgType::X_PROMISC, SaType::UNSPEC);
        let probe = match self.namespace {
            Some(_) => probe,
            None => {
                let name = Namespace::new(PROBE).expect("the name of the probe is a valid one");
                probe.with(Ext::Namespace(NamespaceExt::Name(name)))
            }
        };
        match self.request(probe) {
            Ok(_) => Ok(true),
            Err(KeyError::Refused(refusal)) if refusal.diagnostic == Diagnostic::UNKNOWN_EXT => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The bytes of a message, in the namespace of the client unless it has its own.
    fn encode(&self, message: &Message) -> Zeroizing<Vec<u8>> {
        match &self.namespace {
            Some(namespace) if message.get(ExtType::NAMESPACE).is_none() => {
                let ext = Ext::Namespace(NamespaceExt::Name(namespace.clone()));
                message.clone().with(ext).encode()
            }
            _ => message.encode(),
        }
    }

    /// The next sequence number, from 1, and after the last one from 1 again: 0 is no
    /// request's.
    fn next_seq(&mut self) -> u32 {
        self.seq = self.seq.checked_add(1).unwrap_or(1);
        self.seq
    }

    /// Sends a message as it is, but for the namespace.
    pub fn send(&mut self, message: &Message) -> Result<(), KeyError> {
        let request = message.header.kind;
        let bytes = self.encode(message);
        self.socket.send(&bytes).map_err(|source| KeyError::Send { request, source })
    }

    /// Sends messages as [`send`](Self::send) does, in order. Not more than the socket can
    /// hold answers for: the kernel drops what does not fit.
    pub fn send_all(&mut self, messages: &[Message]) -> Result<(), KeyError> {
        let Some(first) = messages.first() else {
            return Ok(());
        };
        let request = first.header.kind;
        let encoded: Vec<_> = messages.iter().map(|message| self.encode(message)).collect();
        let slices: Vec<&[u8]> = encoded.iter().map(|bytes| bytes.as_slice()).collect();
        self.socket.send_all(&slices).map_err(|source| KeyError::Send { request, source })
    }

    /// The next message, whoever it is for. `None` when the other descriptor is ready.
    pub fn next_or(&mut self, or: BorrowedFd<'_>) -> Result<Option<Received>, KeyError> {
        match self.socket.wait(Some(or), None) {
            Ok(Ready::Message) => self.receive().map(Some),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.next_or(or),
            Err(error) => Err(KeyError::Receive(error)),
        }
    }

    fn receive(&mut self) -> Result<Received, KeyError> {
        let bytes = self.socket.receive().map_err(KeyError::Receive)?;
        let bytes = Zeroizing::new(bytes.to_vec());
        self.socket.wipe_received();
        Ok(bytes)
    }

    /// The next message of this process with one of these sequence numbers; other messages
    /// are skipped.
    pub fn reply(&mut self, mine: impl Fn(&Header) -> bool) -> Result<Received, KeyError> {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.socket.wait(None, Some(left)) {
                Ok(Ready::TimedOut) => return Err(KeyError::TimedOut),
                Ok(_) => {
                    let bytes = self.receive()?;
                    let header = Header::read(&bytes);
                    if bytes.len() >= HEADER_LEN && header.pid == self.pid && mine(&header) {
                        return Ok(bytes);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(KeyError::Receive(error)),
            }
        }
    }

    /// Sends a request with a new sequence number and waits for its answer; an error
    /// answer is an error here.
    pub fn request(&mut self, mut message: Message) -> Result<Message, KeyError> {
        let seq = self.next_seq();
        (message.header.seq, message.header.pid) = (seq, self.pid);
        let kind = message.header.kind;
        self.send(&message)?;
        let bytes = self.reply(|header| header.seq == seq && header.kind == kind)?;
        let reply = Message::decode(&bytes)?;
        check(kind, &reply.header)?;
        Ok(reply)
    }

    /// Removes every association of a type; of AH and ESP for no type. Those of other
    /// namespaces stay, and without a namespace those of all of them.
    pub fn flush(&mut self, kind: SaType) -> Result<(), KeyError> {
        self.request(Message::request(MsgType::FLUSH, kind)).map(drop)
    }

    /// Lists the associations of a type; of AH and ESP for no type.
    pub fn dump(&mut self, kind: SaType) -> Result<KeyDump<'_>, KeyError> {
        self.dump_of(Whose::Own, kind)
    }

    /// Lists the associations of a type and of some owners.
    pub fn dump_of(&mut self, whose: Whose, kind: SaType) -> Result<KeyDump<'_>, KeyError> {
        let seq = self.next_seq();
        let mut message = Message::request(MsgType::DUMP, kind);
        if whose == Whose::Named {
            message.exts.push(Ext::Namespace(NamespaceExt::Any));
        }
        (message.header.seq, message.header.pid) = (seq, self.pid);
        self.send(&message)?;
        Ok(KeyDump { client: self, seq, done: false })
    }

    /// The next record of the dump with this sequence number; a header alone is the last
    /// one, and says whether something was wrong.
    pub fn dump_record(&mut self, seq: u32) -> Result<Received, KeyError> {
        self.reply(|header| header.kind == MsgType::DUMP && (header.seq == seq || header.seq == 0))
    }
}

fn check(request: MsgType, header: &Header) -> Result<(), Refusal> {
    match header.errno {
        Errno::OK => Ok(()),
        errno => Err(Refusal { request, errno, diagnostic: header.diagnostic }),
    }
}

/// The associations of a dump.
pub struct KeyDump<'a> {
    client: &'a mut KeyClient,
    seq: u32,
    done: bool,
}

impl KeyDump<'_> {
    /// The bytes of the next record; `None` after the last one.
    pub fn next_record(&mut self) -> Result<Option<Received>, KeyError> {
        if self.done {
            return Ok(None);
        }
        let bytes = self.client.dump_record(self.seq).inspect_err(|_| self.done = true)?;
        let header = Header::read(&bytes);
        if bytes.len() > HEADER_LEN {
            return Ok(Some(bytes));
        }
        self.done = true;
        check(MsgType::DUMP, &header)?;
        Ok(None)
    }
}

impl Iterator for KeyDump<'_> {
    type Item = Result<Message, KeyError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.next_record() {
            Ok(bytes) => Some(Message::decode(&bytes?).map_err(KeyError::from)),
            Err(error) => Some(Err(error)),
        }
    }
}
