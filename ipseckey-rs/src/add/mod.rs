// SPDX-License-Identifier: MIT OR Apache-2.0

//! `add`, `update` and `update-pair`: collecting the keywords.
//!
//! All words are read and all errors collected; if there is one, nothing is sent. A few
//! errors end the reading at once.

mod association;
mod ends;
mod names;
mod secrets;

use illumos_ipsec::model::{AlgProto, SaFlags, SaType};

use crate::build;
use crate::fields::Fields;
use crate::keyword::{self, Keyword};
use crate::line::Word;
use crate::program::Program;
use crate::session::{CommandResult, Session};
use crate::value;
use crate::verb::Verb;

/// Reads keywords and complains about them.
struct Reader<'a, 's, 'w> {
    session: &'a mut Session<'s>,
    verb: Verb,
    kind: SaType,
    words: std::slice::Iter<'w, Word>,
    /// Errors that are shown together.
    errors: String,
    /// Something wrong has been shown already.
    failed: bool,
    fields: Fields,
}

/// The reading has ended; the errors are to be shown.
struct Stop;

pub(crate) fn run(
    session: &mut Session,
    verb: Verb,
    kind: SaType,
    words: &[Word],
) -> CommandResult {
    let mut reader = Reader {
        session,
        verb,
        kind,
        words: words.iter(),
        errors: String::new(),
        failed: false,
        fields: Fields::default(),
    };
    let stopped = reader.read().is_err();
    if stopped || !reader.errors.is_empty() {
        reader.show_errors();
        return reader.session.failed();
    }
    let Reader { session, failed, fields, .. } = reader;
    build::run(session, verb, kind, fields, failed)
}

impl Reader<'_, '_, '_> {
    fn show_errors(&mut self) {
        if !self.errors.is_empty() {
            let text = std::mem::take(&mut self.errors);
            self.session.block(&text);
        }
    }

    fn error(&mut self, text: &str) {
        self.errors.push_str(text);
    }

    fn stop<T>(&mut self, text: &str) -> Result<T, Stop> {
        self.error(text);
        Err(Stop)
    }

    /// Shows a text at once; what is wrong beside it comes later.
    fn at_once(&mut self, text: &str) {
        self.session.block(text);
        self.failed = true;
    }

    fn read(&mut self) -> Result<(), Stop> {
        let tcpkey = self.session.settings.program == Program::Tcpkey;
        while let Some(word) = self.words.next() {
            match keyword::find(word.text(), tcpkey) {
                Some(keyword) => self.keyword(keyword, word)?,
                None => {
                    let shown = word.shown();
                    self.error(&format!("Unknown extension field \"{shown}\" \n"));
                }
            }
        }
        Ok(())
    }

    fn number(&mut self, most: u64) -> Result<u64, Stop> {
        let word = self.words.next();
        value::number(word, most).or_else(|text| self.stop(&text))
    }

    /// Only one value is allowed. What is said twice is skipped, or read as a keyword.
    fn single(&mut self, known: bool, what: &str, skip: bool) -> bool {
        if known {
            self.error(&format!("Can only specify single {what}.\n"));
            if skip {
                self.words.next();
            }
        }
        !known
    }

    fn keyword(&mut self, keyword: Keyword, word: &Word) -> Result<(), Stop> {
        match keyword {
            Keyword::Reserved => {
                let text = format!("Don't use extension {} for add/update.\n", word.shown());
                self.error(&text);
            }
            Keyword::Spi => {
                self.fields.has_sa = true;
                if self.single(self.fields.spi != 0, "SPI value", true) {
                    self.fields.spi = self.number(u32::MAX.into())? as u32;
                    if self.fields.spi == 0 {
                        self.error("Invalid SPI value \"0\" .\n");
                    }
                }
            }
            Keyword::PairSpi => self.pair_spi()?,
            Keyword::Replay => {
                self.fields.has_sa = true;
                if self.single(self.fields.replay != 0, "replay window size", true) {
                    self.fields.replay = self.number(u8::MAX.into())? as u8;
                    if self.fields.replay != 0 {
                        // Shown together with the errors so far.
                        let text = "WARNING:  Replay with manual keying considered harmful.\n";
                        self.failed |= !self.errors.is_empty();
                        self.error(text);
                        self.show_errors();
                    }
                }
            }
            Keyword::State => self.state()?,
            Keyword::AuthAlg => {
                self.fields.has_sa = true;
                if self.single(self.fields.auth != 0, "auth algorithm", true) {
                    self.fields.auth = self.algorithm(AlgProto::Ah)?;
                }
            }
            Keyword::EncrAlg => {
                self.fields.has_sa = true;
                if matches!(self.kind, SaType::AH | SaType::TCPSIG) {
                    let kind = self.kind.word().unwrap_or_default();
                    self.error(&format!("Cannot specify encryption with SA type {kind}.\n"));
                    self.words.next();
                } else if self.single(self.fields.encr != 0, "encryption algorithm", true) {
                    self.fields.encr = self.algorithm(AlgProto::Esp)?;
                }
            }
            Keyword::Encap => self.encap()?,
            Keyword::Inbound | Keyword::Outbound => {
                self.fields.has_sa = true;
                self.fields.flags |= match keyword {
                    Keyword::Inbound => SaFlags::INBOUND,
                    _ => SaFlags::OUTBOUND,
                };
            }
            Keyword::Lifetime(limit, amount) => self.lifetime(limit, amount)?,
            Keyword::Src(_)
            | Keyword::Dst(_)
            | Keyword::InnerSrc(_)
            | Keyword::InnerDst(_)
            | Keyword::NatLocal
            | Keyword::NatRemote => self.address(keyword)?,
            Keyword::SrcPort
            | Keyword::DstPort
            | Keyword::InnerSrcPort
            | Keyword::InnerDstPort
            | Keyword::NatLocalPort
            | Keyword::NatRemotePort => self.port(keyword)?,
            Keyword::Proto => {
                if self.single(self.fields.proto != 0, "protocol", false) {
                    self.fields.proto = self.number(u8::MAX.into())? as u8;
                }
            }
            Keyword::InnerProto => {
                if self.single(self.fields.inner_proto != 0, "inner protocol", false) {
                    self.fields.inner_proto = self.number(u8::MAX.into())? as u8;
                }
            }
            Keyword::ReservedBits => {
                if self.fields.encr_key.is_some() {
                    return self.stop("Reserved bits need to be specified before key.\n");
                }
                self.fields.reserved_bits = self.number(u16::MAX.into())? as u16;
            }
            Keyword::EncrKey => self.encr_key()?,
            Keyword::AuthKey => self.auth_key()?,
            Keyword::AuthString | Keyword::AuthStringHex => self.auth_string(keyword)?,
            Keyword::SrcIdentity
            | Keyword::SrcIdentityHex
            | Keyword::DstIdentity
            | Keyword::DstIdentityHex => self.identity(keyword)?,
            Keyword::ReplayValue => {
                if self.fields.replay_value == 0 {
                    self.fields.replay_value = self.number(u32::MAX.into())? as u32;
                } else {
                    self.error("Can only specify single replay value.");
                }
            }
            Keyword::Label | Keyword::OuterLabel | Keyword::ImplicitLabel => {
                self.label(keyword)?;
            }
        }
        Ok(())
    }
}
