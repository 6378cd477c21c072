// SPDX-License-Identifier: MIT OR Apache-2.0

//! Rules and their owners: `inet/ip/ipsec_ns_spd.c` and `inet/ip/spdsock_ns.c`, beside the
//! user-mode kernel. Both get the same bytes; after each request answers and the whole
//! policy are compared.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use illumos_ipsec::model::{ActionKind, Namespace, Side, TunnelName};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::namespace::NamespaceExt;
use illumos_ipsec::wire::policy::{
    Attr, AttrTag, Diagnostic, Ext, ExtType, Message, MsgType, PortsExt, ProtoExt, RuleExt,
    RuleFlags, RulesetExt, TunNameExt,
};
use ipsec_usermode::{Config, ConnId, Family, Kernel, Rule, Way};
use system_tests::kernel_c::{Numbers, Program, Sanitizer, Session, hex};

static DRIVER: LazyLock<Result<Program, String>> = LazyLock::new(|| {
    Program::compile(
        env!("CARGO_TARGET_TMPDIR"),
        &["driver.c", "stand_in_spd.c", "stand_in_spdsock.c", "spd_driver.c"],
        KERNEL,
        Sanitizer::Memory,
    )
});

const KERNEL: &[&str] = &["inet/ip/ipsec_ns.c", "inet/ip/ipsec_ns_spd.c", "inet/ip/spdsock_ns.c"];

/// The nameless owner, and some with a name.
const OWNERS: [&str; 4] = ["", "svc:/vpn:a", "svc:/vpn:b", "c"];
const TUNNELS: [&str; 2] = ["tun0", "tun1"];
const SIDES: [Side; 2] = [Side::Active, Side::Standby];

const PASS: &[(AttrTag, u32)] = &[(AttrTag::TYPE, 2), (AttrTag::END, 0)];
const DROP: &[(AttrTag, u32)] = &[(AttrTag::TYPE, 1), (AttrTag::END, 0)];
/// AES with HMAC-SHA-256, and with HMAC-SHA-1.
const ESP: &[(AttrTag, u32)] = &[
    (AttrTag::TYPE, 3),
    (AttrTag::FLAGS, 0x42),
    (AttrTag::ESP_ENCR, 12),
    (AttrTag::ESP_AUTH, 5),
    (AttrTag::END, 0),
];
const OTHER_ESP: &[(AttrTag, u32)] = &[
    (AttrTag::TYPE, 3),
    (AttrTag::FLAGS, 0x42),
    (AttrTag::ESP_ENCR, 12),
    (AttrTag::ESP_AUTH, 3),
    (AttrTag::END, 0),
];

/// What a request names: the host, all heads, or a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Host,
    All,
    Tunnel(usize),
}

fn tunnel(at: usize) -> TunnelName {
    TunnelName::new(TUNNELS[at]).unwrap()
}

fn message(kind: MsgType, side: u8, scope: Scope) -> Message {
    let message = Message::request(kind, side);
    match scope {
        Scope::Host => message,
        Scope::All => message.with(Ext::TunName(TunNameExt::all())),
        Scope::Tunnel(at) => message.with(Ext::TunName(TunNameExt::new(&tunnel(at)))),
    }
}

fn of(owner: &str, message: Message) -> Message {
    if owner.is_empty() { message } else { message.with(named(owner)) }
}

fn named(owner: &str) -> Ext {
    Ext::Namespace(NamespaceExt::Name(Namespace::new(owner).unwrap()))
}

fn rule(priority: u32, flags: RuleFlags, index: u64) -> Ext {
    Ext::Rule(RuleExt { priority, flags, unused: 0, index })
}

fn action(attrs: &[(AttrTag, u32)]) -> Ext {
    Ext::Action {
        count: 1,
        reserved: 0,
        attrs: attrs.iter().map(|&(tag, value)| Attr::new(tag, value)).collect(),
    }
}

fn prefix(text: &str) -> illumos_ipsec::model::Prefix {
    let (addr, len) = text.split_once('/').unwrap();
    illumos_ipsec::model::Prefix::new(addr.parse().unwrap(), len.parse().unwrap()).unwrap()
}

/// One of some selectors: hashed and unhashed ones, of both families or of one, with ports,
/// and for ICMP.
fn selectors(numbers: &mut Numbers) -> Vec<Ext> {
    let remote = |text: String| Ext::RemoteAddr(prefix(&text).into());
    let proto = |number| Ext::Proto(ProtoExt { number, reserved: (0, 0) });
    let n = 1 + numbers.below(6);
    match numbers.below(14) {
        0..3 => vec![remote(format!("10.0.0.{n}/32"))],
        3 | 4 => vec![remote(format!("2001:db8::{n}/128"))],
        5 => vec![remote(format!("10.1.{n}.0/24"))],
        6 => vec![
            Ext::LocalAddr(prefix(&format!("10.2.0.{n}/32")).into()),
            remote("10.0.0.1/32".to_owned()),
        ],
        7 => vec![proto(5 + n as u8)],
        8 => vec![remote(format!("10.0.0.{n}/32")), Ext::RemotePort(PortsExt::single(n as u16))],
        9 => vec![Ext::LocalPort(PortsExt::single(7)), proto(6)],
        10 => vec![remote(format!("10.0.0.{n}/32")), proto(1)],
        11 => vec![remote(format!("10.1.{n}.0/24")), proto(1)],
        // ICMP rules of a list have to protect in the same way.
        _ => vec![remote(format!("10.3.0.0/{}", 16 + numbers.below(8))), proto(1)],
    }
}

/// The Rust kernel, the C one, and how the versions of their tables differ.
struct Pair {
    kernel: Kernel,
    conns: Vec<ConnId>,
    session: Session,
    offsets: [i64; 6],
    /// Sockets with a dump that is not finished.
    dumping: [bool; 3],
    /// Who makes requests.
    owners: &'static [&'static str],
    /// How often a request had an outcome: type, errno, diagnostic.
    seen: Seen,
}

type Seen = BTreeMap<(MsgType, u32, u32), usize>;

/// What a driver answers to a request.
struct Answer {
    errno: u32,
    diagnostic: u32,
    index: u64,
    /// Flags of the tunnels.
    flags: [u32; 2],
    /// Host, then tunnels, active before standby: version and rules.
    tables: Vec<(i64, String)>,
}

impl Answer {
    fn parse(line: &str) -> Self {
        let mut parts = line.split(';').map(str::trim);
        let mut result = parts.next().unwrap().split(' ').map(|n| n.parse().unwrap());
        let (errno, diagnostic) = (result.next().unwrap(), result.next().unwrap());
        let (mut flags, mut tables) = (Vec::new(), Vec::new());
        let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
        for head in parts.chunks_exact(3) {
            flags.push(head[0].parse().unwrap());
            for table in &head[1..] {
                let (version, rules) = table.split_once(' ').unwrap_or((table, ""));
                tables.push((version.parse().unwrap(), rules.to_owned()));
            }
        }
        Self {
            errno: errno as u32,
            diagnostic: diagnostic as u32,
            index: result.next().unwrap(),
            flags: [flags.get(1), flags.get(2)].map(|flags| flags.copied().unwrap_or(0)),
            tables,
        }
    }
}

/// A rule as the driver prints it.
fn shown(way: Way, rule: &Rule) -> String {
    let selector = &rule.selector;
    let mut out = String::new();
    let way = if way == Way::Out { 'o' } else { 'i' };
    let family = if selector.family == Family::V4 { '4' } else { '6' };
    let owner = rule.namespace.as_ref().map_or("", Namespace::as_str);
    write!(out, "{way}{},{},{owner},{family}", rule.index, rule.priority).unwrap();
    if let Some(prefix) = &selector.local {
        write!(out, "l{}/{}", hex(&prefix.addr), prefix.len).unwrap();
    }
    if let Some(prefix) = &selector.remote {
        write!(out, "r{}/{}", hex(&prefix.addr), prefix.len).unwrap();
    }
    if let Some(proto) = selector.proto {
        write!(out, "p{proto}").unwrap();
    }
    if let Some(port) = selector.local_port {
        write!(out, "L{port}").unwrap();
    }
    if let Some(port) = selector.remote_port {
        write!(out, "R{port}").unwrap();
    }
    let kind = match rule.action[0].kind {
        ActionKind::Ipsec => 1,
        ActionKind::Drop => 2,
        ActionKind::Pass | ActionKind::Other(_) => 3,
    };
    write!(out, "a{kind}").unwrap();
    out
}

fn rules(kernel: &Kernel, table: usize) -> String {
    let name = (table >= 2).then(|| tunnel(table / 2 - 1));
    let rules = kernel.rules(name.as_ref(), SIDES[table % 2]);
    rules.map(|(way, rule)| shown(way, rule)).collect::<Vec<_>>().join(" ")
}

/// Without the rules of an owner.
fn without(rules: &str, owner: &str) -> String {
    let kept = rules.split(' ').filter(|rule| rule.split(',').nth(2) != Some(owner));
    kept.collect::<Vec<_>>().join(" ")
}

fn flags(kernel: &Kernel) -> [u32; 2] {
    [0, 1].map(|at| kernel.tunnel_flags(&tunnel(at)).map_or(0, |flags| flags.word()))
}

impl Pair {
    fn new(owners: &'static [&'static str]) -> Self {
        let program = DRIVER.as_ref().unwrap_or_else(|error| panic!("{error}"));
        let mut kernel = Kernel::new(Config::default());
        let conns = (0..4).map(|_| kernel.open_policy()).collect();
        let session = program.start().unwrap_or_else(|error| panic!("{error}"));
        let mut pair = Self {
            kernel,
            conns,
            session,
            offsets: [0; 6],
            dumping: [false; 3],
            owners,
            seen: BTreeMap::new(),
        };
        // Heads of tunnels are there from the first rule on.
        for at in 0..TUNNELS.len() {
            let both = RuleFlags::INBOUND | RuleFlags::OUTBOUND | RuleFlags::TUNNEL;
            let add = message(MsgType::ADDRULE, 0, Scope::Tunnel(at));
            pair.both(0, &add.with(rule(1, both, 0)).with(action(ESP)));
            pair.both(0, &message(MsgType::FLUSH, 0, Scope::Tunnel(at)));
        }
        pair
    }

    fn c(&mut self, command: &str) -> String {
        self.session.ask(command).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The version of a table in the Rust kernel: what a dump for a stranger says.
    fn version(&mut self, table: usize) -> i64 {
        let scope = if table < 2 { Scope::Host } else { Scope::Tunnel(table / 2 - 1) };
        let request = of("stranger", message(MsgType::DUMP, table as u8 % 2, scope));
        self.kernel.request(self.conns[3], &request.encode());
        let mut version = 0;
        while let Some(record) = self.kernel.next_reply(self.conns[3]) {
            if let Ok(record) = Message::decode(&record)
                && let Some(Ext::Ruleset(RulesetExt { version: found, .. })) =
                    record.get(ExtType::RULESET)
            {
                version = *found;
            }
        }
        version as i64
    }

    /// The state of C, compared with that of Rust.
    fn compare(&mut self, answer: &Answer) {
        let last = self.session.last();
        for (table, (version, found)) in answer.tables.iter().enumerate() {
            assert_eq!(*found, rules(&self.kernel, table), "table {table}, left is C\n{last}");
            let ours = self.version(table) + self.offsets[table];
            assert_eq!(*version, ours, "version of table {table}, left is C\n{last}");
        }
        assert_eq!(answer.flags, flags(&self.kernel), "flags of tunnels, left is C\n{last}");
    }

    /// The answer of the Rust kernel to a request on a socket: errno, diagnostic, index.
    fn rust(&mut self, socket: usize, request: &Message) -> (Errno, Diagnostic, u64) {
        self.kernel.request(self.conns[socket], &request.encode());
        self.kernel.take_events();
        let reply = self.kernel.next_reply(self.conns[socket]).expect("a reply");
        let reply = Message::decode(&reply).unwrap();
        let index = match (request.header.kind, reply.rule()) {
            (MsgType::ADDRULE, Some(rule)) => rule.index,
            _ => 0,
        };
        (reply.header.errno, reply.header.diagnostic, index)
    }

    /// Gives a request to both; the errno.
    fn both(&mut self, socket: usize, request: &Message) -> Errno {
        self.failing(socket, 0, request)
    }

    /// The same; an allocation of the C kernel fails.
    fn failing(&mut self, socket: usize, fail: usize, request: &Message) -> Errno {
        let line = self.c(&format!("request {socket} {fail} {}", hex(&request.encode())));
        let answer = Answer::parse(&line);
        let outcome = (request.header.kind, answer.errno, answer.diagnostic);
        *self.seen.entry(outcome).or_default() += 1;
        if answer.errno == 12 {
            self.out_of_memory(&answer, request);
            if request.header.kind == MsgType::CLONE {
                self.clone_again(socket, request);
            }
            return Errno::ENOMEM;
        }
        let (errno, diagnostic, index) = self.rust(socket, request);
        let last = || self.session.last();
        assert_eq!(answer.errno, u32::from(errno.0), "errno, left is C\n{}", last());
        let found = u32::from(diagnostic.0);
        assert_eq!(answer.diagnostic, found, "diagnostic, left is C\n{}", last());
        assert_eq!(answer.index, index, "index, left is C\n{}", last());
        if request.header.kind == MsgType::DUMP && errno == Errno::OK {
            self.dumping[socket] = true;
        }
        self.compare(&answer);
        errno
    }

    /// Without memory nothing has changed; a clone may have come to some heads, and one of
    /// them is without the rules of the owner in standby.
    fn out_of_memory(&mut self, answer: &Answer, request: &Message) {
        assert_eq!((answer.diagnostic, answer.index), (0, 0));
        if request.header.kind != MsgType::CLONE {
            return self.compare(answer);
        }
        let owner = match request.exts.iter().rev().find(|ext| matches!(ext, Ext::Namespace(_))) {
            Some(Ext::Namespace(NamespaceExt::Name(name))) => name.as_str(),
            _ => "",
        };
        let mut after = self.kernel.clone();
        after.request(self.conns[3], &request.encode());
        let mut emptied = self.kernel.clone();
        let flush = message(MsgType::FLUSH, 1, Scope::All);
        emptied.request(self.conns[3], &of(owner, flush).encode());
        let mut heads_emptied = 0;
        for (table, (_, found)) in answer.tables.iter().enumerate() {
            let before = rules(&self.kernel, table);
            if *found == before || *found == rules(&after, table) {
                continue;
            }
            assert_eq!(table % 2, 1, "active rules have changed: {found}\n{before}");
            assert_eq!(*found, without(&before, owner), "{before}");
            assert_eq!(*found, rules(&emptied, table));
            heads_emptied += 1;
        }
        assert!(heads_emptied <= 1, "{heads_emptied} heads have lost rules");
        for at in 0..TUNNELS.len() {
            let standby = answer.flags[at] >> 3;
            let known = [&self.kernel, &after, &emptied].map(|kernel| flags(kernel)[at] >> 3);
            // Left without rules, it has those of the active side: nothing passes.
            let active = answer.flags[at] & 7;
            let stays_shut = answer.tables[3 + 2 * at].1.is_empty() && standby == active;
            assert!(known.contains(&standby) || stays_shut, "{standby}: {known:?}");
            assert_eq!(answer.flags[at] & 7, flags(&self.kernel)[at] & 7);
        }
    }

    /// After a clone without memory, with it.
    fn clone_again(&mut self, socket: usize, request: &Message) {
        let line = self.c(&format!("request {socket} 0 {}", hex(&request.encode())));
        let answer = Answer::parse(&line);
        assert_eq!(self.rust(socket, request).0, Errno::OK);
        assert_eq!(answer.errno, 0);
        for (table, (version, _)) in answer.tables.iter().enumerate() {
            self.offsets[table] = *version - self.version(table);
        }
        self.compare(&answer);
    }

    /// The next record of a dump, from both.
    fn next(&mut self, socket: usize) {
        let theirs = self.c(&format!("next {socket}"));
        let record = self.kernel.next_reply(self.conns[socket]).expect("a record");
        let record = Message::decode(&record).unwrap();
        let mut ours = String::new();
        if let Some(Ext::Ruleset(RulesetExt { count, .. })) = record.get(ExtType::RULESET) {
            self.dumping[socket] = false;
            write!(ours, "end {} {count}", record.header.errno.0).unwrap();
        } else {
            let rule = record.rule().expect("a rule");
            let way = u8::from(rule.flags.contains(RuleFlags::INBOUND));
            let mut owner = Vec::new();
            if let Some(ext @ Ext::Namespace(_)) = record.exts.last() {
                ext.encode(&mut owner);
            }
            write!(ours, "{way} {} {}", rule.index, hex(&owner)).unwrap();
        }
        // The version at the end is compared with the state.
        let theirs = match theirs.strip_prefix("end ") {
            Some(end) => format!("end {}", end.rsplit_once(' ').unwrap().0),
            None => theirs,
        };
        assert_eq!(theirs, ours, "left is C");
    }

    fn finish_dump(&mut self, socket: usize) {
        while self.dumping[socket] {
            self.next(socket);
        }
    }

    /// Any request, and now and then records of a dump.
    fn step(&mut self, numbers: &mut Numbers, fail: usize) {
        let socket = numbers.below(3);
        if self.dumping[socket] {
            match numbers.below(8) {
                0..4 => self.next(socket),
                4..7 => self.finish_dump(socket),
                _ => {
                    let _ = self.c(&format!("close {socket}"));
                    self.kernel.close(self.conns[socket]);
                    self.conns[socket] = self.kernel.open_policy();
                    self.dumping[socket] = false;
                }
            }
            return;
        }
        let request = self.any_request(numbers);
        let _ = self.failing(socket, fail, &request);
        if request.header.kind == MsgType::DUMP && numbers.once_in(2) {
            self.finish_dump(socket);
        }
    }

    fn any_request(&mut self, numbers: &mut Numbers) -> Message {
        let owner = *numbers.pick(self.owners);
        let side = numbers.below(2) as u8;
        let head = *numbers.pick(&[Scope::Host, Scope::Tunnel(0), Scope::Tunnel(1)]);
        let scope = if numbers.once_in(6) { Scope::All } else { head };
        let ways = *numbers.pick(&[
            RuleFlags::INBOUND | RuleFlags::OUTBOUND,
            RuleFlags::INBOUND | RuleFlags::OUTBOUND,
            RuleFlags::INBOUND,
            RuleFlags::OUTBOUND,
        ]);
        match numbers.below(40) {
            0..18 => self.any_add(numbers, owner, side, head, ways),
            18..22 => {
                // Nearly always one that is there, and half of the time that of the owner.
                let name = match head {
                    Scope::Tunnel(at) => Some(tunnel(at)),
                    _ => None,
                };
                let there: Vec<_> =
                    self.kernel.rules(name.as_ref(), SIDES[usize::from(side)]).collect();
                let (index, of_whom) = match there.is_empty() {
                    true => (99, owner.to_owned()),
                    false => {
                        let (_, rule) = numbers.pick(&there);
                        let name = rule.namespace.as_ref().map_or("", Namespace::as_str);
                        let name = if numbers.once_in(2) { name } else { owner };
                        (rule.index, name.to_owned())
                    }
                };
                let request = message(MsgType::DELETERULE, side, head);
                of(&of_whom, request.with(rule(0, RuleFlags::empty(), index)))
            }
            22..25 => {
                let request = message(MsgType::DELETERULE, side, head).with(rule(0, ways, 0));
                of(owner, selectors(numbers).into_iter().fold(request, Message::with))
            }
            25..27 => of(owner, message(MsgType::FLUSH, side, scope)),
            27..31 => of(owner, message(MsgType::FLIP, 0, scope)),
            31..34 => of(owner, message(MsgType::CLONE, 0, scope)),
            34..38 => {
                let request = message(MsgType::DUMP, side, scope);
                match numbers.below(3) {
                    0 => request.with(Ext::Namespace(NamespaceExt::Any)),
                    _ => of(owner, request),
                }
            }
            38 => self.odd_request(numbers, side, scope),
            _ => malformed(numbers, side, scope),
        }
    }

    fn any_add(
        &mut self,
        numbers: &mut Numbers,
        owner: &str,
        side: u8,
        head: Scope,
        ways: RuleFlags,
    ) -> Message {
        let mut flags = ways;
        if numbers.once_in(20) {
            flags = RuleFlags::empty();
        }
        let transport = match head {
            Scope::Tunnel(0) => numbers.once_in(10),
            Scope::Tunnel(_) => numbers.once_in(2),
            _ => false,
        };
        if head != Scope::Host && !transport {
            flags |= RuleFlags::TUNNEL;
        }
        let index = u64::from(numbers.once_in(40));
        let priority = 1 + numbers.below(3) as u32;
        let mut request = message(MsgType::ADDRULE, side, head).with(rule(priority, flags, index));
        if !transport || numbers.once_in(8) {
            request = selectors(numbers).into_iter().fold(request, Message::with);
        }
        let attrs = match transport {
            true => *numbers.pick(&[ESP, OTHER_ESP]),
            false => *numbers.pick(&[PASS, DROP, ESP, ESP, OTHER_ESP]),
        };
        of(owner, request.with(action(attrs)))
    }

    /// What is refused, or needs no owner.
    fn odd_request(&mut self, numbers: &mut Numbers, side: u8, scope: Scope) -> Message {
        let owner = *numbers.pick(&OWNERS[1..]);
        match numbers.below(5) {
            0 => of(owner, message(MsgType::LOOKUP, side, scope)),
            1 => {
                let kinds = [MsgType::ALGLIST, MsgType::DUMPALGS, MsgType::UPDATEALGS];
                of(owner, message(*numbers.pick(&kinds), side, Scope::Host))
            }
            2 => {
                let kinds = [
                    MsgType::FLUSH,
                    MsgType::FLIP,
                    MsgType::CLONE,
                    MsgType::DELETERULE,
                    MsgType::ADDRULE,
                    MsgType::LOOKUP,
                    MsgType::ALGLIST,
                ];
                message(*numbers.pick(&kinds), side, scope).with(Ext::Namespace(NamespaceExt::Any))
            }
            3 => {
                let kinds = [MsgType::FLUSH, MsgType::DUMP, MsgType::ADDRULE];
                of(owner, message(*numbers.pick(&kinds), 7, scope))
            }
            _ => of(owner, message(MsgType::ADDRULE, side, Scope::All)),
        }
    }
}

/// A namespace that is not as it must be, or there twice; it comes before what is done.
fn malformed(numbers: &mut Numbers, side: u8, scope: Scope) -> Message {
    let kinds = [MsgType::FLUSH, MsgType::FLIP, MsgType::CLONE, MsgType::DUMP, MsgType::ALGLIST];
    let request = message(*numbers.pick(&kinds), side, scope);
    let body = |len: u16, flags: u16, name: &[u8]| {
        let mut body = [len.to_ne_bytes(), flags.to_ne_bytes()].concat();
        body.extend_from_slice(name);
        Ext::Other { kind: ExtType::NAMESPACE, body }
    };
    match numbers.below(7) {
        0 => request.with(named("a")).with(named("a")),
        1 => request.with(named("a")).with(Ext::Namespace(NamespaceExt::Any)),
        2 => request.with(body(0, 0, &[0; 8])),
        3 => request.with(body(1, 1, b"a\0\0\0\0\0\0\0")),
        4 => request.with(body(1, 0, b"*\0\0\0\0\0\0\0")),
        5 => request.with(body(8, 0, b"abcdefgh")),
        _ => request.with(body(1, 0, b"")).with(named("a")),
    }
}

/// Runs a conversation of many requests.
fn run(seed: u64, owners: &'static [&'static str], steps: usize, failures: bool) -> Seen {
    let mut numbers = Numbers::new(seed);
    let mut pair = Pair::new(owners);
    for _ in 0..steps {
        let fail = if failures && numbers.once_in(2) { 1 + numbers.below(12) } else { 0 };
        pair.step(&mut numbers, fail);
    }
    (0..3).for_each(|socket| pair.finish_dump(socket));
    pair.session.end().unwrap_or_else(|error| panic!("{error}"));
    pair.seen
}

/// All runs of a test, and that everything has been met often enough.
fn runs(seeds: std::ops::Range<u64>, failures: bool, expected: &[(MsgType, Errno, u32)]) {
    let mut seen = Seen::new();
    for seed in seeds {
        // Many owners; one with a name and the nameless one; each of them alone.
        let owners: &[&str] = match seed % 5 {
            0 | 1 => &OWNERS,
            2 => &OWNERS[..2],
            3 => &OWNERS[..1],
            _ => &OWNERS[1..2],
        };
        println!("seed {seed}");
        for (outcome, times) in run(seed, owners, 1000, failures) {
            *seen.entry(outcome).or_default() += times;
        }
    }
    for &(kind, errno, diagnostic) in expected {
        let times = seen.get(&(kind, u32::from(errno.0), diagnostic)).copied().unwrap_or(0);
        assert!(times >= 5, "{kind} {errno} {diagnostic} {times} times only: {seen:?}");
    }
}

#[test]
fn impossible_lengths_are_refused() {
    let mut pair = Pair::new(&OWNERS);
    let kinds = [MsgType::FLUSH, MsgType::DUMP, MsgType::ADDRULE, MsgType::ALGLIST, MsgType(12)];
    for kind in kinds {
        for words in [0, 1, 2, 3, 4, 100, u16::MAX] {
            for last in [true, false] {
                let mut request = of("some-owner", message(kind, 0, Scope::Host)).encode();
                let at = request.len() - 24;
                request[at..at + 2].copy_from_slice(&words.to_ne_bytes());
                if !last {
                    request.splice(16..16, message(kind, 0, Scope::All).encode()[16..].to_vec());
                }
                let words = (request.len() / 8) as u16;
                request[4..6].copy_from_slice(&words.to_ne_bytes());
                let answer = Answer::parse(&pair.c(&format!("request 0 0 {}", hex(&request))));
                pair.kernel.request(pair.conns[0], &request);
                let reply = pair.kernel.next_reply(pair.conns[0]).unwrap();
                let reply = Message::decode(&reply).unwrap().header;
                while pair.kernel.next_reply(pair.conns[0]).is_some() {}
                if kind == MsgType::DUMP && answer.errno == 0 {
                    let _ = pair.c("close 0");
                }
                let ours = (u32::from(reply.errno.0), u32::from(reply.diagnostic.0));
                let last = pair.session.last();
                assert_eq!((answer.errno, answer.diagnostic), ours, "left is C\n{last}");
                pair.compare(&answer);
            }
        }
    }
    pair.session.end().unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn any_requests_do_the_same_in_both_kernels() {
    const CONFLICT: u32 = 256;
    runs(
        0..10,
        false,
        &[
            (MsgType::ADDRULE, Errno::OK, 0),
            (MsgType::ADDRULE, Errno::EEXIST, 0),
            (MsgType::ADDRULE, Errno::EEXIST, CONFLICT),
            (MsgType::ADDRULE, Errno::EBUSY, 0),
            (MsgType::DELETERULE, Errno::OK, 0),
            (MsgType::DELETERULE, Errno::ESRCH, 0),
            (MsgType::FLUSH, Errno::OK, 0),
            (MsgType::FLIP, Errno::OK, 0),
            (MsgType::FLIP, Errno::EEXIST, CONFLICT),
            (MsgType::FLIP, Errno::EBUSY, 0),
            (MsgType::CLONE, Errno::OK, 0),
            (MsgType::DUMP, Errno::OK, 0),
            (MsgType::LOOKUP, Errno::EINVAL, 0),
            (MsgType::ALGLIST, Errno::EINVAL, 257),
            (MsgType::DUMPALGS, Errno::EINVAL, 257),
            (MsgType::UPDATEALGS, Errno::EINVAL, 257),
            (MsgType::FLUSH, Errno::EINVAL, 257),
            (MsgType::FLUSH, Errno::EINVAL, 258),
            (MsgType::FLUSH, Errno::EINVAL, 259),
        ],
    );
}

#[test]
fn without_memory_nothing_changes() {
    runs(
        10..20,
        true,
        &[
            (MsgType::ADDRULE, Errno::ENOMEM, 0),
            (MsgType::CLONE, Errno::ENOMEM, 0),
            (MsgType::FLUSH, Errno::ENOMEM, 0),
            (MsgType::FLIP, Errno::ENOMEM, 0),
            (MsgType::DELETERULE, Errno::ENOMEM, 0),
            (MsgType::DUMP, Errno::ENOMEM, 0),
        ],
    );
}

#[test]
fn owners_at_work_at_the_same_time() {
    for (sanitizer, rounds) in [(Sanitizer::Threads, "4000"), (Sanitizer::Memory, "4000")] {
        let driver = Program::compile(
            env!("CARGO_TARGET_TMPDIR"),
            &["threads.c", "stand_in_spd.c", "stand_in_spdsock.c", "spd_threads.c"],
            KERNEL,
            sanitizer,
        )
        .unwrap_or_else(|error| panic!("{error}"));
        for seed in ["1", "2", "3"] {
            driver.run(&[seed, rounds]).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}
