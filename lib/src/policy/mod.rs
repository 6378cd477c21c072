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
//!
//! ```
//! use illumos_ipsec::policy::{self, SourceText};
//!
//! let text = b"{ tunnel vpn0 negotiate tunnel } ipsec { encr_algs aes }\n{ lport 53 } byepass { }\n";
//! let source = SourceText { name: "my.conf".to_owned(), text: text.to_vec(), tunnel: None };
//! let parsed = policy::parse(&[source]);
//! // What is wrong says where it is; the rest of the text has been read all the same.
//! let [problem] = &parsed.problems[..] else { panic!("one problem") };
//! assert_eq!((problem.span.line, problem.span.column), (2, 14));
//! assert!(problem.to_string().contains("`byepass`"));
//! ```

mod action;
mod algorithm;
mod compile;
mod direction;
mod ipsecalgs;
mod items;
mod keyword;
mod lexer;
mod lookup;
mod names;
mod number;
mod objection;
mod parse;
mod pattern;
mod print;
mod problem;
mod resolver;
mod rule;
mod side;
mod suggest;
mod syntax;

pub use compile::compile;
pub use ipsecalgs::AlgDb;
pub use keyword::{ActionKey, End, PatternKey, PropertyKey, Style};
pub use names::Names;
pub(crate) use number::inet_addr;
pub use number::int as c_integer;
pub use objection::{Objection, objections};
pub use parse::{MAX_RULE_LEN, parse};
pub use print::{print_entry, print_rule};
pub use problem::{Problem, Severity, SourceText, Span};
pub use resolver::Resolver;
pub use rule::{FIRST_PRIORITY, MAX_REQUESTS, PolicyRule, RuleAction, base_priority};
pub use syntax::{ActionGroup, Item, Parsed, ParsedRule, Word};
