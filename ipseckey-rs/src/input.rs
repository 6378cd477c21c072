// SPDX-License-Identifier: MIT OR Apache-2.0

//! Lines of standard input that is no terminal. What has been taken is wiped: the buffer of
//! the standard library would keep keys for as long as the program runs.

use std::io;
use std::ops::Range;

use nix::errno::Errno;
use nix::unistd::read;
use zeroize::{Zeroize, Zeroizing};

use crate::line::LONGEST;
use crate::terminal::Typed;

const ROOM: usize = 8192;

/// Standard input.
pub(crate) struct Input {
    buffer: Zeroizing<Vec<u8>>,
    /// What has been read and not been taken.
    filled: Range<usize>,
}

impl Input {
    pub(crate) fn new() -> Self {
        Self { buffer: Zeroizing::new(vec![0; ROOM]), filled: 0..0 }
    }

    /// The next line, or as much of it as shows that it is too long.
    pub(crate) fn next_line(&mut self) -> io::Result<Typed> {
        // Growing would leave a copy behind.
        let mut line = Zeroizing::new(Vec::with_capacity(LONGEST + ROOM));
        loop {
            if self.filled.is_empty() && !self.fill()? {
                return Ok(if line.is_empty() { Typed::End } else { Typed::Line(line) });
            }
            let waiting = &self.buffer[self.filled.clone()];
            let end = waiting.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
            let len = end.unwrap_or(waiting.len());
            if line.len() < LONGEST {
                line.extend_from_slice(&waiting[..len]);
            }
            let start = self.filled.start;
            self.buffer[start..start + len].zeroize();
            self.filled.start += len;
            if end.is_some() {
                return Ok(Typed::Line(line));
            }
        }
    }

    /// False at the end of the input.
    fn fill(&mut self) -> io::Result<bool> {
        loop {
            match read(io::stdin(), &mut self.buffer) {
                Ok(len) => {
                    self.filled = 0..len;
                    return Ok(len > 0);
                }
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}
