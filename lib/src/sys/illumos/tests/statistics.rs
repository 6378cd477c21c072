// SPDX-License-Identifier: MIT OR Apache-2.0

//! Statistics of links.

use std::ffi::CString;

use super::super::abi::KstatNamed;
use super::super::statistics::Statistics;
use super::services::Kstats;
use crate::model::LinkState;
use crate::wire::errno::Errno;

const INT32: u8 = 1;
const UINT32: u8 = 2;
const UINT64: u8 = 4;

fn named(name: &str, data_type: u8, value: u64) -> KstatNamed {
    let mut bytes = [0; 31];
    for (to, from) in bytes.iter_mut().zip(name.bytes()) {
        *to = from as _;
    }
    // Behind a number of four bytes there may be anything.
    let value = if data_type <= UINT32 { value & 0xffff_ffff | 0xdead << 32 } else { value };
    KstatNamed { name: bytes, data_type, value: [value, u64::MAX] }
}

fn link(kstats: &Kstats, name: &str, statistics: Vec<KstatNamed>) {
    kstats.links.borrow_mut().insert(CString::new(name).unwrap(), statistics);
}

#[test]
fn state_and_counters_come_from_the_wide_statistics() {
    let kstats = Kstats::default();
    let unknown = u64::from(u32::MAX);
    for (name, kind, value, state) in [
        ("up0", UINT32, 1, LinkState::Up),
        ("down0", UINT32, 0, LinkState::Down),
        ("new0", UINT32, unknown, LinkState::Unknown),
        ("new1", INT32, unknown, LinkState::Unknown),
    ] {
        let statistics = vec![
            named("link_state", kind, value),
            named("ipackets", UINT32, 1),
            named("ipackets64", UINT64, 0x1_0000_0001),
            named("rbytes64", UINT64, u64::MAX),
            named("opackets", UINT32, 5),
            named("oerrors", UINT32, 6),
        ];
        link(&kstats, name, statistics);
        let found = Statistics::new(kstats.clone()).of(name.as_bytes()).unwrap();
        assert_eq!(found.state, state, "{name}");
        let counters = found.counters;
        assert_eq!((counters.ipackets, counters.rbytes), (0x1_0000_0001, u64::MAX));
        // A driver that has only the narrow one, and none.
        assert_eq!((counters.opackets, counters.obytes), (5, 0));
        assert_eq!((counters.ierrors, counters.oerrors), (0, 6));
    }
}

#[test]
fn the_handle_is_opened_once_and_sees_links_that_came_later() {
    let kstats = Kstats::default();
    let mut statistics = Statistics::new(kstats.clone());
    assert_eq!(statistics.of(b"tun0").unwrap_err(), Errno::ENOENT);
    link(&kstats, "tun0", vec![named("link_state", UINT32, 1)]);
    assert!(statistics.of(b"tun0").is_ok());
    drop(statistics);
    assert_eq!(*kstats.calls.borrow(), ["open", "update", "read", "close"]);
    // Nothing is opened that is not needed.
    kstats.calls.borrow_mut().clear();
    drop(Statistics::new(kstats.clone()));
    assert!(kstats.calls.borrow().is_empty());
}

#[test]
fn failures_keep_their_number_and_no_nonsense_is_shown() {
    let kstats = Kstats::default();
    link(&kstats, "tun0", vec![named("link_state", UINT32, 7)]);
    link(&kstats, "tun1", vec![named("link_state", 9, 1)]);
    let of = |name: &[u8]| Statistics::new(kstats.clone()).of(name).unwrap_err();
    assert_eq!(of(b"tun0"), Errno::EINVAL, "no such state");
    assert_eq!(of(b"tun1"), Errno::ENOENT, "a state that is a text");
    assert_eq!(of(b"tun\0"), Errno::ENOENT);
    for call in ["open", "read"] {
        kstats.fails.set(Some((call, Errno::ENXIO)));
        assert_eq!(of(b"tun0"), Errno::ENXIO, "{call}");
    }
}
