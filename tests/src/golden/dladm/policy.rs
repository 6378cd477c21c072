// SPDX-License-Identifier: MIT OR Apache-2.0

//! Policy for a tunnel: one rule that protects everything with ESP.

use std::io;

use illumos_ipsec::model::{ActionFlags, ActionKind, TunnelName};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::policy::{
    Attr, AttrTag, Ext, Header, Message, MsgType, RuleExt, RuleFlags, SPD_ACTIVE, TunNameExt,
};
use ipsec_usermode::Kernel;

/// Numbers of algorithms: AES with CBC, HMAC-SHA-256.
const AES: u32 = 12;
const SHA256: u32 = 5;

/// Adds a rule in tunnel mode, in both directions.
pub(super) fn protect(kernel: &mut Kernel, tunnel: &TunnelName) -> io::Result<()> {
    let flags = RuleFlags::INBOUND | RuleFlags::OUTBOUND | RuleFlags::TUNNEL;
    let attrs = vec![
        Attr::new(AttrTag::TYPE, ActionKind::Ipsec.number()),
        Attr::new(AttrTag::FLAGS, (ActionFlags::ESP | ActionFlags::ESP_AUTH).bits()),
        Attr::new(AttrTag::ESP_ENCR, AES),
        Attr::new(AttrTag::ESP_AUTH, SHA256),
        Attr::new(AttrTag::END, 0),
    ];
    let request = Message::request(MsgType::ADDRULE, SPD_ACTIVE)
        .with(Ext::Rule(RuleExt { priority: 1, flags, unused: 0, index: 0 }))
        .with(Ext::Action { count: 1, reserved: 0, attrs })
        .with(Ext::TunName(TunNameExt::new(tunnel)));
    let conn = kernel.open_policy();
    kernel.request(conn, &request.encode());
    let reply = kernel.next_reply(conn).ok_or(io::ErrorKind::UnexpectedEof)?;
    kernel.close(conn);
    match Header::read(&reply).errno {
        Errno::OK => Ok(()),
        errno => Err(io::Error::other(format!("the kernel refuses the rule: {errno}"))),
    }
}
