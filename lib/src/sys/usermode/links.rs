// SPDX-License-Identifier: MIT OR Apache-2.0

//! The `dld` socket of a lab.

use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use nix::sys::socket::{MsgFlags, recv, sendmsg};

use super::socket::connect_to;
use crate::model::{LinkId, LinkStatistics, LinkTopology};
use crate::sys::links::{LinkSystem, OpenLinksError};
use crate::wire::errno::Errno;
use crate::wire::lab::{Answer, Call};

/// The largest answer in bytes: a snapshot of a link with long values.
const ANSWER: usize = 1 << 18;

/// Connects to the `dld` socket of a lab.
pub(super) fn open(lab: &Path) -> Result<Box<dyn LinkSystem>, OpenLinksError> {
    let path = lab.join("dld");
    match connect_to(&path) {
        Ok(fd) => Ok(Box::new(LabLinks { fd, buffer: vec![0; ANSWER] })),
        Err(errno) => Err(OpenLinksError::Unavailable { path, source: errno.into() }),
    }
}

struct LabLinks {
    fd: OwnedFd,
    buffer: Vec<u8>,
}

impl LabLinks {
    /// A call that gets no answer is an I/O error, as a driver that has gone.
    fn call(&mut self, call: &Call) -> Answer {
        let lost = Answer { errno: Errno::EIO, bytes: Vec::new() };
        self.exchange(&call.encode()).unwrap_or(lost)
    }

    fn exchange(&mut self, packet: &[u8]) -> io::Result<Answer> {
        let fd = self.fd.as_raw_fd();
        let slices = [IoSlice::new(packet)];
        retry(|| sendmsg::<()>(fd, &slices, &[], MsgFlags::MSG_NOSIGNAL, None))?;
        let len = retry(|| recv(fd, &mut self.buffer, MsgFlags::empty()))?;
        Answer::decode(&self.buffer[..len]).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn payload<T>(&mut self, call: &Call, decode: fn(&[u8]) -> Option<T>) -> Result<T, Errno> {
        let answer = self.call(call);
        match answer.errno {
            Errno::OK => decode(&answer.bytes).ok_or(Errno::EIO),
            errno => Err(errno),
        }
    }
}

impl LinkSystem for LabLinks {
    fn ioctl(&mut self, command: u32, argument: &mut Vec<u8>) -> Result<(), Errno> {
        let answer = self.call(&Call::Ioctl { command, argument: argument.clone() });
        if !answer.bytes.is_empty() {
            *argument = answer.bytes;
        }
        if answer.errno == Errno::OK { Ok(()) } else { Err(answer.errno) }
    }

    fn door(&mut self, request: &[u8]) -> Result<Vec<u8>, Errno> {
        self.payload(&Call::Door(request.to_vec()), |bytes| Some(bytes.to_vec()))
    }

    fn statistics(&mut self, link: &[u8]) -> Result<LinkStatistics, Errno> {
        self.payload(&Call::Statistics { link: link.to_vec() }, LinkStatistics::decode)
    }

    fn topology(&mut self, link: LinkId) -> Result<LinkTopology, Errno> {
        self.payload(&Call::Topology { link }, LinkTopology::decode)
    }

    fn zone(&mut self) -> Result<u32, Errno> {
        self.payload(&Call::Zone, |bytes| Some(u32::from_le_bytes(bytes.try_into().ok()?)))
    }
}

fn retry<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(nix::errno::Errno::EINTR) => {}
            outcome => return outcome,
        }
    }
}
