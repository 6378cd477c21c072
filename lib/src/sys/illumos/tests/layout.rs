// SPDX-License-Identifier: MIT OR Apache-2.0

//! The structures and numbers of this back end against the measured ones.
//!
//! `tests/tests/layout*.rs` do the same for what travels inside messages.

use std::mem::offset_of;

use serde_json::Value;

use super::super::abi::{self, DoorArg};

fn measured(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn links() -> Value {
    measured(include_str!("../../../../../tests/golden/iptun_layout.json"))
}

fn door() -> Value {
    measured(include_str!("../../../../../tests/golden/door_layout.json"))
}

fn keys() -> Value {
    measured(include_str!("../../../../../tests/golden/pf_key_layout.json"))
}

fn policy() -> Value {
    measured(include_str!("../../../../../tests/golden/pf_policy_layout.json"))
}

#[test]
fn the_argument_block_of_a_door_call() {
    let layout = door();
    let door = &layout["structs"]["door_arg_t"];
    assert_eq!(door["size"], size_of::<DoorArg>());
    let ours = [
        ("data_ptr", offset_of!(DoorArg, data_ptr), 8),
        ("data_size", offset_of!(DoorArg, data_size), 8),
        ("desc_ptr", offset_of!(DoorArg, desc_ptr), 8),
        ("desc_num", offset_of!(DoorArg, desc_num), 4),
        ("rbuf", offset_of!(DoorArg, rbuf), 8),
        ("rsize", offset_of!(DoorArg, rsize), 8),
    ];
    let fields = door["fields"].as_array().unwrap();
    assert_eq!(fields.len(), ours.len());
    for (field, (name, offset, size)) in fields.iter().zip(ours) {
        assert_eq!(
            (&field["name"], &field["offset"], &field["size"]),
            (&name.into(), &offset.into(), &size.into())
        );
    }
}

#[test]
fn numbers_of_sockets_and_addresses() {
    let keys = keys();
    let related = &keys["related"];
    assert_eq!(related["PF_KEY"], abi::PF_KEY);
    assert_eq!(related["SOCK_RAW"], abi::SOCK_RAW);
    assert_eq!(related["AF_INET"], abi::AF_INET);
    assert_eq!(related["AF_INET6"], abi::AF_INET6);
    assert_eq!(keys["constants"]["PF_KEY_V2"], abi::PF_KEY_V2);
    let policy = policy();
    let related = &policy["related"];
    assert_eq!(related["PF_POLICY/AF_POLICY"], abi::PF_POLICY);
    assert_eq!(related["SOCK_RAW (illumos)"], abi::SOCK_RAW);
    assert_eq!(related["socket protocol"], abi::PF_POLICY_V1);
    assert_eq!(related["AF_INET6 (illumos)"], abi::AF_INET6);
}

#[test]
fn device_and_door() {
    let device = &door()["constants"]["DLD_CONTROL_DEV"];
    assert_eq!(*device, abi::DLD_CONTROL_DEV.to_str().unwrap());
    let door = &links()["constants"]["dls_mgmt.h"]["DLMGMT_DOOR"];
    assert_eq!(*door, crate::wire::dlmgmt::DOOR.to_str().unwrap());
}

/// Arguments of ioctls have the sizes of their structures.
#[test]
fn sizes_of_ioctl_arguments() {
    use super::super::links::argument_size;
    use crate::wire::dld::{self, MacProp};
    use crate::wire::iptun;

    let (links, door) = (links(), door());
    let none = MacProp::default().encode();
    for (command, name) in [
        (iptun::CREATE, "iptun_kparams_t"),
        (iptun::CREATE_SECURE, "iptun_kparams_t"),
        (iptun::MODIFY, "iptun_kparams_t"),
        (iptun::INFO, "iptun_kparams_t"),
        (iptun::SET_6TO4RELAY, "struct in_addr"),
        (iptun::GET_6TO4RELAY, "struct in_addr"),
        (dld::ATTR, "dld_ioc_attr_t"),
        (dld::RENAME, "dld_ioc_rename_t"),
        (dld::SETMACPROP, "dld_ioc_macprop_t"),
        (dld::GETMACPROP, "dld_ioc_macprop_t"),
    ] {
        let size = match name {
            "struct in_addr" => &door["structs"][name]["size"],
            name => &links["structs"][name]["size"],
        };
        let size = size.as_u64().unwrap() as usize;
        assert_eq!(argument_size(command, &none), Some(size), "{name}");
    }
}
