// SPDX-License-Identifier: MIT OR Apache-2.0

//! REGISTER, and telling registered sockets which algorithms there are.

use illumos_ipsec::model::{AlgProto, SaType};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{AlgRecord, Diagnostic, Ext, ExtType, Header, MsgType};

use super::{Answer, Refusal, Request, To, answer};
use crate::Kernel;
use crate::sadb::{AuthAlg, Cipher};

impl Kernel {
    pub(super) fn register(&mut self, request: &Request<'_>) -> Result<Answer, Refusal> {
        let header = request.header();
        if header.satype == SaType::UNSPEC {
            return self.register_extended(request);
        }
        if !matches!(header.satype, SaType::AH | SaType::ESP) {
            return Err(Diagnostic::UNKNOWN_SATYPE.into());
        }
        if let Some(socket) = self.keys.sockets.get_mut(&request.conn) {
            if socket.extended {
                return Err(Errno::EBUSY.into());
            }
            socket.registered.insert(header.satype);
        }
        Ok(Answer::Reply(answer(header, self.supported(header.satype))))
    }

    fn register_extended(&mut self, request: &Request<'_>) -> Result<Answer, Refusal> {
        let header = request.header();
        let ext = request.ext(ExtType::X_EREG).ok_or(Diagnostic::SATYPE_NEEDED)?;
        if let Some(socket) = self.keys.sockets.get_mut(&request.conn) {
            if socket.extended || !socket.registered.is_empty() {
                return Err(Errno::EBUSY.into());
            }
            socket.extended = true;
        }
        let types = ext.registered();
        let known = types.into_iter().filter(|kind| matches!(*kind, SaType::AH | SaType::ESP));
        let replies = known
            .map(|kind| answer(Header { satype: kind, ..header }, self.supported(kind)))
            .collect();
        Ok(Answer::Replies(replies))
    }

    /// The algorithms for a type, by ascending number.
    fn supported(&self, kind: SaType) -> Vec<Ext> {
        let records = |proto: AlgProto, record: &dyn Fn(u8) -> Option<AlgRecord>| {
            self.algs.numbers(proto).filter(|id| *id != 0).filter_map(record).collect()
        };
        let auth = records(AlgProto::Ah, &|id| Some(AuthAlg::find(&self.algs, id)?.record()));
        let mut exts =
            vec![Ext::Supported { kind: ExtType::SUPPORTED_AUTH, reserved: 0, algs: auth }];
        if kind == SaType::ESP {
            let algs = records(AlgProto::Esp, &|id| Some(Cipher::find(&self.algs, id)?.record()));
            exts.push(Ext::Supported { kind: ExtType::SUPPORTED_ENCRYPT, reserved: 0, algs });
        }
        exts
    }

    /// Tells everybody who has registered that the algorithms have changed.
    pub(crate) fn tell_algorithms(&mut self) {
        for kind in [SaType::AH, SaType::ESP] {
            let header = Header::request(MsgType::REGISTER, kind);
            let message = answer(header, self.supported(kind));
            self.send_up(&message, To::Registered(kind, None), None);
        }
    }
}
