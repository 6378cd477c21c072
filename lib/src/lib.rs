// SPDX-License-Identifier: MIT OR Apache-2.0

//! illumos IPsec for programs.
//!
//! | module | what it is | what it does not know |
//! |---|---|---|
//! | [`model`] | values: prefixes, selectors, directions, algorithms, actions | bytes |
//! | [`wire`] | byte images: `PF_POLICY`, `PF_KEY`, tunnel ioctls, the link daemon | sockets |
//! | [`policy`] | the language of `ipsecinit.conf`: read, check, resolve, lower, print | sockets |
//! | [`sys`] | clients of the kernel interfaces, name services, protected files | options |
//! | [`tunnels`] | operations on IP tunnels, each of them whole or not at all | options, policy |
//! | [`cli`] | getopt scanning, diagnostics, exit codes (feature `cli`) | - |
//!
//! Nothing decoded from a peer can panic, and what is not understood is kept.
//!
//! A program that replaces its policy, whatever was there before, in one step:
//!
//! ```no_run
//! use illumos_ipsec::model::Namespace;
//! use illumos_ipsec::policy::{self, AlgDb, Resolver, SourceText};
//! use illumos_ipsec::sys::System;
//! use illumos_ipsec::sys::names::SystemNames;
//! use illumos_ipsec::sys::policy::PolicyClient;
//!
//! let system = System::current();
//! let client = PolicyClient::new(system.open_policy()?);
//! let mut client = client.in_namespace(Namespace::new("svc:/network/vpn:default")?);
//! if !client.knows_namespaces()? {
//!     return Err("this kernel has no namespaces".into());
//! }
//!
//! let text = b"{ tunnel vpn0 negotiate tunnel } ipsec { encr_algs aes-gcm }\n";
//! let source = SourceText { name: "vpn".to_owned(), text: text.to_vec(), tunnel: None };
//! let parsed = policy::parse(&[source]);
//! let (names, algs) = (SystemNames::new(&system), AlgDb::installed());
//! let kernel = client.algorithms()?;
//! let resolver = Resolver { names: &names, algs: &algs, kernel: &kernel };
//! let (rules, problems) = policy::compile(&parsed, &resolver);
//! if let Some(problem) = parsed.problems.first().or(problems.first()) {
//!     return Err(problem.to_string().into());
//! }
//!
//! let mut requests = Vec::new();
//! for rule in &rules {
//!     for n in 0..rule.requests() {
//!         let priority = policy::base_priority(requests.len()).ok_or("too many rules")?;
//!         let sequence = requests.len() as u32 + 1;
//!         requests.push(rule.message(n, priority, sequence, std::process::id(), rule.direction));
//!     }
//! }
//! client.replace_all(requests)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/vpn_daemon.rs` is a whole daemon, with security associations.

pub mod model;
pub mod policy;
pub mod sys;
pub mod tunnels;
pub mod wire;

#[cfg(feature = "cli")]
pub mod cli;
