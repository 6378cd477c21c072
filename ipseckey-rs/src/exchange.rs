// SPDX-License-Identifier: MIT OR Apache-2.0

//! Requests, their answers and dumps, and how they are shown.

use illumos_ipsec::model::SaType;
use illumos_ipsec::sys::key::{KeyError, Received};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{Diagnostic, HEADER_LEN, Header, Message, MsgType};

use crate::exit::End;
use crate::owner;
use crate::session::Session;

/// Sends a request; gives the answer to it.
pub(crate) fn exchange(session: &mut Session, message: &Message) -> Result<Received, End> {
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
    session.look_at_clock();
    let bytes = message.encode();
    let rule = "==========================================\n";
    session.print(format!("VERBOSE ON:  Message to kernel looks like:\n{rule}"));
    show_message(session, &bytes);
    session.print(rule);
}

/// Shows a message on standard output, as it is at the time that the session has looked at
/// last.
pub(crate) fn show_message(session: &mut Session, bytes: &[u8]) {
    let mut text = zeroize::Zeroizing::new(Vec::with_capacity(2048));
    let complaints = session.look().message(&mut text, bytes);
    session.print(&*text);
    for complaint in complaints {
        session.complain(complaint);
    }
}

/// Shows a message among others: with its owner, if there can be several, and apart from the
/// next one.
pub(crate) fn show_listed(session: &mut Session, bytes: &[u8]) {
    session.print(owner::line(session, bytes));
    show_message(session, bytes);
    session.print("\n");
}

/// Shows a diagnostic on standard error.
pub(crate) fn complain_diagnostic(session: &mut Session, diagnostic: Diagnostic) {
    session.complain_plain(format_args!("  Diagnostic code {}:  {diagnostic}.", diagnostic.0));
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
