// SPDX-License-Identifier: MIT OR Apache-2.0

//! Back end: the user-mode kernel behind the sockets of a lab directory.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, MultiHeaders, SockFlag, SockType, UnixAddr, connect, recvmmsg,
    sendmmsg, socket,
};

use super::policy::{OpenError, PolicySocket};

/// The largest message the length field of a header can describe, in bytes.
const LARGEST_MESSAGE: usize = u16::MAX as usize * 8;

/// The directory of the lab, if the environment names one.
pub(super) fn directory() -> Option<PathBuf> {
    std::env::var_os("IPSEC_LAB").filter(|dir| !dir.is_empty()).map(PathBuf::from)
}

/// Connects to the `pf_policy` socket of a lab.
pub(super) fn open_policy(lab: &Path) -> Result<Box<dyn PolicySocket>, OpenError> {
    let path = lab.join("pf_policy");
    match connect_to(&path) {
        Ok(fd) => Ok(Box::new(LabSocket::new(fd))),
        Err(errno @ (Errno::EACCES | Errno::EPERM)) => Err(OpenError::Privilege(errno.into())),
        Err(errno) => Err(OpenError::Unavailable { path, source: errno.into() }),
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
}

impl PolicySocket for LabSocket {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.send_all(&[message.to_vec()])
    }

    fn send_all(&mut self, messages: &[Vec<u8>]) -> io::Result<()> {
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
        match self.ready.pop_front() {
            Some((at, len @ 1..)) => Ok(&self.buffers[at][..len]),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl LabSocket {
    fn new(fd: OwnedFd) -> Self {
        Self { fd, buffers: Vec::new(), ready: VecDeque::new() }
    }

    /// Takes what is there; waits if there is nothing.
    fn fill(&mut self) -> io::Result<()> {
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
                    self.ready.extend(packets.map(|packet| packet.bytes).enumerate());
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
