// SPDX-License-Identifier: MIT OR Apache-2.0

//! `PF_POLICY` version 1: messages to and from the security policy database.
//!
//! A message is a 16-byte header and extensions, all multiples of 8 bytes.
//! Lengths count 64-bit words and include the header they stand in. Numbers are
//! in host order, ports and addresses in network order. Source:
//! `spec/pf_policy.md` sections 2 to 7; the offsets are measured ones.
//!
//! There are two ways to look at a message:
//!
//! * [`Frame`] is a checked view of received bytes, extension by extension, as
//!   the kernel sees it. Reading a field that lies behind the end of the
//!   message gives zeroes.
//! * [`Message`] is an owned value of typed extensions ([`Ext`]). Decoding and
//!   encoding give back the same bytes, also for extensions not known here.
//!
//! ```
//! use illumos_ipsec::wire::policy::{
//!     Attr, AttrTag, Ext, Message, MsgType, PortsExt, RuleExt, RuleFlags, SPD_STANDBY, describe,
//! };
//!
//! // Clear text to and from the local port 53, beside the rules in force.
//! let flags = RuleFlags::INBOUND | RuleFlags::OUTBOUND;
//! let pass = [(AttrTag::EMPTY, 0), (AttrTag::TYPE, 2), (AttrTag::END, 0)];
//! let attrs = pass.into_iter().map(|(tag, value)| Attr::new(tag, value)).collect();
//! let request = Message::request(MsgType::ADDRULE, SPD_STANDBY)
//!     .with(Ext::Rule(RuleExt { priority: 0x90_0000, flags, unused: 0, index: 0 }))
//!     .with(Ext::LocalPort(PortsExt::single(53)))
//!     .with(Ext::Action { count: 1, reserved: 0, attrs });
//! let bytes = request.encode();
//! assert_eq!(bytes.len(), 10 * 8);
//! assert!(describe(&bytes).contains("ADDRULE"));
//!
//! let read = Message::decode(&bytes)?;
//! assert_eq!(read.exts, request.exts);
//! // A piece of a message is an error, not a panic.
//! assert!(Message::decode(&bytes[..60]).is_err());
//! # Ok::<(), illumos_ipsec::wire::policy::DecodeError>(())
//! ```

mod action;
mod algs;
mod consts;
mod diag;
mod dump;
mod ext;
mod fields;
pub mod image;
mod message;
mod text;

pub use action::{Attr, DecodedAlternative, decode_alternatives, encode_alternatives};
pub use algs::{AlgListError, decode_alglist, encode_alglist, update_algorithms};
pub use consts::{
    AF_INET, AF_INET6, AttrTag, ExtType, MAX_REQUEST, MsgType, RuleFlags, SPD_ACTIVE, SPD_STANDBY,
    VERSION,
};
pub use diag::Diagnostic;
pub use dump::{DumpItem, RecordError, decode_record};
pub use ext::Ext;
pub use fields::{AddressExt, PortsExt, ProtoExt, RuleExt, RulesetExt, TunNameExt, TypeCodeExt};
pub use image::{HEADER_LEN, Header};
pub use message::{DecodeError, Message};
pub use text::describe;

use super::frame;

/// `PF_POLICY` as a [`frame::Protocol`].
#[derive(Clone, Copy, Debug)]
pub enum PfPolicy {}

impl frame::Protocol for PfPolicy {
    type Header = Header;
    type Ext = ExtType;

    fn header(bytes: &[u8]) -> Header {
        Header::read(bytes)
    }

    fn words(header: &Header) -> u16 {
        header.len
    }
}

/// A well-formed message.
pub type Frame<'a> = frame::Frame<'a, PfPolicy>;
/// Why a message is not well formed.
pub type FrameError = frame::FrameError<ExtType>;
/// One extension of a message.
pub type RawExt<'a> = frame::RawExt<'a, ExtType>;
