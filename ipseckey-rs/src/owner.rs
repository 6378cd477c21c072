// SPDX-License-Identifier: MIT OR Apache-2.0

//! `-N`: whose associations a run is about.
//!
//! With a name every request goes out in that namespace. With `*` listings show all there
//! is and say whose it is, and `flush` is the override of the operator; nothing else goes
//! with it. Before anything else the kernel is asked whether it knows namespaces: one that
//! does not would be told about everybody's associations, not about those of one owner.

use std::collections::BTreeSet;

use illumos_ipsec::cli::owner::Who;
use illumos_ipsec::model::SaType;
use illumos_ipsec::sys::key::KeyClient;
use illumos_ipsec::wire::key::{Diagnostic, Ext, HEADER_LEN, Message, MsgType};
use illumos_ipsec::wire::namespace::NamespaceExt;

use crate::command::{self, Verb};
use crate::exit::End;
use crate::session::{CommandResult, Done, Session};
use crate::show;

/// Insists on a kernel that knows namespaces.
pub(crate) fn insist(program: &str, client: &mut KeyClient) -> Result<(), End> {
    match client.knows_namespaces() {
        Ok(true) => Ok(()),
        Ok(false) => {
            eprintln!(
                "{program}: this kernel has no namespaces, so -N cannot be used; nothing was done"
            );
            Err(End::Fatal)
        }
        Err(error) => {
            eprintln!("{program}: asking the kernel for namespaces: {error}");
            Err(End::Fatal)
        }
    }
}

/// May a command be given for all namespaces together?
pub(crate) fn fits_all(verb: Verb) -> bool {
    match verb {
        Verb::Dump | Verb::Save | Verb::Flush | Verb::Monitor | Verb::PassiveMonitor => true,
        Verb::Quit | Verb::Help => true,
        Verb::Add | Verb::Update | Verb::UpdatePair => false,
        Verb::Delete | Verb::DeletePair | Verb::Get => false,
    }
}

/// The line before an association of a namespace, where all are shown.
pub(crate) fn line(session: &Session, bytes: &[u8]) -> String {
    if session.settings.who != Who::Everybody {
        return String::new();
    }
    match Message::decode(bytes) {
        // Somebody asks whether there are namespaces: about no association.
        Ok(message) if message.header.kind == MsgType::X_PROMISC => String::new(),
        Ok(message) => {
            message.namespace().map_or_else(String::new, |name| format!("#NAMESPACE {name}\n"))
        }
        Err(_) => String::new(),
    }
}

/// The line that a saved file says this with.
pub(crate) fn saved(who: &Who) -> String {
    match who {
        Who::Nameless => String::new(),
        Who::Named(name) => {
            format!("# Associations of the namespace {name}; to be loaded with -N {name}\n")
        }
        Who::Everybody => {
            "# Associations of all namespaces; #NAMESPACE says whose the next one is. \
                             Loading makes all of them anew for one owner.\n"
                .to_owned()
        }
    }
}

/// Does a monitor show this message? With a name, not what belongs to others. Where a
/// message never says whose it is, it is shown.
pub(crate) fn concerns(who: &Who, bytes: &[u8]) -> bool {
    let Who::Named(own) = who else {
        return true;
    };
    let Ok(message) = Message::decode(bytes) else {
        return true;
    };
    match (message.namespace(), message.header.kind) {
        (Some(name), _) => name == own,
        (None, MsgType::ACQUIRE | MsgType::EXPIRE | MsgType::REGISTER) => true,
        (None, _) => bytes.len() == HEADER_LEN,
    }
}

/// Removes the associations of all owners: one request for each that is found, and one for
/// what belongs to nobody.
pub(crate) fn flush_all(session: &mut Session, kind: SaType) -> CommandResult {
    if session.settings.check {
        return Ok(Done::Prompt);
    }
    let mut found = BTreeSet::new();
    let outcome = command::each_of(session, kind, |_, bytes| {
        let message = Message::decode(bytes).ok();
        found.extend(message.as_ref().and_then(Message::namespace).cloned());
        Ok(())
    })?;
    if let Some(header) = outcome {
        command::complain_diagnostic(session, header.diagnostic);
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
        match command::flush_with(session, kind, message) {
            Ok(()) => {}
            Err(End::Fatal) => failed = true,
            Err(other) => return Err(other),
        }
    }
    if failed { session.failed() } else { Ok(Done::Prompt) }
}

/// What is wrong with an association that is there already.
pub(crate) fn taken(diagnostic: Diagnostic) -> &'static str {
    match diagnostic {
        Diagnostic::NAMESPACE_CONFLICT => {
            "already exists, and belongs to another namespace or to none"
        }
        _ => "already exists",
    }
}
