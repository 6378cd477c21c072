// SPDX-License-Identifier: MIT OR Apache-2.0

//! Keywords of the association itself that need more than a line, and of its lifetimes.

use illumos_ipsec::model::{AlgProto, SaFlags};

use super::{Reader, Stop};
use crate::keyword::{Amount, Limit};
use crate::value;
use crate::verb::Verb;

impl Reader<'_, '_, '_> {
    pub(super) fn pair_spi(&mut self) -> Result<(), Stop> {
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

    pub(super) fn state(&mut self) -> Result<(), Stop> {
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

    pub(super) fn algorithm(&mut self, proto: AlgProto) -> Result<u8, Stop> {
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

    pub(super) fn encap(&mut self) -> Result<(), Stop> {
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

    pub(super) fn lifetime(&mut self, limit: Limit, amount: Amount) -> Result<(), Stop> {
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
}
