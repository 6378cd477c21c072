// SPDX-License-Identifier: MIT OR Apache-2.0

//! Names, against the rules of `getipnodebyname` and `spec/ipsecconf.md` section 6.

use std::ffi::CString;
use std::net::{IpAddr, Ipv4Addr};

use super::super::{algorithms, names};
use super::services::{AlgRow, Services};
use crate::model::{AlgFlags, AlgProto, KeySizes};
use crate::policy::AlgDb;

fn name(text: &str) -> CString {
    CString::new(text).unwrap()
}

fn v6(text: &str) -> Vec<u8> {
    text.parse::<std::net::Ipv6Addr>().unwrap().octets().to_vec()
}

#[test]
fn hosts_have_addresses_of_both_families_in_the_order_of_the_service() {
    let mut services = Services::default();
    let dual = vec![v6("::ffff:192.0.2.1"), v6("2001:db8::1"), v6("::ffff:192.0.2.2")];
    services.hosts.insert(name("dual"), (26, dual));
    services.hosts.insert(name("old"), (2, vec![vec![192, 0, 2, 9]]));
    services.hosts.insert(name("odd"), (99, vec![vec![1; 16]]));
    services.hosts.insert(name("none"), (26, Vec::new()));
    let expected: Vec<IpAddr> =
        ["192.0.2.1", "2001:db8::1", "192.0.2.2"].map(|text| text.parse().unwrap()).into();
    assert_eq!(names::host(&services, b"dual", true), expected);
    assert_eq!(names::host(&services, b"old", true), [IpAddr::from([192, 0, 2, 9])]);
    for nothing in [&b"odd"[..], b"none", b"nosuch", b"du\0al"] {
        assert!(names::host(&services, nothing, true).is_empty());
    }
    assert_eq!(services.lent.get(), 0, "every entry was freed");
}

#[test]
fn only_tunnels_ask_for_addresses_of_families_that_are_not_configured() {
    let services = Services::default();
    names::host(&services, b"dual", true);
    names::host(&services, b"dual", false);
    // AI_DEFAULT | AI_ALL, and without AI_ADDRCONFIG.
    assert_eq!(*services.asked.borrow(), [(26, 7), (26, 3)]);
}

#[test]
fn addresses_have_names_in_whatever_encoding() {
    let mut services = Services::default();
    let latin = CString::new(b"caf\xe9".to_vec()).unwrap();
    services.by_address.insert(vec![192, 0, 2, 1], latin);
    services.by_address.insert(v6("2001:db8::1"), name("six.example"));
    let four = IpAddr::from([192, 0, 2, 1]);
    assert_eq!(names::host_by_addr(&services, four), Some("caf\u{fffd}".to_owned()));
    let six = "2001:db8::1".parse().unwrap();
    assert_eq!(names::host_by_addr(&services, six), Some("six.example".to_owned()));
    assert_eq!(names::host_by_addr(&services, IpAddr::from([192, 0, 2, 2])), None);
    assert_eq!(services.lent.get(), 0, "every entry was freed");
}

#[test]
fn the_number_of_a_network_says_how_long_it_is() {
    let mut services = Services::default();
    for (text, kind, number, address) in [
        ("ten", 2, 10, Some([10, 0, 0, 0])),
        ("lab", 2, 10 << 8 | 1, Some([10, 1, 0, 0])),
        ("c", 2, 192 << 16 | 168 << 8 | 7, Some([192, 168, 7, 0])),
        ("full", 2, 192 << 24 | 168 << 16 | 7 << 8 | 1, Some([192, 168, 7, 1])),
        ("six", 26, 10, None),
    ] {
        services.networks.insert(name(text), (kind, number));
        let expected = address.map(Ipv4Addr::from);
        assert_eq!(names::network(&services, text.as_bytes()), expected, "{text}");
    }
    assert_eq!(names::network(&services, b"nosuch"), None);
}

#[test]
fn ports_are_in_network_order_and_protocols_are_small() {
    let mut services = Services::default();
    services.ports.insert(name("https"), c_int_of_port(443));
    services.protocols = vec![(name("tcp"), 6), (name("wide"), 300)];
    assert_eq!(names::service(&services, b"https"), Some(443));
    assert_eq!(names::service(&services, b"HTTPS"), None);
    assert_eq!(names::protocol(&services, b"tcp"), Some(6));
    assert_eq!(names::protocol(&services, b"wide"), None);
    assert_eq!(names::protocol(&services, b"nosuch"), None);
    assert_eq!(names::protocol_by_number(&services, 6), Some("tcp".to_owned()));
    assert_eq!(names::protocol_by_number(&services, 7), None);
}

/// As it is in the field: two bytes in network order, in a number of the machine.
fn c_int_of_port(port: u16) -> i32 {
    u16::from_ne_bytes(port.to_be_bytes()).into()
}

/// Two algorithms of libnsl, and the lines of the file that it makes them from.
#[test]
fn the_table_of_libnsl_means_what_the_file_means() {
    let mut services = Services::default();
    let sha256 = AlgRow {
        names: &[b"sha256", b"hmac-sha256"],
        mechanism: c"CKM_SHA256_HMAC_GENERAL",
        keys: &[256],
        increment: 0,
        blocks: &[32, 16],
        params: &[],
        flags: 0,
    };
    let gcm = AlgRow {
        names: &[b"aes-gcm", b"gcm"],
        mechanism: c"CKM_AES_GCM",
        keys: &[128, 128, 256],
        increment: 64,
        blocks: &[16],
        params: &[8, 16, 4],
        flags: 4 | 16,
    };
    services.algorithms.insert((2, 5), sha256);
    services.algorithms.insert((3, 20), gcm);
    let file = "ALG|2|5|sha256,hmac-sha256|CKM_SHA256_HMAC_GENERAL|256|32,16\n\
                ALG|3|20|aes-gcm,gcm|CKM_AES_GCM|128/128-256,64|16|8,16,4|20\n";
    let (expected, complaints) = AlgDb::parse(file.as_bytes());
    assert_eq!(complaints, [""; 0]);
    let table = algorithms::table(&services);
    assert_eq!(table, expected);
    let gcm = table.by_name(AlgProto::Esp, b"GCM").unwrap();
    assert!(gcm.flags.contains(AlgFlags::GCM));
    assert_eq!(gcm.keys.bounds(), (128, 256));
    assert_eq!(services.lent.get(), 0, "every entry was freed");
}

#[test]
fn an_algorithm_without_keys_and_a_system_without_table() {
    let mut services = Services::default();
    assert_eq!(algorithms::table(&services), AlgDb::default());
    let null = AlgRow {
        names: &[b"null", b"n\xff"],
        mechanism: c"-",
        keys: &[],
        increment: 0,
        blocks: &[],
        params: &[],
        flags: 0,
    };
    services.algorithms.insert((3, 11), null);
    let table = algorithms::table(&services);
    let [null] = table.algorithms() else { panic!("{table:?}") };
    assert_eq!((&null.keys, null.names[1].as_str()), (&KeySizes::None, "n\u{fffd}"));
}
