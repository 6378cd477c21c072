// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the daemon answers.

use super::super::errno::Errno;
use super::super::image::{Fields, Image};
use super::super::nvlist;
use super::{ATTR_VALUE, AttrValue, ConfId, LinkFlags, NAME, Request};
use crate::model::{LinkClass, LinkId};

/// A link (`struct dlmgmt_linkid_retval_s`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields say what they are")]
pub struct LinkInfo {
    pub link: LinkId,
    pub flags: LinkFlags,
    pub class: LinkClass,
    pub media: u32,
}

/// A link with its name (`dlmgmt_getname_retval_t`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields say what they are")]
pub struct NameInfo {
    pub name: Vec<u8>,
    pub class: LinkClass,
    pub media: u32,
    pub flags: LinkFlags,
}

/// A reply without error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Done.
    Plain,
    /// A link.
    Link(LinkInfo),
    /// A link with its name.
    Name(NameInfo),
    /// A work copy.
    Conf(ConfId),
    /// An attribute.
    Attr(AttrValue),
    /// Names and bytes of all stored attributes.
    Snapshot(Vec<(Vec<u8>, Vec<u8>)>),
}

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// The daemon refused.
    #[error("{0}")]
    Errno(Errno),
    /// The answer is none.
    #[error("the link daemon's answer of {len} bytes is not understood")]
    Malformed {
        /// Bytes in it.
        len: usize,
    },
}

/// Kinds of replies, each with a size.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Plain,
    Link,
    Name,
    Conf,
    Attr,
    Snapshot,
}

impl Shape {
    fn of(request: &Request) -> Self {
        match request {
            Request::GetName { .. } => Self::Name,
            Request::GetLinkId { .. } | Request::GetNext { .. } | Request::CreateLinkId { .. } => {
                Self::Link
            }
            Request::CreateConf { .. } | Request::OpenConf { .. } => Self::Conf,
            Request::GetAttr { .. } => Self::Attr,
            Request::Snapshot { .. } => Self::Snapshot,
            _ => Self::Plain,
        }
    }

    fn size(self) -> usize {
        match self {
            Self::Plain => 4,
            Self::Link => 24,
            Self::Name => 48,
            Self::Conf | Self::Snapshot => 8,
            Self::Attr => 16 + ATTR_VALUE,
        }
    }
}

impl Reply {
    /// The image.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Plain => Image::new(Shape::Plain.size()).done(),
            Self::Link(link) => Image::new(Shape::Link.size())
                .u32(4, link.link.0)
                .u32(8, link.flags.bits())
                .u32(12, link.class.bits())
                .u32(16, link.media)
                .done(),
            Self::Name(link) => Image::new(Shape::Name.size())
                .text(4, NAME, &link.name)
                .u32(36, link.class.bits())
                .u32(40, link.media)
                .u32(44, link.flags.bits())
                .done(),
            Self::Conf(conf) => Image::new(Shape::Conf.size()).u32(4, conf.0).done(),
            Self::Attr(value) => {
                let mut bytes = value.bytes();
                bytes.truncate(ATTR_VALUE);
                Image::new(Shape::Attr.size())
                    .u32(4, value.kind())
                    .u32(8, bytes.len() as u32)
                    .put(16, &bytes)
                    .done()
            }
            Self::Snapshot(pairs) => {
                let list = nvlist::encode(pairs);
                let head = Image::new(Shape::Snapshot.size()).u32(4, list.len() as u32).done();
                [head, list].concat()
            }
        }
    }

    /// The image of a refusal: of the size that belongs to the request. If the request
    /// was not understood, it is the errno alone.
    #[must_use]
    pub fn encode_error(request: Option<&Request>, errno: Errno) -> Vec<u8> {
        let shape = request.map_or(Shape::Plain, Shape::of);
        Image::new(shape.size()).u32(0, errno.0.into()).done()
    }

    /// The reply to a request.
    pub fn decode(request: &Request, bytes: &[u8]) -> Result<Self, ReplyError> {
        let malformed = ReplyError::Malformed { len: bytes.len() };
        let fields = Fields(bytes);
        match fields.u32(0).ok_or(malformed)? {
            0 => {}
            errno => {
                let errno = u8::try_from(errno).map_err(|_| malformed)?;
                return Err(ReplyError::Errno(Errno(errno)));
            }
        }
        let shape = Shape::of(request);
        if bytes.len() != shape.size() && shape != Shape::Snapshot {
            return Err(malformed);
        }
        Self::read(shape, fields).ok_or(malformed)
    }

    fn read(shape: Shape, fields: Fields<'_>) -> Option<Self> {
        Some(match shape {
            Shape::Plain => Self::Plain,
            Shape::Link => Self::Link(LinkInfo {
                link: LinkId(fields.u32(4)?),
                flags: LinkFlags::from_bits_retain(fields.u32(8)?),
                class: LinkClass::from_bits_retain(fields.u32(12)?),
                media: fields.u32(16)?,
            }),
            Shape::Name => Self::Name(NameInfo {
                name: fields.text(4, NAME)?,
                class: LinkClass::from_bits_retain(fields.u32(36)?),
                media: fields.u32(40)?,
                flags: LinkFlags::from_bits_retain(fields.u32(44)?),
            }),
            Shape::Conf => Self::Conf(ConfId(fields.u32(4)?)),
            Shape::Attr => {
                let len = usize::try_from(fields.u32(8)?).ok()?;
                let value = fields.bytes(16, ATTR_VALUE)?.get(..len)?;
                Self::Attr(AttrValue::from_parts(fields.u32(4)?, value)?)
            }
            Shape::Snapshot => {
                let len = usize::try_from(fields.u32(4)?).ok()?;
                Self::Snapshot(nvlist::decode(fields.bytes(8, len)?)?)
            }
        })
    }
}
