// SPDX-License-Identifier: MIT OR Apache-2.0

//! The words for commands.

use illumos_ipsec::wire::key::MsgType;

use crate::line::Word;
use crate::program::Program;

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Add,
    Update,
    UpdatePair,
    Delete,
    DeletePair,
    Get,
    Flush,
    Dump,
    Monitor,
    PassiveMonitor,
    Quit,
    Save,
    Help,
}

/// The words for commands, and whether `tcpkey` has them.
const VERBS: &[(&str, Verb, bool)] = &[
    ("update", Verb::Update, true),
    ("update-pair", Verb::UpdatePair, false),
    ("add", Verb::Add, true),
    ("delete", Verb::Delete, true),
    ("delete-pair", Verb::DeletePair, false),
    ("get", Verb::Get, true),
    ("flush", Verb::Flush, true),
    ("dump", Verb::Dump, true),
    ("monitor", Verb::Monitor, false),
    ("passive_monitor", Verb::PassiveMonitor, false),
    ("pmonitor", Verb::PassiveMonitor, false),
    ("quit", Verb::Quit, true),
    ("exit", Verb::Quit, true),
    ("save", Verb::Save, true),
    ("help", Verb::Help, true),
    ("?", Verb::Help, true),
];

impl Verb {
    pub(crate) fn find(word: &Word, program: Program) -> Option<Self> {
        let known = VERBS.iter().find(|(name, _, _)| word.is(name));
        known.filter(|(_, _, tcpkey)| *tcpkey || program == Program::Ipseckey).map(|(_, v, _)| *v)
    }

    /// The word for it in messages.
    pub(crate) fn name(self) -> &'static str {
        VERBS.iter().find(|(_, verb, _)| *verb == self).map_or("", |(name, _, _)| name)
    }

    /// The request that it becomes.
    pub(crate) fn request(self) -> MsgType {
        match self {
            Self::Add => MsgType::ADD,
            Self::Update => MsgType::UPDATE,
            Self::UpdatePair => MsgType::X_UPDATEPAIR,
            Self::Delete => MsgType::DELETE,
            Self::DeletePair => MsgType::X_DELPAIR,
            Self::Get => MsgType::GET,
            Self::Flush => MsgType::FLUSH,
            _ => MsgType::DUMP,
        }
    }
}
