// SPDX-License-Identifier: MIT OR Apache-2.0

//! `add`, `update` and `update-pair`: collecting the keywords.
//!
//! All words are read and all errors collected; if there is one, nothing is sent. A few
//! errors end the reading at once.

use illumos_ipsec::model::{AlgProto, SaFlags, SaType, Secret};
use illumos_ipsec::wire::key::{IdentityExt, KeyExt, TCPSIG_MD5_KEY_LEN};
use zeroize::Zeroizing;

use crate::build;
use crate::fields::{Fields, NULL};
use crate::keyword::{self, Amount, Family, Keyword, Limit};
use crate::line::Word;
use crate::program::Program;
use crate::session::{CommandResult, Session};
use crate::value::{self, BadAddress, BadKey};
use crate::verb::Verb;

/// Reads keywords and complains about them.
pub(crate) struct Reader<'a, 's, 'w> {
    pub(crate) session: &'a mut Session<'s>,
    pub(crate) verb: Verb,
    pub(crate) kind: SaType,
    words: std::slice::Iter<'w, Word>,
    /// Errors that are shown together.
    pub(crate) errors: String,
    /// Something wrong has been shown already.
    pub(crate) failed: bool,
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
    // Said now, with the numbers that requests would have had.
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
            | Keyword::NatRemote => self.address(keyword, word)?,
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

    fn pair_spi(&mut self) -> Result<(), Stop> {
        self.fields.has_sa = true;
        if self.verb == Verb::UpdatePair {
            let text = "pair-spi can not be used with the \"update-pair\" command.\n";
            return self.stop(text);
        }
        if self.single(self.fields.pair_spi != 0, "pair SPI value", true) {
            self.fields.pair_spi = self.number(u32::MAX.into())? as u32;
            if self.fields.pair_spi == 0 {
                self.error("Invalid SPI value \"0\" .\n");
            }
            self.fields.flags |= SaFlags::PAIRED;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<(), Stop> {
        self.fields.has_sa = true;
        if !self.single(self.fields.state != 0, "SA state", true) {
            return Ok(());
        }
        let Some(word) = self.words.next() else {
            return self.stop("Unexpected end of command line was expecting a state.\n");
        };
        match value::state(word) {
            Some(0) => self.stop("WARNING: Cannot set LARVAL SA state.\n"),
            Some(state) => {
                self.fields.state = state;
                Ok(())
            }
            None => {
                let text = format!("Unknown state type \"{}\"\n", word.shown());
                self.stop(&text)
            }
        }
    }

    fn algorithm(&mut self, proto: AlgProto) -> Result<u8, Stop> {
        let word = self.words.next();
        match value::algorithm(&self.session.algs, self.kind, proto, word) {
            Err(text) => self.stop(&text),
            Ok(Err(text)) => {
                self.at_once(&text);
                Ok(0)
            }
            Ok(Ok(algorithm)) => {
                if let Some(warning) = algorithm.warning {
                    self.session.block(&warning);
                }
                Ok(algorithm.id)
            }
        }
    }

    fn encap(&mut self) -> Result<(), Stop> {
        self.fields.has_sa = true;
        if !self.single(self.fields.encap, "encapsulation", true) {
            return Ok(());
        }
        match self.words.next() {
            Some(word) if word.is("udp") => {
                self.fields.encap = true;
                Ok(())
            }
            Some(_) => {
                self.error("Can only specify udp encapsulation.\n");
                Ok(())
            }
            None => self.stop("Unexpected end of command line, was expecting udp.\n"),
        }
    }

    fn lifetime(&mut self, limit: Limit, amount: Amount) -> Result<(), Stop> {
        let known = match limit {
            Limit::Hard => &self.fields.hard,
            Limit::Soft => &self.fields.soft,
            Limit::Idle => &self.fields.idle,
        };
        let kind = if limit == Limit::Hard { "hard" } else { "soft" };
        let (known, what) = match amount {
            Amount::Allocations => (known.allocations != 0, format!("{kind} allocation limit")),
            Amount::Bytes => (known.bytes != 0, format!("{kind} byte limit")),
            Amount::AddTime => (known.addtime != 0, "past-add lifetime".to_owned()),
            Amount::UseTime => (known.usetime != 0, "past-use lifetime".to_owned()),
        };
        // Of an idle lifetime the last one counts.
        if limit != Limit::Idle && !self.single(known, &what, true) {
            return Ok(());
        }
        let most = match (limit, amount) {
            (Limit::Idle, _) | (_, Amount::Allocations) => u32::MAX.into(),
            _ => u64::MAX,
        };
        let value = self.number(most)?;
        let lifetime = match limit {
            Limit::Hard => &mut self.fields.hard,
            Limit::Soft => &mut self.fields.soft,
            Limit::Idle => &mut self.fields.idle,
        };
        match amount {
            Amount::Allocations => lifetime.allocations = value as u32,
            Amount::Bytes => lifetime.bytes = value,
            Amount::AddTime => lifetime.addtime = value,
            Amount::UseTime => lifetime.usetime = value,
        }
        Ok(())
    }

    fn address(&mut self, keyword: Keyword, _: &Word) -> Result<(), Stop> {
        let fields = &self.fields;
        let (known, once, unknown, family, inner) = match keyword {
            Keyword::Src(family) => {
                (fields.src.is_some(), "source address", "Unknown src address", family, false)
            }
            Keyword::Dst(family) => {
                (fields.dst.is_some(), "destination address", "Unknown dst address", family, false)
            }
            Keyword::InnerSrc(family) => (
                fields.inner_src.is_some(),
                "proxy/inner-source address",
                "Unknown proxy/inner-source address",
                family,
                true,
            ),
            Keyword::InnerDst(family) => (
                fields.inner_dst.is_some(),
                "inner-destination address",
                "Unknown Inner Src address ",
                family,
                true,
            ),
            Keyword::NatLocal => (
                fields.nat_local.is_some(),
                "NAT-T local address",
                "Unknown NAT-T local address",
                Family::Any,
                false,
            ),
            _ => (
                fields.nat_remote.is_some(),
                "NAT-T remote address",
                "Unknown NAT-T remote address",
                Family::Any,
                false,
            ),
        };
        if !self.single(known, once, false) {
            return Ok(());
        }
        let word = self.words.as_slice().first();
        let numeric = self.session.settings.numeric;
        let address = match value::address(&self.session.names, numeric, word, family, inner) {
            Ok(address) => address,
            Err(BadAddress::Missing(text)) => return self.stop(&text),
            Err(BadAddress::Prefix(text)) => {
                self.words.next();
                self.error(&text);
                return Ok(());
            }
            // The word is looked at once more, as a keyword.
            Err(BadAddress::Unknown(text)) => {
                let shown = word.map(Word::shown).unwrap_or_default();
                self.at_once(&text);
                self.error(&format!("{unknown} \"{shown}\"\n"));
                return Ok(());
            }
        };
        self.words.next();
        let place = match keyword {
            Keyword::Src(_) => &mut self.fields.src,
            Keyword::Dst(_) => &mut self.fields.dst,
            Keyword::InnerSrc(_) => &mut self.fields.inner_src,
            Keyword::InnerDst(_) => &mut self.fields.inner_dst,
            Keyword::NatLocal => &mut self.fields.nat_local,
            _ => &mut self.fields.nat_remote,
        };
        *place = Some(address);
        Ok(())
    }

    fn port(&mut self, keyword: Keyword) -> Result<(), Stop> {
        let fields = &self.fields;
        let (known, what) = match keyword {
            Keyword::SrcPort => (fields.src_port, "source port"),
            Keyword::DstPort => (fields.dst_port, "destination port"),
            Keyword::InnerSrcPort => (fields.inner_src_port, "inner-source port"),
            Keyword::InnerDstPort => (fields.inner_dst_port, "inner-destination port"),
            Keyword::NatLocalPort => (fields.nat_local_port, "NAT-T local port"),
            _ => (fields.nat_remote_port, "NAT-T remote port"),
        };
        if !self.single(known != 0, what, false) {
            return Ok(());
        }
        let port = self.number(u16::MAX.into())? as u16;
        let fields = &mut self.fields;
        let place = match keyword {
            Keyword::SrcPort => &mut fields.src_port,
            Keyword::DstPort => &mut fields.dst_port,
            Keyword::InnerSrcPort => &mut fields.inner_src_port,
            Keyword::InnerDstPort => &mut fields.inner_dst_port,
            Keyword::NatLocalPort => &mut fields.nat_local_port,
            _ => &mut fields.nat_remote_port,
        };
        *place = port;
        Ok(())
    }

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

    fn encr_key(&mut self) -> Result<(), Stop> {
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

    fn auth_key(&mut self) -> Result<(), Stop> {
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

    fn auth_string(&mut self, keyword: Keyword) -> Result<(), Stop> {
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

    fn identity(&mut self, keyword: Keyword) -> Result<(), Stop> {
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

    fn label(&mut self, keyword: Keyword) -> Result<(), Stop> {
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
