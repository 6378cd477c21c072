// SPDX-License-Identifier: MIT OR Apache-2.0

//! `delete`, `delete-pair` and `get`.

use std::net::Ipv6Addr;

use illumos_ipsec::model::{SaFlags, SaType};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{AddressExt, Ext, ExtType, Header, Message, SaExt};

use crate::exchange;
use crate::flight::Asked;
use crate::keyword::{self, Keyword};
use crate::line::Word;
use crate::program::Program;
use crate::reply::{self, Next};
use crate::session::{CommandResult, Done, Session};
use crate::value::{self, Address, BadAddress};
use crate::verb::Verb;

/// What the keywords say.
#[derive(Debug, Default)]
struct Fields {
    spi: Option<u32>,
    flags: SaFlags,
    src: Option<Address>,
    dst: Option<Address>,
    src_port: u16,
    dst_port: u16,
    /// The extensions in the order in which they were asked for.
    order: Vec<ExtType>,
}

/// Errors to be shown together; reading has ended if it is an error.
struct Stop(String);

pub(crate) fn run(
    session: &mut Session,
    verb: Verb,
    kind: SaType,
    words: &[Word],
) -> CommandResult {
    let mut errors = String::new();
    let mut fields = match read(session, verb, words, &mut errors) {
        Ok(fields) => fields,
        Err(Stop(text)) => return session.refuse(&(errors + &text)),
    };
    if fields.spi.is_none() && kind != SaType::TCPSIG {
        errors += &format!("Need SA parameters for {}.\n", verb.name());
    }
    if !errors.is_empty() {
        return session.refuse(&errors);
    }
    for (address, port, ext) in [
        (&mut fields.src, fields.src_port, ExtType::ADDRESS_SRC),
        (&mut fields.dst, fields.dst_port, ExtType::ADDRESS_DST),
    ] {
        if address.is_none() && port != 0 {
            *address = Some(Address::wildcard());
            fields.order.push(ext);
        }
    }
    if session.settings.check {
        return Ok(Done::Quiet);
    }
    match &fields.dst {
        Some(_) => by_destination(session, verb, kind, &fields),
        None => by_source(session, verb, kind, &fields),
    }
}

fn read(
    session: &mut Session,
    verb: Verb,
    words: &[Word],
    errors: &mut String,
) -> Result<Fields, Stop> {
    let tcpkey = session.settings.program == Program::Tcpkey;
    let mut fields = Fields::default();
    let mut words = words.iter();
    let once = |errors: &mut String, known: bool, what: &str| {
        if known {
            *errors += &format!("Can only specify single {what}.\n");
        }
        !known
    };
    while let Some(word) = words.next() {
        let Some(keyword) = keyword::find(word.text(), tcpkey) else {
            *errors += &format!("Unknown extension field \"{}\"\n", word.shown());
            continue;
        };
        match keyword {
            Keyword::Spi => {
                if once(errors, fields.spi.is_some(), "SPI value") {
                    let spi = value::number(words.next(), u32::MAX.into()).map_err(Stop)?;
                    fields.spi = Some(spi as u32);
                    fields.order.push(ExtType::SA);
                }
            }
            Keyword::SrcPort => {
                if once(errors, fields.src_port != 0, "source port") {
                    let port = value::number(words.next(), u16::MAX.into()).map_err(Stop)?;
                    fields.src_port = port as u16;
                }
            }
            Keyword::DstPort => {
                if once(errors, fields.dst_port != 0, "destination port") {
                    let port = value::number(words.next(), u16::MAX.into()).map_err(Stop)?;
                    fields.dst_port = port as u16;
                }
            }
            // Said by habit; it says nothing here.
            Keyword::Proto => {
                value::number(words.next(), u8::MAX.into()).map_err(Stop)?;
            }
            Keyword::Inbound => fields.flags |= SaFlags::INBOUND,
            Keyword::Outbound => fields.flags |= SaFlags::OUTBOUND,
            Keyword::Src(family) | Keyword::Dst(family) => {
                let source = matches!(keyword, Keyword::Src(_));
                let (place, ext, name, again) = match source {
                    true => (&mut fields.src, ExtType::ADDRESS_SRC, "source", "source addr"),
                    false => (
                        &mut fields.dst,
                        ExtType::ADDRESS_DST,
                        "destination",
                        "destination address",
                    ),
                };
                if !once(errors, place.is_some(), again) {
                    continue;
                }
                let word = words.as_slice().first();
                let numeric = session.settings.numeric;
                match value::address(&session.names, numeric, word, family, false) {
                    Ok(address) => {
                        *place = Some(address);
                        fields.order.push(ext);
                        words.next();
                    }
                    Err(BadAddress::Missing(text) | BadAddress::Prefix(text)) => {
                        return Err(Stop(text));
                    }
                    Err(BadAddress::Unknown(text)) => {
                        session.block(&text);
                        let shown = word.map(Word::shown).unwrap_or_default();
                        *errors += &format!("Unknown {name} address \"{shown}\"\n");
                    }
                }
            }
            _ => {
                *errors += &format!(
                    "Don't use extension {} for '{}' command.\n",
                    word.shown(),
                    verb.name()
                );
            }
        }
    }
    Ok(fields)
}

fn request(
    verb: Verb,
    kind: SaType,
    fields: &Fields,
    src: Option<Ipv6Addr>,
    dst: Option<Ipv6Addr>,
) -> Message {
    let mut message = Message::request(verb.request(), kind);
    for ext in &fields.order {
        message.exts.extend(match *ext {
            ExtType::SA => Some(Ext::Sa(SaExt::find(fields.spi.unwrap_or(0), fields.flags))),
            ExtType::ADDRESS_SRC => {
                src.map(|addr| Ext::Address(*ext, AddressExt::mapped(addr, fields.src_port, 0)))
            }
            _ => dst.map(|addr| Ext::Address(*ext, AddressExt::mapped(addr, fields.dst_port, 0))),
        });
    }
    message
}

fn by_destination(
    session: &mut Session,
    verb: Verb,
    kind: SaType,
    fields: &Fields,
) -> CommandResult {
    let dsts = fields.dst.as_ref().map(|dst| dst.addrs.clone()).unwrap_or_default();
    let mut failed = false;
    for dst in dsts {
        let v4 = dst.to_ipv4_mapped().is_some();
        let src = fields.src.as_ref().map(|src| {
            let same = src.addrs.iter().find(|addr| addr.to_ipv4_mapped().is_some() == v4);
            same.or(src.addrs.first()).copied().unwrap_or(Ipv6Addr::UNSPECIFIED)
        });
        let mut message = request(verb, kind, fields, src, Some(dst));
        session.number(&mut message);
        exchange::verbose(session, &message);
        let answer = exchange::exchange(session, &message)?;
        let asked = Asked { verb, kind, spi: fields.spi.unwrap_or(0), addr: dst };
        match reply::of_find(session, &asked, &answer)? {
            Next::Good => {}
            Next::Bad => failed = true,
            Next::Stop => return session.failed(),
        }
    }
    if failed { session.failed() } else { Ok(Done::Quiet) }
}

/// Without a destination the kernel refuses; so that is said.
fn by_source(session: &mut Session, verb: Verb, kind: SaType, fields: &Fields) -> CommandResult {
    let srcs: Vec<Option<Ipv6Addr>> = match &fields.src {
        Some(src) => src.addrs.iter().copied().map(Some).collect(),
        None => vec![None],
    };
    for src in srcs {
        let mut message = request(verb, kind, fields, src, None);
        session.number(&mut message);
        exchange::verbose(session, &message);
        let answer = exchange::exchange(session, &message)?;
        let header = Header::read(&answer);
        if header.errno == Errno::EINVAL {
            session.print("One of the entered values is incorrect.\n");
            exchange::complain_diagnostic(session, header.diagnostic);
            return session.failed();
        }
        let addr = src.unwrap_or(Ipv6Addr::UNSPECIFIED);
        let asked = Asked { verb, kind, spi: fields.spi.unwrap_or(0), addr };
        if reply::of_find(session, &asked, &answer)? != Next::Good {
            return session.failed();
        }
    }
    Ok(Done::Quiet)
}
