// SPDX-License-Identifier: MIT OR Apache-2.0

//! Signals as something to poll for.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// Signals that no longer interrupt this thread, and what has arrived of them. They stay
/// blocked to the end of the program: one that nobody has read must not kill it.
pub(super) struct Signals {
    fd: SignalFd,
    before: SigSet,
}

/// A signal that has arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived {
    pub(super) signal: Signal,
    /// Sent by the kernel, such as by the terminal to every process in the foreground.
    pub(super) by_kernel: bool,
}

/// `si_code` of a signal that the kernel has sent.
const SI_KERNEL: i32 = 0x80;

impl Signals {
    /// Blocks `signals` in this thread, and in processes that it starts otherwise than with
    /// [`spawn`](Self::spawn).
    pub(super) fn catch(signals: &[Signal]) -> io::Result<Self> {
        let set: SigSet = signals.iter().copied().collect();
        let before = SigSet::thread_get_mask()?;
        set.thread_block()?;
        let fd = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { fd, before })
    }

    /// Starts a process in which no more signals are blocked than before.
    #[allow(unsafe_code, reason = "a process inherits what is blocked unless it says otherwise")]
    pub(super) fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        let before = self.before;
        // SAFETY: between fork and exec only functions that are safe in a signal handler may
        // be called; pthread_sigmask(3) is one and is all that is called.
        let command = unsafe { command.pre_exec(move || Ok(before.thread_set_mask()?)) };
        command.spawn()
    }

    /// The next signal; `None` when `deadline` has passed.
    pub(super) fn next(&self, deadline: Option<Instant>) -> io::Result<Option<Arrived>> {
        loop {
            if let Some(info) = self.fd.read_signal()? {
                let number = i32::try_from(info.ssi_signo).unwrap_or_default();
                let Ok(signal) = Signal::try_from(number) else {
                    continue;
                };
                return Ok(Some(Arrived { signal, by_kernel: info.ssi_code == SI_KERNEL }));
            }
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
            let timeout = left.map_or(PollTimeout::NONE, |left| {
                (left + Duration::from_millis(1)).try_into().unwrap_or(PollTimeout::MAX)
            });
            match poll(&mut [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)], timeout) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
