// SPDX-License-Identifier: MIT OR Apache-2.0

//! The name of an owner of rules and associations.

use std::fmt;
use std::sync::Arc;

/// A namespace: who a rule or an association belongs to.
///
/// 1 to 255 bytes from `!` to `~`, the first one a letter or digit. Compared byte by byte;
/// nothing is ever repaired or normalised. It is no security boundary: whoever may
/// configure IPsec may use any. The name of the service is a good one.
///
/// ```
/// use illumos_ipsec::model::Namespace;
///
/// let namespace = Namespace::new("svc:/network/vpn:tenant1")?;
/// assert_eq!(namespace.to_string(), "svc:/network/vpn:tenant1");
/// assert!(Namespace::new("two words").is_err());
/// # Ok::<(), illumos_ipsec::model::BadNamespace>(())
/// ```
///
/// Source: `spec/kernel-hooks.md` section 4.3.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Namespace(Arc<str>);

/// Why some bytes are no namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadNamespace {
    /// No bytes at all.
    #[error("a namespace cannot be empty")]
    Empty,
    /// More than 255 bytes.
    #[error("a namespace has at most {} bytes, this one has {len}", Namespace::MAX)]
    TooLong {
        /// Bytes in the name.
        len: usize,
    },
    /// It begins with something else than a letter or digit.
    #[error("a namespace begins with a letter or digit, not with '{}'", byte.escape_ascii())]
    First {
        /// The byte found.
        byte: u8,
    },
    /// A byte that it cannot have.
    #[error(
        "a namespace has printable ASCII characters without blanks only, byte {at} is '{}'",
        byte.escape_ascii()
    )]
    Byte {
        /// Where, from 1.
        at: usize,
        /// The byte found.
        byte: u8,
    },
}

impl Namespace {
    /// The longest name in bytes.
    pub const MAX: usize = 255;

    /// Checks and takes over a name.
    pub fn new(name: impl AsRef<[u8]>) -> Result<Self, BadNamespace> {
        let name = name.as_ref();
        match name {
            [] => return Err(BadNamespace::Empty),
            _ if name.len() > Self::MAX => return Err(BadNamespace::TooLong { len: name.len() }),
            [byte, ..] if !byte.is_ascii_alphanumeric() => {
                return Err(BadNamespace::First { byte: *byte });
            }
            _ => {}
        }
        if let Some(at) = name.iter().position(|byte| !(b'!'..=b'~').contains(byte)) {
            return Err(BadNamespace::Byte { at: at + 1, byte: name[at] });
        }
        // Printable ASCII is UTF-8.
        Ok(Self(String::from_utf8_lossy(name).into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let longest = "x".repeat(255);
        for good in ["a", "0", "svc:/network/vpn:tenant1", "a!~", &longest] {
            assert_eq!(Namespace::new(good).unwrap().as_str(), good);
        }
        assert_eq!(Namespace::new(""), Err(BadNamespace::Empty));
        assert_eq!(Namespace::new("x".repeat(256)), Err(BadNamespace::TooLong { len: 256 }));
        for (bad, byte) in [("*", b'*'), (" a", b' '), ("/a", b'/'), ("-N", b'-')] {
            assert_eq!(Namespace::new(bad), Err(BadNamespace::First { byte }));
        }
        for (bad, at, byte) in [("a b", 2, b' '), ("ab\x7f", 3, 0x7f), ("a\0", 2, 0)] {
            assert_eq!(Namespace::new(bad), Err(BadNamespace::Byte { at, byte }));
        }
        assert!(Namespace::new("caf\u{e9}").is_err());
        assert_ne!(Namespace::new("svc:/a:b"), Namespace::new("svc:/a:b/"));
    }
}
