// SPDX-License-Identifier: MIT OR Apache-2.0

//! The server: the user-mode kernel behind Unix sockets.
//!
//! One thread and one `poll`. A packet of a `SOCK_SEQPACKET` socket is a message. The
//! server survives any client: what it keeps for one is bounded, one that does not read
//! is not read from, and none gets more than a bounded number of packets moved before
//! the others have their turn.

mod client;
mod clock;
mod interface;
mod listener;
mod packets;
mod stop;
mod trace;

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use illumos_ipsec::wire::key::Show;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use self::client::{Client, Context, State};
use self::clock::Clock;
use self::interface::INTERFACES;
use self::listener::Listener;
use self::packets::Inbox;
pub use self::stop::Running;
use self::trace::Trace;
use super::LabError;
use super::error::complain;
use super::store::FileStore;
use super::tree::{Lock, Tree};
use crate::links::Registry;
use crate::{Config, Event, Kernel};

/// Connections accepted in one turn.
const ACCEPTS: usize = 64;

/// How long no connection is accepted after descriptors have run out, unless one of
/// ours is closed before.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What loading the IPsec modules takes: the kernel looks again after this time.
const LOAD_TIMER: Duration = Duration::from_millis(30);

/// How often the clock is looked at while there is something that time can end.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(1);

/// How long the server looks for the next request before it sleeps: a client that has just
/// been answered often has one, and waking up takes longer than that.
const LOOK: Duration = Duration::from_micros(50);

/// What the server does beside answering.
#[derive(Default)]
pub struct Options {
    /// Append each message to this file.
    pub trace: Option<PathBuf>,
    /// With its keys.
    pub trace_keys: bool,
    /// Look at each request before the kernel does.
    pub interposer: Option<Box<dyn Interposer>>,
    /// Addresses of the host, as if they were on an interface outside of the lab.
    pub addresses: Vec<IpAddr>,
}

/// Looks at each request before the kernel does: tests put faults in here.
pub trait Interposer: Send {
    /// Decides about one packet. Connections are numbered from 1 in the order in
    /// which they are accepted.
    fn request(&mut self, connection: u64, bytes: &[u8]) -> Action;

    /// Hears what the kernel tells its tunnel driver.
    fn event(&mut self, _event: &Event) {}
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The kernel answers it.
    Pass,
    /// This is the answer; the kernel does not see the request.
    Reply(Vec<u8>),
    /// The connection is closed without an answer.
    Close,
}

/// A user-mode kernel that serves the sockets of one lab directory.
///
/// The sockets are removed when the server is dropped.
pub struct Server {
    kernel: Kernel,
    clients: Vec<Client>,
    accepted: u64,
    accept_again: Option<Instant>,
    /// Something has happened in the last turn.
    busy: bool,
    /// The last try to accept a connection has failed, and that has been said.
    cannot_accept: bool,
    /// When requests that wait for IPsec to be loaded go on.
    load_timer: Option<Instant>,
    clock: Clock,
    trace: Option<Trace>,
    interposer: Option<Box<dyn Interposer>>,
    inbox: Inbox,
    tree: Tree,
    // In this order: the sockets go before the lock.
    listeners: Vec<Listener>,
    _lock: Lock,
}

impl Server {
    /// Makes `dir` a lab directory, starts a kernel and listens.
    ///
    /// # Errors
    ///
    /// [`LabError::InUse`] when another server is alive there.
    pub fn bind(dir: &Path, config: Config, options: Options) -> Result<Self, LabError> {
        let tree = Tree::create(dir)?;
        let lock = tree.lock()?;
        tree.fill()?;
        let trace = match &options.trace {
            Some(path) => Some(
                Trace::open(path, if options.trace_keys { Show::Keys } else { Show::Redacted })
                    .map_err(|source| LabError::io("cannot open", path, source))?,
            ),
            None => None,
        };
        let listeners = INTERFACES
            .iter()
            .map(|interface| Listener::bind(tree.dir(), interface))
            .collect::<Result<_, _>>()?;
        let mut registry = Registry::open(Box::new(FileStore::new(tree.root())));
        registry.take_complaints().iter().for_each(|text| complain(format_args!("{text}")));
        let mut kernel = Kernel::new(config);
        kernel.set_links_registry(registry);
        kernel.set_time(Clock::new(tree.dir()).now());
        options.addresses.iter().for_each(|address| kernel.set_address(*address, true));
        Ok(Self {
            kernel,
            clients: Vec::new(),
            accepted: 0,
            accept_again: None,
            busy: false,
            cannot_accept: false,
            load_timer: None,
            clock: Clock::new(tree.dir()),
            trace,
            interposer: options.interposer,
            inbox: Inbox::new(),
            tree,
            listeners,
            _lock: lock,
        })
    }

    /// The lab directory, what commands are told in `IPSEC_LAB`.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.tree.dir()
    }

    /// The directory that stands for `/`.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.tree.root()
    }

    /// The kernel.
    #[must_use]
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The kernel, to change its state between requests.
    pub fn kernel_mut(&mut self) -> &mut Kernel {
        &mut self.kernel
    }

    /// Sets or removes the interposer.
    pub fn set_interposer(&mut self, interposer: Option<Box<dyn Interposer>>) {
        self.interposer = interposer;
    }

    /// Number of open connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.clients.len()
    }

    /// Waits for packets and connections, at most `timeout`, and serves them once.
    pub fn step(&mut self, timeout: Duration) -> io::Result<()> {
        self.turn(Some(timeout), &[]).map(drop)
    }

    /// One turn; true when one of `stop` is readable.
    fn turn(&mut self, timeout: Option<Duration>, stop: &[BorrowedFd<'_>]) -> io::Result<bool> {
        let Some(ready) = self.wait(timeout, stop)? else {
            return Ok(false);
        };
        self.set_time();
        let mut ctx = Context {
            kernel: &mut self.kernel,
            trace: &mut self.trace,
            interposer: &mut self.interposer,
            inbox: &mut self.inbox,
        };
        for &at in &ready.clients {
            self.clients[at].turn(&mut ctx);
        }
        let before = self.clients.len();
        self.clients.retain(|client| client.state() != State::Closed);
        if self.clients.len() < before {
            self.accept_again = None;
        }
        for &at in &ready.listeners {
            self.accept(at);
        }
        self.tell_news();
        self.handle_events();
        Ok(ready.stop)
    }

    /// What one client does concerns others, too: they get their messages in their next
    /// turn.
    fn tell_news(&mut self) {
        let kernel = &self.kernel;
        self.clients.iter_mut().for_each(|client| client.look_for_news(kernel));
    }

    /// Tells the kernel the time; what has passed its limits is told to clients.
    fn set_time(&mut self) {
        if !self.kernel.ages() {
            return;
        }
        let now = self.clock.now();
        if now != self.kernel.time() {
            self.kernel.set_time(now);
            self.tell_news();
        }
    }

    /// Does what the kernel has asked for. There are no modules to load here: that always
    /// works, and is seen when the kernel looks again.
    fn handle_events(&mut self) {
        let events = self.kernel.take_events();
        if let Some(interposer) = &mut self.interposer {
            events.iter().for_each(|event| interposer.event(event));
        }
        if events.contains(&Event::LoadRequested) {
            self.kernel.ipsec_loaded(true);
            self.load_timer.get_or_insert_with(|| Instant::now() + LOAD_TIMER);
        }
    }

    /// Waits; `None` when a signal came between.
    fn wait(
        &mut self,
        timeout: Option<Duration>,
        stop: &[BorrowedFd<'_>],
    ) -> io::Result<Option<Ready>> {
        let ageing = self.kernel.ages().then_some(LOOK_AT_CLOCK);
        let timeout = [timeout, self.run_timers(), ageing].into_iter().flatten().min();
        let listeners: &[Listener] =
            if self.accept_again.is_none() { &self.listeners } else { &[] };
        let mut fds = Vec::with_capacity(stop.len() + listeners.len() + self.clients.len());
        fds.extend(stop.iter().map(|&fd| PollFd::new(fd, PollFlags::POLLIN)));
        fds.extend(listeners.iter().map(|l| PollFd::new(l.as_fd(), PollFlags::POLLIN)));
        let polled: Vec<usize> =
            (0..self.clients.len()).filter(|&at| self.clients[at].interest().is_some()).collect();
        fds.extend(polled.iter().filter_map(|&at| {
            let client = &self.clients[at];
            Some(PollFd::new(client.as_fd(), client.interest()?))
        }));
        match look_and_poll(&mut fds, timeout, std::mem::take(&mut self.busy)) {
            Ok(ready) => self.busy = ready > 0,
            Err(Errno::EINTR) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        }

        let happened = |fd: &PollFd<'_>| fd.any().unwrap_or(true);
        let (stop_fds, rest) = fds.split_at(stop.len());
        let (listener_fds, client_fds) = rest.split_at(listeners.len());
        let mut ready = Ready {
            stop: stop_fds.iter().any(happened),
            listeners: (0..listeners.len()).filter(|&at| happened(&listener_fds[at])).collect(),
            clients: polled
                .iter()
                .zip(client_fds)
                .filter_map(|(&at, fd)| happened(fd).then_some(at))
                .collect(),
        };
        let more = |at: &usize| self.clients[*at].state() == State::More;
        ready.clients.extend((0..self.clients.len()).filter(more));
        Ok(Some(ready))
    }

    /// Does what is due; the time until something will be.
    fn run_timers(&mut self) -> Option<Duration> {
        let timers = [self.accept_again, self.load_timer];
        if timers != [None; 2] {
            let now = Instant::now();
            if self.accept_again.is_some_and(|at| at <= now) {
                self.accept_again = None;
            }
            if self.load_timer.is_some_and(|at| at <= now) {
                self.load_timer = None;
                self.kernel.load_timer();
                self.clients.iter_mut().for_each(Client::kernel_is_back);
            }
        }
        if self.clients.iter().any(|client| client.state() == State::More) {
            return Some(Duration::ZERO);
        }
        let next = [self.accept_again, self.load_timer].into_iter().flatten().min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    fn accept(&mut self, at: usize) {
        for _ in 0..ACCEPTS {
            let listener = &self.listeners[at];
            match listener.accept() {
                Ok(socket) => {
                    self.accepted += 1;
                    self.cannot_accept = false;
                    let mut ctx = Context {
                        kernel: &mut self.kernel,
                        trace: &mut self.trace,
                        interposer: &mut self.interposer,
                        inbox: &mut self.inbox,
                    };
                    let client = Client::open(self.accepted, listener.interface, socket, &mut ctx);
                    self.clients.push(client);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if !self.cannot_accept {
                        complain(format_args!("no connection accepted for a while: {error}"));
                    }
                    self.cannot_accept = true;
                    self.accept_again = Some(Instant::now() + ACCEPT_PAUSE);
                    break;
                }
            }
        }
    }
}

/// What a wait has found, by index.
struct Ready {
    stop: bool,
    listeners: Vec<usize>,
    clients: Vec<usize>,
}

/// Polls; for a busy server, without going to sleep at first.
fn look_and_poll(
    fds: &mut [PollFd<'_>],
    timeout: Option<Duration>,
    busy: bool,
) -> nix::Result<i32> {
    if busy {
        let start = Instant::now();
        while start.elapsed() < timeout.map_or(LOOK, |timeout| timeout.min(LOOK)) {
            match poll(fds, PollTimeout::ZERO)? {
                0 => thread::yield_now(),
                ready => return Ok(ready),
            }
        }
    }
    poll(fds, poll_timeout(timeout))
}

/// Rounded up to the next millisecond: rounding down would spin.
fn poll_timeout(timeout: Option<Duration>) -> PollTimeout {
    match timeout {
        None => PollTimeout::NONE,
        Some(timeout) => {
            let millis = timeout.as_nanos().div_ceil(1_000_000);
            PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
        }
    }
}
