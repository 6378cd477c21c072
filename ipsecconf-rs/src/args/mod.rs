// SPDX-License-Identifier: MIT OR Apache-2.0

//! The option grammar of `ipsecconf`.
//!
//! Options act strictly from left to right on a small state; which combinations are
//! accepted follows from that (`spec/ipsecconf.md` section 1).

mod command;
mod options;
mod state;

use std::ffi::OsString;

use illumos_ipsec::cli::getopt;
use illumos_ipsec::cli::owner::Who;

use crate::exit::{Failure, complain};
use options::{bad_usage, table};
use state::State;

pub(crate) use command::{Command, Invocation, Load};
pub(crate) use options::{missing_command, usage};

/// Parses the arguments (without the program name).
pub(crate) fn parse(args: Vec<OsString>, in_service: bool) -> Result<Invocation, Failure> {
    if args.is_empty() {
        let who = Who::Nameless;
        return Ok(Invocation { command: Command::View, quiet: false, numeric: false, who });
    }
    let scanned = getopt::scan(table(), args).map_err(|error| {
        complain(error);
        bad_usage(in_service, "bad usage")
    })?;
    let given = |name| scanned.matches.get_count(name) > 0;
    let mut state = State::new(given("plan"), given("keep-going"), in_service);
    let view = matches!(scanned.options.as_slice(), [('N', _)]);
    for (letter, value) in scanned.options {
        state.option(letter, value.unwrap_or_default())?;
    }
    state.check_words()?;
    let quiet = scanned.matches.get_count("quiet") > 0 || state.check;
    let numeric = scanned.matches.get_count("numeric") > 0;
    let who = state.who.take().unwrap_or(Who::Nameless);
    let command = if view { Command::View } else { state.command() };
    let lists_or_flushes = matches!(command, Command::View | Command::List(_) | Command::Flush(_));
    if who == Who::Everybody && !lists_or_flushes {
        let message = "-N '*' is for listings, and for -f and -F without -a";
        return Err(bad_usage(in_service, message));
    }
    Ok(Invocation { command, quiet, numeric, who })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(args: &[&str]) -> Result<String, Failure> {
        parse(args.iter().map(OsString::from).collect(), true).map(|invocation| {
            match invocation.command {
                Command::Load(load) => {
                    let Load { sources, replace, cleanup, keep_going, plan } = load;
                    let keep_going = if keep_going { " keep-going" } else { "" };
                    let plan = if plan { " plan" } else { "" };
                    format!("{sources:?} {replace:?}, {cleanup:?}{keep_going}{plan}")
                }
                command => format!("{command:?}"),
            }
        })
    }

    #[test]
    fn accepted_combinations() {
        for (args, expected) in [
            (vec![], "View"),
            (vec!["-q"], "Missing"),
            (vec!["-i", "t0"], "Missing"),
            (vec!["-l", "-n"], "List(Global)"),
            (vec!["-Lq"], "List(All)"),
            (vec!["-l", "-i", "t0"], "List(Tunnel(\"t0\"))"),
            (vec!["-i", "t0", "-f"], "Flush(Tunnel(\"t0\"))"),
            (vec!["-d", "t0,010"], "Delete { scope: Tunnel(\"t0\"), index: 8 }"),
            (vec!["-d", "5,"], "invalid"),
            (vec!["-d", ",5"], "invalid"),
            (vec!["-d", "0x5", "-i", "t0"], "Delete { scope: Tunnel(\"t0\"), index: 5 }"),
            (vec!["-a", "f"], "[\"f\"] None, Global"),
            (vec!["-a", "f", "-F"], "[\"f\"] Some(All), All"),
            (vec!["-F", "-a", "f", "-a", "d"], "[\"f\", \"d\"] Some(All), All"),
            (vec!["-a", "f", "-F", "-a", "d"], "[\"f\", \"d\"] Some(All), All"),
            (vec!["-a", "f", "-a", "f", "--plan"], "[\"f\", \"f\"] None, Global plan"),
            (vec!["--keep-going", "-a", "f"], "[\"f\"] None, Global keep-going"),
            (vec!["-f", "-i", "t0", "-a", "f"], "[\"f\"] Some(Tunnel(\"t0\")), Tunnel(\"t0\")"),
            (vec!["-a", "f", "-i", "t0"], "[\"f\"] None, Tunnel(\"t0\")"),
            (vec!["-N", "svc:/vpn:a"], "View"),
            (vec!["-N", "*"], "View"),
            (vec!["-LN*"], "List(All)"),
            (vec!["-N", "*", "-F"], "Flush(All)"),
            (vec!["-f", "-c", "f"], "Check { sources: [\"f\"] }"),
            (vec!["-c", "f", "-c", "d"], "Check { sources: [\"f\", \"d\"] }"),
        ] {
            let got = command(&args).unwrap_or_else(|_| "invalid".into());
            assert_eq!(got, expected, "{args:?}");
        }
    }

    #[test]
    fn refused_combinations() {
        for args in [
            vec!["-L", "-i", "t0"],
            vec!["-i", "t0", "-L"],
            vec!["-i", "t0", "-F"],
            vec!["-i", "t0", "-a", "f"],
            vec!["-i", "t0", "-i", "t1"],
            vec!["-i", ""],
            vec!["-c", "f", "-a", "f"],
            vec!["-a", "f", "-c", "f"],
            vec!["--plan", "-c", "f"],
            vec!["-N", "a", "-N", "b", "-l"],
            vec!["-N", "two words", "-l"],
            vec!["-N", "", "-l"],
            vec!["-N", "*", "-a", "f"],
            vec!["-N", "*", "-F", "-a", "f"],
            vec!["-N", "*", "-d", "1"],
            vec!["-N", "*", "-n"],
            vec!["--keep-going"],
            vec!["-l", "--plan"],
            vec!["--pla", "-a", "f"],
            vec!["-f", "-F"],
            vec!["-l", "-L"],
            vec!["-f", "-a", "f", "-F"],
            vec!["-d", "t0,1", "-i", "t1"],
            vec!["-d", "1", "-d", "2"],
            vec!["-r", "f", "-a", "g"],
            vec!["-z"],
            vec!["-a"],
        ] {
            assert_eq!(command(&args), Err(Failure::Fatal), "{args:?}");
        }
        for args in [vec!["-d", "x"], vec!["-d", "-1"], vec!["-d", "1x"], vec!["-d", ""]] {
            assert_eq!(command(&args), Err(Failure::Failed), "{args:?}");
        }
    }
}
