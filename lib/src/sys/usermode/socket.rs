// SPDX-License-Identifier: MIT OR Apache-2.0

//! A socket of a lab directory.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, MultiHeaders, SockFlag, SockType, UnixAddr, connect, recvmmsg,
    sendmmsg, socket,
};
use zeroize::Zeroize;

use crate::sys::{MessageSocket, OpenError, Ready};

/// The largest message the length field of a header can describe, in bytes.
const LARGEST_MESSAGE: usize = u16::MAX as usize * 8;

/// Connects to the socket of a kernel interface in a lab.
pub(super) fn open(
    lab: &Path,
    interface: &'static str,
    socket: &str,
) -> Result<Box<dyn MessageSocket>, OpenError> {
    let path = lab.join(socket);
    match connect_to(&path) {
        Ok(fd) => Ok(Box::new(LabSocket::new(fd))),
        Err(errno @ (Errno::EACCES | Errno::EPERM)) => {
            Err(OpenError::Privilege { interface, source: errno.into() })
        }
        Err(errno) => {
            let place = path.display().to_string();
            Err(OpenError::Unavailable { interface, place, source: errno.into() })
        }
    }
}

/// Connects to one of the sockets of a lab.
pub(super) fn connect_to(path: &Path) -> nix::Result<OwnedFd> {
    let fd = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?;
    connect(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(fd)
}

/// Packets that are moved with one system call at most.
const BATCH: usize = 32;

struct LabSocket {
    fd: OwnedFd,
    /// Room for received packets. Memory that no packet has reached does not exist.
    buffers: Vec<Vec<u8>>,
    /// Received packets that have not been asked for: buffer and length.
    ready: VecDeque<(usize, usize)>,
    /// Lengths of the packets of the last batch, from the first buffer on.
    filled: Vec<usize>,
    /// The packet that was asked for last.
    last: Option<(usize, usize)>,
}

impl MessageSocket for LabSocket {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.send_all(&[message])
    }

    fn send_all(&mut self, messages: &[&[u8]]) -> io::Result<()> {
        let mut left = messages;
        while !left.is_empty() {
            let batch = &left[..left.len().min(BATCH)];
            let slices: Vec<_> = batch.iter().map(|message| [IoSlice::new(message)]).collect();
            let mut headers = MultiHeaders::<()>::preallocate(slices.len(), None);
            let nowhere = vec![None; slices.len()];
            let flags = MsgFlags::MSG_NOSIGNAL;
            let fd = self.fd.as_raw_fd();
            let sent = match sendmmsg(fd, &mut headers, &slices, nowhere, [], flags) {
                Ok(sent) => sent.count(),
                Err(Errno::EINTR) => 0,
                Err(errno) => return Err(errno.into()),
            };
            left = &left[sent..];
        }
        Ok(())
    }

    fn receive(&mut self) -> io::Result<&[u8]> {
        if self.ready.is_empty() {
            self.fill()?;
        }
        self.last = self.ready.pop_front();
        match self.last {
            Some((at, len @ 1..)) => Ok(&self.buffers[at][..len]),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn wipe_received(&mut self) {
        if let Some((at, len)) = self.last.take() {
            self.buffers[at][..len].zeroize();
        }
    }

    fn wait(&mut self, or: Option<BorrowedFd<'_>>, most: Option<Duration>) -> io::Result<Ready> {
        if !self.ready.is_empty() {
            return Ok(Ready::Message);
        }
        let timeout = most.map_or(PollTimeout::NONE, |most| {
            PollTimeout::try_from(most.as_millis()).unwrap_or(PollTimeout::MAX)
        });
        let mut fds = vec![PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
        fds.extend(or.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        match poll(&mut fds, timeout) {
            Ok(0) => Ok(Ready::TimedOut),
            Ok(_) if fds[0].any().unwrap_or(true) => Ok(Ready::Message),
            Ok(_) => Ok(Ready::Other),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl Drop for LabSocket {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl LabSocket {
    fn new(fd: OwnedFd) -> Self {
        Self { fd, buffers: Vec::new(), ready: VecDeque::new(), filled: Vec::new(), last: None }
    }

    /// Overwrites what the last batch has left; there may be keys in it.
    fn wipe(&mut self) {
        for (buffer, len) in self.buffers.iter_mut().zip(self.filled.drain(..)) {
            buffer[..len].zeroize();
        }
    }

    /// Takes what is there; waits if there is nothing.
    fn fill(&mut self) -> io::Result<()> {
        self.wipe();
        if self.buffers.is_empty() {
            self.buffers = (0..BATCH).map(|_| vec![0; LARGEST_MESSAGE]).collect();
        }
        let fd = self.fd.as_raw_fd();
        loop {
            let mut slices: Vec<_> =
                self.buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
            let mut headers = MultiHeaders::<()>::preallocate(slices.len(), None);
            let flags = MsgFlags::MSG_DONTWAIT;
            match recvmmsg(fd, &mut headers, slices.iter_mut(), flags, None) {
                Ok(packets) => {
                    self.filled.extend(packets.map(|packet| packet.bytes));
                    self.ready.extend(self.filled.iter().copied().enumerate());
                    return Ok(());
                }
                Err(Errno::EINTR) => continue,
                Err(Errno::EAGAIN) => {}
                Err(errno) => return Err(errno.into()),
            }
            let mut ready = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
            match poll(&mut ready, PollTimeout::NONE) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}
