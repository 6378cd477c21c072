// SPDX-License-Identifier: MIT OR Apache-2.0

//! Calls that answer by a script and are written down.

#![allow(unsafe_code, reason = "the script stands for the system, which writes to addresses")]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_int};
use std::rc::Rc;

use super::super::abi::{DoorArg, DoorDesc};
use super::super::calls::{FileCalls, ProcessCalls, Result};
use crate::wire::errno::Errno;

/// A call, with all that the system sees of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Open(CString, c_int),
    Socket(c_int, c_int, c_int),
    Close(c_int),
    /// Descriptor, room, and whether all of the room was zero.
    Read(c_int, usize, bool),
    Write(c_int, Vec<u8>),
    Poll(Vec<c_int>, c_int),
    Ioctl(c_int, c_int, Vec<u8>),
    Door(c_int, Vec<u8>),
    Privilege(CString),
    /// Bytes of the mapping.
    Unmap(usize),
}

/// What the system answers.
pub(super) enum Answer {
    Descriptor(c_int),
    /// So many bytes were taken.
    Taken(usize),
    Bytes(Vec<u8>),
    Ready(Vec<bool>),
    Door(DoorAnswer),
    Fails(Errno),
}

/// Where a door puts its answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the room, with an offset.
    Room(usize),
    /// In a mapping, with an offset.
    Mapping(usize),
    /// Nowhere that belongs to the answer.
    Elsewhere,
}

pub(super) struct DoorAnswer {
    pub(super) bytes: Vec<u8>,
    pub(super) place: Place,
    pub(super) descriptors: Vec<DoorDesc>,
}

#[derive(Clone, Default)]
pub(super) struct Script {
    calls: Rc<RefCell<Vec<Call>>>,
    answers: Rc<RefCell<VecDeque<Answer>>>,
    /// Mappings that have not been removed: address and contents.
    mappings: Rc<RefCell<Vec<Box<[u64]>>>>,
}

impl Script {
    pub(super) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers = Rc::new(RefCell::new(answers.into_iter().collect()));
        Self { answers, ..Self::default() }
    }

    /// The calls since it was asked last.
    pub(super) fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls.borrow_mut())
    }

    pub(super) fn mappings(&self) -> usize {
        self.mappings.borrow().len()
    }

    fn take(&self, call: Call) -> Result<Answer> {
        let shown = format!("{call:?}");
        self.calls.borrow_mut().push(call);
        match self.answers.borrow_mut().pop_front() {
            Some(Answer::Fails(errno)) => Err(errno),
            Some(answer) => Ok(answer),
            None => panic!("the script has no answer to {shown}"),
        }
    }
}

impl FileCalls for Script {
    fn open(&self, path: &CStr, flags: c_int) -> Result<c_int> {
        match self.take(Call::Open(path.to_owned(), flags))? {
            Answer::Descriptor(fd) => Ok(fd),
            _ => panic!("the script has another answer than a descriptor"),
        }
    }

    fn socket(&self, family: c_int, kind: c_int, protocol: c_int) -> Result<c_int> {
        match self.take(Call::Socket(family, kind, protocol))? {
            Answer::Descriptor(fd) => Ok(fd),
            _ => panic!("the script has another answer than a descriptor"),
        }
    }

    fn close(&self, fd: c_int) {
        self.calls.borrow_mut().push(Call::Close(fd));
    }

    fn read(&self, fd: c_int, buffer: &mut [u8]) -> Result<usize> {
        let wiped = buffer.iter().all(|byte| *byte == 0);
        match self.take(Call::Read(fd, buffer.len(), wiped))? {
            Answer::Bytes(bytes) => {
                buffer[..bytes.len()].copy_from_slice(&bytes);
                Ok(bytes.len())
            }
            _ => panic!("the script has another answer than bytes"),
        }
    }

    fn write(&self, fd: c_int, bytes: &[u8]) -> Result<usize> {
        match self.take(Call::Write(fd, bytes.to_vec()))? {
            Answer::Taken(len) => Ok(len),
            _ => panic!("the script has another answer than a number"),
        }
    }

    fn poll(&self, fds: &[c_int], milliseconds: c_int) -> Result<Vec<bool>> {
        match self.take(Call::Poll(fds.to_vec(), milliseconds))? {
            Answer::Ready(ready) => Ok(ready),
            _ => panic!("the script has another answer than what is ready"),
        }
    }

    unsafe fn ioctl(&self, fd: c_int, request: c_int, argument: &mut [u8]) -> Result<()> {
        match self.take(Call::Ioctl(fd, request, argument.to_vec()))? {
            Answer::Bytes(bytes) => {
                argument[..bytes.len()].copy_from_slice(&bytes);
                Ok(())
            }
            _ => panic!("the script has another answer than bytes"),
        }
    }

    unsafe fn door_call(&self, door: c_int, argument: &mut DoorArg) -> Result<()> {
        // SAFETY: the caller describes the request with address and size.
        let request = unsafe { std::slice::from_raw_parts(argument.data_ptr, argument.data_size) };
        assert!(argument.desc_ptr.is_null() && argument.desc_num == 0, "no descriptors go out");
        match self.take(Call::Door(door, request.to_vec()))? {
            Answer::Door(answer) => self.fill(argument, &answer),
            _ => panic!("the script has another answer than that of a door"),
        }
        Ok(())
    }

    unsafe fn munmap(&self, address: *mut u8, len: usize) {
        self.calls.borrow_mut().push(Call::Unmap(len));
        let mut mappings = self.mappings.borrow_mut();
        let found = mappings
            .iter()
            .position(|mapping| mapping.as_ptr().cast::<u8>() == address)
            .expect("a mapping of this address");
        assert_eq!(size_of_val(&*mappings[found]), len);
        mappings.remove(found);
    }
}

impl Script {
    /// As the system does it: bytes, then descriptors, in the room or in a mapping.
    fn fill(&self, argument: &mut DoorArg, answer: &DoorAnswer) {
        let (offset, mapped) = match answer.place {
            Place::Room(offset) => (offset, false),
            Place::Mapping(offset) => (offset, true),
            Place::Elsewhere => (0, false),
        };
        let records = size_of_val(answer.descriptors.as_slice());
        let needed = offset + answer.bytes.len() + records;
        if mapped {
            let mut mapping = vec![0_u64; needed.div_ceil(8).max(1)].into_boxed_slice();
            argument.rbuf = mapping.as_mut_ptr().cast();
            argument.rsize = size_of_val(&*mapping);
            self.mappings.borrow_mut().push(mapping);
        }
        assert!(needed <= argument.rsize, "the answer does not fit");
        argument.data_ptr = argument.rbuf.wrapping_add(offset);
        argument.data_size = answer.bytes.len();
        argument.desc_num = answer.descriptors.len() as u32;
        argument.desc_ptr = argument.data_ptr.wrapping_add(answer.bytes.len()).cast();
        // SAFETY: room and mapping have the bytes that are needed.
        unsafe {
            argument.data_ptr.copy_from_nonoverlapping(answer.bytes.as_ptr(), answer.bytes.len());
            argument
                .desc_ptr
                .cast::<u8>()
                .copy_from_nonoverlapping(answer.descriptors.as_ptr().cast(), records);
        }
        if answer.place == Place::Elsewhere {
            argument.data_ptr = argument.rbuf.wrapping_add(argument.rsize - 1);
        }
    }
}

impl ProcessCalls for Script {
    fn zone(&self) -> c_int {
        match self.answers.borrow_mut().pop_front() {
            Some(Answer::Descriptor(zone)) => zone,
            _ => panic!("the script has another answer than a number"),
        }
    }

    fn privilege_in_effect(&self, name: &CStr) -> bool {
        match self.take(Call::Privilege(name.to_owned())) {
            Ok(Answer::Ready(answer)) => answer == [true],
            _ => panic!("the script has another answer than yes or no"),
        }
    }
}
