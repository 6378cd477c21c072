// SPDX-License-Identifier: MIT OR Apache-2.0

//! Holding signals back while a change is under way.

use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};

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
