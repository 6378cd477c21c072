// SPDX-License-Identifier: MIT OR Apache-2.0

//! PF_POLICY messages as bytes: known examples, and what no bytes may do.

use illumos_ipsec::model::{Alternative, TunnelName};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::policy::{
    AlgListError, Attr, AttrTag, DumpItem, Ext, ExtType, Frame, FrameError, Message, MsgType,
    RuleExt, RuleFlags, TunNameExt, decode_alglist, decode_alternatives, decode_record, describe,
    encode_alternatives,
};
use proptest::prelude::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

/// ADDRULE for the standby side of mytun0: tunnel mode, both directions, AES-CBC with
/// HMAC-SHA256 (little-endian; `spec/pf_policy.md` section 11).
#[cfg(target_endian = "little")]
const ADDRULE: &str = "
    0102000110000000 0100000000000000
    03000700ffff4f00 0700000000000000 0000000000000000
    02000a006d797475 6e30000000000000
    0900060001000000
    0200000000000000 0001000003000000 0101000042000000 030100000c000000
    0501000080000000 0401000005000000 1001000000010000 0100000000000000";

#[test]
#[cfg(target_endian = "little")]
fn a_request_to_add_a_rule() {
    let attr = Attr::new;
    let mut message = Message::request(MsgType::ADDRULE, 1)
        .with(Ext::Rule(RuleExt {
            priority: 0x004f_ffff,
            flags: RuleFlags::INBOUND | RuleFlags::OUTBOUND | RuleFlags::TUNNEL,
            unused: 0,
            index: 0,
        }))
        .with(Ext::TunName(TunNameExt::for_rule(&TunnelName::new("mytun0").unwrap())))
        .with(Ext::Action {
            count: 1,
            reserved: 0,
            attrs: vec![
                attr(AttrTag::EMPTY, 0),
                attr(AttrTag::TYPE, 3),
                attr(AttrTag::FLAGS, 0x42),
                attr(AttrTag::ESP_ENCR, 12),
                attr(AttrTag::ENCR_MINBITS, 128),
                attr(AttrTag::ESP_AUTH, 5),
                attr(AttrTag::ESPA_MINBITS, 256),
                attr(AttrTag::END, 0),
            ],
        });
    message.header.seq = 1;
    assert_eq!(message.encode(), bytes(ADDRULE));
    message.header.len = 16;
    assert_eq!(Message::decode(&bytes(ADDRULE)), Ok(message));
}

#[test]
#[cfg(target_endian = "little")]
fn a_record_of_a_dump_and_its_trailer() {
    let record = bytes(
        "0106000012000000 0000000000000000
         03000700ffff4f00 0600000000000000 0100000000000000 02000a006d797475 6e30000000000000
         0b00060001000000 0200000000000000 0001000003000000 0101000042000000 030100000c000000
         0501000080000000 0601000000010000 0401000005000000 1001000000010000 1101000000010000
         0100000000000000",
    );
    let message = Message::decode(&record).unwrap();
    let DumpItem::Rule { rule, alternatives } = decode_record(&message).unwrap() else {
        panic!("a rule");
    };
    assert_eq!((rule.index, rule.priority), (1, 0x004f_ffff));
    assert_eq!(rule.tunnel.unwrap().as_bytes(), b"mytun0");
    assert_eq!(
        (alternatives[0].alternative.encr.min, alternatives[0].alternative.encr.max),
        (128, 256)
    );
    assert_eq!(message.encode(), record);

    let trailer = bytes("0106000004000000 0000000000000000 0200080004000000 0100000000000000");
    let DumpItem::Ruleset(set) = decode_record(&Message::decode(&trailer).unwrap()).unwrap() else {
        panic!("a trailer");
    };
    assert_eq!((set.count, set.version), (4, 1));
}

#[test]
fn tunnel_names_of_every_length() {
    for len in 1..=TunnelName::MAX {
        let name = TunnelName::new("n".repeat(len)).unwrap();
        // A name and its NUL fit; rules have a word more for some lengths.
        for ext in [TunNameExt::new(&name), TunNameExt::for_rule(&name)] {
            assert_eq!(ext.name(), name.as_bytes());
            assert!(ext.0.len() > len && (ext.0.len() + 4) % 8 == 0);
        }
    }
    // Records of the kernel can lack the NUL.
    assert_eq!(TunNameExt(b"tun0".to_vec()).name(), b"tun0");
    assert_eq!(TunNameExt::all().name(), b"");
}

#[test]
fn framing_errors_come_in_the_order_of_the_kernels_checks() {
    let frame = |words: &[u16]| -> Vec<u8> {
        let mut bytes = Message::request(MsgType::FLUSH, 0).encode();
        for chunk in words.chunks(4) {
            bytes.extend(chunk.iter().flat_map(|word| word.to_ne_bytes()));
        }
        let len = (bytes.len() / 8) as u16;
        bytes[4..6].copy_from_slice(&len.to_ne_bytes());
        bytes
    };
    let error = |words: &[u16]| Frame::parse(&frame(words)).unwrap_err();
    assert!(matches!(
        error(&[0, 11, 0, 0]),
        FrameError::UnknownExt { kind: ExtType(11), offset: 16 }
    ));
    assert!(matches!(error(&[1, 0, 0, 0]), FrameError::UnknownExt { kind: ExtType(0), .. }));
    assert!(matches!(error(&[0, 3, 0, 0]), FrameError::BadLength { words: 0, .. }));
    assert!(matches!(error(&[2, 3, 0, 0]), FrameError::BadLength { words: 2, left: 1, .. }));
    assert!(matches!(
        error(&[1, 3, 6, 0, 1, 3, 6, 0]),
        FrameError::Duplicate { kind: ExtType::PROTO, offset: 24 }
    ));
    let mut short = frame(&[1, 3, 6, 0]);
    short.pop();
    assert!(matches!(Frame::parse(&short), Err(FrameError::Size { actual: 23, stated: 24 })));
    assert!(Frame::parse(&[]).is_err());
}

#[test]
fn a_kernel_without_algorithms_is_told_from_one_that_answers_something_else() {
    let list = |exts: Vec<Ext>| {
        let reply = Message { exts, ..Message::request(MsgType::ALGLIST, 0) };
        decode_alglist(&Message::decode(&reply.encode()).unwrap())
    };
    let other = |kind| Ext::Other { kind: ExtType(kind), body: vec![0; 4] };
    // The end of the list lies over the type of the extension.
    assert_eq!(list(vec![other(0)]), Ok(Vec::new()));
    for exts in [vec![], vec![other(300)], vec![other(0), other(0)]] {
        assert_eq!(list(exts), Err(AlgListError::NoAction));
    }
    let action = |attrs| vec![Ext::Action { count: 0, reserved: 0, attrs }];
    assert_eq!(list(action(vec![])), Err(AlgListError::NoEnd));
    let position = 0;
    for tag in [AttrTag::TYPE, AttrTag::AH_MINBITS] {
        let refused = list(action(vec![Attr::new(tag, 1)]));
        assert_eq!(refused, Err(AlgListError::Unexpected { tag, position }));
    }
}

#[test]
fn unknown_numbers_have_no_name_and_known_ones_do() {
    assert_eq!(MsgType(77).to_string(), "77");
    assert_eq!(MsgType::FLIP.to_string(), "FLIP");
    assert_eq!(Errno::EEXIST.name(), Some("EEXIST"));
    assert_eq!(Errno(99).to_string(), "error 99");
    assert!(describe(b"abc").starts_with("malformed"));
}

fn any_message() -> impl Strategy<Value = Vec<u8>> {
    // Framing that mostly holds, around anything.
    let ext = (0_u16..14, prop::collection::vec(any::<u8>(), 0..40));
    let exts = prop::collection::vec(ext, 0..6);
    (any::<u8>(), any::<[u8; 12]>(), exts).prop_map(|(kind, head, exts)| {
        let mut bytes = vec![1, kind % 12, head[0], head[1] % 3, 0, 0];
        bytes.extend_from_slice(&head[2..]);
        for (kind, body) in exts {
            let len = (4 + body.len()).next_multiple_of(8);
            bytes.extend(((len / 8) as u16).to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(&body);
            bytes.resize(bytes.len() + len - 4 - body.len(), 0xa5);
        }
        let len = (bytes.len() / 8) as u16;
        bytes[4..6].copy_from_slice(&len.to_ne_bytes());
        bytes
    })
}

proptest! {
    #[test]
    fn what_is_decoded_encodes_to_the_same_bytes(bytes in any_message()) {
        let message = Message::decode(&bytes).unwrap();
        prop_assert_eq!(message.encode(), bytes);
        let _ = (decode_record(&message), describe(&message.encode()));
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (Message::decode(&bytes), Frame::parse(&bytes), describe(&bytes));
    }

    #[test]
    fn alternatives_survive_a_dump(
        seeds in prop::collection::vec((1_u32..4, any::<u8>(), any::<[u16; 6]>()), 1..5)
    ) {
        let alternatives: Vec<Alternative> = seeds.iter().map(|(kind, flags, bits)| {
            let mut alt = Alternative::empty();
            alt.kind = illumos_ipsec::model::ActionKind::from_number(*kind);
            if *kind == 3 {
                alt.flags = illumos_ipsec::model::ActionFlags::from_bits_retain((*flags).into());
                if flags & 1 != 0 {
                    (alt.ah.id, alt.ah.min, alt.ah.max) = (*flags, bits[0], bits[1]);
                }
                if flags & 2 != 0 {
                    (alt.encr.id, alt.encr.min, alt.encr.max) = (*flags, bits[2], bits[3]);
                }
                if flags & 0x42 == 0x42 {
                    (alt.esp_auth.id, alt.esp_auth.min, alt.esp_auth.max) = (7, bits[4], bits[5]);
                }
            }
            alt
        }).collect();
        let attrs = encode_alternatives(&alternatives);
        let decoded = decode_alternatives(&attrs);
        prop_assert!(decoded.iter().all(|alt| alt.extras.is_empty()));
        let again: Vec<_> = decoded.iter().map(|alt| alt.alternative).collect();
        prop_assert_eq!(again, alternatives);
    }
}
