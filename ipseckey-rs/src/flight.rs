// SPDX-License-Identifier: MIT OR Apache-2.0

//! Requests of a file that have been sent before the answers to those before are there.
//!
//! Nobody can tell from what is shown: before anything is, and before any other request,
//! all answers are waited for and spoken about in the order of the lines.

use std::collections::VecDeque;
use std::net::Ipv6Addr;
use std::rc::Rc;

use illumos_ipsec::model::SaType;
use illumos_ipsec::wire::key::Message;

use crate::exit::End;
use crate::line::Line;
use crate::reply::{self, Next};
use crate::session::Session;
use crate::verb::Verb;

/// Octets of requests that are not answered, at most. An answer is not longer than its
/// request, and the kernel drops what a socket cannot hold: 8192 octets.
const MOST: usize = 4096;
/// Octets that are sent together.
const BATCH: usize = MOST / 2;

/// What an answer is waited for about.
pub(crate) struct Asked {
    pub(crate) verb: Verb,
    pub(crate) kind: SaType,
    pub(crate) spi: u32,
    pub(crate) addr: Ipv6Addr,
}

struct Waiting {
    asked: Asked,
    line: Option<Rc<Line>>,
    seq: u32,
    len: usize,
}

/// Requests under way.
#[derive(Default)]
pub(crate) struct Flight {
    waiting: VecDeque<Waiting>,
    /// The last of them, which are not sent yet.
    unsent: Vec<Message>,
    unsent_len: usize,
    len: usize,
    /// Answers are being spoken about.
    landing: bool,
    /// Why there will be no more answers.
    over: Option<End>,
    /// Lines that were carried out, and others.
    pub(crate) good: usize,
    pub(crate) bad: usize,
}

impl Flight {
    /// Why the run has to end.
    pub(crate) fn over(&self) -> Option<End> {
        self.over
    }
}

impl Session<'_> {
    /// Sends a request of a file; what becomes of it is said later.
    pub(crate) fn ask(&mut self, message: Message, asked: Asked) -> Result<(), End> {
        let len = message.encoded_len();
        let (line, seq) = (self.line.clone(), message.header.seq);
        let flight = &mut self.flight;
        flight.waiting.push_back(Waiting { asked, line, seq, len });
        flight.unsent.push(message);
        flight.unsent_len += len;
        flight.len += len;
        if flight.unsent_len >= BATCH {
            self.send_asked();
        }
        self.land(MOST - BATCH);
        self.flight.over.map_or(Ok(()), Err)
    }

    /// Waits for all answers.
    pub(crate) fn settle(&mut self) -> Result<(), End> {
        if !self.flight.landing {
            self.send_asked();
            self.land(0);
        }
        self.flight.over.map_or(Ok(()), Err)
    }

    fn send_asked(&mut self) {
        let messages = std::mem::take(&mut self.flight.unsent);
        self.flight.unsent_len = 0;
        if messages.is_empty() {
            return;
        }
        if let Err(error) = self.client().send_all(&messages) {
            self.crash(&error);
        }
    }

    /// Speaks about answers until what is under way is no more than this.
    fn land(&mut self, most: usize) {
        let now = self.line.take();
        self.flight.landing = true;
        while self.flight.len.saturating_sub(self.flight.unsent_len) > most {
            let Some(waiting) = self.flight.waiting.pop_front() else { break };
            self.flight.len -= waiting.len;
            self.line = waiting.line;
            let Asked { verb, kind, spi, addr } = waiting.asked;
            let outcome = match self.client().reply(|header| header.seq == waiting.seq) {
                Ok(answer) => reply::of_add(self, verb, kind, spi, addr, &answer),
                Err(error) => {
                    self.crash(&error);
                    break;
                }
            };
            match outcome {
                Ok(Next::Good) => self.flight.good += 1,
                Ok(Next::Bad | Next::Stop) => self.flight.bad += 1,
                Err(end) => {
                    self.flight.bad += 1;
                    self.abandon(end);
                }
            }
        }
        self.flight.landing = false;
        self.line = now;
    }

    fn crash(&mut self, error: &illumos_ipsec::sys::key::KeyError) {
        let landing = std::mem::replace(&mut self.flight.landing, true);
        let end = self.exchange_failed(error);
        self.flight.landing = landing;
        self.abandon(end);
    }

    /// No more answers are waited for.
    fn abandon(&mut self, end: End) {
        let (good, bad) = (self.flight.good, self.flight.bad);
        let landing = self.flight.landing;
        self.flight = Flight { over: Some(end), good, bad, landing, ..Flight::default() };
    }
}
