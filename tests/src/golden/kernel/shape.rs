// SPDX-License-Identifier: MIT OR Apache-2.0

//! Small questions about messages, and the text for a difference.

use std::fmt::Write;

use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::policy::{
    Attr, AttrTag, Diagnostic, Ext, ExtType, Frame, HEADER_LEN, Header, Message, MsgType, describe,
};

use super::flag_model::name;
use super::replay::Observed;

/// Did the kernel carry out the request that it answers with this?
pub(super) fn accepts(request: &[u8], reply: &[u8]) -> bool {
    let (asked, got) = (Header::read(request), Header::read(reply));
    asked.kind == got.kind && asked.seq == got.seq && got.errno == asked.errno
}

/// The reply to a refused request.
pub(super) fn refusal(request: &[u8], errno: Errno, diagnostic: Diagnostic) -> Vec<u8> {
    let mut header = Header { errno, diagnostic, len: 2, ..Header::read(request) };
    if header.kind.0 > MsgType::MAX {
        header.kind = MsgType::RESERVED;
    }
    header.bytes().to_vec()
}

/// Does a request name a tunnel with more than 31 bytes?
pub(super) fn long_name(request: &[u8]) -> bool {
    let frame = Frame::parse(request).ok();
    let ext = frame.and_then(|frame| frame.get(ExtType::TUN_NAME));
    ext.is_some_and(|ext| name(ext.bytes).len().min(ext.bytes.len() - 5) > 31)
}

/// Is this a record of a dump with a rule?
pub(super) fn is_rule_record(reply: &[u8]) -> bool {
    Frame::parse(reply)
        .is_ok_and(|frame| frame.header.kind == MsgType::DUMP && frame.get(ExtType::RULE).is_some())
}

/// Do two ALGLIST replies agree up to END, and is the rest of ours zero?
pub(super) fn list_end(theirs: &[u8], ours: &[u8]) -> bool {
    let Ok(reply) = Message::decode(ours) else {
        return false;
    };
    let [Ext::Action { attrs, .. }] = reply.exts.as_slice() else {
        return false;
    };
    let Some(end) = attrs.iter().position(|attr| attr.tag == AttrTag::END) else {
        return false;
    };
    let end = HEADER_LEN + 8 * (end + 2);
    reply.header.kind == MsgType::ALGLIST
        && theirs.len() == ours.len()
        && theirs[..end] == ours[..end]
        && ours[end..].iter().all(|&byte| byte == 0)
}

/// Class and number of each entry in a DUMPALGS reply.
pub(super) fn dumped(reply: &Message) -> Vec<(u32, u32)> {
    let Some(Ext::Action { attrs, .. }) = reply.exts.first() else {
        return Vec::new();
    };
    let is_entry =
        |pair: &&[Attr]| pair[0].tag == AttrTag::ALG_ID && pair[1].tag == AttrTag::ALG_PROTO;
    attrs.windows(2).filter(is_entry).map(|pair| (pair[1].value, pair[0].value)).collect()
}

/// Shows a step that came out otherwise than recorded.
pub(super) fn diff(
    at: usize,
    request: &[u8],
    recorded: &Observed,
    ours: &Observed,
    why: &str,
) -> String {
    let mut out = format!("step {}: {why}\n", at + 1);
    if !request.is_empty() {
        let _ = writeln!(out, "  request  {}", describe(request));
    }
    for (title, observed) in [("recorded", recorded), ("ours", ours)] {
        for (socket, bytes) in &observed.recv {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let _ = writeln!(out, "  {title:8} {socket} {}\n           {hex}", describe(bytes));
        }
        for notice in &observed.notices {
            let _ = writeln!(out, "  {title:8} {notice}");
        }
    }
    out
}
