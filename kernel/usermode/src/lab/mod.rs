// SPDX-License-Identifier: MIT OR Apache-2.0

//! The lab: everything around the kernel that makes it usable.
//!
//! | part | what it is |
//! |---|---|
//! | [`Server`] | the kernel behind Unix sockets, in a directory |
//! | `ipsec-lab serve` | a server as a process |
//! | `ipsec-lab shell` | a private server and a shell, or one command, that uses it |
//! | `ipadm` | a stand-in with just what a tunnel needs |
//! | `svcadm`, `svcs`, `svcprop`, `svccfg` | stand-ins that run the project's own services |
//! | `ipsec-lab boot` | starts services and stored tunnels as at boot |
//! | `ipsec-lab verdict`, `inject` | what becomes of packets |
//! | `ipsec-lab demo` | a session with the real commands, each step checked |
//!
//! A lab directory has one socket for each kernel interface, `root/`, which stands for
//! `/` when commands resolve a path of the system, and `lock`, which the one live server
//! holds. Commands are told of it in the environment variable `IPSEC_LAB`.

mod args;
mod control;
mod demo;
mod error;
mod ipadm;
mod kernel_args;
mod process;
mod serve;
mod server;
mod shell;
mod signals;
mod smf;
mod store;
mod traffic;
mod tree;

pub use self::args::main;
pub use self::error::LabError;
pub use self::server::{Action, Interposer, Options, Running, Server};

/// Names the lab directory to the commands.
pub const LAB_VARIABLE: &str = "IPSEC_LAB";
