// SPDX-License-Identifier: MIT OR Apache-2.0

//! Why a request failed.

use std::io;

use crate::wire::errno::Errno;
use crate::wire::policy::{Diagnostic, MAX_REQUEST, MsgType};

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The message could not be sent.
    #[error("{request}: cannot write to PF_POLICY: {source}")]
    Send {
        /// The request.
        request: MsgType,
        /// The reason.
        source: io::Error,
    },
    /// The reply could not be read.
    #[error("{request}: cannot read from PF_POLICY: {source}")]
    Receive {
        /// The request.
        request: MsgType,
        /// The reason.
        source: io::Error,
    },
    /// The kernel refused.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The reply cannot be understood.
    #[error("{request}: bad reply from PF_POLICY: {reason}")]
    BadReply {
        /// The request.
        request: MsgType,
        /// What is wrong with it.
        reason: String,
    },
    /// The request does not fit into one message.
    #[error("{request}: a request of {len} bytes is too large, the limit is {MAX_REQUEST}")]
    TooLarge {
        /// The request.
        request: MsgType,
        /// Its size in bytes.
        len: usize,
    },
}

impl PolicyError {
    /// Did the policy change while it was read?
    #[must_use]
    pub fn is_eagain(&self) -> bool {
        self.refusal().is_some_and(|refusal| refusal.errno == Errno::EAGAIN)
    }

    /// The kernel's refusal, if that is what it is.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused(refusal) => Some(*refusal),
            _ => None,
        }
    }
}

/// An error reply of `PF_POLICY`.
pub type Refusal = super::super::Refusal<MsgType, Diagnostic>;
