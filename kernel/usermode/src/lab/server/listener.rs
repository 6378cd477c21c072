// SPDX-License-Identifier: MIT OR Apache-2.0

//! The listening sockets of a lab directory.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, UnixAddr, sockopt};
use nix::sys::stat::{Mode, fchmod};

use super::interface::Interface;
use crate::lab::LabError;

/// Send buffer of a connection. The largest dump record has about 290 KB; Linux
/// doubles the number and takes what its limit allows.
const SEND_BUFFER: usize = 512 * 1024;

/// A listening socket; its file is removed when it is dropped.
pub(super) struct Listener {
    pub(super) interface: &'static Interface,
    // `UnixListener::accept` is `accept4` on any listening socket, whatever its type.
    socket: UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Binds the socket of `interface` in `dir`, in place of one that a crashed server
    /// has left. The caller holds the lock of the directory.
    pub(super) fn bind(dir: &Path, interface: &'static Interface) -> Result<Self, LabError> {
        let path = dir.join(interface.name);
        let failed = |source: io::Error| LabError::io("cannot listen on", &path, source);
        remove_stale(&path).map_err(failed)?;
        let address =
            UnixAddr::new(&path).map_err(|_| LabError::NameTooLong { path: path.clone() })?;
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let listen = || -> nix::Result<UnixListener> {
            let fd = socket::socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
            // The file gets the mode of the socket, whatever the umask is.
            fchmod(&fd, Mode::S_IRUSR | Mode::S_IWUSR)?;
            socket::bind(fd.as_raw_fd(), &address)?;
            socket::listen(&fd, Backlog::MAXCONN)?;
            Ok(UnixListener::from(fd))
        };
        let socket = listen().map_err(|errno| failed(errno.into()))?;
        Ok(Self { interface, socket, path })
    }

    /// The next waiting connection.
    pub(super) fn accept(&self) -> io::Result<UnixStream> {
        let (stream, _) = self.socket.accept()?;
        socket::setsockopt(&stream, sockopt::SndBuf, &SEND_BUFFER)?;
        Ok(stream)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes a socket; anything else of that name stays, and binding reports it.
fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path),
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
