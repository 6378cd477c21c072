// SPDX-License-Identifier: MIT OR Apache-2.0

//! A descriptor that is closed when it is dropped.

use std::ffi::c_int;

use super::calls::FileCalls;

#[derive(Debug)]
pub(super) struct Fd<C: FileCalls> {
    calls: C,
    raw: c_int,
}

impl<C: FileCalls> Fd<C> {
    /// Takes over a descriptor.
    pub(super) fn new(calls: &C, raw: c_int) -> Self {
        Self { calls: calls.clone(), raw }
    }

    pub(super) fn raw(&self) -> c_int {
        self.raw
    }
}

impl<C: FileCalls> Drop for Fd<C> {
    fn drop(&mut self) {
        self.calls.close(self.raw);
    }
}
