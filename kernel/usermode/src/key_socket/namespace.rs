// SPDX-License-Identifier: MIT OR Apache-2.0

//! Whose request it is, and who is shown whose record a message is about.
//!
//! The extension is taken out of a request as soon as its frame has been checked, so all
//! the rest is about requests without it. It is put to the end of what shows it, and only
//! on its way to sockets that have used it: programs that do not know it never get it.
//! Source: `spec/kernel-hooks.md` sections 4.2 to 4.4.

use illumos_ipsec::model::Namespace;
use illumos_ipsec::wire::key::{Diagnostic, Ext, ExtType, HEADER_LEN, MsgType};
use illumos_ipsec::wire::namespace::NamespaceExt;

use super::{Refusal, Request, check};
use crate::kernel::{ConnId, Kernel};

impl Request<'_> {
    /// The owner whose records it is about; those without one if there is none. (Whatever
    /// owner: that only DUMP can ask for, which looks at the extension itself.)
    pub(super) fn owner(&self) -> Option<&Namespace> {
        match &self.namespace {
            Some(NamespaceExt::Name(name)) => Some(name),
            Some(NamespaceExt::Any) | None => None,
        }
    }

    /// What is wrong if an SPI or the ends of a connection are taken by an association of
    /// this owner. Who uses no namespaces is told no more than ever.
    pub(super) fn conflict(&self, taken_by: Option<&Namespace>, today: Diagnostic) -> Diagnostic {
        match self.owner() {
            Some(owner) if taken_by != Some(owner) => Diagnostic::NAMESPACE_CONFLICT,
            _ => today,
        }
    }
}

impl Kernel {
    /// Checks the frame of a request and takes its namespace out.
    pub(super) fn take_namespace(
        &mut self,
        conn: ConnId,
        bytes: &mut Vec<u8>,
    ) -> Result<Option<NamespaceExt>, Refusal> {
        let frame = check::whole(bytes, self.kind)?;
        let kind = frame.header.kind;
        let Some(raw) = frame.get(ExtType::NAMESPACE) else {
            return Ok(None);
        };
        let namespace = NamespaceExt::decode(raw.bytes).ok_or(Diagnostic::NAMESPACE_MALFORMED)?;
        bytes.drain(raw.offset..raw.offset + raw.bytes.len());
        set_length(bytes);
        if let Some(socket) = self.keys.sockets.get_mut(&conn) {
            socket.uses_namespaces = true;
        }
        if namespace == NamespaceExt::Any && kind != MsgType::DUMP {
            return Err(Diagnostic::NAMESPACE_INAPPLICABLE.into());
        }
        Ok(Some(namespace))
    }
}

/// Does an answer show the namespace of its request? Those about associations do, if they
/// show anything of them, and that of the probe. The end of a dump has to be a header alone.
pub(super) fn is_shown(kind: MsgType, answer: &[u8]) -> bool {
    match kind {
        MsgType::X_PROMISC => true,
        kind => is_about_one(kind) && answer.len() > HEADER_LEN,
    }
}

/// Is a request about one association?
pub(super) fn is_about_one(kind: MsgType) -> bool {
    matches!(
        kind,
        MsgType::GETSPI
            | MsgType::ADD
            | MsgType::UPDATE
            | MsgType::X_UPDATEPAIR
            | MsgType::DELETE
            | MsgType::X_DELPAIR
            | MsgType::X_DELPAIR_STATE
            | MsgType::GET
    )
}

/// A message with the namespace of its record behind the rest.
pub(super) fn with(message: &[u8], owner: &Namespace) -> Vec<u8> {
    let mut out = message.to_vec();
    Ext::Namespace(NamespaceExt::Name(owner.clone())).encode(&mut out);
    set_length(&mut out);
    out
}

fn set_length(bytes: &mut [u8]) {
    let words = (bytes.len() / 8) as u16;
    if let Some(field) = bytes.get_mut(4..6) {
        field.copy_from_slice(&words.to_ne_bytes());
    }
}
