// SPDX-License-Identifier: MIT OR Apache-2.0

//! The state of one network stack and the operations from outside.

use std::collections::{BTreeMap, VecDeque};

use illumos_ipsec::model::{Side, TunnelName, default_algorithms};
use illumos_ipsec::wire::policy::{Ext, update_algorithms};

use crate::alg_table::AlgTable;
use crate::config::{Config, IpsecState, KernelKind};
use crate::host::Host;
use crate::iptun::Tunnels;
use crate::key_socket::{Acquires, KeySockets, TcpSignatures};
use crate::links::Registry;
use crate::packet::PacketCounters;
use crate::policy_socket::{self, PolicySocket};
use crate::sadb::Sadb;
use crate::spd::{HeadFlags, PacketSelector, Rule, Spd, Way};

/// Protocol classes whose packets are processed synchronously: AH and ESP.
const SYNC_PROTOCOLS: &[u32] = &[2, 3];

/// One open socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId(u64);

/// Something the kernel did beside answering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The tunnel driver was told that the policy of a tunnel may have changed.
    TunnelPolicy {
        /// The link.
        link: TunnelName,
        /// The policy head; of the same name.
        tunnel: TunnelName,
        /// Flags of its two sides at that moment.
        flags: HeadFlags,
        /// Rules in force.
        active_rules: usize,
        /// Rules on the other side.
        standby_rules: usize,
    },
    /// A request needs the IPsec modules, which are not loaded.
    LoadRequested,
}

/// Loading of the IPsec modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    Loaded,
    Not,
    Failed,
}

/// A connection on which each packet is a call and has one answer.
#[derive(Clone, Debug)]
struct Calls {
    answer: fn(&mut Kernel, &[u8]) -> Vec<u8>,
    answers: VecDeque<Vec<u8>>,
}

/// A kernel without input and output: bytes go in, bytes and events come out, and the
/// same calls give the same results.
///
/// ```
/// use ipsec_usermode::{Config, Kernel};
///
/// let mut kernel = Kernel::new(Config::default());
/// let socket = kernel.open_policy();
/// kernel.request(socket, &[1, 1, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]); // FLUSH
/// assert_eq!(kernel.next_reply(socket).unwrap()[8], 7);
/// assert_eq!(kernel.next_reply(socket), None);
/// ```
///
/// A clone goes on from the same state with the same open sockets, and what it stores
/// reaches no file.
#[derive(Clone, Debug)]
pub struct Kernel {
    pub(crate) kind: KernelKind,
    pub(crate) load: Load,
    /// The last UPDATEALGS request from before IPsec was loaded.
    pub(crate) kept_update: Option<Vec<u8>>,
    pub(crate) algs: AlgTable,
    pub(crate) spd: Spd,
    pub(crate) links: Registry,
    pub(crate) tunnels: Tunnels,
    pub(crate) host: Host,
    pub(crate) packets: PacketCounters,
    pub(crate) sadb: Sadb,
    pub(crate) tcp_signatures: TcpSignatures,
    pub(crate) acquires: Acquires,
    pub(crate) keys: KeySockets,
    /// Seconds since 1970, as far as the kernel has been told.
    pub(crate) now: u64,
    /// When associations were last looked at.
    pub(crate) aged: u64,
    /// State of what looks like chance.
    pub(crate) chance: u64,
    sockets: BTreeMap<ConnId, PolicySocket>,
    callers: BTreeMap<ConnId, Calls>,
    next_conn: u64,
    events: Vec<Event>,
}

impl Kernel {
    /// A kernel that has just started.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let load = match config.ipsec {
            IpsecState::Loaded | IpsecState::LoadedNoAlgs => Load::Loaded,
            IpsecState::Unloaded => Load::Not,
        };
        let mut kernel = Self {
            kind: config.kind,
            load,
            kept_update: None,
            algs: AlgTable::default(),
            spd: Spd::new(),
            links: Registry::default(),
            tunnels: Tunnels::default(),
            host: Host::default(),
            packets: PacketCounters::default(),
            sadb: Sadb::default(),
            tcp_signatures: TcpSignatures::default(),
            acquires: Acquires::default(),
            keys: KeySockets::default(),
            now: 0,
            aged: 0,
            chance: 1,
            sockets: BTreeMap::new(),
            callers: BTreeMap::new(),
            next_conn: 1,
            events: Vec::new(),
        };
        if config.ipsec == IpsecState::Loaded {
            kernel.install_default_algorithms();
        }
        kernel
    }

    /// Which kernel this is.
    #[must_use]
    pub fn kind(&self) -> KernelKind {
        self.kind
    }

    /// Opens a `PF_POLICY` socket.
    pub fn open_policy(&mut self) -> ConnId {
        let conn = self.new_conn();
        self.sockets.insert(conn, PolicySocket::default());
        conn
    }

    /// Opens a connection for ioctls of `/dev/dld` and what goes with them
    /// ([`illumos_ipsec::wire::lab`]).
    pub fn open_dld(&mut self) -> ConnId {
        self.open_calls(Self::dld_call)
    }

    /// Opens a connection for what has no illumos interface; JSON in, JSON out.
    pub fn open_control(&mut self) -> ConnId {
        self.open_calls(Self::control_call)
    }

    fn open_calls(&mut self, answer: fn(&mut Self, &[u8]) -> Vec<u8>) -> ConnId {
        let conn = self.new_conn();
        self.callers.insert(conn, Calls { answer, answers: VecDeque::new() });
        conn
    }

    pub(crate) fn new_conn(&mut self) -> ConnId {
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        conn
    }

    /// Closes a socket; its dump, waiting requests and replies are gone.
    pub fn close(&mut self, conn: ConnId) {
        self.sockets.remove(&conn);
        self.callers.remove(&conn);
        self.close_key(conn);
    }

    /// One write to a socket. It is carried out at once, or when the dump of that socket
    /// is read to its end. Writes of more than 65,536 bytes count as several messages.
    /// On a closed socket nothing happens.
    pub fn request(&mut self, conn: ConnId, message: &[u8]) {
        if let Some(calls) = self.callers.get(&conn) {
            let answer = (calls.answer)(self, message);
            self.callers.entry(conn).and_modify(|calls| calls.answers.push_back(answer));
            return;
        }
        if self.is_key_socket(conn) {
            self.key_request(conn, message);
            return;
        }
        self.with_socket(conn, |socket, kernel| {
            socket.write(message);
            socket.run(kernel);
        });
    }

    /// Should the server read from this client? Not while replies are there to be
    /// fetched, a dump runs or a request waits for IPsec to be loaded.
    #[must_use]
    pub fn wants_input(&self, conn: ConnId) -> bool {
        match self.callers.get(&conn) {
            Some(calls) => calls.answers.is_empty(),
            None if self.is_key_socket(conn) => self.key_idle(conn),
            None => self.sockets.get(&conn).is_some_and(PolicySocket::idle),
        }
    }

    /// Has the kernel something for a reader that has asked for nothing since it last
    /// fetched all there was? Only `PF_KEY` sockets get such messages.
    #[must_use]
    pub fn has_news(&self, conn: ConnId) -> bool {
        self.key_has_reply(conn)
    }

    /// The next message for the reader of a socket, if there is one.
    ///
    /// Records of a dump are made when they are fetched. Who stops fetching stops the
    /// dump; if the table changes meanwhile, the dump ends with EAGAIN.
    pub fn next_reply(&mut self, conn: ConnId) -> Option<Vec<u8>> {
        if let Some(calls) = self.callers.get_mut(&conn) {
            return calls.answers.pop_front();
        }
        if self.is_key_socket(conn) {
            return self.next_key_reply(conn);
        }
        let socket = self.sockets.get_mut(&conn)?;
        match socket.take_reply() {
            None if socket.dumping() => self.with_socket(conn, PolicySocket::next_record).flatten(),
            reply => reply,
        }
    }

    /// What happened since the last call. To be called now and then, or the list grows.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Tells how the loading of the IPsec modules ended. Waiting requests go on at the
    /// next [`Kernel::load_timer`].
    pub fn ipsec_loaded(&mut self, ok: bool) {
        if self.load == Load::Loaded {
            return;
        }
        self.load = if ok { Load::Loaded } else { Load::Failed };
        if ok {
            policy_socket::update_kept(self);
        }
    }

    /// Does a request wait for IPsec to be loaded?
    #[must_use]
    pub fn load_pending(&self) -> bool {
        self.sockets.values().any(|socket| socket.loading)
    }

    /// The 30 ms between two looks are over: requests that wait for IPsec to be loaded go
    /// on, fail or wait again.
    pub fn load_timer(&mut self) {
        let waiting: Vec<ConnId> =
            self.sockets.iter().filter(|(_, s)| s.loading).map(|(conn, _)| *conn).collect();
        for conn in waiting {
            self.with_socket(conn, PolicySocket::load_timer);
        }
    }

    /// The rule for a packet in one table of the system's or a tunnel's policy head.
    ///
    /// Of the rules that match, the one with the largest priority; of equal ones those
    /// with an exact remote address before others, then the newest (each CLONE turns
    /// that round). Rules with priority 0 never match.
    /// Source: `spec/pf_policy.md` section 8.1.
    #[must_use]
    pub fn lookup(
        &self,
        tunnel: Option<&TunnelName>,
        side: Side,
        way: Way,
        packet: &PacketSelector,
    ) -> Option<&Rule> {
        self.spd.table(tunnel, side)?.lookup(way, packet)
    }

    /// The flags of a tunnel's policy head, if it has one.
    #[must_use]
    pub fn tunnel_flags(&self, tunnel: &TunnelName) -> Option<HeadFlags> {
        self.spd.head(Some(tunnel)).map(|head| head.flags)
    }

    /// The rules of a table in the order of a dump; none if there is no such head.
    pub fn rules(
        &self,
        tunnel: Option<&TunnelName>,
        side: Side,
    ) -> impl Iterator<Item = (Way, &Rule)> {
        let table = self.spd.table(tunnel, side);
        table.into_iter().flat_map(|table| table.iter()).map(|(place, rule)| (place.way(), rule))
    }

    /// Tells the tunnel driver about the policy of a tunnel, if the link exists.
    pub(crate) fn tell_tunnel(&mut self, tunnel: &TunnelName) {
        self.policy_of_name_changed(tunnel);
        if self.is_tunnel(tunnel)
            && let Some(head) = self.spd.head(Some(tunnel))
        {
            self.events.push(Event::TunnelPolicy {
                link: tunnel.clone(),
                tunnel: tunnel.clone(),
                flags: head.flags,
                active_rules: head.table(Side::Active).len(),
                standby_rules: head.table(Side::Standby).len(),
            });
        }
    }

    /// The next of a row of numbers that looks like chance and is always the same.
    pub(crate) fn random(&mut self) -> u64 {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.chance >> 33
    }

    /// Asks for the IPsec modules.
    pub(crate) fn request_load(&mut self) {
        self.events.push(Event::LoadRequested);
    }

    fn install_default_algorithms(&mut self) {
        let request = update_algorithms(&default_algorithms(), SYNC_PROTOCOLS);
        if let [ext @ Ext::Action { .. }] = request.exts.as_slice() {
            let mut bytes = Vec::new();
            ext.encode(&mut bytes);
            self.algs.update(&bytes[8..]).expect("the default algorithms are consistent");
        }
    }

    /// A socket and the kernel side by side; `None` if there is no such socket.
    fn with_socket<T>(
        &mut self,
        conn: ConnId,
        act: impl FnOnce(&mut PolicySocket, &mut Self) -> T,
    ) -> Option<T> {
        let mut socket = std::mem::take(self.sockets.get_mut(&conn)?);
        let result = act(&mut socket, self);
        if let Some(place) = self.sockets.get_mut(&conn) {
            *place = socket;
        }
        Some(result)
    }
}
