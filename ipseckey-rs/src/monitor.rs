// SPDX-License-Identifier: MIT OR Apache-2.0

//! `monitor` and `pmonitor`: what others ask of the kernel, and what it tells.

use illumos_ipsec::model::SaType;
use illumos_ipsec::sys::local_time;
use illumos_ipsec::sys::signals::Interrupts;
use illumos_ipsec::wire::key::{Message, MsgType};

use crate::exchange;
use crate::exit::End;
use crate::owner;
use crate::session::{CommandResult, Done, Session, Source};

/// Any type but 0 turns the mode on.
const ON: SaType = SaType(1);
const SIGINT: i32 = 2;

pub(crate) fn run(session: &mut Session, active: bool) -> CommandResult {
    let Ok(interrupts) = Interrupts::catch() else {
        session.complain("cannot wait for an interrupt");
        return Err(End::Fatal);
    };
    session.print(if active { "Actively" } else { "Passively" });
    if active {
        let mut message = Message::request(MsgType::X_PROMISC, ON);
        session.seq += 1;
        session.number(&mut message);
        exchange::verbose(session, &message);
        if let Err(error) = session.client().send(&message) {
            return Err(session.exchange_failed(&error));
        }
    }
    session.print(" monitoring the PF_KEY socket.\n");
    loop {
        // Nobody would see what comes.
        session.out.flush();
        if !session.out.is_whole() {
            return Err(End::Silent);
        }
        let next = session.client().next_or(interrupts.descriptor());
        let bytes = match next {
            Ok(Some(bytes)) => bytes,
            Ok(None) => break,
            Err(error) => return Err(session.exchange_failed(&error)),
        };
        if !owner::concerns(&session.settings.who, &bytes) {
            continue;
        }
        session.look_at_clock();
        let time = local_time(session.look().now);
        session.print(format!("Read {} bytes.\nTimestamp: {time}\n", bytes.len()));
        exchange::show_listed(session, &bytes);
    }
    match session.source {
        Source::Interactive => {
            session.print("\n");
            Ok(Done::Prompt)
        }
        _ => {
            session.complain(format_args!("Bailing on signal {SIGINT}."));
            Err(End::Signal(SIGINT))
        }
    }
}
