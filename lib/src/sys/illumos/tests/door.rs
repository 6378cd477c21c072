// SPDX-License-Identifier: MIT OR Apache-2.0

//! Calls of a door, against `sys/door.h` and `spec/illumos-cross-build.md` section 7.5.

use super::super::abi::{DOOR_DESCRIPTOR, DoorDesc};
use super::super::door::call;
use super::script::{Answer, Call, DoorAnswer, Place, Script};
use crate::wire::errno::Errno;

const REQUEST: &[u8] = &[4, 0, 0, 0, 1, 0, 0, 0];

fn answer(bytes: &[u8], place: Place, descriptors: &[(u32, i32)]) -> Answer {
    let record = |(attributes, descriptor): &(u32, i32)| DoorDesc {
        attributes: *attributes,
        descriptor: *descriptor,
        id: u64::MAX,
        reserved: [0; 2],
    };
    let descriptors = descriptors.iter().map(record).collect();
    Answer::Door(DoorAnswer { bytes: bytes.to_vec(), place, descriptors })
}

#[test]
fn an_answer_is_where_the_block_says_it_is() {
    let bytes: Vec<u8> = (1..=48).collect();
    for (place, unmapped) in [
        (Place::Room(0), None),
        // The start of the room is not the start of the answer.
        (Place::Room(16), None),
        (Place::Mapping(0), Some(48)),
        (Place::Mapping(8), Some(56)),
    ] {
        let script = Script::new([answer(&bytes, place, &[])]);
        assert_eq!(call(&script, 5, REQUEST), Ok(bytes.clone()));
        let mut calls = vec![Call::Door(5, REQUEST.to_vec())];
        calls.extend(unmapped.map(Call::Unmap));
        assert_eq!(script.calls(), calls);
        assert_eq!(script.mappings(), 0);
    }
}

#[test]
fn an_answer_larger_than_the_room_arrives_whole() {
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
    let script = Script::new([answer(&bytes, Place::Mapping(0), &[])]);
    assert_eq!(call(&script, 5, REQUEST), Ok(bytes));
    assert_eq!(script.mappings(), 0);
}

#[test]
fn descriptors_that_nobody_asked_for_are_closed() {
    let sent = [(DOOR_DESCRIPTOR, 20), (0, 21), (DOOR_DESCRIPTOR, 22)];
    for place in [Place::Room(0), Place::Mapping(4)] {
        // Twelve bytes: the records that follow are not aligned to eight.
        let script = Script::new([answer(&[7; 12], place, &sent)]);
        assert_eq!(call(&script, 5, REQUEST), Ok(vec![7; 12]));
        let closed: Vec<_> =
            script.calls().into_iter().filter(|call| matches!(call, Call::Close(_))).collect();
        assert_eq!(closed, [Call::Close(20), Call::Close(22)]);
    }
}

#[test]
fn an_answer_outside_its_memory_is_not_looked_at() {
    let script = Script::new([answer(&[7; 12], Place::Elsewhere, &[])]);
    assert_eq!(call(&script, 5, REQUEST), Err(Errno::EIO));
}

#[test]
fn an_empty_answer_and_a_failure() {
    let script = Script::new([answer(&[], Place::Room(0), &[]), Answer::Fails(Errno::EBADF)]);
    assert_eq!(call(&script, 5, REQUEST), Ok(Vec::new()));
    assert_eq!(call(&script, 5, REQUEST), Err(Errno::EBADF));
}
