// SPDX-License-Identifier: MIT OR Apache-2.0

//! `/dev/dld` and the door of the link daemon.

#![allow(unsafe_code, reason = "an ioctl writes to where it is pointed")]

use std::ffi::c_int;
use std::path::PathBuf;

use super::abi::{DLD_CONTROL_DEV, O_CLOEXEC, O_RDONLY, O_RDWR};
use super::calls::{FileCalls, KstatCalls, ProcessCalls};
use super::fd::Fd;
use super::statistics::Statistics;
use super::{door, process, socket};
use crate::model::{LinkId, LinkStatistics, LinkTopology};
use crate::sys::links::{LinkSystem, OpenLinksError};
use crate::wire::dlmgmt::DOOR;
use crate::wire::errno::Errno;
use crate::wire::{dld, iptun};

/// Opens `/dev/dld`. The door is opened when it is needed: not every call needs it.
pub(super) fn open<C>(calls: C) -> Result<Box<dyn LinkSystem>, OpenLinksError>
where
    C: FileCalls + KstatCalls + ProcessCalls + 'static,
{
    match calls.open(DLD_CONTROL_DEV, O_RDWR | O_CLOEXEC) {
        Ok(raw) => {
            let device = Fd::new(&calls, raw);
            let statistics = Statistics::new(calls.clone());
            Ok(Box::new(Links { calls, device, door: None, statistics }))
        }
        Err(errno) => Err(OpenLinksError::Unavailable {
            path: PathBuf::from(DLD_CONTROL_DEV.to_string_lossy().as_ref()),
            source: socket::error(errno),
        }),
    }
}

struct Links<C: FileCalls + KstatCalls> {
    calls: C,
    device: Fd<C>,
    door: Option<Fd<C>>,
    statistics: Statistics<C>,
}

impl<C: FileCalls + KstatCalls> Links<C> {
    fn call_door(&mut self, request: &[u8]) -> Result<Vec<u8>, Errno> {
        let door = match self.door.take() {
            Some(door) => door,
            None => Fd::new(&self.calls, self.calls.open(DOOR, O_RDONLY | O_CLOEXEC)?),
        };
        let answer = door::call(&self.calls, door.raw(), request);
        self.door = Some(door);
        answer
    }
}

impl<C: FileCalls + KstatCalls + ProcessCalls> LinkSystem for Links<C> {
    fn ioctl(&mut self, command: u32, argument: &mut Vec<u8>) -> Result<(), Errno> {
        let needed = argument_size(command, argument).ok_or(Errno::EINVAL)?;
        let len = argument.len();
        if len > needed {
            return Err(Errno::EINVAL);
        }
        // A value that is shorter than the structure has room for.
        argument.resize(needed, 0);
        // SAFETY: the buffer has all bytes that the kernel copies for this command.
        let outcome = unsafe { self.calls.ioctl(self.device.raw(), command as c_int, argument) };
        argument.truncate(len);
        outcome
    }

    fn door(&mut self, request: &[u8]) -> Result<Vec<u8>, Errno> {
        match self.call_door(request) {
            // The daemon has been started again.
            Err(Errno::EBADF) => {
                self.door = None;
                self.call_door(request)
            }
            outcome => outcome,
        }
    }

    fn statistics(&mut self, link: &[u8]) -> Result<LinkStatistics, Errno> {
        self.statistics.of(link)
    }

    /// That takes ioctls of the drivers of all these classes; the system's own dladm has
    /// them.
    fn topology(&mut self, _link: LinkId) -> Result<LinkTopology, Errno> {
        Err(Errno::ENOTSUP)
    }

    fn zone(&mut self) -> Result<u32, Errno> {
        process::zone(&self.calls)
    }
}

/// Bytes that the kernel copies in or out for a command, whatever it is given; for a
/// property its value decides as well. `None` for a command that is unknown here.
pub(super) fn argument_size(command: u32, argument: &[u8]) -> Option<usize> {
    match command {
        iptun::CREATE | iptun::CREATE_SECURE | iptun::MODIFY | iptun::INFO => {
            Some(iptun::Kparams::SIZE)
        }
        iptun::DELETE | iptun::SET_6TO4RELAY | iptun::GET_6TO4RELAY => Some(4),
        dld::ATTR => Some(dld::Attr::SIZE),
        dld::RENAME => Some(dld::Rename::SIZE),
        dld::SETMACPROP | dld::GETMACPROP => {
            let property = dld::MacProp::decode(argument)?;
            Some(dld::MacProp::SIZE.max(dld::MacProp::HEADER + property.value.len()))
        }
        _ => None,
    }
}
