// SPDX-License-Identifier: MIT OR Apache-2.0

//! Policy for a tunnel: one rule that protects everything with ESP.

use std::io;

use illumos_ipsec::model::TunnelName;
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::policy::{
    Attr, AttrTag, Ext, Header, Message, MsgType, RuleExt, RuleFlags, SPD_ACTIVE, TunNameExt,
};
use ipsec_usermode::Kernel;

/// IPsec; ESP with encryption and authentication; AES; HMAC-SHA-256.
const ESP: &[(AttrTag, u32)] = &[
    (AttrTag::TYPE, 3),
    (AttrTag::FLAGS, 0x42),
    (AttrTag::ESP_ENCR, 12),
    (AttrTag::ESP_AUTH, 5),
    (AttrTag::END, 0),
];

/// Adds a rule in tunnel mode, in both directions.
pub(super) fn protect(kernel: &mut Kernel, tunnel: &TunnelName) -> io::Result<()> {
    let flags = RuleFlags::INBOUND | RuleFlags::OUTBOUND | RuleFlags::TUNNEL;
    let attrs = ESP.iter().map(|(tag, value)| Attr::new(*tag, *value)).collect();
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
