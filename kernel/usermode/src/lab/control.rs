// SPDX-License-Identifier: MIT OR Apache-2.0

//! Asking the kernel of a lab what has no illumos interface.

use std::env;
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, sendmsg, socket,
};
use serde_json::Value;

use super::{LAB_VARIABLE, LabError};

/// The largest answer in bytes.
const ANSWER: usize = 1 << 20;

/// A connection to `DIR/control`.
pub(super) struct Control {
    path: PathBuf,
    socket: OwnedFd,
}

impl Control {
    /// Connects to a lab: the one in `dir`, or the one the environment names.
    pub(super) fn connect(dir: Option<&Path>) -> Result<Self, LabError> {
        let dir = match dir {
            Some(dir) => dir.to_owned(),
            None => env::var_os(LAB_VARIABLE)
                .filter(|dir| !dir.is_empty())
                .map(PathBuf::from)
                .ok_or(LabError::NotNamed)?,
        };
        let path = dir.join("control");
        let open = || -> nix::Result<OwnedFd> {
            let flags = SockFlag::SOCK_CLOEXEC;
            let fd = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
            connect(fd.as_raw_fd(), &UnixAddr::new(&path)?)?;
            Ok(fd)
        };
        match open() {
            Ok(socket) => Ok(Self { path, socket }),
            Err(errno) => Err(LabError::io("cannot reach", &path, errno.into())),
        }
    }

    /// Asks one question; gives the answer, or what the kernel has against it.
    pub(super) fn ask(&self, question: &Value) -> Result<Value, LabError> {
        let failed = |source| LabError::io("no answer from", &self.path, source);
        let text = question.to_string();
        let fd = self.socket.as_raw_fd();
        let slices = [IoSlice::new(text.as_bytes())];
        sendmsg::<()>(fd, &slices, &[], MsgFlags::MSG_NOSIGNAL, None)
            .map_err(|errno| failed(errno.into()))?;
        let mut buffer = vec![0; ANSWER];
        let len = recv(fd, &mut buffer, MsgFlags::empty()).map_err(|e| failed(e.into()))?;
        if len == 0 {
            return Err(failed(io::ErrorKind::UnexpectedEof.into()));
        }
        let mut answer: Value =
            serde_json::from_slice(&buffer[..len]).map_err(|error| failed(error.into()))?;
        match answer.get_mut("error") {
            Some(error) => Err(LabError::Refused(error.as_str().unwrap_or_default().to_owned())),
            None => Ok(answer.get_mut("ok").map(Value::take).unwrap_or_default()),
        }
    }
}
