// SPDX-License-Identifier: MIT OR Apache-2.0

//! Kernel statistics of a link: module `link`, instance 0, the name of the link.

#![allow(unsafe_code, reason = "libkstat hands out addresses")]

use std::ffi::{CStr, CString};

use super::abi::{
    KSTAT_DATA_INT32, KSTAT_DATA_INT64, KSTAT_DATA_UINT32, KSTAT_DATA_UINT64, Kstat, KstatCtl,
};
use super::calls::{KstatCalls, Result};
use crate::model::{LinkCounters, LinkState, LinkStatistics};
use crate::wire::errno::Errno;

/// The statistics of the kernel. They are opened when they are asked for the first time.
pub(super) struct Statistics<C: KstatCalls> {
    calls: C,
    handle: Option<*mut KstatCtl>,
}

impl<C: KstatCalls> Statistics<C> {
    pub(super) fn new(calls: C) -> Self {
        Self { calls, handle: None }
    }

    /// State and counters of a link.
    pub(super) fn of(&mut self, link: &[u8]) -> Result<LinkStatistics> {
        let name = CString::new(link).map_err(|_| Errno::ENOENT)?;
        let handle = match self.handle {
            Some(handle) => {
                self.calls.kstat_chain_update(handle)?;
                handle
            }
            None => *self.handle.insert(self.calls.kstat_open()?),
        };
        let kstat = self.calls.kstat_lookup(handle, c"link", 0, &name);
        if kstat.is_null() {
            return Err(Errno::ENOENT);
        }
        self.calls.kstat_read(handle, kstat)?;
        let state = self.number(kstat, c"link_state").ok_or(Errno::ENOENT)?;
        // The state is signed, whatever type the statistic says it has.
        let state = LinkState::from_number(state as i32).ok_or(Errno::EINVAL)?;
        let counter = |wide: &CStr, narrow: &CStr| {
            self.number(kstat, wide).or_else(|| self.number(kstat, narrow)).unwrap_or(0)
        };
        let counters = LinkCounters {
            ipackets: counter(c"ipackets64", c"ipackets"),
            rbytes: counter(c"rbytes64", c"rbytes"),
            ierrors: counter(c"ierrors", c"ierrors"),
            opackets: counter(c"opackets64", c"opackets"),
            obytes: counter(c"obytes64", c"obytes"),
            oerrors: counter(c"oerrors", c"oerrors"),
        };
        Ok(LinkStatistics { state, counters })
    }

    /// A statistic that is a number.
    fn number(&self, kstat: *mut Kstat, name: &CStr) -> Option<u64> {
        let named = self.calls.kstat_data_lookup(kstat, name);
        if named.is_null() {
            return None;
        }
        // SAFETY: the address is not null and good until the next call; the structure is
        // copied.
        let named = unsafe { named.read() };
        let bytes = named.value[0];
        match named.data_type {
            KSTAT_DATA_INT32 => Some(i64::from(bytes as i32) as u64),
            KSTAT_DATA_UINT32 => Some(u64::from(bytes as u32)),
            KSTAT_DATA_INT64 | KSTAT_DATA_UINT64 => Some(bytes),
            _ => None,
        }
    }
}

impl<C: KstatCalls> Drop for Statistics<C> {
    fn drop(&mut self) {
        if let Some(handle) = self.handle {
            self.calls.kstat_close(handle);
        }
    }
}
