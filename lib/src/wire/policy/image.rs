// SPDX-License-Identifier: MIT OR Apache-2.0

//! The fixed parts of messages, byte for byte.
//!
//! ```text
//! header     version type errno spdid | len diagnostic | seq | pid
//! extension  len type | ...
//! ```

use zerocopy::byteorder::native_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::consts::{MsgType, VERSION};
use super::diag::Diagnostic;
use crate::wire::errno::Errno;

pub use crate::wire::frame::HEADER_LEN;

macro_rules! image {
    ($(#[$doc:meta])* $name:ident, $size:literal { $($(#[$fdoc:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
        #[repr(C)]
        pub struct $name { $($(#[$fdoc])* pub $field: $ty,)* }

        const _: () = assert!(size_of::<$name>() == $size);
    };
}

image! {
    /// `spd_msg_t`.
    HeaderImage, 16 {
        /// Version.
        version: u8,
        /// Type.
        kind: u8,
        /// Error number.
        errno: u8,
        /// Database.
        spdid: u8,
        /// Length in words.
        len: U16,
        /// Diagnostic.
        diagnostic: U16,
        /// Sequence number.
        seq: U32,
        /// Process id.
        pid: U32,
    }
}

image! {
    /// `spd_ext_t`.
    ExtImage, 4 {
        /// Length in words.
        len: U16,
        /// Type.
        kind: U16,
    }
}

image! {
    /// `struct spd_rule`.
    RuleImage, 24 {
        /// Length in words.
        len: U16,
        /// Type.
        kind: U16,
        /// Priority.
        priority: U32,
        /// Flags.
        flags: U32,
        /// Zero.
        unused: U32,
        /// Index.
        index: U64,
    }
}

image! {
    /// `spd_address_t`; address bytes follow.
    AddressImage, 8 {
        /// Length in words.
        len: U16,
        /// Type.
        kind: U16,
        /// Address family.
        af: u8,
        /// Prefix length in bits.
        prefixlen: u8,
        /// Zero.
        reserved: U16,
    }
}

image! {
    /// `struct spd_proto`.
    ProtoImage, 8 {
        /// Length in words.
        len: U16,
        /// Type.
        kind: U16,
        /// Protocol number.
        number: u8,
        /// Zero.
        reserved1: u8,
        /// Zero.
        reserved2: U16,
    }
}

image! {
    /// `struct spd_portrange`.
    PortsImage, 8 {
        /// Length in words.
        len: U16,
        /// Type.
        kind: U16,
        /// First port.
        min: zerocopy::byteorder::big_endian::U16,
        /// Last port; ignored by the kernel.
        max: zerocopy::byteorder::big_endian::U16,
    }
}

image! {
    /// `struct spd_typecode`.
    TypeCodeImage, 8 {
        /// Length in words.
        len: U16,
        /// Type.
        kind: U16,
        /// First ICMP type.
        type_min: u8,
        /// Last ICMP type.
        type_end: u8,
        /// First ICMP code; 255 is any.
        code: u8,
        /// Last ICMP code.
        code_end: u8,
    }
}

image! {
    /// `struct spd_ext_actions`; attributes follow.
    ActionsImage, 8 {
        /// Length in words.
        len: U16,
        /// Type.
        kind: U16,
        /// Number of alternatives.
        count: U16,
        /// Zero.
        reserved: U16,
    }
}

image! {
    /// `struct spd_attribute`.
    AttrImage, 8 {
        /// Tag.
        tag: U32,
        /// Value.
        value: U32,
    }
}

image! {
    /// `spd_ruleset_ext_t`.
    RulesetImage, 16 {
        /// Length in words.
        len: U16,
        /// Type.
        kind: U16,
        /// Number of rules.
        count: U32,
        /// Version of the table.
        version: U64,
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
