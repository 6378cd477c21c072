// SPDX-License-Identifier: MIT OR Apache-2.0

//! DUMP: the associations there are when it begins, one message each, and an end.

use std::collections::VecDeque;

use illumos_ipsec::model::{Namespace, SaType};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{Diagnostic, Ext, ExtType, Header};
use illumos_ipsec::wire::namespace::NamespaceExt;

use super::{Answer, Refusal, Request, answer};
use crate::Kernel;
use crate::sadb::SaId;

/// A dump that is being read.
#[derive(Clone, Debug)]
pub(super) struct Dump {
    header: Header,
    /// Owners are shown.
    shows_owners: bool,
    left: VecDeque<Record>,
}

/// A message of a dump.
pub(super) struct Dumped {
    pub(super) message: Vec<u8>,
    /// Whose record it is, if that is to be shown.
    pub(super) owner: Option<Namespace>,
    /// It is not the end.
    pub(super) more: bool,
}

#[derive(Clone, Debug)]
enum Record {
    Association(SaId),
    /// Made when the dump began: there are few of these.
    Made(Vec<u8>, Option<Namespace>),
}

impl Kernel {
    pub(super) fn dump_sas(&mut self, request: &Request<'_>) -> Result<Answer, Refusal> {
        let header = request.header();
        let timeout = match request.ext(ExtType::X_EDUMP) {
            Some(Ext::Edump { timeout, .. }) if request.bytes.len() == 32 => Some(timeout),
            _ if request.frame.has_extensions() => return Err(Diagnostic::NO_EXT.into()),
            _ => None,
        };
        if !matches!(header.satype, SaType::UNSPEC | SaType::AH | SaType::ESP) {
            return Err(Diagnostic::UNKNOWN_SATYPE.into());
        }
        let since = timeout.filter(|seconds| *seconds != 0).map(|t| self.now.saturating_sub(t));
        let recent = |id: &SaId| {
            since.is_none_or(|since| {
                self.sadb.get(*id).is_some_and(|sa| sa.last_used != 0 && sa.last_used >= since)
            })
        };
        let all = match &request.namespace {
            Some(NamespaceExt::Name(owner)) => self.sadb.ids_of(header.satype, Some(owner)),
            // What is in use is shown to all, whoever it belongs to.
            Some(NamespaceExt::Any) | None => self.sadb.ids(header.satype),
        };
        let left = all.into_iter().filter(recent).map(Record::Association).collect();
        self.begin_dump(request, left);
        Ok(Answer::Done)
    }

    /// A dump of messages that are there already.
    pub(super) fn dump_made(
        &mut self,
        request: &Request<'_>,
        messages: impl IntoIterator<Item = (Vec<u8>, Option<Namespace>)>,
    ) {
        let made = messages.into_iter().map(|(message, owner)| Record::Made(message, owner));
        self.begin_dump(request, made.collect());
    }

    fn begin_dump(&mut self, request: &Request<'_>, left: VecDeque<Record>) {
        let shows_owners = request.namespace.is_some();
        let dump = Dump { header: request.header(), shows_owners, left };
        if let Some(socket) = self.keys.sockets.get_mut(&request.conn) {
            socket.dump = Some(dump);
        }
    }

    /// The next message of a dump. Associations that have gone in the meantime are left out.
    pub(super) fn next_dumped(&mut self, dump: &mut Dump) -> Dumped {
        while let Some(record) = dump.left.pop_front() {
            let (message, owner) = match record {
                Record::Made(message, owner) => (message, owner),
                Record::Association(id) => {
                    let Some(sa) = self.sadb.get(id) else { continue };
                    let header = Header { satype: sa.kind, errno: Errno::OK, ..dump.header };
                    (answer(header, sa.describe(true)), sa.owner.clone())
                }
            };
            return Dumped { message, owner: owner.filter(|_| dump.shows_owners), more: true };
        }
        let end = Header { seq: 0, errno: Errno::OK, ..dump.header };
        Dumped { message: answer(end, Vec::new()), owner: None, more: false }
    }
}
