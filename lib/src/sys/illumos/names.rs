// SPDX-License-Identifier: MIT OR Apache-2.0

//! Hosts, networks, services and protocols from the name services: libnsl and libsocket,
//! which follow `nsswitch.conf`.

#![allow(unsafe_code, reason = "the name services hand out addresses")]

use std::ffi::{CStr, CString, c_char, c_int};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr;

use super::abi::{
    AF_INET, AF_INET6, AI_ADDRCONFIG, AI_ALL, AI_V4MAPPED, HostEnt, NetEnt, ProtoEnt, ServEnt,
};
use super::calls::NameCalls;

/// The longest entry in bytes: a service with all its aliases.
const ENTRY: usize = 8192;

/// Addresses of both families, those of IPv4 in IPv6 form.
const BOTH_FAMILIES: c_int = AI_V4MAPPED | AI_ALL;

/// All addresses of a host, of both families, in the order of the name service. With
/// `configured`, only of families of which an interface of this host has an address.
pub(super) fn host(calls: &impl NameCalls, name: &[u8], configured: bool) -> Vec<IpAddr> {
    let Ok(name) = CString::new(name) else { return Vec::new() };
    let flags = if configured { BOTH_FAMILIES | AI_ADDRCONFIG } else { BOTH_FAMILIES };
    let found = calls.getipnodebyname(&name, AF_INET6, flags);
    if found.is_null() {
        return Vec::new();
    }
    // SAFETY: not null, so it can be looked at until it is freed.
    let addresses = unsafe { addresses(&*found) };
    calls.freehostent(found);
    addresses
}

/// # Safety
///
/// The lists of the entry are as the name service made them.
unsafe fn addresses(host: &HostEnt) -> Vec<IpAddr> {
    let len = usize::try_from(host.h_length).unwrap_or(0);
    // SAFETY: the list is null or ends with null.
    let entries = unsafe { list(host.h_addr_list) };
    let read = |address: *mut c_char| {
        // SAFETY: an address has as many bytes as the entry says.
        let bytes = unsafe { std::slice::from_raw_parts(address.cast::<u8>(), len) };
        match host.h_addrtype {
            AF_INET6 => {
                let bytes = <[u8; 16]>::try_from(bytes).ok()?;
                Some(Ipv6Addr::from(bytes).to_canonical())
            }
            AF_INET => Some(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?)),
            _ => None,
        }
    };
    entries.into_iter().filter_map(read).collect()
}

/// The first name of an address.
pub(super) fn host_by_addr(calls: &impl NameCalls, address: IpAddr) -> Option<String> {
    let found = match address {
        IpAddr::V4(address) => calls.getipnodebyaddr(&address.octets(), AF_INET),
        IpAddr::V6(address) => calls.getipnodebyaddr(&address.octets(), AF_INET6),
    };
    if found.is_null() {
        return None;
    }
    // SAFETY: not null, so it can be looked at until it is freed.
    let name = unsafe { text((*found).h_name) };
    calls.freehostent(found);
    name
}

/// The address of a network; the bits behind the network are zero.
pub(super) fn network(calls: &impl NameCalls, name: &[u8]) -> Option<Ipv4Addr> {
    let name = CString::new(name).ok()?;
    let mut network =
        NetEnt { n_name: ptr::null_mut(), n_aliases: ptr::null_mut(), n_addrtype: 0, n_net: 0 };
    let found = calls.getnetbyname_r(&name, &mut network, &mut [0; ENTRY]);
    (found && network.n_addrtype == AF_INET).then(|| network_address(network.n_net))
}

/// `inet_makeaddr` with host 0: the number of a network says by its size how many bytes
/// it has.
fn network_address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(match number {
        0..=0xff => number << 24,
        0x100..=0xffff => number << 16,
        0x1_0000..=0xff_ffff => number << 8,
        _ => number,
    })
}

/// The port of a service, of any protocol.
pub(super) fn service(calls: &impl NameCalls, name: &[u8]) -> Option<u16> {
    let name = CString::new(name).ok()?;
    let (none, no_list) = (ptr::null_mut(), ptr::null_mut());
    let mut service = ServEnt { s_name: none, s_aliases: no_list, s_port: 0, s_proto: none };
    let found = calls.getservbyname_r(&name, &mut service, &mut [0; ENTRY]);
    // Two bytes in network order, in a number of four.
    found.then(|| u16::from_be(service.s_port as u16))
}

/// The number of a protocol.
pub(super) fn protocol(calls: &impl NameCalls, name: &[u8]) -> Option<u8> {
    let name = CString::new(name).ok()?;
    let mut protocol = no_protocol();
    let found = calls.getprotobyname_r(&name, &mut protocol, &mut [0; ENTRY]);
    u8::try_from(protocol.p_proto).ok().filter(|_| found)
}

/// The name of a protocol.
pub(super) fn protocol_by_number(calls: &impl NameCalls, number: u8) -> Option<String> {
    let (mut protocol, mut buffer) = (no_protocol(), [0; ENTRY]);
    if !calls.getprotobynumber_r(number.into(), &mut protocol, &mut buffer) {
        return None;
    }
    // SAFETY: the entry is filled, and both it and its buffer live.
    unsafe { text(protocol.p_name) }
}

fn no_protocol() -> ProtoEnt {
    ProtoEnt { p_name: ptr::null_mut(), p_aliases: ptr::null_mut(), p_proto: -1 }
}

/// A text in whatever encoding; what is not UTF-8 is replaced.
///
/// # Safety
///
/// The address is null, or that of a text that ends with a zero.
pub(super) unsafe fn text(address: *const c_char) -> Option<String> {
    if address.is_null() {
        return None;
    }
    // SAFETY: not null, so it ends with a zero.
    Some(unsafe { CStr::from_ptr(address) }.to_string_lossy().into_owned())
}

/// The entries of a list.
///
/// # Safety
///
/// The address is null, or that of a list that ends with null.
pub(super) unsafe fn list(mut address: *const *mut c_char) -> Vec<*mut c_char> {
    let mut entries = Vec::new();
    while !address.is_null() {
        // SAFETY: the end of the list has not been reached.
        let entry = unsafe { address.read() };
        if entry.is_null() {
            break;
        }
        entries.push(entry);
        address = address.wrapping_add(1);
    }
    entries
}

/// The name services of this machine.
#[cfg(target_os = "illumos")]
pub use services::ServiceNames;

#[cfg(target_os = "illumos")]
mod services {
    use super::super::native::Native;
    use super::{IpAddr, Ipv4Addr};
    use crate::policy::Names;
    use crate::sys::System;
    use crate::sys::names::FileNames;

    /// Host, network, service and protocol names from the name services.
    #[derive(Debug)]
    pub struct ServiceNames<'a> {
        /// What is in files, for hints only: no name service lists all it has.
        files: FileNames<'a>,
        configured: bool,
    }

    impl<'a> ServiceNames<'a> {
        /// Names as the system has them. Hosts have addresses of those families only of
        /// which an interface has one.
        #[must_use]
        pub fn new(system: &'a System) -> Self {
            Self { files: FileNames::new(system), configured: true }
        }

        /// Hosts have all their addresses: interfaces may not be there yet.
        #[must_use]
        pub fn whatever_is_configured(self) -> Self {
            Self { configured: false, ..self }
        }

        /// The system whose names these are.
        #[must_use]
        pub fn system(&self) -> &System {
            self.files.system()
        }
    }

    impl Names for ServiceNames<'_> {
        fn host(&self, name: &[u8]) -> Vec<IpAddr> {
            super::host(&Native, name, self.configured)
        }

        fn host_by_addr(&self, addr: IpAddr) -> Option<String> {
            super::host_by_addr(&Native, addr)
        }

        fn network(&self, name: &[u8]) -> Option<Ipv4Addr> {
            super::network(&Native, name)
        }

        fn service(&self, name: &[u8]) -> Option<u16> {
            super::service(&Native, name)
        }

        fn protocol(&self, name: &[u8]) -> Option<u8> {
            super::protocol(&Native, name)
        }

        fn protocol_by_number(&self, number: u8) -> Option<String> {
            super::protocol_by_number(&Native, number)
        }

        fn hostname(&self) -> String {
            let name = nix::unistd::gethostname().unwrap_or_default();
            name.to_string_lossy().into_owned()
        }

        fn similar(&self, name: &[u8]) -> Vec<String> {
            self.files.similar(name)
        }
    }
}
