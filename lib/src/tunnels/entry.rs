// SPDX-License-Identifier: MIT OR Apache-2.0

//! The stored form of a tunnel.
//!
//! | attribute | value |
//! |---|---|
//! | `type` | number of the type; of a secure tunnel the string `ipv4-secure` or `ipv6-secure` |
//! | `laddr`, `raddr` | address or host name, as typed |
//!
//! A stock `dladm` has room for a number of eight bytes where it reads `type`. The string
//! is longer, so the read fails ("buffer size too small"), and the tunnel is neither
//! brought up nor shown with `-P` nor modified; it can be deleted. So it cannot come up
//! without its requirement. Source: `dladm_get_conf_field` of libdladm.

use crate::model::TunnelType;
use crate::wire::dlmgmt::AttrValue;

/// Name of the attribute with the type.
pub(super) const TYPE: &str = "type";
/// Name of the attribute with the local address.
pub(super) const LOCAL: &str = "laddr";
/// Name of the attribute with the remote address.
pub(super) const REMOTE: &str = "raddr";

/// What follows the word of the type in a secure tunnel.
const SECURE: &str = "-secure";

/// What is stored of a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Type.
    pub kind: TunnelType,
    /// IPsec is required.
    pub secure: bool,
    /// Local address or host name.
    pub local: Option<Vec<u8>>,
    /// Remote address or host name.
    pub remote: Option<Vec<u8>>,
}

/// What is stored is no tunnel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// There is no type.
    #[error("the stored entry has no tunnel type")]
    NoType,
    /// The type is none.
    #[error("the stored tunnel type {0:?} is unknown")]
    UnknownType(bstr::BString),
}

impl Entry {
    /// From stored attributes.
    pub fn from_stored(attrs: &[(Vec<u8>, Vec<u8>)]) -> Result<Self, EntryError> {
        let find = |key: &str| {
            let found = attrs.iter().find(|(name, _)| name == key.as_bytes());
            found.map(|(_, value)| value.as_slice())
        };
        let stored = find(TYPE).ok_or(EntryError::NoType)?;
        let (kind, secure) =
            read_type(stored).ok_or_else(|| EntryError::UnknownType(stored.into()))?;
        let text = |key| find(key).map(|value| without_nul(value).to_vec());
        Ok(Self { kind, secure, local: text(LOCAL), remote: text(REMOTE) })
    }

    /// As attributes.
    #[must_use]
    pub(super) fn to_stored(&self) -> Vec<(&'static str, AttrValue)> {
        let kind = if self.secure {
            AttrValue::Str(format!("{}{SECURE}", self.kind.word()).into_bytes())
        } else {
            AttrValue::U64(self.kind.number().into())
        };
        let text = |key, value: &Option<Vec<u8>>| {
            value.as_ref().map(|value| (key, AttrValue::Str(value.clone())))
        };
        let mut attrs = vec![(TYPE, kind)];
        attrs.extend(text(LOCAL, &self.local));
        attrs.extend(text(REMOTE, &self.remote));
        attrs
    }
}

/// A number has eight bytes. No string of this form has.
fn read_type(stored: &[u8]) -> Option<(TunnelType, bool)> {
    if let Ok(number) = <[u8; 8]>::try_from(stored) {
        let number = u32::try_from(u64::from_le_bytes(number)).ok()?;
        return Some((TunnelType::from_number(number)?, false));
    }
    let word = std::str::from_utf8(without_nul(stored)).ok()?.strip_suffix(SECURE)?;
    let kind = TunnelType::ALL.into_iter().find(|kind| kind.word() == word)?;
    Some((kind, true)).filter(|(kind, _)| *kind != TunnelType::SixToFour)
}

fn without_nul(value: &[u8]) -> &[u8] {
    value.strip_suffix(&[0]).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secure_type_does_not_fit_where_a_number_is_read() {
        for kind in [TunnelType::Ipv4, TunnelType::Ipv6] {
            for secure in [false, true] {
                let entry = Entry { kind, secure, local: Some(b"a".to_vec()), remote: None };
                let stored: Vec<(Vec<u8>, Vec<u8>)> = entry
                    .to_stored()
                    .into_iter()
                    .map(|(name, value)| (name.as_bytes().to_vec(), value.bytes()))
                    .collect();
                assert_eq!(stored[0].1.len() > 8, secure);
                assert_eq!(Entry::from_stored(&stored), Ok(entry));
            }
        }
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for value in
            [&b""[..], b"6to4-secure\0", b"ipv4\0", b"-secure\0", &[9, 0, 0, 0, 0, 0, 0, 0]]
        {
            let stored = [(b"type".to_vec(), value.to_vec())];
            let refused = Entry::from_stored(&stored);
            assert!(matches!(refused, Err(EntryError::UnknownType(_))), "{value:?}");
        }
        assert_eq!(Entry::from_stored(&[]), Err(EntryError::NoType));
    }
}
