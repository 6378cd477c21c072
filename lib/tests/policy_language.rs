// SPDX-License-Identifier: MIT OR Apache-2.0

//! The policy language by example: what texts mean, and what is wrong with others.

mod policy_support;

use illumos_ipsec::model::{Direction, TunnelName};
use illumos_ipsec::policy::{
    MAX_RULE_LEN, PolicyRule, Severity, SourceText, base_priority, objections, print_rule,
};
use illumos_ipsec::wire::policy::{
    Attr, AttrTag, DecodedAlternative, Diagnostic, DumpItem, Message, decode_record, describe,
};

use policy_support::{TestNames, algorithms, load, source};

/// The requests of a text without errors, as text without the header.
fn requests(text: &str) -> Vec<String> {
    let (_, rules, problems) = load(&[source(text)]);
    let errors: Vec<_> = problems.iter().filter(|p| p.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{text}\n{errors:?}");
    encode(&rules)
        .iter()
        .map(|bytes| describe(bytes).split_once(" | RULE ").unwrap().1.replace("index=0 | ", ""))
        .collect()
}

fn encode(rules: &[PolicyRule]) -> Vec<Vec<u8>> {
    let mut sent = Vec::new();
    for rule in rules {
        for n in 0..rule.requests() {
            let k = sent.len();
            let base = base_priority(k).unwrap();
            sent.push(rule.message(n, base, k as u32 + 1, 0, rule.direction).encode());
        }
    }
    sent
}

const SHA1: &str = "ACTION count=1 [EMPTY=0 TYPE=3 FLAGS=1 AH_AUTH=3 AH_MINBITS=160 END=0]";
const PASS: &str = "ACTION count=1 [EMPTY=0 TYPE=2 END=0]";
const DROP: &str = "ACTION count=1 [EMPTY=0 TYPE=1 END=0]";

#[test]
fn patterns_become_selectors() {
    let sha1 = "ipsec { auth_algs sha1 }";
    for (pattern, action, expected) in [
        ("", sha1, vec![format!("priority=0x002fffff flags=0x3 {SHA1}")]),
        (
            "raddr 10.1/16 dir out",
            sha1,
            vec![format!("priority=0x002fffff flags=0x2 REMADDR 10.0.0.1/16 | {SHA1}")],
        ),
        (
            "laddr six/64 rport https ulp tcp dir inbound",
            sha1,
            vec![format!(
                "priority=0x002fffff flags=0x1 PROTO 6 | REMPORT 443 | LCLADDR 2001:db8::10/64 | {SHA1}"
            )],
        ),
        (
            "raddr ::ffff:192.0.2.9",
            sha1,
            vec![format!("priority=0x002fffff flags=0x3 REMADDR 192.0.2.9/32 | {SHA1}")],
        ),
        (
            "raddr lab-net/16",
            sha1,
            vec![format!("priority=0x002fffff flags=0x3 REMADDR 10.7.0.0/16 | {SHA1}")],
        ),
        (
            "laddr multi raddr dual",
            sha1,
            vec![
                format!(
                    "priority=0x002fffff flags=0x3 LCLADDR 192.0.2.31/32 | REMADDR 192.0.2.33/32 | {SHA1}"
                ),
                format!(
                    "priority=0x002ffffe flags=0x3 LCLADDR 192.0.2.32/32 | REMADDR 192.0.2.33/32 | {SHA1}"
                ),
            ],
        ),
        (
            "laddr ::/0 raddr 192.0.2.1",
            sha1,
            vec![format!(
                "priority=0x002fffff flags=0x3 LCLADDR 0.0.0.0/0 | REMADDR 192.0.2.1/32 | {SHA1}"
            )],
        ),
        (
            "ulp icmp type 010-0x10 code 4-1",
            "pass {}",
            vec![format!(
                "priority=0x008fffff flags=0x3 PROTO 1 | ICMP_TYPECODE type=8-16 code=4-4 | {PASS}"
            )],
        ),
        (
            "type neigh-sol6 ulp ipv6-icmp code 255",
            "pass {}",
            vec![format!(
                "priority=0x008fffff flags=0x3 PROTO 58 | ICMP_TYPECODE type=135-135 code=255-255 | {PASS}"
            )],
        ),
        (
            "rport 0 rport 81 ulp 0 proto 17",
            "drop {}",
            vec![format!("priority=0x000fffff flags=0x3 PROTO 17 | REMPORT 81 | {DROP}")],
        ),
        (
            "tunnel t0 negotiate transportation",
            sha1,
            vec![format!("priority=0x002fffff flags=0x3 TUN_NAME \"t0\" | {SHA1}")],
        ),
        (
            "negotiate tunnel tunnel vpn-number-9 dir in dir out",
            sha1,
            vec![format!("priority=0x002fffff flags=0x6 TUN_NAME \"vpn-number-9\" | {SHA1}")],
        ),
    ] {
        assert_eq!(requests(&format!("{{ {pattern} }} {action}\n")), expected, "{pattern}");
    }
}

#[test]
fn the_old_style_may_exchange_the_ends() {
    let ends = "saddr 10.1.0.0 smask 255.255.0.0 dport 53";
    let straight = "REMPORT 53 | LCLADDR 10.1.0.0/16";
    let swapped = "LCLPORT 53 | REMADDR 10.1.0.0/16";
    for (pattern, action, flags, expected) in [
        ("", "apply { auth_algs sha1 }", 2, straight),
        ("dir in", "apply { auth_algs sha1 }", 2, straight),
        ("", "permit { auth_algs sha1 }", 1, swapped),
        ("", "permit { auth_algs sha1 dir in }", 1, swapped),
        ("dir in", "ipsec { auth_algs sha1 }", 1, swapped),
        ("dir out", "ipsec { auth_algs sha1 }", 2, straight),
        ("", "bypass { dir in }", 1, swapped),
        ("dir in", "pass { }", 1, swapped),
        ("", "drop { dir out }", 2, straight),
        ("", "drop { }", 3, straight),
    ] {
        let sent = requests(&format!("{{ {ends} {pattern} }} {action}"));
        let expected = format!("flags={flags:#x} {expected} | ");
        assert!(sent[0].contains(&expected), "{pattern} {action}: {sent:?}");
    }
}

#[test]
fn properties_become_alternatives() {
    for (action, level, expected) in [
        (
            "ipsec { encr_algs AES encr_auth_algs Hmac-SHA256 }",
            "0x004fffff",
            "FLAGS=66 ESP_ENCR=12 ENCR_MINBITS=128 ESP_AUTH=5 ESPA_MINBITS=256",
        ),
        (
            "ipsec { auth_algs md5 encr_algs 12(192..) encr_auth_algs 3 sa unique sa shared }",
            "0x006fffff",
            "FLAGS=83 ESP_ENCR=12 ENCR_MINBITS=192 ESP_AUTH=3 ESPA_MINBITS=160 AH_AUTH=2 AH_MINBITS=128",
        ),
        (
            "ipsec { encr_auth_algs sha1 encr_algs none }",
            "0x004fffff",
            "FLAGS=66 ESP_ENCR=11 ENCR_MAXBITS=0 ESP_AUTH=3 ESPA_MINBITS=160",
        ),
        (
            "ipsec { encr_auth_algs sha1 encr_algs null }",
            "0x004fffff",
            "FLAGS=66 ESP_ENCR=11 ESP_AUTH=3 ESPA_MINBITS=160",
        ),
        (
            "ipsec { encr_algs aes-gcm(..192) auth_algs none }",
            "0x004fffff",
            "FLAGS=2 ESP_ENCR=20 ENCR_MINBITS=128 ENCR_MAXBITS=192",
        ),
        // The proposal's own example: both are sent.
        (
            "ipsec { encr_algs aes-gcm encr_auth_algs sha256 }",
            "0x004fffff",
            "FLAGS=66 ESP_ENCR=20 ENCR_MINBITS=128 ESP_AUTH=5 ESPA_MINBITS=256",
        ),
        (
            "ipsec { auth_algs any(..200) } or pass { }",
            "0x00afffff",
            "FLAGS=1 AH_AUTH=3 AH_MINBITS=160 AH_MAXBITS=200 NEXT=0 EMPTY=0 TYPE=3 FLAGS=1 \
             AH_AUTH=2 AH_MINBITS=128 AH_MAXBITS=200 NEXT=0 EMPTY=0 TYPE=2",
        ),
        // Among any ciphers, the ones that authenticate go without; the flag stays.
        (
            "ipsec { encr_algs any(150..) encr_auth_algs any(256) }",
            "0x004fffff",
            "FLAGS=66 ESP_ENCR=3 ENCR_MINBITS=150 ESP_AUTH=5 ESPA_MINBITS=256 ESPA_MAXBITS=256 \
             NEXT=0 EMPTY=0 TYPE=3 FLAGS=66 ESP_ENCR=12 ENCR_MINBITS=150 ESP_AUTH=5 ESPA_MINBITS=256 \
             ESPA_MAXBITS=256 NEXT=0 EMPTY=0 TYPE=3 FLAGS=66 ESP_ENCR=20 ENCR_MINBITS=150",
        ),
        // A cipher that authenticates changes nothing for the next alternative.
        (
            "ipsec { encr_algs aes-gcm } or ipsec { encr_auth_algs sha1 }",
            "0x004fffff",
            "FLAGS=2 ESP_ENCR=20 ENCR_MINBITS=128 NEXT=0 EMPTY=0 TYPE=3 FLAGS=66 ESP_ENCR=11 \
             ENCR_MAXBITS=0 ESP_AUTH=3 ESPA_MINBITS=160",
        ),
    ] {
        let sent = requests(&format!("{{ }} {action}"));
        let (head, tail) = sent[0].split_once(" [EMPTY=0 TYPE=3 ").unwrap();
        assert!(head.starts_with(&format!("priority={level} ")), "{action}: {head}");
        assert_eq!(tail, format!("{expected} END=0]"), "{action}");
    }
}

#[test]
fn the_bytes_of_a_request() {
    let (_, rules, _) = load(&[source(
        "{ laddr 10.1.1.1 raddr 2.2.2.0/24 lport 22 ulp tcp dir out } ipsec { auth_algs sha1 } or pass {}",
    )]);
    let bytes = rules[0].message(0, 0x000f_fffe, 2, 0, Direction::OUT).encode();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if cfg!(target_endian = "little") {
        assert_eq!(
            hex,
            "01020001150000000200000000000000\
             03000700feffaf0002000000000000000000000000000000\
             0100030006000000010001000016001602000400022000000a01010100000000\
             02000500021800000202020000000000\
             0a000600020000000200000000000000000100000300000001010000010000000201000003000000\
             07010000a0000000030000000000000002000000000000000001000002000000\
             0100000000000000"
        );
    }
}

#[test]
fn rules_and_lines() {
    let one = "{ raddr 10.0.0.1 } ipsec { auth_algs sha1 }";
    for (text, kept) in [
        (format!("{one}\n"), vec![format!("{one}\n")]),
        (one.to_owned(), vec![one.to_owned()]),
        (format!("{one} # end"), vec![format!("{one} ")]),
        (format!("# x\n\n {one}\n#INDEX 3\n{one}"), vec![format!(" {one}\n"), one.to_owned()]),
        (
            "{}ipsec{auth_algs sha1}oripsec{auth_algs md5}".into(),
            vec!["{}ipsec{auth_algs sha1}oripsec{auth_algs md5}".into()],
        ),
        (
            "{ }\n\n or ipsec # a\n{ # b\nauth_algs # c\n sha1 }\n".into(),
            vec!["{ }\n or ipsec { auth_algs  sha1 }\n".into()],
        ),
        ("{ raddr#c\n10.0.0.1#d\n} pass {}\n".into(), vec!["{ raddr\n10.0.0.1} pass {}\n".into()]),
        ("{\r\n} pass {}\r\n".into(), vec!["{\r\n} pass {}\r\n".into()]),
        // A comment right behind a brace lets the rule go on, if the next line does.
        (format!("{one}#c\n\n or pass {{ }}\n"), vec![format!("{one} or pass {{ }}\n")]),
        (format!("{one}#c\n{one}\n"), vec![one.to_owned(), format!("{one}\n")]),
        (format!("{one}#c"), vec![one.to_owned()]),
    ] {
        let (_, rules, problems) = load(&[source(text.clone())]);
        assert!(problems.is_empty(), "{text:?}: {problems:?}");
        let texts: Vec<_> =
            rules.iter().map(|r| String::from_utf8(r.text.to_vec()).unwrap()).collect();
        assert_eq!(texts, kept, "{text:?}");
    }
}

/// Each line of the second column: place, then pieces of message, expected and hint.
#[test]
fn problems_have_a_place_a_reason_and_a_hint() {
    let cases: &[(&str, &[&str])] = &[
        ("{ radr 10.0.0.1 } pass {}", &["1:3|`radr`|did you mean `raddr`?"]),
        ("{ RADDR 10.0.0.1 } pass {}", &["1:3|`RADDR`|letter case matters: `raddr`"]),
        ("{ dest 10.0.0.1 } apply { auth_algs sha1 }", &["1:3|`dest`|did you mean `dst`?"]),
        ("{ raddr=10.0.0.1 } pass {}", &["1:3|put white space"]),
        ("{ raddr lport 80 } pass {}", &["1:3|`raddr` has no value|host name"]),
        ("{ auth_algs sha1 } pass {}", &["1:3|belongs into the braces behind the action"]),
        ("{ } discard { }", &["1:5|`discard` is no action|did you mean `drop`?"]),
        ("{ } IPSEC { auth_algs sha1 }", &["1:5|letter case matters: `ipsec`"]),
        ("{ } ipsec { esp_auth_algs sha1 }", &["1:13|did you mean `encr_auth_algs`?"]),
        ("{ } ipsec { auth_algs hmac-sha25 }", &["1:23|did you mean `hmac-sha256`?"]),
        ("{ } ipsec { auth_algs aes }", &["1:23|no authentication algorithm|`encr_algs`"]),
        ("{ } ipsec { auth_algs 9 }", &["1:23|kernel does not have"]),
        ("{ } ipsec { encr_algs aes(512) }", &["1:23|between 128 and 256 bits"]),
        ("{ } ipsec { encr_algs any(999..1000) }", &["1:23|no algorithm has keys"]),
        ("{ } ipsec { encr_algs () }", &["1:23|name of the algorithm is missing"]),
        ("{ } ipsec { sa shared }", &["1:5|`ipsec` without an algorithm"]),
        ("{ } ipsec { auth_algs sha1 auth_algs md5 }", &["1:28|once more|1:23"]),
        ("{ } pass { auth_algs sha1 }", &["1:22|`pass` cannot have algorithms"]),
        ("{ } ipsec { encr_algs aes }", &["1:23|DANGER"]),
        ("{ rport htpp } pass {}", &["1:9|no service and no port|did you mean `http`?"]),
        ("{ rport 80-90 } pass {}", &["1:9|a rule has one port"]),
        ("{ ulp Tcp } pass {}", &["1:7|letter case matters: `tcp`"]),
        ("{ ulp 300 } pass {}", &["1:7|out of range|0 to 255"]),
        ("{ ulp -5 } pass {}", &["1:7|out of range"]),
        ("{ ulp icmp type ehco } pass {}", &["1:17|did you mean `echo`?"]),
        ("{ ulp icmp type 3 code bogus } pass {}", &["1:24|no ICMP code"]),
        ("{ ulp icmp type } pass {}", &["1:12|`type` has no value"]),
        ("{ ulp icmp code 1 type 3 } pass {}", &["1:12|`code` without a `type`"]),
        ("{ ulp tcp type 8 } pass {}", &["1:11|ignored"]),
        ("{ raddr nowhere } pass {}", &["1:9|`nowhere` is not the name of a host or network"]),
        ("{ raddr 10.0.0.1/33 } pass {}", &["1:9|out of range|0 to 32"]),
        ("{ raddr multi/24 } pass {}", &["1:9|`multi` has 2 addresses"]),
        ("{ raddr 255.255.255.255 } pass {}", &["1:9|neither an IPv4 address"]),
        ("{ laddr 10.0.0.1 raddr ::1 } pass {}", &["1:24|no address family in common"]),
        (
            "{ laddr 10.0.0.1\n  daddr 10.0.0.2 } pass {}",
            &["2:3|`daddr` is old style, but `laddr` at 1:3"],
        ),
        ("{ saddr 10.0.0.1 dir both } ipsec { auth_algs sha1 }", &["1:22|`both` is new style"]),
        ("{ saddr 10.0.0.1 } ipsec { auth_algs sha1 }", &["1:20|needs a direction|`dir in`"]),
        ("{ saddr 10.0.0.1 smask 255.0.255.0 } apply { auth_algs sha1 }", &["1:24|hole"]),
        ("{ saddr ::1 smask 255.0.0.0 } apply { auth_algs sha1 }", &["1:19|IPv6 address at 1:9"]),
        ("{ saddr 10.0.0.1/8 smask 255.0.0.0 } apply { auth_algs sha1 }", &["1:26|prefix length"]),
        ("{ smask 255.0.0.0 } apply { auth_algs sha1 }", &["1:9|ignored without an address"]),
        (
            "{ saddr 10.0.0.1 dir out } ipsec { auth_algs sha1 } or pass { }",
            &["1:56|several actions"],
        ),
        ("{ lport 1 } pass { dir in }", &["1:20|put `dir` into the pattern"]),
        ("{ } apply { auth_algs sha1 dir in }", &["1:32|other direction"]),
        ("{ dir in } pass { dir in }", &["1:19|pattern has one at 1:7"]),
        ("{ tunnel t0 } pass {}", &["1:3|without `negotiate`"]),
        ("{ negotiate tunnel } pass {}", &["1:3|without `tunnel`"]),
        ("{ tunnel t0 negotiate always } pass {}", &["1:23|no tunnel mode"]),
        (
            "{ tunnel a234567890123456789012345678901b negotiate tunnel } pass {}",
            &["1:10|at most 31"],
        ),
        ("{ }\nor pass { }\nor drop { }", &["3:1|`or` begins a line|closing brace before it"]),
        ("{ } pass { } o", &["1:14|did you mean `or`?"]),
        ("{ } pass { } OR drop { }", &["1:14|letter case matters: `or`"]),
        ("{ } pass { } { } drop { }", &["1:14|a line of its own"]),
        ("{ } pass { } \0", &["1:14|\\x00"]),
        ("{ } } pass { }", &["1:5|one closing brace too many"]),
        ("{ raddr 10.0.0.1 ipsec { auth_algs sha1 }", &["1:18|not closed before `ipsec`"]),
        ("{ } ipsec { auth_algs sha1\n{ } pass { }", &["1:11|not closed"]),
        ("{ }\n{ } pass { }", &["1:3|no action follows"]),
        ("{ } pass\n{ lport 1 } drop { }", &["1:5|no properties|`{ }`"]),
        ("{ } ipsec auth_algs sha1", &["1:11|no properties|`{`"]),
        ("\u{feff}{ } pass { }", &["1:1|byte order mark"]),
        ("raddr 10.0.0.1\n\n\u{e9}\n{ } pass { }", &["1:1|does not begin a rule"]),
        // All of them, with their own lines, and nothing twice.
        (
            "{ radr 10.0.0.1 lport bogus } ipsec {\n  auth_algs bad sa private }\n{ } nonsense { }\n\
             { } pass { } junk\nmore junk\n{ } drop { }",
            &[
                "1:3|`radr`",
                "1:23|`bogus`",
                "2:13|`bad`",
                "2:20|`private`",
                "3:5|`nonsense`",
                "4:14|`junk`",
            ],
        ),
    ];
    for (text, expected) in cases {
        let (_, _, problems) = load(&[source(*text)]);
        let shown: Vec<_> = problems
            .iter()
            .map(|problem| format!("{}:{}: {problem}", problem.span.line, problem.span.column))
            .collect();
        assert_eq!(shown.len(), expected.len(), "{text}: {shown:#?}");
        for (shown, expected) in shown.iter().zip(*expected) {
            let mut pieces = expected.split('|');
            let place = pieces.next().unwrap();
            assert!(shown.starts_with(&format!("{place}: ")), "{text}: {shown}, not at {place}");
            for piece in pieces {
                assert!(shown.contains(piece), "{text}: {shown}, without {piece:?}");
            }
        }
    }
}

#[test]
fn good_rules_survive_bad_neighbours() {
    let text = "{ } pass { } junk\nmore { junk\n { lport 1 } pass { }\n{ lport x } drop { }\n{ lport 2 } drop { }";
    let (_, rules, problems) = load(&[source(text)]);
    let ports: Vec<_> = rules.iter().map(|rule| (rule.span.line, rule.src_port)).collect();
    assert_eq!(ports, [(3, Some(1)), (5, Some(2))]);
    assert_eq!(problems.len(), 2);
}

#[test]
fn a_source_may_imply_its_tunnel() {
    let tunnel = Some(TunnelName::new("vpn0").unwrap());
    let with = |text: &str| SourceText { tunnel: tunnel.clone(), ..source(text) };
    let (_, rules, problems) = load(&[
        source("{ } pass { }"),
        with("{ negotiate tunnel } pass { }"),
        with("{ tunnel vpn0 negotiate transport } pass { }"),
        with("{ } pass { }\n{ tunnel vpn1 negotiate tunnel } pass { }"),
    ]);
    let tunnels: Vec<_> = rules
        .iter()
        .map(|rule| rule.tunnel.as_ref().map(|(name, mode)| format!("{name} {mode:?}")))
        .collect();
    assert_eq!(tunnels, [None, Some("vpn0 Tunnel".into()), Some("vpn0 Transport".into())]);
    let places: Vec<_> =
        problems.iter().map(|p| (p.span.source, p.span.line, p.span.column)).collect();
    assert_eq!(places, [(3, 1, 1), (3, 2, 10)]);
}

#[test]
fn there_are_limits_but_wide_ones() {
    // 5000 alternatives, tokens and bytes beyond any line buffer.
    let many = format!("{{ }} pass {{ }}{}\n", " or pass { }".repeat(2000));
    let (_, rules, problems) = load(&[source(many)]);
    assert_eq!((rules.len(), problems.len()), (1, 0));
    assert_eq!(rules[0].action.count, 2001);

    let too_many = format!("{{ }} pass {{ }}{}\n{{ }} pass {{ }}", " or pass { }".repeat(5000));
    let (_, rules, problems) = load(&[source(too_many)]);
    assert_eq!(rules.len(), 1);
    assert!(problems[0].message.contains("do not fit"), "{problems:?}");

    let long = format!("{{ {}\n }} pass {{ }}\n{{ }} pass {{ }}", " ".repeat(MAX_RULE_LEN));
    let (_, rules, problems) = load(&[source(long)]);
    assert_eq!(rules.len(), 1);
    assert!(problems[0].message.contains("longer than"), "{problems:?}");
    assert_eq!(problems.len(), 1);

    let comment = format!("{{ #{}\n }} pass {{ }}", "x".repeat(2 * MAX_RULE_LEN));
    assert_eq!(load(&[source(comment)]).1.len(), 1);
}

#[test]
fn the_kernel_would_refuse() {
    let text = "\
        { tunnel t0 negotiate tunnel } ipsec { auth_algs sha1 }\n\
        { tunnel t0 negotiate transport } ipsec { auth_algs sha1 }\n\
        { tunnel t1 negotiate transport lport 1 } ipsec { auth_algs sha1 }\n\
        { tunnel t2 negotiate tunnel } ipsec { auth_algs sha1 sa unique }\n\
        { } pass { sa unique }\n\
        { } ipsec { auth_algs sha1 sa unique }\n";
    let (_, rules, _) = load(&[source(text)]);
    let found: Vec<_> = objections(&rules).iter().map(|o| (o.rule, o.diagnostic)).collect();
    assert_eq!(
        found,
        [
            (1, Diagnostic::NONE),
            (2, Diagnostic::NO_TUNNEL_SELECTORS),
            (3, Diagnostic::ADD_INCON_FLAGS),
            (4, Diagnostic::ADD_INCON_FLAGS),
        ]
    );
}

/// Sends the rule, reads it as if dumped, prints it.
fn listing(text: &str, numeric: bool, extras: Vec<(usize, Attr)>) -> String {
    let (_, rules, _) = load(&[source(text)]);
    let message = rules[0].message(0, 1, 1, 1, Direction::OUT);
    let sent = Message::decode(&message.encode()).unwrap();
    let Ok(DumpItem::Rule { mut rule, .. }) = decode_record(&sent) else { panic!("{text}") };
    rule.index = 7;
    rule.action = rules[0].alternatives();
    let mut alternatives: Vec<_> = rule
        .action
        .iter()
        .map(|&alternative| DecodedAlternative { alternative, extras: Vec::new() })
        .collect();
    alternatives[0].extras = extras;
    let printed = print_rule(&rule, &alternatives, numeric, &TestNames, &algorithms().0);
    String::from_utf8(printed).unwrap()
}

#[test]
fn listings() {
    for (text, numeric, expected) in [
        (
            "{ tunnel t0 negotiate tunnel } ipsec { encr_algs aes encr_auth_algs sha256 }",
            false,
            "#INDEX t0,7\n{ tunnel t0 negotiate tunnel dir out } ipsec { encr_algs aes-cbc(128..256) \
             encr_auth_algs hmac-sha256(256) sa shared } \n",
        ),
        (
            "{ tunnel t0 negotiate transport } ipsec { encr_auth_algs md5 }",
            false,
            "#INDEX t0,7\n{ tunnel t0 negotiate transport dir out } ipsec { encr_algs null \
             encr_auth_algs hmac-md5(128) sa unique } \n",
        ),
        (
            "{ laddr alpha raddr beta.example.org/24 lport http ulp tcp } pass { }",
            false,
            "#INDEX 7\n{ ulp tcp laddr alpha/32 lport 80 raddr beta.example.org/24 dir out } pass { } \n",
        ),
        (
            "{ laddr alpha rport https ulp tcp } drop { }",
            true,
            "#INDEX 7\n{ ulp 6 laddr 192.0.2.10/32 rport 443 dir out } drop { } \n",
        ),
        (
            "{ ulp icmp type 8-13 code 0 } drop { }",
            true,
            "#INDEX 7\n{ ulp 1 type 8-13 code 0 dir out } drop { } \n",
        ),
        ("{ raddr ::/0 } pass { }", false, "#INDEX 7\n{ raddr ::/0 dir out } pass { } \n"),
        (
            "{ raddr 0.0.0.0/0 } pass { }",
            false,
            "#INDEX 7\n{ raddr 0.0.0.0/0 dir out } pass { } \n",
        ),
        (
            "{ raddr ::192.0.2.9 } pass { }",
            true,
            "#INDEX 7\n{ raddr ::192.0.2.9/128 dir out } pass { } \n",
        ),
        (
            "{ } ipsec { encr_algs aes(192..) auth_algs sha1 } or pass { }",
            true,
            "#INDEX 7\n{ dir out } ipsec { auth_algs hmac-sha1(160) encr_algs aes-cbc(192..256) \
             sa shared } or pass { } \n",
        ),
    ] {
        assert_eq!(listing(text, numeric, Vec::new()), expected, "{text}");
    }
    let replay = vec![(5, Attr::new(AttrTag::REPLAY_DEPTH, 64))];
    assert_eq!(
        listing("{ } ipsec { auth_algs sha1 }", true, replay),
        "#INDEX 7\n{ dir out } \tattr 5: 10F-64\nipsec { auth_algs hmac-sha1(160) sa shared } \n"
    );
}
