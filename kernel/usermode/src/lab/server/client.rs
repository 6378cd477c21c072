// SPDX-License-Identifier: MIT OR Apache-2.0

//! One connection of a client: packets in, packets out.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::poll::PollFlags;

use super::interface::Interface;
use super::packets::{self, BATCH, Inbox};
use super::trace::{Direction, Event, Trace};
use super::{Action, Interposer};
use crate::lab::error::complain;
use crate::{ConnId, Kernel};

/// Batches of packets that one client may receive or be sent in one turn of the server.
const TURN: usize = 16;

/// What a client's turn needs from the server.
pub(super) struct Context<'a> {
    pub(super) kernel: &'a mut Kernel,
    pub(super) trace: &'a mut Option<Trace>,
    pub(super) interposer: &'a mut Option<Box<dyn Interposer>>,
    pub(super) inbox: &'a mut Inbox,
}

/// A connection.
///
/// Replies are taken from the kernel only as fast as the client reads them, and
/// requests are read only when all replies are out. So no more than a batch of packets
/// each way is kept, whatever the client does.
pub(super) struct Client {
    number: u64,
    interface: &'static Interface,
    socket: UnixStream,
    conn: ConnId,
    unsent: VecDeque<Vec<u8>>,
    state: State,
    /// The client has gone. As on a real system, requests that it has written are
    /// carried out; replies go nowhere.
    deaf: bool,
}

/// What a client waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// The next request.
    Reading,
    /// Room for a reply.
    Writing,
    /// Its next turn.
    More,
    /// The kernel, which has neither a reply nor a wish for a request: IPsec is being
    /// loaded.
    Waiting,
    /// Nothing: the connection has ended.
    Closed,
}

impl Client {
    pub(super) fn open(
        number: u64,
        interface: &'static Interface,
        socket: UnixStream,
        ctx: &mut Context<'_>,
    ) -> Self {
        let conn = (interface.open)(ctx.kernel);
        if let Some(trace) = ctx.trace {
            trace.event(interface, number, Event::Open);
        }
        Self {
            number,
            interface,
            socket,
            conn,
            unsent: VecDeque::new(),
            state: State::Reading,
            deaf: false,
        }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// What to poll for, if the client has to be waited for.
    pub(super) fn interest(&self) -> Option<PollFlags> {
        match self.state {
            State::Reading => Some(PollFlags::POLLIN),
            State::Writing => Some(PollFlags::POLLOUT),
            State::More | State::Waiting | State::Closed => None,
        }
    }

    /// The kernel may have something to say that the client has not asked for now.
    pub(super) fn look_for_news(&mut self, kernel: &Kernel) {
        if self.state == State::Reading && kernel.has_news(self.conn) {
            self.state = State::More;
        }
    }

    /// The kernel may have a reply now.
    pub(super) fn kernel_is_back(&mut self) {
        if self.state == State::Waiting {
            self.state = State::More;
        }
    }

    /// Moves packets until the client has to be waited for or its turn is over.
    pub(super) fn turn(&mut self, ctx: &mut Context<'_>) {
        let mut all_read = false;
        for _ in 0..TURN {
            self.fetch(ctx);
            self.state = if !self.unsent.is_empty() {
                self.send()
            } else if !ctx.kernel.wants_input(self.conn) {
                State::Waiting
            } else if all_read {
                State::Reading
            } else {
                self.receive(ctx, &mut all_read)
            };
            if self.state != State::More {
                break;
            }
        }
        if self.state == State::Closed {
            self.close(ctx);
        }
    }

    /// Takes replies from the kernel.
    fn fetch(&mut self, ctx: &mut Context<'_>) {
        while self.unsent.len() < BATCH
            && let Some(reply) = ctx.kernel.next_reply(self.conn)
        {
            self.reply(reply, ctx);
        }
    }

    fn reply(&mut self, reply: Vec<u8>, ctx: &mut Context<'_>) {
        if let Some(trace) = ctx.trace {
            trace.message(self.interface, self.number, Direction::Reply, &reply);
        }
        self.unsent.push_back(reply);
    }

    fn send(&mut self) -> State {
        if self.deaf {
            self.unsent.clear();
            return State::More;
        }
        match packets::send(&self.socket, &self.unsent) {
            Ok(sent) => {
                self.unsent.drain(..sent);
                State::More
            }
            Err(Errno::EINTR) => State::More,
            Err(Errno::EAGAIN) => State::Writing,
            Err(Errno::EPIPE | Errno::ECONNRESET) => {
                self.deaf = true;
                State::More
            }
            Err(errno) => {
                let number = self.number;
                let len = self.unsent.front().map_or(0, Vec::len);
                complain(format_args!(
                    "connection {number} closed: a reply of {len} bytes cannot be sent: {}",
                    errno.desc()
                ));
                State::Closed
            }
        }
    }

    /// Receives and carries out a batch of requests; says whether that was all there is.
    fn receive(&mut self, ctx: &mut Context<'_>, all_read: &mut bool) -> State {
        // What an interposer answers must not overtake what the kernel does.
        let most = if ctx.interposer.is_some() { 1 } else { BATCH };
        match ctx.inbox.receive(&self.socket, most) {
            Ok(()) => {
                *all_read = ctx.inbox.len() < most;
                let mut packets = 0..ctx.inbox.len();
                let open = packets.all(|at| self.request(at, ctx));
                if open { State::More } else { State::Closed }
            }
            Err(Errno::EAGAIN) => State::Reading,
            // Said once when the client has gone with replies unread; what it had
            // written before follows.
            Err(Errno::EINTR | Errno::ECONNRESET) => State::More,
            Err(errno) => {
                let number = self.number;
                complain(format_args!("connection {number} closed: {}", errno.desc()));
                State::Closed
            }
        }
    }

    /// Does what a packet asks for; false if it is the end of the connection.
    fn request(&mut self, at: usize, ctx: &mut Context<'_>) -> bool {
        let (number, (bytes, len)) = (self.number, ctx.inbox.packet(at));
        if len == 0 {
            return false;
        }
        if len > bytes.len() {
            let most = bytes.len();
            complain(format_args!("connection {number}: packet of {len} bytes cut to {most}"));
        }
        if let Some(trace) = ctx.trace {
            trace.message(self.interface, number, Direction::Request, bytes);
        }
        let action = match ctx.interposer {
            Some(interposer) => interposer.request(number, bytes),
            None => Action::Pass,
        };
        match action {
            Action::Pass => ctx.kernel.request(self.conn, bytes),
            Action::Reply(reply) => self.reply(reply, ctx),
            Action::Close => return false,
        }
        self.fetch(ctx);
        true
    }

    fn close(&mut self, ctx: &mut Context<'_>) {
        ctx.kernel.close(self.conn);
        if let Some(trace) = ctx.trace {
            trace.event(self.interface, self.number, Event::Close);
        }
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
