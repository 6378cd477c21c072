// SPDX-License-Identifier: MIT OR Apache-2.0

//! The fixed parts of messages, byte for byte.
//!
//! ```text
//! header     version type errno spdid | len diagnostic | seq | pid
//! extension  len type | ...
//! ```

use std::mem::offset_of;

use zerocopy::byteorder::native_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::consts::{MsgType, VERSION};
use super::diag::Diagnostic;
use crate::wire::errno::Errno;

pub use crate::wire::frame::HEADER_LEN;

macro_rules! image {
    ($(#[$doc:meta])* $name:ident, $size:literal {
        $($(#[$fdoc:meta])* $field:ident at $at:literal: $ty:ty,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
        #[repr(C)]
        pub struct $name { $($(#[$fdoc])* pub $field: $ty,)* }

        const _: () = {
            assert!(size_of::<$name>() == $size);
            $(assert!(offset_of!($name, $field) == $at);)*
        };
    };
}

image! {
    /// `spd_msg_t`.
    HeaderImage, 16 {
        /// Version.
        version at 0: u8,
        /// Type.
        kind at 1: u8,
        /// Error number.
        errno at 2: u8,
        /// Database.
        spdid at 3: u8,
        /// Length in words.
        len at 4: U16,
        /// Diagnostic.
        diagnostic at 6: U16,
        /// Sequence number.
        seq at 8: U32,
        /// Process id.
        pid at 12: U32,
    }
}

image! {
    /// `spd_ext_t`.
    ExtImage, 4 {
        /// Length in words.
        len at 0: U16,
        /// Type.
        kind at 2: U16,
    }
}

image! {
    /// `struct spd_rule`.
    RuleImage, 24 {
        /// Length in words.
        len at 0: U16,
        /// Type.
        kind at 2: U16,
        /// Priority.
        priority at 4: U32,
        /// Flags.
        flags at 8: U32,
        /// Zero.
        unused at 12: U32,
        /// Index.
        index at 16: U64,
    }
}

image! {
    /// `spd_address_t`; address bytes follow.
    AddressImage, 8 {
        /// Length in words.
        len at 0: U16,
        /// Type.
        kind at 2: U16,
        /// Address family.
        af at 4: u8,
        /// Prefix length in bits.
        prefixlen at 5: u8,
        /// Zero.
        reserved at 6: U16,
    }
}

image! {
    /// `struct spd_proto`.
    ProtoImage, 8 {
        /// Length in words.
        len at 0: U16,
        /// Type.
        kind at 2: U16,
        /// Protocol number.
        number at 4: u8,
        /// Zero.
        reserved1 at 5: u8,
        /// Zero.
        reserved2 at 6: U16,
    }
}

image! {
    /// `struct spd_portrange`.
    PortsImage, 8 {
        /// Length in words.
        len at 0: U16,
        /// Type.
        kind at 2: U16,
        /// First port.
        min at 4: zerocopy::byteorder::big_endian::U16,
        /// Last port; ignored by the kernel.
        max at 6: zerocopy::byteorder::big_endian::U16,
    }
}

image! {
    /// `struct spd_typecode`.
    TypeCodeImage, 8 {
        /// Length in words.
        len at 0: U16,
        /// Type.
        kind at 2: U16,
        /// First ICMP type.
        type_min at 4: u8,
        /// Last ICMP type.
        type_end at 5: u8,
        /// First ICMP code; 255 is any.
        code at 6: u8,
        /// Last ICMP code.
        code_end at 7: u8,
    }
}

image! {
    /// `struct spd_ext_actions`; attributes follow.
    ActionsImage, 8 {
        /// Length in words.
        len at 0: U16,
        /// Type.
        kind at 2: U16,
        /// Number of alternatives.
        count at 4: U16,
        /// Zero.
        reserved at 6: U16,
    }
}

image! {
    /// `struct spd_attribute`.
    AttrImage, 8 {
        /// Tag.
        tag at 0: U32,
        /// Value.
        value at 4: U32,
    }
}

image! {
    /// `spd_ruleset_ext_t`.
    RulesetImage, 16 {
        /// Length in words.
        len at 0: U16,
        /// Type.
        kind at 2: U16,
        /// Number of rules.
        count at 4: U32,
        /// Version of the table.
        version at 8: U64,
    }
}

/// The header of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Protocol version; the kernel does not look at it.
    pub version: u8,
    /// Message type.
    pub kind: MsgType,
    /// Error number of a reply.
    pub errno: Errno,
    /// Database: 0 active, 1 standby.
    pub spdid: u8,
    /// Length of the whole message in 64-bit words.
    pub len: u16,
    /// Diagnostic of a reply.
    pub diagnostic: Diagnostic,
    /// Sequence number, chosen by the client.
    pub seq: u32,
    /// Process id, chosen by the client.
    pub pid: u32,
}

impl Header {
    /// A request header with everything else zero.
    #[must_use]
    pub fn request(kind: MsgType, spdid: u8) -> Self {
        Self {
            version: VERSION,
            kind,
            errno: Errno::OK,
            spdid,
            len: 0,
            diagnostic: Diagnostic::NONE,
            seq: 0,
            pid: 0,
        }
    }

    /// Reads a header; missing bytes count as zero.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let mut image = [0; HEADER_LEN];
        let n = bytes.len().min(HEADER_LEN);
        image[..n].copy_from_slice(&bytes[..n]);
        let image: HeaderImage = zerocopy::transmute!(image);
        Self {
            version: image.version,
            kind: MsgType(image.kind),
            errno: Errno(image.errno),
            spdid: image.spdid,
            len: image.len.get(),
            diagnostic: Diagnostic(image.diagnostic.get()),
            seq: image.seq.get(),
            pid: image.pid.get(),
        }
    }

    /// The 16 bytes.
    #[must_use]
    pub fn bytes(&self) -> [u8; HEADER_LEN] {
        zerocopy::transmute!(HeaderImage {
            version: self.version,
            kind: self.kind.0,
            errno: self.errno.0,
            spdid: self.spdid,
            len: self.len.into(),
            diagnostic: self.diagnostic.0.into(),
            seq: self.seq.into(),
            pid: self.pid.into(),
        })
    }
}
