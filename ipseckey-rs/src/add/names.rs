// SPDX-License-Identifier: MIT OR Apache-2.0

//! Who is at the ends, and how sensitive it is: identities and labels.

use illumos_ipsec::wire::key::IdentityExt;
use zeroize::Zeroizing;

use super::{Reader, Stop};
use crate::keyword::Keyword;
use crate::value;

impl Reader<'_, '_, '_> {
    pub(super) fn identity(&mut self, keyword: Keyword) -> Result<(), Stop> {
        let source = matches!(keyword, Keyword::SrcIdentity | Keyword::SrcIdentityHex);
        let (known, what, missing) = match source {
            true => (
                self.fields.src_identity.is_some(),
                "source certificate identity",
                "Unexpected end of command line - Expecting Src Type.\n",
            ),
            false => (
                self.fields.dst_identity.is_some(),
                "destination certificate identity",
                "Unexpected end of command line - expecting dst type.\n",
            ),
        };
        if !self.single(known, what, false) {
            return Ok(());
        }
        let [kind, name, ..] = self.words.as_slice() else {
            if source {
                return self.stop(missing);
            }
            self.error(missing);
            return Ok(());
        };
        let kind_number = value::identity_type(kind);
        if kind_number.is_none() {
            let text = format!("Unknown identity type \"{}\"\n", kind.shown());
            self.session.block(&text);
        }
        let hex = matches!(keyword, Keyword::SrcIdentityHex | Keyword::DstIdentityHex);
        let octets =
            if hex { value::hex(name) } else { Some(Zeroizing::new(name.text().to_vec())) };
        let Some(octets) = octets else {
            return self.stop("Expecting a name in hexadecimal digits.\n");
        };
        let identity = IdentityExt::new(kind_number.unwrap_or(0), &octets);
        self.words.next();
        self.words.next();
        match source {
            true => self.fields.src_identity = Some(identity),
            false => self.fields.dst_identity = Some(identity),
        }
        Ok(())
    }

    pub(super) fn label(&mut self, keyword: Keyword) -> Result<(), Stop> {
        let Some(word) = self.words.next() else {
            return self.stop("Unexpected end of command line, was expecting a label.\n");
        };
        let Some(label) = value::label(word) else {
            return self.stop("Malformed security label\n");
        };
        match keyword {
            Keyword::Label => self.fields.label = Some(label),
            _ => self.fields.outer_label = Some((label, keyword == Keyword::ImplicitLabel)),
        }
        Ok(())
    }
}
