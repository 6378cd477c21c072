// SPDX-License-Identifier: MIT OR Apache-2.0

//! Access to the system: kernel interfaces, name services, protected files.
//!
//! | module | what it is |
//! |---|---|
//! | `system` | the system a command works on: where everything below is to be had |
//! | [`links`] | data-links: `/dev/dld`, the link daemon, statistics |
//! | `socket` | a connection to the kernel that is a socket: one trait |
//! | `refusal` | what a kernel says when it does not do what it is asked |
//! | [`policy`] | the client of `PF_POLICY` |
//! | [`key`] | the client of `PF_KEY` |
//! | `illumos` | back end: this machine (on illumos only) |
//! | `usermode` | back end: the user-mode kernel of a lab (not on illumos) |
//! | [`script`] | back end: a scripted exchange for unit tests |
//! | [`names`] | hosts, networks, services and protocols |
//! | [`files`] | the lock file, and files that are replaced as a whole |
//! | `clock` | the time, and local time |
//! | `terminal` | the size of a window |
//! | [`signals`] | holding signals back during a change |
//! | [`standby`] | asking a kernel for a defect that opens tunnels during a load |
//!
//! On illumos only the real kernel can be reached. On every other system only a
//! lab exists: the environment variable `IPSEC_LAB` names its directory, with one
//! socket per kernel interface and `root/`, under which system paths are resolved.

mod clock;
pub mod files;
#[cfg(any(target_os = "illumos", test))]
mod illumos;
pub mod key;
pub mod links;
pub mod names;
pub mod policy;
mod refusal;
pub mod script;
pub mod signals;
mod socket;
pub mod standby;
mod system;
mod terminal;
#[cfg(not(target_os = "illumos"))]
mod usermode;

pub use clock::local_time;
pub use refusal::Refusal;
pub use socket::{MessageSocket, OpenError, Ready};
pub use system::{NoKernel, System};
pub use terminal::window_rows;
#[cfg(not(target_os = "illumos"))]
pub use usermode::LAB_CLOCK;
