// SPDX-License-Identifier: MIT OR Apache-2.0

//! The calls across the border to illumos, as traits, one for each kind.
//!
//! Arguments are those of the C function, in its order. A failure is the errno that the
//! function gives, an illumos number.

#![allow(unsafe_code, reason = "some calls are safe only with the right arguments")]

use std::ffi::{CStr, c_int};

use super::abi::{DoorArg, HostEnt, IpsecAlgEnt, Kstat, KstatCtl, KstatNamed};
use super::abi::{NetEnt, ProtoEnt, ServEnt};
use crate::wire::errno::Errno;

pub(super) type Result<T> = std::result::Result<T, Errno>;

/// Calls about descriptors.
pub(super) trait FileCalls: Clone {
    fn open(&self, path: &CStr, flags: c_int) -> Result<c_int>;
    fn socket(&self, family: c_int, kind: c_int, protocol: c_int) -> Result<c_int>;
    fn close(&self, fd: c_int);
    fn read(&self, fd: c_int, buffer: &mut [u8]) -> Result<usize>;
    fn write(&self, fd: c_int, bytes: &[u8]) -> Result<usize>;

    /// Which of the descriptors can be read. A time of -1 milliseconds has no end.
    fn poll(&self, fds: &[c_int], milliseconds: c_int) -> Result<Vec<bool>>;

    /// # Safety
    ///
    /// The buffer has all bytes that the request copies in or out.
    unsafe fn ioctl(&self, fd: c_int, request: c_int, argument: &mut [u8]) -> Result<()>;

    /// # Safety
    ///
    /// Pointers and sizes describe memory of this process: the request, which is read,
    /// and the room for the answer, which is written. On return they describe the answer.
    unsafe fn door_call(&self, door: c_int, argument: &mut DoorArg) -> Result<()>;

    /// # Safety
    ///
    /// The memory is a mapping of this size, and nobody looks at it any more.
    unsafe fn munmap(&self, address: *mut u8, len: usize);
}

/// Calls about this process.
pub(super) trait ProcessCalls {
    fn zone(&self) -> c_int;

    /// Is the privilege in the effective set?
    fn privilege_in_effect(&self, name: &CStr) -> bool;
}

/// Calls of libkstat. A handle comes from `open`, what is below it from the other calls;
/// an address is null or can be looked at until the next call with the same handle.
///
/// # Safety
///
/// An implementation keeps the promise about addresses.
pub(super) unsafe trait KstatCalls {
    fn kstat_open(&self) -> Result<*mut KstatCtl>;
    fn kstat_close(&self, handle: *mut KstatCtl);
    /// Takes notice of what has come and gone.
    fn kstat_chain_update(&self, handle: *mut KstatCtl) -> Result<()>;
    fn kstat_lookup(
        &self,
        handle: *mut KstatCtl,
        module: &CStr,
        instance: c_int,
        name: &CStr,
    ) -> *mut Kstat;
    fn kstat_read(&self, handle: *mut KstatCtl, kstat: *mut Kstat) -> Result<()>;
    fn kstat_data_lookup(&self, kstat: *mut Kstat, name: &CStr) -> *const KstatNamed;
}

/// Calls of the name services.
///
/// # Safety
///
/// What `getipnodeby...` and `getipsecalgbynum` return is null or can be looked at until it
/// is given to the function that frees it. Where a structure and a buffer are given, the
/// structure is filled if the result is true, and can be looked at while both live.
pub(super) unsafe trait NameCalls {
    fn getipnodebyname(&self, name: &CStr, family: c_int, flags: c_int) -> *mut HostEnt;
    fn getipnodebyaddr(&self, address: &[u8], family: c_int) -> *mut HostEnt;
    fn freehostent(&self, host: *mut HostEnt);

    fn getnetbyname_r(&self, name: &CStr, network: &mut NetEnt, buffer: &mut [u8]) -> bool;
    fn getservbyname_r(&self, name: &CStr, service: &mut ServEnt, buffer: &mut [u8]) -> bool;
    fn getprotobyname_r(&self, name: &CStr, protocol: &mut ProtoEnt, buffer: &mut [u8]) -> bool;
    fn getprotobynumber_r(&self, number: c_int, protocol: &mut ProtoEnt, buffer: &mut [u8])
    -> bool;

    fn getipsecalgbynum(&self, number: c_int, protocol: c_int) -> *mut IpsecAlgEnt;
    fn freeipsecalgent(&self, algorithm: *mut IpsecAlgEnt);
}
