// SPDX-License-Identifier: MIT OR Apache-2.0

//! Sending the requests of a file together, and speaking about their answers.
//!
//! Nobody can tell from what is shown: before anything is, and before any other request,
//! all answers are waited for and spoken about in the order of the lines.

use illumos_ipsec::sys::key::KeyError;
use illumos_ipsec::wire::key::Message;

use crate::exit::End;
use crate::flight::{Asked, Flight, Waiting};
use crate::reply::{self, Next};
use crate::session::Session;

impl Session<'_> {
    /// Sends a request of a file; what becomes of it is said later.
    pub(crate) fn ask(&mut self, message: Message, asked: Asked) -> Result<(), End> {
        let line = self.line.clone();
        self.flight.add(message, asked, line);
        if self.flight.is_batch() {
            self.send_asked();
        }
        self.land(Flight::pop_for_room);
        self.flight.over().map_or(Ok(()), Err)
    }

    /// Waits for all answers.
    pub(crate) fn settle(&mut self) -> Result<(), End> {
        if !self.flight.landing {
            self.send_asked();
            self.land(Flight::pop);
        }
        self.flight.over().map_or(Ok(()), Err)
    }

    fn send_asked(&mut self) {
        let messages = self.flight.take_unsent();
        if messages.is_empty() {
            return;
        }
        if let Err(error) = self.client().send_all(&messages) {
            self.give_up(&error);
        }
    }

    /// Speaks about the answers to these requests.
    fn land(&mut self, mut next: impl FnMut(&mut Flight) -> Option<Waiting>) {
        let now = self.line.take();
        self.flight.landing = true;
        while let Some(waiting) = next(&mut self.flight) {
            self.line = waiting.line;
            let outcome = match self.client().reply(|header| header.seq == waiting.seq) {
                Ok(answer) => reply::of_add(self, &waiting.asked, &answer),
                Err(error) => {
                    self.give_up(&error);
                    break;
                }
            };
            match outcome {
                Ok(Next::Good) => self.flight.good += 1,
                Ok(Next::Bad | Next::Stop) => self.flight.bad += 1,
                Err(end) => {
                    self.flight.bad += 1;
                    self.flight.abandon(end);
                }
            }
        }
        self.flight.landing = false;
        self.line = now;
    }

    fn give_up(&mut self, error: &KeyError) {
        let landing = std::mem::replace(&mut self.flight.landing, true);
        let end = self.exchange_failed(error);
        self.flight.landing = landing;
        self.flight.abandon(end);
    }
}
