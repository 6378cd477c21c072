// SPDX-License-Identifier: MIT OR Apache-2.0

//! The commands and their SA types.

use illumos_ipsec::cli::owner::Who;
use illumos_ipsec::model::SaType;
use illumos_ipsec::sys::key::KeyError;
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{Diagnostic, HEADER_LEN, Header, Message, MsgType};

use crate::args::{self, Program};
use crate::exit::End;
use crate::line::{Line, Word};
use crate::owner;
use crate::session::{CommandResult, Done, Session, Source};
use crate::{add, find, help, monitor, save, show, value};

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
    fn find(word: &Word, program: Program) -> Option<Self> {
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

/// Carries out a command.
pub(crate) fn run(session: &mut Session, line: &Line) -> CommandResult {
    let program = session.settings.program;
    let Some(verb) = line.words.first().and_then(|word| Verb::find(word, program)) else {
        return unknown(session, line);
    };
    let words = &line.words[1..];
    let all = session.settings.who == Who::Everybody;
    if all && !owner::fits_all(verb) {
        let text = format!(
            "-N '*' is for dump, save, monitor and flush; {} needs the name of one namespace.\n",
            verb.name()
        );
        return session.refuse(&text);
    }
    match verb {
        Verb::Quit => return Err(End::Quit),
        Verb::Help if session.source == Source::File => {
            return session.refuse("Help not appropriate in config file.");
        }
        Verb::Help => {
            help::show(session, words.first());
            return Ok(Done::Prompt);
        }
        Verb::Monitor | Verb::PassiveMonitor if session.source == Source::File => {
            return session.refuse("Monitor not appropriate in config file.");
        }
        Verb::Monitor | Verb::PassiveMonitor => {
            return monitor::run(session, verb == Verb::Monitor);
        }
        _ => {}
    }
    let (kind, words) = match sa_type(program, words) {
        Ok((kind, words)) => (kind, words),
        Err(word) => {
            return session.refuse(&format!("Unknown SA type ({}).\n", word.shown()));
        }
    };
    with_type(session, verb, kind, words)
}

/// The SA type that a command begins with, and the words after it.
fn sa_type(program: Program, words: &[Word]) -> Result<(Option<SaType>, &[Word]), &Word> {
    if program == Program::Tcpkey {
        return Ok((Some(SaType::TCPSIG), words));
    }
    match words.split_first() {
        None => Ok((None, words)),
        Some((first, rest)) => match value::sa_type(first) {
            Some(kind) => Ok((Some(kind), rest)),
            None => Err(first),
        },
    }
}

fn with_type(
    session: &mut Session,
    verb: Verb,
    kind: Option<SaType>,
    words: &[Word],
) -> CommandResult {
    let some = kind.unwrap_or(SaType::UNSPEC);
    let in_file = session.source == Source::File;
    match verb {
        Verb::Add | Verb::Update | Verb::UpdatePair => {
            if session.source == Source::CommandLine {
                session.complain("can't do ADD or UPDATE from the command line.\n");
                return Err(End::Silent);
            }
            if some == SaType::UNSPEC {
                return session.refuse("Must specify a specific SA type.");
            }
            session.seq += 1;
            add::run(session, verb, some, words)
        }
        Verb::Delete | Verb::DeletePair | Verb::Get => {
            if some == SaType::UNSPEC {
                return session.refuse("Must specify a single SA type.");
            }
            session.seq += 1;
            find::run(session, verb, some, words)
        }
        Verb::Flush if !words.is_empty() => session.refuse("Too many arguments for flush command"),
        Verb::Flush if session.settings.who == Who::Everybody => owner::flush_all(session, some),
        Verb::Flush => flush(session, some).map(|()| Done::Prompt).or_else(|end| match end {
            End::Fatal => session.failed(),
            other => Err(other),
        }),
        Verb::Dump if in_file => session.refuse("Dump not appropriate in config file."),
        Verb::Dump if !words.is_empty() => session.refuse("Too many arguments for dump command"),
        Verb::Dump => dump(session, some),
        Verb::Save if in_file => session.refuse("Save not appropriate in config file."),
        Verb::Save => match kind {
            None => session.refuse("Must specify a specific SA type for save.\n"),
            Some(kind) => save::run(session, kind, words.first()),
        },
        Verb::Monitor | Verb::PassiveMonitor | Verb::Quit | Verb::Help => Ok(Done::Quiet),
    }
}

fn unknown(session: &mut Session, line: &Line) -> CommandResult {
    let program = session.settings.program;
    if let Err(word) = sa_type(program, &line.words[1..]) {
        return session.refuse(&format!("Unknown SA type ({}).\n", word.shown()));
    }
    let word = line.words.first().map(Word::shown).unwrap_or_default();
    if !session.in_service() {
        session.complain(format_args!("Unknown command ({word}).\n"));
    }
    match session.source {
        Source::CommandLine => Err(args::usage(session.settings.program)),
        Source::File => {
            session.complain_plain("Type help or ? for usage info");
            Ok(Done::Failed)
        }
        Source::Interactive => {
            session.complain_plain("Type help or ? for usage info");
            Ok(Done::Prompt)
        }
    }
}

/// Removes every association of a type.
pub(crate) fn flush(session: &mut Session, kind: SaType) -> Result<(), End> {
    if session.settings.check {
        return Ok(());
    }
    flush_with(session, kind, Message::request(MsgType::FLUSH, kind))
}

/// Sends a request to flush, and says what came of it.
pub(crate) fn flush_with(
    session: &mut Session,
    kind: SaType,
    mut message: Message,
) -> Result<(), End> {
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

/// Sends a request; gives the answer to it.
pub(crate) fn exchange(
    session: &mut Session,
    message: &Message,
) -> Result<illumos_ipsec::sys::key::Received, End> {
    session.settle()?;
    let seq = message.header.seq;
    let client = session.client();
    let result: Result<_, KeyError> =
        client.send(message).and_then(|()| client.reply(|header| header.seq == seq));
    result.map_err(|error| session.exchange_failed(&error))
}

/// Shows a request before it is sent, if that is wanted.
pub(crate) fn verbose(session: &mut Session, message: &Message) {
    if !session.settings.verbose {
        return;
    }
    let bytes = message.encode();
    let rule = "==========================================\n";
    session.print(format!("VERBOSE ON:  Message to kernel looks like:\n{rule}"));
    show_message(session, &bytes);
    session.print(rule);
}

/// Shows a message on standard output.
pub(crate) fn show_message(session: &mut Session, bytes: &[u8]) {
    session.look_at_clock();
    let mut text = zeroize::Zeroizing::new(Vec::with_capacity(2048));
    let complaints = session.look().message(&mut text, bytes);
    session.print(&*text);
    for complaint in complaints {
        session.complain(complaint);
    }
}

/// Shows a diagnostic on standard error.
pub(crate) fn complain_diagnostic(session: &mut Session, diagnostic: Diagnostic) {
    session.complain_plain(format_args!("  Diagnostic code {}:  {diagnostic}.", diagnostic.0));
}

fn dump(session: &mut Session, kind: SaType) -> CommandResult {
    session.look_at_clock();
    let outcome = each_of(session, kind, |session, bytes| {
        let mut text = zeroize::Zeroizing::new(Vec::with_capacity(2048));
        text.extend_from_slice(owner::line(session, bytes).as_bytes());
        let complaints = session.look().message(&mut text, bytes);
        text.push(b'\n');
        session.print(&*text);
        complaints.into_iter().for_each(|complaint| session.complain(complaint));
        Ok(())
    })?;
    match outcome {
        None => {
            session.print(format!("Dump succeeded for SA type {}.\n", kind.0));
            Ok(Done::Prompt)
        }
        Some(header) => {
            complain_diagnostic(session, header.diagnostic);
            let text = show::strerror(header.errno);
            session.complain(format_args!("Dump failed: {text}"));
            session.failed()
        }
    }
}

/// Asks for all associations of a type and does something with each; the header of the
/// last message if it says that something was wrong.
pub(crate) fn each_of(
    session: &mut Session,
    kind: SaType,
    mut act: impl FnMut(&mut Session, &[u8]) -> Result<(), End>,
) -> Result<Option<Header>, End> {
    let mut message = Message::request(MsgType::DUMP, kind);
    session.seq += 1;
    session.number(&mut message);
    verbose(session, &message);
    if let Err(error) = session.client().send(&message) {
        return Err(session.exchange_failed(&error));
    }
    loop {
        let seq = session.seq;
        let reply = session.client().dump_record(seq);
        let bytes = reply.map_err(|error| session.exchange_failed(&error))?;
        if bytes.len() > HEADER_LEN {
            act(session, &bytes)?;
            continue;
        }
        let header = Header::read(&bytes);
        return Ok((header.errno != Errno::OK).then_some(header));
    }
}
