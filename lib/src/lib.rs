// SPDX-License-Identifier: MIT OR Apache-2.0

//! illumos IPsec for programs.
//!
//! | module | what it is | what it does not know |
//! |---|---|---|
//! | [`model`] | values: prefixes, selectors, directions, algorithms, actions | bytes |
//! | [`wire`] | the byte images of `PF_POLICY` messages, to and from values | sockets |
//! | [`sys`] | the kernel interfaces, name services and protected files | options, language |
//! | [`policy`] | the language of `ipsecinit.conf`: read, check, resolve, lower, print | sockets |
//! | [`cli`] | getopt scanning, diagnostics, exit codes (feature `cli`) | - |
//!
//! Nothing decoded from a peer can panic, and what is not understood is kept.

pub mod model;
pub mod policy;
pub mod sys;
pub mod tunnels;
pub mod wire;

#[cfg(feature = "cli")]
pub mod cli;
