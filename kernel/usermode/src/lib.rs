// SPDX-License-Identifier: MIT OR Apache-2.0

//! The IPsec interfaces of the illumos kernel, in user mode.
//!
//! [`Kernel`] is the core: it takes bytes and gives bytes, without sockets, files,
//! clocks or chance. Nothing that is written to it can make it panic.
//!
//! | module | what it is |
//! |---|---|
//! | [`Kernel`] | sockets, links, loading of IPsec, lookup |
//! | [`Config`] | how a kernel starts, and which one it is |
//! | `alg_table` | the algorithms that it has |
//! | `policy_socket` | `PF_POLICY`, one file per group of requests |
//! | `key_socket` | `PF_KEY`, one file per group of requests |
//! | `sadb` | security associations, keys, lifetimes |
//! | [`links`] | the link registry |
//! | [`iptun`] | the IP tunnel driver |
//! | `dld` | ioctls of `/dev/dld` and what goes with them |
//! | [`host`] | addresses, interfaces, callers |
//! | `control` | what has no illumos interface |
//! | [`packet`] | the packet path: what becomes of a packet |
//! | `spd` | policy heads, their tables, the rules |
//! | [`decisions`] | where it differs from illumos on purpose |
//! | [`lab`] | the world around it: server, shell, demo |

mod alg_table;
mod config;
mod control;
pub mod decisions;
mod dld;
pub mod host;
pub mod iptun;
mod kernel;
mod key_socket;
pub mod lab;
pub mod links;
pub mod packet;
mod policy_socket;
mod sadb;
mod spd;

pub use config::{Config, IpsecState, KernelKind};
pub use kernel::{ConnId, Event, Kernel};
pub use spd::{
    Chain, Family, HeadFlags, PacketSelector, Rule, RulePrefix, RuleSelector, SideFlags, Way,
};
