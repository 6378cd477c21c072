// SPDX-License-Identifier: MIT OR Apache-2.0

//! The policy language of `ipsecinit.conf`.
//!
//! ```text
//! sources -> parse -> rules as written + problems      (no names looked up)
//!         -> compile -> rules resolved + problems      (names, algorithms, key sizes)
//!         -> message -> ADDRULE requests
//! SpdRule -> print -> one line of a listing, which parses back to the same rule
//! ```
//!
//! Every stage goes on after a problem, so that one run reports all of them,
//! each with its source, line and column. Nothing here talks to a kernel.
//! Source: `spec/ipsecconf.md` sections 6 to 8.

mod names;
mod problem;

pub use names::Names;
pub use problem::{Problem, Severity, SourceText, Span};
