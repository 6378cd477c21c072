// SPDX-License-Identifier: MIT OR Apache-2.0

//! The calls across the border, made.
//!
//! Nothing here decides anything. Each foreign function is declared as the manual page
//! or header of illumos has it; the libraries are those that the manual pages name.

#![allow(unsafe_code, reason = "calls of C functions")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use super::abi::{
    DoorArg, HostEnt, IpsecAlgEnt, Kstat, KstatCtl, KstatNamed, NetEnt, ProtoEnt, ServEnt,
};
use super::calls::{FileCalls, KstatCalls, NameCalls, ProcessCalls, Result};
use crate::wire::errno::Errno;

unsafe extern "C" {
    fn door_call(door: c_int, argument: *mut DoorArg) -> c_int;
    fn getzoneid() -> c_int;
    fn priv_ineffect(name: *const c_char) -> c_int;
}

#[link(name = "socket")]
unsafe extern "C" {
    // What `libc` calls `socket` is the X/Open form of it; the original commands use this
    // one.
    fn socket(family: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn getnetbyname_r(
        name: *const c_char,
        network: *mut NetEnt,
        buffer: *mut c_char,
        len: c_int,
    ) -> *mut NetEnt;
    fn getservbyname_r(
        name: *const c_char,
        protocol: *const c_char,
        service: *mut ServEnt,
        buffer: *mut c_char,
        len: c_int,
    ) -> *mut ServEnt;
    fn getprotobyname_r(
        name: *const c_char,
        protocol: *mut ProtoEnt,
        buffer: *mut c_char,
        len: c_int,
    ) -> *mut ProtoEnt;
    fn getprotobynumber_r(
        number: c_int,
        protocol: *mut ProtoEnt,
        buffer: *mut c_char,
        len: c_int,
    ) -> *mut ProtoEnt;
}

#[link(name = "nsl")]
unsafe extern "C" {
    fn getipnodebyname(
        name: *const c_char,
        family: c_int,
        flags: c_int,
        error: *mut c_int,
    ) -> *mut HostEnt;
    fn getipnodebyaddr(
        address: *const c_void,
        len: usize,
        family: c_int,
        error: *mut c_int,
    ) -> *mut HostEnt;
    fn freehostent(host: *mut HostEnt);
    fn getipsecalgbynum(number: c_int, protocol: c_int, error: *mut c_int) -> *mut IpsecAlgEnt;
    fn freeipsecalgent(algorithm: *mut IpsecAlgEnt);
}

#[link(name = "kstat")]
unsafe extern "C" {
    fn kstat_open() -> *mut KstatCtl;
    fn kstat_close(handle: *mut KstatCtl) -> c_int;
    fn kstat_chain_update(handle: *mut KstatCtl) -> c_int;
    fn kstat_lookup(
        handle: *mut KstatCtl,
        module: *const c_char,
        instance: c_int,
        name: *const c_char,
    ) -> *mut Kstat;
    fn kstat_read(handle: *mut KstatCtl, kstat: *mut Kstat, buffer: *mut c_void) -> c_int;
    fn kstat_data_lookup(kstat: *mut Kstat, name: *const c_char) -> *mut c_void;
}

/// The system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Native;

/// The errno of the call that has just failed.
fn failure() -> Errno {
    let number = std::io::Error::last_os_error().raw_os_error();
    Errno(number.and_then(|number| u8::try_from(number).ok()).unwrap_or(Errno::EIO.0))
}

/// What a function returns that says failure with a negative number.
fn number(returned: c_int) -> Result<c_int> {
    if returned < 0 { Err(failure()) } else { Ok(returned) }
}

impl FileCalls for Native {
    fn open(&self, path: &CStr, flags: c_int) -> Result<c_int> {
        // SAFETY: the path ends with a zero; without O_CREAT there is no mode.
        number(unsafe { libc::open(path.as_ptr(), flags) })
    }

    fn socket(&self, family: c_int, kind: c_int, protocol: c_int) -> Result<c_int> {
        // SAFETY: numbers only.
        number(unsafe { socket(family, kind, protocol) })
    }

    fn close(&self, fd: c_int) {
        // SAFETY: whoever calls owns the descriptor. There is nothing to do about an error.
        unsafe { libc::close(fd) };
    }

    fn read(&self, fd: c_int, buffer: &mut [u8]) -> Result<usize> {
        // SAFETY: address and size are those of a buffer that may be written.
        let len = unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) };
        usize::try_from(len).map_err(|_| failure())
    }

    fn write(&self, fd: c_int, bytes: &[u8]) -> Result<usize> {
        // SAFETY: address and size are those of bytes that may be read.
        let len = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
        usize::try_from(len).map_err(|_| failure())
    }

    fn poll(&self, fds: &[c_int], milliseconds: c_int) -> Result<Vec<bool>> {
        let poll = |fd: &c_int| libc::pollfd { fd: *fd, events: libc::POLLIN, revents: 0 };
        let mut polled: Vec<_> = fds.iter().map(poll).collect();
        // SAFETY: address and number are those of an array that may be written.
        number(unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as _, milliseconds) })?;
        Ok(polled.iter().map(|polled| polled.revents != 0).collect())
    }

    unsafe fn ioctl(&self, fd: c_int, request: c_int, argument: &mut [u8]) -> Result<()> {
        // SAFETY: whoever calls promises that the buffer is large enough for the request.
        number(unsafe { libc::ioctl(fd, request, argument.as_mut_ptr()) }).map(drop)
    }

    unsafe fn door_call(&self, door: c_int, argument: &mut DoorArg) -> Result<()> {
        // SAFETY: whoever calls promises that the block describes memory of this process.
        number(unsafe { door_call(door, argument) }).map(drop)
    }

    unsafe fn munmap(&self, address: *mut u8, len: usize) {
        // SAFETY: whoever calls promises that it is a mapping that nobody looks at.
        unsafe { libc::munmap(address.cast(), len) };
    }
}

impl ProcessCalls for Native {
    fn zone(&self) -> c_int {
        // SAFETY: no arguments.
        unsafe { getzoneid() }
    }

    fn privilege_in_effect(&self, name: &CStr) -> bool {
        // SAFETY: the name ends with a zero.
        unsafe { priv_ineffect(name.as_ptr()) != 0 }
    }
}

// SAFETY: what libkstat returns lives in its handle until that changes.
unsafe impl KstatCalls for Native {
    fn kstat_open(&self) -> Result<*mut KstatCtl> {
        // SAFETY: no arguments.
        let handle = unsafe { kstat_open() };
        if handle.is_null() { Err(failure()) } else { Ok(handle) }
    }

    fn kstat_close(&self, handle: *mut KstatCtl) {
        // SAFETY: the handle comes from `kstat_open` and is not used again.
        unsafe { kstat_close(handle) };
    }

    fn kstat_chain_update(&self, handle: *mut KstatCtl) -> Result<()> {
        // SAFETY: the handle is open.
        number(unsafe { kstat_chain_update(handle) }).map(drop)
    }

    fn kstat_lookup(
        &self,
        handle: *mut KstatCtl,
        module: &CStr,
        instance: c_int,
        name: &CStr,
    ) -> *mut Kstat {
        // SAFETY: the handle is open; the texts end with a zero.
        unsafe { kstat_lookup(handle, module.as_ptr(), instance, name.as_ptr()) }
    }

    fn kstat_read(&self, handle: *mut KstatCtl, kstat: *mut Kstat) -> Result<()> {
        // SAFETY: the handle is open and has given out the other address.
        number(unsafe { kstat_read(handle, kstat, ptr::null_mut()) }).map(drop)
    }

    fn kstat_data_lookup(&self, kstat: *mut Kstat, name: &CStr) -> *const KstatNamed {
        // SAFETY: an open handle has given out the address; the text ends with a zero.
        unsafe { kstat_data_lookup(kstat, name.as_ptr()) }.cast()
    }
}

// SAFETY: the name services promise just this.
unsafe impl NameCalls for Native {
    fn getipnodebyname(&self, name: &CStr, family: c_int, flags: c_int) -> *mut HostEnt {
        let mut error = 0;
        // SAFETY: the name ends with a zero; the number may be written.
        unsafe { getipnodebyname(name.as_ptr(), family, flags, &raw mut error) }
    }

    fn getipnodebyaddr(&self, address: &[u8], family: c_int) -> *mut HostEnt {
        let mut error = 0;
        let (start, len) = (address.as_ptr().cast(), address.len());
        // SAFETY: address and size are those of bytes; the number may be written.
        unsafe { getipnodebyaddr(start, len, family, &raw mut error) }
    }

    fn freehostent(&self, host: *mut HostEnt) {
        // SAFETY: it comes from one of the two above and is not used again.
        unsafe { freehostent(host) };
    }

    fn getnetbyname_r(&self, name: &CStr, network: &mut NetEnt, buffer: &mut [u8]) -> bool {
        let (start, len) = (buffer.as_mut_ptr().cast(), buffer.len() as c_int);
        // SAFETY: the name ends with a zero; structure and buffer may be written.
        unsafe { !getnetbyname_r(name.as_ptr(), network, start, len).is_null() }
    }

    fn getservbyname_r(&self, name: &CStr, service: &mut ServEnt, buffer: &mut [u8]) -> bool {
        let (start, len) = (buffer.as_mut_ptr().cast(), buffer.len() as c_int);
        // SAFETY: the name ends with a zero, no protocol stands for any; structure and
        // buffer may be written.
        unsafe { !getservbyname_r(name.as_ptr(), ptr::null(), service, start, len).is_null() }
    }

    fn getprotobyname_r(&self, name: &CStr, protocol: &mut ProtoEnt, buffer: &mut [u8]) -> bool {
        let (start, len) = (buffer.as_mut_ptr().cast(), buffer.len() as c_int);
        // SAFETY: the name ends with a zero; structure and buffer may be written.
        unsafe { !getprotobyname_r(name.as_ptr(), protocol, start, len).is_null() }
    }

    fn getprotobynumber_r(
        &self,
        number: c_int,
        protocol: &mut ProtoEnt,
        buffer: &mut [u8],
    ) -> bool {
        let (start, len) = (buffer.as_mut_ptr().cast(), buffer.len() as c_int);
        // SAFETY: structure and buffer may be written.
        unsafe { !getprotobynumber_r(number, protocol, start, len).is_null() }
    }

    fn getipsecalgbynum(&self, number: c_int, protocol: c_int) -> *mut IpsecAlgEnt {
        let mut error = 0;
        // SAFETY: numbers, one of which may be written.
        unsafe { getipsecalgbynum(number, protocol, &raw mut error) }
    }

    fn freeipsecalgent(&self, algorithm: *mut IpsecAlgEnt) {
        // SAFETY: it comes from the function above and is not used again.
        unsafe { freeipsecalgent(algorithm) };
    }
}
