// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a back end provides for a kernel interface that is a socket.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::NoKernel;

/// A connection to the kernel: one write is one message, one read is one message.
pub trait MessageSocket {
    /// Sends one message.
    fn send(&mut self, message: &[u8]) -> io::Result<()>;

    /// Sends several messages, in order.
    fn send_all(&mut self, messages: &[&[u8]]) -> io::Result<()> {
        messages.iter().try_for_each(|message| self.send(message))
    }

    /// Receives one message; the bytes live until the next call.
    fn receive(&mut self) -> io::Result<&[u8]>;

    /// Overwrites the message that was received last; there may be keys in it.
    fn wipe_received(&mut self) {}

    /// Waits until there is a message, something else can be read, or the time is over.
    /// The message comes first.
    fn wait(&mut self, _or: Option<BorrowedFd<'_>>, _most: Option<Duration>) -> io::Result<Ready> {
        Ok(Ready::Message)
    }
}

/// What a wait has ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// A message can be received.
    Message,
    /// The other descriptor is ready.
    Other,
    /// Nothing has come in time.
    TimedOut,
}

/// Why a connection could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The caller may not configure IP.
    #[error("insufficient privilege to open {interface}: {source}")]
    Privilege {
        /// `PF_POLICY` or `PF_KEY`.
        interface: &'static str,
        /// The reason.
        source: io::Error,
    },
    /// There is no such interface here.
    #[error(transparent)]
    NoKernel(#[from] NoKernel),
    /// The interface is there but cannot be opened.
    #[error("cannot open {interface} ({place}): {source}")]
    Unavailable {
        /// `PF_POLICY` or `PF_KEY`.
        interface: &'static str,
        /// The socket of a lab, or the protocol family.
        place: String,
        /// The reason.
        source: io::Error,
    },
}
