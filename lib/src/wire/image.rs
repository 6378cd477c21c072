// SPDX-License-Identifier: MIT OR Apache-2.0

//! Fields at fixed offsets of fixed-size structures, in the byte order of the machine
//! that illumos runs on (little endian).

/// Reads fields; `None` outside of the bytes.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn bytes(self, at: usize, len: usize) -> Option<&'a [u8]> {
        self.0.get(at..at.checked_add(len)?)
    }

    pub(super) fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.bytes(at, N)?.try_into().ok()
    }

    pub(super) fn u16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(super) fn u32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(super) fn u64(self, at: usize) -> Option<u64> {
        self.array(at).map(u64::from_le_bytes)
    }

    /// A string in a field of `len` bytes, which has to have its NUL.
    pub(super) fn text(self, at: usize, len: usize) -> Option<Vec<u8>> {
        let field = self.bytes(at, len)?;
        let end = field.iter().position(|byte| *byte == 0)?;
        Some(field[..end].to_vec())
    }
}

/// A structure that is being filled; what is not set is zero.
pub(super) struct Image(Vec<u8>);

impl Image {
    pub(super) fn new(size: usize) -> Self {
        Self(vec![0; size])
    }

    pub(super) fn put(mut self, at: usize, bytes: &[u8]) -> Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    pub(super) fn u16(self, at: usize, value: u16) -> Self {
        self.put(at, &value.to_le_bytes())
    }

    pub(super) fn u32(self, at: usize, value: u32) -> Self {
        self.put(at, &value.to_le_bytes())
    }

    pub(super) fn u64(self, at: usize, value: u64) -> Self {
        self.put(at, &value.to_le_bytes())
    }

    /// A string in a field of `len` bytes, cut so that a NUL follows.
    pub(super) fn text(self, at: usize, len: usize, text: &[u8]) -> Self {
        let text = &text[..text.len().min(len - 1)];
        self.put(at, text)
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }
}
