// SPDX-License-Identifier: MIT OR Apache-2.0

//! Calls that reach the user-mode kernel, as those of illumos reach its own.

#![allow(unsafe_code, reason = "the calls stand for the system, which writes to addresses")]

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::ffi::{CStr, c_int};
use std::rc::Rc;

use ipsec_usermode::{Config, ConnId, IpsecState, Kernel, KernelKind};

use super::super::abi::{DoorArg, Kstat, KstatCtl, KstatNamed};
use super::super::calls::{FileCalls, KstatCalls, ProcessCalls, Result};
use crate::wire::errno::Errno;
use crate::wire::lab::{Answer, Call};

const RAW: c_int = 4 | 0x80000;

/// A machine with this kernel, seen through its calls.
#[derive(Clone)]
pub(super) struct Machine {
    state: Rc<RefCell<State>>,
}

struct State {
    kernel: Kernel,
    /// For ioctls, doors and what else there is about links.
    dld: ConnId,
    open: HashMap<c_int, Descriptor>,
    next: c_int,
    /// Rooms that were too small.
    mappings: Vec<Box<[u64]>>,
}

enum Descriptor {
    Socket(ConnId, VecDeque<Vec<u8>>),
    Device,
    Door,
}

impl Machine {
    pub(super) fn new(kind: KernelKind) -> Self {
        let mut kernel = Kernel::new(Config::new(kind, IpsecState::Loaded));
        kernel.set_address([192, 0, 2, 10].into(), true);
        let dld = kernel.open_dld();
        let open = HashMap::new();
        let state = State { kernel, dld, open, next: 3, mappings: Vec::new() };
        Self { state: Rc::new(RefCell::new(state)) }
    }

    /// Descriptors and mappings that somebody still has.
    pub(super) fn left(&self) -> (usize, usize) {
        let state = self.state.borrow();
        (state.open.len(), state.mappings.len())
    }
}

impl State {
    fn descriptor(&mut self, descriptor: Descriptor) -> c_int {
        self.next += 1;
        self.open.insert(self.next, descriptor);
        self.next
    }

    /// Takes what the kernel has for a socket.
    fn fetch(&mut self, fd: c_int) {
        let Self { kernel, open, .. } = self;
        if let Some(Descriptor::Socket(conn, replies)) = open.get_mut(&fd) {
            replies.extend(std::iter::from_fn(|| kernel.next_reply(*conn)));
        }
    }

    fn call(&mut self, call: &Call) -> Result<Vec<u8>> {
        self.kernel.request(self.dld, &call.encode());
        let answer = self.kernel.next_reply(self.dld).expect("an answer");
        let answer = Answer::decode(&answer).expect("a well-formed answer");
        if answer.errno == Errno::OK { Ok(answer.bytes) } else { Err(answer.errno) }
    }
}

impl FileCalls for Machine {
    fn open(&self, path: &CStr, flags: c_int) -> Result<c_int> {
        let mut state = self.state.borrow_mut();
        match (path.to_bytes(), flags) {
            (b"/dev/dld", 0x80_0002) => Ok(state.descriptor(Descriptor::Device)),
            (b"/etc/svc/volatile/dladm/dlmgmt_door", 0x80_0000) => {
                Ok(state.descriptor(Descriptor::Door))
            }
            _ => Err(Errno::ENOENT),
        }
    }

    fn socket(&self, family: c_int, kind: c_int, protocol: c_int) -> Result<c_int> {
        let mut state = self.state.borrow_mut();
        let conn = match (family, kind, protocol) {
            (29, RAW, 1) => state.kernel.open_policy(),
            (27, RAW, 2) => state.kernel.open_key(),
            _ => return Err(Errno::EPROTONOSUPPORT),
        };
        Ok(state.descriptor(Descriptor::Socket(conn, VecDeque::new())))
    }

    fn close(&self, fd: c_int) {
        let mut state = self.state.borrow_mut();
        match state.open.remove(&fd) {
            Some(Descriptor::Socket(conn, _)) => state.kernel.close(conn),
            Some(_) => {}
            None => panic!("descriptor {fd} is not open"),
        }
    }

    fn read(&self, fd: c_int, buffer: &mut [u8]) -> Result<usize> {
        let mut state = self.state.borrow_mut();
        state.fetch(fd);
        match state.open.get_mut(&fd) {
            Some(Descriptor::Socket(_, replies)) => {
                let reply = replies.pop_front().expect("it would wait for ever");
                buffer[..reply.len()].copy_from_slice(&reply);
                Ok(reply.len())
            }
            _ => Err(Errno::EBADF),
        }
    }

    fn write(&self, fd: c_int, bytes: &[u8]) -> Result<usize> {
        let State { kernel, open, .. } = &mut *self.state.borrow_mut();
        match open.get(&fd) {
            Some(Descriptor::Socket(conn, _)) => {
                kernel.request(*conn, bytes);
                Ok(bytes.len())
            }
            _ => Err(Errno::EBADF),
        }
    }

    fn poll(&self, fds: &[c_int], _: c_int) -> Result<Vec<bool>> {
        let mut state = self.state.borrow_mut();
        fds.iter().for_each(|fd| state.fetch(*fd));
        let ready = |fd: &c_int| match state.open.get(fd) {
            Some(Descriptor::Socket(_, replies)) => !replies.is_empty(),
            _ => false,
        };
        Ok(fds.iter().map(ready).collect())
    }

    unsafe fn ioctl(&self, fd: c_int, request: c_int, argument: &mut [u8]) -> Result<()> {
        let mut state = self.state.borrow_mut();
        if !matches!(state.open.get(&fd), Some(Descriptor::Device)) {
            return Err(Errno::EBADF);
        }
        let (command, copied) = (request as u32, argument.to_vec());
        let bytes = state.call(&Call::Ioctl { command, argument: copied })?;
        argument[..bytes.len()].copy_from_slice(&bytes);
        Ok(())
    }

    unsafe fn door_call(&self, door: c_int, argument: &mut DoorArg) -> Result<()> {
        let mut state = self.state.borrow_mut();
        if !matches!(state.open.get(&door), Some(Descriptor::Door)) {
            return Err(Errno::EBADF);
        }
        // SAFETY: the caller describes the request with address and size.
        let request = unsafe { std::slice::from_raw_parts(argument.data_ptr, argument.data_size) };
        let bytes = state.call(&Call::Door(request.to_vec()))?;
        if bytes.len() > argument.rsize {
            let mut mapping = vec![0_u64; bytes.len().div_ceil(8)].into_boxed_slice();
            (argument.rbuf, argument.rsize) = (mapping.as_mut_ptr().cast(), size_of_val(&*mapping));
            state.mappings.push(mapping);
        }
        (argument.data_ptr, argument.data_size) = (argument.rbuf, bytes.len());
        // SAFETY: room and mapping have the bytes that are needed.
        unsafe { argument.rbuf.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Ok(())
    }

    unsafe fn munmap(&self, address: *mut u8, _: usize) {
        let mappings = &mut self.state.borrow_mut().mappings;
        mappings.retain(|mapping| mapping.as_ptr().cast::<u8>() != address);
    }
}

impl ProcessCalls for Machine {
    fn zone(&self) -> c_int {
        0
    }

    fn privilege_in_effect(&self, _: &CStr) -> bool {
        true
    }
}

/// Statistics have tests of their own.
// SAFETY: no address is handed out.
unsafe impl KstatCalls for Machine {
    fn kstat_open(&self) -> Result<*mut KstatCtl> {
        Err(Errno::ENXIO)
    }

    fn kstat_close(&self, _: *mut KstatCtl) {}

    fn kstat_chain_update(&self, _: *mut KstatCtl) -> Result<()> {
        Err(Errno::ENXIO)
    }

    fn kstat_lookup(&self, _: *mut KstatCtl, _: &CStr, _: c_int, _: &CStr) -> *mut Kstat {
        std::ptr::null_mut()
    }

    fn kstat_read(&self, _: *mut KstatCtl, _: *mut Kstat) -> Result<()> {
        Err(Errno::ENXIO)
    }

    fn kstat_data_lookup(&self, _: *mut Kstat, _: &CStr) -> *const KstatNamed {
        std::ptr::null()
    }
}
