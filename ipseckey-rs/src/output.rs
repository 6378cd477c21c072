// SPDX-License-Identifier: MIT OR Apache-2.0

//! Standard output, and whether it has all that was written.

use std::io::{self, BufWriter, Write};

/// Where answers go.
pub(crate) struct Output {
    to: Box<dyn Write>,
    /// Why something of it is lost, if something is. What is behind that is not written.
    lost: Option<io::Error>,
}

impl Output {
    pub(crate) fn stdout() -> Self {
        Self { to: Box::new(BufWriter::new(io::stdout())), lost: None }
    }

    /// An output that nobody sees.
    pub(crate) fn nowhere() -> Self {
        Self { to: Box::new(io::sink()), lost: None }
    }

    pub(crate) fn write(&mut self, text: &[u8]) {
        self.attempt(|to| to.write_all(text));
    }

    /// Makes what has been written be seen.
    pub(crate) fn flush(&mut self) {
        self.attempt(Write::flush);
    }

    fn attempt(&mut self, act: impl FnOnce(&mut Box<dyn Write>) -> io::Result<()>) {
        if self.lost.is_none() {
            self.lost = act(&mut self.to).err();
        }
    }

    /// Is anything lost so far?
    pub(crate) fn is_whole(&self) -> bool {
        self.lost.is_none()
    }

    /// The end: everything is seen, or this is why not.
    pub(crate) fn finish(&mut self) -> Result<(), io::Error> {
        self.flush();
        self.lost.take().map_or(Ok(()), Err)
    }
}
