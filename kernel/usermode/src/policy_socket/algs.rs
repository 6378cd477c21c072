// SPDX-License-Identifier: MIT OR Apache-2.0

//! ALGLIST, DUMPALGS and UPDATEALGS (`spec/pf_policy.md` section 7).

use illumos_ipsec::model::AlgProto;
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::policy::{
    Attr, AttrTag, Diagnostic, Ext, ExtType, Frame, HEADER_LEN, Header, Message, MsgType,
    encode_alglist,
};

use super::reply::Refusal;
use super::{Answer, Edits};
use crate::alg_table::MECHANISM_LEN;
use crate::kernel::{Kernel, Load};

/// Attributes of an entry in an ALGLIST.
const LIST_ATTRS: usize = 6;

/// Replaces the table. Before IPsec is loaded the request is kept for that moment,
/// unread; the last one wins.
pub(super) fn update(
    kernel: &mut Kernel,
    frame: &Frame<'_>,
    request: &[u8],
) -> Result<Answer, Refusal> {
    if kernel.load == Load::Loaded {
        update_now(kernel, frame)?;
    } else {
        kernel.kept_update = Some(request.to_vec());
    }
    Ok(Answer::Echo(Edits::default()))
}

/// Carries out the request that was kept until IPsec was loaded.
pub(crate) fn update_kept(kernel: &mut Kernel) {
    if let Some(request) = kernel.kept_update.take()
        && let Ok(frame) = Frame::parse(&request)
    {
        // Nobody is left to hear of an error.
        let _ = update_now(kernel, &frame);
    }
}

fn update_now(kernel: &mut Kernel, frame: &Frame<'_>) -> Result<(), Diagnostic> {
    let action = frame.get(ExtType::ACTION).ok_or(Diagnostic::NO_ACTION_EXT)?;
    kernel.algs.update(&action.bytes[8..])?;
    kernel.tell_algorithms();
    Ok(())
}

/// The algorithms for rules, strongest first.
///
/// The room is that of two entries for each authentication and one for each encryption
/// algorithm less one for each number 0, so with an authentication number 0 one entry
/// stays empty behind the end. END is written over the last attribute before that,
/// which without any entry is the extension's own header.
pub(super) fn list(kernel: &Kernel, frame: &Frame<'_>) -> Vec<u8> {
    let algs = &kernel.algs;
    let count =
        |proto, each: usize| each * algs.iter(proto).count() - usize::from(algs.has(proto, 0));
    let count = count(AlgProto::Ah, 2) + count(AlgProto::Esp, 1);
    let entries = algs.listed();
    let mut attrs = encode_alglist(&entries);
    attrs.resize(LIST_ATTRS * count, Attr::new(AttrTag::NOP, 0));
    let action = if entries.is_empty() {
        let mut body = vec![0; 4 + 8 * attrs.len()];
        body[..2].copy_from_slice(&(count as u16).to_ne_bytes());
        Ext::Other { kind: ExtType(0), body }
    } else {
        Ext::Action { count: count as u16, reserved: 0, attrs }
    };
    let mut bytes = reply(frame, MsgType::ALGLIST, action);
    if entries.is_empty() {
        bytes[HEADER_LEN..HEADER_LEN + 2].copy_from_slice(&1u16.to_ne_bytes());
    }
    bytes
}

/// The table as UPDATEALGS takes it. ENOMEM if it fits no message.
pub(super) fn dump(kernel: &Kernel, frame: &Frame<'_>) -> Result<Vec<u8>, Refusal> {
    let mut attrs = Vec::new();
    let mut count = 0u16;
    for proto in [AlgProto::Ah, AlgProto::Esp] {
        for alg in kernel.algs.iter(proto) {
            count += 1;
            let mut put = |tag, value| attrs.push(Attr::new(tag, value));
            put(AttrTag::ALG_ID, alg.id.into());
            put(AttrTag::ALG_PROTO, proto.number());
            put(AttrTag::ALG_INCRBITS, alg.increment.into());
            for (number, item, sizes) in [
                (AttrTag::ALG_NKEYSIZES, AttrTag::ALG_KEYSIZE, &alg.keys),
                (AttrTag::ALG_NBLOCKSIZES, AttrTag::ALG_BLOCKSIZE, &alg.blocks),
                (AttrTag::ALG_NPARAMS, AttrTag::ALG_PARAMS, &alg.params),
            ] {
                put(number, sizes.values.len() as u32);
                sizes.values.iter().for_each(|&size| put(item, size.into()));
            }
            put(AttrTag::ALG_FLAGS, alg.flags.bits());
            put(AttrTag::ALG_MECHNAME, MECHANISM_LEN as u32);
            // The name lies among the attributes as if it were four of them.
            for word in alg.mechanism.as_chunks::<8>().0 {
                let [a, b, c, d, e, f, g, h] = *word;
                put(AttrTag(u32::from_ne_bytes([a, b, c, d])), u32::from_ne_bytes([e, f, g, h]));
            }
            put(AttrTag::NEXT, 0);
        }
    }
    let Some(last) = attrs.last_mut() else {
        let empty = Ext::Action { count: 0, reserved: 0, attrs };
        let mut bytes = reply(frame, MsgType::ALGLIST, empty);
        bytes[HEADER_LEN..HEADER_LEN + 2].fill(0);
        return Ok(bytes);
    };
    last.tag = AttrTag::END;
    let action = Ext::Action { count, reserved: 0, attrs };
    if HEADER_LEN + action.encoded_len() > usize::from(u16::MAX) * 8 {
        return Err(Errno::ENOMEM.into());
    }
    Ok(reply(frame, MsgType::ALGLIST, action))
}

fn reply(frame: &Frame<'_>, kind: MsgType, action: Ext) -> Vec<u8> {
    let header = Header { kind, errno: Errno::OK, diagnostic: Diagnostic::NONE, ..frame.header };
    Message { header, exts: vec![action] }.encode()
}
