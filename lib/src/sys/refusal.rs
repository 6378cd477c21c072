// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a kernel says when it does not do what it is asked.

use std::error::Error;
use std::fmt::{self, Debug, Display};

use crate::wire::errno::Errno;

/// An error reply, with the message types `K` and the diagnostics `D` of a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal<K, D> {
    /// The request.
    pub request: K,
    /// Error number.
    pub errno: Errno,
    /// More about it; the default is that there is no more.
    pub diagnostic: D,
}

impl<K: Display, D: Display + Default + PartialEq> Display for Refusal<K, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.request, self.errno)?;
        if self.diagnostic != D::default() {
            write!(f, ": {}", self.diagnostic)?;
        }
        Ok(())
    }
}

impl<K: Debug + Display, D: Debug + Display + Default + PartialEq> Error for Refusal<K, D> {}
