// SPDX-License-Identifier: MIT OR Apache-2.0

//! Addresses and ports: of both ends, inside of a tunnel, and of NAT between them.

use super::{Reader, Stop};
use crate::fields::Fields;
use crate::keyword::{Family, Keyword};
use crate::line::Word;
use crate::value::{self, Address, BadAddress};

impl Reader<'_, '_, '_> {
    pub(super) fn address(&mut self, keyword: Keyword) -> Result<(), Stop> {
        let (once, unknown, family, inner) = match keyword {
            Keyword::Src(family) => ("source address", "Unknown src address", family, false),
            Keyword::Dst(family) => ("destination address", "Unknown dst address", family, false),
            Keyword::InnerSrc(family) => {
                ("proxy/inner-source address", "Unknown proxy/inner-source address", family, true)
            }
            Keyword::InnerDst(family) => {
                ("inner-destination address", "Unknown Inner Src address ", family, true)
            }
            Keyword::NatLocal => {
                ("NAT-T local address", "Unknown NAT-T local address", Family::Any, false)
            }
            _ => ("NAT-T remote address", "Unknown NAT-T remote address", Family::Any, false),
        };
        let known = address_of(&mut self.fields, keyword).is_some();
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
        *address_of(&mut self.fields, keyword) = Some(address);
        Ok(())
    }

    pub(super) fn port(&mut self, keyword: Keyword) -> Result<(), Stop> {
        let (port, what) = port_of(&mut self.fields, keyword);
        let known = *port != 0;
        if !self.single(known, what, false) {
            return Ok(());
        }
        let number = self.number(u16::MAX.into())? as u16;
        *port_of(&mut self.fields, keyword).0 = number;
        Ok(())
    }
}

/// Where the value of a keyword for an address goes.
fn address_of(fields: &mut Fields, keyword: Keyword) -> &mut Option<Address> {
    match keyword {
        Keyword::Src(_) => &mut fields.src,
        Keyword::Dst(_) => &mut fields.dst,
        Keyword::InnerSrc(_) => &mut fields.inner_src,
        Keyword::InnerDst(_) => &mut fields.inner_dst,
        Keyword::NatLocal => &mut fields.nat_local,
        _ => &mut fields.nat_remote,
    }
}

/// Where the value of a keyword for a port goes, and what messages call it.
fn port_of(fields: &mut Fields, keyword: Keyword) -> (&mut u16, &'static str) {
    match keyword {
        Keyword::SrcPort => (&mut fields.src_port, "source port"),
        Keyword::DstPort => (&mut fields.dst_port, "destination port"),
        Keyword::InnerSrcPort => (&mut fields.inner_src_port, "inner-source port"),
        Keyword::InnerDstPort => (&mut fields.inner_dst_port, "inner-destination port"),
        Keyword::NatLocalPort => (&mut fields.nat_local_port, "NAT-T local port"),
        _ => (&mut fields.nat_remote_port, "NAT-T remote port"),
    }
}
