// SPDX-License-Identifier: MIT OR Apache-2.0

//! The link registry: requests through the door (`spec/iptun_ioctl.md` section 5) and the
//! text of its files (`spec/dladm-iptun.md` section 8).

mod common;

use std::sync::{Arc, Mutex};

use common::links::*;
use illumos_ipsec::model::{LinkClass, LinkId, TunnelType};
use illumos_ipsec::wire::dlmgmt::{
    ANY_MEDIA, AttrValue, ConfId, LinkFlags, LinkInfo, NameInfo, Reply, Request,
};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::lab::Call;
use ipsec_usermode::KernelKind;
use ipsec_usermode::host::Privileges;
use ipsec_usermode::links::{LinkFile, LinkStore, MemoryStore, Registry};
use proptest::prelude::*;

const ACTIVE: LinkFlags = LinkFlags::ACTIVE;
const PERSIST: LinkFlags = LinkFlags::PERSIST;
const BOTH: LinkFlags = ACTIVE.union(PERSIST);
const IPTUN: LinkClass = LinkClass::IPTUN;

/// Files that a test can look into, and take away.
#[derive(Clone, Debug, Default)]
struct Files(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    stored: Vec<u8>,
    active: Vec<u8>,
    broken: Option<Errno>,
    unreadable: Option<Errno>,
}

impl Inside {
    fn file(&mut self, file: LinkFile) -> &mut Vec<u8> {
        match file {
            LinkFile::Persistent => &mut self.stored,
            LinkFile::Active => &mut self.active,
        }
    }
}

impl LinkStore for Files {
    fn read(&mut self, file: LinkFile) -> Result<Vec<u8>, Errno> {
        let mut inside = self.0.lock().unwrap();
        match inside.unreadable {
            Some(errno) => Err(errno),
            None => Ok(inside.file(file).clone()),
        }
    }

    fn write(&mut self, file: LinkFile, text: &[u8]) -> Result<(), Errno> {
        let mut inside = self.0.lock().unwrap();
        match inside.broken {
            Some(errno) => Err(errno),
            None => {
                *inside.file(file) = text.to_vec();
                Ok(())
            }
        }
    }
}

impl Files {
    fn stored(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().stored.clone()).unwrap()
    }

    fn active(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().active.clone()).unwrap()
    }

    fn breaks(&self, errno: Option<Errno>) {
        self.0.lock().unwrap().broken = errno;
    }

    /// A host that has just started with these files, and what was wrong with them.
    fn boot(&self) -> (Host, Vec<String>) {
        let mut host = Host::new(KernelKind::Modified);
        let mut registry = Registry::open(Box::new(self.clone()));
        let complaints = registry.take_complaints();
        host.kernel.set_links_registry(registry);
        (host, complaints)
    }
}

fn files(stored: &str) -> Files {
    let files = Files::default();
    files.0.lock().unwrap().stored = stored.as_bytes().to_vec();
    files
}

fn conf(reply: Result<Reply, Errno>) -> Result<ConfId, Errno> {
    match reply? {
        Reply::Conf(conf) => Ok(conf),
        other => panic!("{other:?}"),
    }
}

fn info(reply: Result<Reply, Errno>) -> Result<LinkInfo, Errno> {
    match reply? {
        Reply::Link(info) => Ok(info),
        other => panic!("{other:?}"),
    }
}

fn open(host: &mut Host, link: LinkId) -> Result<ConfId, Errno> {
    conf(host.door(&Request::OpenConf { link }))
}

fn text(value: &str) -> AttrValue {
    AttrValue::Str(value.as_bytes().to_vec())
}

fn set(host: &mut Host, conf: ConfId, name: &str, value: AttrValue) -> Errno {
    host.ask(&Request::SetAttr { conf, name: name.as_bytes().to_vec(), value })
}

fn find(host: &mut Host, name: &str) -> Result<LinkInfo, Errno> {
    info(host.door(&Request::GetLinkId { name: name.as_bytes().to_vec() }))
}

/// A stored link, by the requests that `dladm` makes.
fn store(host: &mut Host, name: &str, attrs: &[(&str, AttrValue)]) -> LinkId {
    let link = host.link_with(name, IPTUN, BOTH).unwrap();
    let media = TunnelType::Ipv4.media();
    let request = Request::CreateConf { name: name.as_bytes().to_vec(), link, class: IPTUN, media };
    let conf = conf(host.door(&request)).unwrap();
    for (name, value) in attrs {
        assert_eq!(set(host, conf, name, value.clone()), Errno::OK);
    }
    assert_eq!(host.ask(&Request::WriteConf { conf }), Errno::OK);
    assert_eq!(host.ask(&Request::DestroyConf { conf }), Errno::OK);
    link
}

#[test]
fn numbers_begin_at_one_and_skip_what_is_there() {
    let cache = "t0\tlinkid=int,2;zone=string,global;class=int,128;media=int,2147483649;\n";
    let mut host = Host::new(KernelKind::Modified);
    let store = MemoryStore::new("s0\tclass=int,128;media=int,2147483649;\n", cache);
    host.kernel.set_links_registry(Registry::open(Box::new(store)));
    let numbers = ["s0", "a0", "b0"].map(|name| match find(&mut host, name) {
        Ok(info) => info.link.0,
        Err(_) => host.link(name).0,
    });
    assert_eq!(numbers, [1, 3, 4]);
    assert_eq!(find(&mut host, "t0").unwrap().link, LinkId(2));
    // A number is not given out again soon.
    assert_eq!(host.ask(&Request::DestroyLinkId { link: LinkId(4), flags: ACTIVE }), Errno::OK);
    assert_eq!(host.link("c0").0, 5);
}

#[test]
fn create_checks_name_and_flags() {
    let mut host = Host::new(KernelKind::Modified);
    for bad in ["", "a", "0a1", "tun", "tun01", "tun00", "t-0", "t 0"] {
        assert_eq!(host.link_with(bad, IPTUN, ACTIVE), Err(Errno::EINVAL), "{bad:?}");
    }
    for flags in [LinkFlags::empty(), PERSIST | LinkFlags::TRANSIENT] {
        assert_eq!(host.link_with("t0", IPTUN, flags), Err(Errno::EINVAL));
    }
    assert!(host.link_with("t0", IPTUN, PERSIST).is_ok());
    // Names are there for all classes and for stored links, too.
    assert_eq!(host.link_with("t0", LinkClass::VNIC, ACTIVE), Err(Errno::EEXIST));
}

#[test]
fn a_prefix_is_completed_with_the_first_free_number() {
    let mut host = Host::new(KernelKind::Modified);
    host.link("vnic0");
    let (class, flags) = (LinkClass::VNIC, ACTIVE);
    let request =
        Request::CreateLinkId { name: b"vnic".to_vec(), class, media: 4, prefix: true, flags };
    for expected in ["vnic1", "vnic2"] {
        let link = info(host.door(&request)).unwrap().link;
        let name = expected.as_bytes().to_vec();
        let known = host.door(&Request::GetName { link }).unwrap();
        assert_eq!(known, Reply::Name(NameInfo { name, class, media: 4, flags }));
    }
    let bad = Request::CreateLinkId { name: b"0".to_vec(), class, media: 4, prefix: true, flags };
    assert_eq!(host.ask(&bad), Errno::EINVAL);
}

#[test]
fn links_are_listed_by_number_class_flags_and_media() {
    let mut host = Host::new(KernelKind::Modified);
    let a = host.link_with("a0", IPTUN, ACTIVE).unwrap();
    let b = host.link_with("b0", LinkClass::VNIC, BOTH).unwrap();
    let c = host.link_with("c0", IPTUN, PERSIST).unwrap();
    let walk = |host: &mut Host, class, flags, media| {
        let mut found = Vec::new();
        let mut after = LinkId::NONE;
        while let Ok(next) = info(host.door(&Request::GetNext { after, class, flags, media })) {
            found.push(next.link);
            after = next.link;
        }
        found
    };
    let v4 = u64::from(TunnelType::Ipv4.media());
    let rows: [(LinkClass, LinkFlags, u64, &[LinkId]); 7] = [
        (LinkClass::all(), BOTH, ANY_MEDIA, &[a, b, c]),
        (IPTUN, BOTH, ANY_MEDIA, &[a, c]),
        (IPTUN, ACTIVE, ANY_MEDIA, &[a]),
        (LinkClass::all(), PERSIST, ANY_MEDIA, &[b, c]),
        (IPTUN, BOTH, v4, &[a, c]),
        // Only the low half counts, and bit 32.
        (IPTUN, BOTH, v4 | 1 << 40, &[a, c]),
        (IPTUN, BOTH, 4, &[]),
    ];
    for (class, flags, media, expected) in rows {
        assert_eq!(walk(&mut host, class, flags, media), expected);
    }
    let last = Request::GetNext { after: LinkId(u32::MAX), class: IPTUN, flags: BOTH, media: v4 };
    assert_eq!(host.ask(&last), Errno::ENOENT);
}

#[test]
fn a_link_is_gone_with_its_last_flag() {
    let mut host = Host::new(KernelKind::Modified);
    let link = store(&mut host, "t0", &[("type", AttrValue::U64(1))]);
    let destroy = |host: &mut Host, flags| host.ask(&Request::DestroyLinkId { link, flags });
    assert_eq!(destroy(&mut host, LinkFlags::empty()), Errno::ENOENT);
    assert_eq!(destroy(&mut host, ACTIVE), Errno::OK);
    assert_eq!(destroy(&mut host, ACTIVE), Errno::ENOENT);
    assert_eq!(find(&mut host, "t0").unwrap().flags, PERSIST);
    assert_eq!(host.ask(&Request::UpLinkId { link }), Errno::OK);
    assert_eq!(host.ask(&Request::UpLinkId { link }), Errno::EINVAL);
    assert_eq!(destroy(&mut host, PERSIST), Errno::OK);
    assert_eq!(find(&mut host, "t0").unwrap().flags, ACTIVE);
    assert_eq!(host.ask(&Request::Snapshot { link }), Errno::ENOENT);
    assert_eq!(open(&mut host, link), Err(Errno::ENOENT));
    // One of the flags is enough.
    assert_eq!(destroy(&mut host, BOTH), Errno::OK);
    assert_eq!(find(&mut host, "t0"), Err(Errno::ENOENT));
    for request in [Request::UpLinkId { link }, Request::GetName { link }] {
        assert_eq!(host.ask(&request), Errno::ENOENT);
    }
}

#[test]
fn a_work_copy_of_an_earlier_state_is_not_written() {
    let mut host = Host::new(KernelKind::Modified);
    let link = store(&mut host, "t0", &[("laddr", text("a"))]);
    let [first, second] = [(); 2].map(|()| open(&mut host, link).unwrap());
    let get = |host: &mut Host, conf, name: &str| {
        host.door(&Request::GetAttr { conf, name: name.as_bytes().to_vec() })
    };
    assert_eq!(set(&mut host, first, "laddr", text("b")), Errno::OK);
    // Copies know nothing of each other, nor the link of them.
    assert_eq!(get(&mut host, first, "laddr"), Ok(Reply::Attr(text("b"))));
    assert_eq!(get(&mut host, second, "laddr"), Ok(Reply::Attr(text("a"))));
    assert_eq!(get(&mut host, second, "raddr"), Err(Errno::ENOENT));
    assert_eq!(host.ask(&Request::WriteConf { conf: first }), Errno::OK);
    assert_eq!(host.ask(&Request::WriteConf { conf: second }), Errno::EAGAIN);
    // The first one is as new as the link, and can be written again.
    let unset = Request::UnsetAttr { conf: first, name: b"laddr".to_vec() };
    assert_eq!(host.ask(&unset), Errno::OK);
    assert_eq!(host.ask(&unset), Errno::OK);
    assert_eq!(host.ask(&Request::WriteConf { conf: first }), Errno::OK);
    assert_eq!(host.door(&Request::Snapshot { link }), Ok(Reply::Snapshot(vec![])));

    let third = open(&mut host, link).unwrap();
    let rename = Request::RemapLinkId { link, name: b"u0".to_vec() };
    assert_eq!(host.ask(&rename), Errno::OK);
    assert_eq!(host.ask(&Request::WriteConf { conf: third }), Errno::ENOENT);
    assert_eq!(host.ask(&Request::DestroyConf { conf: third }), Errno::OK);
    for request in [Request::DestroyConf { conf: third }, Request::WriteConf { conf: third }] {
        assert_eq!(host.ask(&request), Errno::ENOENT);
    }
    assert_eq!(set(&mut host, third, "laddr", text("c")), Errno::ENOENT);
    // The end of the link is the end of its copies.
    let last = open(&mut host, link).unwrap();
    assert_eq!(host.ask(&Request::DestroyLinkId { link, flags: BOTH }), Errno::OK);
    assert_eq!(host.ask(&Request::WriteConf { conf: last }), Errno::ENOENT);
}

#[test]
fn a_snapshot_has_every_attribute_as_bytes() {
    let mut host = Host::new(KernelKind::Modified);
    let attrs =
        [("type", AttrValue::U64(1)), ("laddr", text("here")), ("up", AttrValue::Bool(true))];
    let link = store(&mut host, "t0", &attrs);
    let expected = attrs.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.bytes()));
    assert_eq!(host.door(&Request::Snapshot { link }), Ok(Reply::Snapshot(expected.collect())));
    let temporary = host.link("t1");
    assert_eq!(host.ask(&Request::Snapshot { link: temporary }), Errno::ENOENT);
}

#[test]
fn names_cannot_be_taken_twice() {
    let files = files("");
    let (mut host, _) = files.boot();
    let link = store(&mut host, "t0", &[("type", AttrValue::U64(1))]);
    host.link("t1");
    let rename = |host: &mut Host, name: &str| {
        host.ask(&Request::RemapLinkId { link, name: name.as_bytes().to_vec() })
    };
    assert_eq!(rename(&mut host, "t1"), Errno::EEXIST);
    assert_eq!(rename(&mut host, "t0"), Errno::EEXIST);
    assert_eq!(rename(&mut host, "t"), Errno::EINVAL);
    assert_eq!(rename(&mut host, "u0"), Errno::OK);
    assert_eq!(find(&mut host, "t0"), Err(Errno::ENOENT));
    assert_eq!(find(&mut host, "u0").unwrap().link, link);
    assert!(files.stored().starts_with("u0\t") && files.active().starts_with("u0\t"));
    // What cannot be stored has not happened.
    files.breaks(Some(Errno::EROFS));
    assert_eq!(rename(&mut host, "v0"), Errno::EROFS);
    assert_eq!(find(&mut host, "u0").unwrap().link, link);
    assert_eq!(find(&mut host, "v0"), Err(Errno::ENOENT));
}

/// Requests that change something, for a link and a copy of it.
fn changing(link: LinkId, conf: ConfId) -> Vec<Request> {
    let (name, class, media) = (b"n0".to_vec(), IPTUN, TunnelType::Ipv4.media());
    vec![
        Request::CreateLinkId { name: name.clone(), class, media, prefix: false, flags: ACTIVE },
        Request::CreateConf { name: name.clone(), link, class, media },
        Request::SetZoneId { link, zone: 0 },
        Request::UpLinkId { link },
        Request::RemapLinkId { link, name: b"t0".to_vec() },
        Request::OpenConf { link },
        Request::SetAttr { conf, name: name.clone(), value: AttrValue::U64(1) },
        Request::GetAttr { conf, name: name.clone() },
        Request::UnsetAttr { conf, name },
        Request::WriteConf { conf },
        Request::DestroyConf { conf },
        Request::RemoveConf { link },
        Request::DestroyLinkId { link, flags: BOTH },
    ]
}

#[test]
fn changes_need_a_privilege_that_is_one_for_the_class() {
    for (class, privileges, allowed) in [
        (IPTUN, Privileges::empty(), false),
        (IPTUN, Privileges::SYS_IPTUN_CONFIG, true),
        (IPTUN, Privileges::SYS_DL_CONFIG, true),
        (IPTUN, Privileges::SYS_NET_CONFIG, true),
        (LinkClass::VNIC, Privileges::SYS_IPTUN_CONFIG, false),
        (LinkClass::VNIC, Privileges::SYS_DL_CONFIG, true),
    ] {
        let mut host = Host::new(KernelKind::Modified);
        let link = host.link_with("t0", class, BOTH).unwrap();
        let conf = open(&mut host, link).unwrap();
        host.caller(0, privileges);
        for mut request in changing(link, conf) {
            if let Request::CreateLinkId { class: wanted, .. }
            | Request::CreateConf { class: wanted, .. } = &mut request
            {
                *wanted = class;
            }
            let refused = host.ask(&request) == Errno::EACCES;
            assert_eq!(refused, !allowed, "{request:?} {class:?} {privileges:?}");
        }
        // Looking is free.
        host.caller(0, Privileges::empty());
        let asking = [
            Request::GetName { link },
            Request::GetLinkId { name: b"t0".to_vec() },
            Request::Snapshot { link },
            Request::GetNext { after: LinkId::NONE, class, flags: BOTH, media: ANY_MEDIA },
        ];
        for request in asking {
            assert_ne!(host.ask(&request), Errno::EACCES, "{request:?}");
        }
    }
}

#[test]
fn what_is_not_there_is_not_there_for_anybody() {
    let mut host = Host::new(KernelKind::Modified);
    host.caller(0, Privileges::empty());
    for request in changing(LinkId(9), ConfId(9)) {
        let about_new =
            matches!(request, Request::CreateLinkId { .. } | Request::CreateConf { .. });
        let expected = if about_new { Errno::EACCES } else { Errno::ENOENT };
        assert_eq!(host.ask(&request), expected, "{request:?}");
    }
}

#[test]
fn a_zone_sees_its_own_links_and_cannot_change_what_is_stored_of_a_lent_one() {
    let mut host = Host::new(KernelKind::Modified);
    let link = store(&mut host, "t0", &[("type", AttrValue::U64(1))]);
    let temporary = host.link_with("p0", IPTUN, PERSIST).unwrap();
    let lend = |host: &mut Host, link, zone| host.ask(&Request::SetZoneId { link, zone });
    assert_eq!(lend(&mut host, temporary, 3), Errno::EINVAL);
    assert_eq!(lend(&mut host, LinkId(99), 3), Errno::ENOENT);
    host.caller(3, Privileges::all());
    assert_eq!(host.ask(&Request::GetName { link }), Errno::ENOENT);
    assert_eq!(find(&mut host, "t0"), Err(Errno::ENOENT));
    assert_eq!(lend(&mut host, link, 3), Errno::EACCES);
    let own = host.link_with("z0", IPTUN, ACTIVE | LinkFlags::TRANSIENT).unwrap();
    host.caller(0, Privileges::all());
    assert_eq!(lend(&mut host, link, 3), Errno::OK);
    let by_the_owner = open(&mut host, link).unwrap();

    host.caller(3, Privileges::all());
    assert!(find(&mut host, "t0").is_ok());
    assert_eq!(open(&mut host, link), Err(Errno::EACCES));
    assert_eq!(open(&mut host, own), Err(Errno::ENOENT));
    // Copies are the zone's.
    assert_eq!(host.ask(&Request::WriteConf { conf: by_the_owner }), Errno::ENOENT);
    host.caller(5, Privileges::all());
    for other in [link, own] {
        assert_eq!(host.ask(&Request::GetName { link: other }), Errno::ENOENT);
    }
    host.caller(0, Privileges::all());
    assert_eq!(host.ask(&Request::GetName { link: own }), Errno::OK);
}

#[test]
fn requests_of_a_wrong_size_and_unknown_commands_are_invalid() {
    let mut host = Host::new(KernelKind::Modified);
    let request = Request::GetName { link: LinkId(1) }.encode();
    let einval = Errno::EINVAL.0.into();
    let mut unknown = request.clone();
    for bytes in [&request[..7], &[request.as_slice(), &[0]].concat(), &[], &[0; 3]] {
        let answer = host.call(&Call::Door(bytes.to_vec()));
        assert_eq!(answer.bytes, u32::to_le_bytes(einval));
    }
    for command in [0u32, 1, 3, 7, 10, 127, 141, 142, u32::MAX] {
        unknown[..4].copy_from_slice(&command.to_le_bytes());
        assert_eq!(host.call(&Call::Door(unknown.clone())).bytes, u32::to_le_bytes(einval));
    }
}

#[test]
fn the_files_have_the_text_of_the_daemon() {
    let files = files("");
    let (mut host, _) = files.boot();
    let attrs = [
        ("type", AttrValue::U64(1)),
        ("laddr", text("192.0.2.10")),
        ("raddr", text("198.51.100.20")),
    ];
    store(&mut host, "vpn0", &attrs);
    assert_eq!(
        files.stored(),
        "vpn0\tclass=int,128;media=int,2147483649;type=int,1;laddr=string,192.0.2.10;\
         raddr=string,198.51.100.20;\n"
    );
    host.caller(2, Privileges::all());
    host.link_with("z0", IPTUN, ACTIVE | LinkFlags::TRANSIENT).unwrap();
    assert_eq!(
        files.active(),
        "vpn0\tlinkid=int,1;zone=string,global;class=int,128;media=int,2147483649;\n\
         z0\tlinkid=int,2;zone=string,zone2;class=int,128;media=int,2147483649;\
         transient=boolean,1;\n"
    );
    // Both are there after the daemon has been started again.
    let (mut again, complaints) = files.boot();
    assert!(complaints.is_empty(), "{complaints:?}");
    let kept = find(&mut again, "vpn0").unwrap();
    assert_eq!((kept.link, kept.flags, kept.class), (LinkId(1), BOTH, IPTUN));
    let zone = find(&mut again, "z0").unwrap();
    assert_eq!((zone.link, zone.flags), (LinkId(2), ACTIVE | LinkFlags::TRANSIENT));
    let expected = attrs.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.bytes()));
    let snapshot = again.door(&Request::Snapshot { link: LinkId(1) });
    assert_eq!(snapshot, Ok(Reply::Snapshot(expected.collect())));
}

#[test]
fn lines_that_are_not_understood_stay_where_they_are() {
    let stored = "# first\n\na0\tclass=int,128;media=int,2147483649;type=int,1;\nrubbish\n\
                  b0\tclass=float,1;\n  # indented\n\
                  e1000g0\tdevname=string,e1000g0;class=int,1;media=int,4;  old tail\n\
                  c0\tclass=int,128;media=int,2147483650;type=int,2;\n\tx\n";
    let files = files(stored);
    let (mut host, complaints) = files.boot();
    assert_eq!(complaints.len(), 3, "{complaints:?}");
    let places = ["datalink.conf:4:", "datalink.conf:5:", "datalink.conf:9:"];
    for (complaint, place) in complaints.iter().zip(places) {
        assert!(complaint.contains(place), "{complaint}");
    }
    for known in ["a0", "e1000g0", "c0"] {
        assert!(find(&mut host, known).is_ok(), "{known}");
    }
    // A change touches the line of its link, and the others stay byte for byte.
    let link = find(&mut host, "a0").unwrap().link;
    let conf = open(&mut host, link).unwrap();
    assert_eq!(set(&mut host, conf, "hoplimit", text("17")), Errno::OK);
    assert_eq!(host.ask(&Request::WriteConf { conf }), Errno::OK);
    let expected = stored.replace("type=int,1;\n", "type=int,1;hoplimit=string,17;\n");
    assert_eq!(files.stored(), expected);
    let link = find(&mut host, "c0").unwrap().link;
    assert_eq!(host.ask(&Request::RemoveConf { link }), Errno::OK);
    let line = "c0\tclass=int,128;media=int,2147483650;type=int,2;\n";
    assert_eq!(files.stored(), expected.replace(line, ""));
    assert_eq!(host.ask(&Request::RemoveConf { link }), Errno::ENOENT);
}

#[test]
fn the_old_class_of_tunnels_is_read_and_the_file_written_anew() {
    let files = files("# old\nt0\tclass=int,96;media=int,2147483649;type=int,1;\n");
    let (mut host, complaints) = files.boot();
    assert!(complaints.is_empty(), "{complaints:?}");
    assert_eq!(find(&mut host, "t0").unwrap().class, IPTUN);
    assert_eq!(files.stored(), "# old\nt0\tclass=int,128;media=int,2147483649;type=int,1;\n");
}

#[test]
fn of_two_entries_with_one_name_the_first_counts_and_both_stay() {
    let stored = "t0\tclass=int,128;media=int,2147483649;type=int,1;\n\
                  t0\tclass=int,128;media=int,2147483650;type=int,2;\n";
    let files = files(stored);
    let (mut host, complaints) = files.boot();
    assert!(complaints[0].contains("second entry for t0"), "{complaints:?}");
    assert_eq!(find(&mut host, "t0").unwrap().media, TunnelType::Ipv4.media());
    store(&mut host, "u0", &[("type", AttrValue::U64(1))]);
    assert!(files.stored().starts_with(stored));
}

#[test]
fn what_would_be_read_as_something_else_is_not_stored() {
    let files = files("");
    let (mut host, _) = files.boot();
    let link = store(&mut host, "t0", &[("type", AttrValue::U64(1))]);
    store(&mut host, "u0", &[("type", AttrValue::U64(1))]);
    let before = files.stored();
    let conf = open(&mut host, link).unwrap();
    for bad in ["x;", "x=y", "x y", "x\ty", "x\nfoo0\tclass=int,1", "x\u{7f}"] {
        assert_eq!(set(&mut host, conf, "raddr", text(bad)), Errno::EINVAL, "{bad:?}");
        assert_eq!(set(&mut host, conf, bad, text("x")), Errno::EINVAL, "{bad:?}");
    }
    assert_eq!(set(&mut host, conf, "", text("x")), Errno::EINVAL);
    // Nor is a line that would not be read as a whole.
    let long = "x".repeat(1000);
    assert_eq!(set(&mut host, conf, "raddr", text(&long)), Errno::OK);
    assert_eq!(host.ask(&Request::WriteConf { conf }), Errno::ENOSPC);
    assert_eq!(files.stored(), before);
    let room = 1022 - "t0\tclass=int,128;media=int,2147483649;type=int,1;raddr=string,;".len();
    assert_eq!(set(&mut host, conf, "raddr", text(&long[..room])), Errno::OK);
    assert_eq!(host.ask(&Request::WriteConf { conf }), Errno::OK);
    let rename = |name: &[u8]| Request::RemapLinkId { link, name: name.to_vec() };
    let before = files.stored();
    assert_eq!(host.ask(&rename(b"tt0")), Errno::ENOSPC);
    assert_eq!(files.stored(), before);
    assert_eq!(find(&mut host, "t0").unwrap().link, link);
    assert_eq!(host.ask(&rename(b"v0")), Errno::OK);
}

#[test]
fn what_cannot_be_written_has_not_been_stored() {
    let files = files("");
    let (mut host, _) = files.boot();
    let link = store(&mut host, "t0", &[("type", AttrValue::U64(1))]);
    let before = files.stored();
    let conf = open(&mut host, link).unwrap();
    assert_eq!(set(&mut host, conf, "laddr", text("a")), Errno::OK);
    files.breaks(Some(Errno::ENOSPC));
    assert_eq!(host.ask(&Request::WriteConf { conf }), Errno::ENOSPC);
    assert_eq!(host.ask(&Request::RemoveConf { link }), Errno::ENOSPC);
    let snapshot = Reply::Snapshot(vec![(b"type".to_vec(), AttrValue::U64(1).bytes())]);
    assert_eq!(host.door(&Request::Snapshot { link }), Ok(snapshot));
    // The file of active links is a cache, and nobody hears of it.
    assert!(host.link_with("u0", IPTUN, ACTIVE).is_ok());
    files.breaks(None);
    assert_eq!(files.stored(), before);
    assert_eq!(host.ask(&Request::WriteConf { conf }), Errno::OK);
    assert!(files.stored().contains("laddr=string,a;"));
    assert!(files.active().is_ascii());
}

/// New links are put at its end, everything else writes it anew.
#[test]
fn the_file_of_active_links_has_them_all_by_number_also_after_a_failure() {
    let files = files("");
    let (mut host, _) = files.boot();
    let names = |files: &Files| -> Vec<String> {
        let text = files.active();
        text.lines().filter_map(|line| Some(line.split_once('\t')?.0.to_owned())).collect()
    };
    let [a, b, _] = ["a0", "b0", "c0"].map(|name| host.link(name));
    assert_eq!(names(&files), ["a0", "b0", "c0"]);
    let rename = Request::RemapLinkId { link: b, name: b"z0".to_vec() };
    assert_eq!(host.ask(&rename), Errno::OK);
    assert_eq!(host.ask(&Request::DestroyLinkId { link: a, flags: ACTIVE }), Errno::OK);
    host.link("d0");
    assert_eq!(names(&files), ["z0", "c0", "d0"]);
    files.breaks(Some(Errno::ENOSPC));
    host.link("e0");
    assert_eq!(names(&files), ["z0", "c0", "d0"]);
    files.breaks(None);
    host.link("f0");
    assert_eq!(names(&files), ["z0", "c0", "d0", "e0", "f0"]);
    // A daemon that is started again reads it, and has forgotten which numbers were used.
    let (mut host, _) = files.boot();
    assert_eq!(host.link("g0"), LinkId(1));
    assert_eq!(names(&files), ["g0", "z0", "c0", "d0", "e0", "f0"]);
    assert_eq!(find(&mut host, "e0").unwrap().flags, ACTIVE);
}

#[test]
fn a_file_that_cannot_be_read_is_not_replaced() {
    let stored = "t0\tclass=int,128;media=int,2147483649;type=int,1;\n";
    let files = files(stored);
    files.0.lock().unwrap().unreadable = Some(Errno::EIO);
    let (mut host, complaints) = files.boot();
    let said = |text: &String| text.contains("datalink.conf: cannot be read");
    assert!(complaints.iter().any(said), "{complaints:?}");
    let link = host.link_with("u0", IPTUN, BOTH).unwrap();
    let conf = open(&mut host, link).unwrap();
    assert_eq!(host.ask(&Request::WriteConf { conf }), Errno::EIO);
    assert_eq!(files.stored(), stored);
}

/// Found by `no_file_is_too_strange_and_no_line_is_lost`.
#[test]
fn a_file_of_one_empty_line_keeps_it() {
    let files = files("\n");
    let (mut host, _) = files.boot();
    store(&mut host, "tun0", &[]);
    assert_eq!(files.stored(), "\ntun0\tclass=int,128;media=int,2147483649;\n");
}

/// A name of an attribute, and a value that can be stored.
fn attribute() -> impl Strategy<Value = (String, AttrValue)> {
    let value = prop_oneof![
        "[!-:<>-~]{0,40}".prop_map(|text| AttrValue::Str(text.into_bytes())),
        any::<u64>().prop_map(AttrValue::U64),
        any::<bool>().prop_map(AttrValue::Bool),
    ];
    ("[a-z_]{1,20}", value)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_stored_is_read_again(
        links in prop::collection::btree_map("[a-z]{1,8}[1-9]", prop::collection::vec(attribute(), 0..6), 1..6),
    ) {
        let files = files("# kept\n");
        let (mut host, _) = files.boot();
        let mut expected = Vec::new();
        for (name, attrs) in &links {
            let attrs: Vec<(&str, AttrValue)> = attrs
                .iter()
                .filter(|(key, _)| key != "class" && key != "media")
                .map(|(key, value)| (key.as_str(), value.clone()))
                .collect();
            let link = store(&mut host, name, &attrs);
            expected.push((name.clone(), host.door(&Request::Snapshot { link }).unwrap()));
        }
        let text = files.stored();
        let (mut again, complaints) = files.boot();
        prop_assert!(complaints.is_empty());
        for (name, snapshot) in expected {
            let link = find(&mut again, &name).unwrap().link;
            prop_assert_eq!(again.door(&Request::Snapshot { link }).unwrap(), snapshot);
        }
        // Removing one and putting nothing in its place leaves the rest as it was.
        let (first, _) = links.iter().next().unwrap();
        let link = find(&mut again, first).unwrap().link;
        prop_assert_eq!(again.ask(&Request::RemoveConf { link }), Errno::OK);
        let rest: String = text
            .split_inclusive('\n')
            .filter(|line| !line.starts_with(&format!("{first}\t")))
            .collect();
        prop_assert_eq!(files.stored(), rest);
    }

    #[test]
    fn no_file_is_too_strange_and_no_line_is_lost(
        lines in prop::collection::vec(prop_oneof![
            "[ -~\t]{0,60}",
            "[a-z]{1,5}[0-9]\t(class=int,[0-9]{1,4};)?(media=int,[0-9]{1,4};)?([a-z]{1,3}=string,[a-z ]{0,4};){0,2}",
            "#.{0,10}",
        ], 0..12),
    ) {
        let mut text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let files = files(&text);
        let (mut host, _) = files.boot();
        store(&mut host, "zzzzzz0", &[("type", AttrValue::U64(1))]);
        text.push_str("zzzzzz0\tclass=int,128;media=int,2147483649;type=int,1;\n");
        let after = files.stored();
        let old_form = ["96", "096", "0096"].map(|class| format!("class=int,{class};"));
        if !old_form.iter().any(|class| text.contains(class)) {
            prop_assert_eq!(after, text);
        }
    }
}
