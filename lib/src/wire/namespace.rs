// SPDX-License-Identifier: MIT OR Apache-2.0

//! The extension that says who a request is for; the same in both protocols.
//!
//! ```text
//! 0  length in words of 8 bytes, 2 to 33
//! 2  type, 256
//! 4  length of the name, 0 to 255
//! 6  flags: bit 0 any, the others 0
//! 8  name, NUL, NUL to a multiple of 8
//! ```
//!
//! Source: `spec/kernel-hooks.md` section 4.3.

use crate::model::Namespace;

/// The extension's type in `PF_POLICY` and in `PF_KEY`. An unmodified kernel refuses it
/// in every message.
pub const NAMESPACE: u16 = 256;

/// Bit of the flags: a dump of all records, tagged ones with their tags.
const ANY: u16 = 1;

/// What the extension says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamespaceExt {
    /// One namespace.
    Name(Namespace),
    /// Whatever namespace; for dumps only.
    Any,
}

impl NamespaceExt {
    /// Reads an extension with its own header; `None` if it is malformed in any way.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
        let (len, flags) = (usize::from(number(4)?), number(6)?);
        let field = bytes.get(8..)?;
        let (name, padding) = field.split_at_checked(len)?;
        let smallest = (len + 1).next_multiple_of(8);
        if field.len() != smallest || padding.iter().any(|&byte| byte != 0) {
            return None;
        }
        match flags {
            ANY if len == 0 => Some(Self::Any),
            0 => Namespace::new(name).ok().map(Self::Name),
            _ => None,
        }
    }

    fn name(&self) -> &[u8] {
        match self {
            Self::Name(namespace) => namespace.as_str().as_bytes(),
            Self::Any => b"",
        }
    }

    /// Bytes of the encoded extension.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        8 + (self.name().len() + 1).next_multiple_of(8)
    }

    /// Appends what follows length and type, without the padding.
    pub(super) fn encode_body(&self, out: &mut Vec<u8>) {
        let name = self.name();
        let flags = if *self == Self::Any { ANY } else { 0 };
        // A namespace has at most 255 bytes.
        out.extend_from_slice(&(name.len() as u16).to_ne_bytes());
        out.extend_from_slice(&flags.to_ne_bytes());
        out.extend_from_slice(name);
    }
}

impl std::fmt::Display for NamespaceExt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(namespace) => write!(f, "namespace {namespace}"),
            Self::Any => f.write_str("any namespace"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{key, policy};

    /// The example of the specification.
    const EXAMPLE: [u8; 40] = *b"\x05\0\0\x01\x18\0\0\0svc:/network/vpn:tenant1\0\0\0\0\0\0\0\0";

    #[test]
    #[cfg(target_endian = "little")]
    fn the_example_in_both_protocols() {
        let namespace = Namespace::new("svc:/network/vpn:tenant1").unwrap();
        let ext = NamespaceExt::Name(namespace);
        assert_eq!(NamespaceExt::decode(&EXAMPLE), Some(ext.clone()));
        let mut out = Vec::new();
        policy::Ext::Namespace(ext.clone()).encode(&mut out);
        assert_eq!(out, EXAMPLE);
        out.clear();
        key::Ext::Namespace(ext).encode(&mut out);
        assert_eq!(out, EXAMPLE);
        let mut any = Vec::new();
        policy::Ext::Namespace(NamespaceExt::Any).encode(&mut any);
        assert_eq!(any, b"\x02\0\0\x01\0\0\x01\0\0\0\0\0\0\0\0\0");
        assert_eq!(NamespaceExt::decode(&any), Some(NamespaceExt::Any));
    }

    #[test]
    fn every_length_and_every_malformed_byte() {
        for len in 1..=255 {
            let ext = NamespaceExt::Name(Namespace::new("n".repeat(len)).unwrap());
            let mut bytes = Vec::new();
            policy::Ext::Namespace(ext.clone()).encode(&mut bytes);
            assert_eq!(bytes.len() / 8, 1 + (len + 1).div_ceil(8));
            assert_eq!(NamespaceExt::decode(&bytes), Some(ext));
            let cut = &bytes[..bytes.len() - 8];
            assert_eq!(NamespaceExt::decode(cut), None);
            assert_eq!(NamespaceExt::decode(&[&bytes[..], &[0; 8]].concat()), None);
        }
        let spoiled = |at: usize, byte: u8| {
            let mut bytes = EXAMPLE;
            bytes[at] = byte;
            NamespaceExt::decode(&bytes)
        };
        // Length, flags, a bad first byte, a blank, a NUL inside, no NUL, padding.
        for (at, byte) in [
            (4, 23),
            (4, 25),
            (6, 1),
            (6, 2),
            (7, 1),
            (8, b'*'),
            (9, b' '),
            (9, 0),
            (32, 1),
            (39, 1),
        ] {
            assert_eq!(spoiled(at, byte), None, "byte {at} is {byte}");
        }
        assert_eq!(NamespaceExt::decode(&EXAMPLE[..7]), None);
        assert_eq!(NamespaceExt::decode(b"\x02\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0"), None);
    }
}
