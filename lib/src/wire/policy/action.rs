// SPDX-License-Identifier: MIT OR Apache-2.0

//! Action attributes to and from alternatives.

use super::consts::AttrTag;
use super::image::AttrImage;
use crate::model::{ActionFlags, ActionKind, AlgChoice, Alternative};

/// One attribute of an ACTION extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attr {
    /// What it is.
    pub tag: AttrTag,
    /// Its value.
    pub value: u32,
}

impl Attr {
    /// An attribute.
    #[must_use]
    pub fn new(tag: AttrTag, value: u32) -> Self {
        Self { tag, value }
    }

    pub(super) fn from_image(image: &AttrImage) -> Self {
        Self { tag: AttrTag(image.tag.get()), value: image.value.get() }
    }

    pub(super) fn image(self) -> AttrImage {
        AttrImage { tag: self.tag.0.into(), value: self.value.into() }
    }
}

/// An alternative read from a dump record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodedAlternative {
    /// What it does.
    pub alternative: Alternative,
    /// Attributes that say something else, each with its position in the list.
    pub extras: Vec<(usize, Attr)>,
}

impl Alternative {
    /// The state after EMPTY: nothing chosen, no upper bounds for keys.
    #[must_use]
    pub fn empty() -> Self {
        let alg = AlgChoice { id: 0, min: 0, max: u16::MAX };
        Self {
            kind: ActionKind::Other(0),
            flags: ActionFlags::empty(),
            ah: alg,
            encr: alg,
            esp_auth: alg,
            km_proto: 0,
            km_cookie: 0,
            replay_depth: 0,
        }
    }
}

impl ActionKind {
    /// The number of a TYPE attribute.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Drop => 1,
            Self::Pass => 2,
            Self::Ipsec => 3,
            Self::Other(number) => number,
        }
    }

    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Drop,
            2 => Self::Pass,
            3 => Self::Ipsec,
            other => Self::Other(other),
        }
    }
}

/// Reads the alternatives of a dump record. Attributes after END are ignored, a
/// missing END ends the last alternative.
#[must_use]
pub fn decode_alternatives(attrs: &[Attr]) -> Vec<DecodedAlternative> {
    let empty = || DecodedAlternative { alternative: Alternative::empty(), extras: Vec::new() };
    let mut done = Vec::new();
    let mut open = empty();
    let mut dirty = false;
    for (position, &attr) in attrs.iter().enumerate() {
        match attr.tag {
            AttrTag::NOP => continue,
            AttrTag::EMPTY => {
                open.alternative = Alternative::empty();
                continue;
            }
            AttrTag::NEXT | AttrTag::END => {
                done.push(std::mem::replace(&mut open, empty()));
                dirty = false;
                if attr.tag == AttrTag::END {
                    return done;
                }
                continue;
            }
            _ => {}
        }
        dirty = true;
        if !apply(&mut open.alternative, attr) {
            open.extras.push((position, attr));
        }
    }
    if dirty {
        done.push(open);
    }
    done
}

/// Takes over one attribute; false if it has no place in an alternative.
fn apply(alt: &mut Alternative, attr: Attr) -> bool {
    let Attr { tag, value } = attr;
    // The kernel keeps 8 bits of an algorithm number and 16 of a key size.
    let (id, bits) = (value as u8, value as u16);
    match tag {
        AttrTag::TYPE => alt.kind = ActionKind::from_number(value),
        AttrTag::FLAGS => alt.flags = ActionFlags::from_bits_retain(value),
        AttrTag::AH_AUTH => alt.ah.id = id,
        AttrTag::AH_MINBITS => alt.ah.min = bits,
        AttrTag::AH_MAXBITS => alt.ah.max = bits,
        AttrTag::ESP_ENCR => alt.encr.id = id,
        AttrTag::ENCR_MINBITS => alt.encr.min = bits,
        AttrTag::ENCR_MAXBITS => alt.encr.max = bits,
        AttrTag::ESP_AUTH => alt.esp_auth.id = id,
        AttrTag::ESPA_MINBITS => alt.esp_auth.min = bits,
        AttrTag::ESPA_MAXBITS => alt.esp_auth.max = bits,
        _ => return false,
    }
    true
}

/// The attributes with which a dump record describes alternatives.
///
/// Key bounds are always present. A key management cookie is tagged as the
/// protocol once more, as the kernel does.
#[must_use]
pub fn encode_alternatives<'a>(
    alternatives: impl IntoIterator<Item = &'a Alternative>,
) -> Vec<Attr> {
    let mut attrs = Vec::new();
    let mut put = |tag, value| attrs.push(Attr { tag, value });
    let mut first = true;
    for alt in alternatives {
        if !std::mem::take(&mut first) {
            put(AttrTag::NEXT, 0);
        }
        put(AttrTag::EMPTY, 0);
        match alt.kind {
            ActionKind::Other(_) => {}
            kind => put(AttrTag::TYPE, kind.number()),
        }
        if alt.kind == ActionKind::Ipsec {
            put(AttrTag::FLAGS, alt.flags.bits());
            if alt.flags.contains(ActionFlags::AH) {
                put(AttrTag::AH_AUTH, alt.ah.id.into());
                put(AttrTag::AH_MINBITS, alt.ah.min.into());
                put(AttrTag::AH_MAXBITS, alt.ah.max.into());
            }
            if alt.flags.contains(ActionFlags::ESP) {
                put(AttrTag::ESP_ENCR, alt.encr.id.into());
                put(AttrTag::ENCR_MINBITS, alt.encr.min.into());
                put(AttrTag::ENCR_MAXBITS, alt.encr.max.into());
                if alt.flags.contains(ActionFlags::ESP_AUTH) {
                    put(AttrTag::ESP_AUTH, alt.esp_auth.id.into());
                    put(AttrTag::ESPA_MINBITS, alt.esp_auth.min.into());
                    put(AttrTag::ESPA_MAXBITS, alt.esp_auth.max.into());
                }
            }
            if alt.km_proto != 0 {
                put(AttrTag::KM_PROTO, alt.km_proto);
            }
            if alt.km_cookie != 0 {
                put(AttrTag::KM_PROTO, alt.km_cookie);
            }
            if alt.replay_depth != 0 {
                put(AttrTag::REPLAY_DEPTH, alt.replay_depth);
            }
        }
    }
    put(AttrTag::END, 0);
    attrs
}
