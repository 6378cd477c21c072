// SPDX-License-Identifier: MIT OR Apache-2.0

//! The measured layout of `PF_KEY` messages against the images and numbers of the library.
//!
//! Where a field is gets found out by setting it and looking which bytes change.

use illumos_ipsec::model::{Lifetime, SaFlags, SaState, SaType};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{
    AddressExt, AlgDesc, AlgRecord, Combination, Diagnostic, Ext, ExtType, ExtendedCombination,
    Header, IdentityExt, KeyExt, KmProto, LabelExt, Message, MsgType, Proposal, SaExt,
    TCPSIG_MD5_KEY_LEN, VERSION,
};
use illumos_ipsec::wire::policy::{AF_INET, AF_INET6};
use serde_json::Value;

fn layout() -> Value {
    serde_json::from_str(include_str!("../golden/pf_key_layout.json")).unwrap()
}

fn bytes(ext: &Ext) -> Vec<u8> {
    let mut out = Vec::new();
    ext.encode(&mut out);
    out
}

/// A structure: its name, an image with every field zero, and images with one field full of
/// ones.
struct Probe {
    name: &'static str,
    zero: Vec<u8>,
    fields: Vec<(&'static str, Vec<u8>)>,
    /// Bytes before the structure.
    skip: usize,
}

/// The name of a field, and how it is filled with ones.
type Field<'a, T> = (&'static str, &'a dyn Fn(&mut T));

fn probe<T: Clone>(
    name: &'static str,
    zero: &T,
    encode: impl Fn(T) -> Vec<u8>,
    fields: &[Field<'_, T>],
) -> Probe {
    let set = |(field, change): &Field<'_, T>| {
        let mut value = zero.clone();
        change(&mut value);
        (*field, encode(value))
    };
    let fields = fields.iter().map(set).collect();
    Probe { name, zero: encode(zero.clone()), fields, skip: 0 }
}

const FULL: Lifetime =
    Lifetime { allocations: u32::MAX, bytes: u64::MAX, addtime: u64::MAX, usetime: u64::MAX };

fn messages() -> Vec<Probe> {
    let mut none = Header::request(MsgType(0), SaType(0));
    none.version = 0;
    let header = probe(
        "sadb_msg",
        &none,
        |h| h.bytes().to_vec(),
        &[
            ("sadb_msg_version", &|h| h.version = 0xff),
            ("sadb_msg_type", &|h| h.kind = MsgType(0xff)),
            ("sadb_msg_errno", &|h| h.errno = Errno(0xff)),
            ("sadb_msg_satype", &|h| h.satype = SaType(0xff)),
            ("sadb_msg_len", &|h| h.len = 0xffff),
            ("sadb_x_msg_diagnostic", &|h| h.diagnostic = Diagnostic(0xffff)),
            ("sadb_msg_seq", &|h| h.seq = u32::MAX),
            ("sadb_msg_pid", &|h| h.pid = u32::MAX),
        ],
    );
    let sa = SaExt::find(0, SaFlags::empty());
    let sa = probe(
        "sadb_sa",
        &sa,
        |sa| bytes(&Ext::Sa(sa)),
        &[
            ("sadb_sa_spi", &|sa| sa.spi = u32::MAX),
            ("sadb_sa_replay", &|sa| sa.replay = 0xff),
            ("sadb_sa_state", &|sa| sa.state = SaState(0xff)),
            ("sadb_sa_auth", &|sa| sa.auth = 0xff),
            ("sadb_sa_encrypt", &|sa| sa.encr = 0xff),
            ("sadb_sa_flags", &|sa| sa.flags = SaFlags::all()),
        ],
    );
    let life = |life| bytes(&Ext::Lifetime(ExtType::LIFETIME_HARD, life));
    let lifetime = probe(
        "sadb_lifetime",
        &Lifetime::default(),
        life,
        &[
            ("sadb_lifetime_allocations", &|one| one.allocations = u32::MAX),
            ("sadb_lifetime_bytes", &|one| one.bytes = u64::MAX),
            ("sadb_lifetime_addtime", &|one| one.addtime = u64::MAX),
            ("sadb_lifetime_usetime", &|one| one.usetime = u64::MAX),
        ],
    );
    let address = AddressExt { proto: 0, prefixlen: 0, reserved: 0, sockaddr: Vec::new() };
    let address = probe(
        "sadb_address",
        &address,
        |a| bytes(&Ext::Address(ExtType::ADDRESS_SRC, a)),
        &[
            ("sadb_address_proto", &|one| one.proto = 0xff),
            ("sadb_address_prefixlen", &|one| one.prefixlen = 0xff),
            ("sadb_address_reserved", &|one| one.reserved = 0xffff),
        ],
    );
    let key = KeyExt::new(0, 0, Vec::new().into());
    let key = probe(
        "sadb_key",
        &key,
        |k| bytes(&Ext::Key(ExtType::KEY_AUTH, k)),
        &[
            ("sadb_key_bits", &|one| one.bits = 0xffff),
            ("sadb_key_reserved", &|one| one.reserved = 0xffff),
        ],
    );
    let identity = IdentityExt { kind: 0, reserved: 0, id: 0, field: Vec::new() };
    let identity = probe(
        "sadb_ident",
        &identity,
        |i| bytes(&Ext::Identity(ExtType::IDENTITY_SRC, i)),
        &[
            ("sadb_ident_type", &|one| one.kind = 0xffff),
            ("sadb_ident_reserved", &|one| one.reserved = 0xffff),
            ("sadb_ident_id", &|one| one.id = u64::MAX),
        ],
    );
    let label = LabelExt { dpd: 0, sens: (0, 0), integ: (0, 0), flags: 0, bitmap: Vec::new() };
    let label = probe(
        "sadb_sens",
        &label,
        |l| bytes(&Ext::Label(ExtType::SENSITIVITY, l)),
        &[
            ("sadb_sens_dpd", &|one| one.dpd = u32::MAX),
            ("sadb_sens_sens_level", &|one| one.sens.0 = 0xff),
            ("sadb_sens_sens_len", &|one| one.sens.1 = 0xff),
            ("sadb_sens_integ_level", &|one| one.integ.0 = 0xff),
            ("sadb_sens_integ_len", &|one| one.integ.1 = 0xff),
            ("sadb_x_sens_flags", &|one| one.flags = u32::MAX),
        ],
    );
    vec![header, sa, lifetime, address, key, identity, label]
}

fn small() -> Vec<Probe> {
    let ext = |name, zero: Ext, fields: Vec<(&'static str, Ext)>| Probe {
        name,
        zero: bytes(&zero),
        fields: fields.iter().map(|(field, ext)| (*field, bytes(ext))).collect(),
        skip: 0,
    };
    let range = |min, max, reserved| Ext::SpiRange { min, max, reserved };
    let cookie = |proto, cookie| Ext::KmCookie { proto: KmProto(proto), cookie };
    let replay = |value32, value64| Ext::ReplayValue { value32, value64 };
    let edump = |reserved, timeout| Ext::Edump { reserved, timeout };
    let alg = |reserved| Ext::Supported { kind: ExtType::SUPPORTED_AUTH, reserved, algs: vec![] };
    vec![
        ext(
            "sadb_spirange",
            range(0, 0, 0),
            vec![
                ("sadb_spirange_min", range(u32::MAX, 0, 0)),
                ("sadb_spirange_max", range(0, u32::MAX, 0)),
                ("sadb_spirange_reserved", range(0, 0, u32::MAX)),
            ],
        ),
        ext(
            "sadb_x_kmc",
            cookie(0, 0),
            vec![
                ("sadb_x_kmc_proto", cookie(u32::MAX, 0)),
                ("sadb_x_kmc_cookie64", cookie(0, u64::MAX)),
            ],
        ),
        ext("sadb_x_pair", Ext::Pair(0), vec![("sadb_x_pair_spi", Ext::Pair(u32::MAX))]),
        ext(
            "sadb_x_replay_ctr",
            replay(0, 0),
            vec![
                ("sadb_x_rc_replay32", replay(u32::MAX, 0)),
                ("sadb_x_rc_replay64", replay(0, u64::MAX)),
            ],
        ),
        ext(
            "sadb_x_edump",
            edump(0, 0),
            vec![
                ("sadb_x_edump_reserved", edump(u32::MAX, 0)),
                ("sadb_x_edump_timeout", edump(0, u64::MAX)),
            ],
        ),
        ext(
            "sadb_x_ereg",
            Ext::Ereg(vec![0; 4]),
            vec![("sadb_x_ereg_satypes", Ext::Ereg(vec![0xff; 4]))],
        ),
        ext("sadb_supported", alg(0), vec![("sadb_supported_reserved", alg(u32::MAX))]),
    ]
}

fn offers() -> Vec<Probe> {
    let record = AlgRecord { id: 0, ivlen: 0, minbits: 0, maxbits: 0, increment: 0, saltbits: 0 };
    let in_list = |alg| {
        bytes(&Ext::Supported { kind: ExtType::SUPPORTED_AUTH, reserved: 0, algs: vec![alg] })
    };
    let mut record = probe(
        "sadb_alg",
        &record,
        in_list,
        &[
            ("sadb_alg_id", &|one| one.id = 0xff),
            ("sadb_alg_ivlen", &|one| one.ivlen = 0xff),
            ("sadb_alg_minbits", &|one| one.minbits = 0xffff),
            ("sadb_alg_maxbits", &|one| one.maxbits = 0xffff),
            ("sadb_x_alg_increment", &|one| one.increment = 0xff),
            ("sadb_x_alg_saltbits", &|one| one.saltbits = 0xff),
        ],
    );
    let comb = Combination {
        auth: 0,
        encr: 0,
        flags: 0,
        auth_bits: (0, 0),
        encr_bits: (0, 0),
        encr_saltbits: 0,
        reserved: (0, 0),
        soft: Lifetime::default(),
        hard: Lifetime::default(),
    };
    let in_proposal = |comb| {
        bytes(&Ext::Proposal(Proposal { replay: 0, reserved: [0; 3], combinations: vec![comb] }))
    };
    let mut comb = probe(
        "sadb_comb",
        &comb,
        in_proposal,
        &[
            ("sadb_comb_auth", &|one| one.auth = 0xff),
            ("sadb_comb_encrypt", &|one| one.encr = 0xff),
            ("sadb_comb_flags", &|one| one.flags = 0xffff),
            ("sadb_comb_auth_minbits", &|one| one.auth_bits.0 = 0xffff),
            ("sadb_comb_auth_maxbits", &|one| one.auth_bits.1 = 0xffff),
            ("sadb_comb_encrypt_minbits", &|one| one.encr_bits.0 = 0xffff),
            ("sadb_comb_encrypt_maxbits", &|one| one.encr_bits.1 = 0xffff),
            ("sadb_x_comb_encrypt_saltbits", &|one| one.encr_saltbits = 0xff),
            ("sadb_x_comb_reserved", &|one| one.reserved.0 = 0xff),
            ("sadb_comb_reserved", &|one| one.reserved.1 = 0xffff),
            ("sadb_comb_soft_allocations", &|one| one.soft.allocations = FULL.allocations),
            ("sadb_comb_hard_allocations", &|one| one.hard.allocations = FULL.allocations),
            ("sadb_comb_soft_bytes", &|one| one.soft.bytes = FULL.bytes),
            ("sadb_comb_hard_bytes", &|one| one.hard.bytes = FULL.bytes),
            ("sadb_comb_soft_addtime", &|one| one.soft.addtime = FULL.addtime),
            ("sadb_comb_hard_addtime", &|one| one.hard.addtime = FULL.addtime),
            ("sadb_comb_soft_usetime", &|one| one.soft.usetime = FULL.usetime),
            ("sadb_comb_hard_usetime", &|one| one.hard.usetime = FULL.usetime),
        ],
    );
    let ecomb = ExtendedCombination {
        reserved: (0, 0),
        flags: 0,
        soft: Lifetime::default(),
        hard: Lifetime::default(),
        algs: Vec::new(),
    };
    let in_eprop = |comb| {
        bytes(&Ext::ExtendedProposal(Proposal {
            replay: 0,
            reserved: [0; 3],
            combinations: vec![comb],
        }))
    };
    let mut ecomb = probe(
        "sadb_x_ecomb",
        &ecomb,
        in_eprop,
        &[
            ("sadb_x_ecomb_reserved", &|one| one.reserved.0 = 0xff),
            ("sadb_x_ecomb_flags", &|one| one.flags = 0xffff),
            ("sadb_x_ecomb_reserved2", &|one| one.reserved.1 = u32::MAX),
            ("sadb_x_ecomb_soft_allocations", &|one| one.soft.allocations = FULL.allocations),
            ("sadb_x_ecomb_hard_allocations", &|one| one.hard.allocations = FULL.allocations),
            ("sadb_x_ecomb_soft_bytes", &|one| one.soft.bytes = FULL.bytes),
            ("sadb_x_ecomb_hard_bytes", &|one| one.hard.bytes = FULL.bytes),
            ("sadb_x_ecomb_soft_addtime", &|one| one.soft.addtime = FULL.addtime),
            ("sadb_x_ecomb_hard_addtime", &|one| one.hard.addtime = FULL.addtime),
            ("sadb_x_ecomb_soft_usetime", &|one| one.soft.usetime = FULL.usetime),
            ("sadb_x_ecomb_hard_usetime", &|one| one.hard.usetime = FULL.usetime),
        ],
    );
    let desc =
        AlgDesc { satype: SaType(0), algtype: 0, alg: 0, saltbits: 0, minbits: 0, maxbits: 0 };
    let in_comb = |alg| {
        let comb = ExtendedCombination {
            reserved: (0, 0),
            flags: 0,
            soft: Lifetime::default(),
            hard: Lifetime::default(),
            algs: vec![alg],
        };
        bytes(&Ext::ExtendedProposal(Proposal {
            replay: 0,
            reserved: [0; 3],
            combinations: vec![comb],
        }))
    };
    let mut desc = probe(
        "sadb_x_algdesc",
        &desc,
        in_comb,
        &[
            ("sadb_x_algdesc_satype", &|one| one.satype = SaType(0xff)),
            ("sadb_x_algdesc_algtype", &|one| one.algtype = 0xff),
            ("sadb_x_algdesc_alg", &|one| one.alg = 0xff),
            ("sadb_x_algdesc_saltbits", &|one| one.saltbits = 0xff),
            ("sadb_x_algdesc_minbits", &|one| one.minbits = 0xffff),
            ("sadb_x_algdesc_maxbits", &|one| one.maxbits = 0xffff),
        ],
    );
    (record.skip, comb.skip, ecomb.skip, desc.skip) = (8, 8, 8, 8 + 64);
    vec![record, comb, ecomb, desc]
}

#[test]
fn fields_are_where_a_compiler_puts_them() {
    let layout = layout();
    for probe in messages().into_iter().chain(small()).chain(offers()) {
        let structure = &layout["structs"][probe.name];
        let size = structure["size_bytes"].as_u64().unwrap() as usize;
        assert_eq!(probe.zero.len() - probe.skip, size, "{}", probe.name);
        for (field, image) in &probe.fields {
            let measured = structure["fields"].as_array().unwrap();
            let has = |entry: &&Value| {
                entry["names"].as_array().unwrap().iter().any(|name| name == field)
            };
            let place = measured.iter().find(has).unwrap_or_else(|| panic!("no {field}"));
            let at = place["offset"].as_u64().unwrap() as usize + probe.skip;
            let len = place["size"].as_u64().unwrap() as usize;
            let changed: Vec<usize> =
                (0..image.len()).filter(|byte| image[*byte] != probe.zero[*byte]).collect();
            assert_eq!(changed, (at..at + len).collect::<Vec<_>>(), "{field}");
        }
    }
}

#[test]
fn numbers_are_those_of_the_header_file() {
    let layout = layout();
    let mut seen = 0;
    for (name, value) in layout["constants"].as_object().unwrap() {
        let value = value.as_i64().unwrap();
        let number = value as u16;
        let ours = if let Some(rest) = name.strip_prefix("SADB_X_DIAGNOSTIC_") {
            // One that is never sent, two names of the same, and the last one.
            match rest {
                "PRESET" | "MAX" => continue,
                "BAD_PROXY_AF" => Some("BAD_INNER_SRC_AF") == Diagnostic(number).name(),
                rest => Some(rest) == Diagnostic(number).name(),
            }
        } else if let Some(rest) = name.strip_prefix("SADB_X_EXT_").map(|rest| format!("X_{rest}"))
        {
            Some(rest.as_str()) == ExtType(number).name()
        } else if let Some(rest) = name.strip_prefix("SADB_EXT_") {
            match rest {
                "RESERVED" => ExtType(0).name().is_none(),
                "MAX" => ExtType::MAX == number,
                "ADDRESS_PROXY" => ExtType(number) == ExtType::X_ADDRESS_INNER_SRC,
                rest => Some(rest) == ExtType(number).name(),
            }
        } else if let Some(rest) = name.strip_prefix("SADB_X_KMP_") {
            if rest == "MAX" { continue } else { Some(rest) == KmProto(value as u32).name() }
        } else {
            match name.as_str() {
                "PF_KEY_V2" => value == i64::from(VERSION),
                "TCPSIG_MD5_KEY_LEN" => value == TCPSIG_MD5_KEY_LEN as i64,
                "SADB_MAX" => value == i64::from(MsgType::MAX),
                "SADB_SAFLAGS_PFS" => value == i64::from(SaFlags::PFS.bits()),
                "SADB_SAFLAGS_NOREPLAY" => value == i64::from(SaFlags::NOREPLAY.bits()),
                "SADB_SASTATE_LARVAL" => value == i64::from(SaState::LARVAL.0),
                "SADB_SASTATE_MATURE" => value == i64::from(SaState::MATURE.0),
                "SADB_SASTATE_DYING" => value == i64::from(SaState::DYING.0),
                "SADB_SASTATE_DEAD" => value == i64::from(SaState::DEAD.0),
                "SADB_X_SASTATE_ACTIVE_ELSEWHERE" => {
                    value == i64::from(SaState::ACTIVE_ELSEWHERE.0)
                }
                "SADB_X_SASTATE_IDLE" => value == i64::from(SaState::IDLE.0),
                "SADB_X_SASTATE_ACTIVE" => value == i64::from(SaState::ACTIVE.0),
                "SADB_SATYPE_UNSPEC" => value == i64::from(SaType::UNSPEC.0),
                "SADB_SATYPE_AH" => value == i64::from(SaType::AH.0),
                "SADB_SATYPE_ESP" => value == i64::from(SaType::ESP.0),
                "SADB_X_SATYPE_TCPSIG" => value == i64::from(SaType::TCPSIG.0),
                name => match name.strip_prefix("SADB_X_SAFLAGS_") {
                    Some(rest) => {
                        // The kernel's own are not for programs.
                        let known = SaFlags::all().iter_names().find(|(flag, _)| *flag == rest);
                        match known {
                            Some((_, flag)) => i64::from(flag.bits()) == value,
                            None => rest.starts_with("KRES"),
                        }
                    }
                    None => match name.strip_prefix("SADB_") {
                        Some(rest) if MsgType(value as u8).name() == Some(rest) => true,
                        // Numbers of algorithms, identities and the like have no names here.
                        _ => continue,
                    },
                },
            }
        };
        assert!(ours, "{name} is {value}");
        seen += 1;
    }
    assert!(seen > 150, "only {seen} were compared");
    assert_eq!(layout["related"]["AF_INET"].as_u64(), Some(AF_INET.into()));
    assert_eq!(layout["related"]["AF_INET6"].as_u64(), Some(AF_INET6.into()));
    // An address fills its extension.
    let v4 = Ext::Address(ExtType::ADDRESS_SRC, AddressExt::new([10, 1, 1, 1].into(), 0, 0));
    assert_eq!(Message::request(MsgType::GET, SaType::ESP).with(v4).encode().len(), 16 + 24);
}
