// SPDX-License-Identifier: MIT OR Apache-2.0

//! A terminal of a given size as standard output.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;

use nix::pty::{Winsize, openpty};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};

use super::case::Window;

/// Both ends of a terminal.
pub(super) struct Terminal {
    ours: File,
    theirs: OwnedFd,
}

impl Terminal {
    pub(super) fn new(window: Window) -> io::Result<Self> {
        let Window { rows, cols } = window;
        let size = Winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None)?;
        // Newlines are to arrive as they were written.
        let mut modes = tcgetattr(&pty.slave)?;
        cfmakeraw(&mut modes);
        tcsetattr(&pty.slave, SetArg::TCSANOW, &modes)?;
        Ok(Self { ours: File::from(pty.master), theirs: pty.slave })
    }

    /// The end for the command.
    pub(super) fn for_command(&self) -> io::Result<OwnedFd> {
        self.theirs.try_clone()
    }

    /// What has been written, when nobody else has the terminal open any more.
    pub(super) fn read_all(self) -> io::Result<Vec<u8>> {
        drop(self.theirs);
        let (mut ours, mut text) = (self.ours, Vec::new());
        match ours.read_to_end(&mut text) {
            // So Linux tells that the other end is closed.
            Err(error) if error.raw_os_error() == Some(nix::libc::EIO) => Ok(text),
            outcome => outcome.map(|_| text),
        }
    }
}
