// SPDX-License-Identifier: MIT OR Apache-2.0

//! The algorithm table as libnsl reads it: the same for all programs of the system.

#![allow(unsafe_code, reason = "libnsl hands out addresses")]

use std::ffi::c_int;

use super::abi::IpsecAlgEnt;
use super::calls::NameCalls;
use super::names::{list, text};
use crate::model::{AlgFlags, AlgProto, Algorithm, KeySizes};
use crate::policy::AlgDb;

/// All algorithms, by class and number. Empty if the system has no table.
pub(super) fn table(calls: &impl NameCalls) -> AlgDb {
    let mut algorithms = Vec::new();
    for proto in [AlgProto::Ah, AlgProto::Esp] {
        for id in 0..=u8::MAX {
            let found = calls.getipsecalgbynum(id.into(), proto.number() as c_int);
            if found.is_null() {
                continue;
            }
            // SAFETY: not null, so it can be looked at until it is freed.
            algorithms.push(unsafe { algorithm(proto, id, &*found) });
            calls.freeipsecalgent(found);
        }
    }
    AlgDb::of(algorithms)
}

/// # Safety
///
/// The lists of the entry are as libnsl made them.
unsafe fn algorithm(proto: AlgProto, id: u8, entry: &IpsecAlgEnt) -> Algorithm {
    // SAFETY: lists of texts end with null, lists of numbers with zero.
    let (names, sizes, blocks, params, mechanism) = unsafe {
        (
            list(entry.a_names).into_iter().filter_map(|name| text(name)).collect(),
            numbers(entry.a_key_sizes),
            numbers(entry.a_block_sizes),
            numbers(entry.a_mech_params),
            text(entry.a_mech_name),
        )
    };
    let increment = u16::try_from(entry.a_key_increment).unwrap_or(0);
    let keys = match sizes.as_slice() {
        [] => KeySizes::None,
        &[default, low, high] if increment > 0 => KeySizes::Range { default, low, high, increment },
        sizes => KeySizes::List(sizes.to_vec()),
    };
    let flags = AlgFlags::from_bits_retain(entry.a_alg_flags as _);
    let mechanism = mechanism.unwrap_or_default();
    Algorithm { proto, id, names, mechanism, keys, blocks, params, flags }
}

/// # Safety
///
/// The address is null, or that of a list that ends with zero.
unsafe fn numbers(mut address: *const c_int) -> Vec<u16> {
    let mut out = Vec::new();
    while !address.is_null() {
        // SAFETY: the end of the list has not been reached.
        match unsafe { address.read() } {
            0 => break,
            number => out.extend(u16::try_from(number)),
        }
        address = address.wrapping_add(1);
    }
    out
}
