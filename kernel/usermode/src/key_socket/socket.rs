// SPDX-License-Identifier: MIT OR Apache-2.0

//! The sockets: what waits for their readers, and who gets a message.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use illumos_ipsec::model::{Namespace, SaType};

use super::dump::{Dump, Dumped};
use super::namespace;
use crate::kernel::{ConnId, Kernel};

/// Bytes that a socket keeps for a reader that does not come; more is lost, as in the
/// original. What a dump says is not.
const RECEIVE_HIWAT: usize = 8192;

/// State of one socket.
#[derive(Clone, Debug)]
pub(super) struct KeySocket {
    replies: VecDeque<Vec<u8>>,
    queued: usize,
    pub(super) dump: Option<Dump>,
    /// Sees everything.
    pub(super) promiscuous: bool,
    /// `SO_USELOOPBACK`: without it, nothing arrives.
    loopback: bool,
    /// Types that it has registered for.
    pub(super) registered: BTreeSet<SaType>,
    /// It has registered in the extended form.
    pub(super) extended: bool,
    /// It has sent a namespace, so it knows what that is.
    pub(super) uses_namespaces: bool,
}

impl Default for KeySocket {
    fn default() -> Self {
        Self {
            replies: VecDeque::new(),
            queued: 0,
            dump: None,
            promiscuous: false,
            loopback: true,
            registered: BTreeSet::new(),
            extended: false,
            uses_namespaces: false,
        }
    }
}

impl KeySocket {
    /// Queues a message, or loses it.
    fn receive(&mut self, message: &[u8]) {
        if self.loopback && self.queued < RECEIVE_HIWAT {
            self.queued += message.len();
            self.replies.push_back(message.to_vec());
        }
    }

    fn take(&mut self) -> Option<Vec<u8>> {
        let message = self.replies.pop_front()?;
        self.queued -= message.len();
        Some(message)
    }
}

/// Every open socket.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeySockets {
    pub(super) sockets: BTreeMap<ConnId, KeySocket>,
}

/// Who gets a message beside the promiscuous sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    Everybody,
    /// Those registered for a type, and this one.
    Registered(SaType, Option<ConnId>),
    /// Those with an extended registration.
    Extended,
    One(ConnId),
    Nobody,
}

impl Kernel {
    /// Opens a `PF_KEY` socket.
    pub fn open_key(&mut self) -> ConnId {
        let conn = self.new_conn();
        self.keys.sockets.insert(conn, KeySocket::default());
        conn
    }

    /// Sets `SO_USELOOPBACK` of a `PF_KEY` socket: without it, nothing arrives there.
    pub fn set_key_loopback(&mut self, conn: ConnId, on: bool) {
        if let Some(socket) = self.keys.sockets.get_mut(&conn) {
            socket.loopback = on;
        }
    }

    pub(crate) fn is_key_socket(&self, conn: ConnId) -> bool {
        self.keys.sockets.contains_key(&conn)
    }

    pub(crate) fn close_key(&mut self, conn: ConnId) {
        self.keys.sockets.remove(&conn);
    }

    /// Does the socket take another request? Not while it is dumping; what is queued for it can
    /// be from others and does not count.
    pub(crate) fn key_idle(&self, conn: ConnId) -> bool {
        self.keys.sockets.get(&conn).is_some_and(|socket| socket.dump.is_none())
    }

    /// Is there something to fetch?
    pub(crate) fn key_has_reply(&self, conn: ConnId) -> bool {
        let socket = self.keys.sockets.get(&conn);
        socket.is_some_and(|socket| !socket.replies.is_empty() || socket.dump.is_some())
    }

    /// The next message for a reader.
    pub(crate) fn next_key_reply(&mut self, conn: ConnId) -> Option<Vec<u8>> {
        let socket = self.keys.sockets.get_mut(&conn)?;
        if let Some(message) = socket.take() {
            return Some(message);
        }
        let mut dump = socket.dump.take()?;
        let loopback = socket.loopback;
        let Dumped { message, owner, more } = self.next_dumped(&mut dump);
        if more && let Some(socket) = self.keys.sockets.get_mut(&conn) {
            socket.dump = Some(dump);
        }
        self.send_about(&message, owner.as_ref(), To::Nobody, Some(conn));
        // Who has asked for owners knows them.
        let message = match owner {
            Some(owner) => namespace::with(&message, &owner),
            None => message,
        };
        loopback.then_some(message)
    }

    /// Puts a message into the queues of those who get it, the newest socket first.
    pub(super) fn send_up(&mut self, message: &[u8], to: To, had: Option<ConnId>) {
        self.send_about(message, None, to, had);
    }

    /// The same with a message that shows an owner to those who know what that is.
    pub(super) fn send_about(
        &mut self,
        message: &[u8],
        owner: Option<&Namespace>,
        to: To,
        had: Option<ConnId>,
    ) {
        let tagged = owner.map(|owner| namespace::with(message, owner));
        for (conn, socket) in self.keys.sockets.iter_mut().rev() {
            let wanted = match to {
                To::Everybody => true,
                To::Registered(kind, also) => {
                    socket.registered.contains(&kind) || also == Some(*conn)
                }
                To::Extended => socket.extended,
                To::One(one) => one == *conn,
                To::Nobody => false,
            };
            if (wanted || socket.promiscuous) && had != Some(*conn) {
                match &tagged {
                    Some(tagged) if socket.uses_namespaces => socket.receive(tagged),
                    _ => socket.receive(message),
                }
            }
        }
    }
}
