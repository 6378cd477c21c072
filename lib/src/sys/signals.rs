// SPDX-License-Identifier: MIT OR Apache-2.0

//! Holding signals back while a change is under way.

use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};

/// Blocks every signal that can be blocked until it is dropped.
#[derive(Debug)]
pub struct SignalsBlocked {
    old: SigSet,
}

impl SignalsBlocked {
    /// Starts blocking.
    #[must_use]
    pub fn new() -> Self {
        let mut old = SigSet::empty();
        // Setting a mask fails only for an unknown `how`.
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut old));
        Self { old }
    }
}

impl Default for SignalsBlocked {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.old), None);
    }
}

/// Holds back interrupts from the keyboard until it is dropped.
#[derive(Debug)]
pub struct InterruptHeldBack {
    old: SigSet,
}

impl InterruptHeldBack {
    /// Starts holding back.
    #[must_use]
    pub fn new() -> Self {
        let mut old = SigSet::empty();
        // Setting a mask fails only for an unknown `how`.
        let _ = sigprocmask(SigmaskHow::SIG_BLOCK, Some(&sigint()), Some(&mut old));
        Self { old }
    }
}

impl Default for InterruptHeldBack {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for InterruptHeldBack {
    fn drop(&mut self) {
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.old), None);
    }
}

/// Interrupts from the keyboard as something to wait for: until this is dropped, SIGINT does
/// not end the process, but makes a descriptor readable.
#[derive(Debug)]
pub struct Interrupts {
    reader: std::io::PipeReader,
    _held_back: InterruptHeldBack,
}

impl Interrupts {
    /// Starts catching.
    pub fn catch() -> std::io::Result<Self> {
        let (reader, mut writer) = std::io::pipe()?;
        let held_back = InterruptHeldBack::new();
        // A thread inherits what is blocked, so it is the one that gets the signal.
        std::thread::Builder::new().name("interrupts".to_owned()).spawn(move || {
            if sigint().wait().is_ok() {
                // If nobody is there to read, nobody has to know.
                let _ = writer.write_all(b"!");
            }
        })?;
        Ok(Self { reader, _held_back: held_back })
    }

    /// Readable once there was an interrupt.
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

fn sigint() -> SigSet {
    let mut only = SigSet::empty();
    only.add(Signal::SIGINT);
    only
}
