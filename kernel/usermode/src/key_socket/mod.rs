// SPDX-License-Identifier: MIT OR Apache-2.0

//! The `PF_KEY` socket: requests in, messages out, to whom they concern.
//!
//! A request is carried out at once. What goes up goes to one socket or to many; records
//! of a dump are made when its reader asks for them. Source: `spec/pf_key.md`.
//!
//! | file | requests |
//! |---|---|
//! | `socket` | the sockets themselves: what waits for their readers, and who gets a message |
//! | `check` | what holds for all of them: frame, extensions, addresses |
//! | `add`, `update`, `getspi` | making and changing associations |
//! | `lifetimes`, `echo` | what those have in common: limits; what is given back of a request |
//! | `find` | GET, DELETE and the removal of pairs |
//! | `dump` | DUMP |
//! | `register` | REGISTER, and the algorithms that are told |
//! | `acquire` | ACQUIRE both ways, INVERSE_ACQUIRE |
//! | `expire` | what has passed its limits |
//! | `namespace` | whose request it is, and who is shown that |
//! | `tcpsig` | all of it for TCP signatures |

mod acquire;
mod add;
mod address;
mod check;
mod dump;
mod echo;
mod expire;
mod find;
mod getspi;
mod lifetimes;
mod namespace;
mod pair;
mod register;
mod socket;
mod tcpsig;
mod update;

use illumos_ipsec::model::{Lifetime, SaType};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{
    Diagnostic, Ext, ExtType, Frame, HEADER_LEN, Header, IdentityExt, KeyExt, KmProto, Message,
    MsgType, SaExt,
};
use illumos_ipsec::wire::namespace::NamespaceExt;

pub(crate) use acquire::{Acquires, Wanted};
pub(crate) use socket::KeySockets;
use socket::To;
pub(crate) use tcpsig::TcpSignatures;

use crate::kernel::{ConnId, Kernel};

/// An error answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Refusal {
    errno: Errno,
    diagnostic: Diagnostic,
}

impl From<Diagnostic> for Refusal {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { errno: Errno::EINVAL, diagnostic }
    }
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self { errno, diagnostic: Diagnostic::NONE }
    }
}

impl From<(Errno, Diagnostic)> for Refusal {
    fn from((errno, diagnostic): (Errno, Diagnostic)) -> Self {
        Self { errno, diagnostic }
    }
}

impl Refusal {
    /// The header of the request with what is wrong.
    fn reply(self, request: &[u8]) -> Vec<u8> {
        let mut header = Header::read(request);
        header.errno = self.errno;
        header.diagnostic = self.diagnostic;
        header.len = (HEADER_LEN / 8) as u16;
        if !(1..=MsgType::MAX).contains(&header.kind.0) {
            header.kind = MsgType::RESERVED;
        }
        header.bytes().to_vec()
    }
}

/// What comes of a request.
enum Answer {
    /// These bytes, to whom answers of this type go.
    Reply(Vec<u8>),
    /// Several of them.
    Replies(Vec<Vec<u8>>),
    /// The answer has been given, or there is none.
    Done,
}

/// A request that has been checked as all of them are.
struct Request<'a> {
    conn: ConnId,
    frame: Frame<'a>,
    /// The bytes, as the frame sees them: without the namespace.
    bytes: &'a [u8],
    /// Whose request it is.
    namespace: Option<NamespaceExt>,
}

impl Request<'_> {
    fn header(&self) -> Header {
        self.frame.header
    }

    fn has(&self, kind: ExtType) -> bool {
        self.frame.get(kind).is_some()
    }

    /// An extension as a value; `None` also if its length is not that of its type.
    fn ext(&self, kind: ExtType) -> Option<Ext> {
        match self.frame.get(kind).map(|raw| Ext::decode(&raw))? {
            Ext::Other { .. } => None,
            ext => Some(ext),
        }
    }

    fn sa(&self) -> Option<SaExt> {
        match self.ext(ExtType::SA)? {
            Ext::Sa(sa) => Some(sa),
            _ => None,
        }
    }

    fn lifetime(&self, kind: ExtType) -> Option<Lifetime> {
        match self.ext(kind)? {
            Ext::Lifetime(_, lifetime) => Some(lifetime),
            _ => None,
        }
    }

    fn key(&self, kind: ExtType) -> Option<KeyExt> {
        match self.ext(kind)? {
            Ext::Key(_, key) => Some(key),
            _ => None,
        }
    }

    fn identity(&self, kind: ExtType) -> Option<IdentityExt> {
        match self.ext(kind)? {
            Ext::Identity(_, identity) => Some(identity),
            _ => None,
        }
    }

    /// The cookie of key management; of that of IKE only the lower half counts.
    fn cookie(&self) -> Option<(KmProto, u64)> {
        match self.ext(ExtType::X_KM_COOKIE)? {
            Ext::KmCookie { proto: KmProto::IKE, cookie } => {
                Some((KmProto::IKE, cookie & u64::from(u32::MAX)))
            }
            Ext::KmCookie { proto, cookie } => Some((proto, cookie)),
            _ => None,
        }
    }

    /// The SPI of the other one of a pair.
    fn pair(&self) -> Option<u32> {
        match self.ext(ExtType::X_PAIR)? {
            Ext::Pair(spi) => Some(spi),
            _ => None,
        }
    }
}

/// Who gets answers, error answers included, to requests of a type.
fn receivers(kind: MsgType, satype: SaType, conn: ConnId, refused: bool) -> To {
    match kind {
        MsgType::FLUSH
        | MsgType::GETSPI
        | MsgType::UPDATE
        | MsgType::X_UPDATEPAIR
        | MsgType::ADD
        | MsgType::DELETE
        | MsgType::X_DELPAIR
        | MsgType::EXPIRE => To::Everybody,
        MsgType::REGISTER if !refused => To::Registered(satype, Some(conn)),
        _ => To::One(conn),
    }
}

impl Kernel {
    /// One write to a `PF_KEY` socket.
    pub(crate) fn key_request(&mut self, conn: ConnId, message: &[u8]) {
        let mut bytes = message.to_vec();
        let header = Header::read(&bytes);
        check::terminate_identities(&mut bytes);
        let namespace = self.take_namespace(conn, &mut bytes);
        let owner = match &namespace {
            Ok(Some(NamespaceExt::Name(owner))) => Some(owner.clone()),
            _ => None,
        };
        let shown =
            |reply: &[u8]| owner.as_ref().filter(|_| namespace::is_shown(header.kind, reply));
        let outcome = namespace.and_then(|namespace| self.carry_out(conn, &mut bytes, namespace));
        match outcome {
            Ok(Answer::Reply(reply)) => {
                let to = receivers(header.kind, header.satype, conn, false);
                self.send_about(&reply, shown(&reply), to, None);
            }
            Ok(Answer::Replies(replies)) => {
                for reply in replies {
                    self.send_about(&reply, shown(&reply), To::One(conn), None);
                }
            }
            Ok(Answer::Done) => {}
            Err(refusal) => {
                let to = receivers(header.kind, header.satype, conn, true);
                self.send_up(&refusal.reply(&bytes), to, None);
            }
        }
    }

    fn carry_out(
        &mut self,
        conn: ConnId,
        bytes: &mut [u8],
        namespace: Option<NamespaceExt>,
    ) -> Result<Answer, Refusal> {
        let header = check::frame(bytes)?.header;
        if header.satype == SaType::TCPSIG {
            let frame = check::frame(bytes)?;
            return self.tcpsig(&Request { conn, frame, bytes, namespace });
        }
        let kind = header.kind;
        let served = |satype| matches!(satype, SaType::AH | SaType::ESP);
        match kind {
            kind if namespace::is_about_one(kind) => {
                if header.satype == SaType::UNSPEC {
                    return Err(Diagnostic::SATYPE_NEEDED.into());
                }
                if !served(header.satype) {
                    return Err(Diagnostic::UNKNOWN_SATYPE.into());
                }
                let addresses = self.check_addresses(bytes)?;
                let request = Request { conn, frame: check::frame(bytes)?, bytes, namespace };
                check::unwanted(&request)?;
                match kind {
                    MsgType::GETSPI => self.getspi(&request, &addresses),
                    MsgType::ADD => self.add_sa(&request, &addresses, None),
                    MsgType::UPDATE | MsgType::X_UPDATEPAIR => self.update_sa(&request, &addresses),
                    MsgType::X_DELPAIR_STATE => self.delete_pairs_in_state(&request, &addresses),
                    _ => self.find_sa(&request, &addresses),
                }
            }
            _ => {
                let request = Request { conn, frame: check::frame(bytes)?, bytes, namespace };
                match kind {
                    MsgType::REGISTER => self.register(&request),
                    MsgType::FLUSH => self.flush_sas(&request),
                    MsgType::DUMP => self.dump_sas(&request),
                    MsgType::ACQUIRE => self.acquire_from_above(&request),
                    MsgType::X_INVERSE_ACQUIRE => self.inverse_acquire(bytes),
                    MsgType::EXPIRE => Err(Errno::EOPNOTSUPP.into()),
                    MsgType::X_PROMISC => {
                        if let Some(socket) = self.keys.sockets.get_mut(&conn) {
                            socket.promiscuous = header.satype != SaType::UNSPEC;
                        }
                        Ok(Answer::Reply(bytes.to_vec()))
                    }
                    _ => Err(Diagnostic::UNKNOWN_MSG.into()),
                }
            }
        }
    }

    fn flush_sas(&mut self, request: &Request<'_>) -> Result<Answer, Refusal> {
        let satype = request.header().satype;
        if request.frame.has_extensions() {
            return Err(Diagnostic::NO_EXT.into());
        }
        if !matches!(satype, SaType::UNSPEC | SaType::AH | SaType::ESP) {
            return Err(Diagnostic::UNKNOWN_SATYPE.into());
        }
        self.sadb.flush(satype, request.owner());
        if request.owner().is_none() {
            self.acquires.flush(satype);
        }
        Ok(Answer::Reply(request.bytes.to_vec()))
    }
}

/// A message with the header of a request and other extensions.
fn answer(header: Header, exts: Vec<Ext>) -> Vec<u8> {
    Message { header, exts }.encode().to_vec()
}
