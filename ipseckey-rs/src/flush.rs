// SPDX-License-Identifier: MIT OR Apache-2.0

//! `flush`.

use std::collections::BTreeSet;

use illumos_ipsec::model::SaType;
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{Ext, Header, Message, MsgType};
use illumos_ipsec::wire::namespace::NamespaceExt;

use crate::exchange::{complain_diagnostic, each_of, exchange, verbose};
use crate::exit::End;
use crate::session::{CommandResult, Done, Session};
use crate::show;

/// Removes every association of a type.
pub(crate) fn run(session: &mut Session, kind: SaType) -> Result<(), End> {
    if session.settings.check {
        return Ok(());
    }
    request(session, kind, Message::request(MsgType::FLUSH, kind))
}

/// Sends a request to flush, and says what came of it.
fn request(session: &mut Session, kind: SaType, mut message: Message) -> Result<(), End> {
    session.seq += 1;
    session.number(&mut message);
    verbose(session, &message);
    let reply = exchange(session, &message)?;
    let header = Header::read(&reply);
    if header.kind != MsgType::FLUSH {
        session.complain("Error: doflush: Return message not of type SADB_FLUSH!");
        return Err(End::Fatal);
    }
    if header.errno == Errno::OK {
        return Ok(());
    }
    if header.errno == Errno::EINVAL {
        complain_diagnostic(session, header.diagnostic);
        session.complain(format_args!("Cannot flush SA type {}.", kind.0));
    }
    let text = show::strerror(header.errno);
    session.complain(format_args!("return message (in doflush): {text}"));
    Err(End::Fatal)
}

/// Removes the associations of all owners: one request for each that is found, and one for
/// what belongs to nobody.
pub(crate) fn all_owners(session: &mut Session, kind: SaType) -> CommandResult {
    if session.settings.check {
        return Ok(Done::Prompt);
    }
    let mut found = BTreeSet::new();
    let outcome = each_of(session, kind, |_, bytes| {
        let message = Message::decode(bytes).ok();
        found.extend(message.as_ref().and_then(Message::namespace).cloned());
        Ok(())
    })?;
    if let Some(header) = outcome {
        complain_diagnostic(session, header.diagnostic);
        let text = show::strerror(header.errno);
        session.complain(format_args!("Cannot find the namespaces: {text}"));
        return session.failed();
    }
    let mut failed = false;
    for owner in found.into_iter().map(Some).chain([None]) {
        let mut message = Message::request(MsgType::FLUSH, kind);
        if let Some(owner) = owner {
            message.exts.push(Ext::Namespace(NamespaceExt::Name(owner)));
        }
        match request(session, kind, message) {
            Ok(()) => {}
            Err(End::Fatal) => failed = true,
            Err(other) => return Err(other),
        }
    }
    if failed { session.failed() } else { Ok(Done::Prompt) }
}
