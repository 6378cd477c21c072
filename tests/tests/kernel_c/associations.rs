// SPDX-License-Identifier: MIT OR Apache-2.0

//! Associations and their owners: `inet/ip/keysock_ns.c` and `inet/ip/sadb_ns.c`, beside the
//! user-mode kernel. Both get the same bytes; after each request what every socket got and all
//! associations are compared.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::LazyLock;

use illumos_ipsec::model::{Namespace, Sa, SaFlags, SaKey, SaState, SaType};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{AddressExt, Ext, ExtType, Message, MsgType, SaExt};
use illumos_ipsec::wire::namespace::NamespaceExt;
use ipsec_usermode::{Config, ConnId, Kernel};
use system_tests::kernel_c::{Numbers, Program, Sanitizer, Session, hex};

static DRIVER: LazyLock<Result<Program, String>> = LazyLock::new(|| {
    Program::compile(
        env!("CARGO_TARGET_TMPDIR"),
        &["driver.c", "stream.c", "sadb_driver.c"],
        &["inet/ip/ipsec_ns.c", "inet/ip/keysock_ns.c", "inet/ip/sadb_ns.c"],
        Sanitizer::Memory,
    )
});

const HERE: &str = "192.0.2.10";
const THERE: &str = "198.51.100.20";
const OWNERS: [&str; 4] = ["", "svc:/vpn:a", "svc:/vpn:b", "c"];
const SOCKETS: usize = 3;

fn addr(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn named(owner: &str) -> Ext {
    Ext::Namespace(NamespaceExt::Name(Namespace::new(owner).unwrap()))
}

/// Puts a namespace anywhere.
fn put(numbers: &mut Numbers, mut message: Message, ext: Ext) -> Message {
    let at = numbers.below(message.exts.len() + 1);
    message.exts.insert(at, ext);
    message
}

fn ends(inbound: bool) -> (&'static str, &'static str) {
    if inbound { (THERE, HERE) } else { (HERE, THERE) }
}

/// An association of ESP.
fn association(spi: u32, inbound: bool) -> Sa {
    let (src, dst) = ends(inbound);
    let mut sa = Sa::new(SaType::ESP, spi, addr(src), addr(dst));
    let key = |bits: u16| {
        Some(SaKey { bits, salt_bits: 0, bytes: vec![7; usize::from(bits) / 8].into() })
    };
    (sa.encr, sa.encr_key) = (12, key(128));
    (sa.auth, sa.auth_key) = (5, key(256));
    sa
}

fn addresses(message: Message, inbound: bool) -> Message {
    let (src, dst) = ends(inbound);
    let address = |kind, text| Ext::Address(kind, AddressExt::new(addr(text), 0, 0));
    message.with(address(ExtType::ADDRESS_SRC, src)).with(address(ExtType::ADDRESS_DST, dst))
}

fn about(kind: MsgType, spi: u32, inbound: bool) -> Message {
    let sa = SaExt { state: SaState::MATURE, ..SaExt::find(spi, SaFlags::empty()) };
    addresses(Message::request(kind, SaType::ESP).with(Ext::Sa(sa)), inbound)
}

/// A message as it is compared: type, errno, diagnostic, owner.
fn shown(bytes: &[u8]) -> String {
    let message = Message::decode(bytes).unwrap();
    let header = message.header;
    let owner = match message.get(ExtType::NAMESPACE) {
        Some(Ext::Namespace(NamespaceExt::Name(owner))) => owner.to_string(),
        _ => String::new(),
    };
    format!("{},{},{},{owner}", header.kind.0, header.errno.0, header.diagnostic.0)
}

type Seen = BTreeMap<(MsgType, u32, u32), usize>;

struct Pair {
    kernel: Kernel,
    conns: Vec<ConnId>,
    session: Session,
    seen: Seen,
}

impl Pair {
    fn new() -> Self {
        let program = DRIVER.as_ref().unwrap_or_else(|error| panic!("{error}"));
        let session = program.start().unwrap_or_else(|error| panic!("{error}"));
        let mut kernel = Kernel::new(Config::default());
        kernel.set_address(addr(HERE), true);
        kernel.set_time(1_700_000_000);
        let conns = (0..SOCKETS).map(|_| kernel.open_key()).collect();
        Self { kernel, conns, session, seen: Seen::new() }
    }

    /// What a socket has got.
    fn got(&mut self, socket: usize) -> Vec<String> {
        let conn = self.conns[socket];
        let mut all: Vec<_> =
            std::iter::from_fn(|| self.kernel.next_reply(conn)).map(|m| shown(&m)).collect();
        // The records of a dump have an order of their own.
        let records = all.len().saturating_sub(1);
        all[..records].sort();
        all
    }

    /// All associations as the driver prints them.
    fn rows(&mut self) -> String {
        let conn = self.kernel.open_key();
        let any = Ext::Namespace(NamespaceExt::Any);
        let dump = Message::request(MsgType::DUMP, SaType::ESP).with(any);
        self.kernel.request(conn, &dump.encode());
        let mut rows = Vec::new();
        while let Some(record) = self.kernel.next_reply(conn) {
            let record = Message::decode(&record).unwrap();
            if record.exts.is_empty() {
                break;
            }
            let sa = Sa::from_message(&record).unwrap();
            let owner = match record.exts.last() {
                Some(Ext::Namespace(NamespaceExt::Name(owner))) => owner.to_string(),
                _ => String::new(),
            };
            let way = if sa.dst.addr == addr(HERE) { 'i' } else { 'o' };
            let state = u32::from(sa.state != SaState::LARVAL);
            rows.push((sa.spi, way, format!("{owner},{state},{}", sa.pair.unwrap_or(0))));
        }
        self.kernel.close(conn);
        rows.sort();
        let mut out = String::new();
        for (spi, way, rest) in rows {
            write!(out, " {spi},{way},{rest}").unwrap();
        }
        out
    }

    fn ask(&mut self, socket: usize, fail: usize, request: &Message) {
        let line = self
            .session
            .ask(&format!("request {socket} {fail} {}", hex(&request.encode())))
            .unwrap_or_else(|error| panic!("{error}"));
        let last = self.session.last();
        let parts: Vec<&str> = line.split(';').collect();
        let theirs: Vec<Vec<String>> = parts[..SOCKETS]
            .iter()
            .map(|part| {
                let mut all: Vec<String> =
                    part.split(' ').filter(|m| !m.is_empty()).map(str::to_owned).collect();
                let records = all.len().saturating_sub(1);
                all[..records].sort();
                all
            })
            .collect();
        let answer = theirs[socket].last().cloned().unwrap_or_default();
        let mut numbers = answer.split(',').skip(1).map(|n| n.parse().unwrap_or(0));
        let (errno, diagnostic) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        *self.seen.entry((request.header.kind, errno, diagnostic)).or_default() += 1;
        // Without memory nothing is done, but that the socket has sent a namespace.
        if errno != 12 {
            self.kernel.request(self.conns[socket], &request.encode());
        } else if request.get(ExtType::NAMESPACE).is_some() {
            let probe = Message::request(MsgType::X_PROMISC, SaType::UNSPEC).with(named("any"));
            self.kernel.request(self.conns[socket], &probe.encode());
            let _ = self.got(socket);
        }
        for (other, theirs) in theirs.iter().enumerate() {
            let ours = self.got(other);
            if errno == 12 {
                let told = theirs.iter().all(|one| one.split(',').nth(1) == Some("12"));
                assert!(told && ours.is_empty(), "{theirs:?}\n{last}");
                continue;
            }
            // A copy without the namespace needs memory; without, it is lost.
            let lost = fail != 0 && theirs.is_empty() && other != socket;
            assert!(*theirs == ours || lost, "socket {other}: {theirs:?}, {ours:?}\n{last}");
        }
        assert_eq!(parts[SOCKETS], self.rows(), "associations, left is C\n{last}");
    }

    fn new_socket(&mut self, socket: usize) {
        let _ = self.session.ask(&format!("new {socket}"));
        self.kernel.close(self.conns[socket]);
        // The newest one gets messages first, which does not matter here.
        self.conns[socket] = self.kernel.open_key();
    }
}

/// A request, when there are these associations.
fn any_request(numbers: &mut Numbers, rows: &str) -> Message {
    let (spi, inbound) = (1 + numbers.below(5) as u32, numbers.once_in(2));
    let row = |spi: u32, inbound: bool| {
        let key = format!("{spi},{},", if inbound { 'i' } else { 'o' });
        let row = rows.split(' ').find(|row| row.starts_with(&key))?;
        Some(row.split(',').collect::<Vec<_>>())
    };
    let larval = |spi, inbound| row(spi, inbound).is_some_and(|row| row[3] == "0");
    let other = 1 + numbers.below(5) as u32;
    // Half of the time, who asks is who has what it is about.
    let owner = match (row(spi, inbound), row(other, !inbound)) {
        (Some(row), _) | (None, Some(row)) if numbers.once_in(2) => row[2],
        _ => *numbers.pick(&OWNERS),
    };
    let esp = |kind| Message::request(kind, SaType::ESP);
    let request = match numbers.below(30) {
        0..9 => {
            let mut sa = association(spi, inbound);
            // What becomes of a pair with one that is not completed is another matter.
            sa.pair = (numbers.once_in(2) && !larval(other, !inbound)).then_some(other);
            sa.add_request()
        }
        9..12 => addresses(esp(MsgType::GETSPI), true).with(Ext::SpiRange {
            min: spi,
            max: spi,
            reserved: 0,
        }),
        // Keys are for one that is larval only.
        12..15 if larval(spi, inbound) => {
            let mut update = association(spi, inbound).add_request();
            update.header.kind = MsgType::UPDATE;
            update
        }
        12..15 => about(MsgType::UPDATE, spi, inbound),
        15 => about(MsgType::GET, spi, inbound),
        16..19 => about(MsgType::DELETE, spi, inbound),
        19..21 => about(MsgType::X_DELPAIR, spi, inbound),
        21 => addresses(esp(MsgType::DELETE), inbound),
        22 => about(MsgType::X_DELPAIR_STATE, spi, inbound),
        23 | 24 => Message::request(MsgType::FLUSH, *numbers.pick(&[SaType::ESP, SaType::UNSPEC])),
        25..28 => {
            let request =
                Message::request(MsgType::DUMP, *numbers.pick(&[SaType::ESP, SaType::UNSPEC]));
            if numbers.once_in(3) {
                return request.with(Ext::Namespace(NamespaceExt::Any));
            }
            request
        }
        28 => Message::request(MsgType::X_PROMISC, SaType::UNSPEC),
        _ => {
            let kinds = [MsgType::FLUSH, MsgType::GET, MsgType::DELETE, MsgType::ADD];
            let request = about(*numbers.pick(&kinds), spi, inbound);
            let any = Ext::Namespace(NamespaceExt::Any);
            let c = named("c");
            return match numbers.below(3) {
                0 => put(numbers, request, any),
                1 => {
                    let twice = put(numbers, request, c.clone());
                    put(numbers, twice, c)
                }
                _ => {
                    let body = b"\x01\0\0\0*\0\0\0\0\0\0\0".to_vec();
                    put(
                        numbers,
                        request,
                        Ext::Other { kind: ExtType::NAMESPACE, body: body.into() },
                    )
                }
            };
        }
    };
    match owner {
        "" => request,
        owner => put(numbers, request, named(owner)),
    }
}

fn runs(seeds: std::ops::Range<u64>, failures: bool, expected: &[(MsgType, Errno, u32)]) {
    let mut seen = Seen::new();
    for seed in seeds {
        println!("seed {seed}");
        let mut numbers = Numbers::new(seed);
        let mut pair = Pair::new();
        for _ in 0..2000 {
            let socket = numbers.below(SOCKETS);
            if numbers.once_in(50) {
                pair.new_socket(socket);
            }
            let fail = if failures && numbers.once_in(2) { 1 + numbers.below(4) } else { 0 };
            let request = any_request(&mut numbers, &pair.rows());
            pair.ask(socket, fail, &request);
        }
        pair.session.end().unwrap_or_else(|error| panic!("{error}"));
        for (outcome, times) in pair.seen {
            *seen.entry(outcome).or_default() += times;
        }
    }
    for &(kind, errno, diagnostic) in expected {
        let times = seen.get(&(kind, u32::from(errno.0), diagnostic)).copied().unwrap_or(0);
        assert!(times >= 5, "{kind} {errno} {diagnostic} {times} times only: {seen:?}");
    }
}

/// What keysock makes of a request whose extensions are all right: the answer of the driver.
fn taken(request: &[u8], kind: u8) -> String {
    const SHOWN: [u8; 11] = [1, 2, 3, 4, 5, 9, 10, 11, 13, 14, 15];
    let (mut exts, mut namespace) = (Vec::new(), Vec::new());
    let mut at = 16;
    while at < request.len() {
        let len = usize::from(u16::from_ne_bytes([request[at], request[at + 1]])) * 8;
        let ext = &request[at..at + len];
        match u16::from_ne_bytes([ext[2], ext[3]]) {
            256 => namespace = ext.to_vec(),
            kind => exts.push((kind, ext)),
        }
        at += len;
    }
    if namespace.get(6) == Some(&1) && kind != 10 {
        return "257".to_owned();
    }
    let mut out = request[..16].to_vec();
    let mut places = Vec::new();
    for (kind, ext) in &exts {
        places.push((*kind, out.len()));
        out.extend_from_slice(ext);
    }
    let size = out.len();
    if !exts.is_empty() {
        places.push((0, size));
    }
    if SHOWN.contains(&kind) {
        out.extend_from_slice(&namespace);
    }
    let words = (out.len() / 8) as u16;
    out[4..6].copy_from_slice(&words.to_ne_bytes());
    places.sort_unstable();
    let used = u8::from(!namespace.is_empty());
    let mut answer = format!("0 {used} {size} {}", hex(&out));
    for (kind, at) in places {
        write!(answer, " {kind}:{at}").unwrap();
    }
    answer
}

#[test]
fn a_namespace_is_moved_to_the_end() {
    const SEED: u64 = 7;
    let mut numbers = Numbers::new(SEED);
    let mut pair = Pair::new();
    for _ in 0..10_000 {
        let kind = 1 + numbers.below(15) as u8;
        let mut exts: Vec<Vec<u8>> = Vec::new();
        for ext in 1..=28_u16 {
            if numbers.once_in(7) {
                let words = 1 + numbers.below(5) as u16;
                let mut bytes = [words.to_ne_bytes(), ext.to_ne_bytes()].concat();
                bytes.resize(usize::from(words) * 8, ext as u8);
                exts.insert(numbers.below(exts.len() + 1), bytes);
            }
        }
        let len = *numbers.pick(&[1, 7, 8, 24, 255]);
        let namespace = match numbers.below(4) {
            0 => None,
            1 => Some(NamespaceExt::Any),
            _ => Some(NamespaceExt::Name(Namespace::new("n".repeat(len)).unwrap())),
        };
        if let Some(namespace) = namespace {
            let mut bytes = Vec::new();
            Ext::Namespace(namespace).encode(&mut bytes);
            exts.insert(numbers.below(exts.len() + 1), bytes);
        }
        let mut request = Message::request(MsgType(kind), SaType::ESP).encode().to_vec();
        request.extend(exts.concat());
        let words = (request.len() / 8) as u16;
        request[4..6].copy_from_slice(&words.to_ne_bytes());
        let answer = pair.session.ask(&format!("take {}", hex(&request)));
        let answer = answer.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(answer, taken(&request, kind), "left is C\n{}", pair.session.last());
    }
    pair.session.end().unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn who_is_full_loses_a_message_and_nothing_else() {
    let mut pair = Pair::new();
    let ask = |pair: &mut Pair, command: &str| {
        pair.session.ask(command).unwrap_or_else(|error| panic!("{error}"))
    };
    let add = |spi| association(spi, true).add_request().with(named("a")).encode();
    // Socket 0 asks, 1 has used a namespace, 2 has not.
    let probe = Message::request(MsgType::X_PROMISC, SaType::UNSPEC).with(named("a")).encode();
    let _ = ask(&mut pair, &format!("request 1 0 {}", hex(&probe)));
    let shown = ask(&mut pair, &format!("request 0 0 {}", hex(&add(1))));
    assert_eq!(shown, " 3,0,0,a; 3,0,0,a; 3,0,0,; 1,i,a,1,0");
    let _ = ask(&mut pair, "full 2 1");
    let shown = ask(&mut pair, &format!("request 0 0 {}", hex(&add(2))));
    assert_eq!(shown, " 3,0,0,a; 3,0,0,a;; 1,i,a,1,0 2,i,a,1,0");
    let _ = ask(&mut pair, "full 2 0");
    let _ = ask(&mut pair, "new 1");
    let shown = ask(&mut pair, &format!("request 0 0 {}", hex(&add(3))));
    assert_eq!(shown, " 3,0,0,a; 3,0,0,; 3,0,0,; 1,i,a,1,0 2,i,a,1,0 3,i,a,1,0");
    pair.session.end().unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn any_requests_do_the_same_in_both_kernels() {
    const NOT_FOUND: u32 = 78;
    runs(
        0..4,
        false,
        &[
            (MsgType::ADD, Errno::OK, 0),
            (MsgType::ADD, Errno::EEXIST, 0),
            (MsgType::ADD, Errno::EEXIST, 256),
            (MsgType::ADD, Errno::EINVAL, 73),
            (MsgType::GETSPI, Errno::OK, 0),
            (MsgType::GETSPI, Errno::EEXIST, 0),
            (MsgType::GETSPI, Errno::EEXIST, 256),
            (MsgType::UPDATE, Errno::OK, 0),
            (MsgType::UPDATE, Errno::ESRCH, NOT_FOUND),
            (MsgType::GET, Errno::OK, 0),
            (MsgType::GET, Errno::ESRCH, NOT_FOUND),
            (MsgType::DELETE, Errno::OK, 0),
            (MsgType::DELETE, Errno::ESRCH, NOT_FOUND),
            (MsgType::X_DELPAIR, Errno::OK, 0),
            (MsgType::X_DELPAIR, Errno::ESRCH, NOT_FOUND),
            (MsgType::X_DELPAIR, Errno::ESRCH, 76),
            (MsgType::X_DELPAIR_STATE, Errno::OK, 0),
            (MsgType::FLUSH, Errno::OK, 0),
            (MsgType::DUMP, Errno::OK, 0),
            (MsgType::X_PROMISC, Errno::OK, 0),
            (MsgType::GET, Errno::EINVAL, 257),
            (MsgType::GET, Errno::EINVAL, 258),
            (MsgType::GET, Errno::EINVAL, 259),
        ],
    );
}

#[test]
fn without_memory_nothing_changes() {
    runs(
        10..13,
        true,
        &[
            (MsgType::ADD, Errno::ENOMEM, 0),
            (MsgType::GETSPI, Errno::ENOMEM, 0),
            (MsgType::DELETE, Errno::ENOMEM, 0),
            (MsgType::FLUSH, Errno::ENOMEM, 0),
            (MsgType::DUMP, Errno::ENOMEM, 0),
        ],
    );
}
