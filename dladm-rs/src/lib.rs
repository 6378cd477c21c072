// SPDX-License-Identifier: MIT OR Apache-2.0

//! `dladm(8)` for IP tunnels.
//!
//! ```text
//! argv -> subcommand -> /dev/dld opened -> options -> one file per subcommand
//!            \-> not ours: the system's own dladm
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | `create_iptun` ... `rename_link` | the subcommands |
//! | `policy` | a tunnel and its policy as one thing |
//! | `addresses` | the argument of `-a` |
//! | `altroot` | `-R`: recording a command for the next boot of another root |
//! | `options` | what command lines have in common: tables of options, operands |
//! | `listing` | choosing columns, printing rows |
//! | `handover` | the system's own dladm |
//! | `failure`, `usage` | what is said when something is wrong |

mod addresses;
mod altroot;
mod context;
mod create_iptun;
mod delete_iptun;
mod failure;
mod handover;
mod linkprop;
mod listing;
mod modify_iptun;
mod options;
mod policy;
mod rename_link;
mod show_iptun;
mod show_link;
mod statistics;
mod up_down_iptun;
mod usage;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use context::Context;
use failure::Failure;

/// A subcommand of ours: what it does with its own arguments.
type Subcommand = fn(&mut Context, &[OsString]) -> Result<(), Failure>;

const SUBCOMMANDS: &[(&str, Subcommand)] = &[
    ("create-iptun", create_iptun::run),
    ("modify-iptun", modify_iptun::run),
    ("delete-iptun", delete_iptun::run),
    ("show-iptun", show_iptun::run),
    ("up-iptun", up_down_iptun::up),
    ("down-iptun", up_down_iptun::down),
    ("show-link", show_link::run),
    ("show-linkprop", linkprop::show::run),
    ("set-linkprop", linkprop::set::run),
    ("reset-linkprop", linkprop::reset::run),
    ("rename-link", rename_link::run),
];

/// Runs the command with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let program = args.next().unwrap_or_default();
    let program = Path::new(&program).file_name().unwrap_or(program.as_os_str());
    let outcome = run(&args.collect::<Vec<_>>());
    failure::report(&program.to_string_lossy(), outcome)
}

fn run(args: &[OsString]) -> Result<(), Failure> {
    let Some((name, rest)) = args.split_first() else {
        return show_link::run(&mut Context::open("show-link", args)?, &[]);
    };
    if name == "help" {
        usage::print_all();
        return Ok(());
    }
    match SUBCOMMANDS.iter().find(|(known, _)| name == known) {
        // The device comes before the options, as it always has.
        Some((known, act)) => act(&mut Context::open(known, args)?, rest),
        None => Err(handover::unknown_subcommand(name, args)),
    }
}
