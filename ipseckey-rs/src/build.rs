// SPDX-License-Identifier: MIT OR Apache-2.0

//! Requests to add and update, from what the keywords say.

use std::net::Ipv6Addr;

use illumos_ipsec::model::{Lifetime, SaFlags, SaState, SaType};
use illumos_ipsec::wire::key::{AddressExt, Ext, ExtType, LabelExt, Message, SaExt};

use crate::exchange;
use crate::fields::{Fields, NULL};
use crate::flight::Asked;
use crate::reply;
use crate::session::{CommandResult, Done, Session, Source};
use crate::value::{Address, Label};
use crate::verb::Verb;

/// Protocols of what is in a tunnel: none said, IPv4, IPv6.
const TUNNELLED: [u8; 3] = [0, 4, 41];

/// Checks what goes together and sends the requests. `failed`: something wrong has been
/// shown, so nothing is sent.
pub(crate) fn run(
    session: &mut Session,
    verb: Verb,
    kind: SaType,
    mut fields: Fields,
    failed: bool,
) -> CommandResult {
    let errors = match complete(session, verb, kind, &mut fields) {
        Ok(errors) | Err(errors) => errors,
    };
    if !errors.is_empty() {
        return session.refuse(&errors);
    }
    if failed {
        return session.failed();
    }
    if session.settings.check {
        return Ok(Done::Quiet);
    }
    send(session, verb, kind, fields)
}

/// Fills in what goes without saying. The texts of errors; as an error, those after which
/// nothing more is looked at.
fn complete(
    session: &mut Session,
    verb: Verb,
    kind: SaType,
    fields: &mut Fields,
) -> Result<String, String> {
    let mut errors = String::new();
    let name = verb.name();
    nat(session, fields, &mut errors);
    tunnel(session, fields);
    if fields.src.is_none() && fields.dst.is_some() {
        fields.src = Some(Address::wildcard());
    }
    let tunnelled = fields.inner_src.is_some();
    if fields.has_sa {
        if kind != SaType::TCPSIG && fields.spi == 0 {
            errors +=
                &format!("The SPI value is missing for the association you wish to {name}.\n");
        }
        if verb == Verb::Add && fields.auth == 0 && fields.encr == 0 {
            errors += "Select at least one algorithm for this add.\n";
            return Err(errors);
        }
        sa_flags(kind, fields, tunnelled, &mut errors);
    } else if kind != SaType::TCPSIG {
        errors += &format!("Need to define SPI for {name}.\nNeed SA parameters for {name}.\n");
    }
    let keys = [&fields.encr_key, &fields.auth_key, &fields.auth_string];
    if verb == Verb::Add && keys.iter().all(|key| key.is_none()) {
        errors += "Must have at least one key for an add.\n";
    }
    if fields.dst.is_none() {
        errors += &format!("Need destination address for {name}.\n");
    }
    if fields.encap && fields.nat_local.is_none() && fields.nat_remote.is_none() {
        errors += "Must specify NAT-T remote or local address for UDP encapsulation.\n";
    }
    Ok(errors)
}

fn sa_flags(kind: SaType, fields: &mut Fields, tunnelled: bool, errors: &mut String) {
    if kind == SaType::TCPSIG {
        fields.flags = SaFlags::TCPSIG;
    }
    if kind == SaType::ESP && fields.encr == 0 {
        fields.encr = NULL;
    }
    if fields.state == 0 {
        fields.state = SaState::MATURE.0;
    }
    fields.flags.set(SaFlags::NATT_REM, fields.nat_remote.is_some());
    fields.flags.set(SaFlags::NATT_LOC, fields.nat_local.is_some());
    if tunnelled {
        fields.flags |= SaFlags::TUNNEL;
        if !TUNNELLED.contains(&fields.proto) {
            *errors += &format!(
                "WARNING: Protocol type {} not for use with Tunnel-Mode SA.\n",
                fields.proto
            );
        }
    }
}

fn nat(session: &mut Session, fields: &mut Fields, errors: &mut String) {
    let ports = fields.nat_local_port != 0 || fields.nat_remote_port != 0;
    let addresses = fields.nat_local.is_some() || fields.nat_remote.is_some();
    if !fields.encap {
        if ports {
            *errors += "Must specify 'encap udp' with any NAT-T port.\n";
        } else if addresses {
            *errors += "Must specify 'encap udp' with any NAT-T address.\n";
        }
        return;
    }
    for (address, port, name) in [
        (&mut fields.nat_local, fields.nat_local_port, "NAT-T local address"),
        (&mut fields.nat_remote, fields.nat_remote_port, "NAT-T remote address"),
    ] {
        drop_vague(session, address, name);
        if address.is_none() && port != 0 {
            // An IPv4 wildcard, said by its having no address.
            *address = Some(Address { addrs: Vec::new(), ..Address::wildcard() });
        }
    }
}

fn tunnel(session: &mut Session, fields: &mut Fields) {
    drop_vague(session, &mut fields.inner_src, "Proxy/inner-source address");
    drop_vague(session, &mut fields.inner_dst, "Inner destination address");
    let said = fields.inner_src.is_some()
        || fields.inner_dst.is_some()
        || fields.inner_src_port != 0
        || fields.inner_dst_port != 0
        || fields.inner_proto != 0;
    if said {
        fields.inner_src.get_or_insert_with(Address::wildcard);
        fields.inner_dst.get_or_insert_with(Address::wildcard);
    }
}

/// A name with several addresses is no help here.
fn drop_vague(session: &mut Session, address: &mut Option<Address>, what: &str) {
    if let Some(vague) = address.take_if(|address| address.addrs.len() > 1) {
        session.block(&format!("{what} {} is vague, not using.\n", vague.name));
    }
}

/// One request for each destination.
fn send(session: &mut Session, verb: Verb, kind: SaType, fields: Fields) -> CommandResult {
    let (Some(src), Some(dst)) = (fields.src.clone(), fields.dst.clone()) else {
        return session.failed();
    };
    let (mut made, mut failed) = (false, false);
    let last = dst.addrs.len() - 1;
    let mut errors = String::new();
    for (at, addr) in dst.addrs.iter().enumerate() {
        let from = match source(session, &src, *addr) {
            Ok(from) => from,
            Err(text) => {
                failed = true;
                errors += &text;
                if at == last {
                    errors += match addr.to_ipv4_mapped() {
                        Some(_) => "No match for destination IP address.\n",
                        None => "No match for IPV6 destination address.\n",
                    };
                }
                continue;
            }
        };
        if !errors.is_empty() {
            break;
        }
        let mut message = request(verb, kind, &fields, from, *addr);
        session.number(&mut message);
        let asked = Asked { verb, kind, spi: fields.spi, addr: *addr };
        if session.source == Source::File && dst.addrs.len() == 1 && !session.settings.verbose {
            return session.ask(message, asked).map(|()| Done::Sent);
        }
        exchange::verbose(session, &message);
        let answer = exchange::exchange(session, &message)?;
        match reply::of_add(session, &asked, &answer)? {
            reply::Next::Good => made = true,
            reply::Next::Bad => failed = true,
            reply::Next::Stop => return session.failed(),
        }
    }
    if !errors.is_empty() {
        session.block(&errors);
    }
    match (failed, made) {
        (false, _) => Ok(Done::Quiet),
        (true, true) => Ok(Done::Partly),
        (true, false) => session.failed(),
    }
}

/// The source address for a destination.
fn source(session: &mut Session, src: &Address, dst: Ipv6Addr) -> Result<Ipv6Addr, String> {
    if src.fixed {
        return Ok(src.addrs[0]);
    }
    let v4 = dst.to_ipv4_mapped().is_some();
    let fits = |addr: &&Ipv6Addr| match addr.to_ipv4_mapped() {
        Some(_) => v4,
        None => !v4 && (addr.is_unspecified() || scope(**addr) == scope(dst)),
    };
    let fitting: Vec<Ipv6Addr> = src.addrs.iter().filter(fits).copied().collect();
    let name = &src.name;
    match fitting[..] {
        [one] => Ok(one),
        [] if v4 => Err(format!("No IPv4 source address for name {name}.\n")),
        [] => Err(format!("No IPv6 source address of matching scope for name {name}.\n")),
        _ => {
            let text = match v4 {
                true => format!(
                    "Multiple IPv4 source addresses for {name}, using unspecified source instead."
                ),
                false => format!(
                    "Multiple IPv6 source addresses for {name} of the same scope, using \
                     unspecified source instead.\n"
                ),
            };
            session.block(&text);
            Ok(Ipv6Addr::UNSPECIFIED)
        }
    }
}

/// How far an address reaches.
fn scope(addr: Ipv6Addr) -> u8 {
    let segments = addr.segments();
    match segments[0] & 0xffc0 {
        0xfe80 => 1,
        0xfec0 => 2,
        _ if addr.is_loopback() => 4,
        _ if segments[..6] == [0; 6] => 3,
        _ => 0,
    }
}

fn request(verb: Verb, kind: SaType, fields: &Fields, src: Ipv6Addr, dst: Ipv6Addr) -> Message {
    let mut exts = Vec::with_capacity(12);
    if fields.has_sa {
        exts.push(Ext::Sa(SaExt {
            spi: fields.spi,
            replay: fields.replay,
            state: SaState(fields.state),
            auth: fields.auth,
            encr: fields.encr,
            flags: fields.flags,
        }));
    }
    if fields.pair_spi != 0 {
        exts.push(Ext::Pair(fields.pair_spi));
    }
    for (kind, lifetime) in [
        (ExtType::LIFETIME_HARD, fields.hard),
        (ExtType::LIFETIME_SOFT, fields.soft),
        (ExtType::X_LIFETIME_IDLE, fields.idle),
    ] {
        exts.extend((lifetime != Lifetime::default()).then_some(Ext::Lifetime(kind, lifetime)));
    }
    for (kind, key) in [
        (ExtType::KEY_ENCRYPT, &fields.encr_key),
        (ExtType::KEY_AUTH, &fields.auth_key),
        (ExtType::X_STR_AUTH, &fields.auth_string),
    ] {
        exts.extend(key.clone().map(|key| Ext::Key(kind, key)));
    }
    for (kind, identity) in [
        (ExtType::IDENTITY_SRC, &fields.src_identity),
        (ExtType::IDENTITY_DST, &fields.dst_identity),
    ] {
        exts.extend(identity.clone().map(|identity| Ext::Identity(kind, identity)));
    }
    let outer = |addr, port| AddressExt::mapped(addr, port, fields.proto);
    exts.push(Ext::Address(ExtType::ADDRESS_DST, outer(dst, fields.dst_port)));
    for (kind, address, port) in [
        (ExtType::X_ADDRESS_NATT_REM, &fields.nat_remote, fields.nat_remote_port),
        (ExtType::X_ADDRESS_NATT_LOC, &fields.nat_local, fields.nat_local_port),
    ] {
        exts.extend(address.as_ref().map(|address| {
            Ext::Address(
                kind,
                match address.addrs.first() {
                    Some(addr) => AddressExt::mapped(*addr, port, 0),
                    None => AddressExt::new(std::net::Ipv4Addr::UNSPECIFIED.into(), port, 0),
                },
            )
        }));
    }
    exts.push(Ext::Address(ExtType::ADDRESS_SRC, outer(src, fields.src_port)));
    for (kind, address, port) in [
        (ExtType::X_ADDRESS_INNER_SRC, &fields.inner_src, fields.inner_src_port),
        (ExtType::X_ADDRESS_INNER_DST, &fields.inner_dst, fields.inner_dst_port),
    ] {
        exts.extend(address.as_ref().map(|address| {
            let inner = AddressExt::mapped(address.addrs[0], port, fields.inner_proto);
            Ext::Address(kind, inner.with_prefix(address.prefix))
        }));
    }
    if fields.replay_value != 0 {
        exts.push(Ext::ReplayValue { value32: fields.replay_value, value64: 0 });
    }
    let label = |kind, label: &Label, flags| {
        Ext::Label(
            kind,
            LabelExt {
                dpd: 1,
                sens: (label.level, label.bitmap.len() as u8),
                integ: (0, 0),
                flags,
                bitmap: label.bitmap.clone(),
            },
        )
    };
    exts.extend(fields.label.as_ref().map(|one| label(ExtType::SENSITIVITY, one, 0)));
    exts.extend(
        fields
            .outer_label
            .as_ref()
            .map(|(one, implicit)| label(ExtType::X_OUTER_SENS, one, u32::from(*implicit))),
    );
    Message { exts, ..Message::request(verb.request(), kind) }
}
