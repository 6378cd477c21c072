// SPDX-License-Identifier: MIT OR Apache-2.0

//! Keys, and strings that are keys.

use illumos_ipsec::model::{SaType, Secret};
use illumos_ipsec::wire::key::{KeyExt, TCPSIG_MD5_KEY_LEN};
use zeroize::Zeroizing;

use super::{Reader, Stop};
use crate::fields::NULL;
use crate::keyword::Keyword;
use crate::value::{self, BadKey};

impl Reader<'_, '_, '_> {
    fn key(&mut self, invalid: &str) -> Result<KeyExt, Stop> {
        let word = self.words.next();
        match value::key(word) {
            Ok(key) => {
                if let Some(warning) = key.warning {
                    self.session.block(&warning);
                }
                Ok(KeyExt::new(key.bits, 0, key.bytes))
            }
            Err(BadKey::Only(text)) => self.stop(&text),
            Err(BadKey::Said(text)) => {
                self.at_once(&text);
                self.stop(invalid)
            }
        }
    }

    pub(super) fn encr_key(&mut self) -> Result<(), Stop> {
        if self.fields.encr == NULL {
            return self.stop("Cannot specify a key with NULL encryption algorithm.\n");
        }
        if self.fields.encr_key.is_some() {
            self.error("Can only specify a single encryption key.\n");
            return Ok(());
        }
        let mut key = self.key("Invalid encryption key.\n")?;
        key.reserved = self.fields.reserved_bits;
        self.fields.encr_key = Some(key);
        Ok(())
    }

    pub(super) fn auth_key(&mut self) -> Result<(), Stop> {
        if self.fields.auth_string.is_some() {
            self.error("Can only specify a single authentication key or string.\n");
            return Ok(());
        }
        if self.fields.auth_key.is_some() {
            self.error("Can only specify a single authentication key.\n");
            return Ok(());
        }
        self.fields.auth_key = Some(self.key("Invalid authentication key.\n")?);
        Ok(())
    }

    pub(super) fn auth_string(&mut self, keyword: Keyword) -> Result<(), Stop> {
        if self.kind != SaType::TCPSIG {
            self.error("An authentication string can only be specified for SA type tcpsig.\n");
            return Ok(());
        }
        if self.fields.auth_key.is_some() || self.fields.auth_string.is_some() {
            self.error("Can only specify a single authentication key or string.\n");
            return Ok(());
        }
        let Some(word) = self.words.next() else {
            return self.stop("Unexpected end of command line, was expecting a string.\n");
        };
        let octets = match keyword {
            Keyword::AuthString => Some(Zeroizing::new(word.text().to_vec())),
            _ => value::hex(word),
        };
        let Some(octets) = octets.filter(|octets| !octets.is_empty()) else {
            return self.stop("Expecting the octets of a string in hexadecimal digits.\n");
        };
        if octets.len() > TCPSIG_MD5_KEY_LEN {
            return self.stop(&format!(
                "Authentication string is too long, must be at most {TCPSIG_MD5_KEY_LEN} \
                 characters.\n"
            ));
        }
        let bits = (octets.len() * 8) as u16;
        let mut bytes = Vec::with_capacity(octets.len().next_multiple_of(8));
        bytes.extend_from_slice(&octets);
        bytes.resize(octets.len().next_multiple_of(8), 0);
        self.fields.auth_string = Some(KeyExt::new(bits, 0, Secret::from(bytes)));
        Ok(())
    }
}
