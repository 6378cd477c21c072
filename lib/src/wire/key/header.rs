// SPDX-License-Identifier: MIT OR Apache-2.0

//! The base message.

use super::consts::{MsgType, VERSION};
use super::diag::Diagnostic;
use crate::model::SaType;
use crate::wire::errno::Errno;
use crate::wire::frame::HEADER_LEN;

/// The header of a message (`struct sadb_msg`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Protocol version; the kernel does not look at it.
    pub version: u8,
    /// Message type.
    pub kind: MsgType,
    /// Error number of a reply.
    pub errno: Errno,
    /// Type of the association.
    pub satype: SaType,
    /// Length of the whole message in 64-bit words.
    pub len: u16,
    /// Diagnostic of a reply.
    pub diagnostic: Diagnostic,
    /// Sequence number, chosen by the client.
    pub seq: u32,
    /// Process id, chosen by the client.
    pub pid: u32,
}

impl Header {
    /// A request header with everything else zero.
    #[must_use]
    pub fn request(kind: MsgType, satype: SaType) -> Self {
        Self {
            version: VERSION,
            kind,
            errno: Errno::OK,
            satype,
            len: 0,
            diagnostic: Diagnostic::NONE,
            seq: 0,
            pid: 0,
        }
    }

    /// Reads a header; missing bytes count as zero.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let mut image = [0; HEADER_LEN];
        let n = bytes.len().min(HEADER_LEN);
        image[..n].copy_from_slice(&bytes[..n]);
        let [version, kind, errno, satype, l0, l1, d0, d1, s0, s1, s2, s3, p0, p1, p2, p3] = image;
        Self {
            version,
            kind: MsgType(kind),
            errno: Errno(errno),
            satype: SaType(satype),
            len: u16::from_ne_bytes([l0, l1]),
            diagnostic: Diagnostic(u16::from_ne_bytes([d0, d1])),
            seq: u32::from_ne_bytes([s0, s1, s2, s3]),
            pid: u32::from_ne_bytes([p0, p1, p2, p3]),
        }
    }

    /// The 16 bytes.
    #[must_use]
    pub fn bytes(&self) -> [u8; HEADER_LEN] {
        let mut image = [0; HEADER_LEN];
        image[..4].copy_from_slice(&[self.version, self.kind.0, self.errno.0, self.satype.0]);
        image[4..6].copy_from_slice(&self.len.to_ne_bytes());
        image[6..8].copy_from_slice(&self.diagnostic.0.to_ne_bytes());
        image[8..12].copy_from_slice(&self.seq.to_ne_bytes());
        image[12..].copy_from_slice(&self.pid.to_ne_bytes());
        image
    }
}
