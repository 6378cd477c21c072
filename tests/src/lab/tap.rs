// SPDX-License-Identifier: MIT OR Apache-2.0

//! The tap in front of the kernel: it notes each request, and kills a command at one of them.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use illumos_ipsec::wire::policy::MsgType;
use ipsec_usermode::Event;
use ipsec_usermode::lab::{Action, Interposer};

/// A request as the kernel was about to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Number of the connection, from 1.
    pub connection: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Seen {
    /// The type of the request.
    #[must_use]
    pub fn kind(&self) -> MsgType {
        MsgType(self.bytes.get(1).copied().unwrap_or_default())
    }
}

/// What the tap in the server knows and is told.
#[derive(Default)]
pub(super) struct Watch {
    state: Mutex<State>,
    pid_known: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) seen: Vec<Seen>,
    pub(super) events: Vec<Event>,
    pub(super) trap: Option<Trap>,
}

pub(super) struct Trap {
    pub(super) n: usize,
    pub(super) before: bool,
    pub(super) pid: Option<u32>,
}

impl Watch {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the tap never panics")
    }

    pub(super) fn set_trap_pid(&self, pid: u32) {
        if let Some(trap) = &mut self.state().trap {
            trap.pid = Some(pid);
        }
        self.pid_known.notify_all();
    }
}

pub(super) struct Tap(pub(super) Arc<Watch>);

impl Interposer for Tap {
    fn event(&mut self, event: &Event) {
        self.0.state().events.push(event.clone());
    }

    fn request(&mut self, connection: u64, bytes: &[u8]) -> Action {
        let mut state = self.0.state();
        state.seen.push(Seen { connection, bytes: bytes.to_vec() });
        let count = state.seen.len();
        if state.trap.as_ref().is_none_or(|trap| trap.n + 1 != count) {
            return Action::Pass;
        }
        // The request can be here before its sender's number is.
        while state.trap.as_ref().is_some_and(|trap| trap.pid.is_none()) {
            state = self.0.pid_known.wait(state).expect("the tap never panics");
        }
        let Some(Trap { before, pid: Some(pid), .. }) = &state.trap else { return Action::Pass };
        let pid = nix::unistd::Pid::from_raw(*pid as i32);
        // It can only fail if the command is gone already.
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        if *before { Action::Close } else { Action::Pass }
    }
}
