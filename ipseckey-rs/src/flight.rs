// SPDX-License-Identifier: MIT OR Apache-2.0

//! Requests of a file that have been sent before the answers to those before are there.

use std::collections::VecDeque;
use std::net::Ipv6Addr;
use std::rc::Rc;

use illumos_ipsec::model::SaType;
use illumos_ipsec::wire::key::Message;

use crate::exit::End;
use crate::line::Line;
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

/// A request without its answer.
pub(crate) struct Waiting {
    pub(crate) asked: Asked,
    pub(crate) line: Option<Rc<Line>>,
    pub(crate) seq: u32,
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
    pub(crate) landing: bool,
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

    /// Adds a request that is not sent yet.
    pub(crate) fn add(&mut self, message: Message, asked: Asked, line: Option<Rc<Line>>) {
        let (len, seq) = (message.encoded_len(), message.header.seq);
        self.waiting.push_back(Waiting { asked, line, seq, len });
        self.unsent.push(message);
        self.unsent_len += len;
        self.len += len;
    }

    /// Are there enough requests to send them together?
    pub(crate) fn is_batch(&self) -> bool {
        self.unsent_len >= BATCH
    }

    /// The requests that are to be sent now.
    pub(crate) fn take_unsent(&mut self) -> Vec<Message> {
        self.unsent_len = 0;
        std::mem::take(&mut self.unsent)
    }

    /// The request whose answer makes room for another batch; none if there is room.
    pub(crate) fn pop_for_room(&mut self) -> Option<Waiting> {
        (self.len.saturating_sub(self.unsent_len) > MOST - BATCH).then(|| self.pop())?
    }

    /// The request whose answer is the next one to come.
    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        if self.len <= self.unsent_len {
            return None;
        }
        let waiting = self.waiting.pop_front()?;
        self.len -= waiting.len;
        Some(waiting)
    }

    /// No more answers are waited for.
    pub(crate) fn abandon(&mut self, end: End) {
        let Self { good, bad, landing, .. } = *self;
        *self = Self { over: Some(end), good, bad, landing, ..Self::default() };
    }
}
