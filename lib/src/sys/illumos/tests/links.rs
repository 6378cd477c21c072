// SPDX-License-Identifier: MIT OR Apache-2.0

//! `/dev/dld` and the door of the link daemon, against `spec/iptun_ioctl.md`.

use std::ffi::CString;

use super::super::abi::{Kstat, KstatCtl, KstatNamed};
use super::super::calls::{KstatCalls, Result};
use super::super::links::{argument_size, open};
use super::super::process;
use super::script::{Answer, Call, DoorAnswer, Place, Script};
use crate::model::{LinkClass, LinkId};
use crate::sys::links::{LinkClient, LinkStatus, LinkSystem, OpenLinksError};
use crate::wire::dld::{self, MacProp};
use crate::wire::dlmgmt::{LinkFlags, LinkInfo, Reply, Request};
use crate::wire::errno::Errno;
use crate::wire::iptun::{self, Kparams};

/// Read and write, and that other programs do not get the descriptor.
const DEVICE: i32 = 2 | 0x80_0000;
const DOOR: i32 = 0x80_0000;

fn device() -> Call {
    Call::Open(CString::from(c"/dev/dld"), DEVICE)
}

fn door() -> Call {
    Call::Open(CString::from(c"/etc/svc/volatile/dladm/dlmgmt_door"), DOOR)
}

fn links(answers: impl IntoIterator<Item = Answer>) -> (Box<dyn LinkSystem>, Script) {
    let script = Script::new([Answer::Descriptor(3)].into_iter().chain(answers));
    let links = open(script.clone()).unwrap();
    assert_eq!(script.calls(), [device()]);
    (links, script)
}

fn from_door(bytes: Vec<u8>) -> Answer {
    Answer::Door(DoorAnswer { bytes, place: Place::Room(0), descriptors: Vec::new() })
}

#[test]
fn the_device_is_closed_and_a_missing_one_is_named() {
    let (links, script) = links([]);
    drop(links);
    assert_eq!(script.calls(), [Call::Close(3)]);
    let error = open(Script::new([Answer::Fails(Errno::ENXIO)])).err().unwrap();
    assert!(
        matches!(&error, OpenLinksError::Unavailable { path, source }
            if path.to_str() == Some("/dev/dld") && source.raw_os_error() == Some(6)),
        "{error}"
    );
}

#[test]
fn a_request_goes_out_as_the_number_it_is_with_the_whole_structure() {
    let property = MacProp { value: vec![0; 16], ..MacProp::default() }.encode();
    let kparams = || Kparams::new(LinkId(5)).encode();
    for (command, request, argument) in [
        (iptun::CREATE, 0x454A_0001, kparams()),
        (iptun::DELETE, 0x454A_0002, vec![5, 0, 0, 0]),
        (iptun::MODIFY, 0x454A_0003, kparams()),
        (iptun::INFO, 0x454A_0004, kparams()),
        (iptun::SET_6TO4RELAY, 0x454A_0009, vec![192, 0, 2, 1]),
        (iptun::GET_6TO4RELAY, 0x454A_000A, vec![0; 4]),
        (iptun::CREATE_SECURE, 0x454A_0046, kparams()),
        (dld::ATTR, 0x0D1D_0003, vec![5, 0, 0, 0, 0, 0, 0, 0]),
        (dld::RENAME, 0x0D1D_0011, vec![5; 40]),
        (dld::SETMACPROP, 0x0D1D_001B, property.clone()),
        (dld::GETMACPROP, 0x0D1D_001C, property),
    ] {
        let copied_out = vec![9; argument.len()];
        let (mut links, script) = links([Answer::Bytes(copied_out.clone())]);
        let mut buffer = argument.clone();
        assert_eq!(links.ioctl(command, &mut buffer), Ok(()));
        assert_eq!(script.calls(), [Call::Ioctl(3, request, argument)]);
        assert_eq!(buffer, copied_out);
    }
}

#[test]
fn the_kernel_never_gets_less_room_than_it_copies() {
    // A property with a value of one byte: the structure ends with four.
    let short = MacProp { value: vec![7], ..MacProp::default() }.encode();
    assert_eq!(short.len(), 277);
    let (mut links, script) = links([Answer::Bytes(vec![9; 280])]);
    let mut buffer = short.clone();
    assert_eq!(links.ioctl(dld::GETMACPROP, &mut buffer), Ok(()));
    assert_eq!(buffer, [9; 277]);
    let sent = [short, vec![0; 3]].concat();
    assert_eq!(script.calls(), [Call::Ioctl(3, 0x0D1D_001C, sent)]);
    assert_eq!(argument_size(dld::GETMACPROP, &MacProp::default().encode()), Some(280));

    let cut = |len| MacProp { value: vec![0; 16], ..MacProp::default() }.encode()[..len].to_vec();
    for (command, mut argument) in [
        (7, vec![0; 544]),
        (iptun::CREATE, vec![0; 545]),
        (dld::SETMACPROP, cut(291)),
        (dld::SETMACPROP, cut(100)),
    ] {
        assert_eq!(links.ioctl(command, &mut argument), Err(Errno::EINVAL));
    }
    assert_eq!(script.calls(), [], "nothing was sent");
}

#[test]
fn a_failed_request_keeps_its_number_and_its_argument() {
    let (mut links, _) = links([Answer::Fails(Errno::ENOTSUP)]);
    let mut argument = Kparams::new(LinkId(5)).encode();
    let before = argument.clone();
    assert_eq!(links.ioctl(iptun::CREATE_SECURE, &mut argument), Err(Errno::ENOTSUP));
    assert_eq!(argument, before);
}

#[test]
fn the_door_is_opened_when_it_is_needed_and_kept() {
    let request = Request::UpLinkId { link: LinkId(5) }.encode();
    let ok = || from_door(Reply::Plain.encode());
    let (mut links, script) = links([Answer::Descriptor(4), ok(), ok()]);
    for _ in 0..2 {
        assert_eq!(links.door(&request), Ok(Reply::Plain.encode()));
    }
    let call = Call::Door(4, request);
    assert_eq!(script.calls(), [door(), call.clone(), call]);
    drop(links);
    assert_eq!(script.calls(), [Call::Close(3), Call::Close(4)]);
}

#[test]
fn a_door_that_has_gone_is_opened_once_more() {
    let request = Request::UpLinkId { link: LinkId(5) }.encode();
    let (mut links, script) = links([
        Answer::Descriptor(4),
        Answer::Fails(Errno::EBADF),
        Answer::Descriptor(6),
        from_door(Reply::Plain.encode()),
        Answer::Fails(Errno::EBADF),
        Answer::Descriptor(8),
        Answer::Fails(Errno::EBADF),
    ]);
    assert_eq!(links.door(&request), Ok(Reply::Plain.encode()));
    let call = |fd| Call::Door(fd, request.clone());
    assert_eq!(script.calls(), [door(), call(4), Call::Close(4), door(), call(6)]);
    assert_eq!(links.door(&request), Err(Errno::EBADF));
    assert_eq!(script.calls(), [call(6), Call::Close(6), door(), call(8)]);
}

#[test]
fn without_the_daemon_it_is_said_why() {
    let (links, _) = links([Answer::Fails(Errno::ENOENT), Answer::Fails(Errno::EACCES)]);
    let mut client = LinkClient::new(links);
    assert_eq!(client.find(b"tun0"), Err(LinkStatus::NotFound));
    assert_eq!(client.find(b"tun0"), Err(LinkStatus::Denied));
}

#[test]
fn a_daemon_that_speaks_otherwise_is_not_believed() {
    let link =
        LinkInfo { link: LinkId(5), flags: LinkFlags::ACTIVE, class: LinkClass::IPTUN, media: 0 };
    let reply = Reply::Link(link).encode();
    let longer = [reply.clone(), vec![0; 4]].concat();
    let answers = [reply, longer, vec![0; 3], Vec::new(), vec![0; 4]].map(from_door);
    let (links, _) = links([Answer::Descriptor(4)].into_iter().chain(answers));
    let mut client = LinkClient::new(links);
    assert_eq!(client.find(b"tun0"), Ok(link));
    for _ in 0..4 {
        assert_eq!(client.find(b"tun0"), Err(LinkStatus::Failed));
    }
}

#[test]
fn a_daemon_that_goes_in_circles_is_not_followed() {
    let link = |number| {
        let (link, flags) = (LinkId(number), LinkFlags::ACTIVE);
        from_door(Reply::Link(LinkInfo { link, flags, class: LinkClass::IPTUN, media: 0 }).encode())
    };
    for last in [0, 5, 6] {
        let (links, _) = links([Answer::Descriptor(4), link(5), link(6), link(last)]);
        let listed = LinkClient::new(links).list(LinkClass::IPTUN, LinkFlags::ACTIVE);
        assert_eq!(listed, Err(LinkStatus::Failed));
    }
}

#[test]
fn the_privilege_has_its_name() {
    for answer in [true, false] {
        let script = Script::new([Answer::Ready(vec![answer])]);
        assert_eq!(process::may_configure_ip(&script), answer);
        assert_eq!(script.calls(), [Call::Privilege(CString::from(c"sys_ip_config"))]);
    }
}

#[test]
fn zones_and_what_only_other_drivers_know() {
    let (mut links, _) =
        links([Answer::Descriptor(0), Answer::Descriptor(12), Answer::Descriptor(-1)]);
    assert_eq!([links.zone(), links.zone()], [Ok(0), Ok(12)]);
    assert_eq!(links.zone(), Err(Errno::EINVAL));
    assert_eq!(links.topology(LinkId(1)), Err(Errno::ENOTSUP));
    assert_eq!(links.statistics(b"tun0"), Err(Errno::ENXIO));
}

/// A system without statistics.
#[allow(unsafe_code, reason = "the trait promises that addresses can be looked at")]
// SAFETY: no address is handed out.
unsafe impl KstatCalls for Script {
    fn kstat_open(&self) -> Result<*mut KstatCtl> {
        Err(Errno::ENXIO)
    }

    fn kstat_close(&self, _: *mut KstatCtl) {}

    fn kstat_chain_update(&self, _: *mut KstatCtl) -> Result<()> {
        Err(Errno::ENXIO)
    }

    fn kstat_lookup(
        &self,
        _: *mut KstatCtl,
        _: &std::ffi::CStr,
        _: i32,
        _: &std::ffi::CStr,
    ) -> *mut Kstat {
        std::ptr::null_mut()
    }

    fn kstat_read(&self, _: *mut KstatCtl, _: *mut Kstat) -> Result<()> {
        Err(Errno::ENXIO)
    }

    fn kstat_data_lookup(&self, _: *mut Kstat, _: &std::ffi::CStr) -> *const KstatNamed {
        std::ptr::null()
    }
}
