// SPDX-License-Identifier: MIT OR Apache-2.0

//! One line of text for one message, for traces.

use std::fmt::Write;

use bstr::BStr;

use super::HEADER_LEN;
use super::consts::ExtType;
use super::ext::Ext;
use super::fields::{AddressExt, KeyExt};
use super::message::Message;
use crate::model::{Lifetime, SaType};
use crate::wire::errno::Errno;
use crate::wire::frame::walk;

/// What becomes of keys in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Show {
    /// They are left out.
    #[default]
    Redacted,
    /// They are shown.
    Keys,
}

/// Describes a message, or says why it is none.
#[must_use]
pub fn describe(bytes: &[u8], show: Show) -> String {
    match Message::decode(bytes) {
        Ok(message) => message_text(&message, show),
        Err(error) => format!("malformed: {error}"),
    }
}

/// The bytes with zeroes for the octets of keys. Of what is no message, only the header is
/// left.
#[must_use]
pub fn redacted(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let mut at = HEADER_LEN.min(out.len());
    for ext in walk::<ExtType>(bytes) {
        let Ok(ext) = ext else { break };
        at = ext.offset + ext.bytes.len();
        if matches!(ext.kind, ExtType::KEY_AUTH | ExtType::KEY_ENCRYPT | ExtType::X_STR_AUTH) {
            out[(ext.offset + 8).min(at)..at].fill(0);
        }
    }
    out[at..].fill(0);
    out
}

fn message_text(message: &Message, show: Show) -> String {
    let h = &message.header;
    let mut out = format!("{} {} seq={} pid={}", h.kind, type_text(h.satype), h.seq, h.pid);
    if h.errno != Errno::OK {
        let _ = write!(out, " errno={:?} diagnostic={:?}", h.errno, h.diagnostic);
    }
    for ext in &message.exts {
        let _ = write!(out, " | {}", ext.kind());
        ext_text(&mut out, ext, show);
    }
    out
}

fn type_text(kind: SaType) -> String {
    kind.word().map_or_else(|| kind.0.to_string(), str::to_owned)
}

fn ext_text(out: &mut String, ext: &Ext, show: Show) {
    let _ = match ext {
        Ext::Sa(sa) => write!(
            out,
            " spi={:#x} replay={} state={} auth={} encr={} flags={:#x}",
            sa.spi,
            sa.replay,
            sa.state.0,
            sa.auth,
            sa.encr,
            sa.flags.bits()
        ),
        Ext::Lifetime(_, lifetime) => {
            let Lifetime { allocations, bytes, addtime, usetime } = lifetime;
            write!(out, " alloc={allocations} bytes={bytes} addtime={addtime} usetime={usetime}")
        }
        Ext::Address(_, address) => address_text(out, address),
        Ext::Key(_, key) => key_text(out, key, show),
        Ext::Identity(_, identity) => {
            write!(out, " type={} {:?}", identity.kind, BStr::new(identity.text()))
        }
        Ext::Label(_, label) => write!(out, " level={}/{}", label.sens.0, label.integ.0),
        Ext::Proposal(proposal) => write!(out, " of {}", proposal.combinations.len()),
        Ext::ExtendedProposal(proposal) => write!(out, " of {}", proposal.combinations.len()),
        Ext::Supported { algs, .. } => {
            let ids: Vec<String> = algs.iter().map(|alg| alg.id.to_string()).collect();
            write!(out, " {}", ids.join(","))
        }
        Ext::SpiRange { min, max, .. } => write!(out, " {min:#x}-{max:#x}"),
        Ext::Ereg(_) => {
            let types: Vec<String> = ext.registered().into_iter().map(type_text).collect();
            write!(out, " {}", types.join(","))
        }
        Ext::KmCookie { proto, cookie } => write!(out, " {proto} {cookie:#x}"),
        Ext::Pair(spi) => write!(out, " {spi:#x}"),
        Ext::ReplayValue { value32, .. } => write!(out, " {value32}"),
        Ext::Edump { timeout, .. } => write!(out, " {timeout} s"),
        Ext::Namespace(namespace) => write!(out, " {namespace}"),
        Ext::Other { body, .. } => write!(out, " of {} bytes", body.len()),
    };
}

fn address_text(out: &mut String, address: &AddressExt) -> std::fmt::Result {
    match address.addr() {
        Some(addr) => write!(out, " {addr}")?,
        None => write!(out, " family {}", address.family())?,
    }
    if address.prefixlen != 0 {
        write!(out, "/{}", address.prefixlen)?;
    }
    if address.port() != 0 {
        write!(out, " port {}", address.port())?;
    }
    if address.proto != 0 {
        write!(out, " proto {}", address.proto)?;
    }
    Ok(())
}

fn key_text(out: &mut String, key: &KeyExt, show: Show) -> std::fmt::Result {
    write!(out, " {} bits", key.bits)?;
    if key.reserved != 0 {
        write!(out, "+{}", key.reserved)?;
    }
    if show == Show::Keys {
        out.push(' ');
        for octet in key.bytes.expose() {
            write!(out, "{octet:02x}")?;
        }
    }
    Ok(())
}
