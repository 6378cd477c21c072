// SPDX-License-Identifier: MIT OR Apache-2.0

//! Bytes that nobody else is to see.

use std::fmt;

use zeroize::Zeroizing;

/// A key: wiped when it is dropped, never shown by `Debug`.
///
/// ```
/// use illumos_ipsec::model::Secret;
///
/// let key = Secret::from(vec![0xde, 0xad]);
/// assert_eq!(format!("{key:?}"), "Secret(2 bytes)");
/// assert_eq!(key.expose(), [0xde, 0xad]);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// The bytes. Whoever copies them wipes the copy.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Is there no byte?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<u8>> for Secret {
    /// Takes the bytes over; there is no other copy of them then.
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}
