// SPDX-License-Identifier: MIT OR Apache-2.0

//! One line of text for one message, for traces.

use std::fmt::Write;

use bstr::BStr;

use super::consts::MsgType;
use super::ext::Ext;
use super::fields::AddressExt;
use super::message::Message;
use crate::wire::errno::Errno;

/// Describes a message, or says why it is none.
#[must_use]
pub fn describe(bytes: &[u8]) -> String {
    match Message::decode(bytes) {
        Ok(message) => message_text(&message),
        Err(error) => format!("malformed: {error}"),
    }
}

fn message_text(message: &Message) -> String {
    let h = &message.header;
    let mut out = h.kind.to_string();
    let side = match h.spdid {
        0 => "active".to_owned(),
        1 => "standby".to_owned(),
        other => format!("spdid={other}"),
    };
    let _ = write!(out, " {side} seq={} pid={}", h.seq, h.pid);
    if h.errno != Errno::OK {
        let _ = write!(out, " errno={:?} diagnostic={:?}", h.errno, h.diagnostic);
    }
    for ext in &message.exts {
        out.push_str(" | ");
        ext_text(&mut out, h.kind, ext);
    }
    out
}

fn ext_text(out: &mut String, kind: MsgType, ext: &Ext) {
    let name = ext.kind();
    let _ = match ext {
        Ext::LocalPort(port) | Ext::RemotePort(port) => write!(out, "{name} {}", port.min),
        Ext::Proto(proto) => write!(out, "{name} {}", proto.number),
        Ext::LocalAddr(addr) | Ext::RemoteAddr(addr) => {
            let AddressExt { prefixlen, .. } = addr;
            write!(out, "{name} {}/{prefixlen}", addr.addr())
        }
        Ext::Action { attrs, .. } if matches!(kind, MsgType::UPDATEALGS | MsgType::ALGLIST) => {
            write!(out, "{name} of {} attributes", attrs.len())
        }
        Ext::Action { count, attrs, .. } => {
            let _ = write!(out, "{name} count={count} [");
            for (at, attr) in attrs.iter().enumerate() {
                let space = if at == 0 { "" } else { " " };
                let _ = write!(out, "{space}{:?}={}", attr.tag, attr.value);
            }
            write!(out, "]")
        }
        Ext::Rule(rule) => write!(
            out,
            "{name} priority={:#010x} flags={:#x} index={}",
            rule.priority,
            rule.flags.bits(),
            rule.index
        ),
        Ext::Ruleset(set) => write!(out, "{name} count={} version={}", set.count, set.version),
        Ext::TypeCode(tc) => write!(
            out,
            "{name} type={}-{} code={}-{}",
            tc.type_min, tc.type_end, tc.code, tc.code_end
        ),
        Ext::TunName(tunnel) => write!(out, "{name} {:?}", BStr::new(tunnel.name())),
        Ext::Namespace(namespace) => write!(out, "{namespace}"),
        Ext::Other { kind, body } => write!(out, "extension {} of {} bytes", kind.0, body.len()),
    };
}
