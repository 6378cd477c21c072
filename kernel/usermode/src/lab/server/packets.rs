// SPDX-License-Identifier: MIT OR Apache-2.0

//! Several packets with one system call.

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::AsRawFd;

use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg, sendmmsg};

/// Packets that are moved together at most.
pub(super) const BATCH: usize = 32;

/// The length field of a message cannot express more than 524,280 bytes. Of a longer
/// packet this much is looked at, so that the kernel sees a length that is wrong.
const PACKET: usize = 512 * 1024;

/// Room for received packets. Memory that no packet has reached does not exist.
pub(super) struct Inbox {
    buffers: Vec<Vec<u8>>,
    lens: Vec<usize>,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self {
            buffers: (0..BATCH).map(|_| vec![0; PACKET]).collect(),
            lens: Vec::with_capacity(BATCH),
        }
    }

    /// Receives up to `most` packets that are there, and at least one.
    pub(super) fn receive(&mut self, socket: &impl AsRawFd, most: usize) -> nix::Result<()> {
        self.lens.clear();
        let buffers = self.buffers.iter_mut().take(most);
        let mut slices: Vec<_> = buffers.map(|buffer| [IoSliceMut::new(buffer)]).collect();
        let mut headers = MultiHeaders::<()>::preallocate(slices.len(), None);
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
        let fd = socket.as_raw_fd();
        let received = recvmmsg(fd, &mut headers, slices.iter_mut(), flags, None)?;
        self.lens.extend(received.map(|packet| packet.bytes));
        Ok(())
    }

    /// How many packets were received.
    pub(super) fn len(&self) -> usize {
        self.lens.len()
    }

    /// A packet, and its length, which is larger if it had to be cut.
    pub(super) fn packet(&self, at: usize) -> (&[u8], usize) {
        let len = self.lens[at];
        (&self.buffers[at][..len.min(PACKET)], len)
    }
}

/// Sends packets as far as there is room; how many.
pub(super) fn send(socket: &impl AsRawFd, packets: &VecDeque<Vec<u8>>) -> nix::Result<usize> {
    let slices: Vec<_> = packets.iter().map(|packet| [IoSlice::new(packet)]).collect();
    let mut headers = MultiHeaders::<()>::preallocate(slices.len(), None);
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    let nowhere = vec![None; slices.len()];
    let sent = sendmmsg(socket.as_raw_fd(), &mut headers, &slices, nowhere, [], flags)?;
    Ok(sent.count())
}
