// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is asked of the daemon.

use super::super::errno::Errno;
use super::super::image::{Fields, Image};
use super::{ATTR_NAME, ATTR_VALUE, ConfId, LinkFlags, NAME};
use crate::model::{LinkClass, LinkId};

/// A stored value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttrValue {
    /// A string, here without its NUL.
    Str(Vec<u8>),
    /// A boolean.
    Bool(bool),
    /// A number.
    U64(u64),
}

impl AttrValue {
    /// Number of its type.
    #[must_use]
    pub fn kind(&self) -> u32 {
        match self {
            Self::Str(_) => 0,
            Self::Bool(_) => 1,
            Self::U64(_) => 2,
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Str(text) => [text.as_slice(), &[0]].concat(),
            Self::Bool(value) => u32::from(*value).to_le_bytes().to_vec(),
            Self::U64(value) => value.to_le_bytes().to_vec(),
        }
    }

    /// From type and bytes; `None` if they do not fit.
    #[must_use]
    pub fn from_parts(kind: u32, bytes: &[u8]) -> Option<Self> {
        match kind {
            0 => {
                let end = bytes.iter().position(|byte| *byte == 0)?;
                Some(Self::Str(bytes[..end].to_vec()))
            }
            1 => Some(Self::Bool(u32::from_le_bytes(bytes.try_into().ok()?) != 0)),
            2 => Some(Self::U64(u64::from_le_bytes(bytes.try_into().ok()?))),
            _ => None,
        }
    }
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields say what they are")]
pub enum Request {
    /// Name, class, media and flags of a link.
    GetName { link: LinkId },
    /// The link with a name.
    GetLinkId { name: Vec<u8> },
    /// The first link with a larger number.
    GetNext { after: LinkId, class: LinkClass, flags: LinkFlags, media: u64 },
    /// Gives a link to a zone.
    SetZoneId { link: LinkId, zone: u32 },
    /// A new link.
    CreateLinkId { name: Vec<u8>, class: LinkClass, media: u32, prefix: bool, flags: LinkFlags },
    /// Takes flags off a link; without any it is gone.
    DestroyLinkId { link: LinkId, flags: LinkFlags },
    /// A new name for a link.
    RemapLinkId { link: LinkId, name: Vec<u8> },
    /// A new, empty work copy.
    CreateConf { name: Vec<u8>, link: LinkId, class: LinkClass, media: u32 },
    /// A work copy of what is stored.
    OpenConf { link: LinkId },
    /// Stores a work copy in place of what is stored.
    WriteConf { conf: ConfId },
    /// Makes a stored link active.
    UpLinkId { link: LinkId },
    /// Sets an attribute of a work copy.
    SetAttr { conf: ConfId, name: Vec<u8>, value: AttrValue },
    /// Removes an attribute of a work copy.
    UnsetAttr { conf: ConfId, name: Vec<u8> },
    /// Removes what is stored of a link.
    RemoveConf { link: LinkId },
    /// Frees a work copy.
    DestroyConf { conf: ConfId },
    /// An attribute of a work copy.
    GetAttr { conf: ConfId, name: Vec<u8> },
    /// All that is stored of a link.
    Snapshot { link: LinkId },
}

impl Request {
    /// Number of the command.
    #[must_use]
    pub fn command(&self) -> u32 {
        self.row().0
    }

    /// Name of the command in the header file, without its prefix.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.row().1
    }

    fn row(&self) -> (u32, &'static str) {
        match self {
            Self::GetName { .. } => (4, "GETNAME"),
            Self::GetLinkId { .. } => (5, "GETLINKID"),
            Self::GetNext { .. } => (6, "GETNEXT"),
            Self::SetZoneId { .. } => (9, "SETZONEID"),
            Self::CreateLinkId { .. } => (128, "CREATE_LINKID"),
            Self::DestroyLinkId { .. } => (129, "DESTROY_LINKID"),
            Self::RemapLinkId { .. } => (130, "REMAP_LINKID"),
            Self::CreateConf { .. } => (131, "CREATECONF"),
            Self::OpenConf { .. } => (132, "OPENCONF"),
            Self::WriteConf { .. } => (133, "WRITECONF"),
            Self::UpLinkId { .. } => (134, "UP_LINKID"),
            Self::SetAttr { .. } => (135, "SETATTR"),
            Self::UnsetAttr { .. } => (136, "UNSETATTR"),
            Self::RemoveConf { .. } => (137, "REMOVECONF"),
            Self::DestroyConf { .. } => (138, "DESTROYCONF"),
            Self::GetAttr { .. } => (139, "GETATTR"),
            Self::Snapshot { .. } => (140, "GETCONFSNAPSHOT"),
        }
    }

    /// Does carrying it out change anything? Then it needs a privilege.
    #[must_use]
    pub fn needs_privilege(&self) -> bool {
        !matches!(
            self,
            Self::GetName { .. }
                | Self::GetLinkId { .. }
                | Self::GetNext { .. }
                | Self::Snapshot { .. }
        )
    }

    /// The image.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let image = |size| Image::new(size).u32(0, self.command());
        let image = match self {
            Self::GetName { link }
            | Self::OpenConf { link }
            | Self::UpLinkId { link }
            | Self::RemoveConf { link }
            | Self::Snapshot { link } => image(8).u32(4, link.0),
            Self::WriteConf { conf } | Self::DestroyConf { conf } => image(8).u32(4, conf.0),
            Self::GetLinkId { name } => image(36).text(4, NAME, name),
            Self::GetNext { after, class, flags, media } => {
                image(24).u32(4, after.0).u32(8, class.bits()).u32(12, flags.bits()).u64(16, *media)
            }
            Self::SetZoneId { link, zone } => image(12).u32(4, link.0).u32(8, *zone),
            Self::CreateLinkId { name, class, media, prefix, flags } => image(52)
                .text(4, NAME, name)
                .u32(36, class.bits())
                .u32(40, *media)
                .u32(44, u32::from(*prefix))
                .u32(48, flags.bits()),
            Self::DestroyLinkId { link, flags } => image(12).u32(4, link.0).u32(8, flags.bits()),
            Self::RemapLinkId { link, name } => image(40).u32(4, link.0).text(8, NAME, name),
            Self::CreateConf { name, link, class, media } => {
                image(48).text(4, NAME, name).u32(36, link.0).u32(40, class.bits()).u32(44, *media)
            }
            Self::SetAttr { conf, name, value } => {
                let mut bytes = value.bytes();
                bytes.truncate(ATTR_VALUE);
                image(48 + ATTR_VALUE)
                    .u32(4, conf.0)
                    .text(8, ATTR_NAME, name)
                    .u32(40, bytes.len() as u32)
                    .u32(44, value.kind())
                    .put(48, &bytes)
            }
            Self::UnsetAttr { conf, name } | Self::GetAttr { conf, name } => {
                image(40).u32(4, conf.0).text(8, ATTR_NAME, name)
            }
        };
        image.done()
    }

    /// From an image. A command that is unknown, a size that does not fit or a value that
    /// cannot be one is EINVAL.
    pub fn decode(bytes: &[u8]) -> Result<Self, Errno> {
        let request = Self::read(Fields(bytes)).ok_or(Errno::EINVAL)?;
        if request.encode().len() == bytes.len() { Ok(request) } else { Err(Errno::EINVAL) }
    }

    fn read(fields: Fields<'_>) -> Option<Self> {
        let link = |at| fields.u32(at).map(LinkId);
        let conf = || fields.u32(4).map(ConfId);
        let class = |at| fields.u32(at).map(LinkClass::from_bits_retain);
        let flags = |at| fields.u32(at).map(LinkFlags::from_bits_retain);
        Some(match fields.u32(0)? {
            4 => Self::GetName { link: link(4)? },
            5 => Self::GetLinkId { name: fields.text(4, NAME)? },
            6 => Self::GetNext {
                after: link(4)?,
                class: class(8)?,
                flags: flags(12)?,
                media: fields.u64(16)?,
            },
            9 => Self::SetZoneId { link: link(4)?, zone: fields.u32(8)? },
            128 => Self::CreateLinkId {
                name: fields.text(4, NAME)?,
                class: class(36)?,
                media: fields.u32(40)?,
                prefix: fields.u32(44)? != 0,
                flags: flags(48)?,
            },
            129 => Self::DestroyLinkId { link: link(4)?, flags: flags(8)? },
            130 => Self::RemapLinkId { link: link(4)?, name: fields.text(8, NAME)? },
            131 => Self::CreateConf {
                name: fields.text(4, NAME)?,
                link: link(36)?,
                class: class(40)?,
                media: fields.u32(44)?,
            },
            132 => Self::OpenConf { link: link(4)? },
            133 => Self::WriteConf { conf: conf()? },
            134 => Self::UpLinkId { link: link(4)? },
            135 => {
                let len = usize::try_from(fields.u32(40)?).ok()?;
                let value = fields.bytes(48, ATTR_VALUE)?.get(..len)?;
                Self::SetAttr {
                    conf: conf()?,
                    name: fields.text(8, ATTR_NAME)?,
                    value: AttrValue::from_parts(fields.u32(44)?, value)?,
                }
            }
            136 => Self::UnsetAttr { conf: conf()?, name: fields.text(8, ATTR_NAME)? },
            137 => Self::RemoveConf { link: link(4)? },
            138 => Self::DestroyConf { conf: conf()? },
            139 => Self::GetAttr { conf: conf()?, name: fields.text(8, ATTR_NAME)? },
            140 => Self::Snapshot { link: link(4)? },
            _ => return None,
        })
    }
}
