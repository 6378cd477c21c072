// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ipsecconf(8)`: IPsec policy from files into the kernel, and back.
//!
//! ```text
//! argv -> args::Invocation -> lock -> repair -> one file per command:
//!     load (add, replace, check)   flush   delete   remove   list   view
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | `args` | the option grammar, options acting from left to right |
//! | `exit` | what can go wrong and which exit status it gives |
//! | `context` | what all commands need: system, lock, names, algorithms |
//! | `owner` | where the files of an owner are |
//! | `source` | reading policy: files, directories, standard input |
//! | `check`, `contradictions`, `icmp` | what can be said without a kernel |
//! | `load` | what is loaded, and whether it is good |
//! | `transaction`, `additions`, `duplicates`, `graft` | how it gets into the kernel |
//! | `foreign`, `leftovers` | rules of other owners that are in the way |
//! | `keep_going` | loading what is good, and closing the tunnels of what is not |
//! | `plan`, `in_clear` | what a load would change, and which traffic would lose protection |
//! | `open_tunnels` | saying so when a tunnel loses its policy |
//! | [`tunnel_policy`] | the policy of single tunnels, for `dladm` |
//! | `view`, `view_file` | the record of what was loaded, and how it survives a crash |
//! | `prose` | texts on standard output |

mod additions;
mod args;
mod check;
mod context;
mod contradictions;
mod delete;
mod duplicates;
mod exit;
mod flush;
mod foreign;
mod graft;
mod icmp;
mod in_clear;
mod keep_going;
mod leftovers;
mod list;
mod load;
mod open_tunnels;
mod owner;
mod plan;
mod prose;
mod remove;
mod source;
mod transaction;
pub mod tunnel_policy;
mod view;
mod view_file;

use std::process::ExitCode;

use args::{Command, Invocation};
use context::Context;
use exit::Failure;
use illumos_ipsec::cli::owner::Who;

/// Runs the command with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let service = if arguments.is_empty() { None } else { illumos_ipsec::cli::smf::service() };
    let result = args::parse(arguments, service.is_some()).and_then(|invocation| {
        let Invocation { command, quiet, numeric, who } = invocation;
        run(command, Context::new(quiet, numeric, service.clone(), who))
    });
    exit::status(result, service.as_deref())
}

fn run(command: Command, context: Context) -> Result<(), Failure> {
    // A check looks at files only: it needs no lock, no kernel and no privilege.
    if let Command::Check { sources } = &command {
        return check::run(&context, sources);
    }
    // These take the lock of one owner after the other.
    match (&context.who, &command) {
        (Who::Everybody, Command::Flush(scope)) => return flush::run_for_all(&context, scope),
        (Who::Everybody, Command::View) => return view_file::show_all(&context),
        _ => {}
    }
    let _lock = context.lock()?;
    match command {
        Command::View => view_file::show(&context),
        Command::Missing => Err(args::missing_command(context.service.is_some())),
        Command::List(scope) => list::run(&context, &scope),
        Command::Flush(scope) => flush::run(&context, &scope),
        Command::Delete { scope, index } => delete::run(&context, scope, index),
        Command::Load(load) => load::run(&context, &load),
        Command::Remove { file, tunnel } => remove::run(&context, &file, tunnel.as_ref()),
        Command::Check { .. } => unreachable!("checks have been handled"),
    }
}
