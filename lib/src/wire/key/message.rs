// SPDX-License-Identifier: MIT OR Apache-2.0

//! A whole message as a value.

use zeroize::Zeroizing;

use super::consts::{ExtType, MsgType};
use super::ext::Ext;
use super::fields::{AddressExt, KeyExt, SaExt};
use super::header::Header;
use super::{FrameError, HEADER_LEN};
use crate::model::{Lifetime, Namespace, SaType};
use crate::wire::message::message;
use crate::wire::namespace::NamespaceExt;

message! { request(satype: SaType) }

impl Message {
    /// The bytes, with the length field filled in. They are wiped when they are dropped.
    ///
    /// # Panics
    ///
    /// If the message is longer than its length field can say (524,280 bytes).
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::default();
        self.write(&mut out);
        out
    }

    /// The SA extension.
    #[must_use]
    pub fn sa(&self) -> Option<&SaExt> {
        self.exts.iter().find_map(|ext| match ext {
            Ext::Sa(sa) => Some(sa),
            _ => None,
        })
    }

    /// An address extension.
    #[must_use]
    pub fn address(&self, kind: ExtType) -> Option<&AddressExt> {
        self.exts.iter().find_map(|ext| match ext {
            Ext::Address(role, address) if *role == kind => Some(address),
            _ => None,
        })
    }

    /// A lifetime extension.
    #[must_use]
    pub fn lifetime(&self, kind: ExtType) -> Option<&Lifetime> {
        self.exts.iter().find_map(|ext| match ext {
            Ext::Lifetime(role, lifetime) if *role == kind => Some(lifetime),
            _ => None,
        })
    }

    /// The namespace that it names.
    #[must_use]
    pub fn namespace(&self) -> Option<&Namespace> {
        self.exts.iter().find_map(|ext| match ext {
            Ext::Namespace(NamespaceExt::Name(name)) => Some(name),
            _ => None,
        })
    }

    /// A key extension.
    #[must_use]
    pub fn key(&self, kind: ExtType) -> Option<&KeyExt> {
        self.exts.iter().find_map(|ext| match ext {
            Ext::Key(role, key) if *role == kind => Some(key),
            _ => None,
        })
    }
}
