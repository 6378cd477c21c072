// SPDX-License-Identifier: MIT OR Apache-2.0

//! ioctls of the data-link driver that tunnels use.
//!
//! Source: `spec/iptun_ioctl.md` section 4.

use super::image::{Fields, Image};
use crate::model::LinkId;

/// Asks for attributes of a link; argument [`Attr`], in and out.
pub const ATTR: u32 = 0x0D1D_0003;
/// Renames a link; argument [`Rename`].
pub const RENAME: u32 = 0x0D1D_0011;
/// Sets a property; argument [`MacProp`].
pub const SETMACPROP: u32 = 0x0D1D_001B;
/// Asks for a property; argument [`MacProp`], in and out.
pub const GETMACPROP: u32 = 0x0D1D_001C;

/// The link status.
pub const PROP_STATUS: u32 = 0x03;
/// The property `zone`.
pub const PROP_ZONE: u32 = 0x07;
/// The property `mtu`.
pub const PROP_MTU: u32 = 0x06;
/// The property `hoplimit` of tunnels.
pub const PROP_HOPLIMIT: u32 = 0x18;
/// The property `encaplimit` of tunnels in IPv6.
pub const PROP_ENCAPLIMIT: u32 = 0x19;

/// [`MacProp::flags`]: the default is wanted, not the value.
pub const PROP_DEFAULT: u32 = 1;
/// [`MacProp::flags`]: the possible values are wanted.
pub const PROP_POSSIBLE: u32 = 2;

/// [`MacProp::permissions`]: can be read.
pub const PERM_READ: u32 = 0x01;
/// [`MacProp::permissions`]: can be set.
pub const PERM_WRITE: u32 = 0x10;

/// Attributes of a link (`dld_ioc_attr_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attr {
    /// The link.
    pub link: LinkId,
    /// Its MTU in bytes.
    pub max_sdu: u32,
}

impl Attr {
    /// Bytes of the structure.
    pub const SIZE: usize = 8;

    /// The image.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Image::new(Self::SIZE).u32(0, self.link.0).u32(4, self.max_sdu).done()
    }

    /// From an image; `None` if it is too short.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let fields = Fields(bytes);
        Some(Self { link: LinkId(fields.u32(0)?), max_sdu: fields.u32(4)? })
    }
}

/// A new name for a link (`dld_ioc_rename_t`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// The link.
    pub link: LinkId,
    /// A second link that gives up its place; none here.
    pub other: LinkId,
    /// The new name.
    pub name: Vec<u8>,
}

impl Rename {
    /// Bytes of the structure.
    pub const SIZE: usize = 40;

    /// The image.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let image = Image::new(Self::SIZE).u32(0, self.link.0).u32(4, self.other.0);
        image.text(8, 32, &self.name).done()
    }

    /// From an image; `None` if it is too short.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let fields = Fields(bytes);
        Some(Self {
            link: LinkId(fields.u32(0)?),
            other: LinkId(fields.u32(4)?),
            name: fields.text(8, 32)?,
        })
    }
}

/// A property of a link (`dld_ioc_macprop_t`).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MacProp {
    /// What is wanted: the value, [`PROP_DEFAULT`] or [`PROP_POSSIBLE`].
    pub flags: u32,
    /// The link.
    pub link: LinkId,
    /// Number of the property.
    pub number: u32,
    /// What can be done with it, on return.
    pub permissions: u32,
    /// Its name; the kernel looks at it for private properties only.
    pub name: Vec<u8>,
    /// The value, or room for one.
    pub value: Vec<u8>,
}

impl MacProp {
    /// Bytes of the structure. The kernel copies as many, however short a value is.
    pub const SIZE: usize = 280;
    /// Bytes before the value.
    pub const HEADER: usize = 276;

    /// The image.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // A value that can be sent is far below the largest u32.
        let size = u32::try_from(self.value.len()).unwrap_or(u32::MAX);
        Image::new(Self::HEADER + self.value.len())
            .u32(0, self.flags)
            .u32(4, self.link.0)
            .u32(8, self.number)
            .u32(12, self.permissions)
            .text(16, 256, &self.name)
            .u32(272, size)
            .put(Self::HEADER, &self.value)
            .done()
    }

    /// From an image; `None` if it is shorter than it says.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let fields = Fields(bytes);
        let size = usize::try_from(fields.u32(272)?).ok()?;
        Some(Self {
            flags: fields.u32(0)?,
            link: LinkId(fields.u32(4)?),
            number: fields.u32(8)?,
            permissions: fields.u32(12)?,
            name: fields.text(16, 256)?,
            value: fields.bytes(Self::HEADER, size)?.to_vec(),
        })
    }
}

/// The values from `min` to `max` (`mac_propval_range_t` with one range of 32-bit values).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PropRange {
    /// The smallest value.
    pub min: u32,
    /// The largest value.
    pub max: u32,
}

/// `MAC_PROPVAL_UINT32`.
const UINT32: u32 = 1;

impl PropRange {
    /// Bytes of the structure.
    pub const SIZE: usize = 16;

    /// The image.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let image = Image::new(Self::SIZE).u32(0, 1).u32(4, UINT32);
        image.u32(8, self.min).u32(12, self.max).done()
    }

    /// From an image; `None` if it has not exactly one range of 32-bit values.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let fields = Fields(bytes);
        let one = fields.u32(0)? == 1 && fields.u32(4)? == UINT32;
        Some(Self { min: fields.u32(8)?, max: fields.u32(12)? }).filter(|_| one)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn comes_back_and_no_part_does(
            words in any::<[u32; 4]>(),
            name in "[a-z_]{0,31}",
            value in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let (link, name) = (LinkId(words[0]), name.into_bytes());
            let attr = Attr { link, max_sdu: words[1] };
            prop_assert_eq!(Attr::decode(&attr.encode()), Some(attr));
            let rename = Rename { link, other: LinkId(words[1]), name: name.clone() };
            let range = PropRange { min: words[0], max: words[1] };
            prop_assert_eq!(PropRange::decode(&range.encode()), Some(range));
            let [flags, _, number, permissions] = words;
            let property = MacProp { flags, link, number, permissions, name, value };
            for len in 0..Attr::SIZE {
                prop_assert_eq!(Attr::decode(&attr.encode()[..len]), None);
            }
            let image = rename.encode();
            for len in 0..image.len() {
                prop_assert_eq!(Rename::decode(&image[..len]), None);
            }
            prop_assert_eq!(Rename::decode(&image), Some(rename));
            let image = property.encode();
            for len in 0..image.len() {
                prop_assert_eq!(MacProp::decode(&image[..len]), None);
            }
            prop_assert_eq!(MacProp::decode(&image), Some(property));
        }
    }

    #[test]
    fn a_size_that_the_bytes_do_not_have() {
        let mut image = MacProp::default().encode();
        image[272..276].fill(0xff);
        assert_eq!(MacProp::decode(&image), None);
        // Several ranges, and ranges of other types.
        for at in [0, 4] {
            let mut image = PropRange { min: 1, max: 2 }.encode();
            image[at] += 1;
            assert_eq!(PropRange::decode(&image), None);
        }
    }
}
