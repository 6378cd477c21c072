// SPDX-License-Identifier: MIT OR Apache-2.0

//! A checked view of received bytes, as the kernel walks them.
//!
//! Messages of `PF_POLICY` and of `PF_KEY` have the same frame: a header of 16 bytes and
//! extensions, each with its length in words of 8 bytes and its type.

use std::fmt;

/// Bytes of a header.
pub const HEADER_LEN: usize = 16;

/// The number of an extension's type.
pub trait ExtNumber: Copy + Eq + fmt::Display + fmt::Debug {
    /// The type with a number.
    fn from_number(number: u16) -> Self;

    /// Where a [`Frame`] keeps an extension of this type, below [`PLACES`]; `None` for
    /// types that are not known.
    fn place(self) -> Option<usize>;
}

/// Extensions that a [`Frame`] can keep.
pub const PLACES: usize = 32;

/// What differs between protocols.
pub trait Protocol {
    /// The header.
    type Header: Copy + fmt::Debug;
    /// Types of extensions.
    type Ext: ExtNumber;

    /// Reads a header; missing bytes count as zero.
    fn header(bytes: &[u8]) -> Self::Header;

    /// Words of the whole message, as a header has them.
    fn words(header: &Self::Header) -> u16;
}

/// Why a message is not well formed; in the order of the kernel's checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError<K: ExtNumber> {
    /// The header says another size than arrived (EMSGSIZE).
    #[error("message is {actual} bytes long, its header says {stated}")]
    Size {
        /// Bytes that arrived.
        actual: usize,
        /// Bytes by the header's length field.
        stated: usize,
    },
    /// Extension type 0 or above the highest known (EINVAL, diagnostic 1).
    #[error("unknown extension type {kind} at offset {offset}")]
    UnknownExt {
        /// The type.
        kind: K,
        /// Bytes from the start of the message.
        offset: usize,
    },
    /// Extension length 0 or beyond the message (EINVAL, diagnostic 2).
    #[error("extension {kind} at offset {offset} has a length of {words} words, {left} are left")]
    BadLength {
        /// The type.
        kind: K,
        /// Bytes from the start of the message.
        offset: usize,
        /// Length by the extension header.
        words: u16,
        /// Words left in the message.
        left: usize,
    },
    /// The same extension twice (EINVAL, diagnostic of that extension).
    #[error("extension {kind} at offset {offset} is repeated")]
    Duplicate {
        /// The type.
        kind: K,
        /// Bytes from the start of the message.
        offset: usize,
    },
}

/// One extension of a message.
#[derive(Clone, Copy, Debug)]
pub struct RawExt<'a, K> {
    /// Type.
    pub kind: K,
    /// Bytes from the start of the message.
    pub offset: usize,
    /// The extension with its own header.
    pub bytes: &'a [u8],
    message: &'a [u8],
}

impl<K> RawExt<'_, K> {
    /// `N` bytes at `at` from the start of the extension. As in the kernel, reading
    /// behind a short extension meets the rest of the message; behind the message
    /// there are zeroes.
    #[must_use]
    pub fn read<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut out = [0; N];
        let start = (self.offset + at).min(self.message.len());
        let end = (start + N).min(self.message.len());
        out[..end - start].copy_from_slice(&self.message[start..end]);
        out
    }

    /// A byte at `at`.
    #[must_use]
    pub fn u8(&self, at: usize) -> u8 {
        self.read::<1>(at)[0]
    }

    /// A number in host order at `at`.
    #[must_use]
    pub fn u16(&self, at: usize) -> u16 {
        u16::from_ne_bytes(self.read(at))
    }

    /// A number in host order at `at`.
    #[must_use]
    pub fn u32(&self, at: usize) -> u32 {
        u32::from_ne_bytes(self.read(at))
    }

    /// A number in host order at `at`.
    #[must_use]
    pub fn u64(&self, at: usize) -> u64 {
        u64::from_ne_bytes(self.read(at))
    }
}

/// A well-formed message: header and extensions, each type at most once.
#[derive(Clone, Debug)]
pub struct Frame<'a, P: Protocol> {
    /// The header.
    pub header: P::Header,
    message: &'a [u8],
    /// Offset and length of the extensions by type, 0 and 0 for those that are missing.
    exts: [(u32, u32); PLACES],
}

impl<'a, P: Protocol> Frame<'a, P> {
    /// Checks total length, then each extension in order: type, length, duplicate.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FrameError<P::Ext>> {
        Self::parse_with(bytes, |_| true, |_| Ok(()))
    }

    /// Checks as [`parse`](Self::parse) does, and each extension with `check` before
    /// the next one is looked at. Types that are not `known` are refused as unknown.
    pub fn parse_with<E: From<FrameError<P::Ext>>>(
        bytes: &'a [u8],
        known: impl Fn(P::Ext) -> bool,
        mut check: impl FnMut(&RawExt<'a, P::Ext>) -> Result<(), E>,
    ) -> Result<Self, E> {
        let header = P::header(bytes);
        let stated = usize::from(P::words(&header)) * 8;
        if stated != bytes.len() || bytes.is_empty() {
            return Err(FrameError::Size { actual: bytes.len(), stated }.into());
        }
        let mut frame = Self { header, message: bytes, exts: Default::default() };
        let mut offset = HEADER_LEN;
        while offset < bytes.len() {
            let ext = ext_at::<P::Ext>(bytes, offset);
            let place = ext.kind.place().filter(|_| known(ext.kind));
            let Some(slot) = place.and_then(|place| frame.exts.get_mut(place)) else {
                return Err(FrameError::UnknownExt { kind: ext.kind, offset }.into());
            };
            let ext = ext.bounded()?;
            if *slot != (0, 0) {
                return Err(FrameError::Duplicate { kind: ext.kind, offset }.into());
            }
            // A message has at most 524,280 bytes.
            *slot = (offset as u32, ext.bytes.len() as u32);
            offset += ext.bytes.len();
            check(&ext)?;
        }
        Ok(frame)
    }

    /// The extension of this type, if the message has it.
    #[must_use]
    pub fn get(&self, kind: P::Ext) -> Option<RawExt<'a, P::Ext>> {
        let message = self.message;
        let (offset, len) = match *self.exts.get(kind.place()?)? {
            (0, 0) => return None,
            (offset, len) => (offset as usize, len as usize),
        };
        Some(RawExt { kind, offset, bytes: &message[offset..offset + len], message })
    }

    /// Does the message have any extension?
    #[must_use]
    pub fn has_extensions(&self) -> bool {
        self.message.len() > HEADER_LEN
    }
}

/// Walks extensions of any type without judging duplicates: for decoders that keep
/// what they do not know.
pub(super) fn walk<K: ExtNumber>(
    bytes: &[u8],
) -> impl Iterator<Item = Result<RawExt<'_, K>, FrameError<K>>> {
    let mut offset = HEADER_LEN;
    std::iter::from_fn(move || {
        if offset >= bytes.len() {
            return None;
        }
        let ext = ext_at(bytes, offset).bounded();
        offset = match &ext {
            Ok(ext) => offset + ext.bytes.len(),
            Err(_) => bytes.len(),
        };
        Some(ext)
    })
}

/// An extension whose type has been read and whose length has not been judged.
struct Unbounded<'a, K> {
    kind: K,
    words: u16,
    offset: usize,
    message: &'a [u8],
}

fn ext_at<K: ExtNumber>(message: &[u8], offset: usize) -> Unbounded<'_, K> {
    let mut head = [0; 4];
    let n = (message.len() - offset).min(4);
    head[..n].copy_from_slice(&message[offset..offset + n]);
    Unbounded {
        words: u16::from_ne_bytes([head[0], head[1]]),
        kind: K::from_number(u16::from_ne_bytes([head[2], head[3]])),
        offset,
        message,
    }
}

impl<'a, K: ExtNumber> Unbounded<'a, K> {
    fn bounded(self) -> Result<RawExt<'a, K>, FrameError<K>> {
        let Self { kind, words, offset, message } = self;
        let end = offset + usize::from(words) * 8;
        if words == 0 || end > message.len() {
            let left = (message.len() - offset) / 8;
            return Err(FrameError::BadLength { kind, offset, words, left });
        }
        Ok(RawExt { kind, offset, bytes: &message[offset..end], message })
    }
}
