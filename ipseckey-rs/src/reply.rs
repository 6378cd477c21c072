// SPDX-License-Identifier: MIT OR Apache-2.0

//! Answers of the kernel to requests about one association.

use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{Diagnostic, Header};

use crate::exchange::show_message;
use crate::exit::End;
use crate::flight::Asked;
use crate::session::{Session, Source};
use crate::show;
use crate::verb::Verb;

/// How a command goes on after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// As it should.
    Good,
    /// With the next address; this one has failed.
    Bad,
    /// Not at all.
    Stop,
}

/// Says what came of a request to add or update.
pub(crate) fn of_add(session: &mut Session, asked: &Asked, reply: &[u8]) -> Result<Next, End> {
    let header = expected(session, asked, reply)?;
    Ok(match header.errno {
        Errno::OK => Next::Good,
        Errno::EEXIST if asked.verb != Verb::UpdatePair => {
            session.block(&association(asked, taken(header.diagnostic)));
            Next::Bad
        }
        _ => refused(session, &header),
    })
}

/// Says what came of a request to delete or get; the answer to get is shown.
pub(crate) fn of_find(session: &mut Session, asked: &Asked, reply: &[u8]) -> Result<Next, End> {
    let header = expected(session, asked, reply)?;
    if asked.verb == Verb::Get && matches!(header.errno, Errno::OK | Errno::EINVAL) {
        session.look_at_clock();
        show_message(session, reply);
    }
    Ok(match header.errno {
        Errno::OK => Next::Good,
        Errno::ESRCH if asked.verb != Verb::DeletePair => {
            // Unlike other messages, this one does not say where in a file it is from.
            if !session.in_service() {
                session.print(format!("{}\n", association(asked, "does not exist")));
            }
            if session.source == Source::CommandLine { Next::Stop } else { Next::Bad }
        }
        _ => refused(session, &header),
    })
}

/// The header, if the answer is one to such a request.
fn expected(session: &mut Session, asked: &Asked, reply: &[u8]) -> Result<Header, End> {
    let header = Header::read(reply);
    if header.kind == asked.verb.request() && header.satype == asked.kind {
        return Ok(header);
    }
    session.complain("Error: doaddresses: Unexpected returned message");
    Err(End::Fatal)
}

fn refused(session: &mut Session, header: &Header) -> Next {
    match header.errno {
        Errno::EINVAL | Errno::ESRCH => {
            let diagnostic = header.diagnostic;
            session.block(&format!("PF_KEY Diagnostic code {}: {diagnostic}.\n", diagnostic.0));
        }
        errno => {
            let text = show::strerror(errno);
            session.complain(format_args!("return message (in doaddresses): {text}"));
        }
    }
    Next::Stop
}

fn association(asked: &Asked, what: &str) -> String {
    let Asked { kind, spi, addr, .. } = asked;
    let kind = kind.word().map_or_else(|| kind.0.to_string(), str::to_owned);
    let addr = show::plain(*addr);
    format!("Association (type = {kind}) with spi {spi:#x} and addr\n{addr} {what}.\n")
}

/// What is wrong with an association that is there already.
fn taken(diagnostic: Diagnostic) -> &'static str {
    match diagnostic {
        Diagnostic::NAMESPACE_CONFLICT => {
            "already exists, and belongs to another namespace or to none"
        }
        _ => "already exists",
    }
}
