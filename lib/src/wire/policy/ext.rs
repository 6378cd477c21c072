// SPDX-License-Identifier: MIT OR Apache-2.0

//! Extensions as values.
//!
//! An extension becomes a typed value only if its length is the one its type
//! has; anything else is [`Ext::Other`]. Reserved fields are kept, so encoding a
//! decoded extension gives the same bytes.

use zerocopy::{FromBytes, IntoBytes};

use super::RawExt;
use super::action::Attr;
use super::consts::{AF_INET6, ExtType, RuleFlags};
use super::fields::{AddressExt, PortsExt, ProtoExt, RuleExt, RulesetExt, TunNameExt, TypeCodeExt};
use super::image::{
    ActionsImage, AddressImage, AttrImage, ExtImage, PortsImage, ProtoImage, RuleImage,
    RulesetImage, TypeCodeImage,
};
use crate::wire::namespace::NamespaceExt;

/// One extension of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ext {
    /// Local port.
    LocalPort(PortsExt),
    /// Remote port.
    RemotePort(PortsExt),
    /// Upper-layer protocol.
    Proto(ProtoExt),
    /// Local address.
    LocalAddr(AddressExt),
    /// Remote address.
    RemoteAddr(AddressExt),
    /// Alternatives, as a list of attributes.
    Action {
        /// Number of alternatives as stated.
        count: u16,
        /// Reserved field, 0.
        reserved: u16,
        /// Attributes.
        attrs: Vec<Attr>,
    },
    /// Priority, direction, index.
    Rule(RuleExt),
    /// Count and version of a table.
    Ruleset(RulesetExt),
    /// ICMP types and codes.
    TypeCode(TypeCodeExt),
    /// Policy head.
    TunName(TunNameExt),
    /// Owner.
    Namespace(NamespaceExt),
    /// Anything else, or a known type with an unexpected length.
    Other {
        /// Type.
        kind: ExtType,
        /// Everything after length and type.
        body: Vec<u8>,
    },
}

impl Ext {
    /// The type number.
    #[must_use]
    pub fn kind(&self) -> ExtType {
        match self {
            Self::LocalPort(_) => ExtType::LCLPORT,
            Self::RemotePort(_) => ExtType::REMPORT,
            Self::Proto(_) => ExtType::PROTO,
            Self::LocalAddr(_) => ExtType::LCLADDR,
            Self::RemoteAddr(_) => ExtType::REMADDR,
            Self::Action { .. } => ExtType::ACTION,
            Self::Rule(_) => ExtType::RULE,
            Self::Ruleset(_) => ExtType::RULESET,
            Self::TypeCode(_) => ExtType::ICMP_TYPECODE,
            Self::TunName(_) => ExtType::TUN_NAME,
            Self::Namespace(_) => ExtType::NAMESPACE,
            Self::Other { kind, .. } => *kind,
        }
    }

    /// Bytes of the encoded extension, a multiple of 8.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::LocalPort(_) | Self::RemotePort(_) | Self::Proto(_) | Self::TypeCode(_) => 8,
            Self::LocalAddr(a) | Self::RemoteAddr(a) => (8 + a.data.len()).next_multiple_of(8),
            Self::Action { attrs, .. } => 8 + 8 * attrs.len(),
            Self::Rule(_) => 24,
            Self::Ruleset(_) => 16,
            Self::TunName(name) => (4 + name.0.len()).next_multiple_of(8),
            Self::Namespace(namespace) => namespace.encoded_len(),
            Self::Other { body, .. } => (4 + body.len()).next_multiple_of(8),
        }
    }

    /// Reads one extension.
    #[must_use]
    pub fn decode(raw: &RawExt<'_>) -> Self {
        let bytes = raw.bytes;
        Self::decode_known(raw.kind, bytes)
            .unwrap_or_else(|| Self::Other { kind: raw.kind, body: bytes[4..].to_vec() })
    }

    fn decode_known(kind: ExtType, bytes: &[u8]) -> Option<Self> {
        Some(match kind {
            ExtType::LCLPORT => Self::LocalPort(ports(bytes)?),
            ExtType::REMPORT => Self::RemotePort(ports(bytes)?),
            ExtType::PROTO => {
                let image = ProtoImage::read_from_bytes(bytes).ok()?;
                let reserved = (image.reserved1, image.reserved2.get());
                Self::Proto(ProtoExt { number: image.number, reserved })
            }
            ExtType::LCLADDR => Self::LocalAddr(address(bytes)?),
            ExtType::REMADDR => Self::RemoteAddr(address(bytes)?),
            ExtType::ACTION => {
                let (image, rest) = ActionsImage::read_from_prefix(bytes).ok()?;
                let attrs = <[AttrImage]>::ref_from_bytes(rest).ok()?;
                Self::Action {
                    count: image.count.get(),
                    reserved: image.reserved.get(),
                    attrs: attrs.iter().map(Attr::from_image).collect(),
                }
            }
            ExtType::RULE => {
                let image = RuleImage::read_from_bytes(bytes).ok()?;
                Self::Rule(RuleExt {
                    priority: image.priority.get(),
                    flags: RuleFlags::from_bits_retain(image.flags.get()),
                    unused: image.unused.get(),
                    index: image.index.get(),
                })
            }
            ExtType::RULESET => {
                let image = RulesetImage::read_from_bytes(bytes).ok()?;
                Self::Ruleset(RulesetExt { count: image.count.get(), version: image.version.get() })
            }
            ExtType::ICMP_TYPECODE => {
                let image = TypeCodeImage::read_from_bytes(bytes).ok()?;
                Self::TypeCode(TypeCodeExt {
                    type_min: image.type_min,
                    type_end: image.type_end,
                    code: image.code,
                    code_end: image.code_end,
                })
            }
            ExtType::TUN_NAME => Self::TunName(TunNameExt(bytes[4..].to_vec())),
            ExtType::NAMESPACE => Self::Namespace(NamespaceExt::decode(bytes)?),
            _ => return None,
        })
    }

    /// Appends the bytes of the extension.
    ///
    /// # Panics
    ///
    /// If the extension is longer than its length field can say (524,280 bytes).
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let len = self.encoded_len();
        let words = u16::try_from(len / 8).expect("extension fits its length field");
        out.reserve(len);
        out.extend_from_slice(
            ExtImage { len: words.into(), kind: self.kind().0.into() }.as_bytes(),
        );
        match self {
            Self::LocalPort(p) | Self::RemotePort(p) => {
                out.extend_from_slice(&p.min.to_be_bytes());
                out.extend_from_slice(&p.max.to_be_bytes());
            }
            Self::Proto(p) => {
                out.extend_from_slice(&[p.number, p.reserved.0]);
                out.extend_from_slice(&p.reserved.1.to_ne_bytes());
            }
            Self::LocalAddr(a) | Self::RemoteAddr(a) => {
                out.extend_from_slice(&[a.af, a.prefixlen]);
                out.extend_from_slice(&a.reserved.to_ne_bytes());
                out.extend_from_slice(&a.data);
            }
            Self::Action { count, reserved, attrs } => {
                out.extend_from_slice(&count.to_ne_bytes());
                out.extend_from_slice(&reserved.to_ne_bytes());
                for attr in attrs {
                    out.extend_from_slice(attr.image().as_bytes());
                }
            }
            Self::Rule(r) => {
                out.extend_from_slice(&r.priority.to_ne_bytes());
                out.extend_from_slice(&r.flags.bits().to_ne_bytes());
                out.extend_from_slice(&r.unused.to_ne_bytes());
                out.extend_from_slice(&r.index.to_ne_bytes());
            }
            Self::Ruleset(r) => {
                out.extend_from_slice(&r.count.to_ne_bytes());
                out.extend_from_slice(&r.version.to_ne_bytes());
            }
            Self::TypeCode(t) => {
                out.extend_from_slice(&[t.type_min, t.type_end, t.code, t.code_end]);
            }
            Self::TunName(name) => out.extend_from_slice(&name.0),
            Self::Namespace(namespace) => namespace.encode_body(out),
            Self::Other { body, .. } => out.extend_from_slice(body),
        }
        out.resize(start + len, 0);
    }
}

fn ports(bytes: &[u8]) -> Option<PortsExt> {
    let image = PortsImage::read_from_bytes(bytes).ok()?;
    Some(PortsExt { min: image.min.get(), max: image.max.get() })
}

fn address(bytes: &[u8]) -> Option<AddressExt> {
    let (image, data) = AddressImage::read_from_prefix(bytes).ok()?;
    let expected = if image.af == AF_INET6 { 16 } else { 8 };
    (data.len() == expected).then(|| AddressExt {
        af: image.af,
        prefixlen: image.prefixlen,
        reserved: image.reserved.get(),
        data: data.to_vec(),
    })
}
