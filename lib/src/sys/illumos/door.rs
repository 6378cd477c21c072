// SPDX-License-Identifier: MIT OR Apache-2.0

//! One call of a door.
//!
//! ```text
//! request -> data_ptr, data_size          answer <- data_ptr, data_size
//! room    -> rbuf, rsize                  its descriptors <- desc_ptr, desc_num
//! ```
//!
//! Where the room is too small, the system maps a larger one into this process, and `rbuf`
//! and `rsize` say where. That has to be unmapped by whoever made the call.

#![allow(unsafe_code, reason = "a door hands out addresses")]

use std::ffi::c_int;
use std::ptr;

use super::abi::{DOOR_DESCRIPTOR, DoorArg, DoorDesc};
use super::calls::{FileCalls, Result};
use crate::wire::errno::Errno;

/// Room for an answer in words of eight bytes: any answer but the snapshot of a link with
/// many attributes.
const ROOM: usize = 64;

/// Calls a door: the bytes of the answer. Descriptors that come with it are closed.
pub(super) fn call<C: FileCalls>(calls: &C, door: c_int, request: &[u8]) -> Result<Vec<u8>> {
    let mut room = [0_u64; ROOM];
    let own = room.as_mut_ptr().cast::<u8>();
    let mut argument = DoorArg {
        // The system only reads what is there; the structure is the same for both ways.
        data_ptr: request.as_ptr().cast_mut(),
        data_size: request.len(),
        desc_ptr: ptr::null_mut(),
        desc_num: 0,
        rbuf: own,
        rsize: size_of_val(&room),
    };
    // SAFETY: request and room live, with these sizes, until the function ends.
    unsafe { calls.door_call(door, &mut argument) }?;
    let area = Area { start: argument.rbuf, len: argument.rsize };
    // SAFETY: after a call that succeeded, `rbuf` and `rsize` are memory of this process.
    let answer = unsafe { area.bytes(argument.data_ptr, argument.data_size) };
    // SAFETY: the same; the records are where the descriptors of the answer are.
    unsafe { area.close_descriptors(calls, argument.desc_ptr, argument.desc_num as usize) };
    if argument.rbuf != own && !argument.rbuf.is_null() {
        // SAFETY: another room than ours is a mapping that was made for this call.
        unsafe { calls.munmap(argument.rbuf, argument.rsize) };
    }
    answer
}

/// Memory in which an answer is.
struct Area {
    start: *mut u8,
    len: usize,
}

impl Area {
    /// The offset of something of `len` bytes, if it lies inside.
    fn offset(&self, address: *const u8, len: usize) -> Option<usize> {
        let offset = (address as usize).checked_sub(self.start as usize)?;
        (offset.checked_add(len)? <= self.len).then_some(offset)
    }

    /// A copy of bytes of the area; nothing outside it is looked at.
    ///
    /// # Safety
    ///
    /// The area is memory of this process.
    unsafe fn bytes(&self, address: *const u8, len: usize) -> Result<Vec<u8>> {
        if len == 0 {
            return Ok(Vec::new());
        }
        let offset = self.offset(address, len).ok_or(Errno::EIO)?;
        // SAFETY: all `len` bytes lie in the area.
        Ok(unsafe { std::slice::from_raw_parts(self.start.add(offset), len) }.to_vec())
    }

    /// Closes the descriptors of these records. The link daemon sends none.
    ///
    /// # Safety
    ///
    /// The area is memory of this process.
    unsafe fn close_descriptors<C: FileCalls>(
        &self,
        calls: &C,
        records: *const DoorDesc,
        count: usize,
    ) {
        for at in 0..count {
            let record = records.wrapping_add(at);
            let Some(offset) = self.offset(record.cast(), size_of::<DoorDesc>()) else {
                return;
            };
            // SAFETY: the record lies in the area; it need not be aligned.
            let record = unsafe { self.start.add(offset).cast::<DoorDesc>().read_unaligned() };
            if record.attributes & DOOR_DESCRIPTOR != 0 {
                calls.close(record.descriptor);
            }
        }
    }
}
