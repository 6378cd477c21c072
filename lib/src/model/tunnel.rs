// SPDX-License-Identifier: MIT OR Apache-2.0

//! The name of an IP tunnel link.

use std::fmt;

use bstr::BStr;

/// The name under which the kernel keeps the policy of one tunnel.
///
/// 1 to 31 bytes without NUL. The kernel accepts any such bytes (a rule may be
/// added before a link of that name exists); whether a *link* can have the name
/// is a question for the link registry.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TunnelName(Box<[u8]>);

/// Why some bytes are no tunnel name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTunnelName {
    /// No bytes at all; on the wire an empty name means "every policy head".
    #[error("a tunnel name cannot be empty")]
    Empty,
    /// More than 31 bytes.
    #[error("a tunnel name has at most {} bytes, this one has {len}", TunnelName::MAX)]
    TooLong {
        /// Bytes in the name.
        len: usize,
    },
    /// A NUL byte inside.
    #[error("a tunnel name cannot contain a NUL byte")]
    Nul,
}

impl TunnelName {
    /// The longest name in bytes (`LIFNAMSIZ` less its NUL).
    pub const MAX: usize = 31;

    /// Checks and takes over a name.
    pub fn new(name: impl AsRef<[u8]>) -> Result<Self, BadTunnelName> {
        let name = name.as_ref();
        match name.len() {
            0 => Err(BadTunnelName::Empty),
            len if len > Self::MAX => Err(BadTunnelName::TooLong { len }),
            _ if name.contains(&0) => Err(BadTunnelName::Nul),
            _ => Ok(Self(name.into())),
        }
    }

    /// The bytes of the name, without a NUL.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for TunnelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(BStr::new(&self.0), f)
    }
}

impl fmt::Debug for TunnelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(BStr::new(&self.0), f)
    }
}
