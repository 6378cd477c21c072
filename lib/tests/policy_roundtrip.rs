// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the printer writes, the language reads: a rule of a listing loads as the
//! same rule.

mod policy_support;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use illumos_ipsec::model::{
    ActionFlags, ActionKind, AlgChoice, AlgUse, Alternative, Direction, IcmpSelector, Prefix,
    Selector, SpdRule, TunnelMode, TunnelName,
};
use illumos_ipsec::policy::{FIRST_PRIORITY, Severity, print_rule};
use illumos_ipsec::wire::policy::{DecodedAlternative, DumpItem, Message, decode_record};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use policy_support::{TestNames, algorithms, load, source};

fn any_v4() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(Ipv4Addr::from),
        Just(Ipv4Addr::UNSPECIFIED),
        Just(Ipv4Addr::new(192, 0, 2, 10)),
    ]
    // The language has no way to write this one.
    .prop_filter("broadcast", |addr| *addr != Ipv4Addr::BROADCAST)
    .prop_map(IpAddr::from)
}

fn any_v6() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u128>().prop_map(Ipv6Addr::from),
        any::<u32>().prop_map(|low| Ipv6Addr::from(u128::from(low))),
        Just("2001:db8::10".parse().unwrap()),
    ]
    // Such an address is written as the IPv4 address it stands for.
    .prop_filter("mapped", |addr| addr.to_ipv4_mapped().is_none())
    .prop_map(IpAddr::from)
}

/// Two ends of one family.
fn any_ends() -> impl Strategy<Value = (Option<Prefix>, Option<Prefix>)> {
    let v4 = || option::of((any_v4(), 0..=32u8)).prop_map(prefix);
    let v6 = || option::of((any_v6(), 0..=128u8)).prop_map(prefix);
    prop_oneof![(v4(), v4()), (v6(), v6())]
}

fn prefix(parts: Option<(IpAddr, u8)>) -> Option<Prefix> {
    parts.map(|(addr, len)| Prefix::new(addr, len).unwrap())
}

fn any_icmp() -> impl Strategy<Value = IcmpSelector> {
    let range = |max: u8| (0..=max, any::<u8>()).prop_map(|(a, b)| (a, b.max(a)));
    (range(255), option::of(range(254))).prop_map(|((type_min, type_max), code)| IcmpSelector {
        type_min,
        type_max,
        code,
    })
}

fn any_selector() -> impl Strategy<Value = Selector> {
    let proto = option::of(1..=255u8);
    let icmp = option::of((prop_oneof![Just(1u8), Just(58)], any_icmp()));
    let port = || option::of(1..=65535u16);
    (proto, icmp, port(), port(), any_ends()).prop_map(
        |(proto, icmp, local_port, remote_port, (local, remote))| Selector {
            proto: icmp.map(|(proto, _)| proto).or(proto),
            icmp: icmp.map(|(_, icmp)| icmp),
            local_port,
            remote_port,
            local,
            remote,
        },
    )
}

/// An algorithm of the test system with bounds inside its own.
fn any_alg(usage: AlgUse) -> impl Strategy<Value = AlgChoice> {
    let (_, kernel) = algorithms();
    let algs: Vec<_> = kernel.into_iter().filter(|alg| alg.usage == usage).collect();
    (prop::sample::select(algs), any::<u16>(), any::<u16>()).prop_map(|(alg, a, b)| {
        let within = |bits: u16| alg.min + bits % (alg.max - alg.min + 1);
        let (a, b) = (within(a), within(b));
        AlgChoice { id: alg.id, min: a.min(b), max: a.max(b) }
    })
}

fn any_alternative() -> impl Strategy<Value = Alternative> {
    let plain = |kind| Just(Alternative { kind, ..Alternative::empty() });
    let ah = option::of(any_alg(AlgUse::Ah));
    let esp = option::of((any_alg(AlgUse::EspEncr), option::of(any_alg(AlgUse::EspAuth))));
    let ipsec = (ah, esp, any::<bool>()).prop_filter_map("no algorithm", |(ah, esp, unique)| {
        let mut alt = Alternative { kind: ActionKind::Ipsec, ..Alternative::empty() };
        alt.flags.set(ActionFlags::UNIQUE, unique);
        if let Some(ah) = ah {
            alt.ah = ah;
            alt.flags |= ActionFlags::AH;
        }
        if let Some((encr, auth)) = esp {
            alt.encr = encr;
            alt.flags |= ActionFlags::ESP;
            if let Some(auth) = auth {
                alt.esp_auth = auth;
                alt.flags |= ActionFlags::ESP_AUTH;
            }
        }
        (ah.is_some() || esp.is_some()).then_some(alt)
    });
    prop_oneof![1 => plain(ActionKind::Pass), 1 => plain(ActionKind::Drop), 4 => ipsec]
}

fn any_rule() -> impl Strategy<Value = SpdRule> {
    let tunnel = "[a-zA-Z0-9._/-]{1,31}".prop_map(|name| TunnelName::new(name).unwrap());
    let mode = prop_oneof![Just(TunnelMode::Transport), Just(TunnelMode::Tunnel)];
    (
        any::<u64>(),
        prop_oneof![Just(Direction::IN), Just(Direction::OUT)],
        option::of((tunnel, mode)),
        any_selector(),
        vec(any_alternative(), 1..5),
    )
        .prop_map(|(index, direction, tunnel, selector, mut action)| {
            let (tunnel, mode) = match tunnel {
                Some((name, mode)) => (Some(name), mode),
                None => (None, TunnelMode::Transport),
            };
            if tunnel.is_some() && mode == TunnelMode::Transport {
                // The kernel forces this.
                for alt in action.iter_mut().filter(|alt| alt.kind == ActionKind::Ipsec) {
                    alt.flags |= ActionFlags::UNIQUE;
                }
            }
            SpdRule {
                index,
                priority: 0,
                direction,
                tunnel,
                mode,
                selector,
                action,
                namespace: None,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_printed_rule_reads_back(rule in any_rule(), numeric in any::<bool>()) {
        let (algs, _) = algorithms();
        let alternatives: Vec<_> = rule
            .action
            .iter()
            .map(|&alternative| DecodedAlternative { alternative, extras: Vec::new() })
            .collect();
        let text = print_rule(&rule, &alternatives, numeric, &TestNames, &algs);
        let shown = String::from_utf8_lossy(&text).into_owned();

        let (_, rules, problems) = load(&[source(text)]);
        let errors: Vec<_> = problems.iter().filter(|p| p.severity == Severity::Error).collect();
        prop_assert!(errors.is_empty(), "{shown}{errors:?}");
        prop_assert_eq!(rules.len(), 1, "{}", shown);
        let read = &rules[0];
        prop_assert_eq!(read.requests(), 1, "{}", &shown);
        prop_assert_eq!(read.selector(0), rule.selector.clone(), "{}", &shown);
        prop_assert_eq!(read.direction, rule.direction, "{}", &shown);
        let tunnel = rule.tunnel.clone().map(|name| (name, rule.mode));
        prop_assert_eq!(&read.tunnel, &tunnel, "{}", &shown);
        prop_assert_eq!(read.alternatives(), rule.action.clone(), "{}", &shown);

        // And the request says the same to the kernel.
        let sent = read.message(0, FIRST_PRIORITY, 1, 2, read.direction).encode();
        let request = Message::decode(&sent).unwrap();
        let Ok(DumpItem::Rule { rule: asked, .. }) = decode_record(&request) else {
            return Err(TestCaseError::fail("the request describes no rule"));
        };
        prop_assert_eq!(asked.selector, rule.selector, "{}", &shown);
        prop_assert_eq!(asked.tunnel, rule.tunnel, "{}", &shown);
        prop_assert_eq!(asked.direction, rule.direction, "{}", &shown);
    }

    #[test]
    fn any_bytes_are_read_without_panic(text in vec(any::<u8>(), 0..400)) {
        let _ = load(&[source(text)]);
    }

    #[test]
    fn any_words_are_read_without_panic(words in vec(any_word(), 0..40)) {
        let text = words.concat();
        // A comment right behind a brace may glue an action to it in the view.
        prop_assume!(!text.contains("}#"));
        let (parsed, _, problems) = load(&[source(text)]);
        for problem in &problems {
            prop_assert!(problem.span.start <= problem.span.end);
        }
        // The text kept for the view reads as the same rule.
        for rule in parsed.rules.iter().filter(|rule| !rule.broken) {
            let (again, _, _) = load(&[source(rule.text.to_vec())]);
            let shown = String::from_utf8_lossy(&rule.text).into_owned();
            prop_assert_eq!(again.rules.len(), 1, "{}{:?}", shown, again.problems);
        }
    }
}

/// Pieces of policies, to get deeper than random bytes do.
fn any_word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{",
        "}",
        "{ ",
        " }",
        "\n",
        " ",
        "#",
        "#x\n",
        "or ",
        "or",
        "ipsec ",
        "ipsec",
        "pass",
        "drop ",
        "apply ",
        "permit ",
        "raddr ",
        "laddr",
        "saddr ",
        "daddr ",
        "smask ",
        "10.0.0.1 ",
        "10.0.0.0/8 ",
        "multi ",
        "dual ",
        "255.255.0.0 ",
        "lport ",
        "22 ",
        "ulp ",
        "icmp ",
        "type ",
        "3-5 ",
        "code ",
        "1 ",
        "dir ",
        "in ",
        "out ",
        "both ",
        "tunnel ",
        "t0 ",
        "negotiate ",
        "transport ",
        "auth_algs ",
        "sha1 ",
        "encr_algs ",
        "aes(128..256) ",
        "any ",
        "none ",
        "encr_auth_algs ",
        "sa ",
        "unique ",
        "shared ",
        "\u{f6}",
        "\0",
        "\\",
        "\r\n",
        "{ raddr 10.0.0.1 } ipsec { auth_algs sha1 }",
        "{ } pass { }",
    ])
}
