// SPDX-License-Identifier: MIT OR Apache-2.0

//! The measured layout of the protocol against the images and numbers of the library.

use std::mem::{offset_of, size_of};

use illumos_ipsec::model::{ActionFlags, ActionKind, AlgFlags, default_algorithms};
use illumos_ipsec::wire::policy::image::{
    ActionsImage, AddressImage, AttrImage, ExtImage, HeaderImage, PortsImage, ProtoImage,
    RuleImage, RulesetImage, TypeCodeImage,
};
use illumos_ipsec::wire::policy::{
    AF_INET, AF_INET6, AttrTag, Diagnostic, ExtType, MsgType, RuleFlags, SPD_ACTIVE, SPD_STANDBY,
    TunNameExt, VERSION, update_algorithms,
};
use serde_json::Value;
use system_tests::golden::kernel;

fn layout() -> Value {
    serde_json::from_str(include_str!("../golden/pf_policy_layout.json")).unwrap()
}

/// An image: name of the structure, size, and its fields in order with offset and size.
type Image = (&'static str, usize, Vec<(usize, usize)>);

macro_rules! image {
    ($name:literal, $ty:ident { $($field:ident),* }) => {
        ($name, size_of::<$ty>(), vec![$((offset_of!($ty, $field), field_size(|i: &$ty| &i.$field))),*])
    };
}

fn field_size<T, F>(_: impl Fn(&T) -> &F) -> usize {
    size_of::<F>()
}

fn images() -> Vec<Image> {
    vec![
        image!("spd_msg_t", HeaderImage { version, kind, errno, spdid, len, diagnostic, seq, pid }),
        image!("struct spd_rule", RuleImage { len, kind, priority, flags, unused, index }),
        image!("spd_address_t", AddressImage { len, kind, af, prefixlen, reserved }),
        image!("struct spd_proto", ProtoImage { len, kind, number, reserved1, reserved2 }),
        image!("struct spd_portrange", PortsImage { len, kind, min, max }),
        image!(
            "struct spd_typecode",
            TypeCodeImage { len, kind, type_min, type_end, code, code_end }
        ),
        image!("struct spd_ext_actions", ActionsImage { len, kind, count, reserved }),
        image!("struct spd_attribute", AttrImage { tag, value }),
        image!("spd_ruleset_ext_t", RulesetImage { len, kind, count, version }),
    ]
}

#[test]
fn structures_have_the_measured_sizes_and_offsets() {
    let layout = layout();
    let structs = layout["structs"].as_object().unwrap();
    for (name, size, fields) in images() {
        let measured = &structs[name];
        let wanted: Vec<(usize, usize)> = measured["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| (number(&f["offset"]) as usize, number(&f["size"]) as usize))
            .collect();
        assert_eq!(size as u64, number(&measured["size"]), "{name}");
        assert_eq!(fields, wanted, "{name}");
    }
    // The two that have no image of their own: the common start of all extensions, which
    // the C type pads to its alignment, and the name, which runs to the extension's end.
    assert_eq!((offset_of!(ExtImage, len), offset_of!(ExtImage, kind)), (0, 2));
    assert_eq!(number(&structs["spd_if_t"]["fields"][2]["offset"]), 4);
    assert_eq!(TunNameExt::all().0.len(), 4);
    assert_eq!(structs.len(), images().len() + 2);
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

/// The number that the library has for a name of the header file.
fn ours(group: &str, name: &str) -> Option<u64> {
    let named = |prefix, value: &dyn Fn(u32) -> Option<&'static str>| {
        let short = name.strip_prefix(prefix)?;
        (0..=0x200).find(|&n| value(n) == Some(short)).map(u64::from)
    };
    let one_of = |table: &[(&str, u64)]| table.iter().find(|row| row.0 == name).map(|row| row.1);
    match group {
        "protocol" => one_of(&[("PF_POLICY_V1", VERSION.into())]),
        "message_types" => one_of(&[("SPD_MAX", MsgType::MAX.into()), ("SPD_MIN", 1)])
            .or_else(|| named("SPD_", &|n| MsgType(u8::try_from(n).ok()?).name())),
        "spdids" => {
            one_of(&[("SPD_ACTIVE", SPD_ACTIVE.into()), ("SPD_STANDBY", SPD_STANDBY.into())])
        }
        "extension_types" => one_of(&[("SPD_EXT_MAX", ExtType::MAX.into())])
            .or_else(|| named("SPD_EXT_", &|n| ExtType(n as u16).name())),
        "rule_flags" => RuleFlags::from_name(name.strip_prefix("SPD_RULE_FLAG_")?)
            .map(|flag| flag.bits().into()),
        "alg_flags" => {
            let short = name.strip_prefix("ALG_FLAG_")?;
            let short = if short == "COUNTERMODE" { "COUNTER" } else { short };
            AlgFlags::from_name(short).map(|flag| flag.bits().into())
        }
        "attribute_tags" => named("SPD_ATTR_", &|n| AttrTag(n).name()),
        "action_types" => one_of(&[
            ("SPD_ACTTYPE_DROP", ActionKind::Drop.number().into()),
            ("SPD_ACTTYPE_PASS", ActionKind::Pass.number().into()),
            ("SPD_ACTTYPE_IPSEC", ActionKind::Ipsec.number().into()),
        ]),
        "action_flags" => {
            let short = name.strip_prefix("SPD_APPLY_")?;
            let short = match short {
                "SE" => "SELF_ENCAP",
                "ESPA" => "ESP_AUTH",
                other => other,
            };
            ActionFlags::from_name(short).map(|flag| flag.bits().into())
        }
        "diagnostics" => named("SPD_DIAGNOSTIC_", &|n| Diagnostic(n as u16).name()),
        _ => None,
    }
}

#[test]
fn numbers_are_those_of_the_header_file() {
    // Names that the library has no use for.
    const UNUSED: [&str; 6] = [
        "PF_POLICY_REVISION",
        "ALG_FLAG_KERNELCHECKED",
        "SPD_MIN_MINBITS",
        "SPD_MAX_MAXBITS",
        "SPD_ALG_EXEC_MODE_SYNC",
        "SPD_ALG_EXEC_MODE_ASYNC",
    ];
    let layout = layout();
    let mut compared = 0;
    for (group, names) in layout["defines"].as_object().unwrap() {
        for (name, value) in names.as_object().unwrap() {
            if !UNUSED.contains(&name.as_str()) {
                assert_eq!(ours(group, name), value.as_u64(), "{name}");
                compared += 1;
            }
        }
    }
    assert!(compared > 120, "{compared}");
    let related = &layout["related"];
    assert_eq!(number(&related["AF_INET"]), u64::from(AF_INET));
    assert_eq!(number(&related["AF_INET6 (illumos)"]), u64::from(AF_INET6));
}

#[test]
fn default_algorithms_encode_to_the_recorded_request() {
    let mut request = update_algorithms(&default_algorithms(), &[2, 3]);
    (request.header.seq, request.header.pid) = (0x11, 0x1234);
    assert_eq!(request.encode(), kernel::setup());
}
