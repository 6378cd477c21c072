// SPDX-License-Identifier: MIT OR Apache-2.0

//! The commands and their SA types.

use illumos_ipsec::cli::owner::Who;
use illumos_ipsec::model::SaType;

use crate::exchange::{complain_diagnostic, each_of, show_listed};
use crate::exit::{self, End};
use crate::line::{Line, Word};
use crate::owner;
use crate::program::Program;
use crate::session::{CommandResult, Done, Session, Source};
use crate::verb::Verb;
use crate::{add, find, flush, help, monitor, save, show, value};

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
        Verb::Flush if session.settings.who == Who::Everybody => flush::all_owners(session, some),
        Verb::Flush => flush::run(session, some).map(|()| Done::Prompt).or_else(|end| match end {
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
        Source::CommandLine => Err(exit::usage(session.settings.program)),
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

fn dump(session: &mut Session, kind: SaType) -> CommandResult {
    session.look_at_clock();
    let outcome = each_of(session, kind, |session, bytes| {
        show_listed(session, bytes);
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
