// SPDX-License-Identifier: MIT OR Apache-2.0

//! The socket of a lab for what has no illumos interface.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, socket,
};
use serde_json::Value;

use super::Lab;

/// A connection for what has no illumos interface.
pub struct Control(OwnedFd);

impl Control {
    /// Connects to the kernel of a lab.
    #[must_use]
    pub fn connect(lab: &Lab) -> Self {
        let flags = SockFlag::SOCK_CLOEXEC;
        let fd = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).expect("a socket");
        let address = UnixAddr::new(&lab.path().join("control")).expect("a short name");
        connect(fd.as_raw_fd(), &address).expect("a lab listens");
        Self(fd)
    }

    /// Asks, and insists on an answer that is no error.
    #[must_use]
    pub fn ask(&self, question: &Value) -> Value {
        let fd = self.0.as_raw_fd();
        send(fd, question.to_string().as_bytes(), MsgFlags::MSG_NOSIGNAL).expect("a lab listens");
        let mut buffer = vec![0; 1 << 20];
        let len = recv(fd, &mut buffer, MsgFlags::empty()).expect("an answer");
        let mut answer: Value = serde_json::from_slice(&buffer[..len]).expect("JSON");
        let outcome = answer.get_mut("ok").map(Value::take);
        outcome.unwrap_or_else(|| panic!("refused: {answer}"))
    }
}
