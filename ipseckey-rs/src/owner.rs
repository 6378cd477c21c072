// SPDX-License-Identifier: MIT OR Apache-2.0

//! `-N`: whose associations a run is about.
//!
//! With a name every request goes out in that namespace. With `*` listings show all there
//! is and say whose it is, and `flush` is the override of the operator; nothing else goes
//! with it. Before anything else the kernel is asked whether it knows namespaces: one that
//! does not would be told about everybody's associations, not about those of one owner.

use illumos_ipsec::cli::owner::Who;
use illumos_ipsec::wire::key::{HEADER_LEN, Message, MsgType};

use crate::session::Session;
use crate::verb::Verb;

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
