// SPDX-License-Identifier: MIT OR Apache-2.0

//! Back end: the user-mode kernel behind the sockets of a lab directory.

use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, sendmsg, socket,
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
    let open = || -> nix::Result<OwnedFd> {
        let fd = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?;
        connect(fd.as_raw_fd(), &UnixAddr::new(&path)?)?;
        Ok(fd)
    };
    match open() {
        Ok(fd) => Ok(Box::new(LabSocket { fd, buffer: Vec::new() })),
        Err(errno @ (Errno::EACCES | Errno::EPERM)) => Err(OpenError::Privilege(errno.into())),
        Err(errno) => Err(OpenError::Unavailable { path, source: errno.into() }),
    }
}

struct LabSocket {
    fd: OwnedFd,
    buffer: Vec<u8>,
}

impl PolicySocket for LabSocket {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let iov = [IoSlice::new(message)];
        loop {
            let sent = sendmsg::<()>(self.fd.as_raw_fd(), &iov, &[], MsgFlags::MSG_NOSIGNAL, None);
            match sent {
                Err(Errno::EINTR) => {}
                Ok(n) if n == message.len() => return Ok(()),
                Ok(_) => return Err(io::ErrorKind::WriteZero.into()),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    fn receive(&mut self) -> io::Result<&[u8]> {
        if self.buffer.is_empty() {
            self.buffer = vec![0; LARGEST_MESSAGE];
        }
        loop {
            match recv(self.fd.as_raw_fd(), &mut self.buffer, MsgFlags::empty()) {
                Err(Errno::EINTR) => {}
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => return Ok(&self.buffer[..n]),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}
