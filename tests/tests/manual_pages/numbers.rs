// SPDX-License-Identifier: MIT OR Apache-2.0

//! Numbers, layouts and bytes of the pages about protocols, against the protocols.

use std::collections::BTreeMap;
use std::fs;

use illumos_ipsec::sys::System;
use illumos_ipsec::wire::policy::MsgType;
use ipsec_usermode::KernelKind;
use serde_json::Value;
use system_tests::in_repository;
use system_tests::lab::Lab;
use system_tests::pages::{page, read};

use super::client::{client, compiles};
use super::examples;

fn layout() -> Value {
    serde_json::from_str(include_str!("../../golden/pf_policy_layout.json")).expect("JSON")
}

fn numbers<'a>(layout: &'a Value, group: &str) -> impl Iterator<Item = (&'a str, u64)> {
    let group = layout["defines"][group].as_object().expect("a group");
    group.iter().map(|(name, number)| (name.as_str(), number.as_u64().expect("a number")))
}

#[test]
fn the_page_has_the_numbers_of_the_protocol() {
    let (layout, page) = (layout(), page("pf_policy.4p"));
    let has = |line: &str| assert!(page.lines().any(|l| l.starts_with(line)), "no {line:?}");
    for (name, number) in numbers(&layout, "diagnostics") {
        has(&format!(".It {number} Ta Dv {} Ta ", name.trim_start_matches("SPD_DIAGNOSTIC_")));
    }
    let header = read("kernel/illumos/uts/common/net/ipsec_namespace.h");
    let mut own = 0;
    for line in header.lines().filter_map(|l| l.strip_prefix("#define\tIPSEC_NAMESPACE_DIAG_")) {
        let (name, number) = line.split_once(char::is_whitespace).expect("a number");
        has(&format!(".It {} Ta Dv {name} Ta ", number.trim()));
        own += 1;
    }
    assert_eq!(own, 4);
    for (name, number) in numbers(&layout, "message_types") {
        if !["SPD_RESERVED", "SPD_MIN", "SPD_MAX"].contains(&name) {
            has(&format!(".It Dv {name} No ({number})"));
        }
    }
    for (name, number) in numbers(&layout, "extension_types") {
        let entry = format!("Dv {name} No ({number})");
        assert!(name == "SPD_EXT_MAX" || page.contains(&entry), "no {entry:?}");
    }
    for (name, tag) in numbers(&layout, "attribute_tags") {
        // Tags of a reply to ALGLIST are shown by number.
        let shown = if tag < 0x100 { tag.to_string() } else { format!("{tag:#x}") };
        let row = [".It ", " Ta "].iter().any(|begin| {
            page.lines().any(|l| l.contains(&format!("{begin}{shown} Ta Dv {name} Ta")))
        });
        let by_number = page.lines().any(|l| l.contains(" key, bits Ta ") || l.contains("step, "))
            && page.contains(&format!(" Ta {shown}"));
        let in_text = page.contains(&format!(".Dv {name}\n({shown}"));
        assert!(row || by_number || in_text, "{name} is not {shown}");
    }
}

/// The header that the example has outside of illumos against measurements.
#[test]
fn the_compatibility_header_is_that_of_illumos() {
    let layout = layout();
    let header = read("docs/examples/compat/pf_policy_compat.h");
    let known: BTreeMap<&str, u64> = layout["defines"]
        .as_object()
        .expect("groups")
        .keys()
        .flat_map(|group| numbers(&layout, group))
        .collect();
    let mut checked = 0;
    for line in header.lines().filter_map(|line| line.strip_prefix("#define\t")) {
        let Some((name, number)) = line.split_once(char::is_whitespace) else { continue };
        let number = number.trim();
        let number = number.strip_prefix("0x").map_or_else(
            || number.parse().expect("a number"),
            |digits| u64::from_str_radix(digits, 16).expect("a number"),
        );
        assert_eq!(known.get(name), Some(&number), "{name}");
        checked += 1;
    }
    assert!(checked >= 30, "{checked}");
    // Sizes and offsets, as the compiler sees them.
    let mut text = String::from("#include <stddef.h>\n#include \"pf_policy_compat.h\"\n");
    let mut assert_c = |what: String| {
        let n = text.lines().count();
        text.push_str(&format!("typedef char a{n}[({what}) ? 1 : -1];\n"));
    };
    for (name, measured) in layout["structs"].as_object().expect("structures") {
        if ["spd_if_t", "spd_ruleset_ext_t"].contains(&name.as_str()) {
            assert!(!header.contains(name), "{name} has to be checked, too");
            continue;
        }
        assert_c(format!("sizeof ({name}) == {}", measured["size"]));
        for field in measured["fields"].as_array().expect("fields") {
            let member = field["name"].as_str().expect("a name");
            let size = &field["size"];
            assert_c(format!("offsetof({name}, {member}) == {}", field["offset"]));
            assert_c(format!("sizeof ((({name} *)0)->{member}) == {size}"));
        }
    }
    text.push_str("int main(void) { return (lab_socket() + *lab_file(\"\")); }\n");
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("layout.c"), text).expect("a file");
    let include = in_repository("docs/examples/compat");
    compiles(&["-c", "-I", &include.to_string_lossy(), "layout.c"], dir.path());
}

/// The bytes at the beginning of each line.
fn bytes(block: &str) -> Vec<u8> {
    let is_byte = |word: &&str| word.len() == 2 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let words = block.lines().flat_map(|line| line.split_whitespace().take_while(is_byte));
    words.map(|word| u8::from_str_radix(word, 16).expect("a byte")).collect()
}

#[test]
#[cfg(target_endian = "little")]
fn messages_of_the_examples_are_those_that_are_sent() {
    let lab = Lab::new();
    let add = |args: &[&str]| -> Vec<u8> {
        lab.forget();
        let _ = client(&lab, args).exits(0);
        let seen = lab.seen();
        let add = seen.iter().find(|seen| seen.kind() == MsgType::ADDRULE).expect("ADDRULE");
        let mut bytes = add.bytes.clone();
        // Sequence, process and priority are those of the page.
        bytes[8..16].copy_from_slice(&[7, 0, 0, 0, 0, 0, 0, 0]);
        bytes[20..24].copy_from_slice(&0x0090_0000_u32.to_le_bytes());
        bytes
    };
    let blocks = examples("pf_policy.4p");
    let plain = bytes(&blocks[0]);
    assert_eq!(add(&["pass", "2049"]), plain);
    let _ = lab.ipsecconf(&["-q", "-F"]).exits(0);
    let named = add(&["-N", "svc:/network/vpn:tenant1", "pass", "2049"]);
    let (first, extension) = named.split_at(plain.len());
    assert_eq!((&first[..4], first[4], &first[5..]), (&plain[..4], 0x0f, &plain[5..]));
    assert_eq!(extension, bytes(&blocks[1]));

    // PF_KEY: the extension, and the probe on both kinds of kernel.
    let blocks = examples("pf_key-namespaces.4p");
    assert_eq!(extension, bytes(&blocks[0]));
    let probe = bytes(&blocks[1]);
    for kind in [KernelKind::Modified, KernelKind::Unmodified] {
        let lab = Lab::with(kind, &[]);
        let mut socket = System::lab(lab.path()).open_key().expect("a socket");
        socket.send(&probe).expect("it is sent");
        let answer = socket.receive().expect("an answer");
        let refusal = [2, 0x0b, 22, 0, 2, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        let expected = if kind == KernelKind::Modified { &probe[..] } else { &refusal };
        assert_eq!(answer, expected, "{kind:?}");
    }
}
