// SPDX-License-Identifier: MIT OR Apache-2.0

//! Values of IPsec policy, associations and links, in the terms of RFC 4301 and the illumos
//! manuals.
//!
//! These types know nothing about bytes on a socket ([`crate::wire`]) nor about
//! the policy language ([`crate::policy`]). Wrong values are hard to make: a
//! [`Prefix`] cannot be longer than its address, a [`TunnelName`] fits the link
//! name field of the kernel.

mod action;
mod algorithm;
mod default_algorithms;
mod link;
mod link_view;
mod namespace;
mod prefix;
mod rule;
mod sa;
mod secret;
mod selector;
mod tunnel;

pub use action::{ActionFlags, ActionKind, AlgChoice, Alternative};
pub use algorithm::{AlgFlags, AlgProto, AlgUse, Algorithm, KernelAlg, KeySizes};
pub use default_algorithms::default_algorithms;
pub use link::{LINK_NAME_MAX, LinkClass, LinkId, LinkState, TunnelType, valid_link_name};
pub use link_view::{LinkCounters, LinkStatistics, LinkTopology};
pub use namespace::{BadNamespace, Namespace};
pub use prefix::{Prefix, PrefixTooLong};
pub use rule::{Direction, Side, SpdRule, TunnelMode};
pub use sa::{Identity, InnerSelector, Lifetime, Sa, SaEnd, SaFlags, SaKey, SaState, SaType};
pub use secret::Secret;
pub use selector::{IcmpSelector, Selector};
pub use tunnel::{BadTunnelName, TunnelName};
