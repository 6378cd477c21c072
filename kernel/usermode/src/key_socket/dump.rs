// SPDX-License-Identifier: MIT OR Apache-2.0

//! DUMP: the associations there are when it begins, one message each, and an end.

use std::collections::VecDeque;

use illumos_ipsec::model::SaType;
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{Diagnostic, Ext, ExtType, Header};

use super::{Answer, Refusal, Request, answer};
use crate::Kernel;
use crate::sadb::SaId;

/// A dump that is being read.
#[derive(Clone, Debug)]
pub(super) struct Dump {
    header: Header,
    left: VecDeque<Record>,
}

#[derive(Clone, Debug)]
enum Record {
    Association(SaId),
    /// Made when the dump began: there are few of these.
    Made(Vec<u8>),
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
        let ids = self.sadb.ids(header.satype).into_iter().filter(recent);
        let left = ids.map(Record::Association).collect();
        self.begin_dump(request, left);
        Ok(Answer::Done)
    }

    /// A dump of messages that are there already.
    pub(super) fn dump_made(&mut self, request: &Request<'_>, messages: Vec<Vec<u8>>) {
        self.begin_dump(request, messages.into_iter().map(Record::Made).collect());
    }

    fn begin_dump(&mut self, request: &Request<'_>, left: VecDeque<Record>) {
        let dump = Dump { header: request.header(), left };
        if let Some(socket) = self.keys.sockets.get_mut(&request.conn) {
            socket.dump = Some(dump);
        }
    }

    /// The next message of a dump, and whether more will come. Associations that have gone
    /// in the meantime are left out.
    pub(super) fn next_dumped(&mut self, dump: &mut Dump) -> (Vec<u8>, bool) {
        while let Some(record) = dump.left.pop_front() {
            match record {
                Record::Made(message) => return (message, true),
                Record::Association(id) => {
                    if let Some(sa) = self.sadb.get(id) {
                        let header = Header { satype: sa.kind, errno: Errno::OK, ..dump.header };
                        return (answer(header, sa.describe(true)), true);
                    }
                }
            }
        }
        let end = Header { seq: 0, errno: Errno::OK, ..dump.header };
        (answer(end, Vec::new()), false)
    }
}
