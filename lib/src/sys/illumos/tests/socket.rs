// SPDX-License-Identifier: MIT OR Apache-2.0

//! Sockets, against `spec/pf_policy.md` and `spec/pf_key.md`, section 1.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use super::super::socket::{self, Interface, KEY, POLICY};
use super::script::{Answer, Call, Script};
use crate::sys::{MessageSocket, OpenError, Ready};
use crate::wire::errno::Errno;

/// The raw socket type, and that other programs do not get the descriptor.
const RAW: i32 = 4 | 0x80000;
/// Room for any message: 65,535 words.
const ROOM: usize = 524_280;

fn open(
    interface: &Interface,
    answers: impl IntoIterator<Item = Answer>,
) -> (Box<dyn MessageSocket>, Script) {
    let script = Script::new([Answer::Descriptor(7)].into_iter().chain(answers));
    let socket = socket::open(script.clone(), interface).unwrap();
    (socket, script)
}

#[test]
fn each_interface_has_its_numbers_and_one_descriptor() {
    for (interface, call) in [(&POLICY, Call::Socket(29, RAW, 1)), (&KEY, Call::Socket(27, RAW, 2))]
    {
        let (socket, script) = open(interface, []);
        assert_eq!(script.calls(), [call]);
        drop(socket);
        assert_eq!(script.calls(), [Call::Close(7)]);
    }
}

#[test]
fn who_may_not_open_is_told_so_and_other_failures_keep_their_number() {
    for errno in [Errno::EPERM, Errno::EACCES] {
        let script = Script::new([Answer::Fails(errno)]);
        let error = socket::open(script.clone(), &POLICY).err().unwrap();
        assert!(matches!(error, OpenError::Privilege { interface: "PF_POLICY", .. }));
        assert_eq!(script.calls().len(), 1, "nothing is closed that was not opened");
    }
    // EPFNOSUPPORT: the IPsec modules cannot be loaded.
    let error = socket::open(Script::new([Answer::Fails(Errno(123))]), &KEY).err().unwrap();
    let OpenError::Unavailable { interface, place, source } = error else { panic!("{error}") };
    assert_eq!((interface, place.as_str()), ("PF_KEY", "protocol family 27"));
    assert_eq!(source.raw_os_error(), Some(123));
}

#[test]
fn one_write_is_one_message() {
    let interrupted = [Answer::Fails(Errno::EINTR), Answer::Taken(24)];
    let (mut socket, script) = open(&POLICY, interrupted);
    script.calls();
    socket.send(&[9; 24]).unwrap();
    let write = Call::Write(7, vec![9; 24]);
    assert_eq!(script.calls(), [write.clone(), write]);

    // The rest of a message would be taken for another one.
    let (mut socket, _) = open(&POLICY, [Answer::Taken(16)]);
    let error = socket.send(&[9; 24]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    assert!(error.to_string().contains("16 of 24"), "{error}");

    let (mut socket, _) = open(&POLICY, [Answer::Fails(Errno::ENOBUFS)]);
    assert_eq!(socket.send(&[9; 24]).unwrap_err().raw_os_error(), Some(132));
}

#[test]
fn one_read_is_one_message_and_leaves_nothing_in_memory() {
    let answers = [
        Answer::Bytes(vec![1; 16]),
        Answer::Fails(Errno::EINTR),
        Answer::Bytes(vec![2; 40]),
        Answer::Bytes(vec![3; 8]),
        Answer::Bytes(Vec::new()),
        Answer::Fails(Errno::EIO),
    ];
    let (mut socket, script) = open(&KEY, answers);
    script.calls();
    assert_eq!(socket.receive().unwrap(), [1; 16]);
    assert_eq!(socket.receive().unwrap(), [2; 40]);
    socket.wipe_received();
    assert_eq!(socket.receive().unwrap(), [3; 8]);
    assert_eq!(socket.receive().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(socket.receive().unwrap_err().raw_os_error(), Some(5));
    // Each time with room for the largest message, and without the one before.
    assert_eq!(script.calls(), vec![Call::Read(7, ROOM, true); 6]);
}

#[test]
fn waiting_asks_for_both_and_a_message_comes_first() {
    let pipe = io::pipe().unwrap();
    let other = pipe.0.as_fd();
    let fds = vec![7, other.as_raw_fd()];
    let second = Some(Duration::from_millis(1500));
    for (ready, or, most, call, expected) in [
        (vec![true], None, None, Call::Poll(vec![7], -1), Ready::Message),
        (vec![true, true], Some(other), second, Call::Poll(fds.clone(), 1500), Ready::Message),
        (vec![false, true], Some(other), second, Call::Poll(fds.clone(), 1500), Ready::Other),
        (vec![false, false], Some(other), second, Call::Poll(fds.clone(), 1500), Ready::TimedOut),
        (vec![false], None, Some(Duration::MAX), Call::Poll(vec![7], i32::MAX), Ready::TimedOut),
    ] {
        let (mut socket, script) = open(&POLICY, [Answer::Ready(ready)]);
        script.calls();
        assert_eq!(socket.wait(or, most).unwrap(), expected);
        assert_eq!(script.calls(), [call]);
    }
}
