// SPDX-License-Identifier: MIT OR Apache-2.0

//! Requests and readings shared by the tests of the core.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod damage;
pub(crate) mod links;
pub(crate) mod traffic;

use std::net::IpAddr;

use illumos_ipsec::model::{Prefix, TunnelName};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::policy::{
    Attr, AttrTag, Diagnostic, Ext, ExtType, Header, Message, MsgType, PortsExt, ProtoExt, RuleExt,
    RuleFlags, TunNameExt,
};
use ipsec_usermode::{ConnId, Kernel};

pub(crate) const IN: RuleFlags = RuleFlags::INBOUND;
pub(crate) const OUT: RuleFlags = RuleFlags::OUTBOUND;
pub(crate) const BOTH: RuleFlags = IN.union(OUT);
pub(crate) const TUNNEL: RuleFlags = RuleFlags::TUNNEL;

pub(crate) const ACTIVE: u8 = 0;
pub(crate) const STANDBY: u8 = 1;

/// `{}` pass.
pub(crate) const PASS: &[(AttrTag, u32)] = &[(AttrTag::TYPE, 2), (AttrTag::END, 0)];
/// ESP with AES and SHA-256.
pub(crate) const ESP: &[(AttrTag, u32)] = &[
    (AttrTag::TYPE, 3),
    (AttrTag::FLAGS, 0x42),
    (AttrTag::ESP_ENCR, 12),
    (AttrTag::ESP_AUTH, 5),
    (AttrTag::END, 0),
];

pub(crate) fn name(text: &str) -> TunnelName {
    TunnelName::new(text).unwrap()
}

pub(crate) fn addr(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn prefix(text: &str) -> Prefix {
    let (addr, len) = text.split_once('/').unwrap();
    Prefix::new(addr.parse().unwrap(), len.parse().unwrap()).unwrap()
}

pub(crate) fn message(kind: MsgType, side: u8) -> Message {
    Message::request(kind, side)
}

pub(crate) fn in_tunnel(message: Message, tunnel: &str) -> Message {
    let ext = if tunnel.is_empty() { TunNameExt::all() } else { TunNameExt::new(&name(tunnel)) };
    message.with(Ext::TunName(ext))
}

pub(crate) fn action(attrs: &[(AttrTag, u32)]) -> Ext {
    let ends = |tag: &AttrTag| matches!(*tag, AttrTag::END | AttrTag::NEXT);
    Ext::Action {
        count: attrs.iter().filter(|(tag, _)| ends(tag)).count() as u16,
        reserved: 0,
        attrs: attrs.iter().map(|&(tag, value)| Attr::new(tag, value)).collect(),
    }
}

pub(crate) fn rule(priority: u32, flags: RuleFlags, index: u64) -> Ext {
    Ext::Rule(RuleExt { priority, flags, unused: 0, index })
}

pub(crate) fn add(side: u8, flags: RuleFlags, priority: u32, attrs: &[(AttrTag, u32)]) -> Message {
    message(MsgType::ADDRULE, side).with(rule(priority, flags, 0)).with(action(attrs))
}

pub(crate) fn delete_index(side: u8, index: u64) -> Message {
    message(MsgType::DELETERULE, side).with(rule(0, RuleFlags::empty(), index))
}

pub(crate) fn remote(text: &str) -> Ext {
    Ext::RemoteAddr(prefix(text).into())
}

pub(crate) fn local(text: &str) -> Ext {
    Ext::LocalAddr(prefix(text).into())
}

pub(crate) fn proto(number: u8) -> Ext {
    Ext::Proto(ProtoExt { number, reserved: (0, 0) })
}

pub(crate) fn remote_port(port: u16) -> Ext {
    Ext::RemotePort(PortsExt::single(port))
}

/// Sends a request and gives the one reply.
pub(crate) fn ask(kernel: &mut Kernel, conn: ConnId, request: &Message) -> Message {
    kernel.request(conn, &request.encode());
    Message::decode(&kernel.next_reply(conn).expect("a reply")).expect("a well-formed reply")
}

/// Errno and diagnostic of the one reply.
pub(crate) fn status(kernel: &mut Kernel, conn: ConnId, request: &Message) -> (Errno, Diagnostic) {
    let Header { errno, diagnostic, .. } = ask(kernel, conn, request).header;
    (errno, diagnostic)
}

/// Sends a request that has to succeed.
pub(crate) fn done(kernel: &mut Kernel, conn: ConnId, request: &Message) -> Message {
    let reply = ask(kernel, conn, request);
    assert_eq!(reply.header.errno, Errno::OK, "{request:?}: {:?}", reply.header.diagnostic);
    reply
}

/// The index of the last rule that a request added.
pub(crate) fn index(reply: &Message) -> u64 {
    reply.rule().expect("a RULE extension").index
}

/// The messages of a dump: header, rules, trailer.
pub(crate) fn dump(kernel: &mut Kernel, conn: ConnId, request: &Message) -> Vec<Message> {
    kernel.request(conn, &request.encode());
    std::iter::from_fn(|| kernel.next_reply(conn)).map(|b| Message::decode(&b).unwrap()).collect()
}

/// The indexes of the rules in a dump.
pub(crate) fn indexes(records: &[Message]) -> Vec<u64> {
    records.iter().filter_map(Message::rule).map(|rule| rule.index).collect()
}

/// Errno of the trailer.
pub(crate) fn ended(records: &[Message]) -> Errno {
    let trailer = records.last().expect("a trailer");
    assert!(trailer.get(ExtType::RULESET).is_some());
    trailer.header.errno
}
