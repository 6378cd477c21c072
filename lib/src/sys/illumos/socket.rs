// SPDX-License-Identifier: MIT OR Apache-2.0

//! `PF_POLICY` and `PF_KEY` sockets: one write is one message, one read is one message.
//!
//! Source: `spec/pf_policy.md` and `spec/pf_key.md`, section 1.

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use zeroize::Zeroize;

use super::abi::{PF_KEY, PF_KEY_V2, PF_POLICY, PF_POLICY_V1, SOCK_CLOEXEC, SOCK_RAW};
use super::calls::FileCalls;
use super::fd::Fd;
use crate::sys::{MessageSocket, OpenError, Ready};
use crate::wire::errno::Errno;

/// The largest message the length field of a header can describe, in bytes. What a read
/// has no room for is lost.
const LARGEST_MESSAGE: usize = u16::MAX as usize * 8;

/// A kernel interface that is a socket.
pub(super) struct Interface {
    name: &'static str,
    family: c_int,
    protocol: c_int,
}

/// The security policy database.
pub(super) const POLICY: Interface =
    Interface { name: "PF_POLICY", family: PF_POLICY, protocol: PF_POLICY_V1 };

/// The security association databases.
pub(super) const KEY: Interface = Interface { name: "PF_KEY", family: PF_KEY, protocol: PF_KEY_V2 };

/// Opens a socket of an interface.
pub(super) fn open<C: FileCalls + 'static>(
    calls: C,
    interface: &Interface,
) -> Result<Box<dyn MessageSocket>, OpenError> {
    let Interface { name, family, protocol } = *interface;
    match calls.socket(family, SOCK_RAW | SOCK_CLOEXEC, protocol) {
        Ok(raw) => {
            let fd = Fd::new(&calls, raw);
            Ok(Box::new(KernelSocket { calls, fd, buffer: Vec::new(), received: 0 }))
        }
        Err(errno @ (Errno::EPERM | Errno::EACCES)) => {
            Err(OpenError::Privilege { interface: name, source: error(errno) })
        }
        Err(errno) => Err(OpenError::Unavailable {
            interface: name,
            place: format!("protocol family {family}"),
            source: error(errno),
        }),
    }
}

struct KernelSocket<C: FileCalls> {
    calls: C,
    fd: Fd<C>,
    buffer: Vec<u8>,
    /// Bytes of the message that is in the buffer.
    received: usize,
}

impl<C: FileCalls> KernelSocket<C> {
    fn wipe(&mut self) {
        self.buffer[..self.received].zeroize();
        self.received = 0;
    }
}

impl<C: FileCalls> MessageSocket for KernelSocket<C> {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        loop {
            match self.calls.write(self.fd.raw(), message) {
                Ok(len) if len == message.len() => return Ok(()),
                // The rest would be taken for another message.
                Ok(len) => {
                    let text = format!("only {len} of {} bytes were taken", message.len());
                    return Err(io::Error::new(io::ErrorKind::WriteZero, text));
                }
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(error(errno)),
            }
        }
    }

    fn receive(&mut self) -> io::Result<&[u8]> {
        self.wipe();
        if self.buffer.is_empty() {
            self.buffer = vec![0; LARGEST_MESSAGE];
        }
        loop {
            match self.calls.read(self.fd.raw(), &mut self.buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(len) => {
                    self.received = len;
                    return Ok(&self.buffer[..len]);
                }
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(error(errno)),
            }
        }
    }

    fn wipe_received(&mut self) {
        self.wipe();
    }

    fn wait(&mut self, or: Option<BorrowedFd<'_>>, most: Option<Duration>) -> io::Result<Ready> {
        let mut fds = vec![self.fd.raw()];
        fds.extend(or.map(|fd| fd.as_raw_fd()));
        let time = most.map_or(-1, |most| c_int::try_from(most.as_millis()).unwrap_or(c_int::MAX));
        let ready = self.calls.poll(&fds, time).map_err(error)?;
        Ok(match ready.as_slice() {
            [true, ..] => Ready::Message,
            [_, true] => Ready::Other,
            _ => Ready::TimedOut,
        })
    }
}

/// There may be keys in the buffer.
impl<C: FileCalls> Drop for KernelSocket<C> {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// The same number: on illumos the numbers of messages and of the system are one.
pub(super) fn error(errno: Errno) -> io::Error {
    io::Error::from_raw_os_error(errno.0.into())
}
