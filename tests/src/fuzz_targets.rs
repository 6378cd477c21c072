// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the fuzzers check, as plain functions: each takes any bytes and panics if
//! something does not hold. An ordinary test runs them over the kept inputs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use illumos_ipsec::model::{
    ActionFlags, ActionKind, Direction, KernelAlg, LinkId, LinkState, LinkStatistics, LinkTopology,
    Sa, SpdRule, TunnelMode,
};
use illumos_ipsec::policy::{
    AlgDb, FIRST_PRIORITY, Names, Parsed, PolicyRule, Problem, Resolver, Severity, SourceText,
    compile, objections, parse, print_rule,
};
use illumos_ipsec::wire::policy::{
    DecodedAlternative, DumpItem, Message, decode_alglist, decode_record, describe,
};
use illumos_ipsec::wire::{dld, dlmgmt, iptun, key, lab, nvlist};
use ipsec_usermode::{Config, ConnId, Kernel};

/// A target: its name and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// All targets, by the names of their folders.
pub const TARGETS: &[Target] = &[
    ("policy_language", policy_language),
    ("policy_client_decode", policy_client_decode),
    ("policy_server", policy_server),
    ("link_client_decode", link_client_decode),
    ("link_server", link_server),
    ("key_commands", key_commands),
    ("key_client_decode", key_client_decode),
    ("key_server", key_server),
];

const ALGS: &[u8] = b"\
ALG|2|0|none,any|-|0|0
ALG|2|3|hmac-sha1,sha1|CKM_SHA_1_HMAC_GENERAL|160|12
ALG|2|5|hmac-sha256,sha256|CKM_SHA256_HMAC_GENERAL|256|16
ALG|3|0|any|-|0|0
ALG|3|11|null|-|0|0
ALG|3|12|aes-cbc,aes|CKM_AES_CBC|128/128-256,64|16
ALG|3|20|aes-gcm,aes-gcm16|CKM_AES_GCM|128/128-256,64|16|8,16,4|23
";

/// The algorithms above, and what a kernel with them has.
static SYSTEM: LazyLock<(AlgDb, Vec<KernelAlg>)> = LazyLock::new(|| {
    let (algs, _) = AlgDb::parse(ALGS);
    let kernel = algs.kernel_algs();
    (algs, kernel)
});

struct FewNames;

impl Names for FewNames {
    fn host(&self, name: &[u8]) -> Vec<IpAddr> {
        let v6 = IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
        let v4 = IpAddr::from(Ipv4Addr::new(192, 0, 2, 1));
        match name {
            b"six" => vec![v6],
            b"dual" => vec![v6, v4],
            b"many" => (1..=20).map(|n| Ipv4Addr::new(192, 0, 2, n).into()).collect(),
            _ => Vec::new(),
        }
    }

    fn host_by_addr(&self, addr: IpAddr) -> Option<String> {
        addr.is_loopback().then(|| "localhost".to_owned())
    }

    fn network(&self, name: &[u8]) -> Option<Ipv4Addr> {
        (name == b"net").then(|| Ipv4Addr::new(10, 1, 0, 0))
    }

    fn service(&self, name: &[u8]) -> Option<u16> {
        (name == b"http").then_some(80)
    }

    fn protocol(&self, name: &[u8]) -> Option<u8> {
        match name {
            b"icmp" => Some(1),
            b"tcp" => Some(6),
            b"ipv6-icmp" => Some(58),
            _ => None,
        }
    }

    fn protocol_by_number(&self, number: u8) -> Option<String> {
        (number == 6).then(|| "tcp".to_owned())
    }

    fn hostname(&self) -> String {
        "gw.example.com".to_owned()
    }

    fn similar(&self, _: &[u8]) -> Vec<String> {
        vec!["http".to_owned(), "tcp".to_owned()]
    }
}

fn load(text: &[u8]) -> (Parsed, Vec<PolicyRule>, Vec<Problem>) {
    let source = SourceText { name: "fuzz".to_owned(), text: text.to_vec(), tunnel: None };
    let parsed = parse(&[source]);
    let (algs, kernel) = &*SYSTEM;
    let resolver = Resolver { names: &FewNames, algs, kernel };
    let (rules, problems) = compile(&parsed, &resolver);
    (parsed, rules, problems)
}

/// Any bytes as a policy: problems lie inside the text, requests say what the rules
/// say, and what the printer makes of a rule reads back as the same rule.
pub fn policy_language(data: &[u8]) {
    let (parsed, rules, problems) = load(data);
    for problem in parsed.problems.iter().chain(&problems) {
        assert!(problem.span.start <= problem.span.end && problem.span.end <= data.len());
        assert!(problem.span.line > 0 && problem.span.column > 0);
        let _ = problem.to_string();
    }
    assert!(rules.len() <= parsed.rules.len());
    let _ = objections(&rules);
    for rule in rules.iter().take(50) {
        for n in 0..rule.requests().min(5) {
            let message = rule.message(n, FIRST_PRIORITY, 1, 2, rule.direction);
            let bytes = message.encode();
            assert_eq!(
                Message::decode(&bytes).map(|decoded| decoded.exts).as_ref(),
                Ok(&message.exts)
            );
            let Ok(DumpItem::Rule { rule: asked, .. }) = decode_record(&message) else {
                panic!("the request describes no rule");
            };
            assert_eq!(asked.selector, rule.selector(n));
            reads_back(rule, n);
        }
    }
}

fn reads_back(rule: &PolicyRule, n: usize) {
    let selector = rule.selector(n);
    let broadcast = IpAddr::from(Ipv4Addr::BROADCAST);
    let ends = [selector.local, selector.remote];
    let unwritable = ends.iter().flatten().any(|prefix| prefix.addr() == broadcast)
        // ESP authentication by any algorithm has no words.
        || rule.alternatives().iter().any(|alt| {
            alt.kind == ActionKind::Ipsec
                && alt.flags.contains(ActionFlags::ESP_AUTH)
                && alt.esp_auth.id == 0
        })
        // Bounds that contradict each other are not accepted as written.
        || rule.action.refused.is_some();
    if unwritable {
        return;
    }
    let direction =
        if rule.direction.contains(Direction::OUT) { Direction::OUT } else { Direction::IN };
    let (tunnel, mode) = match rule.tunnel.clone() {
        Some((name, mode)) => (Some(name), mode),
        None => (None, TunnelMode::Transport),
    };
    let action = rule.alternatives();
    let alternatives: Vec<_> = action
        .iter()
        .map(|&alternative| DecodedAlternative { alternative, extras: Vec::new() })
        .collect();
    let namespace = None;
    let listed =
        SpdRule { index: 1, priority: 1, direction, tunnel, mode, selector, action, namespace };
    let text = print_rule(&listed, &alternatives, true, &FewNames, &SYSTEM.0);
    let shown = String::from_utf8_lossy(&text);
    let (parsed, again, problems) = load(&text);
    let mut all = parsed.problems.iter().chain(&problems);
    assert!(
        all.all(|p| p.severity == Severity::Warning),
        "{shown}{:?}{problems:?}",
        parsed.problems
    );
    let [again] = again.as_slice() else { panic!("{shown}is {} rules", again.len()) };
    assert_eq!(again.selector(0), listed.selector, "{shown}");
    assert_eq!(again.direction, listed.direction, "{shown}");
    assert_eq!(again.tunnel, rule.tunnel, "{shown}");
    assert_eq!(again.alternatives(), listed.action, "{shown}");
}

/// Any bytes as a message from the kernel: nothing panics, and what is understood
/// encodes to the same bytes.
pub fn policy_client_decode(data: &[u8]) {
    let _ = describe(data);
    let Ok(message) = Message::decode(data) else { return };
    assert_eq!(message.encode(), data);
    let _ = decode_alglist(&message);
    if let Ok(DumpItem::Rule { rule, alternatives }) = decode_record(&message) {
        let _ = print_rule(&rule, &alternatives, false, &FewNames, &SYSTEM.0);
    }
}

/// Control bytes and requests of an input: a control byte, a 16-bit little-endian length
/// and that many bytes, again and again. The last request may be shorter.
fn requests(data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let [control, low, high, tail @ ..] = rest else { return None };
        let len = usize::from(u16::from_le_bytes([*low, *high])).min(tail.len());
        let (request, behind) = tail.split_at(len);
        rest = behind;
        Some((*control, request))
    })
}

/// Any bytes as requests of several clients: nothing panics, every reply is well-formed.
///
/// The input is a sequence of control bytes and requests. Bits 0 and 1 of a control byte
/// choose the socket, bit 6 leaves its replies where they are, bit 7 closes it first.
pub fn policy_server(data: &[u8]) {
    let mut kernel = Kernel::new(Config::default());
    let mut sockets = [(); 4].map(|()| kernel.open_policy());
    for (control, message) in requests(data) {
        let socket = &mut sockets[usize::from(control & 3)];
        if control & 0x80 != 0 {
            kernel.close(*socket);
            *socket = kernel.open_policy();
        }
        kernel.request(*socket, message);
        if control & 0x40 == 0 {
            while let Some(reply) = kernel.next_reply(*socket) {
                check_reply(&reply);
            }
        }
        kernel.take_events();
    }
    for socket in sockets {
        while let Some(reply) = kernel.next_reply(socket) {
            check_reply(&reply);
        }
    }
}

fn check_reply(reply: &[u8]) {
    if reply.len() >= 16 {
        let stated = usize::from(u16::from_ne_bytes([reply[4], reply[5]])) * 8;
        assert_eq!(stated, reply.len());
    }
    let _ = describe(reply);
}

/// Any bytes as a file of `ipseckey` commands: nothing panics.
pub fn key_commands(data: &[u8]) {
    let _ = ipseckey_rs::check_commands(data);
}

/// Any bytes as a message of `PF_KEY`: nothing panics, what is understood means the same
/// when it is sent on, and no key is in what a trace shows.
pub fn key_client_decode(data: &[u8]) {
    let _ = ipseckey_rs::shown(data, false);
    let _ = key::describe(data, key::Show::Redacted);
    let hidden = key::redacted(data);
    assert_eq!(hidden.len(), data.len());
    let Ok(message) = key::Message::decode(data) else { return };
    assert_eq!(message.encode().as_slice(), data);
    let hidden = key::Message::decode(&hidden).expect("keys do not make the form");
    for ext in &hidden.exts {
        if let key::Ext::Key(_, key) = ext {
            assert!(key.bytes.expose().iter().all(|octet| *octet == 0));
        }
    }
    if let Ok(sa) = Sa::from_message(&message) {
        let _ = format!("{sa:?}");
        if let Ok(again) = Sa::from_message(&sa.add_request()) {
            assert_eq!((again.spi, again.src, again.dst), (sa.spi, sa.src, sa.dst));
        }
    }
}

/// Any bytes as requests of several clients of `PF_KEY`: nothing panics, every message is
/// well-formed. The input is that of [`policy_server`]; bit 5 of a control byte lets 60
/// seconds pass first.
pub fn key_server(data: &[u8]) {
    let mut kernel = Kernel::new(Config::default());
    kernel.set_address(Ipv4Addr::new(10, 1, 1, 1).into(), true);
    let mut now = 1_700_000_000;
    kernel.set_time(now);
    let mut sockets = [(); 4].map(|()| kernel.open_key());
    for (control, message) in requests(data) {
        let socket = &mut sockets[usize::from(control & 3)];
        if control & 0x80 != 0 {
            kernel.close(*socket);
            *socket = kernel.open_key();
        }
        if control & 0x20 != 0 {
            now += 60;
            kernel.set_time(now);
        }
        kernel.request(*socket, message);
        if control & 0x40 == 0 {
            while let Some(reply) = kernel.next_reply(*socket) {
                check_key_message(&reply);
            }
        }
    }
    for socket in sockets {
        while let Some(reply) = kernel.next_reply(socket) {
            check_key_message(&reply);
        }
    }
}

fn check_key_message(bytes: &[u8]) {
    let message = key::Message::decode(bytes).expect("the kernel sends messages");
    assert_eq!(message.encode().as_slice(), bytes);
}

/// Any bytes as calls about links and as what comes back: nothing panics, and what is
/// understood means the same when it is sent on.
pub fn link_client_decode(data: &[u8]) {
    let _ = lab::describe(data);
    again(data, lab::Call::decode, lab::Call::encode);
    again(data, lab::Answer::decode, lab::Answer::encode);
    again(data, LinkStatistics::decode, LinkStatistics::encode);
    again(data, LinkTopology::decode, LinkTopology::encode);
    again(data, iptun::Kparams::decode, iptun::Kparams::encode);
    again(data, dld::Attr::decode, dld::Attr::encode);
    again(data, dld::Rename::decode, dld::Rename::encode);
    again(data, dld::MacProp::decode, dld::MacProp::encode);
    again(data, dld::PropRange::decode, dld::PropRange::encode);
    again(data, nvlist::decode, |pairs| nvlist::encode(pairs));
    again(data, |bytes| dlmgmt::Request::decode(bytes).ok(), dlmgmt::Request::encode);
    let (link, conf) = (LinkId::NONE, dlmgmt::ConfId(0));
    for request in [
        dlmgmt::Request::UpLinkId { link },
        dlmgmt::Request::GetName { link },
        dlmgmt::Request::GetLinkId { name: Vec::new() },
        dlmgmt::Request::OpenConf { link },
        dlmgmt::Request::GetAttr { conf, name: Vec::new() },
        dlmgmt::Request::Snapshot { link },
    ] {
        let decode = |bytes: &[u8]| dlmgmt::Reply::decode(&request, bytes).ok();
        again(data, decode, dlmgmt::Reply::encode);
    }
}

fn again<T: PartialEq + std::fmt::Debug>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Option<T>,
    encode: impl Fn(&T) -> Vec<u8>,
) {
    if let Some(value) = decode(bytes) {
        assert_eq!(decode(&encode(&value)), Some(value));
    }
}

/// Any bytes as calls of several clients about links, mixed with requests about policy:
/// nothing panics, every call has one answer, and no secure tunnel loses its protection.
///
/// The input is that of [`policy_server`], without bit 6; sockets 0 and 1 are `dld`, 2 is
/// `control` and 3 is `pf_policy`.
pub fn link_server(data: &[u8]) {
    let mut kernel = Kernel::new(Config::default());
    let open: [fn(&mut Kernel) -> ConnId; 4] =
        [Kernel::open_dld, Kernel::open_dld, Kernel::open_control, Kernel::open_policy];
    let mut sockets = open.map(|open| open(&mut kernel));
    for (control, message) in requests(data) {
        let at = usize::from(control & 3);
        if control & 0x80 != 0 {
            kernel.close(sockets[at]);
            sockets[at] = open[at](&mut kernel);
        }
        let secure: Vec<LinkId> =
            kernel.tunnels().filter(|tunnel| tunnel.secure).map(|tunnel| tunnel.link).collect();
        kernel.request(sockets[at], message);
        let mut answers = 0;
        while let Some(answer) = kernel.next_reply(sockets[at]) {
            answers += 1;
            match at {
                0 | 1 => assert!(lab::Answer::decode(&answer).is_some()),
                2 => assert!(serde_json::from_slice::<serde_json::Value>(&answer).is_ok()),
                _ => check_reply(&answer),
            }
            let _ = lab::describe(&answer);
        }
        assert!(at == 3 || answers == 1);
        kernel.take_events();
        for tunnel in kernel.tunnels() {
            assert!(tunnel.secure || !secure.contains(&tunnel.link));
            let up = tunnel.link_state == LinkState::Up;
            assert!(!up || !tunnel.secure || kernel.policy_attached(tunnel));
        }
    }
}
