// SPDX-License-Identifier: MIT OR Apache-2.0

//! The two shapes of a reply: a bare header on failure, the request on success.

use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::policy::{Diagnostic, HEADER_LEN, Header, MsgType};

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    errno: Errno,
    diagnostic: Diagnostic,
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self { errno, diagnostic: Diagnostic::NONE }
    }
}

impl From<Diagnostic> for Refusal {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { errno: Errno::EINVAL, diagnostic }
    }
}

impl Refusal {
    /// A rule of somebody else is in the way.
    pub(super) fn conflict() -> Self {
        Self { errno: Errno::EEXIST, diagnostic: Diagnostic::NAMESPACE_CONFLICT }
    }

    /// The reply to a refused request: its header, and zeroes where it has none.
    pub(super) fn reply(self, request: &[u8]) -> Vec<u8> {
        let mut header = Header::read(request);
        if header.kind.0 > MsgType::MAX {
            header.kind = MsgType::RESERVED;
        }
        header.len = (HEADER_LEN / 8) as u16;
        header.errno = self.errno;
        header.diagnostic = self.diagnostic;
        header.bytes().to_vec()
    }
}

/// Overwrites bytes of a request that is going to be echoed; what would lie behind its
/// end is left out.
pub(super) fn patch(message: &mut [u8], at: usize, bytes: &[u8]) {
    let end = (at + bytes.len()).min(message.len());
    if at < end {
        message[at..end].copy_from_slice(&bytes[..end - at]);
    }
}
