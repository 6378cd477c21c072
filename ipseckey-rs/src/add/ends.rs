// SPDX-License-Identifier: MIT OR Apache-2.0

//! Addresses and ports: of both ends, inside of a tunnel, and of NAT between them.

use super::{Reader, Stop};
use crate::keyword::{Family, Keyword};
use crate::line::Word;
use crate::value::{self, BadAddress};

impl Reader<'_, '_, '_> {
    pub(super) fn address(&mut self, keyword: Keyword, _: &Word) -> Result<(), Stop> {
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

    pub(super) fn port(&mut self, keyword: Keyword) -> Result<(), Stop> {
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
}
