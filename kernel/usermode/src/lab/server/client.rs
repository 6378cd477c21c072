// SPDX-License-Identifier: MIT OR Apache-2.0

//! One connection of a client: packets in, packets out.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{self, MsgFlags};

use super::interface::Interface;
use super::trace::{Direction, Event, Trace};
use super::{Action, Interposer};
use crate::lab::error::complain;
use crate::{ConnId, Kernel};

/// Packets that one client may receive or be sent in one turn of the server.
const TURN: usize = 256;

/// The length field of a message cannot express more than 524,280 bytes. Of a longer
/// packet this much is looked at, so that the kernel sees a length that is wrong.
pub(super) const RECEIVE_BUFFER: usize = 512 * 1024;

/// What a client's turn needs from the server.
pub(super) struct Context<'a> {
    pub(super) kernel: &'a mut Kernel,
    pub(super) trace: &'a mut Option<Trace>,
    pub(super) interposer: &'a mut Option<Box<dyn Interposer>>,
    pub(super) buffer: &'a mut [u8],
}

/// A connection.
///
/// Replies are taken from the kernel only as fast as the client reads them, and
/// requests are read only when all replies are out. So at most one packet is kept
/// here, whatever the client does.
pub(super) struct Client {
    number: u64,
    interface: &'static Interface,
    socket: UnixStream,
    conn: ConnId,
    unsent: Option<Vec<u8>>,
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
            unsent: None,
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

    /// The kernel may have a reply now.
    pub(super) fn kernel_is_back(&mut self) {
        if self.state == State::Waiting {
            self.state = State::More;
        }
    }

    /// Moves packets until the client has to be waited for or its turn is over.
    pub(super) fn turn(&mut self, ctx: &mut Context<'_>) {
        self.state = State::More;
        for _ in 0..TURN {
            let reply = self.unsent.take().or_else(|| self.next_reply(ctx));
            self.state = match reply {
                Some(reply) => self.send(reply),
                None if ctx.kernel.wants_input(self.conn) => self.receive(ctx),
                None => State::Waiting,
            };
            if self.state != State::More {
                break;
            }
        }
        if self.state == State::Closed {
            self.close(ctx);
        }
    }

    fn next_reply(&self, ctx: &mut Context<'_>) -> Option<Vec<u8>> {
        let reply = ctx.kernel.next_reply(self.conn)?;
        if let Some(trace) = ctx.trace {
            trace.message(self.interface, self.number, Direction::Reply, &reply);
        }
        Some(reply)
    }

    fn send(&mut self, reply: Vec<u8>) -> State {
        if self.deaf {
            return State::More;
        }
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        match socket::send(self.socket.as_raw_fd(), &reply, flags) {
            Ok(_) | Err(Errno::EINTR) => State::More,
            Err(Errno::EAGAIN) => {
                self.unsent = Some(reply);
                State::Writing
            }
            Err(Errno::EPIPE | Errno::ECONNRESET) => {
                self.deaf = true;
                State::More
            }
            Err(errno) => {
                let (number, len) = (self.number, reply.len());
                complain(format_args!(
                    "connection {number} closed: a reply of {len} bytes cannot be sent: {}",
                    errno.desc()
                ));
                State::Closed
            }
        }
    }

    fn receive(&mut self, ctx: &mut Context<'_>) -> State {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
        match socket::recv(self.socket.as_raw_fd(), ctx.buffer, flags) {
            Ok(0) => State::Closed,
            Ok(len) => {
                if len > ctx.buffer.len() {
                    let (number, most) = (self.number, ctx.buffer.len());
                    complain(format_args!(
                        "connection {number}: packet of {len} bytes cut to {most}"
                    ));
                }
                self.request(len.min(ctx.buffer.len()), ctx)
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

    fn request(&mut self, len: usize, ctx: &mut Context<'_>) -> State {
        let bytes = &ctx.buffer[..len];
        if let Some(trace) = ctx.trace {
            trace.message(self.interface, self.number, Direction::Request, bytes);
        }
        let action = match ctx.interposer {
            Some(interposer) => interposer.request(self.number, bytes),
            None => Action::Pass,
        };
        match action {
            Action::Pass => ctx.kernel.request(self.conn, bytes),
            Action::Reply(reply) => {
                if let Some(trace) = ctx.trace {
                    trace.message(self.interface, self.number, Direction::Reply, &reply);
                }
                self.unsent = Some(reply);
            }
            Action::Close => return State::Closed,
        }
        State::More
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
