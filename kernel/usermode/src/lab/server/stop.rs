// SPDX-License-Identifier: MIT OR Apache-2.0

//! Ending a server that runs in another thread.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};

use super::Server;

/// A server in a thread of its own. Dropping it ends the server.
pub struct Running {
    // Dropping this end makes the other end readable.
    stopper: Option<UnixStream>,
    thread: Option<JoinHandle<io::Result<Server>>>,
}

impl Server {
    /// Runs the server in a thread, until [`Running::stop`] or the drop of the result.
    pub fn spawn(mut self) -> io::Result<Running> {
        let (stopper, stop) = UnixStream::pair()?;
        let thread = thread::Builder::new().name("ipsec-lab".to_owned()).spawn(move || {
            self.run_until(&[stop.as_fd()])?;
            Ok(self)
        })?;
        Ok(Running { stopper: Some(stopper), thread: Some(thread) })
    }

    /// Runs the server until one of the descriptors in `stop` is readable or closed.
    pub fn run_until(&mut self, stop: &[BorrowedFd<'_>]) -> io::Result<()> {
        while !self.turn(None, stop)? {}
        Ok(())
    }
}

impl Running {
    /// Ends the server and gives it back, its connections still open.
    ///
    /// # Panics
    ///
    /// When the server has panicked.
    pub fn stop(mut self) -> io::Result<Server> {
        self.end().expect("a running server has a thread")
    }

    fn end(&mut self) -> Option<io::Result<Server>> {
        drop(self.stopper.take());
        let thread = self.thread.take()?;
        Some(match thread.join() {
            Ok(outcome) => outcome,
            Err(panic) if thread::panicking() => Err(io::Error::other(format!("{panic:?}"))),
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.end());
    }
}
