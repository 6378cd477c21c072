// SPDX-License-Identifier: MIT OR Apache-2.0

//! The option grammar of `ipsecconf`.
//!
//! Options act strictly from left to right on a small state; which combinations are
//! accepted follows from that (`spec/ipsecconf.md` section 1).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use clap::{Arg, ArgAction, Command as ClapCommand, value_parser};
use illumos_ipsec::cli::getopt;
use illumos_ipsec::cli::owner::Who;
use illumos_ipsec::model::TunnelName;
use illumos_ipsec::policy::c_integer;
use illumos_ipsec::sys::policy::Scope;

use crate::exit::{Failure, complain};

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub command: Command,
    pub quiet: bool,
    pub numeric: bool,
    pub who: Who,
}

/// One command and just its own options.
#[derive(Debug)]
pub(crate) enum Command {
    /// No arguments: show what was loaded.
    View,
    /// Arguments, but no command among them.
    Missing,
    /// `-l`, `-L`.
    List(Scope),
    /// `-f`, `-F`.
    Flush(Scope),
    /// `-d`.
    Delete { scope: Scope, index: i32 },
    /// `-a`, with or without `-f` or `-F`.
    Load(Load),
    /// `-c`.
    Check { sources: Vec<OsString> },
    /// `-r`. A tunnel can only be named behind it and has no meaning.
    Remove { file: OsString, tunnel: Option<TunnelName> },
}

/// Loading policy.
#[derive(Debug)]
pub(crate) struct Load {
    /// Files and directories, in order; they form one load.
    pub sources: Vec<OsString>,
    /// The heads whose old rules go away; none when rules are only added.
    pub replace: Option<Scope>,
    /// The standby side that is emptied at the end.
    pub cleanup: Scope,
    /// `--keep-going`: sources with errors are left out, and their tunnels closed.
    pub keep_going: bool,
    /// `--plan`: only tell what would change.
    pub plan: bool,
}

fn table() -> ClapCommand {
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

fn bad_usage(in_service: bool, message: impl std::fmt::Display) -> Failure {
    usage(in_service);
    fatal(message)
}

fn fatal(message: impl std::fmt::Display) -> Failure {
    complain(message);
    Failure::Fatal
}

/// The command as it stands after some options.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verb {
    None,
    Flush,
    List,
    Add(Vec<OsString>),
    Replace(Vec<OsString>),
    Delete(i32),
    Remove(OsString),
}

#[derive(Debug)]
struct State {
    verb: Verb,
    scope: Option<Scope>,
    check: bool,
    plan: bool,
    keep_going: bool,
    who: Option<Who>,
    in_service: bool,
}

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
    let mut state = State {
        verb: Verb::None,
        scope: None,
        check: false,
        plan: given("plan"),
        keep_going: given("keep-going"),
        who: None,
        in_service,
    };
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

impl State {
    fn option(&mut self, letter: char, value: OsString) -> Result<(), Failure> {
        match letter {
            'F' => {
                self.all_heads(letter)?;
                self.flush()
            }
            'f' => self.flush(),
            'L' => {
                self.all_heads(letter)?;
                self.list()
            }
            'l' => self.list(),
            'c' => self.add(value, true),
            'a' => self.add(value, false),
            'r' => {
                if self.verb != Verb::None || self.scope.is_some() {
                    return Err(self.no_room_for_file());
                }
                self.verb = Verb::Remove(value);
                Ok(())
            }
            'd' => self.delete(&value),
            'i' => self.tunnel(&value),
            'N' => self.namespace(&value),
            // -n and -q have no order.
            _ => Ok(()),
        }
    }

    fn all_heads(&mut self, letter: char) -> Result<(), Failure> {
        match self.scope {
            None => {}
            Some(Scope::All) => return Err(self.several()),
            Some(_) => {
                let message = format!("-{letter} is about all tunnels, it takes no tunnel name");
                return Err(bad_usage(self.in_service, message));
            }
        }
        self.scope = Some(Scope::All);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.verb = match std::mem::replace(&mut self.verb, Verb::None) {
            Verb::None => Verb::Flush,
            Verb::Add(file) => Verb::Replace(file),
            _ => return Err(self.several()),
        };
        Ok(())
    }

    fn list(&mut self) -> Result<(), Failure> {
        if self.verb != Verb::None {
            return Err(self.several());
        }
        self.verb = Verb::List;
        Ok(())
    }

    fn add(&mut self, source: OsString, check: bool) -> Result<(), Failure> {
        match (&mut self.verb, &self.scope) {
            (Verb::Flush, _) => self.verb = Verb::Replace(vec![source]),
            (Verb::None, None) => self.verb = Verb::Add(vec![source]),
            (Verb::Add(sources) | Verb::Replace(sources), _) if self.check == check => {
                sources.push(source);
            }
            _ => return Err(self.no_room_for_file()),
        }
        self.check = check;
        Ok(())
    }

    /// The words are about loads.
    fn check_words(&self) -> Result<(), Failure> {
        let load = matches!(self.verb, Verb::Add(_) | Verb::Replace(_)) && !self.check;
        for (given, word) in [(self.plan, "--plan"), (self.keep_going, "--keep-going")] {
            if given && !load {
                let message = format!("{word} goes with -a FILE, to load a policy");
                return Err(bad_usage(self.in_service, message));
            }
        }
        Ok(())
    }

    fn delete(&mut self, value: &OsStr) -> Result<(), Failure> {
        if self.verb != Verb::None {
            return Err(self.several());
        }
        let value = value.as_bytes();
        let index = match value.iter().position(|&b| b == b',') {
            Some(comma) if comma > 0 && comma + 1 < value.len() => {
                if self.scope.is_some() {
                    return Err(self.tunnel_named());
                }
                self.scope = Some(Scope::Tunnel(tunnel_name(&value[..comma])?));
                &value[comma + 1..]
            }
            _ => value,
        };
        self.verb = Verb::Delete(c_int(index).filter(|&n| n != -1).ok_or_else(|| {
            complain(format_args!(
                "invalid index {:?}, expected the number of a rule, or tunnel,number",
                bstr::BStr::new(index)
            ));
            Failure::Failed
        })?);
        Ok(())
    }

    fn tunnel(&mut self, value: &OsStr) -> Result<(), Failure> {
        if self.scope.is_some() {
            return Err(self.tunnel_named());
        }
        if value.is_empty() {
            return Err(bad_usage(self.in_service, "the tunnel name is empty"));
        }
        self.scope = Some(Scope::Tunnel(tunnel_name(value.as_bytes())?));
        Ok(())
    }

    fn namespace(&mut self, value: &OsStr) -> Result<(), Failure> {
        if self.who.is_some() {
            return Err(fatal("a namespace has been given already"));
        }
        let who = Who::of_option(value.as_bytes()).map_err(|error| {
            fatal(format_args!("-N {:?}: {error}", bstr::BStr::new(value.as_bytes())))
        })?;
        self.who = Some(who);
        Ok(())
    }

    fn several(&self) -> Failure {
        bad_usage(self.in_service, "several commands given")
    }

    /// The scope has been set before.
    fn tunnel_named(&self) -> Failure {
        fatal(match self.scope {
            Some(Scope::All) => "-F and -L are about all tunnels, they take no tunnel name",
            _ => "a tunnel has been named already",
        })
    }

    fn no_room_for_file(&self) -> Failure {
        match self.verb {
            Verb::None => bad_usage(
                self.in_service,
                "a tunnel cannot be named before a policy file: rules name their tunnels",
            ),
            _ => self.several(),
        }
    }

    fn command(self) -> Command {
        let scope = self.scope.unwrap_or(Scope::Global);
        let load = |sources| Load {
            sources,
            replace: Some(scope.clone()),
            cleanup: scope.clone(),
            keep_going: self.keep_going,
            plan: self.plan,
        };
        match self.verb {
            Verb::None => Command::Missing,
            Verb::List => Command::List(scope),
            Verb::Flush => Command::Flush(scope),
            Verb::Delete(index) => Command::Delete { scope, index },
            Verb::Add(sources) | Verb::Replace(sources) if self.check => Command::Check { sources },
            Verb::Add(sources) => Command::Load(Load { replace: None, ..load(sources) }),
            Verb::Replace(sources) => Command::Load(load(sources)),
            Verb::Remove(file) => {
                let tunnel = match scope {
                    Scope::Tunnel(name) => Some(name),
                    Scope::Global | Scope::All => None,
                };
                Command::Remove { file, tunnel }
            }
        }
    }
}

fn tunnel_name(name: &[u8]) -> Result<TunnelName, Failure> {
    TunnelName::new(name).map_err(|error| {
        complain(format_args!("{:?}: {error}", bstr::BStr::new(name)));
        Failure::Failed
    })
}

/// A C `int` in C notation (decimal, 0 octal, 0x hex), white space around it allowed.
fn c_int(text: &[u8]) -> Option<i32> {
    let value = c_integer(text.trim_ascii(), 0)?;
    Some(value.clamp(i32::MIN.into(), i32::MAX.into()) as i32)
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

    #[test]
    fn numbers_in_c_notation() {
        for (text, value) in [
            ("10", Some(10)),
            ("010", Some(8)),
            ("0x1F", Some(31)),
            ("0", Some(0)),
            (" 7 ", Some(7)),
            ("-5", Some(-5)),
            ("99999999999", Some(i32::MAX)),
            ("08", None),
            ("0x", None),
            ("", None),
            ("7x", None),
        ] {
            assert_eq!(c_int(text.as_bytes()), value, "{text:?}");
        }
    }
}
