// SPDX-License-Identifier: MIT OR Apache-2.0

//! Calls of the link daemon's door.
//!
//! One structure goes in and one comes out, each of exactly the size that belongs to
//! the command. The first word of a reply is an errno.
//! Source: `spec/iptun_ioctl.md` section 5, `spec/iptun_layout.json`.

mod reply;
mod request;
mod text;

use std::ffi::CStr;

use bitflags::bitflags;

pub use reply::{LinkInfo, NameInfo, Reply, ReplyError};
pub use request::{AttrValue, Request};

/// Door of the daemon, in every zone.
pub const DOOR: &CStr = c"/etc/svc/volatile/dladm/dlmgmt_door";

/// [`Request::GetNext`]: links of any media.
pub const ANY_MEDIA: u64 = 1 << 32;

/// Bytes of a link name field.
const NAME: usize = 32;
/// Bytes of an attribute name field.
const ATTR_NAME: usize = 32;
/// Bytes of an attribute value field.
pub const ATTR_VALUE: usize = 1024;

bitflags! {
    /// Where a link exists.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct LinkFlags: u32 {
        /// Now.
        const ACTIVE = 1;
        /// In the stored configuration.
        const PERSIST = 2;
        /// Now, owned by a zone, gone with it.
        const TRANSIENT = 4;
    }
}

/// A work copy of the stored attributes of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConfId(pub u32);

#[cfg(test)]
mod tests;
