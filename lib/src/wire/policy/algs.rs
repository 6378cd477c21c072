// SPDX-License-Identifier: MIT OR Apache-2.0

//! Algorithm tables: ALGLIST replies and UPDATEALGS requests.

use super::action::Attr;
use super::consts::{AttrTag, ExtType, MsgType};
use super::ext::Ext;
use super::message::Message;
use crate::model::{AlgUse, Algorithm, KernelAlg, KeySizes};

/// Length of the mechanism name field in bytes.
const MECH_NAME_LEN: usize = 32;

/// Why an ALGLIST reply cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlgListError {
    /// There is no ACTION extension.
    #[error("algorithm list without an ACTION extension")]
    NoAction,
    /// An attribute that has no place here.
    #[error("algorithm list: unexpected attribute {tag:?} at position {position}")]
    Unexpected {
        /// The attribute.
        tag: AttrTag,
        /// Its place in the list, from 0.
        position: usize,
    },
    /// The list does not end.
    #[error("algorithm list: no END attribute")]
    NoEnd,
}

/// Tags of one kind of entry: id, smallest, largest, default, step.
fn tags(usage: AlgUse) -> [AttrTag; 5] {
    match usage {
        AlgUse::Ah => [
            AttrTag::AH_AUTH,
            AttrTag::AH_MINBITS,
            AttrTag::AH_MAXBITS,
            AttrTag::AH_DEFBITS,
            AttrTag::AH_INCRBITS,
        ],
        AlgUse::EspAuth => [
            AttrTag::ESP_AUTH,
            AttrTag::ESPA_MINBITS,
            AttrTag::ESPA_MAXBITS,
            AttrTag::ESPA_DEFBITS,
            AttrTag::ESPA_INCRBITS,
        ],
        AlgUse::EspEncr => [
            AttrTag::ESP_ENCR,
            AttrTag::ENCR_MINBITS,
            AttrTag::ENCR_MAXBITS,
            AttrTag::ENCR_DEFBITS,
            AttrTag::ENCR_INCRBITS,
        ],
    }
}

/// Reads an ALGLIST reply up to its END attribute; what follows is not looked at.
///
/// A kernel without algorithms writes the end of the list over the type of the ACTION
/// extension. That reads as an empty list.
pub fn decode_alglist(reply: &Message) -> Result<Vec<KernelAlg>, AlgListError> {
    let attrs = match reply.exts.as_slice() {
        [Ext::Action { attrs, .. }, ..] => attrs,
        [Ext::Other { kind: ExtType(0), .. }] => return Ok(Vec::new()),
        _ => return Err(AlgListError::NoAction),
    };
    let mut algs = Vec::new();
    let mut open: Option<KernelAlg> = None;
    for (position, attr) in attrs.iter().enumerate() {
        let bits = attr.value as u16;
        match attr.tag {
            AttrTag::NEXT | AttrTag::END => {
                algs.extend(open.take());
                if attr.tag == AttrTag::END {
                    return Ok(algs);
                }
            }
            tag => {
                let place = [AlgUse::Ah, AlgUse::EspAuth, AlgUse::EspEncr]
                    .into_iter()
                    .find_map(|u| tags(u).iter().position(|&t| t == tag).map(|at| (u, at)));
                match (place, &mut open) {
                    (Some((usage, 0)), None) => {
                        open = Some(KernelAlg {
                            usage,
                            id: attr.value as u8,
                            min: 0,
                            max: 0,
                            default: 0,
                            increment: 0,
                        });
                    }
                    (Some((usage, at @ 1..)), Some(alg)) if alg.usage == usage => match at {
                        1 => alg.min = bits,
                        2 => alg.max = bits,
                        3 => alg.default = bits,
                        _ => alg.increment = bits,
                    },
                    _ => return Err(AlgListError::Unexpected { tag, position }),
                }
            }
        }
    }
    Err(AlgListError::NoEnd)
}

/// The attributes of an ALGLIST reply.
#[must_use]
pub fn encode_alglist(algs: &[KernelAlg]) -> Vec<Attr> {
    let mut attrs = Vec::with_capacity(algs.len() * 6);
    for (at, alg) in algs.iter().enumerate() {
        let values = [alg.id.into(), alg.min, alg.max, alg.default, alg.increment];
        attrs.extend(tags(alg.usage).into_iter().zip(values).map(|(t, v)| Attr::new(t, v.into())));
        let last = at + 1 == algs.len();
        attrs.push(Attr::new(if last { AttrTag::END } else { AttrTag::NEXT }, 0));
    }
    attrs
}

/// An UPDATEALGS request that replaces the kernel's table by these algorithms.
///
/// `sync_protocols` are the protocol numbers whose processing is synchronous.
#[must_use]
pub fn update_algorithms(algorithms: &[Algorithm], sync_protocols: &[u32]) -> Message {
    let mut attrs = Vec::new();
    let count = algorithms.len() + sync_protocols.len();
    for alg in algorithms {
        algorithm(alg, &mut attrs);
        attrs.push(Attr::new(AttrTag::NEXT, 0));
    }
    for &proto in sync_protocols {
        attrs.push(Attr::new(AttrTag::PROTO_ID, proto));
        attrs.push(Attr::new(AttrTag::PROTO_EXEC_MODE, 1));
        attrs.push(Attr::new(AttrTag::NEXT, 0));
    }
    if let Some(last) = attrs.last_mut() {
        last.tag = AttrTag::END;
    }
    let count = u16::try_from(count).unwrap_or(u16::MAX);
    Message::request(MsgType::UPDATEALGS, 0).with(Ext::Action { count, reserved: 0, attrs })
}

fn algorithm(alg: &Algorithm, attrs: &mut Vec<Attr>) {
    let (increment, keys) = match &alg.keys {
        KeySizes::None => (0, vec![]),
        KeySizes::List(sizes) => (0, sizes.clone()),
        KeySizes::Range { default, low, high, increment } => {
            (*increment, vec![*default, *low, *high])
        }
    };
    attrs.push(Attr::new(AttrTag::ALG_ID, alg.id.into()));
    attrs.push(Attr::new(AttrTag::ALG_PROTO, alg.proto.number()));
    attrs.push(Attr::new(AttrTag::ALG_INCRBITS, increment.into()));
    for (count, item, values) in [
        (AttrTag::ALG_NKEYSIZES, AttrTag::ALG_KEYSIZE, &keys),
        (AttrTag::ALG_NBLOCKSIZES, AttrTag::ALG_BLOCKSIZE, &alg.blocks),
        (AttrTag::ALG_NPARAMS, AttrTag::ALG_PARAMS, &alg.params),
    ] {
        attrs.push(Attr::new(count, values.len() as u32));
        attrs.extend(values.iter().map(|&value| Attr::new(item, value.into())));
    }
    attrs.push(Attr::new(AttrTag::ALG_FLAGS, alg.flags.bits()));
    attrs.push(Attr::new(AttrTag::ALG_MECHNAME, MECH_NAME_LEN as u32));
    // The name field lies in the list as if it were four attributes.
    let mut name = [0; MECH_NAME_LEN];
    let bytes = alg.mechanism.as_bytes();
    let len = bytes.len().min(MECH_NAME_LEN - 1);
    name[..len].copy_from_slice(&bytes[..len]);
    let word = |at: usize| u32::from_ne_bytes([name[at], name[at + 1], name[at + 2], name[at + 3]]);
    attrs.extend(
        (0..MECH_NAME_LEN)
            .step_by(8)
            .map(|at| Attr { tag: AttrTag(word(at)), value: word(at + 4) }),
    );
}
