// SPDX-License-Identifier: MIT OR Apache-2.0

//! The IPsec interfaces of the illumos kernel, in user mode.
//!
//! [`Kernel`] is the core: it takes bytes and gives bytes, without sockets, files,
//! clocks or chance. Nothing that is written to it can make it panic.
//!
//! | module | what it is |
//! |---|---|
//! | [`Kernel`] | sockets, links, loading of IPsec, lookup |
//! | `policy_socket` | `PF_POLICY`, one file per group of requests |
//! | `spd` | policy heads, their tables, the rules |
//! | [`decisions`] | where it differs from illumos on purpose |
//! | [`lab`] | the world around it: server, shell, demo |

mod alg_table;
pub mod decisions;
mod kernel;
pub mod lab;
mod policy_socket;
mod spd;

pub use kernel::{Config, ConnId, Event, IpsecState, Kernel, KernelKind};
pub use spd::{
    Chain, Family, HeadFlags, PacketSelector, Rule, RulePrefix, RuleSelector, SideFlags, Way,
};
