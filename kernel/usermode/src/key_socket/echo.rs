// SPDX-License-Identifier: MIT OR Apache-2.0

//! What an answer gives back of its request.

use illumos_ipsec::wire::key::ExtType;

use super::Request;
use crate::sadb::Association;

/// The request without its keys, and with what the kernel has made of it.
pub(super) fn echo(request: &Request<'_>, new: &Association) -> Vec<u8> {
    let mut reply = without_keys(request);
    for kind in [ExtType::ADDRESS_SRC, ExtType::ADDRESS_DST] {
        if let Some(at) = offset(&reply, kind) {
            reply[at + 4] = new.proto;
        }
    }
    // One that is too short for a cookie says none and stays as it is.
    if request.cookie().is_some()
        && let Some(at) = offset(&reply, ExtType::X_KM_COOKIE)
    {
        reply[at + 8..at + 16].copy_from_slice(&new.km.1.to_ne_bytes());
    }
    reply
}

pub(super) fn write_flags(reply: &mut [u8], sa: &Association) {
    if let Some(at) = offset(reply, ExtType::SA) {
        reply[at + 8] = sa.replay;
        reply[at + 12..at + 16].copy_from_slice(&sa.flags.bits().to_ne_bytes());
    }
}

/// Where an extension stands.
fn offset(message: &[u8], kind: ExtType) -> Option<usize> {
    let frame = super::check::frame(message).ok()?;
    frame.get(kind).map(|raw| raw.offset)
}

/// A request without the extensions that hold keys.
pub(super) fn without_keys(request: &Request<'_>) -> Vec<u8> {
    let mut keys: Vec<(usize, usize)> = [ExtType::KEY_AUTH, ExtType::KEY_ENCRYPT]
        .into_iter()
        .filter_map(|kind| request.frame.get(kind))
        .map(|raw| (raw.offset, raw.bytes.len()))
        .collect();
    keys.sort_unstable();
    let mut out = Vec::with_capacity(request.bytes.len());
    let mut at = 0;
    for (start, len) in keys {
        out.extend_from_slice(&request.bytes[at..start]);
        at = start + len;
    }
    out.extend_from_slice(&request.bytes[at..]);
    let words = (out.len() / 8) as u16;
    out[4..6].copy_from_slice(&words.to_ne_bytes());
    out
}
