// SPDX-License-Identifier: MIT OR Apache-2.0

//! The measured layout of tunnel ioctls and of the link daemon's door against the images
//! and numbers of the library.
//!
//! Where a field is gets found out by setting it and looking which bytes change.

use illumos_ipsec::model::{LINK_NAME_MAX, LinkClass, LinkId, LinkState, TunnelType};
use illumos_ipsec::sys::links::LinkStatus;
use illumos_ipsec::wire::dlmgmt::{
    ANY_MEDIA, ATTR_VALUE, AttrValue, ConfId, DOOR, LinkFlags, LinkInfo, NameInfo, Reply, Request,
};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::iptun::{self, KparamFlags, Kparams, SimplePolicy, SockAddr};
use illumos_ipsec::wire::{dld, policy};
use serde_json::Value;

fn layout() -> Value {
    serde_json::from_str(include_str!("../golden/iptun_layout.json")).unwrap()
}

/// A structure: its name, an image with every field zero or empty, and for each field an
/// image with that field full of ones, or of bytes that are not zero.
struct Probe {
    name: &'static str,
    zero: Vec<u8>,
    fields: Vec<(&'static str, Vec<u8>)>,
}

const ONES: u32 = u32::MAX;
const NO_LINK: LinkId = LinkId::NONE;
const LINK: LinkId = LinkId(ONES);
const NO_CONF: ConfId = ConfId(0);
const CONF: ConfId = ConfId(ONES);
const CLASS: LinkClass = LinkClass::from_bits_retain(ONES);
const FLAGS: LinkFlags = LinkFlags::from_bits_retain(ONES);

/// A name or text as long as it can be.
fn full(len: usize) -> Vec<u8> {
    vec![b'x'; len - 1]
}

/// Requests that consist of one number.
fn short(name: &'static str, field: &'static str, request: impl Fn(u32) -> Request) -> Probe {
    Probe { name, zero: request(0).encode(), fields: vec![(field, request(ONES).encode())] }
}

fn requests() -> Vec<Probe> {
    let (no_class, no_flags, no_name) = (LinkClass::empty(), LinkFlags::empty(), Vec::new());
    let get_next =
        |after, class, flags, media| Request::GetNext { after, class, flags, media }.encode();
    let create_id = |name, class, media, prefix, flags| {
        Request::CreateLinkId { name, class, media, prefix, flags }.encode()
    };
    let create_conf =
        |name, link, class, media| Request::CreateConf { name, link, class, media }.encode();
    let remap = |link, name| Request::RemapLinkId { link, name }.encode();
    let destroy = |link, flags| Request::DestroyLinkId { link, flags }.encode();
    let zone = |link, zone| Request::SetZoneId { link, zone }.encode();
    let unset = |conf, name| Request::UnsetAttr { conf, name }.encode();
    let get = |conf, name| Request::GetAttr { conf, name }.encode();
    let set = |conf, name, value| Request::SetAttr { conf, name, value }.encode();
    let empty = || AttrValue::Str(Vec::new());
    let value = AttrValue::Str(full(ATTR_VALUE));
    let prefix = create_id(Vec::new(), no_class, 0, true, no_flags);
    vec![
        short("dlmgmt_door_getname_t", "ld_linkid", |n| Request::GetName { link: LinkId(n) }),
        short("dlmgmt_door_upid_t", "ld_linkid", |n| Request::UpLinkId { link: LinkId(n) }),
        short("dlmgmt_door_writeconf_t", "ld_confid", |n| Request::WriteConf { conf: ConfId(n) }),
        short("dlmgmt_door_removeconf_t", "ld_linkid", |n| Request::RemoveConf { link: LinkId(n) }),
        short("dlmgmt_door_destroyconf_t", "ld_confid", |n| Request::DestroyConf {
            conf: ConfId(n),
        }),
        short("dlmgmt_door_openconf_t", "ld_linkid", |n| Request::OpenConf { link: LinkId(n) }),
        short("dlmgmt_door_getconfsnapshot_t", "ld_linkid", |n| Request::Snapshot {
            link: LinkId(n),
        }),
        Probe {
            name: "dlmgmt_door_getlinkid_t",
            zero: Request::GetLinkId { name: Vec::new() }.encode(),
            fields: vec![("ld_link", Request::GetLinkId { name: full(32) }.encode())],
        },
        Probe {
            name: "dlmgmt_door_getnext_t",
            zero: get_next(NO_LINK, no_class, no_flags, 0),
            fields: vec![
                ("ld_linkid", get_next(LINK, no_class, no_flags, 0)),
                ("ld_class", get_next(NO_LINK, CLASS, no_flags, 0)),
                ("ld_flags", get_next(NO_LINK, no_class, FLAGS, 0)),
                ("ld_dmedia", get_next(NO_LINK, no_class, no_flags, u64::MAX)),
            ],
        },
        Probe {
            name: "dlmgmt_door_setzoneid_t",
            zero: zone(NO_LINK, 0),
            fields: vec![("ld_linkid", zone(LINK, 0)), ("ld_zoneid", zone(NO_LINK, ONES))],
        },
        Probe {
            name: "dlmgmt_door_createid_t",
            zero: create_id(Vec::new(), no_class, 0, false, no_flags),
            fields: vec![
                ("ld_link", create_id(full(32), no_class, 0, false, no_flags)),
                ("ld_class", create_id(Vec::new(), CLASS, 0, false, no_flags)),
                ("ld_media", create_id(Vec::new(), no_class, ONES, false, no_flags)),
                ("ld_prefix", prefix),
                ("ld_flags", create_id(Vec::new(), no_class, 0, false, FLAGS)),
            ],
        },
        Probe {
            name: "dlmgmt_door_destroyid_t",
            zero: destroy(NO_LINK, no_flags),
            fields: vec![
                ("ld_linkid", destroy(LINK, no_flags)),
                ("ld_flags", destroy(NO_LINK, FLAGS)),
            ],
        },
        Probe {
            name: "dlmgmt_door_remapid_t",
            zero: remap(NO_LINK, Vec::new()),
            fields: vec![
                ("ld_linkid", remap(LINK, Vec::new())),
                ("ld_link", remap(NO_LINK, full(32))),
            ],
        },
        Probe {
            name: "dlmgmt_door_createconf_t",
            zero: create_conf(Vec::new(), NO_LINK, no_class, 0),
            fields: vec![
                ("ld_link", create_conf(full(32), NO_LINK, no_class, 0)),
                ("ld_linkid", create_conf(Vec::new(), LINK, no_class, 0)),
                ("ld_class", create_conf(Vec::new(), NO_LINK, CLASS, 0)),
                ("ld_media", create_conf(Vec::new(), NO_LINK, no_class, ONES)),
            ],
        },
        Probe {
            name: "dlmgmt_door_unsetattr_t",
            zero: unset(NO_CONF, Vec::new()),
            fields: vec![
                ("ld_confid", unset(CONF, Vec::new())),
                ("ld_attr", unset(NO_CONF, full(32))),
            ],
        },
        Probe {
            name: "dlmgmt_door_getattr_t",
            zero: get(NO_CONF, Vec::new()),
            fields: vec![("ld_confid", get(CONF, Vec::new())), ("ld_attr", get(NO_CONF, full(32)))],
        },
        Probe {
            name: "dlmgmt_door_setattr_t",
            zero: set(NO_CONF, no_name, empty()),
            fields: vec![
                ("ld_confid", set(CONF, Vec::new(), empty())),
                ("ld_attr", set(NO_CONF, full(32), empty())),
                // Eight bytes of zeros: size and type say so.
                ("ld_attrsz ld_type", set(NO_CONF, Vec::new(), AttrValue::U64(0))),
                ("ld_attrsz ld_attrval", set(NO_CONF, Vec::new(), value)),
            ],
        },
    ]
}

fn replies() -> Vec<Probe> {
    let (class, flags) = (LinkClass::empty(), LinkFlags::empty());
    let link = LinkInfo { link: NO_LINK, flags, class, media: 0 };
    let name = NameInfo { name: Vec::new(), class, media: 0, flags };
    let named = |change: &dyn Fn(&mut NameInfo)| {
        let mut name = name.clone();
        change(&mut name);
        Reply::Name(name).encode()
    };
    let request = Request::GetLinkId { name: Vec::new() };
    let failed = |request: &Request| Reply::encode_error(Some(request), Errno(255));
    let conf = |name| Probe {
        name,
        zero: Reply::Conf(NO_CONF).encode(),
        fields: vec![
            ("lr_err", failed(&Request::OpenConf { link: NO_LINK })),
            ("lr_confid", Reply::Conf(CONF).encode()),
        ],
    };
    let attr = |value| Reply::Attr(value).encode();
    let ask = Request::GetAttr { conf: NO_CONF, name: Vec::new() };
    vec![
        Probe {
            name: "dlmgmt_retval_t",
            zero: Reply::Plain.encode(),
            fields: vec![("lr_err", failed(&Request::UpLinkId { link: NO_LINK }))],
        },
        Probe {
            name: "struct dlmgmt_linkid_retval_s",
            zero: Reply::Link(link).encode(),
            fields: vec![
                ("lr_err", failed(&request)),
                ("lr_linkid", Reply::Link(LinkInfo { link: LINK, ..link }).encode()),
                ("lr_flags", Reply::Link(LinkInfo { flags: FLAGS, ..link }).encode()),
                ("lr_class", Reply::Link(LinkInfo { class: CLASS, ..link }).encode()),
                ("lr_media", Reply::Link(LinkInfo { media: ONES, ..link }).encode()),
            ],
        },
        Probe {
            name: "dlmgmt_getname_retval_t",
            zero: named(&|_| {}),
            fields: vec![
                ("lr_err", failed(&Request::GetName { link: NO_LINK })),
                ("lr_link", named(&|name| name.name = full(32))),
                ("lr_class", named(&|name| name.class = CLASS)),
                ("lr_media", named(&|name| name.media = ONES)),
                ("lr_flags", named(&|name| name.flags = FLAGS)),
            ],
        },
        conf("dlmgmt_createconf_retval_t"),
        conf("dlmgmt_openconf_retval_t"),
        Probe {
            name: "dlmgmt_getattr_retval_t",
            zero: attr(AttrValue::Str(Vec::new())),
            fields: vec![
                // The empty string has a NUL, so its size is not zero.
                ("lr_err lr_attrsz", failed(&ask)),
                ("lr_type lr_attrsz", attr(AttrValue::U64(0))),
                ("lr_attrsz lr_attrval", attr(AttrValue::Str(full(ATTR_VALUE)))),
            ],
        },
    ]
}

fn ioctls() -> Vec<Probe> {
    let zero = Kparams::default();
    let v4 = SockAddr::V4([255; 4].into());
    let v6 = SockAddr::V6([255; 16].into());
    let params = |change: &dyn Fn(&mut Kparams)| {
        let mut params = zero;
        change(&mut params);
        params.encode()
    };
    let secinfo = |change: &dyn Fn(&mut SimplePolicy)| {
        let params = params(&|params| change(&mut params.secinfo));
        params[520..536].to_vec()
    };
    let address = |addr, len: usize| params(&|params| params.local = addr)[8..8 + len].to_vec();
    let all = |policy: &mut SimplePolicy| (policy.ah, policy.ah_alg) = (ONES, 255);
    let attr = |link, max_sdu| dld::Attr { link, max_sdu }.encode();
    let rename = |link, other, name| dld::Rename { link, other, name }.encode();
    let property = |change: &dyn Fn(&mut dld::MacProp)| {
        // The measured structure has room for one byte of value, and is rounded up.
        let mut property = dld::MacProp { value: vec![0; 4], ..Default::default() };
        change(&mut property);
        property.encode()
    };
    vec![
        Probe {
            name: "iptun_kparams_t",
            zero: zero.encode(),
            fields: vec![
                ("iptun_kparam_linkid", params(&|params| params.link = LINK)),
                ("iptun_kparam_flags", params(&|params| params.flags = KparamFlags::all())),
                ("iptun_kparam_laddr", params(&|params| params.local = v6)),
                ("iptun_kparam_raddr", params(&|params| params.remote = v6)),
                ("iptun_kparam_secinfo", params(&|params| all(&mut params.secinfo))),
                ("iptun_kparam_type", params(&|params| params.kind = ONES)),
            ],
        },
        Probe {
            name: "ipsec_req_t",
            zero: secinfo(&|_| {}),
            fields: vec![
                ("ipsr_ah_req", secinfo(&|policy| policy.ah = ONES)),
                ("ipsr_esp_req", secinfo(&|policy| policy.esp = ONES)),
                ("ipsr_self_encap_req", secinfo(&|policy| policy.self_encap = ONES)),
                ("ipsr_auth_alg", secinfo(&|policy| policy.ah_alg = 255)),
                ("ipsr_esp_alg", secinfo(&|policy| policy.esp_alg = 255)),
                ("ipsr_esp_auth_alg", secinfo(&|policy| policy.esp_auth_alg = 255)),
            ],
        },
        Probe {
            name: "struct sockaddr_in",
            zero: address(SockAddr::Other(0), 16),
            fields: vec![("sin_family sin_addr", address(v4, 16))],
        },
        Probe {
            name: "struct sockaddr_in6",
            zero: address(SockAddr::Other(0), 32),
            fields: vec![("sin6_family sin6_addr", address(v6, 32))],
        },
        Probe {
            name: "struct sockaddr_storage",
            zero: address(SockAddr::Other(0), 256),
            fields: vec![("ss_family", address(SockAddr::Other(u16::MAX), 256))],
        },
        Probe {
            name: "dld_ioc_attr_t",
            zero: attr(NO_LINK, 0),
            fields: vec![("dia_linkid", attr(LINK, 0)), ("dia_max_sdu", attr(NO_LINK, ONES))],
        },
        Probe {
            name: "dld_ioc_rename_t",
            zero: rename(NO_LINK, NO_LINK, Vec::new()),
            fields: vec![
                ("dir_linkid1", rename(LINK, NO_LINK, Vec::new())),
                ("dir_linkid2", rename(NO_LINK, LINK, Vec::new())),
                ("dir_link", rename(NO_LINK, NO_LINK, full(32))),
            ],
        },
        Probe {
            name: "dld_ioc_macprop_t",
            zero: property(&|_| {}),
            fields: vec![
                ("pr_flags", property(&|property| property.flags = ONES)),
                ("pr_linkid", property(&|property| property.link = LINK)),
                ("pr_num", property(&|property| property.number = ONES)),
                ("pr_perm_flags", property(&|property| property.permissions = ONES)),
                ("pr_name", property(&|property| property.name = full(256))),
                ("pr_val", property(&|property| property.value = vec![255, 0, 0, 0])),
            ],
        },
    ]
}

/// Fields that the images never set: padding, and what the library has no use for.
const UNSET: [&str; 7] =
    ["sin_port", "sin_zero", "sin6_port", "sin6_flowinfo", "sin6_scope_id", "__sin6_src_id", "_ss"];

/// Fields whose value the images choose themselves: seen in other ways below.
const CHOSEN: [&str; 2] = ["ld_cmd", "pr_valsize"];

#[test]
fn structures_have_the_measured_sizes_and_offsets() {
    let layout = layout();
    let structs = layout["structs"].as_object().unwrap();
    let probes: Vec<Probe> = [ioctls(), requests(), replies()].into_iter().flatten().collect();
    for probe in &probes {
        let name = probe.name;
        let measured = &structs[name];
        assert_eq!(probe.zero.len() as u64, number(&measured["size"]), "{name}");
        let mut seen = Vec::new();
        for (fields, image) in &probe.fields {
            let changed: Vec<usize> =
                (0..image.len()).filter(|&at| image[at] != probe.zero[at]).collect();
            let mut outside = changed.clone();
            for field in fields.split(' ') {
                let (offset, size) = place(measured, field);
                assert_eq!(image.len(), probe.zero.len(), "{name} {field}");
                assert!(changed.contains(&offset), "{name} {field} at {offset}: {changed:?}");
                let wholly_set = !fields.contains(' ') && size <= 8 && field != "ld_prefix";
                let is_error = field == "lr_err";
                if wholly_set && !is_error {
                    assert!(changed.contains(&(offset + size - 1)), "{name} {field}: {changed:?}");
                }
                outside.retain(|at| !(offset..offset + size).contains(at));
                seen.push(field);
            }
            assert!(outside.is_empty(), "{name} {fields}: {outside:?}");
        }
        for field in measured["fields"].as_array().unwrap() {
            let field = field["name"].as_str().unwrap();
            let known = seen.contains(&field)
                || CHOSEN.contains(&field)
                || field.contains("padding")
                || UNSET.iter().any(|unset| field.starts_with(unset));
            assert!(known, "{name}: nothing sets {field}");
        }
    }
    // The reply with a list behind it, whose size is the only field.
    let mut names: Vec<&str> = probes.iter().map(|probe| probe.name).collect();
    names.push("dlmgmt_getconfsnapshot_retval_t");
    let snapshot = Reply::Snapshot(vec![(b"type".to_vec(), vec![1; 8])]).encode();
    let measured = &structs["dlmgmt_getconfsnapshot_retval_t"];
    let (offset, size) = place(measured, "lr_nvlsz");
    let list = u32::from_le_bytes(snapshot[offset..offset + size].try_into().unwrap());
    assert_eq!(number(&measured["size"]) + u64::from(list), snapshot.len() as u64);

    let (value, size) = (vec![7; 300], place(&structs["dld_ioc_macprop_t"], "pr_valsize").0);
    let image = dld::MacProp { value, ..Default::default() }.encode();
    assert_eq!(image[size..size + 4], 300u32.to_le_bytes());

    names.sort_unstable();
    let mut all: Vec<&str> = structs.keys().map(String::as_str).collect();
    all.sort_unstable();
    assert_eq!(names, all);
}

/// Offset and size of a field.
fn place(measured: &Value, name: &str) -> (usize, usize) {
    let fields = measured["fields"].as_array().unwrap();
    let field = fields.iter().find(|field| field["name"] == name);
    let field = field.unwrap_or_else(|| panic!("no field {name}"));
    (number(&field["offset"]) as usize, number(&field["size"]) as usize)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

/// The number that the library has for a name of a header file.
fn ours(name: &str) -> Option<i64> {
    let table: &[(&str, u32)] = &[
        ("IPTUN_CREATE", iptun::CREATE),
        ("IPTUN_DELETE", iptun::DELETE),
        ("IPTUN_MODIFY", iptun::MODIFY),
        ("IPTUN_INFO", iptun::INFO),
        ("IPTUN_SET_6TO4RELAY", iptun::SET_6TO4RELAY),
        ("IPTUN_GET_6TO4RELAY", iptun::GET_6TO4RELAY),
        ("IPTUN_TYPE_IPV4", TunnelType::Ipv4.number()),
        ("IPTUN_TYPE_IPV6", TunnelType::Ipv6.number()),
        ("IPTUN_TYPE_6TO4", TunnelType::SixToFour.number()),
        ("DL_IPV4", TunnelType::Ipv4.media()),
        ("DL_IPV6", TunnelType::Ipv6.media()),
        ("DL_6TO4", TunnelType::SixToFour.media()),
        ("MAXLINKNAMELEN", LINK_NAME_MAX as u32 + 1),
        ("MAXLINKATTRVALLEN", ATTR_VALUE as u32),
        ("DATALINK_INVALID_LINKID", LinkId::NONE.0),
        ("MAC_PROP_MTU", dld::PROP_MTU),
        ("MAC_PROP_STATUS", dld::PROP_STATUS),
        ("MAC_PROP_ZONE", dld::PROP_ZONE),
        ("MAC_PROP_IPTUN_HOPLIMIT", dld::PROP_HOPLIMIT),
        ("MAC_PROP_IPTUN_ENCAPLIMIT", dld::PROP_ENCAPLIMIT),
        ("MAC_PROP_PERM_READ", dld::PERM_READ),
        ("MAC_PROP_PERM_WRITE", dld::PERM_WRITE),
        ("DLDIOC_ATTR", dld::ATTR),
        ("DLDIOC_RENAME", dld::RENAME),
        ("DLDIOC_SETMACPROP", dld::SETMACPROP),
        ("DLDIOC_GETMACPROP", dld::GETMACPROP),
        ("DLD_PROP_DEFAULT", dld::PROP_DEFAULT),
        ("DLD_PROP_POSSIBLE", dld::PROP_POSSIBLE),
        ("AF_INET", policy::AF_INET.into()),
        ("AF_INET6", policy::AF_INET6.into()),
        ("DLADM_TYPE_STR", AttrValue::Str(Vec::new()).kind()),
        ("DLADM_TYPE_BOOLEAN", AttrValue::Bool(false).kind()),
        ("DLADM_TYPE_UINT64", AttrValue::U64(0).kind()),
    ];
    if let Some((_, number)) = table.iter().find(|row| row.0 == name) {
        return Some((*number).into());
    }
    if let Some(short) = name.strip_prefix("IPTUN_KPARAM_") {
        return KparamFlags::from_name(short).map(|flag| flag.bits().into());
    }
    if let Some(short) = name.strip_prefix("DATALINK_CLASS_") {
        return LinkClass::from_name(short).map(|class| class.bits().into());
    }
    if let Some(short) = name.strip_prefix("DLMGMT_CMD_") {
        let commands = requests().into_iter().map(|probe| Request::decode(&probe.zero).unwrap());
        return commands
            .filter(|request| request.name() == short)
            .map(|request| request.command().into())
            .next();
    }
    if let Some(short) = name.strip_prefix("DLMGMT_") {
        return LinkFlags::from_name(short).map(|flag| flag.bits().into());
    }
    if let Some(short) = name.strip_prefix("LINK_STATE_") {
        let states = [LinkState::Up, LinkState::Down, LinkState::Unknown];
        let state = states.into_iter().find(|state| state.word().eq_ignore_ascii_case(short))?;
        return Some(state.number().into());
    }
    if name == "DATALINK_ANY_MEDIATYPE" {
        return i64::try_from(ANY_MEDIA).ok();
    }
    (0..=u8::MAX).find(|&number| Errno(number).name() == Some(name)).map(i64::from)
}

#[test]
fn numbers_are_those_of_the_header_files() {
    let layout = layout();
    for (file, names) in layout["constants"].as_object().unwrap() {
        for (name, value) in names.as_object().unwrap() {
            match value.as_str() {
                Some(text) => {
                    let door = DOOR.to_str().unwrap();
                    assert_eq!((name.as_str(), text), ("DLMGMT_DOOR", door));
                }
                None => assert_eq!(ours(name), value.as_i64(), "{file}: {name}"),
            }
        }
    }
}

#[test]
fn the_command_of_a_request_is_its_first_word() {
    for probe in requests() {
        let request = Request::decode(&probe.zero).unwrap();
        assert_eq!(probe.zero[..4], request.command().to_le_bytes(), "{}", probe.name);
    }
}

#[test]
fn statuses_have_the_numbers_and_texts_of_illumos() {
    let layout = layout();
    let known: Vec<(u64, &str)> = layout["dladm_status_text"]
        .as_object()
        .unwrap()
        .values()
        .map(|row| (number(&row[0]), row[1].as_str().unwrap()))
        .collect();
    for status in LinkStatus::ALL {
        let (ours, text) = (u64::from(status.number()), status.to_string());
        assert!(known.contains(&(ours, text.as_str())), "{status:?} = {ours} {text:?}");
    }
}
