// SPDX-License-Identifier: MIT OR Apache-2.0

//! The other end of a recorded conversation.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use illumos_ipsec::wire::key::{HEADER_LEN, Header};
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, UnixAddr, bind, connect, listen, recv,
    send, socket,
};

use super::case::{Direction, Message};

/// The process of the recordings.
const PID: u32 = 4242;

/// A peer that waits for one connection.
pub(super) struct Peer {
    listener: UnixListener,
}

impl Peer {
    pub(super) fn bind(path: &Path) -> io::Result<Self> {
        let listener =
            socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?;
        bind(listener.as_raw_fd(), &UnixAddr::new(path)?)?;
        listen(&listener, Backlog::new(1)?)?;
        // It is no stream, but it is accepted from as from one.
        Ok(Self { listener: listener.into() })
    }

    /// Ends the wait of a peer to which nobody has come.
    pub(super) fn release(path: &Path) -> io::Result<()> {
        let fd = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?;
        Ok(connect(fd.as_raw_fd(), &UnixAddr::new(path)?)?)
    }

    /// Plays its part of a conversation in a thread, which ends with the connection. What
    /// was sent to it comes through the channel.
    pub(super) fn play(&self, conversation: &[Message]) -> io::Result<mpsc::Receiver<Vec<u8>>> {
        let listener = self.listener.try_clone()?;
        let mut left: VecDeque<Message> = conversation.iter().cloned().collect();
        let (sender, receiver) = mpsc::channel();
        thread::Builder::new().name("peer".to_owned()).spawn(move || {
            let Ok((fd, _)) = listener.accept() else { return };
            let mut own = Header::read(&[0; HEADER_LEN]);
            own.pid = PID;
            answer(&fd, &mut left, &own);
            let mut buffer = vec![0; 65536];
            while let Ok(len @ 1..) = recv(fd.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                let message = buffer[..len].to_vec();
                own = Header::read(&message);
                if sender.send(message).is_err() {
                    return;
                }
                match left.front().map(|next| next.dir) {
                    Some(_) => drop(left.pop_front()),
                    // Nothing of the kind was recorded: it is accepted.
                    None => accept(&fd, &own),
                }
                answer(&fd, &mut left, &own);
            }
        })?;
        Ok(receiver)
    }
}

/// Says yes.
fn accept(fd: &UnixStream, request: &Header) {
    let header = Header { len: (HEADER_LEN / 8) as u16, ..*request };
    // Nobody may be left to hear it.
    let _ = send(fd.as_raw_fd(), &header.bytes(), MsgFlags::MSG_NOSIGNAL);
}

/// Sends what comes next, up to a message of the other side. Messages for the recorded
/// process are for this one.
fn answer(fd: &UnixStream, left: &mut VecDeque<Message>, own: &Header) {
    while left.front().is_some_and(|next| next.dir == Direction::Recv)
        && let Some(next) = left.pop_front()
    {
        let mut bytes = next.hex.0;
        let header = Header::read(&bytes);
        if header.pid == PID && bytes.len() >= HEADER_LEN {
            bytes[12..16].copy_from_slice(&own.pid.to_ne_bytes());
        }
        if send(fd.as_raw_fd(), &bytes, MsgFlags::MSG_NOSIGNAL).is_err() {
            return;
        }
    }
}
