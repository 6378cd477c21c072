// SPDX-License-Identifier: MIT OR Apache-2.0

use proptest::prelude::*;

use super::*;
use crate::model::{LinkClass, LinkId};
use crate::wire::errno::Errno;

pub(super) fn requests() -> Vec<Request> {
    let (link, conf, name) = (LinkId(7), ConfId(9), b"tun0".to_vec());
    let (class, flags, media) = (LinkClass::IPTUN, LinkFlags::ACTIVE, 0x8000_0001);
    let set = |value| Request::SetAttr { conf, name: b"laddr".to_vec(), value };
    vec![
        Request::GetName { link },
        Request::GetLinkId { name: name.clone() },
        Request::GetNext { after: link, class, flags, media: ANY_MEDIA },
        Request::SetZoneId { link, zone: 3 },
        Request::CreateLinkId { name: name.clone(), class, media, prefix: false, flags },
        Request::DestroyLinkId { link, flags },
        Request::RemapLinkId { link, name: name.clone() },
        Request::CreateConf { name: name.clone(), link, class, media },
        Request::OpenConf { link },
        Request::WriteConf { conf },
        Request::UpLinkId { link },
        set(AttrValue::Str(b"10.1.1.1".to_vec())),
        set(AttrValue::Bool(true)),
        set(AttrValue::U64(2)),
        Request::UnsetAttr { conf, name: b"raddr".to_vec() },
        Request::RemoveConf { link },
        Request::DestroyConf { conf },
        Request::GetAttr { conf, name },
        Request::Snapshot { link },
    ]
}

#[test]
fn requests_come_back_and_have_exactly_one_size() {
    for request in requests() {
        let bytes = request.encode();
        assert_eq!(Request::decode(&bytes).as_ref(), Ok(&request));
        assert_eq!(Request::decode(&bytes[..bytes.len() - 1]), Err(Errno::EINVAL));
        assert_eq!(Request::decode(&[bytes, vec![0]].concat()), Err(Errno::EINVAL));
    }
}

pub(super) fn replies() -> Vec<(Request, Reply)> {
    let (link, class, flags) = (LinkId(7), LinkClass::IPTUN, LinkFlags::PERSIST);
    let info = LinkInfo { link, flags, class, media: 1 };
    let name = NameInfo { name: b"tun0".to_vec(), class, media: 1, flags };
    let pairs = vec![(b"type".to_vec(), 1u64.to_le_bytes().to_vec())];
    vec![
        (Request::UpLinkId { link }, Reply::Plain),
        (Request::GetLinkId { name: b"tun0".to_vec() }, Reply::Link(info)),
        (Request::GetName { link }, Reply::Name(name)),
        (Request::OpenConf { link }, Reply::Conf(ConfId(4))),
        (
            Request::GetAttr { conf: ConfId(1), name: b"x".to_vec() },
            Reply::Attr(AttrValue::Str(b"v".to_vec())),
        ),
        (Request::Snapshot { link }, Reply::Snapshot(pairs)),
    ]
}

#[test]
fn replies_come_back() {
    for (request, reply) in replies() {
        let bytes = reply.encode();
        assert_eq!(Reply::decode(&request, &bytes), Ok(reply));
        for len in 0..bytes.len() {
            assert!(Reply::decode(&request, &bytes[..len]).is_err());
        }
        let refusal = Reply::encode_error(Some(&request), Errno::ENOENT);
        assert_eq!(Reply::decode(&request, &refusal), Err(ReplyError::Errno(Errno::ENOENT)));
    }
}

#[test]
fn a_string_without_its_end_is_no_value() {
    let (conf, name) = (ConfId(9), b"laddr".to_vec());
    let value = AttrValue::Str(b"10.1.1.1".to_vec());
    let image = Request::SetAttr { conf, name, value }.encode();
    for (at, byte) in [(40, 8), (40, 0), (44, 3), (42, 1)] {
        let mut image = image.clone();
        image[at] = byte;
        assert_eq!(Request::decode(&image), Err(Errno::EINVAL), "byte {at}");
    }
    let mut image = Request::GetLinkId { name: Vec::new() }.encode();
    image[4..].fill(b'x');
    assert_eq!(Request::decode(&image), Err(Errno::EINVAL));
}

proptest! {
    #[test]
    fn any_bytes_are_survived(
        command in 0u32..150,
        bytes in proptest::collection::vec(any::<u8>(), 0..1100),
    ) {
        let image = [&command.to_le_bytes()[..], &bytes].concat();
        let _ = Request::decode(&image);
        for request in requests() {
            let _ = Reply::decode(&request, &image);
            let _ = Reply::decode(&request, &[&[0; 4], &bytes[..]].concat());
        }
    }

    // Images of the right size are understood as far as they can be.
    #[test]
    fn damaged_images_mean_the_same_when_sent_on(
        which in 0..requests().len(),
        bytes in any::<[u8; 8]>(),
        at in any::<proptest::sample::Index>(),
    ) {
        let mut image = requests()[which].encode();
        let at = 4 + at.index(image.len() - 4);
        let len = bytes.len().min(image.len() - at);
        image[at..at + len].copy_from_slice(&bytes[..len]);
        if let Ok(request) = Request::decode(&image) {
            prop_assert_eq!(Request::decode(&request.encode()), Ok(request));
        }
    }
}
