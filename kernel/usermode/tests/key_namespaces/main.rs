// SPDX-License-Identifier: MIT OR Apache-2.0

//! Namespaces of associations: two owners and the one without a name, request by request
//! as in the table of `spec/kernel-hooks.md` section 4.2.
//!
//! | file | what it is |
//! |---|---|
//! | `table` | AH and ESP, row by row |
//! | `tcp` | TCP signatures |
//! | `extension` | the extension itself, and requests that take it without effect |
//! | `delivery` | who is shown a namespace |
//! | `random` | random work of three, and a model |

#[path = "../common/mod.rs"]
mod common;
mod delivery;
mod extension;
mod random;
mod table;
mod tcp;

use std::collections::BTreeSet;

use common::addr;
use common::links::{HERE, THERE};
use common::traffic::association;
use illumos_ipsec::model::{Namespace, Sa, SaFlags, SaState, SaType};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{
    AddressExt, Diagnostic, Ext, ExtType, Header, Message, MsgType, SaExt,
};
use illumos_ipsec::wire::namespace::NamespaceExt;
use ipsec_usermode::{Config, ConnId, IpsecState, Kernel, KernelKind};

const NOW: u64 = 1_700_000_000;
const OK: (Errno, Diagnostic) = (Errno::OK, Diagnostic::NONE);
const GONE: (Errno, Diagnostic) = (Errno::ESRCH, Diagnostic::SA_NOTFOUND);

/// Who asks: nobody, or an owner.
type Who = Option<&'static str>;
const NOBODY: Who = None;
const A: Who = Some("svc:/network/vpn:a");
const B: Who = Some("b");
const ALL: [Who; 3] = [NOBODY, A, B];

fn name(text: &str) -> Namespace {
    Namespace::new(text).unwrap()
}

fn tagged(message: Message, who: Who) -> Message {
    match who {
        None => message,
        Some(who) => message.with(Ext::Namespace(NamespaceExt::Name(name(who)))),
    }
}

fn any_owner(message: Message) -> Message {
    message.with(Ext::Namespace(NamespaceExt::Any))
}

fn owner(message: &Message) -> Option<String> {
    match message.get(ExtType::NAMESPACE)? {
        Ext::Namespace(NamespaceExt::Name(name)) => {
            assert!(matches!(message.exts.last(), Some(Ext::Namespace(_))), "it is the last one");
            Some(name.to_string())
        }
        other => panic!("{other:?}"),
    }
}

/// A kernel, a socket that asks, one that uses namespaces, and one that does not.
struct World {
    kernel: Kernel,
    socket: ConnId,
    knowing: ConnId,
    plain: ConnId,
}

impl World {
    fn new() -> Self {
        let mut kernel = Kernel::new(Config::default());
        kernel.set_address(addr(HERE), true);
        kernel.set_time(NOW);
        let [socket, knowing, plain] = [(); 3].map(|()| kernel.open_key());
        let mut world = Self { kernel, socket, knowing, plain };
        let probe = tagged(Message::request(MsgType::X_PROMISC, SaType::UNSPEC), A);
        world.kernel.request(knowing, &probe.encode());
        assert_eq!(world.read(knowing), [probe]);
        world
    }

    fn read(&mut self, socket: ConnId) -> Vec<Message> {
        std::iter::from_fn(|| self.kernel.next_reply(socket))
            .map(|bytes| Message::decode(&bytes).unwrap())
            .map(|mut message| {
                message.header.len = 0;
                message
            })
            .collect()
    }

    /// All answers to a request.
    fn answers(&mut self, message: &Message) -> Vec<Message> {
        self.read(self.socket);
        self.kernel.request(self.socket, &message.encode());
        self.read(self.socket)
    }

    fn ask(&mut self, message: Message, who: Who) -> (Errno, Diagnostic) {
        let answers = self.answers(&tagged(message, who));
        let header: Header = answers.first().expect("an answer").header;
        (header.errno, header.diagnostic)
    }

    fn add(&mut self, sa: &Sa, who: Who) -> (Errno, Diagnostic) {
        self.ask(sa.add_request(), who)
    }

    fn records(&mut self, request: &Message) -> Vec<(u32, Option<String>)> {
        let answers = self.answers(request);
        let (end, records) = answers.split_last().expect("an end");
        assert_eq!((end.header.errno, end.header.seq, &end.exts[..]), (Errno::OK, 0, &[][..]));
        let mut all: Vec<_> =
            records.iter().map(|one| (one.sa().unwrap().spi, owner(one))).collect();
        all.sort();
        all
    }

    /// SPI and owner of every association of AH and ESP.
    fn all(&mut self) -> Vec<(u32, Option<String>)> {
        self.records(&any_owner(Message::request(MsgType::DUMP, SaType::UNSPEC)))
    }

    fn spis(&mut self) -> Vec<u32> {
        self.all().into_iter().map(|(spi, _)| spi).collect()
    }

    /// One association for each of the three: 1, 2, 3.
    fn with_three(kind: SaType) -> Self {
        let mut world = Self::new();
        for (spi, who) in (1..).zip(ALL) {
            assert_eq!(world.add(&sa(kind, spi), who), OK);
        }
        world
    }
}

/// An association for what arrives.
fn sa(kind: SaType, spi: u32) -> Sa {
    let mut sa = association(spi, THERE, HERE, false);
    sa.kind = kind;
    if kind == SaType::AH {
        (sa.encr, sa.encr_key) = (0, None);
    }
    sa
}

/// One for what leaves.
fn leaving(kind: SaType, spi: u32) -> Sa {
    let mut sa = sa(kind, spi);
    (sa.src, sa.dst) = (sa.dst, sa.src);
    sa
}

fn address(kind: ExtType, text: &str) -> Ext {
    Ext::Address(kind, AddressExt::new(addr(text), 0, 0))
}

/// A request about one association for what arrives.
fn about(kind: MsgType, satype: SaType, spi: u32) -> Message {
    let sa = SaExt { state: SaState::MATURE, ..SaExt::find(spi, SaFlags::empty()) };
    Message::request(kind, satype)
        .with(Ext::Sa(sa))
        .with(address(ExtType::ADDRESS_SRC, THERE))
        .with(address(ExtType::ADDRESS_DST, HERE))
}

fn getspi(satype: SaType, spi: u32) -> Message {
    Message::request(MsgType::GETSPI, satype)
        .with(address(ExtType::ADDRESS_SRC, THERE))
        .with(address(ExtType::ADDRESS_DST, HERE))
        .with(Ext::SpiRange { min: spi, max: spi, reserved: 0 })
}

fn limits(addtime: u64) -> Ext {
    let hard = illumos_ipsec::model::Lifetime { addtime, ..Default::default() };
    Ext::Lifetime(ExtType::LIFETIME_HARD, hard)
}

const KINDS: [SaType; 2] = [SaType::AH, SaType::ESP];
