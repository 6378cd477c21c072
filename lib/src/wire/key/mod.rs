// SPDX-License-Identifier: MIT OR Apache-2.0

//! `PF_KEY` version 2: messages to and from the security association databases.
//!
//! A message is a 16-byte header and extensions, all multiples of 8 bytes. Lengths
//! count 64-bit words and include the header they stand in. Numbers are in host order;
//! SPIs, ports, addresses and the bounds of SPI ranges are in network order. Source: RFC
//! 2367 and `spec/pf_key.md`; the offsets are measured ones.
//!
//! There are two ways to look at a message:
//!
//! * [`Frame`] is a checked view of received bytes, extension by extension, as the
//!   kernel sees it. Reading a field that lies behind the end of the message gives
//!   zeroes.
//! * [`Message`] is an owned value of typed extensions ([`Ext`]). Decoding and encoding
//!   give back the same bytes, also for extensions not known here. Its keys, and the
//!   bytes that it is encoded to, are wiped when they are dropped.
//!
//! ```
//! use std::net::IpAddr;
//!
//! use illumos_ipsec::model::{SaFlags, SaType};
//! use illumos_ipsec::wire::key::{AddressExt, Ext, ExtType, Message, MsgType, SaExt};
//!
//! let destination: IpAddr = "192.0.2.1".parse()?;
//! let request = Message::request(MsgType::GET, SaType::ESP)
//!     .with(Ext::Sa(SaExt::find(0x1001, SaFlags::empty())))
//!     .with(Ext::Address(ExtType::ADDRESS_DST, AddressExt::new(destination, 0, 0)));
//! let read = Message::decode(&request.encode())?;
//! assert_eq!(read.sa().map(|sa| sa.spi), Some(0x1001));
//! assert_eq!(read.exts, request.exts);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod assoc;
mod consts;
mod diag;
mod ext;
mod fields;
mod header;
mod message;
mod proposal;
mod text;

pub use assoc::BadAssociation;
pub use consts::{ExtType, KmProto, MsgType, TCPSIG_MD5_KEY_LEN, VERSION};
pub use diag::Diagnostic;
pub use ext::Ext;
pub use fields::{AddressExt, IdentityExt, KeyExt, LabelExt, SaExt};
pub use header::Header;
pub use message::{DecodeError, Message};
pub use proposal::{AlgDesc, AlgRecord, Combination, ExtendedCombination, Proposal};
pub use text::{Show, describe, redacted};

use super::frame;
pub use super::frame::HEADER_LEN;

/// `PF_KEY` as a [`frame::Protocol`].
#[derive(Clone, Copy, Debug)]
pub enum PfKey {}

impl frame::Protocol for PfKey {
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
pub type Frame<'a> = frame::Frame<'a, PfKey>;
/// Why a message is not well formed.
pub type FrameError = frame::FrameError<ExtType>;
/// One extension of a message.
pub type RawExt<'a> = frame::RawExt<'a, ExtType>;
