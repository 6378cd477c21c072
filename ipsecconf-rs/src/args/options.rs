// SPDX-License-Identifier: MIT OR Apache-2.0

//! The table of options, and what is said about a wrong use of them.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command as ClapCommand, value_parser};

use crate::exit::{Failure, complain};

pub(super) fn table() -> ClapCommand {
    let flag = |id: &'static str, letter: char, help: &'static str| {
        Arg::new(id).short(letter).action(ArgAction::Count).help(help)
    };
    let valued = |id: &'static str, letter: char, value: &'static str, help: &'static str| {
        Arg::new(id)
            .short(letter)
            .action(ArgAction::Append)
            .value_name(value)
            .value_parser(value_parser!(OsString))
            .help(help)
    };
    let word = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::Count).help(help)
    };
    ClapCommand::new("ipsecconf")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args_override_self(true)
        .arg(flag("numeric", 'n', "show numbers instead of names"))
        .arg(flag("list", 'l', "list the host's rules in the kernel"))
        .arg(flag("flush", 'f', "remove the host's rules"))
        .arg(flag("list-all", 'L', "list the rules of the host and of all tunnels"))
        .arg(flag("flush-all", 'F', "remove the rules of the host and of all tunnels"))
        .arg(flag("quiet", 'q', "no warnings"))
        .arg(valued("add", 'a', "FILE|DIR", "add the rules of files and directories"))
        .arg(valued("delete", 'd', "[TUNNEL,]INDEX", "remove one rule of the kernel"))
        .arg(valued("remove", 'r', "FILE", "remove the rules that a file lists"))
        .arg(valued("tunnel", 'i', "TUNNEL", "the tunnel to act on"))
        .arg(valued("namespace", 'N', "NAMESPACE|*", "the owner of the rules to act on"))
        .arg(valued("check", 'c', "FILE|DIR", "check files and directories, change nothing"))
        .arg(word("plan", "tell what a load would change, change nothing"))
        .arg(word("keep-going", "load what is good, close the tunnels of what is not"))
        .arg(Arg::new("operands").num_args(0..).value_parser(value_parser!(OsString)))
}

/// The forms of the command, one a line.
const USAGE: &str = "\
usage: ipsecconf
       ipsecconf -a FILE|DIR [-a FILE|DIR]... [-q] [--plan] [--keep-going]
       ipsecconf -c FILE|DIR [-c FILE|DIR]...
       ipsecconf -r FILE [-q]
       ipsecconf -d INDEX [-i TUNNEL] [-q]
       ipsecconf -d TUNNEL,INDEX [-q]
       ipsecconf -l [-i TUNNEL] [-n] [-q]
       ipsecconf -L [-n] [-q]
       ipsecconf -f [-i TUNNEL] [-q]
       ipsecconf -F [-q]
-N NAMESPACE with any of them acts on the rules of that owner; -N '*' with none, -l, -L,
-f or -F on those of all owners.
-f and -F with -a replace the policy in one step, and take what -a takes.
FILE may be - for standard input.";

/// Shows the forms of the command, unless a service would get them in its log.
pub(crate) fn usage(in_service: bool) {
    if !in_service {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "{USAGE}");
    }
}

/// Reports that there is no command among the arguments.
pub(crate) fn missing_command(in_service: bool) -> Failure {
    bad_usage(in_service, "no command given")
}

/// Reports a wrong use, with usage.
pub(super) fn bad_usage(in_service: bool, message: impl std::fmt::Display) -> Failure {
    usage(in_service);
    fatal(message)
}

/// Reports a wrong use that needs no usage to be understood.
pub(super) fn fatal(message: impl std::fmt::Display) -> Failure {
    complain(message);
    Failure::Fatal
}
