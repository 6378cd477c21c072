// SPDX-License-Identifier: MIT OR Apache-2.0

//! Name services and statistics from tables, in the memory layout of illumos.

#![allow(unsafe_code, reason = "the tables stand for C libraries, which hand out addresses")]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;
use std::rc::Rc;

use super::super::abi::{
    HostEnt, IpsecAlgEnt, Kstat, KstatCtl, KstatNamed, NetEnt, ProtoEnt, ServEnt,
};
use super::super::calls::{KstatCalls, NameCalls, Result};
use crate::wire::errno::Errno;

/// An algorithm of the table: names, keys, increment, blocks, parameters, flags.
pub(super) struct AlgRow {
    pub(super) names: &'static [&'static [u8]],
    pub(super) mechanism: &'static CStr,
    pub(super) keys: &'static [c_int],
    pub(super) increment: c_int,
    pub(super) blocks: &'static [c_int],
    pub(super) params: &'static [c_int],
    pub(super) flags: c_int,
}

/// Name services that know what they are told. What they hand out has to come back.
#[derive(Default)]
pub(super) struct Services {
    /// Address type, and the bytes of each address.
    pub(super) hosts: HashMap<CString, (c_int, Vec<Vec<u8>>)>,
    pub(super) by_address: HashMap<Vec<u8>, CString>,
    /// Address type and number.
    pub(super) networks: HashMap<CString, (c_int, u32)>,
    /// The number in the field.
    pub(super) ports: HashMap<CString, c_int>,
    pub(super) protocols: Vec<(CString, c_int)>,
    pub(super) algorithms: HashMap<(c_int, c_int), AlgRow>,
    /// Questions about hosts: family and flags.
    pub(super) asked: RefCell<Vec<(c_int, c_int)>>,
    /// Entries that have not come back.
    pub(super) lent: Cell<usize>,
}

/// A list that ends with null, with the texts or addresses that it points to. It is never
/// freed: this is a test.
fn list(entries: &[Vec<u8>]) -> *mut *mut c_char {
    let mut pointers: Vec<*mut c_char> = entries
        .iter()
        .map(|bytes| Box::leak(bytes.clone().into_boxed_slice()).as_mut_ptr().cast())
        .collect();
    pointers.push(ptr::null_mut());
    Box::leak(pointers.into_boxed_slice()).as_mut_ptr()
}

fn numbers(numbers: &[c_int]) -> *mut c_int {
    Box::leak([numbers, &[0]].concat().into_boxed_slice()).as_mut_ptr()
}

fn text(bytes: &[u8]) -> *mut c_char {
    Box::leak([bytes, &[0]].concat().into_boxed_slice()).as_mut_ptr().cast()
}

impl Services {
    fn lend<T>(&self, entry: T) -> *mut T {
        self.lent.set(self.lent.get() + 1);
        Box::into_raw(Box::new(entry))
    }

    fn take_back<T>(&self, entry: *mut T) {
        self.lent.set(self.lent.get() - 1);
        // SAFETY: it comes from `lend`, and each comes back once, as the counter shows.
        drop(unsafe { Box::from_raw(entry) });
    }
}

// SAFETY: what is handed out is memory that stays, or a box that comes back.
unsafe impl NameCalls for Services {
    fn getipnodebyname(&self, name: &CStr, family: c_int, flags: c_int) -> *mut HostEnt {
        self.asked.borrow_mut().push((family, flags));
        let Some((kind, addresses)) = self.hosts.get(name) else { return ptr::null_mut() };
        self.lend(HostEnt {
            h_name: text(name.to_bytes()),
            h_aliases: list(&[]),
            h_addrtype: *kind,
            h_length: addresses.first().map_or(0, Vec::len) as c_int,
            h_addr_list: list(addresses),
        })
    }

    fn getipnodebyaddr(&self, address: &[u8], family: c_int) -> *mut HostEnt {
        let Some(name) = self.by_address.get(address) else { return ptr::null_mut() };
        assert_eq!((family, address.len()), if address.len() == 4 { (2, 4) } else { (26, 16) });
        self.lend(HostEnt {
            h_name: text(name.to_bytes()),
            h_aliases: list(&[]),
            h_addrtype: family,
            h_length: address.len() as c_int,
            h_addr_list: list(&[address.to_vec()]),
        })
    }

    fn freehostent(&self, host: *mut HostEnt) {
        self.take_back(host);
    }

    fn getnetbyname_r(&self, name: &CStr, network: &mut NetEnt, _: &mut [u8]) -> bool {
        let Some((kind, number)) = self.networks.get(name) else { return false };
        (network.n_addrtype, network.n_net) = (*kind, *number);
        true
    }

    fn getservbyname_r(&self, name: &CStr, service: &mut ServEnt, _: &mut [u8]) -> bool {
        let Some(port) = self.ports.get(name) else { return false };
        service.s_port = *port;
        true
    }

    fn getprotobyname_r(&self, name: &CStr, protocol: &mut ProtoEnt, _: &mut [u8]) -> bool {
        let Some((_, number)) = self.protocols.iter().find(|(known, _)| known.as_c_str() == name)
        else {
            return false;
        };
        protocol.p_proto = *number;
        true
    }

    /// The name is in the buffer, as the real function does it.
    fn getprotobynumber_r(
        &self,
        number: c_int,
        protocol: &mut ProtoEnt,
        buffer: &mut [u8],
    ) -> bool {
        let Some((name, _)) = self.protocols.iter().find(|(_, known)| *known == number) else {
            return false;
        };
        let name = name.to_bytes_with_nul();
        buffer[..name.len()].copy_from_slice(name);
        (protocol.p_name, protocol.p_proto) = (buffer.as_mut_ptr().cast(), number);
        true
    }

    fn getipsecalgbynum(&self, number: c_int, protocol: c_int) -> *mut IpsecAlgEnt {
        let Some(row) = self.algorithms.get(&(protocol, number)) else { return ptr::null_mut() };
        let with_end: Vec<Vec<u8>> =
            row.names.iter().map(|name| [name, &[0][..]].concat()).collect();
        self.lend(IpsecAlgEnt {
            a_names: list(&with_end),
            a_proto_num: protocol,
            a_alg_num: number,
            a_mech_name: text(row.mechanism.to_bytes()),
            a_block_sizes: numbers(row.blocks),
            a_key_sizes: numbers(row.keys),
            a_key_increment: row.increment,
            a_mech_params: numbers(row.params),
            a_alg_flags: row.flags,
        })
    }

    fn freeipsecalgent(&self, algorithm: *mut IpsecAlgEnt) {
        self.take_back(algorithm);
    }
}

/// Kernel statistics of links.
#[derive(Clone, Default)]
pub(super) struct Kstats {
    /// Name, type and bytes of each statistic of a link.
    pub(super) links: Rc<RefCell<HashMap<CString, Vec<KstatNamed>>>>,
    /// What was called.
    pub(super) calls: Rc<RefCell<Vec<&'static str>>>,
    pub(super) fails: Rc<Cell<Option<(&'static str, Errno)>>>,
}

impl Kstats {
    fn call(&self, name: &'static str) -> Result<()> {
        self.calls.borrow_mut().push(name);
        match self.fails.get() {
            Some((which, errno)) if which == name => Err(errno),
            _ => Ok(()),
        }
    }
}

/// An address that nobody looks at.
fn handle() -> *mut KstatCtl {
    ptr::without_provenance_mut(0x1000)
}

// SAFETY: statistics are leaked, so their addresses stay good.
unsafe impl KstatCalls for Kstats {
    fn kstat_open(&self) -> Result<*mut KstatCtl> {
        self.call("open").map(|()| handle())
    }

    fn kstat_close(&self, opened: *mut KstatCtl) {
        assert_eq!(opened, handle());
        let _ = self.call("close");
    }

    fn kstat_chain_update(&self, opened: *mut KstatCtl) -> Result<()> {
        assert_eq!(opened, handle());
        self.call("update")
    }

    fn kstat_lookup(
        &self,
        opened: *mut KstatCtl,
        module: &CStr,
        instance: c_int,
        name: &CStr,
    ) -> *mut Kstat {
        assert_eq!((opened, module, instance), (handle(), c"link", 0));
        match self.links.borrow().get(name) {
            Some(statistics) => {
                Box::leak(Box::new(statistics.clone())) as *mut Vec<KstatNamed> as *mut Kstat
            }
            None => ptr::null_mut(),
        }
    }

    fn kstat_read(&self, opened: *mut KstatCtl, kstat: *mut Kstat) -> Result<()> {
        assert!(opened == handle() && !kstat.is_null());
        self.call("read")
    }

    fn kstat_data_lookup(&self, kstat: *mut Kstat, name: &CStr) -> *const KstatNamed {
        // SAFETY: the address is one of `kstat_lookup`.
        let statistics = unsafe { &*kstat.cast::<Vec<KstatNamed>>() };
        let wanted = name.to_bytes();
        let named = |statistic: &&KstatNamed| {
            statistic
                .name
                .iter()
                .map(|byte| *byte as u8)
                .take_while(|byte| *byte != 0)
                .eq(wanted.iter().copied())
        };
        statistics.iter().find(named).map_or(ptr::null(), ptr::from_ref)
    }
}
